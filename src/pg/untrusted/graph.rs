//! What the answer to `untrusted.sql` says, and the paths in it: from what hangs on a table to code that
//! somebody owns.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use sqlx::postgres::PgRow;

use super::DOING;
use crate::name::SchemaName;
use crate::pg::error::PgError;
use crate::pg::session::column;
use crate::plan::{Code, Obstacle, Subject};

/// An object of the catalog: `classid.objid`.
type Node = String;

#[derive(Debug, Default)]
pub(super) struct Graph {
    /// By schema: its owner, and what the names of its objects begin with.
    schemas: HashMap<String, (String, String)>,
    base: Vec<Base>,
    /// What each object needs; with words for the way to it, if there are any.
    edges: HashMap<Node, Vec<(String, Node)>>,
    code: HashMap<Node, (String, Code)>,
    /// With owner and code.
    found: Vec<(Base, String, Code)>,
}

/// Code: after how many steps it is reached, words for the way, what it is, and whose.
type Reached<'g> = (usize, &'g str, &'g Code, &'g str);

/// Something that hangs on a table, or a table or type itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Base {
    /// Empty: outside of all tenants' schemas.
    schema: String,
    on: Subject,
    via: String,
    reads: bool,
    node: Node,
}

impl Graph {
    pub(super) fn add(&mut self, row: &PgRow) -> Result<(), PgError> {
        let text = |name| {
            column::<Option<&str>>(row, name, DOING).map(|text| text.unwrap_or("").to_owned())
        };
        let base = || {
            let subject = text("subject")?;
            Ok::<_, PgError>(Base {
                schema: text("schema")?,
                on: match text("kind")?.as_str() {
                    "type" => Subject::Type(subject),
                    "external" => Subject::External(subject),
                    "column" => Subject::Column { table: subject, name: text("runs")? },
                    _ => Subject::Relation(subject),
                },
                via: text("via")?,
                reads: text("reads")? == "true",
                node: text("node")?,
            })
        };
        let code = || {
            let runs = text("runs")?;
            Ok::<_, PgError>(match text("what")?.as_str() {
                "function" => Code::Function(runs),
                "chosen" => Code::Chosen(runs),
                "type" => Code::Type(runs),
                _ => Code::Itself,
            })
        };
        match text("section")?.as_str() {
            "schema" => {
                self.schemas.insert(text("schema")?, (text("owner")?, text("runs")?));
            }
            "base" => self.base.push(base()?),
            "edge" => {
                self.edges.entry(text("node")?).or_default().push((text("via")?, text("runs")?));
            }
            "code" => {
                self.code.insert(text("node")?, (text("owner")?, code()?));
            }
            _ => self.found.push((base()?, text("owner")?, code()?)),
        }
        Ok(())
    }

    /// All functions and types; of what is told for its own sake, there is nothing to name.
    pub(super) fn into_code(self) -> BTreeSet<Code> {
        let found = self.found.into_iter().map(|(_, _, code)| code);
        let all = self.code.into_values().map(|(_, code)| code).chain(found);
        all.filter(|code| *code != Code::Itself).collect()
    }

    /// For each of `schemas`, what leads to code that is `of_concern`: for each thing that hangs on a
    /// table one entry, with the first of what it leads to. What is on tables outside of all of them
    /// concerns each.
    pub(super) fn obstacles(
        &self,
        schemas: &[&SchemaName],
        of_concern: &dyn Fn(&str, &Code) -> bool,
    ) -> HashMap<SchemaName, Vec<Obstacle>> {
        let mut told: BTreeMap<&Base, Vec<Reached<'_>>> = BTreeMap::new();
        let mut paths: HashMap<&str, Vec<Reached<'_>>> = HashMap::new();
        for base in &self.base {
            let found =
                paths.entry(&base.node).or_insert_with(|| self.reached(&base.node, of_concern));
            if !found.is_empty() {
                told.entry(base).or_default().extend(found.iter().copied());
            }
        }
        for (base, owner, code) in &self.found {
            if of_concern(owner, code) {
                told.entry(base).or_default().push((0, "", code, owner));
            }
        }
        let mut obstacles: HashMap<SchemaName, Vec<Obstacle>> = HashMap::new();
        for (base, mut found) in told {
            found.sort();
            found.dedup();
            for schema in schemas {
                if base.schema.is_empty() || base.schema == schema.as_str() {
                    let obstacle = self.obstacle(schema, base, &found);
                    obstacles.entry((*schema).clone()).or_default().extend(obstacle);
                }
            }
        }
        obstacles
    }

    fn obstacle(
        &self,
        schema: &SchemaName,
        base: &Base,
        found: &[Reached<'_>],
    ) -> Option<Obstacle> {
        let (_, way, code, owner) = found.first()?;
        let (schemas_owner, prefix) = self.schemas.get(schema.as_str()).cloned()?;
        let of_types = matches!(base.on, Subject::Relation(_))
            && found.iter().any(|(_, _, code, _)| matches!(code, Code::Type(_)));
        Some(Obstacle {
            on: base.on.clone(),
            via: format!("{way}{}", base.via),
            what: (*code).clone(),
            others: found.len() - 1,
            is_met_by_reading: base.reads || of_types,
            owner: (*owner).to_owned(),
            is_schemas_owner: *owner == schemas_owner,
            prefix,
        })
    }

    /// The code that is reached from an object, and how far away it is.
    fn reached(&self, start: &str, of_concern: &dyn Fn(&str, &Code) -> bool) -> Vec<Reached<'_>> {
        let mut found = Vec::new();
        let mut known: HashSet<&str> = HashSet::new();
        let mut to_visit = VecDeque::from([(0, "", start)]);
        while let Some((steps, way, node)) = to_visit.pop_front() {
            if !known.insert(node) {
                continue;
            }
            if let Some((owner, code)) = self.code.get(node)
                && of_concern(owner, code)
            {
                found.push((steps, way, code, owner.as_str()));
            }
            for (words, next) in self.edges.get(node).into_iter().flatten() {
                to_visit.push_back((steps + 1, if words.is_empty() { way } else { words }, next));
            }
        }
        found
    }
}
