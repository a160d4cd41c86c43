//! The steps that a plan is made of.

use serde::{Deserialize, Serialize};

use crate::diff::{Named, Object, Place};
use crate::manifest::{
    ColumnDecl, ConstraintDecl, EnumDecl, IndexDecl, SeedDecl, SeedRow, SequenceDecl, TableDecl,
};
use crate::name::{Ident, Text};

/// One additive statement.
#[derive(Debug, Clone)]
pub enum Step<'m> {
    CreateSchema,
    CreateEnum(&'m EnumDecl),
    AddLabel {
        of: &'m Ident,
        label: &'m Ident,
        place: Place<'m>,
    },
    CreateSequence(&'m SequenceDecl),
    /// With those of its constraints that can be made together with it.
    CreateTable {
        decl: &'m TableDecl,
        constraints: Vec<Named<'m, ConstraintDecl>>,
    },
    AddColumn {
        table: &'m Ident,
        decl: &'m ColumnDecl,
    },
    AddConstraint {
        table: &'m Ident,
        constraint: Named<'m, ConstraintDecl>,
    },
    CreateIndex {
        table: &'m Ident,
        index: Named<'m, IndexDecl>,
    },
    Comment {
        on: Object,
        text: &'m Text,
    },
    InsertRow {
        seed: &'m SeedDecl,
        row: &'m SeedRow,
    },
}

/// What a step does, as a verb for people and programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Create,
    Add,
    Comment,
    Insert,
}

impl Step<'_> {
    /// What it does.
    #[must_use]
    pub fn action(&self) -> Action {
        match self {
            Self::CreateSchema
            | Self::CreateEnum(_)
            | Self::CreateSequence(_)
            | Self::CreateTable { .. }
            | Self::CreateIndex { .. } => Action::Create,
            Self::AddLabel { .. } | Self::AddColumn { .. } | Self::AddConstraint { .. } => {
                Action::Add
            }
            Self::Comment { .. } => Action::Comment,
            Self::InsertRow { .. } => Action::Insert,
        }
    }

    /// To which object.
    #[must_use]
    pub fn object(&self) -> Object {
        match self {
            Self::CreateSchema => Object::Schema,
            Self::CreateEnum(decl) => Object::Enum { name: decl.name.clone() },
            Self::AddLabel { of, label, .. } => {
                Object::Label { of: (*of).clone(), name: (*label).clone() }
            }
            Self::CreateSequence(decl) => Object::Sequence { name: decl.name.clone() },
            Self::CreateTable { decl, .. } => Object::Table { name: decl.name.clone() },
            Self::AddColumn { table, decl } => {
                Object::Column { table: (*table).clone(), name: decl.name.clone() }
            }
            Self::AddConstraint { table, constraint } => {
                Object::Constraint { table: (*table).clone(), name: constraint.name.clone() }
            }
            Self::CreateIndex { table, index } => {
                Object::Index { table: (*table).clone(), name: index.name.clone() }
            }
            Self::Comment { on, .. } => Object::Comment { on: Box::new(on.clone()) },
            Self::InsertRow { seed, row } => {
                Object::Row { table: seed.table.clone(), key: row.key_text(&seed.key) }
            }
        }
    }

    /// Where a baseline row is written.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        match self {
            Self::InsertRow { row, .. } => Some(&row.origin),
            _ => None,
        }
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Add => "add",
            Self::Comment => "write",
            Self::Insert => "insert",
        })
    }
}
