//! One tenant through the whole pipeline: manifest → desired → live → diff → plan → execute →
//! verify → record. Plan, apply and status all use this module.

mod add_labels;
mod apply;
mod attempt;
mod checks;
mod commit;
mod compare;
mod context;
mod error;
mod execution;
mod hold;
mod known;
mod left;
mod old_names;
mod options;
mod outcome;
mod outcomes;
mod plan;
mod renames;
mod rows;
mod settled;
mod status;
mod today;

pub use apply::{Applied, apply, apply_on};
pub(crate) use checks::{check_distributable, check_locks};
pub(crate) use compare::{Room, compare, live_checksum, make_plan};
pub use context::{Context, Retry};
pub use error::ReconcileError;
pub use hold::{Held, Released, hold, release};
pub use left::{Left, left_by, shown};
pub use options::{ApplyOptions, Reviewed};
pub(crate) use outcome::millis;
pub use outcome::{Outcome, Tenant};
pub(crate) use plan::count_rows;
pub use plan::{check, check_listed, plan, plan_and_hold, plan_on};
pub(crate) use rows::NOT_ASKED;
pub use rows::RowChecks;
pub use status::{Differences, Status, status};
pub use today::today;
