//! Which objects the statements of a plan need or alter.

use super::Plan;
use crate::catalog::{Kind, Object};
use crate::manifest::{Manifest, SeedDecl};
use crate::name::Ident;
use crate::touched::Touched;

/// What `plan` touches, and what is read to find the rows in it; `None`: all of the schema, since it is created, or
/// functions in it are called, or it cannot be told from the plan.
#[must_use]
pub fn touched(plan: &Plan, manifest: &Manifest) -> Option<Touched> {
    if plan.locks.has_functions {
        return None;
    }
    let mut touched = Touched::default();
    for step in &plan.steps {
        // What is changed may be another object for each tenant, under the same name, and which rows are differs from tenant
        // to tenant.
        if step.action.is_change() {
            return None;
        }
        match step.object.kind() {
            // All tables with columns of the type are read; functions come with it, and another type; a query is run that
            // may read anything; it is digested by itself.
            Kind::DomainConstraint | Kind::RangeType | Kind::Population | Kind::Statistics => {
                return None;
            }
            _ => {}
        }
        match step.object.group() {
            // Privileges are not digested.
            Object::Schema if step.object.kind().is_privilege() => {}
            Object::Schema => return None,
            Object::Member(kind, name) if kind.is_type() => _ = touched.types.insert(name),
            Object::Member(_, name) => _ = touched.relations.insert(name),
            // Groups of others.
            Object::Part(_)
            | Object::Comment(_)
            | Object::Row { .. }
            | Object::Grant(_)
            | Object::DefaultPrivilege { .. }
            | Object::Owner { .. }
            | Object::Routine { .. } => {}
        }
    }
    let locks = &plan.locks;
    touched.relations.extend(locks.tables.keys().chain(locks.others.keys()).cloned());
    touched.types.extend(locks.types.iter().cloned());
    if touched == Touched::default() {
        return None;
    }
    let seeds = manifest.seeds.iter().filter(|seed| touched.relations.contains(&seed.table));
    let read: Vec<Ident> =
        seeds.flat_map(SeedDecl::columns_read).map(|(table, _)| table.clone()).collect();
    touched.relations.extend(read);
    Some(touched)
}
