-- What a statement on the tables of the schemas `:schemas` could make the server run that belongs to
-- neither a superuser nor the role of the session: one row for each relation or enum and each such
-- object. Sent by pg/untrusted.rs with the search path `pg_catalog`. With `:anybody`, what belongs
-- to these is told as well.
--
-- * Reading the catalog runs nothing of this.
-- * What refers to a function is known from pg_depend, but for what no expression refers to yet:
--   casts, which the server looks up when it parses a statement; the constraints of domains; the
--   members of operator families; inheritance children, to which ALTER TABLE descends.
-- * Objects of a server start at OID 16384 (PostgreSQL's FirstNormalObjectId); those below are its
--   own, and most of them stand in pg_depend nowhere.
-- * A type that is no enum is told for its owner's sake alone: constraints, attributes and casts can be
--   added to it without a lock that a statement of ours waits for.
-- * A mere SELECT runs something, too: to plan it, the server computes immutable functions of
--   constants in the expressions of indexes and of extended statistics. To check a foreign key, it
--   plans such a SELECT on the table that the key points to.
-- * The server's own functions may run SQL text, read files and change settings, and stand in
--   pg_depend nowhere. In expressions of tables that belong to nobody trusted, only those are passed
--   over that are immutable, or stable and of no family that does such things, or listed; the others
--   are told, unless the manifest uses them itself. Their numbers are taken from the expressions.
-- * Policies are not among it: under `row_security = off` the server refuses a statement that would
--   have to ask one. Row filters of publications are computed by the sender.
WITH RECURSIVE trusted AS MATERIALIZED (
    SELECT array_agg(r.oid) AS roles
    FROM pg_roles r
    WHERE r.rolsuper OR r.rolname IN (current_user, session_user)
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
), base AS (
    SELECT 'relation' AS kind, r.schema, r.subject, b.via, b.reads AND r.oid = r.origin AS reads,
           b.classid, b.objid
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
        SELECT 'constraint ' || quote_ident(k.conname) || ' on ' || r.name || ', by ' || t.via || ',',
               false, t.classid, t.oid
        FROM pg_constraint k
        CROSS JOIN LATERAL (
            SELECT 'index ' || i.indexrelid::regclass AS via, 'pg_class'::regclass AS classid,
                   i.indexrelid AS oid
            FROM pg_index i
            WHERE i.indrelid = k.confrelid
            UNION ALL
            SELECT 'statistics ' || e.stxnamespace::regnamespace || '.' || quote_ident(e.stxname),
                   'pg_statistic_ext'::regclass, e.oid
            FROM pg_statistic_ext e
            WHERE e.stxrelid = k.confrelid
        ) t
        WHERE k.conrelid = r.oid AND k.contype = 'f'
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
    SELECT 'type', m.schema, y.typname, 'enum ' || quote_ident(y.typname), false,
           'pg_type'::regclass, y.oid
    FROM member m
    JOIN pg_type y ON y.oid = m.objid
    WHERE m.classid = 'pg_type'::regclass AND y.typtype = 'e'
), reached AS (
    SELECT b.kind, b.schema, b.subject, b.via, b.reads, NULL::oid AS "cast",
           b.classid::oid AS classid, b.objid
    FROM base b
    UNION
    SELECT r.kind, r.schema, r.subject, r.via, r.reads, coalesce(e."cast", r."cast"), e.classid,
           e.objid
    FROM reached r
    CROSS JOIN LATERAL (
        SELECT NULL::oid AS "cast", d.refclassid AS classid, d.refobjid AS objid
        FROM pg_depend d
        WHERE d.classid = r.classid AND d.objid = r.objid AND d.refobjid >= 16384
          AND (d.refclassid IN ('pg_proc'::regclass, 'pg_type'::regclass, 'pg_operator'::regclass,
                                'pg_opclass'::regclass, 'pg_opfamily'::regclass, 'pg_am'::regclass)
               -- What a rule reads.
               OR r.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass)
        UNION ALL
        SELECT NULL, 'pg_constraint'::regclass, k.oid
        FROM pg_constraint k
        WHERE r.classid = 'pg_type'::regclass AND k.contypid = r.objid
        UNION ALL
        SELECT NULL, 'pg_class'::regclass, y.typrelid
        FROM pg_type y
        WHERE r.classid = 'pg_type'::regclass AND y.oid = r.objid AND y.typtype = 'c'
        UNION ALL
        -- The attributes of a composite type, and the rule that makes a view one.
        SELECT NULL, 'pg_rewrite'::regclass, ru.oid
        FROM pg_rewrite ru
        WHERE r.classid = 'pg_class'::regclass AND ru.ev_class = r.objid
        UNION ALL
        SELECT ca.oid, 'pg_proc'::regclass, ca.castfunc
        FROM pg_cast ca
        WHERE r.classid = 'pg_type'::regclass AND ca.castfunc >= 16384
          AND (ca.castsource = r.objid OR ca.casttarget = r.objid)
        UNION ALL
        SELECT NULL, 'pg_proc'::regclass, ap.amproc
        FROM pg_amproc ap
        WHERE r.classid = 'pg_opfamily'::regclass AND ap.amprocfamily = r.objid
        UNION ALL
        SELECT NULL, 'pg_operator'::regclass, ao.amopopr
        FROM pg_amop ao
        WHERE r.classid = 'pg_opfamily'::regclass AND ao.amopfamily = r.objid
    ) e
    WHERE e.objid >= 16384
), owned AS (
    SELECT r.*, p.proowner AS owner, 'function' AS what, p.oid::regprocedure::text AS runs
    FROM reached r
    JOIN pg_proc p ON p.oid = r.objid
    WHERE r.classid = 'pg_proc'::regclass
    UNION ALL
    SELECT b.kind, b.schema, b.subject, b.via, b.reads, NULL, b.classid, b.objid, c.relowner,
           'function', p.oid::regprocedure::text
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
    WHERE p.oid < 16384
      AND NOT (p.provolatile = 'i'
               OR p.provolatile = 's' AND p.proname !~ 'xml|query|setting|file|cursor|^(pg|ts|lo)_'
               OR p.proname IN ('clock_timestamp', 'gen_random_uuid', 'nextval', 'random',
                                'timeofday', 'uuidv4', 'uuidv7'))
    UNION ALL
    SELECT r.*, y.typowner, 'type', format_type(y.oid, NULL)
    FROM reached r
    JOIN pg_type y ON y.oid = r.objid
    -- Arrays and multiranges have the owner of what they consist of.
    WHERE r.classid = 'pg_type'::regclass AND y.typtype IN ('b', 'd', 'r', 'c') AND y.typelem = 0
    UNION ALL
    SELECT r.*, c.relowner, 'itself', c.oid::regclass::text
    FROM reached r
    JOIN pg_class c ON c.oid = r.objid
    WHERE r.classid = 'pg_inherits'::regclass
       OR r.classid = 'pg_class'::regclass AND c.relkind = 'v'
    UNION ALL
    -- A rule may do anything, in the name of the table's owner.
    SELECT r.*, c.relowner, 'itself', ru.rulename::text
    FROM reached r
    JOIN pg_rewrite ru ON ru.oid = r.objid
    JOIN pg_class c ON c.oid = ru.ev_class
    WHERE r.classid = 'pg_rewrite'::regclass
)
SELECT DISTINCT o.kind, o.schema::text AS schema, o.subject::text AS subject,
       CASE WHEN o."cast" IS NULL THEN '' ELSE
           'cast from ' || format_type(ca.castsource, NULL) || ' to '
           || format_type(ca.casttarget, NULL) || ', for ' END || o.via AS via,
       -- Whether a mere SELECT may run it, or fail for it.
       (o.reads OR o.what = 'type')::text AS reads,
       o.what, o.runs, quote_ident(o.schema) || '.' AS prefix,
       pg_get_userbyid(o.owner)::text AS owner,
       (n.nspowner = o.owner)::text AS is_schemas_owner
FROM owned o
JOIN pg_namespace n ON n.nspname = o.schema
CROSS JOIN trusted t
LEFT JOIN pg_cast ca ON ca.oid = o."cast"
WHERE :anybody OR o.owner <> ALL (t.roles)
ORDER BY schema, subject, via, o.runs;
