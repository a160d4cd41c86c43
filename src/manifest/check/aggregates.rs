//! Aggregates.

use indexmap::IndexMap;

use super::routines::each;
use crate::manifest::checking::{Checking, given};
use crate::manifest::fragment::{self, Fragment};
use crate::manifest::model::{AggregateDecl, Parameter};
use crate::manifest::raw::{self, Modify, Name, OneOrMany, Parallel};

/// All of them, in the order of the file.
pub(super) fn aggregates(
    checking: &mut Checking<'_>,
    raw: &IndexMap<Name, OneOrMany<raw::Aggregate>>,
) -> Vec<AggregateDecl> {
    let mut aggregates = Vec::new();
    for (name, decl) in raw {
        for (span, raw) in each(name, decl) {
            let position = checking.position(&span);
            let arguments = raw.arguments.as_ref();
            let arguments = arguments.filter(|text| !["", "*"].contains(&text.value.trim()));
            let arguments = given(arguments, |sql| checking.fragment(sql, Fragment::list));
            check_final_functions(checking, name, raw);
            let parameters = parameters(checking, raw);
            let comment = checking.optional_text(raw.comment.as_ref());
            let name = checking.ident(name);
            if let (Ok(arguments), Some(name)) = (arguments, name) {
                aggregates.push(AggregateDecl { position, name, arguments, parameters, comment });
            }
        }
    }
    aggregates
}

/// What says how a final function is called says nothing without one, and no dump would show it.
fn check_final_functions(checking: &mut Checking<'_>, name: &Name, raw: &raw::Aggregate) {
    let (of, of_moving) = (raw.finalfunc.is_some(), raw.mfinalfunc.is_some());
    for (key, is_given, function, has_function) in [
        ("finalfunc_extra", raw.finalfunc_extra, "finalfunc", of),
        ("finalfunc_modify", raw.finalfunc_modify.is_some(), "finalfunc", of),
        ("mfinalfunc_extra", raw.mfinalfunc_extra, "mfinalfunc", of_moving),
        ("mfinalfunc_modify", raw.mfinalfunc_modify.is_some(), "mfinalfunc", of_moving),
    ] {
        if is_given && !has_function {
            checking.note(&name.span, format!("{key} is given without {function}"));
        }
    }
}

fn parameters(checking: &mut Checking<'_>, raw: &raw::Aggregate) -> Vec<(&'static str, Parameter)> {
    let mut all: Vec<(&'static str, Parameter)> = Vec::new();
    let names = [
        ("SFUNC", Some(&raw.sfunc)),
        ("FINALFUNC", raw.finalfunc.as_ref()),
        ("COMBINEFUNC", raw.combinefunc.as_ref()),
        ("SERIALFUNC", raw.serialfunc.as_ref()),
        ("DESERIALFUNC", raw.deserialfunc.as_ref()),
        ("MSFUNC", raw.msfunc.as_ref()),
        ("MINVFUNC", raw.minvfunc.as_ref()),
        ("MFINALFUNC", raw.mfinalfunc.as_ref()),
    ];
    for (word, name) in names {
        let name = name.and_then(|name| checking.expression(name));
        all.extend(name.map(|name| (word, Parameter::Name(name))));
    }
    for (word, name) in [("STYPE", Some(&raw.stype)), ("MSTYPE", raw.mstype.as_ref())] {
        let name = name.and_then(|name| checking.fragment(name, Fragment::type_name));
        all.extend(name.map(|name| (word, Parameter::Name(name))));
    }
    for (word, text) in [("INITCOND", &raw.initcond), ("MINITCOND", &raw.minitcond)] {
        let text = text.as_ref().and_then(|text| checking.text(text));
        all.extend(text.map(|text| (word, Parameter::Text(text))));
    }
    let word = |word: &str| Parameter::Word(word.to_owned());
    for (name, size) in [("SSPACE", raw.sspace), ("MSSPACE", raw.msspace)] {
        all.extend(size.map(|size| (name, word(&size.to_string()))));
    }
    let modify =
        [("FINALFUNC_MODIFY", raw.finalfunc_modify), ("MFINALFUNC_MODIFY", raw.mfinalfunc_modify)];
    for (name, modify) in modify {
        let modify = modify.map(|modify| match modify {
            Modify::ReadOnly => "READ_ONLY",
            Modify::Shareable => "SHAREABLE",
            Modify::ReadWrite => "READ_WRITE",
        });
        all.extend(modify.map(|modify| (name, word(modify))));
    }
    if let Some(symbol) = &raw.sortop {
        if fragment::is_operator(&symbol.value) {
            all.push(("SORTOP", word(&symbol.value)));
        } else {
            checking.note(&symbol.span, format!("{:?} is not an operator", symbol.value));
        }
    }
    let parallel = raw.parallel.map(|parallel| match parallel {
        Parallel::Safe => "SAFE",
        Parallel::Restricted => "RESTRICTED",
        Parallel::Unsafe => "UNSAFE",
    });
    all.extend(parallel.map(|parallel| ("PARALLEL", word(parallel))));
    let flags = [
        ("FINALFUNC_EXTRA", raw.finalfunc_extra),
        ("MFINALFUNC_EXTRA", raw.mfinalfunc_extra),
        ("HYPOTHETICAL", raw.hypothetical),
    ];
    let flags = flags.into_iter().filter(|(_, is_given)| *is_given);
    all.extend(flags.map(|(name, _)| (name, Parameter::Given)));
    all
}
