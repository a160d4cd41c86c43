//! Rules of `[drift]` that have no effect: misspelt, or no longer needed.

use std::collections::HashMap;
use std::fmt;

use jiff::civil::Date;
use serde::Serialize;

use super::difference::Difference;
use super::state::{State, TenantDrift};
use crate::manifest::DriftRules;
use crate::name::TenantId;

/// A rule of `[drift]` that has no effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum UnusedRule {
    /// A pattern of objects to ignore, which matches none in any tenant.
    Ignore { pattern: String },
    /// An exception.
    Exception { tenant: TenantId, until: Date, why: Unneeded },
}

/// Why an exception has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unneeded {
    /// Its last day is past.
    Expired,
    /// There is no such tenant.
    NoTenant,
    /// The tenant is as declared.
    InSync,
}

impl fmt::Display for UnusedRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignore { pattern } => {
                write!(f, "ignore {pattern:?}: no tenant has such an object")
            }
            Self::Exception { tenant, until, why } => {
                write!(f, "exception for {tenant}: ")?;
                match why {
                    Unneeded::Expired => write!(f, "it was valid until {until}"),
                    Unneeded::NoTenant => write!(f, "there is no such tenant"),
                    Unneeded::InSync => write!(f, "the tenant is as declared"),
                }
            }
        }
    }
}

/// Finds them among `tenants`, which differ in `differences`. Unless these are all tenants,
/// only expired exceptions can be found.
pub(super) fn unused<'a>(
    rules: &DriftRules,
    tenants: impl Iterator<Item = &'a TenantDrift>,
    differences: impl Iterator<Item = &'a Difference>,
    are_all: bool,
    today: Date,
) -> Vec<UnusedRule> {
    let mut ignored = vec![false; rules.ignore.len()];
    if are_all {
        let objects: Vec<String> =
            differences.flat_map(|difference| difference.untouched.undeclared()).collect();
        for (pattern, ignored) in rules.ignore.iter().zip(&mut ignored) {
            *ignored = objects.iter().any(|object| pattern.is_match(object));
        }
    }
    let patterns = rules.ignore.iter().zip(ignored).filter(|(_, ignored)| are_all && !ignored);
    let patterns = patterns
        .map(|(pattern, _)| UnusedRule::Ignore { pattern: pattern.glob().glob().to_owned() });
    let states: HashMap<&TenantId, State> = tenants.map(|at| (&at.tenant, at.state)).collect();
    let exceptions = rules.exceptions.iter().filter_map(|exception| {
        let why = match states.get(&exception.tenant) {
            _ if exception.until < today => Unneeded::Expired,
            None if are_all => Unneeded::NoTenant,
            Some(State::InSync) if are_all => Unneeded::InSync,
            _ => return None,
        };
        let (tenant, until) = (exception.tenant.clone(), exception.until);
        Some(UnusedRule::Exception { tenant, until, why })
    });
    patterns.chain(exceptions).collect()
}
