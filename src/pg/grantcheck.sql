SELECT t.t::text AS tenant, g.g::text AS number, (o.owner IS NOT NULL)::text AS found,
       array_to_string(m.missing, ',') AS missing,
       (to_role.oid IS NOT NULL)::text AS has_role,
       (g.kind <> 'd' OR creator.oid IS NOT NULL)::text AS has_creator,
       pg_get_userbyid(o.owner)::text AS owner,
       -- To make it an owner, and to work with what it owns; PostgreSQL 16 tells one from the other.
       coalesce(pg_has_role(to_role.oid, 'USAGE')
                AND pg_has_role(to_role.oid, CASE WHEN current_setting('server_version_num')::int >= 160000
                                                  THEN 'SET' ELSE 'MEMBER' END), false)::text AS is_member,
       -- Giving an object away asks this of its new owner; giving a schema away, of who does it.
       (self.rolsuper OR CASE WHEN g.kind = 'n' THEN has_database_privilege(current_database(), 'CREATE')
                              ELSE coalesce(has_schema_privilege(to_role.oid, n.oid, 'CREATE'), false)
                         END)::text AS may_create,
       (pg_has_role(o.owner, 'USAGE')
        OR g.kind <> 'd' AND NOT EXISTS (
               SELECT FROM unnest(m.missing) p
               WHERE NOT EXISTS (
                   SELECT FROM (SELECT * FROM aclexplode(o.acl)
                                UNION ALL SELECT * FROM aclexplode(o.whole)) a
                   WHERE a.is_grantable AND a.grantee <> 0 AND a.privilege_type = p
                     AND pg_has_role(a.grantee, 'USAGE'))))::text AS may_grant
FROM t
CROSS JOIN g
CROSS JOIN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) self
LEFT JOIN pg_namespace n ON n.nspname = t.schema::name
LEFT JOIN role to_role ON to_role.t = t.t AND to_role.r = g.grantee
LEFT JOIN LATERAL (
    SELECT role.oid FROM role WHERE role.t = t.t AND role.r = g.creator
    UNION ALL
    SELECT own.oid FROM pg_roles own WHERE g.creator IS NULL AND own.rolname = current_user
) creator ON g.kind = 'd'
LEFT JOIN LATERAL (
    SELECT n.nspowner AS owner, coalesce(n.nspacl, acldefault('n', n.nspowner)) AS acl,
           acldefault('n', n.nspowner) AS every, NULL::aclitem[] AS whole
    WHERE g.kind = 'n' AND n.oid IS NOT NULL
    UNION ALL
    SELECT c.relowner, coalesce(c.relacl, d.acl), d.acl, NULL
    FROM pg_class c
    CROSS JOIN LATERAL (
        SELECT acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner) AS acl) d
    WHERE left(g.kind, 1) = 'r' AND strpos(substr(g.kind, 2), c.relkind::text) > 0
      AND c.relnamespace = n.oid AND c.relname = g.name::name
    UNION ALL
    -- An empty list of privileges is not an empty array.
    SELECT c.relowner, coalesce(a.attacl, acldefault('c', c.relowner)), NULL,
           coalesce(c.relacl, acldefault('r', c.relowner))
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE left(g.kind, 1) = 'c' AND strpos(substr(g.kind, 2), c.relkind::text) > 0
      AND c.relnamespace = n.oid AND c.relname = g.name::name
      AND a.attname = g.detail::name AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)),
           acldefault('f', p.proowner), NULL
    FROM pg_proc p
    WHERE left(g.kind, 1) = 'f' AND strpos(substr(g.kind, 2), p.prokind::text) > 0
      AND p.pronamespace = n.oid AND p.proname = g.name::name
      AND replace(oidvectortypes(p.proargtypes), quote_ident(n.nspname) || '.', '') = g.detail
    UNION ALL
    SELECT y.typowner, coalesce(y.typacl, acldefault('T', y.typowner)),
           acldefault('T', y.typowner), NULL
    FROM pg_type y
    WHERE left(g.kind, 1) = 'T' AND strpos(substr(g.kind, 2), y.typtype::text) > 0
      AND y.typnamespace = n.oid AND y.typname = g.name::name
    UNION ALL
    SELECT creator.oid, coalesce(d.defaclacl, acldefault('c', creator.oid)),
           acldefault(CASE g.detail WHEN 'S' THEN 's' ELSE g.detail END::"char", creator.oid), NULL
    FROM (SELECT) one
    LEFT JOIN pg_default_acl d ON d.defaclrole = creator.oid AND d.defaclnamespace = n.oid
                              AND d.defaclobjtype = g.detail::"char"
    WHERE g.kind = 'd' AND creator.oid IS NOT NULL AND n.oid IS NOT NULL
) o ON true
CROSS JOIN LATERAL (
    SELECT coalesce(g.wanted, ARRAY(SELECT e.privilege_type FROM aclexplode(o.every) e
                                    WHERE e.grantee = o.owner)) AS wanted) w
CROSS JOIN LATERAL (
    SELECT ARRAY(SELECT p FROM unnest(w.wanted) p
                 WHERE CASE WHEN p = 'OWNER' THEN o.owner IS DISTINCT FROM to_role.oid
                            ELSE NOT EXISTS (
                     SELECT FROM aclexplode(o.acl) a
                     WHERE a.grantee = to_role.oid AND a.privilege_type = p
                       AND (NOT g.grantable OR a.is_grantable OR a.grantee = o.owner)) END) AS missing) m
WHERE o.owner IS NULL OR m.missing <> '{}';
