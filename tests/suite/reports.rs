//! What is told of tenants that differ in what an apply does not touch.

use serde_json::{Value, json};

use crate::fleet::{register, registered};
use crate::support::tool::{self, RunReport, run};
use crate::support::{Database, Folder};

pub struct Tenants {
    pub database: Database,
    pub folder: Folder,
}

impl Tenants {
    /// So many tenants as the manifest has them, and then some damage.
    pub async fn new(count: usize, damage: &str) -> Self {
        let database = Database::new().await;
        register(&database, (0..count).map(|n| format!("t{n:02}"))).await;
        let tenants = Self { database, folder: Folder::new(&registered()) };
        tenants.run("apply --all").with(0);
        tenants.database.run(damage).await;
        tenants
    }

    /// Adds to the manifest.
    pub fn declare(&self, more: &str) {
        self.folder.write("schema.toml", &(registered() + more));
    }

    pub fn run(&self, arguments: &str) -> RunReport {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        run(tool::on(&self.database, self.folder.dir.path(), &arguments))
    }

    #[track_caller]
    pub fn json(&self, arguments: &str, code: i32) -> Value {
        let ended = self.run(&format!("{arguments} --format json")).with(code);
        serde_json::from_str(&ended.stdout).expect("JSON")
    }
}

#[track_caller]
pub fn tells(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "without {part:?}:\n{text}");
    }
}

/// Tenants that differ in all ways that an apply leaves alone.
const DIFFERENT: &str = "
    ALTER TABLE t00.a ALTER code TYPE varchar(9);
    ALTER TABLE t01.a ALTER code TYPE varchar(9);
    CREATE TABLE t02.scratch_1 ();
    CREATE TEXT SEARCH CONFIGURATION t03.report_1 (COPY = pg_catalog.simple)";

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_all_tells_those_that_have_nothing_to_do_and_differ() {
    let tenants = Tenants::new(6, DIFFERENT).await;
    let plan = tenants.run("plan --all --detailed-exitcode").with(3).stdout;
    tells(
        &plan,
        &[
            "2 tenants (t00, t01): different column a.code",
            "- type character varying(9)",
            "1 tenant (t03): unmodelled text search configuration report_1",
            "0 tenants to bring up to date, 0 plans; 2 current; 2 with changed objects; \
             1 with undeclared objects; 1 with objects of kinds that are not compared.",
        ],
    );
    tenants.run("plan --all").with(0);
    let plan = tenants.json("plan --all", 0);
    assert_eq!(plan["current"], 2);
    assert_eq!(plan["left"][0]["tenants"], json!(["t00", "t01"]));
    let changed = &plan["left"][0]["changed"][0];
    assert_eq!(changed["object"], json!({ "kind": "column", "table": "a", "name": "code" }));
    assert!(changed["actual"].as_str().expect("text").contains("varying(9)"), "{changed}");
    assert!(changed["expected"].as_str().expect("text").contains("type text"), "{changed}");
    tenants.run("plan t00 --detailed-exitcode").with(3);
    tenants.run("plan t02 --detailed-exitcode").with(3);
    tenants.run("plan t05 --detailed-exitcode").with(0);
    // With something to do, that counts.
    tenants.database.run("DROP TABLE t05.b").await;
    tenants.run("plan --all --detailed-exitcode").with(2);
    tenants.run("apply t05").with(0);
    // What is ignored or excepted does not.
    tenants.declare(
        "\n[drift]\nignore = [\"table scratch*\", \"text search configuration report*\"]\nexceptions = [\
         { tenant = \"t00\", reason = \"moves\", until = \"2999-12-31\" },\
         { tenant = \"t01\", reason = \"moves\", until = \"2999-12-31\" }]\n",
    );
    let plan = tenants.run("plan --all --detailed-exitcode").with(0).stdout;
    tells(&plan, &["4 current; 2 different, but excepted", "accepted: moves (until 2999-12-31)"]);
    tenants.run("plan t00 --detailed-exitcode").with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_with_the_same_steps_share_a_plan_whatever_else_they_differ_in() {
    let tenants = Tenants::new(6, DIFFERENT).await;
    tenants.database.run("DELETE FROM t05.a WHERE id = 2").await;
    tenants.declare(
        "[tables.c]\ncomment = \"<b>`x`</b>\"\ncolumns = { x = \"int\" }\n\
         [drift]\nignore = [\"text search configuration report*\"]\n",
    );
    let plan = tenants.run("plan --all --sql --out fleet.json --detailed-exitcode").with(2).stdout;
    tells(
        &plan,
        &[
            "5 tenants, such as t00",
            "not touched in 2 tenants (t00, t01): different column a.code",
            "not touched in 1 tenant (t02): undeclared table scratch_1",
            "\ntenant t05\n",
            "6 tenants to bring up to date, 2 plans; 0 current; 2 with changed objects; \
             1 with undeclared objects.",
        ],
    );
    assert!(!plan.contains("report_1"), "{plan}");
    let saved = tenants.folder.dir.path().join("fleet.json");
    let saved: Value =
        serde_json::from_str(&std::fs::read_to_string(saved).expect("a plan")).expect("JSON");
    assert_eq!(saved["plans"][0]["count"], 5);
    assert_eq!(saved["plans"][0]["left"][0]["tenants"], json!(["t00", "t01"]));
    assert_eq!(saved["tenants"][5]["plan"], 1);

    let page = tenants.run("plan --all --format markdown").with(0).stdout;
    tells(
        &page,
        &[
            "## Plan for tenant schemas\n\n6 tenants to bring up to date, 2 plans; 0 current; 2 with \
             changed objects; 1 with undeclared objects.\n",
            "### Plan 1: 5 tenants\n\nt00, t01, t02, t03, t04\n",
            "- create table c\n",
            "#### Not touched\n\n- 2 tenants (t00, t01): different column a.code\n",
            "<details><summary>SQL for tenant t00",
            "\n    CREATE TABLE IF NOT EXISTS \"t00\".\"c\" (\n",
            "### Plan 2: 1 tenant\n",
        ],
    );
    tenants.run("plan t00 --format markdown").with(1);

    // What was reviewed is pinned for each tenant: to its schema as it was, and to its statements.
    tenants.database.run("CREATE VIEW t04.late AS SELECT 1 AS x").await;
    let ended = tenants.json("apply --plan fleet.json", 1);
    let outcomes = ended["tenants"].as_array().expect("tenants").iter();
    let outcomes: Vec<&str> = outcomes.map(|t| t["outcome"].as_str().expect("a word")).collect();
    assert_eq!(outcomes, ["updated", "updated", "updated", "updated", "failed", "updated"]);
    assert_eq!(tenants.database.count("t05.a").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_names_what_cannot_be_planned_and_escapes_every_name() {
    let database = Database::new().await;
    register(&database, ["a".into(), "b".into(), "c".into()]).await;
    database
        .run(
            "INSERT INTO public.tenants VALUES ('<script>|@you');
             CREATE SCHEMA a; CREATE VIEW a._provision_state AS SELECT 1 AS a;
             CREATE SCHEMA b; CREATE VIEW b._provision_state AS SELECT 1 AS a;
             CREATE SCHEMA c; CREATE TABLE c.\"<img>`_*\" ();",
        )
        .await;
    let tenants = Tenants { database, folder: Folder::new(&registered()) };
    let page = tenants.run("plan --all --format markdown").with(1).stdout;
    tells(
        &page,
        &[
            "## ❌ Plan for tenant schemas\n\n1 tenant to bring up to date, 1 plan; 0 current; \
             1 with undeclared objects; 2 cannot be planned; 1 entry refused.\n",
            "undeclared table &lt;img&gt;\\`\\_\\*\n",
            "### Cannot be planned\n\n- a: \\[alien-state-table\\] the table \"a\".\\_provision\\_state",
            "; hint: ",
            "it is a view, not an ordinary table",
            "&lt;script&gt;\\|\\@you",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_of_all_names_what_it_leaves_and_in_which_tenants() {
    let tenants = Tenants::new(6, DIFFERENT).await;
    let ended = tenants.run("apply --all").with(3).stdout;
    tells(
        &ended,
        &[
            "not touched\n  2 tenants\n    ~ changed column a.code\n    t00, t01\n",
            "  1 tenant\n    ? extra table scratch_1\n    t02\n",
            "  1 tenant\n    . unmodelled text search configuration report_1\n    t03\n",
            "Not touched: what is changed or undeclared in 4 tenants.",
        ],
    );
    let ended = tenants.json("apply --all", 3);
    assert_eq!(ended["tenants"][0]["changed"], json!(["column a.code"]));
    assert_eq!(ended["tenants"][5]["changed"], json!([]));
    assert_eq!(ended["left"][0]["tenants"], json!(["t00", "t01"]));
    assert_eq!(ended["left"].as_array().map(Vec::len), Some(3));
    // The same for tenants that something is done to.
    tenants.declare("[tables.c]\ncolumns = { x = \"int\" }\n");
    let ended = tenants.json("apply --all", 3);
    assert_eq!(ended["tenants"][0]["outcome"], "updated");
    assert_eq!(ended["tenants"][0]["changed"], json!(["column a.code"]));
    assert_eq!(ended["left"].as_array().map(Vec::len), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_drift_after_an_apply_is_told_by_its_exit_code() {
    for (damage, object) in [
        ("ALTER TABLE t00.a ALTER code TYPE varchar(9)", "changed"),
        ("ALTER TABLE t00.b DISABLE TRIGGER ALL", "unmodelled"),
        ("ALTER TABLE t00.b FORCE ROW LEVEL SECURITY", "extra"),
        ("CREATE VIEW t00.v AS SELECT 1 AS x", "extra"),
        ("CREATE TABLE t00.other ()", "extra"),
        ("CREATE INDEX another ON t00.a (code)", "extra"),
    ] {
        let tenants = Tenants::new(2, damage).await;
        tenants.run("drift").with(2);
        // Whatever the record says by then, and whatever is done.
        for _ in 0..2 {
            let told = tenants.run("apply t00").with(3).stdout;
            tells(&told, &["Not touched: 1 ", object]);
            assert!(!told.contains("is as declared"), "{told}");
            tenants.run("apply --all").with(3);
            assert_eq!(tenants.json("apply t00", 3)["drifted"], true, "{damage}");
        }
        tenants.declare("[tables.c]\ncolumns = { x = \"int\" }\n");
        tenants.run("apply t00").with(3);
        tenants.run("drift").with(2);
        tenants.run("apply t01").with(0);
        tenants.declare(
            "[tables.c]\ncolumns = { x = \"int\" }\n[drift]\nexceptions = [\
             { tenant = \"t00\", reason = \"moves\", until = \"2999-12-31\" }]\n",
        );
        let told = tenants.run("apply t00").with(0).stdout;
        tells(&told, &["Accepted: moves (until 2999-12-31)."]);
        tenants.run("apply --all").with(0);
        tenants.run("drift").with(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_manifest_ignores_leaves_an_apply_done() {
    let tenants = Tenants::new(
        2,
        "CREATE VIEW t00.v AS SELECT 1 AS x; CREATE TABLE t00.other ();
         ALTER TABLE t00.b FORCE ROW LEVEL SECURITY",
    )
    .await;
    tenants.declare("[drift]\nignore = [\"view *\", \"table other\", \"*row security of *\"]\n");
    let drift = tenants.run("drift").stdout;
    tenants.run("apply t00").with(0);
    let told = tenants.run("apply t00").with(0).stdout;
    tells(&told, &["is as declared", "Not touched: 3 ignored by the manifest."]);
    tenants.run("apply --all").with(0);
    tenants.run("drift").with(0);
    assert!(drift.contains("2 in sync"), "{drift}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_a_failed_build_left_is_told_as_invalid() {
    let damage = "CREATE TABLE t00.c (x int NOT NULL); INSERT INTO t00.c VALUES (1), (1)";
    let tenants = Tenants::new(1, damage).await;
    tenants.declare(
        "[tables.c]\ncolumns = { x = \"int\" }\n\
         indexes = [{ name = \"c_x\", columns = [\"x\"], unique = true }]\n",
    );
    let mut connection = tenants.database.connect().await;
    let failed = sqlx::raw_sql("CREATE UNIQUE INDEX CONCURRENTLY c_x ON t00.c (x)")
        .execute(&mut connection)
        .await;
    assert!(failed.is_err(), "there are duplicates");
    let text = tenants.run("drift").with(2).stdout;
    tells(&text, &["different index c_x on c", "- INVALID: not used by queries"]);
    tells(&tenants.run("plan t00").with(0).stdout, &["~ changed index c_x on c", "INVALID"]);
}

const EXCEPTION: &str = "[drift]\nexceptions = [{ tenant = \"t00\", reason = \"moves|in\", until = \
                         \"2999-12-31\" }]\n";

#[tokio::test(flavor = "multi_thread")]
async fn who_is_excepted_is_told_with_the_reason_and_the_last_day() {
    let tenants = Tenants::new(4, DIFFERENT).await;
    tenants.declare(EXCEPTION);
    let text = tenants.run("drift").with(2).stdout;
    tells(&text, &["\n  t01\n  excepted, moves|in (until 2999-12-31): t00\n"]);
    let page = tenants.run("drift --format markdown").with(2).stdout;
    tells(&page, &["| t01; excepted, moves\\|in (until 2999-12-31): t00 |"]);
    let github = tenants.run("drift --format github").with(2).stdout;
    tells(&github, &["different column a.code (t01; excepted, moves|in (until 2999-12-31): t00)"]);
    let plan = tenants.run("plan t00").with(0).stdout;
    tells(&plan, &["Not touched: 1 changed", "Accepted: moves|in (until 2999-12-31)."]);
    let other = tenants.run("plan t01").with(0).stdout;
    assert!(other.contains("Not touched: 1 changed") && !other.contains("Accepted"), "{other}");
    let status = tenants.run("status t00").with(0).stdout;
    tells(
        &status,
        &["conforms now: no", "  accepted by [drift] exceptions: moves|in (until 2999-12-31)\n"],
    );
    assert_eq!(tenants.json("status t00", 0)["exception"], "moves|in (until 2999-12-31)");
    assert_eq!(tenants.json("status t01", 0)["exception"], Value::Null);
    assert_eq!(tenants.json("status t03", 0)["exception"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_format_hides_in_what_tenants_differ() {
    let damage = "ALTER TABLE t00.b DROP COLUMN a; CREATE TABLE t00.x (); CREATE TABLE t00.y ();
        ALTER TABLE t00.a ALTER code TYPE varchar(9); CREATE VIEW t01.b AS SELECT 1 AS a;
        CREATE TEXT SEARCH CONFIGURATION t00.v (COPY = pg_catalog.simple)";
    let tenants = Tenants::new(2, &format!("DROP TABLE t01.b; {damage}")).await;
    let all = [
        "+ column b.a",
        "+ constraint b_a on b",
        "+ index b_a_idx on b",
        "~ changed column a.code",
        "- type character varying(9)",
        "+ type text",
        "extra table x",
        "extra table y",
        "unmodelled text search configuration v",
    ];
    tells(&tenants.run("drift").with(2).stdout, &all);
    let page = tenants.run("drift --format markdown").with(2).stdout;
    tells(&page, &all);
    tells(&page, &["<details><summary>1 tenant: missing column b.a and 2 more; different"]);
    let junit = tenants.run("drift --format junit").with(2).stdout;
    tells(&junit, &all);
    tells(
        &junit,
        &["message=\"missing column b.a and 2 more; different column a.code; undeclared"],
    );

    // Why something cannot be planned, and what an apply would not touch.
    let page = tenants.run("plan --all --format markdown").with(0).stdout;
    tells(
        &page,
        &[
            "#### Not touched\n\n- 1 tenant (t00): different column a.code",
            "<details><summary>1 tenant (t00)</summary>",
            "- type character varying(9)",
            "+ type text",
            "the name of table b is taken by a view",
        ],
    );
    tenants.database.run("DROP TABLE t00.b; ALTER TABLE t01.a ALTER code TYPE varchar(9)").await;
    tenants.database.run("DROP VIEW t01.b").await;
    tenants.run("apply --all").with(3);
    register(&tenants.database, ["new".to_owned()]).await;
    let page = tenants.run("plan --all --format markdown").with(0).stdout;
    let title = "### Nothing to do, but not as declared\n";
    let left = page.split_once(title).expect(title).1;
    tells(left, &["<details><summary>1 tenant (t01)</summary>", "- type character varying(9)"]);
    assert!(!page.contains("\\n"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_have_no_effect_are_told() {
    let tenants = Tenants::new(4, DIFFERENT).await;
    let exception = |tenant: &str, until: &str| {
        format!("{{ tenant = \"{tenant}\", reason = \"moves\", until = \"{until}\" }}")
    };
    let exceptions = [
        exception("t00", "2999-12-31"),
        exception("t01", "2020-01-31"),
        exception("nobody", "2999-12-31"),
        exception("t02", "2999-12-31"),
    ];
    tenants.declare(&format!(
        "[drift]\nignore = [\"table scratch_?\", \"table extar_*\"]\nexceptions = [{}]\n",
        exceptions.join(", ")
    ));
    let lines = [
        "ignore \"table extar_*\": no tenant has such an object",
        "exception for t01: it was valid until 2020-01-31",
        "exception for nobody: there is no such tenant",
        "exception for t02: the tenant is as declared",
    ];
    let text = tenants.run("drift").with(2).stdout;
    let title = "Rules of [drift] that have no effect\n";
    let told: Vec<&str> = text.split_once(title).expect(title).1.lines().map(str::trim).collect();
    assert_eq!(told, lines);
    let page = tenants.run("drift --format markdown").with(2).stdout;
    tells(
        &page,
        &["### Rules of \\[drift\\] that have no effect\n", "- exception for nobody: there"],
    );
    let json = tenants.json("drift", 2);
    let told = json["unused_rules"].as_array().expect("a list");
    assert_eq!(told.len(), 4, "{json}");
    assert_eq!(told[0], json!({ "rule": "ignore", "pattern": "table extar_*" }));
    assert_eq!(
        told[1],
        json!({ "rule": "exception", "tenant": "t01", "until": "2020-01-31", "why": "expired" })
    );
    // Of tenants that nobody has looked at, nothing is known; nor does it decide about anything.
    let some = tenants.run("drift --match t00 --match t02").with(0).stdout;
    tells(&some, &[lines[1]]);
    assert!(!some.contains("nobody") && !some.contains("extar"), "{some}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_object_that_is_told_can_be_ignored() {
    let tenants = Tenants::new(1, "CREATE SCHEMA z").await;
    let everything = include_str!("../golden/extra_and_unmodelled/live.sql");
    tenants.database.run(&format!("SET search_path = t00; {everything}")).await;
    let differences = &tenants.json("drift", 2)["shapes"][0]["difference"];
    let unmodelled = differences["unmodelled"].as_array().expect("a list");
    assert!(unmodelled.len() >= 3, "{differences}");
    let patterns: Vec<String> = unmodelled
        .iter()
        .map(|at| format!("'{} *'", at["kind"].as_str().expect("a kind")))
        .collect();
    tenants.declare(&format!("[drift]\nignore = [{}]\n", patterns.join(", ")));
    tenants.run("validate").with(0);
}
