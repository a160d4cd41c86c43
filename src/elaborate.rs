//! The desired state in the server's own words: the manifest is created in a scratch schema, read
//! there by the code that reads tenants, and rolled back. Equal objects are thus spelled equally,
//! however they were written.
//!
//! It is read twice: once as tenants are, to be compared with them, and once with all names qualified, from
//! which the statements for tenants are composed.

mod aggregate;
mod any_order;
mod constraint;
mod culprit;
mod declare;
mod error;
mod extensions;
mod external;
mod faithful;
mod old_names;
mod policy;
mod positions;
mod renames;
mod routine;
mod rule;
mod statement;
mod statistics;
mod table;
mod trigger;
mod user_type;
mod values;
mod view;
mod words;

use std::collections::{BTreeMap, BTreeSet};

pub use error::ElaborateError;
pub use old_names::with_old_names;

use crate::catalog::{Catalog, Desired, Kind, Object, Template};
use crate::explain::Explain as _;
use crate::grants::{self, Grant, NotGrantable};
use crate::kinds::{self, Reading};
use crate::manifest::{
    ConstraintDecl, ConstraintDef, IndexDecl, Manifest, Privilege, RenameDecl, UserTypeDef,
};
use crate::name::SchemaName;
use crate::obstacle::{Code, Obstacle};
use crate::pg::{IntrospectError, Limits, PgError, Scratch, ServerInfo, Session};
use crate::rows::Values;
use culprit::Culprit;
use statement::Statement;

/// The result of elaborating a manifest on a server.
#[derive(Debug)]
pub struct Elaborated {
    pub desired: Desired,
    /// Functions and types outside of the schema that the declared objects run.
    pub used: BTreeSet<Code>,
    /// Names in double quotes in bodies of functions, and the first of these.
    pub quoted: BTreeMap<String, Object>,
    /// Tables whose row-level security binds the role itself.
    pub bound: Vec<Obstacle>,
    /// The declared privileges.
    pub grants: Vec<Grant>,
    /// What the server makes of the values of baseline rows.
    pub values: Values,
    /// The desired objects that had other names before, wholes before their parts; of functions, each that has the name.
    pub renames: Vec<RenameDecl>,
}

/// Elaborates `manifest`. Nothing outside the scratch schema is locked, and nothing remains.
///
/// # Errors
/// When the server refuses a declaration, or the role may not create a schema.
pub async fn elaborate(
    session: &mut Session,
    manifest: &Manifest,
    limits: Limits,
) -> Result<Elaborated, ElaborateError> {
    check_version(manifest, &session.server)?;
    let result = elaborate_in(session, manifest, limits).await;
    let rolled_back = session.rollback().await;
    let Raw { catalog, casts, volatile, used, bound, values } = result?;
    rolled_back.map_err(ElaborateError::Server)?;
    faithful::check(manifest, &catalog)?;
    let unnamed = unnamed(manifest, &catalog);
    let quoted = kinds::quoted_in_bodies(&catalog);
    let grants = grants::declared(manifest, &catalog)
        .map_err(|NotGrantable { at, reason }| ElaborateError::Grant { at, reason })?;
    let renames = renames::declared(manifest, &catalog)?;
    let desired = Desired { catalog, unnamed, casts, volatile };
    Ok(Elaborated { desired, used, quoted, bound, grants, values, renames })
}

/// The objects that the manifest leaves unnamed.
fn unnamed(manifest: &Manifest, catalog: &Catalog) -> BTreeSet<Object> {
    let of_domains = manifest.types.iter().flat_map(|decl| {
        let constraints: &[ConstraintDecl] = match &decl.definition {
            UserTypeDef::Domain(domain) => &domain.constraints,
            _ => &[],
        };
        let unnamed = constraints.iter().filter(|constraint| !constraint.name.explicit);
        unnamed
            .map(|c| Object::part(Kind::Domain, &decl.name, Kind::DomainConstraint, &c.name.ident))
    });
    let of_tables = manifest.tables.iter().flat_map(|table| {
        let constraints = table.constraints.iter().map(|decl| (Kind::Constraint, &decl.name));
        let indexes = table.indexes.iter().map(|decl| (Kind::Index, &decl.name));
        let unnamed = constraints.chain(indexes).filter(|(_, name)| !name.explicit);
        unnamed.map(|(kind, name)| Object::on_table(kind, &table.name, &name.ident))
    });
    let of_views = manifest.materialized_views.iter().flat_map(|view| {
        let unnamed = view.indexes.iter().filter(|index| !index.name.explicit);
        unnamed.map(|index| {
            Object::part(Kind::MaterializedView, &view.name, Kind::Index, &index.name.ident)
        })
    });
    // Those from which the default of their column draws, as `serial` creates them.
    let sequences = catalog.of_kind(Kind::Sequence);
    let owned = sequences.filter(|fact| {
        let is_declared = manifest.sequences.iter().any(|s| fact.object.name() == Some(&s.name));
        !is_declared && kinds::feeds_its_column(catalog, fact)
    });
    of_tables
        .chain(of_domains)
        .chain(of_views)
        .chain(owned.map(|fact| fact.object.clone()))
        .collect()
}

/// What older servers would report as a syntax error, or only when a tenant is created.
fn check_version(manifest: &Manifest, server: &ServerInfo) -> Result<(), ElaborateError> {
    let needs_17 = |privileges: &Option<Vec<Privilege>>| {
        privileges.as_ref().is_some_and(|all| all.contains(&Privilege::Maintain))
    };
    let of_grants = manifest.grants.iter().map(|decl| (&decl.position, &decl.privileges));
    let of_later = manifest.default_privileges.iter();
    let of_later = of_later.map(|decl| (&decl.position, &decl.privileges));
    let mut all = of_grants.chain(of_later).filter(|(_, privileges)| needs_17(privileges));
    if server.version_number < 170_000
        && let Some((at, _)) = all.next()
    {
        let version = &server.version;
        let reason =
            format!("the privilege maintain came with PostgreSQL 17; this server is {version}");
        return Err(ElaborateError::Grant { at: at.clone(), reason });
    }
    if server.version_number >= 150_000 {
        return Ok(());
    }
    for table in &manifest.tables {
        let of_constraint = |decl: &ConstraintDecl| match &decl.definition {
            ConstraintDef::Unique(key) if !key.nulls_distinct => Some("NULLS NOT DISTINCT"),
            ConstraintDef::ForeignKey(key) if !key.on_delete_columns.is_empty() => {
                Some("ON DELETE with a list of columns")
            }
            _ => None,
        };
        let of_index = |decl: &IndexDecl| (!decl.nulls_distinct).then_some("NULLS NOT DISTINCT");
        let constraints = table.constraints.iter();
        let constraints = constraints.map(|c| (&c.position, &c.name, of_constraint(c)));
        let indexes = table.indexes.iter().map(|i| (&i.position, &i.name, of_index(i)));
        let mut all = constraints.chain(indexes);
        if let Some((at, name, feature)) = all.find_map(|(at, name, f)| Some((at, name, f?))) {
            return Err(ElaborateError::TooOld {
                at: at.clone(),
                table: table.name.clone(),
                object: name.ident.clone(),
                feature,
                since: 15,
                version: server.version.clone(),
            });
        }
    }
    Ok(())
}

/// What is read of the server.
struct Raw {
    catalog: Catalog,
    casts: BTreeSet<(String, String)>,
    volatile: BTreeSet<Object>,
    used: BTreeSet<Code>,
    bound: Vec<Obstacle>,
    values: Values,
}

async fn elaborate_in(
    session: &mut Session,
    manifest: &Manifest,
    limits: Limits,
) -> Result<Raw, ElaborateError> {
    let mut scratch = Scratch::begin(session, limits).await.map_err(not_begun)?;
    create_declared(&mut scratch, manifest).await?;
    let mut catalog = read_scratch(&mut scratch).await.map_err(ElaborateError::Server)?;
    check_names(manifest, &catalog, &scratch.schema)?;
    view::populate(manifest, &mut catalog)?;
    if let Some(schema) = &manifest.sql.schema
        && let Some(object) =
            scratch.uses(schema, &manifest.sql.names()).await.map_err(ElaborateError::Server)?
    {
        return Err(ElaborateError::Stray { schema: schema.clone(), object });
    }
    external::add(&mut scratch, manifest, &mut catalog).await.map_err(ElaborateError::Server)?;
    let used = scratch.used().await.map_err(ElaborateError::Server)?;
    let bound = scratch.bound().await.map_err(ElaborateError::Server)?;
    let casts = scratch.casts().await.map_err(ElaborateError::Server)?;
    let volatile = scratch.volatile_defaults().await.map_err(ElaborateError::Server)?;
    let values = values::stored(&mut scratch, manifest).await?;
    Ok(Raw { catalog, casts, volatile, used, bound, values })
}

/// Creates all that the manifest declares.
async fn create_declared(
    scratch: &mut Scratch<'_>,
    manifest: &Manifest,
) -> Result<(), ElaborateError> {
    extensions::check(scratch, manifest).await?;
    let enums = manifest.enums.iter().map(|decl| (&decl.position, &decl.name));
    let types = manifest.types.iter().map(|decl| (&decl.position, &decl.name));
    for (at, name) in enums.chain(types).chain(manifest.sql.types()) {
        if scratch.server_types.contains(name.as_str()) {
            return Err(ElaborateError::Hidden { at: at.clone(), name: name.clone() });
        }
    }
    let mut done = Vec::new();
    create_all(scratch, &mut done, declare::types(manifest)).await?;
    let first =
        declare::types_and_routines(manifest).into_iter().chain(declare::sql(manifest)).collect();
    let (created, left) = any_order::attempt_all(scratch, first).await?;
    done.extend(created);
    if let Err(error) = create_all(scratch, &mut done, declare::tables(manifest)).await {
        return Err(any_order::cause(left, error, &scratch.schema));
    }
    let mut left: Vec<Statement<'_>> = left.into_iter().map(|(statement, _)| statement).collect();
    if manifest.sql.is_empty() {
        create_all(scratch, &mut done, declare::keys(manifest)).await?;
    } else {
        // What they point to may be among what is left.
        left.extend(declare::keys(manifest));
    }
    left.extend(declare::views(manifest));
    let (comments, left): (Vec<_>, Vec<_>) = left.into_iter().partition(is_comment_in_sql);
    any_order::create(scratch, left).await?;
    any_order::create(scratch, declare::view_indexes(manifest)).await?;
    create_all(scratch, &mut done, declare::owned_sequences(manifest)).await?;
    create_all(scratch, &mut done, declare::chosen_indexes(manifest)).await?;
    create_all(scratch, &mut done, declare::backfills(manifest)).await?;
    create_all(scratch, &mut done, declare::triggers(manifest)).await?;
    create_all(scratch, &mut done, declare::rules(manifest)).await?;
    create_all(scratch, &mut done, declare::policies(manifest)).await?;
    any_order::check_bodies(scratch, &declare::bodies(manifest)).await?;
    // What they point to is locked from here on.
    let last = declare::external_keys(manifest).into_iter().chain(comments).collect();
    any_order::create(scratch, last).await?;
    for statement in declare::comments(manifest) {
        let sql = statement.sql(&scratch.schema);
        if let Err(source) = scratch.run(&sql).await {
            // Which columns a view has, only the server knows.
            let at = match &statement {
                Statement::Comment { on, .. } => positions::position(manifest, on),
                _ => None,
            };
            return Err(ElaborateError::Refused { at, object: statement.what(), source });
        }
    }
    scratch.reset_settings().await.map_err(ElaborateError::Server)
}

/// A comment may be on a key that is created last.
fn is_comment_in_sql(statement: &Statement<'_>) -> bool {
    matches!(statement, Statement::Sql(statement) if statement.is_comment())
}

/// Runs `statements`, which are in an order in which they can be run, after those that are `done`.
///
/// # Errors
/// What the server refuses, as closely as it can be found out.
async fn create_all<'m>(
    scratch: &mut Scratch<'_>,
    done: &mut Vec<Statement<'m>>,
    statements: Vec<Statement<'m>>,
) -> Result<(), ElaborateError> {
    for statement in statements {
        if let Err(source) = any_order::run(scratch, &statement).await {
            if let Statement::Schema = statement {
                return Err(not_created(source));
            }
            let Culprit { position, object, source } =
                culprit::find(scratch, done, &statement, source).await;
            return Err(ElaborateError::Refused { at: position, object, source });
        }
        done.push(statement);
    }
    Ok(())
}

/// Reads what was created in a scratch schema: in the form that is compared, and in the form for statements.
///
/// # Errors
/// When it cannot be read.
pub async fn read_scratch(scratch: &mut Scratch<'_>) -> Result<Catalog, PgError> {
    let mut catalog = scratch.read(Reading::Comparing).await?;
    let rendered = scratch.read(Reading::Rendering).await?;
    complete(&mut catalog, &rendered, &scratch.schema);
    Ok(catalog)
}

/// Adds the form for statements to the one that is compared.
fn complete(catalog: &mut Catalog, rendered: &Catalog, scratch: &SchemaName) {
    for fact in rendered.facts() {
        let Some(known) = catalog.get_mut(&fact.object) else { continue };
        for (key, value) in &mut known.attributes {
            let sql = fact.text(key).unwrap_or_default();
            if value.text != sql {
                value.sql = Some(Template::of(sql, scratch));
            }
        }
    }
}

/// On a standby, no transaction that may write can begin.
fn not_begun(error: IntrospectError) -> ElaborateError {
    match error {
        IntrospectError::Pg(error) if error.sqlstate() == Some("0A000") => {
            ElaborateError::ReadOnly(error)
        }
        IntrospectError::Pg(error) => not_created(error),
        error => error.into(),
    }
}

fn not_created(error: PgError) -> ElaborateError {
    match error.sqlstate() {
        Some("25006") => ElaborateError::ReadOnly(error),
        _ => ElaborateError::Server(error),
    }
}

/// Names in the catalog do not depend on the schema: the server prints those of the schema's own objects
/// without it. Where the schema's name is left, it is part of a value.
fn check_names(
    manifest: &Manifest,
    catalog: &Catalog,
    scratch: &SchemaName,
) -> Result<(), ElaborateError> {
    for fact in catalog.facts() {
        if fact.attributes.values().any(|value| value.text.contains(scratch.as_str())) {
            let at = positions::position(manifest, &fact.object);
            // A default is a part of its column's declaration.
            let object = match fact.object.kind() {
                Kind::Default => fact.object.parent().unwrap_or_else(|| fact.object.clone()),
                _ => fact.object.clone(),
            };
            return Err(ElaborateError::NameAsText { at, object: object.to_string() });
        }
    }
    Ok(())
}
