-- What objects.sql digests of what is attached to the relation `r` and not modelled: names. A schema that has
-- just been created has none of it.
-- Triggers of tables and views are modelled, except for the internal ones (those of foreign keys, and the one that Citus gives each
-- distributed table), which are named after OIDs, and the copies
-- of a partitioned table's on its partitions; these are included only where they are disabled.
CASE WHEN r.relhastriggers AND EXISTS (
         SELECT FROM pg_trigger tg
         LEFT JOIN pg_trigger p ON p.oid = tg.tgparentid
         WHERE tg.tgrelid = r.oid
           AND CASE WHEN tg.tgisinternal OR tg.tgparentid <> 0
                    THEN tg.tgenabled <> coalesce(p.tgenabled, 'O')
                    ELSE r.relkind NOT IN ('r', 'p', 'v') END)
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
               LEFT JOIN pg_trigger p ON p.oid = tg.tgparentid
               WHERE tg.tgrelid = r.oid
                 AND CASE WHEN tg.tgisinternal OR tg.tgparentid <> 0
                          THEN tg.tgenabled <> coalesce(p.tgenabled, 'O')
                          ELSE r.relkind NOT IN ('r', 'p', 'v') END
           ) q) END,
CASE WHEN r.relhasrules AND r.relkind NOT IN ('r', 'p', 'v')
     THEN (SELECT string_agg(ROW('rule', ru.rulename)::text, '' ORDER BY ru.rulename)
           FROM pg_rewrite ru
           WHERE ru.ev_class = r.oid AND ru.ev_type <> '1') END
