//! Policies of a table.

use crate::manifest::checking::{Checking, given};
use crate::manifest::model::PolicyDecl;
use crate::manifest::raw::{self, Command, Spanned};
use crate::name::Ident;

pub(super) fn policies(checking: &mut Checking<'_>, raw: &raw::Table) -> Vec<PolicyDecl> {
    let mut policies: Vec<PolicyDecl> = Vec::new();
    for policy in &raw.policies {
        if let Some(read) = self::policy(checking, policy) {
            let is_taken = policies.iter().any(|known| known.name == read.name);
            checking.note_if_taken(is_taken, &policy.value.name, "policy of the table");
            policies.push(read);
        }
    }
    policies
}

fn policy(checking: &mut Checking<'_>, raw: &Spanned<raw::Policy>) -> Option<PolicyDecl> {
    let name = checking.ident(&raw.name);
    let roles: Vec<Option<Ident>> = raw.roles.iter().map(|role| checking.ident(role)).collect();
    let using = given(raw.using.as_ref(), |sql| checking.expression(sql));
    let check = given(raw.check.as_ref(), |sql| checking.expression(sql));
    let command = raw.command.and_then(|command| match command {
        Command::All => None,
        Command::Select => Some("SELECT".to_owned()),
        Command::Insert => Some("INSERT".to_owned()),
        Command::Update => Some("UPDATE".to_owned()),
        Command::Delete => Some("DELETE".to_owned()),
    });
    let comment = checking.optional_text(raw.comment.as_ref());
    Some(PolicyDecl {
        position: checking.position(&raw.span),
        name: name?,
        command,
        roles: roles.into_iter().collect::<Option<_>>()?,
        restrictive: raw.restrictive,
        using: using.ok()?,
        check: check.ok()?,
        comment,
    })
}
