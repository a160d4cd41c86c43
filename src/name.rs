//! Names and quoting: the one place where text becomes SQL syntax, or something that is safe to show.
//!
//! Nothing else in the crate writes a quotation mark into SQL. An [`Ident`] or [`Text`] can only
//! be created from something that the server can store, so quoting it cannot fail.

mod printable;
mod role;
mod tenant;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use printable::{printable, printable_json, printable_lines};
pub use role::{Role, RoleTemplate};
pub use tenant::{SCHEMA_PLACEHOLDER, SchemaName, SchemaTemplate, TenantId};

/// Longest identifier, in bytes, that a stock server keeps whole (`NAMEDATALEN - 1`; PostgreSQL
/// manual, §4.1.1). Longer names would be cut silently, so that two of them could become one.
pub const MAX_IDENT_BYTES: usize = 63;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("a name may not be empty")]
    Empty,
    #[error(
        "the name {0:?} has {len} bytes, but PostgreSQL keeps only the first {MAX_IDENT_BYTES}",
        len = .0.len()
    )]
    TooLong(String),
    #[error("{0:?} contains a NUL character, which PostgreSQL cannot store")]
    Nul(String),
    #[error(
        "{0:?} is not a tenant id: expected a UUID, or a slug of a-z, 0-9, '_' and '-' that starts \
         with a letter or digit"
    )]
    NotATenantId(String),
    #[error("{0:?} is reserved by PostgreSQL and cannot name a tenant")]
    Reserved(String),
    #[error(
        "the schema template {0:?} must hold {{tenant_id}} exactly once, beside a-z, 0-9, '_' and \
         '-' only, so that two tenants never share a schema"
    )]
    Template(String),
    #[error(
        "the role {0:?} holds braces that are not exactly one {{tenant_id}} or {{schema}}, so that two tenants \
         never share a role by accident"
    )]
    RolePattern(String),
    #[error("{0:?} is reserved by PostgreSQL and cannot name a role of a tenant")]
    ReservedRole(String),
}

/// An SQL identifier as the server stores it: 1 to 63 bytes, no NUL, case kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ident(String);

impl Ident {
    /// # Errors
    /// When the name is empty, longer than [`MAX_IDENT_BYTES`] bytes, or holds a NUL.
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        if name.is_empty() {
            Err(NameError::Empty)
        } else if name.contains('\0') {
            Err(NameError::Nul(name))
        } else if name.len() > MAX_IDENT_BYTES {
            Err(NameError::TooLong(name))
        } else {
            Ok(Self(name))
        }
    }

    /// Composes a name from `parts` and a `suffix`, truncating the parts (never the suffix, never within a
    /// character) so that it fits, as the server does for the names that it chooses.
    #[must_use]
    pub fn composed(parts: &str, suffix: &str) -> Self {
        let parts = parts.replace('\0', "");
        let room = MAX_IDENT_BYTES.saturating_sub(suffix.len());
        let fits = |(at, c): &(usize, char)| at + c.len_utf8() <= room;
        let kept: String = parts.char_indices().take_while(fits).map(|(_, c)| c).collect();
        Self(kept + suffix)
    }

    /// The name that the server gives the sequence of a `serial` column, unless it is in use: of the two
    /// names, the longer one is cut until all fits (`makeObjectName` in PostgreSQL's `indexcmds.c`).
    #[must_use]
    pub fn for_serial(table: &Self, column: &Self) -> Self {
        const SUFFIX: &str = "_seq";
        let room = MAX_IDENT_BYTES - SUFFIX.len() - "_".len();
        let (mut first, mut second) = (table.0.len(), column.0.len());
        while first + second > room {
            if first > second { first -= 1 } else { second -= 1 }
        }
        // A character is never cut in two.
        let cut = |text: &str, length: usize| -> String {
            let fits = |(at, c): &(usize, char)| at + c.len_utf8() <= length;
            text.char_indices().take_while(fits).map(|(_, c)| c).collect()
        };
        Self(format!("{}_{}{SUFFIX}", cut(&table.0, first), cut(&column.0, second)))
    }

    /// As the server stores it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The identifier between double quotes, inner ones doubled (PostgreSQL manual, §4.1.1).
    #[must_use]
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// For people: as [`printable()`] shows it. What programs get is [`Ident::as_str`].
impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0))
    }
}

impl TryFrom<String> for Ident {
    type Error = NameError;
    fn try_from(name: String) -> Result<Self, NameError> {
        Self::new(name)
    }
}

impl From<Ident> for String {
    fn from(name: Ident) -> Self {
        name.0
    }
}

impl std::borrow::Borrow<str> for Ident {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A text value that the server can store: any Unicode but NUL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text(String);

impl Text {
    /// # Errors
    /// When the text holds a NUL.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        if text.contains('\0') {
            return Err(NameError::Nul(text));
        }
        Ok(Self(text))
    }

    /// As the server stores it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text as an SQL literal that means the same whatever `standard_conforming_strings` is:
    /// with a backslash in it, the escape form is used (PostgreSQL manual, §4.1.2).
    #[must_use]
    pub fn literal(&self) -> String {
        let doubled = self.0.replace('\'', "''");
        if doubled.contains('\\') {
            format!("E'{}'", doubled.replace('\\', "\\\\"))
        } else {
            format!("'{doubled}'")
        }
    }
}

/// For people: as [`printable()`] shows it. What programs get is [`Text::as_str`].
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0))
    }
}

impl TryFrom<String> for Text {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

impl From<&Ident> for Text {
    fn from(name: &Ident) -> Self {
        Self(name.0.clone())
    }
}

/// Text that consists of quoted names as a literal; a name cannot contain a NUL, so neither can this.
#[must_use]
pub fn literal(sql: &str) -> String {
    Text::new(sql.replace('\0', "")).map(|text| text.literal()).unwrap_or_default()
}

/// A text between `$tag$` marks, which do not occur in it (PostgreSQL manual, §4.1.2.4).
#[must_use]
pub fn dollar_quoted(text: &str, tag: &str) -> String {
    let marks = std::iter::once(String::new()).chain((1_u32..).map(|n| n.to_string()));
    let marks = marks.map(|number| format!("${tag}{number}$"));
    // A dollar sign at the end would belong to the mark.
    let is_free = |mark: &String| !format!("{text}$").contains(mark.as_str());
    let mark = marks.into_iter().find(is_free).unwrap_or_default();
    format!("{mark}{text}{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn composed_names_always_fit(parts in "\\PC{0,90}", n in 0u32..1000) {
            let name = Ident::composed(&parts, &format!("_key{n}"));
            prop_assert!(Ident::new(name.as_str()).is_ok());
        }
    }
}
