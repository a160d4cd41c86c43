//! One tenant through the whole pipeline: manifest → desired → live → diff → plan → execute →
//! verify → record. Plan, apply and status all use this module.

mod apply;
mod attempt;
mod checks;
mod commit;
mod compare;
mod context;
mod error;
mod execution;
mod known;
mod left;
mod old_names;
mod options;
mod outcome;
mod outcomes;
mod plan;
mod renames;
mod settled;
mod status;

pub use apply::{Applied, apply, apply_on};
pub(crate) use checks::{check_distributable, check_locks};
pub(crate) use compare::{Room, compare, live_checksum, make_plan};
pub use context::{Context, Retry};
pub use error::ReconcileError;
pub use left::{Left, left_by, shown, today};
pub use options::{ApplyOptions, Reviewed};
pub(crate) use outcome::millis;
pub use outcome::{Outcome, Tenant};
pub use plan::{check, check_listed, plan};
pub use status::{Differences, Status, status};
