//! All errors in a manifest are reported, with their places.

use std::path::Path;
use std::time::Instant;

use proptest::prelude::*;

use super::*;

/// A folder with a manifest and what it names.
pub(super) struct Files(pub(super) tempfile::TempDir);

impl Files {
    pub(super) fn new(manifest: &str) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.with("schema.toml", manifest.as_bytes())
    }

    pub(super) fn with(self, name: &str, bytes: &[u8]) -> Self {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        self
    }

    pub(super) fn load(&self) -> Result<Manifest, ManifestError> {
        load(&self.0.path().join("schema.toml"))
    }

    #[track_caller]
    pub(super) fn errors(&self) -> Vec<String> {
        match self.load() {
            Ok(_) => Vec::new(),
            Err(ManifestError::Invalid { diagnostics }) => {
                diagnostics.iter().map(ToString::to_string).collect()
            }
            Err(other) => panic!("{other}"),
        }
    }
}

fn errors(manifest: &str) -> Vec<String> {
    Files::new(manifest).errors()
}

/// A table that a test may add to.
pub(super) const T: &str = "version = 1\n[tables.t]\ncolumns = { id = \"int\", name = \"text\" }\n";

#[test]
fn the_example_is_valid() {
    let manifest = load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/schema.toml"))).unwrap();
    assert_eq!(manifest.tables.len(), 6);
    assert_eq!(manifest.seeds[0].rows.len(), 17);
}

/// Four times the tables take about four times as long.
#[test]
fn the_time_that_tables_take_grows_as_their_number() {
    let time = |n: usize| {
        let table = |n| format!("[tables.t{n}]\ncolumns = {{ x = \"int\" }}\n");
        let files = Files::new(&format!("version = 1\n{}", (0..n).map(table).collect::<String>()));
        let start = Instant::now();
        assert_eq!(files.load().unwrap().tables.len(), n);
        start.elapsed()
    };
    // The machine may be busy: the best of several attempts counts.
    let (mut few, mut many) = (time(10_000), time(40_000));
    for _ in 0..5 {
        if many < 8 * few {
            break;
        }
        (few, many) = (few.min(time(10_000)), many.min(time(40_000)));
    }
    assert!(many < 8 * few, "{few:?} for 10,000 tables, {many:?} for 40,000");
}

#[test]
fn all_errors_are_reported_at_once() {
    let found = errors(
        r#"version = 1
nonsense = true
[types.cor]
enum = ["a", "a"]
[tables.a]
unlogged = "yes"
comment = 5
primary_key = ["idd"]
columns = { id = "int", b = { typ = "int" }, c = { type = "int", null = 3, bogus = 1 } }
[[tables.a.foreign_keys]]
columns = ["id"]
references = { table = "bb", columns = ["x"] }
on_delete = "explode"
[tables.b]
columns = { x = "int" }
[[tables.b.indexes]]
columns = ["y"]
[[seeds]]
table = "b"
key = ["x"]
rows = [{ x = 1 }, { z = 2 }]
"#,
    );
    assert_eq!(
        found,
        [
            "schema.toml:2:1: unknown key \"nonsense\", expected one of \"version\", \"tenants\", \"servers\", \"trust\", \"drift\", \"allow\", \"requires\", \"types\", \"sequences\", \"tables\", \"views\", \"materialized_views\", \"functions\", \"procedures\", \"aggregates\", \"grants\", \"default_privileges\", \"owners\", \"sql\", \"seeds\"",
            "schema.toml:4:14: label \"a\" is given twice",
            "schema.toml:6:12: invalid type: string \"yes\", expected a boolean",
            "schema.toml:7:11: invalid type: integer \"5\", expected a string",
            "schema.toml:9:31: unknown key \"typ\", expected one of \"type\", \"null\", \"default\", \"identity\", \"generated\", \"collation\", \"using\", \"backfill\", \"storage\", \"compression\", \"statistics_target\", \"options\", \"renamed_from\", \"comment\", \"primary_key\"",
            "schema.toml:9:73: invalid type: integer \"3\", expected a boolean",
            "schema.toml:9:76: unknown key \"bogus\", expected one of \"type\", \"null\", \"default\", \"identity\", \"generated\", \"collation\", \"using\", \"backfill\", \"storage\", \"compression\", \"statistics_target\", \"options\", \"renamed_from\", \"comment\", \"primary_key\"",
            "schema.toml:12:24: no table \"bb\" is declared",
            "schema.toml:13:13: unknown value \"explode\", expected one of \"no action\", \"restrict\", \"cascade\", \"set null\", \"set default\"",
            "schema.toml:17:12: table \"b\" has no column \"y\"",
            "schema.toml:21:22: table \"b\" has no column \"z\"",
        ]
    );
}

#[test]
fn single_errors() {
    let long = "x".repeat(64);
    let cases: Vec<(String, &str)> = vec![
        (String::new(), "schema.toml:1:1: the key \"version\" is missing"),
        ("version = 2".into(), "schema.toml:1:11: format version 2 is not supported; use 1"),
        ("version = 1\nversion = 1".into(), "schema.toml:2:1: duplicate key"),
        ("version = 1\n[tables.a]".into(), "schema.toml:2:1: the key \"columns\" is missing"),
        (format!("version = 1\n[tables.{long}]\ncolumns = {{ a = \"int\" }}"), "schema.toml:2:9: the name \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" has 64 bytes, but PostgreSQL keeps only the first 63"),
        ("version = 1\n[tables.\"\"]\ncolumns = { a = \"int\" }".into(), "schema.toml:2:9: a name may not be empty"),
        ("version = 1\n[tables._provision_state]\ncolumns = { a = \"int\" }".into(), "schema.toml:2:9: names with \"_provision_\" in front are the tool's own"),
        ("version = 1\n[types.a]\nenum = []".into(), "schema.toml:3:8: an enum has at least one label"),
        ("version = 1\n[types.a]\ncomment = \"x\"".into(), "schema.toml:2:8: a type has one of: enum (labels), domain (the type whose values it restricts), attributes (of a composite type), range (the type of the values)"),
        ("version = 1\n[types.a]\nenum = [\"x\"]\ndomain = \"text\"".into(), "schema.toml:4:10: a type has either enum or domain, not both"),
        ("version = 1\n[types.a]\nrange = \"text\"\nnot_null = true".into(), "schema.toml:4:12: not_null belongs to a type with domain"),
        ("version = 1\n[types.a]\nenum = [\"x\"]\ncollation = \"C\"".into(), "schema.toml:4:13: collation belongs to a type with domain or range"),
        ("version = 1\n[types.a]\ndomain = \"text; DROP\"".into(), "schema.toml:3:10: a ';' would end the statement; give one expression only"),
        ("version = 1\n[types.a]\ndomain = \"text\"\nchecks = [\"VALUE > 0)\"]".into(), "schema.toml:4:11: ')' closes what was not opened here"),
        ("version = 1\n[types.a]\ndomain = \"text\"\nchecks = [{ name = \"c\", expression = \"true\" }, { name = \"c\", expression = \"true\" }]".into(), "schema.toml:4:57: the name \"c\" is already that of another constraint of the domain"),
        ("version = 1\n[types.a]\nattributes = { x = \"int\" }\n[sequences.a]".into(), "schema.toml:4:12: the name \"a\" is already that of another composite type"),
        ("version = 1\n[types.a]\nrange = \"int\"\nmultirange = \"b\"\n[types.b]\nenum = [\"x\"]".into(), "schema.toml:5:8: the name \"b\" is already that of another multirange type"),
        ("version = 1\n[types.a]\nenum = [\"x\"]\n[tables.a]\ncolumns = { a = \"int\" }".into(), "schema.toml:4:9: the name \"a\" is already that of another type"),
        (format!("{T}[materialized_views.m]"), "schema.toml:4:21: a materialized view has a query, or a file that contains it"),
        (format!("{T}[materialized_views.t]\nquery = \"SELECT 1\""), "schema.toml:4:21: the name \"t\" is already that of another table"),
        (format!("{T}[materialized_views.m]\nquery = \"SELECT 1\"\nindexes = [{{ columns = [] }}]"), "schema.toml:6:24: an index has at least one column or expression"),
        (format!("{T}statistics = [{{ name = \"s\", columns = [\"id\"] }}]"), "schema.toml:4:39: statistics are of at least two columns, or of an expression"),
        (format!("{T}statistics = [{{ name = \"s\", columns = [\"id\", \"x\"] }}]"), "schema.toml:4:46: table \"t\" has no column \"x\""),
        (format!("{T}statistics = [{{ name = \"s\", columns = [\"id\", \"name\"], target = 10001 }}]"), "schema.toml:4:64: a statistics target is from 0 to 10000"),
        (format!("{T}statistics = [{{ name = \"s\", columns = [\"id\", \"name\"] }}, {{ name = \"s\", columns = [\"id\", \"name\"] }}]"), "schema.toml:4:66: the name \"s\" is already that of another statistics object"),
        (format!("{T}[tables.u.columns]\na = {{ type = \"text\", options = {{ n_distict = 5 }} }}"), "schema.toml:5:34: the options of a column are n_distinct and n_distinct_inherited"),
        (format!("{T}[tables.u.columns]\na = {{ type = \"text\", statistics_target = -1 }}"), "schema.toml:5:42: a statistics target is from 0 to 10000"),
        ("version = 1\n[types.a]\nrange = \"numeric(9,2)\"".into(), "schema.toml:3:9: a range type keeps no length, precision or scale of its values; leave it out, or name a domain"),
        (format!("{T}statistics = [{{ name = \"s\", columns = [\"id\", \"name\"], kinds = [] }}]"), "schema.toml:4:63: name at least one kind, or leave kinds out for all of them"),
        (format!("{T}statistics = [{{ name = \"s\", columns = [\"id\", \"name\"], kinds = [\"mcv\", \"mcv\"] }}]"), "schema.toml:4:71: \"mcv\" is given twice"),
        (format!("{T}[sequences.s]\nowned_by = \"t.none\""), "schema.toml:5:12: there is no column \"t.none\"; write table.column"),
        (format!("{T}replica_identity = \"i\""), "schema.toml:4:20: \"t\" has no index \"i\""),
        (format!("{T}primary_key = [\"id\"]\ncluster_on = \"t_pkey\""), "schema.toml:5:14: give the index its name where it is declared: name = \"t_pkey\""),
        (format!("{T}[views.v]"), "schema.toml:4:8: a view has a query, or a file that contains it"),
        (format!("{T}[views.v]\nquery = \"SELECT 1\"\nfile = \"v.sql\""), "schema.toml:6:8: give the query or the file that contains it, not both"),
        (format!("{T}[views.v]\nfile = \"../v.sql\""), "schema.toml:5:8: the path of a file must be relative, and inside the manifest's folder"),
        (format!("{T}[views.v]\nquery = \"SELECT 1; COMMIT\""), "schema.toml:5:9: a ';' separates two statements; give one query only"),
        (format!("{T}[views.v]\nquery = \"SELECT 1\"\ncolumns = [\"a\", \"a\"]"), "schema.toml:6:17: column \"a\" is named twice"),
        (format!("{T}[views.t]\nquery = \"SELECT 1\""), "schema.toml:4:8: the name \"t\" is already that of another table"),
        (format!("{T}triggers = [{{ name = \"a\", timing = \"after\", events = [\"insert\"], function = \"tuch\" }}]\n[functions.touch]\nreturns = \"trigger\"\nlanguage = \"plpgsql\"\nbody = \"x\""), "schema.toml:4:77: no function \"tuch\" is declared; did you mean \"touch\"?"),
        (format!("{T}triggers = [{{ name = \"a\", timing = \"after\", events = [], function = {{ schema = \"s\", name = \"f\" }} }}]"), "schema.toml:4:54: name at least one event"),
        (format!("{T}triggers = [{{ name = \"a\", timing = \"after\", events = [\"delete\"], columns = [\"id\"], function = {{ schema = \"s\", name = \"f\" }} }}]"), "schema.toml:4:77: columns are those of the event update"),
        (format!("{T}rules = [{{ name = \"r\", event = \"select\" }}]"), "schema.toml:4:32: unknown value \"select\", expected one of \"insert\", \"update\", \"delete\""),
        (format!("{T}rules = [{{ name = \"r\", event = \"delete\" }}, {{ name = \"r\", event = \"delete\" }}]"), "schema.toml:4:53: the name \"r\" is already that of another rule on it"),
        (format!("{T}rules = [{{ name = \"r\", event = \"delete\", do = \"SELECT 1; SELECT 2\" }}]"), "schema.toml:4:47: a ';' separates two commands; give a list of them"),
        (format!("{T}[views.v]\nquery = \"SELECT 1\"\nrules = [{{ name = \"r\", event = \"delete\", enabled = \"disabled\" }}]"), "schema.toml:6:19: a rule of a view is always enabled; leave enabled out"),
        (format!("{T}policies = [{{ name = \"p\", using = \"true\" }}, {{ name = \"p\" }}]"), "schema.toml:4:54: the name \"p\" is already that of another policy of the table"),
        (format!("{T}policies = [{{ name = \"p\", using = \"true; SELECT 1\" }}]"), "schema.toml:4:35: a ';' would end the statement; give one expression only"),
        ("version = 1\n[aggregates.a]\nsfunc = \"f\"".into(), "schema.toml:2:1: the key \"stype\" is missing"),
        ("version = 1\n[aggregates.a]\nsfunc = \"f\"\nstype = \"int\"\nfinalfunc_extra = true".into(), "schema.toml:2:13: finalfunc_extra is given without finalfunc"),
        ("version = 1\n[aggregates.a]\nsfunc = \"f\"\nstype = \"int\"\nsortop = \"f\"".into(), "schema.toml:5:10: \"f\" is not an operator"),
        (format!("{T}[[owners]]\nrole = \"public\"\non = \"tables\""), "schema.toml:5:8: PUBLIC is no role that owns objects"),
        (format!("{T}[[owners]]\nrole = \"a\"\non = []"), "schema.toml:6:6: name at least one object"),
        ("version = 1\n[functions.f]\nreturns = \"int\"\nbody = \"SELECT 1\"".into(), "schema.toml:2:12: the key \"language\" is missing"),
        ("version = 1\n[functions.f]\nreturns = \"int\"\nlanguage = \"sql\"".into(), "schema.toml:2:12: give its body, a file that contains it, or sql_body"),
        ("version = 1\n[functions.f]\nreturns = \"int\"\nlanguage = \"sql\"\nsql_body = \"RETURN 1\"".into(), "schema.toml:4:12: language does not go with sql_body, whose language is SQL"),
        ("version = 1\n[functions.f]\nlanguage = \"sql\"\nbody = \"SELECT 1\"\nfile = \"f.sql\"".into(), "schema.toml:5:8: give one of body, file and sql_body"),
        ("version = 1\n[procedures.p]\nlanguage = \"sql\"\nbody = \"SELECT 1\"\nreturns = \"int\"".into(), "schema.toml:5:1: unknown key \"returns\", expected one of \"arguments\", \"language\", \"body\", \"file\", \"sql_body\", \"library\", \"security_definer\", \"transforms\", \"set\", \"renamed_from\", \"comment\""),
        ("version = 1\n[[functions.f]]\nlanguage = \"sql\"\nbody = \"SELECT 1\"\n[[functions.f]]\narguments = \"a int\"".into(), "schema.toml:5:1: give its body, a file that contains it, or sql_body"),
        (format!("{T}primary_key = [\"id\"]\n[tables.t.foreign_keys]"), "schema.toml:5:1: invalid type: map, expected a sequence"),
        ("version = 1\n[tables.t]\nprimary_key = [\"id\"]\ncolumns = { id = { type = \"int\", primary_key = true } }".into(), "schema.toml:4:48: table \"t\" has two primary keys; list the columns of one in primary_key"),
        ("version = 1\n[tables.t]\ncolumns = { a = { type = \"int\", primary_key = true }, b = { type = \"int\", primary_key = true } }".into(), "schema.toml:3:89: table \"t\" has two primary keys; list the columns of one in primary_key"),
        ("version = 1\n[tables.t]\nprimary_key = [\"id\"]\ncolumns = { id = { type = \"int\", null = true } }".into(), "schema.toml:3:15: column id is in the primary key, so it is never null"),
        (format!("{T}unique = [[\"id\"], [\"id\"]]"), "schema.toml:4:19: table \"t\" has the same constraint already, on line 4"),
        (format!("{T}unique = [\"id\"]\nprimary_key = \"id\""), "schema.toml:4:11: table \"t\" has the same constraint already, on line 5"),
        (format!("{T}unique = [[\"id\", \"id\"]]"), "schema.toml:4:18: column \"id\" is named twice"),
        (format!("{T}unique = [[]]"), "schema.toml:4:11: name at least one column"),
        (format!("{T}checks = [\"id > 0; drop table t\"]"), "schema.toml:4:11: a ';' would end the statement; give one expression only"),
        (format!("{T}checks = [{{ name = \"c\", expression = \"id > 0\" }}, {{ name = \"c\", expression = \"id > 1\" }}]"), "schema.toml:4:59: the name \"c\" is already that of another constraint of the table"),
        (format!("{T}indexes = [{{ columns = [\"id\"], name = \"t\" }}]"), "schema.toml:4:39: the name \"t\" is already that of another table"),
        (format!("{T}indexes = [{{ columns = [{{ column = \"id\", expression = \"id\" }}] }}]"), "schema.toml:4:25: give a column or an expression, one of them"),
        (format!("{T}foreign_keys = [{{ columns = [\"id\"], references = {{ table = \"t\", columns = [\"name\"] }} }}]"), "schema.toml:4:75: no primary key, unique constraint or unique index of table \"t\" is on exactly these columns"),
        (format!("{T}foreign_keys = [{{ columns = [\"id\"], references = {{ schema = \"public\", table = \"u\", columns = [\"a\", \"b\"] }} }}]"), "schema.toml:4:94: 1 column cannot reference 2"),
        (format!("{T}exclusions = [{{ elements = [{{ column = \"id\", operator = \"--\" }}] }}]"), "schema.toml:4:57: \"--\" is not an operator"),
        ("version = 1\n[tables.t]\ncolumns = { a = { type = \"int\", default = \"1\", generated = \"2\" } }".into(), "schema.toml:3:60: default, identity and generated exclude each other"),
        ("version = 1\n[tables.t]\ncolumns = { a = \"int not null\" }".into(), "schema.toml:3:17: \"not\" does not belong in the name of a type; null, default, collation and keys have their own settings"),
        ("version = 1\n[tenants]\nlist = [\"ok\", \"No\", \"ok\"]".into(), "schema.toml:3:15: \"No\" is not a tenant id: expected a UUID, or a slug of a-z, 0-9, '_' and '-' that starts with a letter or digit"),
        ("version = 1\n[tenants]\nlist = [\"ok\"]\ndiscover = true".into(), "schema.toml:4:12: give one of query, list and discover"),
        ("version = 1\n[tenants]\nquery = \"SELECT 1\"\nregistry = \"x\"".into(), "schema.toml:4:12: \"x\" is none of [servers]"),
        ("version = 1\n[servers]\n\"a b\" = { url_env = \"A\" }".into(), "schema.toml:3:1: a server's name consists of letters, digits, '_', '-', '.'"),
        ("version = 1\n[servers]\na = { url_env = \"A\", tenants = [\"[\"] }".into(), "schema.toml:3:33: not a pattern: unclosed character class; missing ']'"),
        ("version = 1\n[servers]\na = { url_env = \"A=\" }".into(), "schema.toml:3:17: this is no name of an environment variable"),
        ("version = 1\n[drift]\nignore = [\"[\"]".into(), "schema.toml:3:11: not a pattern: unclosed character class; missing ']'"),
        ("version = 1\n[drift]\nignore = [\"table extar_tab\", \"colum *\"]".into(), "schema.toml:3:30: \"colum *\" matches nothing: it does not begin with the kind of an object as drift names it, such as table, column, index, view, function or trigger"),
        ("version = 1\n[drift]\nignore = [\"*\", \"*_tmp\", \"vi?w x\", \"view\", \"mat*\", \"[cv]*\", \"row security of *\", \"tables *\"]".into(), "schema.toml:3:81: \"tables *\" matches nothing: it does not begin with the kind of an object as drift names it, such as table, column, index, view, function or trigger"),
        ("version = 1\n[drift]\nexceptions = [{ tenant = \"a\", reason = \" \", until = \"soon\" }]".into(), "schema.toml:3:53: expected a date such as 2027-01-31"),
        ("version = 1\n[drift]\nexceptions = [{ tenant = \"a\", reason = \" \", until = \"soon\" }]".into(), "schema.toml:3:40: the reason must not be empty"),
        ("version = 1\n[drift]\nexceptions = [{ reason = \"r\", until = \"2027-01-31\" }]".into(), "schema.toml:3:26: name the tenant, the objects, or both: an exception from everything is none"),
        ("version = 1\n[drift]\nexceptions = [{ objects = [\"tabel x\"], reason = \"r\", until = \"2027-01-31\" }]".into(), "schema.toml:3:28: \"tabel x\" matches nothing: it does not begin with the kind of an object as drift names it, such as table, column, index, view, function or trigger"),
        (format!("{T}[[seeds]]\ntable = \"u\"\nkey = [\"id\"]\nrows = []"), "schema.toml:5:9: no table \"u\" is declared"),
        (format!("{T}[[seeds]]\ntable = \"t\"\nkey = [\"id\"]"), "schema.toml:4:1: give the rows or a file with them, one of both"),
        (format!("{T}[[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nrows = [{{ name = \"x\" }}]"), "schema.toml:7:9: the key column \"id\" is missing from the row"),
        (format!("{T}[[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nrows = [{{ id = {{ sql = \"1\" }} }}]"), "schema.toml:7:9: key column \"id\" needs a value that can be looked for: not null, not sql"),
        (format!("{T}[[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nrows = [{{ id = 1 }}, {{ id = 1 }}]"), "schema.toml:7:21: a row with id = \"1\" is already at schema.toml:7"),
        (format!("{T}[[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nrows = [{{ id = [1] }}]"), "schema.toml:7:11: column \"id\": an array needs a column of an array or JSON type"),
        (format!("{T}[[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nrows = [{{ id = 1, name = {{ lookup = \"t\", where = {{ id = 2 }}, column = \"name\" }} }}]"), "schema.toml:5:9: schema.toml:7: column \"name\" looks for a row of t that no seed has"),
    ];
    told(&cases);
}

/// Checks that each manifest has this error.
#[track_caller]
fn told(cases: &[(String, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .map(|(manifest, expected)| (errors(manifest), expected, manifest))
        .filter(|(found, expected, _)| !found.iter().any(|error| error == *expected))
        .map(|(found, expected, manifest)| format!("{manifest}\n  {expected}\n  {found:?}\n"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn errors_in_grants() {
    told(&[
        (
            format!("{T}[[grants]]\nto = \"a\"\nprivileges = \"select\"\non = \"table tt\""),
            "schema.toml:7:6: no table \"tt\" is declared",
        ),
        (
            format!("{T}[[grants]]\nto = \"a\"\nprivileges = \"select\"\non = \"tabels\""),
            "schema.toml:7:6: \"tabels\" is nothing that has privileges and an owner, such as \"schema\", \"tables\", \"sequences\", \"routines\", \"types\", or an object with its kind: \"table …\", \"view …\", \"materialized view …\", \"sequence …\", \"function …\", \"procedure …\", \"aggregate …\", \"type …\"; did you mean \"tables\"?",
        ),
        (
            format!("{T}[[grants]]\nto = \"a\"\nprivileges = [\"create\"]\non = \"tables\""),
            "schema.toml:6:15: there is no privilege \"create\" on tables; there is \"select\", \"insert\", \"update\", \"delete\", \"truncate\", \"references\", \"trigger\", \"maintain\"",
        ),
        (
            format!(
                "{T}[[grants]]\nto = \"a\"\nprivileges = [\"delete\"]\non = \"table t\"\ncolumns = [\"id\"]"
            ),
            "schema.toml:6:15: there is no privilege \"delete\" on columns; there is \"select\", \"insert\", \"update\", \"references\"",
        ),
        (
            format!(
                "{T}[[grants]]\nto = \"a\"\nprivileges = \"select\"\non = \"table t\"\ncolumns = [\"nam\"]"
            ),
            "schema.toml:8:12: table \"t\" has no column \"nam\"; did you mean \"name\"?",
        ),
        (
            format!(
                "{T}[[grants]]\nto = \"a\"\nprivileges = \"select\"\non = \"tables\"\ncolumns = [\"id\"]"
            ),
            "schema.toml:8:11: columns are those of tables that are named, as in on = \"table invoices\"",
        ),
        (
            format!(
                "{T}[[grants]]\nto = [\"a\", \"{{tenant}}\"]\nprivileges = \"select\"\non = \"tables\""
            ),
            "schema.toml:5:12: the role \"{tenant}\" holds braces that are not exactly one {tenant_id} or {schema}, so that two tenants never share a role by accident",
        ),
        (
            format!(
                "{T}[[grants]]\nto = \"public\"\nprivileges = \"select\"\non = \"tables\"\ngrant_option = true"
            ),
            "schema.toml:8:16: only roles can be given the grant option, not PUBLIC",
        ),
        (
            format!(
                "{T}[[default_privileges]]\nto = \"a\"\nprivileges = [\"execute\", \"all\"]\non = \"routines\""
            ),
            "schema.toml:6:26: all stands alone: privileges = \"all\"",
        ),
    ]);
}

#[test]
fn unnamed_objects_get_the_servers_names() {
    let manifest = Files::new(&format!(
        "{T}primary_key = [\"id\"]\nunique = [[\"name\", \"id\"], {{ columns = [\"name\"], name = \"t_check\" }}]\n\
         checks = [\"id > 0\", \"id > 1\"]\nindexes = [{{ columns = [\"name\", {{ expression = \"id + 1\" }}] }}]\n"
    ))
    .load()
    .unwrap();
    let table = &manifest.tables[0];
    let names: Vec<&str> = table
        .constraints
        .iter()
        .map(|c| c.name.ident.as_str())
        .chain(table.indexes.iter().map(|i| i.name.ident.as_str()))
        .collect();
    assert_eq!(
        names,
        ["t_pkey", "t_name_id_key", "t_check", "t_check1", "t_check2", "t_name_expr_idx"]
    );
}

/// Whether the structure alone is wrong: keys, types, words.
fn is_well_shaped(toml: &str) -> bool {
    toml::from_str::<raw::Manifest>(toml).is_ok()
}

fn fits_json_schema(toml: &str) -> bool {
    let value: toml::Value = toml::from_str(toml).unwrap();
    let json = serde_json::to_value(&value).unwrap();
    jsonschema::validator_for(&json_schema()).unwrap().is_valid(&json)
}

#[test]
fn the_json_schema_is_that_of_the_parser() {
    let example = include_str!("../../schema.toml");
    assert!(fits_json_schema(example));
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path().join("schema.toml")).unwrap();
        assert!(fits_json_schema(&text), "{text}");
    }
    for wrong in [
        "",
        "version = \"1\"",
        "version = 1\nx = 1",
        "version = 1\ntables = 1",
        "version = 1\n[tables.t]",
        "version = 1\n[tables.t]\ncolumns = { a = 1 }",
        "version = 1\n[tables.t]\ncolumns = { a = { null = true } }",
        "version = 1\n[types.t]\nenum = \"a\"",
        "version = 1\n[sequences.s]\ntype = \"text\"",
        "version = 1\n[[seeds]]\ntable = \"t\"",
        "version = 1\n[views.v]\nquery = \"SELECT 1\"\ncheck_option = \"all\"",
        "version = 1\n[tenants]\nqueries = \"x\"",
        "version = 1\n[tables.t]\ncolumns = { a = { type = \"int\", identity = { generation = \"x\" } } }",
        "version = 1\n[tables.t]\ncolumns = { a = \"int\" }\nforeign_keys = [{ columns = [\"a\"] }]",
        "version = 1\n[tables.t]\ncolumns = { a = \"int\" }\nunique = [1]",
        "version = 1\n[tables.t]\ncolumns = { a = \"int\" }\nindexes = [{ columns = [\"a\"], with = { x = [] } }]",
        "version = 1\n[tables.t]\ncolumns = { a = \"int\" }\nrules = [{ name = \"r\", event = \"delete\", do = [1] }]",
    ] {
        assert!(!is_well_shaped(wrong), "the parser takes {wrong}");
        assert!(!fits_json_schema(wrong), "the schema takes {wrong}");
    }
}

/// Changes one value or key somewhere in the document.
fn mutate(value: &mut toml::Value, at: &mut usize, how: u8) -> bool {
    let children: Vec<&mut toml::Value> = match value {
        toml::Value::Table(table) => {
            if *at == 0 && !table.is_empty() {
                let key = table.keys().next().cloned().unwrap();
                let taken = table.remove(&key).unwrap();
                if how.is_multiple_of(2) {
                    table.insert("unheard_of".into(), taken);
                }
                return true;
            }
            *at = at.saturating_sub(1);
            table.iter_mut().map(|(_, value)| value).collect()
        }
        toml::Value::Array(items) => items.iter_mut().collect(),
        other => {
            if *at == 0 {
                *other = match how % 4 {
                    0 => toml::Value::Boolean(true),
                    1 => toml::Value::Integer(7),
                    2 => toml::Value::String("word".into()),
                    _ => toml::Value::Array(vec![toml::Value::Float(1.5)]),
                };
                return true;
            }
            *at -= 1;
            return false;
        }
    };
    children.into_iter().any(|child| mutate(child, at, how))
}

proptest! {
    #[test]
    fn parser_and_json_schema_agree_on_mutations(at in 0_usize..400, how: u8, golden: bool) {
        let text = if golden {
            include_str!("../../tests/golden/new_everything/schema.toml")
        } else {
            include_str!("../../schema.toml")
        };
        let mut value: toml::Value = toml::from_str(text).unwrap();
        mutate(&mut value, &mut at.clone(), how);
        let text = toml::to_string(&value).unwrap();
        prop_assert_eq!(is_well_shaped(&text), fits_json_schema(&text), "{}", text);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let files = Files::new("").with("schema.toml", &bytes);
        prop_assert!(files.load().is_err());
    }

    #[test]
    fn no_damage_to_the_example_makes_the_reader_panic(
        cut in 0_usize..3000, length in 0_usize..60, put in "[\\[\\]{}=\"'#,.a1\n ]{0,8}",
    ) {
        let mut text: Vec<char> = include_str!("../../schema.toml").chars().collect();
        let cut = cut.min(text.len());
        let end = (cut + length).min(text.len());
        text.splice(cut..end, put.chars());
        let text: String = text.into_iter().collect();
        let files = Files::new(&text).with("seeds/cad_lookup.csv", b"grupo,nome\na,b\n");
        if let Err(error) = files.load() {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
