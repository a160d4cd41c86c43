//! The option `--allow`, for `plan` and `apply`.

use clap::Args;

use super::output;
use crate::consent::Consent;
use crate::manifest::Manifest;
use crate::plan::{Action, Held, PlannedStep};
use crate::reconcile;

#[derive(Debug, Args)]
pub(super) struct Allow {
    /// Do more than add what is missing. `alter`: change in place what is not as declared, where nothing is rewritten or lost
    /// but the definition that is replaced, and rename what the manifest renames; `rebuild`: rewrite tables for other types of columns and for enums that lose labels, and drop what holds no
    /// data, such as an index or a view, to create it again as declared; `drop`: drop what is not declared, with the data
    /// in it. `drop:column clients.fax`: only that object, named as plans name it; `*` is any text. Several with
    /// commas. The plan shows under what is changed which consent it would need; a saved plan has the consent with which
    /// it was made.
    #[arg(long, value_name = "CLASS[:OBJECT]")]
    allow: Vec<Consent>,
}

impl Allow {
    /// What is allowed for this run, and what the manifest allows today. What it allowed until recently is told.
    pub(super) fn consent(self, manifest: &Manifest) -> Consent {
        let today = reconcile::today();
        for ended in manifest.allow.iter().filter(|allowed| allowed.until < today) {
            let (change, until) = (&ended.change, ended.until);
            output::notice(&format!(
                "[[allow]] {change} has ended on {until}: it allows nothing any more"
            ));
        }
        Consent::all(std::iter::once(manifest.allowed(today)).chain(self.allow))
    }
}

/// Says which objects that may be dropped do not exist undeclared: that is so after they were dropped, or when a name is mistyped.
pub(super) fn notice_unused<'p>(
    consent: &Consent,
    steps: impl IntoIterator<Item = &'p PlannedStep>,
    held: impl IntoIterator<Item = &'p Held>,
) {
    let dropped =
        steps.into_iter().filter(|step| matches!(step.action, Action::Drop | Action::Delete));
    let dropped = dropped.map(|step| step.object.to_string());
    let held = held.into_iter().flat_map(|held| &held.steps);
    let held = held.filter_map(|step| {
        let object = step.strip_prefix("drop ").or_else(|| step.strip_prefix("delete "));
        object.map(str::to_owned)
    });
    let names: Vec<String> = dropped.chain(held).collect();
    for pattern in consent.unused_drops(&names) {
        output::notice(&format!("--allow drop:{pattern}: nothing undeclared has this name"));
    }
}
