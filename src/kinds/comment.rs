//! Comments on objects of all kinds.

use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::routine::{finding_types, signature};
use super::rules::{Rules, part, qualified, whole_of};
use crate::catalog::{Fact, Kind, Object};
use crate::name::{Ident, SchemaName, Text};

/// They are read by one query for all kinds; see `reading`. Of a very long comment, which may have a gigabyte,
/// the beginning and a digest are compared.
pub(super) static RULES: Rules = Rules {
    attributes: &[
        Attribute::new(
            "comment",
            "CASE WHEN :whole THEN de.description \
              ELSE left(de.description, 200) || '… (md5 ' || md5(de.description) || ')' END",
        )
        .labelled("comment")
        .digested(&["CASE WHEN length(de.description) <= 8192 THEN de.description \
                      ELSE md5(de.description) END"]),
        // Of the function that it is on.
        Attribute::new("signature", "NULL").hidden(),
    ],
    create,
    alter: |alteration, schema| Some(write(alteration.object(), alteration.desired, schema)),
    drop: |fact, schema| {
        let Object::Comment(on) = &fact.object else { return None };
        let statement = format!("COMMENT ON {} IS NULL", full_target(on, fact, schema));
        Some(finding_types(statement, fact, schema))
    },
    ..Rules::NONE
};

/// The expression that reads one.
pub(super) fn read() -> &'static str {
    RULES.attributes.first().map_or("NULL", |attribute| attribute.sql)
}

/// A comment as people read it among the properties of its object.
#[must_use]
pub fn line(text: &str) -> String {
    format!("comment {text:?}")
}

fn create(creation: &Creation<'_>, schema: &SchemaName, _: Guard) -> String {
    write(&creation.object, creation.fact, schema)
}

fn write(comment: &Object, fact: &Fact, schema: &SchemaName) -> String {
    let Object::Comment(on) = comment else { return String::new() };
    let text = fact.attributes.get("comment");
    // The text of a comment contains no names to qualify.
    let text = text.map(|value| match &value.sql {
        Some(full) => full.sql(schema),
        None => value.text.clone(),
    });
    let literal = Text::new(text.unwrap_or_default()).map(|text| text.literal());
    format!("COMMENT ON {} IS {}", full_target(on, fact, schema), literal.unwrap_or_default())
}

/// What a comment is on, with the types of arguments in the words of its fact.
fn full_target(on: &Object, fact: &Fact, schema: &SchemaName) -> String {
    match on.kind() {
        kind if kind.is_routine() => {
            let word = match kind {
                // That of an aggregate is `*` where it has no arguments.
                Kind::Aggregate => "ROUTINE".to_owned(),
                _ => kind.name().to_uppercase(),
            };
            format!("{word} {}", signature(on, fact, schema))
        }
        _ => target(on, schema),
    }
}

/// What a comment is on, as COMMENT ON names it.
#[must_use]
pub fn target(on: &Object, schema: &SchemaName) -> String {
    let name = part(on).map(|(_, name)| name);
    let quoted = name.map(Ident::quoted).unwrap_or_default();
    match on.kind() {
        Kind::Schema => format!("SCHEMA {}", schema.quoted()),
        Kind::Enum | Kind::CompositeType | Kind::RangeType => {
            format!("TYPE {}", qualified(on, schema))
        }
        Kind::Domain => format!("DOMAIN {}", qualified(on, schema)),
        Kind::DomainConstraint => format!("CONSTRAINT {quoted} ON DOMAIN {}", whole_of(on, schema)),
        Kind::Sequence => format!("SEQUENCE {}", qualified(on, schema)),
        Kind::Table => format!("TABLE {}", qualified(on, schema)),
        Kind::Column | Kind::Attribute => format!("COLUMN {}.{quoted}", whole_of(on, schema)),
        Kind::Constraint => format!("CONSTRAINT {quoted} ON {}", whole_of(on, schema)),
        Kind::Index => format!("INDEX {}", qualified(on, schema)),
        Kind::Statistics => format!("STATISTICS {}", qualified(on, schema)),
        Kind::Policy => format!("POLICY {quoted} ON {}", whole_of(on, schema)),
        Kind::Trigger => format!("TRIGGER {quoted} ON {}", whole_of(on, schema)),
        Kind::Rule => format!("RULE {quoted} ON {}", whole_of(on, schema)),
        Kind::View => format!("VIEW {}", qualified(on, schema)),
        Kind::MaterializedView => format!("MATERIALIZED VIEW {}", qualified(on, schema)),
        // The types of arguments have to be qualified in the statement of a plan, and need not be where names are
        // searched for in the schema.
        Kind::Function | Kind::Procedure | Kind::Aggregate => match on {
            Object::Routine { name, arguments, .. } => {
                format!("ROUTINE {}({arguments})", schema.qualify(name))
            }
            _ => String::new(),
        },
        // There are no comments on these.
        Kind::Label
        | Kind::Default
        | Kind::ReplicaIdentity
        | Kind::Clustering
        | Kind::RowSecurity
        | Kind::Population
        | Kind::Comment
        | Kind::Row
        | Kind::Grant
        | Kind::DefaultPrivilege
        | Kind::Owner => String::new(),
    }
}
