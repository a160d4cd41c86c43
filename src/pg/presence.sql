-- Whether this role may use the schema in the setting `provision.schema`, and whether the tool's
-- own table in it is what the tool made. Nothing is read from that table before this says so.
SELECT 'presence' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT has_schema_privilege(n.oid, 'USAGE') AS usable,
           (SELECT json_build_object(
                'kind', c.relkind,
                'owner', pg_get_userbyid(c.relowner),
                'trusted_owner', pg_has_role(c.relowner, 'USAGE') OR c.relowner = n.nspowner,
                'has_hooks', c.relhasrules OR c.relrowsecurity OR c.relchecks > 0
                    OR EXISTS (SELECT FROM pg_attrdef ad WHERE ad.adrelid = c.oid)
                    OR EXISTS (SELECT FROM pg_trigger tg WHERE tg.tgrelid = c.oid),
                'columns', (SELECT json_object_agg(a.attname,
                                                   format_type(a.atttypid, a.atttypmod))
                            FROM pg_attribute a
                            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
            FROM pg_class c
            WHERE c.relnamespace = n.oid
              AND c.relname = '_provision_state') AS state_table,
           ARRAY(SELECT e.evtname
                 FROM pg_event_trigger e
                 JOIN pg_proc p ON p.oid = e.evtfoid
                 WHERE p.pronamespace = n.oid AND e.evtenabled <> 'D') AS event_triggers
    FROM pg_namespace n
    WHERE n.nspname = current_setting('provision.schema')
) r;
