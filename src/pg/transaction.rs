//! The transaction on one tenant: what may be done in it, and how it ends.

mod holding;
mod observe;
mod open;
mod partial;
mod protection;
mod rows;
mod tables;
mod work;

pub use observe::Observed;
pub use open::{Locking, Transaction};
pub use partial::{PartialTransaction, Site};
pub use tables::Tables;
