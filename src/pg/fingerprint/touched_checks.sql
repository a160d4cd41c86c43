-- The checks of checks.sql for the schema `$1` and its relations `$2`.
SELECT n.nspname::text AS schema, c.*
FROM :trust t
CROSS JOIN pg_namespace n
CROSS JOIN LATERAL (
    WITH relation AS MATERIALIZED (
        SELECT r.oid, r.relkind, r.relispartition, r.relowner, r.relrowsecurity, r.relhassubclass, r.relhastriggers,
               r.relacl
        FROM pg_class r
        WHERE r.relnamespace = n.oid AND r.relname = ANY ($2)
    )
    :checks
) c
WHERE n.nspname = $1
