//! The SQL of declared types.

use super::constraint;
use super::words::{qualified, type_name};
use crate::catalog::{Kind, Object};
use crate::manifest::{
    AttributeDecl, DomainDecl, EnumDecl, RangeDecl, SubtypeDiff, UserTypeDecl, UserTypeDef,
};
use crate::name::{Ident, SchemaName, Text};

/// The object that the declaration creates.
pub(super) fn object(decl: &UserTypeDecl) -> Object {
    let kind = match decl.definition {
        UserTypeDef::Domain(_) => Kind::Domain,
        UserTypeDef::Composite(_) => Kind::CompositeType,
        UserTypeDef::Range(_) => Kind::RangeType,
    };
    Object::Member(kind, decl.name.clone())
}

/// The comments on it and on its parts.
pub(super) fn comments(decl: &UserTypeDecl) -> Vec<(Object, &Text)> {
    let whole = object(decl).kind();
    let part = |kind: Kind, name: &Ident| Object::part(whole, &decl.name, kind, name);
    let of_parts: Vec<(Object, Option<&Text>)> = match &decl.definition {
        UserTypeDef::Domain(domain) => {
            let constraints = domain.constraints.iter();
            let name = |name: &Ident| part(Kind::DomainConstraint, name);
            constraints.map(|c| (name(&c.name.ident), c.comment.as_ref())).collect()
        }
        UserTypeDef::Composite(attributes) => {
            let name = |name: &Ident| part(Kind::Attribute, name);
            attributes.iter().map(|a| (name(&a.name), a.comment.as_ref())).collect()
        }
        UserTypeDef::Range(_) => Vec::new(),
    };
    let all = std::iter::once((object(decl), decl.comment.as_ref())).chain(of_parts);
    all.filter_map(|(object, text)| Some((object, text?))).collect()
}

/// The statement that creates it.
pub(super) fn create(schema: &SchemaName, decl: &UserTypeDecl) -> String {
    let name = schema.qualify(&decl.name);
    match &decl.definition {
        UserTypeDef::Domain(domain) => self::domain(schema, &name, domain),
        UserTypeDef::Composite(attributes) => {
            let attributes: Vec<String> =
                attributes.iter().map(|decl| attribute(schema, decl)).collect();
            format!("CREATE TYPE {name} AS ({})", attributes.join(", "))
        }
        UserTypeDef::Range(range) => self::range(schema, &name, range),
    }
}

fn domain(schema: &SchemaName, name: &str, decl: &DomainDecl) -> String {
    let mut sql = format!("CREATE DOMAIN {name} AS {}", type_name(schema, &decl.base));
    if let Some(collation) = &decl.collation {
        sql.push_str(&format!(" COLLATE {}", qualified(collation)));
    }
    if let Some(default) = &decl.default {
        sql.push_str(&format!(" DEFAULT ({})", default.sql(schema)));
    }
    if !decl.nullable {
        sql.push_str(" NOT NULL");
    }
    for constraint in &decl.constraints {
        sql.push_str(&format!(" {}", constraint::clause(schema, constraint)));
    }
    sql
}

fn attribute(schema: &SchemaName, decl: &AttributeDecl) -> String {
    let collation = decl.collation.as_ref().map(|name| format!(" COLLATE {}", qualified(name)));
    let data_type = type_name(schema, &decl.data_type);
    format!("{} {data_type}{}", decl.name.quoted(), collation.unwrap_or_default())
}

fn range(schema: &SchemaName, name: &str, decl: &RangeDecl) -> String {
    let difference = |function: &SubtypeDiff| match function {
        SubtypeDiff::Declared(name) => schema.qualify(name),
        SubtypeDiff::Other(name) => qualified(name),
    };
    let options = [
        ("SUBTYPE", Some(type_name(schema, &decl.subtype))),
        ("SUBTYPE_OPCLASS", decl.operator_class.as_ref().map(qualified)),
        ("COLLATION", decl.collation.as_ref().map(qualified)),
        ("SUBTYPE_DIFF", decl.subtype_diff.as_ref().map(difference)),
        ("MULTIRANGE_TYPE_NAME", decl.multirange.as_ref().map(|name| schema.qualify(name))),
    ];
    let options =
        options.into_iter().filter_map(|(key, value)| Some(format!("{key} = {}", value?)));
    let options: Vec<String> = options.collect();
    format!("CREATE TYPE {name} AS RANGE ({})", options.join(", "))
}

pub(super) fn create_enum(schema: &SchemaName, decl: &EnumDecl) -> String {
    let labels: Vec<String> = decl.labels.iter().map(|l| Text::from(l).literal()).collect();
    format!("CREATE TYPE {} AS ENUM ({})", schema.qualify(&decl.name), labels.join(", "))
}
