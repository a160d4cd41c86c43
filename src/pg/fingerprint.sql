-- One row for each schema of `$1` that exists: the digest of all that the model compares and of
-- the presence of what it does not model; what the tool's own table in it looks like, before
-- anything is read from it; and what could keep the role from looking closer. Sent by
-- pg/fingerprint.rs with the search path `pg_catalog`; `/* name */ value`, `:kept_options` and
-- `:known_options` are replaced as in introspect.sql.
--
-- The digest does not depend on the OIDs in the schema, nor on its name. Two schemas with the same
-- digest have the same model; two with the same model may differ in it (another order of columns),
-- which costs time only. So whatever is in doubt is added.
--
-- * Objects of a server start at OID 16384 (PostgreSQL's FirstNormalObjectId). Those below are the
--   same in every database of a major version and stand as numbers; the others stand as names.
-- * Rows are written by the output function of records, which quotes: texts cannot run together.
--   A value that nearly all objects have is NULL, which costs nothing.
-- * Deparsing under the schema's own path: see introspect.sql. All of a schema is one subquery, so
--   the path of one is never in force for another.
-- * Expressions that name columns would make the server open each table, at a tenth of a millisecond
--   and some kilobytes of its memory. So they are deparsed as if they belonged to a table of the
--   server's own with enough columns: its names stand for the numbers, and which number is which
--   column is told by the columns themselves.
-- * `is_open`: something in the schema, or it itself, belongs to nobody trusted, row-level security or children
--   are there, or somebody else may make triggers; see pin.rs. `has_strangers`: see untrusted.rs.
-- * A deparsing function returns NULL for what was dropped meanwhile; the OID then stands for it, so
--   that nothing equals it.
SELECT n.nspname::text AS schema,
       -- Kept for the record of an apply, which is written by a later statement.
       set_config('provision.fingerprint', f.fingerprint, true) AS fingerprint,
       has_schema_privilege(n.oid, 'USAGE')::text AS usable,
       -- Set back at once: while a prepared statement runs, the server may analyse it anew, and that
       -- must not happen under a tenant's path.
       CASE WHEN set_config('search_path', 'pg_catalog, pg_temp', true) <> '' THEN f.hidden::text
            END AS hidden,
       f.record::text AS record,
       f.note,
       (f.is_open OR n.nspowner <> ALL (t.roles))::text AS is_open,
       t.has_strangers::text AS has_strangers,
       EXISTS (SELECT FROM pg_event_trigger)::text AS has_event_triggers
FROM (
    SELECT r.roles, :has_strangers AS has_strangers
    FROM (SELECT :trusted_roles AS roles OFFSET 0) r
    OFFSET 0
) t
CROSS JOIN pg_namespace n
CROSS JOIN LATERAL (
    WITH path AS MATERIALIZED (
        SELECT set_config('search_path', quote_ident(n.nspname) || ', pg_temp', true) <> ''
                   AS is_set
    ), member AS MATERIALIZED (
        SELECT d.classid, d.objid, path.is_set
        FROM pg_depend d
        CROSS JOIN path
        WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
    ), relation AS MATERIALIZED (
        SELECT row_number() OVER () AS place, c.*
        FROM (
            SELECT c.oid, c.relname, c.relkind, c.relpersistence, c.relrowsecurity,
                   c.relforcerowsecurity, c.reloftype, c.reloptions,
                   c.reltablespace, c.relreplident, c.relam, c.relowner, c.relhasrules,
                   c.relhastriggers, c.relhassubclass, c.relacl, c.relnatts, m.is_set
            FROM member m
            JOIN pg_class c ON c.oid = m.objid
            WHERE m.classid = 'pg_class'::regclass AND c.relname <> '_provision_state'
            -- Sequences last: those of identity columns have no place in the model.
            ORDER BY c.relkind = 'S', c.relname
            OFFSET 0
        ) c
    ), record AS MATERIALIZED (
        SELECT c.*
        FROM pg_class c
        WHERE c.relnamespace = n.oid AND c.relname = '_provision_state'
    ), "table" AS MATERIALIZED (
        SELECT r.oid, r.place, r.relhastriggers, r.is_set,
               CASE WHEN r.relnatts <= 9 THEN 'pg_opclass'::regclass
                    WHEN r.relnatts <= 19 THEN 'pg_trigger'::regclass
                    WHEN r.relnatts <= 33 THEN 'pg_class'::regclass
                    WHEN r.relnatts <= 82 THEN 'information_schema.routines'::regclass
                    ELSE r.oid END AS names
        FROM relation r
        WHERE r.relkind = 'r'
    ), index AS MATERIALIZED (
        SELECT array_agg(i.indexrelid ORDER BY t.place, c.relname) AS oids, string_agg(ROW(
            t.place, c.relname, nullif(c.relam, 403), c.reloptions, nullif(c.reltablespace, 0),
            nullif(i.indisunique, false), nullif(/* indnullsnotdistinct */ false, false),
            nullif(i.indisvalid AND i.indisready, true), nullif(i.indnkeyatts, 1), i.indkey,
            i.indoption,
            CASE WHEN NOT 16384 <= ANY (i.indclass::oid[]) THEN i.indclass END,
            CASE WHEN NOT 16384 <= ANY (i.indcollation::oid[]) THEN i.indcollation
                 END,
            CASE WHEN i.indpred IS NOT NULL AND t.is_set
                 THEN coalesce(pg_get_expr(i.indpred, t.names), i.indexrelid::text) END,
            CASE WHEN i.indexprs IS NOT NULL AND t.is_set
                 THEN coalesce(pg_get_expr(i.indexprs, t.names), i.indexrelid::text) END,
            -- The rest in words, with the parameters of operator classes, which the server's own for
            -- B-trees do not take. A default operator class is not named: its type tells it.
            CASE WHEN (c.relam <> 403 OR 16384 <= ANY (i.indclass::oid[])
                       OR 16384 <= ANY (i.indcollation::oid[])) AND t.is_set
                 THEN pg_get_indexdef(i.indexrelid, 0, true) END
            )::text, '' ORDER BY t.place, c.relname) AS text
        FROM "table" t
        JOIN pg_index i ON i.indrelid = t.oid
        JOIN pg_class c ON c.oid = i.indexrelid
    ), "constraint" AS MATERIALIZED (
        -- The columns of keys are those of the index of the same name.
        SELECT array_agg(k.oid ORDER BY t.place, k.conname) AS oids, string_agg(ROW(
            t.place, k.conname, k.contype, nullif(k.condeferrable, false),
            nullif(k.condeferred, false), nullif(k.convalidated, true),
            nullif(k.connoinherit, true), nullif(/* conperiod */ false, false),
            CASE WHEN k.contype = 'c' AND t.is_set
                 THEN coalesce(pg_get_expr(k.conbin, t.names), k.oid::text) END,
            CASE WHEN k.contype = 'f'
                 THEN ROW(f.place, k.conkey, k.confkey, k.confmatchtype, k.confupdtype,
                          k.confdeltype, /* confdelsetcols */ NULL::int2[])::text END,
            -- What lies elsewhere is told by name.
            CASE WHEN (k.contype = 'x' OR k.contype = 'f' AND f.oid IS NULL) AND t.is_set
                 THEN coalesce(pg_get_constraintdef(k.oid), k.oid::text) END,
            -- There, too, triggers enforce it; and on the partitions, if it has any.
            CASE WHEN k.contype = 'f' AND f.oid IS NULL
                 THEN nullif(concat(
                     EXISTS (SELECT FROM pg_trigger tg
                             WHERE tg.tgconstraint = k.oid AND tg.tgrelid = k.confrelid
                               AND tg.tgenabled <> 'O'),
                     (SELECT array_agg(DISTINCT p.conname)
                      FROM pg_constraint p
                      JOIN pg_trigger tg ON tg.tgconstraint = p.oid
                      WHERE p.conrelid = k.conrelid AND p.contype = 'f' AND p.conparentid <> 0
                        AND tg.tgrelid = p.confrelid AND tg.tgenabled <> 'O')), 'f') END
            )::text, '' ORDER BY t.place, k.conname) AS text
        FROM "table" t
        JOIN pg_constraint k ON k.conrelid = t.oid
        LEFT JOIN "table" f ON f.oid = k.confrelid
        -- A NOT NULL is told by its column, unless the rows were never checked for it.
        WHERE (k.contype IN ('p', 'u', 'c', 'x', 'f') OR k.contype = 'n' AND NOT k.convalidated)
          -- Nor are those told that the server makes for partitions: see introspect.sql.
          AND (k.conparentid = 0
               OR NOT EXISTS (SELECT FROM pg_constraint p
                              WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid))
    ), type AS MATERIALIZED (
        SELECT array_agg(t.oid ORDER BY t.typname) AS oids, string_agg(ROW(
            t.typname, t.typtype, t.typstorage,
            CASE WHEN m.is_set THEN t.typcollation::regcollation END,
            ARRAY(SELECT e.enumlabel FROM pg_enum e
                  WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder),
            -- Casts live in no schema, but go with their types.
            (SELECT string_agg(DISTINCT ROW(format_type(ca.castsource, NULL),
                                            format_type(ca.casttarget, NULL))::text, '')
             FROM pg_depend d
             JOIN pg_cast ca ON ca.oid = d.objid
             WHERE d.classid = 'pg_cast'::regclass AND m.is_set
               AND d.refclassid = 'pg_type'::regclass AND d.refobjid = t.oid))::text, ''
            ORDER BY t.typname) AS text
        FROM member m
        JOIN pg_type t ON t.oid = m.objid
        WHERE m.classid = 'pg_type'::regclass
    )
    SELECT 'sha256:' || encode(sha256(convert_to(concat(
        'relations',
        (SELECT string_agg(ROW(
             r.place, r.relname, r.relkind, nullif(r.relpersistence, 'p'),
             nullif(r.relrowsecurity OR r.relforcerowsecurity, false), r.reloptions,
             nullif(r.reltablespace, 0), nullif(r.reloftype <> 0, false),
             nullif(r.relreplident, 'd'), CASE WHEN r.relam NOT IN (0, 2) THEN 'other' END
             )::text, '' ORDER BY r.place)
         FROM relation r
         WHERE r.relkind <> 'S'),
        'inherits',
        (SELECT string_agg(ROW(t.place)::text, '' ORDER BY t.place)
         FROM "table" t
         JOIN pg_inherits h ON h.inhrelid = t.oid),
        'children',
        (SELECT string_agg(ROW(t.place)::text, '' ORDER BY t.place)
         FROM "table" t
         WHERE EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = t.oid)),
        'columns',
        (SELECT string_agg(ROW(
             t.place, a.attnum, a.attname,
             CASE WHEN a.atttypid < 16384 THEN a.atttypid::text
                  WHEN t.is_set THEN format_type(a.atttypid, a.atttypmod) END,
             nullif(a.atttypmod, -1), nullif(a.attnotnull, false), nullif(a.attidentity, ''),
             nullif(a.attgenerated, ''),
             CASE WHEN a.atthasdef AND t.is_set THEN (
                 SELECT coalesce(pg_get_expr(ad.adbin, CASE a.attgenerated WHEN '' THEN 0
                                                       ELSE t.names END), ad.oid::text)
                 FROM pg_attrdef ad
                 WHERE ad.adrelid = a.attrelid AND ad.adnum = a.attnum) END,
             -- 0 is none, 100 is the database's own: which of them it can be, the type decides.
             CASE WHEN a.attcollation IN (0, 100) THEN NULL
                  WHEN a.attcollation < 16384 THEN a.attcollation::text
                  WHEN t.is_set THEN a.attcollation::regcollation::text END,
             a.attstorage, nullif(a.attcompression, ''), nullif(a.attstattarget, -1),
             -- One option of the server's own is all that most columns have. Of an option that is
             -- not known, the value may differ from table to table: its name stands for it.
             CASE WHEN a.attoptions[2] IS NOT NULL
                       OR split_part(a.attoptions[1], '=', 1) <> ALL (:kept_options) THEN (
                 SELECT string_agg(CASE WHEN q.name = ANY (:known_options) THEN q.option
                                        ELSE q.name END, ',' ORDER BY q.name)
                 FROM (SELECT split_part(o, '=', 1) AS name, o AS option
                       FROM unnest(a.attoptions) o) q
                 WHERE q.name <> ALL (:kept_options)) END
             )::text, '' ORDER BY t.place, a.attnum)
         FROM "table" t
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped),
        'constraints',
        (SELECT text FROM "constraint"),
        'indexes',
        (SELECT text FROM index),
        'sequences',
        -- In this order, because the names of identity columns' sequences are left out.
        (SELECT string_agg(ROW(
             t.place, o.refobjsubid, o.deptype,
             CASE WHEN o.deptype IS DISTINCT FROM 'i' THEN r.relname END,
             nullif(r.relpersistence, 'p'), nullif(s.seqtypid, 20), nullif(s.seqstart, 1),
             nullif(s.seqincrement, 1), nullif(s.seqmin, 1),
             nullif(s.seqmax, 9223372036854775807), nullif(s.seqcache, 1),
             nullif(s.seqcycle, false))::text, ''
             ORDER BY t.place, o.refobjsubid, o.deptype, r.relname)
         FROM relation r
         JOIN pg_sequence s ON s.seqrelid = r.oid
         LEFT JOIN pg_depend o
             ON o.classid = 'pg_class'::regclass AND o.objid = r.oid AND o.objsubid = 0
             AND o.refclassid = 'pg_class'::regclass AND o.refobjsubid > 0
             AND o.deptype IN ('a', 'i')
         LEFT JOIN "table" t ON t.oid = o.refobjid
         WHERE r.relkind = 'S'
           -- Those of the tool's own table, and of tables elsewhere, belong to these.
           AND (o.refobjid IS NULL OR t.oid IS NOT NULL)),
        'types',
        (SELECT text FROM type),
        'comments',
        (SELECT string_agg(ROW(de.classoid, r.relname, array_position(o.oids, de.objoid),
                               de.objsubid, CASE WHEN length(de.description) <= 8192
                                                THEN de.description
                                                ELSE md5(de.description) END)::text, ''
                           ORDER BY r.relname, array_position(o.oids, de.objoid), de.objsubid)
         FROM (SELECT (SELECT oids FROM "constraint") || (SELECT oids FROM index)
                      || (SELECT oids FROM type) AS oids
               OFFSET 0) o
         JOIN pg_description de
             ON de.objoid = ANY (o.oids || ARRAY(SELECT r.oid FROM relation r))
         LEFT JOIN relation r ON r.oid = de.objoid
         WHERE de.classoid IN ('pg_class'::regclass, 'pg_constraint'::regclass,
                               'pg_type'::regclass)),
        'triggers',
        -- Internal ones (those of foreign keys, and the one that Citus gives each distributed table)
        -- are named after OIDs, and told only where they are not in force.
        (SELECT string_agg(q.text, '' ORDER BY q.place, q.text COLLATE "C")
         FROM (
             SELECT DISTINCT r.place, ROW(r.place, CASE WHEN tg.tgisinternal
                 THEN coalesce((SELECT k.conname FROM pg_constraint k
                                WHERE k.oid = tg.tgconstraint),
                               regexp_replace(tg.tgname, '_[0-9]+$', ''))
                 ELSE tg.tgname END, nullif(tg.tgisinternal, false))::text AS text
             FROM relation r
             JOIN pg_trigger tg ON tg.tgrelid = r.oid
             WHERE r.relhastriggers AND (NOT tg.tgisinternal OR tg.tgenabled <> 'O')) q),
        'policies',
        (SELECT string_agg(ROW(r.place, po.polname)::text, '' ORDER BY r.place, po.polname)
         FROM relation r
         JOIN pg_policy po ON po.polrelid = r.oid
         WHERE r.relkind IN ('r', 'p')),
        'rules',
        (SELECT string_agg(ROW(r.place, ru.rulename)::text, '' ORDER BY r.place, ru.rulename)
         FROM relation r
         JOIN pg_rewrite ru ON ru.ev_class = r.oid
         WHERE r.relhasrules AND ru.rulename <> '_RETURN'),
        'others',
        (SELECT string_agg(q.text, '' ORDER BY q.text COLLATE "C")
         FROM (
             SELECT ROW(o.type, CASE WHEN m.is_set THEN CASE m.classid
                            WHEN 'pg_proc'::regclass THEN m.objid::regprocedure::text
                            WHEN 'pg_operator'::regclass THEN m.objid::regoperator::text
                            ELSE coalesce(o.name, o.identity) END END)::text AS text
             FROM member m
             CROSS JOIN LATERAL pg_identify_object(m.classid, m.objid, 0) o
             WHERE m.classid NOT IN ('pg_class'::regclass, 'pg_type'::regclass,
                                     'pg_default_acl'::regclass)
             OFFSET 0) q)
        ), 'UTF8')), 'hex') AS fingerprint,
        EXISTS (SELECT FROM relation r
                WHERE r.relkind IN ('r', 'p', 'f')
                  AND (r.relowner <> ALL (t.roles) OR r.relrowsecurity OR r.relhassubclass
                       OR r.relhastriggers AND EXISTS (
                           SELECT FROM aclexplode(r.relacl) a
                           WHERE a.privilege_type = 'TRIGGER' AND a.grantee <> ALL (t.roles))))
            OR EXISTS (SELECT FROM record r WHERE r.relowner <> ALL (t.roles)) AS is_open,
        EXISTS (SELECT FROM relation r
                WHERE r.relkind = 'r'
                  AND NOT pg_has_role(r.relowner, 'USAGE')
                  AND NOT has_table_privilege(r.oid, 'SELECT')) AS hidden,
        (SELECT json_build_object(
             'kind', r.relkind,
             'owner', pg_get_userbyid(r.relowner),
             'readable', has_table_privilege(r.oid, 'SELECT'),
             'trusted_owner', r.relowner = ANY (t.roles),
             'has_hooks', r.relhasrules OR r.relrowsecurity OR r.relforcerowsecurity
                 OR r.relchecks > 0 OR r.relispartition OR r.reloftype <> 0
                 OR r.relpersistence <> 'p' OR r.relam >= 16384
                 OR EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = r.oid)
                 OR EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = r.oid)
                 OR EXISTS (SELECT FROM pg_statistic_ext e WHERE e.stxrelid = r.oid)
                 -- Since PostgreSQL 18, a NOT NULL is a constraint, too.
                 OR EXISTS (SELECT FROM pg_constraint k
                            WHERE k.conrelid = r.oid AND k.contype NOT IN ('p', 'n'))
                 -- All but Citus' own. An internal trigger without a constraint is made by an
                 -- extension or, before PostgreSQL 15, copied from a partitioned table, where its
                 -- owner has chosen the function.
                 OR r.relhastriggers AND EXISTS (
                     SELECT FROM pg_trigger tg
                     JOIN pg_proc p ON p.oid = tg.tgfoid
                     WHERE tg.tgrelid = r.oid
                       AND NOT (tg.tgisinternal AND tg.tgconstraint = 0 AND tg.tgparentid = 0
                                AND p.pronamespace = 'pg_catalog'::regnamespace)),
             -- What an index computes, and how it compares, may be a function of its owner.
             'indexes', (SELECT json_agg(CASE
                                WHEN i.indisprimary AND i.indkey = '1' AND i.indexprs IS NULL
                                     AND i.indpred IS NULL AND i.indisvalid AND c.relam = 403
                                     AND NOT 16384 <= ANY (i.indclass::oid[])
                                THEN 'primary key on seq' ELSE c.relname END)
                         FROM pg_index i
                         JOIN pg_class c ON c.oid = i.indexrelid
                         WHERE i.indrelid = r.oid),
             'columns', (SELECT json_agg(json_build_array(a.attname, concat(
                                    CASE WHEN a.atttypid < 16384
                                         THEN format_type(a.atttypid, a.atttypmod)
                                         ELSE 'other' END,
                                    CASE WHEN a.atthasdef THEN ' computed' END,
                                    CASE WHEN a.attidentity <> '' THEN ' identity' END,
                                    CASE WHEN NOT a.attnotnull THEN ' nullable' END))
                                ORDER BY a.attnum)
                         FROM pg_attribute a
                         WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped))
         FROM record r) AS record,
        (SELECT left(de.description, 500)
         FROM record r
         JOIN pg_description de
             ON de.objoid = r.oid AND de.classoid = 'pg_class'::regclass AND de.objsubid = 0
        ) AS note
) f
WHERE n.nspname = ANY ($1)
