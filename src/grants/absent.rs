//! Declared privileges and owners that a tenant lacks, and the statements that give them to it.

use serde::{Serialize, Serializer};

use super::{Grant, GrantOn};
use crate::catalog::{Granted, Kind, Object, Template};
use crate::manifest::Privilege;
use crate::name::{Ident, Role, RoleTemplate, SchemaName, TenantId};

/// For whom something is described.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'t> {
    /// All tenants: roles are named as in the manifest.
    All,
    One(&'t TenantId, &'t SchemaName),
}

/// A declared grant of which something is absent in a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AbsentGrant<'m> {
    pub grant: &'m Grant,
    /// Of the declared privileges; empty where all are declared.
    pub privileges: Vec<Privilege>,
    /// Why they cannot be granted.
    pub obstacle: Option<GrantObstacle>,
}

/// Why privileges cannot be granted in a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantObstacle {
    /// No role can have the name.
    Name(RoleTemplate),
    NoRole(RoleTemplate),
    /// The role that the tool runs as is neither the owner nor has it the grant option.
    NotOwner(Ident),
    /// It has another owner, and it is a change to give it a new one.
    Owned(Ident),
    /// The role that the tool runs as cannot make the role the owner, or not work with what it owns.
    NotOwnersMember {
        role: Ident,
        owner: RoleTemplate,
    },
    /// The new owner may not create objects in the schema, so that the server does not let it own any.
    OwnerMayNotCreate(RoleTemplate),
    /// The role that the tool runs as may not create schemas, so that the server does not let it give one away.
    NotOfDatabase(Ident),
    /// The role that the tool runs as does not have the privileges of the one that will create the objects.
    NotMember {
        role: Ident,
        creator: RoleTemplate,
    },
}

/// What is compared between tenants: the contents, wherever they are in memory.
impl Serialize for AbsentGrant<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.object(Whose::All), &self.obstacle).serialize(serializer)
    }
}
impl<'m> AbsentGrant<'m> {
    /// The whole of it.
    #[must_use]
    pub fn whole(grant: &'m Grant, obstacle: Option<GrantObstacle>) -> Self {
        let privileges = grant.privileges.clone().unwrap_or_default();
        Self { grant, privileges, obstacle }
    }

    /// Whether it lets a role create objects in the schema of a tenant.
    #[must_use]
    pub fn lets_create(
        &self,
        role: &RoleTemplate,
        (tenant, schema): (&TenantId, &SchemaName),
    ) -> bool {
        let of = |template: &RoleTemplate| template.role_of(tenant, schema).ok();
        let is_given = match &self.grant.on {
            GrantOn::Ownership { object, .. } => object.kind() == Kind::Schema,
            GrantOn::Object { object, .. } => {
                let is_all = self.grant.privileges.is_none();
                object.kind() == Kind::Schema
                    && (is_all || self.privileges.contains(&Privilege::Create))
            }
            GrantOn::Later { .. } => false,
        };
        let to = of(&self.grant.to);
        is_given
            && self.obstacle.is_none()
            && (to == Some(Role::Public) || to.is_some() && to == of(role))
    }

    /// As an object that is missing.
    #[must_use]
    pub fn object(&self, whose: Whose<'_>) -> Object {
        let grant = self.grant;
        let word = |privilege: Privilege| privilege.word().to_owned();
        let privileges = self.words(word, "all", ToString::to_string);
        let to = role(&grant.to, whose);
        let grant_option = grant.grant_option;
        match &grant.on {
            GrantOn::Object { object, .. } => Object::Grant(Box::new(Granted {
                privileges,
                on: object.clone(),
                to,
                grant_option,
            })),
            GrantOn::Ownership { object, .. } => {
                Object::Owner { of: Box::new(object.clone()), role: to }
            }
            GrantOn::Later { creator, class } => Object::DefaultPrivilege {
                creator: creator.as_ref().map(|creator| role(creator, whose)),
                privileges,
                on: class.word().to_owned(),
                to,
                grant_option,
            },
        }
    }

    /// The privileges, each with the columns that it is on.
    fn words(
        &self,
        word: impl Fn(Privilege) -> String,
        all: &str,
        column: impl Fn(&Ident) -> String,
    ) -> String {
        let columns = match &self.grant.on {
            GrantOn::Object { columns, .. } if !columns.is_empty() => {
                let columns: Vec<String> = columns.iter().map(column).collect();
                format!(" ({})", columns.join(", "))
            }
            _ => String::new(),
        };
        let words: Vec<String> = match &self.grant.privileges {
            None => vec![all.to_owned()],
            Some(_) => self.privileges.iter().map(|privilege| word(*privilege)).collect(),
        };
        let each = words.into_iter().map(|word| format!("{word}{columns}"));
        each.collect::<Vec<_>>().join(", ")
    }

    /// The statement that grants it, which may be run again.
    #[must_use]
    pub fn statement(&self, tenant: &TenantId, schema: &SchemaName) -> String {
        let word = |privilege: Privilege| privilege.word().to_uppercase();
        let privileges = self.words(word, "ALL", Ident::quoted);
        let to = self.grant.to.quoted_for(tenant, schema);
        let option = if self.grant.grant_option { " WITH GRANT OPTION" } else { "" };
        match &self.grant.on {
            GrantOn::Object { object, signature, .. } => {
                let on = named(object, signature.as_ref(), schema);
                format!("GRANT {privileges} ON {on} TO {to}{option}")
            }
            GrantOn::Ownership { object, signature } => {
                let on = named(object, signature.as_ref(), schema);
                format!("ALTER {on} OWNER TO {to}")
            }
            GrantOn::Later { creator, class } => {
                let creator = creator.as_ref().map(|creator| creator.quoted_for(tenant, schema));
                let creator = creator.map(|creator| format!("FOR ROLE {creator} "));
                format!(
                    "ALTER DEFAULT PRIVILEGES {}IN SCHEMA {} GRANT {privileges} ON {} TO {to}{option}",
                    creator.unwrap_or_default(),
                    schema.quoted(),
                    class.word().to_uppercase()
                )
            }
        }
    }

    /// Why it cannot be granted, if so.
    #[must_use]
    pub fn reason(&self, whose: Whose<'_>) -> Option<String> {
        Some(match self.obstacle.as_ref()? {
            GrantObstacle::Name(template) => match whose {
                Whose::All => {
                    format!("{template} stands for a name that is too long or reserved")
                }
                Whose::One(tenant, schema) => match template.role_of(tenant, schema) {
                    Err(error) => error.to_string(),
                    Ok(_) => String::new(),
                },
            },
            GrantObstacle::NoRole(template) => format!(
                "role {} does not exist: create it, which is not done here",
                role(template, whose)
            ),
            GrantObstacle::NotOwner(own) => {
                format!("{own} neither owns it nor has the grant option: let its owner grant it")
            }
            GrantObstacle::Owned(owner) => format!("it belongs to {owner}, which is left as it is"),
            GrantObstacle::NotOwnersMember { role: own, owner } => {
                let owner = role(owner, whose);
                format!("{own} does not have the privileges of {owner}: GRANT that role to it")
            }
            GrantObstacle::OwnerMayNotCreate(owner) => format!(
                "{} may not create in the schema, as an owner must: declare it in [[grants]], or GRANT it",
                role(owner, whose)
            ),
            GrantObstacle::NotOfDatabase(own) => {
                format!("{own} may not create schemas: GRANT CREATE ON DATABASE to it")
            }
            GrantObstacle::NotMember { role: own, creator } => {
                let creator = role(creator, whose);
                format!("{own} does not have the privileges of {creator}: GRANT that role to it")
            }
        })
    }
}

fn role(template: &RoleTemplate, whose: Whose<'_>) -> String {
    match whose {
        Whose::All => template.as_written(),
        Whose::One(tenant, schema) => match template.role_of(tenant, schema) {
            Ok(role) => role.as_str().to_owned(),
            Err(_) => template.as_written(),
        },
    }
}

/// As GRANT names an object.
fn named(object: &Object, signature: Option<&Template>, schema: &SchemaName) -> String {
    let Some(name) = object.name() else { return format!("SCHEMA {}", schema.quoted()) };
    let word = match object.kind() {
        Kind::Sequence => "SEQUENCE",
        Kind::Function | Kind::Aggregate => "FUNCTION",
        Kind::Procedure => "PROCEDURE",
        kind if kind.is_type() => "TYPE",
        _ => "TABLE",
    };
    let signature = signature.map(|signature| format!("({})", signature.sql(schema)));
    format!("{word} {}{}", schema.qualify(name), signature.unwrap_or_default())
}
