-- All objects in the schema `n`; replaces `:members` in fingerprint.sql.
SELECT d.classid, d.objid
FROM pg_depend d
WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
