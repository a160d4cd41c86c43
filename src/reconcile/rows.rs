//! What is done about rows that would make the steps of a plan fail.

use std::time::Duration;

use super::error::ReconcileError;
use super::outcome::Tenant;
use crate::plan::Plan;
use crate::precondition::RowsFound;

/// How rows in the way of steps are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowChecks {
    /// How long in each tenant; `None`: not at all.
    pub limit: Option<Duration>,
    /// Whether steps are refused, too, for which rows were not counted.
    pub must_be_clean: bool,
}

impl Default for RowChecks {
    fn default() -> Self {
        Self { limit: Some(Duration::from_secs(30)), must_be_clean: false }
    }
}

/// Why nothing was counted.
pub(crate) const NOT_ASKED: &str = "--check-rows 0";

impl RowChecks {
    /// Refuses what was found in a schema, if steps would fail.
    ///
    /// # Errors
    /// [`ReconcileError::RowsInTheWay`] and [`ReconcileError::RowsNotCounted`].
    pub(crate) fn check(self, tenant: &Tenant, found: RowsFound) -> Result<(), ReconcileError> {
        let schema = tenant.schema.clone();
        if !found.rows_in_the_way.is_empty() {
            return Err(ReconcileError::RowsInTheWay { schema, rows: found.rows_in_the_way });
        }
        if self.must_be_clean && !found.not_counted.is_empty() {
            return Err(ReconcileError::RowsNotCounted { schema, rows: found.not_counted });
        }
        Ok(())
    }

    /// Whether there is anything to look for, or to refuse.
    pub(crate) fn are_due(self, plan: &Plan) -> bool {
        !plan.preconditions.is_empty() && (self.limit.is_some() || self.must_be_clean)
    }
}
