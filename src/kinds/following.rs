//! Keys by which rows of one table follow those of another, and keys that let a value be in one row only.

use super::constraint::is_foreign_key;
use crate::catalog::{Fact, Kind};
use crate::name::Ident;

/// Whether it lets values be in one row only. An exclusion constraint may do that, too.
#[must_use]
pub fn is_unique(fact: &Fact) -> bool {
    match fact.object.kind() {
        Kind::Constraint => matches!(fact.text("sort"), Some("p" | "u" | "x")),
        Kind::Index => fact.text("unique").is_some(),
        _ => false,
    }
}

/// Whether it is a foreign key by which rows are deleted or changed when those that they refer to are deleted.
#[must_use]
pub fn follows_deletes(fact: &Fact) -> bool {
    acts_on(fact, " ON DELETE ")
}

/// Whether it is a foreign key by which rows are changed when those that they refer to are.
#[must_use]
pub fn follows_updates(fact: &Fact) -> bool {
    acts_on(fact, " ON UPDATE ")
}

/// The server prints no action where there is none; RESTRICT is none either.
fn acts_on(fact: &Fact, words: &str) -> bool {
    let definition = fact.text("definition").unwrap_or_default();
    let mut actions = definition.split(words).skip(1);
    is_foreign_key(fact) && actions.any(|action| !action.starts_with("RESTRICT"))
}

/// Whether it is a foreign key to a table of the schema.
#[must_use]
pub fn refers_to(fact: &Fact, table: &Ident) -> bool {
    let role = fact.text("role").filter(|_| is_foreign_key(fact)).unwrap_or_default();
    let names = [table.as_str().to_owned(), table.quoted()];
    names.iter().any(|name| role.contains(&format!(") references {name} (")))
}

/// The columns of a foreign key, each with the one that it refers to; `None`: they are not understood.
#[must_use]
pub fn referring_columns(fact: &Fact) -> Option<Vec<(Ident, Ident)>> {
    let role = fact.text("role").filter(|_| is_foreign_key(fact))?;
    let lists = lists(role);
    let (of, to) = (lists.first()?, lists.last()?);
    let pairs: Option<Vec<(Ident, Ident)>> =
        of.iter().zip(to).map(|(of, to)| Some((ident(of)?, ident(to)?))).collect();
    pairs.filter(|pairs| lists.len() == 2 && of.len() == to.len() && !pairs.is_empty())
}

fn ident(name: &str) -> Option<Ident> {
    Ident::new(name).ok()
}

/// The lists of names in parentheses in a text of the server.
fn lists(text: &str) -> Vec<Vec<String>> {
    let (mut lists, mut list) = (Vec::new(), None::<Vec<String>>);
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        // A quotation mark within quotes is doubled.
        if is_quoted && c == '"' && chars.peek() == Some(&'"') {
            chars.next();
        } else if c == '"' {
            is_quoted = !is_quoted;
            continue;
        } else if !is_quoted {
            match c {
                '(' => {
                    list = Some(vec![String::new()]);
                    continue;
                }
                ')' => {
                    lists.extend(list.take());
                    continue;
                }
                ',' => {
                    if let Some(list) = list.as_mut() {
                        list.push(String::new());
                    }
                    continue;
                }
                ' ' => continue,
                _ => {}
            }
        }
        if let Some(name) = list.as_mut().and_then(|list| list.last_mut()) {
            name.push(c);
        }
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Object;

    fn key(role: &str, definition: &str) -> Fact {
        let ident = |name| Ident::new(name).unwrap();
        let object = Object::on_table(Kind::Constraint, &ident("t"), &ident("k"));
        let texts = [("sort", "f"), ("role", role), ("definition", definition)];
        Fact::new(object, texts.map(|(key, text)| (key, text.to_owned())))
    }

    #[test]
    fn columns_are_found_however_they_are_named() {
        for (role, expected) in [
            ("(a) references b (c)", vec![("a", "c")]),
            ("(a, b) references \"x (y)\" (c, d)", vec![("a", "c"), ("b", "d")]),
            (
                "(\"A, b\", \"q\"\"r\") references t (\")\", \" \")",
                vec![("A, b", ")"), ("q\"r", " ")],
            ),
        ] {
            let pairs = referring_columns(&key(role, "")).unwrap();
            let pairs: Vec<_> = pairs.iter().map(|(of, to)| (of.as_str(), to.as_str())).collect();
            assert_eq!(pairs, expected, "{role}");
        }
        assert_eq!(referring_columns(&key("(a) references b", "")), None);
    }

    #[test]
    fn what_rows_do_when_others_go_is_known() {
        let of = |definition: &str| {
            let key = key("", &format!("FOREIGN KEY (a) REFERENCES b(c){definition}"));
            (follows_deletes(&key), follows_updates(&key))
        };
        assert_eq!(of(""), (false, false));
        assert_eq!(of(" ON DELETE RESTRICT"), (false, false));
        assert_eq!(of(" ON UPDATE CASCADE ON DELETE RESTRICT"), (false, true));
        assert_eq!(of(" ON DELETE SET NULL (a)"), (true, false));
    }
}
