//! The rows of `introspect.sql`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::name::Ident;
use crate::schema::{SequenceSettings, Unmodelled};

/// The parts of one schema, as the server answered them. Objects refer to each other by OID, columns
/// by table and number.
pub(super) struct Rows {
    pub(super) relations: Vec<RelationRow>,
    pub(super) columns: Vec<ColumnRow>,
    pub(super) constraints: Vec<ConstraintRow>,
    /// What foreign keys point to that is no ordinary table of the schema.
    pub(super) externals: Vec<ExternalRow>,
    pub(super) operators: Vec<OperatorsRow>,
    pub(super) indexes: Vec<IndexRow>,
    pub(super) opclasses: Vec<OpclassRow>,
    pub(super) enums: Vec<EnumRow>,
    pub(super) sequences: Vec<SequenceRow>,
    pub(super) comments: Vec<CommentRow>,
    pub(super) hooks: Vec<HookRow>,
    pub(super) unmodelled: Vec<Unmodelled>,
}

pub(super) type Oid = i64;

#[derive(Deserialize)]
pub(super) struct RelationRow {
    pub(super) oid: Oid,
    pub(super) name: Ident,
    /// `pg_class.relkind`.
    pub(super) kind: char,
    pub(super) unlogged: bool,
    pub(super) row_security: bool,
    /// Made `OF` a type.
    pub(super) is_typed: bool,
    pub(super) options: Option<Vec<String>>,
    pub(super) has_tablespace: bool,
    pub(super) has_replica_identity: bool,
    pub(super) has_access_method: bool,
    pub(super) inherits: bool,
    pub(super) has_children: bool,
}

/// What lives in the schema beside relations.
#[derive(Default, Deserialize)]
pub(super) struct MemberRow {
    /// The schema's own.
    pub(super) namespace: Oid,
    pub(super) types: Vec<Oid>,
    /// Of all other classes.
    pub(super) others: Vec<Oid>,
}

#[derive(Deserialize)]
pub(super) struct ColumnRow {
    pub(super) table: Oid,
    pub(super) number: i16,
    pub(super) name: Ident,
    pub(super) data_type: String,
    pub(super) nullable: bool,
    /// `pg_attribute.attidentity`: `a`, `d` or empty.
    pub(super) identity: String,
    /// `pg_attribute.attgenerated`: `s`, `v` or empty.
    pub(super) generated: String,
    pub(super) expression: Option<String>,
    pub(super) collation: Oid,
    /// Its name, if it is not that of the type.
    pub(super) own_collation: Option<String>,
    pub(super) has_storage: bool,
    pub(super) has_compression: bool,
    pub(super) has_statistics_target: bool,
    /// Names of the options that somebody has set, or that are not known.
    pub(super) options: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct ConstraintRow {
    pub(super) oid: Oid,
    pub(super) table: Oid,
    pub(super) name: Ident,
    /// `pg_constraint.contype`.
    pub(super) kind: char,
    pub(super) deferrable: bool,
    pub(super) deferred: bool,
    pub(super) validated: bool,
    pub(super) no_inherit: bool,
    pub(super) index: Oid,
    pub(super) columns: Option<Vec<i16>>,
    pub(super) expression: Option<String>,
    pub(super) foreign_table: Oid,
    pub(super) foreign_columns: Option<Vec<i16>>,
    pub(super) match_type: char,
    pub(super) on_update: char,
    pub(super) on_delete: char,
    pub(super) on_delete_columns: Option<Vec<i16>>,
    pub(super) has_period: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct ExternalRow {
    pub(super) constraint: Oid,
    pub(super) schema: Ident,
    pub(super) table: Ident,
    pub(super) columns: Vec<Ident>,
}

#[derive(Deserialize)]
pub(super) struct OperatorsRow {
    pub(super) constraint: Oid,
    pub(super) operators: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct IndexRow {
    pub(super) oid: Oid,
    pub(super) table: Oid,
    pub(super) name: Ident,
    pub(super) method: String,
    pub(super) unique: bool,
    pub(super) nulls_not_distinct: bool,
    pub(super) valid: bool,
    pub(super) options: Option<Vec<String>>,
    pub(super) has_tablespace: bool,
    pub(super) predicate: Option<String>,
    /// How many of the terms are keys; the others are included.
    pub(super) keys: usize,
    /// Numbers of columns; zero is an expression.
    pub(super) columns: Vec<i16>,
    /// If one of the keys is an expression.
    pub(super) terms: Option<Vec<String>>,
    pub(super) opclasses: Vec<Oid>,
    pub(super) collations: Vec<Oid>,
    pub(super) collation_names: Vec<String>,
    /// `pg_index.indoption`: 1 is descending, 2 nulls first.
    pub(super) options_of_keys: Vec<i16>,
    /// By number of the term, from one.
    pub(super) opclass_options: Option<BTreeMap<String, Vec<String>>>,
}

#[derive(Deserialize)]
pub(super) struct OpclassRow {
    pub(super) oid: Oid,
    pub(super) name: String,
    pub(super) is_default: bool,
}

#[derive(Deserialize)]
pub(super) struct EnumRow {
    pub(super) oid: Oid,
    pub(super) name: Ident,
    pub(super) labels: Vec<Ident>,
}

#[derive(Deserialize)]
pub(super) struct SequenceRow {
    pub(super) oid: Oid,
    pub(super) data_type: String,
    pub(super) options: SequenceSettings,
    pub(super) owner: Option<OwnerRow>,
}

#[derive(Deserialize)]
pub(super) struct OwnerRow {
    pub(super) table: Oid,
    pub(super) column: i16,
    pub(super) is_identity: bool,
}

#[derive(Deserialize)]
pub(super) struct CommentRow {
    pub(super) oid: Oid,
    /// Of the column; zero is the object itself.
    pub(super) number: i16,
    pub(super) text: String,
}

/// What hangs on a relation and is not modelled.
#[derive(Deserialize)]
pub(super) struct HookRow {
    /// `trigger`, `policy`, `rule`, or what keeps a constraint from being enforced.
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) relation: Oid,
}
