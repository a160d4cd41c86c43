//! wip
pub mod checksum;
pub mod cli;
pub mod diff;
pub mod embedded;
pub mod error;
pub mod manifest;
pub mod name;
pub mod pg;
pub mod plan;
pub mod reconcile;
pub mod render;
pub mod report;
pub mod schema;
pub use error::Error;
