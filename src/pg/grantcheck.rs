//! Which of the declared privileges are there: one statement for one tenant or for many, whatever their shapes.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::postgres::PgRow;

use super::answers::{array, column, is_true};
use super::error::PgError;
use super::session::Session;
use crate::catalog::{Kind, Object};
use crate::grants::{AbsentGrant, Grant, GrantObstacle, GrantOn};
use crate::kinds::stripped;
use crate::manifest::{ObjectClass, Privilege};
use crate::name::{Ident, Role, RoleTemplate, SchemaName, TenantId, literal};

/// A tenant's id and schema.
pub type Subject<'t> = (&'t TenantId, &'t SchemaName);

/// What is looked up, in the words of the statement.
const QUERY: &str = include_str!("grantcheck.sql");

/// What it is for.
pub(super) const DOING: &str = "looking for declared privileges";

/// How many tenants one statement checks.
const TENANTS_PER_STATEMENT: usize = 50;

/// The check which declared privileges are there.
pub(super) struct GrantCheck<'m, 's> {
    grants: &'m [Grant],
    subjects: &'s [Subject<'s>],
    /// The role that the tool runs as.
    own: Ident,
}

impl<'m, 's> GrantCheck<'m, 's> {
    pub(super) fn new(session: &Session, grants: &'m [Grant], subjects: &'s [Subject<'s>]) -> Self {
        Self { grants, subjects, own: session.server.role.clone() }
    }

    /// One statement; empty where nothing is declared.
    pub(super) fn script(&self) -> String {
        if self.grants.is_empty() || self.subjects.is_empty() {
            return String::new();
        }
        let templates = templates(self.grants);
        let tenants = self.subjects.iter().enumerate();
        let tenants =
            tenants.map(|(at, (_, schema))| format!("({at}, {})", literal(schema.as_str())));
        let roles = self.subjects.iter().enumerate().flat_map(|(at, (tenant, schema))| {
            templates.iter().filter_map(move |(template, number)| {
                let name = match template.role_of(tenant, schema).ok()? {
                    Role::Public => "NULL::text".to_owned(),
                    Role::Named(name) => text(name.as_str()),
                };
                Some(format!("({at}, {number}, {name})"))
            })
        });
        let grants = self.grants.iter().enumerate();
        let grants = grants.flat_map(|(at, grant)| lines(at, grant, &templates));
        let list = |rows: &mut dyn Iterator<Item = String>| rows.collect::<Vec<_>>().join(", ");
        // Where no role can have its name, there is still a row: no role is without a number.
        let none = std::iter::once("(-1, -1, NULL::text)".to_owned());
        format!(
            "WITH t(t, schema) AS (VALUES {}), named(t, r, name) AS (VALUES {}), \
             role AS MATERIALIZED (SELECT v.t, v.r, CASE WHEN v.name IS NULL THEN 0::oid ELSE a.oid END AS oid \
             FROM named v LEFT JOIN pg_roles a ON a.rolname = v.name::name), \
             g(g, kind, name, detail, grantee, creator, wanted, grantable) AS (VALUES {})\n{}",
            list(&mut tenants.into_iter()),
            list(&mut none.chain(roles)),
            list(&mut grants.into_iter()),
            stripped(QUERY),
        )
    }

    /// What is absent from each of the subjects, by the rows of the statement's answer.
    ///
    /// # Errors
    /// When they are not understood.
    pub(super) fn absent(&self, answer: &[PgRow]) -> Result<Vec<Vec<AbsentGrant<'m>>>, PgError> {
        let number = |row: &PgRow, name: &str| {
            Ok::<_, PgError>(column::<&str>(row, name, DOING)?.parse::<usize>().ok())
        };
        let mut found: BTreeMap<(usize, usize), Found> = BTreeMap::new();
        for row in answer {
            let (Some(tenant), Some(grant)) = (number(row, "tenant")?, number(row, "number")?)
            else {
                continue;
            };
            let is = |name: &str| is_true(Some(row), name, DOING);
            let is_there = is("found")?;
            let missing: Option<&str> = column(row, "missing", DOING)?;
            let may_grant: Option<&str> = column(row, "may_grant", DOING)?;
            let owner: Option<&str> = column(row, "owner", DOING)?;
            let entry = found.entry((tenant, grant)).or_default();
            entry.owner = owner.and_then(|owner| Ident::new(owner).ok());
            entry.is_no_member |= !is("is_member")?;
            entry.may_not_create |= !is("may_create")?;
            entry.has_no_role |= !is("has_role")?;
            entry.has_no_creator |= !is("has_creator")?;
            // What does not exist yet will be the role's own.
            entry.may_not_grant |= is_there && may_grant != Some("true");
            entry.is_whole |= !is_there;
            entry.missing.extend(missing.unwrap_or_default().split(',').map(str::to_owned));
        }
        let mut absent: Vec<Vec<AbsentGrant<'m>>> = vec![Vec::new(); self.subjects.len()];
        for ((tenant, grant), found) in found {
            let (Some(subject), Some(grant)) = (self.subjects.get(tenant), self.grants.get(grant))
            else {
                continue;
            };
            if let Some(all) = absent.get_mut(tenant) {
                // Owners come last, so that what the same plan lets them do is known.
                let one = self.one(grant, subject, &found, all);
                all.push(one);
            }
        }
        Ok(absent)
    }

    /// The same for the only subject, if its rows are the last of the answers.
    ///
    /// # Errors
    /// As [`GrantCheck::absent`].
    pub(super) fn of_one(&self, answers: &[Vec<PgRow>]) -> Result<Vec<AbsentGrant<'m>>, PgError> {
        let answer = answers.last().filter(|_| !self.grants.is_empty());
        let absent = self.absent(answer.map_or(&[][..], Vec::as_slice))?;
        Ok(absent.into_iter().flatten().collect())
    }

    /// Why an object does not get its owner: it has a third one, the role that the tool runs as cannot do that, or the new
    /// owner may not have objects in the schema, not even after what was found before is granted.
    fn not_handed_over(
        &self,
        grant: &Grant,
        subject: Subject<'_>,
        found: &Found,
        before: &[AbsentGrant<'_>],
    ) -> Option<GrantObstacle> {
        match &found.owner {
            Some(owner) if *owner != self.own => {
                return Some(GrantObstacle::Owned(owner.clone()));
            }
            _ if found.is_no_member => {
                let (role, owner) = (self.own.clone(), grant.to.clone());
                return Some(GrantObstacle::NotOwnersMember { role, owner });
            }
            _ => {}
        }
        let is_schema =
            matches!(&grant.on, GrantOn::Ownership { object, .. } if object.kind() == Kind::Schema);
        if !found.may_not_create {
            None
        } else if is_schema {
            Some(GrantObstacle::NotOfDatabase(self.own.clone()))
        } else {
            let is_let = before.iter().any(|absent| absent.lets_create(&grant.to, subject));
            (!is_let).then(|| GrantObstacle::OwnerMayNotCreate(grant.to.clone()))
        }
    }

    fn one(
        &self,
        grant: &'m Grant,
        subject: &Subject<'_>,
        found: &Found,
        before: &[AbsentGrant<'_>],
    ) -> AbsentGrant<'m> {
        let (tenant, schema) = *subject;
        let own = || self.own.clone();
        let creator = match &grant.on {
            GrantOn::Later { creator, .. } => creator.as_ref(),
            GrantOn::Object { .. } | GrantOn::Ownership { .. } => None,
        };
        let mut roles = creator.into_iter().chain([&grant.to]);
        let obstacle = if let Some(role) = roles.find(|role| role.role_of(tenant, schema).is_err())
        {
            Some(GrantObstacle::Name(role.clone()))
        } else if let Some(creator) = creator.filter(|_| found.has_no_creator) {
            Some(GrantObstacle::NoRole(creator.clone()))
        } else if found.has_no_role {
            Some(GrantObstacle::NoRole(grant.to.clone()))
        } else if grant.is_ownership() {
            self.not_handed_over(grant, *subject, found, before)
        } else if found.may_not_grant {
            Some(match creator {
                Some(creator) => GrantObstacle::NotMember { role: own(), creator: creator.clone() },
                None => GrantObstacle::NotOwner(own()),
            })
        } else {
            None
        };
        let mut absent = AbsentGrant::whole(grant, obstacle);
        if !found.is_whole {
            let is_missing = |privilege: &Privilege| {
                found.missing.iter().any(|word| word.eq_ignore_ascii_case(privilege.word()))
            };
            absent.privileges.retain(is_missing);
        }
        absent
    }
}

/// What was found of one grant in one tenant.
#[derive(Default)]
struct Found {
    has_no_role: bool,
    has_no_creator: bool,
    may_not_grant: bool,
    /// Whether the role that the tool runs as does not have the privileges of the role.
    is_no_member: bool,
    /// Whether the role, or for a schema the one that the tool runs as, lacks the privilege to create that a change of
    /// owners takes.
    may_not_create: bool,
    /// Of what it is on, if that exists.
    owner: Option<Ident>,
    /// Whether something that it is on does not exist.
    is_whole: bool,
    missing: BTreeSet<String>,
}

/// The absent privileges of many tenants, in their order.
///
/// # Errors
/// When a statement fails.
pub(super) async fn absent<'m>(
    session: &mut Session,
    grants: &'m [Grant],
    subjects: &[Subject<'_>],
) -> Result<Vec<Vec<AbsentGrant<'m>>>, PgError> {
    let mut absent = Vec::new();
    for some in subjects.chunks(TENANTS_PER_STATEMENT) {
        let check = GrantCheck::new(session, grants, some);
        let script = check.script();
        let answers =
            if script.is_empty() { Vec::new() } else { session.run(DOING, &script).await? };
        absent.extend(check.absent(answers.last().map_or(&[][..], Vec::as_slice))?);
    }
    Ok(absent)
}

/// The roles that are named, each with a number.
fn templates(grants: &[Grant]) -> BTreeMap<&RoleTemplate, usize> {
    let mut numbers = BTreeMap::new();
    for grant in grants {
        let creator = match &grant.on {
            GrantOn::Later { creator, .. } => creator.as_ref(),
            GrantOn::Object { .. } | GrantOn::Ownership { .. } => None,
        };
        for template in creator.into_iter().chain([&grant.to]) {
            let next = numbers.len();
            numbers.entry(template).or_insert(next);
        }
    }
    numbers
}

/// In the place of a privilege: that the role is the owner.
const OWNER: &str = "OWNER";

/// In which catalog an object is found, as one letter, and as what: something of another kind may have its name, and is to make
/// place for it. Then its name, and what else it is found by.
fn place(object: &Object) -> (&'static str, &str, &str) {
    let name = object.name().map(Ident::as_str).unwrap_or_default();
    let kind = match object.kind() {
        Kind::Schema => "n",
        Kind::Function => "ffw",
        Kind::Procedure => "fp",
        Kind::Aggregate => "fa",
        Kind::Enum => "Te",
        Kind::Domain => "Td",
        Kind::CompositeType => "Tc",
        Kind::RangeType => "Tr",
        Kind::Sequence => "rS",
        Kind::View => "rv",
        Kind::MaterializedView => "rm",
        _ => "rrp",
    };
    let detail = match object {
        Object::Routine { arguments, .. } => arguments.as_str(),
        _ => "",
    };
    (kind, name, detail)
}

fn text(value: &str) -> String {
    format!("{}::text", literal(value))
}

/// The rows of the statement's list that are for one grant: one, or one for each column.
fn lines(at: usize, grant: &Grant, templates: &BTreeMap<&RoleTemplate, usize>) -> Vec<String> {
    let number = |template: &RoleTemplate| templates.get(template).copied().unwrap_or_default();
    let words = |privileges: &[Privilege]| {
        array("text", privileges.iter().map(|privilege| privilege.word().to_uppercase()))
    };
    let wanted = grant.privileges.as_deref().map(words);
    let line =
        |kind: &str, name: &str, detail: &str, creator: Option<usize>, wanted: Option<String>| {
            format!(
                "({at}, '{kind}', {}, {}, {}, {}::int, {}, {})",
                text(name),
                text(detail),
                number(&grant.to),
                creator.map_or_else(|| "NULL".to_owned(), |number| number.to_string()),
                wanted.unwrap_or_else(|| "NULL::text[]".to_owned()),
                grant.grant_option
            )
        };
    match &grant.on {
        GrantOn::Later { creator, class } => {
            let detail = match class {
                ObjectClass::Tables => "r",
                ObjectClass::Sequences => "S",
                ObjectClass::Routines => "f",
                ObjectClass::Types => "T",
                ObjectClass::Schema => "n",
            };
            vec![line("d", "", detail, creator.as_ref().map(number), wanted)]
        }
        GrantOn::Ownership { object, .. } => {
            let (kind, name, detail) = place(object);
            vec![line(kind, name, detail, None, Some(array("text", [OWNER.to_owned()])))]
        }
        GrantOn::Object { object, columns, .. } => {
            let (kind, name, detail) = place(object);
            if !columns.is_empty() {
                let all = || Some(words(&Privilege::OF_COLUMNS));
                let kind = kind.replacen('r', "c", 1);
                let each = columns.iter().map(|column| {
                    line(&kind, name, column.as_str(), None, wanted.clone().or_else(all))
                });
                return each.collect();
            }
            vec![line(kind, name, detail, None, wanted)]
        }
    }
}
