-- What the digests of the relations among the members `member` of a schema need of each: the relations `r`
-- of objects.sql.
SELECT c.oid, c.relname AS name, c.relkind, c.relpersistence, c.reloptions, c.reltoastrelid, c.reltablespace,
       c.relreplident, c.relam, c.relowner, c.relhasrules, c.relhastriggers, c.relhassubclass,
       c.relacl, c.relrowsecurity, c.relforcerowsecurity, c.relispopulated, c.reloftype <> 0 AS is_typed,
       m.is_set, c.relispartition, c.relpartbound,
       c.relkind IN ('r', 'p') AND EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid) AS is_child,
       CASE WHEN c.relnatts <= 9 THEN 'pg_opclass'::regclass
            WHEN c.relnatts <= 19 THEN 'pg_trigger'::regclass
            WHEN c.relnatts <= 33 THEN 'pg_class'::regclass
            WHEN c.relnatts <= 82 THEN 'information_schema.routines'::regclass
            ELSE c.oid END AS names
FROM member m
JOIN pg_class c ON c.oid = m.objid
WHERE m.classid = 'pg_class'::regclass AND c.relname <> '_provision_state'
  AND NOT (:is_unmanaged)
