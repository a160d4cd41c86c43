//! What plans say that their steps lock, read, write again, may fail on and lose: each rule is proven by running such a step
//! on the server.

mod cases;
mod max_lock;
mod observed;

use std::collections::BTreeSet;
use std::path::Path;

use provision::hazards::Effect;
use provision::plan::hazards::{On, RULES};
use provision::plan::{Action, Plan, PlannedStep};
use provision::settings;
use sqlx::PgConnection;

use self::cases::{CASES, Case};
use self::observed::{Observed, run};
use crate::support::{self, Database, Folder, context, server_major, told};

async fn plan_of(case: &Case, database: &Database) -> Plan {
    let toml = case.toml.replace("{role}", &database.name);
    let files = if case.sql.is_empty() { "" } else { "[sql]\nfiles = [\"*.sql\"]\n" };
    let folder = Folder::new(&format!("version = 1\n{files}{toml}"));
    if !case.sql.is_empty() {
        folder.write("a.sql", case.sql);
    }
    let mut context = context(&folder.manifest(), database);
    context.consent = "alter,rebuild,drop".parse().expect("consent");
    let plan = support::plan(&context, "acme").await;
    plan.unwrap_or_else(|error| panic!("{:?}: {}", case.proves, told(&error)))
}

async fn prepare(case: &Case, database: &Database, rows: &str) {
    let script = format!(
        "DROP SCHEMA IF EXISTS acme CASCADE; CREATE SCHEMA acme; SET search_path = acme; {}; {rows}",
        case.before.replace("{role}", &database.name)
    );
    database.run(&script).await;
}

async fn begin(conn: &mut PgConnection) {
    run(conn, &format!("BEGIN; {}", settings::set_local())).await.expect("a transaction");
}

/// Runs the steps one by one, each in a transaction, and compares what it does with what is said of it. Returns the rules that
/// apply, and adds what is wrong to `wrong`.
async fn prove(case: &Case, database: &Database, wrong: &mut Vec<String>) -> BTreeSet<String> {
    prepare(case, database, case.rows).await;
    let plan = plan_of(case, database).await;
    let told: BTreeSet<String> =
        plan.steps.iter().flat_map(|step| step.hazards.rules.clone()).collect();
    for rule in case.proves.iter().filter(|rule| !told.contains(**rule)) {
        wrong.push(format!("{rule} does not apply, but {told:?}: {}", plan.to_sql()));
    }
    let has = |effect| plan.steps.iter().any(|step| step.hazards.effects.contains(&effect));
    let mut conn = database.connect().await;
    let client = format!("SET search_path = acme; {}; RESET search_path", case.client);
    let was_right = run(&mut conn, &client).await.is_ok();
    for step in &plan.steps {
        begin(&mut conn).await;
        let before = Observed::of(&mut conn).await;
        if let Err(error) = run(&mut conn, &step.sql).await {
            wrong.push(format!("{:?}: {error}\n{}", case.proves, step.sql));
            return told;
        }
        let after = Observed::of(&mut conn).await;
        compare(step, &before, &after, wrong);
        run(&mut conn, "COMMIT").await.expect("a commit");
    }
    let is_right = run(&mut conn, &client).await.is_ok();
    if has(Effect::BreaksClients) && was_right == is_right {
        wrong.push(format!("{:?} break nothing: {}", case.proves, case.client));
    }
    if has(Effect::CanFail) && !fails(case, database).await {
        wrong.push(format!("{:?} do not fail: {}", case.proves, case.bad));
    }
    told
}

/// Whether a step that is said to be able to fail does so, on the rows that are meant for it.
async fn fails(case: &Case, database: &Database) -> bool {
    prepare(case, database, case.bad).await;
    let plan = plan_of(case, database).await;
    let mut conn = database.connect().await;
    begin(&mut conn).await;
    for step in &plan.steps {
        if run(&mut conn, &step.sql).await.is_err() {
            return step.hazards.effects.contains(&Effect::CanFail);
        }
    }
    false
}

fn compare(step: &PlannedStep, before: &Observed, after: &Observed, wrong: &mut Vec<String>) {
    let said = step.hazards.in_short().unwrap_or_default();
    let is = |effect| step.hazards.effects.contains(&effect);
    let mut check = |what: &str, actual: bool, told: bool| {
        if actual != told {
            wrong.push(format!("{what}: {actual}, {}: {said}\n{}", step.describe(), step.sql));
        }
    };
    let rewrites = is(Effect::Rewrites);
    check("rewrites", after.rewrote(before), rewrites);
    if !rewrites {
        check("builds an index", after.built_index(before), is(Effect::BuildsIndex));
    }
    // Whether a row is there already may be read from an index or not.
    let is_of_row = matches!(step.action, Action::Insert | Action::Update | Action::Delete);
    if !is_of_row {
        let reads = rewrites || is(Effect::Scans) || is(Effect::BuildsIndex);
        check("reads", after.scanned(before), reads);
    }
    let is_other = step.to.is_some() || step.action == Action::Insert;
    if !is_other {
        check("loses data", after.lost(before), is(Effect::LosesData));
    }
    if !step.for_rebuild {
        check("loses an index", after.lost_index(before), is(Effect::SlowsQueries));
    }
    check("changes access", after.changed_access(before), is(Effect::ChangesAccess));
    let (actual, expected) = after.locks_against(&step.hazards, before);
    if actual != expected {
        wrong.push(format!(
            "locks {actual:?}, not {expected:?}: {}\n{}",
            step.describe(),
            step.sql
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_rule_is_true() {
    let database = Database::new().await;
    database.run(&format!("CREATE ROLE \"{}\"", database.name)).await;
    let (mut proven, mut wrong) = (BTreeSet::new(), Vec::new());
    for case in CASES.iter().filter(|case| case.since <= server_major()) {
        let told = prove(case, &database, &mut wrong).await;
        proven.extend(told.into_iter().filter(|rule| case.proves.contains(&rule.as_str())));
    }
    database.run(&format!("DROP OWNED BY \"{0}\"; DROP ROLE \"{0}\"", database.name)).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    for rule in RULES.iter().filter(|rule| rule.since <= server_major()) {
        assert!(proven.contains(rule.name), "no case proves {}", rule.name);
    }
    let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    for rule in CASES.iter().flat_map(|case| case.proves) {
        assert!(names.contains(rule), "there is no rule {rule}");
    }
}

/// New tables, with all that is on them, are nobody's business yet.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_plan_creates_itself_has_no_hazards() {
    let database = Database::new().await;
    let case = Case {
        before: "SELECT",
        sql: "CREATE TABLE t (a int PRIMARY KEY, b text DEFAULT random() NOT NULL, CHECK (a > 0));
              CREATE INDEX i ON t (b);
              CREATE VIEW v AS SELECT a FROM t;
              CREATE MATERIALIZED VIEW m AS SELECT a FROM t;
              CREATE UNIQUE INDEX j ON m (a);
              CREATE TABLE u (a int REFERENCES t)",
        ..Case::NONE
    };
    // With the schema, and in an empty one.
    for schema in ["SELECT", "CREATE SCHEMA acme"] {
        database.run(schema).await;
        let plan = plan_of(&case, &database).await;
        for step in &plan.steps {
            assert!(step.hazards.is_empty(), "{}: {:?}", step.describe(), step.hazards);
        }
        assert_eq!(plan.locks.tables.len(), 0);
    }
    // A key to a table that others use is something else.
    database.run("CREATE SCHEMA shared; CREATE TABLE shared.s (a int PRIMARY KEY)").await;
    let foreign = Case { sql: "CREATE TABLE t (a int REFERENCES shared.s)", ..Case::NONE };
    let plan = plan_of(&foreign, &database).await;
    let told: Vec<String> = plan.steps.iter().filter_map(|s| s.hazards.in_short()).collect();
    assert_eq!(told, ["locks table \"shared\".\"s\" SHARE ROW EXCLUSIVE"]);
}

/// A line for each rule.
fn table() -> String {
    let mut table = String::new();
    for rule in RULES {
        let locks = rule.locks.iter().map(|(on, mode)| match on {
            On::Own => mode.sql().to_owned(),
            _ => format!("{} on {}", mode.sql(), on.words()),
        });
        let locks: Vec<String> = locks.collect();
        let effects: Vec<String> =
            rule.effects.iter().map(|effect| format!("`{}`", effect.name())).collect();
        let since =
            if rule.since > 14 { format!(" (PostgreSQL {})", rule.since) } else { String::new() };
        let (locks, effects) = (locks.join(", "), effects.join(", "));
        table += &format!("| `{}` | {}{since} | {locks} | {effects} |\n", rule.name, rule.when);
    }
    table
}

#[test]
fn the_page_has_all_rules() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/hazards.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let (before, rest) = page.split_once("<!-- rules -->\n").expect("the table");
    let (told, after) = rest.split_once("\n\n").expect("an end of the table");
    let (head, rows) =
        told.split_at(told.match_indices('\n').nth(1).map_or(told.len(), |(at, _)| at));
    let rows = format!("{}\n", rows.trim_start());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let page = format!("{before}<!-- rules -->\n{head}\n{}\n{after}", table());
        std::fs::write(&path, page).expect("the page");
        return;
    }
    assert_eq!(rows, table(), "UPDATE_GOLDEN=1 writes it anew");
    // What stands for the checks of other tools exists.
    let (_, others) = after.split_once("| check | here |").expect("the other table");
    let names = Effect::ALL.map(Effect::name).into_iter().chain(RULES.iter().map(|rule| rule.name));
    let names: BTreeSet<&str> = names.chain(["not_valid", "locks"]).collect();
    for line in others.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---")) {
        let here = line.trim_matches('|').split('|').nth(1).expect("two columns");
        for name in here.split('`').skip(1).step_by(2) {
            assert!(names.contains(name), "there is no {name}");
        }
    }
}
