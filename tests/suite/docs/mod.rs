//! What the pages say is so: links lead somewhere, manifests load, commands parse, walk-throughs
//! print what is shown, and nothing that the code has is left out.

mod page;
mod shell;
mod walk;

use std::collections::BTreeSet;
use std::path::Path;

use clap::{CommandFactory as _, Parser as _};
use provision::cli::Cli;
use serde_json::Value;

use self::page::{Item, Page, root};
use crate::support::service::{READ_TOKEN, Service, TOKEN, bearer, document};
use crate::support::{Database, Folder, tool};

#[test]
fn the_readme_is_short() {
    let lines = Page::read(Path::new("README.md")).text.lines().count();
    assert!(lines <= 200, "it has {lines} lines; what is more goes to docs/");
}

#[test]
fn links_and_anchors_lead_somewhere() {
    let pages = Page::all();
    let mut broken = Vec::new();
    for page in &pages {
        for link in page.links() {
            if link.starts_with("https://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = page.path.parent().expect("a folder");
            let target = if file.is_empty() { page.path.clone() } else { normal(folder, file) };
            let known = pages.iter().find(|page| page.path == target);
            let leads = match known {
                Some(page) => anchor.is_empty() || page.anchors().contains(anchor),
                None => anchor.is_empty() && root().join(&target).exists(),
            };
            if !leads {
                broken.push(format!("{}: {link}", page.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// A relative link without its `..`.
fn normal(folder: &Path, file: &str) -> std::path::PathBuf {
    let mut path = folder.to_owned();
    for part in file.split('/') {
        if part == ".." {
            path.pop();
        } else {
            path.push(part);
        }
    }
    path
}

#[test]
fn every_page_is_named_in_the_readme() {
    let pages = Page::all();
    let links: BTreeSet<&str> = pages[0].links().into_iter().collect();
    for page in &pages[1..] {
        let path = page.path.to_str().expect("a plain name");
        assert!(links.iter().any(|link| link.split('#').next() == Some(path)), "{path}");
    }
}

#[test]
fn manifests_on_the_pages_load() {
    let mut count = 0;
    for page in Page::all() {
        for (item, fence) in page.fences().filter(|(_, fence)| fence.language == "toml") {
            if walk::instruction(item).is_some() {
                continue; // A walk-through uses it.
            }
            let is_whole = fence.text.contains("version = 1");
            let start = if is_whole { "" } else { "version = 1\n" };
            let folder = Folder::new(&format!("{start}{}", fence.text));
            for file in ["seeds/countries.csv"] {
                folder.write(file, "code,name\nPT,Portugal\n");
            }
            if let Err(error) = provision::manifest::load(&folder.manifest()) {
                panic!("{}: {}", page.at(item), provision::error::chain(&error));
            }
            count += 1;
        }
    }
    assert!(count > 0, "no manifest was found");
}

#[test]
fn commands_on_the_pages_parse() {
    let mut count = 0;
    let mut check = |place: &str, script: &str| {
        for command in shell::commands(script) {
            if command.first().is_some_and(|program| program == "provision") {
                count += 1;
                parses(place, &command);
            }
        }
    };
    for page in Page::all() {
        for (item, fence) in page.fences() {
            match fence.language.as_str() {
                "sh" => check(&page.at(item), &fence.text),
                "console" => {
                    let text = fence.text.replace("\n$ ", "\n").replacen("$ ", "", 1);
                    assert_eq!(walk::instruction(item), Some(("run", "")), "{}", page.at(item));
                    check(&page.at(item), &text);
                }
                _ => {}
            }
        }
        for span in page.code_spans() {
            if span.starts_with("provision ") && !span.contains(['…', '|']) {
                let filled = span.replace("<id>", "acme").replace("<command>", "plan");
                check(&page.path.display().to_string(), &filled);
            }
        }
    }
    for file in ["contrib/github/tenants.yml"] {
        let text = std::fs::read_to_string(root().join(file)).expect(file);
        check(file, &text.replace("run: |", "").replace("run: ", ""));
    }
    let unit = std::fs::read_to_string(root().join("contrib/provision.service")).expect("unit");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/"));
    check("contrib/provision.service", start.expect("ExecStart"));
    check("contrib/Dockerfile", &entry_point());
    assert!(count > 30, "only {count} commands were found");
}

/// ENTRYPOINT and CMD of the Dockerfile as one command.
fn entry_point() -> String {
    let text = std::fs::read_to_string(root().join("contrib/Dockerfile")).expect("Dockerfile");
    let words = |key: &str| -> Vec<String> {
        let line = text.lines().find_map(|line| line.strip_prefix(key)).expect(key);
        serde_json::from_str(line).expect("a JSON array")
    };
    [words("ENTRYPOINT "), words("CMD ")].concat().join(" ")
}

fn parses(place: &str, command: &[String]) {
    if let Err(error) = Cli::try_parse_from(command) {
        use clap::error::ErrorKind::{
            DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, MissingRequiredArgument,
        };
        // Text may mention `provision plan` without the rest.
        let is_mention = command.len() <= 2
            && matches!(
                error.kind(),
                MissingRequiredArgument | DisplayHelpOnMissingArgumentOrSubcommand
            );
        let is_help = error.kind() == DisplayHelp;
        assert!(is_help || is_mention, "{place}: {command:?}\n{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn walk_throughs_print_what_is_shown() {
    let mut failures = Vec::new();
    for page in Page::all() {
        failures.extend(walk::page(&page).await);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

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
        "--bench",
        "--fake",
        "--features",
        "--locked",
        "--open",
        "--path",
        "--read-only",
        "--schema",
        "--schema-only",
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

/// `curl` lines are sent to a service, and JSON answers have the keys that are shown.
#[tokio::test(flavor = "multi_thread")]
async fn requests_on_the_page_are_answered_as_shown() {
    let page = Page::read(Path::new("docs/service.md"));
    let database = Database::new().await;
    let manifest = std::fs::read_to_string(root().join("schema.toml")).expect("the example");
    let folder = Folder::new(&manifest);
    let seeds = std::fs::read_to_string(root().join("seeds/cad_lookup.csv")).expect("seeds");
    folder.write("seeds/cad_lookup.csv", &seeds);
    let service = Service::start_on(&database.url, folder, &["--interval", "0"]);
    let mut answers: Vec<Value> = Vec::new();
    for (_, fence) in page.fences().filter(|(_, fence)| fence.language == "sh") {
        for command in shell::commands(&fence.text) {
            if command[0] != "curl" {
                continue;
            }
            let (method, path, headers) = request(&command);
            let answer = service.call(&method, &path, &headers, "").await;
            assert!(matches!(answer.status, 200 | 202), "{command:?}: {answer:?}");
            if answer.status == 200 {
                answers.push(answer.json());
            }
        }
    }
    assert!(answers.len() >= 3, "only {} requests were found", answers.len());
    let shown = page.fences().find(|(item, _)| item.marker == "answer of the first request");
    let shown: Value = serde_json::from_str(&shown.expect("an answer").1.text).expect("JSON");
    let keys = |value: &Value| -> Vec<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    assert_eq!(keys(&shown), keys(&answers[0]));
    assert_eq!(shown["statements"], answers[0]["statements"]);
}

/// Method, path and headers of a `curl` command, with tokens for `$(cat …)`.
fn request(command: &[String]) -> (String, String, String) {
    let (mut method, mut path, mut headers) = ("GET".to_owned(), String::new(), String::new());
    let mut words = command[1..].iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-X" => method.clone_from(words.next().expect("a method")),
            "-H" => {
                let header = words.next().expect("a header");
                match header.as_str() {
                    "Authorization: Bearer $(cat token)" => headers.push_str(&bearer(TOKEN)),
                    "Authorization: Bearer $(cat read-token)" => {
                        headers.push_str(&bearer(READ_TOKEN));
                    }
                    other => headers.push_str(&format!("{other}\r\n")),
                }
            }
            "-i" | "-s" | "-fsS" => {}
            url => {
                let rest = url.strip_prefix("http://127.0.0.1:8080").expect("the default address");
                rest.clone_into(&mut path);
            }
        }
    }
    (method, path, headers)
}

/// SQL on the pages that no walk-through runs is run in a database of its own, after the hidden
/// `needs` comment before it.
#[tokio::test(flavor = "multi_thread")]
async fn sql_on_the_pages_runs() {
    for page in Page::all() {
        let mut needs: Option<&Item> = None;
        for item in &page.items {
            if item.marker.starts_with("needs\n") {
                needs = Some(item);
            }
            let Some(fence) = item.fence.as_ref().filter(|fence| fence.language == "sql") else {
                continue;
            };
            if walk::instruction(item).is_some() {
                continue;
            }
            let database = Database::new().await;
            if let Some(needs) = needs.take() {
                database.run(needs.marker.trim_start_matches("needs")).await;
            }
            // Roles belong to the whole server: they go away with the transaction.
            database.run(&format!("BEGIN;\n{}\nROLLBACK;", fence.text)).await;
        }
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

/// The sample for `NestJS` is run, without its types and decorator, if there is a node.
#[tokio::test(flavor = "multi_thread")]
async fn the_nestjs_sample_provisions_a_tenant() {
    let page = Page::read(Path::new("docs/service.md"));
    let sample = page.fences().find(|(item, _)| item.marker == "run by node").expect("it").1;
    let script = sample
        .text
        .replace("@Injectable()\nexport ", "")
        .replace("(tenantId: string): Promise<void>", "(tenantId)");
    let database = Database::new().await;
    let manifest = "version = 1\n[tables.t]\ncolumns = { id = \"int\" }\n";
    let service = Service::start(&database, manifest, &["--interval", "0"]);
    let node = std::process::Command::new("node")
        .args(["-e", &format!("{script}\nnew TenantProvisioner().provision('acme');")])
        .env("PROVISION_URL", format!("http://{}", service.address))
        .env("PROVISION_TOKEN", TOKEN)
        .output();
    match node {
        Ok(ended) => {
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
            assert_eq!(database.count("acme._provision_state").await, 1);
        }
        Err(error) => eprintln!("not run, since there is no node: {error}"),
    }
}
