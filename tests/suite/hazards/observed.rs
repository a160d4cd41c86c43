//! What a transaction has done, according to the server.

use std::collections::{BTreeMap, BTreeSet};

use provision::hazards::Hazards;
use provision::locks::TableLock;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

/// The state within a transaction. Relations are known by their numbers.
pub struct Observed {
    relations: BTreeMap<String, Relation>,
    /// By number: the table, and the file.
    indexes: BTreeMap<String, (String, String)>,
    /// Child tables, at any depth, by the name of the parent.
    children: BTreeMap<String, BTreeSet<String>>,
    locks: BTreeMap<String, TableLock>,
    /// How often tables had been read from end to end when this was observed, and when it had been.
    scans: i64,
    scans_afterwards: i64,
    /// What is in each column of each table.
    values: BTreeMap<String, String>,
}

struct Relation {
    /// As plans name it.
    name: String,
    kind: String,
    file: String,
    access: String,
}

pub async fn run(conn: &mut PgConnection, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(conn).await.map(drop)
}

pub async fn text(conn: &mut PgConnection, sql: &str) -> Vec<Vec<String>> {
    let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(conn).await.expect(sql);
    let cell = |row: &sqlx::postgres::PgRow, at: usize| {
        row.try_get_unchecked::<Option<String>, _>(at).expect(sql).unwrap_or_default()
    };
    rows.iter().map(|row| (0..row.len()).map(|at| cell(row, at)).collect()).collect()
}

const RELATIONS: &str = "
    SELECT c.oid::text, CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view '
                          WHEN 'S' THEN 'sequence ' ELSE 'table ' END
           || CASE n.nspname WHEN 'acme' THEN c.relname ELSE format('\"%s\".\"%s\"', n.nspname, c.relname) END,
           c.relkind::text, coalesce(pg_relation_filenode(c.oid), 0)::text,
           concat_ws(' ', c.relacl::text, c.relowner, c.relrowsecurity, c.relforcerowsecurity,
                     (SELECT string_agg(concat_ws(' ', polcmd, polroles, polqual, polwithcheck), ',' ORDER BY oid)
                      FROM pg_policy WHERE polrelid = c.oid))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('acme', 'shared') AND c.relkind IN ('r', 'p', 'v', 'm', 'S')";

const INDEXES: &str = "
    SELECT indexrelid::text, indrelid::text, coalesce(pg_relation_filenode(indexrelid), 0)::text FROM pg_index
    WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'acme'::regnamespace)";

const CHILDREN: &str = "
    WITH RECURSIVE d AS (
        SELECT inhparent AS parent, inhrelid AS child FROM pg_inherits
        UNION SELECT d.parent, i.inhrelid FROM d JOIN pg_inherits i ON i.inhparent = d.child)
    SELECT p.relname::text, c.relname::text FROM d JOIN pg_class p ON p.oid = parent JOIN pg_class c ON c.oid = child
    WHERE c.relkind IN ('r', 'p')";

const LOCKS: &str = "
    SELECT relation::text, mode FROM pg_locks
    WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted";

const SCANS: &str = "
    SELECT coalesce(sum(seq_scan), 0)::text FROM pg_stat_xact_all_tables WHERE schemaname IN ('acme', 'shared')";

const COLUMNS: &str = "
    SELECT a.attrelid::regclass::text, quote_ident(a.attname) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'acme'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
      AND a.attgenerated = ''";

/// Such as `AccessExclusiveLock`.
fn mode(name: &str) -> TableLock {
    let name = name.trim_end_matches("Lock");
    let words = name.chars().flat_map(|c| {
        let space = c.is_ascii_uppercase().then_some(' ');
        space.into_iter().chain([c])
    });
    words.collect::<String>().parse().expect("a lock mode")
}

impl Observed {
    pub async fn of(conn: &mut PgConnection) -> Self {
        let locks = text(conn, LOCKS).await;
        let mut strongest: BTreeMap<String, TableLock> = BTreeMap::new();
        for row in locks {
            let mode = mode(&row[1]);
            let known = strongest.entry(row[0].clone()).or_insert(mode);
            *known = (*known).max(mode);
        }
        let scans = text(conn, SCANS).await[0][0].parse().expect("a number");
        let relations = text(conn, RELATIONS).await.into_iter().map(|row| {
            let [oid, name, kind, file, access] = row.try_into().expect("five columns");
            (oid, Relation { name, kind, file, access })
        });
        let relations = relations.collect();
        let indexes = text(conn, INDEXES).await.into_iter().map(|row| {
            let [oid, table, file] = row.try_into().expect("three columns");
            (oid, (table, file))
        });
        let indexes = indexes.collect();
        let mut children: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in text(conn, CHILDREN).await {
            children
                .entry(format!("table {}", row[0]))
                .or_default()
                .insert(format!("table {}", row[1]));
        }
        let mut values = BTreeMap::new();
        for row in text(conn, COLUMNS).await {
            let (table, column) = (&row[0], &row[1]);
            let query = format!(
                "SELECT string_agg({column}::text, ',' ORDER BY {column}::text) FROM {table}"
            );
            let found = text(conn, &query).await;
            values.insert(format!("{table}.{column}"), found[0][0].clone());
        }
        // Reading the values has read the tables, too.
        let scans_afterwards = text(conn, SCANS).await[0][0].parse().expect("a number");
        Self { relations, indexes, children, locks: strongest, scans, scans_afterwards, values }
    }

    /// What is locked of what was there before, and what is said to be. Sequences that are not named belong to columns.
    pub fn locks_against(
        &self,
        hazards: &Hazards,
        before: &Self,
    ) -> (BTreeMap<String, TableLock>, BTreeMap<String, TableLock>) {
        let told: BTreeMap<String, TableLock> =
            hazards.locks.iter().map(|lock| (lock.relation.clone(), lock.mode)).collect();
        let parents = hazards.locks.iter().filter(|lock| lock.with_children);
        let children: BTreeSet<&String> =
            parents.filter_map(|lock| before.children.get(&lock.relation)).flatten().collect();
        let taken = before.relations.iter().filter_map(|(oid, relation)| {
            let mode = *self.locks.get(oid)?;
            let is_told = told.contains_key(&relation.name);
            let is_along = !is_told && (relation.kind == "S" || children.contains(&relation.name));
            (mode >= TableLock::RowExclusive && !is_along).then(|| (relation.name.clone(), mode))
        });
        (taken.collect(), told)
    }

    fn surviving<'o>(
        &'o self,
        before: &'o Self,
    ) -> impl Iterator<Item = (&'o String, &'o Relation, &'o Relation)> {
        before.relations.iter().filter_map(|(oid, old)| Some((oid, old, self.relations.get(oid)?)))
    }

    pub fn rewrote(&self, before: &Self) -> bool {
        self.surviving(before).any(|(_, old, new)| old.kind != "S" && old.file != new.file)
    }

    /// One with a file of its own: where the server creates an index again with the file that it had, nothing is built.
    pub fn built_index(&self, before: &Self) -> bool {
        let is_old = |file: &String| before.indexes.values().any(|(_, old)| old == file);
        let mut indexes = self.indexes.values();
        indexes.any(|(table, file)| before.relations.contains_key(table) && !is_old(file))
    }

    pub fn lost_index(&self, before: &Self) -> bool {
        let count =
            |of: &Self, table: &String| of.indexes.values().filter(|(t, _)| t == table).count();
        self.surviving(before).any(|(oid, ..)| count(self, oid) < count(before, oid))
    }

    pub fn scanned(&self, before: &Self) -> bool {
        self.scans > before.scans_afterwards
    }

    pub fn lost(&self, before: &Self) -> bool {
        let is_gone = |(oid, relation): (&String, &Relation)| {
            matches!(relation.kind.as_str(), "r" | "p" | "S") && !self.relations.contains_key(oid)
        };
        before.relations.iter().any(is_gone)
            || before.values.iter().any(|(column, values)| self.values.get(column) != Some(values))
    }

    pub fn changed_access(&self, before: &Self) -> bool {
        self.surviving(before).any(|(_, old, new)| old.access != new.access)
    }
}
