-- Reads one schema, whole. Sent as one message by pg/introspect.rs inside a transaction whose
-- search path is `pg_catalog`, with the setting `provision.schema` holding the schema's name.
-- Each section answers with one row: its name and a JSON array of rows.
--
-- Deparsing functions print a name unqualified when the search path would find it. They are
-- therefore called inside `CASE WHEN set_config('search_path', …)`, which is evaluated after the
-- statement was analysed (so nothing in a tenant's schema can capture a name in these queries)
-- and before the function runs (so a tenant's own objects stand unqualified). Every statement
-- ends with the path as it was, since the next is analysed only after this one has run.

SELECT set_config('provision.namespace', coalesce(max(n.oid), 0)::text, true),
       set_config('provision.path',
                  quote_ident(current_setting('provision.schema')) || ', pg_temp', true)
FROM pg_namespace n
WHERE n.nspname = current_setting('provision.schema');

-- pg_class has no index on relnamespace; pg_depend has one on the referenced object.
SELECT set_config('provision.relations', coalesce(array_agg(c.oid), '{}')::text, true),
       set_config('provision.names', coalesce(array_agg(c.relname::text), '{}')::text, true)
FROM pg_depend d
JOIN pg_class c ON c.oid = d.objid
WHERE d.refclassid = 'pg_namespace'::regclass
  AND d.refobjid = current_setting('provision.namespace')::oid
  AND d.classid = 'pg_class'::regclass
  AND c.relname <> '_provision_state';

SELECT 'relations' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT c.relname AS name,
           c.relkind AS kind,
           c.relpersistence = 'u' AS unlogged,
           obj_description(c.oid, 'pg_class') AS comment,
           t.table_name IS NOT NULL AS visible,
           c.relrowsecurity AS row_security,
           c.reloptions AS options,
           c.reltablespace <> 0 AS has_tablespace,
           c.relreplident <> 'd' AS has_replica_identity,
           am.amname <> 'heap' AS has_access_method,
           c.relispartition OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
               AS inherits
    FROM pg_class c
    LEFT JOIN pg_am am ON am.oid = c.relam AND c.relkind = 'r'
    LEFT JOIN information_schema.tables t
           ON t.table_schema = current_setting('provision.schema')
          AND t.table_name = c.relname
          AND t.table_name = ANY (current_setting('provision.names')::text[])
    WHERE c.oid = ANY (current_setting('provision.relations')::oid[])
) r;

SELECT 'columns' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT c.relname AS "table",
           a.attname AS name,
           i.column_name IS NOT NULL AS visible,
           CASE WHEN set_config('search_path', current_setting('provision.path'), true) <> ''
                THEN format_type(a.atttypid, a.atttypmod) END AS data_type,
           coalesce(i.is_nullable = 'YES', false) AS nullable,
           i.identity_generation AS identity,
           coalesce(i.is_generated = 'ALWAYS', false) AS is_generated,
           CASE WHEN ad.oid IS NOT NULL
                 AND set_config('search_path', current_setting('provision.path'), true) <> ''
                THEN pg_get_expr(ad.adbin, ad.adrelid) END AS expression,
           a.attgenerated = 's' AS stored,
           CASE WHEN a.attcollation NOT IN (0, ty.typcollation)
                THEN (SELECT quote_ident(n.nspname) || '.' || quote_ident(co.collname)
                      FROM pg_collation co
                      JOIN pg_namespace n ON n.oid = co.collnamespace
                      WHERE co.oid = a.attcollation) END AS collation,
           col_description(c.oid, a.attnum) AS comment,
           a.attstorage <> ty.typstorage AS has_storage,
           coalesce(to_jsonb(a) ->> 'attcompression', '') <> '' AS has_compression,
           a.attoptions IS NOT NULL AS has_options
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type ty ON ty.oid = a.atttypid
    LEFT JOIN pg_attrdef ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum
    LEFT JOIN information_schema.columns i
           ON i.table_schema = current_setting('provision.schema')
          AND i.table_name = c.relname
          AND i.column_name = a.attname
          AND i.table_name = ANY (current_setting('provision.names')::text[])
    WHERE c.oid = ANY (current_setting('provision.relations')::oid[])
      AND c.relkind = 'r'
) r;

SET LOCAL search_path = pg_catalog, pg_temp;

-- information_schema shows constraints only to a role that owns the table or may write to it, so
-- a role that may only read would find none: the catalog is read instead.
SELECT 'constraints' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT c.relname AS "table",
           k.conname AS name,
           k.contype AS kind,
           k.condeferrable AS deferrable,
           k.condeferred AS deferred,
           k.convalidated AS validated,
           k.connoinherit AS no_inherit,
           obj_description(k.oid, 'pg_constraint') AS comment,
           ARRAY(SELECT a.attname
                 FROM unnest(k.conkey) WITH ORDINALITY AS u(attnum, position)
                 JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum
                 ORDER BY u.position) AS columns,
           CASE WHEN k.contype = 'c'
                 AND set_config('search_path', current_setting('provision.path'), true) <> ''
                THEN pg_get_expr(k.conbin, k.conrelid) END AS expression,
           fn.nspname AS foreign_schema,
           f.relname AS foreign_table,
           ARRAY(SELECT a.attname
                 FROM unnest(k.confkey) WITH ORDINALITY AS u(attnum, position)
                 JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum
                 ORDER BY u.position) AS foreign_columns,
           k.confmatchtype AS match_type,
           k.confupdtype AS on_update,
           k.confdeltype AS on_delete,
           ARRAY(SELECT a.attname
                 FROM jsonb_array_elements_text(
                          CASE jsonb_typeof(to_jsonb(k) -> 'confdelsetcols')
                          WHEN 'array' THEN to_jsonb(k) -> 'confdelsetcols'
                          ELSE '[]' END) AS u(attnum)
                 JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum::int2
                 ORDER BY a.attname) AS on_delete_columns,
           CASE WHEN k.contype = 'x'
                THEN ARRAY(SELECT quote_ident(n.nspname) || '.' || o.oprname
                           FROM unnest(k.conexclop) WITH ORDINALITY AS u(oid, position)
                           JOIN pg_operator o ON o.oid = u.oid
                           JOIN pg_namespace n ON n.oid = o.oprnamespace
                           ORDER BY u.position) END AS operators,
           coalesce((to_jsonb(k) ->> 'conperiod')::boolean, false) AS has_period
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    LEFT JOIN pg_class f ON f.oid = k.confrelid
    LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace
    WHERE k.conrelid = ANY (current_setting('provision.relations')::oid[])
      AND c.relkind = 'r'
      AND k.contype IN ('p', 'u', 'c', 'x', 'f')
) r;

SET LOCAL search_path = pg_catalog, pg_temp;

-- The indexes that back a constraint are among them, marked with its name.
SELECT 'indexes' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT t.relname AS "table",
           c.relname AS name,
           (SELECT k.conname
            FROM pg_constraint k
            WHERE k.conrelid = t.oid
              AND k.conindid = i.indexrelid
              AND k.contype IN ('p', 'u', 'x')) AS "constraint",
           am.amname AS method,
           i.indisunique AS "unique",
           coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_not_distinct,
           i.indisvalid AND i.indisready AS valid,
           c.reloptions AS options,
           c.reltablespace <> 0 AS has_tablespace,
           obj_description(c.oid, 'pg_class') AS comment,
           CASE WHEN i.indpred IS NOT NULL
                 AND set_config('search_path', current_setting('provision.path'), true) <> ''
                THEN pg_get_expr(i.indpred, i.indrelid) END AS predicate,
           ARRAY(SELECT a.attname
                 FROM generate_series(i.indnkeyatts + 1, i.indnatts) AS p(n)
                 JOIN pg_attribute a
                   ON a.attrelid = i.indrelid AND a.attnum = i.indkey[p.n - 1]
                 ORDER BY p.n) AS include,
           (SELECT json_agg(json_build_object(
                       'term', CASE
                           WHEN set_config('search_path', current_setting('provision.path'), true)
                                <> ''
                           THEN pg_get_indexdef(i.indexrelid, p.n, false) END,
                       'is_column', i.indkey[p.n - 1] <> 0,
                       'opclass', quote_ident(opn.nspname) || '.' || quote_ident(op.opcname)
                           || coalesce(' ' || ia.attoptions::text, ''),
                       'default_opclass', op.opcdefault AND ia.attoptions IS NULL,
                       'collation', quote_ident(cn.nspname) || '.' || quote_ident(co.collname),
                       'default_collation', i.indcollation[p.n - 1] IN (0, coalesce(ta.attcollation,
                           (SELECT ty.typcollation FROM pg_type ty WHERE ty.oid = ia.atttypid))),
                       'descending', i.indoption[p.n - 1] & 1 = 1,
                       'nulls_first', i.indoption[p.n - 1] & 2 = 2) ORDER BY p.n)
            FROM generate_series(1, i.indnkeyatts::int) AS p(n)
            JOIN pg_opclass op ON op.oid = i.indclass[p.n - 1]
            JOIN pg_namespace opn ON opn.oid = op.opcnamespace
            JOIN pg_attribute ia ON ia.attrelid = i.indexrelid AND ia.attnum = p.n
            LEFT JOIN pg_attribute ta
                   ON ta.attrelid = i.indrelid AND ta.attnum = i.indkey[p.n - 1] AND ta.attnum > 0
            LEFT JOIN pg_collation co ON co.oid = i.indcollation[p.n - 1]
            LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace) AS keys
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_am am ON am.oid = c.relam
    WHERE i.indrelid = ANY (current_setting('provision.relations')::oid[])
      AND t.relkind = 'r'
) r;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT 'enums' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT t.typname AS name,
           obj_description(t.oid, 'pg_type') AS comment,
           ARRAY(SELECT e.enumlabel FROM pg_enum e
                 WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) AS labels
    FROM pg_depend d
    JOIN pg_type t ON t.oid = d.objid AND t.typtype = 'e'
    WHERE d.refclassid = 'pg_namespace'::regclass
      AND d.refobjid = current_setting('provision.namespace')::oid
      AND d.classid = 'pg_type'::regclass
) r;

SELECT 'sequences' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT c.relname AS name,
           c.relpersistence = 'u' AS unlogged,
           format_type(s.seqtypid, NULL) AS data_type,
           json_build_object('start', s.seqstart, 'increment', s.seqincrement, 'min', s.seqmin,
                             'max', s.seqmax, 'cache', s.seqcache, 'cycle', s.seqcycle) AS options,
           obj_description(c.oid, 'pg_class') AS comment,
           d.deptype = 'i' AS is_identity,
           o.relname AS owner_table,
           a.attname AS owner_column,
           o.relname = '_provision_state'
               AND o.relnamespace = c.relnamespace AS is_own
    FROM pg_class c
    JOIN pg_sequence s ON s.seqrelid = c.oid
    LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
         AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
    LEFT JOIN pg_class o ON o.oid = d.refobjid
    LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE c.oid = ANY (current_setting('provision.relations')::oid[])
      AND c.relkind = 'S'
) r;

-- What depends on the schema directly, but for tables, sequences, enums and row types; and what
-- hangs on its tables: triggers, policies, rules.
SELECT 'unmodelled' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
               WHEN 'f' THEN 'foreign table' WHEN 'p' THEN 'partitioned table'
               WHEN 'c' THEN 'composite type' ELSE 'relation' END AS kind,
           c.relname::text AS name
    FROM pg_class c
    WHERE c.oid = ANY (current_setting('provision.relations')::oid[])
      AND c.relkind NOT IN ('r', 'S', 'i')
    UNION ALL
    SELECT CASE t.typtype WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range type'
               WHEN 'm' THEN 'multirange type' ELSE 'type' END,
           t.typname::text
    FROM pg_depend d
    JOIN pg_type t ON t.oid = d.objid
    WHERE d.refclassid = 'pg_namespace'::regclass
      AND d.refobjid = current_setting('provision.namespace')::oid
      AND d.classid = 'pg_type'::regclass
      AND t.typtype <> 'e' AND t.typrelid = 0
      AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = d.classid
                      AND i.objid = d.objid AND i.deptype = 'i')
    UNION ALL
    SELECT CASE p.prokind WHEN 'a' THEN 'aggregate' WHEN 'p' THEN 'procedure'
               ELSE 'function' END,
           p.proname || '(' || CASE
               WHEN set_config('search_path', current_setting('provision.path'), true) <> ''
               THEN pg_get_function_identity_arguments(p.oid) END || ')'
    FROM pg_depend d
    JOIN pg_proc p ON p.oid = d.objid
    WHERE d.refclassid = 'pg_namespace'::regclass
      AND d.refobjid = current_setting('provision.namespace')::oid
      AND d.classid = 'pg_proc'::regclass
      -- A range type brings functions and a multirange type along.
      AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = d.classid
                      AND i.objid = d.objid AND i.deptype = 'i')
    UNION ALL
    SELECT o.type, coalesce(o.name, op.oprname, o.identity)
    FROM pg_depend d
    CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) o
    LEFT JOIN pg_operator op ON d.classid = 'pg_operator'::regclass AND op.oid = d.objid
    WHERE d.refclassid = 'pg_namespace'::regclass
      AND d.refobjid = current_setting('provision.namespace')::oid
      AND d.classid NOT IN ('pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass)
      -- Default privileges and the like describe no object of the schema.
      AND d.classid <> 'pg_default_acl'::regclass
    UNION ALL
    SELECT 'trigger', tg.tgname || ' on ' || c.relname
    FROM pg_trigger tg
    JOIN pg_class c ON c.oid = tg.tgrelid
    WHERE tg.tgrelid = ANY (current_setting('provision.relations')::oid[])
      AND NOT tg.tgisinternal
    UNION ALL
    SELECT 'policy', po.polname || ' on ' || c.relname
    FROM pg_policy po
    JOIN pg_class c ON c.oid = po.polrelid
    WHERE po.polrelid = ANY (current_setting('provision.relations')::oid[])
    UNION ALL
    SELECT 'rule', ru.rulename || ' on ' || c.relname
    FROM pg_rewrite ru
    JOIN pg_class c ON c.oid = ru.ev_class
    WHERE ru.ev_class = ANY (current_setting('provision.relations')::oid[])
      AND ru.rulename <> '_RETURN'
) r;

SET LOCAL search_path = pg_catalog, pg_temp;
