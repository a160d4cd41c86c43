//! Roles that privileges are granted to, and their names, which may be made of a tenant's.

use std::fmt;

use serde::{Serialize, Serializer};

use super::tenant::PLACEHOLDER;
use super::{Ident, NameError, SCHEMA_PLACEHOLDER, SchemaName, TenantId, printable};

/// How a role is named: the same for all tenants, or after each. With one placeholder between fixed affixes,
/// different tenants have different roles.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleTemplate {
    /// `PUBLIC`, which is all roles.
    Public,
    Fixed(Ident),
    OfTenant {
        prefix: String,
        /// Whether the schema's name is put in, rather than the tenant's id.
        is_schema: bool,
        suffix: String,
    },
}

/// A role that privileges are granted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    Public,
    Named(Ident),
}

/// Whether the server takes it for something else than a role's name, even between quotes, or keeps it for itself.
fn is_reserved(name: &str) -> bool {
    matches!(name, "public" | "none") || name.starts_with("pg_")
}

impl RoleTemplate {
    /// # Errors
    /// When there is more than one placeholder, or the name cannot be one.
    pub fn new(template: &str) -> Result<Self, NameError> {
        if template == "public" {
            return Ok(Self::Public);
        }
        let refuse = || NameError::RolePattern(template.to_owned());
        let is_schema = template.contains(SCHEMA_PLACEHOLDER);
        let placeholder = if is_schema { SCHEMA_PLACEHOLDER } else { PLACEHOLDER };
        let Some((prefix, suffix)) = template.split_once(placeholder) else {
            if template.contains(['{', '}']) {
                return Err(refuse());
            }
            if template == "none" {
                return Err(NameError::ReservedRole(template.to_owned()));
            }
            return Ident::new(template).map(Self::Fixed);
        };
        if [prefix, suffix].iter().any(|affix| affix.contains(['{', '}'])) {
            return Err(refuse());
        }
        // The affixes alone have to be a name, but for an empty one.
        Ident::new(format!("{prefix}x{suffix}"))?;
        Ok(Self::OfTenant { prefix: prefix.to_owned(), is_schema, suffix: suffix.to_owned() })
    }

    /// # Errors
    /// When the role's name would be too long, or reserved.
    pub fn role_of(&self, tenant: &TenantId, schema: &SchemaName) -> Result<Role, NameError> {
        match self {
            Self::Public => Ok(Role::Public),
            Self::Fixed(name) => Ok(Role::Named(name.clone())),
            Self::OfTenant { prefix, is_schema, suffix } => {
                let own = if *is_schema { schema.as_str() } else { tenant.as_str() };
                let name = format!("{prefix}{own}{suffix}");
                if is_reserved(&name) {
                    return Err(NameError::ReservedRole(name));
                }
                Ident::new(name).map(Role::Named)
            }
        }
    }

    /// As [`Role::quoted`] for one tenant; where no role can have the name, the template between double quotes.
    #[must_use]
    pub fn quoted_for(&self, tenant: &TenantId, schema: &SchemaName) -> String {
        match self.role_of(tenant, schema) {
            Ok(role) => role.quoted(),
            Err(_) => Ident(self.as_written()).quoted(),
        }
    }

    /// As in the manifest.
    #[must_use]
    pub fn as_written(&self) -> String {
        match self {
            Self::Public => "public".to_owned(),
            Self::Fixed(name) => name.as_str().to_owned(),
            Self::OfTenant { prefix, is_schema, suffix } => {
                let own = if *is_schema { SCHEMA_PLACEHOLDER } else { PLACEHOLDER };
                format!("{prefix}{own}{suffix}")
            }
        }
    }
}

impl Role {
    /// As GRANT names it.
    #[must_use]
    pub fn quoted(&self) -> String {
        match self {
            Self::Public => "PUBLIC".to_owned(),
            Self::Named(name) => name.quoted(),
        }
    }

    /// Its name; `None`: it is all roles.
    #[must_use]
    pub fn name(&self) -> Option<&Ident> {
        match self {
            Self::Public => None,
            Self::Named(name) => Some(name),
        }
    }

    /// Its name, as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.name().map_or("public", Ident::as_str)
    }
}

impl fmt::Display for RoleTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.as_written()))
    }
}

impl Serialize for RoleTemplate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.as_written())
    }
}

#[cfg(test)]
mod tests {
    use super::super::SchemaTemplate;
    use super::*;
    use proptest::prelude::*;

    fn role(template: &str, tenant: &str) -> Result<String, NameError> {
        let tenant = TenantId::new(tenant)?;
        let schema = SchemaTemplate::new("s_{tenant_id}")?.schema_of(&tenant)?;
        RoleTemplate::new(template)?.role_of(&tenant, &schema).map(|role| role.quoted())
    }

    #[test]
    fn roles_are_named_after_tenants_and_quoted() {
        for (template, quoted) in [
            ("app", "\"app\""),
            ("public", "PUBLIC"),
            ("{tenant_id}_app", "\"acme_app\""),
            ("App of {schema}", "\"App of s_acme\""),
            ("pg_monitor", "\"pg_monitor\""),
            ("a\"; DROP", "\"a\"\"; DROP\""),
        ] {
            assert_eq!(role(template, "acme").as_deref(), Ok(quoted));
        }
    }

    #[test]
    fn names_that_mean_something_else_are_refused() {
        for template in
            ["", "none", "{tenant}", "{tenant_id}{tenant_id}", "{schema}{tenant_id}", "a}", "a\0"]
        {
            assert!(RoleTemplate::new(template).is_err(), "{template:?} was taken");
        }
        // Even between double quotes, the server takes these for all roles, for none, and for its own.
        for (template, tenant) in
            [("p{tenant_id}", "ublic"), ("n{tenant_id}", "one"), ("p{tenant_id}", "g_monitor")]
        {
            assert!(matches!(role(template, tenant), Err(NameError::ReservedRole(_))));
        }
        let long = "a".repeat(60);
        assert!(matches!(role("{tenant_id}_app", &long), Err(NameError::TooLong(_))));
    }

    proptest! {
        #[test]
        fn roles_of_different_tenants_differ(
            a in "[a-z0-9][a-z0-9_-]{0,20}", b in "[a-z0-9][a-z0-9_-]{0,20}",
            prefix in "[a-z_-]{0,8}", suffix in "[a-z_-]{0,8}",
        ) {
            let template = format!("{prefix}{{tenant_id}}{suffix}");
            if let (Ok(x), Ok(y)) = (role(&template, &a), role(&template, &b)) {
                prop_assert_eq!(a == b, x == y);
            }
        }
    }
}
