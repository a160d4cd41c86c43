//! `provision validate` and `provision schema`: the manifest, as far as nothing is changed by it.

use std::path::Path;

use clap::Args;
use indexmap::IndexMap;

use super::global::Format;
use super::progress::Progress;
use super::tenants::{self, Tenants};
use super::{Exit, Global, output};
use crate::error::Error;
use crate::fleet::{Fleet, Need};
use crate::manifest::{Manifest, PassedOver, Warning};
use crate::words::counted;
use crate::{checksum, fleet, manifest, report};

/// Check the manifest and the files that it names, without a database; with --all, also which declared renames tenants need.
///
/// All errors are reported at once, each with file, line and column. What only a server can
/// check (types, expressions) is checked by `plan`.
#[derive(Debug, Args)]
#[command(
    override_usage = "provision validate [OPTIONS]\n       provision validate [OPTIONS] --all"
)]
#[command(after_help = "\
Examples:
  provision validate
  provision validate --strict                    fail on what is legal, and seldom meant
  provision validate --all                       which `renamed_from` no tenant needs any more
  provision validate --all --strict              fail if there is one

Exit codes: 0 valid; 1 error, a tenant that could not be checked, or a finding of --strict.")]
pub(super) struct Validate {
    /// Fail if something is legal, and seldom meant.
    ///
    /// These are functions whose names are looked up wherever their caller looks, constants in
    /// SQL files that name the schema that stands for the tenant's, materialized views in SQL files
    /// that stay empty, and, with --all, renames that no tenant needs. The last two are mentioned without this option, too.
    #[arg(long)]
    strict: bool,

    /// Read all tenants, or those that the options below choose, and say which declared renames (`renamed_from` and the like)
    /// they still need: those of objects that have the old name in a tenant, and not the new one.
    #[arg(long)]
    all: bool,

    /// How to print which renames are needed.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    format: Format,

    /// Accept ids from --tenants-from that the registry does not list.
    #[arg(long)]
    unregistered: bool,

    // Last, since its heading would be that of the options after it.
    #[command(flatten)]
    tenants: Tenants,
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
    /// Whether the result is JSON.
    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether it is about many tenants.
    pub(super) fn is_of_all(&self) -> bool {
        self.all
    }

    pub(super) async fn run(self, global: &Global) -> Result<Exit, Error> {
        self.tenants.require_all(self.all)?;
        if !self.all && (self.is_json() || self.unregistered) {
            return Err(Error::Usage("--format json and --unregistered go with --all".into()));
        }
        let strict = self.strict;
        let is_clean = if self.all {
            let fleet = global.fleet().await?;
            self.tell(global, &fleet.manifest)? & self.read_all(global, &fleet).await?
        } else {
            self.tell(global, &manifest::load(&global.manifest)?)?
        };
        Ok(if strict && !is_clean { Exit::Failed } else { Exit::Done })
    }

    /// Tells what the manifest declares, and what of it is seldom meant; returns whether there is nothing of the kind.
    fn tell(&self, global: &Global, manifest: &Manifest) -> Result<bool, Error> {
        let warnings =
            if self.strict { manifest::warnings(manifest) } else { manifest::unfilled(manifest) };
        for Warning { position, message } in &warnings {
            output::notice(&format!("{position}: {message}"));
        }
        for notice in passed_over(&manifest.sql.passed_over) {
            output::notice(&notice);
        }
        if !self.is_json() {
            output::result(global.color, &declared(&global.manifest, manifest))?;
        }
        Ok(warnings.is_empty())
    }

    /// Reads the tenants, and tells which renames they need; returns whether none is known to be unneeded.
    async fn read_all(self, global: &Global, fleet: &Fleet) -> Result<bool, Error> {
        let is_json = self.is_json();
        let mut roster = self.tenants.roster(fleet, self.unregistered).await?;
        let Manifest { renames, sql, .. } = &*fleet.manifest;
        if renames.is_empty() && sql.renames.is_empty() {
            // There is nothing to look for.
            roster.members.clear();
        }
        let progress = Progress::new(global);
        progress.surveying(roster.members.len());
        let survey = fleet::survey(fleet, &roster.members, 1, &|n| progress.surveyed(n)).await;
        drop(progress);
        let renames = fleet::renames(fleet, roster, &survey);
        let text = if is_json { report::versioned(&renames) } else { report::renames(&renames) };
        output::result(global.color, &text)?;
        if renames.is_incomplete() {
            let failed = [(renames.failed.len(), "could not be checked")];
            return Err(tenants::incomplete(&failed, &renames.unreachable, &renames.refused));
        }
        Ok(renames.count(Need::Unneeded) == 0)
    }
}

/// How much of what is declared.
fn declared(file: &Path, manifest: &Manifest) -> String {
    let routines = |is_procedure: bool| {
        manifest.routines.iter().filter(|decl| decl.is_procedure == is_procedure).count()
    };
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
    format!(
        "{} is valid: {}{in_sql}{}; {}\n",
        file.display(),
        counts.collect::<String>(),
        counted(rows, "row"),
        checksum::of("manifest", manifest)
    )
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
