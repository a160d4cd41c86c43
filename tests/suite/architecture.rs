//! Imports point down: of two files, only one may need the other, be it by way of others. The same
//! holds for the top-level modules.
//!
//! A module is a file. An import leads to the file that defines what is named, however it is named:
//! re-exports are followed. So a child may name a sibling's item through its parent, and needs
//! the sibling by that; and a parent that declares and re-exports its children needs none of them.
//! What a parent defines itself, its children may use only if its own code uses nothing of theirs.
//! Methods belong to the top-level module of their type, so that calling one needs no import that
//! cannot be seen here. Code for tests may look upwards.

mod imports;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use imports::{Imports, Modules, way_back};

/// The binary's own files.
const BINARY: [&str; 3] = ["main", "no_traces", "traces"];

#[test]
fn no_files_need_each_other() {
    let imports = modules().imports();
    assert!(imports.len() > 150, "these are not all files: {imports:?}");
    assert!(imports["server::work"].contains("reconcile::apply"), "{imports:?}");
    assert_eq!(circle(&imports), None, "these files need each other");
}

#[test]
fn no_modules_need_each_other() {
    let top = |path: &str| path.split("::").next().unwrap_or_default().to_owned();
    let mut imports = Imports::new();
    for (file, named) in modules().imports() {
        let others = named.iter().map(|named| top(named)).filter(|named| *named != top(&file));
        imports.entry(top(&file)).or_default().extend(others);
    }
    assert!(imports.len() > 15, "these are not all modules: {imports:?}");
    assert_eq!(circle(&imports), None, "these modules need each other");
}

#[test]
fn methods_belong_to_the_module_of_their_type() {
    assert_eq!(modules().methods_of_others(), [""; 0]);
}

#[test]
fn definitions_are_found_however_they_are_named() {
    let of = |sources: &[(&str, &str)]| -> Vec<String> {
        let imports = Modules::new(sources.iter().copied()).imports();
        let pairs = imports.iter().flat_map(|(file, named)| {
            named.iter().map(move |named| format!("{file} > {named}")).collect::<Vec<_>>()
        });
        pairs.collect()
    };
    // A parent that declares and re-exports needs nothing; a sibling is needed through it.
    let parent = ("p", "mod a; mod b; pub use a::A; pub use b::B;");
    assert_eq!(
        of(&[parent, ("p::a", "pub struct A;"), ("p::b", "struct B(super::A);")]),
        ["p::b > p::a"]
    );
    // What it uses itself, it needs.
    let parent = ("p", "mod a; pub use a::A; pub struct P(A);");
    assert_eq!(of(&[parent, ("p::a", "struct A; fn f(p: super::P) {}")]), ["p > p::a", "p::a > p"]);
    // Globs, other names, lists, modules as names, other crates.
    let sources = [
        ("a", "mod b; pub use b::*;"),
        ("a::b", "pub struct B; pub fn f() {}"),
        ("c", "use crate::{a::{self, B as C}, e}; fn c(_: C) { a::f(); x::E; e::E; }"),
        ("d", "use crate::a; fn d() { a::f(); }"),
        ("e", "use x::{a, b}; pub enum E {}"),
    ];
    assert_eq!(of(&sources), ["c > a::b", "c > e", "d > a::b"]);
    // Names in macros count; comments, text and tests do not.
    let sources = [
        ("a", "fn a() { warn!(x = crate::b::f()); }"),
        ("b", "pub fn f() {} // crate::a::a\n#[cfg(test)] mod tests { use crate::a::a; }"),
        ("c", "#[cfg(test)] mod tests; const C: &str = \"crate::a::a\";"),
        ("c::tests", "use crate::a::a;"),
    ];
    assert_eq!(of(&sources), ["a > b"]);
    let sources = [("a", "pub struct A<T>(T);"), ("b", "impl<T> crate::a::A<T> { fn f() {} }")];
    assert_eq!(Modules::new(sources).methods_of_others(), ["b: crate::a::A"]);
}

#[test]
fn a_circle_is_found() {
    let of = |pairs: &[(&str, &str)]| {
        let mut imports = Imports::new();
        for (from, to) in pairs {
            imports.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        circle(&imports).map(|circle| circle.join(" "))
    };
    assert_eq!(of(&[("a", "b"), ("b", "c"), ("a", "c")]), None);
    assert_eq!(of(&[("a", "b"), ("b", "c"), ("c", "b")]).as_deref(), Some("b c b"));
}

fn circle(imports: &Imports) -> Option<Vec<String>> {
    imports.keys().find_map(|module| way_back(imports, module))
}

/// All files of the library.
fn modules() -> Modules {
    let src = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let sources = files(src).into_iter().map(|file| {
        let path = file.strip_prefix(src).expect("below src").with_extension("");
        let path: Vec<_> = path.iter().map(|name| name.to_string_lossy()).collect();
        let path = if path == ["lib"] { String::new() } else { path.join("::") };
        (path, fs::read_to_string(&file).expect("a source file"))
    });
    let sources: BTreeSet<(String, String)> =
        sources.filter(|(path, _)| !BINARY.contains(&path.as_str())).collect();
    Modules::new(sources.iter().map(|(path, text)| (path.as_str(), text.as_str())))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let found = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    found.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}
