//! Rules of `[drift]` that have no effect: misspelt, or no longer needed.

use std::collections::HashMap;
use std::fmt;

use globset::GlobMatcher;
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
    Exception {
        /// `None`: it is for all.
        #[serde(skip_serializing_if = "Option::is_none")]
        tenant: Option<TenantId>,
        /// The patterns of its objects that have no effect; all of them, unless that depends on the objects.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        objects: Vec<String>,
        until: Date,
        why: Unneeded,
    },
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
    /// No such object differs, in the tenant or in any.
    NoObject,
}

impl fmt::Display for UnusedRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignore { pattern } => {
                write!(f, "ignore {pattern:?}: no tenant has such an object")
            }
            Self::Exception { tenant, objects, until, why } => {
                let patterns: Vec<String> =
                    objects.iter().map(|pattern| format!("{pattern:?}")).collect();
                let of = [Some(patterns.join(", ")), tenant.as_ref().map(TenantId::to_string)];
                let of = of.into_iter().flatten().filter(|part| !part.is_empty());
                write!(f, "exception for {}: ", of.collect::<Vec<_>>().join(" in "))?;
                match why {
                    Unneeded::Expired => write!(f, "it was valid until {until}"),
                    Unneeded::NoTenant => write!(f, "there is no such tenant"),
                    Unneeded::InSync => write!(f, "the tenant is as declared"),
                    Unneeded::NoObject if tenant.is_some() => {
                        write!(f, "no such object differs in the tenant")
                    }
                    Unneeded::NoObject => write!(f, "no such object differs in any tenant"),
                }
            }
        }
    }
}

/// Finds them among `tenants`; `differences` are all in which they differ, and `shapes` what of them counts. Unless these
/// are all tenants, only expired exceptions can be found.
pub(super) fn unused<'a>(
    rules: &DriftRules,
    tenants: &[TenantDrift],
    (differences, shapes): (impl Iterator<Item = &'a Difference>, &[&Difference]),
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
    let patterns = patterns.map(|(pattern, _)| UnusedRule::Ignore { pattern: text(pattern) });
    let states: HashMap<&TenantId, &TenantDrift> =
        tenants.iter().map(|at| (&at.tenant, at)).collect();
    let objects: Vec<Vec<String>> =
        shapes.iter().map(|shape| shape.objects().unwrap_or_default()).collect();
    let exceptions = rules.exceptions.iter().filter_map(|exception| {
        let tenant = exception.tenant.as_ref().map(|id| states.get(id).copied());
        let mut patterns: Vec<&GlobMatcher> = exception.objects.iter().collect();
        let why = match tenant {
            _ if exception.until < today => Unneeded::Expired,
            _ if !are_all => return None,
            Some(None) => Unneeded::NoTenant,
            Some(Some(at)) if at.state == State::InSync => Unneeded::InSync,
            _ if patterns.is_empty() => return None,
            of => {
                let only = of.flatten().map(|at| at.shape);
                let differing: Vec<&String> = match only {
                    Some(shape) => {
                        shape.and_then(|at| objects.get(at)).into_iter().flatten().collect()
                    }
                    None => objects.iter().flatten().collect(),
                };
                patterns.retain(|pattern| !differing.iter().any(|name| pattern.is_match(name)));
                if patterns.is_empty() {
                    return None;
                }
                Unneeded::NoObject
            }
        };
        Some(UnusedRule::Exception {
            tenant: exception.tenant.clone(),
            objects: patterns.into_iter().map(text).collect(),
            until: exception.until,
            why,
        })
    });
    patterns.chain(exceptions).collect()
}

/// As it was written.
fn text(pattern: &GlobMatcher) -> String {
    pattern.glob().glob().to_owned()
}
