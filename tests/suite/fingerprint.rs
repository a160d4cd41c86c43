//! Schemas with the same fingerprint have the same model, whatever their history; whatever the model
//! tells apart, the fingerprint tells apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use provision::catalog::Catalog;
use provision::checksum::Checksum;
use provision::manifest;
use provision::name::TenantId;
use provision::obstacle::Reasons;
use provision::pg::{self, KnownShape, Limits, Objects, Session, Shapes, UntrustedQuery};
use provision::rows::Declared;

use crate::support::{self, Database, Folder, context_of, converge};

/// The fingerprint of a tenant's schema and its model, read anew.
pub async fn read(database: &Database, id: &str) -> (Checksum, Arc<Catalog>) {
    let (fingerprint, known) = read_shape(database, id).await;
    (fingerprint, known.schema)
}

/// [`read`] on a connection that is kept.
pub async fn read_on(session: &mut Session, id: &str) -> (Checksum, Arc<Catalog>) {
    let (fingerprint, known) = read_shape_on(session, id).await;
    (fingerprint, known.schema)
}

/// The fingerprint of a tenant's schema and what is known by it, read anew.
async fn read_shape(database: &Database, id: &str) -> (Checksum, KnownShape) {
    let mut session = Session::open(&database.target()).await.expect("a session");
    let found = read_shape_on(&mut session, id).await;
    session.close().await;
    found
}

async fn read_shape_on(session: &mut Session, id: &str) -> (Checksum, KnownShape) {
    let folder = Folder::new("version = 1\n");
    let manifest = manifest::load(&folder.manifest()).expect("a manifest");
    let id: TenantId = id.parse().expect("an id");
    let schema = manifest.tenants.schema.schema_of(&id).expect("a schema name");
    let shapes = Shapes::default();
    let subjects = [(&id, &schema)];
    let query = UntrustedQuery::default();
    let declared = Declared { manifest: &manifest, desired: None, grants: &[], values: None };
    let found =
        pg::survey(session, declared, &shapes, &subjects, Limits::default(), &query, &|_| {
            Reasons::new()
        });
    let mut found = found.await.expect("a survey");
    let snapshot = found.remove(0).expect("the schema can be read");
    let present = snapshot.present.expect("the schema exists");
    let known = shapes.get(present.fingerprint).expect("it was read");
    (present.fingerprint, known)
}

pub const EVERYTHING: &str = "
CREATE TYPE acme.cor AS ENUM ('azul', 'roxo');
CREATE DOMAIN acme.nat AS integer CHECK (VALUE > 0);
CREATE SEQUENCE acme.counter;
CREATE FUNCTION acme.plus(i integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
CREATE TABLE acme.z (id integer);
CREATE TABLE acme.b (id integer PRIMARY KEY, other integer UNIQUE, txt text);
CREATE TABLE acme.a (
    id bigserial PRIMARY KEY,
    no integer GENERATED ALWAYS AS IDENTITY,
    cor acme.cor DEFAULT 'azul',
    n acme.nat,
    counted bigint DEFAULT nextval('acme.counter'),
    pl integer DEFAULT acme.plus(1),
    name varchar(20) NOT NULL,
    twice integer GENERATED ALWAYS AS (acme.plus(1) * 2) STORED,
    b integer,
    during tsrange,
    CONSTRAINT name_check CHECK (length(name) > 2),
    CONSTRAINT a_b_fkey FOREIGN KEY (b) REFERENCES acme.b (id) ON DELETE CASCADE,
    CONSTRAINT outside FOREIGN KEY (b) REFERENCES public.users (id),
    CONSTRAINT no_overlap EXCLUDE USING gist (during WITH &&)
);
CREATE INDEX a_name_idx ON acme.a (lower(name), b DESC) INCLUDE (n) WHERE name <> 'x';
CREATE INDEX a_brin_idx ON acme.a USING brin (id) WITH (pages_per_range = 64);
CREATE INDEX a_words_idx ON acme.a USING gist (to_tsvector('simple', name));
COMMENT ON TABLE acme.a IS 'A';
COMMENT ON COLUMN acme.a.name IS 'a name';
COMMENT ON CONSTRAINT name_check ON acme.a IS 'long enough';
COMMENT ON INDEX acme.a_name_idx IS 'by name';
COMMENT ON TYPE acme.cor IS 'colours';
CREATE VIEW acme.v AS SELECT 1 AS one;
CREATE FUNCTION acme.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE ON acme.b FOR EACH ROW EXECUTE FUNCTION acme.touch();
";

/// Each alters one thing that the model holds, and the digests of these objects.
const CHANGES: &[(&str, &[&str])] = &[
    ("ALTER TYPE acme.cor ADD VALUE 'verde'", &["type cor"]),
    ("ALTER TYPE acme.cor RENAME VALUE 'azul' TO 'blau'", &["table a", "type cor"]),
    ("CREATE TYPE acme.other AS ENUM ('x')", &["type other"]),
    ("COMMENT ON TYPE acme.cor IS 'other'", &["type cor"]),
    ("DROP VIEW acme.v", &["relation v"]),
    ("CREATE VIEW acme.w AS SELECT 2 AS two", &["relation w"]),
    ("CREATE OR REPLACE VIEW acme.v AS SELECT 2 AS one", &["relation v"]),
    ("ALTER VIEW acme.v RENAME one TO uno", &["relation v"]),
    ("ALTER VIEW acme.v SET (security_barrier)", &["relation v"]),
    ("ALTER VIEW acme.v ALTER one SET DEFAULT 1", &["relation v"]),
    ("COMMENT ON VIEW acme.v IS 'v'", &["relation v"]),
    ("COMMENT ON COLUMN acme.v.one IS 'one'", &["relation v"]),
    (
        "CREATE FUNCTION acme.plus(i text) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        &["function plus(text)"],
    ),
    ("CREATE PROCEDURE acme.p() LANGUAGE sql AS ''", &["procedure p()"]),
    ("CREATE DOMAIN acme.nat2 AS integer", &["type nat2"]),
    ("CREATE TYPE acme.pair AS (a integer, b integer)", &["type pair"]),
    ("CREATE SEQUENCE acme.second", &["sequence second"]),
    ("ALTER SEQUENCE acme.counter INCREMENT 2", &["sequence counter"]),
    ("ALTER SEQUENCE acme.counter CACHE 7", &["sequence counter"]),
    ("ALTER SEQUENCE acme.counter CYCLE", &["sequence counter"]),
    ("COMMENT ON SEQUENCE acme.counter IS 'counts'", &["sequence counter"]),
    ("ALTER SEQUENCE acme.counter OWNED BY acme.b.id", &["sequence counter", "table b"]),
    ("ALTER TABLE acme.b ALTER id ADD GENERATED BY DEFAULT AS IDENTITY", &["table b"]),
    ("ALTER TABLE acme.a ALTER no SET GENERATED BY DEFAULT", &["table a"]),
    ("ALTER TABLE acme.a ALTER no SET START 77", &["table a"]),
    ("CREATE TABLE acme.c (id integer)", &["table c"]),
    ("ALTER TABLE acme.b RENAME TO bb", &["table a", "table b", "table bb"]),
    ("ALTER TABLE acme.z SET UNLOGGED", &["table z"]),
    ("COMMENT ON TABLE acme.b IS 'B'", &["table b"]),
    ("ALTER TABLE acme.b ADD x integer", &["table b"]),
    ("ALTER TABLE acme.b DROP txt", &["table b"]),
    ("ALTER TABLE acme.b RENAME txt TO text", &["table b"]),
    ("ALTER TABLE acme.b ALTER txt TYPE varchar(7)", &["table b"]),
    ("ALTER TABLE acme.b ALTER txt TYPE text COLLATE \"C\"", &["table b"]),
    ("ALTER TABLE acme.b ALTER txt SET NOT NULL", &["table b"]),
    ("ALTER TABLE acme.b ALTER txt SET DEFAULT 'x'", &["table b"]),
    ("ALTER TABLE acme.b ALTER txt SET STORAGE EXTERNAL", &["table b"]),
    ("ALTER TABLE acme.b ALTER txt SET (n_distinct = 7)", &["table b"]),
    ("ALTER TABLE acme.b SET (fillfactor = 50)", &["table b"]),
    ("ALTER TABLE acme.b REPLICA IDENTITY FULL", &["table b"]),
    ("ALTER TABLE acme.b FORCE ROW LEVEL SECURITY", &["table b"]),
    ("ALTER TABLE acme.a DISABLE TRIGGER ALL", &["table a"]),
    (
        "CREATE TYPE public.row AS (id integer); CREATE TABLE acme.typed OF public.row",
        &["table typed"],
    ),
    (
        "ALTER TABLE acme.a DROP CONSTRAINT no_overlap, ADD CONSTRAINT no_overlap EXCLUDE USING gist (during WITH &&) INCLUDE (b)",
        &["table a"],
    ),
    ("ALTER TABLE acme.b ENABLE ROW LEVEL SECURITY", &["table b"]),
    ("CREATE POLICY p ON acme.b USING (true)", &["table b"]),
    ("CREATE RULE r AS ON UPDATE TO acme.b DO ALSO NOTHING", &["table b"]),
    ("DROP TRIGGER touched ON acme.b", &["table b"]),
    ("ALTER TRIGGER touched ON acme.b RENAME TO patted", &["table b"]),
    ("ALTER TABLE acme.a ALTER cor SET DEFAULT 'roxo'", &["table a"]),
    ("ALTER TABLE acme.a ALTER pl SET DEFAULT acme.plus(2)", &["table a"]),
    ("ALTER TABLE acme.a ALTER pl SET DEFAULT 3", &["table a"]),
    ("ALTER TABLE acme.a ALTER twice DROP EXPRESSION", &["table a"]),
    ("COMMENT ON COLUMN acme.a.name IS 'another'", &["table a"]),
    ("COMMENT ON COLUMN acme.a.cor IS 'a name'", &["table a"]),
    ("ALTER TABLE acme.a DROP CONSTRAINT name_check", &["table a"]),
    ("ALTER TABLE acme.a RENAME CONSTRAINT name_check TO n_check", &["table a"]),
    (
        "ALTER TABLE acme.a DROP CONSTRAINT name_check, ADD CONSTRAINT name_check CHECK (length(name) > 3)",
        &["table a"],
    ),
    (
        "ALTER TABLE acme.a DROP CONSTRAINT name_check, ADD CONSTRAINT name_check CHECK (length(name) > 2) NOT VALID",
        &["table a"],
    ),
    (
        "ALTER TABLE acme.a DROP CONSTRAINT name_check, ADD CONSTRAINT name_check CHECK (length(name) > 2) NO INHERIT",
        &["table a"],
    ),
    // Its comment is lost.
    (
        "ALTER TABLE acme.a DROP CONSTRAINT name_check, ADD CONSTRAINT name_check CHECK (length(name) > 2)",
        &["table a"],
    ),
    ("COMMENT ON CONSTRAINT name_check ON acme.a IS 'x'", &["table a"]),
    ("ALTER TABLE acme.a ALTER CONSTRAINT a_b_fkey DEFERRABLE", &["table a"]),
    (
        "ALTER TABLE acme.a DROP CONSTRAINT a_b_fkey, ADD CONSTRAINT a_b_fkey FOREIGN KEY (b) REFERENCES acme.b (id)",
        &["table a"],
    ),
    (
        "ALTER TABLE acme.a DROP CONSTRAINT a_b_fkey, ADD CONSTRAINT a_b_fkey FOREIGN KEY (b) REFERENCES acme.b (other) ON DELETE CASCADE",
        &["table a"],
    ),
    (
        "ALTER TABLE acme.a DROP CONSTRAINT a_b_fkey, ADD CONSTRAINT a_b_fkey FOREIGN KEY (no) REFERENCES acme.b (id) ON DELETE CASCADE",
        &["table a"],
    ),
    (
        "ALTER TABLE acme.a DROP CONSTRAINT a_b_fkey, ADD CONSTRAINT a_b_fkey FOREIGN KEY (b) REFERENCES acme.b (id) MATCH FULL ON DELETE CASCADE",
        &["table a"],
    ),
    (
        "ALTER TABLE acme.a DROP CONSTRAINT outside, ADD CONSTRAINT outside FOREIGN KEY (b) REFERENCES public.users (ref)",
        &["table a"],
    ),
    (
        "ALTER TABLE acme.a DROP CONSTRAINT outside, ADD CONSTRAINT outside FOREIGN KEY (b) REFERENCES public.people (id)",
        &["table a"],
    ),
    (
        "ALTER TABLE acme.a DROP CONSTRAINT no_overlap, ADD CONSTRAINT no_overlap EXCLUDE USING gist (during WITH -|-)",
        &["table a"],
    ),
    (
        "ALTER TABLE acme.a DROP CONSTRAINT no_overlap, ADD CONSTRAINT no_overlap EXCLUDE USING gist (during WITH &&) WHERE (b > 1)",
        &["table a"],
    ),
    (
        "ALTER TABLE acme.b DROP CONSTRAINT b_other_key, ADD CONSTRAINT b_other_key UNIQUE (other, id)",
        &["table b"],
    ),
    ("DROP INDEX acme.a_name_idx", &["table a"]),
    ("ALTER INDEX acme.a_name_idx RENAME TO by_name", &["table a"]),
    ("ALTER INDEX acme.a_brin_idx SET (pages_per_range = 32)", &["table a"]),
    ("COMMENT ON INDEX acme.a_name_idx IS 'x'", &["table a"]),
    (
        "DROP INDEX acme.a_name_idx; CREATE INDEX a_name_idx ON acme.a (upper(name), b DESC) INCLUDE (n) WHERE name <> 'x'",
        &["table a"],
    ),
    (
        "DROP INDEX acme.a_name_idx; CREATE INDEX a_name_idx ON acme.a (lower(name), b) INCLUDE (n) WHERE name <> 'x'",
        &["table a"],
    ),
    (
        "DROP INDEX acme.a_name_idx; CREATE INDEX a_name_idx ON acme.a (lower(name), b DESC) INCLUDE (cor) WHERE name <> 'x'",
        &["table a"],
    ),
    (
        "DROP INDEX acme.a_name_idx; CREATE INDEX a_name_idx ON acme.a (lower(name), b DESC) INCLUDE (n) WHERE name <> 'y'",
        &["table a"],
    ),
    (
        "DROP INDEX acme.a_name_idx; CREATE INDEX a_name_idx ON acme.a (lower(name) text_pattern_ops, b DESC) INCLUDE (n) WHERE name <> 'x'",
        &["table a"],
    ),
    (
        "DROP INDEX acme.a_name_idx; CREATE INDEX a_name_idx ON acme.a (lower(name) COLLATE \"C\", b DESC) INCLUDE (n) WHERE name <> 'x'",
        &["table a"],
    ),
    (
        "DROP INDEX acme.a_name_idx; CREATE UNIQUE INDEX a_name_idx ON acme.a (lower(name), b DESC) INCLUDE (n) WHERE name <> 'x'",
        &["table a"],
    ),
    (
        "DROP INDEX acme.a_words_idx; CREATE INDEX a_words_idx ON acme.a USING gist (to_tsvector('simple', name) tsvector_ops(siglen = 100))",
        &["table a"],
    ),
    ("CREATE TABLE public.parent (); ALTER TABLE acme.b INHERIT public.parent", &["table b"]),
    ("CREATE TABLE public.child () INHERITS (acme.b)", &["table b"]),
    ("ALTER TABLE public.users DISABLE TRIGGER ALL", &["table a"]),
    ("ALTER TABLE acme.b ALTER txt SET STATISTICS 7", &["table b"]),
    (
        "CREATE FUNCTION public.f(acme.cor) RETURNS integer LANGUAGE sql AS 'SELECT 1'; CREATE CAST (acme.cor AS integer) WITH FUNCTION public.f(acme.cor)",
        &["type cor"],
    ),
    ("CREATE COLLATION acme.coll (locale = 'C')", &["collation coll"]),
    // Keys name the columns of other tables by number.
    ("ALTER TABLE acme.b RENAME id TO key", &["table b"]),
    ("ALTER TABLE acme.a RENAME name TO called", &["table a"]),
    ("ALTER TABLE acme.b ADD UNIQUE (txt)", &["table b"]),
    ("ALTER TYPE acme.cor RENAME TO colour", &["table a", "type colour", "type cor"]),
    (
        "ALTER FUNCTION acme.plus(integer) RENAME TO add",
        &["function add(integer)", "function plus(integer)", "table a"],
    ),
    // What comes between others in order, or points to them, is no difference to them.
    ("CREATE TABLE acme.aa (id serial, b integer REFERENCES acme.b (id))", &["table aa"]),
    ("CREATE STATISTICS acme.stat ON id, other FROM acme.b", &["statistics object stat"]),
];

/// The objects that one of the two does not have, or with another digest.
fn different(one: &Objects, other: &Objects) -> Vec<String> {
    let digests = |objects: &Objects| -> BTreeMap<String, Checksum> {
        let all = objects.iter();
        all.map(|(kind, name, digest)| (format!("{kind} {name}"), digest)).collect()
    };
    let (one, other) = (digests(one), digests(other));
    let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
    names.sort();
    names.dedup();
    let is_different = |name: &&&String| one.get(**name) != other.get(**name);
    names.iter().filter(is_different).map(|name| (*name).clone()).collect()
}

#[tokio::test]
async fn what_the_model_tells_apart_the_fingerprint_tells_apart() {
    let database = Database::new().await;
    let outside = "CREATE TABLE public.users (id integer PRIMARY KEY, ref integer UNIQUE);
        CREATE TABLE public.people (id integer PRIMARY KEY);
        CREATE SCHEMA acme;";
    database.run(&format!("{outside}{EVERYTHING}")).await;
    let (original, known) = read_shape(&database, "acme").await;
    for (change, objects) in CHANGES {
        let copy = Database::copy_of(&database).await;
        copy.run(change).await;
        let (fingerprint, changed) = read_shape(&copy, "acme").await;
        assert_ne!(*known.schema, *changed.schema, "the model does not know: {change}");
        assert_ne!(original, fingerprint, "the fingerprint does not know: {change}");
        let found = different(&known.objects, &changed.objects);
        assert_eq!(found, *objects, "these digests should have changed: {change}");
    }
}

#[tokio::test]
async fn names_and_oids_of_tenants_do_not_matter() {
    let database = Database::new().await;
    database.run("CREATE TABLE public.users (id integer PRIMARY KEY, ref integer UNIQUE)").await;
    let mut found = Vec::new();
    for id in ["acme", "0", "zz-9_with-a-long-name", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"] {
        let sql = EVERYTHING.replace("acme.", &format!("\"{id}\"."));
        database
            .run(&format!("CREATE SCHEMA \"{id}\";{sql}CREATE TABLE public.\"x{id}\" ()"))
            .await;
        found.push(read(&database, id).await);
    }
    let (fingerprint, model) = &found[0];
    for (other, other_model) in &found {
        assert_eq!(fingerprint, other);
        assert_eq!(model, other_model);
    }
    // In another database, the extension's and the users' OIDs are others.
    let elsewhere = Database::new().await;
    elsewhere
        .run("CREATE TABLE public.more (); CREATE TABLE public.users (id integer PRIMARY KEY, ref integer UNIQUE)")
        .await;
    elsewhere.run(&format!("CREATE SCHEMA acme;{EVERYTHING}")).await;
    assert_eq!(read(&elsewhere, "acme").await.0, *fingerprint);
}

#[tokio::test]
async fn what_belongs_to_another_tenant_is_not_ones_own() {
    let database = Database::new().await;
    database
        .run(
            "CREATE SCHEMA one; CREATE SCHEMA two; CREATE SCHEMA three;
             CREATE TYPE one.cor AS ENUM ('a'); CREATE TYPE two.cor AS ENUM ('a');
             CREATE TYPE three.cor AS ENUM ('a');
             CREATE FUNCTION one.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
             CREATE FUNCTION two.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
             CREATE FUNCTION three.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
             CREATE TABLE one.t (a one.cor, b integer DEFAULT one.f());
             CREATE TABLE two.t (a one.cor, b integer DEFAULT two.f());
             CREATE TABLE three.t (a three.cor, b integer DEFAULT one.f());",
        )
        .await;
    let all = [
        read(&database, "one").await.0,
        read(&database, "two").await.0,
        read(&database, "three").await.0,
    ];
    assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2], "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn very_long_comments_are_compared_to_their_ends() {
    let database = Database::new().await;
    let text = "x".repeat(9_000);
    let manifest =
        format!("version = 1\n[tables.t]\ncolumns = {{ id = \"int\" }}\ncomment = \"{text}\"\n");
    let context = context_of(&manifest, &database);
    converge(&context, "acme").await;
    database.run(&format!("COMMENT ON TABLE acme.t IS '{text}y'")).await;
    let plan = support::plan(&context, "acme").await.expect("a plan");
    assert_eq!(plan.changed.len(), 1, "{plan:?}");
}
