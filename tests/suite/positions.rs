//! What the server refuses is told with the place in the manifest where it is declared.

use provision::explain::Explain as _;

use crate::support::{self, Database, context_of, told};

/// A table with everything in it; each case puts something wrong in the place of one part.
const MANIFEST: &str = r#"version = 1
[types.colour]
enum = ["red", "green"]
[sequences.numbers]
start = 1
[tables.parent]
primary_key = ["id"]
columns = { id = "int" }
[tables.t]
primary_key = ["id"]
unique = [["id", "short"]]
checks = [
    "id > 0",
    { name = "t_length", expression = "length(long) < 9" },
]
exclusions = [
    { elements = [{ column = "id", operator = "=" }, { expression = "id + 1", operator = "=" }], where = "id > 1" },
]
foreign_keys = [
    { columns = ["id"], references = { table = "parent", columns = ["id"] } },
]
[tables.t.columns]
id = { type = "int", identity = "always" }
short = "text"
long = { type = "text", default = "'x'", collation = "C" }
twice = { type = "int", generated = "id * 2" }
[[tables.t.indexes]]
columns = ["long", { expression = "lower(short)" }]
where = "id > 2"
[[tables.t.indexes]]
name = "t_other"
columns = ["id"]
with = { fillfactor = 90 }
[[tables.t.rules]]
name = "gone"
event = "delete"
do = "DELETE FROM parent WHERE id = old.id"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_is_told_with_its_place() {
    let database = Database::new().await;
    support::converge(&context_of(MANIFEST, &database), "acme").await;
    let cases = [
        ("start = 1", "start = 1\nmax = 0", "4:12", "sequence numbers"),
        ("short = \"text\"", "short = \"texd\"", "24:9", "column t.short"),
        ("type = \"int\", generated", "type = \"itn\", generated", "26:18", "column t.twice"),
        ("\"'x'\"", "\"nothing\"", "25:35", "column t.long"),
        (
            "type = \"text\", default = \"'x'\", coll",
            "type = \"int\", default = \"'x'\", coll",
            "25:1",
            "column t.long",
        ),
        ("\"C\"", "\"no such\"", "25:1", "column t.long"),
        (
            "identity = \"always\"",
            "identity = { generation = \"always\", max = 0 }",
            "23:1",
            "column t.id",
        ),
        ("\"id * 2\"", "\"random()\"", "26:37", "column t.twice"),
        ("\"id * 2\"", "\"other * 2\"", "26:37", "column t.twice"),
        ("\"id > 0\"", "\"id > 'a'\"", "13:5", "constraint t_check on t"),
        ("length(long) < 9", "length(longer) < 9", "14:39", "constraint t_length on t"),
        (
            "{ column = \"id\", operator = \"=\" }",
            "{ column = \"id\", operator = \"<\" }",
            "17:5",
            "constraint t_id_expr_excl on t",
        ),
        ("id + 1", "id + now()", "17:69", "constraint t_id_expr_excl on t"),
        ("\"id > 1\"", "\"ids > 1\"", "17:106", "constraint t_id_expr_excl on t"),
        ("[\"id\"], references", "[\"short\"], references", "20:5", "constraint t_short_fkey on t"),
        ("lower(short)", "lower(id)", "28:35", "index t_long_expr_idx"),
        ("\"id > 2\"", "\"id + 2\"", "29:9", "index t_long_expr_idx"),
        (
            "columns = [\"long\",",
            "using = \"hash\"\ncolumns = [\"long\",",
            "27:1",
            "index t_long_expr_idx",
        ),
        ("old.id", "old.ids", "37:6", "rule gone on t"),
        ("fillfactor = 90", "fillfactor = 9", "30:1", "index t_other"),
        ("\"'x'\"", "\"'{schema}'\"", "25:35", "a text constant of column t.long"),
        ("[types.colour]", "[types.int4]", "2:8", "int4"),
    ];
    let mut wrong = Vec::new();
    for (part, bad, place, object) in cases {
        assert!(MANIFEST.contains(part), "{part}");
        let manifest = MANIFEST.replacen(part, bad, 1);
        let context = context_of(&manifest, &database);
        let Err(error) = support::plan(&context, "acme").await else {
            wrong.push(format!("{bad}: taken"));
            continue;
        };
        assert_eq!(error.code(), "manifest-refused", "{}", told(&error));
        let told = told(&error);
        if !told.starts_with(&format!("schema.toml:{place}: ")) || !told.contains(object) {
            wrong.push(format!("{bad}: expected {place} and {object}\n  {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_cannot_be_made_is_told_rather_than_the_table_that_uses_it() {
    let database = Database::new().await;
    let manifest = "version = 1\n[types.place]\nattributes = { x = \"nothing\" }\n[types.places]\n\
                    attributes = { at = \"place\" }\n[tables.t]\ncolumns = { at = \"places\" }\n";
    let context = context_of(manifest, &database);
    let error = support::plan(&context, "acme").await.expect_err("no such type");
    let told = told(&error);
    assert!(told.starts_with("schema.toml:2:8: ") && told.contains("type \"nothing\""), "{told}");
}
