//! What depends on a tenant's objects and is none of the manifest's business; see `dependents.sql`. It is read where something may be dropped.

use std::collections::HashMap;

use sqlx::postgres::PgRow;

use super::answers::{array, column};
use super::error::PgError;
use super::session::Session;
use crate::catalog::{Kind, Object};
use crate::kinds::stripped;
use crate::name::{Ident, SchemaName};
use crate::obstacle::{Code, Obstacle, Subject};

const DOING: &str = "looking for what depends on the schema";

/// The obstacles to dropping objects of each schema, read within the current transaction. A schema in which there is none has
/// no entry.
///
/// # Errors
/// When the query fails.
pub(super) async fn dependents(
    session: &mut Session,
    schemas: &[&SchemaName],
) -> Result<HashMap<SchemaName, Vec<Obstacle>>, PgError> {
    let mut found: HashMap<SchemaName, Vec<Obstacle>> = HashMap::new();
    if schemas.is_empty() {
        return Ok(found);
    }
    let names = array("name", schemas.iter().map(|schema| schema.as_str()));
    let script = stripped(include_str!("dependents.sql")).replace(":schemas", &names);
    let answers = session.run(DOING, &script).await?;
    for row in answers.iter().flatten() {
        let name: &str = column(row, "schema", DOING)?;
        let Some(schema) = schemas.iter().find(|schema| schema.as_str() == name) else { continue };
        if let Some(on) = object(row)? {
            let obstacle = Obstacle {
                on: Subject::Dropped(on),
                via: column::<&str>(row, "description", DOING)?.to_owned(),
                what: Code::Dependent,
                is_met_by_reading: false,
                owner: String::new(),
                is_schemas_owner: false,
                prefix: format!("{}.", schema.quoted()),
            };
            found.entry((*schema).clone()).or_default().push(obstacle);
        }
    }
    Ok(found)
}

/// The object on which something depends; `None`: it is not modelled.
fn object(row: &PgRow) -> Result<Option<Object>, PgError> {
    let text = |name| column::<Option<&str>>(row, name, DOING);
    let ident = |name| Ok::<_, PgError>(text(name)?.and_then(|text| Ident::new(text).ok()));
    let (Some(kind), Some(name)) = (text("kind")?, ident("name")?) else { return Ok(None) };
    let whole = match text("of_kind")? {
        Some("m") => Kind::MaterializedView,
        Some("v") => Kind::View,
        _ => Kind::Table,
    };
    let part = |part: Kind, name: &Ident| {
        Ok::<_, PgError>(ident("of")?.map(|of| Object::part(whole, &of, part, name)))
    };
    let routine = |kind: Kind| {
        let arguments = text("arguments")?.unwrap_or_default().to_owned();
        Ok::<_, PgError>(Some(Object::Routine { kind, name: name.clone(), arguments }))
    };
    let member = |kind: Kind| Ok(Some(Object::Member(kind, name.clone())));
    match kind {
        "constraint" => part(Kind::Constraint, &name),
        "index" => part(Kind::Index, &name),
        "column" => match ident("part")? {
            Some(column) => part(Kind::Column, &column),
            None => Ok(None),
        },
        "attribute" => Ok(ident("part")?.map(|attribute| {
            Object::part(Kind::CompositeType, &name, Kind::Attribute, &attribute)
        })),
        "r" | "p" => member(Kind::Table),
        "v" => member(Kind::View),
        "m" => member(Kind::MaterializedView),
        "S" => member(Kind::Sequence),
        "c" | "type c" => member(Kind::CompositeType),
        "type e" => member(Kind::Enum),
        "type d" => member(Kind::Domain),
        "type r" => member(Kind::RangeType),
        "proc p" => routine(Kind::Procedure),
        "proc a" => routine(Kind::Aggregate),
        "proc f" | "proc w" => routine(Kind::Function),
        _ => Ok(None),
    }
}
