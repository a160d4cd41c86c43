//! Changes that are allowed for a while.

use crate::consent::Consent;
use crate::manifest::checking::Checking;
use crate::manifest::model::Allowed;
use crate::manifest::raw;

pub(super) fn allow(checking: &mut Checking<'_>, raw: &[raw::Allow]) -> Vec<Allowed> {
    let mut all = Vec::new();
    for allow in raw {
        let change = allow.change.parse::<Consent>();
        let change =
            change.map_err(|error| checking.note(&allow.change.span, error.to_string())).ok();
        if change.as_ref().is_some_and(|change| !change.is_of_objects()) {
            let message =
                "name the objects that may be changed, such as \"alter:column invoices.day\"";
            checking.note(&allow.change.span, message);
        }
        checking.note_if_no_reason(&allow.reason);
        let until = checking.last_day(&allow.until);
        if let (Some(change), Some(until)) = (change, until) {
            all.push(Allowed { change, until, reason: allow.reason.value.clone() });
        }
    }
    all
}
