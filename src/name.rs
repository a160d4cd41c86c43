//! Names and quoting: the one place where text becomes SQL syntax.
//!
//! Nothing else in the crate writes a quotation mark into SQL. An [`Ident`] or [`Text`] can only
//! be made from something that the server can hold, so quoting it cannot fail.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest identifier, in bytes, that a stock server keeps whole (`NAMEDATALEN - 1`; PostgreSQL
/// manual, §4.1.1). Longer names would be cut silently, so that two of them could become one.
pub const MAX_IDENT_BYTES: usize = 63;

/// Why a text is no name.
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

    /// Makes a name out of `parts` and a `suffix`, cutting the parts (never the suffix, never a
    /// character in two) so that it fits, as the server does for the names that it chooses.
    #[must_use]
    pub fn composed(parts: &str, suffix: &str) -> Self {
        let parts = parts.replace('\0', "");
        let room = MAX_IDENT_BYTES.saturating_sub(suffix.len());
        let mut end = parts.len().min(room);
        while !parts.is_char_boundary(end) {
            end -= 1;
        }
        Self(format!("{}{suffix}", &parts[..end]))
    }

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

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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

impl From<&TenantId> for Text {
    fn from(id: &TenantId) -> Self {
        Self(id.0.clone())
    }
}

/// The id of a tenant, in its one spelling: a hyphenated UUID in lower case, or a slug
/// `[a-z0-9][a-z0-9_-]*`. Two different ids never compare equal, and two spellings of one UUID
/// always do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(String);

impl TenantId {
    /// # Errors
    /// When the text is neither a UUID nor a slug, is reserved, or has more than 63 bytes.
    pub fn new(id: &str) -> Result<Self, NameError> {
        // Only the hyphenated form counts as a UUID: 32 bare digits are a slug of their own.
        let id = match uuid::Uuid::try_parse(id) {
            Ok(uuid) if id.len() == uuid::fmt::Hyphenated::LENGTH => uuid.hyphenated().to_string(),
            _ => id.to_owned(),
        };
        if id.len() > MAX_IDENT_BYTES {
            return Err(NameError::TooLong(id));
        }
        let starts_well = id.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !starts_well || !id.chars().all(is_slug_char) {
            return Err(NameError::NotATenantId(id));
        }
        if is_reserved(&id) {
            return Err(NameError::Reserved(id));
        }
        Ok(Self(id))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for TenantId {
    type Err = NameError;
    fn from_str(id: &str) -> Result<Self, NameError> {
        Self::new(id)
    }
}

impl TryFrom<String> for TenantId {
    type Error = NameError;
    fn try_from(id: String) -> Result<Self, NameError> {
        Self::new(&id)
    }
}

impl From<TenantId> for String {
    fn from(id: TenantId) -> Self {
        id.0
    }
}

fn is_slug_char(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-')
}

fn is_reserved(name: &str) -> bool {
    name == "public"
        || name == "information_schema"
        || name.starts_with("pg_")
        || name.starts_with(SCRATCH_PREFIX)
}

/// The schema of one tenant (or the scratch schema of an elaboration): an identifier that is
/// made of slug characters only, so that it may also stand inside a string literal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SchemaName(Ident);

impl SchemaName {
    /// A name for a scratch schema that no tenant can have: slugs do not start with `_`, and
    /// [`SchemaTemplate`] refuses this prefix.
    #[must_use]
    pub fn scratch() -> Self {
        Self(Ident(format!(
            "{SCRATCH_PREFIX}{}",
            uuid::Uuid::new_v4().simple()
        )))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    #[must_use]
    pub fn quoted(&self) -> String {
        self.0.quoted()
    }

    #[must_use]
    pub fn ident(&self) -> &Ident {
        &self.0
    }

    /// `"schema"."name"`.
    #[must_use]
    pub fn qualify(&self, name: &Ident) -> String {
        format!("{}.{}", self.quoted(), name.quoted())
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

const SCRATCH_PREFIX: &str = "_provision_scratch_";
const PLACEHOLDER: &str = "{tenant_id}";

/// How a tenant's schema is named after its id. One placeholder between fixed affixes makes the
/// mapping injective: different ids have different schemas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaTemplate {
    prefix: String,
    suffix: String,
}

impl Default for SchemaTemplate {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            suffix: String::new(),
        }
    }
}

impl SchemaTemplate {
    /// # Errors
    /// When `{tenant_id}` does not stand in it exactly once, or beside characters other than
    /// those of a slug, or when every name made by it would be reserved.
    pub fn new(template: &str) -> Result<Self, NameError> {
        let refuse = || NameError::Template(template.to_owned());
        let (prefix, suffix) = template.split_once(PLACEHOLDER).ok_or_else(refuse)?;
        if !prefix.chars().chain(suffix.chars()).all(is_slug_char)
            || prefix.starts_with(SCRATCH_PREFIX)
        {
            return Err(refuse());
        }
        if prefix.starts_with("pg_") {
            return Err(NameError::Reserved(template.to_owned()));
        }
        Ok(Self {
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
        })
    }

    /// # Errors
    /// When the schema's name would be too long or reserved.
    pub fn schema_of(&self, tenant: &TenantId) -> Result<SchemaName, NameError> {
        let name = format!("{}{tenant}{}", self.prefix, self.suffix);
        if is_reserved(&name) {
            return Err(NameError::Reserved(name));
        }
        Ident::new(name).map(SchemaName)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn uuids_have_one_spelling_and_slugs_keep_theirs() {
        let upper = TenantId::new("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11").unwrap();
        let lower = TenantId::new("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11").unwrap();
        assert_eq!(upper, lower);
        let bare = TenantId::new("a0eebc999c0b4ef8bb6d6bb9bd380a11").unwrap();
        assert_ne!(bare, lower, "32 bare digits are a slug, another tenant");
    }

    #[test]
    fn hostile_ids_are_refused() {
        for id in [
            "", "public", "information_schema", "pg_catalog", "pg_x", "_x", "-x", "A", "a.b",
            "a b", "a\"b", "a'b", "a;b", "a\0", "á", "../x", "a\n",
            "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
            "urn:uuid:a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        ] {
            assert!(TenantId::new(id).is_err(), "{id:?} was taken");
        }
        assert!(TenantId::new(&"a".repeat(64)).is_err());
        assert!(TenantId::new(&"a".repeat(63)).is_ok());
    }

    #[test]
    fn templates_that_could_merge_tenants_are_refused() {
        for template in ["", "fixed", "{tenant_id}{tenant_id}", "a.{tenant_id}", "pg_{tenant_id}",
            "_provision_scratch_{tenant_id}", "\"{tenant_id}"]
        {
            assert!(SchemaTemplate::new(template).is_err(), "{template:?} was taken");
        }
        let template = SchemaTemplate::new("p{tenant_id}").unwrap();
        let id = TenantId::new("ublic").unwrap();
        assert_eq!(template.schema_of(&id), Err(NameError::Reserved("public".into())));
        let long = TenantId::new(&"a".repeat(63)).unwrap();
        assert!(matches!(template.schema_of(&long), Err(NameError::TooLong(_))));
    }

    proptest! {
        #[test]
        fn schemas_of_different_tenants_differ(
            a in "[a-z0-9][a-z0-9_-]{0,20}", b in "[a-z0-9][a-z0-9_-]{0,20}",
            prefix in "[a-z_-]{0,8}", suffix in "[a-z_-]{0,8}",
        ) {
            prop_assume!(!prefix.starts_with("pg_"));
            let template = SchemaTemplate::new(&format!("{prefix}{{tenant_id}}{suffix}")).unwrap();
            if let (Ok(a), Ok(b)) = (TenantId::new(&a), TenantId::new(&b))
                && let (Ok(x), Ok(y)) = (template.schema_of(&a), template.schema_of(&b))
            {
                prop_assert_eq!(a == b, x == y);
            }
        }

        #[test]
        fn composed_names_always_fit(parts in "\\PC{0,90}", n in 0u32..1000) {
            let name = Ident::composed(&parts, &format!("_key{n}"));
            prop_assert!(Ident::new(name.as_str()).is_ok());
        }
    }
}
