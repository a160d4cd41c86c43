//! Which tenants a command is about: what was asked for and is not there is an error, and a server
//! that no chosen tenant can be on is not needed.

use std::path::Path;
use std::process::Command;

use crate::fleet::{TABLES, register, registered};
use crate::support::tool::{self, RunReport, run, tool};
use crate::support::{Database, Folder};

/// Nobody listens there.
const AWAY: &str = "postgres://nobody@127.0.0.1:1/nothing";

#[track_caller]
fn refused(ended: RunReport, words: &[&str]) {
    let ended = ended.with(1);
    assert!(ended.stdout.is_empty(), "{}", ended.stdout);
    for word in words.iter().chain(&["error[usage]"]) {
        assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_and_is_not_there_is_an_error() {
    let database = Database::new().await;
    register(&database, ["acme", "beta", "gamma"].map(str::to_owned)).await;
    let folder = Folder::new(&registered());
    folder.write("ids.txt", "acme\nbteta\ngama\n");
    folder.write("none.txt", "# nobody\n");
    let on = |args: &[&str]| run(tool::on(&database, folder.dir.path(), args));
    let none = async || database.count("pg_namespace WHERE nspname ~ '^(acme|b|g)'").await;

    for command in [&["drift"][..], &["plan", "--all"], &["apply", "--all"]] {
        let with = |args: &[&str]| on(&[command, args].concat());
        refused(with(&["--match", "a*", "--match", "nomatch"]), &["--match", "\"nomatch\""]);
        refused(with(&["--match", "acme", "--exclude", "bteta"]), &["--exclude", "\"bteta\""]);
        let words = ["ids.txt", "\"bteta\", \"gama\"", "--unregistered"];
        refused(with(&["--tenants-from", "ids.txt"]), &words);
        refused(with(&["--tenants-from", "none.txt"]), &["no tenant", "--allow-empty"]);
        refused(with(&["--exclude", "*"]), &["no tenant", "--allow-empty"]);
        refused(with(&["--limit", "0"]), &["no tenant", "--allow-empty"]);
    }
    refused(on(&["apply", "--all", "--canary", "acme,acmee"]), &["--canary", "\"acmee\""]);
    // It exists, but is none of those chosen.
    let narrow = ["apply", "--all", "--match", "b*", "--canary", "acme"];
    refused(on(&narrow), &["--canary", "\"acme\""]);
    assert_eq!(none().await, 0, "nothing was done");

    for command in [&["drift"][..], &["plan", "--all"], &["apply", "--all"]] {
        let with = |args: &[&str]| on(&[command, args, &["--allow-empty"]].concat());
        with(&["--match", "nomatch"]).with(0);
        with(&["--tenants-from", "none.txt"]).with(0);
        with(&["--exclude", "*"]).with(0);
        // An id that is not there is no empty selection.
        refused(with(&["--tenants-from", "ids.txt"]), &["\"bteta\""]);
    }
    on(&["plan", "acme", "--allow-empty"]).with(1);

    let all = ["--all", "--tenants-from", "ids.txt", "--unregistered"];
    on(&[&["apply"][..], &all].concat()).with(0);
    assert_eq!(none().await, 3);
    on(&["drift", "--tenants-from", "ids.txt", "--unregistered"]).with(0);
    // A canary that has nothing to do is no mistake.
    let ended = on(&["apply", "--all", "--canary", "acme"]).with(0);
    assert!(ended.stdout.contains("current            1"), "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_without_tenants_is_an_error_unless_that_is_said() {
    let database = Database::new().await;
    database.run("CREATE TABLE public.tenants (id text)").await;
    let of_registry = Folder::new(&registered());
    let discovered = Folder::new(&format!("version = 1\n[tenants]\ndiscover = true\n{TABLES}"));
    let where_to_name_them = &["[tenants]", "--tenants-from"][..];
    for (folder, more) in [(&of_registry, &[][..]), (&discovered, where_to_name_them)] {
        let on = |args: &[&str]| run(tool::on(&database, folder.dir.path(), args));
        for command in [&["drift"][..], &["plan", "--all"], &["apply", "--all"]] {
            refused(on(command), &["there are no tenants", "--allow-empty"]);
            refused(on(command), more);
            on(&[command, &["--allow-empty"]].concat()).with(0);
        }
    }
}

/// Two servers; `us` is away unless `us` is given.
fn servers(dir: &Path, eu: &Database, us: Option<&Database>, args: &[&str]) -> Command {
    let mut command = tool(dir, args);
    command.env("EU", &eu.url).env("US", us.map_or(AWAY, |us| &us.url));
    command
}

fn two(patterns: [&str; 2], tenants: &str) -> String {
    format!(
        "version = 1\n[servers]\neu = {{ url_env = \"EU\"{} }}\nus = {{ url_env = \"US\"{} }}\n\
         [tenants]\n{tenants}\n{TABLES}",
        patterns[0], patterns[1]
    )
}

const BY_PATTERN: [&str; 2] = [", tenants = [\"eu-*\"]", ", tenants = [\"us-*\"]"];
const LISTED: &str = "list = [\"eu-1\", \"eu-2\", \"us-1\", \"us-2\"]";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_no_chosen_tenant_can_be_on_may_be_away() {
    let central = "registry = \"eu\"\nquery = \"SELECT id, server FROM public.tenants\"";
    let manifests = [
        two(BY_PATTERN, LISTED),
        two(["", ""], central),
        two(BY_PATTERN, "discover = true"),
        two(BY_PATTERN, ""),
    ];
    for manifest in manifests {
        let databases = [Database::new().await, Database::new().await];
        let [eu, us] = &databases;
        eu.run(
            "CREATE TABLE public.tenants (id text, server text); INSERT INTO public.tenants \
             VALUES ('eu-1', 'eu'), ('eu-2', 'eu'), ('us-1', 'us'), ('us-2', 'us')",
        )
        .await;
        let folder = Folder::new(&two(BY_PATTERN, LISTED));
        let dir = folder.dir.path();
        run(servers(dir, eu, Some(us), &["apply", "--all"])).with(0);
        folder.write("schema.toml", &manifest);
        folder.write("ids.txt", "eu-1\n");
        let on = |args: &[&str]| run(servers(dir, eu, None, args));
        let some = on(&["drift", "--match", "eu-*"]).with(0);
        assert!(some.stdout.contains("2 tenants: 2 in sync"), "{manifest}{}", some.stdout);
        on(&["drift", "--exclude", "us-*"]).with(0);
        on(&["drift", "--tenants-from", "ids.txt"]).with(0);
        on(&["apply", "--all", "--match", "eu-*", "--canary", "eu-1"]).with(0);
        // That it is away is said where it matters, and no pattern or id is called a mistake.
        let all = on(&["drift"]).with(1);
        assert!(all.stdout.contains("us"), "{}", all.stdout);
        let other = on(&["drift", "--match", "us-*"]).with(1);
        assert!(other.stdout.contains("cannot connect"), "{}{}", other.stdout, other.stderr);
        let other = on(&["apply", "--all", "--canary", "us-1"]).with(1);
        assert!(!other.stderr.contains("error[usage]"), "{}", other.stderr);
        // What cannot be anywhere is a mistake whatever is away.
        refused(on(&["drift", "--match", "asia-*"]), &["\"asia-*\""]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_from_a_file_live_where_the_registry_says() {
    let databases = [Database::new().await, Database::new().await];
    let [eu, us] = &databases;
    let central = "registry = \"eu\"\nquery = \"SELECT id, server FROM public.tenants\"";
    eu.run(
        "CREATE TABLE public.tenants (id text, server text); INSERT INTO public.tenants \
         VALUES ('a', 'us'), ('b', 'eu')",
    )
    .await;
    let folder = Folder::new(&two(["", ""], central));
    folder.write("ids.txt", "a\n");
    folder.write("typo.txt", "a\naa\n");
    let on = |us: Option<&Database>, args: &[&str]| run(servers(folder.dir.path(), eu, us, args));
    let apply = ["apply", "--all", "--tenants-from"];
    refused(on(Some(us), &[&apply[..], &["typo.txt"]].concat()), &["\"aa\""]);
    on(Some(us), &[&apply[..], &["ids.txt"]].concat()).with(0);
    assert_eq!(us.count("pg_namespace WHERE nspname = 'a'").await, 1);
    assert_eq!(eu.count("pg_namespace WHERE nspname IN ('a', 'aa')").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_not_made_where_it_may_be_elsewhere() {
    let databases = [Database::new().await, Database::new().await];
    let [eu, us] = &databases;
    let folder = Folder::new(&two(BY_PATTERN, LISTED));
    let dir = folder.dir.path();
    // Somebody has moved it by hand.
    us.run("CREATE SCHEMA \"eu-1\"; CREATE TABLE \"eu-1\"._provision_state (x int)").await;
    let narrow = ["apply", "--all", "--match", "eu-1"];
    let ended = run(servers(dir, eu, Some(us), &narrow)).with(1);
    assert!(ended.stdout.contains("found on several servers"), "{}", ended.stdout);
    assert_eq!(eu.count("pg_namespace WHERE nspname = 'eu-1'").await, 0);
    // Nothing says where it lives, and where it may be cannot be asked.
    folder.write("schema.toml", &two(["", ""], LISTED));
    let ended = run(servers(dir, eu, None, &narrow)).with(1);
    assert!(ended.stdout.contains("server us, where it may be"), "{}", ended.stdout);
    assert_eq!(eu.count("pg_namespace WHERE nspname = 'eu-1'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_run_goes_on_without_its_canary() {
    let eu = Database::new().await;
    let apply = ["apply", "--all", "--canary", "us-1"];
    for tenants in [LISTED, "discover = true"] {
        let folder = Folder::new(&two(BY_PATTERN, tenants));
        let ended = run(servers(folder.dir.path(), &eu, None, &apply)).with(1);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains("cannot connect"), "{said}");
        assert_eq!(eu.count("pg_namespace WHERE nspname LIKE 'eu-%'").await, 0, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_for_one_cause_is_told_once() {
    let eu = Database::new().await;
    let ids: Vec<String> = (0..30).map(|n| format!("\"us-{n:02}\"")).collect();
    let folder = Folder::new(&two(BY_PATTERN, &format!("list = [\"eu-1\", {}]", ids.join(", "))));
    let on = |args: &[&str]| run(servers(folder.dir.path(), &eu, None, args)).with(1).stdout;
    for (format, line) in [
        ("text", "  30 tenants on us [connect-failed] cannot connect to"),
        ("markdown", "- 30 tenants on us: cannot connect to"),
        ("github", "::error title=tenant not checked::30 tenants on us: cannot connect to"),
    ] {
        let text = on(&["drift", "--format", format]);
        assert_eq!(text.matches(line).count(), 1, "{text}");
        let told = text.matches("cannot connect").count();
        assert_eq!(told, 2, "of the tenants, and of the server itself: {text}");
        assert!(text.contains("us-00, us-01") && text.contains("and 20 more"), "{text}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&on(&["drift", "--format", "json"])).expect("JSON");
    let tenants = json["tenants"].as_array().expect("tenants");
    assert_eq!(tenants.iter().filter(|at| at["error"]["code"] == "connect-failed").count(), 30);
    let junit = on(&["drift", "--format", "junit"]);
    assert!(junit.contains("errors=\"31\""), "{junit}");
    let plan = on(&["plan", "--all"]);
    assert_eq!(plan.matches("  30 tenants on us [connect-failed]").count(), 1, "{plan}");
    assert!(plan.contains("1 tenant to bring up to date, 1 plan; 0 current"), "{plan}");
    let applied = on(&["apply", "--all"]);
    assert_eq!(applied.matches("  30 tenants on us [connect-failed]").count(), 1, "{applied}");
    assert!(applied.contains("30 tenants failed; nothing was changed there"), "{applied}");
    // One alone is named; entries that are refused for one reason are told together.
    folder.write("schema.toml", &two(["", ""], "list = [\"a\", \"b\"]"));
    let text = on(&["drift"]);
    assert!(text.contains("  \"a\", \"b\": no pattern of [servers] says where"), "{text}");
    let github = on(&["drift", "--format", "github"]);
    assert!(github.contains("::error title=tenant not checked::\"a\", \"b\": no"), "{github}");
}
