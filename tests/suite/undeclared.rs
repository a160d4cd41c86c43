//! What tenants have and the manifest does not declare, told by object over all tenants; and what it ignores, told on request.

use serde_json::{Value, json};

use crate::fleet::{TABLES, register, registered};
use crate::reports::{Tenants, tells};
use crate::support::tool::{run, tool};
use crate::support::{Database, Folder};

#[tokio::test(flavor = "multi_thread")]
async fn each_object_is_told_once_whatever_else_the_tenants_have() {
    let mut damage = String::new();
    for n in 0..10 {
        let objects = "CREATE VIEW X.open AS SELECT id FROM X.a; CREATE INDEX more ON X.a (code);
            ALTER TABLE X.b ENABLE ROW LEVEL SECURITY;
            CREATE POLICY mine ON X.b USING (true);
            CREATE FUNCTION X.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
            CREATE TRIGGER stamped BEFORE UPDATE ON X.b FOR EACH ROW EXECUTE FUNCTION X.stamp();";
        damage.push_str(&objects.replace("X.", &format!("t{n:02}.")));
    }
    damage.push_str(
        "DROP INDEX t03.more; CREATE VIEW t01.few AS SELECT 1 AS x; DROP INDEX t01.b_a_idx;
         DROP INDEX t11.b_a_idx;",
    );
    for n in 0..12 {
        let other = "CREATE COLLATION X.other (locale = 'C');";
        damage.push_str(&other.replace("X.", &format!("t{n:02}.")));
    }
    let tenants = Tenants::new(12, &damage).await;
    register(&tenants.database, ["unmade".to_owned()]).await;
    let text = tenants.run("drift --match t*").with(2).stdout;
    tells(
        &text,
        &[
            "2 tenants: missing index b_a_idx on b\n    + index b_a_idx on b\n  t01, t11\n\n\
             Undeclared objects\n",
            "  . unmodelled collation other: in all 12 tenants\n",
            "  ? extra view open: in 10 of 12 tenants, not in t10, t11\n",
            "  ? extra policy mine on b: in 10 of 12 tenants, not in t10, t11\n",
            "  ? extra row security of table b: in 10 of 12 tenants, not in t10, t11\n",
            "  ? extra function stamp(): in 10 of 12 tenants, not in t10, t11\n",
            "  ? extra trigger stamped on b: in 10 of 12 tenants, not in t10, t11\n",
            "  ? extra index more on a: in 9 of 12 tenants, not in t03, t10, t11\n",
            "  ? extra view few: in 1 of 12 tenants: t01\n",
        ],
    );
    assert_eq!(text.matches("view open").count(), 1, "{text}");
    let page = tenants.run("drift --match t* --format markdown").with(2).stdout;
    tells(
        &page,
        &[
            "| 2 | missing index b\\_a\\_idx on b | t01, t11 |\n\n### Undeclared objects\n",
            "- extra view open: in 10 of 12 tenants, not in t10, t11\n",
            "- extra view few: in 1 of 12 tenants: t01\n",
        ],
    );
    let github = tenants.run("drift --match t* --format github").with(2).stdout;
    tells(
        &github,
        &[
            "::error title=tenant drift::2 tenants: missing index b_a_idx on b (t01, t11)\n",
            "::error title=tenant drift::extra view open: in 10 of 12 tenants, not in t10, t11\n",
        ],
    );
    // Tenants without a schema have no say, nor have those that cannot be read.
    let alien =
        "DROP TABLE t02._provision_state; CREATE VIEW t02._provision_state AS SELECT 1 AS a";
    tenants.database.run(alien).await;
    let json = tenants.json("drift", 1);
    assert_eq!(json["summary"]["unreachable"], 1, "{json}");
    let of = |list: &str, object: &str| {
        let list = json[list].as_array().expect("a list").iter();
        list.filter(|one| one["object"] == object).cloned().collect::<Vec<Value>>()
    };
    let more = json!({ "object": "index more on a", "class": "extra", "present_in": 8, "of": 11,
                       "missing_in": ["t03", "t10", "t11"] });
    assert_eq!(of("undeclared", "index more on a"), std::slice::from_ref(&more));
    assert_eq!(of("uneven", "index more on a"), [more]);
    assert_eq!(
        of("undeclared", "view few"),
        [json!({ "object": "view few", "class": "extra", "present_in": 1, "of": 11,
                 "tenants": ["t01"] })]
    );
    assert_eq!(
        of("undeclared", "collation other"),
        [json!({ "object": "collation other", "class": "unmodelled", "present_in": 11,
                 "of": 11 })]
    );
    assert_eq!(json["uneven"].as_array().map(Vec::len), Some(6), "{json}");
    // Each shape has all of it.
    let shapes = json["shapes"].as_array().expect("a list").iter();
    let extra = |shape: &Value| shape["difference"]["extra"].as_array().map(Vec::len);
    assert!(shapes.clone().any(|shape| extra(shape) == Some(7)), "{json}");

    tenants.declare(
        "\n[drift]\nexceptions = [{ tenant = \"t01\", reason = \"moves\", until = \"2999-12-31\" }]\n",
    );
    tenants.database.run("DROP VIEW t02._provision_state").await;
    let text = tenants.run("drift --match t*").with(2).stdout;
    tells(
        &text,
        &[
            "  t11\n  excepted, moves (until 2999-12-31): t01\n",
            "not in t10, t11; excepted, moves (until 2999-12-31): t01\n",
            "  ? extra view few: in 1 of 12 tenants: excepted, moves (until 2999-12-31): t01\n",
        ],
    );
    let github = tenants.run("drift --match t* --format github").with(2).stdout;
    tells(&github, &["::notice title=tenant drift::extra view few: in 1 of 12 tenants"]);
    let one = tenants.run("drift --match t04").with(2).stdout;
    tells(&one, &["  ? extra view open: in 1 of 1 tenant: t04\n"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_counted_over_all_servers() {
    let databases = [Database::new().await, Database::new().await];
    let manifest = format!(
        "version = 1\n[servers]\none = {{ url_env = \"ONE\" }}\n\
         two = {{ url_env = \"TWO\", tenants = [\"b*\"] }}\n\
         [tenants]\nlist = [\"a1\", \"a2\", \"b1\", \"b2\"]\n{TABLES}"
    );
    let folder = Folder::new(&manifest);
    let on_both = |arguments: &str| {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let mut command = tool(folder.dir.path(), &arguments);
        run({
            command.env("ONE", &databases[0].url).env("TWO", &databases[1].url);
            command
        })
    };
    on_both("apply --all").with(0);
    let view = |tenant: &str, name: &str| format!("CREATE VIEW {tenant}.{name} AS SELECT 1 AS x;");
    databases[0].run(&(view("a1", "most") + &view("a2", "most") + &view("a2", "few"))).await;
    databases[1].run(&(view("b2", "most") + &view("b2", "few"))).await;
    let lines = [
        "  ? extra view most: in 3 of 4 tenants, not in b1 on two\n",
        "  ? extra view few: in 2 of 4 tenants: a2 on one, b2 on two\n",
    ];
    tells(&on_both("drift").with(2).stdout, &lines);
    tells(
        &on_both("drift --match b*").with(2).stdout,
        &["view most: in 1 of 2 tenants: b2 on two\n"],
    );
    // Equal steps are one plan, wherever the tenants are, and whatever else they have.
    folder.write("schema.toml", &format!("{manifest}[tables.c]\ncolumns = {{ x = \"int\" }}\n"));
    let plan = on_both("plan --all").with(0).stdout;
    tells(
        &plan,
        &[
            "4 tenants, such as a1\n",
            "not touched in 2 tenants (a2, b2): undeclared view few and 1 more\n",
            "not touched in 1 tenant (a1): undeclared view most\n",
            "Plan: 4 tenants to bring up to date, 1 plan; 0 current; 3 with undeclared objects.",
        ],
    );
}

/// The first tenant has what the others have not, and all of it is ignored.
const IGNORED: &str = "
    CREATE VIEW t00.report_1 AS SELECT 1 AS x; CREATE TABLE t00.scratch ();
    CREATE TEXT SEARCH CONFIGURATION t00.words (COPY = pg_catalog.simple);
    CREATE VIEW t01.report_2 AS SELECT 1 AS x; CREATE VIEW t02.report_2 AS SELECT 1 AS x;";

const RULES: &str =
    "\n[drift]\nignore = [\"view report_*\", \"table scratch\", \"text search *\", \"rule *\"]\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ignored_has_no_part_in_shapes_plans_and_reports() {
    let tenants = Tenants::new(3, IGNORED).await;
    tenants.declare(RULES);
    let text = tenants.run("drift").with(0).stdout;
    assert!(text.starts_with("3 tenants: 3 in sync\n"), "{text}");
    let hidden = ["report_", "scratch", "words"];
    let without_ignored =
        |text: &str| assert!(!hidden.iter().any(|name| text.contains(name)), "{text}");
    without_ignored(&text);
    for format in ["markdown", "junit", "github", "json"] {
        without_ignored(&tenants.run(&format!("drift --format {format}")).with(0).stdout);
    }
    let json = tenants.json("drift", 0);
    for list in ["shapes", "undeclared", "uneven"] {
        assert_eq!(json[list], json!([]), "{json}");
    }
    assert!(json.get("ignored").is_none(), "{json}");
    without_ignored(&tenants.run("apply --all --format json").with(0).stdout);
    tells(
        &tenants.run("plan --all --detailed-exitcode").with(0).stdout,
        &["Plan: 0 tenants to bring up to date, 0 plans; 3 current."],
    );

    let plan = tenants.run("plan t00").with(0).stdout;
    without_ignored(&plan);
    tells(&plan, &["Not touched: 3 ignored by the manifest.\n"]);
    without_ignored(&tenants.run("plan t00 --format json").with(0).stdout);

    tenants.declare(&format!("[tables.c]\ncolumns = {{ x = \"int\" }}\n{RULES}"));
    for arguments in
        ["plan --all --sql", "plan --all --format markdown", "plan --all --format json"]
    {
        without_ignored(&tenants.run(arguments).with(0).stdout);
    }
    let plan = tenants.json("plan --all", 0);
    assert_eq!(plan["plans"].as_array().map(Vec::len), Some(1), "{plan}");
    assert_eq!((&plan["plans"][0]["count"], &plan["plans"][0]["left"]), (&json!(3), &json!([])));
    without_ignored(&tenants.run("apply t00 --format json").with(0).stdout);
    tenants.database.run("DROP TABLE t00.c").await;
    tells(&tenants.run("drift").with(2).stdout, &["3 tenants, 1 shape of drift: 3 drifted\n"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ignored_is_told_on_request() {
    let tenants = Tenants::new(3, IGNORED).await;
    tenants.declare(RULES);
    let lines = [
        "view report_2: in 2 of 3 tenants, not in t00",
        "table scratch: in 1 of 3 tenants: t00",
        "text search configuration words: in 1 of 3 tenants: t00",
        "view report_1: in 1 of 3 tenants: t00",
    ];
    let text = tenants.run("drift --show-ignored").with(0).stdout;
    let title = "\nIgnored objects\n";
    let told = text.split_once(title).expect(title).1.lines().map(str::trim);
    assert_eq!(told.take(4).collect::<Vec<_>>(), lines, "{text}");
    let page = tenants.run("drift --show-ignored --format markdown").with(0).stdout;
    tells(&page, &["### Ignored objects\n\n- view report\\_2: in 2 of 3 tenants, not in t00\n"]);
    let github = tenants.run("drift --show-ignored --format github").with(0).stdout;
    for line in lines {
        tells(&github, &[&format!("::notice title=ignored object::{line}\n")]);
    }
    let json = tenants.json("drift --show-ignored", 0);
    assert_eq!(json["ignored"].as_array().map(Vec::len), Some(4), "{json}");
    assert_eq!(
        json["ignored"][0],
        json!({ "object": "view report_2", "class": "extra", "present_in": 2, "of": 3,
                "missing_in": ["t00"] })
    );
    assert_eq!((&json["shapes"], &json["undeclared"]), (&json!([]), &json!([])));
    let refused = tenants.run("drift --show-ignored --format junit").with(1).stderr;
    tells(&refused, &["error[usage]: --format junit has no place for --show-ignored"]);
    // Where nothing is ignored, that is said.
    tenants.folder.write("schema.toml", &registered());
    let text = tenants.run("drift --show-ignored").with(2).stdout;
    tells(&text, &["\nIgnored objects\n  none\n"]);
    assert_eq!(tenants.json("drift --show-ignored", 2)["ignored"], json!([]));
}
