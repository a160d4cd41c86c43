-- The parts of one schema, each a statement that answers with one row: its name and a JSON array.
-- Sent together by pg/introspect.rs inside a transaction whose search path is `pg_catalog`, after
-- `members.sql` has told which objects there are: `:tables`, `:relations`, `:types` and `:others`
-- are replaced by their OIDs, and parts of which there is nothing are left out.
-- `/* name */ value` is replaced by the column `name` on servers that have it; `:kept_options` and
-- `:known_options` by names of column options.
--
-- The rows are those of the catalog nearly as they are, to be put together by pg/assemble.rs with
-- the help of their OIDs: the time went into planning joins.
--
-- Deparsing functions print a name unqualified when the search path would find it. The CTE `path`
-- sets the path to the schema, and each call depends on its answer: so it is set after the
-- statement was analysed (nothing in a tenant's schema can capture a name in here) and before the
-- function runs (a tenant's own objects stand unqualified). It is set back at once, since the next
-- statement is analysed only after this one has run.

-- [columns]
WITH path AS MATERIALIZED (
    SELECT set_config('search_path', current_setting('provision.path'), true) <> '' AS is_set
)
SELECT 'columns' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT a.attrelid::int8 AS "table",
           a.attnum AS number,
           a.attname AS name,
           CASE WHEN path.is_set THEN format_type(a.atttypid, a.atttypmod) END AS data_type,
           -- Since PostgreSQL 18 there may be a NOT NULL that the rows were never checked for.
           NOT a.attnotnull OR EXISTS (
               SELECT FROM pg_constraint k
               WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND NOT k.convalidated
                 AND k.conkey = ARRAY[a.attnum]) AS nullable,
           a.attidentity AS identity,
           a.attgenerated AS generated,
           CASE WHEN path.is_set AND a.atthasdef
                -- A default names no column, so the table need not be opened to deparse it.
                THEN (SELECT pg_get_expr(ad.adbin, CASE a.attgenerated WHEN '' THEN 0
                                                   ELSE ad.adrelid END)
                      FROM pg_attrdef ad
                      WHERE ad.adrelid = a.attrelid AND ad.adnum = a.attnum) END AS expression,
           a.attcollation::int8 AS collation,
           CASE WHEN path.is_set AND a.attcollation <> ty.typcollation
                THEN a.attcollation::regcollation::text END AS own_collation,
           a.attstorage <> ty.typstorage AS has_storage,
           a.attcompression <> '' AS has_compression,
           -- NULL since PostgreSQL 17.
           coalesce(a.attstattarget, -1) <> -1 AS has_statistics_target,
           -- `:kept_options` are what the server keeps there for itself; see pg/introspect.rs.
           ARRAY(SELECT split_part(o, '=', 1) FROM unnest(a.attoptions) o
                 WHERE split_part(o, '=', 1) <> ALL (:kept_options)) AS options
    FROM path
    CROSS JOIN pg_attribute a
    JOIN pg_type ty ON ty.oid = a.atttypid
    WHERE a.attrelid = ANY (:tables)
      AND a.attnum > 0
      AND NOT a.attisdropped
) r;
SET LOCAL search_path = pg_catalog, pg_temp;

-- [constraints]
WITH path AS MATERIALIZED (
    SELECT set_config('search_path', current_setting('provision.path'), true) <> '' AS is_set
)
SELECT 'constraints' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT k.oid::int8 AS oid,
           k.conrelid::int8 AS "table",
           k.conname AS name,
           k.contype AS kind,
           k.condeferrable AS deferrable,
           k.condeferred AS deferred,
           k.convalidated AS validated,
           k.connoinherit AS no_inherit,
           k.conindid::int8 AS index,
           k.conkey AS columns,
           CASE WHEN path.is_set AND k.contype = 'c'
                THEN pg_get_expr(k.conbin, k.conrelid) END AS expression,
           k.confrelid::int8 AS foreign_table,
           k.confkey AS foreign_columns,
           k.confmatchtype AS match_type,
           k.confupdtype AS on_update,
           k.confdeltype AS on_delete,
           /* confdelsetcols */ NULL::int2[] AS on_delete_columns,
           /* conperiod */ false AS has_period
    FROM path
    CROSS JOIN pg_constraint k
    WHERE k.conrelid = ANY (:tables)
      AND k.contype IN ('p', 'u', 'c', 'x', 'f')
      -- For each partition of the table that a foreign key points to, the server makes another one
      -- on the same table, which nobody can alter or drop alone.
      AND (k.conparentid = 0
           OR NOT EXISTS (SELECT FROM pg_constraint p
                          WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid))
) r;
SET LOCAL search_path = pg_catalog, pg_temp;

-- [externals]
-- The tables of other schemas, and partitioned ones, that foreign keys point to; asked for only if
-- there are any.
SELECT 'externals' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT k.oid::int8 AS "constraint",
           n.nspname AS schema,
           f.relname AS "table",
           ARRAY(SELECT a.attname
                 FROM unnest(k.confkey) WITH ORDINALITY AS u(attnum, position)
                 JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum
                 ORDER BY u.position) AS columns
    FROM pg_constraint k
    JOIN pg_class f ON f.oid = k.confrelid
    JOIN pg_namespace n ON n.oid = f.relnamespace
    WHERE k.conrelid = ANY (:tables)
      AND k.contype = 'f'
      AND k.confrelid <> ALL (:tables)
) r;

-- [operators]
-- Those of exclusion constraints; asked for only if there are any.
SELECT 'operators' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT k.oid::int8 AS "constraint",
           ARRAY(SELECT o.oprnamespace::regnamespace::text || '.' || o.oprname
                 FROM unnest(k.conexclop) WITH ORDINALITY AS u(oid, position)
                 JOIN pg_operator o ON o.oid = u.oid
                 ORDER BY u.position) AS operators
    FROM pg_constraint k
    WHERE k.conrelid = ANY (:tables)
      AND k.contype = 'x'
) r;

-- [indexes]
-- Those that back a constraint are among them.
WITH path AS MATERIALIZED (
    SELECT set_config('search_path', current_setting('provision.path'), true) <> '' AS is_set
)
SELECT 'indexes' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT i.indexrelid::int8 AS oid,
           i.indrelid::int8 AS "table",
           c.relname AS name,
           (SELECT am.amname FROM pg_am am WHERE am.oid = c.relam) AS method,
           i.indisunique AS "unique",
           /* indnullsnotdistinct */ false AS nulls_not_distinct,
           i.indisvalid AND i.indisready AS valid,
           c.reloptions AS options,
           c.reltablespace <> 0 AS has_tablespace,
           CASE WHEN path.is_set AND i.indpred IS NOT NULL
                THEN pg_get_expr(i.indpred, i.indrelid) END AS predicate,
           i.indnkeyatts AS keys,
           i.indkey::int2[] AS columns,
           -- Deparsing opens the index; of columns, the number is enough.
           CASE WHEN path.is_set AND i.indexprs IS NOT NULL
                THEN ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, false)
                           FROM generate_series(1, i.indnkeyatts::int) n) END AS terms,
           i.indclass::oid[]::int8[] AS opclasses,
           i.indcollation::oid[]::int8[] AS collations,
           CASE WHEN path.is_set
                THEN i.indcollation::oid[]::regcollation[]::text[] END AS collation_names,
           i.indoption::int2[] AS options_of_keys,
           (SELECT json_object_agg(a.attnum, o.options)
            FROM pg_attribute a
            CROSS JOIN LATERAL (
                SELECT array_agg(o) AS options FROM unnest(a.attoptions) o
                WHERE split_part(o, '=', 1) <> ALL (:kept_options)) o
            WHERE a.attrelid = i.indexrelid AND o.options IS NOT NULL) AS opclass_options
    FROM path
    CROSS JOIN pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = ANY (:tables)
) r;
SET LOCAL search_path = pg_catalog, pg_temp;

-- [opclasses]
SELECT 'opclasses' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT op.oid::int8 AS oid,
           op.opcnamespace::regnamespace::text || '.' || quote_ident(op.opcname) AS name,
           op.opcdefault AS is_default
    FROM pg_opclass op
    WHERE op.oid = ANY (ARRAY(
        SELECT unnest(i.indclass) FROM pg_index i WHERE i.indrelid = ANY (:tables)))
) r;

-- [enums]
SELECT 'enums' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT t.oid::int8 AS oid,
           t.typname AS name,
           ARRAY(SELECT e.enumlabel FROM pg_enum e
                 WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) AS labels
    FROM pg_type t
    WHERE t.oid = ANY (:types)
      AND t.typtype = 'e'
) r;

-- [sequences]
SELECT 'sequences' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT s.seqrelid::int8 AS oid,
           format_type(s.seqtypid, NULL) AS data_type,
           json_build_object('start', s.seqstart, 'increment', s.seqincrement, 'min', s.seqmin,
                             'max', s.seqmax, 'cache', s.seqcache, 'cycle', s.seqcycle) AS options,
           (SELECT json_build_object('table', d.refobjid::int8, 'column', d.refobjsubid,
                                     'is_identity', d.deptype = 'i')
            FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid AND d.objsubid = 0
              AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
              AND d.deptype IN ('a', 'i')) AS owner
    FROM pg_sequence s
    WHERE s.seqrelid = ANY (:relations)
) r;

-- [comments]
SELECT 'comments' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    -- Of a very long one, the beginning and a digest: it may have a gigabyte.
    SELECT de.objoid::int8 AS oid, de.objsubid AS number,
           CASE WHEN length(de.description) <= 8192 THEN de.description
                ELSE left(de.description, 200) || '… (md5 ' || md5(de.description) || ')' END AS text
    FROM pg_description de
    WHERE de.classoid IN ('pg_class'::regclass, 'pg_constraint'::regclass, 'pg_type'::regclass)
      AND de.objoid = ANY (
          :relations || :types
          || ARRAY(SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = ANY (:tables)
                   UNION ALL
                   SELECT k.oid FROM pg_constraint k WHERE k.conrelid = ANY (:tables)))
) r;

-- [hooks]
SELECT 'hooks' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT 'trigger' AS kind, tg.tgname AS name, tg.tgrelid::int8 AS relation
    FROM pg_trigger tg
    WHERE tg.tgrelid = ANY (:relations)
      AND NOT tg.tgisinternal
    UNION ALL
    -- The triggers of a foreign key are what enforces it. Their own names hold OIDs, as does that of
    -- the internal trigger that Citus gives each distributed table.
    SELECT DISTINCT 'disabled trigger',
           coalesce(k.conname, regexp_replace(tg.tgname, '_[0-9]+$', '')), tg.tgrelid::int8
    FROM pg_trigger tg
    LEFT JOIN pg_constraint k ON k.oid = tg.tgconstraint
    WHERE tg.tgrelid = ANY (:relations)
      AND tg.tgisinternal
      AND tg.tgenabled <> 'O'
    UNION ALL
    -- And those on the table of another schema that a foreign key points to.
    SELECT DISTINCT 'disabled trigger', k.conname, k.conrelid::int8
    FROM pg_constraint k
    JOIN pg_trigger tg ON tg.tgconstraint = k.oid
    WHERE k.conrelid = ANY (:relations)
      AND k.contype = 'f'
      AND k.confrelid <> ALL (:relations)
      AND tg.tgrelid = k.confrelid
      AND tg.tgenabled <> 'O'
    UNION ALL
    SELECT 'policy', po.polname, po.polrelid::int8
    FROM pg_policy po
    WHERE po.polrelid = ANY (:relations)
    UNION ALL
    SELECT 'rule', ru.rulename, ru.ev_class::int8
    FROM pg_rewrite ru
    WHERE ru.ev_class = ANY (:relations)
      AND ru.rulename <> '_RETURN'
) r;

-- [unmodelled]
-- What lives in the schema and is neither a relation nor an enum.
WITH path AS MATERIALIZED (
    SELECT set_config('search_path', current_setting('provision.path'), true) <> '' AS is_set
), other AS MATERIALIZED (
    SELECT d.classid, d.objid
    FROM pg_depend d
    WHERE d.refclassid = 'pg_namespace'::regclass
      AND d.refobjid = :namespace
      AND d.objid = ANY (:others)
      -- A range type brings functions and a multirange type along.
      AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = d.classid
                      AND i.objid = d.objid AND i.deptype = 'i')
)
SELECT 'unmodelled' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT CASE t.typtype WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range type'
                          WHEN 'c' THEN 'composite type' ELSE 'type' END AS kind,
           t.typname::text AS name
    FROM other m
    JOIN pg_type t ON t.oid = m.objid
    WHERE m.classid = 'pg_type'::regclass
      -- The row type of a table depends on the table, not on the schema.
      AND t.typtype <> 'e'
    UNION ALL
    SELECT CASE p.prokind WHEN 'a' THEN 'aggregate' WHEN 'p' THEN 'procedure'
               ELSE 'function' END,
           p.proname || '(' || CASE WHEN path.is_set
               THEN pg_get_function_identity_arguments(p.oid) END || ')'
    FROM path
    CROSS JOIN other m
    JOIN pg_proc p ON p.oid = m.objid
    WHERE m.classid = 'pg_proc'::regclass
    UNION ALL
    SELECT o.type, coalesce(o.name, op.oprname, o.identity)
    FROM other m
    CROSS JOIN LATERAL pg_identify_object(m.classid, m.objid, 0) o
    LEFT JOIN pg_operator op ON m.classid = 'pg_operator'::regclass AND op.oid = m.objid
    WHERE m.classid NOT IN ('pg_type'::regclass, 'pg_proc'::regclass)
    UNION ALL
    -- A cast lives in no schema, but goes with its types.
    SELECT DISTINCT 'cast', CASE WHEN path.is_set THEN
               'from ' || format_type(ca.castsource, NULL) || ' to '
               || format_type(ca.casttarget, NULL) END
    FROM path
    CROSS JOIN pg_depend d
    JOIN pg_cast ca ON ca.oid = d.objid
    WHERE d.classid = 'pg_cast'::regclass
      AND d.refclassid = 'pg_type'::regclass
      AND d.refobjid = ANY (:types)
      -- The one from a range to its multirange comes with them.
      AND NOT EXISTS (SELECT FROM pg_depend i
                      WHERE i.classid = d.classid AND i.objid = d.objid AND i.deptype = 'i')
) r;
SET LOCAL search_path = pg_catalog, pg_temp;
