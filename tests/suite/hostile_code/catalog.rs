//! The table of hooks is complete: each column of the server's catalog that can refer to a function
//! or hold an expression has a row, or stands here with the reason why it needs none.

use std::collections::BTreeSet;

use super::hooks::{ALONE, all};
use crate::support::{Database, server_major};

const SUPERUSER: &str = "only a superuser can make one, and chooses its functions";
const INTERNAL: &str =
    "its functions take or return what only C knows, and only a superuser makes functions in C";

/// Columns without a hook, the first major version that has them, and why.
const EXEMPT: &[(&str, u32, &str)] = &[
    ("pg_aggregate.aggdeserialfn", 14, INTERNAL),
    ("pg_aggregate.aggserialfn", 14, INTERNAL),
    ("pg_am.amhandler", 14, SUPERUSER),
    ("pg_conversion.conproc", 14, INTERNAL),
    ("pg_foreign_data_wrapper.fdwhandler", 14, SUPERUSER),
    ("pg_foreign_data_wrapper.fdwvalidator", 14, SUPERUSER),
    ("pg_language.laninline", 14, SUPERUSER),
    ("pg_language.lanplcallfoid", 14, SUPERUSER),
    ("pg_language.lanvalidator", 14, SUPERUSER),
    ("pg_operator.oprjoin", 14, INTERNAL),
    ("pg_operator.oprrest", 14, INTERNAL),
    ("pg_proc.prosupport", 14, SUPERUSER),
    (
        "pg_publication_rel.prqual",
        15,
        "the server takes its own immutable functions only, and the sender of logical replication \
         runs them, never a statement",
    ),
    ("pg_range.rngcanonical", 14, INTERNAL),
    ("pg_transform.trffromsql", 14, INTERNAL),
    ("pg_transform.trftosql", 14, INTERNAL),
    ("pg_ts_parser.prsend", 14, SUPERUSER),
    ("pg_ts_parser.prsheadline", 14, SUPERUSER),
    ("pg_ts_parser.prslextype", 14, SUPERUSER),
    ("pg_ts_parser.prsstart", 14, SUPERUSER),
    ("pg_ts_parser.prstoken", 14, SUPERUSER),
    ("pg_ts_template.tmplinit", 14, SUPERUSER),
    ("pg_ts_template.tmpllexize", 14, SUPERUSER),
    ("pg_type.typanalyze", 14, SUPERUSER),
    ("pg_type.typinput", 14, SUPERUSER),
    ("pg_type.typmodin", 14, SUPERUSER),
    ("pg_type.typmodout", 14, SUPERUSER),
    ("pg_type.typoutput", 14, SUPERUSER),
    ("pg_type.typreceive", 14, SUPERUSER),
    ("pg_type.typsend", 14, SUPERUSER),
    ("pg_type.typsubscript", 14, SUPERUSER),
];

#[tokio::test]
async fn each_column_that_can_refer_to_a_function_has_a_hook() {
    let database = Database::new().await;
    let columns = database
        .ask(
            "SELECT string_agg(format('%s.%s', c.relname, q.name), ' ') FROM (\
             SELECT fktable, unnest(fkcols) FROM pg_get_catalog_foreign_keys() \
             WHERE pktable = 'pg_proc'::regclass \
             UNION SELECT attrelid, attname FROM pg_attribute \
             WHERE atttypid = 'pg_node_tree'::regtype AND attrelid < 16384 \
             ) AS q (relation, name) JOIN pg_class c ON c.oid = q.relation WHERE c.relkind = 'r'",
        )
        .await;
    let columns: BTreeSet<&str> = columns.split(' ').collect();
    let hooks = all().into_iter().chain(ALONE.iter().filter(|hook| hook.is_offered()));
    let covered: BTreeSet<&str> = hooks.flat_map(|hook| hook.covers).copied().collect();
    let exempt = EXEMPT.iter().filter(|(_, since, _)| *since <= server_major());
    let exempt: BTreeSet<&str> = exempt.map(|(column, ..)| *column).collect();
    let known: BTreeSet<&str> = covered.union(&exempt).copied().collect();
    let difference = |a: &BTreeSet<&str>, b: &BTreeSet<&str>| {
        a.difference(b).map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(difference(&columns, &known), [""; 0], "neither a hook nor a reason");
    assert_eq!(difference(&known, &columns), [""; 0], "the server has no such column");
    assert!(covered.is_disjoint(&exempt), "{:?}", covered.intersection(&exempt));
}
