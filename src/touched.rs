//! Objects that a plan needs or alters: what is digested again before and after its statements.

use std::collections::BTreeSet;

use crate::name::Ident;

/// Objects of a schema, by name, whether they exist or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// Tables, with everything attached to them, and sequences.
    pub relations: BTreeSet<Ident>,
    pub types: BTreeSet<Ident>,
}

impl Touched {
    /// Whether a table or sequence with this name is among them.
    #[must_use]
    pub fn has_relation(&self, name: &str) -> bool {
        self.relations.iter().any(|touched| touched.as_str() == name)
    }

    /// Whether a type with this name is among them.
    #[must_use]
    pub fn has_type(&self, name: &str) -> bool {
        self.types.iter().any(|touched| touched.as_str() == name)
    }
}
