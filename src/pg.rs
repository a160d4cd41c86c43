//! All that talks to a PostgreSQL server. `sqlx` is used in here only.

mod assemble;
mod connect;
mod elaborate;
mod error;
mod execute;
mod introspect;
mod lock;
mod registry;
mod rowcheck;
mod rows;
mod session;
mod state;
mod transaction;

pub use connect::Target;
pub use elaborate::{ElaborateError, elaborate};
pub use error::{Cause, PgError, ServerError, hint_for};
pub use execute::StepFailed;
pub use introspect::IntrospectError;
pub use lock::{Holder, holders};
pub use registry::lists;
pub use session::{Limits, ServerInfo, Session};
pub use state::StateRow;
pub use transaction::{Look, Observed, Transaction, committed};

/// The name that no table of a manifest may have.
pub use state::TABLE as STATE_TABLE;
