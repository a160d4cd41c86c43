//! The transaction of one tenant: what may be done in it, and how it ends.

mod observe;
mod open;
mod secure;
mod tables;
mod touching;
mod work;

pub use observe::Observed;
pub use open::{Locking, Transaction};
pub use tables::Tables;
pub use touching::{Site, Touching};
