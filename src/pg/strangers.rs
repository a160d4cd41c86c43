//! Whether anything in a database belongs to untrusted roles.

/// A condition: something in this database belongs to roles that are not among `r.roles`. Where nothing
/// does, no untrusted code can be attached to a table of a trusted owner. It is derived from what roles own
/// (`pg_shdepend`), so that its cost does not grow with the number of tenants. What predefined roles own is
/// not recorded there; it is searched for if a role is a member of one, other than the predefined roles
/// themselves: nobody can log in as them.
pub(super) const HAS_STRANGERS: &str = "(EXISTS (\
     SELECT FROM pg_roles o WHERE o.oid <> ALL (r.roles) AND EXISTS (\
         SELECT FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid \
         WHERE d.datname = current_database() AND s.refclassid = 'pg_authid'::regclass \
           AND s.refobjid = o.oid AND s.deptype = 'o')) \
     OR (EXISTS (SELECT FROM pg_auth_members m \
                 WHERE m.roleid < 16384 AND m.member >= 16384 AND m.member <> ALL (r.roles)) \
         OR EXISTS (SELECT FROM pg_database d \
                    WHERE d.datname = current_database() AND d.datdba <> ALL (r.roles))) \
        AND (EXISTS (SELECT FROM pg_proc p WHERE p.oid >= 16384 AND p.proowner < 16384 \
                       AND p.proowner <> ALL (r.roles)) \
             OR EXISTS (SELECT FROM pg_type y WHERE y.oid >= 16384 AND y.typowner < 16384 \
                          AND y.typowner <> ALL (r.roles))))";
