-- Tables of the schema in the setting `provision.schema` that are hidden from this role. information_schema
-- leaves out what the role has no privilege on (PostgreSQL manual, §37.1), the catalog does not:
-- the difference distinguishes what is hidden from what is missing.
SELECT 'hidden' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT c.relname AS "table"
    FROM pg_depend d
    JOIN pg_class c ON c.oid = d.objid
    WHERE d.refclassid = 'pg_namespace'::regclass
      AND d.refobjid = (SELECT n.oid FROM pg_namespace n
                        WHERE n.nspname = current_setting('provision.schema'))
      AND d.classid = 'pg_class'::regclass
      -- Rows are read through partitioned tables, not in partitions.
      AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND c.relname <> '_provision_state'
      AND NOT EXISTS (SELECT FROM information_schema.tables t
                      WHERE t.table_schema = current_setting('provision.schema')
                        AND t.table_name = c.relname)
) r;
