//! Range types, each with the multirange type and the functions that the server makes with it.

use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::rules::{Needs, Rules, drop_member, qualified, type_exists};
use crate::catalog::Slot;
use crate::name::{Ident, SchemaName};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Types,
    source: "t.tableoid::int8, t.oid::int8, 0, NULL, t.typname, t.oid::int8, :attributes \
             FROM path CROSS JOIN pg_type t JOIN pg_range rg ON rg.rngtypid = t.oid \
             JOIN pg_type sub ON sub.oid = rg.rngsubtype \
             JOIN pg_type multi ON multi.oid = rg.rngmultitypid \
             JOIN pg_opclass oc ON oc.oid = rg.rngsubopc \
             JOIN pg_namespace ocn ON ocn.oid = oc.opcnamespace \
             WHERE t.oid = ANY (:types) AND t.typtype = 'r'",
    attributes: &[
        Attribute::new("subtype", "format_type(rg.rngsubtype, NULL)")
            .labelled("subtype")
            .needed()
            .digested(&["CASE WHEN m.is_set THEN format_type(rg.rngsubtype, NULL) END"]),
        // Only if it is not the default of the type.
        Attribute::new(
            "operator_class",
            "CASE WHEN NOT (oc.opcdefault AND oc.opcintype = rg.rngsubtype) \
                  THEN quote_ident(ocn.nspname) || '.' || quote_ident(oc.opcname) END",
        )
        .labelled("operator class")
        .needed()
        .digested(&["CASE WHEN rg.rngsubopc < 16384 THEN rg.rngsubopc::text \
                          ELSE (SELECT ROW(oc.opcnamespace::regnamespace, oc.opcname)::text \
                                FROM pg_opclass oc WHERE oc.oid = rg.rngsubopc) END"]),
        Attribute::new(
            "collation",
            "CASE WHEN rg.rngcollation <> sub.typcollation THEN rg.rngcollation::regcollation END",
        )
        .labelled("collation")
        .needed()
        .digested(&["CASE WHEN rg.rngcollation NOT IN (0, 100) AND m.is_set \
                          THEN rg.rngcollation::regcollation END"]),
        Attribute::new("subtype_diff", "nullif(rg.rngsubdiff, 0)::regproc")
            .labelled("subtype difference")
            .digested(&["CASE WHEN m.is_set THEN nullif(rg.rngsubdiff, 0)::regproc END"]),
        Attribute::new("multirange", "quote_ident(multi.typname)")
            .labelled("multirange")
            .needed()
            .digested(&["(SELECT multi.typname FROM pg_type multi \
                          WHERE multi.oid = rg.rngmultitypid)"]),
        Attribute::new("multirange_name", "multi.typname").hidden(),
    ],
    occupies: |fact| {
        let multirange = fact.text("multirange_name").and_then(|name| Ident::new(name).ok());
        fact.object.name().cloned().into_iter().chain(multirange).map(Slot::Type).collect()
    },
    create,
    drop: |fact, schema| drop_member("TYPE", fact, schema),
    ..Rules::NONE
};

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let name = qualified(&creation.object, schema);
    let multirange = creation.fact.text("multirange_name").and_then(|name| Ident::new(name).ok());
    let options = [
        ("SUBTYPE", creation.fact.sql("subtype", schema)),
        ("SUBTYPE_OPCLASS", creation.fact.sql("operator_class", schema)),
        ("COLLATION", creation.fact.sql("collation", schema)),
        ("SUBTYPE_DIFF", creation.fact.sql("subtype_diff", schema)),
        ("MULTIRANGE_TYPE_NAME", multirange.map(|name| schema.qualify(&name))),
    ];
    let options =
        options.into_iter().filter_map(|(key, value)| Some(format!("{key} = {}", value?)));
    let options: Vec<String> = options.collect();
    guard.unless(
        &type_exists(&name),
        &format!("CREATE TYPE {name} AS RANGE ({})", options.join(", ")),
    )
}
