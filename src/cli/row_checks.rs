//! The option `--check-rows`, for `plan` and `apply`.

use std::time::Duration;

use clap::Args;

use super::global::seconds;
use crate::reconcile::RowChecks;

#[derive(Debug, Args)]
pub(super) struct CheckRows {
    /// How long to look, in each tenant, for rows that would make a step fail: NULL in a column that becomes NOT NULL, rows
    /// that violate a new constraint, values that do not become those of another type. 0: do not look.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    check_rows: Duration,
}

impl CheckRows {
    /// What was chosen.
    pub(super) fn checks(&self, must_be_clean: bool) -> RowChecks {
        let limit = Some(self.check_rows).filter(|limit| !limit.is_zero());
        RowChecks { limit, must_be_clean }
    }
}
