//! What there is to know about each kind of object: which attributes it has and how they are read, how it is
//! made, what it locks. Nothing else in the crate knows more of a kind than its name.
//!
//! # A new kind
//!
//! Say that triggers were to be added. They need
//!
//! 1. a line in [`Kind`], with their name in messages, and `Some(Kind::Table)` for the
//!    [whole](Kind::whole) that each is a part of;
//! 2. a file `kinds/trigger.rs` with its [`Rules`]: the [source](Rules::source), a query with one row for each trigger;
//!    the [attributes](Rules::attributes), each an SQL expression over that query, of which the
//!    server itself makes the words (`pg_get_triggerdef`); how the [digest](Rules::digest) of a table finds its
//!    triggers, and, where the words would cost too much, what is digested instead; and the statement that
//!    [creates](Rules::create) it out of what its attributes say in the scratch schema. `kinds/index.rs` is the
//!    example to follow: indexes are parts of tables, too, and the server has all of their words;
//! 3. a line in [`rules`];
//! 4. what the manifest says of them, with the statement that makes them in the scratch schema
//!    (`elaborate/declare.rs`);
//! 5. in `tests/suite/attributes.rs` a change by hand for each attribute, without which the tests fail.
//!
//! Everything else follows: they are read, compared, shown in plans and reports, ordered by what the server says
//! that they depend on, held back with what they need, and verified before COMMIT. What the
//! kind can make the server run for others, when it belongs to somebody who is not trusted, goes into
//! `pg/untrusted.sql`.

mod attribute;
mod column;
mod comment;
mod constraint;
mod creation;
mod default;
mod digest;
mod enum_type;
mod index;
mod label;
mod reading;
mod schema;
mod sequence;
mod table;
mod unmodelled;

pub use attribute::{Attribute, described, labels};
pub use column::makes as column_makes;
pub use comment::{line as comment_line, target as comment_target};
pub use constraint::{is_foreign_key, is_primary_key};
pub use creation::{Creation, Guard, Place};
pub use digest::{Digest, digest_script};
pub use reading::{Members, Reading, details_script, for_version, members_script, parse, stripped};
pub use sequence::option_words as sequence_option_words;

use crate::catalog::{Fact, Kind, Object, Part, Slot};
use crate::locks::TableLock;
use crate::name::{Ident, SchemaName};

/// What there is to know about a kind of object.
#[derive(Debug)]
pub struct Rules {
    /// Whether the objects of this kind can be read with those of a schema.
    pub needs: Needs,
    /// The rest of a query after SELECT, in which `:attributes` stands for the last column: OID of the
    /// catalog, of the object, number of the column or zero, name of the whole or NULL, name, position, attributes.
    /// `path` is among what it selects from; see `kinds/reading.rs`.
    pub source: &'static str,
    pub attributes: &'static [Attribute],
    /// How the digest of a whole finds the parts of this kind.
    pub digest: Option<Digest>,
    /// The names that an object takes.
    pub occupies: fn(&Fact) -> Vec<Slot>,
    /// Whether an object that the manifest leaves unnamed is found by its structure.
    pub is_structural: bool,
    /// The statement that makes it, with the other facts that it makes along.
    pub create: fn(&Creation<'_>, &SchemaName, Guard) -> String,
    /// What the statement takes on the table of which the object is a part, if that is there.
    pub lock: fn(&Fact) -> Option<TableLock>,
    /// The column with which it comes and goes, so that it is no difference of its own where the column is there.
    pub comes_with: fn(&Fact) -> Option<Object>,
}

/// What has to be in a schema so that there can be objects of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Tables,
    Types,
    Sequences,
    /// They are not read by a query of their own.
    Nothing,
}

/// The rules of a kind.
#[must_use]
pub fn rules(kind: Kind) -> &'static Rules {
    match kind {
        Kind::Schema => &schema::RULES,
        Kind::Enum => &enum_type::RULES,
        Kind::Label => &label::RULES,
        Kind::Sequence => &sequence::RULES,
        Kind::Table => &table::RULES,
        Kind::Column => &column::RULES,
        Kind::Default => &default::RULES,
        Kind::Constraint => &constraint::RULES,
        Kind::Index => &index::RULES,
        Kind::Comment => &comment::RULES,
        Kind::Row => &Rules::NONE,
    }
}

impl Rules {
    const NONE: Self = Self {
        needs: Needs::Nothing,
        source: "",
        attributes: &[],
        digest: None,
        occupies: |_| Vec::new(),
        is_structural: false,
        create: |_, _, _| String::new(),
        lock: |_| None,
        comes_with: |_| None,
    };
}

/// Whether objects of a kind are matched by structure.
#[must_use]
pub fn is_structural(kind: Kind) -> bool {
    rules(kind).is_structural
}

/// The names that an object takes.
#[must_use]
pub fn occupied(fact: &Fact) -> Vec<Slot> {
    (rules(fact.object.kind()).occupies)(fact)
}

/// The column with which an object comes and goes; see [`Rules::comes_with`].
#[must_use]
pub fn comes_with(fact: &Fact) -> Option<Object> {
    (rules(fact.object.kind()).comes_with)(fact)
}

/// What the statement that makes an object takes on its table; see [`Rules::lock`].
#[must_use]
pub fn lock(fact: &Fact) -> Option<TableLock> {
    (rules(fact.object.kind()).lock)(fact)
}

/// The statement that makes an object, without a semicolon at the end.
#[must_use]
pub fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    (rules(creation.object.kind()).create)(creation, schema, guard)
}

/// The part that an object is; its kind is one of parts.
fn part(object: &Object) -> Option<(&Ident, &Ident)> {
    match object {
        Object::Part(Part { of, name, .. }) => Some((of, name)),
        _ => None,
    }
}

/// The qualified name of an object that has a name of its own in the schema.
fn qualified(object: &Object, schema: &SchemaName) -> String {
    object.name().map(|name| schema.qualify(name)).unwrap_or_default()
}

/// The qualified name of the table that an object is a part of.
fn table_of(object: &Object, schema: &SchemaName) -> String {
    object.table_name().map(|table| schema.qualify(&table)).unwrap_or_default()
}
