-- All that lives in the schema `n`; in the place of `:members` in fingerprint.sql.
SELECT d.classid, d.objid
FROM pg_depend d
WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
