//! What a step can do to those who use a tenant meanwhile, and to its data.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::locks::TableLock;

/// What is to be known of a step before it is run. Nothing of it is about what the same plan creates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hazards {
    /// The names of the rules that say so.
    pub rules: Vec<String>,
    /// The strongest lock on each relation that exists already: first that of the step itself. Those that SELECT and SELECT
    /// FOR UPDATE take are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<LockOn>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub effects: BTreeSet<Effect>,
    /// How large the largest of the relations is, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
}

/// A lock on a relation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockOn {
    /// With its kind, such as `table invoices`. Outside of the schema it has the schema in front, in quotes.
    pub relation: String,
    pub mode: TableLock,
    /// Whether its partitions or child tables are locked as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_children: bool,
    /// Whether it is what the step changes, or what that is a part of.
    #[serde(default, rename = "own", skip_serializing_if = "std::ops::Not::not")]
    pub is_own: bool,
}

/// Something beside locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// All rows of a table are read.
    Scans,
    /// A table is written again, with its indexes.
    Rewrites,
    /// An index is built, for which all rows are read.
    BuildsIndex,
    /// Rows that exist may not allow it.
    CanFail,
    /// Values that exist are gone afterwards, or may be.
    LosesData,
    /// Statements of applications, and bodies of functions, that were right may be wrong afterwards.
    BreaksClients,
    /// An index that queries may use is gone afterwards.
    SlowsQueries,
    /// It changes who may do what, or sees which rows.
    ChangesAccess,
}

/// How large a table is, according to the server's statistics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The tenant in which it is largest.
    pub tenant: String,
    pub relation: String,
    /// `None`: it was never analysed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// With indexes and partitions.
    pub bytes: u64,
}

impl Effect {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 8] = [
        Self::Scans,
        Self::Rewrites,
        Self::BuildsIndex,
        Self::CanFail,
        Self::LosesData,
        Self::BreaksClients,
        Self::SlowsQueries,
        Self::ChangesAccess,
    ];

    /// As in the saved form.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scans => "scans",
            Self::Rewrites => "rewrites",
            Self::BuildsIndex => "builds_index",
            Self::CanFail => "can_fail",
            Self::LosesData => "loses_data",
            Self::BreaksClients => "breaks_clients",
            Self::SlowsQueries => "slows_queries",
            Self::ChangesAccess => "changes_access",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scans => "reads the whole table",
            Self::Rewrites => "rewrites the table",
            Self::BuildsIndex => "builds an index",
            Self::CanFail => "can fail on data",
            Self::LosesData => "loses data",
            Self::BreaksClients => "breaks what uses it as it was",
            Self::SlowsQueries => "can make queries slower",
            Self::ChangesAccess => "changes who may do what",
        })
    }
}

impl Hazards {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.locks.is_empty() && self.effects.is_empty()
    }

    /// The relations that are locked in a stronger mode than `most`.
    pub fn above(&self, most: TableLock) -> impl Iterator<Item = &LockOn> {
        self.locks.iter().filter(move |lock| lock.mode > most)
    }

    /// For people, such as "locks ACCESS EXCLUSIVE, rewrites the table, can fail on data". Nothing is said of locks that block
    /// neither reading nor writing, of what the step's own words say, or of what is a part of something else that is said.
    #[must_use]
    pub fn in_short(&self) -> Option<String> {
        let mut parts = locks_in_short(&self.locks);
        let has = |effect| self.effects.contains(&effect);
        let is_said = |effect: &Effect| match effect {
            Effect::Scans => !has(Effect::Rewrites) && !has(Effect::BuildsIndex),
            Effect::BuildsIndex => !has(Effect::Rewrites),
            Effect::ChangesAccess => false,
            _ => true,
        };
        parts.extend(self.effects.iter().copied().filter(is_said).map(|effect| effect.to_string()));
        if parts.is_empty() {
            return None;
        }
        parts.extend(self.estimate.as_ref().map(ToString::to_string));
        Some(parts.join(", "))
    }
}

/// The own relation is not named.
fn locks_in_short(locks: &[LockOn]) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    let own = locks.iter().find(|lock| lock.is_own && lock.mode.blocks_writing());
    if let Some(own) = own {
        let children = if own.with_children { " with all partitions or child tables" } else { "" };
        told.push(format!("locks {}{children}", own.mode.sql()));
    }
    for lock in locks.iter().filter(|lock| !lock.is_own && lock.mode.blocks_writing()) {
        told.push(match own {
            Some(own) if own.mode == lock.mode => format!("on {} as well", lock.relation),
            _ => format!("locks {} {}", lock.relation, lock.mode.sql()),
        });
    }
    told
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "largest in tenant {}: {} of ", self.tenant, self.relation)?;
        match self.rows {
            Some(1) => f.write_str("about 1 row, ")?,
            Some(rows) => write!(f, "about {rows} rows, ")?,
            None => {}
        }
        f.write_str(&size(self.bytes))
    }
}

/// Such as "1.2 GB", in powers of 1024 as `pg_size_pretty` counts.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    // In tenths of the unit.
    let (mut tenths, mut unit) = (bytes.saturating_mul(10) / 1024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        (tenths, unit) = (tenths / 1024, unit + 1);
    }
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    if tenths < 100 && tenths % 10 > 0 {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    } else {
        format!("{} {unit}", tenths / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(relation: &str, mode: TableLock, is_own: bool) -> LockOn {
        LockOn { relation: relation.to_owned(), mode, with_children: false, is_own }
    }

    fn told(locks: Vec<LockOn>, effects: &[Effect]) -> String {
        let effects = effects.iter().copied().collect();
        Hazards { rules: vec!["r".into()], locks, effects, estimate: None }
            .in_short()
            .unwrap_or_default()
    }

    #[test]
    fn only_what_matters_is_told() {
        use Effect::{BuildsIndex, CanFail, ChangesAccess, Rewrites, Scans};
        use TableLock::{AccessExclusive, RowExclusive, Share, ShareRowExclusive};
        for (locks, effects, expected) in [
            (vec![], &[][..], ""),
            (vec![lock("table t", RowExclusive, true)], &[], ""),
            (vec![], &[ChangesAccess], ""),
            (
                vec![lock("table t", Share, true)],
                &[Scans, BuildsIndex],
                "locks SHARE, builds an index",
            ),
            (
                vec![lock("table t", AccessExclusive, true)],
                &[Scans, Rewrites, BuildsIndex, CanFail],
                "locks ACCESS EXCLUSIVE, rewrites the table, can fail on data",
            ),
            (
                vec![
                    lock("table t", ShareRowExclusive, true),
                    lock("table u", ShareRowExclusive, false),
                ],
                &[Scans],
                "locks SHARE ROW EXCLUSIVE, on table u as well, reads the whole table",
            ),
            (
                vec![lock("table u", ShareRowExclusive, false)],
                &[],
                "locks table u SHARE ROW EXCLUSIVE",
            ),
        ] {
            assert_eq!(told(locks, effects), expected);
        }
    }

    #[test]
    fn sizes_are_readable() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (8192, "8 kB"),
            (1_300_000, "1.2 MB"),
            (123_456_789, "117 MB"),
            (5_368_709_120, "5 GB"),
            (u64::MAX, "1638 PB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }
}
