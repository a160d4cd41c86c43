//! Walk-throughs: blocks of a page that are carried out in order, in a folder and a database of
//! their own, and whose output is compared. HTML comments, which readers do not see, say so:
//!
//! - `walk-through: NAME` begins one;
//! - `file: NAME`, before a block: that is the file's text; `append: NAME`: it is added to it;
//! - `sql`, before a block: it is run; `sql in: a, b`: in each of these schemas, which are created;
//! - `setup`, and SQL on the lines below it: it is run, and readers need not know;
//! - `run`, before a `console` block: commands after `$ `, and what they print.
//!
//! `UPDATE_GOLDEN=1 cargo test walk_throughs` writes the output anew where it differs.

use super::page::{Fence, Item, Page, root};
use super::shell;
use crate::support::tool::{on, run};
use crate::support::{Database, Folder};

/// The state of a walk-through.
struct Walk {
    database: Database,
    folder: Folder,
    last_code: i32,
}

/// Carries out all walk-throughs of a page; what went differently.
pub async fn page(page: &Page) -> Vec<String> {
    let mut walk: Option<Walk> = None;
    let mut failures = Vec::new();
    let mut edits = Vec::new();
    for item in &page.items {
        if item.marker.starts_with("walk-through:") {
            let database = Database::new().await;
            let folder = Folder { dir: tempfile::tempdir().expect("a temporary folder") };
            walk = Some(Walk { database, folder, last_code: 0 });
            continue;
        }
        let (Some(walk), Some((what, argument))) = (&mut walk, instruction(item)) else {
            continue;
        };
        match (what, &item.fence) {
            ("setup", None) => walk.database.run(argument).await,
            ("file", Some(fence)) => walk.folder.write(argument, &fence.text),
            ("append", Some(fence)) => {
                let file = walk.folder.dir.path().join(argument);
                let before = std::fs::read_to_string(&file).expect("the file to append to");
                walk.folder.write(argument, &format!("{before}\n{}", fence.text));
            }
            ("sql", Some(fence)) => walk.sql(argument, &fence.text).await,
            ("run", Some(fence)) => {
                let shown = walk.console(fence).await;
                if without_times(&shown) == without_times(&fence.text) {
                    continue;
                }
                let diff = similar::TextDiff::from_lines(fence.text.as_str(), shown.as_str());
                failures.push(format!("{}:\n{}", page.at(item), diff.unified_diff()));
                edits.push((fence.start..fence.start + fence.text.len(), shown));
            }
            _ => failures.push(format!("{}: {what} stands in the wrong place", page.at(item))),
        }
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() && !edits.is_empty() {
        let mut text = page.text.clone();
        for (range, shown) in edits.into_iter().rev() {
            text.replace_range(range, &shown);
        }
        std::fs::write(root().join(&page.path), text).expect("writing the page");
        return Vec::new();
    }
    failures
}

/// The first word of a marker that is an instruction, and the rest.
pub fn instruction(item: &Item) -> Option<(&str, &str)> {
    let (first, rest) = item.marker.split_once(['\n', ':', ' ']).unwrap_or((&item.marker, ""));
    let known = ["setup", "file", "append", "sql", "run"];
    known.contains(&first).then_some((first, rest.trim()))
}

impl Walk {
    async fn sql(&self, argument: &str, sql: &str) {
        let Some(schemas) = argument.strip_prefix("in:") else {
            return self.database.run(sql).await;
        };
        for schema in schemas.split(',').map(str::trim) {
            let path = format!("CREATE SCHEMA IF NOT EXISTS {schema}; SET search_path = {schema};");
            self.database.run(&format!("{path}\n{sql}")).await;
        }
    }

    /// What a terminal would show.
    async fn console(&mut self, fence: &Fence) -> String {
        let mut shown = String::new();
        let mut lines = fence.text.lines().peekable();
        while let Some(line) = lines.next() {
            let Some(command) = line.strip_prefix("$ ") else { continue };
            shown.push_str(&format!("$ {command}\n"));
            let mut whole = command.to_owned();
            while let Some(next) = lines.next_if(|_| whole.ends_with('\\')) {
                shown.push_str(&format!("{next}\n"));
                whole = format!("{}{next}", whole.trim_end_matches('\\'));
            }
            let is_last = !lines.clone().any(|line| line.starts_with("$ "));
            let output = self.command(&whole).await;
            let output = if whole.ends_with("> /dev/null") { String::new() } else { output };
            shown.push_str(&output);
            // A blank line before the next prompt is for readers.
            if !is_last && !output.is_empty() {
                shown.push('\n');
            }
        }
        shown
    }

    async fn command(&mut self, command: &str) -> String {
        let commands = shell::commands(command);
        let words: Vec<&str> = commands.iter().flatten().map(String::as_str).collect();
        match words.as_slice() {
            ["echo", "$?"] => format!("{}\n", self.last_code),
            ["psql", "$DATABASE_URL", "-qc", sql] => {
                self.database.run(sql).await;
                String::new()
            }
            ["provision", args @ ..] => {
                let ended = run(on(&self.database, self.folder.dir.path(), args));
                self.last_code = ended.code.expect("an exit code");
                let is_told = |line: &&str| !line.contains(" INFO ") && !line.contains(" WARN ");
                let told: String =
                    ended.stderr.lines().filter(is_told).map(|line| format!("{line}\n")).collect();
                plain(&ended.stdout) + &told
            }
            other => panic!("nobody knows how to run {other:?}"),
        }
    }
}

/// Without the trailing blank lines and spaces that editors take away.
fn plain(text: &str) -> String {
    let lines = text.trim_end().lines().map(|line| format!("{}\n", line.trim_end()));
    lines.collect()
}

/// Times and ids differ from run to run.
fn without_times(text: &str) -> String {
    let is_timed = |line: &str| {
        [" ms", " s.", "apply "].iter().any(|sign| line.contains(sign))
            || ["created ", "updated ", "recorded ", "current "]
                .iter()
                .any(|start| line.starts_with(start))
            || line.starts_with("  20")
    };
    let mut lines = Vec::new();
    for line in text.lines() {
        if !is_timed(line) {
            lines.push(line.to_owned());
            continue;
        }
        let words = line.split([' ', '(', ')', ',']).filter(|word| !word.is_empty());
        let timeless = words.map(|word| {
            let is_id = word.len() >= 36 && word.contains('-');
            let is_number = word.contains(|c: char| c.is_ascii_digit());
            if is_id || is_number { "N" } else { word }
        });
        lines.push(timeless.collect::<Vec<_>>().join(" "));
    }
    lines.join("\n")
}
