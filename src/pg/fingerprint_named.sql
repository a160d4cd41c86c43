-- Those of the relations `$2` of the schema `n`, with the sequences that they own, and of the types `$3`,
-- that exist; replaces `:members` in fingerprint.sql.
SELECT 'pg_class'::regclass AS classid, c.oid AS objid
FROM pg_class c
WHERE c.relnamespace = n.oid AND c.relname = ANY ($2)
UNION
SELECT d.classid, d.objid
FROM pg_class c
JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
JOIN pg_sequence s ON s.seqrelid = d.objid
WHERE c.relnamespace = n.oid AND c.relname = ANY ($2)
  AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
UNION ALL
SELECT 'pg_type'::regclass, y.oid
FROM pg_type y
WHERE y.typnamespace = n.oid AND y.typname = ANY ($3)
