-- What lives in the schema that the setting `provision.schema` names: its relations, and the OIDs of
-- all else by class. pg_class has no index on relnamespace; pg_depend has one on the referenced
-- object.
SELECT set_config('provision.path',
                  quote_ident(current_setting('provision.schema')) || ', pg_temp', true);

SELECT 'members' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT n.oid::int8 AS namespace,
           ARRAY(SELECT d.objid::int8 FROM pg_depend d
                 WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
                   AND d.classid = 'pg_type'::regclass) AS types,
           -- Default privileges describe no object of the schema.
           ARRAY(SELECT d.objid::int8 FROM pg_depend d
                 WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
                   AND d.classid NOT IN ('pg_class'::regclass, 'pg_type'::regclass,
                                         'pg_default_acl'::regclass)) AS others
    FROM pg_namespace n
    WHERE n.nspname = current_setting('provision.schema')
) r;

SELECT 'relations' AS section, coalesce(json_agg(r), '[]')::text AS rows
FROM (
    SELECT c.oid::int8 AS oid,
           c.relname AS name,
           c.relkind AS kind,
           c.relpersistence = 'u' AS unlogged,
           c.relrowsecurity OR c.relforcerowsecurity AS row_security,
           c.reloftype <> 0 AS is_typed,
           c.reloptions AS options,
           c.reltablespace <> 0 AS has_tablespace,
           c.relreplident <> 'd' AS has_replica_identity,
           -- 2 is heap in all versions.
           c.relam NOT IN (0, 2) AS has_access_method,
           EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid) AS inherits,
           -- In a partitioned table, which is not modelled, they are what it consists of.
           c.relkind = 'r' AND EXISTS (
               SELECT FROM pg_inherits i WHERE i.inhparent = c.oid) AS has_children
    FROM pg_depend d
    JOIN pg_class c ON c.oid = d.objid
    WHERE d.refclassid = 'pg_namespace'::regclass
      AND d.refobjid = (SELECT n.oid FROM pg_namespace n
                        WHERE n.nspname = current_setting('provision.schema'))
      AND d.classid = 'pg_class'::regclass
      AND c.relname <> '_provision_state'
) r;
