-- What depends on objects of the schemas and is not compared with the manifest: it is in another schema, or of a kind
-- that is not modelled. With the name of the object, as far as it has one that can be dropped.
WITH space AS MATERIALIZED (
    SELECT n.oid, n.nspname FROM pg_namespace n WHERE n.nspname = ANY (:schemas)
), member AS MATERIALIZED (
    SELECT s.oid AS space, s.nspname, d.classid, d.objid
    FROM space s
    JOIN pg_depend d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = s.oid
        AND d.classid IN ('pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass)
), own_type AS MATERIALIZED (
    SELECT m.space, m.nspname, m.objid AS root FROM member m WHERE m.classid = 'pg_type'::regclass
    UNION ALL
    SELECT m.space, m.nspname, c.reltype
    FROM member m JOIN pg_class c ON c.oid = m.objid AND c.reltype <> 0
    WHERE m.classid = 'pg_class'::regclass
), inner_type AS MATERIALIZED (
    -- Array types, multiranges, and the functions that make ranges.
    SELECT t.space, t.nspname, d.classid, d.objid, t.root
    FROM own_type t
    JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = t.root AND d.deptype = 'i'
        AND d.classid IN ('pg_type'::regclass, 'pg_proc'::regclass)
), object AS MATERIALIZED (
    SELECT m.space, m.nspname, m.classid, m.objid, CASE m.classid WHEN 'pg_type'::regclass THEN m.objid END AS root
    FROM member m
    UNION ALL
    SELECT m.space, m.nspname, 'pg_class'::regclass, i.indexrelid, NULL
    FROM member m JOIN pg_index i ON i.indrelid = m.objid
    WHERE m.classid = 'pg_class'::regclass
    UNION ALL
    SELECT m.space, m.nspname, 'pg_constraint'::regclass, k.oid, NULL
    FROM member m JOIN pg_constraint k ON k.conrelid = m.objid
    WHERE m.classid = 'pg_class'::regclass
    UNION ALL
    -- The types of rows.
    SELECT t.space, t.nspname, 'pg_type'::regclass, t.root, t.root FROM own_type t
    UNION ALL
    SELECT i.* FROM inner_type i
    UNION ALL
    SELECT i.space, i.nspname, d.classid, d.objid, i.root
    FROM inner_type i
    JOIN pg_depend d ON d.refclassid = i.classid AND d.refobjid = i.objid AND d.deptype = 'i'
        AND d.classid IN ('pg_type'::regclass, 'pg_proc'::regclass)
    WHERE i.classid = 'pg_type'::regclass
), dependent AS MATERIALIZED (
    SELECT o.*, d.classid AS by_class, d.objid AS by, d.objsubid AS by_number, d.refobjsubid AS number
    FROM object o
    JOIN pg_depend d ON d.refclassid = o.classid AND d.refobjid = o.objid
        AND d.deptype IN ('n', 'a')
), placed AS MATERIALIZED (
    SELECT d.*, x.relation, x.ev_class,
           CASE d.by_class
               WHEN 'pg_class'::regclass THEN NOT EXISTS (
                   SELECT FROM pg_class c WHERE c.oid = d.by AND c.relnamespace = d.space
                     AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'i', 'I', 'c'))
               WHEN 'pg_type'::regclass THEN NOT EXISTS (
                   SELECT FROM pg_type t WHERE t.oid = d.by AND t.typnamespace = d.space)
               WHEN 'pg_proc'::regclass THEN NOT EXISTS (
                   SELECT FROM pg_proc p WHERE p.oid = d.by AND p.pronamespace = d.space
                     AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass
                                       AND e.objid = p.oid AND e.deptype = 'e'))
               WHEN 'pg_constraint'::regclass THEN NOT EXISTS (
                   SELECT FROM pg_constraint k WHERE k.oid = d.by AND k.connamespace = d.space)
               WHEN 'pg_statistic_ext'::regclass THEN NOT EXISTS (
                   SELECT FROM pg_statistic_ext e WHERE e.oid = d.by AND e.stxnamespace = d.space)
               ELSE NOT coalesce((
                   SELECT c.relnamespace = d.space AND c.relkind IN ('r', 'p', 'v', 'm')
                   FROM pg_class c WHERE c.oid = x.relation), false)
           END AS is_outside
    FROM dependent d
    CROSS JOIN LATERAL (
        SELECT CASE d.by_class
                   WHEN 'pg_rewrite'::regclass THEN (SELECT ru.ev_class FROM pg_rewrite ru WHERE ru.oid = d.by)
                   WHEN 'pg_attrdef'::regclass THEN (SELECT ad.adrelid FROM pg_attrdef ad WHERE ad.oid = d.by)
                   WHEN 'pg_trigger'::regclass THEN (SELECT tg.tgrelid FROM pg_trigger tg WHERE tg.oid = d.by)
                   WHEN 'pg_policy'::regclass THEN (SELECT po.polrelid FROM pg_policy po WHERE po.oid = d.by)
               END AS relation,
               (SELECT ru.ev_class FROM pg_rewrite ru
                WHERE d.by_class = 'pg_rewrite'::regclass AND ru.oid = d.by AND ru.ev_type = '1') AS ev_class
    ) x
)
SELECT DISTINCT p.nspname::text AS schema,
       CASE WHEN p.ev_class IS NOT NULL THEN pg_describe_object('pg_class'::regclass, p.ev_class, 0)
            ELSE pg_describe_object(p.by_class, p.by, p.by_number) END AS description,
       CASE WHEN k.oid IS NOT NULL THEN 'constraint'
            WHEN x.indexrelid IS NOT NULL THEN 'index'
            WHEN a.attname IS NOT NULL AND c.relkind IN ('r', 'p') THEN 'column'
            WHEN a.attname IS NOT NULL AND c.relkind = 'c' THEN 'attribute'
            WHEN c.oid IS NOT NULL THEN c.relkind::text
            WHEN f.oid IS NOT NULL THEN 'proc ' || f.prokind::text
            ELSE 'type ' || t.typtype::text END AS kind,
       coalesce(k.conname, x.relname, c.relname, f.proname, t.typname)::text AS name,
       a.attname::text AS part,
       coalesce(whole.relname, c.relname)::text AS of,
       coalesce(whole.relkind, c.relkind)::text AS of_kind,
       replace(oidvectortypes(f.proargtypes), quote_ident(p.nspname) || '.', '') AS arguments
FROM placed p
-- The type that something is made from.
LEFT JOIN pg_type t ON t.oid = p.root
LEFT JOIN pg_index i ON p.classid = 'pg_class'::regclass AND i.indexrelid = p.objid
LEFT JOIN pg_constraint k ON CASE p.classid
    WHEN 'pg_constraint'::regclass THEN k.oid = p.objid
    ELSE k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x') END
LEFT JOIN LATERAL (
    SELECT ix.oid AS indexrelid, ix.relname FROM pg_class ix WHERE ix.oid = i.indexrelid) x ON true
LEFT JOIN pg_class c ON c.oid = CASE
    WHEN p.classid = 'pg_class'::regclass AND i.indexrelid IS NULL THEN p.objid
    WHEN t.typtype = 'c' THEN t.typrelid END
LEFT JOIN pg_class whole ON whole.oid = coalesce(k.conrelid, i.indrelid)
LEFT JOIN pg_attribute a ON p.number > 0 AND a.attrelid = c.oid AND a.attnum = p.number
LEFT JOIN pg_proc f ON p.classid = 'pg_proc'::regclass AND p.root IS NULL AND f.oid = p.objid
WHERE p.is_outside
ORDER BY 1, 2, 3, 4, 5;
