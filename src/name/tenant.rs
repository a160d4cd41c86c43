//! Tenants, and the schemas that are named after them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Ident, MAX_IDENT_BYTES, NameError, Text};

/// The id of a tenant, in its canonical form: a hyphenated UUID in lower case, or a slug
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

    /// As text.
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
/// made of slug characters only, so that it may also be used inside a string literal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SchemaName(Ident);

impl SchemaName {
    /// A name for a scratch schema that no tenant can have: slugs do not start with `_`, and
    /// [`SchemaTemplate`] refuses this prefix.
    #[must_use]
    pub fn scratch() -> Self {
        Self(Ident(format!("{SCRATCH_PREFIX}{}", uuid::Uuid::new_v4().simple())))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// A text of the manifest for this schema.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        text.replace(SCHEMA_PLACEHOLDER, &self.quoted())
    }

    /// Between double quotes.
    #[must_use]
    pub fn quoted(&self) -> String {
        self.0.quoted()
    }

    /// As an identifier.
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

/// Stands in the manifest's SQL for the tenant's schema, quoted as an identifier.
pub const SCHEMA_PLACEHOLDER: &str = "{schema}";

const SCRATCH_PREFIX: &str = "_provision_scratch_";
pub(super) const PLACEHOLDER: &str = "{tenant_id}";

/// How a tenant's schema is named after its id. One placeholder between fixed affixes makes the
/// mapping injective: different ids have different schemas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct SchemaTemplate {
    prefix: String,
    suffix: String,
}

impl SchemaTemplate {
    /// # Errors
    /// When it does not contain `{tenant_id}` exactly once, or contains other characters than those
    /// of a slug, or when every name made by it would be reserved.
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
        Ok(Self { prefix: prefix.to_owned(), suffix: suffix.to_owned() })
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

impl fmt::Display for SchemaTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{PLACEHOLDER}{}", self.prefix, self.suffix)
    }
}

impl SchemaTemplate {
    /// The tenant whose schema has this name, if it can be a tenant's.
    #[must_use]
    pub fn id_of(&self, schema: &str) -> Option<TenantId> {
        let id = schema.strip_prefix(&self.prefix)?.strip_suffix(&self.suffix)?;
        let id = TenantId::new(id).ok()?;
        self.schema_of(&id).is_ok_and(|name| name.as_str() == schema).then_some(id)
    }
}

impl From<&TenantId> for Text {
    fn from(id: &TenantId) -> Self {
        Self(id.as_str().to_owned())
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
            "",
            "public",
            "information_schema",
            "pg_catalog",
            "pg_x",
            "_x",
            "-x",
            "A",
            "a.b",
            "a b",
            "a\"b",
            "a'b",
            "a;b",
            "a\0",
            "á",
            "../x",
            "a\n",
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
        for template in [
            "",
            "fixed",
            "{tenant_id}{tenant_id}",
            "a.{tenant_id}",
            "pg_{tenant_id}",
            "_provision_scratch_{tenant_id}",
            "\"{tenant_id}",
        ] {
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
    }
}
