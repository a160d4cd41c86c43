//! What a schema contains, as facts in the server's own words: one model for the declared and the actual
//! state.
//!
//! A [`Fact`] is an object's identity and its attributes. It contains neither the object's OID nor
//! the schema's name, so that the facts of two schemas can be compared. A column's default and a comment are
//! facts of their own. Which attributes each kind of object has, and how they are used, is known to
//! [`kinds`](crate::kinds) alone.

mod delta;
mod fact;
mod kind;
mod matching;
mod object;
mod renaming;
mod saved;
mod slots;
mod unmodelled;

pub use delta::{Altered, Delta, delta};
pub use fact::{Catalog, Desired, Fact, Template, Value};
pub use kind::Kind;
pub use matching::{Counterpart, Matching, matching};
pub use object::{Granted, Object, Part};
pub use renaming::{BothExist, Names, Rename, following, is_taken, pending, renamed, with_names};
pub use slots::{Slot, Slots};
pub use unmodelled::{UNKNOWN_OPTION, Unmodelled};
