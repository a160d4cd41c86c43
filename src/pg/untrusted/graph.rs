//! The graph that `untrusted.sql` returns, and the paths in it: from what is attached to a table to code and
//! its owner.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::postgres::PgRow;

use crate::name::SchemaName;
use crate::obstacle::{Code, Obstacle, Subject};
use crate::pg::answers::column;
use crate::pg::error::PgError;

pub(super) const DOING: &str = "checking whose code statements would run";

/// An object of the catalog: `classid.objid`.
type Node = String;

#[derive(Debug, Default)]
pub(super) struct Graph {
    /// By schema: its owner, and what the names of its objects begin with.
    schemas: HashMap<String, (String, String)>,
    base: Vec<Base>,
    /// What each object needs; with a description of the path to it, if there is one.
    edges: HashMap<Node, Vec<(String, Node)>>,
    code: HashMap<Node, (String, Code)>,
    /// With owner and code.
    found: Vec<(Base, String, Code)>,
}

/// Code that is reached: a description of the path, the code, and its owner.
type Reached<'g> = (&'g str, &'g Code, &'g str);

/// Something that is attached to a table, or a table or type itself.
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
                    "function" => Subject::Function(subject),
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
                "chosen" => Code::Chosen { function: runs, within: text("within")? },
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

    /// All functions and types; what is reported for its own sake has no name.
    pub(super) fn into_code(self) -> BTreeSet<Code> {
        let found = self.found.into_iter().map(|(_, _, code)| code);
        let all = self.code.into_values().map(|(_, code)| code).chain(found);
        all.filter(|code| *code != Code::Itself).collect()
    }

    /// For each of `schemas`, what leads to code that is `of_concern`: one entry for each thing that is
    /// attached to a table, with the nearest code that it leads to. What is on tables outside of all schemas
    /// concerns each of them.
    pub(super) fn obstacles(
        &self,
        schemas: &[&SchemaName],
        of_concern: &dyn Fn(&str, &Code) -> bool,
    ) -> HashMap<SchemaName, Vec<Obstacle>> {
        let code = self.nearest(of_concern);
        let types =
            self.nearest(&|owner, code| matches!(code, Code::Type(_)) && of_concern(owner, code));
        let mut by_base: BTreeMap<&Base, Reached<'_>> = BTreeMap::new();
        for base in &self.base {
            if let Some(reached) = code.get(base.node.as_str()) {
                by_base.insert(base, *reached);
            }
        }
        for (base, owner, code) in &self.found {
            if of_concern(owner, code) {
                let reached = ("", code, owner.as_str());
                by_base
                    .entry(base)
                    .and_modify(|known| *known = reached.min(*known))
                    .or_insert(reached);
            }
        }
        let mut obstacles: HashMap<SchemaName, Vec<Obstacle>> = HashMap::new();
        for (base, reached) in by_base {
            let of_type =
                matches!(base.on, Subject::Relation(_)) && types.contains_key(base.node.as_str());
            for schema in schemas {
                if base.schema.is_empty() || base.schema == schema.as_str() {
                    let obstacle = self.obstacle(schema, base, reached, of_type);
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
        (way, code, owner): Reached<'_>,
        of_type: bool,
    ) -> Option<Obstacle> {
        let (schemas_owner, prefix) = self.schemas.get(schema.as_str()).cloned()?;
        Some(Obstacle {
            on: base.on.clone(),
            via: format!("{way}{}", base.via),
            what: code.clone(),
            is_met_by_reading: base.reads || of_type || matches!(base.on, Subject::Column { .. }),
            owner: owner.to_owned(),
            is_schemas_owner: owner == schemas_owner,
            prefix,
        })
    }

    /// For each object that leads to code that is `of_concern`, the nearest such code. Each object is visited
    /// once, starting from the code, however many paths there are.
    fn nearest(&self, of_concern: &dyn Fn(&str, &Code) -> bool) -> HashMap<&str, Reached<'_>> {
        let mut needed_by: HashMap<&str, Vec<(&str, &str)>> = HashMap::new();
        for (node, edges) in &self.edges {
            for (words, needed) in edges {
                needed_by.entry(needed).or_default().push((words, node));
            }
        }
        let code = self.code.iter().filter(|(_, (owner, code))| of_concern(owner, code));
        let mut nearest: HashMap<&str, Reached<'_>> =
            code.map(|(node, (owner, code))| (node.as_str(), ("", code, owner.as_str()))).collect();
        let mut latest = nearest.clone();
        while !latest.is_empty() {
            let mut next: HashMap<&str, Reached<'_>> = HashMap::new();
            for (node, (way, code, owner)) in latest {
                for (words, by) in needed_by.get(node).into_iter().flatten() {
                    if !nearest.contains_key(by) {
                        let reached = (if way.is_empty() { *words } else { way }, code, owner);
                        let known = next.entry(by).or_insert(reached);
                        *known = reached.min(*known);
                    }
                }
            }
            nearest.extend(next.iter().map(|(node, reached)| (*node, *reached)));
            latest = next;
        }
        nearest
    }
}
