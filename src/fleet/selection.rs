//! Which of the tenants a run is about.

use globset::GlobMatcher;

use crate::manifest::ServerDecl;

/// A choice among the tenants.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Those whose id matches one of these; all, if empty.
    pub include: Vec<GlobMatcher>,
    /// Except those whose id matches one of these.
    pub exclude: Vec<GlobMatcher>,
    /// At most so many, the first ones.
    pub limit: Option<usize>,
}

/// What was requested and does not exist, without what only an unavailable server can know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unmatched {
    /// Patterns of [`Selection::include`] that match no tenant.
    pub include: Vec<String>,
    /// Patterns of [`Selection::exclude`] that match no tenant.
    pub exclude: Vec<String>,
    /// Ids that the caller gave and the registry does not list.
    pub ids: Vec<String>,
}

impl Selection {
    pub(super) fn selects(&self, id: &str) -> bool {
        (self.include.is_empty() || self.include.iter().any(|glob| glob.is_match(id)))
            && !self.exclude.iter().any(|glob| glob.is_match(id))
    }

    /// Whether it leaves no tenant out.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty() && self.limit.is_none()
    }

    /// Whether one of the tenants that belong on `server` may be chosen.
    pub(super) fn may_select_from(&self, server: &ServerDecl) -> bool {
        let may_select = |pattern: &GlobMatcher| {
            (self.include.is_empty() || self.include.iter().any(|glob| may_overlap(glob, pattern)))
                && !self.exclude.iter().any(|glob| covers(glob, pattern))
        };
        server.tenants.is_empty() || server.tenants.iter().any(may_select)
    }

    /// The patterns that match none of `ids`, unless `may_match_others` says that a pattern may
    /// match an id that is not known.
    pub(super) fn unmatched(
        &self,
        ids: &[&str],
        may_match_others: impl Fn(&GlobMatcher) -> bool,
    ) -> Unmatched {
        let of = |globs: &[GlobMatcher]| {
            let none = globs
                .iter()
                .filter(|glob| !ids.iter().any(|id| glob.is_match(id)) && !may_match_others(glob));
            none.map(|glob| glob.glob().to_string()).collect()
        };
        Unmatched { include: of(&self.include), exclude: of(&self.exclude), ids: Vec::new() }
    }
}

/// The prefix of all ids that match, and whether it is the only id that does.
fn literal(glob: &GlobMatcher) -> (&str, bool) {
    let text = glob.glob().glob();
    let start = text.split(['*', '?', '[', '{', '\\']).next().unwrap_or_default();
    (start, start.len() == text.len())
}

/// Whether an id may match both. That is ruled out only by different prefixes.
fn may_overlap(one: &GlobMatcher, other: &GlobMatcher) -> bool {
    match (literal(one), literal(other)) {
        ((id, true), _) => other.is_match(id),
        (_, (id, true)) => one.is_match(id),
        ((one, _), (other, _)) => one.starts_with(other) || other.starts_with(one),
    }
}

/// Whether it is certain that what matches `inner` matches `outer`.
fn covers(outer: &GlobMatcher, inner: &GlobMatcher) -> bool {
    if outer.glob() == inner.glob() {
        return true;
    }
    let (start, _) = literal(outer);
    let is_prefix = outer.glob().glob().strip_prefix(start) == Some("*");
    is_prefix && literal(inner).0.starts_with(start)
}

#[cfg(test)]
mod tests {
    use globset::Glob;

    use super::*;

    fn glob(text: &str) -> GlobMatcher {
        Glob::new(text).unwrap().compile_matcher()
    }

    #[test]
    fn patterns_are_disjoint_only_where_that_is_certain() {
        let meet = |one: &str, other: &str| {
            assert_eq!(
                may_overlap(&glob(one), &glob(other)),
                may_overlap(&glob(other), &glob(one))
            );
            may_overlap(&glob(one), &glob(other))
        };
        for (one, other) in
            [("eu-*", "us-*"), ("eu-1", "us-*"), ("eu-1", "eu-12"), ("eu-[a-c]", "eu-1")]
        {
            assert!(!meet(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("eu-*", "*"),
            ("*-1", "eu-*"),
            ("eu-1*", "eu-*"),
            ("{eu,us}-*", "us-*"),
            ("eu-?", "eu-1"),
        ] {
            assert!(meet(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_server_is_ruled_out_by_patterns_only() {
        let server = |patterns: &[&str]| ServerDecl {
            name: "us".into(),
            url_env: "US".into(),
            tenants: patterns.iter().map(|text| glob(text)).collect(),
        };
        let may_select = |include: &[&str], exclude: &[&str], patterns: &[&str]| {
            let globs = |texts: &[&str]| texts.iter().map(|text| glob(text)).collect();
            let selection =
                Selection { include: globs(include), exclude: globs(exclude), limit: None };
            selection.may_select_from(&server(patterns))
        };
        assert!(!may_select(&["eu-*"], &[], &["us-*"]));
        assert!(!may_select(&[], &["us-*"], &["us-*"]));
        assert!(!may_select(&[], &["us*"], &["us-1", "us-x*"]));
        assert!(may_select(&[], &["us-1*"], &["us-*"]));
        assert!(may_select(&["eu-*", "us-1"], &[], &["us-*"]));
        assert!(may_select(&["eu-*"], &[], &[]));
    }
}
