//! The settings of the server that the tool does not leave to roles and databases: one list for its own
//! transactions and for the scripts that it writes.

use crate::name::Text;

/// These decide what a statement means, what it creates, and how the server prints values and expressions.
/// Every supported server knows them.
const OF_STATEMENTS: [(&str, &str); 17] = [
    // Nothing but the server's own objects is found by an unqualified name; temporary ones come
    // last.
    ("search_path", "pg_catalog, pg_temp"),
    ("standard_conforming_strings", "on"),
    ("transform_null_equals", "off"),
    ("row_security", "off"),
    ("default_tablespace", ""),
    ("default_table_access_method", "heap"),
    ("quote_all_identifiers", "off"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
    ("xmloption", "content"),
    ("lc_monetary", "C"),
    ("array_nulls", "on"),
    // A body may name what is created after it; bodies are checked where the manifest is elaborated.
    ("check_function_bodies", "off"),
    ("client_min_messages", "warning"),
];

/// It was introduced by the minor releases of August 2024 (CVE-2024-7348) and keeps the server from
/// running what a hostile view with a managed table's name would call.
const GUARD: (&str, &str) = ("restrict_nonsystem_relation_kind", "view, foreign-table");

/// How the tool's own sessions are planned, guarded and ended; some servers do not know all of
/// them.
const OF_SESSIONS: [(&str, &str); 6] = [
    GUARD,
    // Otherwise the planner would compute check constraints of constants, whose functions a table's
    // owner has chosen, for a mere SELECT.
    ("constraint_exclusion", "partition"),
    ("jit", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    // How long an idle transaction may hold its locks.
    ("idle_in_transaction_session_timeout", "1min"),
    ("transaction_timeout", "0"),
];

/// Name and value of all settings of the tool's own transactions.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    OF_STATEMENTS.into_iter().chain(OF_SESSIONS)
}

/// `SET LOCAL` for each setting that decides what statements mean and create, one per line.
#[must_use]
pub fn set_local() -> String {
    // A list in one literal would be a list with one element.
    let elements = |value: &str| {
        let literals = value.split(", ").filter_map(|element| Text::new(element).ok());
        literals.map(|text| text.literal()).collect::<Vec<_>>().join(", ")
    };
    OF_STATEMENTS
        .into_iter()
        .map(|(name, value)| format!("SET LOCAL {name} = {};\n", elements(value)))
        .collect()
}

/// Statements that let the transaction read views, and that forbid it again, if the server knows how to.
#[must_use]
pub fn guarding_views() -> [String; 2] {
    let (name, guarded) = GUARD;
    ["", guarded].map(|value| {
        format!(
            "SELECT pg_catalog.set_config(name, '{value}', true) FROM pg_catalog.pg_settings \
             WHERE name = '{name}'"
        )
    })
}

/// An expression: the OIDs of the roles that are trusted without being named, which are superusers and
/// the role of the session.
pub const TRUSTED_ROLES: &str = "ARRAY(SELECT r.oid FROM pg_roles r \
     WHERE r.rolsuper OR r.rolname IN (current_user, session_user))";
