//! Functions and procedures.

use std::path::Path;

use indexmap::IndexMap;

use crate::manifest::checking::{Checking, given};
use crate::manifest::fragment::Fragment;
use crate::manifest::model::{LISTS, RoutineBody, RoutineDecl, Setting};
use crate::manifest::raw::{self, Name, OneOrMany, Parallel, Scalar, Volatility};
use crate::manifest::source::Position;
use crate::name::{Ident, Text};

/// All of both kinds, in the order of the file.
pub(super) fn routines(
    checking: &mut Checking<'_>,
    functions: &IndexMap<Name, OneOrMany<raw::Function>>,
    procedures: &IndexMap<Name, OneOrMany<raw::Procedure>>,
    folder: &Path,
) -> Vec<RoutineDecl> {
    let mut routines = Vec::new();
    for (name, decl) in functions {
        for (place, raw) in each(name, decl) {
            let place = Place { name, span: place, section: "functions", folder };
            routines.extend(function(checking, &place, raw));
        }
    }
    for (name, decl) in procedures {
        for (place, raw) in each(name, decl) {
            let place = Place { name, span: place, section: "procedures", folder };
            routines.extend(procedure(checking, &place, raw));
        }
    }
    routines
}

/// Where a routine is declared.
struct Place<'r> {
    name: &'r Name,
    span: std::ops::Range<usize>,
    section: &'static str,
    folder: &'r Path,
}

pub(super) fn each<'r, T>(
    name: &Name,
    decl: &'r OneOrMany<T>,
) -> Vec<(std::ops::Range<usize>, &'r T)> {
    match decl {
        OneOrMany::One(one) => vec![(name.span.clone(), one)],
        OneOrMany::Many(many) => many.iter().map(|one| (one.span.clone(), &one.value)).collect(),
    }
}

/// What functions and procedures have in common.
struct Common<'r> {
    arguments: Option<&'r Name>,
    language: Option<&'r Name>,
    body: Option<&'r Name>,
    file: Option<&'r Name>,
    sql_body: Option<&'r Name>,
    library: Option<&'r Name>,
    transforms: &'r [Name],
    set: &'r IndexMap<Name, Scalar>,
    comment: Option<&'r Name>,
}

/// That part of one of the two, which have no type in common: serde does not refuse unknown keys of flattened ones.
macro_rules! common {
    ($raw:expr) => {
        Common {
            arguments: $raw.arguments.as_ref(),
            language: $raw.language.as_ref(),
            body: $raw.body.as_ref(),
            file: $raw.file.as_ref(),
            sql_body: $raw.sql_body.as_ref(),
            library: $raw.library.as_ref(),
            transforms: &$raw.transforms,
            set: &$raw.set,
            comment: $raw.comment.as_ref(),
        }
    };
}

fn function(
    checking: &mut Checking<'_>,
    place: &Place<'_>,
    raw: &raw::Function,
) -> Option<RoutineDecl> {
    let volatility = raw.volatility.and_then(|volatility| match volatility {
        Volatility::Immutable => Some("IMMUTABLE"),
        Volatility::Stable => Some("STABLE"),
        Volatility::Volatile => None,
    });
    let parallel = raw.parallel.and_then(|parallel| match parallel {
        Parallel::Safe => Some("PARALLEL SAFE"),
        Parallel::Restricted => Some("PARALLEL RESTRICTED"),
        Parallel::Unsafe => None,
    });
    let words = [
        raw.window.then_some("WINDOW"),
        volatility,
        raw.strict.then_some("STRICT"),
        raw.security_definer.then_some("SECURITY DEFINER"),
        raw.leakproof.then_some("LEAKPROOF"),
        parallel,
    ];
    let mut properties: Vec<String> = words.into_iter().flatten().map(str::to_owned).collect();
    properties.extend(raw.cost.map(|cost| format!("COST {cost}")));
    properties.extend(raw.rows.map(|rows| format!("ROWS {rows}")));
    let returns = given(raw.returns.as_ref(), |sql| checking.expression(sql));
    let support = given(raw.support.as_ref(), |sql| checking.expression(sql));
    let decl = routine(checking, place, &common!(raw));
    let (returns, support) = (returns.ok()?, support.ok()?);
    Some(RoutineDecl { is_procedure: false, returns, support, properties, ..decl? })
}

fn procedure(
    checking: &mut Checking<'_>,
    place: &Place<'_>,
    raw: &raw::Procedure,
) -> Option<RoutineDecl> {
    let decl = routine(checking, place, &common!(raw));
    let properties = raw.security_definer.then(|| "SECURITY DEFINER".to_owned());
    Some(RoutineDecl { properties: properties.into_iter().collect(), ..decl? })
}

/// A procedure without properties.
fn routine(
    checking: &mut Checking<'_>,
    place: &Place<'_>,
    raw: &Common<'_>,
) -> Option<RoutineDecl> {
    let arguments = raw.arguments.filter(|text| !text.value.trim().is_empty());
    let arguments = given(arguments, |sql| checking.fragment(sql, Fragment::list));
    let transforms: Vec<Option<Fragment>> =
        raw.transforms.iter().map(|name| checking.fragment(name, Fragment::type_name)).collect();
    let settings = settings(checking, raw.set);
    let comment = checking.optional_text(raw.comment);
    let language = given(raw.language, |name| {
        let name = checking.ident(name)?;
        Ident::new(name.as_str().to_lowercase()).ok()
    });
    let name = checking.ident(place.name);
    let body = body(checking, place, raw);
    let (body, body_position) = body?;
    Some(RoutineDecl {
        position: checking.position(&place.span),
        body_position,
        is_procedure: true,
        name: name?,
        arguments: arguments.ok()?,
        returns: None,
        language: language.ok()?,
        transforms: transforms.into_iter().collect::<Option<_>>()?,
        properties: Vec::new(),
        support: None,
        settings: settings?,
        body,
        comment,
    })
}

fn settings(
    checking: &mut Checking<'_>,
    raw: &IndexMap<Name, Scalar>,
) -> Option<Vec<(Ident, Setting)>> {
    let mut settings = Vec::new();
    let mut is_right = true;
    for (name, value) in raw {
        let setting = if LISTS.contains(&&*name.value.to_lowercase()) && !value.0.trim().is_empty()
        {
            let list = Fragment::list(&value.0).map_err(|error| error.to_string());
            list.map(Setting::List)
        } else {
            Text::new(value.0.clone()).map(Setting::Text).map_err(|error| error.to_string())
        };
        match (checking.ident(name), setting) {
            (Some(name), Ok(setting)) => settings.push((name, setting)),
            (_, setting) => {
                if let Err(message) = setting {
                    checking.note(&name.span, message);
                }
                is_right = false;
            }
        }
    }
    is_right.then_some(settings)
}

/// The body, and where it is.
fn body(
    checking: &mut Checking<'_>,
    place: &Place<'_>,
    raw: &Common<'_>,
) -> Option<(RoutineBody, Position)> {
    let bodies: Vec<&Name> = [raw.body, raw.file, raw.sql_body].into_iter().flatten().collect();
    if let [_, second, ..] = bodies.as_slice() {
        checking.note(&second.span, "give one of body, file and sql_body");
        return None;
    }
    if let Some(sql) = raw.sql_body {
        for (key, other) in [("language", raw.language), ("library", raw.library)] {
            if let Some(other) = other {
                let message = format!("{key} does not go with sql_body, whose language is SQL");
                checking.note(&other.span, message);
            }
        }
        let position = checking.position(&sql.span);
        return checking.text(sql).map(|text| (RoutineBody::Sql(text), position));
    }
    let (text, position) = match (raw.body, raw.file) {
        (Some(body), _) => (checking.text(body), checking.position(&body.span)),
        (None, Some(file)) => {
            let (text, position) = checking.file(place.folder, file, |text| Text::new(text))?;
            (Some(text), position)
        }
        (None, None) => {
            if !checking.damage.touches(&[place.section, &place.name.value]) {
                let message = "give its body, a file that contains it, or sql_body";
                checking.note(&place.span, message);
            }
            return None;
        }
    };
    if raw.language.is_none() && !checking.damage.touches(&[place.section, &place.name.value]) {
        checking.note(&place.span, "the key \"language\" is missing");
    }
    let library = given(raw.library, |library| checking.text(library));
    Some((RoutineBody::Text { text: text?, library: library.ok()? }, position))
}
