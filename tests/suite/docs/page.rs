//! Just enough Markdown to read our own pages: fences with the comment before them, headings,
//! links, code spans.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A page of the documentation.
pub struct Page {
    /// From the repository's root.
    pub path: PathBuf,
    pub text: String,
    pub items: Vec<Item>,
}

/// A comment, a fence, or a fence with the comment that stands directly before it.
#[derive(Debug)]
pub struct Item {
    /// What the comment says; empty without one.
    pub marker: String,
    pub fence: Option<Fence>,
    /// Line on which it starts, from one.
    pub line: usize,
}

/// A block of code.
#[derive(Debug)]
pub struct Fence {
    pub language: String,
    /// The lines between the fences.
    pub text: String,
    /// Where they start in the page, in bytes.
    pub start: usize,
}

impl Page {
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(root().join(path))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path: path.to_owned(), items: items(&text), text }
    }

    /// README.md and everything in docs/.
    pub fn all() -> Vec<Self> {
        let pages = std::fs::read_dir(root().join("docs")).expect("docs/");
        let mut paths: Vec<PathBuf> = pages
            .map(|entry| Path::new("docs").join(entry.expect("an entry").file_name()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
            .collect();
        paths.sort();
        paths.insert(0, "README.md".into());
        paths.iter().map(|path| Self::read(path)).collect()
    }

    pub fn fences(&self) -> impl Iterator<Item = (&Item, &Fence)> {
        self.items.iter().filter_map(|item| Some((item, item.fence.as_ref()?)))
    }

    /// `docs/page.md:12`, for failures.
    pub fn at(&self, item: &Item) -> String {
        format!("{}:{}", self.path.display(), item.line)
    }

    /// Lines that are neither in a fence nor in a comment.
    pub fn prose(&self) -> Vec<&str> {
        let mut prose = Vec::new();
        let (mut in_fence, mut in_comment) = (false, false);
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                in_fence = !in_fence;
            } else if !in_fence {
                in_comment |= line.starts_with("<!--");
                if !in_comment {
                    prose.push(line);
                }
                in_comment &= !line.ends_with("-->");
            }
        }
        prose
    }

    /// What a link's `#…` may name, as GitHub makes it of the headings.
    pub fn anchors(&self) -> BTreeSet<String> {
        let mut anchors = BTreeSet::new();
        for line in self.prose() {
            if !line.starts_with('#') {
                continue;
            }
            let plain: String = line
                .trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect();
            let numbered = (1..).map(|n| format!("{plain}-{n}"));
            let free = std::iter::once(plain.clone()).chain(numbered);
            anchors.extend(free.into_iter().find(|anchor| !anchors.contains(anchor)));
        }
        anchors
    }

    /// Targets of links and images.
    pub fn links(&self) -> Vec<&str> {
        let starts = self.prose().into_iter().flat_map(|line| line.split("](").skip(1));
        starts.filter_map(|rest| Some(rest.split_once(')')?.0)).collect()
    }

    /// What stands between backticks.
    pub fn code_spans(&self) -> Vec<&str> {
        self.prose().into_iter().flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
    }
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn items(text: &str) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut position = 0;
    let lines = text.split_inclusive('\n').enumerate().map(|(at, line)| {
        position += line.len();
        (at + 1, line.trim_end_matches('\n'), position)
    });
    let mut lines = lines.collect::<Vec<_>>().into_iter();
    let mut is_directly_before = false;
    while let Some((number, line, end)) = lines.next() {
        if let Some(rest) = line.strip_prefix("<!--") {
            let mut marker = rest.to_owned();
            while !marker.contains("-->") {
                let (_, next, _) = lines.next().expect("a comment ends");
                marker.push('\n');
                marker.push_str(next);
            }
            let marker = marker.split("-->").next().unwrap_or_default().trim().to_owned();
            items.push(Item { marker, fence: None, line: number });
            is_directly_before = true;
            continue;
        }
        if let Some(language) = line.strip_prefix("```") {
            let mut inside = String::new();
            for (_, line, _) in lines.by_ref().take_while(|(_, line, _)| !line.starts_with("```")) {
                inside.push_str(line);
                inside.push('\n');
            }
            let fence = Fence { language: language.to_owned(), text: inside, start: end };
            match items.last_mut().filter(|_| is_directly_before) {
                Some(item) => item.fence = Some(fence),
                None => {
                    items.push(Item { marker: String::new(), fence: Some(fence), line: number });
                }
            }
        }
        is_directly_before = false;
    }
    items
}
