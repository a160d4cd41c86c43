//! What there is to know about each kind of object: which attributes it has and how they are read, how it is
//! created, changed and dropped. Nothing else in the crate knows more of a kind than its name.
//!
//! # A new kind
//!
//! What triggers have, for example, is what every kind needs:
//!
//! 1. a line in [`Kind`](crate::catalog::Kind), with their name in messages, and `&[Kind::Table, Kind::View]` for the
//!    [wholes](crate::catalog::Kind::wholes) that each can be a part of;
//! 2. a file `kinds/trigger.rs` with its [`Rules`]: the [source](Rules::source), a query with one row for each trigger;
//!    the [attributes](Rules::attributes), each an SQL expression over that query, for which the
//!    server itself prints the text (`pg_get_triggerdef`); how the [digest](Rules::digest) of a table finds its
//!    triggers, and, where printing would cost too much, what is digested instead; and the statement that
//!    [creates](Rules::create) it from the attributes that it has in the scratch schema, and the one that
//!    [changes](Rules::alter) it in place, where the server has one, and the one that [drops](Rules::drop) it; how it is
//!    renamed is in `kinds/renaming.rs`;
//! 3. a line in [`rules()`], the registry;
//! 4. their declaration in the manifest, with the statement that creates them in the scratch schema
//!    (`elaborate/declare.rs`);
//! 5. in `tests/suite/attributes.rs` a change by hand for each attribute, without which the tests fail.
//!
//! Everything else follows: they are read, compared, shown in plans and reports, ordered by their dependencies
//! according to the server, held back with what they need, and verified before COMMIT. The code that
//! objects of the kind can make the server run, when it belongs to an untrusted owner, goes into
//! `pg/untrusted.sql`.

mod aggregate;
mod alteration;
mod attribute;
mod clustering;
mod column;
mod comment;
mod composite_type;
mod constraint;
mod creation;
mod default;
mod described;
mod digest;
mod domain;
mod domain_constraint;
mod dropping;
mod enabled;
mod enum_type;
mod following;
mod index;
mod inheritance;
mod kept;
mod label;
mod materialized_view;
mod members;
mod policy;
mod population;
mod range_type;
mod reading;
mod registry;
mod renaming;
mod replica_identity;
mod rewrite;
mod routine;
mod row_security;
mod rules;
mod schema;
mod script;
mod sequence;
mod statistics;
mod table;
mod trigger;
mod type_attribute;
mod type_members;
mod unmodelled;
mod view;
mod widening;

pub use alteration::{Alteration, Remade};
pub use attribute::Attribute;
pub use column::{
    creates as column_creates, fills, hinders_type_change, is_array, is_generated,
    needs_dependents_gone, rewrites,
};
pub use comment::{line as comment_line, target as comment_target};
pub use constraint::{is_foreign_key, is_not_valid, is_primary_key};
pub use creation::{Creation, Guard, Place};
pub use described::described;
pub use digest::{DIGEST_VERSION, digest_script};
pub use dropping::{can_drop, can_rebuild, drop_alone, drop_for_rebuild, rebuild};
pub use enum_type::remade;
pub use following::{follows_deletes, follows_updates, is_unique, referring_columns, refers_to};
pub use inheritance::{column, differ_in_structure, has_children, is_unmanaged, same_bound};
pub use members::{Members, members_script};
pub use reading::{Reading, details_script, parse};
pub use registry::{
    alter, can_alter, comes_with, create, is_structural, matching, occupied, rules,
};
pub use renaming::rename;
pub use routine::quoted_in_bodies;
pub use rules::{Digest, Needs, Rules, parameters};
pub use script::{for_version, stripped};
pub use sequence::{feeds_its_column, option_words as sequence_option_words};
pub use type_members::members;
pub use widening::type_parts;
