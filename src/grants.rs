//! Declared privileges and owners → what they are on, once the server has elaborated the manifest. They differ per tenant
//! where roles are named after tenants, so that, as baseline rows, they are no facts: what is absent is asked per tenant.

mod absent;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

pub use absent::{AbsentGrant, GrantObstacle, Whose};

use crate::catalog::{Catalog, Fact, Kind, Object, Template};
use crate::kinds;
use crate::manifest::{
    DefaultPrivilegesDecl, GrantDecl, GrantTarget, Manifest, ObjectClass, Position, Privilege,
    TargetKind,
};
use crate::name::{Ident, RoleTemplate};
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

impl Grant {
    /// Whether it is who owns an object.
    #[must_use]
    pub fn is_ownership(&self) -> bool {
        matches!(self.on, GrantOn::Ownership { .. })
    }
}

/// What is declared and cannot be granted on.
#[derive(Debug)]
pub struct NotGrantable {
    pub at: Position,
    pub reason: String,
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
