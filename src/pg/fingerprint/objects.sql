-- The tables and other relations `relation`, and those sequences `sequence` that no table owns: kind, name, and
-- the text that is digested.
SELECT CASE r.relkind WHEN 'r' THEN 'table' ELSE 'relation' END AS kind, r.name::text AS name,
       concat(
    ROW('relation', r.relkind, :attributes_of_table,
        r.reloptions, nullif(r.reltablespace, 0),
        nullif(r.is_typed, false), nullif(r.relreplident, 'd'),
        CASE WHEN r.relam NOT IN (0, 2) THEN 'other' END,
        CASE WHEN r.relkind = 'r'
             THEN (SELECT 'is a child' FROM pg_inherits h
                   WHERE h.inhrelid = r.oid LIMIT 1) END,
        CASE WHEN r.relkind = 'r' AND r.relhassubclass
             THEN (SELECT 'has children' FROM pg_inherits h
                   WHERE h.inhparent = r.oid LIMIT 1) END)::text,
    :texts_of_table,
    CASE WHEN r.relkind = 'v'
         THEN ROW('view', :attributes_of_view,
                  (SELECT array_agg(a.attnum ORDER BY a.attnum)
                   FROM pg_attribute a
                   WHERE a.attrelid = r.oid AND a.attnum > 0 AND a.atthasdef))::text END,
    (SELECT string_agg(s.text, '') FROM sequence s WHERE s.owner = r.oid),
    comment.text,
    -- Internal ones (those of foreign keys, and the one that Citus gives each distributed table) are
    -- named after OIDs, and included only where they are disabled.
    CASE WHEN r.relhastriggers AND EXISTS (
             SELECT FROM pg_trigger tg
             WHERE tg.tgrelid = r.oid AND (NOT tg.tgisinternal OR tg.tgenabled <> 'O'))
         THEN (SELECT string_agg(DISTINCT q.text COLLATE "C", '')
               FROM (
                   SELECT ROW(
                       'trigger',
                       CASE WHEN tg.tgisinternal
                            THEN coalesce((SELECT k.conname FROM pg_constraint k
                                           WHERE k.oid = tg.tgconstraint),
                                          regexp_replace(tg.tgname, '_[0-9]+$', ''))
                            ELSE tg.tgname END, nullif(tg.tgisinternal, false))::text AS text
                   FROM pg_trigger tg
                   WHERE tg.tgrelid = r.oid AND (NOT tg.tgisinternal OR tg.tgenabled <> 'O')
               ) q) END,
    CASE WHEN r.relkind = 'p'
              AND EXISTS (SELECT FROM pg_policy po WHERE po.polrelid = r.oid)
         THEN (SELECT string_agg(ROW('policy', po.polname)::text, '' ORDER BY po.polname)
               FROM pg_policy po
               WHERE po.polrelid = r.oid) END,
    CASE WHEN r.relhasrules
         THEN (SELECT string_agg(ROW('rule', ru.rulename)::text, '' ORDER BY ru.rulename)
               FROM pg_rewrite ru
               WHERE ru.ev_class = r.oid AND ru.rulename <> '_RETURN') END) AS text
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
