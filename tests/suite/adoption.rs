//! Tenants that another tool made.

use provision::consent::Class;
use provision::reconcile::Outcome;

use crate::support::{self, Database, context_of, converge};

const MANIFEST: &str = r#"
version = 1
[tables.clients]
primary_key = ["id"]
unique = [["email"]]
[tables.clients.columns]
id = { type = "uuid", default = "gen_random_uuid()" }
email = "varchar(255)"
created_at = { type = "timestamp", default = "now()" }
[tables.orders]
primary_key = ["id"]
columns = { id = "bigint", client_id = "uuid" }
foreign_keys = [{ columns = ["client_id"], references = { table = "clients", columns = ["id"] } }]
[[seeds]]
table = "clients"
key = ["email"]
rows = [{ email = "root@example.org" }]
"#;

/// As Drizzle, Django and Flyway users have it: the same structure under other names.
const MADE_BY_OTHERS: [&str; 3] = [
    r"CREATE TABLE clients (id uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
        email varchar(255) NOT NULL, created_at timestamp DEFAULT now() NOT NULL,
        CONSTRAINT clients_email_unique UNIQUE (email));
       CREATE TABLE orders (id bigint PRIMARY KEY NOT NULL, client_id uuid NOT NULL);
       ALTER TABLE orders ADD CONSTRAINT orders_client_id_clients_id_fk FOREIGN KEY (client_id)
        REFERENCES clients (id) ON DELETE no action ON UPDATE no action;",
    r#"CREATE TABLE orders (client_id uuid NOT NULL, id bigint NOT NULL);
       CREATE TABLE clients (email varchar(255) NOT NULL, created_at timestamp without time zone
        NOT NULL DEFAULT CURRENT_TIMESTAMP::timestamp, id uuid NOT NULL DEFAULT gen_random_uuid());
       ALTER TABLE clients ALTER created_at SET DEFAULT now();
       ALTER TABLE orders ADD PRIMARY KEY (id); ALTER TABLE clients ADD CONSTRAINT pk PRIMARY KEY (id);
       ALTER TABLE clients ADD CONSTRAINT "clients_email_5a0d3e4f_uniq" UNIQUE (email);
       ALTER TABLE orders ADD CONSTRAINT "orders_client_id_1b2c3d4e_fk" FOREIGN KEY (client_id)
        REFERENCES clients;"#,
    r"CREATE TABLE clients (gone int, email varchar(255) NOT NULL UNIQUE, id uuid DEFAULT
        gen_random_uuid() PRIMARY KEY, created_at timestamp(6) NOT NULL DEFAULT now());
       ALTER TABLE clients DROP COLUMN gone; ALTER TABLE clients ALTER created_at TYPE timestamp;
       CREATE TABLE orders (id int8, client_id uuid NOT NULL REFERENCES clients (id), PRIMARY KEY (id));",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_matches_by_structure_is_adopted_without_change() {
    let database = Database::new().await;
    let context = context_of(MANIFEST, &database);
    for (at, sql) in MADE_BY_OTHERS.iter().enumerate() {
        let id = format!("t{at}");
        database
            .run(&format!(
                "CREATE SCHEMA {id}; SET search_path = {id}; {sql}
                 INSERT INTO clients (email) VALUES ('root@example.org'), ('other@example.org')"
            ))
            .await;
        let plan = support::plan(&context, &id).await.expect("a plan");
        assert!(plan.is_empty(), "{id}: {}", plan.to_sql());
        assert!(plan.changed.is_empty() && plan.extra.is_empty(), "{id}: {plan:#?}");
        let applied = converge(&context, &id).await;
        assert!(matches!(applied.outcome, Outcome::Done { created: false, .. }), "it is recorded");
        assert_eq!(database.count(&format!("{id}.clients")).await, 2, "no row is doubled");
        let again = support::apply(&context, &id).await.expect("an apply");
        assert_eq!(again.outcome, Outcome::Current);
        assert_eq!(database.count(&format!("{id}._provision_state")).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_reported_and_nothing_is_made_twice() {
    let database = Database::new().await;
    database
        .run(
            "CREATE SCHEMA acme; SET search_path = acme;
             CREATE TABLE clients (id serial PRIMARY KEY, email text, created_at timestamptz
              NOT NULL DEFAULT now());
             CREATE UNIQUE INDEX mails ON clients (email);
             CREATE TABLE orders (id bigint PRIMARY KEY, client_id uuid NOT NULL);
             INSERT INTO clients (email) VALUES ('root@example.org')",
        )
        .await;
    let manifest = MANIFEST.replace(
        "foreign_keys = [{ columns = [\"client_id\"], references = { table = \"clients\", columns = [\"id\"] } }]",
        "",
    );
    let context = context_of(&manifest, &database);
    let applied = converge(&context, "acme").await;
    let changed: Vec<String> = applied.plan.changed.iter().map(|c| c.object.to_string()).collect();
    assert_eq!(
        changed,
        [
            "column clients.id",
            "column clients.email",
            "column clients.created_at",
            "index mails on clients"
        ]
    );
    assert!(applied.plan.is_empty());
    let indexes =
        database.count("pg_indexes WHERE schemaname = 'acme' AND tablename = 'clients'").await;
    assert_eq!(indexes, 2, "the key and the one unique index");
    // The record says that something is open, so that the next apply says so again.
    let again = support::apply(&context, "acme").await.expect("an apply");
    assert_eq!(again.plan.changed.len(), 4);
}

/// Since PostgreSQL 18, a NOT NULL may hold for new rows only.
#[tokio::test(flavor = "multi_thread")]
async fn a_not_null_that_was_never_checked_is_not_one() {
    let database = Database::new().await;
    let context = context_of(MANIFEST, &database);
    converge(&context, "acme").await;
    let weakened = "ALTER TABLE acme.orders ALTER client_id DROP NOT NULL;
                    ALTER TABLE acme.orders ADD CONSTRAINT later NOT NULL client_id NOT VALID";
    if support::server_major() < 18 {
        let mut conn = database.connect().await;
        let error = sqlx::raw_sql(weakened).execute(&mut conn).await.expect_err("no such thing");
        assert!(error.to_string().contains("syntax error"), "{error}");
        return;
    }
    database.run(weakened).await;
    let plan = support::plan(&context, "acme").await.expect("a plan");
    assert_eq!(plan.changed.len(), 1, "{:#?}", plan.changed);
    let applied = support::apply(&context, "acme").await.expect("an apply");
    assert_eq!(applied.plan.changed.len(), 1, "{:#?}", applied.plan.changed);
    database.run("ALTER TABLE acme.orders VALIDATE CONSTRAINT later").await;
    let plan = support::plan(&context, "acme").await.expect("a plan");
    assert!(plan.is_empty() && plan.changed.is_empty(), "{:#?}", plan.changed);
}

/// Whatever name it has, it needs not be dropped for that.
#[tokio::test(flavor = "multi_thread")]
async fn an_unnamed_check_is_validated_in_place() {
    let database = Database::new().await;
    let manifest = "version = 1\n[tables.t]\nchecks = [\"id > 0\"]\ncolumns = { id = \"int\" }\n";
    database
        .run(
            "CREATE SCHEMA acme; CREATE TABLE acme.t (id int NOT NULL);
             ALTER TABLE acme.t ADD CONSTRAINT mine CHECK (id > 0) NOT VALID",
        )
        .await;
    let mut context = context_of(manifest, &database);
    let plan = support::plan(&context, "acme").await.expect("a plan");
    assert!(plan.is_empty() && plan.changed.len() == 1, "{plan:?}");
    assert_eq!(plan.changed[0].allowed_by, Some(Class::Alter), "{plan:?}");
    context.consent = "alter".parse().expect("consent");
    let applied = converge(&context, "acme").await;
    assert!(applied.plan.untouched().is_empty(), "{applied:?}");
    assert_eq!(applied.plan.steps.len(), 1, "{applied:?}");
    let valid = "SELECT convalidated::text FROM pg_constraint WHERE conname = 'mine'";
    assert_eq!(database.ask(valid).await, "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sequence_of_a_serial_column_is_compared_and_an_empty_comment_is_none() {
    let database = Database::new().await;
    let manifest = "version = 1\n[tables.t]\ncomment = \"\"\n\
                    columns = { id = \"serial\", x = { type = \"text\", comment = \"\" } }\n";
    let context = context_of(manifest, &database);
    converge(&context, "acme").await;
    database.run("ALTER SEQUENCE acme.t_id_seq INCREMENT 5 CYCLE").await;
    let plan = support::plan(&context, "acme").await.expect("a plan");
    assert!(plan.is_empty() && plan.changed.len() == 1, "{plan:?}");
    assert!(plan.changed[0].actual.contains("increment 5"), "{plan:?}");
}
