//! Functions and procedures → the statements that create them in the scratch schema.

use crate::catalog::{Kind, Object};
use crate::manifest::{Fragment, RoutineBody, RoutineDecl, Setting};
use crate::name::{Ident, SchemaName, Text, dollar_quoted, literal};

/// The statement, which begins with `verb`.
pub(super) fn create(schema: &SchemaName, decl: &RoutineDecl, verb: &str) -> String {
    let word = if decl.is_procedure { "PROCEDURE" } else { "FUNCTION" };
    let sql = |fragment: &Fragment| fragment.sql(schema);
    let arguments = decl.arguments.as_ref().map(sql).unwrap_or_default();
    let mut statement = format!("{verb} {word} {}({arguments})", schema.qualify(&decl.name));
    let mut clause = |text: String| {
        statement.push('\n');
        statement.push_str(&text);
    };
    if let Some(returns) = &decl.returns {
        clause(format!("RETURNS {}", sql(returns)));
    }
    clause(match &decl.language {
        Some(language) => format!("LANGUAGE {}", language.quoted()),
        None => "LANGUAGE sql".to_owned(),
    });
    if !decl.transforms.is_empty() {
        let types: Vec<String> =
            decl.transforms.iter().map(|name| format!("FOR TYPE {}", sql(name))).collect();
        clause(format!("TRANSFORM {}", types.join(", ")));
    }
    for words in &decl.properties {
        clause(words.clone());
    }
    if let Some(support) = &decl.support {
        clause(format!("SUPPORT {}", sql(support)));
    }
    for (name, setting) in &decl.settings {
        let value = match setting {
            Setting::Text(text) => with_schema(text, schema).literal(),
            Setting::List(names) => sql(names),
        };
        clause(format!("SET {} TO {value}", name.quoted()));
    }
    clause(match &decl.body {
        RoutineBody::Sql(body) => with_schema(body, schema).as_str().to_owned(),
        RoutineBody::Text { text, library: Some(library) } => {
            format!("AS {}, {}", library.literal(), text.literal())
        }
        RoutineBody::Text { text, library: None } => {
            format!("AS {}", dollar_quoted(with_schema(text, schema).as_str(), "body"))
        }
    });
    statement
}

/// A text, with the schema's name for each placeholder.
fn with_schema(text: &Text, schema: &SchemaName) -> Text {
    // Neither of the two has a NUL.
    Text::new(schema.fill(text.as_str())).unwrap_or_else(|_| text.clone())
}

/// What is declared, with its arguments as they are written.
pub(super) fn object(decl: &RoutineDecl) -> Object {
    Object::Routine {
        kind: if decl.is_procedure { Kind::Procedure } else { Kind::Function },
        name: decl.name.clone(),
        arguments: decl.arguments.as_ref().map_or("", Fragment::as_written).to_owned(),
    }
}

/// A statement that writes the comment on the function, procedure or aggregate of this name that was created last: only the server knows the
/// types of its arguments.
pub(super) fn comment(schema: &SchemaName, name: &Ident, text: &Text) -> String {
    let body = format!(
        "\nBEGIN\n    EXECUTE (SELECT 'COMMENT ON ROUTINE ' || p.oid::regprocedure || ' IS ' || quote_literal({}) \
         FROM pg_proc p WHERE p.pronamespace = {}::regnamespace AND p.proname = {} \
         ORDER BY p.oid DESC LIMIT 1);\nEND\n",
        text.literal(),
        literal(&schema.quoted()),
        Text::from(name).literal(),
    );
    format!("DO {}", dollar_quoted(&body, "comment"))
}
