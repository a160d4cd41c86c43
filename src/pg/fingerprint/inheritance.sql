-- What objects.sql digests of what the relation `r` inherits or is inherited by.
CASE WHEN r.relkind = 'r'
     THEN (SELECT 'is a child' FROM pg_inherits h
           WHERE h.inhrelid = r.oid LIMIT 1) END,
CASE WHEN r.relkind = 'r' AND r.relhassubclass
     THEN (SELECT 'has children' FROM pg_inherits h
           WHERE h.inhparent = r.oid LIMIT 1) END
