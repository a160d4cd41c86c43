//! Declarations → the statements that create them in the scratch schema.
//!
//! What these create is the desired state; tenants get the server's own text of it, see
//! [`kinds`]. Names are qualified and quoted, expressions are in parentheses.

use super::constraint;
use super::error::ElaborateError;
use super::{policy, routine, rule, statistics, table, trigger, user_type, view};
use crate::catalog::{Kind, Object};
use crate::kinds::{self, sequence_option_words};
use crate::manifest::{
    ColumnDecl, ConstraintDecl, EnumDecl, IndexDecl, Manifest, MaterializedViewDecl, PartitionDecl,
    PolicyDecl, Position, ReplicaIdentity, RoutineBody, RoutineDecl, RowSecurity, RuleDecl,
    SequenceDecl, SqlStatement, StatisticsDecl, TableDecl, TriggerDecl, UserTypeDecl, ViewDecl,
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
    /// Creates it again, so that its body is checked.
    RoutineAgain(&'m RoutineDecl),
    Comment {
        on: Object,
        text: &'m Text,
    },
}

/// The schema with its enums and sequences.
pub(super) fn types(manifest: &Manifest) -> Vec<Statement<'_>> {
    let mut statements = vec![Statement::Schema];
    statements.extend(manifest.enums.iter().map(Statement::Enum));
    statements.extend(manifest.sequences.iter().map(Statement::Sequence));
    statements
}

/// The other types, functions and procedures, of which some need tables, and others are needed by tables.
pub(super) fn types_and_routines(manifest: &Manifest) -> Vec<Statement<'_>> {
    let types = manifest.types.iter().map(Statement::Type);
    types.chain(manifest.routines.iter().map(Statement::Routine)).collect()
}

/// The functions and procedures, to check those bodies that were not checked when there were no tables yet.
pub(super) fn bodies(manifest: &Manifest) -> Vec<Statement<'_>> {
    let is_text = |decl: &&RoutineDecl| matches!(decl.body, RoutineBody::Text { .. });
    let in_sql = manifest.sql.statements.iter().filter(|statement| statement.has_body);
    let in_toml = manifest.routines.iter().filter(is_text).map(Statement::RoutineAgain);
    in_toml.chain(in_sql.map(Statement::SqlAgain)).collect()
}

/// The statements of SQL files, in an order in which few are refused because what they need comes later. Statements of
/// one kind keep their order, and what changes an object stays in front of what may need the change.
pub(super) fn sql(manifest: &Manifest) -> Vec<Statement<'_>> {
    let all = manifest.sql.statements.iter().filter(|statement| !statement.is_to_external);
    let mut statements: Vec<&SqlStatement> = all.collect();
    statements.sort_by_key(|statement| statement.rank());
    statements.into_iter().map(Statement::Sql).collect()
}

/// The statements of SQL files that add foreign keys to tables elsewhere, which they lock until all is rolled back.
pub(super) fn external_keys(manifest: &Manifest) -> Vec<Statement<'_>> {
    let all = manifest.sql.statements.iter().filter(|statement| statement.is_to_external);
    all.map(Statement::Sql).collect()
}

/// The tables with their indexes, and all constraints except the foreign keys: what these point to may be an index.
pub(super) fn tables(manifest: &Manifest) -> Vec<Statement<'_>> {
    let mut statements = Vec::new();
    let mut tables: Vec<&TableDecl> = manifest.tables.iter().collect();
    tables.sort_by_key(|decl| table::depth(manifest, decl));
    for decl in tables {
        let all = decl.constraints.iter().filter(|decl| decl.references().is_none());
        // A new table has no rows that need not meet one, says CREATE TABLE.
        let (later, constraints): (Vec<_>, _) = all.partition(|decl| decl.not_valid);
        statements.push(Statement::Table { decl, constraints });
        let table = &decl.name;
        statements.extend(later.into_iter().map(|decl| Statement::Constraint { table, decl }));
        let stored = decl.columns.iter().filter(|column| !column.storage.is_in_clause());
        statements.extend(stored.map(|decl| Statement::ColumnStorage { table, decl }));
    }
    statements.extend(manifest.partitions.iter().map(Statement::Partition));
    for table in &manifest.tables {
        statements.extend(indexes(Kind::Table, &table.name, &table.indexes));
        for decl in &table.statistics {
            let table = &table.name;
            statements.push(Statement::Statistics { table, decl });
            statements.extend(decl.target.map(|target| Statement::StatisticsTarget {
                table,
                decl,
                target,
            }));
        }
    }
    statements
}

fn indexes<'m>(
    whole: Kind,
    on: &'m Ident,
    all: &'m [IndexDecl],
) -> impl Iterator<Item = Statement<'m>> {
    all.iter().map(move |decl| Statement::Index { whole, on, decl })
}

/// The indexes of materialized views.
pub(super) fn view_indexes(manifest: &Manifest) -> Vec<Statement<'_>> {
    let views = manifest.materialized_views.iter();
    views.flat_map(|view| indexes(Kind::MaterializedView, &view.name, &view.indexes)).collect()
}

/// The foreign keys to tables of the schema.
pub(super) fn keys(manifest: &Manifest) -> Vec<Statement<'_>> {
    let of_tables = manifest.tables.iter().flat_map(|table| {
        let keys = table
            .constraints
            .iter()
            .filter(|decl| decl.references().is_some_and(|target| target.external().is_none()));
        keys.map(|decl| Statement::Constraint { table: &table.name, decl })
    });
    of_tables.collect()
}

/// The views of both kinds, in the order of the manifest, in which they may not be creatable.
pub(super) fn views(manifest: &Manifest) -> Vec<Statement<'_>> {
    let materialized = manifest.materialized_views.iter().map(Statement::MaterializedView);
    manifest.views.iter().map(Statement::View).chain(materialized).collect()
}

/// What binds sequences to columns.
pub(super) fn owned_sequences(manifest: &Manifest) -> Vec<Statement<'_>> {
    let owned = manifest.sequences.iter().filter_map(|decl| {
        let (table, column) = decl.owned_by.as_ref()?;
        Some(Statement::SequenceOwner { decl, table, column })
    });
    owned.collect()
}

/// What chooses one of the indexes.
pub(super) fn chosen_indexes(manifest: &Manifest) -> Vec<Statement<'_>> {
    let identities = manifest.tables.iter().filter_map(|table| {
        let identity = table.replica_identity.as_ref()?;
        Some(Statement::ReplicaIdentity { table, identity })
    });
    let tables = manifest.tables.iter();
    let tables = tables.map(|t| (Kind::Table, &t.name, &t.cluster_on, &t.position));
    let views = manifest.materialized_views.iter();
    let views = views.map(|v| (Kind::MaterializedView, &v.name, &v.cluster_on, &v.position));
    let clusterings = tables.chain(views).filter_map(|(whole, on, index, position)| {
        Some(Statement::Clustering { whole, on, index: index.as_ref()?, position })
    });
    identities.chain(clusterings).collect()
}

/// The policies, which may call functions of the schema and read its tables, and the row-level security of tables.
pub(super) fn policies(manifest: &Manifest) -> Vec<Statement<'_>> {
    let of_tables = manifest.tables.iter().flat_map(|table| {
        let verbs: &[&'static str] = match table.row_security {
            None => &[],
            Some(RowSecurity::Enabled) => &["ENABLE"],
            Some(RowSecurity::Forced) => &["ENABLE", "FORCE"],
        };
        let name = &table.name;
        let policies =
            table.policies.iter().map(move |decl| Statement::Policy { table: name, decl });
        policies.chain(verbs.iter().map(move |verb| Statement::RowSecurity { table, verb }))
    });
    of_tables.collect()
}

/// The triggers, whose functions may be those of the schema.
pub(super) fn triggers(manifest: &Manifest) -> Vec<Statement<'_>> {
    let of_tables = manifest.tables.iter().map(|t| (Kind::Table, &t.name, &t.triggers));
    let of_views = manifest.views.iter().map(|v| (Kind::View, &v.name, &v.triggers));
    let all = of_tables.chain(of_views).flat_map(|(whole, on, triggers)| {
        triggers.iter().flat_map(move |decl| {
            let create = Statement::Trigger { whole, on, decl };
            let object = create.object();
            std::iter::once(create).chain(enable(
                object,
                on,
                (&decl.name, &decl.position),
                decl.enable.as_ref(),
            ))
        })
    });
    all.collect()
}

/// The rules, whose commands may read and write all that there is.
pub(super) fn rules(manifest: &Manifest) -> Vec<Statement<'_>> {
    let of_tables = manifest.tables.iter().map(|t| (Kind::Table, &t.name, &t.rules));
    let of_views = manifest.views.iter().map(|v| (Kind::View, &v.name, &v.rules));
    let all = of_tables.chain(of_views).flat_map(|(whole, on, rules)| {
        rules.iter().flat_map(move |decl| {
            let create = Statement::Rule { whole, on, decl };
            let object = create.object();
            std::iter::once(create).chain(enable(
                object,
                on,
                (&decl.name, &decl.position),
                decl.enable.as_ref(),
            ))
        })
    });
    all.collect()
}

/// What enables or disables a trigger or a rule, if it does not stay as it is created.
fn enable<'m>(
    object: Option<Object>,
    on: &'m Ident,
    (name, position): (&'m Ident, &'m Position),
    words: Option<&'m String>,
) -> Option<Statement<'m>> {
    Some(Statement::Enable { object: object?, on, name, words: words?, position })
}

/// The comments on what is declared.
pub(super) fn comments<'m>(manifest: &'m Manifest) -> Vec<Statement<'m>> {
    let mut statements = Vec::new();
    let mut add = |on: Object, text: Option<&'m Text>| {
        if let Some(text) = text {
            statements.push(Statement::Comment { on, text });
        }
    };
    for decl in &manifest.enums {
        add(Object::Member(Kind::Enum, decl.name.clone()), decl.comment.as_ref());
    }
    for (object, text) in manifest.types.iter().flat_map(user_type::comments) {
        add(object, Some(text));
    }
    for decl in &manifest.sequences {
        add(Object::Member(Kind::Sequence, decl.name.clone()), decl.comment.as_ref());
    }
    for decl in &manifest.views {
        add(Object::Member(Kind::View, decl.name.clone()), decl.comment.as_ref());
        for (name, text) in &decl.column_comments {
            add(Object::part(Kind::View, &decl.name, Kind::Column, name), Some(text));
        }
        for trigger in &decl.triggers {
            let object = Object::part(Kind::View, &decl.name, Kind::Trigger, &trigger.name);
            add(object, trigger.comment.as_ref());
        }
        for rule in &decl.rules {
            let object = Object::part(Kind::View, &decl.name, Kind::Rule, &rule.name);
            add(object, rule.comment.as_ref());
        }
    }
    for decl in &manifest.materialized_views {
        add(Object::Member(Kind::MaterializedView, decl.name.clone()), decl.comment.as_ref());
        for (name, text) in &decl.column_comments {
            add(Object::part(Kind::MaterializedView, &decl.name, Kind::Column, name), Some(text));
        }
        for index in &decl.indexes {
            let whole = Kind::MaterializedView;
            let object = Object::part(whole, &decl.name, Kind::Index, &index.name.ident);
            add(object, index.comment.as_ref());
        }
    }
    for decl in &manifest.partitions {
        add(Object::table(&decl.name), decl.comment.as_ref());
    }
    for table in &manifest.tables {
        let name = &table.name;
        add(Object::table(name), table.comment.as_ref());
        for column in &table.columns {
            add(Object::column(name, &column.name), column.comment.as_ref());
        }
        for decl in &table.constraints {
            // Those to tables outside are not created; see `external`.
            if decl.references().is_none_or(|to| to.external().is_none()) {
                add(
                    Object::on_table(Kind::Constraint, name, &decl.name.ident),
                    decl.comment.as_ref(),
                );
            }
        }
        for decl in &table.statistics {
            add(Object::on_table(Kind::Statistics, name, &decl.name), decl.comment.as_ref());
        }
        for decl in &table.policies {
            add(Object::on_table(Kind::Policy, name, &decl.name), decl.comment.as_ref());
        }
        for decl in &table.triggers {
            add(Object::on_table(Kind::Trigger, name, &decl.name), decl.comment.as_ref());
        }
        for decl in &table.rules {
            add(Object::on_table(Kind::Rule, name, &decl.name), decl.comment.as_ref());
        }
        for decl in &table.indexes {
            add(Object::on_table(Kind::Index, name, &decl.name.ident), decl.comment.as_ref());
        }
    }
    statements
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
            Self::Routine(_) | Self::View(_) | Self::MaterializedView(_) | Self::Type(_) => {
                self.object()?.name().cloned()
            }
            _ => None,
        }
    }

    /// The object that it creates; what a statement of an SQL file creates is known to the server.
    fn object(&self) -> Option<Object> {
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
            Self::ColumnStorage { table, decl } => Object::column(table, &decl.name),
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
