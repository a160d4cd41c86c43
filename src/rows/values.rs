//! The values of baseline rows as the server has them once they are stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::manifest::Manifest;
use crate::name::{Ident, Text};

/// What the server makes of declared values that are compared: of `1` in a column of type `numeric(10,2)`, `1.00`.
#[derive(Debug, Clone, Default)]
pub struct Values {
    /// As the server prints them, by table and column and by what is declared; without those that are printed as declared.
    stored: BTreeMap<(Ident, Ident), HashMap<Text, Text>>,
    /// The columns, with their tables, whose type has no equality.
    incomparable: BTreeSet<(Ident, Ident)>,
}

/// The declared values of a column that are compared.
#[derive(Debug, PartialEq, Eq)]
pub struct OfColumn<'m> {
    pub table: &'m Ident,
    pub column: &'m Ident,
    /// Each once.
    pub texts: Vec<&'m Text>,
}

impl Values {
    /// What is to be stored to find them out.
    #[must_use]
    pub fn declared(manifest: &Manifest) -> Vec<OfColumn<'_>> {
        type Found<'f> = (Vec<&'f Text>, BTreeSet<&'f str>);
        let mut columns: BTreeMap<(&Ident, &Ident), Found<'_>> = BTreeMap::new();
        for seed in &manifest.seeds {
            for (column, cell) in seed.rows.iter().flat_map(|row| seed.kept(row)) {
                let (texts, known) = columns.entry((&seed.table, column)).or_default();
                if let crate::manifest::Cell::Value(text) = cell
                    && known.insert(text.as_str())
                {
                    texts.push(text);
                }
            }
        }
        let columns = columns.into_iter();
        columns.map(|((table, column), (texts, _))| OfColumn { table, column, texts }).collect()
    }

    /// Notes what became of the values of a column, in their order, and whether its type has an equality.
    pub fn note(&mut self, of: &OfColumn<'_>, stored: Vec<Text>, is_comparable: bool) {
        let key = (of.table.clone(), of.column.clone());
        if !is_comparable {
            self.incomparable.insert(key.clone());
        }
        let pairs = of.texts.iter().zip(stored).filter(|(declared, stored)| **declared != stored);
        let others: HashMap<Text, Text> =
            pairs.map(|(declared, stored)| ((*declared).clone(), stored)).collect();
        if !others.is_empty() {
            self.stored.insert(key, others);
        }
    }

    /// A declared value as the server prints it once it is stored.
    #[must_use]
    pub fn stored<'t>(&'t self, table: &Ident, column: &Ident, declared: &'t Text) -> &'t Text {
        let of_column = self.stored.get(&(table.clone(), column.clone()));
        of_column.and_then(|others| others.get(declared)).unwrap_or(declared)
    }

    /// Whether the type of a column has an equality.
    #[must_use]
    pub fn is_comparable(&self, table: &Ident, column: &Ident) -> bool {
        !self.incomparable.contains(&(table.clone(), column.clone()))
    }
}
