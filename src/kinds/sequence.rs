//! Sequences, except those of identity columns, which belong to their column.

use super::alteration::Alteration;
use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::rules::{Needs, Rules, drop_member, qualified};
use crate::catalog::{Catalog, Fact, Kind, Object, Slot};
use crate::manifest::SequenceOptions;
use crate::name::{Ident, SchemaName};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Sequences,
    // Sequences of the tool's own table, and of tables elsewhere, belong to these.
    source: "c.tableoid::int8, c.oid::int8, 0, NULL, c.relname, c.oid::int8, :attributes \
             FROM path CROSS JOIN pg_class c \
             JOIN pg_sequence s ON s.seqrelid = c.oid \
             LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid \
                 AND d.objsubid = 0 AND d.refclassid = 'pg_class'::regclass \
                 AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') \
             LEFT JOIN pg_class t ON t.oid = d.refobjid AND t.oid = ANY (:tables) \
             LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid \
             WHERE c.oid = ANY (:relations) AND d.deptype IS DISTINCT FROM 'i' \
               AND (d.refobjid IS NULL OR t.oid IS NOT NULL)",
    attributes: &[
        Attribute::new("type", "format_type(s.seqtypid, NULL)")
            .labelled("type")
            .digested(&["nullif(s.seqtypid, 20)"]),
        Attribute::new("start", "s.seqstart")
            .labelled("start")
            .digested(&["nullif(s.seqstart, 1)"]),
        Attribute::new("increment", "s.seqincrement")
            .labelled("increment")
            .digested(&["nullif(s.seqincrement, 1)"]),
        Attribute::new("minimum", "s.seqmin")
            .labelled("minimum")
            .digested(&["nullif(s.seqmin, 1)"]),
        Attribute::new("maximum", "s.seqmax")
            .labelled("maximum")
            .digested(&["nullif(s.seqmax, 9223372036854775807)"]),
        Attribute::new("cache", "s.seqcache")
            .labelled("cache")
            .digested(&["nullif(s.seqcache, 1)"]),
        Attribute::new("cycle", "CASE WHEN s.seqcycle THEN 'cycle' ELSE 'no cycle' END")
            .digested(&["nullif(s.seqcycle, false)"]),
        // The column with which it is dropped: `serial` sets that.
        Attribute::new("role", "quote_ident(t.relname) || '.' || quote_ident(a.attname)")
            .labelled("owned by")
            .digested(&["o.refobjsubid", "o.deptype"]),
        Attribute::new("owner_table", "t.relname").hidden(),
        Attribute::new("owner_column", "a.attname").hidden(),
        Attribute::new("persistence", "CASE c.relpersistence WHEN 'u' THEN 'unlogged' END")
            .digested(&["nullif(c.relpersistence, 'p')"]),
    ],
    occupies: |fact| fact.object.name().map(|n| Slot::Relation(n.clone())).into_iter().collect(),
    is_structural: true,
    create,
    drop: |fact, schema| drop_member("SEQUENCE", fact, schema),
    alter,
    comes_with: owner,
    ..Rules::NONE
};

/// The column with which it is dropped, if there is one.
pub(super) fn owner(fact: &Fact) -> Option<Object> {
    let name = |key| Ident::new(fact.text(key)?).ok();
    Some(Object::column(&name("owner_table")?, &name("owner_column")?))
}

/// Whether the default of the column that owns a sequence draws from it.
#[must_use]
pub fn feeds_its_column(catalog: &Catalog, fact: &Fact) -> bool {
    let Some(Object::Part(column)) = owner(fact) else { return false };
    let default = catalog.get(&Object::on_table(Kind::Default, &column.of, &column.name));
    default.is_some_and(|default| default.dependencies.contains(&fact.object))
}

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let owned = match owner(creation.fact) {
        Some(Object::Part(part)) => {
            format!(" OWNED BY {}.{}", schema.qualify(&part.of), part.name.quoted())
        }
        _ => String::new(),
    };
    create_unowned(&creation.object, creation.fact, schema, guard) + &owned
}

/// The same for one that gets its owner later.
pub(super) fn create_unowned(
    object: &Object,
    fact: &Fact,
    schema: &SchemaName,
    guard: Guard,
) -> String {
    let data_type = fact.text("type").unwrap_or_default();
    let named = if data_type == "bigint" { String::new() } else { format!(" AS {data_type}") };
    let unlogged = if fact.text("persistence").is_some() { "UNLOGGED " } else { "" };
    format!(
        "CREATE {unlogged}SEQUENCE {}{}{named}{}",
        guard.words(),
        qualified(object, schema),
        options(fact, data_type)
    )
}

/// The type, the options and the owner; not whether it is logged.
fn alter(alteration: &Alteration<'_>, schema: &SchemaName) -> Option<String> {
    if alteration.differs("persistence") {
        return None;
    }
    let fact = alteration.desired;
    let mut words = String::new();
    if alteration.differs("type") {
        words.push_str(&format!(" AS {}", fact.text("type")?));
    }
    words.push_str(&changed_options(alteration, ""));
    if alteration.differs("role") {
        match owner(fact) {
            Some(Object::Part(part)) => {
                let (table, column) = (schema.qualify(&part.of), part.name.quoted());
                words.push_str(&format!(" OWNED BY {table}.{column}"));
            }
            _ => words.push_str(" OWNED BY NONE"),
        }
    }
    let name = qualified(alteration.object(), schema);
    (!words.is_empty()).then(|| format!("ALTER SEQUENCE {name}{words}"))
}

/// The options that are other than desired, each after a space and `verb`.
pub(super) fn changed_options(alteration: &Alteration<'_>, verb: &str) -> String {
    let mut words = String::new();
    for (key, option) in [
        ("increment", "INCREMENT BY"),
        ("minimum", "MINVALUE"),
        ("maximum", "MAXVALUE"),
        ("start", "START WITH"),
        ("cache", "CACHE"),
    ] {
        if alteration.differs(key)
            && let Some(value) = alteration.desired.text(key)
        {
            words.push_str(&format!(" {verb}{option} {value}"));
        }
    }
    if alteration.differs("cycle")
        && let Some(cycle) = alteration.desired.text("cycle")
    {
        words.push_str(&format!(" {verb}{}", cycle.to_uppercase()));
    }
    words
}

/// The options of a sequence or an identity column that differ from the server's defaults, each
/// after a space.
pub(super) fn options(fact: &Fact, data_type: &str) -> String {
    let number = |key| fact.text(key).and_then(|text| text.parse::<i64>().ok());
    let increment = number("increment").unwrap_or(1);
    let (lowest, highest) = match data_type {
        "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        "integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    let (minimum, maximum) = if increment > 0 { (1, highest) } else { (lowest, -1) };
    let (min, max) = (number("minimum").unwrap_or(minimum), number("maximum").unwrap_or(maximum));
    let start = if increment > 0 { min } else { max };
    let unless = |usual: i64| move |value: &i64| *value != usual;
    option_words(&SequenceOptions {
        increment: Some(increment).filter(unless(1)),
        min: Some(min).filter(unless(minimum)),
        max: Some(max).filter(unless(maximum)),
        start: number("start").filter(unless(start)),
        cache: number("cache").filter(unless(1)),
        cycle: fact.text("cycle") == Some("cycle"),
    })
}

/// The options that are given, each after a space.
#[must_use]
pub fn option_words(options: &SequenceOptions) -> String {
    let mut sql = String::new();
    let mut option = |words: &str, value: Option<i64>| {
        if let Some(value) = value {
            sql.push_str(&format!(" {words} {value}"));
        }
    };
    option("INCREMENT BY", options.increment);
    option("MINVALUE", options.min);
    option("MAXVALUE", options.max);
    option("START WITH", options.start);
    option("CACHE", options.cache);
    if options.cycle {
        sql.push_str(" CYCLE");
    }
    sql
}

/// Whether a column of type `serial` and its like would create exactly this sequence.
pub(super) fn is_serial(fact: &Fact, column_type: &str) -> bool {
    let Some(Object::Part(column)) = owner(fact) else { return false };
    let usual = Ident::for_serial(&column.of, &column.name);
    fact.object.name() == Some(&usual)
        && fact.text("type") == Some(column_type)
        && options(fact, column_type).is_empty()
}
