-- What a statement on the tables of the schemas `:schemas`, or on the tables `:externals` that foreign
-- keys are to point to, could make the server run that belongs to neither a superuser nor the role of
-- the session. Sent by pg/untrusted.rs with the search path `pg_catalog`. With `:anybody`, what belongs
-- to these is told as well.
--
-- The answer is a graph in four sections, in which each object stands once however many lead to it:
-- `base` is what hangs on each table, `edge` what that needs, `code` whose functions and types are
-- among it, and `found` what is told for its own sake. `:edges` stands for untrusted_edges.sql,
-- `:trusted_roles` for the roles that are trusted without being named.
--
-- * Reading the catalog runs nothing of this.
-- * What refers to a function is known from pg_depend, but for what no expression refers to yet:
--   casts, which the server looks up when it parses a statement; the constraints of domains; the
--   members of operator families; inheritance children, to which ALTER TABLE descends.
-- * Objects of a server start at OID 16384 (PostgreSQL's FirstNormalObjectId); those below are its
--   own, and most of them stand in pg_depend nowhere.
-- * A type is told for its owner's sake alone: constraints, attributes and casts can be added to it
--   without a lock that a statement of ours waits for, and no lock keeps its name to it. An enum is
--   told to steps that name it or have expressions, in which casts are looked up; not to those that
--   insert and look for rows, which write labels as literals and compare what is printed.
-- * A mere SELECT runs something, too: to plan it, the server computes immutable functions of
--   constants in the expressions of indexes and of extended statistics. To check a foreign key, it
--   plans such a SELECT on the table that the key points to, where it weighs the CHECK constraints of
--   partitions as well.
-- * The server's own functions may run SQL text, read files and change settings, and stand in
--   pg_depend nowhere. Extensions bring such functions, too; they belong to superusers, but whoever owns
--   the table chooses the arguments. In expressions of tables that belong to nobody trusted, only those
--   are passed over that are immutable, or of the server's own and stable and of no family that does such
--   things, or listed, or of an extension and without texts for arguments; the others are told, unless the
--   manifest uses them itself. Their numbers are taken from the expressions.
-- * Policies are not among it: under `row_security = off` the server refuses a statement that would
--   have to ask one. Row filters of publications are computed by the sender.
WITH RECURSIVE trusted AS MATERIALIZED (
    SELECT :trusted_roles AS roles
), member AS MATERIALIZED (
    SELECT n.nspname AS schema, d.classid, d.objid
    FROM pg_namespace n
    JOIN pg_depend d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
    WHERE n.nspname = ANY (:schemas)
      AND d.classid IN ('pg_class'::regclass, 'pg_type'::regclass)
), relation AS (
    SELECT m.schema, c.relname AS subject, c.oid AS origin, c.oid
    FROM member m
    JOIN pg_class c ON c.oid = m.objid
    WHERE m.classid = 'pg_class'::regclass
      AND c.relkind IN ('r', 'p', 'f')
      AND c.relname <> '_provision_state'
    UNION
    SELECT r.schema, r.subject, r.origin, h.oid
    FROM relation r
    CROSS JOIN LATERAL (
        SELECT i.inhrelid AS oid FROM pg_inherits i WHERE i.inhparent = r.oid
        UNION ALL
        -- The expressions of a partition's bound are those of its parent's key.
        SELECT i.inhparent FROM pg_inherits i
        JOIN pg_class c ON c.oid = r.oid AND c.relispartition
        WHERE i.inhrelid = r.oid
    ) h
), target AS (
    -- The tables that foreign keys point to, with their partitions.
    SELECT 'relation' AS kind, r.schema::text AS schema, r.subject::text AS subject,
           'constraint ' || quote_ident(k.conname) || ' on ' || quote_ident(r.subject) || ', by '
               AS prefix,
           ',' AS suffix, k.confrelid AS oid, false AS is_partition
    FROM relation r
    JOIN pg_constraint k ON k.conrelid = r.oid AND k.contype = 'f' AND k.conparentid = 0
    WHERE r.oid = r.origin
    UNION
    SELECT 'external', '', x.name, '', '', to_regclass(x.name)::oid, false
    FROM unnest(:externals) AS x(name)
    WHERE to_regclass(x.name) IS NOT NULL
    UNION
    SELECT t.kind, t.schema, t.subject, t.prefix, t.suffix, i.inhrelid, true
    FROM target t
    JOIN pg_inherits i ON i.inhparent = t.oid
), base AS MATERIALIZED (
    SELECT 'relation' AS kind, r.schema::text AS schema, r.subject::text AS subject, b.via,
           b.reads AND r.oid = r.origin AS reads, b.classid::oid AS classid, b.objid
    FROM (SELECT r.*, CASE WHEN r.oid = r.origin THEN quote_ident(r.subject)
                           ELSE r.oid::regclass::text END AS name
          FROM relation r) r
    CROSS JOIN LATERAL (
        SELECT 'column ' || r.name || '.' || quote_ident(a.attname) AS via,
               false AS reads, 'pg_type'::regclass AS classid, a.atttypid AS objid
        FROM pg_attribute a
        WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND a.atttypid >= 16384
        UNION ALL
        SELECT CASE WHEN a.attgenerated = '' THEN 'default of column ' ELSE 'generated column ' END
                   || r.name || '.' || quote_ident(a.attname),
               false, 'pg_attrdef'::regclass, ad.oid
        FROM pg_attrdef ad
        JOIN pg_attribute a ON a.attrelid = ad.adrelid AND a.attnum = ad.adnum
        WHERE ad.adrelid = r.oid
        UNION ALL
        SELECT 'constraint ' || quote_ident(k.conname) || ' on ' || r.name,
               false, 'pg_constraint'::regclass, k.oid
        FROM pg_constraint k
        WHERE k.conrelid = r.oid
        UNION ALL
        SELECT 'index ' || quote_ident(c.relname) || ' on ' || r.name,
               true, 'pg_class'::regclass, c.oid
        FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = r.oid
        UNION ALL
        SELECT 'statistics ' || quote_ident(e.stxname) || ' on ' || r.name,
               true, 'pg_statistic_ext'::regclass, e.oid
        FROM pg_statistic_ext e
        WHERE e.stxrelid = r.oid
        UNION ALL
        SELECT 'trigger ' || quote_ident(tg.tgname) || ' on ' || r.name,
               false, 'pg_trigger'::regclass, tg.oid
        FROM pg_trigger tg
        -- Nothing of ours but INSERT fires one (bit 2; see pg_trigger.h).
        WHERE tg.tgrelid = r.oid AND tg.tgenabled <> 'D' AND tg.tgtype & 4 <> 0
        UNION ALL
        SELECT 'rule ' || quote_ident(ru.rulename) || ' on ' || r.name,
               false, 'pg_rewrite'::regclass, ru.oid
        FROM pg_rewrite ru
        WHERE ru.ev_class = r.oid
        UNION ALL
        -- A partition key or an access method.
        SELECT 'table ' || r.name, false, d.refclassid, d.refobjid
        FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.objsubid = 0
          AND d.refclassid IN ('pg_proc'::regclass, 'pg_am'::regclass, 'pg_type'::regclass,
                               'pg_opclass'::regclass)
          AND d.refobjid >= 16384
        UNION ALL
        SELECT 'table ' || r.name || ', to which ' || quote_ident(r.subject) || ' is tied,',
               false, 'pg_inherits'::regclass, r.oid
        WHERE r.oid <> r.origin
    ) b
    UNION ALL
    SELECT t.kind, t.schema, t.subject, t.prefix || b.via || t.suffix, false, b.classid, b.objid
    FROM target t
    CROSS JOIN LATERAL (
        SELECT 'index ' || i.indexrelid::regclass AS via, 'pg_class'::regclass AS classid,
               i.indexrelid AS objid
        FROM pg_index i
        WHERE i.indrelid = t.oid
        UNION ALL
        SELECT 'statistics ' || e.stxnamespace::regnamespace || '.' || quote_ident(e.stxname),
               'pg_statistic_ext'::regclass, e.oid
        FROM pg_statistic_ext e
        WHERE e.stxrelid = t.oid
        UNION ALL
        SELECT 'constraint ' || quote_ident(k.conname) || ' on ' || t.oid::regclass,
               'pg_constraint'::regclass, k.oid
        FROM pg_constraint k
        WHERE k.conrelid = t.oid AND k.contype = 'c' AND t.is_partition
        UNION ALL
        SELECT 'table ' || t.oid::regclass, d.refclassid, d.refobjid
        FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = t.oid AND d.objsubid = 0
          AND d.refclassid IN ('pg_proc'::regclass, 'pg_am'::regclass, 'pg_opclass'::regclass)
          AND d.refobjid >= 16384
    ) b
    UNION ALL
    SELECT 'type', m.schema::text, y.typname::text, 'enum ' || quote_ident(y.typname), false,
           'pg_type'::regclass, y.oid
    FROM member m
    JOIN pg_type y ON y.oid = m.objid
    WHERE m.classid = 'pg_type'::regclass AND y.typtype = 'e'
), node AS (
    SELECT b.classid, b.objid FROM base b
    UNION
    SELECT e.classid, e.objid
    FROM node r
    CROSS JOIN LATERAL (:edges) e
), code AS (
    SELECT r.classid, r.objid, p.proowner AS owner, 'function' AS what,
           p.oid::regprocedure::text AS runs
    FROM node r
    JOIN pg_proc p ON p.oid = r.objid
    WHERE r.classid = 'pg_proc'::regclass
    UNION ALL
    SELECT r.classid, r.objid, y.typowner, 'type', format_type(y.oid, NULL)
    FROM node r
    JOIN pg_type y ON y.oid = r.objid
    -- Arrays and multiranges have the owner of what they consist of.
    WHERE r.classid = 'pg_type'::regclass AND y.typtype IN ('b', 'd', 'r', 'c') AND y.typelem = 0
    UNION ALL
    SELECT r.classid, r.objid, c.relowner, 'itself', c.oid::regclass::text
    FROM node r
    JOIN pg_class c ON c.oid = r.objid
    WHERE r.classid = 'pg_inherits'::regclass
       OR r.classid = 'pg_class'::regclass AND c.relkind = 'v'
    UNION ALL
    -- A rule may do anything, in the name of the table's owner.
    SELECT r.classid, r.objid, c.relowner, 'itself', ru.rulename::text
    FROM node r
    JOIN pg_rewrite ru ON ru.oid = r.objid
    JOIN pg_class c ON c.oid = ru.ev_class
    WHERE r.classid = 'pg_rewrite'::regclass
), found AS (
    SELECT b.kind, b.schema, b.subject, b.via, b.reads, c.relowner AS owner, 'chosen' AS what,
           p.oid::regprocedure::text AS runs
    FROM base b
    CROSS JOIN LATERAL (
        SELECT ad.adrelid AS relation, ad.adbin::text AS expression
        FROM pg_attrdef ad
        WHERE b.classid = 'pg_attrdef'::regclass AND ad.oid = b.objid
        UNION ALL
        SELECT k.conrelid, k.conbin::text
        FROM pg_constraint k
        WHERE b.classid = 'pg_constraint'::regclass AND k.oid = b.objid
        UNION ALL
        SELECT tg.tgrelid, tg.tgqual::text
        FROM pg_trigger tg
        WHERE b.classid = 'pg_trigger'::regclass AND tg.oid = b.objid
    ) e
    JOIN pg_class c ON c.oid = e.relation
    CROSS JOIN LATERAL regexp_matches(e.expression, ':(funcid|opno) ([0-9]+)', 'g') n
    LEFT JOIN pg_operator op ON n[1] = 'opno' AND op.oid = n[2]::oid
    JOIN pg_proc p ON p.oid = CASE WHEN n[1] = 'opno' THEN op.oprcode::oid ELSE n[2]::oid END
    WHERE p.provolatile <> 'i'
      AND CASE WHEN p.oid < 16384
               THEN NOT (p.provolatile = 's'
                             AND p.proname !~ 'xml|query|setting|file|cursor|^(pg|ts|lo)_'
                         OR p.proname IN ('clock_timestamp', 'gen_random_uuid', 'nextval', 'random',
                                          'timeofday', 'uuidv4', 'uuidv7'))
               ELSE EXISTS (SELECT FROM pg_type y
                            WHERE y.oid = ANY (p.proargtypes) AND y.typcategory IN ('S', 'X', 'P'))
          END
    UNION ALL
    SELECT 'column', r.schema::text, r.subject::text,
           'enum ' || quote_ident(y.typname) || ' of column ' || quote_ident(r.subject) || '.'
           || quote_ident(a.attname), false, y.typowner, 'itself', a.attname::text
    FROM relation r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type y ON y.oid IN (t.oid, t.typelem) AND y.typtype = 'e'
    WHERE r.oid = r.origin
    UNION ALL
    SELECT 'type', m.schema::text, y.typname::text, 'enum ' || quote_ident(y.typname), false,
           y.typowner, 'itself', ''
    FROM member m
    JOIN pg_type y ON y.oid = m.objid
    WHERE m.classid = 'pg_type'::regclass AND y.typtype = 'e'
)
SELECT 'schema' AS section, NULL AS kind, n.nspname::text AS schema, NULL AS subject, NULL AS via,
       NULL AS reads, NULL AS node, NULL AS what, quote_ident(n.nspname) || '.' AS runs,
       pg_get_userbyid(n.nspowner)::text AS owner
FROM pg_namespace n
WHERE n.nspname = ANY (:schemas)
UNION ALL
SELECT 'base', b.kind, b.schema, b.subject, b.via, b.reads::text, b.classid || '.' || b.objid,
       NULL, NULL, NULL
FROM base b
UNION ALL
SELECT 'edge', NULL, NULL, NULL,
       CASE WHEN e."cast" IS NULL THEN '' ELSE
           'cast from ' || format_type(ca.castsource, NULL) || ' to '
           || format_type(ca.casttarget, NULL) || ', for ' END,
       NULL, r.classid || '.' || r.objid, NULL, e.classid || '.' || e.objid, NULL
FROM node r
CROSS JOIN LATERAL (:edges) e
LEFT JOIN pg_cast ca ON ca.oid = e."cast"
UNION ALL
SELECT 'code', NULL, NULL, NULL, NULL, NULL, c.classid || '.' || c.objid, c.what, c.runs,
       pg_get_userbyid(c.owner)
FROM code c
CROSS JOIN trusted t
WHERE :anybody OR c.owner <> ALL (t.roles)
UNION ALL
SELECT 'found', f.kind, f.schema, f.subject, f.via, f.reads::text, NULL, f.what, f.runs,
       pg_get_userbyid(f.owner)
FROM found f
CROSS JOIN trusted t
WHERE :anybody OR f.owner <> ALL (t.roles);
