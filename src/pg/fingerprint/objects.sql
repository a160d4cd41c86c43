-- The tables and other relations `relation`, and those sequences `sequence` that no table owns: kind, name, and
-- the text that is digested.
SELECT CASE WHEN r.relkind IN ('r', 'p') THEN 'table' ELSE 'relation' END AS kind, r.name::text AS name,
       concat(
    ROW('relation', r.relkind, :attributes_of_table,
        r.reloptions, nullif(r.reltablespace, 0),
        nullif(r.is_typed, false), nullif(r.relreplident, 'd'),
        CASE WHEN r.reltoastrelid <> 0
             THEN (SELECT toast.reloptions FROM pg_class toast WHERE toast.oid = r.reltoastrelid) END,
        :inheritance)::text,
    :texts_of_table,
    :view,
    (SELECT string_agg(s.text, '') FROM sequence s WHERE s.owner = r.oid),
    comment.text,
    :unmodelled) AS text
FROM relation r
:parts_of_table
CROSS JOIN LATERAL (
    -- Those on the relation itself and on its columns, in the order of an index.
    SELECT string_agg(q.text, '') AS text
    FROM (
        SELECT ROW('comment', de.objsubid, :attributes_of_comment)::text AS text
        FROM pg_description de
        WHERE de.objoid = r.oid AND de.classoid = 'pg_class'::regclass
        ORDER BY de.objsubid
    ) q
) comment
WHERE r.relkind <> 'S'
UNION ALL
-- Sequences of tables belong to these; those of tables elsewhere or of the tool's own table, to none.
SELECT 'sequence', s.name, s.text
FROM sequence s
WHERE s.owner IS NULL
