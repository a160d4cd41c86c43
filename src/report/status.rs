//! What is known of one tenant, for people.

use std::fmt::Write as _;

use super::placement;
use super::style::{CHANGED, CREATED, FAINT, STRONG, printable, styled};
use crate::pg::Placement;
use crate::reconcile::{Differences, Status};
use crate::words::counted;

/// Whether a tenant conforms now, and what its record says.
#[must_use]
pub fn status(status: &Status) -> String {
    let title = format!("tenant {}, schema {}", status.tenant.id, status.tenant.schema);
    let mut text = format!("{}\n", styled(STRONG, &title));
    let conforms = if status.conforms {
        styled(CREATED, "conforms now: yes")
    } else if !status.exists {
        styled(CHANGED, "conforms now: no (not provisioned: there is no such schema)")
    } else {
        styled(CHANGED, &format!("conforms now: no ({})", differences(status)))
    };
    let _ = writeln!(text, "  {conforms}");
    if status.is_registered == Some(false) {
        let line = "an orphan: the registry does not list it";
        let _ = writeln!(text, "  {}", styled(CHANGED, line));
    }
    if let Some(why) = &status.exception {
        let _ = writeln!(text, "  accepted by [drift] exceptions: {}", printable(why));
    }
    if status.exception.is_none() {
        for excepted in &status.excepted {
            let line = format!("accepted by [drift] exceptions: {excepted}");
            let _ = writeln!(text, "  {}", printable(&line));
        }
    }
    if let Some(hold) = &status.hold {
        let _ = writeln!(text, "  {}", styled(CHANGED, &format!("{hold} (no apply touches it)")));
    }
    match status.placement.as_ref() {
        Some(Placement::Worker(worker)) => {
            let _ = writeln!(text, "  on worker {}", printable(worker));
        }
        other => text.push_str(&placement::line(&status.tenant.schema, other)),
    }
    for why in &status.rows_unread {
        let line = format!("baseline rows not looked for: {why}");
        let _ = writeln!(text, "  {}", styled(CHANGED, &printable(&line)));
    }
    let Some(newest) = status.history.first() else {
        if status.record_unread {
            let whose = match &status.record_owner {
                Some(owner) => format!("it belongs to {owner}, who is not trusted"),
                None => "the schema's owner, who is not trusted, could change it meanwhile".into(),
            };
            let line = format!("the record was not read: {whose}, and this role may not lock it");
            let _ = writeln!(text, "  {}", styled(CHANGED, &printable(&line)));
            return text;
        }
        if let Some(owner) = &status.record_owner {
            let line = format!("the record is empty, and belongs to {owner}, who is not trusted");
            let _ = writeln!(text, "  {}", styled(CHANGED, &printable(&line)));
        } else if status.exists {
            let _ = writeln!(text, "  never provisioned by this tool: the schema has no record");
        }
        return text;
    };
    let _ = writeln!(text, "\n{}", styled(STRONG, "record"));
    if let Some(owner) = &status.record_owner {
        let line = format!("belongs to {owner}, who is not trusted: what it says proves nothing");
        let _ = writeln!(text, "  {}", styled(CHANGED, &printable(&line)));
    }
    let facts = [
        if status.manifest_is_current {
            "the manifest is the one applied last"
        } else {
            "the manifest has changed since the last apply"
        },
        match status.live_is_recorded {
            Some(true) => "the schema is as the last apply left it",
            Some(false) => "the schema has changed since the last apply",
            None => {
                "how the last apply left the schema is not known: a version of this tool with another \
                 digest wrote the record, and the next apply writes a new one"
            }
        },
        if newest.complete {
            "the last apply left nothing open"
        } else {
            "the last apply left differences that it may not touch"
        },
    ];
    for fact in facts {
        let _ = writeln!(text, "  {fact}");
    }
    let _ = writeln!(text, "\n{}", styled(STRONG, "history, newest first"));
    for row in &status.history {
        let _ = writeln!(
            text,
            "  {}  {:>15}  {:>6} ms  manifest {}  by {}  {}",
            row.applied_at,
            counted(row.statements, "statement"),
            row.duration_ms,
            row.manifest_checksum.short(),
            printable(&row.actor),
            styled(
                FAINT,
                &format!("apply {}, version {}", row.apply_id, printable(&row.tool_version))
            ),
        );
    }
    text
}

/// Such as "2 missing, 1 changed, 3 baseline rows missing".
fn differences(status: &Status) -> String {
    let Differences { missing, held, changed, extra, unmodelled } = status.differences;
    let count = |count: usize, what: &str| (count > 0).then(|| format!("{count} {what}"));
    let rows = status.absent_rows;
    let parts = [
        count(missing, "missing"),
        count(held, "held back"),
        count(changed, "changed"),
        (rows > 0).then(|| format!("{} missing", counted(rows, "baseline row"))),
        count(extra, "extra"),
        count(unmodelled, "unmodelled"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
