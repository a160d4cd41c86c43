//! Types of the tenant's schema.

use std::ops::Range;

use indexmap::IndexMap;

use super::columns::data_type;
use super::names::{Space, object_name};
use crate::manifest::checking::Checking;
use crate::manifest::model::{
    AttributeDecl, ConstraintDecl, ConstraintDef, DomainDecl, EnumDecl, RangeDecl, SubtypeDiff,
    TypeDecl, UserTypeDecl, UserTypeDef,
};
use crate::manifest::raw::{self, DomainCheck, Name, Names, Short, Spanned, TypeAttribute};
use crate::name::Ident;

/// The enums, and the other types, each in the order of the file.
pub(super) fn types(
    checking: &mut Checking<'_>,
    raw: &IndexMap<Name, raw::UserType>,
) -> (Vec<EnumDecl>, Vec<UserTypeDecl>) {
    let (mut enums, mut others) = (Vec::new(), Vec::new());
    for (name, decl) in raw {
        let kinds = [
            ("enum", decl.labels.as_ref().map(|labels| &labels.span)),
            ("domain", decl.domain.as_ref().map(|base| &base.span)),
            ("attributes", decl.attributes.as_ref().map(|_| &name.span)),
            ("range", decl.range.as_ref().map(|subtype| &subtype.span)),
        ];
        let given: Vec<(&str, &Range<usize>)> =
            kinds.into_iter().filter_map(|(key, span)| Some((key, span?))).collect();
        match given.as_slice() {
            [(kind, _)] => refuse_others(checking, decl, kind),
            [] if checking.damage.touches(&["types", &name.value]) => continue,
            [] => {
                let message = "a type has one of: enum (labels), domain (the type whose values it \
                               restricts), attributes (of a composite type), range (the type of \
                               the values)";
                checking.note(&name.span, message);
                continue;
            }
            [(first, _), (second, span), ..] => {
                let message = format!("a type has either {first} or {second}, not both");
                checking.note(&(*span).clone(), message);
                continue;
            }
        }
        if let Some(labels) = &decl.labels {
            enums.extend(enum_type(checking, name, labels, decl));
        } else {
            others.extend(other(checking, name, decl));
        }
    }
    (enums, others)
}

/// Notes the keys that types of this kind do not have.
fn refuse_others(checking: &mut Checking<'_>, raw: &raw::UserType, kind: &str) {
    const DOMAIN: &[&str] = &["domain"];
    const RANGE: &[&str] = &["range"];
    let keys = [
        ("default", raw.default.as_ref().map(|key| &key.span), DOMAIN),
        ("not_null", raw.not_null.as_ref().map(|key| &key.span), DOMAIN),
        ("checks", raw.checks.as_ref().map(|key| &key.span), DOMAIN),
        ("collation", raw.collation.as_ref().map(|key| &key.span), &["domain", "range"]),
        ("operator_class", raw.operator_class.as_ref().map(|key| &key.span), RANGE),
        ("subtype_diff", raw.subtype_diff.as_ref().map(|key| &key.span), RANGE),
        ("multirange", raw.multirange.as_ref().map(|key| &key.span), RANGE),
    ];
    for (key, span, of) in keys {
        if let Some(span) = span
            && !of.contains(&kind)
        {
            let message = format!("{key} belongs to a type with {}", of.join(" or "));
            checking.note(span, message);
        }
    }
}

fn enum_type(
    checking: &mut Checking<'_>,
    name: &Name,
    raw_labels: &Spanned<Names>,
    raw: &raw::UserType,
) -> Option<EnumDecl> {
    if raw_labels.is_empty() {
        checking.note(&raw_labels.span, "an enum has at least one label");
    }
    let mut labels: Vec<Ident> = Vec::new();
    for label in &raw_labels.value {
        if let Some(read) = checking.ident(label) {
            if labels.contains(&read) {
                checking.note(&label.span, format!("label {:?} is given twice", label.value));
            }
            labels.push(read);
        }
    }
    let comment = checking.optional_text(raw.comment.as_ref());
    let position = checking.position(&name.span);
    Some(EnumDecl { position, name: Ident::new(name.value.clone()).ok()?, labels, comment })
}

fn other(checking: &mut Checking<'_>, name: &Name, raw: &raw::UserType) -> Option<UserTypeDecl> {
    let definition = match (&raw.domain, &raw.attributes, &raw.range) {
        (Some(base), ..) => domain(checking, name, base, raw).map(UserTypeDef::Domain),
        (_, Some(attributes), _) => {
            let attributes = attributes.iter();
            let read = attributes.filter_map(|(name, decl)| attribute(checking, name, decl));
            Some(UserTypeDef::Composite(read.collect()))
        }
        (.., Some(subtype)) => range(checking, subtype, raw).map(UserTypeDef::Range),
        (None, None, None) => None,
    };
    let comment = checking.optional_text(raw.comment.as_ref());
    let position = checking.position(&name.span);
    let name = Ident::new(name.value.clone()).ok()?;
    Some(UserTypeDecl { position, name, definition: definition?, comment })
}

fn domain(
    checking: &mut Checking<'_>,
    name: &Name,
    base: &Name,
    raw: &raw::UserType,
) -> Option<DomainDecl> {
    let base = data_type(checking, base);
    let default = raw.default.as_ref().and_then(|sql| checking.expression(sql));
    let collation = raw.collation.as_ref().and_then(|name| checking.qualified(name));
    let checks = raw.checks.iter().flat_map(|checks| &checks.value);
    let constraints = checks.filter_map(|check| domain_check(checking, name, check)).collect();
    let nullable = raw.not_null.as_ref().is_none_or(|not_null| !not_null.value);
    Some(DomainDecl { base: base?, collation, default, nullable, constraints })
}

fn domain_check(
    checking: &mut Checking<'_>,
    domain: &Name,
    raw: &Spanned<Short<DomainCheck>>,
) -> Option<ConstraintDecl> {
    let (expression, name, comment) = match &raw.value {
        Short::Text(text) => {
            let sql = Spanned { span: raw.span.clone(), value: text.clone() };
            (checking.expression(&sql), None, None)
        }
        Short::Full(full) => {
            let comment = checking.optional_text(full.comment.as_ref());
            (checking.expression(&full.expression), full.name.as_ref(), comment)
        }
    };
    let name = object_name(checking, domain, name, &[], "check", Space::Constraint)?;
    let definition = ConstraintDef::Check { expression: expression?, no_inherit: false };
    let position = checking.position(&raw.span);
    Some(ConstraintDecl { position, name, definition, not_valid: false, comment })
}

fn attribute(
    checking: &mut Checking<'_>,
    name: &Name,
    raw: &Spanned<Short<TypeAttribute>>,
) -> Option<AttributeDecl> {
    let ident = checking.ident(name);
    let (data_type, collation, comment) = match &raw.value {
        Short::Text(text) => {
            let name = Spanned { span: raw.span.clone(), value: text.clone() };
            (data_type(checking, &name), None, None)
        }
        Short::Full(full) => (
            data_type(checking, &full.data_type),
            full.collation.as_ref().and_then(|name| checking.qualified(name)),
            checking.optional_text(full.comment.as_ref()),
        ),
    };
    Some(AttributeDecl { name: ident?, data_type: data_type?, collation, comment })
}

fn range(checking: &mut Checking<'_>, subtype: &Name, raw: &raw::UserType) -> Option<RangeDecl> {
    let type_name = subtype;
    let subtype = data_type(checking, type_name);
    if matches!(subtype, Some(TypeDecl::Sql(_))) && has_modifier(&type_name.value) {
        let message = "a range type keeps no length, precision or scale of its values; leave it \
                       out, or name a domain";
        checking.note(&type_name.span, message);
    }
    let mut qualified = |name: &Option<Spanned<Short<raw::Qualified>>>| {
        name.as_ref().and_then(|name| checking.qualified(name))
    };
    let operator_class = qualified(&raw.operator_class);
    let collation = qualified(&raw.collation);
    let subtype_diff = qualified(&raw.subtype_diff).map(|function| {
        let is_declared =
            function.schema.is_none() && checking.functions.contains(function.name.as_str());
        if is_declared {
            SubtypeDiff::Declared(function.name)
        } else {
            SubtypeDiff::Other(function)
        }
    });
    let multirange = raw.multirange.as_ref().and_then(|name| checking.ident(name));
    Some(RangeDecl { subtype: subtype?, operator_class, collation, subtype_diff, multirange })
}

/// Whether something in parentheses follows the name of a type.
fn has_modifier(data_type: &str) -> bool {
    let mut is_quoted = false;
    data_type.chars().any(|c| {
        is_quoted ^= c == '"';
        !is_quoted && c == '('
    })
}
