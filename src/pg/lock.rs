//! One runner per tenant: a transaction-scoped advisory lock on the schema's name, which also
//! works behind a pooler in transaction mode and before the schema exists.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::connect::Target;
use super::error::PgError;
use super::introspect::Sections;
use super::session::{Access, Limits, Session, begin};
use crate::checksum;
use crate::name::{SchemaName, Text, printable};

/// Waits for the lock, as long as the transaction's `lock_timeout` allows.
pub(super) fn script(schema: &SchemaName) -> String {
    format!("SELECT pg_advisory_xact_lock({})::text;\n", key(schema))
}

/// The same, but only if there is no such schema: to create it takes the lock, while an existing one
/// may be read first.
pub(super) fn if_absent_script(schema: &SchemaName) -> String {
    format!(
        "SELECT pg_advisory_xact_lock({})::text WHERE NOT EXISTS \
         (SELECT FROM pg_namespace n WHERE n.nspname = {});\n",
        key(schema),
        Text::from(schema.ident()).literal()
    )
}

fn key(schema: &SchemaName) -> i64 {
    checksum::of("lock", schema).as_i64()
}

/// A session that holds a lock that was waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: i32,
    pub user: Option<String>,
    pub application: Option<String>,
    pub address: Option<String>,
    /// Age of its transaction.
    pub seconds: Option<i64>,
    /// The tenant's lock, or the relation.
    pub holds: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.pid)?;
        if let Some(user) = &self.user {
            write!(f, ", user {user:?}")?;
        }
        if let Some(application) = self.application.as_deref().filter(|name| !name.is_empty()) {
            write!(f, ", application {application:?}")?;
        }
        if let Some(address) = &self.address {
            write!(f, ", from {address}")?;
        }
        if let Some(seconds) = self.seconds {
            write!(f, ", for {seconds} s")?;
        }
        write!(f, ", holds {}", printable(&self.holds))
    }
}

/// The sessions that hold the tenant's lock or locks on its relations right now; queried on a separate
/// connection, since the one that waited is in a failed transaction.
///
/// # Errors
/// When the query fails.
pub async fn holders(target: &Target, schema: &SchemaName) -> Result<Vec<Holder>, PgError> {
    let mut session = Session::open(target).await?;
    let key = key(schema).cast_unsigned();
    let script = format!(
        "{}SELECT 'holders' AS section, coalesce(json_agg(r), '[]')::text AS rows FROM (\
         SELECT a.pid, a.usename AS user, a.application_name AS application, \
         host(a.client_addr) AS address, \
         extract(epoch FROM now() - a.xact_start)::bigint AS seconds, \
         string_agg(DISTINCT CASE WHEN l.locktype = 'advisory' THEN 'the tenant''s lock' \
         ELSE l.mode || ' on ' || coalesce(c.relname, l.locktype) END, ', ') AS holds \
         FROM pg_locks l \
         JOIN pg_database d ON d.oid = l.database AND d.datname = current_database() \
         JOIN pg_stat_activity a ON a.pid = l.pid \
         LEFT JOIN pg_class c ON c.oid = l.relation \
         WHERE l.granted AND l.pid <> pg_backend_pid() AND (\
         l.locktype = 'advisory' AND l.classid = {} AND l.objid = {} AND l.objsubid = 1 \
         OR l.locktype = 'relation' AND c.relnamespace = \
         (SELECT n.oid FROM pg_namespace n WHERE n.nspname = {})) \
         GROUP BY 1, 2, 3, 4, 5 ORDER BY 5 DESC NULLS LAST LIMIT 5) r;\nROLLBACK;",
        begin(Access::Read, Limits::default()),
        key >> 32,
        key & u64::from(u32::MAX),
        Text::from(schema.ident()).literal(),
    );
    let answers = session.run("checking who holds the lock", &script).await?;
    let holders = Sections::new(schema, &answers).get("holders")?;
    session.close().await;
    Ok(holders)
}
