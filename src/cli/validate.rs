//! `provision validate` and `provision schema`: the manifest without a database.

use clap::Args;
use indexmap::IndexMap;

use super::{Exit, Global, output};
use crate::error::Error;
use crate::manifest::{PassedOver, Warning};
use crate::words::counted;
use crate::{checksum, manifest, report};

/// Check the manifest and the files that it names, without a database.
///
/// All errors are reported at once, each with file, line and column. What only a server can
/// check (types, expressions) is checked by `plan`.
#[derive(Debug, Args)]
#[command(override_usage = "provision validate [OPTIONS]")]
pub(super) struct Validate {
    /// Fail if something is legal, and seldom meant.
    ///
    /// These are functions whose names are looked up wherever their caller looks, constants in
    /// SQL files that name the schema that stands for the tenant's, and materialized views in SQL files
    /// that stay empty. The last are mentioned without this option, too.
    #[arg(long)]
    strict: bool,
}

/// Print a JSON Schema of the manifest, for editors that complete and check it.
#[derive(Debug, Args)]
#[command(override_usage = "provision schema [OPTIONS]")]
#[command(after_help = "\
Example, for Taplo and Even Better TOML:
  provision schema > schema.schema.json
  and as the first line of schema.toml:
  #:schema ./schema.schema.json")]
pub(super) struct Schema {}

impl Validate {
    pub(super) fn run(self, global: &Global) -> Result<Exit, Error> {
        let manifest = manifest::load(&global.manifest)?;
        let warnings =
            if self.strict { manifest::warnings(&manifest) } else { manifest::unfilled(&manifest) };
        for Warning { position, message } in &warnings {
            output::notice(&format!("{position}: {message}"));
        }
        let routines = |is_procedure: bool| {
            manifest.routines.iter().filter(|decl| decl.is_procedure == is_procedure).count()
        };
        for notice in passed_over(&manifest.sql.passed_over) {
            output::notice(&notice);
        }
        let in_sql = match manifest.sql.statements.len() {
            0 => String::new(),
            count => format!("{} in SQL files, ", counted(count, "statement")),
        };
        let counts = [
            (manifest.tables.len(), "table"),
            (manifest.enums.len() + manifest.types.len(), "type"),
            (manifest.sequences.len(), "sequence"),
            (manifest.views.len(), "view"),
            (manifest.materialized_views.len(), "materialized view"),
            (routines(false), "function"),
            (routines(true), "procedure"),
            (manifest.aggregates.len(), "aggregate"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let counts = counts.map(|(count, what)| format!("{}, ", counted(count, what)));
        let rows: usize = manifest.seeds.iter().map(|seed| seed.rows.len()).sum();
        output::result(
            global.color,
            &format!(
                "{} is valid: {}{in_sql}{}; {}\n",
                global.manifest.display(),
                counts.collect::<String>(),
                counted(rows, "row"),
                checksum::of("manifest", &manifest)
            ),
        )?;
        Ok(if self.strict && !warnings.is_empty() { Exit::Failed } else { Exit::Done })
    }
}

/// For each file, which of its statements are passed over, and where the first of each kind is.
fn passed_over(all: &[PassedOver]) -> Vec<String> {
    let mut files: IndexMap<&str, IndexMap<&str, Vec<usize>>> = IndexMap::new();
    for PassedOver { position, what } in all {
        files.entry(&position.file).or_default().entry(what).or_default().push(position.line);
    }
    let described = files.into_iter().map(|(file, kinds)| {
        let kinds = kinds.into_iter().map(|(what, lines)| match lines.as_slice() {
            [line] => format!("{what} in line {line}"),
            [first, ..] => {
                format!("{what} in {} from line {first} on", counted(lines.len(), "place"))
            }
            [] => what.to_owned(),
        });
        let kinds: Vec<String> = kinds.collect();
        format!("{file}: passed over, since it says nothing about a tenant: {}", kinds.join(", "))
    });
    described.collect()
}

impl Schema {
    #[expect(clippy::unused_self, reason = "all subcommands are run alike")]
    pub(super) fn run(self, global: &Global) -> Result<Exit, Error> {
        output::result(global.color, &report::to_line(&manifest::json_schema()))?;
        Ok(Exit::Done)
    }
}
