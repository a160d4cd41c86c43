//! Functions and procedures.

use std::path::Path;

use indexmap::IndexMap;

use crate::manifest::checking::{Checking, given};
use crate::manifest::fragment::Fragment;
use crate::manifest::model::{LISTS, RoutineBody, RoutineDecl, Setting};
use crate::manifest::raw::{self, Name, OneOrMany, Parallel, Scalar, Volatility};
use crate::manifest::source::{Position, Source};
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

fn each<'r, T>(name: &Name, decl: &'r OneOrMany<T>) -> Vec<(std::ops::Range<usize>, &'r T)> {
    match decl {
        OneOrMany::One(one) => vec![(name.span.clone(), one)],
        OneOrMany::Many(many) => many.iter().map(|one| (one.span.clone(), &one.value)).collect(),
    }
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
    let common = raw::Procedure {
        arguments: raw.arguments.clone(),
        language: raw.language.clone(),
        body: raw.body.clone(),
        file: raw.file.clone(),
        sql_body: raw.sql_body.clone(),
        library: raw.library.clone(),
        security_definer: false,
        transforms: raw.transforms.clone(),
        set: raw.set.iter().map(|(name, value)| (name.clone(), Scalar(value.0.clone()))).collect(),
        comment: raw.comment.clone(),
    };
    let decl = procedure(checking, place, &common);
    Some(RoutineDecl {
        is_procedure: false,
        returns: returns.ok()?,
        support: support.ok()?,
        properties,
        ..decl?
    })
}

fn procedure(
    checking: &mut Checking<'_>,
    place: &Place<'_>,
    raw: &raw::Procedure,
) -> Option<RoutineDecl> {
    let arguments = raw.arguments.as_ref().filter(|text| !text.value.trim().is_empty());
    let arguments = given(arguments, |sql| checking.fragment(sql, Fragment::list));
    let transforms: Vec<Option<Fragment>> =
        raw.transforms.iter().map(|name| checking.fragment(name, Fragment::type_name)).collect();
    let settings = settings(checking, &raw.set);
    let comment = checking.optional_text(raw.comment.as_ref());
    let language = given(raw.language.as_ref(), |name| {
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
        properties: raw
            .security_definer
            .then(|| "SECURITY DEFINER".to_owned())
            .into_iter()
            .collect(),
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
    raw: &raw::Procedure,
) -> Option<(RoutineBody, Position)> {
    let bodies: Vec<&Name> = [&raw.body, &raw.file, &raw.sql_body].into_iter().flatten().collect();
    if let [_, second, ..] = bodies.as_slice() {
        checking.note(&second.span, "give one of body, file and sql_body");
        return None;
    }
    if let Some(sql) = &raw.sql_body {
        for (key, other) in [("language", &raw.language), ("library", &raw.library)] {
            if let Some(other) = other {
                let message = format!("{key} does not go with sql_body, whose language is SQL");
                checking.note(&other.span, message);
            }
        }
        let position = checking.position(&sql.span);
        return checking.text(sql).map(|text| (RoutineBody::Sql(text), position));
    }
    let (text, position) = match (&raw.body, &raw.file) {
        (Some(body), _) => (checking.text(body), checking.position(&body.span)),
        (None, Some(file)) => {
            let read = Source::below(place.folder, &file.value).and_then(|source| {
                let text = Text::new(source.text.clone());
                let text = text.map_err(|error| format!("{}: {error}", source.name))?;
                Ok((text, source.position(0)))
            });
            match read {
                Ok((text, position)) => (Some(text), position),
                Err(message) => {
                    checking.note(&file.span, message);
                    return None;
                }
            }
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
    let library = given(raw.library.as_ref(), |library| checking.text(library));
    Some((RoutineBody::Text { text: text?, library: library.ok()? }, position))
}
