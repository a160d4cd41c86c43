//! The modules of `src` import each other in one direction only: no two need each other, not even by way of
//! others. Tests within the modules may look upwards.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_modules_need_each_other() {
    let imports = imports(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    assert!(imports.len() > 15, "these are not all modules: {imports:?}");
    assert!(imports["server"].contains("reconcile"), "imports are not found: {imports:?}");
    let circle = imports.keys().find_map(|module| way_back(&imports, module));
    assert_eq!(circle, None, "these modules need each other");
}

#[test]
fn a_circle_is_found() {
    let of = |pairs: &[(&str, &str)]| {
        let mut imports = Imports::new();
        for (from, to) in pairs {
            imports.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        let circle = imports.keys().find_map(|module| way_back(&imports, module));
        circle.map(|circle| circle.join(" "))
    };
    assert_eq!(of(&[("a", "b"), ("b", "c"), ("a", "c")]), None);
    assert_eq!(of(&[("a", "b"), ("b", "c"), ("c", "b")]).as_deref(), Some("b c b"));
    assert_eq!(named_after_crate("use crate::{a, b};\nlet x = crate::c::d();"), ["a", "b", "c"]);
}

/// What each module of the crate imports of the others, the binary and the root apart.
fn imports(src: &Path) -> Imports {
    let mut imports = Imports::new();
    for file in files(src) {
        let path = file.strip_prefix(src).expect("below src").with_extension("");
        let module = path.iter().next().expect("a name").to_string_lossy().into_owned();
        if module == "main" || module == "lib" {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let named = named_after_crate(code).into_iter().filter(|name| *name != module);
        imports.entry(module.clone()).or_default().extend(named);
    }
    let modules: BTreeSet<String> = imports.keys().cloned().collect();
    for named in imports.values_mut() {
        named.retain(|name| modules.contains(name));
    }
    imports
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let found = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    found.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The names that follow `crate::`, lists of them too.
fn named_after_crate(code: &str) -> Vec<String> {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: String = lines.map(|line| format!("{line}\n")).collect();
    let first = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let after = code.split("crate::").skip(1);
    let named = after.flat_map(|rest| match rest.strip_prefix('{') {
        Some(list) => list.split('}').next().unwrap_or_default().split(',').map(first).collect(),
        None => vec![first(rest)],
    });
    named.filter(|name| !name.is_empty()).collect()
}

/// The shortest way from a module back to itself.
fn way_back(imports: &Imports, start: &str) -> Option<Vec<String>> {
    let mut known = BTreeSet::new();
    let mut ways = vec![vec![start.to_owned()]];
    while !ways.is_empty() {
        let mut next = Vec::new();
        for way in ways {
            for name in way.last().and_then(|last| imports.get(last)).into_iter().flatten() {
                let longer = [way.as_slice(), std::slice::from_ref(name)].concat();
                if name == start {
                    return Some(longer);
                }
                if known.insert(name.clone()) {
                    next.push(longer);
                }
            }
        }
        ways = next;
    }
    None
}
