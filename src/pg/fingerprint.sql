-- One row for each schema of `$1` that exists: the digests of its objects, which cover all that the model
-- compares and the presence of what it does not model, and one over all of them, the fingerprint; the
-- structure of the tool's own table in it, before anything is read from it; and what could keep the role
-- from reading more. Sent by pg/fingerprint.rs with the search path `pg_catalog`. What is digested of
-- each kind of object is defined by its rules; kinds/digest.rs substitutes it for `:attributes_of_…`,
-- `:parts_of_…`, `:texts_of_…` and `:commented_parts_of_…`. `:members` stands for the query that finds the
-- objects to digest: all of the schema (fingerprint_all.sql), or some by their names
-- (fingerprint_named.sql). `:record_table` stands for the query that describes the tool's own table
-- (fingerprint_record.sql). `:is_whole` and `:with_objects` say whether these are all objects, and whether
-- to return the digests one by one.
--
-- An object is a table with everything attached to it, another relation, a type, a sequence that no table
-- owns, or something that is represented by its name alone. Its digest depends neither on its OID, nor on
-- the schema's name, nor on other objects except for the names of those that it needs, and the numbers of
-- the columns that keys point to: so it is the same whichever other objects are digested. Two schemas with
-- the same fingerprint have the same model; two with the same model may have different fingerprints
-- (another order of columns), which only costs time. So whatever is in doubt is included. Whoever changes what goes into a digest must raise `DIGEST_VERSION`.
--
-- * Objects of a server start at OID 16384 (PostgreSQL's FirstNormalObjectId). Those below are the
--   same in every database of a major version and are written as numbers; the others are written as names.
-- * Rows are written by the output function of records, which quotes: texts cannot run together.
--   A value that nearly all objects have is NULL, which costs nothing. The rows of an object are in the
--   order of names, or of columns; sorted subqueries pass them to an aggregate in that order, most of
--   them without a sort step, since an index provides the order.
-- * Deparsing under the schema's own path: see kinds/reading.rs. All of a schema is one subquery, so
--   the path of one is never in force for another.
-- * Expressions that name columns would make the server open each table, at a tenth of a millisecond
--   and some kilobytes of its memory. So they are deparsed as if they belonged to a system table with
--   enough columns: its column names stand for the numbers, and which number is which column follows
--   from the columns themselves.
-- * `is_open`: something that is digested, or the schema itself, has an untrusted owner, there is row-level
--   security or there are child tables, or an untrusted role may create triggers; see pin.rs.
--   `has_strangers`: see untrusted.rs.
-- * A deparsing function returns NULL for what was dropped meanwhile; its OID is used instead, so that
--   nothing is equal to it.
SELECT n.nspname::text AS schema,
       -- Kept for the record of an apply, which is written by a later statement.
       CASE WHEN :is_whole THEN set_config('provision.fingerprint', f.fingerprint, true)
            ELSE f.fingerprint END AS fingerprint,
       f.objects::text AS objects,
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
        SELECT m.classid, m.objid, path.is_set
        FROM path
        CROSS JOIN LATERAL (:members) m
    ), relation AS MATERIALIZED (
        SELECT c.oid, c.relname AS name, c.relkind, c.relpersistence, c.reloptions, c.reltablespace,
               c.relreplident, c.relam, c.relowner, c.relhasrules, c.relhastriggers, c.relhassubclass,
               c.relacl, m.is_set, c.reloftype <> 0 AS is_typed, c.relrowsecurity AS is_row_secured,
               c.relrowsecurity OR c.relforcerowsecurity AS has_row_security,
               CASE WHEN c.relnatts <= 9 THEN 'pg_opclass'::regclass
                    WHEN c.relnatts <= 19 THEN 'pg_trigger'::regclass
                    WHEN c.relnatts <= 33 THEN 'pg_class'::regclass
                    WHEN c.relnatts <= 82 THEN 'information_schema.routines'::regclass
                    ELSE c.oid END AS names
        FROM member m
        JOIN pg_class c ON c.oid = m.objid
        WHERE m.classid = 'pg_class'::regclass AND c.relname <> '_provision_state'
    ), record AS MATERIALIZED (
        SELECT c.oid, c.relkind, c.relowner, c.relhastriggers,
               c.relhasrules OR c.relrowsecurity OR c.relforcerowsecurity OR c.relchecks > 0
                   OR c.relispartition OR c.reloftype <> 0 OR c.relpersistence <> 'p'
                   OR c.relam >= 16384 AS has_hooks
        FROM pg_class c
        WHERE c.relnamespace = n.oid AND c.relname = '_provision_state'
    ), sequence AS MATERIALIZED (
        -- The names of identity columns' sequences are left out.
        SELECT o.refobjid AS owner, r.oid, r.name, ROW(
            'sequence', CASE WHEN o.deptype IS DISTINCT FROM 'i' THEN r.name END,
            :attributes_of_sequence)::text AS text
        FROM relation r
        JOIN pg_sequence s ON s.seqrelid = r.oid
        LEFT JOIN pg_depend o
            ON o.classid = 'pg_class'::regclass AND o.objid = r.oid AND o.objsubid = 0
            AND o.refclassid = 'pg_class'::regclass AND o.refobjsubid > 0
            AND o.deptype IN ('a', 'i')
        WHERE r.relkind = 'S'
    ), object AS MATERIALIZED (
        SELECT CASE r.relkind WHEN 'r' THEN 'table' ELSE 'relation' END AS kind, r.name::text AS name,
               concat(
            ROW('relation', r.relkind, :attributes_of_table,
                nullif(r.has_row_security, false), r.reloptions, nullif(r.reltablespace, 0),
                nullif(r.is_typed, false), nullif(r.relreplident, 'd'),
                CASE WHEN r.relam NOT IN (0, 2) THEN 'other' END,
                CASE WHEN r.relkind = 'r'
                     THEN (SELECT 'is a child' FROM pg_inherits h
                           WHERE h.inhrelid = r.oid LIMIT 1) END,
                CASE WHEN r.relkind = 'r' AND r.relhassubclass
                     THEN (SELECT 'has children' FROM pg_inherits h
                           WHERE h.inhparent = r.oid LIMIT 1) END)::text,
            :texts_of_table, sequence.text,
            comment.text, "trigger".text, policy.text, rule.text) AS text
        FROM relation r
        :parts_of_table
        CROSS JOIN LATERAL (
            SELECT string_agg(s.text, '' ORDER BY s.text COLLATE "C") AS text, array_agg(s.oid) AS oids
            FROM sequence s
            WHERE s.owner = r.oid
        ) sequence
        CROSS JOIN LATERAL (
            SELECT string_agg(q.text, '' ORDER BY q.text COLLATE "C") AS text
            FROM (
                SELECT ROW(
                    'comment', de.classoid, de.objsubid,
                    CASE WHEN de.objoid = r.oid THEN NULL
                         WHEN de.classoid = 'pg_class'::regclass
                         THEN (SELECT c.relname FROM pg_class c WHERE c.oid = de.objoid)
                         ELSE (SELECT k.conname FROM pg_constraint k WHERE k.oid = de.objoid) END,
                    :attributes_of_comment)::text AS text
                FROM pg_description de
                WHERE de.objoid = ANY (:commented_parts_of_table || sequence.oids || r.oid)
                  AND (de.classoid = 'pg_class'::regclass
                       OR de.classoid = 'pg_constraint'::regclass
                          AND de.objoid = ANY (constraint_parts.oids))
            ) q
        ) comment
        CROSS JOIN LATERAL (
            -- Internal ones (those of foreign keys, and the one that Citus gives each distributed
            -- table) are named after OIDs, and included only where they are disabled.
            SELECT string_agg(DISTINCT q.text COLLATE "C", '') AS text
            FROM (
                SELECT ROW(
                    'trigger',
                    CASE WHEN tg.tgisinternal
                         THEN coalesce((SELECT k.conname FROM pg_constraint k
                                        WHERE k.oid = tg.tgconstraint),
                                       regexp_replace(tg.tgname, '_[0-9]+$', ''))
                         ELSE tg.tgname END, nullif(tg.tgisinternal, false))::text AS text
                FROM pg_trigger tg
                WHERE r.relhastriggers AND tg.tgrelid = r.oid
                  AND (NOT tg.tgisinternal OR tg.tgenabled <> 'O')
            ) q
        ) "trigger"
        CROSS JOIN LATERAL (
            SELECT string_agg(q.text, '') AS text
            FROM (
                SELECT ROW('policy', po.polname)::text AS text
                FROM pg_policy po
                WHERE r.relkind IN ('r', 'p') AND po.polrelid = r.oid
                ORDER BY po.polname
            ) q
        ) policy
        CROSS JOIN LATERAL (
            SELECT string_agg(q.text, '') AS text
            FROM (
                SELECT ROW('rule', ru.rulename)::text AS text
                FROM pg_rewrite ru
                WHERE r.relhasrules AND ru.ev_class = r.oid AND ru.rulename <> '_RETURN'
                ORDER BY ru.rulename
            ) q
        ) rule
        WHERE r.relkind <> 'S'
        UNION ALL
        -- Sequences of tables belong to these; those of tables elsewhere or of the tool's own table, to none.
        SELECT 'sequence', s.name, concat(s.text, (
            SELECT ROW('comment', :attributes_of_comment)::text
            FROM pg_description de
            WHERE de.objoid = s.oid AND de.classoid = 'pg_class'::regclass))
        FROM sequence s
        WHERE s.owner IS NULL
        UNION ALL
        SELECT 'type', t.typname, concat(
            ROW('type', t.typtype, t.typstorage,
                CASE WHEN m.is_set THEN t.typcollation::regcollation END,
                -- Casts are in no schema, but are dropped with their types.
                (SELECT string_agg(DISTINCT ROW(format_type(ca.castsource, NULL),
                                                format_type(ca.casttarget, NULL))::text, '')
                 FROM pg_depend d
                 JOIN pg_cast ca ON ca.oid = d.objid
                 WHERE d.classid = 'pg_cast'::regclass AND m.is_set
                   AND d.refclassid = 'pg_type'::regclass AND d.refobjid = t.oid))::text,
            :texts_of_enum, (
            SELECT ROW('comment', :attributes_of_comment)::text
            FROM pg_description de
            WHERE de.objoid = t.oid AND de.classoid = 'pg_type'::regclass))
        FROM member m
        JOIN pg_type t ON t.oid = m.objid
        :parts_of_enum
        WHERE m.classid = 'pg_type'::regclass
        UNION ALL
        -- What is represented by its name alone.
        SELECT o.type, o.name, NULL
        FROM (
            SELECT o.type, CASE WHEN m.is_set THEN CASE m.classid
                       WHEN 'pg_proc'::regclass THEN m.objid::regprocedure::text
                       WHEN 'pg_operator'::regclass THEN m.objid::regoperator::text
                       ELSE coalesce(o.name, o.identity) END END AS name
            FROM member m
            CROSS JOIN LATERAL pg_identify_object(m.classid, m.objid, 0) o
            WHERE m.classid NOT IN ('pg_class'::regclass, 'pg_type'::regclass,
                                    'pg_default_acl'::regclass)
            OFFSET 0
        ) o
    ), digest AS MATERIALIZED (
        SELECT o.kind COLLATE "C" AS kind, o.name COLLATE "C" AS name,
               encode(sha256(convert_to(concat(o.text), 'UTF8')), 'hex') AS digest
        FROM object o
    )
    SELECT
        (SELECT 'sha256:' || encode(sha256(convert_to(
                    concat(string_agg(ROW(o.kind, o.name, o.digest)::text, ''
                                      ORDER BY o.kind, o.name, o.digest)), 'UTF8')), 'hex')
         FROM digest o) AS fingerprint,
        CASE WHEN :with_objects THEN (
            SELECT json_agg(json_build_array(o.kind, o.name, 'sha256:' || o.digest))
            FROM digest o) END AS objects,
        EXISTS (SELECT FROM relation r
                WHERE r.relkind IN ('r', 'p', 'f')
                  AND (r.relowner <> ALL (t.roles) OR r.is_row_secured OR r.relhassubclass
                       OR r.relhastriggers AND EXISTS (
                           SELECT FROM aclexplode(r.relacl) a
                           WHERE a.privilege_type = 'TRIGGER' AND a.grantee <> ALL (t.roles))))
            OR EXISTS (SELECT FROM record r WHERE r.relowner <> ALL (t.roles)) AS is_open,
        EXISTS (SELECT FROM relation r
                WHERE r.relkind = 'r'
                  AND NOT pg_has_role(r.relowner, 'USAGE')
                  AND NOT has_table_privilege(r.oid, 'SELECT')) AS hidden,
        (:record_table) AS record,
        (SELECT left(de.description, 500)
         FROM record r
         JOIN pg_description de
             ON de.objoid = r.oid AND de.classoid = 'pg_class'::regclass AND de.objsubid = 0
        ) AS note
) f
WHERE n.nspname = ANY ($1)
