//! Reading a tenant within its transaction.

use std::sync::Arc;

use super::Transaction;
use crate::absent::Absent;
use crate::catalog::Catalog;
use crate::checksum::Checksum;
use crate::grants::Grant;
use crate::kinds::Reading;
use crate::manifest::Manifest;
use crate::obstacle::Reasons;
use crate::pg::error::PgError;
use crate::pg::externals::{Externals, externals};
use crate::pg::fingerprint::Shapes;
use crate::pg::grantcheck::{self, GrantCheck};
use crate::pg::introspect::{self, IntrospectError, Sections, introspect};
use crate::pg::placement::{Placement, is_distributed, placements};
use crate::pg::rowcheck::{self, RowCheck};
use crate::pg::session::query_error;
use crate::pg::state::{self, StateRow};
use crate::rows::{Columns, Declared};

/// How often a schema is read that is changed at the same time.
const READS: u32 = 5;

/// What was found of a tenant.
#[derive(Debug)]
pub struct Observed<'m> {
    /// `None`: there is no such schema.
    pub schema: Option<Arc<Catalog>>,
    /// Of the schema; `None` without one.
    pub fingerprint: Option<Checksum>,
    /// What is declared and was not found, beside facts.
    pub absent: Absent<'m>,
    /// Newest first.
    pub state: Vec<StateRow>,
}

impl Observed<'_> {
    /// The schema, with its fingerprint.
    #[must_use]
    pub fn identified(&self) -> (Option<Checksum>, Option<&Catalog>) {
        (self.fingerprint, self.schema.as_deref())
    }
}

impl Transaction<'_> {
    /// Reads the tenant: its schema, its declared rows, and `history` rows of its record, newest
    /// first. `shapes` are known models of this server. What is declared beside facts is not searched for while the
    /// schema has the fingerprint `rows_found`; rows of tables that are among the subjects of `avoid`
    /// are not read, and count as absent.
    ///
    /// # Errors
    /// When something cannot be read.
    pub async fn observe<'m>(
        &mut self,
        declared: Declared<'m>,
        shapes: &Shapes,
        history: u32,
        rows_found: Option<Checksum>,
        avoid: &Reasons,
    ) -> Result<Observed<'m>, IntrospectError> {
        for _ in 0..READS {
            let Some((schema, fingerprint)) = self.model(shapes).await? else {
                let rows = rowcheck::all(declared.manifest);
                // Whether the roles exist.
                let subject = [(self.tenant, self.schema)];
                let grants = grantcheck::absent(self.session, declared.grants, &subject).await?;
                let grants = grants.into_iter().flatten().collect();
                let (absent, state) = (rows.with(grants), Vec::new());
                return Ok(Observed { schema: None, fingerprint: None, absent, state });
            };
            let (state, absent) = if history == 0 && rows_found == Some(fingerprint) {
                (Vec::new(), Absent::default())
            } else if self.is_open() && self.pins.lacks(&self.tables.read, &schema) {
                // A table was created since the tables were listed, and is not locked.
                self.digest(&self.reading(), String::new()).await?;
                continue;
            } else {
                let columns = Columns::of_tenant(declared, Some(&schema));
                self.absent((&columns, declared.grants), Some(&schema), history, avoid).await?
            };
            let (schema, fingerprint) = (Some(schema), Some(fingerprint));
            return Ok(Observed { schema, fingerprint, absent, state });
        }
        Err(self.is_too_fast().into())
    }

    /// The newest row of the record if it is of the schema as it was last digested, and what is declared beside
    /// facts and absent. To be called only where no table is to be avoided, and nothing is changed.
    ///
    /// # Errors
    /// When something cannot be read.
    pub async fn recorded<'m>(
        &mut self,
        declared: Declared<'m>,
    ) -> Result<Option<(StateRow, Absent<'m>)>, IntrospectError> {
        let Some(digest) = self.digest.clone() else {
            return Ok(None);
        };
        let Some(record) = &digest.checks.record else {
            return Ok(None);
        };
        record.check_readable(self.schema, &self.session.server.role)?;
        if !self.tables.read.iter().all(|table| self.keeps(table)) {
            return Ok(None);
        }
        let answers =
            self.session.run(&self.reading(), &state::select_script(self.schema, 1)).await?;
        let state: Vec<StateRow> = Sections::new(self.schema, &answers).get("state")?;
        let Some(row) = state.into_iter().next() else {
            return Ok(None);
        };
        if row.has_fingerprint(digest.fingerprint) != Some(true) || digest.checks.has_hidden {
            return Ok(None);
        }
        let columns = Columns::as_declared(declared);
        let (_, absent) =
            self.absent((&columns, declared.grants), None, 0, &Reasons::new()).await?;
        Ok(Some((row, absent)))
    }

    /// The record's newest rows, and what is declared beside facts and absent; without `live`, everything that is
    /// declared is assumed to exist and to be readable.
    async fn absent<'m>(
        &mut self,
        (columns, grants): (&Columns<'m>, &'m [Grant]),
        live: Option<&Catalog>,
        history: u32,
        avoid: &Reasons,
    ) -> Result<(Vec<StateRow>, Absent<'m>), IntrospectError> {
        let mut script = String::new();
        if history > 0
            && self.keeps(state::TABLE)
            && let Some(record) = self.record()
        {
            record.check_readable(self.schema, &self.session.server.role)?;
            script.push_str(&state::select_script(self.schema, history));
        }
        let check = RowCheck::new(columns, self.schema, self.tenant, live, avoid);
        let before = usize::from(!script.is_empty());
        script.push_str(check.script());
        let subject = [(self.tenant, self.schema)];
        let privileges = GrantCheck::new(self.session, grants, &subject);
        script.push_str(&privileges.script());
        if script.is_empty() {
            return Ok((Vec::new(), check.found(&[])?.with(Vec::new())));
        }
        let answers = self.session.script(&script).await.map_err(|failed| {
            let doing = match failed.completed.checked_sub(before) {
                Some(at) => check.doing(at),
                None => self.reading(),
            };
            query_error(&doing, failed.cause)
        })?;
        let state = Sections::new(self.schema, &answers).get("state")?;
        let answers = answers.get(before..).unwrap_or_default();
        let absent = check.found(answers)?.with(privileges.of_one(answers)?);
        Ok((state, absent))
    }

    /// The model of the schema as it was last digested.
    pub(super) async fn model(
        &mut self,
        shapes: &Shapes,
    ) -> Result<Option<(Arc<Catalog>, Checksum)>, IntrospectError> {
        for _ in 0..READS {
            let Some(digest) = self.digest.clone() else {
                return Ok(None);
            };
            if digest.checks.has_hidden {
                introspect::check_visible(self.session, self.schema).await?;
            }
            if let Some(schema) = shapes.get(digest.fingerprint) {
                return Ok(Some((schema.schema, digest.fingerprint)));
            }
            let schema = match introspect(self.session, self.schema, Reading::Comparing).await {
                Ok(schema) => schema,
                // Its parts are read one after the other, and it is being changed.
                Err(PgError::Answer { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            // Only if the schema did not change while it was read, this is the model behind the fingerprint.
            let doing = self.reading();
            self.objects(&doing).await?;
            if let Some(now) = &mut self.digest
                && now.fingerprint == digest.fingerprint
            {
                let objects = now.objects.take().unwrap_or_default();
                let schema = shapes.insert(digest.fingerprint, schema, objects);
                return Ok(Some((schema, digest.fingerprint)));
            }
        }
        Err(self.is_too_fast().into())
    }

    fn is_too_fast(&self) -> PgError {
        let reason = "it changes faster than it can be read".to_owned();
        PgError::Answer { doing: self.reading(), reason }
    }

    fn reading(&self) -> String {
        format!("reading schema {}", self.schema)
    }

    /// Where Citus places the schema; `None` if there is none, or it is on the server itself and
    /// should be.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn placement(&mut self) -> Result<Option<Placement>, PgError> {
        Ok(placements(self.session, &[self.schema]).await?.remove(self.schema))
    }

    /// Whether the tables of a schema with this placement are distributed, or will be when it is
    /// created.
    #[must_use]
    pub fn is_distributed(&self, placement: Option<&Placement>) -> bool {
        is_distributed(&self.session.server, self.digest.is_some(), placement)
    }

    /// What is known of the tables outside of the tenants' schemas that foreign keys point to.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn externals(&mut self, manifest: &Manifest) -> Result<Externals, PgError> {
        externals(self.session, manifest).await
    }
}
