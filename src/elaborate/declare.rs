//! A manifest → the statements that create what it declares, in an order in which they can be run.

use super::statement::Statement;
use super::{table, user_type};
use crate::catalog::{Kind, Object};
use crate::manifest::{
    IndexDecl, Manifest, Position, RoutineBody, RoutineDecl, RowSecurity, SqlStatement,
};
use crate::name::{Ident, Text};

/// The schema with its enums and sequences.
pub(super) fn types(manifest: &Manifest) -> Vec<Statement<'_>> {
    let mut statements = vec![Statement::Schema];
    statements.extend(manifest.enums.iter().map(Statement::Enum));
    statements.extend(manifest.sequences.iter().map(Statement::Sequence));
    statements
}

/// The other types, functions, procedures and aggregates, of which some need tables, and others are needed by tables.
pub(super) fn types_and_routines(manifest: &Manifest) -> Vec<Statement<'_>> {
    let types = manifest.types.iter().map(Statement::Type);
    let routines = manifest.routines.iter().map(Statement::Routine);
    types.chain(routines).chain(manifest.aggregates.iter().map(Statement::Aggregate)).collect()
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
    for decl in table::in_order(manifest) {
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

/// What columns are filled with, to be checked while there are neither rows nor triggers.
pub(super) fn backfills(manifest: &Manifest) -> Vec<Statement<'_>> {
    let of_table = manifest.tables.iter().flat_map(|table| {
        let filled = table.columns.iter();
        filled.filter_map(|decl| {
            let backfill = decl.backfill.as_ref()?;
            Some(Statement::Backfill { table: &table.name, decl, backfill })
        })
    });
    of_table.collect()
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
            enabled(create, on, (&decl.name, &decl.position), decl.enable.as_ref())
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
            enabled(create, on, (&decl.name, &decl.position), decl.enable.as_ref())
        })
    });
    all.collect()
}

/// A trigger or a rule, with what enables or disables it, if it does not stay as it is created.
fn enabled<'m>(
    create: Statement<'m>,
    on: &'m Ident,
    (name, position): (&'m Ident, &'m Position),
    words: Option<&'m String>,
) -> impl Iterator<Item = Statement<'m>> {
    let object = create.object();
    let enable = object.zip(words);
    let enable =
        enable.map(|(object, words)| Statement::Enable { object, on, name, words, position });
    std::iter::once(create).chain(enable)
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
