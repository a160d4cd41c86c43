//! The server makes constraints of its own for the partitions of a table that a foreign key points
//! to. They are no objects of the tenant, and make none of it unreadable.

use provision::catalog::{Catalog, Kind};

use crate::fingerprint::read;
use crate::support::tool::{on, run};
use crate::support::{Database, Folder, context_of, converge, plan};

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
    assert!(told.is_empty(), "{told:?}");
    let extra: Vec<String> = plan.extra.iter().map(ToString::to_string).collect();
    assert_eq!(extra, ["constraint t_parent_fkey on t", "table leaf", "table part", "table parts"]);

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
    assert!(told.is_empty(), "{told:?}");
    let extra: Vec<String> = plan.extra.iter().map(ToString::to_string).collect();
    assert_eq!(
        extra,
        ["constraint t_parent_fkey on t", "table parent", "table part", "table rest"]
    );

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
            (&["apply", "acme"], 3, "table part"),
            (&["plan", "--all"], 0, "table part"),
        ] {
            let ended = run(on(&database, folder.dir.path(), args));
            assert_eq!(ended.code, Some(code), "{args:?}: {ended:?}");
            assert!(ended.stdout.contains(told), "{args:?}: {ended:?}");
        }
    }
}

/// What a partition has beside what its table has.
#[tokio::test]
async fn what_a_partition_has_of_its_own_is_told() {
    let database = Database::new().await;
    let manifest = "version = 1\n[tables.t]\npartition_by = \"list (a)\"\n\
        columns = { a = \"int\", b = { type = \"int\", null = true } }\n\
        partitions = { t_1 = \"in (1)\", t_2 = \"default\" }\n\
        indexes = [{ columns = [\"b\"] }]\n";
    let context = context_of(manifest, &database);
    converge(&context, "acme").await;
    let (original, _) = read(&database, "acme").await;
    for (change, extra, unmodelled) in [
        ("ALTER TABLE acme.t_1 ALTER b SET DEFAULT 1", "", "override of inherited column t_1.b"),
        ("ALTER TABLE acme.t_1 ALTER b SET NOT NULL", "", "override of inherited column t_1.b"),
        ("ALTER TABLE acme.t_1 ALTER b SET STATISTICS 7", "", "override of inherited column t_1.b"),
        ("COMMENT ON COLUMN acme.t_1.b IS 'x'", "", "override of inherited column t_1.b"),
        ("CREATE INDEX own ON acme.t_1 (b)", "index own on t_1", ""),
        ("ALTER TABLE acme.t_1 ADD CONSTRAINT own CHECK (b > 0)", "constraint own on t_1", ""),
        ("CREATE TABLE acme.t_3 PARTITION OF acme.t FOR VALUES IN (3)", "table t_3", ""),
    ] {
        let copy = Database::copy_of(&database).await;
        copy.run(change).await;
        assert_ne!(read(&copy, "acme").await.0, original, "{change}");
        let plan = plan(&context_of(manifest, &copy), "acme").await.expect("a plan");
        assert!(plan.steps.is_empty() && plan.changed.is_empty(), "{change}: {plan:?}");
        let extras: Vec<String> = plan.extra.iter().map(ToString::to_string).collect();
        assert_eq!(extras.join(", "), extra, "{change}");
        let told: Vec<String> = plan.unmodelled.iter().map(ToString::to_string).collect();
        assert_eq!(told.join(", "), unmodelled, "{change}");
    }
    // What the server does to partitions with their table is no difference.
    database
        .run("ALTER TABLE acme.t DROP b; ALTER TABLE acme.t ADD b int DEFAULT 7; CREATE INDEX t_b_idx ON acme.t (b)")
        .await;
    let plan = plan(&context, "acme").await.expect("a plan");
    let changed: Vec<String> = plan.changed.iter().map(|c| c.object.to_string()).collect();
    assert_eq!(changed, ["column t.b"]);
    assert!(plan.extra.is_empty() && plan.unmodelled.is_empty(), "{plan:?}");
}

/// The partitions of tables that are left to another program are not looked at, whatever it makes; what is added to the
/// table reaches them.
#[tokio::test(flavor = "multi_thread")]
async fn unmanaged_partitions_are_no_differences() {
    let of = |columns: &str| {
        format!(
            "version = 1\n[tenants]\nlist = [\"acme\", \"beta\"]\n[tables.t]\n\
             partition_by = \"range (at)\"\npartitions = \"unmanaged\"\n\
             columns = {{ at = \"date\", b = \"int\"{columns} }}\n\
             [sql]\nfiles = [\"*.sql\"]\nunmanaged_partitions = [\"u\"]\n"
        )
    };
    let sql = "CREATE TABLE u (a int) PARTITION BY LIST (a); \
               CREATE TABLE u_dumped (a int); ALTER TABLE ONLY u ATTACH PARTITION u_dumped DEFAULT;";
    let database = Database::new().await;
    let folder = Folder::new(&of(""));
    folder.write("u.sql", sql);
    let succeeds = |args: &'static [&'static str], code: i32| {
        let ended = run(on(&database, folder.dir.path(), args));
        assert_eq!(ended.code, Some(code), "{args:?}: {ended:?}");
        ended.stdout
    };
    succeeds(&["apply", "--all"], 0);
    assert_eq!(
        database.ask("SELECT count(*)::text FROM pg_class WHERE relname = 'u_dumped'").await,
        "0"
    );
    for (schema, year) in [("acme", 2024), ("beta", 2025)] {
        database
            .run(&format!(
                "CREATE TABLE {schema}.t_{year} PARTITION OF {schema}.t (b DEFAULT {year}) \
                 FOR VALUES FROM ('{year}-01-01') TO ('{year}-12-31') PARTITION BY LIST (b); \
                 CREATE TABLE {schema}.t_{year}_1 PARTITION OF {schema}.t_{year} DEFAULT; \
                 CREATE INDEX ON {schema}.t_{year} (b); \
                 CREATE TABLE {schema}.u_{year} PARTITION OF {schema}.u DEFAULT;"
            ))
            .await;
    }
    let drift = succeeds(&["drift"], 0);
    assert!(drift.contains("2 in sync"), "{drift}");
    folder.write("schema.toml", &of(", c = { type = \"int\", null = true }"));
    let plan = succeeds(&["plan", "--all"], 0);
    assert!(plan.contains("2 tenants") || plan.contains("acme, beta"), "{plan}");
    succeeds(&["apply", "--all"], 0);
    succeeds(&["drift"], 0);
    let columns = "SELECT count(*)::text FROM pg_attribute WHERE attname = 'c' AND NOT attisdropped \
                   AND attrelid::regclass::text LIKE '%t_202%'";
    assert_eq!(database.ask(columns).await, "4");
    // Partitions that are not managed and those that are declared.
    let wrong = of("").replace("\"u\"", "\"v\"");
    folder.write("schema.toml", &wrong);
    let ended = run(on(&database, folder.dir.path(), &["validate"]));
    assert!(ended.stderr.contains("no table \"v\" is declared"), "{ended:?}");
}
