//! Attributes of objects.

/// An attribute of a kind of objects.
#[derive(Debug)]
pub struct Attribute {
    /// Its key in catalogs.
    pub key: &'static str,
    /// An expression over the source of its kind; NULL: the object does not have it.
    pub sql: &'static str,
    /// What precedes it where people read it.
    label: &'static str,
    /// Whether it is shown to people and digested. If not, other attributes contain the same information.
    is_shown: bool,
    /// What is digested of it.
    digest: Digested,
    /// Whether what depends on the object needs it to be as desired.
    pub is_needed: bool,
}

#[derive(Debug, Clone, Copy)]
enum Digested {
    /// The expression that is read.
    AsRead,
    Instead(&'static [&'static str]),
}

impl Attribute {
    pub(super) const fn new(key: &'static str, sql: &'static str) -> Self {
        Self { key, sql, label: "", is_shown: true, digest: Digested::AsRead, is_needed: false }
    }

    /// With a label in front of its value.
    pub(super) const fn labelled(self, label: &'static str) -> Self {
        Self { label, ..self }
    }

    /// What depends on the object needs it to be as desired.
    pub(super) const fn needed(self) -> Self {
        Self { is_needed: true, ..self }
    }

    /// What is digested of it: expressions that cost the server less, over what the digest of its kind selects from.
    /// Without any: something else that is digested changes with it.
    pub(super) const fn digested(self, expressions: &'static [&'static str]) -> Self {
        Self { digest: Digested::Instead(expressions), ..self }
    }

    /// The expressions that are digested.
    pub(super) fn digest(&self) -> Vec<&'static str> {
        match self.digest {
            _ if !self.is_shown => Vec::new(),
            Digested::AsRead => vec![self.sql],
            Digested::Instead(expressions) => expressions.to_vec(),
        }
    }

    /// Whether it is compared for its own sake. If not, other attributes contain the same information.
    #[must_use]
    pub const fn is_shown(&self) -> bool {
        self.is_shown
    }

    /// Other attributes contain the same information.
    pub(super) const fn hidden(self) -> Self {
        Self { is_shown: false, ..self }
    }

    pub(super) fn line(&self, text: &str) -> Option<String> {
        match (self.is_shown, self.label) {
            (false, _) => None,
            (true, "") => Some(text.to_owned()),
            (true, label) => Some(format!("{label} {text}")),
        }
    }
}
