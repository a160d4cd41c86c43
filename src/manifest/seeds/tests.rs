//! Rows are read as they are written, and errors in them are reported with their lines.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::manifest::model::Cell;
use crate::manifest::tests::{Files, T};
use crate::name::Text;

#[test]
fn files_with_rows_are_read_with_care() {
    let of = |file: &str| format!("{T}[[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nfile = {file:?}\n");
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("x.csv"), "id\n1\n").unwrap();
    for (file, expected) in [
        ("/etc/passwd", "the path of a file must be relative, and inside the manifest's folder"),
        ("../x.csv", "the path of a file must be relative, and inside the manifest's folder"),
        ("absent.csv", "cannot read \"absent.csv\""),
        ("folder", "cannot read \"folder\": it is a directory, not a regular file"),
        ("x.txt", "a file with rows ends in .csv, .json or .toml"),
        ("link.csv", "leads out of the manifest's folder"),
        ("latin1.csv", "it is not UTF-8 (byte 3)"),
        ("big.csv", "it has more than 16777216 bytes"),
        ("pipe.csv", "it is a pipe, not a regular file"),
        ("zero.csv", "leads out of the manifest's folder"),
    ] {
        let files = Files::new(&of(file))
            .with("x.txt", b"id\n1\n")
            .with("folder/y.csv", b"id\n1\n")
            .with("latin1.csv", b"id\n\xe9\n")
            .with("big.csv", &vec![b'x'; 17 * 1024 * 1024]);
        let folder = files.0.path();
        std::os::unix::fs::symlink(outside.path().join("x.csv"), folder.join("link.csv")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", folder.join("zero.csv")).unwrap();
        let pipe = std::process::Command::new("mkfifo").arg(folder.join("pipe.csv")).status();
        assert!(pipe.unwrap().success());
        let found = files.errors();
        assert!(found.len() == 1 && found[0].contains(expected), "{file}: {found:?}");
        assert!(found[0].starts_with("schema.toml:7:8: "), "{file}: {found:?}");
    }
}

#[test]
fn rows_of_csv_json_and_toml_come_to_the_same() {
    let of = |file: &str| {
        let toml = "version = 1\n[tables.t]\ncolumns = { id = \"int\", n = \"numeric\", s = \"text\", j = \"jsonb\", a = \"text[]\" }\n";
        format!("{toml}[[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nfile = {file:?}\n")
    };
    let csv = "id,n,s,j,a\n1,12345678901234567890.123456789,\"a,\"\"b\"\"\",\"{\"\"x\"\": [1, null]}\",\"{\"\"q\\\"\"r\"\",NULL}\"\n";
    let json = r#"[{"id": 1, "n": 12345678901234567890.123456789, "s": "a,\"b\"", "j": {"x": [1, null]}, "a": ["q\"r", null]}]"#;
    let toml = "[[rows]]\nid = 1\nn = 12345678901234567890.123_456_789\ns = 'a,\"b\"'\nj = '{\"x\": [1, null]}'\na = '{\"q\\\"r\",NULL}'\n";
    let cells = |file: &str, text: &str| {
        let files = Files::new(&of(file)).with(file, text.as_bytes());
        files.load().unwrap().seeds[0].rows[0].cells.clone()
    };
    let expected = cells("x.csv", csv);
    assert_eq!(cells("x.json", json), expected);
    assert_eq!(cells("x.toml", toml), expected);
}

/// The depth that the server's own JSON allows is enough; no file may exhaust the stack.
#[test]
fn values_in_json_are_nested_so_deep_and_no_deeper() {
    let manifest = "version = 1\n[tables.t]\ncolumns = { id = \"int\", j = \"jsonb\" }\n\
         [[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nfile = \"x.json\"\n";
    let of = |value: &str| {
        let text = format!("[{{\"id\": 1,\n\"j\": {value}}}]");
        Files::new(manifest).with("x.json", text.as_bytes())
    };
    let lists = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let objects = |depth: usize| "{\"a\": ".repeat(depth) + "1" + &"}".repeat(depth);
    for value in [lists(128), objects(128)] {
        let text = of(&value).load().unwrap().seeds[0].rows[0].cells[1].1.clone();
        assert_eq!(text, Cell::Value(Text::new(value).unwrap()));
    }
    let too_deep = "x.json:2: column \"j\": arrays and objects are nested more than 128 deep";
    for value in [lists(129), objects(129), lists(1_000), objects(1_000), lists(4_000_000)] {
        assert_eq!(of(&value).errors(), [too_deep], "{}", value.len());
    }
    let found = of(&format!("[1,\n{}]", lists(128))).errors();
    assert_eq!(found, [too_deep.replace(":2:", ":3:")]);
    let found = of("{\"a\": [\"\\ud800\"]}").errors();
    let expected = "x.json:2: column \"j\": an escape in the text stands for no character";
    assert_eq!(found, [expected]);
}

proptest! {
    /// What is written is read, with all spaces and escapes that JSON allows.
    #[test]
    fn json_is_read_as_it_is_written(value in json(), is_pretty: bool) {
        let rows = serde_json::json!([{ "id": 1, "j": value, "k": [value.clone(), value] }]);
        let print = if is_pretty { serde_json::to_string_pretty } else { serde_json::to_string };
        let manifest = "version = 1\n[tables.t]\n\
             columns = { id = \"int\", j = \"jsonb\", k = \"jsonb\" }\n\
             [[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nfile = \"x.json\"\n";
        let text = print(&rows).unwrap();
        let files = Files::new(manifest).with("x.json", text.as_bytes());
        let cells = files.load().unwrap().seeds[0].rows[0].cells.clone();
        let Cell::Value(read) = &cells[2].1 else { panic!("{cells:?}") };
        let read: serde_json::Value = serde_json::from_str(read.as_str()).unwrap();
        prop_assert_eq!(&read, &rows[0]["k"]);
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let text = "[a\"\\\\\\[\\]{},: \n\u{e9}\u{1f600}]{0,8}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(text, inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn line_breaks_of_two_characters_count_as_one() {
    let manifest = format!("{T}[[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nfile = \"x.csv\"\n");
    let files =
        Files::new(&manifest).with("x.csv", b"id,name\r\n1,a\r\n\r\n2\r\n\"3\r\n\",b\r\n4\r\n");
    let lines = ["x.csv:4: the row has 1 cells, but", "x.csv:7: the row has 1 cells, but"];
    let found = files.errors();
    assert!(found.len() == 2 && found[0].starts_with(lines[0]), "{found:?}");
    assert!(found[1].starts_with(lines[1]), "{found:?}");
}

#[test]
fn all_wrong_rows_of_a_file_are_reported_with_their_lines() {
    let manifest = format!("{T}[[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nfile = \"x.csv\"\n");
    let files = Files::new(&manifest).with("x.csv", b"id,nmae\n1,a\n\"2\n3\",b\n4\n1,c\n,d\n");
    assert_eq!(
        files.errors(),
        [
            "x.csv:1: table \"t\" has no column \"nmae\"; did you mean \"name\"?",
            "x.csv:5: the row has 1 cells, but the header has 2",
            "x.csv:7: key column \"id\" needs a value that can be looked for: not null, not sql",
        ]
    );
}

/// While a file is replaced, it is empty or cut off for a moment: that does not mean no rows.
#[test]
fn a_file_that_may_be_cut_off_is_not_a_file_without_rows() {
    let of = |file: &str, text: &str| {
        let seed = format!("[[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nfile = {file:?}\n");
        let files = Files::new(&format!("{T}{seed}")).with(file, text.as_bytes());
        files.load().map(|manifest| manifest.seeds[0].rows.len()).map_err(|_| files.errors())
    };
    for (file, text, rows) in [
        ("x.csv", "id,name\n", 0),
        ("x.csv", "id", 0),
        ("x.csv", "\u{feff}name,id\r\n", 0),
        ("x.csv", "id,name\n1,one\n2,two", 2),
        ("x.csv", "id,name\n1,\"one\"", 1),
        ("x.csv", "id,name\n1,\"one\"\"\"\n\n", 1),
        ("x.csv", "id,name\n1,5\" wide\n", 1),
        ("x.csv", "id,name\n1,\"on\ne\"\n2,b", 2),
        ("x.json", "[]", 0),
        ("x.json", " [ ]\n", 0),
        ("x.toml", "rows = []", 0),
        ("x.toml", "[[rows]]\nid = 1", 1),
    ] {
        assert_eq!(of(file, text), Ok(rows), "{text:?}");
    }
    let empty = "x.csv:1: the file is empty; a CSV file starts with a line of column names";
    let no_list = "x.json:1: not an array of objects: EOF while parsing a value at line 1 column 0";
    for (file, text, expected) in [
        ("x.csv", "", empty),
        ("x.csv", "\u{feff}", empty),
        ("x.csv", "\n\r\n", empty),
        ("x.csv", "name\n", "x.csv:1: the key column \"id\" is missing from the header"),
        ("x.csv", "name\none\ntwo\n", "x.csv:1: the key column \"id\" is missing from the header"),
        ("x.csv", "\nid,nam", "x.csv:2: table \"t\" has no column \"nam\"; did you mean \"name\"?"),
        ("x.csv", "id,id\n1,2\n", "x.csv:1: column \"id\" is given twice"),
        ("x.csv", "id,\n", "x.csv:1: table \"t\" has no column \"\""),
        ("x.csv", "id,\"name", "x.csv:1: a quotation mark is opened here, but never closed"),
        ("x.csv", "id,name\n1,one\n2", "x.csv:3: the row has 1 cells, but the header has 2"),
        (
            "x.csv",
            "id,name\n1,one\n\n2,\"tw",
            "x.csv:4: a quotation mark is opened here, but never closed",
        ),
        (
            "x.csv",
            "id,name\n1,\"one\n2,two\n",
            "x.csv:2: a quotation mark is opened here, but never closed",
        ),
        ("x.json", "", no_list),
        (
            "x.json",
            "[{\"id\": 1},\n{\"id\"",
            "x.json:2: not an array of objects: EOF while parsing an object at line 2 column 5",
        ),
        ("x.toml", "", "x.toml:1: the key \"rows\" is missing"),
        ("x.toml", "# nothing yet\n", "x.toml:1: the key \"rows\" is missing"),
    ] {
        assert_eq!(of(file, text), Err(vec![expected.to_owned()]), "{text:?}");
    }
}

#[test]
fn seeds_come_after_what_they_need() {
    let manifest = Files::new(
        r#"version = 1
[tables.c]
columns = { id = "int" }
foreign_keys = [{ columns = ["id"], references = { table = "b", columns = ["id"] } }]
[tables.b]
primary_key = ["id"]
columns = { id = "int" }
foreign_keys = [{ columns = ["id"], references = { table = "a", columns = ["id"] } }]
[tables.a]
primary_key = ["id"]
columns = { id = "int", l = { type = "int", null = true } }
[tables.l]
columns = { id = "int" }
[[seeds]]
table = "c"
key = ["id"]
rows = [{ id = 1 }]
[[seeds]]
table = "a"
key = ["id"]
rows = [{ id = 1, l = { lookup = "l", column = "id", where = { id = 7 } } }]
[[seeds]]
table = "l"
key = ["id"]
rows = [{ id = 7 }]
"#,
    )
    .load()
    .unwrap();
    let order: Vec<&str> = manifest.seeds.iter().map(|seed| seed.table.as_str()).collect();
    assert_eq!(order, ["l", "a", "c"]);
}

#[test]
fn rows_come_after_those_of_the_same_table_that_they_look_up() {
    let manifest = Files::new(&format!(
        "{T}[[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nrows = [\n\
         {{ id = 1, name = {{ lookup = \"t\", column = \"name\", where = {{ id = 3 }} }} }},\n\
         {{ id = 2, name = {{ lookup = \"t\", column = \"id\", where = {{ name = \"c\" }} }} }},\n\
         {{ id = 3, name = {{ lookup = \"t\", column = \"name\", where = {{ id = 4 }} }} }},\n\
         {{ id = 4, name = \"c\" }},\n\
         {{ id = 5, name = \"c\" }},\n\
         {{ id = 6, name = {{ lookup = \"t\", column = \"name\", where = {{ id = 6 }} }} }}]\n"
    ));
    let rows = &manifest.load().unwrap().seeds[0].rows;
    let order: Vec<&str> = rows.iter().map(|row| row.origin.as_str()).collect();
    assert_eq!(order, [11, 10, 8, 9, 12, 13].map(|line| format!("schema.toml:{line}")));
}

#[test]
fn a_lookup_by_key_names_a_row_of_the_manifest() {
    let of = |columns: &str, seeded: &str, wanted: &str| {
        Files::new(&format!(
            "version = 1\n[tables.a]\ncolumns = {{ {columns} }}\n[tables.b]\ncolumns = {{ id = \"int\" }}\n\
             [[seeds]]\ntable = \"a\"\nkey = [\"x\", \"y\"]\nrows = [{{ {seeded} }}]\n\
             [[seeds]]\ntable = \"b\"\nkey = [\"id\"]\n\
             rows = [{{ id = {{ lookup = \"a\", column = \"x\", where = {{ {wanted} }} }} }}]\n"
        ))
        .errors()
    };
    let (ints, others) = ("x = 'int', y = 'text'", "x = 'int', y = 'citext'");
    for (columns, seeded, wanted) in [
        (ints, "x = 1, y = 'a'", "y = 'a', x = ' 01'"),
        (ints, "x = 1, y = 'a'", "x = 2"),
        (ints, "x = 1, y = 'a'", "x = { sql = '2' }, y = 'a'"),
        (others, "x = 1, y = 'a'", "x = 1, y = 'A'"),
    ] {
        assert_eq!(of(columns, seeded, wanted), Vec::<String>::new(), "{wanted}");
    }
    for wanted in ["x = 1, y = 'A'", "x = 2, y = 'a'"] {
        assert_eq!(
            of(ints, "x = 1, y = 'a'", wanted),
            [
                "schema.toml:11:9: schema.toml:13: column \"id\" looks for a row of a that no seed has"
            ]
        );
    }
}

/// Four times the rows take about four times as long, in each form and with lookups among them.
#[test]
fn the_time_that_rows_take_grows_as_their_number() {
    const MANIFEST: &str = "version = 1\n[tables.t]\n\
         columns = { id = \"int\", a = \"text\", b = \"text\", up = { type = \"int\", null = true } }\n\
         [[seeds]]\ntable = \"t\"\nkey = [\"id\"]\n";
    let csv = |n: usize| {
        let rows: String = (0..n).map(|n| format!("{n},name {n},some text,\r\n")).collect();
        format!("id,a,b,up\r\n{rows}")
    };
    let json = |n: usize| {
        let row = |n| format!(r#"{{"id": {n}, "a": "name {n}", "b": "some text"}}"#);
        format!("[{}]", (0..n).map(row).collect::<Vec<_>>().join(", "))
    };
    let tree = |n: usize| {
        let row = |n: usize| {
            let up = format!(r#"{{"lookup": "t", "column": "id", "where": {{"id": {}}}}}"#, n / 2);
            format!(r#"{{"id": {n}, "a": "", "b": "", "up": {up}}}"#)
        };
        format!("[{}]", (0..n).map(row).collect::<Vec<_>>().join(",\n"))
    };
    let toml = |n: usize| -> String {
        (0..n).map(|n| format!("[[rows]]\nid = {n}\na = \"name {n}\"\nb = \"text\"\n")).collect()
    };
    let forms: [(&str, &dyn Fn(usize) -> String); 4] =
        [("x.csv", &csv), ("x.json", &json), ("x.json", &tree), ("x.toml", &toml)];
    for (name, text) in forms {
        let time = |n: usize| {
            let files = Files::new(&format!("{MANIFEST}file = {name:?}\n"));
            let files = files.with(name, text(n).as_bytes());
            let start = Instant::now();
            assert_eq!(files.load().unwrap().seeds[0].rows.len(), n);
            start.elapsed()
        };
        // The machine may be busy: the best of several attempts counts.
        let (mut few, mut many) = (time(10_000), time(40_000));
        for _ in 0..10 {
            if many < 8 * few {
                break;
            }
            (few, many) = (few.min(time(10_000)), many.min(time(40_000)));
        }
        assert!(many < 8 * few, "{name}: {few:?} for 10,000 rows, {many:?} for 40,000");
        assert!(many < Duration::from_secs(10), "{name}: {many:?} for 40,000 rows");
    }
}
