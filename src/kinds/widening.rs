//! Types whose values are values of another type as they are stored, so that a column can become one of that type without
//! its table being written again (PostgreSQL manual, ALTER TABLE, notes; the support functions of the length coercions in
//! `varchar.c`, `numeric.c`, `timestamp.c` and `varbit.c`).

use super::alteration::Alteration;

/// Whether a column's type only becomes wider.
pub(super) fn is_widening(alteration: &Alteration<'_>) -> bool {
    let types =
        [alteration.live, alteration.desired].map(|fact| fact.text("type").unwrap_or_default());
    let [from, to] = types;
    !alteration.differs("collation") && is_wider(from, to)
}

/// Whether `to` is as `from`, or wider; both in the server's words.
fn is_wider(from: &str, to: &str) -> bool {
    let ((from, from_limit), (to, to_limit)) = (type_parts(from), type_parts(to));
    let is_same = from == to;
    match (from.as_str(), to.as_str()) {
        ("cidr", "inet") | ("character varying", "text") => true,
        ("text", "character varying") => to_limit.is_empty(),
        ("numeric", _) if is_same => match (from_limit.as_slice(), to_limit.as_slice()) {
            (_, []) => true,
            ([precision, scale], [wider, same]) => wider >= precision && same == scale,
            _ => false,
        },
        (
            "character varying"
            | "bit varying"
            | "timestamp without time zone"
            | "timestamp with time zone"
            | "time without time zone"
            | "time with time zone",
            _,
        ) if is_same => match (from_limit.as_slice(), to_limit.as_slice()) {
            (_, []) => true,
            ([limit], [wider]) => wider >= limit,
            _ => false,
        },
        _ => false,
    }
}

/// A type without the numbers in its parentheses, and these.
#[must_use]
pub fn type_parts(text: &str) -> (String, Vec<u32>) {
    let Some((before, rest)) = text.split_once('(') else { return (text.to_owned(), Vec::new()) };
    let Some((numbers, after)) = rest.split_once(')') else { return (text.to_owned(), Vec::new()) };
    let numbers = numbers.split(',').map(|number| number.trim().parse::<u32>());
    match numbers.collect() {
        Ok(numbers) => (format!("{before}{after}"), numbers),
        Err(_) => (text.to_owned(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::is_wider;

    #[test]
    fn types_that_are_stored_alike_are_known() {
        for (from, to) in [
            ("character varying(10)", "character varying(20)"),
            ("character varying(10)", "character varying"),
            ("character varying(10)", "text"),
            ("character varying", "text"),
            ("text", "character varying"),
            ("numeric(5,2)", "numeric(7,2)"),
            ("numeric(5,2)", "numeric"),
            ("timestamp(3) without time zone", "timestamp without time zone"),
            ("timestamp(3) with time zone", "timestamp(6) with time zone"),
            ("bit varying(3)", "bit varying(4)"),
            ("cidr", "inet"),
        ] {
            assert!(is_wider(from, to), "{from} {to}");
        }
        for (from, to) in [
            ("character varying(20)", "character varying(10)"),
            ("text", "character varying(10)"),
            ("character(10)", "text"),
            ("numeric(5,2)", "numeric(5,3)"),
            ("numeric(7,2)", "numeric(5,2)"),
            ("numeric", "numeric(5,2)"),
            ("timestamp without time zone", "timestamp(3) without time zone"),
            ("timestamp(3) without time zone", "timestamp(3) with time zone"),
            ("integer", "bigint"),
            ("inet", "cidr"),
            ("character varying(10)[]", "character varying(20)[]"),
            ("character varying(10)", "\"character varying\""),
        ] {
            assert!(!is_wider(from, to), "{from} {to}");
        }
    }
}
