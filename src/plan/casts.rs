//! Which values the server converts by itself when a column gets another type: those that it would convert when they are
//! assigned to a column of the new type (PostgreSQL manual, ALTER TABLE and CREATE CAST).

use super::comparison::Comparison;
use crate::catalog::{Catalog, Fact, Kind, Object};
use crate::kinds;
use crate::name::Ident;

/// Why a column does not get another type: the server would not know how.
pub(super) fn refused(comparison: &Comparison<'_>, desired: &Fact) -> Option<String> {
    let live = comparison.changing.get(&desired.object)?.live;
    let alteration = comparison.alteration(desired, live);
    if alteration.using.is_some() || !kinds::needs_dependents_gone(&alteration) {
        return None;
    }
    let (from, to) = (live.text("type")?, desired.text("type")?);
    let is_known =
        |from: &str, to: &str| comparison.desired.casts.contains(&(from.to_owned(), to.to_owned()));
    let from = base(from, comparison.live);
    let to = base(to, &comparison.desired.catalog);
    let is_converted = from == to
        || is_known(&from, &to)
        || IN_WRITING.contains(&to.as_str())
        || match (from.strip_suffix("[]"), to.strip_suffix("[]")) {
            (Some(from), Some(to)) => from == to || is_known(from, to) || IN_WRITING.contains(&to),
            _ => false,
        };
    (!is_converted).then(|| {
        format!(
            "the server does not convert {from} to {to} by itself: say how with \"using\" at column {}",
            desired.object.name().map(Ident::quoted).unwrap_or_default()
        )
    })
}

/// Every value can be assigned as it is written.
const IN_WRITING: [&str; 3] = ["text", "character varying", "character"];

/// The name of a type without its length; that of a domain is its base type's.
fn base(text: &str, catalog: &Catalog) -> String {
    let mut name = without_length(text);
    // Domains may be over domains.
    for _ in 0..8 {
        let plain = name.trim_matches('"').replace("\"\"", "\"");
        let domain = Ident::new(plain).ok().map(|name| Object::Member(Kind::Domain, name));
        match domain.and_then(|domain| catalog.get(&domain)?.text("type")) {
            Some(of) => name = without_length(of),
            None => break,
        }
    }
    name
}

fn without_length(text: &str) -> String {
    let parts = text.split_once('(');
    let parts = parts.and_then(|(name, rest)| Some((name, rest.split_once(')')?.1)));
    match parts {
        Some((name, rest)) if !text.contains('"') => format!("{name}{rest}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_known_by_its_base() {
        let mut catalog = Catalog::default();
        let domain = |name: &str, of: &str| {
            let object = Object::Member(Kind::Domain, Ident::new(name).unwrap());
            Fact::new(object, [("type", of.to_owned())])
        };
        catalog.insert(domain("short", "character varying(3)"));
        catalog.insert(domain("Shorter", "short"));
        for (text, expected) in [
            ("integer", "integer"),
            ("numeric(5,2)", "numeric"),
            ("timestamp(3) with time zone", "timestamp with time zone"),
            ("character varying(3)[]", "character varying[]"),
            ("\"Shorter\"", "character varying"),
            ("\"a(b)\"", "\"a(b)\""),
        ] {
            assert_eq!(base(text, &catalog), expected);
        }
    }
}
