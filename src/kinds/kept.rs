//! The privileges on an object, and its owner, which the server forgets when the object is dropped. The manifest need not
//! declare them: they may be somebody else's business. So the statement that drops an object which is created again
//! remembers them in a setting of the transaction, and the one that creates it restores them.

use sha2::{Digest as _, Sha256};

use super::routine::signature;
use super::rules::qualified;
use crate::catalog::{Fact, Kind, Object};
use crate::name::{SchemaName, literal};

/// A PL/pgSQL statement that runs what [`Target::keep`] has remembered. Privileges on a column that there is no more are gone.
const RESTORE: &str = "\
DECLARE
            statement text;
        BEGIN
            FOR statement IN SELECT json_array_elements_text(
                coalesce(nullif(current_setting(:setting, true), ''), '[]')::json) LOOP
                BEGIN
                    EXECUTE statement;
                EXCEPTION WHEN undefined_column THEN NULL;
                END;
            END LOOP;
        END";

const OF_RELATION: &str = "SELECT a.*, '' FROM aclexplode(coalesce(o.relacl, acldefault('r', o.relowner))) a \
    UNION ALL SELECT a.*, format(' (%I)', c.attname) FROM pg_attribute c \
    CROSS JOIN aclexplode(c.attacl) a WHERE c.attrelid = o.oid AND c.attnum > 0";
const OF_ROUTINE: &str =
    "SELECT a.*, '' FROM aclexplode(coalesce(o.proacl, acldefault('f', o.proowner))) a";
const OF_TYPE: &str =
    "SELECT a.*, '' FROM aclexplode(coalesce(o.typacl, acldefault('T', o.typowner))) a";

/// An object that can have privileges of its own.
pub(super) struct Target {
    /// As GRANT names it, such as `TABLE "acme"."v"`.
    on: String,
    /// As ALTER names it.
    owned: String,
    /// An expression for its OID; NULL, if it does not exist.
    oid: String,
    catalog: &'static str,
    /// What the columns of the catalog begin with.
    prefix: &'static str,
    privileges: &'static str,
    setting: String,
}

/// The object of a fact, if objects of its kind have privileges.
pub(super) fn target(fact: &Fact, schema: &SchemaName) -> Option<Target> {
    let kind = fact.object.kind();
    let (word, catalog, prefix, function, privileges) = match kind {
        Kind::View => ("VIEW", "pg_class", "rel", "to_regclass", OF_RELATION),
        Kind::MaterializedView => {
            ("MATERIALIZED VIEW", "pg_class", "rel", "to_regclass", OF_RELATION)
        }
        _ if kind.is_routine() => ("ROUTINE", "pg_proc", "pro", "to_regprocedure", OF_ROUTINE),
        _ if kind.is_type() => ("TYPE", "pg_type", "typ", "to_regtype", OF_TYPE),
        _ => return None,
    };
    let name = match kind {
        _ if kind.is_routine() => signature(&fact.object, fact, schema),
        _ => qualified(&fact.object, schema),
    };
    let granted = if catalog == "pg_class" { "TABLE" } else { word };
    Some(Target {
        on: literal(&format!("{granted} {name}")),
        owned: literal(&format!("{word} {name}")),
        oid: format!("pg_catalog.{function}({})", literal(&name)),
        catalog,
        prefix,
        privileges,
        setting: literal(&format!("provision.kept_{}", digits(&fact.object))),
    })
}

/// Hexadecimal digits that tell an object from others, for names of what exists during a statement or a transaction only.
pub(super) fn digits(object: &Object) -> String {
    let digest = Sha256::digest(object.to_string());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl Target {
    /// A condition: it exists.
    pub(super) fn exists(&self) -> String {
        format!("{} IS NOT NULL", self.oid)
    }

    /// A PL/pgSQL statement that remembers the statements that restore them; none, where the object has those of a new one.
    /// What each new object has by default is revoked first.
    pub(super) fn keep(&self) -> String {
        let Self { on, owned, oid, catalog, prefix, privileges, setting } = self;
        format!(
            "\
PERFORM set_config({setting}, coalesce((
            SELECT json_agg(s.statement ORDER BY s.place, s.statement)::text
            FROM {catalog} o JOIN pg_roles u ON u.rolname = current_user
            CROSS JOIN LATERAL (SELECT o.{prefix}acl IS NOT NULL OR EXISTS (
                SELECT FROM pg_default_acl d WHERE d.defaclrole = u.oid) AS is_special) x
            CROSS JOIN LATERAL (
                SELECT 1, format('ALTER %s OWNER TO %I', {owned}, pg_get_userbyid(o.{prefix}owner))
                WHERE o.{prefix}owner <> u.oid
                UNION ALL
                SELECT 2, format('REVOKE ALL ON %s FROM %s', {on}, CASE r.role
                    WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r.role)) END)
                FROM (SELECT 0 UNION SELECT o.{prefix}owner UNION SELECT u.oid UNION
                      SELECT a.grantee FROM pg_default_acl d CROSS JOIN aclexplode(d.defaclacl) a
                      WHERE d.defaclrole = u.oid) r(role)
                WHERE is_special
                UNION ALL
                SELECT 3, format('GRANT %s%s ON %s TO %s%s', a.privilege_type, a.columns, {on}, CASE a.grantee
                    WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
                    CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END)
                FROM ({privileges}) a(grantor, grantee, privilege_type, is_grantable, columns)
                WHERE is_special
            ) s(place, statement)
            WHERE o.oid = {oid}), ''), true)"
        )
    }

    /// [`RESTORE`].
    pub(super) fn restore(&self) -> String {
        RESTORE.replace(":setting", &self.setting)
    }
}
