//! What keeps others from interfering with a tenant's transaction, and what is in its way.

use super::Transaction;
use crate::locks::Locks;
use crate::name::Ident;
use crate::obstacle::Obstacle;
use crate::pg::error::PgError;
use crate::pg::fingerprint::SchemaDigest;
use crate::pg::introspect::IntrospectError;
use crate::pg::untrusted::{self, Asked};
use crate::pg::{pin, state};

impl Transaction<'_> {
    /// Whose the tenant's record is, unless its owner is trusted.
    #[must_use]
    pub fn foreign_record_owner(&self) -> Option<&Ident> {
        self.record()?.foreign_owner()
    }

    /// Takes the locks of a plan and of its record, so that nobody can change any more what its
    /// statements run, and looks again if there can be anything of the kind. Tells what is in the way beside
    /// [`Transaction::obstacles`], which are then to be asked for again; `None`: the schema has changed
    /// meanwhile, and another plan is to be made.
    ///
    /// # Errors
    /// As [`Transaction::lock`].
    pub async fn secure(
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

    /// Whether somebody who is not trusted could change the schema or something in it.
    pub(super) fn is_open(&self) -> bool {
        self.digest.as_ref().is_some_and(|digest| digest.is_open)
    }

    /// Whether a table is kept as it is while it is read, as far as it needs to be.
    pub(super) fn keeps(&self, table: &str) -> bool {
        !self.is_open() || self.pins.keeps(table)
    }

    /// Whether there can be code of somebody who is not trusted on the schema's tables.
    fn is_exposed(&self) -> bool {
        self.digest.as_ref().is_some_and(|digest| digest.is_open || digest.has_strangers)
    }

    /// Whether no code of others can be involved in what is done to the schema: a look at what is touched
    /// tells enough of another one like it.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.digest.as_ref().is_some_and(SchemaDigest::is_plain) && !self.session.server.citus
    }

    /// Whether the record can be read: it is kept as it is meanwhile, as far as somebody could change it.
    #[must_use]
    pub fn can_read_record(&self) -> bool {
        self.record().is_none() || self.keeps(state::TABLE)
    }

    /// What is in the way of statements on the schema: what they could run that nobody who is trusted
    /// answers for, and what the role may not do.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn obstacles(&mut self, asked: &Asked<'_>) -> Result<Vec<Obstacle>, PgError> {
        if self.digest.is_none() {
            return Ok(Vec::new());
        }
        let mut found: Vec<Obstacle> = self.pins.obstacles(&self.session.server.role).collect();
        if self.is_exposed() {
            let mut untrusted = untrusted::untrusted(self.session, &[self.schema], asked).await?;
            found.extend(untrusted.remove(self.schema).unwrap_or_default());
        }
        Ok(found)
    }
}
