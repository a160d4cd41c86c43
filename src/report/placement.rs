//! Where Citus keeps tenants, for people.

use super::style::{CHANGED, STRONG, printable, styled};
use crate::name::{SchemaName, Text};
use crate::pg::Placement;

/// A line about one tenant; empty where there is nothing to report.
pub(super) fn line(schema: &SchemaName, placement: Option<&Placement>) -> String {
    match placement {
        Some(Placement::Undistributed) => {
            let name = Text::new(schema.quoted()).map(|text| text.literal()).unwrap_or_default();
            let line = format!(
                "Schema {schema} is not distributed: it was made while \
                 citus.enable_schema_based_sharding was off. To distribute it, run \
                 SELECT citus_schema_distribute({name})."
            );
            format!("{}\n", styled(CHANGED, &line))
        }
        Some(Placement::Worker(_) | Placement::Undecided) | None => String::new(),
    }
}

/// A section about tenants that are not distributed and should be; empty without any. `names` are
/// theirs, as displayed.
pub(super) fn section(count: usize, names: &str) -> String {
    if count == 0 {
        return String::new();
    }
    let are = if count == 1 { "tenant is" } else { "tenants are" };
    format!(
        "\n{}\n  {}\n  to distribute one, run SELECT citus_schema_distribute('its schema')\n",
        styled(STRONG, &format!("{count} {are} {}", in_words())),
        styled(CHANGED, &printable(names)),
    )
}

/// What is reported of such tenants.
pub(super) fn in_words() -> &'static str {
    "not distributed, although citus.enable_schema_based_sharding is on"
}
