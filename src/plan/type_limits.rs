//! What the server, or the meaning of values, does not let be added to types that exist.

use std::collections::BTreeSet;

use super::comparison::Comparison;
use crate::catalog::{Fact, Kind, Object, Part};
use crate::kinds::members;
use crate::name::Ident;

/// Why something is not added to a type that exists.
pub(super) fn refused(comparison: &Comparison<'_>, fact: &Fact) -> Option<String> {
    let Object::Part(Part { kind, of, name, .. }) = &fact.object else { return None };
    match kind {
        Kind::Attribute => misplaced(comparison, of, name),
        Kind::DomainConstraint => contained(comparison, of),
        _ => None,
    }
}

/// A new attribute would be the last one, and values are written in the order of the attributes.
fn misplaced(comparison: &Comparison<'_>, of: &Ident, name: &Ident) -> Option<String> {
    let wanted = members(&comparison.desired.catalog, Kind::Attribute, of);
    let there = members(comparison.live, Kind::Attribute, of);
    let mut later = wanted.into_iter().skip_while(|other| *other != name).skip(1);
    let later = later.find(|other| there.contains(other))?;
    Some(format!("it would come last, and {later} is declared after it"))
}

/// The server checks the values in columns of the domain, and refuses a new constraint where a column has them in arrays,
/// ranges or composite values (`find_composite_type_dependencies` in PostgreSQL's `tablecmds.c`).
fn contained(comparison: &Comparison<'_>, domain: &Ident) -> Option<String> {
    let live = comparison.live;
    let mut domains = BTreeSet::from([domain.as_str().to_owned()]);
    let mut containers: BTreeSet<String> = BTreeSet::new();
    let is_container = |text: &str, domains: &BTreeSet<String>, containers: &BTreeSet<String>| {
        let (name, is_array) = element(text);
        containers.contains(&name) || is_array && domains.contains(&name)
    };
    loop {
        let before = (domains.len(), containers.len());
        for fact in live.facts() {
            let Some((kind, text)) = type_text(comparison.as_changed(fact)) else { continue };
            let contains = is_container(text, &domains, &containers);
            let is_direct = !contains && domains.contains(&element(text).0);
            let Some(whole) = fact.object.group().name().map(|name| name.as_str().to_owned())
            else {
                continue;
            };
            match kind {
                Kind::Domain if is_direct => _ = domains.insert(whole),
                _ if contains || is_direct => {
                    containers.extend(fact.text("multirange_name").map(str::to_owned));
                    containers.insert(whole);
                }
                _ => {}
            }
        }
        if before == (domains.len(), containers.len()) {
            break;
        }
    }
    let columns = live.of_kind(Kind::Column);
    let found = columns.into_iter().find(|fact| {
        let fact = comparison.as_changed(fact);
        fact.text("type").is_some_and(|text| is_container(text, &domains, &containers))
    })?;
    Some(format!(
        "the server cannot check the values of the domain that are parts of others, as in {}",
        found.object
    ))
}

/// The type that an object is made of, in the server's words.
fn type_text(fact: &Fact) -> Option<(Kind, &str)> {
    let kind = fact.object.kind();
    let key = match kind {
        Kind::Domain | Kind::Attribute | Kind::Column => "type",
        Kind::RangeType => "subtype",
        _ => return None,
    };
    Some((kind, fact.text(key)?))
}

/// The name of the type, or of the elements of an array, and whether it is one.
fn element(text: &str) -> (String, bool) {
    let name = text.trim_end_matches("[]");
    let unquoted = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let plain = unquoted.map_or_else(|| name.to_owned(), |inner| inner.replace("\"\"", "\""));
    (plain, name.len() < text.len())
}
