//! From catalogs to plans, without a server: each case is a table of what is desired, what exists, and what
//! is planned.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use super::*;
use crate::absent::Absent;
use crate::catalog::{Desired, Fact, Part};
use crate::grants::Whose;
use crate::kinds;
use crate::manifest;
use crate::name::Ident;
use crate::obstacle::{Reasons, Subject};

/// Facts as lines: kind and name; attributes; what it needs. `table t`, `column t.a | type=int`,
/// `constraint t.c | definition=CHECK (a > 0) | column t.a`.
fn catalog(lines: &[&str]) -> Catalog {
    let mut catalog = Catalog::default();
    catalog.insert(Fact::new(Object::Schema, []));
    for (position, line) in (0..).zip(lines) {
        let mut fields = line.split('|').map(str::trim);
        let object = object(fields.next().unwrap_or_default());
        let known = kinds::rules(object.kind()).attributes;
        let pairs = fields.next().unwrap_or_default().split(';').filter(|pair| !pair.is_empty());
        let attributes = pairs.map(|pair| {
            let (key, text) = pair.trim().split_once('=').expect("key=text");
            let known = known.iter().find(|known| known.key == key).expect("a known attribute");
            (known.key, text.to_owned())
        });
        let needed = fields.next().unwrap_or_default().split(',').filter(|name| !name.is_empty());
        let dependencies = needed.map(|name| self::object(name.trim())).collect();
        catalog.insert(Fact { position, dependencies, ..Fact::new(object, attributes) });
    }
    catalog
}

/// `table t`, `column t.a`, `comment table t`.
fn object(words: &str) -> Object {
    let (kind, name) = words.split_once(' ').expect("kind and name");
    if kind == "comment" {
        return object(name).comment();
    }
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind).expect("a known kind");
    let ident = |name: &str| Ident::new(name).expect("a name");
    match name.split_once('.') {
        Some((of, name)) => {
            let whole = kind.wholes()[0];
            Object::Part(Part { kind, whole, of: ident(of), name: ident(name) })
        }
        None => Object::Member(kind, ident(name)),
    }
}

fn planned(desired: &[&str], live: Option<&[&str]>, reasons: &Reasons) -> Plan {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("schema.toml");
    std::fs::write(&file, "version = 1\n").expect("a file");
    let manifest = manifest::load(&file).expect("a manifest");
    let desired = Desired { catalog: catalog(desired), ..Desired::default() };
    let live = live.map(catalog);
    let absent = Absent::default();
    let declared = (&absent, Whose::All);
    let (allowed, remaining) = ((reasons, &Consent::default()), OnceCell::new());
    let difference =
        difference(&manifest, &desired, live.as_ref(), declared, allowed, (&[], &remaining));
    let tenant: TenantId = "acme".parse().expect("an id");
    let schema = manifest.tenants.schema.schema_of(&tenant).expect("a schema");
    let nothing = checksum::of("nothing", &());
    let basis = Basis {
        tenant: &tenant,
        schema: &schema,
        manifest_checksum: nothing,
        live_checksum: nothing,
        consent: &Consent::default(),
    };
    plan((&manifest, &desired), difference, live.as_ref(), basis)
}

/// The statements, each in one line; nothing is held back.
fn statements(desired: &[&str], live: Option<&[&str]>) -> Vec<String> {
    let plan = planned(desired, live, &Reasons::new());
    assert_eq!(plan.held, []);
    let sql = plan.steps.iter().map(|step| step.exclusive.as_ref().unwrap_or(&step.sql));
    sql.map(|sql| sql.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// The steps, and what is held back, and why.
fn outline(desired: &[&str], live: &[&str], reasons: &Reasons) -> Vec<String> {
    let plan = planned(desired, Some(live), reasons);
    let steps = plan.steps.iter().map(PlannedStep::describe);
    let held = plan.held.iter().map(|held| format!("{} | {held}", held.steps.join(", ")));
    steps.chain(held).collect()
}

const T: &str = "table t | persistence=logged";
const A: &str = "column t.a | type=integer; nullability=not null";

#[test]
fn each_kind_is_rendered_from_its_attributes() {
    let there: &[&str] = &[T, A];
    for (missing, sql) in [
        ("table u | persistence=unlogged", "CREATE UNLOGGED TABLE \"acme\".\"u\" ()"),
        (
            "column t.b | type=text; nullability=null; collation=pg_catalog.\"C\"",
            "ALTER TABLE \"acme\".\"t\" ADD COLUMN IF NOT EXISTS \"b\" text COLLATE pg_catalog.\"C\"",
        ),
        (
            "column t.b | type=bigint; nullability=not null; identity=always; start=5; increment=1; \
             minimum=1; maximum=9223372036854775807; cache=1; cycle=no cycle",
            "ALTER TABLE \"acme\".\"t\" ADD COLUMN IF NOT EXISTS \"b\" bigint GENERATED ALWAYS AS \
             IDENTITY (START WITH 5) NOT NULL",
        ),
        (
            "column t.b | type=integer; nullability=null; stored=(a + 1)",
            "ALTER TABLE \"acme\".\"t\" ADD COLUMN IF NOT EXISTS \"b\" integer GENERATED ALWAYS AS \
             ((a + 1)) STORED",
        ),
        (
            "index t.i | unique=UNIQUE; using=btree (a DESC); with=fillfactor=70; where=(a > 0)",
            "CREATE UNIQUE INDEX IF NOT EXISTS \"i\" ON \"acme\".\"t\" USING btree (a DESC) WITH \
             (\"fillfactor\" = '70') WHERE (a > 0)",
        ),
        (
            "constraint t.k | definition=UNIQUE (a); deferrable=DEFERRABLE; sort=u",
            "DO $provision$ BEGIN IF NOT (EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE \
             conrelid = '\"acme\".\"t\"'::pg_catalog.regclass AND conname = 'k')) THEN ALTER TABLE \
             \"acme\".\"t\" ADD CONSTRAINT \"k\" UNIQUE (a) DEFERRABLE; END IF; END $provision$",
        ),
        (
            "sequence s | type=integer; start=1; increment=2; minimum=1; maximum=99; cache=1; \
             cycle=cycle",
            "CREATE SEQUENCE IF NOT EXISTS \"acme\".\"s\" AS integer INCREMENT BY 2 MAXVALUE 99 CYCLE",
        ),
        ("enum e", "CREATE TYPE \"acme\".\"e\" AS ENUM ()"),
        ("comment column t.a | comment=it's", "COMMENT ON COLUMN \"acme\".\"t\".\"a\" IS 'it''s'"),
    ] {
        assert_eq!(statements(&[there, &[missing]].concat(), Some(there)), [sql], "{missing}");
    }
}

#[test]
fn what_is_needed_comes_first_and_what_can_be_is_made_together() {
    let key = "constraint u.u_t | definition=FOREIGN KEY (t) REFERENCES t(a); sort=f | column u.t, \
               column t.a, constraint t.t_pkey";
    let t_key = "constraint t.t_u | definition=FOREIGN KEY (a) REFERENCES u(t); sort=f | column t.a, \
                 column u.t, constraint u.u_pkey";
    let pkey = "constraint t.t_pkey | definition=PRIMARY KEY (a); sort=p | column t.a";
    let u_pkey = "constraint u.u_pkey | definition=PRIMARY KEY (t); sort=p | column u.t";
    let (u, u_t) = ("table u | persistence=logged", "column u.t | type=integer; nullability=null");
    let steps = |desired: &[&str]| -> Vec<String> {
        let plan = planned(desired, None, &Reasons::new());
        plan.steps.iter().map(PlannedStep::describe).collect()
    };
    for (desired, expected) in [
        // Whatever the order of declaration, the referenced table is created first.
        (
            &[u, u_t, key, T, A, pkey] as &[&str],
            &["create schema", "create table t", "create table u"] as &[&str],
        ),
        // In a cycle, one of the keys is added when both tables exist.
        (
            &[u, u_t, u_pkey, key, T, A, pkey, t_key],
            &["create schema", "create table u", "create table t", "add constraint u_t on u"],
        ),
        // A default that draws from a sequence, a column of an enum type, an index, a comment.
        (
            &[
                T,
                "column t.a | type=e; nullability=null | enum e",
                "default t.a | default=nextval('s') | sequence s, column t.a",
                "index t.i | using=btree (a) | column t.a",
                "comment index t.i | comment=i",
                "sequence s | type=bigint",
                "enum e",
                "label e.x",
            ],
            &[
                "create schema",
                "create enum e",
                "create sequence s",
                "create table t",
                "create index i on t",
                "write comment on index i on t",
            ],
        ),
    ] {
        assert_eq!(steps(desired), expected, "{desired:?}");
    }
}

#[test]
fn labels_are_added_where_they_belong() {
    let desired = ["enum e", "label e.a", "label e.b", "label e.c"];
    for (live, sql) in [
        (&["enum e", "label e.a", "label e.c"] as &[&str], &["'b' AFTER 'a'"] as &[&str]),
        (&["enum e", "label e.b", "label e.c"], &["'a' BEFORE 'b'"]),
        (&["enum e", "label e.c"], &["'a' BEFORE 'c'", "'b' AFTER 'a'"]),
        (&["enum e", "label e.x"], &["'a'", "'b' AFTER 'a'", "'c' AFTER 'b'"]),
    ] {
        let sql: Vec<String> = sql
            .iter()
            .map(|place| format!("ALTER TYPE \"acme\".\"e\" ADD VALUE IF NOT EXISTS {place}"))
            .collect();
        assert_eq!(statements(&desired, Some(live)), sql, "{live:?}");
    }
}

#[test]
fn what_needs_what_is_withheld_or_in_the_way_is_held_back() {
    let check = "constraint t.c | definition=CHECK (a > 0); sort=c | column t.a";
    let b = "column t.b | type=integer; nullability=null";
    let mine = "materialized_view m | definition=SELECT 1 AS a; columns=a integer";
    let other = "materialized_view m | definition=f(); columns=a integer";
    let filled = "population m.m";
    for (desired, live, expected) in [
        // The query is that of somebody else.
        (
            &[T, mine, filled] as &[&str],
            &[T, other] as &[&str],
            &[
                "refresh data of materialized view m | materialized view m: materialized view m is not as declared",
            ] as &[&str],
        ),
        (&[T, mine, filled], &[T, mine], &["refresh data of materialized view m"]),
        // A type that is different, and the rest of the table.
        (
            &[T, A, b, check] as &[&str],
            &[T, "column t.a | type=text; nullability=not null"] as &[&str],
            &["add column t.b", "add constraint c on t | table t: column t.a is not as declared"],
        ),
        // A difference that does not matter to those that need the object holds nothing back.
        (
            &[T, A, check],
            &[T, "column t.a | type=integer; nullability=null"],
            &["add constraint c on t"],
        ),
        // A name that is taken, and what needs what should have it.
        (
            &[T, A, "comment table t | comment=T"],
            &["sequence t | type=bigint"],
            &["create table t | table t: the name of table t is taken by a sequence"],
        ),
    ] {
        assert_eq!(outline(desired, live, &Reasons::new()), expected, "{desired:?}");
    }
}

#[test]
fn what_would_touch_something_in_the_way_is_held_back() {
    let reasons = |subject| Reasons::from([(subject, BTreeSet::from(["eve".to_owned()]))]);
    let b = "column t.b | type=integer; nullability=null";
    let index = "index t.i | using=btree (a); expressions=a | column t.a";
    let relation = reasons(Subject::Relation("t".to_owned()));
    assert_eq!(outline(&[T, A, b], &[T, A], &relation), ["add column t.b | table t: eve"]);
    let column = reasons(Subject::Column { table: "t".to_owned(), name: "a".to_owned() });
    assert_eq!(
        outline(&[T, A, b, index], &[T, A], &column),
        ["add column t.b", "create index i on t | table t: eve"]
    );
    let other = reasons(Subject::Relation("u".to_owned()));
    assert_eq!(outline(&[T, A, b], &[T, A], &other), ["add column t.b"]);
}
