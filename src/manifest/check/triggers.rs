//! Triggers of a table or a view.

use crate::manifest::checking::{Checking, given};
use crate::manifest::model::{QualifiedName, TriggerDecl};
use crate::manifest::raw::{self, Enabled, Event, ForEach, Name, Short, Spanned, Timing};

pub(super) fn triggers(
    checking: &mut Checking<'_>,
    table: &Name,
    raw: &[Spanned<raw::Trigger>],
) -> Vec<TriggerDecl> {
    let mut triggers: Vec<TriggerDecl> = Vec::new();
    for trigger in raw {
        if let Some(read) = self::trigger(checking, table, trigger) {
            let is_taken = triggers.iter().any(|known| known.name == read.name);
            checking.note_if_taken(is_taken, &trigger.value.name, "trigger on it");
            triggers.push(read);
        }
    }
    triggers
}

fn trigger(
    checking: &mut Checking<'_>,
    table: &Name,
    raw: &Spanned<raw::Trigger>,
) -> Option<TriggerDecl> {
    let name = checking.ident(&raw.name);
    let columns = checking.some_columns_of(&table.value, &raw.columns);
    if raw.events.is_empty() {
        checking.note(&raw.events.span, "name at least one event");
    }
    if let Some(column) = raw.columns.first()
        && !raw.events.contains(&Event::Update)
    {
        checking.note(&column.span, "columns are those of the event update");
    }
    let condition = given(raw.when.as_ref(), |sql| checking.expression(sql));
    let function = match &raw.function.value {
        Short::Text(text) => {
            let name = Spanned { span: raw.function.span.clone(), value: text.clone() };
            checking.function(&name).map(|name| QualifiedName { schema: None, name })
        }
        Short::Full(_) => checking.qualified(&raw.function),
    };
    let arguments: Vec<_> = raw.arguments.iter().map(|text| checking.text(text)).collect();
    let old_table = given(raw.old_table.as_ref(), |name| checking.ident(name));
    let new_table = given(raw.new_table.as_ref(), |name| checking.ident(name));
    let deferrable = match (raw.deferrable, raw.initially_deferred) {
        (_, true) => Some("DEFERRABLE INITIALLY DEFERRED".to_owned()),
        (true, false) => Some("DEFERRABLE".to_owned()),
        (false, false) => None,
    };
    if deferrable.is_some() && !raw.constraint {
        checking.note(&raw.name.span, "only a constraint trigger is deferrable: constraint = true");
    }
    let timing = match raw.timing {
        Timing::Before => "BEFORE",
        Timing::After => "AFTER",
        Timing::InsteadOf => "INSTEAD OF",
    };
    let events: Vec<&str> = raw
        .events
        .iter()
        .map(|event| match event {
            Event::Insert => "INSERT",
            Event::Update => "UPDATE",
            Event::Delete => "DELETE",
            Event::Truncate => "TRUNCATE",
        })
        .collect();
    let comment = checking.optional_text(raw.comment.as_ref());
    // The columns belong to UPDATE, which therefore comes last.
    let mut events = events;
    events.sort_by_key(|event| *event == "UPDATE");
    Some(TriggerDecl {
        position: checking.position(&raw.span),
        name: name?,
        when: format!("{timing} {}", events.join(" OR ")),
        columns,
        for_each_row: raw.for_each == Some(ForEach::Row),
        condition: condition.ok()?,
        function: function?,
        arguments: arguments.into_iter().collect::<Option<_>>()?,
        old_table: old_table.ok()?,
        new_table: new_table.ok()?,
        is_constraint: raw.constraint,
        deferrable,
        enable: raw.enabled.and_then(enable),
        comment,
    })
}

/// What ALTER TABLE does to what is to be enabled in this way; none: it stays as it is created.
pub(super) fn enable(enabled: Enabled) -> Option<String> {
    match enabled {
        Enabled::Origin => None,
        Enabled::Replica => Some("ENABLE REPLICA".to_owned()),
        Enabled::Always => Some("ENABLE ALWAYS".to_owned()),
        Enabled::Disabled => Some("DISABLE".to_owned()),
    }
}
