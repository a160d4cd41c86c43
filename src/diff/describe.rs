//! Properties of an object as text, one a line, in words near to SQL. Two objects are equal if
//! and only if their descriptions are: what decides is also what people get to see.

use std::fmt::Write as _;

use crate::manifest::{Deferral, ReferentialAction};
use crate::name::Ident;
use crate::schema::{
    Column, Constraint, ForeignKey, Index, Key, MatchType, Rule, Sequence, SequenceSettings,
};

pub(super) fn labels(labels: &[Ident]) -> String {
    labels.iter().map(|label| format!("label {:?}", label.as_str())).collect::<Vec<_>>().join("\n")
}

pub(super) fn persistence(unlogged: bool) -> String {
    if unlogged { "unlogged".into() } else { "logged".into() }
}

pub(super) fn comment(text: &str) -> String {
    format!("comment {text:?}")
}

pub(super) fn sequence(sequence: &Sequence) -> String {
    let mut text = format!("type {}\n{}", sequence.data_type, settings(&sequence.options));
    if let Some((table, column)) = &sequence.owned_by {
        let _ = write!(text, "\nowned by {}.{}", table.quoted(), column.quoted());
    }
    if sequence.unlogged {
        text.push_str("\nunlogged");
    }
    text
}

fn settings(options: &SequenceSettings) -> String {
    let SequenceSettings { start, increment, min, max, cache, cycle } = options;
    let cycle = if *cycle { "cycle" } else { "no cycle" };
    format!(
        "start {start}\nincrement {increment}\nminimum {min}\nmaximum {max}\ncache {cache}\n{cycle}"
    )
}

/// All but the comment.
pub(super) fn column(column: &Column) -> String {
    let mut text = format!("type {}", column.data_type);
    text.push_str(if column.nullable { "\nnull" } else { "\nnot null" });
    if let Some(collation) = &column.collation {
        let _ = write!(text, "\ncollation {collation}");
    }
    if let Some(default) = &column.default {
        let _ = write!(text, "\ndefault {default}");
    }
    if let Some(identity) = &column.identity {
        let when = if identity.always { "always" } else { "by default" };
        let _ = write!(text, "\nidentity {when}\n{}", settings(&identity.options));
    }
    if let Some(generated) = &column.generated {
        let how = if generated.stored { "stored" } else { "virtual" };
        let _ = write!(text, "\ngenerated {how} as {}", generated.expression);
    }
    text
}

/// All but name and comment.
pub(super) fn constraint(constraint: &Constraint) -> String {
    let mut text = rule(&constraint.rule);
    match constraint.deferral {
        Deferral::NotDeferrable => {}
        Deferral::Deferrable => text.push_str("\ndeferrable"),
        Deferral::InitiallyDeferred => text.push_str("\ndeferrable initially deferred"),
    }
    if !constraint.validated {
        text.push_str("\nnot valid");
    }
    text
}

pub(super) fn rule(rule: &Rule) -> String {
    match rule {
        Rule::PrimaryKey { columns, include } => {
            format!("primary key {}{}", list(columns), included(include))
        }
        Rule::Unique { columns, include, nulls_distinct } => {
            let nulls = if *nulls_distinct { "" } else { "\nnulls not distinct" };
            format!("unique {}{}{nulls}", list(columns), included(include))
        }
        Rule::Check { expression, no_inherit } => {
            format!("check {expression}{}", if *no_inherit { "\nno inherit" } else { "" })
        }
        Rule::Exclusion { method, elements, include, predicate } => {
            let mut text = format!("exclude using {method}");
            for (term, operator) in elements {
                let _ = write!(text, "\n{} with {operator}", key(term));
            }
            text + &included(include) + &condition(predicate.as_deref())
        }
        Rule::ForeignKey(foreign_key) => self::foreign_key(foreign_key),
    }
}

fn foreign_key(key: &ForeignKey) -> String {
    let schema = key.schema.as_ref().map(|s| format!("{}.", s.quoted())).unwrap_or_default();
    let mut text = format!(
        "foreign key {}\nreferences {schema}{} {}",
        list(&key.columns),
        key.table.quoted(),
        list(&key.referenced_columns)
    );
    match key.match_type {
        MatchType::Simple => {}
        MatchType::Full => text.push_str("\nmatch full"),
        MatchType::Partial => text.push_str("\nmatch partial"),
    }
    if key.on_update != ReferentialAction::NoAction {
        let _ = write!(text, "\non update {}", action(key.on_update));
    }
    if key.on_delete != ReferentialAction::NoAction {
        let _ = write!(text, "\non delete {}", action(key.on_delete));
        if !key.on_delete_columns.is_empty() {
            let mut columns = key.on_delete_columns.clone();
            columns.sort();
            let _ = write!(text, " {}", list(&columns));
        }
    }
    text
}

fn action(action: ReferentialAction) -> &'static str {
    match action {
        ReferentialAction::NoAction => "no action",
        ReferentialAction::Restrict => "restrict",
        ReferentialAction::Cascade => "cascade",
        ReferentialAction::SetNull => "set null",
        ReferentialAction::SetDefault => "set default",
    }
}

/// All but name and comment.
pub(super) fn index(index: &Index) -> String {
    let mut text =
        format!("{}index using {}", if index.unique { "unique " } else { "" }, index.method);
    for term in &index.keys {
        let _ = write!(text, "\n{}", key(term));
    }
    text.push_str(&included(&index.include));
    if !index.nulls_distinct {
        text.push_str("\nnulls not distinct");
    }
    text.push_str(&condition(index.predicate.as_deref()));
    for parameter in &index.with {
        let _ = write!(text, "\nwith {parameter}");
    }
    if !index.valid {
        text.push_str(
            "\nINVALID: not used by queries; a failed CREATE INDEX CONCURRENTLY leaves it so",
        );
    }
    text
}

fn key(key: &Key) -> String {
    let mut text = match Ident::new(key.term.as_str()) {
        Ok(name) if key.is_column => name.quoted(),
        _ => format!("({})", key.term),
    };
    if let Some(collation) = &key.collation {
        let _ = write!(text, " collate {collation}");
    }
    if !key.default_opclass {
        let _ = write!(text, " {}", key.opclass);
    }
    if key.descending {
        text.push_str(" desc");
    }
    if key.nulls_first != key.descending {
        text.push_str(if key.nulls_first { " nulls first" } else { " nulls last" });
    }
    text
}

fn condition(predicate: Option<&str>) -> String {
    predicate.map(|p| format!("\nwhere {p}")).unwrap_or_default()
}

fn included(columns: &[Ident]) -> String {
    if columns.is_empty() { String::new() } else { format!("\ninclude {}", list(columns)) }
}

fn list(columns: &[Ident]) -> String {
    format!("({})", columns.iter().map(Ident::quoted).collect::<Vec<_>>().join(", "))
}
