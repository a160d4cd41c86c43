//! Protects a tenant's transaction from interference, and finds the obstacles to its statements.

use super::Transaction;
use crate::locks::Locks;
use crate::name::Ident;
use crate::obstacle::Obstacle;
use crate::pg::dependents::dependents;
use crate::pg::error::PgError;
use crate::pg::introspect::IntrospectError;
use crate::pg::untrusted::{self, UntrustedQuery};
use crate::pg::{pin, state};

impl Transaction<'_> {
    /// The owner of the tenant's record, if untrusted.
    #[must_use]
    pub fn foreign_record_owner(&self) -> Option<&Ident> {
        self.record()?.foreign_owner()
    }

    /// Takes the locks of a plan and of its record, so that nobody can any longer change what its
    /// statements run, and digests the schema again if there can be any such code. Returns the obstacles beside
    /// [`Transaction::obstacles`], which must then be queried again; `None`: the schema has changed
    /// meanwhile, and a new plan is needed.
    ///
    /// # Errors
    /// As [`Transaction::lock`].
    pub async fn lock_plan(
        &mut self,
        locks: &Locks,
    ) -> Result<Option<Vec<Obstacle>>, IntrospectError> {
        let Some(before) = self.digest.as_ref().map(|digest| digest.fingerprint) else {
            return Ok(Some(Vec::new()));
        };
        let doing = format!("locking tables of schema {}", self.schema);
        let script = self.pins.plan_script(self.schema, locks, self.record().is_some());
        let has_strangers = untrusted::has_strangers(self.session, &doing, &script).await?;
        if !has_strangers && !self.is_exposed() {
            return Ok(Some(Vec::new()));
        }
        let tables: Vec<&str> = locks.tables.keys().map(Ident::as_str).collect();
        let query = pin::targets_query(self.session, self.schema, &tables, &locks.externals);
        let answers = self.session.run(&doing, &query).await?;
        let targets = pin::targets(self.session, &answers)?;
        let script = pin::Target::script(&targets);
        if !script.is_empty() {
            self.session.run(&doing, &script).await?;
        }
        self.digest(&doing, String::new()).await?;
        if self.digest.as_ref().is_none_or(|digest| digest.fingerprint != before) {
            return Ok(None);
        }
        self.lock().await?;
        Ok(Some(targets.into_iter().filter_map(pin::Target::into_obstacle).collect()))
    }

    /// Whether an untrusted role could change the schema or something in it.
    pub(super) fn is_open(&self) -> bool {
        self.digest.as_ref().is_some_and(|digest| digest.checks.is_open)
    }

    /// Whether a table stays as it is while it is read, since it needs no lock or is locked.
    pub(super) fn keeps(&self, table: &str) -> bool {
        !self.is_open() || self.pins.keeps(table)
    }

    /// Whether no code of others can be involved in what is done to the schema: then, for another schema like
    /// it, digesting what is touched is enough.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.digest.as_ref().is_some_and(|digest| digest.checks.is_plain())
            && !self.session.server.citus
    }

    /// Whether the record can be read: no untrusted role can change it meanwhile, or it is locked.
    #[must_use]
    pub fn can_read_record(&self) -> bool {
        self.record().is_none() || self.keeps(state::TABLE)
    }

    /// What is in the way of statements on the schema: code of untrusted owners that they could run, and
    /// what the role may not do.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn obstacles(
        &mut self,
        query: &UntrustedQuery<'_>,
    ) -> Result<Vec<Obstacle>, PgError> {
        if self.digest.is_none() {
            return Ok(Vec::new());
        }
        let mut found: Vec<Obstacle> = self.pins.obstacles(&self.session.server.role).collect();
        if self.is_exposed() {
            let mut untrusted = untrusted::untrusted(self.session, &[self.schema], query).await?;
            found.extend(untrusted.remove(self.schema).unwrap_or_default());
        }
        if query.drops {
            let mut dependents = dependents(self.session, &[self.schema]).await?;
            found.extend(dependents.remove(self.schema).unwrap_or_default());
        }
        Ok(found)
    }
}
