//! What becomes of the values in a column that gets another type.

use crate::kinds::{self, Alteration};

/// What becomes of the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Conversion {
    /// Each is written again.
    pub(super) rewrites: bool,
    /// One may have no counterpart in the new type.
    pub(super) can_fail: bool,
    /// One may become another, such as a rounded number.
    pub(super) loses_data: bool,
}

const IN_PLACE: Conversion = Conversion { rewrites: false, can_fail: false, loses_data: false };
const EXACT: Conversion = Conversion { rewrites: true, ..IN_PLACE };
const CHECKED: Conversion = Conversion { can_fail: true, ..EXACT };
const ANY: Conversion = Conversion { loses_data: true, ..CHECKED };

/// Between these types, by name without length, every value is kept.
const ALL_KEPT: [(&str, &str); 13] = [
    ("smallint", "integer"),
    ("smallint", "bigint"),
    ("smallint", "numeric"),
    ("smallint", "real"),
    ("smallint", "double precision"),
    ("integer", "bigint"),
    ("integer", "numeric"),
    ("integer", "double precision"),
    ("bigint", "numeric"),
    ("real", "double precision"),
    ("date", "timestamp without time zone"),
    ("date", "timestamp with time zone"),
    ("jsonb", "json"),
];

/// Between these types a value is kept, or refused.
const KEPT_OR_REFUSED: [(&str, &str); 3] =
    [("bigint", "integer"), ("bigint", "smallint"), ("integer", "smallint")];

/// In the time zone UTC, in which the tool works, these are stored alike.
const STORED_ALIKE: [(&str, &str); 2] = [
    ("timestamp without time zone", "timestamp with time zone"),
    ("timestamp with time zone", "timestamp without time zone"),
];

/// Of a change of a column's type or collation.
pub(super) fn of(alteration: &Alteration<'_>) -> Conversion {
    if alteration.using.is_some() {
        return ANY;
    }
    if is_collated(alteration) || !kinds::rewrites(alteration) {
        return IN_PLACE;
    }
    let text = |key: &str| alteration.live.text(key).zip(alteration.desired.text(key));
    text("type").map_or(ANY, |(from, to)| between(from, to))
}

/// Whether only the collation changes.
fn is_collated(alteration: &Alteration<'_>) -> bool {
    alteration.differs("collation") && !alteration.differs("type")
}

/// Whether values are compared otherwise afterwards, so that all indexes on them are built again although the values stay.
pub(super) fn is_reordered(alteration: &Alteration<'_>) -> bool {
    let name = |text: Option<&str>| kinds::type_parts(text.unwrap_or_default()).0;
    let (from, to) = (alteration.live.text("type"), alteration.desired.text("type"));
    let (from, to) = (name(from), name(to));
    alteration.differs("collation") || STORED_ALIKE.contains(&(from.as_str(), to.as_str()))
}

/// From one type to another, both in the server's words, where values are written again unless they are known to be stored alike.
fn between(from: &str, to: &str) -> Conversion {
    let ((from, from_limit), (to, to_limit)) = (kinds::type_parts(from), kinds::type_parts(to));
    let pair = (from.as_str(), to.as_str());
    let is_unlimited = to_limit.is_empty();
    match pair {
        pair if STORED_ALIKE.contains(&pair) && is_unlimited => IN_PLACE,
        pair if STORED_ALIKE.contains(&pair) && from_limit == to_limit => EXACT,
        pair if ALL_KEPT.contains(&pair) && is_unlimited => EXACT,
        (_, "text" | "character varying") if is_unlimited => EXACT,
        ("text" | "character varying" | "character", "character varying" | "character") => CHECKED,
        // Fewer digits before the point are refused, fewer after it are rounded.
        ("numeric", "numeric") => match (from_limit.as_slice(), to_limit.as_slice()) {
            ([_, scale], [_, kept]) if kept >= scale => CHECKED,
            _ => ANY,
        },
        pair if KEPT_OR_REFUSED.contains(&pair) => CHECKED,
        _ => ANY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_of_values_is_known() {
        for (from, to, expected) in [
            ("integer", "bigint", EXACT),
            ("integer", "numeric(5,2)", ANY),
            ("bigint", "integer", CHECKED),
            ("integer", "text", EXACT),
            ("character(3)", "text", EXACT),
            ("text", "character varying(3)", CHECKED),
            ("character varying(9)", "character(9)", CHECKED),
            ("numeric(5,2)", "numeric(5,3)", CHECKED),
            ("numeric(5,2)", "numeric(4,1)", ANY),
            ("numeric", "numeric(4,1)", ANY),
            ("numeric(5,2)", "integer", ANY),
            ("timestamp(6) with time zone", "timestamp(3) with time zone", ANY),
            ("timestamp without time zone", "timestamp with time zone", IN_PLACE),
            ("timestamp(3) without time zone", "timestamp with time zone", IN_PLACE),
            ("timestamp(3) without time zone", "timestamp(3) with time zone", EXACT),
            ("timestamp without time zone", "timestamp(3) with time zone", ANY),
            ("date", "timestamp with time zone", EXACT),
            ("json", "jsonb", ANY),
            ("\"Integer\"", "bigint", ANY),
        ] {
            assert_eq!(between(from, to), expected, "{from} {to}");
        }
    }
}
