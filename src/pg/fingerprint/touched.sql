-- The digests of the objects of the schema `$1` that are named `$2` and exist: of relations, if `:members`
-- stands for the query that finds these and `:digested` for objects.sql, or of types, with types.sql. It is much
-- smaller than whole.sql: the server takes longer to start the plan of that one than to run it for a few
-- objects.
SELECT CASE WHEN set_config('search_path', 'pg_catalog, pg_temp', true) <> '' THEN
           json_agg(json_build_array(o.kind, o.name, 'sha256:'
               || encode(sha256(convert_to(concat(o.text), 'UTF8')), 'hex'))) END::text AS digests
FROM pg_namespace n
CROSS JOIN LATERAL (
    WITH path AS MATERIALIZED (
        SELECT set_config('search_path', quote_ident(n.nspname) || ', pg_temp', true) <> ''
                   AS is_set
    ), member AS MATERIALIZED (
        :members
    ), relation AS MATERIALIZED (
        :relations
    ), sequence AS MATERIALIZED (
        :sequences
    )
    :digested
) o
WHERE n.nspname = $1
