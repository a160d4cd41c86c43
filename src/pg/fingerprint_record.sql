SELECT json_build_object(
    'kind', r.relkind,
    'owner', pg_get_userbyid(r.relowner),
    'readable', has_table_privilege(r.oid, 'SELECT'),
    'trusted_owner', r.relowner = ANY (t.roles),
    'has_hooks', r.has_hooks
        OR EXISTS (SELECT FROM pg_inherits h WHERE r.oid IN (h.inhrelid, h.inhparent))
        OR EXISTS (SELECT FROM pg_statistic_ext e WHERE e.stxrelid = r.oid)
        -- Since PostgreSQL 18, a NOT NULL is a constraint, too.
        OR EXISTS (SELECT FROM pg_constraint k
                   WHERE k.conrelid = r.oid AND k.contype NOT IN ('p', 'n'))
        -- All but Citus' own. An internal trigger without a constraint was created by an
        -- extension or, before PostgreSQL 15, copied from a partitioned table, where its
        -- owner has chosen the function.
        OR r.relhastriggers AND EXISTS (
            SELECT FROM pg_trigger tg
            JOIN pg_proc p ON p.oid = tg.tgfoid
            WHERE tg.tgrelid = r.oid
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
                WHERE i.indrelid = r.oid),
    'columns', (SELECT json_agg(json_build_array(a.attname, concat(
                           CASE WHEN a.atttypid < 16384
                                THEN format_type(a.atttypid, a.atttypmod)
                                ELSE 'other' END,
                           CASE WHEN a.atthasdef THEN ' computed' END,
                           CASE WHEN a.attidentity <> '' THEN ' identity' END,
                           CASE WHEN NOT a.attnotnull THEN ' nullable' END))
                       ORDER BY a.attnum)
                FROM pg_attribute a
                WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped))
FROM record r
