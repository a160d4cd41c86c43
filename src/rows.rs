//! Baseline rows → SQL. Rows are guarded by their key, so that each statement may be run again.

mod change;
mod different;
mod values;

use std::collections::BTreeSet;

pub use change::{Follower, Site, delete, free, update};
pub use different::{CellDifference, DifferentRow, MAX_SURPLUS, Surplus, SurplusRow};
pub use values::{OfColumn, Values};

use crate::catalog::{Catalog, Desired, Object};
use crate::grants::Grant;
use crate::kinds;
use crate::manifest::{Cell, Manifest, SeedDecl, SeedMode, SeedRow, TypeDecl};
use crate::name::{Ident, SchemaName, TenantId, Text, literal};
use crate::settings::TRUSTED_ROLES;

/// What a manifest declares, and the same as facts once the server has elaborated it.
#[derive(Debug, Clone, Copy)]
pub struct Declared<'m> {
    pub manifest: &'m Manifest,
    pub desired: Option<&'m Desired>,
    /// The privileges, once it was elaborated.
    pub grants: &'m [Grant],
    /// What the server makes of declared values, once it was elaborated.
    pub values: Option<&'m Values>,
}

/// How the columns of a tenant are compared with the values of declared rows.
#[derive(Debug)]
pub struct Columns<'m> {
    manifest: &'m Manifest,
    values: Option<&'m Values>,
    /// Those that are read, and whose type in the tenant is not the declared one.
    other: BTreeSet<(&'m Ident, &'m Ident)>,
    /// Those that would be read, and do not exist.
    absent: BTreeSet<(&'m Ident, &'m Ident)>,
    /// The tables of rows that do not exist, or did not before they were created just now.
    new_tables: BTreeSet<&'m Ident>,
    /// Those that are part of a unique key.
    unique: BTreeSet<(&'m Ident, &'m Ident)>,
}

impl<'m> Columns<'m> {
    /// Where they all exist and have the declared types.
    #[must_use]
    pub fn as_declared(declared: Declared<'m>) -> Self {
        Self { values: declared.values, ..Self::of_manifest(declared.manifest) }
    }

    /// The same for statements, in which values stand as they are declared.
    #[must_use]
    pub fn of_manifest(manifest: &'m Manifest) -> Self {
        Self {
            manifest,
            values: None,
            other: BTreeSet::new(),
            absent: BTreeSet::new(),
            new_tables: BTreeSet::new(),
            unique: BTreeSet::new(),
        }
    }

    /// Those of one tenant; `None`: there is no such schema.
    #[must_use]
    pub fn of_tenant(declared: Declared<'m>, live: Option<&Catalog>) -> Self {
        let Declared { manifest, desired, .. } = declared;
        let data_type = |catalog: Option<&Catalog>, (table, column): &(&Ident, &Ident)| {
            let fact = kinds::column(catalog?, table, column)?;
            fact.text("type").map(str::to_owned)
        };
        let is_other = |column: &(&'m Ident, &'m Ident)| {
            let there = data_type(live, column);
            there.is_some() && there != data_type(desired.map(|desired| &desired.catalog), column)
        };
        let is_absent = |(table, column): &(&'m Ident, &'m Ident)| {
            live.is_none_or(|live| kinds::column(live, table, column).is_none())
        };
        let read = || manifest.seeds.iter().flat_map(SeedDecl::columns_read);
        let mut other = BTreeSet::new();
        if desired.is_some() && live.is_some() {
            other = read().filter(is_other).collect();
        }
        let is_new = |table: &&Ident| live.is_none_or(|live| !live.has_table(table));
        let tables = manifest.seeds.iter().map(|seed| &seed.table);
        Self {
            other,
            absent: read().filter(is_absent).collect(),
            new_tables: tables.filter(is_new).collect(),
            unique: desired.map(|desired| unique(manifest, desired)).unwrap_or_default(),
            ..Self::as_declared(declared)
        }
    }

    /// The same after statements, if `exists` says which columns there are then.
    #[must_use]
    pub fn after(mut self, exists: impl Fn(&Ident, &Ident) -> bool) -> Self {
        self.absent.retain(|(table, column)| !exists(table, column));
        self
    }

    /// Whether the rows of a seed are searched for: those that are inserted once are, if their table was created just now.
    #[must_use]
    pub fn searches_for(&self, seed: &SeedDecl) -> bool {
        seed.mode != SeedMode::Once || self.new_tables.contains(&seed.table)
    }

    /// Whether a column that is read exists.
    #[must_use]
    pub fn has(&self, table: &Ident, column: &Ident) -> bool {
        !self.absent.contains(&(table, column))
    }

    /// Whether it is part of a unique key.
    #[must_use]
    pub fn is_unique(&self, table: &Ident, column: &Ident) -> bool {
        self.unique.contains(&(table, column))
    }

    /// What declares them.
    #[must_use]
    pub fn manifest(&self) -> &'m Manifest {
        self.manifest
    }

    /// The rows of a table: those of a partitioned one are in its partitions; those of child tables are none of them.
    #[must_use]
    pub fn relation(&self, schema: &SchemaName, table: &Ident) -> String {
        let name = schema.qualify(table);
        match self.manifest.row_table(table) {
            Some(table) if table.is_partitioned => name,
            _ => format!("ONLY {name}"),
        }
    }

    /// Whether they all have the declared types.
    #[must_use]
    pub fn are_as_declared(&self) -> bool {
        self.other.is_empty()
    }

    /// The comparison with one of them.
    #[must_use]
    pub fn comparison(&self, table: &Ident, column: &Ident) -> Comparison {
        if self.other.contains(&(table, column)) {
            return Comparison::Printed { is_array: false };
        }
        Comparison::of(self.manifest, table, column)
    }

    /// The comparison of one of them with a value that it is kept at. Texts are compared with the value as it is printed once
    /// it is stored, so that they need not be converted to the type.
    #[must_use]
    pub fn kept_comparison(&self, table: &Ident, column: &Ident) -> Comparison {
        let is_comparable = self.values.is_none_or(|values| values.is_comparable(table, column));
        match self.comparison(table, column) {
            Comparison::Printed { .. } => Comparison::Printed { is_array: false },
            _ if !is_comparable => Comparison::Printed { is_array: false },
            other => other,
        }
    }

    /// A cell that a column is kept at, as an SQL expression to compare the column with.
    #[must_use]
    pub fn kept_value(
        &self,
        (table, column): (&Ident, &Ident),
        value: &Cell,
        (schema, tenant): (&SchemaName, &TenantId),
    ) -> String {
        if let (Cell::Value(text), Some(values)) = (value, self.values) {
            return values.stored(table, column, text).literal();
        }
        let sql = cell(self, value, schema, tenant);
        self.kept_comparison(table, column).value(self, value, &sql)
    }
}

/// The columns of seeds, with their tables, that unique keys are on.
fn unique<'m>(manifest: &'m Manifest, desired: &Desired) -> BTreeSet<(&'m Ident, &'m Ident)> {
    let seeds = manifest.seeds.iter().filter(|seed| seed.mode.keeps_values());
    let columns = seeds.flat_map(|seed| {
        let names: BTreeSet<&Ident> =
            seed.rows.iter().flat_map(|row| &row.cells).map(|(name, _)| name).collect();
        names.into_iter().map(|name| (&seed.table, name))
    });
    let mut columns: BTreeSet<(&Ident, &Ident)> = columns.collect();
    if columns.is_empty() {
        return columns;
    }
    let keys: Vec<_> = desired.catalog.facts().filter(|fact| kinds::is_unique(fact)).collect();
    columns.retain(|(table, name)| {
        let column = Object::column(table, name);
        keys.iter().any(|key| key.dependencies.contains(&column))
    });
    columns
}

/// A cell as an SQL expression. A literal has no type of its own: it takes that of the column
/// that it is compared with or goes into, so the server converts it as it converts input, and
/// refuses what does not fit instead of cutting it off.
#[must_use]
pub fn cell(columns: &Columns<'_>, cell: &Cell, schema: &SchemaName, tenant: &TenantId) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Value(text) => text.literal(),
        Cell::Sql(expression) => format!("({})", expression.sql(schema)),
        Cell::Tenant => tenant_literal(tenant),
        Cell::Lookup { table, column, matching } => {
            let conditions: Vec<String> = matching
                .iter()
                .map(|(name, value)| {
                    let sql = self::cell(columns, value, schema, tenant);
                    let comparison = columns.comparison(table, name);
                    comparison.equal(
                        &format!("l.{}", name.quoted()),
                        &comparison.value(columns, value, &sql),
                    )
                })
                .collect();
            format!(
                "(SELECT l.{} FROM {} AS l WHERE {})",
                column.quoted(),
                columns.relation(schema, table),
                conditions.join(" AND ")
            )
        }
    }
}

/// How a column is compared with the value in a row of the manifest. While tenants are only read,
/// this must run no code of theirs, so only built-in code decides: output functions, which
/// only superusers can choose, and operators of types for which [`Comparison::is_safe`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// By the server's own `=`.
    Operator,
    /// As text, or an array of texts: a label that is still to be added is no value of its enum yet, and a value
    /// need not be one of a type that is not the declared one. A cast to text could be one that the type's
    /// owner has created; `concat` calls the output function.
    Printed { is_array: bool },
    /// By the equality operator of its type, which is not built in and which `=` under our search path
    /// does not find (`citext` would be compared as `text`). Arrays compare their elements by it.
    Type,
}

impl Comparison {
    /// The comparison for a column of the manifest.
    #[must_use]
    pub fn of(manifest: &Manifest, table: &Ident, column: &Ident) -> Self {
        let table = manifest.row_table(table);
        let column = table.and_then(|decl| decl.columns.iter().find(|c| c.name == *column));
        match column.map(|decl| &decl.data_type) {
            Some(TypeDecl::Declared { dimensions, .. }) => {
                Self::Printed { is_array: *dimensions > 0 }
            }
            // Arrays find the equality of their elements by themselves.
            Some(TypeDecl::Sql(name))
                if name.as_written().contains('.') && !name.as_written().ends_with(']') =>
            {
                Self::Type
            }
            Some(TypeDecl::Sql(_)) | None => Self::Operator,
        }
    }

    /// An expression without a value, from which literals that are compared with the column take
    /// their type.
    #[must_use]
    pub fn typed_null(self, table: &str, column: &Ident) -> String {
        match self {
            Self::Printed { is_array: false } => "NULL::text".to_owned(),
            Self::Printed { is_array: true } => "NULL::text[]".to_owned(),
            Self::Operator | Self::Type => format!("(NULL::{table}).{}", column.quoted()),
        }
    }

    /// A condition: comparing the column runs nothing that its type's owner has chosen, unless the
    /// owner is a superuser. The server knows the type when it parses the statement,
    /// and from then on holds a lock on the table. `None`: it never does.
    #[must_use]
    pub fn is_safe(self, schema: &SchemaName, table: &str, column: &Ident) -> Option<String> {
        let of = format!("pg_typeof((NULL::{table}).{})", column.quoted());
        match self {
            Self::Printed { .. } => None,
            Self::Operator => Some(format!("{of}::oid < 16384")),
            // Base types are created by superusers; the input of a domain runs its constraints.
            Self::Type => Some(format!(
                "EXISTS (SELECT FROM pg_type y LEFT JOIN pg_type e ON e.oid = y.typelem \
                 WHERE y.oid = {of} \
                 AND (y.typtype IN ('b', 'e') AND coalesce(e.typtype, 'b') IN ('b', 'e') \
                 OR y.typtype = 'd' AND y.typnamespace IS DISTINCT FROM to_regnamespace({}) \
                 AND y.typowner = ANY ({TRUSTED_ROLES})))",
                literal(&schema.quoted())
            )),
        }
    }

    /// The value, `sql`, as it is compared. Literals take the type of the other side; what has a type of
    /// its own that could be an enum is compared in its printed form, since casts of it could belong to anybody.
    #[must_use]
    pub fn value(self, columns: &Columns<'_>, value: &Cell, sql: &str) -> String {
        let printed = |array: &str| {
            format!(
                "(SELECT CASE WHEN x.v IS NOT NULL THEN concat(x.v) END{array} \
                 FROM (SELECT {sql} AS v) AS x)"
            )
        };
        match (self, value) {
            (Self::Printed { is_array }, Cell::Sql(_) | Cell::Lookup { .. }) => {
                printed(if is_array { "::text[]" } else { "" })
            }
            (Self::Operator | Self::Type, Cell::Lookup { table, column, .. })
                if columns.comparison(table, column) == (Self::Printed { is_array: false }) =>
            {
                printed("")
            }
            _ => sql.to_owned(),
        }
    }

    /// A condition, never NULL: the column has this value, or both are NULL. Values that are compared as texts are
    /// texts of the C collation.
    #[must_use]
    pub fn same(self, column: &str, value: &str) -> String {
        let equal = match self {
            Self::Printed { .. } => format!("{} = {value}", printed(column)),
            other => other.equal(column, value),
        };
        format!(
            "CASE WHEN num_nulls({column}) = 1 THEN num_nulls({value}) = 1 \
             ELSE num_nulls({value}) = 0 AND coalesce({equal}, false) END"
        )
    }

    /// A condition: the column is equal to a [`value`](Self::value).
    #[must_use]
    pub fn equal(self, column: &str, value: &str) -> String {
        match self {
            Self::Operator => format!("{column} = {value}"),
            Self::Printed { is_array } => {
                let value =
                    if is_array { format!("concat({value}::text[])") } else { value.to_owned() };
                format!("({column} IS NOT NULL AND concat({column}) = {value})")
            }
            Self::Type => {
                let both = format!("(ARRAY[{column}, {value}])");
                format!("({column} IS NOT NULL AND {both}[1:1] = {both}[2:2])")
            }
        }
    }
}

/// Inserts the row unless one with its key is there. A lookup that finds nothing inserts nothing,
/// which the verification after the last statement reports; it never inserts NULL instead.
///
/// The subquery selects a 1 because Citus cannot forward a result without columns.
#[must_use]
pub fn insert(
    manifest: &Manifest,
    schema: &SchemaName,
    tenant: &TenantId,
    seed: &SeedDecl,
    row: &SeedRow,
) -> String {
    let columns = Columns::of_manifest(manifest);
    let table = schema.qualify(&seed.table);
    let names: Vec<String> = row.cells.iter().map(|(name, _)| name.quoted()).collect();
    let (mut values, mut found, mut present) = (Vec::new(), Vec::new(), Vec::new());
    let mut conditions = Vec::new();
    for (at, (name, value)) in row.cells.iter().enumerate() {
        let mut sql = cell(&columns, value, schema, tenant);
        if let Cell::Lookup { .. } = value {
            found.push(format!("{sql} AS v{at}"));
            sql = format!("f.v{at}");
            conditions.push(format!("{sql} IS NOT NULL"));
        }
        if seed.key.contains(name) {
            let column = format!("t.{}", name.quoted());
            let comparison = columns.comparison(&seed.table, name);
            present.push(comparison.equal(&column, &comparison.value(&columns, value, &sql)));
        }
        values.push(sql);
    }
    conditions.push(format!(
        "NOT EXISTS (SELECT 1 FROM {} AS t WHERE {})",
        columns.relation(schema, &seed.table),
        present.join(" AND ")
    ));
    let from = if found.is_empty() {
        String::new()
    } else {
        format!(" FROM (SELECT {}) AS f", found.join(", "))
    };
    format!(
        "INSERT INTO {table} ({}) SELECT {}{from} WHERE {}",
        names.join(", "),
        values.join(", "),
        conditions.join(" AND ")
    )
}

/// A value in its printed form, as text. A cast to text could be one that the type's owner has created.
#[must_use]
pub fn printed(value: &str) -> String {
    format!("(concat({value}) COLLATE \"C\")")
}

fn tenant_literal(tenant: &TenantId) -> String {
    Text::from(tenant).literal()
}
