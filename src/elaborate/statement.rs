//! A declaration → the statement that creates it in the scratch schema.
//!
//! What these create is the desired state; tenants get the server's own text of it, see
//! [`kinds`]. Names are qualified and quoted, expressions are in parentheses.

use super::constraint;
use super::error::ElaborateError;
use super::{aggregate, policy, routine, rule, statistics, table, trigger, user_type, view};
use crate::catalog::{Kind, Object};
use crate::kinds::{self, sequence_option_words};
use crate::manifest::{
    AggregateDecl, ColumnDecl, ConstraintDecl, EnumDecl, Fragment, IndexDecl, MaterializedViewDecl,
    PartitionDecl, PolicyDecl, Position, ReplicaIdentity, RoutineDecl, RuleDecl, SequenceDecl,
    SqlStatement, StatisticsDecl, TableDecl, TriggerDecl, UserTypeDecl, ViewDecl,
};
use crate::name::{Ident, SchemaName, Text};
use crate::pg::{Cause, PgError};

/// A statement that creates what a manifest declares.
#[derive(Debug, Clone)]
pub(super) enum Statement<'m> {
    Schema,
    Enum(&'m EnumDecl),
    Type(&'m UserTypeDecl),
    Sequence(&'m SequenceDecl),
    /// With some of its constraints.
    Table {
        decl: &'m TableDecl,
        constraints: Vec<&'m ConstraintDecl>,
    },
    Partition(&'m PartitionDecl),
    Constraint {
        table: &'m Ident,
        decl: &'m ConstraintDecl,
    },
    /// On a table or a materialized view.
    Index {
        whole: Kind,
        on: &'m Ident,
        decl: &'m IndexDecl,
    },
    /// Sets how values of a column are stored and sampled.
    ColumnStorage {
        table: &'m Ident,
        decl: &'m ColumnDecl,
    },
    /// Gives a column its values, in a table without rows.
    Backfill {
        table: &'m Ident,
        decl: &'m ColumnDecl,
        backfill: &'m Fragment,
    },
    /// Sets what identifies a row of a table for logical replication.
    ReplicaIdentity {
        table: &'m TableDecl,
        identity: &'m ReplicaIdentity,
    },
    /// Binds a sequence to a column.
    SequenceOwner {
        decl: &'m SequenceDecl,
        table: &'m Ident,
        column: &'m Ident,
    },
    /// Sets the index in whose order the rows are stored.
    Clustering {
        whole: Kind,
        on: &'m Ident,
        index: &'m Ident,
        position: &'m Position,
    },
    Statistics {
        table: &'m Ident,
        decl: &'m StatisticsDecl,
    },
    /// Sets how much is sampled for them.
    StatisticsTarget {
        table: &'m Ident,
        decl: &'m StatisticsDecl,
        target: i64,
    },
    View(&'m ViewDecl),
    MaterializedView(&'m MaterializedViewDecl),
    Policy {
        table: &'m Ident,
        decl: &'m PolicyDecl,
    },
    /// Enables row-level security.
    RowSecurity {
        table: &'m TableDecl,
        verb: &'static str,
    },
    /// On a table or a view.
    Trigger {
        whole: Kind,
        on: &'m Ident,
        decl: &'m TriggerDecl,
    },
    /// On a table or a view.
    Rule {
        whole: Kind,
        on: &'m Ident,
        decl: &'m RuleDecl,
    },
    /// Enables or disables a trigger or a rule.
    Enable {
        object: Object,
        on: &'m Ident,
        name: &'m Ident,
        words: &'m str,
        position: &'m Position,
    },
    /// One of an SQL file.
    Sql(&'m SqlStatement),
    /// Creates a function again, so that its body is checked.
    SqlAgain(&'m SqlStatement),
    Routine(&'m RoutineDecl),
    Aggregate(&'m AggregateDecl),
    /// Creates it again, so that its body is checked.
    RoutineAgain(&'m RoutineDecl),
    Comment {
        on: Object,
        text: &'m Text,
    },
}

impl Statement<'_> {
    /// The SQL, without a semicolon at the end.
    pub(super) fn sql(&self, schema: &SchemaName) -> String {
        match self {
            Self::Schema => format!("CREATE SCHEMA {}", schema.quoted()),
            Self::Enum(decl) => user_type::create_enum(schema, decl),
            Self::Type(decl) => user_type::create(schema, decl),
            Self::Sequence(decl) => create_sequence(schema, decl),
            Self::Table { decl, constraints } => table::create(schema, decl, constraints),
            Self::Partition(decl) => table::create_partition(schema, decl),
            Self::Constraint { table, decl } => format!(
                "ALTER TABLE {} ADD {}",
                schema.qualify(table),
                constraint::clause(schema, decl)
            ),
            Self::Index { on, decl, .. } => constraint::create_index(schema, on, decl),
            Self::ColumnStorage { table, decl } => table::set_storage(schema, table, decl),
            Self::Backfill { table, decl, backfill } => format!(
                "UPDATE {} SET {} = ({})",
                schema.qualify(table),
                decl.name.quoted(),
                backfill.sql(schema)
            ),
            Self::ReplicaIdentity { table, identity } => {
                table::set_replica_identity(schema, &table.name, identity)
            }
            Self::SequenceOwner { decl, table, column } => format!(
                "ALTER SEQUENCE {} OWNED BY {}.{}",
                schema.qualify(&decl.name),
                schema.qualify(table),
                column.quoted()
            ),
            Self::Clustering { on, index, .. } => {
                format!("ALTER TABLE {} CLUSTER ON {}", schema.qualify(on), index.quoted())
            }
            Self::Statistics { table, decl } => statistics::create(schema, table, decl),
            Self::StatisticsTarget { decl, target, .. } => {
                statistics::set_target(schema, &decl.name, *target)
            }
            Self::View(decl) => view::create(schema, decl),
            Self::MaterializedView(decl) => view::create_materialized(schema, decl),
            Self::Policy { table, decl } => policy::create(schema, table, decl),
            Self::RowSecurity { table, verb } => {
                format!("ALTER TABLE {} {verb} ROW LEVEL SECURITY", schema.qualify(&table.name))
            }
            Self::Trigger { on, decl, .. } => trigger::create(schema, on, decl),
            Self::Rule { on, decl, .. } => rule::create(schema, on, decl),
            Self::Enable { object, on, name, words, .. } => format!(
                "ALTER TABLE {} {words} {} {}",
                schema.qualify(on),
                object.kind().name().to_uppercase(),
                name.quoted()
            ),
            Self::Sql(statement) => statement.sql(schema),
            Self::SqlAgain(statement) => statement.sql_again(schema),
            Self::Routine(decl) => routine::create(schema, decl, "CREATE"),
            Self::RoutineAgain(decl) => routine::create(schema, decl, "CREATE OR REPLACE"),
            Self::Aggregate(decl) => aggregate::create(schema, decl),
            Self::Comment { on, text } => {
                format!("COMMENT ON {} IS {}", kinds::comment_target(on, schema), text.literal())
            }
        }
    }

    /// Whether names without a schema in it are those of the schema.
    pub(super) fn resolves_in_schema(&self) -> bool {
        matches!(
            self,
            Self::View(_)
                | Self::MaterializedView(_)
                | Self::Type(_)
                | Self::Policy { .. }
                | Self::Rule { .. }
                | Self::Routine(_)
                | Self::RoutineAgain(_)
                | Self::Aggregate(_)
                | Self::Sql(_)
                | Self::SqlAgain(_)
        )
    }

    /// What it creates, in words.
    pub(super) fn what(&self) -> String {
        match self {
            Self::Sql(statement) | Self::SqlAgain(statement) => statement.what(),
            _ => self.object().map(|object| object.to_string()).unwrap_or_default(),
        }
    }

    /// The name of what it creates, if that is not a part of something.
    pub(super) fn created(&self) -> Option<Ident> {
        match self {
            Self::Sql(statement) => statement.created().cloned(),
            Self::Routine(_)
            | Self::Aggregate(_)
            | Self::View(_)
            | Self::MaterializedView(_)
            | Self::Type(_) => self.object()?.name().cloned(),
            _ => None,
        }
    }

    /// The object that it creates; what a statement of an SQL file creates is known to the server.
    pub(super) fn object(&self) -> Option<Object> {
        Some(match self {
            Self::Schema => Object::Schema,
            Self::Enum(decl) => Object::Member(Kind::Enum, decl.name.clone()),
            Self::Type(decl) => user_type::object(decl),
            Self::Sequence(decl) | Self::SequenceOwner { decl, .. } => {
                Object::Member(Kind::Sequence, decl.name.clone())
            }
            Self::Table { decl, .. } => Object::table(&decl.name),
            Self::Partition(decl) => Object::table(&decl.name),
            Self::Constraint { table, decl } => {
                Object::on_table(Kind::Constraint, table, &decl.name.ident)
            }
            Self::Index { whole, on, decl } => {
                Object::part(*whole, on, Kind::Index, &decl.name.ident)
            }
            Self::ColumnStorage { table, decl } | Self::Backfill { table, decl, .. } => {
                Object::column(table, &decl.name)
            }
            Self::ReplicaIdentity { table, .. } => {
                Object::on_table(Kind::ReplicaIdentity, &table.name, &table.name)
            }
            Self::Clustering { whole, on, .. } => Object::part(*whole, on, Kind::Clustering, on),
            Self::Statistics { table, decl } | Self::StatisticsTarget { table, decl, .. } => {
                Object::on_table(Kind::Statistics, table, &decl.name)
            }
            Self::View(decl) => Object::Member(Kind::View, decl.name.clone()),
            Self::MaterializedView(decl) => {
                Object::Member(Kind::MaterializedView, decl.name.clone())
            }
            Self::Routine(decl) | Self::RoutineAgain(decl) => routine::object(decl),
            Self::Aggregate(decl) => aggregate::object(decl),
            Self::Policy { table, decl } => Object::on_table(Kind::Policy, table, &decl.name),
            Self::RowSecurity { table, .. } => {
                Object::on_table(Kind::RowSecurity, &table.name, &table.name)
            }
            Self::Trigger { whole, on, decl } => {
                Object::part(*whole, on, Kind::Trigger, &decl.name)
            }
            Self::Rule { whole, on, decl } => Object::part(*whole, on, Kind::Rule, &decl.name),
            Self::Enable { object, .. } => object.clone(),
            Self::Comment { on, .. } => on.comment(),
            Self::Sql(_) | Self::SqlAgain(_) => return None,
        })
    }

    /// The error that the server's refusal is.
    pub(super) fn refused(&self, source: PgError, schema: &SchemaName) -> ElaborateError {
        let character = source.cause().and_then(Cause::position);
        let at = character.and_then(|at| match self {
            Self::Sql(statement) => statement.position_of(at, schema),
            Self::SqlAgain(statement) => statement.position_of_again(at, schema),
            _ => None,
        });
        let at = at.or_else(|| self.position());
        ElaborateError::Refused { at, object: self.what(), source }
    }

    /// Where that is declared.
    pub(super) fn position(&self) -> Option<Position> {
        let position = match self {
            Self::Enum(decl) => &decl.position,
            Self::Type(decl) => &decl.position,
            Self::Sequence(decl) | Self::SequenceOwner { decl, .. } => &decl.position,
            Self::Table { decl, .. } => &decl.position,
            Self::Partition(decl) => &decl.position,
            Self::Constraint { decl, .. } => &decl.position,
            Self::Index { decl, .. } => &decl.position,
            Self::ColumnStorage { decl, .. } => &decl.position,
            Self::Backfill { decl, backfill, .. } => backfill.position().unwrap_or(&decl.position),
            Self::Clustering { position, .. } | Self::Enable { position, .. } => position,
            Self::Statistics { decl, .. } | Self::StatisticsTarget { decl, .. } => &decl.position,
            Self::View(decl) => decl.query.position().unwrap_or(&decl.position),
            Self::MaterializedView(decl) => decl.query.position().unwrap_or(&decl.position),
            Self::Routine(decl) => &decl.position,
            Self::Policy { decl, .. } => &decl.position,
            Self::ReplicaIdentity { table, .. } | Self::RowSecurity { table, .. } => {
                &table.position
            }
            Self::Trigger { decl, .. } => &decl.position,
            Self::Rule { decl, .. } => match decl.commands.as_slice() {
                [command] => command.position().unwrap_or(&decl.position),
                _ => &decl.position,
            },
            Self::RoutineAgain(decl) => &decl.body_position,
            Self::Aggregate(decl) => &decl.position,
            Self::Sql(statement) | Self::SqlAgain(statement) => statement.position()?,
            Self::Schema | Self::Comment { .. } => return None,
        };
        Some(position.clone())
    }
}

fn create_sequence(schema: &SchemaName, decl: &SequenceDecl) -> String {
    let data_type = match decl.data_type {
        Some(data_type) => format!(" AS {}", data_type.sql()),
        None => String::new(),
    };
    format!(
        "CREATE SEQUENCE {}{data_type}{}",
        schema.qualify(&decl.name),
        sequence_option_words(&decl.options)
    )
}
