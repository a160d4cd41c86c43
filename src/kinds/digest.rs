//! The statement that digests schemas, composed from the same attributes as the statements that read them:
//! what is read is digested, too, unless other attributes contain the same information.

use super::attribute::Attribute;
use super::inheritance;
use super::registry::rules;
use super::routine::ESCAPED;
use super::rules::Digest;
use super::script::for_version;
use crate::catalog::Kind;
use crate::name::{SCHEMA_PLACEHOLDER, literal};

/// The version of the digests: what goes into them, and how. Fingerprints of different versions say
/// nothing about each other.
pub const DIGEST_VERSION: u32 = 8;

/// The statement that `template` describes, one of `pg/fingerprint`, for a server of this version:
/// `:parts_of_table` and the like stand for what finds the parts, `:texts_of_table` for their texts, and
/// `:attributes_of_table` for a list of what is digested of the table itself. Parts of kinds of which it is known that
/// the schemas have none are left out, which changes no digest.
#[must_use]
pub fn digest_script(template: &str, version_number: i32, has: impl Fn(Kind) -> bool) -> String {
    let mut script = template.to_owned();
    for kind in Kind::ALL {
        let of = |what: &str| format!(":{what}_of_{}", kind.name());
        let parts: Vec<(&str, &Digest, String)> = Kind::ALL
            .into_iter()
            .filter(|part| part.wholes().first() == Some(&kind) && has(*part))
            .filter_map(|part| {
                let digest = rules(part).digest.as_ref()?;
                Some((part.name(), digest, attributes(part, digest.also)))
            })
            .collect();
        let joins: String = parts.iter().map(join).collect();
        let texts = parts.iter().map(|(name, ..)| format!("{name}_parts.text"));
        let texts: Vec<String> = texts.chain(["NULL".to_owned()]).collect();
        script = script
            .replace(&of("parts"), &joins)
            .replace(&of("texts"), &texts.join(", "))
            .replace(&of("attributes"), &attributes(kind, &[]));
    }
    let script = script
        .replace(":placeholder", &literal(SCHEMA_PLACEHOLDER))
        .replace(":escaped", &literal(ESCAPED));
    let script = script
        .replace(":own_column", inheritance::OWN_COLUMN_DIGESTED)
        .replace(":own_constraint", inheritance::OWN_CONSTRAINT_DIGESTED)
        .replace(":is_override", inheritance::IS_OVERRIDE);
    for_version(&script, version_number)
}

fn attributes(kind: Kind, also: &[&'static str]) -> String {
    let attributes = rules(kind).attributes.iter().flat_map(Attribute::digest);
    attributes.chain(also.iter().copied()).collect::<Vec<_>>().join(", ")
}

fn join((name, digest, attributes): &(&str, &Digest, String)) -> String {
    let Digest { identity, comment, from, .. } = digest;
    let comment = comment.map(|condition| {
        let text = self::attributes(Kind::Comment, &[]);
        format!("(SELECT {text} FROM pg_description de WHERE {condition})")
    });
    let digested = [Some(attributes.clone()), comment].into_iter().flatten();
    let digested: String =
        digested.filter(|sql| !sql.is_empty()).map(|sql| format!(", {sql}")).collect();
    format!(
        "CROSS JOIN LATERAL ( \
             SELECT string_agg(q.text, '') AS text \
             FROM (SELECT ROW('{name}', {identity}{digested})::text AS text FROM {from}) q \
         ) {name}_parts\n"
    )
}
