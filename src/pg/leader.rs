//! Which of several replicas works through the tenants. Correctness never depends on it: the
//! tenants' locks ensure that. It only saves work.
//!
//! The leader is the replica that holds a transaction-scoped advisory lock, in a transaction that does
//! nothing else. Behind a pooler in transaction mode it keeps its server connection; when the leader or its
//! connection dies, the server releases the lock; when its machine disappears silently, the server does so
//! after [`SILENCE`]. Such a transaction has no snapshot between its statements, so that it does not
//! hold back VACUUM.
//!
//! Whoever may connect to the database can take any advisory lock. Its key is derived from the
//! registry's query as well, which not everybody knows; but once a leader holds it, everybody can read
//! it in `pg_locks`. So a replica that does not get the lock checks who holds it: the role that a
//! session was opened as cannot be chosen freely, while everything else that it reports about itself can.

use std::time::Duration;

use super::answers::column;
use super::connect::Target;
use super::error::PgError;
use super::session::{Access, Limits, Session, begin};
use crate::checksum;
use crate::manifest::{Manifest, Registry};

/// How long the server may take to answer; afterwards it, or the connection to it, is considered dead.
const ANSWER: Duration = Duration::from_secs(10);

/// How often the leader sends a heartbeat.
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// A leader that sends none for this long loses the leadership: the server ends its session.
const SILENCE: Duration = Duration::from_secs(30);

/// How an election ended.
#[derive(Debug)]
pub enum Election {
    Won(Leadership),
    /// Another session leads, opened as the same role as this one or as a member of that role.
    Lost,
    /// No leader is found: other sessions hold the lock, as described, or held it a moment ago.
    Blocked(Vec<String>),
}

/// The leadership, for as long as this value is kept.
#[derive(Debug)]
pub struct Leadership {
    session: Session,
}

impl Leadership {
    /// Takes the leadership, unless another has it: replicas whose manifests name the same tenants in the
    /// same way compete.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn take(target: &Target, manifest: &Manifest) -> Result<Election, PgError> {
        let mut session = Session::open(target).await?;
        let doing = "checking who leads";
        let key = key(manifest);
        let script = format!(
            "{}SET LOCAL idle_in_transaction_session_timeout = {};\n\
             SELECT pg_try_advisory_xact_lock({key})::text AS leads;\n",
            begin(Access::Write, Limits::default()),
            SILENCE.as_millis()
        );
        let answers = session.run(doing, &script).await?;
        let leads = match answers.last().and_then(|rows| rows.first()) {
            Some(row) => column::<&str>(row, "leads", doing)? == "true",
            None => false,
        };
        if leads {
            return Ok(Election::Won(Self { session }));
        }
        let lost = who_leads(&mut session, key).await?;
        session.rollback().await?;
        session.close().await;
        Ok(lost)
    }

    /// Whether it still leads; to be checked at every [`HEARTBEAT`], or the leadership is lost.
    pub async fn holds(&mut self) -> bool {
        let answer = self.session.run("checking whether it still leads", "SELECT 1");
        matches!(tokio::time::timeout(ANSWER, answer).await, Ok(Ok(_)))
    }

    /// Releases the leadership.
    pub async fn release(mut self) {
        let released = async {
            let _ = self.session.rollback().await;
            self.session.close().await;
        };
        // Without an answer, closing the socket has to suffice.
        let _ = tokio::time::timeout(ANSWER, released).await;
    }
}

fn key(manifest: &Manifest) -> i64 {
    let tenants = &manifest.tenants;
    // A list is not part of it: replicas of which one has already read a longer list still compete.
    let query = match &tenants.registry {
        Some(Registry::Query(query)) => Some(query),
        None | Some(Registry::List(_) | Registry::Discovered) => None,
    };
    checksum::of("leader", &(tenants.schema.to_string(), query)).as_i64()
}

async fn who_leads(session: &mut Session, key: i64) -> Result<Election, PgError> {
    let doing = "checking who holds the leader's lock";
    // A prepared transaction no longer has a process; the lock on its own id identifies it.
    let bits = key.cast_unsigned();
    let script = format!(
        "SELECT l.pid::text AS pid, coalesce(a.usename, p.owner)::text AS role, \
         a.application_name AS application, p.gid AS prepared, \
         (l.mode = 'ExclusiveLock' AND coalesce(a.usename = session_user \
         OR pg_has_role(a.usesysid, current_user, 'MEMBER'), false))::text AS leads \
         FROM pg_locks l \
         JOIN pg_database d ON d.oid = l.database AND d.datname = current_database() \
         LEFT JOIN pg_stat_activity a ON a.pid = l.pid \
         LEFT JOIN pg_locks x ON l.pid IS NULL AND x.pid IS NULL \
         AND x.locktype = 'transactionid' AND x.virtualtransaction = l.virtualtransaction \
         LEFT JOIN pg_prepared_xacts p ON p.transaction = x.transactionid \
         WHERE l.granted AND l.locktype = 'advisory' \
         AND l.classid = {} AND l.objid = {} AND l.objsubid = 1 ORDER BY l.pid LIMIT 5",
        bits >> 32,
        bits & u64::from(u32::MAX),
    );
    let mut holders = Vec::new();
    for row in session.run(doing, &script).await?.iter().flatten() {
        if column::<&str>(row, "leads", doing)? == "true" {
            return Ok(Election::Lost);
        }
        let said = |name| column::<Option<&str>>(row, name, doing);
        let role = said("role")?.unwrap_or_default();
        holders.push(match (said("pid")?, said("prepared")?) {
            (Some(pid), _) => {
                let application = said("application")?.unwrap_or_default();
                format!("process {pid}, user {role:?}, application {application:?}")
            }
            (None, prepared) => {
                format!("prepared transaction {:?}, user {role:?}", prepared.unwrap_or_default())
            }
        });
    }
    Ok(Election::Blocked(holders))
}
