//! Nothing that the code has is left out of the pages, and nothing is made up.

use std::collections::BTreeSet;
use std::path::Path;

use clap::CommandFactory as _;
use provision::cli::Cli;
use serde_json::Value;

use super::page::{Page, root};
use crate::support::service::document;
use crate::support::{Database, Folder, tool};

/// All options and variables of a command and those below it.
fn arguments(command: &clap::Command, options: &mut BTreeSet<String>) {
    for argument in command.get_arguments() {
        options.extend(argument.get_long().map(|long| format!("--{long}")));
        options.extend(argument.get_env().map(|env| env.to_string_lossy().into_owned()));
    }
    for below in command.get_subcommands() {
        arguments(below, options);
    }
}

#[test]
fn no_command_or_option_is_left_out_or_made_up() {
    let page = Page::read(Path::new("docs/commands.md"));
    let spans = page.code_spans();
    let is_told = |what: &str| {
        spans.iter().any(|span| span.split([' ', '=', '[', ',']).any(|word| word == what))
    };
    let command = Cli::command();
    for below in command.get_subcommands() {
        assert!(is_told(below.get_name()), "docs/commands.md leaves out {}", below.get_name());
    }
    let mut options = BTreeSet::new();
    arguments(&command, &mut options);
    for option in &options {
        assert!(is_told(option), "docs/commands.md leaves out {option}");
    }
    let of_other_programs = [
        "--all-features",
        "--bindir",
        "--bench",
        "--fake",
        "--features",
        "--locked",
        "--no-privileges",
        "--open",
        "--path",
        "--read-only",
        "--schema",
        "--schema-only",
        "--script",
        "--tenants",
    ];
    options.extend(of_other_programs.map(str::to_owned));
    for page in Page::all() {
        for span in page.code_spans() {
            for word in
                span.split([' ', '=']).filter(|word| word.len() > 2 && word.starts_with("--"))
            {
                assert!(options.contains(word), "{}: no option {word}", page.path.display());
            }
        }
    }
}

#[test]
fn no_key_of_the_manifest_is_left_out() {
    fn keys(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                if let Some(properties) = object.get("properties").and_then(Value::as_object) {
                    found.extend(properties.keys().cloned());
                }
                object.values().for_each(|value| keys(value, found));
            }
            Value::Array(all) => all.iter().for_each(|value| keys(value, found)),
            _ => {}
        }
    }
    let schema = serde_json::to_value(provision::manifest::json_schema()).expect("JSON");
    let mut found = BTreeSet::new();
    keys(&schema, &mut found);
    assert!(found.len() > 40, "{found:?}");
    let page = Page::read(Path::new("docs/manifest.md"));
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words: BTreeSet<&str> =
        page.code_spans().into_iter().flat_map(|span| span.split(|c| !is_word(c))).collect();
    for key in found {
        assert!(words.contains(key.as_str()), "docs/manifest.md leaves out {key}");
    }
}

/// The names of all metrics, from the one file in which they stand.
fn metrics() -> BTreeSet<&'static str> {
    let source = include_str!("../../../src/telemetry.rs");
    let constants = source.lines().filter(|line| line.starts_with("const "));
    let names = constants.filter_map(|line| line.split_once(": &str = \"")?.1.strip_suffix("\";"));
    names.collect()
}

#[test]
fn no_metric_is_left_out_or_made_up() {
    let metrics = metrics();
    assert!(metrics.len() > 10, "{metrics:?}");
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let page = Page::read(Path::new("docs/operations.md"));
    let told: BTreeSet<&str> =
        page.code_spans().into_iter().flat_map(|span| span.split(|c| !is_name(c))).collect();
    for name in &metrics {
        assert!(told.contains(name), "docs/operations.md leaves out {name}");
    }
    let alerts = std::fs::read_to_string(root().join("contrib/prometheus-alerts.yml"));
    let alerts = alerts.expect("the alerts");
    let mut count = 0;
    for name in alerts.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(|line| {
        line.split(|c| !is_name(c))
            .filter(|w| w.starts_with("provision_") || w.starts_with("http_"))
    }) {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        assert!(metrics.contains(base.unwrap_or(name)), "the alerts have {name}");
        count += 1;
    }
    assert!(count >= 4, "only {count} metrics in the alerts");
}

#[test]
fn no_route_is_left_out() {
    let page = Page::read(Path::new("docs/service.md"));
    let spans = page.code_spans().join(" ");
    let words: BTreeSet<&str> = spans.split([' ', '?', ',']).collect();
    let paths = document()["paths"].as_object().expect("paths");
    assert!(paths.len() >= 8, "{paths:?}");
    for path in paths.keys().map(String::as_str).chain(["/openapi.json"]) {
        assert!(words.contains(path), "docs/service.md leaves out {path}");
    }
}

/// Each statement in the table of `docs/locks.md` takes the lock that the table says.
#[tokio::test(flavor = "multi_thread")]
async fn statements_take_the_locks_that_the_page_says() {
    let page = Page::read(Path::new("docs/locks.md"));
    let (_, table) = page.text.split_once("<!-- locks on t -->\n").expect("the table");
    let database = Database::new().await;
    database.run("CREATE TABLE t (a int PRIMARY KEY); CREATE TABLE u (a int PRIMARY KEY)").await;
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() >= 8, "{rows:?}");
    for row in rows {
        let statement = row[0].trim_matches('`');
        let mut conn = database.connect().await;
        let script = format!(
            "BEGIN; {statement}; SELECT string_agg(mode, ', ') FROM pg_locks \
             WHERE relation = 't'::regclass AND pid = pg_backend_pid() AND mode <> 'AccessShareLock'"
        );
        let answer = sqlx::raw_sql(sqlx::AssertSqlSafe(script)).fetch_one(&mut conn).await;
        let modes: Option<String> = sqlx::Row::get(&answer.expect(statement), 0);
        let modes = modes.unwrap_or_default();
        let told = format!("{}lock", row[1].replace(' ', "").to_lowercase());
        let is_taken = modes.to_lowercase().split(", ").any(|mode| mode == told);
        assert!(is_taken, "{statement}: {modes}, not {}", row[1]);
        let is_stronger = told != "accessexclusivelock" && modes.contains("AccessExclusive");
        assert!(!is_stronger, "{statement}: {modes}, not {}", row[1]);
    }
}

/// The keys of JSON results are those in the table of `docs/commands.md`.
#[tokio::test(flavor = "multi_thread")]
async fn json_has_the_keys_that_the_page_says() {
    let page = Page::read(Path::new("docs/commands.md"));
    let database = Database::new().await;
    let folder = Folder::new(
        "version = 1\n[tenants]\nlist = [\"acme\"]\n[tables.t]\ncolumns = { id = \"int\" }\n",
    );
    let mut count = 0;
    for line in page.text.lines().filter(|line| line.contains("--format json` | ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let command = cells[0].trim_matches('`').replace("<id>", "acme");
        let words: Vec<&str> = command.split(' ').collect();
        let shown = tool::run(tool::on(&database, folder.dir.path(), &words)).stdout;
        let value: Value = serde_json::from_str(&shown).expect("JSON");
        for key in value.as_object().expect("an object").keys() {
            assert!(cells[1].contains(&format!("`{key}`")), "{command}: {key} is left out");
        }
        count += 1;
    }
    assert!(count >= 6, "only {count} rows were found");
}
