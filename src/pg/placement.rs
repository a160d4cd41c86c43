//! Where Citus places the schemas of tenants: with `citus.enable_schema_based_sharding`, all tables of
//! a schema are on one worker.

use std::collections::HashMap;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::answers::{array, column};
use super::error::PgError;
use super::session::{ServerInfo, Session};
use crate::name::SchemaName;

/// Where a schema is on a server that distributes schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// It is distributed, and its tables are on this worker: `host:port`.
    Worker(String),
    /// It is distributed, and has no tables yet.
    Undecided,
    /// It is not distributed, although new schemas are: it was created before they were.
    Undistributed,
}

/// As keys of the object that it belongs to: `worker`, or `undistributed`.
impl Serialize for Placement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Worker(worker) => map.serialize_entry("worker", worker)?,
            Self::Undecided => {}
            Self::Undistributed => map.serialize_entry("undistributed", &true)?,
        }
        map.end()
    }
}

impl Placement {
    /// The worker that the tables are on, as `host:port`.
    #[must_use]
    pub fn worker(&self) -> Option<&str> {
        match self {
            Self::Worker(worker) => Some(worker),
            Self::Undecided | Self::Undistributed => None,
        }
    }
}

const DOING: &str = "reading where schemas are placed";

/// The placement of each of `schemas`, within the current transaction, by one query. Not in the result is what
/// does not exist, nor what is on the server itself because new schemas are, too.
pub(super) async fn placements(
    session: &mut Session,
    schemas: &[&SchemaName],
) -> Result<HashMap<SchemaName, Placement>, PgError> {
    let Some(distributes_new) = session.server.distributes_schemas else {
        return Ok(HashMap::new());
    };
    // All tables of a schema are on the same worker, so any of them determines it.
    let sql = format!(
        "SELECT n.nspname::text AS schema, (s.schemaid IS NOT NULL)::text AS is_distributed, \
         w.worker FROM pg_namespace n \
         LEFT JOIN pg_dist_schema s ON s.schemaid = n.oid \
         LEFT JOIN LATERAL (\
         SELECT d.nodename || ':' || d.nodeport AS worker FROM pg_dist_partition p \
         JOIN pg_dist_shard h ON h.logicalrelid = p.logicalrelid \
         JOIN pg_dist_placement l ON l.shardid = h.shardid \
         JOIN pg_dist_node d ON d.groupid = l.groupid AND d.noderole = 'primary' \
         WHERE p.colocationid = s.colocationid LIMIT 1) w ON true \
         WHERE n.nspname = ANY ({});\n",
        array("name", schemas.iter().map(|schema| schema.as_str()))
    );
    let answers = session.run(DOING, &sql).await?;
    let mut placements = HashMap::new();
    for row in answers.iter().flatten() {
        let name: &str = column(row, "schema", DOING)?;
        let is_distributed = column::<&str>(row, "is_distributed", DOING)? == "true";
        let worker: Option<String> = column(row, "worker", DOING)?;
        let placement = match (is_distributed, worker) {
            (true, Some(worker)) => Placement::Worker(worker),
            (true, None) => Placement::Undecided,
            (false, _) if distributes_new => Placement::Undistributed,
            (false, _) => continue,
        };
        if let Some(schema) = schemas.iter().find(|schema| schema.as_str() == name) {
            placements.insert((*schema).clone(), placement);
        }
    }
    Ok(placements)
}

/// Whether the tables of a schema with this placement are distributed, or will be when it is created.
pub(super) fn is_distributed(
    server: &ServerInfo,
    exists: bool,
    placement: Option<&Placement>,
) -> bool {
    match placement {
        Some(Placement::Worker(_) | Placement::Undecided) => true,
        Some(Placement::Undistributed) => false,
        None => !exists && server.distributes_schemas == Some(true),
    }
}
