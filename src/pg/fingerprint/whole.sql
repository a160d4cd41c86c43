-- One row for each schema of `$1` that exists: the digests of its objects, which cover all that the model
-- compares and the presence of what it does not model, and one over all of them, the fingerprint; and the
-- checks of checks.sql. Where `$2` is true, the digests are returned one by one, too. Sent by
-- pg/fingerprint.rs with the search path `pg_catalog`. What is digested of each kind of object is defined
-- by its rules; kinds/digest.rs substitutes it for `:attributes_of_…`, `:parts_of_…` and
-- `:texts_of_…` in objects.sql, types.sql and routines.sql. pg/fingerprint/statements.rs puts the files together;
-- `:digested` stands for the last three and others.sql.
--
-- An object is a table with everything attached to it, another relation, a type, a sequence that no table
-- owns, or something that is represented by its name alone. Its digest depends neither on its OID, nor on
-- the schema's name, nor on other objects except for the names of those that it needs, and the numbers of
-- the columns that keys point to: so it is the same whichever other objects are digested. Two schemas with
-- the same fingerprint have the same model; two with the same model may have different fingerprints
-- (another order of columns), which only costs time. So whatever is in doubt is included. Whoever changes
-- what goes into a digest must raise `DIGEST_VERSION`.
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
-- * A deparsing function returns NULL for what was dropped meanwhile; its OID is used instead, so that
--   nothing is equal to it.
SELECT n.nspname::text AS schema,
       -- Kept for the record of an apply, which is written by a later statement.
       set_config('provision.fingerprint', f.fingerprint, true) AS fingerprint,
       f.objects::text AS objects,
       -- Set back at once: while a prepared statement runs, the server may analyse it anew, and that
       -- must not happen under a tenant's path.
       set_config('search_path', 'pg_catalog, pg_temp', true) AS path,
       f.usable, f.hidden, f.is_open, f.has_strangers, f.has_event_triggers, f.record, f.note, f.hold
FROM :trust t
CROSS JOIN pg_namespace n
CROSS JOIN LATERAL (
    WITH path AS MATERIALIZED (
        SELECT set_config('search_path', quote_ident(n.nspname) || ', pg_temp', true) <> ''
                   AS is_set
    ), member AS MATERIALIZED (
        SELECT d.classid, d.objid, path.is_set
        FROM path
        CROSS JOIN pg_depend d
        WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
    ), relation AS MATERIALIZED (
        :relations
    ), sequence AS MATERIALIZED (
        :sequences
    ), object AS MATERIALIZED (
        :digested
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
        CASE WHEN $2 THEN (
            SELECT json_agg(json_build_array(o.kind, o.name, 'sha256:' || o.digest))
            FROM digest o) END AS objects,
        c.*
    FROM (:checks) c
) f
WHERE n.nspname = ANY ($1)
