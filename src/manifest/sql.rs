//! The files under `[sql]`, with the declarations of any kind that the server understands.

mod bodies;
mod declaration;
mod lost;
mod places;
mod rewrite;
mod split;
mod table;
mod verdict;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use globset::GlobBuilder;
use indexmap::IndexMap;
use walkdir::WalkDir;

pub(super) use self::bodies::{has_text_body, named_in_constants};
use self::declaration::{Created, Declaration, Verdict, multirange};
use self::places::Places;
use self::rewrite::{Names, Rewritten, rewritten};
use self::split::{Piece, Token, split};
use self::table::{Parts, parts};
use self::verdict::verdict;
use super::check::columns::own_type;
use super::checking::Checking;
use super::fragment::Fragment;
use super::model::{
    ColumnDecl, ColumnStorage, ColumnValue, PassedOver, QualifiedName, RowTable, SqlDecl,
    SqlStatement, TableRef, TypeDecl,
};
use super::raw::{self, Name};
use super::source::{Position, Source};
use crate::name::Ident;

/// More files than these are a pattern that was meant otherwise.
const MAX_FILES: usize = 10_000;

/// Reads the files, and makes known to the other checks what they declare.
pub(super) fn read(
    checking: &mut Checking<'_>,
    raw: Option<&raw::Sql>,
    folder: &Path,
) -> (SqlDecl, Vec<RowTable>) {
    let mut found = Found::default();
    let Some(raw) = raw else { return (found.declared, Vec::new()) };
    if raw.files.is_empty() {
        checking.note(&raw.files.span, "name at least one file");
    }
    let schema = raw.schema.as_ref().and_then(|name| checking.ident(name));
    found.declared.schema.clone_from(&schema);
    found.declared.populate = raw.populate;
    let mut sources: IndexMap<String, Source> = IndexMap::new();
    for pattern in &raw.files.value {
        for name in files(checking, pattern, folder) {
            if sources.contains_key(&name) {
                continue;
            }
            match Source::below(folder, &name) {
                Ok(source) => {
                    sources.insert(name, source);
                }
                Err(message) => checking.note(&pattern.span, message),
            }
        }
    }
    let mut declared = declared_in(checking);
    let mut statements = Vec::new();
    for source in sources.values() {
        for (at, tokens, verdict) in file(checking, source, schema.as_ref()) {
            match verdict {
                Verdict::Refused(message) => checking.report.at(source, &(at..at), message),
                Verdict::PassedOver(what) => {
                    found
                        .declared
                        .passed_over
                        .push(PassedOver { position: source.position(at), what });
                }
                Verdict::Declares(declaration) => {
                    note_created(checking, &declaration, &tokens, &mut declared);
                    statements.push((source, tokens, declaration));
                }
            }
        }
    }
    without_forerunners(&mut statements);
    let names = Names { schema: schema.as_ref(), declared: &declared };
    let mut places: Option<Places<'_>> = None;
    for (source, tokens, mut declaration) in statements {
        if raw.populate == Some(true) {
            declaration.is_populated = declaration.is_populated.map(|_| true);
        }
        let places = match &mut places {
            Some(places) if places.is_of(source) => places,
            other => other.insert(Places::new(source)),
        };
        found.note_parts(places, &tokens, &declaration, schema.as_ref());
        let statement = statement(places, &tokens, declaration, names);
        found.declared.statements.push(statement);
    }
    let tables = found.tables.into_iter().map(|(name, parts)| row_table(checking, name, parts));
    let mut tables: Vec<RowTable> = tables.collect();
    // A statement may alter what is no table, or not there.
    tables.retain(|table| checking.tables.contains_key(table.name.as_str()));
    for table in &tables {
        let columns = table.columns.iter().map(|column| column.name.as_str().to_owned());
        checking.tables.entry(table.name.as_str().to_owned()).or_default().extend(columns);
    }
    (found.declared, tables)
}

/// What was found in the files so far.
#[derive(Default)]
struct Found {
    declared: SqlDecl,
    /// By name, with the places of the columns.
    tables: IndexMap<Ident, Vec<(Parts, Vec<Position>)>>,
}

/// What is known of a table, once the types are known.
fn row_table(checking: &Checking<'_>, name: Ident, parts: Vec<(Parts, Vec<Position>)>) -> RowTable {
    let mut table = RowTable {
        name,
        is_partitioned: parts.iter().any(|(parts, _)| parts.is_partitioned),
        columns: Vec::new(),
        parents: Vec::new(),
    };
    for (Parts { columns, parents, .. }, positions) in parts {
        table.parents.extend(parents);
        for (column, position) in columns.into_iter().zip(positions) {
            let own = own_type(&checking.types, &column.data_type);
            let other = || Fragment::type_name(&column.data_type).map(TypeDecl::Sql).ok();
            let Some(data_type) = own.or_else(other) else { continue };
            let collation = column
                .has_collation
                .then(|| QualifiedName { schema: None, name: column.name.clone() });
            table.columns.push(ColumnDecl {
                position,
                name: column.name,
                data_type,
                nullable: true,
                value: ColumnValue::None,
                collation,
                using: None,
                backfill: None,
                storage: ColumnStorage::default(),
                comment: None,
            });
        }
    }
    table
}

/// The files that match a pattern, relative to the folder and sorted.
fn files(checking: &mut Checking<'_>, pattern: &Name, folder: &Path) -> Vec<String> {
    let is_special = |part: &str| part.contains(['*', '?', '[', '{']);
    if !is_special(&pattern.value) {
        return vec![pattern.value.clone()];
    }
    let glob = match GlobBuilder::new(&pattern.value).literal_separator(true).build() {
        Ok(glob) => glob.compile_matcher(),
        Err(error) => {
            checking.note(&pattern.span, error.kind().to_string());
            return Vec::new();
        }
    };
    // Without the folders that cannot have any.
    let fixed: Vec<&str> = pattern.value.split('/').take_while(|part| !is_special(part)).collect();
    let mut found = Vec::new();
    for entry in WalkDir::new(folder.join(fixed.join("/"))).follow_links(true) {
        let entry = match entry {
            Ok(entry) => entry,
            // A link that leads nowhere, or in a circle, is no file.
            Err(error)
                if error.depth() > 0 && (error.loop_ancestor().is_some() || is_absent(&error)) =>
            {
                continue;
            }
            Err(error) => {
                checking.note(&pattern.span, format!("cannot search for files: {error}"));
                return Vec::new();
            }
        };
        let name = entry.path().strip_prefix(folder).ok().and_then(Path::to_str);
        if let Some(name) = name
            && entry.file_type().is_file()
            && glob.is_match(name)
        {
            found.push(name.to_owned());
        }
    }
    if found.is_empty() {
        checking.note(&pattern.span, format!("no file matches {:?}", pattern.value));
    }
    if found.len() > MAX_FILES {
        checking
            .note(&pattern.span, format!("more than {MAX_FILES} files match {:?}", pattern.value));
        found.clear();
    }
    found.sort();
    found
}

fn is_absent(error: &walkdir::Error) -> bool {
    error.io_error().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// The statements of a file: where each begins, of what it consists, and what is to be done with it.
fn file<'s>(
    checking: &mut Checking<'_>,
    source: &'s Source,
    schema: Option<&Ident>,
) -> Vec<(usize, Vec<Token<'s>>, Verdict)> {
    if let Some(at) = source.text.find('\0') {
        checking.report.at(source, &(at..at), "a NUL character cannot stand in SQL");
        return Vec::new();
    }
    let pieces = match split(&source.text) {
        Ok(pieces) => pieces,
        Err((at, error)) => {
            checking.report.at(source, &(at..at), error.to_string());
            return Vec::new();
        }
    };
    if pieces.is_empty() {
        checking.report.at(source, &(0..0), "the file is empty");
    }
    let judged = pieces.into_iter().map(|piece| match piece {
        Piece::Command { text, at } => (at, Vec::new(), command(text)),
        Piece::Statement(tokens) => {
            let verdict = verdict(&tokens, schema);
            (tokens.first().map_or(0, |token| token.at), tokens, verdict)
        }
    });
    judged.collect()
}

/// The verdict on a command of `psql`.
fn command(text: &str) -> Verdict {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        // What pg_dump writes around all that it writes.
        ["\\restrict" | "\\unrestrict", _] => Verdict::PassedOver("\\restrict"),
        [command, ..] => Verdict::Refused(format!(
            "{command} is a command of psql, not SQL; name the files that belong together under files"
        )),
        [] => Verdict::Refused("a backslash is not SQL".to_owned()),
    }
}

/// The names of the objects of the manifest.
fn declared_in(checking: &Checking<'_>) -> BTreeSet<String> {
    let tables = checking.tables.keys();
    let others = checking.types.iter().chain(&checking.functions).chain(&checking.other_names);
    tables.chain(others).cloned().collect()
}

/// Leaves out the views of NULLs that `pg_dump` writes in front of the same views with their queries.
fn without_forerunners(statements: &mut Vec<(&Source, Vec<Token<'_>>, Declaration)>) {
    let is_view = |declaration: &Declaration| declaration.words == "CREATE VIEW";
    let last: HashMap<Ident, usize> = statements
        .iter()
        .enumerate()
        .filter(|(_, (_, _, declaration))| is_view(declaration))
        .filter_map(|(at, (_, _, declaration))| Some((declaration.name.clone()?, at)))
        .collect();
    let mut count = 0;
    statements.retain(|(_, _, declaration)| {
        count += 1;
        let last = declaration.name.as_ref().and_then(|name| last.get(name));
        !declaration.is_forerunner || last.is_none_or(|last| *last < count)
    });
}

impl Found {
    /// Notes what a statement says about a table.
    fn note_parts(
        &mut self,
        places: &mut Places<'_>,
        tokens: &[Token<'_>],
        declaration: &Declaration,
        schema: Option<&Ident>,
    ) {
        let Some(name) = &declaration.name else { return };
        if declaration.words.ends_with(" TABLE") {
            let parts = parts(tokens, schema);
            let externals = parts.externals.iter().filter_map(TableRef::external);
            self.declared.externals.extend(externals);
            let places = parts.columns.iter().map(|column| places.position(column.at)).collect();
            self.tables.entry(name.clone()).or_default().push((parts, places));
        }
    }
}

/// Other sections and files may refer to what is created.
fn note_created(
    checking: &mut Checking<'_>,
    declaration: &Declaration,
    tokens: &[Token<'_>],
    declared: &mut BTreeSet<String>,
) {
    let Some(name) = &declaration.name else { return };
    let name = name.as_str().to_owned();
    if declaration.is_new {
        declared.insert(name.clone());
    }
    match declaration.creates {
        Some(Created::Table) => {
            checking.tables.entry(name).or_default();
        }
        Some(Created::Function) => {
            checking.functions.insert(name);
        }
        Some(Created::Type) => {
            let multirange = multirange(tokens, &name);
            declared.extend(multirange.clone());
            checking.types.extend(multirange.into_iter().chain([name]));
        }
        None => {}
    }
}

fn statement(
    places: &mut Places<'_>,
    tokens: &[Token<'_>],
    declaration: Declaration,
    names: Names<'_>,
) -> SqlStatement {
    let Rewritten { text, origins } =
        rewritten(places.text(), tokens, &declaration.lenient, declaration.name_at, names);
    let positions = origins.into_iter().map(|(at, origin)| (at, places.position(origin)));
    SqlStatement {
        text,
        positions: positions.collect(),
        is_new: declaration.is_new,
        words: declaration.words,
        name: declaration.name,
        is_table: declaration.creates == Some(Created::Table),
        has_body: declaration.has_body,
        is_populated: declaration.is_populated,
        is_to_external: tokens.first().is_some_and(|token| token.is("ALTER"))
            && !parts(tokens, names.schema).externals.is_empty(),
    }
}
