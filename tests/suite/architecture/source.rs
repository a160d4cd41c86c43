//! What one file of `src` defines and names, by its tokens. Code for tests is left out.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The segments of a path.
pub(super) type Path = Vec<String>;

/// One file.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// The names of the items that it defines.
    pub(super) items: BTreeSet<String>,
    pub(super) uses: Vec<Use>,
    /// Paths of two segments or more that stand outside of `use`.
    pub(super) paths: Vec<Path>,
    /// All first segments of paths that stand outside of `use`.
    pub(super) names: BTreeSet<String>,
    /// The types to which it adds methods, traits apart.
    pub(super) inherent: Vec<Path>,
    /// Its children that are compiled for tests only.
    pub(super) tests: Vec<String>,
}

/// One name that a `use` brings into a module.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) is_public: bool,
    pub(super) path: Path,
    /// `*`: all names.
    pub(super) alias: String,
}

const ITEMS: [&str; 8] = ["struct", "enum", "union", "trait", "type", "fn", "const", "static"];

pub(super) fn module(text: &str) -> Module {
    let tokens: TokenStream = text.parse().expect("Rust");
    let mut module = Module::default();
    read(tokens, true, &mut module);
    module
}

/// Reads the tokens of a file, or of a group within it.
fn read(tokens: TokenStream, is_top: bool, module: &mut Module) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut is_public = false;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let rest = &tokens[at..];
        let is_next_public = match token {
            TokenTree::Ident(ident) => ident == "pub",
            TokenTree::Group(_) => is_public && is_visibility(&tokens[..at], token),
            _ => false,
        };
        at += match token {
            TokenTree::Punct(_) if is_for_tests(rest) => skip_tests(rest, module),
            TokenTree::Group(_) if is_visibility(&tokens[..at], token) => 1,
            TokenTree::Group(group) => {
                read(group.stream(), false, module);
                1
            }
            TokenTree::Ident(ident) if ident == "mod" => 2,
            TokenTree::Ident(ident) if ident == "use" && !starts_with(&rest[1..], '<') => {
                let end = rest.iter().position(|token| is_punct(token, ';'));
                let end = end.unwrap_or(rest.len());
                read_use(&rest[1..end], &[], is_public, &mut module.uses);
                end
            }
            TokenTree::Ident(ident) => {
                if is_top && ident == "impl" {
                    module.inherent.extend(inherent_impl(rest));
                }
                if is_top
                    && ITEMS.iter().any(|keyword| ident == keyword)
                    && let Some(TokenTree::Ident(name)) = rest.get(1)
                {
                    module.items.insert(name.to_string());
                }
                let (path, length) = path(rest);
                if !follows_path_or_dot(&tokens[..at]) {
                    module.names.extend(path.first().cloned());
                    module.paths.extend((path.len() > 1).then_some(path));
                }
                length
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => 1,
        };
        is_public = is_next_public;
    }
}

/// Whether these are the parentheses of `pub(…)`.
fn is_visibility(before: &[TokenTree], token: &TokenTree) -> bool {
    let is_pub = matches!(before.last(), Some(TokenTree::Ident(ident)) if ident == "pub");
    is_pub
        && matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis)
}

fn follows_path_or_dot(before: &[TokenTree]) -> bool {
    match before {
        [.., one, two] if is_punct(one, ':') && is_punct(two, ':') => true,
        // Not the two dots of a range or of the rest of a structure.
        [.., one, two] => is_punct(two, '.') && !is_punct(one, '.'),
        _ => false,
    }
}

/// The path that begins here, and the number of its tokens.
fn path(tokens: &[TokenTree]) -> (Path, usize) {
    let mut path = Vec::new();
    let mut at = 0;
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        path.push(name.to_string());
        at += 1;
        match tokens.get(at..at + 3) {
            Some([one, two, TokenTree::Ident(_)]) if is_punct(one, ':') && is_punct(two, ':') => {
                at += 2;
            }
            _ => break,
        }
    }
    (path, at)
}

/// The names of a tree such as `a::{b, c as d, self}`.
fn read_use(tokens: &[TokenTree], prefix: &[String], is_public: bool, uses: &mut Vec<Use>) {
    let mut path = prefix.to_vec();
    let mut alias = None;
    let mut rest = tokens.iter();
    while let Some(token) = rest.next() {
        match token {
            TokenTree::Ident(ident) if ident == "as" => {
                alias = rest.next().map(ToString::to_string);
            }
            TokenTree::Ident(ident) if ident == "self" && !prefix.is_empty() => {}
            TokenTree::Ident(ident) => path.push(ident.to_string()),
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let parts = inner.split(|token| is_punct(token, ','));
                for part in parts.filter(|part| !part.is_empty()) {
                    read_use(part, &path, is_public, uses);
                }
                return;
            }
            TokenTree::Punct(punct) if punct.as_char() == '*' => alias = Some("*".to_owned()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    let alias = alias.or_else(|| path.last().cloned()).unwrap_or_default();
    uses.push(Use { is_public, path, alias });
}

/// The type of an `impl` that begins here, if it is for no trait.
fn inherent_impl(tokens: &[TokenTree]) -> Option<Path> {
    let is_body = |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
    let head = &tokens[1..tokens.iter().position(is_body)?];
    let is_for = |token: &TokenTree| matches!(token, TokenTree::Ident(ident) if ident == "for");
    if head.iter().any(is_for) {
        return None;
    }
    let mut depth = 0;
    let start = head.iter().position(|token| {
        depth += i32::from(is_punct(token, '<')) - i32::from(is_punct(token, '>'));
        depth == 0 && matches!(token, TokenTree::Ident(_))
    })?;
    Some(path(&head[start..]).0)
}

/// Whether an item for tests begins here.
fn is_for_tests(tokens: &[TokenTree]) -> bool {
    match tokens {
        [hash, TokenTree::Group(group), ..] => {
            is_punct(hash, '#') && group.stream().to_string().replace(' ', "") == "cfg(test)"
        }
        _ => false,
    }
}

/// The number of tokens of an item for tests.
fn skip_tests(tokens: &[TokenTree], module: &mut Module) -> usize {
    let is_end = |token: &TokenTree| {
        is_punct(token, ';')
            || matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
    };
    let end = tokens.iter().position(is_end).map_or(tokens.len(), |end| end + 1);
    if let [.., TokenTree::Ident(keyword), TokenTree::Ident(name), _] = &tokens[..end]
        && keyword == "mod"
    {
        module.tests.push(name.to_string());
    }
    end
}

fn starts_with(tokens: &[TokenTree], c: char) -> bool {
    tokens.first().is_some_and(|token| is_punct(token, c))
}

fn is_punct(token: &TokenTree, c: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == c)
}
