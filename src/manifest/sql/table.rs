//! What the statements of SQL files say about the columns of tables, as far as baseline rows need it before a server has
//! read them: names and types, and which tables they reference. What it overlooks, the server reports when a row is
//! inserted.

use super::rewrite::{names, unquoted};
use super::split::{Kind, Token, is_at};
use crate::manifest::model::TableRef;
use crate::name::{Ident, SCHEMA_PLACEHOLDER};

/// What one statement says about a table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// Whether the rows are in partitions.
    pub(super) is_partitioned: bool,
    pub(super) columns: Vec<Column>,
    /// The tables of the schema that foreign keys point to.
    pub(super) parents: Vec<Ident>,
    /// The other tables that they point to.
    pub(super) externals: Vec<TableRef>,
}

/// A column.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: Ident,
    /// As written, but for the placeholder for the schema.
    pub(super) data_type: String,
    pub(super) has_collation: bool,
    /// The byte at which it is declared.
    pub(super) at: usize,
}

/// Key words that begin something else than a column in a list of columns.
const OTHERS: [&str; 7] =
    ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE", "LIKE"];

/// Key words after the type of a column.
const CLAUSES: [&str; 14] = [
    "NOT",
    "NULL",
    "DEFAULT",
    "PRIMARY",
    "UNIQUE",
    "CHECK",
    "REFERENCES",
    "CONSTRAINT",
    "COLLATE",
    "GENERATED",
    "STORAGE",
    "COMPRESSION",
    "DEFERRABLE",
    "INITIALLY",
];

/// The parts of a `CREATE TABLE` or `ALTER TABLE`. `schema` is the name that stands for the tenant's schema.
pub(super) fn parts(tokens: &[Token<'_>], schema: Option<&Ident>) -> Parts {
    let has = |words: &[&str]| (0..tokens.len()).any(|at| is_at(tokens, at, words));
    let mut parts = Parts { is_partitioned: has(&["PARTITION", "BY"]), ..Parts::default() };
    if tokens.first().is_some_and(|token| token.is("CREATE")) {
        // A partition has the columns of the table that it is a partition of.
        let is_partition = has(&["PARTITION", "OF"]);
        let start = tokens.iter().position(|token| token.is_symbol("(")).filter(|_| !is_partition);
        for element in
            start.map(|at| elements(tokens.get(at + 1..).unwrap_or_default())).into_iter().flatten()
        {
            if !element.first().is_some_and(|first| OTHERS.iter().any(|word| first.is(word))) {
                parts.columns.extend(column(element, schema));
            }
        }
    } else {
        for action in elements(tokens) {
            let mut rest = action;
            while let Some((first, others)) = rest.split_first() {
                rest = others;
                if first.is("ADD") {
                    break;
                }
            }
            let words = ["COLUMN", "IF", "NOT", "EXISTS"];
            while rest.first().is_some_and(|token| words.iter().any(|word| token.is(word))) {
                rest = rest.get(1..).unwrap_or_default();
            }
            if !rest.first().is_some_and(|first| OTHERS.iter().any(|word| first.is(word))) {
                parts.columns.extend(column(rest, schema));
            }
        }
    }
    for (at, token) in tokens.iter().enumerate() {
        if token.is("REFERENCES") {
            match target(tokens.get(at + 1..).unwrap_or_default(), schema) {
                Some(TableRef::Tenant(name)) => parts.parents.push(name),
                Some(external) => parts.externals.push(external),
                None => {}
            }
        }
    }
    parts
}

/// The parts between commas, up to the parenthesis that closes.
pub(super) fn elements<'s, 'a>(tokens: &'s [Token<'a>]) -> Vec<&'s [Token<'a>]> {
    let (mut elements, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    let mut end = tokens.len();
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" => depth += 1,
            ")" | "]" if depth == 0 => {
                end = at;
                break;
            }
            ")" | "]" => depth -= 1,
            "," if depth == 0 => {
                elements.extend(tokens.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    elements.extend(tokens.get(start..end));
    elements
}

fn column(element: &[Token<'_>], schema: Option<&Ident>) -> Option<Column> {
    let (name, rest) = element.split_first()?;
    let is_clause = |token: &Token<'_>| CLAUSES.iter().any(|word| token.is(word));
    let end = rest.iter().position(is_clause).unwrap_or(rest.len());
    let data_type = rest.get(..end)?;
    let mut text = String::new();
    let mut last: Option<&Token<'_>> = None;
    for token in data_type {
        if last.is_some_and(|last| last.end() < token.at) {
            text.push(' ');
        }
        let is_schema = last.is_none() && schema.is_some_and(|schema| names(token, schema));
        let is_qualified = data_type.get(1).is_some_and(|next| next.is_symbol("."));
        text.push_str(if is_schema && is_qualified { SCHEMA_PLACEHOLDER } else { token.text });
        last = Some(token);
    }
    Some(Column {
        name: ident(name).filter(|_| !text.is_empty())?,
        data_type: text,
        has_collation: rest.iter().any(|token| token.is("COLLATE")),
        at: name.at,
    })
}

/// The table that a foreign key points to.
fn target(tokens: &[Token<'_>], schema: Option<&Ident>) -> Option<TableRef> {
    let first = tokens.first()?;
    if !tokens.get(1).is_some_and(|next| next.is_symbol(".")) {
        return ident(first).map(TableRef::Tenant);
    }
    let table = tokens.get(2).and_then(ident)?;
    let is_own =
        first.text == SCHEMA_PLACEHOLDER || schema.is_some_and(|schema| names(first, schema));
    if is_own {
        return Some(TableRef::Tenant(table));
    }
    ident(first).map(|schema| TableRef::External { schema, table })
}

fn ident(token: &Token<'_>) -> Option<Ident> {
    match token.kind {
        Kind::Word => Ident::new(token.text.to_ascii_lowercase()).ok(),
        Kind::Quoted => Ident::new(unquoted(token.text, '"')).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::sql::split::tokens;

    fn of(sql: &str) -> (Vec<String>, Vec<String>) {
        let app = Ident::new("app".to_owned()).unwrap();
        let parts = parts(&tokens(sql).unwrap(), Some(&app));
        let columns = parts.columns.iter().map(|c| format!("{} {}", c.name, c.data_type));
        (columns.collect(), parts.parents.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn columns_and_references_are_found() {
        for (sql, columns, parents) in [
            (
                "CREATE TABLE app.t (id bigserial PRIMARY KEY, \"A b\" numeric(10, 2)[] NOT NULL, \
                 at timestamp (3) with time zone DEFAULT now(), s app.state COLLATE \"C\", \
                 CONSTRAINT x CHECK (a > 0), FOREIGN KEY (id) REFERENCES app.u (id), \
                 o int REFERENCES public.x, p int REFERENCES v) WITH (a = b)",
                vec![
                    "id bigserial",
                    "A b numeric(10, 2)[]",
                    "at timestamp (3) with time zone",
                    "s {schema}.state",
                    "o int",
                    "p int",
                ],
                vec!["u", "v"],
            ),
            ("CREATE TABLE t ()", vec![], vec![]),
            (
                "ALTER TABLE ONLY app.t ADD COLUMN IF NOT EXISTS a int, ADD b text[], ADD CHECK (b > a), \
                 ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES \"U\" (id), ALTER c SET NOT NULL",
                vec!["a int", "b text[]"],
                vec!["U"],
            ),
        ] {
            let (found, referenced) = of(sql);
            assert_eq!(found, columns, "{sql}");
            assert_eq!(referenced, parents, "{sql}");
        }
    }
}
