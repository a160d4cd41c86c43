//! Rules of a table or a view.

use super::triggers::enable;
use crate::manifest::checking::{Checking, given};
use crate::manifest::fragment::Fragment;
use crate::manifest::model::RuleDecl;
use crate::manifest::raw::{self, Name, RuleEvent, Spanned};

pub(super) fn rules(checking: &mut Checking<'_>, raw: &[Spanned<raw::Rule>]) -> Vec<RuleDecl> {
    let mut rules: Vec<RuleDecl> = Vec::new();
    for rule in raw {
        if let Some(read) = self::rule(checking, rule) {
            let is_taken = rules.iter().any(|known| known.name == read.name);
            checking.note_if_taken(is_taken, &rule.value.name, "rule on it");
            rules.push(read);
        }
    }
    rules
}

/// Those of a view, which the server cannot disable.
pub(super) fn of_view(checking: &mut Checking<'_>, raw: &[Spanned<raw::Rule>]) -> Vec<RuleDecl> {
    let rules = rules(checking, raw);
    for rule in raw.iter().filter(|rule| rule.enabled.and_then(enable).is_some()) {
        checking.note(&rule.name.span, "a rule of a view is always enabled; leave enabled out");
    }
    rules
}

fn rule(checking: &mut Checking<'_>, raw: &Spanned<raw::Rule>) -> Option<RuleDecl> {
    let name = checking.ident(&raw.name);
    let condition = given(raw.condition.as_ref(), |sql| checking.expression(sql));
    let commands: Vec<Name> = raw.commands.as_ref().map(Spanned::each).unwrap_or_default();
    let commands: Vec<Option<Fragment>> =
        commands.iter().map(|command| checking.fragment(command, Fragment::command)).collect();
    let event = match raw.event {
        RuleEvent::Insert => "INSERT",
        RuleEvent::Update => "UPDATE",
        RuleEvent::Delete => "DELETE",
    };
    let comment = checking.optional_text(raw.comment.as_ref());
    Some(RuleDecl {
        position: checking.position(&raw.span),
        name: name?,
        event: event.to_owned(),
        condition: condition.ok()?,
        is_instead: raw.instead,
        commands: commands.into_iter().collect::<Option<_>>()?,
        enable: raw.enabled.and_then(enable),
        comment,
    })
}
