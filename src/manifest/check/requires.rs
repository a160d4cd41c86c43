//! Extensions that the database must have.

use std::collections::BTreeSet;

use crate::manifest::checking::Checking;
use crate::manifest::model::Requirement;
use crate::manifest::raw::{self, Short, Spanned};

pub(super) fn requires(
    checking: &mut Checking<'_>,
    raw: &[Spanned<Short<raw::Requirement>>],
) -> Vec<Requirement> {
    let mut requires: Vec<Requirement> = Vec::new();
    let mut named = BTreeSet::new();
    for given in raw {
        let (name, schema) = match &given.value {
            Short::Text(name) => (Spanned { span: given.span.clone(), value: name.clone() }, None),
            Short::Full(full) => (full.name.clone(), full.schema.as_ref()),
        };
        if !named.insert(name.value.clone()) {
            checking.note(&name.span, format!("extension {:?} is named twice", name.value));
        }
        let schema = schema.map(|schema| checking.ident(schema));
        let position = checking.position(&given.span);
        if let Some(name) = checking.ident(&name) {
            requires.push(Requirement { position, name, schema: schema.flatten() });
        }
    }
    requires
}
