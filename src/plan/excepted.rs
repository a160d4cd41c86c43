//! What the exceptions of the manifest accept of that in which a tenant differs.

use std::fmt;

use jiff::civil::Date;
use serde::Serialize;

use crate::manifest::{DriftRules, Exception};

/// An object that differs, and why that is accepted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Excepted {
    /// Its kind and name.
    pub object: String,
    pub reason: String,
    /// The last day, in UTC.
    pub until: Date,
}

impl Excepted {
    /// Such as "ticket 417 (until 2027-01-31)".
    #[must_use]
    pub fn why(&self) -> String {
        format!("{} (until {})", self.reason, self.until)
    }
}

impl fmt::Display for Excepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.why())
    }
}

/// What is accepted of that in which a tenant differs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acceptance {
    /// Why all of it is, if it is.
    pub exception: Option<String>,
    /// The objects for which there are exceptions of their own, unless there is one for the whole tenant.
    pub excepted: Vec<Excepted>,
}

impl Acceptance {
    /// By the exceptions at the positions `valid`; `objects` are all that differ. `None`: there is no such tenant, which
    /// only an exception for the whole of it accepts.
    #[must_use]
    pub fn new(rules: &DriftRules, valid: &[usize], objects: Option<&[String]>) -> Self {
        let valid = || valid.iter().filter_map(|at| rules.exceptions.get(*at));
        if objects.is_some_and(<[String]>::is_empty) {
            return Self::default();
        }
        if let Some(whole) = valid().find(|exception| exception.objects.is_empty()) {
            return Self { exception: Some(whole.why()), excepted: Vec::new() };
        }
        let objects = objects.unwrap_or_default();
        let mut excepted: Vec<Excepted> = Vec::new();
        let mut all: Vec<&Exception> = Vec::new();
        let mut is_all = !objects.is_empty();
        for object in objects {
            let Some(exception) = valid().find(|exception| exception.covers(object)) else {
                is_all = false;
                continue;
            };
            if !all.iter().any(|known| std::ptr::eq(*known, exception)) {
                all.push(exception);
            }
            let Exception { reason, until, .. } = exception;
            excepted.push(Excepted {
                object: object.clone(),
                reason: reason.clone(),
                until: *until,
            });
        }
        excepted.sort();
        excepted.dedup();
        let reasons: Vec<String> = all.into_iter().map(Exception::why).collect();
        Self { exception: is_all.then(|| reasons.join("; ")), excepted }
    }
}

#[cfg(test)]
mod tests {
    use globset::Glob;

    use super::*;
    use crate::name::TenantId;

    fn rules(all: &[(Option<&str>, &[&str], i16)]) -> DriftRules {
        let exceptions = all.iter().enumerate().map(|(n, (tenant, objects, year))| Exception {
            tenant: tenant.map(|id| TenantId::new(id).unwrap()),
            objects: objects.iter().map(|o| Glob::new(o).unwrap().compile_matcher()).collect(),
            reason: format!("r{n}"),
            until: jiff::civil::date(*year, 12, 31),
        });
        DriftRules { ignore: Vec::new(), exceptions: exceptions.collect() }
    }

    /// What is accepted of these objects of tenant `a`: all, or which.
    fn told(rules: &DriftRules, objects: &[&str]) -> String {
        let today = jiff::civil::date(2026, 6, 1);
        let objects: Vec<String> = objects.iter().map(|object| (*object).to_owned()).collect();
        let valid = rules.valid(&TenantId::new("a").unwrap(), today);
        let Acceptance { exception, excepted } = Acceptance::new(rules, &valid, Some(&objects));
        let excepted: Vec<String> = excepted.iter().map(ToString::to_string).collect();
        format!("{} | {}", exception.unwrap_or_default(), excepted.join(", "))
    }

    #[test]
    fn all_is_accepted_if_each_object_is() {
        let some = rules(&[(None, &["table old_*"], 2999), (Some("a"), &["column t.x"], 2999)]);
        assert_eq!(told(&some, &[]), " | ");
        assert_eq!(told(&some, &["table t"]), " | ");
        assert_eq!(
            told(&some, &["table t", "table old_1"]),
            " | table old_1: r0 (until 2999-12-31)"
        );
        assert_eq!(
            told(&some, &["table old_1", "column t.x", "table old_1"]),
            "r0 (until 2999-12-31); r1 (until 2999-12-31) | column t.x: r1 (until 2999-12-31), \
             table old_1: r0 (until 2999-12-31)"
        );
    }

    #[test]
    fn an_exception_for_the_tenant_accepts_everything_in_it() {
        let whole = rules(&[(None, &["table x"], 2999), (Some("a"), &[], 2999)]);
        assert_eq!(told(&whole, &["table x", "table y"]), "r1 (until 2999-12-31) | ");
        let other = rules(&[(Some("b"), &[], 2999), (Some("a"), &[], 2020)]);
        assert_eq!(told(&other, &["table x"]), " | ");
    }

    #[test]
    fn only_an_exception_for_the_tenant_accepts_that_it_does_not_exist() {
        let all = rules(&[(None, &["*"], 2999)]);
        assert_eq!(Acceptance::new(&all, &[0], None), Acceptance::default());
        let whole = rules(&[(Some("a"), &[], 2999)]);
        let exception = Some("r0 (until 2999-12-31)".to_owned());
        assert_eq!(Acceptance::new(&whole, &[0], None).exception, exception);
    }
}
