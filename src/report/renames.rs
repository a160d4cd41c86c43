//! Which declared renames tenants need, for people.

use std::fmt::Write as _;

use super::causes::{failures, refused, unreachable};
use super::lists::{gap, some, tenants};
use super::style::{FAINT, STRONG, printable, styled};
use crate::fleet::{DeclaredRename, Need, Renames};
use crate::words::counted;

/// The renames that can be taken out of the manifest, and those that cannot, with the tenants that need them.
#[must_use]
pub fn renames(renames: &Renames) -> String {
    let mut text = format!("{}\n", styled(STRONG, &headline(renames)));
    let titles = [
        (Need::Unneeded, "no tenant needs these renames any more: take them out of the manifest"),
        (Need::Needed, "tenants need these renames"),
        (Need::Unknown, "no tenant that was checked needs these renames, but not all tenants were"),
    ];
    for (need, title) in titles {
        let mut all = renames.renames.iter().filter(|rename| rename.need == need).peekable();
        if all.peek().is_some() {
            gap(&mut text);
            let _ = writeln!(text, "{}", styled(STRONG, title));
        }
        for rename in all {
            let _ = writeln!(text, "  {}", printable(&line(rename)));
            let names: Vec<String> = rename.tenants.iter().map(ToString::to_string).collect();
            if !names.is_empty() {
                let line = format!("{}: {}", tenants(names.len()), some(&names));
                let _ = writeln!(text, "      {}", styled(FAINT, &line));
            }
        }
    }
    let failed = renames.failed.iter().map(|at| (&at.tenant, at.server.as_ref(), &at.error));
    failures(&mut text, "could not be checked", failed);
    unreachable(&mut text, &renames.unreachable);
    refused(&mut text, &renames.refused);
    text
}

/// Such as "schema.toml:9:60: column clients.mobile, renamed from "phone"".
fn line(rename: &DeclaredRename) -> String {
    let DeclaredRename { object, from, file, line, column, .. } = rename;
    format!("{file}:{line}:{column}: {object}, renamed from {}", from.quoted())
}

/// Such as "3 renames, 40 tenants: 1 needed, 2 not needed any more; 2 tenants not provisioned".
fn headline(renames: &Renames) -> String {
    if renames.renames.is_empty() {
        return "no renames are declared".to_owned();
    }
    let all = renames.checked + renames.failed.len();
    let counts = [
        (Need::Needed, "needed"),
        (Need::Unneeded, "not needed any more"),
        (Need::Unknown, "not known to be needed"),
    ];
    let counts = counts.map(|(need, words)| (renames.count(need), words));
    let counts: Vec<String> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, words)| format!("{n} {words}")).collect();
    let mut line = format!(
        "{}, {}: {}",
        counted(renames.renames.len(), "rename"),
        tenants(all),
        counts.join(", ")
    );
    for (n, what) in [
        (renames.unprovisioned, "not provisioned yet"),
        (renames.failed.len(), "could not be checked"),
    ] {
        if n > 0 {
            line.push_str(&format!("; {} {what}", tenants(n)));
        }
    }
    if !renames.refused.is_empty() {
        line.push_str(&format!("; {} refused", counted(renames.refused.len(), "entry")));
    }
    if !renames.unreachable.is_empty() {
        line.push_str(&format!("; {} not queried", counted(renames.unreachable.len(), "server")));
    }
    line
}
