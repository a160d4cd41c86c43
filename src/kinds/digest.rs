//! The statement that digests schemas, composed from the same attributes as the statements that read them:
//! what is read is digested, too, unless other attributes contain the same information.

use super::attribute::Attribute;
use super::reading::for_version;
use super::registry::rules;
use super::rules::Digest;
use crate::catalog::Kind;

/// The version of the digests: what goes into them, and how. Fingerprints of different versions say
/// nothing about each other.
pub const DIGEST_VERSION: u32 = 2;

/// The statement that `template` describes, one of `pg/fingerprint`, for a server of this version:
/// `:parts_of_table` and the like stand for what finds the parts, `:texts_of_table` for their texts,
/// `:attributes_of_table` for a list of what is digested of the table itself, and
/// `:commented_parts_of_table` for the OIDs of those parts that may have comments.
#[must_use]
pub fn digest_script(template: &str, version_number: i32) -> String {
    let mut script = template.to_owned();
    for kind in Kind::ALL {
        let of = |what: &str| format!(":{what}_of_{}", kind.name());
        let parts: Vec<(&str, &Digest, String)> = Kind::ALL
            .into_iter()
            .filter(|part| part.whole() == Some(kind))
            .filter_map(|part| {
                let digest = rules(part).digest.as_ref()?;
                Some((part.name(), digest, attributes(part, digest.also)))
            })
            .collect();
        let joins: String = parts.iter().map(join).collect();
        let texts: Vec<String> =
            parts.iter().map(|(name, ..)| format!("{name}_parts.text")).collect();
        let oids = parts.iter().filter(|(_, digest, _)| digest.oid.is_some());
        let oids: Vec<String> = oids.map(|(name, ..)| format!("{name}_parts.oids")).collect();
        script = script
            .replace(&of("commented_parts"), &oids.join(" || "))
            .replace(&of("parts"), &joins)
            .replace(&of("texts"), &texts.join(", "))
            .replace(&of("attributes"), &attributes(kind, &[]));
    }
    for_version(&script, version_number)
}

fn attributes(kind: Kind, also: &[&'static str]) -> String {
    let attributes = rules(kind).attributes.iter().flat_map(Attribute::digest);
    attributes.chain(also.iter().copied()).collect::<Vec<_>>().join(", ")
}

fn join((name, digest, attributes): &(&str, &Digest, String)) -> String {
    let Digest { identity, oid, from, .. } = digest;
    let separator = if attributes.is_empty() { "" } else { ", " };
    let (oid, oids) = match oid {
        Some(oid) => (format!("{oid} AS oid, "), ", array_agg(q.oid) AS oids"),
        None => (String::new(), ""),
    };
    format!(
        "CROSS JOIN LATERAL ( \
             SELECT string_agg(q.text, '') AS text{oids} \
             FROM (SELECT {oid}ROW('{name}', {identity}{separator}{attributes})::text AS text \
                   FROM {from}) q) {name}_parts\n"
    )
}
