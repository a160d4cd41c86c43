-- What a statement on the tables of the schemas `:schemas`, or on the tables `:externals` that foreign
-- keys are to point to, could make the server run that belongs to neither a superuser nor the role of
-- the session. Sent by pg/untrusted.rs with the search path `pg_catalog`. With `:anybody`, what belongs
-- to these roles is returned as well.
--
-- The result is a graph in four sections, in which each object appears once however many lead to it:
-- `base` is what is attached to each table, `edge` what that needs, `code` the functions and types among
-- it with their owners, and `found` what is reported for its own sake. `:edges` stands for
-- untrusted_edges.sql, `:trusted_roles` for the roles that are trusted without being named.
--
-- * Reading the catalog runs nothing of this.
-- * What refers to a function is known from pg_depend, but for what no expression refers to yet:
--   casts, which the server looks up when it parses a statement; the constraints of domains; the
--   members of operator families; inheritance children, to which ALTER TABLE descends.
-- * Objects of a server start at OID 16384 (PostgreSQL's FirstNormalObjectId); those below are its
--   own, and most of them do not appear in pg_depend.
-- * A type is reported because of its owner alone: constraints, attributes and casts can be added to it
--   without a lock that a statement of ours waits for, and no lock ties its name to it. An enum concerns
--   the steps that name it or have expressions, in which casts are looked up; not those that insert or
--   search for rows, which write labels as literals and compare their printed form.
-- * A mere SELECT runs something, too: to plan it, the server computes immutable functions of
--   constants in the expressions of indexes and of extended statistics. To check a foreign key, it
--   plans such a SELECT on the table that the key points to, where it evaluates the CHECK constraints of
--   partitions as well.
-- * The server's own functions may run SQL text, read files, change settings, call the input function of a type
--   whose OID they are given, and look up casts when they run; none of that is recorded in pg_depend, and
--   CREATE INDEX accepts it, too, where it is folded to a constant at that moment. Functions of a trusted owner
--   may do as much with arguments that somebody else has chosen. So in expressions of tables with an untrusted
--   owner, only what is known to do nothing of the kind is skipped: nodes of the kinds `:harmless_nodes`;
--   the server's own functions that are immutable, or stable and of no suspicious name, and that take
--   nothing but plain values (`:plain_types`), or that are listed; immutable functions of others, and those
--   without arguments. Everything else is reported, unless the manifest declares the very same expression. The
--   OIDs of functions are taken from the expressions. Whoever may create triggers chooses their conditions and
--   arguments.
-- * Policies are not included: under `row_security = off` the server refuses a statement to which one
--   would apply. Row filters of publications are computed by the sender.
WITH RECURSIVE trusted AS MATERIALIZED (
    SELECT :trusted_roles AS roles
), member AS MATERIALIZED (
    SELECT n.nspname AS schema, d.classid, d.objid
    FROM pg_namespace n
    JOIN pg_depend d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
    WHERE n.nspname = ANY (:schemas)
      AND d.classid IN ('pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass)
), relation AS (
    SELECT m.schema, c.relname AS subject, c.oid AS origin, c.oid, false AS is_by_rule
    FROM member m
    JOIN pg_class c ON c.oid = m.objid
    WHERE m.classid = 'pg_class'::regclass
      AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
      AND c.relname <> '_provision_state'
    UNION
    SELECT r.schema, r.subject, r.origin, h.oid, r.is_by_rule OR h.is_by_rule
    FROM relation r
    CROSS JOIN LATERAL (
        SELECT i.inhrelid AS oid, false AS is_by_rule FROM pg_inherits i WHERE i.inhparent = r.oid
        UNION ALL
        -- The expressions of a partition's bound are those of its parent's key.
        SELECT i.inhparent, false FROM pg_inherits i
        JOIN pg_class c ON c.oid = r.oid AND c.relispartition
        WHERE i.inhrelid = r.oid
        UNION ALL
        -- What a rule reads and writes, instead of what is inserted or in addition to it. Of our statements only
        -- INSERT is rewritten (3; see nodes.h), and with consent UPDATE and DELETE (2 and 4), but a rule may do
        -- something else.
        SELECT d.refobjid, true
        FROM pg_rewrite ru
        JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = ru.oid
            AND d.refclassid = 'pg_class'::regclass
        JOIN pg_class c ON c.oid = d.refobjid AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
        WHERE ru.ev_class = r.oid AND ru.ev_enabled <> 'D' AND d.refobjid <> r.oid
          AND d.refobjid >= 16384
          AND (ru.ev_type IN (:rewritten) OR r.is_by_rule AND ru.ev_type <> '1')
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
           -- Rows are read in partitions, too, but not in other child tables.
           b.reads AND (r.oid = r.origin OR r.is_partition) AS reads, b.classid::oid AS classid, b.objid
    FROM (SELECT r.*, CASE WHEN r.oid = r.origin THEN quote_ident(r.subject)
                           ELSE r.oid::regclass::text END AS name,
                 EXISTS (SELECT FROM pg_class c WHERE c.oid = r.oid AND c.relispartition)
                     AS is_partition
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
               -- Virtual ones are computed when they are read.
               a.attgenerated = 'v', 'pg_attrdef'::regclass, ad.oid
        FROM pg_attrdef ad
        JOIN pg_attribute a ON a.attrelid = ad.adrelid AND a.attnum = ad.adnum
        WHERE ad.adrelid = r.oid
        UNION ALL
        -- Before PostgreSQL 15, what a generated column needs was recorded for the column itself.
        SELECT 'generated column ' || r.name || '.' || quote_ident(a.attname),
               false, d.refclassid, d.refobjid
        FROM pg_attribute a
        JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = r.oid
            AND d.objsubid = a.attnum
        WHERE a.attrelid = r.oid AND a.attgenerated <> '' AND NOT a.attisdropped
          AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass)
          AND d.refobjid >= 16384
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
        -- Of our statements only INSERT fires one (bit 2; see pg_trigger.h), and with consent UPDATE and
        -- DELETE (bits 4 and 3).
        WHERE tg.tgrelid = r.oid AND tg.tgenabled <> 'D'
          AND (tg.tgtype & :fired <> 0 OR r.is_by_rule)
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
    SELECT 'type', m.schema::text, y.typname::text,
           CASE y.typtype WHEN 'e' THEN 'enum ' WHEN 'd' THEN 'domain ' ELSE 'type ' END
               || quote_ident(y.typname), false, 'pg_type'::regclass, y.oid
    FROM member m
    JOIN pg_type y ON y.oid = m.objid
    WHERE m.classid = 'pg_type'::regclass AND y.typtype IN ('e', 'd', 'c', 'r')
    UNION ALL
    -- What is to be created may call those that are there.
    SELECT 'function', m.schema::text, p.proname || '('
               || replace(oidvectortypes(p.proargtypes), quote_ident(m.schema) || '.', '') || ')',
           'function ' || p.oid::regprocedure, false, 'pg_proc'::regclass, p.oid
    FROM member m
    JOIN pg_proc p ON p.oid = m.objid
    WHERE m.classid = 'pg_proc'::regclass
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
    -- Arrays and multiranges have the owner of their element type.
    WHERE r.classid = 'pg_type'::regclass AND y.typtype IN ('b', 'd', 'r', 'c') AND y.typelem = 0
    UNION ALL
    SELECT r.classid, r.objid, c.relowner, 'itself', c.oid::regclass::text
    FROM node r
    JOIN pg_class c ON c.oid = r.objid
    WHERE r.classid = 'pg_inherits'::regclass
       OR r.classid = 'pg_class'::regclass AND c.relkind = 'v'
    UNION ALL
    -- A rule may do anything, with the privileges of the table's owner.
    SELECT r.classid, r.objid, c.relowner, 'itself', ru.rulename::text
    FROM node r
    JOIN pg_rewrite ru ON ru.oid = r.objid
    JOIN pg_class c ON c.oid = ru.ev_class
    WHERE r.classid = 'pg_rewrite'::regclass
), expression AS MATERIALIZED (
    SELECT b.kind, b.schema, b.subject, b.via, b.reads, e.relation, e.tree, w.owner
    FROM base b
    CROSS JOIN trusted t
    CROSS JOIN LATERAL (
        SELECT ad.adrelid AS relation, ad.adbin AS tree
        FROM pg_attrdef ad
        WHERE b.classid = 'pg_attrdef'::regclass AND ad.oid = b.objid
        UNION ALL
        SELECT k.conrelid, k.conbin
        FROM pg_constraint k
        WHERE b.classid = 'pg_constraint'::regclass AND k.oid = b.objid AND k.conrelid <> 0
        UNION ALL
        SELECT tg.tgrelid, tg.tgqual
        FROM pg_trigger tg
        WHERE b.classid = 'pg_trigger'::regclass AND tg.oid = b.objid
        UNION ALL
        SELECT i.indrelid, x.tree
        FROM pg_index i
        CROSS JOIN LATERAL (VALUES (i.indexprs), (i.indpred)) AS x(tree)
        WHERE b.classid = 'pg_class'::regclass AND i.indexrelid = b.objid
        UNION ALL
        SELECT s.stxrelid, s.stxexprs
        FROM pg_statistic_ext s
        WHERE b.classid = 'pg_statistic_ext'::regclass AND s.oid = b.objid
        UNION ALL
        SELECT pt.partrelid, pt.partexprs
        FROM pg_partitioned_table pt
        WHERE b.classid = 'pg_inherits'::regclass AND pt.partrelid = b.objid
    ) e
    JOIN pg_class c ON c.oid = e.relation
    -- Possible owners: the table's owner, and those who may create triggers on it.
    CROSS JOIN LATERAL (
        SELECT c.relowner AS owner WHERE :anybody OR c.relowner <> ALL (t.roles)
        UNION
        SELECT a.grantee
        FROM aclexplode(c.relacl) a
        WHERE b.classid = 'pg_trigger'::regclass AND a.privilege_type = 'TRIGGER'
          AND a.grantee <> ALL (t.roles)
    ) w
    WHERE e.tree IS NOT NULL
), found AS (
    SELECT e.kind, e.schema, e.subject, e.via, e.reads, e.owner, 'chosen' AS what, x.runs,
           md5(replace(pg_get_expr(e.tree, e.relation), quote_ident(e.schema) || '.', '')) AS within
    FROM expression e
    CROSS JOIN LATERAL (
        SELECT p.oid::regprocedure::text AS runs
        FROM regexp_matches(e.tree::text, ':(funcid|opno) ([0-9]+)', 'g') n
        LEFT JOIN pg_operator op ON n[1] = 'opno' AND op.oid = n[2]::oid
        JOIN pg_proc p ON p.oid = CASE WHEN n[1] = 'opno' THEN op.oprcode::oid ELSE n[2]::oid END
        WHERE CASE
            WHEN p.oid >= 16384 THEN p.provolatile <> 'i' AND p.pronargs > 0
            ELSE NOT (
                p.proname = ANY (:harmless_functions)
                OR p.proname ~ '^(enum|array|range|multirange)_(eq|ne|lt|le|gt|ge|cmp)$'
                OR p.proname ~ '^(multi)?range_(contains|contained|overlaps|adjacent|before|after)'
                OR (p.provolatile = 'i' OR p.provolatile = 's'
                        AND p.proname !~ 'xml|query|setting|file|cursor|^(pg|ts|lo)_')
                   AND NOT EXISTS (
                       SELECT FROM unnest(p.proargtypes::oid[]) AS a(oid)
                       JOIN pg_type y ON y.oid = a.oid
                       LEFT JOIN pg_type l ON l.oid = y.typelem AND y.typcategory = 'A'
                       WHERE coalesce(l.typname, y.typname) <> ALL (:plain_types)))
            END
        UNION ALL
        SELECT 'an expression of the kind ' || lower(n[1])
        FROM regexp_matches(e.tree::text, '[{]([A-Z_]+)', 'g') n
        WHERE n[1] <> ALL (:harmless_nodes)
    ) x
    UNION ALL
    SELECT b.kind, b.schema, b.subject, b.via, b.reads, w.owner, 'chosen',
           tg.tgfoid::regprocedure::text, md5(tg.tgargs)
    FROM base b
    JOIN pg_trigger tg ON b.classid = 'pg_trigger'::regclass AND tg.oid = b.objid
    JOIN pg_class c ON c.oid = tg.tgrelid
    CROSS JOIN trusted t
    CROSS JOIN LATERAL (
        SELECT c.relowner AS owner
        UNION
        SELECT a.grantee
        FROM aclexplode(c.relacl) a
        WHERE a.privilege_type = 'TRIGGER' AND a.grantee <> ALL (t.roles)
    ) w
    WHERE tg.tgnargs > 0 AND NOT tg.tgisinternal
    UNION ALL
    SELECT 'column', r.schema::text, r.subject::text,
           'enum ' || quote_ident(y.typname) || ' of column ' || quote_ident(r.subject) || '.'
           || quote_ident(a.attname), false, y.typowner, 'itself', a.attname::text, ''
    FROM relation r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type y ON y.oid IN (t.oid, t.typelem) AND y.typtype = 'e'
    WHERE r.oid = r.origin
    UNION ALL
    SELECT 'type', m.schema::text, y.typname::text, 'enum ' || quote_ident(y.typname), false,
           y.typowner, 'itself', '', ''
    FROM member m
    JOIN pg_type y ON y.oid = m.objid
    WHERE m.classid = 'pg_type'::regclass AND y.typtype = 'e'
)
SELECT 'schema' AS section, NULL AS kind, n.nspname::text AS schema, NULL AS subject, NULL AS via,
       NULL AS reads, NULL AS node, NULL AS what, quote_ident(n.nspname) || '.' AS runs,
       NULL AS within, pg_get_userbyid(n.nspowner)::text AS owner
FROM pg_namespace n
WHERE n.nspname = ANY (:schemas)
UNION ALL
SELECT 'base', b.kind, b.schema, b.subject, b.via, b.reads::text, b.classid || '.' || b.objid,
       NULL, NULL, NULL, NULL
FROM base b
UNION ALL
SELECT 'edge', NULL, NULL, NULL,
       CASE WHEN e."cast" IS NULL THEN '' ELSE
           'cast from ' || format_type(ca.castsource, NULL) || ' to '
           || format_type(ca.casttarget, NULL) || ', for ' END,
       NULL, r.classid || '.' || r.objid, NULL, e.classid || '.' || e.objid, NULL, NULL
FROM node r
CROSS JOIN LATERAL (:edges) e
LEFT JOIN pg_cast ca ON ca.oid = e."cast"
UNION ALL
SELECT 'code', NULL, NULL, NULL, NULL, NULL, c.classid || '.' || c.objid, c.what, c.runs,
       NULL, pg_get_userbyid(c.owner)
FROM code c
CROSS JOIN trusted t
WHERE :anybody OR c.owner <> ALL (t.roles)
UNION ALL
SELECT 'found', f.kind, f.schema, f.subject, f.via, f.reads::text, NULL, f.what, f.runs,
       f.within, CASE WHEN f.owner = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(f.owner) END
FROM found f
CROSS JOIN trusted t
WHERE :anybody OR f.owner <> ALL (t.roles);
