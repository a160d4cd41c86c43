//! TOML text → [`raw::Manifest`], with all errors at once.
//!
//! serde stops at its first error. So the entry that the error points to is noted, taken out, and
//! what is left is decoded again. What was taken out is remembered, so that its
//! absence is not reported.

use std::ops::Range;

use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::raw;
use super::report::Report;
use super::source::Source;

/// A file with more errors than this is not checked further.
const ROUNDS: usize = 200;

/// Paths of entries that were not understood, such as `tables`, `x`, `columns`, `y`.
#[derive(Debug, Default)]
pub(super) struct Damage(Vec<Vec<String>>);

impl Damage {
    /// Whether something at or below this path was taken out, or all of it with something above.
    pub(super) fn touches(&self, path: &[&str]) -> bool {
        self.0.iter().any(|damaged| damaged.iter().zip(path).all(|(a, b)| a == b))
    }
}

/// `None` when so little was understood that nothing more can be checked.
pub(super) fn manifest(source: &Source, report: &mut Report) -> (Option<raw::Manifest>, Damage) {
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    let mut damage = Damage::default();
    if !errors.is_empty() {
        for error in errors {
            report.at(source, &error.span().unwrap_or(0..0), error.message());
        }
        // What the parser made of broken syntax is a guess, and is not used.
        return (None, damage);
    }
    let span = document.span();
    let mut table = document.into_inner();
    for _ in 0..ROUNDS {
        let attempt = Spanned::new(span.clone(), table.clone());
        let error = match raw::Manifest::deserialize(toml::de::Deserializer::from(attempt)) {
            Ok(raw) => return (Some(raw), damage),
            Err(error) => error,
        };
        let at = error.span().unwrap_or(0..0);
        let is_missing = error.message().starts_with("missing field");
        let found = find(&table, &at, is_missing);
        let parent_is_damaged = found.as_ref().is_some_and(|path| {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            is_missing
                && damage.0.iter().any(|damaged| {
                    damaged.len() > path.len() && damaged.iter().zip(&path).all(|(a, b)| a == b)
                })
        });
        if !parent_is_damaged {
            report.at(source, &at, message(error.message()));
        }
        let Some(path) = found else {
            // Something is missing from the document itself.
            return (None, damage);
        };
        remove(&mut table, &path);
        damage.0.push(path);
    }
    (None, damage)
}

/// serde's message, without its back quotes.
pub(super) fn message(text: &str) -> String {
    let text = text.replace('`', "\"");
    match text.strip_prefix("missing field ") {
        Some(field) => format!("the key {field} is missing"),
        None => {
            text.replace("unknown field", "unknown key").replace("unknown variant", "unknown value")
        }
    }
}

/// The path of the smallest entry whose key or value covers the place. For a missing key, the
/// place is that of the table that lacks it.
fn find(table: &DeTable<'_>, at: &Range<usize>, whole: bool) -> Option<Vec<String>> {
    let mut best: Option<(usize, Vec<String>)> = None;
    search(table, at, whole, &mut Vec::new(), &mut best);
    best.map(|(_, path)| path)
}

fn search(
    table: &DeTable<'_>,
    at: &Range<usize>,
    whole: bool,
    path: &mut Vec<String>,
    best: &mut Option<(usize, Vec<String>)>,
) {
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        consider(&key.span(), at, whole, path, best);
        search_value(value, at, whole, path, best);
        path.pop();
    }
}

fn search_value(
    value: &Spanned<DeValue<'_>>,
    at: &Range<usize>,
    whole: bool,
    path: &mut Vec<String>,
    best: &mut Option<(usize, Vec<String>)>,
) {
    consider(&value.span(), at, whole, path, best);
    match value.get_ref() {
        DeValue::Table(table) => search(table, at, whole, path, best),
        DeValue::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                path.push(n.to_string());
                search_value(item, at, whole, path, best);
                path.pop();
            }
        }
        _ => {}
    }
}

fn consider(
    span: &Range<usize>,
    at: &Range<usize>,
    whole: bool,
    path: &[String],
    best: &mut Option<(usize, Vec<String>)>,
) {
    let covers = if whole { span == at } else { span.start <= at.start && at.end <= span.end };
    let length = span.len();
    // At equal size, the entry deeper down.
    if covers
        && best.as_ref().is_none_or(|(shortest, known)| {
            length < *shortest || (length == *shortest && path.len() >= known.len())
        })
    {
        *best = Some((length, path.to_vec()));
    }
}

fn remove(table: &mut DeTable<'_>, path: &[String]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if rest.is_empty() {
        table.remove(first.as_str());
        return;
    }
    for (key, value) in table.iter_mut() {
        if key.get_ref() == first {
            remove_from_value(value.get_mut(), rest);
        }
    }
}

fn remove_from_value(value: &mut DeValue<'_>, path: &[String]) {
    match value {
        DeValue::Table(table) => remove(table, path),
        DeValue::Array(items) => {
            let Some((n, rest)) = path.split_first() else {
                return;
            };
            let Ok(n) = n.parse::<usize>() else {
                return;
            };
            if rest.is_empty() {
                let kept = std::mem::replace(items, DeArray::new());
                let kept = kept.into_iter().enumerate();
                *items = kept.filter(|(at, _)| *at != n).map(|(_, item)| item).collect();
            } else if let Some(item) = items.get_mut(n) {
                remove_from_value(item.get_mut(), rest);
            }
        }
        _ => {}
    }
}
