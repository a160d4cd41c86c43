//! From two catalogs to ordered steps, and to a [`Plan`] that people review and the executor sends. Pure.
//!
//! A plan is complete: executing it makes no choice. The order of its steps is the order of
//! execution.

mod casts;
mod changed;
pub mod citus;
mod comparison;
mod consent;
mod difference;
mod drop_order;
mod estimate;
mod excepted;
pub mod hazards;
mod held;
mod locks;
mod mentions;
mod misfits;
mod needs;
mod preconditions;
mod removal;
mod removed;
mod renaming;
mod row_conflicts;
mod row_needs;
mod row_order;
mod row_search;
mod row_source;
mod row_steps;
mod row_values;
mod scene;
mod schedule;
mod step;
mod structure;
#[cfg(test)]
mod tests;
mod touched;
mod type_limits;
mod unreadable;
mod untouched;

use serde::{Deserialize, Serialize};

pub use difference::{Difference, difference};
pub use estimate::{KnownSize, estimate, tables_locked};
pub use excepted::{Acceptance, Excepted};
pub use step::{Action, Step};
pub use touched::touched;
pub use unreadable::{unreadable, will_exist};
pub use untouched::{Change, Held, PerhapsRenamed, Untouched};

use crate::catalog::{Catalog, Desired, Kind, Object, Unmodelled};
use crate::checksum::{self, Checksum};
use crate::consent::Consent;
use crate::hazards::Hazards;
use crate::locks::{Locks, TableLock};
use crate::manifest::Manifest;
use crate::name::{SchemaName, TenantId, printable};
use crate::precondition::{InTheWay, NotCounted, Precondition, RowsFound};
use crate::rows::CellDifference;
use crate::settings;

/// Version of the saved form; another one is refused.
pub const FORMAT_VERSION: u32 = 2;

/// What would be done to one tenant, and what this is derived from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Version of the tool that wrote it.
    pub tool_version: String,
    pub tenant: TenantId,
    pub schema: String,
    /// Of the manifest.
    pub manifest_checksum: Checksum,
    /// Of what was found in the tenant's schema.
    pub live_checksum: Checksum,
    /// With which it was made.
    #[serde(default, skip_serializing_if = "Consent::is_empty")]
    pub consent: Consent,
    pub steps: Vec<PlannedStep>,
    /// What they need to stay as it is while they are run.
    #[serde(skip)]
    pub locks: Locks,
    /// What rows have to meet so that they succeed.
    #[serde(skip)]
    pub preconditions: Vec<Precondition>,
    /// The rows that do not meet it, as far as they were counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows_in_the_way: Vec<InTheWay>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_counted: Vec<NotCounted>,
    /// Present but different; not touched.
    pub changed: Vec<Change>,
    /// Present but not declared; not touched.
    pub extra: Vec<Object>,
    /// Columns that are not declared, and that could be declared ones which are missing, under old names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub perhaps_renamed: Vec<PerhapsRenamed>,
    /// Of kinds that are not compared.
    pub unmodelled: Vec<Unmodelled>,
    /// Missing, and not done: what it needs is not as declared, or something is in the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Held>,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedStep {
    pub action: Action,
    pub object: Object,
    /// Without a semicolon at the end.
    pub sql: String,
    /// Where a baseline row is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The values of a baseline row that it changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<CellDifference>,
    /// Whether it gives a row a value that a later step replaces, so that another row can have the present one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub for_exchange: bool,
    /// Whether it drops what a later step creates again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub for_rebuild: bool,
    /// The new name of something that is renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What it can do to those who use the tenant meanwhile, and to its data.
    #[serde(default, skip_serializing_if = "Hazards::is_empty")]
    pub hazards: Hazards,
    /// What is run instead of `sql` once it was read that the object does not exist: the same, but refused if
    /// it exists after all, since somebody else has created it then.
    #[serde(skip)]
    pub exclusive: Option<String>,
}

/// Which tenant a plan is for, and what it is derived from.
#[derive(Debug, Clone, Copy)]
pub struct Basis<'a> {
    pub tenant: &'a TenantId,
    pub schema: &'a SchemaName,
    pub manifest_checksum: Checksum,
    pub live_checksum: Checksum,
    pub consent: &'a Consent,
}

/// The plan of one tenant from its difference to what is desired; `live` is its actual state.
#[must_use]
pub fn plan(
    (manifest, desired): (&Manifest, &Desired),
    difference: Difference<'_>,
    live: Option<&Catalog>,
    basis: Basis<'_>,
) -> Plan {
    let Difference { steps, renames, untouched } = difference;
    let nothing = Catalog::default();
    let there = live.unwrap_or(&nothing);
    let known = hazards::known(&steps, desired, there);
    let locks = renaming::locks_before(locks::locks(&steps, &known, there), renames);
    let catalogs = (&desired.catalog, there);
    let preconditions = preconditions::preconditions(&steps, catalogs, renames, basis.schema);
    let steps = steps
        .iter()
        .zip(&known)
        .map(|(step, known)| PlannedStep {
            hazards: known.told(&step.object(), there),
            action: step.action(),
            object: step.object(),
            cells: step.cells().to_vec(),
            for_exchange: step.is_for_exchange(),
            for_rebuild: step.is_for_rebuild(),
            to: step.new_name().map(|name| name.as_str().to_owned()),
            sql: step.statement(manifest, basis.schema, basis.tenant),
            origin: step.origin().map(str::to_owned),
            exclusive: step.exclusive(basis.schema),
        })
        .collect();
    let Untouched { changed, extra, perhaps_renamed, unmodelled, held } = untouched;
    Plan {
        format_version: FORMAT_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        tenant: basis.tenant.clone(),
        schema: basis.schema.to_string(),
        manifest_checksum: basis.manifest_checksum,
        live_checksum: basis.live_checksum,
        consent: basis.consent.clone(),
        steps,
        locks,
        preconditions,
        rows_in_the_way: Vec::new(),
        not_counted: Vec::new(),
        changed,
        extra,
        perhaps_renamed,
        unmodelled,
        held,
    }
}

/// As [`Plan::digest`], of the steps alone.
#[must_use]
pub fn digest(tenant: &TenantId, schema: &str, steps: &[PlannedStep]) -> Checksum {
    let statements: Vec<&str> = steps.iter().map(|step| step.sql.as_str()).collect();
    checksum::of("plan", &(tenant, schema, statements))
}

impl PlannedStep {
    /// Whether it adds a label to an existing enum, which later statements may use only when the
    /// transaction is over (PostgreSQL manual, ALTER TYPE).
    #[must_use]
    pub fn is_label(&self) -> bool {
        self.action == Action::Add && self.object.kind() == Kind::Label
    }

    /// Whether it comes before all others where these have to wait for new labels to be committed: a label, or the rename of what
    /// it belongs to.
    #[must_use]
    pub fn comes_first(&self) -> bool {
        let is_of_enum = matches!(self.object.kind(), Kind::Enum | Kind::Label);
        self.is_label() || self.action == Action::Rename && is_of_enum
    }

    /// Such as "create table `cad_empresas`".
    #[must_use]
    pub fn describe(&self) -> String {
        let origin =
            self.origin.as_ref().map(|o| format!(" ({})", printable(o))).unwrap_or_default();
        let purpose = match (self.for_rebuild, self.for_exchange) {
            (true, _) => ", to create it again",
            (_, true) => ", so that another row can have its values",
            _ => "",
        };
        let to = self.to.as_ref().map(|name| format!(" to {}", printable(name)));
        let to = to.unwrap_or_default();
        format!("{} {}{to}{origin}{purpose}", self.action, self.object)
    }
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether it creates the schema: the tenant is new.
    #[must_use]
    pub fn is_of_new_tenant(&self) -> bool {
        self.steps.iter().any(|step| step.object == Object::Schema)
    }

    /// The steps that take a stronger lock than `most`, with what they lock, such as "create index `i` on t (SHARE on table t)".
    #[must_use]
    pub fn locking_above(&self, most: TableLock) -> Vec<String> {
        let told = self.steps.iter().filter_map(|step| {
            let above = step.hazards.above(most);
            let locks: Vec<String> =
                above.map(|lock| format!("{} on {}", lock.mode.sql(), lock.relation)).collect();
            (!locks.is_empty()).then(|| format!("{} ({})", step.describe(), locks.join(", ")))
        });
        told.collect()
    }

    /// What it leaves as it is.
    #[must_use]
    pub fn untouched(&self) -> Untouched {
        Untouched {
            changed: self.changed.clone(),
            extra: self.extra.clone(),
            perhaps_renamed: self.perhaps_renamed.clone(),
            unmodelled: self.unmodelled.clone(),
            held: self.held.clone(),
        }
    }

    /// The plan, with what it leaves.
    #[must_use]
    pub fn leaving(self, untouched: Untouched) -> Self {
        let Untouched { changed, extra, perhaps_renamed, unmodelled, held } = untouched;
        Self { changed, extra, perhaps_renamed, unmodelled, held, ..self }
    }

    /// The plan, with what was found of the rows that it meets.
    #[must_use]
    pub fn with_rows(self, found: RowsFound) -> Self {
        let RowsFound { rows_in_the_way, not_counted } = found;
        Self { rows_in_the_way, not_counted, ..self }
    }

    /// What was found of the rows that it meets.
    #[must_use]
    pub fn into_rows(self) -> RowsFound {
        let Self { rows_in_the_way, not_counted, .. } = self;
        RowsFound { rows_in_the_way, not_counted }
    }

    /// Identifies what would be executed: equal digests mean equal statements in the same order.
    #[must_use]
    pub fn digest(&self) -> Checksum {
        digest(&self.tenant, &self.schema, &self.steps)
    }

    /// A script for `psql`. If it drops nothing, it can be run twice: what exists already is skipped. Like the tool, it sets
    /// what decides how the server reads statements and what these create.
    #[must_use]
    pub fn to_sql(&self) -> String {
        let mut sql = format!(
            "-- provision {}: tenant {}, schema {}\n",
            self.tool_version, self.tenant, self.schema
        );
        for held in &self.held {
            sql.push_str(&format!("-- held back: {}\n", printable(&held.to_string())));
        }
        let has_labels = self.steps.iter().any(PlannedStep::is_label);
        let (labels, others): (Vec<_>, Vec<_>) =
            self.steps.iter().partition(|step| has_labels && step.comes_first());
        let statements = |steps: Vec<&PlannedStep>| -> String {
            steps.into_iter().map(|step| format!("{};\n", step.sql)).collect()
        };
        // A new label can be used only after the transaction that added it.
        sql.push_str(&statements(labels));
        sql.push_str("BEGIN;\n");
        sql.push_str(&settings::set_local());
        sql.push_str(&statements(others));
        sql.push_str("COMMIT;\n");
        sql
    }
}
