//! Constraints and indexes of a table.

use super::super::fragment;
use super::super::model::{
    ColumnDecl, ConstraintDecl, ConstraintDef, Deferral, ForeignKeyDecl, KeyDecl, Operator,
    ReferentialAction, TableRef,
};
use super::super::raw::{self, KeyForm, Name, Short, Spanned};
use super::indexes::{KeyParts, index_key, term_name};
use super::names::{Space, object_name};
use crate::manifest::checking::Checking;
use crate::words::counted;

/// In the order of the model: primary key, unique, checks, exclusions, foreign keys.
pub(super) fn constraints(
    checking: &mut Checking<'_>,
    table: &Name,
    raw: &raw::Table,
    columns: &[ColumnDecl],
) -> Vec<ConstraintDecl> {
    let mut constraints = Vec::new();
    constraints.extend(primary_key(checking, table, raw, columns));
    for key in &raw.unique {
        constraints.extend(self::key(checking, table, key, false));
    }
    for check in &raw.checks {
        constraints.extend(self::check(checking, table, check));
    }
    for exclusion in &raw.exclusions {
        constraints.extend(self::exclusion(checking, table, exclusion));
    }
    for key in &raw.foreign_keys {
        constraints.extend(foreign_key(checking, table, key));
    }
    constraints
}

fn primary_key(
    checking: &mut Checking<'_>,
    table: &Name,
    raw: &raw::Table,
    columns: &[ColumnDecl],
) -> Option<ConstraintDecl> {
    let mut keys: Vec<Spanned<KeyForm>> = Vec::new();
    for (name, column) in &raw.columns {
        if let Short::Full(column) = &column.value
            && let Some(flag) = column.primary_key.as_ref().filter(|flag| flag.value)
        {
            let form = KeyForm::Column(name.value.clone());
            keys.push(Spanned { span: flag.span.clone(), value: form });
        }
    }
    if let Some(second) = keys.get(1).or(keys.first().filter(|_| raw.primary_key.is_some())) {
        let message = format!(
            "table {:?} has two primary keys; list the columns of one in primary_key",
            table.value
        );
        checking.note(&second.span.clone(), message);
    }
    let key = raw.primary_key.as_ref().or(keys.first())?;
    let decl = self::key(checking, table, key, true)?;
    if let ConstraintDef::PrimaryKey(primary) = &decl.definition {
        for name in &primary.columns {
            if columns.iter().any(|column| column.name == *name && column.nullable) {
                let message = format!("column {name} is in the primary key, so it is never null");
                checking.note(&key.span, message);
            }
        }
    }
    Some(decl)
}

fn key(
    checking: &mut Checking<'_>,
    table: &Name,
    raw: &Spanned<KeyForm>,
    is_primary: bool,
) -> Option<ConstraintDecl> {
    let mut decl = KeyDecl {
        columns: Vec::new(),
        include: Vec::new(),
        nulls_distinct: true,
        deferral: Deferral::NotDeferrable,
    };
    let (mut name, mut comment) = (None, None);
    match &raw.value {
        KeyForm::Column(column) => {
            let column = Spanned { span: raw.span.clone(), value: column.clone() };
            decl.columns = checking.column_of(&table.value, &column).into_iter().collect();
        }
        KeyForm::Columns(columns) => {
            let columns = Spanned { span: raw.span.clone(), value: columns.clone() };
            decl.columns = checking.columns_of(&table.value, &columns);
        }
        KeyForm::Full(full) => {
            decl.columns = checking.columns_of(&table.value, &full.columns);
            decl.include = checking.some_columns_of(&table.value, &full.include);
            decl.deferral = deferral(full.deferrable, full.initially_deferred);
            if let Some(distinct) = &full.nulls_distinct {
                decl.nulls_distinct = distinct.value;
                if is_primary {
                    checking.note(&distinct.span, "a primary key has no nulls");
                }
            }
            name = full.name.as_ref();
            comment = checking.optional_text(full.comment.as_ref());
        }
    }
    let columns: Vec<String> = decl.columns.iter().map(|name| name.as_str().to_owned()).collect();
    let (parts, suffix) = if is_primary { (&[][..], "pkey") } else { (&columns[..], "key") };
    let name = object_name(checking, table, name, parts, suffix, Space::IndexedConstraint)?;
    let definition =
        if is_primary { ConstraintDef::PrimaryKey(decl) } else { ConstraintDef::Unique(decl) };
    let position = checking.position(&raw.span);
    Some(ConstraintDecl { position, name, definition, not_valid: false, comment })
}

fn deferral(deferrable: bool, initially_deferred: bool) -> Deferral {
    match (deferrable, initially_deferred) {
        (false, false) => Deferral::NotDeferrable,
        (true, false) => Deferral::Deferrable,
        (_, true) => Deferral::InitiallyDeferred,
    }
}

fn check(
    checking: &mut Checking<'_>,
    table: &Name,
    raw: &Spanned<Short<raw::Check>>,
) -> Option<ConstraintDecl> {
    let full = match &raw.value {
        Short::Text(_) => None,
        Short::Full(full) => Some(full),
    };
    let expression = match &raw.value {
        Short::Text(text) => {
            checking.expression(&Spanned { span: raw.span.clone(), value: text.clone() })
        }
        Short::Full(full) => checking.expression(&full.expression),
    };
    let comment = checking.optional_text(full.and_then(|full| full.comment.as_ref()));
    let name = full.and_then(|full| full.name.as_ref());
    let name = object_name(checking, table, name, &[], "check", Space::Constraint)?;
    let no_inherit = full.is_some_and(|full| full.no_inherit);
    let definition = ConstraintDef::Check { expression: expression?, no_inherit };
    let not_valid = full.is_some_and(|full| full.not_valid);
    let position = checking.position(&raw.span);
    Some(ConstraintDecl { position, name, definition, not_valid, comment })
}

fn exclusion(
    checking: &mut Checking<'_>,
    table: &Name,
    raw: &Spanned<raw::Exclusion>,
) -> Option<ConstraintDecl> {
    if raw.elements.is_empty() {
        checking.note(&raw.elements.span, "an exclusion constraint has at least one element");
    }
    let mut elements = Vec::new();
    for element in &raw.elements.value {
        let key = index_key(
            checking,
            &table.value,
            element,
            &KeyParts {
                column: element.column.as_ref(),
                expression: element.expression.as_ref(),
                opclass: element.opclass.as_ref(),
                collation: element.collation.as_ref(),
                order: element.order,
                nulls: element.nulls,
            },
        );
        let operator = operator(checking, &element.operator);
        elements.extend(key.zip(operator));
    }
    let method = raw.using.as_ref().and_then(|name| checking.ident(name));
    let predicate = raw.predicate.as_ref().and_then(|sql| checking.expression(sql));
    let comment = checking.optional_text(raw.comment.as_ref());
    let columns: Vec<String> = elements.iter().map(|(key, _)| term_name(key)).collect();
    let name = raw.name.as_ref();
    let name = object_name(checking, table, name, &columns, "excl", Space::IndexedConstraint)?;
    let definition = ConstraintDef::Exclusion {
        method,
        elements,
        predicate,
        deferral: deferral(raw.deferrable, raw.initially_deferred),
    };
    let position = checking.position(&raw.span);
    Some(ConstraintDecl { position, name, definition, not_valid: false, comment })
}

fn operator(checking: &mut Checking<'_>, raw: &Spanned<Short<raw::Qualified>>) -> Option<Operator> {
    let (schema, symbol, span) = match &raw.value {
        Short::Text(symbol) => (None, symbol, &raw.span),
        Short::Full(full) => {
            (Some(checking.ident(&full.schema)?), &full.name.value, &full.name.span)
        }
    };
    if !fragment::is_operator(symbol) {
        checking.note(span, format!("{symbol:?} is not an operator"));
        return None;
    }
    Some(Operator { schema, symbol: symbol.clone() })
}

fn foreign_key(
    checking: &mut Checking<'_>,
    table: &Name,
    raw: &Spanned<raw::ForeignKey>,
) -> Option<ConstraintDecl> {
    let columns = checking.columns_of(&table.value, &raw.columns);
    let target = &raw.references;
    let (references, referenced_columns) = match &target.schema {
        None => {
            let found = checking.table(&target.table);
            let columns = match found {
                Some(_) => checking.columns_of(&target.table, &target.columns),
                None => Vec::new(),
            };
            (found.map(TableRef::Tenant), columns)
        }
        Some(schema) => {
            let (schema, table) = (checking.ident(schema), checking.ident(&target.table));
            let columns = target.columns.iter().filter_map(|name| checking.ident(name)).collect();
            let reference =
                schema.zip(table).map(|(schema, table)| TableRef::External { schema, table });
            (reference, columns)
        }
    };
    if raw.columns.len() != target.columns.len() {
        let message = format!(
            "{} cannot reference {}",
            counted(raw.columns.len(), "column"),
            target.columns.len()
        );
        checking.note(&target.columns.span, message);
    }
    let on_delete_columns = checking.some_columns_of(&table.value, &raw.on_delete_columns);
    if let Some(first) = raw.on_delete_columns.first()
        && !matches!(raw.on_delete, raw::Action::SetNull | raw::Action::SetDefault)
    {
        checking.note(&first.span, "only set null and set default on delete name columns");
    }
    let comment = checking.optional_text(raw.comment.as_ref());
    let names: Vec<String> = columns.iter().map(|name| name.as_str().to_owned()).collect();
    let name = raw.name.as_ref();
    let name = object_name(checking, table, name, &names, "fkey", Space::Constraint)?;
    let definition = ConstraintDef::ForeignKey(ForeignKeyDecl {
        columns,
        references: references?,
        referenced_columns,
        match_full: raw.match_type == raw::Match::Full,
        on_update: action(raw.on_update),
        on_delete: action(raw.on_delete),
        on_delete_columns,
        deferral: deferral(raw.deferrable, raw.initially_deferred),
    });
    let position = checking.position(&raw.span);
    let not_valid = raw.not_valid;
    Some(ConstraintDecl { position, name, definition, not_valid, comment })
}

fn action(raw: raw::Action) -> ReferentialAction {
    match raw {
        raw::Action::NoAction => ReferentialAction::NoAction,
        raw::Action::Restrict => ReferentialAction::Restrict,
        raw::Action::Cascade => ReferentialAction::Cascade,
        raw::Action::SetNull => ReferentialAction::SetNull,
        raw::Action::SetDefault => ReferentialAction::SetDefault,
    }
}
