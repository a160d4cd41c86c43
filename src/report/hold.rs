//! What was done to the hold of one tenant, for people.

use super::style::{STRONG, styled};
use crate::reconcile::{Held, Released};

/// That a tenant is held now.
#[must_use]
pub fn held(held: &Held) -> String {
    let Held { tenant, hold, replaced } = held;
    let mut text = format!("{}\n", styled(STRONG, &format!("Tenant {} is {hold}", tenant.id)));
    if let Some(replaced) = replaced {
        text.push_str(&format!("Before, it was {replaced}\n"));
    }
    let ends = match hold.until {
        Some(until) => format!("through {until} (UTC), or until: provision release {}", tenant.id),
        None => format!("until: provision release {}", tenant.id),
    };
    text + &format!("No apply touches schema {} {ends}\n", tenant.schema)
}

/// That a tenant is held no longer.
#[must_use]
pub fn released(released: &Released) -> String {
    let Released { tenant, released } = released;
    let line = match released {
        Some(hold) => format!("Tenant {} is released; it was {hold}", tenant.id),
        None => format!("Tenant {} is not held: nothing to release.", tenant.id),
    };
    format!("{}\n", styled(STRONG, &line))
}
