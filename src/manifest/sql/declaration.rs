//! Which object a statement declares, and where its name stands.

use super::lost;
use super::rewrite::unquoted;
use super::split::{Kind, Token, is_at};
use super::table::elements;
use crate::manifest::check::names::RESERVED;
use crate::name::{Ident, SCHEMA_PLACEHOLDER};

/// What is to be done with a statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It declares something.
    Declares(Declaration),
    /// It is passed over; what it is, such as `ALTER … OWNER TO`.
    PassedOver(&'static str),
    /// Why it cannot stand there.
    Refused(String),
}

/// What a statement declares.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Declaration {
    /// Its key words, such as `CREATE TABLE`.
    pub(super) words: String,
    /// What kind of object it creates; `None`: it creates none with a name of its own.
    pub(super) creates: Option<Created>,
    /// The name of the object that it creates or changes, or of the table that this is a part of.
    pub(super) name: Option<Ident>,
    /// The numbers of the tokens with which the server would pass over the statement if the object existed.
    pub(super) lenient: Vec<usize>,
    /// Of `CREATE FUNCTION` and `CREATE PROCEDURE`.
    pub(super) has_body: bool,
    /// The number of the token with which the name, or the schema in front of it, begins.
    pub(super) name_at: Option<usize>,
    /// It creates an object of this name, which is not the name of another object's part.
    pub(super) is_new: bool,
    /// What `pg_dump` writes for a view that other objects need before its query can be understood: columns of NULL.
    pub(super) is_forerunner: bool,
    /// Of a materialized view: whether it is to be filled.
    pub(super) is_populated: Option<bool>,
}

/// The kinds of objects that other sections can refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Created {
    Table,
    Function,
    Type,
}

/// Key words after CREATE, ALTER or COMMENT ON, and where the name is.
const KINDS: [(&[&str], Place); 17] = [
    (&["TABLE"], Place::Next),
    (&["INDEX"], Place::Next),
    (&["VIEW"], Place::Next),
    (&["MATERIALIZED", "VIEW"], Place::Next),
    (&["SEQUENCE"], Place::Next),
    (&["TYPE"], Place::Next),
    (&["DOMAIN"], Place::Next),
    (&["STATISTICS"], Place::Next),
    (&["FUNCTION"], Place::Next),
    (&["PROCEDURE"], Place::Next),
    (&["ROUTINE"], Place::Next),
    (&["AGGREGATE"], Place::Next),
    (&["COLUMN"], Place::OfColumn),
    (&["TRIGGER"], Place::After("ON")),
    (&["POLICY"], Place::After("ON")),
    (&["RULE"], Place::After("ON")),
    (&["CONSTRAINT"], Place::After("ON")),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Next,
    /// The last part of the name is that of a column.
    OfColumn,
    After(&'static str),
}

/// More characters of a token are not shown.
pub(super) const SHOWN: usize = 40;

pub(super) fn refused(reason: &str) -> Verdict {
    Verdict::Refused(reason.to_owned())
}

/// The first words of a statement.
struct Head {
    is_create: bool,
    is_comment: bool,
    words: &'static [&'static str],
    place: Place,
    /// The numbers of the tokens that let the statement pass if the object exists.
    lenient: Vec<usize>,
    /// The number of the token with which the name begins.
    name_at: Option<usize>,
}

impl Head {
    fn is_index(&self) -> bool {
        self.is_create && self.words == ["INDEX"]
    }

    /// Such as `CREATE TABLE`.
    fn words(&self) -> String {
        let verb = match (self.is_comment, self.is_create) {
            (true, _) => "COMMENT ON",
            (false, true) => "CREATE",
            (false, false) => "ALTER",
        };
        let is_part = self.is_index() || matches!(self.place, Place::After(_));
        let on = if is_part { " … ON" } else { "" };
        format!("{verb} {}{on}", self.words.join(" "))
    }
}

/// # Errors
/// Why the statement declares nothing.
fn head(tokens: &[Token<'_>]) -> Result<Head, String> {
    let is_comment = is_at(tokens, 0, &["COMMENT"]);
    let is_create = is_at(tokens, 0, &["CREATE"]);
    let mut lenient = Vec::new();
    let mut at = if is_comment { 2 } else { 1 };
    if is_at(tokens, at, &["OR", "REPLACE"]) {
        lenient.extend([at, at + 1]);
        at += 2;
    }
    while ["UNLOGGED", "UNIQUE", "RECURSIVE"].iter().any(|word| is_at(tokens, at, &[word]))
        || is_at(tokens, at, &["CONSTRAINT", "TRIGGER"])
    {
        at += 1;
    }
    let found = KINDS.iter().find(|(words, _)| is_at(tokens, at, words));
    let Some(&(words, place)) = found.filter(|(words, _)| is_comment || !is_comment_only(words))
    else {
        let words: Vec<&str> = tokens.iter().take(at + 2).map(|token| token.text).collect();
        let words: String = words.join(" ").chars().take(SHOWN).collect();
        return Err(format!("{words} …: this makes nothing that can be part of a tenant"));
    };
    at += words.len();
    if is_at(tokens, at, &["CONCURRENTLY"]) {
        lenient.push(at);
        at += 1;
    }
    for guard in [["IF", "NOT", "EXISTS"].as_slice(), &["IF", "EXISTS"]] {
        if is_at(tokens, at, guard) {
            lenient.extend(at..at + guard.len());
            at += guard.len();
        }
    }
    let name_at = match place {
        Place::After(_) if is_create && words == ["RULE"] => after(tokens, at, "TO"),
        Place::After(word) => after(tokens, at, word),
        Place::Next if is_create && words == ["INDEX"] => after(tokens, at, "ON"),
        Place::Next | Place::OfColumn => Some(at),
    };
    let name_at = name_at.map(|at| if is_at(tokens, at, &["ONLY"]) { at + 1 } else { at });
    // COMMENT ON CONSTRAINT … ON DOMAIN; a table of this name would have to be quoted no less.
    let is_of_domain = is_comment
        && matches!(place, Place::After(_))
        && name_at.is_some_and(|at| {
            is_at(tokens, at, &["DOMAIN"])
                && !tokens.get(at + 1).is_none_or(|next| next.is_symbol(".") || next.is("IS"))
        });
    let name_at = name_at.map(|at| if is_of_domain { at + 1 } else { at });
    Ok(Head { is_create, is_comment, words, place, lenient, name_at })
}

/// The verdict on a statement that begins with `CREATE`, `ALTER` or `COMMENT ON`.
pub(super) fn declaration(tokens: &[Token<'_>], schema: Option<&Ident>) -> Verdict {
    let mut head = match head(tokens) {
        Ok(head) => head,
        Err(reason) => return Verdict::Refused(reason),
    };
    let mut chain = head.name_at.map(|at| chain(tokens, at)).unwrap_or_default();
    if head.place == Place::OfColumn {
        chain.pop();
        head.name_at = head.name_at.filter(|_| chain.len() == 2);
    }
    if chain.len() > 2 || chain.is_empty() {
        return refused("the name of the object is missing, or has too many parts");
    }
    if let [of, _] = chain.as_slice()
        && of != SCHEMA_PLACEHOLDER
        && schema.is_none_or(|schema| of != schema.as_str())
    {
        return refused(&format!(
            "{of:?} is not the tenant's schema; if it stands for it in these files, say so: under \
             [sql], schema = {of:?}"
        ));
    }
    match chain.last().and_then(|name| name.strip_prefix(RESERVED)) {
        Some("state") => return Verdict::PassedOver("the record of provision"),
        Some(_) => return refused(&format!("names with {RESERVED:?} in front are the tool's own")),
        None => {}
    }
    if !head.is_create && !head.is_comment {
        match action(tokens, head.name_at) {
            [a, b, _] if a.is("OWNER") && b.is("TO") => {
                return Verdict::PassedOver("ALTER … OWNER TO");
            }
            _ => head.lenient.extend(guards(tokens)),
        }
    }
    if !head.is_comment
        && let Some(reason) = lost::reason(tokens, head.is_create, head.words)
    {
        return refused(reason);
    }
    let mut is_populated = None;
    if head.is_create && head.words == ["MATERIALIZED", "VIEW"] {
        let ending = with_data(tokens);
        is_populated = Some(ending != ["WITH", "NO", "DATA"]);
        head.lenient.extend(tokens.len() - ending.len()..tokens.len());
    }
    let creates = match head.words {
        ["TABLE"] => Some(Created::Table),
        ["FUNCTION"] => Some(Created::Function),
        ["TYPE" | "DOMAIN"] => Some(Created::Type),
        _ => None,
    };
    Verdict::Declares(Declaration {
        words: head.words(),
        creates: creates.filter(|_| head.is_create),
        name: chain.pop().and_then(|name| Ident::new(name).ok()),
        has_body: head.is_create && matches!(head.words, ["FUNCTION" | "PROCEDURE"]),
        is_new: head.is_create && head.place == Place::Next && !head.is_index(),
        is_forerunner: head.is_create && head.words == ["VIEW"] && selects_null(tokens),
        is_populated,
        name_at: head.name_at,
        lenient: head.lenient,
    })
}

/// The last words of a statement, if they say whether its query is run.
fn with_data(tokens: &[Token<'_>]) -> &'static [&'static str] {
    let endings: [&[&str]; 2] = [&["WITH", "NO", "DATA"], &["WITH", "DATA"]];
    let ends = |words: &&&[&str]| {
        tokens.len().checked_sub(words.len()).is_some_and(|at| is_at(tokens, at, words))
    };
    endings.iter().find(ends).copied().unwrap_or_default()
}

/// What comes after the name, and after the arguments in parentheses, of what is altered.
fn action<'s, 'a>(tokens: &'s [Token<'a>], name_at: Option<usize>) -> &'s [Token<'a>] {
    let Some(mut at) = name_at else { return &[] };
    while tokens.get(at + 1).is_some_and(|token| token.is_symbol(".")) {
        at += 2;
    }
    at += 1;
    if tokens.get(at).is_some_and(|token| token.is_symbol("(")) {
        let end = tokens.iter().skip(at).position(|token| token.is_symbol(")"));
        at += end.map_or(0, |end| end + 1);
    }
    tokens.get(at..).unwrap_or_default()
}

/// The numbers of `IF NOT EXISTS` in the actions of an `ALTER`.
fn guards(tokens: &[Token<'_>]) -> Vec<usize> {
    let starts = tokens.windows(3).enumerate().filter(
        |(_, words)| matches!(words, [a, b, c] if a.is("IF") && b.is("NOT") && c.is("EXISTS")),
    );
    starts.flat_map(|(at, _)| at..at + 3).collect()
}

/// The number of the token after the first of this key word.
fn after(tokens: &[Token<'_>], from: usize, word: &str) -> Option<usize> {
    let at = tokens.iter().skip(from).position(|token| token.is(word))?;
    Some(from + at + 1)
}

/// The parts of the name that starts at a token.
fn chain(tokens: &[Token<'_>], at: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = tokens.iter().skip(at);
    while let Some(token) = rest.next() {
        match token.kind {
            Kind::Word => parts.push(token.text.to_ascii_lowercase()),
            Kind::Quoted => parts.push(unquoted(token.text, '"')),
            _ => break,
        }
        if !rest.next().is_some_and(|token| token.is_symbol(".")) {
            break;
        }
    }
    parts
}

/// The name of the multirange type that comes with a range type of this name, if the statement creates one: the server
/// composes it unless it is given (PostgreSQL manual, CREATE TYPE).
pub(super) fn multirange(tokens: &[Token<'_>], name: &str) -> Option<String> {
    let given = tokens.iter().position(|token| token.is("MULTIRANGE_TYPE_NAME"));
    if let Some(at) = given {
        return chain(tokens, at + 2).pop();
    }
    let is_range = (0..tokens.len()).any(|at| is_at(tokens, at, &["AS", "RANGE"]));
    is_range.then(|| match name.split_once("range") {
        Some((before, after)) => format!("{before}multirange{after}"),
        None => format!("{name}_multirange"),
    })
}

/// Whether a view is made of columns of NULL.
fn selects_null(tokens: &[Token<'_>]) -> bool {
    let query = tokens.iter().position(|token| token.is("SELECT"));
    let columns = query.and_then(|at| tokens.get(at + 1..)).unwrap_or_default();
    let is_null = |column: &&[Token<'_>]| column.first().is_some_and(|first| first.is("NULL"));
    !columns.iter().any(|token| token.is("FROM")) && elements(columns).iter().all(is_null)
}

/// Whether there are no statements but comments for this.
fn is_comment_only(words: &[&str]) -> bool {
    matches!(words, ["COLUMN" | "CONSTRAINT"])
}
