//! What the pages say is so: links lead somewhere, manifests load, commands parse, walk-throughs
//! print what is shown, and nothing that the code has is left out.

mod complete;
mod page;
mod requests;
mod shell;
mod walk;

use std::collections::BTreeSet;
use std::path::Path;

use clap::Parser as _;
use provision::cli::Cli;

use self::page::{Item, Page, root};
use crate::support::{Database, Folder};

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
            folder.write("seeds/countries.csv", "code,name\nPT,Portugal\n");
            if let Err(error) = provision::manifest::load(&folder.manifest()) {
                panic!("{}: {}", page.at(item), provision::causes::chain(&error));
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
    let workflow = std::fs::read_to_string(root().join("contrib/github/tenants.yml"));
    let workflow = workflow.expect("the workflow").replace("run: |", "").replace("run: ", "");
    check("contrib/github/tenants.yml", &workflow);
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
            // What Citus must be there for is run by the tests that are given one.
            if walk::instruction(item).is_some() || item.marker == "needs Citus" {
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
