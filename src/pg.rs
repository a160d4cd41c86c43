//! Everything that communicates with a PostgreSQL server. `sqlx` is used only in this module.

mod answers;
mod committed;
mod connect;
mod dependents;
mod error;
mod execute;
mod externals;
mod fingerprint;
mod grantcheck;
mod introspect;
mod leader;
mod listen;
mod lock;
mod pin;
mod placement;
mod preconditions;
mod registry;
mod rowcheck;
mod scratch;
mod session;
mod sizes;
mod state;
mod strangers;
mod survey;
mod transaction;
mod untrusted;

pub use committed::committed;
pub use connect::Target;
pub use error::{Cause, PgError, ServerError};
pub use execute::{ExecuteError, Statements, StepFailed};
pub use externals::Externals;
pub use fingerprint::{Checks, KnownShape, Objects, SchemaDigest, Shapes};
pub use grantcheck::Subject;
pub use introspect::IntrospectError;
pub use leader::{Election, HEARTBEAT, Leadership};
pub use listen::{CHANNEL, Notifications};
pub use lock::{Holder, holders};
pub use placement::Placement;
pub use preconditions::{count_rows, identify_rows};
pub use registry::{Listed, Provisioned, listed, lists, provisioned};
pub use rowcheck::Row;
pub use scratch::Scratch;
pub use session::{Limits, ServerInfo, Session};
pub use sizes::{TableSize, sizes};
pub use state::{Entry, StateRow, note};
pub use survey::{Present, TenantSnapshot, survey};
pub use transaction::{Locking, Observed, PartialTransaction, Site, Tables, Transaction};
pub use untrusted::UntrustedQuery;

/// The name that no table of a manifest may have.
pub use state::TABLE as STATE_TABLE;
