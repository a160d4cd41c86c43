//! What a plan leaves as it is.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalog::{Object, Unmodelled};
use crate::consent::Class;
use crate::manifest::DriftRules;
use crate::name::Ident;
use crate::rows::CellDifference;

/// An object that exists, but not as declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub object: Object,
    /// One property per line.
    pub actual: String,
    pub expected: String,
    /// The values of a baseline row that are not the declared ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<CellDifference>,
    /// The consent with which it would be changed; none: there is no such yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_by: Option<Class>,
}

/// What exists and is not as declared, and what no plan touches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Untouched {
    /// Present but different.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Change>,
    /// Present but not declared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Object>,
    /// Columns that are not declared, and that could be declared ones which are missing, under old names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub perhaps_renamed: Vec<PerhapsRenamed>,
    /// Of kinds that are not compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmodelled: Vec<Unmodelled>,
    /// What is missing and not created, since what it needs is not as declared, or something is in the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Held>,
}

/// A column that is not declared, while one of its table and type is missing: it may have been renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerhapsRenamed {
    pub from: Object,
    pub to: Object,
}

impl fmt::Display for PerhapsRenamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.from.name().map(Ident::quoted).unwrap_or_default();
        write!(
            f,
            "renamed? {} has the type of {}: if it was that, declare renamed_from = {name} for it",
            self.to, self.from
        )
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.on, self.reasons.join("; "))
    }
}

/// Steps on one table or type that are held back, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub on: Object,
    /// Such as "add column t.x"; rows are counted.
    pub steps: Vec<String>,
    /// Such as "index `t_idx` on t runs ten.f(text), which belongs to evil".
    pub reasons: Vec<String>,
}

impl Untouched {
    /// Whether there is nothing of the kind.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Without what the manifest ignores: the rest is drift.
    #[must_use]
    pub fn counted(&self, rules: &DriftRules) -> Self {
        let mut counted = self.clone();
        counted.extra.retain(|object| !rules.ignores(&object.to_string()));
        counted.unmodelled.retain(|object| !rules.ignores(&object.to_string()));
        counted
    }

    /// The objects that the manifest does not declare.
    pub fn undeclared(&self) -> impl Iterator<Item = String> {
        let extra = self.extra.iter().map(ToString::to_string);
        extra.chain(self.unmodelled.iter().map(ToString::to_string))
    }

    /// All that there is, by kind and name; what is held back, by the table or type that it is on.
    pub fn objects(&self) -> impl Iterator<Item = String> {
        let changed = self.changed.iter().map(|change| change.object.to_string());
        let held = self.held.iter().map(|held| held.on.to_string());
        changed.chain(self.undeclared()).chain(held)
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changed.len() + self.extra.len() + self.unmodelled.len() + self.held.len()
    }
}
