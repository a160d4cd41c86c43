//! `schema.toml` and `seeds/` → [`Manifest`].
//!
//! Reading happens in three steps, each of which reports all that it finds: text → `raw` (the
//! file's shape, by serde; [`json_schema`] is generated from the same types), raw → `model` (names
//! and references), files → rows. This is the only part of the core that reads files.

mod ancestors;
mod check;
mod checking;
mod decode;
mod diagnostic;
mod fragment;
mod lex;
mod model;
mod raw;
mod references;
mod report;
mod seeds;
mod source;
mod sql;
mod strict;

use std::path::Path;

pub use diagnostic::{Diagnostic, ManifestError};
pub use fragment::{Fragment, FragmentError, SCHEMA_PLACEHOLDER};
pub use model::*;
pub use source::Position;
pub use strict::{Warning, unfilled, warnings};

use report::Report;
use source::Source;

/// Reads a manifest and the files that it names.
///
/// # Errors
/// All that is wrong with it, in the order of the file.
pub fn load(path: &Path) -> Result<Manifest, ManifestError> {
    let (source, folder) = Source::manifest(path)?;
    let mut report = Report::default();
    let (raw, damage) = decode::manifest(&source, &mut report);
    let manifest = raw.map(|raw| check::manifest(raw, &source, &folder, &damage, &mut report));
    match (manifest, report.into_diagnostics()) {
        (Some(manifest), diagnostics) if diagnostics.is_empty() => Ok(manifest),
        (_, diagnostics) => Err(ManifestError::Invalid { diagnostics }),
    }
}

/// A JSON Schema (draft 2020-12) of `schema.toml`, for editors.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(raw::Manifest).to_value()
}

#[cfg(test)]
mod tests;
