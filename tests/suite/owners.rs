//! Owners of what is created, who may be named after tenants.

use crate::grants::Roles;
use crate::support::tool::{self, run};
use crate::support::{self, Folder, context_of, converge};

const MANIFEST: &str = r#"
version = 1

[types.mood]
enum = ["good", "bad"]
[types.short]
domain = "varchar(9)"
[sequences.numbers]
[tables.invoices]
primary_key = ["id"]
columns = { id = "bigserial", no = { type = "bigint", identity = "always" }, day = "date" }
partition_by = "RANGE (id)"
[tables.invoices.partitions]
old = "FROM (0) TO (9)"
[tables.notes]
columns = { body = "text", mood = "mood" }
[views.bodies]
query = "SELECT body FROM notes"
[materialized_views.counts]
query = "SELECT count(*) FROM notes"
[functions.touch]
arguments = "m mood"
returns = "void"
language = "sql"
body = "SELECT"
set = { search_path = "" }
[procedures.tidy]
language = "sql"
body = "SELECT"
set = { search_path = "" }
[aggregates.total]
arguments = "integer"
sfunc = "int4pl"
stype = "integer"

[[seeds]]
table = "invoices"
key = ["id"]
rows = [{ id = 1, day = "2026-01-01" }]

[[owners]]
role = "ROLE"
on = ["schema", "tables", "sequences", "routines", "types"]
[[owners]]
role = "FIXED"
on = "function touch(mood)"

[[grants]]
to = "public"
privileges = "select"
on = "tables"
"#;

/// All owned objects of the schema `acme` that do not belong to the role with this name, but for the record.
const OTHERS: &str = "SELECT coalesce(string_agg(o.kind || ' ' || o.name, ', ' ORDER BY o.kind, o.name), '') FROM ( \
    SELECT 'schema' AS kind, nspname::text AS name, nspowner AS owner FROM pg_namespace WHERE nspname = 'acme' \
    UNION ALL SELECT c.relkind::text, c.relname, c.relowner FROM pg_class c WHERE c.relnamespace = 'acme'::regnamespace \
        AND c.relname !~ '^_provision' AND c.relkind <> 'i' AND c.relkind <> 'I' \
    UNION ALL SELECT 'routine', p.proname, p.proowner FROM pg_proc p WHERE p.pronamespace = 'acme'::regnamespace \
    UNION ALL SELECT 'type', t.typname, t.typowner FROM pg_type t WHERE t.typnamespace = 'acme'::regnamespace \
        AND t.typname !~ 'provision') o \
    WHERE o.owner <> 'ROLE'::regrole";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_created_belongs_to_whom_the_manifest_says() {
    let roles = Roles::new(&["acme", "fixed"]).await;
    let manifest = roles.filled(MANIFEST).replace("FIXED", &roles.name("fixed"));
    let context = context_of(&manifest, &roles.database);
    converge(&context, "acme").await;
    let others = OTHERS.replace("ROLE", &roles.name("acme"));
    assert_eq!(roles.database.ask(&others).await, "routine touch");
    let fixed = "SELECT proowner::regrole::text FROM pg_proc WHERE proname = 'touch'";
    assert_eq!(roles.plain(&roles.database.ask(fixed).await), "fixed_app");
    assert_eq!(roles.database.count("acme.invoices").await, 1);
    let again = support::plan(&context, "acme").await.expect("a plan");
    assert!(again.is_empty() && again.untouched().is_empty(), "{again:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_of_what_is_there_is_told_and_left() {
    let roles = Roles::new(&["acme", "beta", "fixed"]).await;
    let manifest = roles.filled(MANIFEST).replace("FIXED", &roles.name("fixed"));
    let list = "[tenants]\nlist = [\"acme\", \"beta\"]\n";
    let trust = format!("[trust]\nowners = [\"*{}\"]\n", roles.suffix);
    let folder = Folder::new(&format!("{manifest}{list}{trust}"));
    let go = |args: &[&str]| run(tool::on(&roles.database, folder.dir.path(), args));
    go(&["apply", "--all"]).with(0);
    go(&["drift"]).with(0);
    let fixed = roles.name("fixed");
    roles
        .database
        .run(&format!(
            "ALTER TABLE beta.notes OWNER TO {fixed}; ALTER TYPE beta.short OWNER TO {fixed}"
        ))
        .await;
    let drift = roles.plain(&go(&["drift"]).with(2).stdout);
    for told in [
        "set owner {tenant_id}_app of table notes",
        "set owner {tenant_id}_app of domain short",
        "it belongs to fixed_app, which is left as it is",
    ] {
        assert!(drift.contains(told), "{told}: {drift}");
    }
    assert!(drift.contains("beta") && !drift.contains("acme"), "{drift}");
    // What is new gets its owner; the rest is held back.
    let more = "[tables.more]\ncolumns = { x = \"integer\" }\n";
    folder.write("schema.toml", &format!("{manifest}{list}{trust}{more}"));
    let applied = roles.plain(&go(&["apply", "beta"]).with(3).stdout);
    assert!(applied.contains("+ set owner beta_app of table more"), "{applied}");
    assert!(applied.contains("Updated schema beta: 1 created, 1 added, 1 set ("), "{applied}");
    assert!(applied.contains("| set owner beta_app of table notes"), "{applied}");
    let owner = "SELECT relowner::regrole::text FROM pg_class WHERE oid = 'beta.notes'::regclass";
    assert_eq!(roles.plain(&roles.database.ask(owner).await), "fixed_app");
    go(&["apply", "acme"]).with(0);
    // By hand, as the message says.
    let beta = roles.name("beta");
    roles
        .database
        .run(&format!(
            "ALTER TABLE beta.notes OWNER TO {beta}; ALTER TYPE beta.short OWNER TO {beta}"
        ))
        .await;
    go(&["drift"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_cannot_be_set_is_held_back_alone() {
    let roles = Roles::new(&["acme", "runner"]).await;
    let manifest = "version = 1\n[tables.a]\ncolumns = { x = \"integer\" }\n\
                    [[owners]]\nrole = \"ROLE\"\non = [\"schema\", \"tables\"]\n";
    let (runner, acme) = (roles.name("runner"), roles.name("acme"));
    let create = format!("GRANT CREATE ON DATABASE \"{}\" TO {runner}", roles.database.name);
    roles.database.run(&create).await;
    let folder = Folder::new(&roles.filled(manifest));
    let go = |args: &[&str]| {
        let mut command = tool::on(&roles.database, folder.dir.path(), args);
        command.env("PGOPTIONS", format!("-c role={runner}"));
        run(command)
    };
    let told = roles.plain(&go(&["apply", "acme"]).with(3).stdout);
    assert!(told.contains("| set owner acme_app of table a"), "{told}");
    assert!(
        told.contains("runner_app does not have the privileges of acme_app: GRANT that role to it"),
        "{told}"
    );
    let told = roles.plain(&go(&["apply", "beta"]).with(3).stdout);
    assert!(told.contains("role beta_app does not exist"), "{told}");
    assert_eq!(roles.database.count("pg_tables WHERE tablename = 'a'").await, 2);
    // A member can hand over what it has created, and still works with it.
    roles.database.run(&format!("GRANT {acme} TO {runner}")).await;
    go(&["apply", "acme"]).with(0);
    let owner = "SELECT relowner::regrole::text FROM pg_class WHERE oid = 'acme.a'::regclass";
    assert_eq!(roles.plain(&roles.database.ask(owner).await), "acme_app");
    go(&["plan", "acme"]).with(0);
    let more = "[tables.b]\ncolumns = { x = \"integer\" }\n";
    folder.write("schema.toml", &(roles.filled(manifest) + more));
    go(&["apply", "acme"]).with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_may_not_create_is_held_back_until_it_may() {
    let roles = Roles::new(&["acme", "runner"]).await;
    let table = "[tables.a]\ncolumns = { x = \"integer\" }\n";
    let owners = "[[owners]]\nrole = \"ROLE\"\non = \"tables\"\n";
    let grants =
        "[[grants]]\nto = \"ROLE\"\non = \"schema\"\nprivileges = [\"usage\", \"create\"]\n";
    let filled = |parts: &str| roles.filled(&format!("version = 1\n{table}{parts}"));
    let (runner, acme) = (roles.name("runner"), roles.name("acme"));
    let prepared = format!(
        "GRANT CREATE ON DATABASE \"{}\" TO {runner}; GRANT {acme} TO {runner}",
        roles.database.name
    );
    roles.database.run(&prepared).await;
    let folder = Folder::new(&filled(owners));
    let go = |args: &[&str]| {
        let mut command = tool::on(&roles.database, folder.dir.path(), args);
        command.env("PGOPTIONS", format!("-c role={runner}"));
        run(command)
    };
    let told = roles.plain(&go(&["apply", "acme"]).with(3).stdout);
    assert!(told.contains("| set owner acme_app of table a"), "{told}");
    assert!(told.contains("acme_app may not create in the schema"), "{told}");
    // What the same plan grants counts.
    folder.write("schema.toml", &filled(&format!("{owners}{grants}")));
    go(&["apply", "acme"]).with(0);
    let owner = "SELECT relowner::regrole::text FROM pg_class WHERE oid = 'acme.a'::regclass";
    assert_eq!(roles.plain(&roles.database.ask(owner).await), "acme_app");
    go(&["plan", "acme"]).with(0);
    // To give a schema away takes the right to create schemas.
    roles
        .database
        .run(&format!("REVOKE CREATE ON DATABASE \"{}\" FROM {runner}", roles.database.name))
        .await;
    let schema = "[[owners]]\nrole = \"ROLE\"\non = \"schema\"\n";
    folder.write("schema.toml", &filled(&format!("{owners}{grants}{schema}")));
    let elsewhere = format!("{}&options=-c%20role%3Dnone", roles.database.url);
    let told = go(&["apply", "acme", "--elaborate-url", &elsewhere]).with(3).stdout;
    let told = roles.plain(&told);
    assert!(told.contains("runner_app may not create schemas"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_has_one_owner() {
    let roles = Roles::new(&[]).await;
    let tables = "version = 1\n[tables.a]\ncolumns = { x = \"bigserial\" }\n";
    for (owners, told) in [
        (
            "[[owners]]\nrole = \"x\"\non = \"tables\"\n[[owners]]\nrole = \"y\"\non = \"tables\"\n",
            "schema.toml:9:6: table a has two owners: x and y",
        ),
        (
            "[[owners]]\nrole = \"x\"\non = \"sequence a_x_seq\"\n",
            "schema.toml:6:6: sequence a_x_seq has the owner of table a",
        ),
    ] {
        let folder = Folder::new(&format!("{tables}{owners}"));
        let ended = run(tool::on(&roles.database, folder.dir.path(), &["plan", "acme"])).with(1);
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
    }
}
