-- What objects.sql digests of the relation `r` if it is a view of either kind.
CASE WHEN r.relkind IN ('v', 'm')
     THEN ROW('view', nullif(r.relispopulated, true), :attributes_of_view,
              (SELECT array_agg(a.attnum ORDER BY a.attnum)
               FROM pg_attribute a
               WHERE a.attrelid = r.oid AND a.attnum > 0 AND a.atthasdef),
              CASE WHEN r.relkind = 'm' THEN (
                  SELECT string_agg(ROW(a.attstorage, nullif(a.attcompression, ''),
                                        nullif(a.attstattarget, -1),
                                        (SELECT string_agg(o, ',' ORDER BY o)
                                         FROM unnest(a.attoptions) o
                                         WHERE split_part(o, '=', 1) = ANY (:known_options)))::text,
                                    '' ORDER BY a.attnum)
                  FROM pg_attribute a
                  WHERE a.attrelid = r.oid AND a.attnum > 0) END)::text END
