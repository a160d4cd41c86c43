//! Changes that the manifest allows for a while.

use crate::support::service::{Service, eventually};
use crate::support::tool::go;
use crate::support::{Database, Folder};

const MANIFEST: &str = r#"version = 1
[tenants]
list = ["acme", "beta"]
[tables.t]
columns = { id = "integer", note = "text" }
"#;

const BEFORE: &str = "CREATE SCHEMA acme; SET search_path = acme;
    CREATE TABLE t (id integer NOT NULL, note text, fax text, old text);";

/// With `[[allow]]` until this day.
fn allowing(until: &str) -> String {
    let mut manifest = MANIFEST.to_owned();
    for change in ["alter:column t.note", "drop:column t.fax"] {
        manifest.push_str(&format!(
            "[[allow]]\nchange = \"{change}\"\nreason = \"decided in #12\"\nuntil = \"{until}\"\n"
        ));
    }
    manifest
}

async fn tenants() -> Database {
    let database = Database::new().await;
    for tenant in ["acme", "beta"] {
        database.run(&BEFORE.replace("acme", tenant)).await;
    }
    database
}

const COLUMNS: &str = "SELECT string_agg(column_name || is_nullable, ' ' ORDER BY table_schema, ordinal_position) \
                       FROM information_schema.columns WHERE table_name = 't'";

#[tokio::test(flavor = "multi_thread")]
async fn what_the_manifest_allows_is_changed_until_its_last_day() {
    let database = tenants().await;
    let folder = Folder::new(&allowing("2999-12-31"));
    let go = |args: &[&str]| go(&database, &folder, args);
    let drift = go(&["drift"]).with(2).stdout;
    assert!(drift.contains("- allowed: drop column t.fax"), "{drift}");
    assert!(drift.contains("~ allowed: alter column t.note"), "{drift}");
    let plan = go(&["plan", "acme"]).with(0).stdout;
    assert!(plan.contains("- drop column t.fax") && plan.contains("? column t.old"), "{plan}");
    go(&["apply", "acme"]).with(3);
    assert_eq!(database.ask(COLUMNS).await, "idNO noteNO oldYES idNO noteYES faxYES oldYES");
    // More can be allowed for one run.
    go(&["apply", "--all", "--allow", "drop:column t.old"]).with(0);
    assert_eq!(database.ask(COLUMNS).await, "idNO noteNO idNO noteNO");
    go(&["drift"]).with(0);
    // Afterwards it allows nothing, and that is told.
    let database = tenants().await;
    let folder = Folder::new(&allowing("2026-01-31"));
    let go = |args: &[&str]| crate::support::tool::go(&database, &folder, args);
    let applied = go(&["apply", "--all"]).with(3);
    let told = "[[allow]] drop:column t.fax has ended on 2026-01-31";
    assert!(applied.stderr.contains(told), "{}", applied.stderr);
    assert_eq!(
        database.ask(COLUMNS).await,
        "idNO noteYES faxYES oldYES idNO noteYES faxYES oldYES"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_drops_only_if_it_is_told_to() {
    let database = tenants().await;
    let manifest = allowing("2999-12-31");
    let service = Service::start(&database, &manifest, &["--interval", "1"]);
    let altered = "idNO noteNO faxYES oldYES idNO noteNO faxYES oldYES";
    eventually("both are altered", async || database.ask(COLUMNS).await == altered).await;
    service.post("/ops/provision/acme").await.with(200);
    assert_eq!(database.ask(COLUMNS).await, altered);
    service.signal("TERM");
    assert_eq!(service.exit_code(), Some(0));
    let service = Service::start(&database, &manifest, &["--honour-drops", "--interval", "1"]);
    let dropped = "idNO noteNO oldYES idNO noteNO oldYES";
    eventually("both have lost it", async || database.ask(COLUMNS).await == dropped).await;
    service.signal("TERM");
    assert_eq!(service.exit_code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_refused() {
    let (database, base) = (Database::new().await, MANIFEST);
    for (allow, told) in [
        ("change = \"alter\"\nreason = \"r\"\nuntil = \"2027-01-31\"", ":7:10: name the objects"),
        (
            "change = \"remove:column x\"\nreason = \"r\"\nuntil = \"2027-01-31\"",
            ":7:10: \"remove\" is no class",
        ),
        (
            "change = \"drop:column x\"\nreason = \" \"\nuntil = \"2027-01-31\"",
            ":8:10: the reason must not be empty",
        ),
        ("change = \"drop:column x\"\nreason = \"r\"\nuntil = \"soon\"", ":9:9: expected a date"),
    ] {
        let folder = Folder::new(&format!("{base}[[allow]]\n{allow}\n"));
        let refused = go(&database, &folder, &["plan", "acme"]).with(1).stderr;
        assert!(refused.contains(told), "{told}: {refused}");
    }
    // Nothing that is declared has this name.
    let allow = "change = \"alter:column t.nota\"\nreason = \"r\"\nuntil = \"2999-01-31\"";
    let folder = Folder::new(&format!("{base}[[allow]]\n{allow}\n"));
    let refused = go(&database, &folder, &["plan", "acme"]).with(1).stderr;
    assert!(
        refused.contains("[nothing-allowed]") && refused.contains("column t.nota"),
        "{refused}"
    );
}
