//! wip
pub mod checksum;
pub mod diff;
pub mod embedded;
pub mod error;
pub mod manifest;
pub mod name;
pub mod pg;
pub mod plan;
pub mod reconcile;
pub mod render;
pub mod schema;
pub mod cli; pub mod report;
pub use error::Error;
