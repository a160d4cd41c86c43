-- The tables and other relations `relation`, and those sequences `sequence` that no table owns: kind, name, and
-- the text that is digested.
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
