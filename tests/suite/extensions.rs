//! Extensions that the manifest requires.

use provision::causes;
use provision::explain::Explain as _;

use crate::support::{self, Database, context_of, refused, told};

#[tokio::test(flavor = "multi_thread")]
async fn extensions_are_looked_for_before_anything_is_done() {
    let database = Database::new().await;
    let table = "[tables.t]\ncolumns = { id = \"int\" }\n";
    for (requires, message) in [
        (
            "[\"no such\"]",
            "schema.toml:2:13: extension no such is required, and this database does not have it\n\
             hint: run there, once for all tenants: CREATE EXTENSION \"no such\";",
        ),
        (
            "[{ name = \"unknown\", schema = \"Ext\" }]",
            "hint: run there, once for all tenants: CREATE EXTENSION \"unknown\" WITH SCHEMA \"Ext\";",
        ),
        (
            "[{ name = \"plpgsql\", schema = \"public\" }]",
            "extension plpgsql is required in schema public, and this database has it in schema pg_catalog",
        ),
    ] {
        let context =
            context_of(&format!("version = 1\nrequires = {requires}\n{table}"), &database);
        let refused = refused(support::apply(&context, "acme").await);
        assert_eq!(refused.code(), "extension-missing");
        let told = format!("{}\nhint: {}", told(&refused), refused.hint().unwrap_or_default());
        assert!(told.contains(message), "{told}");
    }
    assert_eq!(database.count("pg_namespace WHERE nspname = 'acme'").await, 0);
    let with =
        "version = 1\nrequires = [\"plpgsql\", { name = \"plpgsql\", schema = \"pg_catalog\" }]\n";
    let twice = support::Folder::new(&format!("{with}{table}"));
    let error = provision::manifest::load(&twice.manifest()).expect_err("it is named twice");
    assert!(
        causes::chain(&error).contains("schema.toml:2:33: extension \"plpgsql\" is named twice"),
        "{error}"
    );
    let context = context_of(&format!("version = 1\nrequires = [\"plpgsql\"]\n{table}"), &database);
    support::converge(&context, "acme").await;
}
