//! `validate --all`: which declared renames tenants still need.

use serde_json::Value;

use crate::support::tool::go;
use crate::support::{Database, Folder};

const OLD: &str = r#"
version = 1
[tenants]
list = ["acme", "beta", "gamma"]

[types.state]
enum = ["open", "shut"]

[tables.client]
columns = { id = "bigint", phone = "text", state = "state" }
indexes = [{ name = "by_phone", columns = ["phone"] }]

[[functions.first]]
arguments = "x integer"
returns = "integer"
language = "sql"
set = { search_path = "pg_catalog" }
body = "SELECT $1"
[[functions.first]]
arguments = "x text"
returns = "text"
language = "sql"
set = { search_path = "pg_catalog" }
body = "SELECT $1"
"#;

/// Six renames, of which one never happened.
const NEW: &str = r#"
version = 1
[tenants]
list = ["acme", "beta", "gamma"]

[types.state]
enum = ["open", "closed"]
renamed_labels = { closed = "shut" }

[tables.clients]
renamed_from = "client"
columns = { id = { type = "bigint", renamed_from = "number" }, mobile = { type = "text", renamed_from = "phone" }, state = "state" }
indexes = [{ name = "by_mobile", renamed_from = "by_phone", columns = ["mobile"] }]

[[functions.one]]
renamed_from = "first"
arguments = "x integer"
returns = "integer"
language = "sql"
set = { search_path = "pg_catalog" }
body = "SELECT $1"
[[functions.one]]
arguments = "x text"
returns = "text"
language = "sql"
set = { search_path = "pg_catalog" }
body = "SELECT $1"
"#;

/// Tenants with the old names, the last of the three not being provisioned yet.
async fn with_old_names() -> (Database, Folder) {
    let database = Database::new().await;
    let old = Folder::new(OLD);
    for tenant in ["acme", "beta"] {
        go(&database, &old, &["apply", tenant]).with(0);
    }
    (database, Folder::new(NEW))
}

/// The renames, each with what is told of it.
fn told(json: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(report["format_version"], 1, "{report}");
    let renames = report["renames"].as_array().expect("renames");
    let told = renames.iter().map(|rename| {
        assert_eq!(rename["file"], "schema.toml");
        let tenants = rename["tenants"].as_array().expect("tenants").iter();
        let tenants: Vec<&str> = tenants.filter_map(Value::as_str).collect();
        let text = |key: &str| rename[key].as_str().unwrap_or_default();
        let (object, from, need) = (text("object"), text("from"), text("need"));
        format!("{} {object} {from}: {need} {}", rename["line"], tenants.join(","))
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_which_renames_tenants_need_and_where_they_are_declared() {
    let (database, folder) = with_old_names().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    // A table that has its new name, and a column in it that has not.
    go(&["apply", "beta", "--allow", "alter:table clients,alter:index *,alter:function *"]).with(3);
    let json = go(&["validate", "--all", "--format", "json"]).with(0).stdout;
    assert_eq!(
        told(&json),
        [
            "8 label \"closed\" of enum state shut: needed acme,beta",
            "11 table clients client: needed acme",
            "12 column clients.id number: unneeded ",
            "12 column clients.mobile phone: needed acme,beta",
            "13 index by_mobile on clients by_phone: needed acme",
            "16 function one first: needed acme",
        ]
    );
    let text = go(&["validate", "--all"]).with(0).stdout;
    for line in [
        "schema.toml is valid: 1 table, 1 type, 2 functions, 0 rows; ",
        "6 renames, 3 tenants: 5 needed, 1 not needed any more; 1 tenant not provisioned yet",
        "no tenant needs these renames any more: take them out of the manifest\n  \
         schema.toml:12:52: column clients.id, renamed from \"number\"\n",
        "  schema.toml:11:16: table clients, renamed from \"client\"\n      1 tenant: acme\n",
        "  schema.toml:12:105: column clients.mobile, renamed from \"phone\"\n      2 tenants: acme, beta\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    // Nothing is changed by looking, and a rename that is not needed is seldom meant.
    assert_eq!(go(&["validate", "--all", "--format", "json"]).with(0).stdout, json);
    go(&["validate", "--all", "--strict"]).with(1);
    go(&["validate", "--strict"]).with(0);
    for tenant in ["acme", "beta"] {
        go(&["apply", tenant, "--allow", "alter"]).with(0);
    }
    let text = go(&["validate", "--all"]).with(0).stdout;
    assert!(text.contains("3 tenants: 6 not needed any more; 1 tenant not"), "{text}");
    assert!(!text.contains("tenants need these"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_called_unneeded_that_was_not_seen_in_all_tenants() {
    let (database, folder) = with_old_names().await;
    let go = |args: &[&str]| go(&database, &folder, args);
    go(&["apply", "beta", "--allow", "alter"]).with(0);
    // A choice of tenants.
    let text = go(&["validate", "--all", "--match", "beta", "--strict"]).with(0).stdout;
    assert!(text.contains("6 renames, 1 tenant: 6 not known to be needed"), "{text}");
    assert!(text.contains("needs these renames, but not all tenants were"), "{text}");
    // A tenant of which it cannot be known.
    database.run("CREATE TABLE acme.clients (id integer)").await;
    let ended = go(&["validate", "--all"]).with(1);
    assert!(ended.stdout.contains("6 renames, 3 tenants: 6 not known"), "{}", ended.stdout);
    assert!(ended.stdout.contains("acme [both-names] table client and table clients both exist"));
    assert!(ended.stderr.contains("1 tenant could not be checked"), "{}", ended.stderr);
    // Without it, all were seen.
    database.run("DROP SCHEMA acme CASCADE").await;
    let text = go(&["validate", "--all"]).with(0).stdout;
    assert!(text.contains("6 not needed any more; 2 tenants not provisioned yet"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_without_renames_says_so_and_wrong_options_are_told() {
    let (database, _) = with_old_names().await;
    let folder = Folder::new(OLD);
    let go = |args: &[&str]| go(&database, &folder, args);
    let text = go(&["validate", "--all", "--strict"]).with(0).stdout;
    assert!(text.ends_with("no renames are declared\n"), "{text}");
    let none = go(&["validate", "--all", "--format", "json"]).with(0).stdout;
    assert!(told(&none).is_empty(), "{none}");
    let ended = go(&["validate", "--all", "--match", "nobody-*"]).with(1);
    assert!(ended.stderr.contains("matches no tenant"), "{}", ended.stderr);
    for args in [
        &["validate", "--match", "acme"][..],
        &["validate", "--format", "json"],
        &["validate", "--unregistered"],
    ] {
        let ended = go(args).with(1);
        assert!(ended.stderr.contains("go with --all"), "{}", ended.stderr);
    }
    // Without a database, only what needs none is checked.
    let away = ["validate", "--all", "--database-url", "postgres://u@127.0.0.1:1/x"];
    go(&away).with(1);
    go(&["validate", "--database-url", "postgres://u@127.0.0.1:1/x"]).with(0);
}
