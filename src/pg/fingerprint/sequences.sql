-- The sequences among the relations `relation`, with the tables that own them, in a fixed order: what objects.sql
-- needs of each.
SELECT q.*
FROM (
    SELECT o.refobjid AS owner, c.name, ROW(
        -- The names of identity columns' sequences are left out.
        'sequence', CASE WHEN o.deptype IS DISTINCT FROM 'i' THEN c.name END,
        :attributes_of_sequence,
        (SELECT :attributes_of_comment
         FROM pg_description de
         WHERE de.objoid = c.oid AND de.classoid = 'pg_class'::regclass AND de.objsubid = 0)
        )::text AS text
    FROM relation c
    JOIN pg_sequence s ON s.seqrelid = c.oid
    LEFT JOIN pg_depend o
        ON o.classid = 'pg_class'::regclass AND o.objid = c.oid AND o.objsubid = 0
        AND o.refclassid = 'pg_class'::regclass AND o.refobjsubid > 0
        AND o.deptype IN ('a', 'i')
    WHERE c.relkind = 'S'
) q
ORDER BY q.text COLLATE "C"
