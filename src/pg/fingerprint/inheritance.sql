-- What objects.sql digests, by its presence, of what the relation `r` inherits or is inherited by and is not modelled.
CASE WHEN r.is_child THEN (
    SELECT string_agg(DISTINCT a.attname::text COLLATE "C", ',')
    FROM pg_inherits h
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_attribute p
        ON p.attrelid = h.inhparent AND p.attname = a.attname AND NOT p.attisdropped
    WHERE h.inhrelid = r.oid AND NOT (:own_column) AND (:is_override)) END,
CASE WHEN r.relkind IN ('r', 'p') AND r.relhassubclass
     THEN (SELECT 'has children elsewhere' FROM pg_inherits h
           JOIN pg_class k ON k.oid = h.inhrelid
           WHERE h.inhparent = r.oid AND k.relnamespace <> n.oid LIMIT 1) END
