//! Which file of `src` imports from which.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Module, Path, module};

/// What each module imports of the others, by the paths of the modules.
pub(super) type Imports = BTreeMap<String, BTreeSet<String>>;

/// The modules of a crate.
pub(super) struct Modules(BTreeMap<Path, Module>);

impl Modules {
    /// From the text of each file, by the path of its module, such as `fleet::plan`; that of the
    /// root is empty.
    pub(super) fn new<'s>(sources: impl IntoIterator<Item = (&'s str, &'s str)>) -> Self {
        let segments = |path: &str| -> Path {
            path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect()
        };
        let sources = sources.into_iter();
        let mut modules: BTreeMap<Path, Module> =
            sources.map(|(path, text)| (segments(path), module(text))).collect();
        let tests: Vec<Path> = modules
            .iter()
            .flat_map(|(path, module)| module.tests.iter().map(|name| joined(path, name)))
            .collect();
        modules.retain(|path, _| !tests.iter().any(|tests| path.starts_with(tests)));
        Self(modules)
    }

    /// Imports between all files.
    pub(super) fn imports(&self) -> Imports {
        let imports = self.0.iter().map(|(path, module)| {
            let is_used = |alias: &String| module.names.contains(alias);
            let used = module.uses.iter().filter(|it| !it.is_public || is_used(&it.alias));
            let named = used.map(|it| &it.path).chain(&module.paths);
            let found = named.filter_map(|named| self.definition(path, named));
            let found = found.filter(|found| found != path).map(|found| found.join("::"));
            (path.join("::"), found.collect())
        });
        imports.collect()
    }

    /// Methods of types that another top-level module defines: the file, and the type.
    pub(super) fn methods_of_others(&self) -> Vec<String> {
        let all = self.0.iter().flat_map(|(path, module)| {
            module.inherent.iter().filter_map(move |named| {
                let home = self.definition(path, named)?;
                (home.first() != path.first())
                    .then(|| format!("{}: {}", path.join("::"), named.join("::")))
            })
        });
        all.collect()
    }

    /// The module that defines what `named` means in `module`; `None` if that is no item of this
    /// crate.
    fn definition(&self, module: &[String], named: &[String]) -> Option<Path> {
        let (mut at, rest) = match named {
            [first, rest @ ..] if first == "crate" => (Vec::new(), rest),
            [first, rest @ ..] if first == "self" => (module.to_vec(), rest),
            [first, rest @ ..] if first == "super" => (module.split_last()?.1.to_vec(), rest),
            _ => (module.to_vec(), named),
        };
        for (n, name) in rest.iter().enumerate() {
            if name == "super" {
                at.pop();
                continue;
            }
            let below = joined(&at, name);
            if !self.0.contains_key(&below) {
                return self.item(&at, name, &rest[n + 1..]);
            }
            at = below;
        }
        None
    }

    /// The module that defines an item of `module`, or one that it imports.
    fn item(&self, module: &[String], name: &str, rest: &[String]) -> Option<Path> {
        let content = self.0.get(module)?;
        if content.items.contains(name) {
            return Some(module.to_vec());
        }
        if let Some(import) = content.uses.iter().find(|it| it.alias == name) {
            let path: Path = import.path.iter().chain(rest).cloned().collect();
            return self.is_ours(module, &path).then(|| self.definition(module, &path)).flatten();
        }
        content.uses.iter().filter(|it| it.alias == "*").find_map(|it| {
            let path = joined(&it.path, name);
            self.is_ours(module, &path).then(|| self.definition(module, &path)).flatten()
        })
    }

    /// Whether the path of a `use` in `module` leads into this crate.
    fn is_ours(&self, module: &[String], path: &[String]) -> bool {
        path.first().is_some_and(|first| {
            matches!(first.as_str(), "crate" | "self" | "super")
                || self.0.contains_key(&joined(module, first))
        })
    }
}

fn joined(path: &[String], name: &str) -> Path {
    path.iter().cloned().chain([name.to_owned()]).collect()
}

/// The shortest way from a module back to itself.
pub(super) fn way_back(imports: &Imports, start: &str) -> Option<Vec<String>> {
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
