//! Which of several replicas works through the tenants. Being right never depends on it: the
//! tenants' locks see to that. It only saves work.
//!
//! The leader is who holds a transaction-scoped advisory lock, in a transaction that does nothing
//! else. Behind a pooler in transaction mode it keeps its server connection; when the leader or its
//! connection dies, the server lets go; when its machine vanishes without a word, so does the server
//! after [`SILENCE`]. Such a transaction has no snapshot between its statements, so that it does not
//! keep VACUUM from its work.
//!
//! Whoever may connect to the database can take any advisory lock. Its key is made from the
//! registry's query as well, which not everybody knows; but once a leader has it, everybody can read
//! it in `pg_locks`. So a replica that does not get the lock looks at who has it: the role that a
//! session was opened as cannot be chosen freely, while all else that it says of itself can.

use std::time::Duration;

use super::answers::column;
use super::connect::Target;
use super::error::PgError;
use super::session::{Access, Limits, Session, begin};
use crate::checksum;
use crate::manifest::{Manifest, Registry};

/// So long the server may take to answer; afterwards it, or the way to it, is taken to be dead.
const ANSWER: Duration = Duration::from_secs(10);

/// How often the leader gives a sign of life.
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// A leader that gives none for so long leads no more: the server ends its session.
const SILENCE: Duration = Duration::from_secs(30);

/// How an election ended.
#[derive(Debug)]
pub enum Election {
    Won(Leadership),
    /// A session leads that was opened as the same role as this one, or as one that may act as it.
    Lost,
    /// Nobody is seen to lead: other sessions hold the lock, as described, or had it a moment ago.
    Blocked(Vec<String>),
}

/// Being the leader, as long as it is kept.
#[derive(Debug)]
pub struct Leadership {
    session: Session,
}

impl Leadership {
    /// Leads, unless another does: replicas whose manifests name the same tenants in the same way
    /// compete.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn take(target: &Target, manifest: &Manifest) -> Result<Election, PgError> {
        let mut session = Session::open(target).await?;
        let doing = "asking who leads";
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

    /// Whether it still leads; to be asked at every [`HEARTBEAT`], or it does not.
    pub async fn holds(&mut self) -> bool {
        let asked = self.session.run("asking whether it still leads", "SELECT 1");
        matches!(tokio::time::timeout(ANSWER, asked).await, Ok(Ok(_)))
    }

    /// Lets another lead.
    pub async fn release(mut self) {
        let released = async {
            let _ = self.session.rollback().await;
            self.session.close().await;
        };
        // Without an answer, closing the socket has to do.
        let _ = tokio::time::timeout(ANSWER, released).await;
    }
}

fn key(manifest: &Manifest) -> i64 {
    let tenants = &manifest.tenants;
    // A list is not part of it: replicas that read a longer one first still compete.
    let query = match &tenants.registry {
        Some(Registry::Query(query)) => Some(query),
        None | Some(Registry::List(_) | Registry::Discovered) => None,
    };
    checksum::of("leader", &(tenants.schema.to_string(), query)).as_i64()
}

async fn who_leads(session: &mut Session, key: i64) -> Result<Election, PgError> {
    let doing = "asking who holds the leader's lock";
    // A prepared transaction has no process any more; its own id's lock tells which it is.
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
