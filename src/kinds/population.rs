//! Whether a materialized view has been filled.

use super::creation::{Creation, Guard};
use super::rules::{Needs, Rules, whole_of};
use crate::name::{SchemaName, dollar_quoted, literal};
use crate::settings;

pub(super) static RULES: Rules = Rules {
    needs: Needs::MaterializedViews,
    // The address is that of no other object.
    source: "c.tableoid::int8, c.oid::int8, -1, c.relname, c.relname, c.oid::int8, :attributes \
             FROM path CROSS JOIN pg_class c \
             WHERE c.oid = ANY (:materialized_views) AND c.relispopulated",
    create,
    ..Rules::NONE
};

/// A session that the tool guards against views has to be let read them; see [`settings`].
fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let name = whole_of(&creation.object, schema);
    let there = format!(
        "(SELECT relispopulated FROM pg_catalog.pg_class \
         WHERE oid = {}::pg_catalog.regclass)",
        literal(&name)
    );
    let refresh = format!("REFRESH MATERIALIZED VIEW {name}");
    match guard {
        Guard::IfNotExists => guard.unless(&there, &refresh),
        Guard::Exclusive => {
            let [off, on] = settings::guarding_views().map(|sql| sql.replace("SELECT", "PERFORM"));
            let body = format!("\nBEGIN\n    {off};\n    {refresh};\n    {on};\nEND\n");
            format!("DO {}", dollar_quoted(&body, "provision"))
        }
    }
}
