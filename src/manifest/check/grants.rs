//! Privileges, of kinds that there are, and owners of what is declared.

use std::collections::BTreeSet;

use crate::manifest::checking::Checking;
use crate::manifest::model::{
    DefaultPrivilegesDecl, GrantDecl, GrantTarget, ObjectClass, OwnerDecl, Privilege, TargetKind,
};
use crate::manifest::raw::{self, LaterObjects, Listed, Name, Spanned};
use crate::manifest::report::suggestion;
use crate::name::{Ident, NameError, RoleTemplate};

/// Where there are SQL files, only the server knows all that is declared: then names are not looked up here.
pub(super) fn grants(
    checking: &mut Checking<'_>,
    raw: &[Spanned<raw::Grant>],
    is_all_known: bool,
) -> Vec<GrantDecl> {
    raw.iter().filter_map(|decl| grant(checking, decl, is_all_known)).collect()
}

fn grant(
    checking: &mut Checking<'_>,
    raw: &Spanned<raw::Grant>,
    is_all_known: bool,
) -> Option<GrantDecl> {
    let to = roles(checking, &raw.to);
    let on = targets(checking, &raw.on, is_all_known)?;
    let columns =
        raw.columns.as_ref().map(|columns| self::columns(checking, columns, &on, is_all_known));
    let of_columns = columns.is_some();
    let classes = on.iter().map(|target| target.kind.class());
    let privileges = privileges(checking, &raw.privileges, classes, of_columns);
    Some(GrantDecl {
        position: checking.position(&raw.span),
        grant_option: grant_option(checking, raw.option.as_ref(), &to),
        to,
        privileges,
        on,
        columns: columns.unwrap_or_default(),
    })
}

pub(super) fn default_privileges(
    checking: &mut Checking<'_>,
    raw: &[Spanned<raw::DefaultPrivileges>],
) -> Vec<DefaultPrivilegesDecl> {
    let read = raw.iter().map(|decl| {
        let creators = decl.creators.as_ref().map(|names| (names, roles(checking, names)));
        if let Some((names, roles)) = &creators
            && roles.contains(&RoleTemplate::Public)
        {
            checking.note(&names.span, "PUBLIC is no role that creates objects");
        }
        let to = roles(checking, &decl.to);
        let on: Vec<ObjectClass> = decl.on.each().iter().map(|one| later(one.value)).collect();
        if on.is_empty() {
            checking.note(&decl.on.span, "name at least one kind of object");
        }
        DefaultPrivilegesDecl {
            position: checking.position(&decl.span),
            creators: creators.map(|(_, roles)| roles).unwrap_or_default(),
            grant_option: grant_option(checking, decl.option.as_ref(), &to),
            to,
            privileges: privileges(checking, &decl.privileges, on.iter().copied(), false),
            on,
        }
    });
    read.collect()
}

/// As [`grants`].
pub(super) fn owners(
    checking: &mut Checking<'_>,
    raw: &[Spanned<raw::Owner>],
    is_all_known: bool,
) -> Vec<OwnerDecl> {
    let mut owners = Vec::new();
    for decl in raw {
        let role = RoleTemplate::new(&decl.role.value);
        let role = checking.noted(&decl.role.span, role);
        if role == Some(RoleTemplate::Public) {
            checking.note(&decl.role.span, "PUBLIC is no role that owns objects");
        }
        let on = targets(checking, &decl.on, is_all_known);
        if let (Some(role), Some(on)) = (role, on) {
            owners.push(OwnerDecl { position: checking.position(&decl.span), role, on });
        }
    }
    owners
}

fn targets(
    checking: &mut Checking<'_>,
    raw: &Spanned<Listed<String>>,
    is_all_known: bool,
) -> Option<Vec<GrantTarget>> {
    let each = raw.each();
    if each.is_empty() {
        checking.note(&raw.span, "name at least one object");
    }
    let targets: Vec<Option<GrantTarget>> =
        each.iter().map(|text| target(checking, text, is_all_known)).collect();
    targets.into_iter().collect()
}

fn later(raw: LaterObjects) -> ObjectClass {
    match raw {
        LaterObjects::Tables => ObjectClass::Tables,
        LaterObjects::Sequences => ObjectClass::Sequences,
        LaterObjects::Routines => ObjectClass::Routines,
        LaterObjects::Types => ObjectClass::Types,
    }
}

fn roles(checking: &mut Checking<'_>, names: &Spanned<Listed<String>>) -> Vec<RoleTemplate> {
    let each = names.each();
    if each.is_empty() {
        checking.note(&names.span, "name at least one role");
    }
    let roles = each.iter().filter_map(|name| {
        let role: Result<RoleTemplate, NameError> = RoleTemplate::new(&name.value);
        checking.noted(&name.span, role)
    });
    roles.collect()
}

fn grant_option(
    checking: &mut Checking<'_>,
    raw: Option<&Spanned<bool>>,
    to: &[RoleTemplate],
) -> bool {
    let Some(option) = raw.filter(|option| option.value) else { return false };
    if to.contains(&RoleTemplate::Public) {
        checking.note(&option.span, "only roles can be given the grant option, not PUBLIC");
    }
    true
}

/// `None`: all.
fn privileges(
    checking: &mut Checking<'_>,
    raw: &Spanned<Listed<raw::Privilege>>,
    on: impl IntoIterator<Item = ObjectClass>,
    of_columns: bool,
) -> Option<Vec<Privilege>> {
    let each = raw.each();
    let classes: BTreeSet<ObjectClass> = on.into_iter().collect();
    if each.is_empty() {
        checking.note(&raw.span, "name at least one privilege");
    }
    let mut privileges = BTreeSet::new();
    for one in &each {
        let Some(privilege) = privilege(one.value) else {
            if each.len() > 1 {
                checking.note(&one.span, "all stands alone: privileges = \"all\"");
            }
            return None;
        };
        for class in &classes {
            let (what, known) = if of_columns {
                ("columns", &Privilege::OF_COLUMNS[..])
            } else {
                (class.word(), class.privileges())
            };
            if !known.contains(&privilege) {
                let what = if *class == ObjectClass::Schema { "a schema" } else { what };
                let known: Vec<String> = known.iter().map(|p| format!("\"{p}\"")).collect();
                let known = known.join(", ");
                let message =
                    format!("there is no privilege \"{privilege}\" on {what}; there is {known}");
                checking.note(&one.span, message);
            }
        }
        privileges.insert(privilege);
    }
    Some(privileges.into_iter().collect())
}

/// `None`: all.
fn privilege(raw: raw::Privilege) -> Option<Privilege> {
    use raw::Privilege as Raw;
    Some(match raw {
        Raw::All => return None,
        Raw::Select => Privilege::Select,
        Raw::Insert => Privilege::Insert,
        Raw::Update => Privilege::Update,
        Raw::Delete => Privilege::Delete,
        Raw::Truncate => Privilege::Truncate,
        Raw::References => Privilege::References,
        Raw::Trigger => Privilege::Trigger,
        Raw::Maintain => Privilege::Maintain,
        Raw::Usage => Privilege::Usage,
        Raw::Create => Privilege::Create,
        Raw::Execute => Privilege::Execute,
    })
}

/// Such as `tables`, or `table invoices`, or `function f(integer)`.
fn target(checking: &mut Checking<'_>, text: &Name, is_all_known: bool) -> Option<GrantTarget> {
    let position = checking.position(&text.span);
    if let Some(class) = ObjectClass::ALL.into_iter().find(|class| class.word() == text.value) {
        let kind = TargetKind::All(class);
        return Some(GrantTarget { position, kind, name: None, arguments: None });
    }
    let named = TargetKind::NAMED.into_iter().find_map(|kind| {
        Some((kind, text.value.strip_prefix(kind.word())?.strip_prefix(' ')?.trim()))
    });
    let Some((kind, name)) = named else {
        let classes = ObjectClass::ALL.map(ObjectClass::word);
        let kinds = TargetKind::NAMED.map(|kind| format!("\"{} …\"", kind.word()));
        let close = suggestion(&text.value, classes.into_iter());
        let message = format!(
            "{:?} is nothing that has privileges and an owner, such as \"{}\", or an object with its kind: {}{close}",
            text.value,
            classes.join("\", \""),
            kinds.join(", ")
        );
        checking.note(&text.span, message);
        return None;
    };
    let (name, arguments) = match name.split_once('(') {
        Some((name, rest)) if kind.class() == ObjectClass::Routines => {
            let Some(arguments) = rest.strip_suffix(')') else {
                checking.note(&text.span, "a ')' is missing at the end");
                return None;
            };
            (name.trim_end(), Some(arguments.trim().to_owned()))
        }
        _ => (name, None),
    };
    let name = Spanned { span: text.span.clone(), value: name.to_owned() };
    let name = if is_all_known { declared(checking, kind, &name) } else { checking.ident(&name) };
    Some(GrantTarget { position, kind, name: Some(name?), arguments })
}

/// The name of something that the manifest declares. A sequence may come with a column.
fn declared(checking: &mut Checking<'_>, kind: TargetKind, name: &Name) -> Option<Ident> {
    let (section, known) = match kind {
        TargetKind::Table => return checking.table(name),
        TargetKind::Function => return checking.function(name),
        TargetKind::View => ("views", &checking.unlisted),
        TargetKind::MaterializedView => ("materialized_views", &checking.unlisted),
        TargetKind::Procedure => ("procedures", &checking.other_names),
        TargetKind::Aggregate => ("aggregates", &checking.other_names),
        TargetKind::Type => ("types", &checking.types),
        TargetKind::Sequence | TargetKind::All(_) => return checking.ident(name),
    };
    if known.contains(&name.value) {
        return checking.ident(name);
    }
    if !checking.damage.touches(&[section, &name.value]) {
        let close = suggestion(&name.value, known.iter().map(String::as_str));
        let message = format!("no {} {:?} is declared{close}", kind.word(), name.value);
        checking.note(&name.span, message);
    }
    None
}

fn columns(
    checking: &mut Checking<'_>,
    raw: &Spanned<raw::Names>,
    on: &[GrantTarget],
    is_all_known: bool,
) -> Vec<Ident> {
    if raw.is_empty() {
        checking.note(&raw.span, "name at least one column");
    }
    if on.iter().any(|target| target.kind != TargetKind::Table) {
        let message = "columns are those of tables that are named, as in on = \"table invoices\"";
        checking.note(&raw.span, message);
        return Vec::new();
    }
    let mut columns = Vec::new();
    for target in on.iter().filter(|_| is_all_known) {
        let table = target.name.as_ref().map(Ident::as_str).unwrap_or_default();
        columns = checking.some_columns_of(table, &raw.value);
    }
    if is_all_known {
        return columns;
    }
    raw.iter().filter_map(|name| checking.ident(name)).collect()
}
