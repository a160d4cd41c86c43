//! Columns, with what generates their values. Defaults are objects of their own; see `default`.

use super::alteration::Alteration;
use super::attribute::Attribute;
use super::creation::{Creation, Guard, together};
use super::rules::{
    Digest, Needs, Rules, drop_from_table, parameter_actions, parameters_of, part, qualified,
    whole_of,
};
use super::sequence::{is_serial, options, owner};
use super::widening::is_widening;
use super::{default, sequence, unmodelled};
use crate::catalog::{Fact, Kind, Object};
use crate::name::{Ident, SchemaName, Text, literal};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Tables,
    source: "c.tableoid::int8, c.oid::int8, a.attnum, c.relname, a.attname, a.attnum, :attributes \
             FROM path CROSS JOIN pg_class c \
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
             JOIN pg_type ty ON ty.oid = a.atttypid \
             LEFT JOIN LATERAL ( \
                 SELECT s.* FROM pg_depend d JOIN pg_sequence s ON s.seqrelid = d.objid \
                 WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid \
                   AND d.refobjsubid = a.attnum AND d.classid = 'pg_class'::regclass \
                   AND d.deptype = 'i') s ON a.attidentity <> '' \
             WHERE c.oid = ANY (:tables) AND (:own_column)",
    attributes: &[
        Attribute::new("type", "format_type(a.atttypid, a.atttypmod)")
            .labelled("type")
            .needed()
            .digested(&[
                "CASE WHEN a.atttypid < 16384 THEN a.atttypid::text \
                      WHEN r.is_set THEN format_type(a.atttypid, a.atttypmod) END",
                "nullif(a.atttypmod, -1)",
            ]),
        // Since PostgreSQL 18 there may be a NOT NULL for which existing rows were never checked.
        Attribute::new(
            "nullability",
            "CASE WHEN a.attnotnull AND NOT EXISTS ( \
                 SELECT FROM pg_constraint k \
                 WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND NOT k.convalidated \
                   AND k.conkey = ARRAY[a.attnum]) THEN 'not null' ELSE 'null' END",
        )
        .digested(&["nullif(a.attnotnull, false)"]),
        // Only if it is not the default of the type.
        Attribute::new(
            "collation",
            "CASE WHEN a.attcollation <> ty.typcollation THEN a.attcollation::regcollation END",
        )
        .labelled("collation")
        .needed()
        // 0 is none, 100 is the database's default: which of them is possible depends on the type.
        .digested(&["CASE WHEN a.attcollation IN (0, 100) THEN NULL \
                          WHEN a.attcollation < 16384 THEN a.attcollation::text \
                          WHEN r.is_set THEN a.attcollation::regcollation::text END"]),
        Attribute::new(
            "identity",
            "CASE WHEN s.seqrelid IS NOT NULL \
                  THEN CASE a.attidentity WHEN 'a' THEN 'always' ELSE 'by default' END END",
        )
        .labelled("identity")
        .digested(&["nullif(a.attidentity, '')"]),
        // The sequence is digested with the table.
        Attribute::new("start", "s.seqstart").labelled("start").digested(&[]),
        Attribute::new("increment", "s.seqincrement").labelled("increment").digested(&[]),
        Attribute::new("minimum", "s.seqmin").labelled("minimum").digested(&[]),
        Attribute::new("maximum", "s.seqmax").labelled("maximum").digested(&[]),
        Attribute::new("cache", "s.seqcache").labelled("cache").digested(&[]),
        Attribute::new(
            "cycle",
            "CASE s.seqcycle WHEN true THEN 'cycle' WHEN false THEN 'no cycle' END",
        )
        .digested(&[]),
        // The expression is digested as if it were a default.
        Attribute::new("stored", "CASE WHEN a.attgenerated = 's' THEN (:expression) END")
            .labelled("generated stored as")
            .needed()
            .digested(&["nullif(a.attgenerated, '')"]),
        Attribute::new("virtual", "CASE WHEN a.attgenerated = 'v' THEN (:expression) END")
            .labelled("generated virtual as")
            .needed()
            .digested(&[]),
        // Where long values are stored, if it is not the default of the type.
        Attribute::new(
            "storage",
            "CASE WHEN a.attstorage <> ty.typstorage \
                  THEN CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' \
                                         WHEN 'm' THEN 'main' ELSE 'extended' END END",
        )
        .labelled("storage")
        .digested(&["a.attstorage"]),
        Attribute::new(
            "compression",
            "CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END",
        )
        .labelled("compression")
        .digested(&["nullif(a.attcompression, '')"]),
        // NULL since PostgreSQL 17.
        Attribute::new("statistics_target", "nullif(coalesce(a.attstattarget, -1), -1)")
            .labelled("statistics target")
            .digested(&["nullif(a.attstattarget, -1)"]),
        // The name of an unknown option is digested, too.
        Attribute::new(
            "options",
            "(SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(a.attoptions) o \
              WHERE split_part(o, '=', 1) = ANY (:known_options))",
        )
        .labelled("options")
        .digested(&[unmodelled::DIGEST_OF_OPTIONS]),
    ],
    digest: Some(Digest {
        identity: "a.attnum, a.attname",
        comment: None,
        also: &[],
        from: "pg_attribute a \
               WHERE r.relkind IN ('r', 'p') AND a.attrelid = r.oid AND a.attnum > 0 \
                 AND NOT a.attisdropped AND (:own_column) \
               ORDER BY a.attnum",
    }),
    create,
    drop: |fact, schema| drop_from_table("COLUMN", fact, schema),
    alter,
    ..Rules::NONE
};

/// What `:expression` stands for in the attributes.
pub(super) const EXPRESSION: &str = "SELECT pg_get_expr(ad.adbin, ad.adrelid) FROM pg_attrdef ad \
                                     WHERE ad.adrelid = a.attrelid AND ad.adnum = a.attnum";

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let actions = actions(&creation.object, creation.fact).into_iter();
    let actions: Vec<String> = actions.map(|action| format!(", {action}")).collect();
    let table = whole_of(&creation.object, schema);
    if let Some(backfill) = creation.backfill {
        return backfilled(creation, &backfill.sql(schema), &actions.concat(), schema, guard);
    }
    let add = format!(
        "ALTER TABLE {table} ADD COLUMN {}{}{}",
        guard.words(),
        clause(&creation.object, creation.fact, &creation.parts, schema),
        actions.concat()
    );
    let is_other =
        |part: &Fact| part.object.kind() == Kind::Sequence && !creates(creation.fact, part);
    let Some((sequence, fact)) = creation.parts.iter().find(|(_, part)| is_other(part)) else {
        return add;
    };
    // Rows that exist draw from the sequence, which cannot belong to the column before that exists.
    let name = part(&creation.object).map(|(_, name)| name.quoted()).unwrap_or_default();
    let create = sequence::create_unowned(sequence, fact, schema, guard);
    let bind = format!("ALTER SEQUENCE {} OWNED BY {table}.{name}", qualified(sequence, schema));
    together(&format!("{create};\n        {add};\n        {bind}"))
}

/// Adds a column that rows have values for which no default gives them: it is NOT NULL, and has its default, when they have.
fn backfilled(
    creation: &Creation<'_>,
    backfill: &str,
    actions: &str,
    schema: &SchemaName,
    guard: Guard,
) -> String {
    let (table, name) = (whole_of(&creation.object, schema), creation.object.name());
    let name = name.map(Ident::quoted).unwrap_or_default();
    let mut plain = creation.fact.clone();
    plain.attributes.remove("nullability");
    let clause = clause(&creation.object, &plain, &[], schema);
    let mut statements = vec![
        format!("ALTER TABLE {table} ADD COLUMN {clause}{actions}"),
        fill(&table, &name, backfill),
    ];
    let default = creation.parts.iter().find_map(|(_, part)| part.sql("default", schema));
    let default = default.map(|default| format!("ALTER COLUMN {name} SET DEFAULT {default}"));
    let is_required = creation.fact.text("nullability") == Some("not null");
    let required = is_required.then(|| format!("ALTER COLUMN {name} SET NOT NULL"));
    let settings: Vec<String> = default.into_iter().chain(required).collect();
    if !settings.is_empty() {
        statements.push(format!("ALTER TABLE {table} {}", settings.join(", ")));
    }
    let there = exists_in(&creation.object, schema);
    let statements = statements.join(";\n        ");
    match guard {
        Guard::IfNotExists => guard.unless(&there, &statements),
        Guard::Exclusive => together(&statements),
    }
}

/// Gives a column its values where it has none.
fn fill(table: &str, name: &str, backfill: &str) -> String {
    format!("UPDATE {table} SET {name} = ({backfill}) WHERE {name} IS NULL")
}

/// A condition: the column exists.
fn exists_in(object: &Object, schema: &SchemaName) -> String {
    format!(
        "EXISTS (SELECT FROM pg_attribute WHERE attrelid = {}::regclass AND attname = {} \
         AND NOT attisdropped)",
        literal(&whole_of(object, schema)),
        object.name().map(|name| Text::from(name).literal()).unwrap_or_default()
    )
}

/// The actions of ALTER TABLE for what a column clause cannot say; the server does them after all that add columns.
pub(super) fn actions(object: &Object, fact: &Fact) -> Vec<String> {
    let name = part(object).map(|(_, name)| name.quoted()).unwrap_or_default();
    let settings = [
        fact.text("storage").map(|storage| format!("SET STORAGE {}", storage.to_uppercase())),
        fact.text("statistics_target").map(|target| format!("SET STATISTICS {target}")),
        parameters_of(fact, "options").map(|options| format!("SET {options}")),
    ];
    let settings = settings.into_iter().flatten();
    settings.map(|setting| format!("ALTER COLUMN {name} {setting}")).collect()
}

/// Whether an alteration is one of a column's type.
#[must_use]
pub fn needs_dependents_gone(alteration: &Alteration<'_>) -> bool {
    let is_column = alteration.object().kind() == Kind::Column;
    is_column && (alteration.differs("type") || alteration.differs("collation"))
}

/// Whether the server refuses to change the type of a column while this depends on it (`RememberAllDependentForRebuilding` in
/// PostgreSQL's `tablecmds.c`). A default is converted, if that is possible; indexes and constraints are made again.
#[must_use]
pub fn hinders_type_change(column: &Fact, dependent: &Fact) -> bool {
    match dependent.object.kind() {
        Kind::View
        | Kind::MaterializedView
        | Kind::Rule
        | Kind::Trigger
        | Kind::Policy
        | Kind::Function
        | Kind::Procedure => true,
        Kind::Column => dependent.object != column.object,
        Kind::Default => default::column(dependent).as_ref() == Some(&column.object),
        _ => false,
    }
}

/// Whether a change in place writes the whole table again, or could fail on a value in it: `using` may do anything with it.
#[must_use]
pub fn rewrites(alteration: &Alteration<'_>) -> bool {
    let keeps_values = is_widening(alteration) && alteration.using.is_none();
    needs_dependents_gone(alteration) && !keeps_values
}

/// Whether the server generates the values of a column by itself, beside a default.
#[must_use]
pub fn is_generated(column: &Fact) -> bool {
    ["identity", "stored", "virtual"].iter().any(|key| column.text(key).is_some())
}

/// Whether a column has arrays as values.
#[must_use]
pub fn is_array(column: &Fact) -> bool {
    column.text("type").is_some_and(|text| text.ends_with("[]"))
}

/// Whether a column is filled, since it becomes NOT NULL.
#[must_use]
pub fn fills(alteration: &Alteration<'_>) -> bool {
    let is_required = alteration.desired.text("nullability") == Some("not null");
    alteration.backfill.is_some() && is_required && alteration.differs("nullability")
}

/// What is in the catalog alone, and NOT NULL, for which rows are read.
fn alter(alteration: &Alteration<'_>, schema: &SchemaName) -> Option<String> {
    const IN_PLACE: &[&str] = &[
        "type",
        "collation",
        "nullability",
        "identity",
        "start",
        "increment",
        "minimum",
        "maximum",
        "cache",
        "cycle",
        "storage",
        "compression",
        "statistics_target",
        "options",
    ];
    let (desired, live) = (alteration.desired, alteration.live);
    let is_identity = |fact: &Fact| fact.text("identity").is_some();
    let is_other_type = needs_dependents_gone(alteration);
    let is_generated = ["stored", "virtual"].iter().any(|key| desired.text(key).is_some());
    // A column becomes one that draws from a sequence, or ceases to be, in steps of their own.
    if !alteration.is_only_in(IN_PLACE)
        || is_identity(desired) != is_identity(live)
        || is_other_type && is_generated
    {
        return None;
    }
    let mut actions = Vec::new();
    if is_other_type {
        let mut words = format!("TYPE {}", desired.sql("type", schema)?);
        if let Some(collation) = desired.sql("collation", schema) {
            words.push_str(&format!(" COLLATE {collation}"));
        }
        if let Some(using) = &alteration.using {
            words.push_str(&format!(" USING {}", using.sql(schema)));
        }
        actions.push(words);
    }
    if alteration.differs("nullability") {
        let verb = if desired.text("nullability") == Some("not null") { "SET" } else { "DROP" };
        actions.push(format!("{verb} NOT NULL"));
    }
    let mut identity = sequence::changed_options(alteration, "SET ");
    if alteration.differs("identity") {
        let when = desired.text("identity").unwrap_or_default().to_uppercase();
        identity.push_str(&format!(" SET GENERATED {when}"));
    }
    let identity = (!identity.is_empty()).then(|| identity.trim_start().to_owned());
    // The sequence gets the type of the column, and with it other limits, before it gets its options.
    let (identity, afterwards) = if is_other_type { (None, identity) } else { (identity, None) };
    actions.extend(identity);
    if alteration.differs("storage") || is_other_type {
        match desired.text("storage") {
            Some(storage) => actions.push(format!("SET STORAGE {}", storage.to_uppercase())),
            None if is_other_type => {}
            // What the type's own is called, only PostgreSQL 16 knows.
            None => return None,
        }
    }
    // A new type has its own.
    let is_declared = desired.text("compression").is_some();
    if alteration.differs("compression") || is_other_type && is_declared {
        let method = desired.text("compression").unwrap_or("default");
        actions.push(format!("SET COMPRESSION {method}"));
    }
    if alteration.differs("statistics_target") {
        let target = desired.text("statistics_target").unwrap_or("-1");
        actions.push(format!("SET STATISTICS {target}"));
    }
    if alteration.differs("options") {
        actions.extend(parameter_actions(alteration, "options"));
    }
    let (table, name) = (whole_of(&live.object, schema), part(&live.object)?.1.quoted());
    let actions: Vec<String> =
        actions.into_iter().map(|action| format!("ALTER COLUMN {name} {action}")).collect();
    let mut statement = format!("ALTER TABLE {table} {}", actions.join(", "));
    if let Some(backfill) = alteration.backfill.filter(|_| fills(alteration)) {
        let fill = fill(&table, &name, &backfill.sql(schema));
        statement = together(&format!("{fill};\n        {statement}"));
    }
    if let Some(options) = afterwards {
        statement =
            format!("{statement};\n        ALTER TABLE {table} ALTER COLUMN {name} {options}");
    }
    Some(if is_other_type {
        // The server refuses it, even if it changes nothing, once a view has been created.
        Guard::IfNotExists.unless(&has_type(desired, live, schema), &statement)
    } else {
        statement
    })
}

/// A condition: the column has the desired type and collation.
fn has_type(desired: &Fact, live: &Fact, schema: &SchemaName) -> String {
    let name = literal(schema.as_str());
    let full = desired.sql("type", schema).unwrap_or_default();
    let data_type = literal(&full.replace(&format!("{}.", schema.quoted()), ""));
    let collation = match desired.sql("collation", schema) {
        Some(collation) => format!("{}::regcollation", literal(&collation)),
        None => "(SELECT t.typcollation FROM pg_type t WHERE t.oid = a.atttypid)".to_owned(),
    };
    format!(
        "EXISTS (SELECT FROM pg_attribute a \
         WHERE a.attrelid = {}::regclass AND a.attname = {} AND NOT a.attisdropped \
           AND replace(format_type(a.atttypid, a.atttypmod), quote_ident({name}) || '.', '') = {data_type} \
           AND a.attcollation = {collation})",
        literal(&whole_of(&live.object, schema)),
        live.object.name().map(|name| Text::from(name).literal()).unwrap_or_default(),
    )
}

/// The column clause of CREATE TABLE and ALTER TABLE, with its default or sequence if these are
/// among `parts`.
pub(super) fn clause(
    object: &Object,
    fact: &Fact,
    parts: &[(Object, &Fact)],
    schema: &SchemaName,
) -> String {
    let (mut expression, mut sequence) = (None, None);
    for (_, part) in parts {
        match part.object.kind() {
            Kind::Default if default::column(part).as_ref() == Some(object) => {
                expression = part.sql("default", schema);
            }
            Kind::Sequence if owner(part).as_ref() == Some(object) && creates(fact, part) => {
                sequence = Some(part);
            }
            _ => {}
        }
    }
    let data_type = fact.sql("type", schema).unwrap_or_default();
    let name = part(object).map(|(_, name)| name.quoted()).unwrap_or_default();
    let mut sql = match (&*data_type, sequence) {
        ("smallint", Some(_)) => format!("{name} smallserial"),
        ("integer", Some(_)) => format!("{name} serial"),
        ("bigint", Some(_)) => format!("{name} bigserial"),
        _ => format!("{name} {data_type}"),
    };
    if let Some(method) = fact.text("compression") {
        sql.push_str(&format!(" COMPRESSION {method}"));
    }
    if let Some(collation) = fact.sql("collation", schema) {
        sql.push_str(&format!(" COLLATE {collation}"));
    }
    if sequence.is_none()
        && let Some(default) = expression
    {
        sql.push_str(&format!(" DEFAULT {default}"));
    }
    if let Some(when) = fact.text("identity") {
        sql.push_str(&format!(" GENERATED {} AS IDENTITY", when.to_uppercase()));
        let options = options(fact, &data_type);
        if !options.is_empty() {
            sql.push_str(&format!(" ({})", options.trim_start()));
        }
    }
    for (key, how) in [("stored", "STORED"), ("virtual", "VIRTUAL")] {
        if let Some(expression) = fact.sql(key, schema) {
            sql.push_str(&format!(" GENERATED ALWAYS AS ({expression}) {how}"));
        }
    }
    if fact.text("nullability") == Some("not null") {
        sql.push_str(" NOT NULL");
    }
    sql
}

/// Whether a sequence can be created by the type of the column that it belongs to.
#[must_use]
pub fn creates(column: &Fact, sequence: &Fact) -> bool {
    column.text("type").is_some_and(|data_type| is_serial(sequence, data_type))
}
