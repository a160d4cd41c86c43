//! The tables outside of the tenants' schemas that foreign keys point to.

use super::answers::column;
use super::error::PgError;
use super::session::Session;
use crate::manifest::Manifest;
use crate::name::Text;

/// What is known of them, as `"schema"."table"`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Externals {
    /// Those that do not exist.
    pub missing: Vec<String>,
    /// On a server with Citus, those that are not reference tables.
    pub local: Vec<String>,
}

/// Looks up the tables that `manifest` names, within the current transaction.
pub(super) async fn externals(
    session: &mut Session,
    manifest: &Manifest,
) -> Result<Externals, PgError> {
    let mut externals = Externals::default();
    for name in manifest.external_tables() {
        let doing = format!("looking for table {name}");
        let literal = Text::new(name.clone()).map(|text| text.literal()).unwrap_or_default();
        let is_local = if session.server.distributes_schemas.is_some() {
            format!(
                "NOT EXISTS (SELECT FROM pg_dist_partition p WHERE p.logicalrelid = \
                 to_regclass({literal}) AND p.partmethod = 'n' AND p.repmodel = 't')"
            )
        } else {
            "false".to_owned()
        };
        let sql = format!(
            "SELECT (to_regclass({literal}) IS NOT NULL)::text AS found, ({is_local})::text AS local"
        );
        let answers = session.run(&doing, &sql).await?;
        for row in answers.iter().flatten() {
            if column::<&str>(row, "found", &doing)? == "false" {
                externals.missing.push(name.clone());
            } else if column::<&str>(row, "local", &doing)? == "true" {
                externals.local.push(name.clone());
            }
        }
    }
    Ok(externals)
}
