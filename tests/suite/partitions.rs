//! The server makes constraints of its own for the partitions of a table that a foreign key points
//! to. They are no objects of the tenant, and make none of it unreadable.

use provision::catalog::{Catalog, Kind};

use crate::fingerprint::read;
use crate::support::tool::{on, run};
use crate::support::{Database, Folder, context_of, converge, plan, server_major};

const MANIFEST: &str = "version = 1\n[tenants]\nlist = [\"acme\"]\n\
    [tables.t]\nprimary_key = [\"id\"]\n\
    columns = { id = \"int\", parent = { type = \"int\", null = true } }\n";

/// A partitioned table in `public`, one of whose partitions lies in the tenant's schema, and is
/// partitioned itself.
const OUTSIDE: &str = "
    CREATE TABLE public.parent (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE public.part PARTITION OF public.parent FOR VALUES FROM (0) TO (10);
    CREATE TABLE acme.part PARTITION OF public.parent FOR VALUES FROM (10) TO (20);
    CREATE TABLE acme.parts PARTITION OF public.parent FOR VALUES FROM (20) TO (30)
        PARTITION BY RANGE (id);
    CREATE TABLE acme.leaf PARTITION OF acme.parts FOR VALUES FROM (20) TO (30);
    ALTER TABLE acme.t ADD CONSTRAINT t_parent_fkey FOREIGN KEY (parent)
        REFERENCES public.parent;";

/// A partitioned table in the tenant's schema, which a table of the tenant and itself refer to.
const INSIDE: &str = "
    CREATE TABLE acme.parent (id int PRIMARY KEY, up int REFERENCES acme.parent, n serial)
        PARTITION BY RANGE (id);
    CREATE INDEX parent_up_idx ON acme.parent (up);
    CREATE TABLE acme.part PARTITION OF acme.parent FOR VALUES FROM (0) TO (10);
    CREATE TABLE acme.rest PARTITION OF acme.parent DEFAULT;
    ALTER TABLE acme.t ADD CONSTRAINT t_parent_fkey FOREIGN KEY (parent)
        REFERENCES acme.parent ON DELETE CASCADE;";

/// The foreign keys of a table: each with its name, and the schema and table that it points to.
fn foreign_keys(catalog: &Catalog, table: &str) -> Vec<(String, String)> {
    let keys = catalog.of_kind(Kind::Constraint).filter(|fact| {
        fact.object.table_name().is_some_and(|name| name.as_str() == table)
            && fact.text("sort") == Some("f")
    });
    let told = keys.map(|fact| {
        let (_, referenced) =
            fact.text("role").expect("it has one").split_once(" references ").expect("it has one");
        let (referenced, _) = referenced.split_once(" (").expect("it has one");
        let name = fact.object.name().expect("it has one").to_string();
        match referenced.split_once('.') {
            Some(_) => (name, referenced.to_owned()),
            None => (name, format!("its own.{referenced}")),
        }
    });
    told.collect()
}

#[tokio::test]
async fn a_key_to_a_partitioned_table_elsewhere_is_one_key() {
    let database = Database::new().await;
    let context = context_of(MANIFEST, &database);
    converge(&context, "acme").await;
    database.run(OUTSIDE).await;
    let (fingerprint, schema) = read(&database, "acme").await;
    let expected = [("t_parent_fkey".to_owned(), "public.parent".to_owned())];
    assert_eq!(foreign_keys(&schema, "t"), expected);

    let plan = plan(&context, "acme").await.expect("a plan");
    let told: Vec<String> = plan.unmodelled.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["inheritance of table leaf", "inheritance of table part", "partitioned table parts"]
    );
    let extra: Vec<String> = plan.extra.iter().map(ToString::to_string).collect();
    assert_eq!(extra, ["constraint t_parent_fkey on t", "table leaf", "table part"]);

    // One more partition elsewhere is nothing of the tenant's; one in its schema is.
    database
        .run("CREATE TABLE public.more PARTITION OF public.parent FOR VALUES FROM (40) TO (50)")
        .await;
    assert_eq!(read(&database, "acme").await.0, fingerprint);
    database
        .run("CREATE TABLE acme.more PARTITION OF public.parent FOR VALUES FROM (50) TO (60)")
        .await;
    let (other, _) = read(&database, "acme").await;
    assert_ne!(other, fingerprint);
    // Where it is not enforced for one partition, that is told, as for a table.
    database.run("ALTER TABLE public.part DISABLE TRIGGER ALL").await;
    assert_ne!(read(&database, "acme").await.0, other);
    let plan = crate::support::plan(&context, "acme").await.expect("a plan");
    let told: Vec<String> = plan.unmodelled.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|told| told.starts_with("disabled trigger t_parent_fkey")), "{told:?}");
}

#[tokio::test]
async fn a_partitioned_table_of_the_tenant_is_told() {
    let database = Database::new().await;
    let context = context_of(MANIFEST, &database);
    converge(&context, "acme").await;
    database.run(INSIDE).await;
    let (fingerprint, schema) = read(&database, "acme").await;
    let expected = [("t_parent_fkey".to_owned(), "its own.parent".to_owned())];
    assert_eq!(foreign_keys(&schema, "t"), expected);

    let plan = plan(&context, "acme").await.expect("a plan");
    assert!(plan.steps.is_empty());
    let told: Vec<String> = plan.unmodelled.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["inheritance of table part", "inheritance of table rest", "partitioned table parent"]
    );
    let extra: Vec<String> = plan.extra.iter().map(ToString::to_string).collect();
    assert_eq!(extra, ["constraint t_parent_fkey on t", "table part", "table rest"]);

    database
        .run(
            "ALTER TABLE acme.t DROP CONSTRAINT t_parent_fkey, ADD CONSTRAINT t_parent_fkey \
             FOREIGN KEY (parent) REFERENCES acme.parent",
        )
        .await;
    assert_ne!(read(&database, "acme").await.0, fingerprint);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_work_beside_partitions() {
    for sql in [OUTSIDE, INSIDE] {
        let database = Database::new().await;
        converge(&context_of(MANIFEST, &database), "acme").await;
        database.run(sql).await;
        let more = MANIFEST.replace("id = \"int\"", "id = \"int\", more = \"int\"");
        let folder = Folder::new(&more);
        for (args, code, told) in [
            (&["drift"][..], 2, "extra constraint t_parent_fkey"),
            (&["plan", "acme"], 0, "add column t.more"),
            (&["status", "acme"], 0, "conforms now: no"),
            (&["apply", "acme"], 3, "partitioned table"),
            (&["plan", "--all"], 0, "partitioned table"),
        ] {
            let ended = run(on(&database, folder.dir.path(), args));
            assert_eq!(ended.code, Some(code), "{args:?}: {ended:?}");
            assert!(ended.stdout.contains(told), "{args:?}: {ended:?}");
        }
    }
}

#[tokio::test]
async fn the_identity_of_a_partition_is_told() {
    if server_major() < 17 {
        return;
    }
    let database = Database::new().await;
    let context = context_of(MANIFEST, &database);
    converge(&context, "acme").await;
    database
        .run(
            "CREATE TABLE acme.parent (id int GENERATED ALWAYS AS IDENTITY) PARTITION BY RANGE (id);
             CREATE TABLE acme.part PARTITION OF acme.parent DEFAULT;",
        )
        .await;
    let plan = plan(&context, "acme").await.expect("a plan");
    let told: Vec<String> = plan.unmodelled.iter().map(ToString::to_string).collect();
    assert!(told.contains(&"identity of column part.id".to_owned()), "{told:?}");
}
