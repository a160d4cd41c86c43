//! What a schema can contain and no kind models, so that it is represented by its name alone.

/// What the server keeps in `pg_attribute.attoptions` for itself: nobody can set it, `pg_dump` does
/// not write it, and it differs from table to table. `pg_attver` came with the minor releases of
/// November 2026.
pub(super) const KEPT_OPTIONS: [&str; 1] = ["pg_attver"];

/// The options that users can set there (PostgreSQL manual, ALTER TABLE, `SET (…)`); the parameters
/// of operator classes, which the attributes of indexes have, are read with the index.
pub(super) const KNOWN_OPTIONS: [&str; 2] = ["n_distinct", "n_distinct_inherited"];

/// Queries for kind and name, to be combined by UNION ALL: a table's properties.
pub(super) const OF_TABLES: &str = "\
SELECT v.kind, c.relname::text AS name
FROM pg_class c
CROSS JOIN LATERAL (VALUES
    ('tablespace of table', c.reltablespace <> 0),
    ('child tables in other schemas of table', EXISTS (
        SELECT FROM pg_inherits h JOIN pg_class k ON k.oid = h.inhrelid
        WHERE h.inhparent = c.oid AND k.relnamespace <> c.relnamespace)),
    ('type of table', c.reloftype <> 0)) v(kind, is_present)
WHERE c.oid = ANY (:tables) AND v.is_present
UNION ALL
SELECT v.kind, c.relname || '.' || a.attname
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
CROSS JOIN LATERAL (VALUES
    ('identity of column', a.attidentity <> '' AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
          AND d.refobjsubid = a.attnum AND d.deptype = 'i'
          AND d.classid = 'pg_class'::regclass))) v(kind, is_present)
WHERE c.oid = ANY (:tables) AND v.is_present AND (:own_column)
UNION ALL
SELECT DISTINCT 'override of inherited column', c.relname || '.' || a.attname
FROM pg_inherits h
JOIN pg_class c ON c.oid = h.inhrelid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_attribute p ON p.attrelid = h.inhparent AND p.attname = a.attname AND NOT p.attisdropped
WHERE h.inhrelid = ANY (:tables) AND NOT (:own_column) AND (:is_override)
UNION ALL
SELECT :unknown_option, c.relname || '.' || a.attname || ': ' || split_part(o, '=', 1)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
CROSS JOIN unnest(a.attoptions) o
WHERE c.oid = ANY (:tables) AND (:own_column)
  AND split_part(o, '=', 1) <> ALL (:known_options) AND split_part(o, '=', 1) <> ALL (:kept_options)
UNION ALL
SELECT 'period of constraint', k.conname
FROM pg_constraint k
WHERE k.conrelid = ANY (:tables) AND /* conperiod */ false";

/// The same for what is attached to relations.
pub(super) const OF_RELATIONS: &str = "\
SELECT CASE c.relkind WHEN 'f' THEN 'foreign table' ELSE 'relation' END, c.relname
FROM pg_class c
-- Indexes are read with their tables.
WHERE c.oid = ANY (:relations) AND c.relkind NOT IN ('r', 'p', 'S', 'v', 'm', 'i', 'I')
UNION ALL
SELECT v.kind, x.relname
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
CROSS JOIN LATERAL (SELECT EXISTS (
    SELECT FROM pg_constraint k
    WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid
      AND k.contype IN ('p', 'u', 'x')) AS is_of_constraint) k
CROSS JOIN LATERAL (VALUES
    ('tablespace of index', x.reltablespace <> 0),
    ('storage parameters of index', x.reloptions IS NOT NULL AND k.is_of_constraint),
    ('comment on index of constraint', k.is_of_constraint AND EXISTS (
        SELECT FROM pg_description de
        WHERE de.classoid = 'pg_class'::regclass AND de.objoid = x.oid AND de.objsubid = 0)),
    ('statistics target of index', EXISTS (
        SELECT FROM pg_attribute a
        WHERE a.attrelid = x.oid AND coalesce(a.attstattarget, -1) <> -1))) v(kind, is_present)
WHERE i.indrelid = ANY (:tables || :materialized_views) AND v.is_present
UNION ALL
SELECT v.kind, c.relname
FROM pg_class c
CROSS JOIN LATERAL (VALUES
    ('tablespace of materialized view', c.reltablespace <> 0),
    ('access method of materialized view', c.relam NOT IN (0, 2))) v(kind, is_present)
WHERE c.oid = ANY (:materialized_views) AND v.is_present
UNION ALL
SELECT q.kind, q.name || ' on ' || c.relname
FROM (
    SELECT 'trigger' AS kind, tg.tgname::text AS name, tg.tgrelid AS relation
    FROM pg_trigger tg
    JOIN pg_class r ON r.oid = tg.tgrelid
    WHERE tg.tgrelid = ANY (:relations) AND NOT tg.tgisinternal AND tg.tgparentid = 0
      AND r.relkind NOT IN ('r', 'p', 'v')
    UNION ALL
    -- The triggers of a foreign key are what enforces it. Their own names hold OIDs, as does that of
    -- the internal trigger that Citus gives each distributed table. A partition has copies of its parent's.
    SELECT DISTINCT 'disabled trigger',
           coalesce(k.conname, CASE WHEN tg.tgisinternal
                                    THEN regexp_replace(tg.tgname, '_[0-9]+$', '')
                                    ELSE tg.tgname END), tg.tgrelid
    FROM pg_trigger tg
    LEFT JOIN pg_trigger p ON p.oid = tg.tgparentid
    LEFT JOIN pg_constraint k ON k.oid = tg.tgconstraint
    WHERE tg.tgrelid = ANY (:relations) AND (tg.tgisinternal OR tg.tgparentid <> 0)
      AND tg.tgenabled <> coalesce(p.tgenabled, 'O')
    UNION ALL
    -- And those on the table of another schema that a foreign key points to.
    SELECT DISTINCT 'disabled trigger', k.conname, k.conrelid
    FROM pg_constraint k
    JOIN pg_trigger tg ON tg.tgconstraint = k.oid
    WHERE k.conrelid = ANY (:relations) AND k.contype = 'f'
      AND k.confrelid <> ALL (:relations)
      AND tg.tgrelid = k.confrelid AND tg.tgenabled <> 'O'
    UNION ALL
    SELECT 'policy', po.polname, po.polrelid
    FROM pg_policy po JOIN pg_class r ON r.oid = po.polrelid
    WHERE po.polrelid = ANY (:relations) AND r.relkind NOT IN ('r', 'p')
    UNION ALL
    SELECT 'rule', ru.rulename, ru.ev_class
    FROM pg_rewrite ru JOIN pg_class r ON r.oid = ru.ev_class
    WHERE ru.ev_class = ANY (:relations) AND ru.ev_type <> '1' AND r.relkind NOT IN ('r', 'p', 'v')) q
JOIN pg_class c ON c.oid = q.relation
UNION ALL
SELECT v.kind, c.relname || '.' || a.attname
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type ty ON ty.oid = a.atttypid
CROSS JOIN LATERAL (VALUES
    ('default of view column', a.atthasdef),
    ('storage of view column', c.relkind = 'm' AND a.attstorage <> ty.typstorage),
    ('compression of view column', a.attcompression <> ''),
    -- NULL since PostgreSQL 17.
    ('statistics target of view column', coalesce(a.attstattarget, -1) <> -1),
    ('options of view column', EXISTS (
        SELECT FROM unnest(a.attoptions) o
        WHERE split_part(o, '=', 1) = ANY (:known_options)))) v(kind, is_present)
WHERE c.oid = ANY (:views || :materialized_views) AND v.is_present";

/// The same for what is in the schema and is not a relation.
pub(super) const OF_OTHERS: &str = "\
SELECT 'type', t.typname::text
FROM other m
JOIN pg_type t ON t.oid = m.objid
WHERE m.classid = 'pg_type'::regclass AND t.typtype NOT IN ('e', 'd', 'c', 'r')
UNION ALL
SELECT 'canonical function of range type', t.typname::text
FROM other m
JOIN pg_range rg ON rg.rngtypid = m.objid
JOIN pg_type t ON t.oid = rg.rngtypid
WHERE m.classid = 'pg_type'::regclass AND rg.rngcanonical <> 0
UNION ALL
SELECT 'multirange type of range type', t.typname::text
FROM other m
JOIN pg_range rg ON rg.rngtypid = m.objid
JOIN pg_type t ON t.oid = rg.rngtypid
JOIN pg_type u ON u.oid = rg.rngmultitypid
WHERE m.classid = 'pg_type'::regclass AND u.typnamespace <> t.typnamespace
UNION ALL
SELECT CASE p.prokind WHEN 'a' THEN 'aggregate' WHEN 'p' THEN 'procedure' ELSE 'function' END,
       p.proname || '(' || CASE WHEN path.is_set THEN oidvectortypes(p.proargtypes) END || ')'
FROM path
CROSS JOIN other m
JOIN pg_proc p ON p.oid = m.objid
WHERE m.classid = 'pg_proc'::regclass AND NOT (:modelled)
UNION ALL
SELECT o.type, coalesce(o.name, op.oprname, o.identity)
FROM other m
CROSS JOIN LATERAL pg_identify_object(m.classid, m.objid, 0) o
LEFT JOIN pg_operator op ON m.classid = 'pg_operator'::regclass AND op.oid = m.objid
WHERE m.classid NOT IN ('pg_type'::regclass, 'pg_proc'::regclass)
  AND NOT EXISTS (SELECT FROM pg_statistic_ext e
                  WHERE m.classid = 'pg_statistic_ext'::regclass AND e.oid = m.objid
                    AND e.stxrelid = ANY (:tables || :materialized_views))
UNION ALL
-- A cast is in no schema, but is dropped with its types.
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
                  WHERE i.classid = d.classid AND i.objid = d.objid AND i.deptype = 'i')";

/// What [`OF_OTHERS`] selects from.
pub(super) const OTHER: &str = "\
SELECT d.classid, d.objid
FROM pg_depend d
WHERE d.refclassid = 'pg_namespace'::regclass
  AND d.refobjid = :namespace
  AND d.objid = ANY (:others)
  -- A range type comes with functions and a multirange type.
  AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = d.classid
                  AND i.objid = d.objid AND i.deptype = 'i')";

/// What is digested of the options of a column. Most columns have at most one, which is the server's own. The value of an
/// unknown option may differ from table to table, so only its name is digested.
pub(super) const DIGEST_OF_OPTIONS: &str = "CASE WHEN a.attoptions[2] IS NOT NULL \
               OR split_part(a.attoptions[1], '=', 1) <> ALL (:kept_options) THEN ( \
         SELECT string_agg(CASE WHEN q.name = ANY (:known_options) THEN q.option ELSE q.name END, \
                           ',' ORDER BY q.name) \
         FROM (SELECT split_part(o, '=', 1) AS name, o AS option FROM unnest(a.attoptions) o) q \
         WHERE q.name <> ALL (:kept_options)) END";

/// What is digested of constraints beside their attributes: whether triggers enforce a key on a table elsewhere, and on its partitions, if any.
pub(super) const DIGEST_OF_CONSTRAINT: [&str; 1] =
    ["CASE WHEN k.contype = 'f' AND k.target IS NULL \
     THEN nullif(concat( \
         EXISTS (SELECT FROM pg_trigger tg \
                 WHERE tg.tgconstraint = k.oid AND tg.tgrelid = k.confrelid \
                   AND tg.tgenabled <> 'O'), \
         (SELECT array_agg(DISTINCT p.conname) \
          FROM pg_constraint p \
          JOIN pg_trigger tg ON tg.tgconstraint = p.oid \
          WHERE p.conrelid = r.oid AND p.contype = 'f' AND p.conparentid <> 0 \
            AND tg.tgrelid = p.confrelid AND tg.tgenabled <> 'O')), 'f') END"];

/// What is digested of indexes beside their attributes, with what they are to their tables. Only columns that are
/// expressions have a statistics target.
pub(super) const DIGEST_OF_INDEX: [&str; 4] = [
    "nullif(x.reltablespace, 0)",
    "nullif(i.indisclustered, false)",
    "nullif(i.indisreplident, false)",
    "CASE WHEN i.indexprs IS NOT NULL THEN ( \
         SELECT string_agg(ROW(a.attnum, a.attstattarget)::text, '' ORDER BY a.attnum) \
         FROM pg_attribute a \
         WHERE a.attrelid = i.indexrelid AND coalesce(a.attstattarget, -1) <> -1) END",
];
