//! Declared privileges → what they are on, once the server has elaborated the manifest, and the statements that grant
//! them. They differ per tenant where roles are named after tenants, so that, as baseline rows, they are no facts: what is
//! absent is asked per tenant.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use crate::catalog::{Catalog, Fact, Granted, Kind, Object, Template};
use crate::kinds;
use crate::manifest::{
    DefaultPrivilegesDecl, GrantDecl, GrantTarget, Manifest, ObjectClass, Position, Privilege,
    TargetKind,
};
use crate::name::{Ident, RoleTemplate, SchemaName, TenantId};
use crate::words::{counted, suggestion};

/// Privileges of one role on one object, or on what is created later.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Grant {
    pub on: GrantOn,
    pub to: RoleTemplate,
    /// Of these kinds, in a fixed order; `None`: all that there are.
    pub privileges: Option<Vec<Privilege>>,
    pub grant_option: bool,
}

/// What privileges are on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GrantOn {
    Object {
        object: Object,
        /// The types of the arguments of a function, for statements.
        signature: Option<Template>,
        /// Empty: the whole object.
        columns: Vec<Ident>,
    },
    /// Who owns it, which is no privilege but told in the same ways.
    Ownership { object: Object, signature: Option<Template> },
    /// What a role creates later; `None`: the one that the tool runs as.
    Later { creator: Option<RoleTemplate>, class: ObjectClass },
}

/// What is declared and cannot be granted on.
#[derive(Debug)]
pub struct NotGrantable {
    pub at: Position,
    pub reason: String,
}

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

/// The grants that a manifest declares, each once, in its order.
///
/// # Errors
/// What is not declared.
pub fn declared(manifest: &Manifest, desired: &Catalog) -> Result<Vec<Grant>, NotGrantable> {
    let mut all: Vec<Grant> = Vec::new();
    for decl in &manifest.grants {
        let targets = decl.on.iter().map(|target| resolved(target, decl, desired));
        for on in targets.collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
            add(&mut all, &on, &decl.to, decl.privileges.as_ref(), decl.grant_option);
        }
    }
    for decl in &manifest.default_privileges {
        for on in later(decl) {
            add(&mut all, &on, &decl.to, decl.privileges.as_ref(), decl.grant_option);
        }
    }
    owned(manifest, desired, &mut all)?;
    Ok(all)
}

/// Adds the declared owners, that of the schema first: an owner needs the privilege to create in it. What is named counts
/// before what all objects of a kind have.
fn owned(manifest: &Manifest, desired: &Catalog, all: &mut Vec<Grant>) -> Result<(), NotGrantable> {
    let mut owners: BTreeMap<Object, (bool, Grant)> = BTreeMap::new();
    for (decl, target) in manifest.owners.iter().flat_map(|o| o.on.iter().map(move |on| (o, on))) {
        for fact in meant_facts(target, desired)? {
            let object = &fact.object;
            // The sequence of a column belongs to whom the table does.
            if let Some(column) = kinds::comes_with(fact) {
                if target.name.is_none() {
                    continue;
                }
                let reason = format!("{object} has the owner of {}", column.group());
                return Err(NotGrantable { at: target.position.clone(), reason });
            }
            let on = GrantOn::Ownership { object: object.clone(), signature: signature(fact) };
            let to = decl.role.clone();
            let grant = Grant { on, to, privileges: None, grant_option: false };
            let is_named = target.name.is_some();
            match owners.entry(object.clone()) {
                Entry::Vacant(entry) => {
                    entry.insert((is_named, grant));
                }
                Entry::Occupied(mut entry) if is_named && !entry.get().0 => {
                    entry.insert((is_named, grant));
                }
                Entry::Occupied(entry) => {
                    let (known_named, known) = entry.get();
                    if *known_named == is_named && known.to != grant.to {
                        let reason =
                            format!("{object} has two owners: {} and {}", known.to, grant.to);
                        return Err(NotGrantable { at: target.position.clone(), reason });
                    }
                }
            }
        }
    }
    all.extend(owners.into_values().map(|(_, grant)| grant));
    Ok(())
}

fn add(
    all: &mut Vec<Grant>,
    on: &GrantOn,
    to: &[RoleTemplate],
    privileges: Option<&Vec<Privilege>>,
    grant_option: bool,
) {
    for to in to {
        let is_same = |known: &&mut Grant| {
            known.on == *on && known.to == *to && known.grant_option == grant_option
        };
        if let Some(known) = all.iter_mut().find(is_same) {
            known.privileges = known.privileges.take().zip(privileges).map(|(known, more)| {
                let both: BTreeSet<Privilege> = known.into_iter().chain(more.clone()).collect();
                both.into_iter().collect()
            });
        } else {
            let (on, to) = (on.clone(), to.clone());
            all.push(Grant { on, to, privileges: privileges.cloned(), grant_option });
        }
    }
}

fn later(decl: &DefaultPrivilegesDecl) -> Vec<GrantOn> {
    let creators = decl.creators.iter().cloned().map(Some);
    let own = decl.creators.is_empty().then_some(None);
    let creators: Vec<Option<RoleTemplate>> = creators.chain(own).collect();
    let pairs = creators.iter().flat_map(|creator| {
        decl.on.iter().map(|class| GrantOn::Later { creator: creator.clone(), class: *class })
    });
    pairs.collect()
}

/// Whether an object is one of those that the words stand for.
fn is_meant(kind: TargetKind, object: &Object) -> bool {
    let found = object.kind();
    match kind {
        TargetKind::All(ObjectClass::Schema) => found == Kind::Schema,
        TargetKind::All(ObjectClass::Tables) => {
            matches!(found, Kind::Table | Kind::View | Kind::MaterializedView)
        }
        TargetKind::All(ObjectClass::Sequences) | TargetKind::Sequence => found == Kind::Sequence,
        TargetKind::All(ObjectClass::Routines) => found.is_routine(),
        TargetKind::All(ObjectClass::Types) | TargetKind::Type => found.is_type(),
        TargetKind::Table => found == Kind::Table,
        TargetKind::View => found == Kind::View,
        TargetKind::MaterializedView => found == Kind::MaterializedView,
        TargetKind::Function => found == Kind::Function,
        TargetKind::Procedure => found == Kind::Procedure,
        TargetKind::Aggregate => found == Kind::Aggregate,
    }
}

/// The objects that a target stands for.
fn resolved(
    target: &GrantTarget,
    decl: &GrantDecl,
    desired: &Catalog,
) -> Result<Vec<GrantOn>, NotGrantable> {
    let facts = meant_facts(target, desired)?;
    if let Some(name) = &target.name
        && let Some(column) =
            decl.columns.iter().find(|column| kinds::column(desired, name, column).is_none())
    {
        let reason = format!("table {:?} has no column {:?}", name.as_str(), column.as_str());
        return Err(NotGrantable { at: target.position.clone(), reason });
    }
    Ok(facts.into_iter().map(|fact| on_object(fact, decl)).collect())
}

/// The same, as they are desired.
fn meant_facts<'d>(
    target: &GrantTarget,
    desired: &'d Catalog,
) -> Result<Vec<&'d Fact>, NotGrantable> {
    let refused = |reason: String| NotGrantable { at: target.position.clone(), reason };
    let meant = desired.facts().filter(|fact| is_meant(target.kind, &fact.object));
    let Some(name) = &target.name else {
        return Ok(meant.collect());
    };
    let word = target.kind.word();
    let of_kind: Vec<&Fact> = meant.collect();
    let named = of_kind.iter().filter(|fact| fact.object.name() == Some(name));
    let named: Vec<&Fact> = named.copied().collect();
    if named.is_empty() {
        let known = of_kind.iter().filter_map(|fact| fact.object.name()).map(Ident::as_str);
        let close = suggestion(name.as_str(), known);
        return Err(refused(format!("no {word} {:?} is declared{close}", name.as_str())));
    }
    let types = |fact: &Fact| match &fact.object {
        Object::Routine { arguments, .. } => arguments.clone(),
        _ => String::new(),
    };
    let found: Vec<&Fact> = match &target.arguments {
        None => named.clone(),
        Some(wanted) => {
            let is_it = |fact: &&&Fact| without_spaces(&types(fact)) == without_spaces(wanted);
            named.iter().filter(is_it).copied().collect()
        }
    };
    let [fact] = found.as_slice() else {
        let all: Vec<String> =
            named.iter().map(|fact| format!("\"{word} {name}({})\"", types(fact))).collect();
        let reason = match found.len() {
            0 => format!(
                "no {word} {name} with these arguments is declared; there is {}",
                all.join(", ")
            ),
            count => format!(
                "{} are declared with this name; write one of {}",
                counted(count, word),
                all.join(", ")
            ),
        };
        return Err(refused(reason));
    };
    Ok(vec![*fact])
}

/// Lists of types are the same however their commas are spaced.
fn without_spaces(types: &str) -> Vec<String> {
    types.split(',').map(|one| one.trim().to_owned()).collect()
}

fn on_object(fact: &Fact, decl: &GrantDecl) -> GrantOn {
    let (object, columns) = (fact.object.clone(), decl.columns.clone());
    GrantOn::Object { object, signature: signature(fact), columns }
}

/// The types of the arguments of a function, for statements.
fn signature(fact: &Fact) -> Option<Template> {
    let signature = fact.attributes.get("signature").filter(|_| fact.object.kind().is_routine());
    signature.map(|value| value.sql.clone().unwrap_or_else(|| Template::plain(&value.text)))
}

impl<'m> AbsentGrant<'m> {
    /// Whether it is who owns an object.
    #[must_use]
    pub fn is_ownership(&self) -> bool {
        matches!(self.grant.on, GrantOn::Ownership { .. })
    }

    /// The whole of it.
    #[must_use]
    pub fn whole(grant: &'m Grant, obstacle: Option<GrantObstacle>) -> Self {
        let privileges = grant.privileges.clone().unwrap_or_default();
        Self { grant, privileges, obstacle }
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
