-- Reads one schema, whole, as one JSON document. Sent by pg/introspect.rs inside a transaction
-- whose search path is `pg_catalog`, with the setting `provision.schema` holding the schema's name.
-- `/* name */ value` is replaced by the column `name` on servers that have it.
--
-- The parts are rows of the catalog nearly as they are, to be put together by pg/rows.rs with the
-- help of their OIDs: the time went into planning joins, and into sending statement by statement.
--
-- Deparsing functions print a name unqualified when the search path would find it. The CTE `path`
-- sets the path to the schema, and each call depends on its answer: so it is set after the
-- statement was analysed (nothing in a tenant's schema can capture a name in here) and before the
-- function runs (a tenant's own objects stand unqualified). The path is set back by whoever sends
-- this, before another statement is analysed.
WITH path AS MATERIALIZED (
    SELECT set_config('search_path', quote_ident(current_setting('provision.schema'))
                                     || ', pg_temp', true) <> '' AS is_set
), namespace AS MATERIALIZED (
    SELECT n.oid FROM pg_namespace n WHERE n.nspname = current_setting('provision.schema')
), member AS MATERIALIZED (
    -- pg_class has no index on relnamespace; pg_depend has one on the referenced object.
    SELECT d.classid, d.objid
    FROM pg_depend d
    WHERE d.refclassid = 'pg_namespace'::regclass
      AND d.refobjid = (SELECT oid FROM namespace)
), other AS MATERIALIZED (
    SELECT m.*
    FROM member m
    -- Default privileges describe no object of the schema.
    WHERE m.classid NOT IN ('pg_class'::regclass, 'pg_default_acl'::regclass)
      -- A range type brings functions and a multirange type along.
      AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = m.classid
                      AND i.objid = m.objid AND i.deptype = 'i')
), relation AS MATERIALIZED (
    SELECT c.*
    FROM pg_class c
    WHERE c.oid = ANY (ARRAY(SELECT objid FROM member WHERE classid = 'pg_class'::regclass))
      AND c.relname <> '_provision_state'
), ids AS MATERIALIZED (
    SELECT coalesce(array_agg(c.oid), '{}') AS relations,
           coalesce(array_agg(c.oid) FILTER (WHERE c.relkind = 'r'), '{}') AS tables
    FROM relation c
), index AS MATERIALIZED (
    SELECT i.*
    FROM pg_index i
    WHERE i.indrelid = ANY ((SELECT tables FROM ids)::oid[])
), key AS MATERIALIZED (
    SELECT k.*
    FROM pg_constraint k
    WHERE k.conrelid = ANY ((SELECT tables FROM ids)::oid[])
      AND k.contype IN ('p', 'u', 'c', 'x', 'f')
)
SELECT json_build_object(
    'relations', (SELECT coalesce(json_agg(r), '[]') FROM (
        SELECT c.oid::int8 AS oid,
               c.relname AS name,
               c.relkind AS kind,
               c.relpersistence = 'u' AS unlogged,
               c.relrowsecurity AS row_security,
               c.reloptions AS options,
               c.reltablespace <> 0 AS has_tablespace,
               c.relreplident <> 'd' AS has_replica_identity,
               -- 2 is heap in all versions.
               c.relam NOT IN (0, 2) AS has_access_method,
               c.oid = ANY (ARRAY(
                   SELECT i.inhrelid FROM pg_inherits i
                   WHERE i.inhrelid = ANY ((SELECT tables FROM ids)::oid[]))) AS inherits
        FROM relation c
    ) r),
    'columns', (SELECT coalesce(json_agg(r), '[]') FROM (
        SELECT a.attrelid::int8 AS "table",
               a.attnum AS number,
               a.attname AS name,
               CASE WHEN path.is_set THEN format_type(a.atttypid, a.atttypmod) END AS data_type,
               NOT a.attnotnull AS nullable,
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
               /* attcompression */ '' <> '' AS has_compression,
               a.attoptions IS NOT NULL AS has_options
        FROM path
        CROSS JOIN pg_attribute a
        JOIN pg_type ty ON ty.oid = a.atttypid
        WHERE a.attrelid = ANY ((SELECT tables FROM ids)::oid[])
          AND a.attnum > 0
          AND NOT a.attisdropped
    ) r),
    'constraints', (SELECT coalesce(json_agg(r), '[]') FROM (
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
               -- Of a table of this schema, all is known by its OID.
               CASE WHEN k.confrelid <> 0
                     AND k.confrelid <> ALL ((SELECT tables FROM ids)::oid[])
                    THEN (SELECT json_build_object(
                                     'schema', n.nspname,
                                     'table', f.relname,
                                     'columns', ARRAY(
                                         SELECT a.attname
                                         FROM unnest(k.confkey) WITH ORDINALITY AS u(attnum, position)
                                         JOIN pg_attribute a
                                           ON a.attrelid = k.confrelid AND a.attnum = u.attnum
                                         ORDER BY u.position))
                          FROM pg_class f
                          JOIN pg_namespace n ON n.oid = f.relnamespace
                          WHERE f.oid = k.confrelid) END AS external,
               k.confmatchtype AS match_type,
               k.confupdtype AS on_update,
               k.confdeltype AS on_delete,
               /* confdelsetcols */ NULL::int2[] AS on_delete_columns,
               CASE WHEN k.contype = 'x' THEN ARRAY(
                    SELECT o.oprnamespace::regnamespace::text || '.' || o.oprname
                    FROM unnest(k.conexclop) WITH ORDINALITY AS u(oid, position)
                    JOIN pg_operator o ON o.oid = u.oid
                    ORDER BY u.position) END AS operators,
               /* conperiod */ false AS has_period
        FROM path
        CROSS JOIN key k
    ) r),
    'indexes', (SELECT coalesce(json_agg(r), '[]') FROM (
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
               (SELECT json_object_agg(a.attnum, a.attoptions) FROM pg_attribute a
                WHERE a.attrelid = i.indexrelid AND a.attoptions IS NOT NULL) AS opclass_options
        FROM path
        CROSS JOIN index i
        JOIN pg_class c ON c.oid = i.indexrelid
    ) r),
    'opclasses', (SELECT coalesce(json_agg(r), '[]') FROM (
        SELECT op.oid::int8 AS oid,
               op.opcnamespace::regnamespace::text || '.' || quote_ident(op.opcname) AS name,
               op.opcdefault AS is_default
        FROM pg_opclass op
        WHERE op.oid = ANY (ARRAY(
            SELECT unnest(i.indclass) FROM index i))
    ) r),
    'enums', (SELECT coalesce(json_agg(r), '[]') FROM (
        SELECT t.oid::int8 AS oid,
               t.typname AS name,
               ARRAY(SELECT e.enumlabel FROM pg_enum e
                     WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) AS labels
        FROM pg_type t
        WHERE t.oid = ANY (ARRAY(SELECT objid FROM member WHERE classid = 'pg_type'::regclass))
          AND t.typtype = 'e'
    ) r),
    'sequences', (SELECT coalesce(json_agg(r), '[]') FROM (
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
        WHERE s.seqrelid = ANY ((SELECT relations FROM ids)::oid[])
    ) r),
    'comments', (SELECT coalesce(json_agg(r), '[]') FROM (
        SELECT de.objoid::int8 AS oid, de.objsubid AS number, de.description AS text
        FROM pg_description de
        WHERE de.classoid IN ('pg_class'::regclass, 'pg_constraint'::regclass, 'pg_type'::regclass)
          AND de.objoid = ANY (
              (SELECT relations FROM ids)::oid[]
              || ARRAY(SELECT i.indexrelid FROM index i
                       UNION ALL SELECT k.oid FROM key k
                       UNION ALL SELECT m.objid FROM member m WHERE m.classid = 'pg_type'::regclass))
    ) r),
    'unmodelled', (SELECT coalesce(json_agg(r), '[]') FROM (
        SELECT CASE t.typtype WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range type' ELSE 'type' END
                   AS kind,
               t.typname::text AS name
        FROM other m
        JOIN pg_type t ON t.oid = m.objid
        WHERE m.classid = 'pg_type'::regclass
          AND t.typtype <> 'e' AND t.typrelid = 0
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
        SELECT 'trigger', tg.tgname || ' on ' || c.relname
        FROM pg_trigger tg
        JOIN pg_class c ON c.oid = tg.tgrelid
        WHERE tg.tgrelid = ANY ((SELECT relations FROM ids)::oid[])
          AND NOT tg.tgisinternal
        UNION ALL
        SELECT 'policy', po.polname || ' on ' || c.relname
        FROM pg_policy po
        JOIN pg_class c ON c.oid = po.polrelid
        WHERE po.polrelid = ANY ((SELECT relations FROM ids)::oid[])
        UNION ALL
        SELECT 'rule', ru.rulename || ' on ' || c.relname
        FROM pg_rewrite ru
        JOIN pg_class c ON c.oid = ru.ev_class
        WHERE ru.ev_class = ANY ((SELECT relations FROM ids)::oid[])
          AND ru.rulename <> '_RETURN'
    ) r)
)::text AS schema;
