-- What objects.sql digests of the relation `r` if it is a view.
CASE WHEN r.relkind = 'v'
     THEN ROW('view', :attributes_of_view,
              (SELECT array_agg(a.attnum ORDER BY a.attnum)
               FROM pg_attribute a
               WHERE a.attrelid = r.oid AND a.attnum > 0 AND a.atthasdef))::text END
