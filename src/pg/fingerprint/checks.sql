-- What could keep the role from reading the schema `n`, of which `relation` are relations, or from running
-- statements on these: whether code of others could be involved; and the structure of the tool's own table
-- in it, before anything is read from it. `t` are the trusted roles; see pin.rs and strangers.rs.
SELECT has_schema_privilege(n.oid, 'USAGE')::text AS usable,
       EXISTS (SELECT FROM relation r
               WHERE r.relkind IN ('r', 'p') AND NOT r.relispartition
                 AND NOT pg_has_role(r.relowner, 'USAGE')
                 AND NOT has_table_privilege(r.oid, 'SELECT'))::text AS hidden,
       -- Something that is digested, or the schema itself, has an untrusted owner, row-level security
       -- binds the role or there are child tables, or an untrusted role may create triggers.
       (n.nspowner <> ALL (t.roles)
           OR coalesce(s.relowner <> ALL (t.roles), false)
           OR EXISTS (SELECT FROM relation r
                      WHERE r.relkind IN ('r', 'p', 'f')
                        AND (r.relowner <> ALL (t.roles) OR r.relhassubclass
                             OR r.relrowsecurity AND row_security_active(r.oid)
                             OR r.relhastriggers AND EXISTS (
                                 SELECT FROM aclexplode(r.relacl) a
                                 WHERE a.privilege_type = 'TRIGGER'
                                   AND a.grantee <> ALL (t.roles))))
       )::text AS is_open,
       t.has_strangers::text AS has_strangers,
       EXISTS (SELECT FROM pg_event_trigger)::text AS has_event_triggers,
       CASE WHEN s.oid IS NOT NULL THEN json_build_object(
           'kind', s.relkind,
           'owner', pg_get_userbyid(s.relowner),
           'readable', has_table_privilege(s.oid, 'SELECT'),
           'trusted_owner', s.relowner = ANY (t.roles),
           'has_hooks', s.relhasrules OR s.relrowsecurity OR s.relforcerowsecurity OR s.relchecks > 0
               OR s.relispartition OR s.reloftype <> 0 OR s.relpersistence <> 'p' OR s.relam >= 16384
               OR EXISTS (SELECT FROM pg_inherits h WHERE s.oid IN (h.inhrelid, h.inhparent))
               OR EXISTS (SELECT FROM pg_statistic_ext e WHERE e.stxrelid = s.oid)
               -- Since PostgreSQL 18, a NOT NULL is a constraint, too.
               OR EXISTS (SELECT FROM pg_constraint k
                          WHERE k.conrelid = s.oid AND k.contype NOT IN ('p', 'n'))
               -- All but Citus' own. An internal trigger without a constraint was created by an
               -- extension or, before PostgreSQL 15, copied from a partitioned table, where its
               -- owner has chosen the function.
               OR s.relhastriggers AND EXISTS (
                   SELECT FROM pg_trigger tg
                   JOIN pg_proc p ON p.oid = tg.tgfoid
                   WHERE tg.tgrelid = s.oid
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
                       WHERE i.indrelid = s.oid),
           'columns', (SELECT json_agg(json_build_array(a.attname, concat(
                                  CASE WHEN a.atttypid < 16384
                                       THEN format_type(a.atttypid, a.atttypmod)
                                       ELSE 'other' END,
                                  CASE WHEN a.atthasdef THEN ' computed' END,
                                  CASE WHEN a.attidentity <> '' THEN ' identity' END,
                                  CASE WHEN NOT a.attnotnull THEN ' nullable' END))
                              ORDER BY a.attnum)
                       FROM pg_attribute a
                       WHERE a.attrelid = s.oid AND a.attnum > 0 AND NOT a.attisdropped)
       ) END::text AS record,
       (SELECT left(de.description, 500)
        FROM pg_description de
        WHERE de.objoid = s.oid AND de.classoid = 'pg_class'::regclass AND de.objsubid = 0) AS note,
       -- What is cut off was not written by this tool.
       (SELECT json_build_object('recorded', left(de.description, 20000), 'now', clock_timestamp())
        FROM pg_description de
        WHERE de.objoid = s.oid AND de.classoid = 'pg_class'::regclass AND de.objsubid = 1)::text AS hold
FROM (SELECT) one
LEFT JOIN pg_class s ON s.relnamespace = n.oid AND s.relname = '_provision_state'
