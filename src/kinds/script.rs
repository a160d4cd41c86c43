//! What all statements that are composed from the rules have in common.

use super::unmodelled::{KEPT_OPTIONS, KNOWN_OPTIONS};

/// Columns of the catalog that newer servers have: the version that introduced them, their placeholder
/// in the script, and the column.
const SINCE: [(i32, &str, &str); 3] = [
    (150_000, "/* confdelsetcols */ NULL::int2[]", "k.confdelsetcols"),
    (150_000, "/* indnullsnotdistinct */ false", "i.indnullsnotdistinct"),
    (180_000, "/* conperiod */ false", "k.conperiod"),
];

/// The script with the columns that a server of this version has, and the names of options.
#[must_use]
pub fn for_version(script: &str, version_number: i32) -> String {
    let known = SINCE.iter().filter(|(since, ..)| version_number >= *since);
    let names = |names: &[&str]| format!("'{{{}}}'::text[]", names.join(","));
    known
        .fold(script.to_owned(), |script, (_, default, column)| script.replace(default, column))
        .replace(":kept_options", &names(&KEPT_OPTIONS))
        .replace(":known_options", &names(&KNOWN_OPTIONS))
}

/// A script without comments and indentation: the server parses it again for each tenant.
#[must_use]
pub fn stripped(sql: &str) -> String {
    let lines = sql.lines().map(str::trim_start).filter(|line| !line.starts_with("--"));
    lines.map(|line| format!("{line}\n")).collect()
}
