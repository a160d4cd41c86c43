//! The tenants of the benchmark of many.

use std::fmt::Write as _;

pub const TABLES: usize = 12;
const FUNCTIONS: usize = 20;
const VIEWS: usize = 10;

/// What tenants with code have more.
pub const CODE: &str = "20 functions, 10 views, 12 triggers, 12 policies more";

/// What the tenants have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Tables with rows.
    Tables,
    /// In the last of them, a column and an index more.
    Added,
    /// With functions, views, triggers and policies, too.
    WithCode,
}

/// The manifest of such tenants.
pub fn manifest(kind: Kind) -> String {
    let mut text =
        "version = 1\n[types.status]\nenum = [\"open\", \"closed\", \"void\"]\n".to_owned();
    for n in 0..TABLES {
        table(&mut text, n, kind);
    }
    if kind == Kind::WithCode {
        code(&mut text);
    }
    text.push_str("[[seeds]]\ntable = \"t00\"\nkey = [\"code\"]\nrows = [\n");
    for n in 0..20 {
        let _ = writeln!(text, "{{ code = \"c{n}\", note = \"seed\" }},");
    }
    text + "]\n"
}

fn table(text: &mut String, n: usize, kind: Kind) {
    let is_added = n == TABLES - 1 && kind == Kind::Added;
    let _ = write!(
        text,
        "[tables.t{n:02}]\nprimary_key = [\"id\"]\nunique = [[\"code\"]]\n\
         checks = [\"length(code) >= 1\", \"amount >= 0\"]\n"
    );
    if kind == Kind::WithCode {
        let _ = write!(
            text,
            "row_security = \"enabled\"\npolicies = [{{ name = \"own\", command = \"select\", using = \
             \"status <> 'void' AND {{schema}}.f{:02}(id) > 0\" }}]\n\
             triggers = [{{ name = \"touch\", timing = \"before\", events = [\"update\"], \
             for_each = \"row\", function = \"f{n:02}\" }}]\n",
            TABLES + n % (FUNCTIONS - TABLES)
        );
    }
    let _ = write!(
        text,
        "[tables.t{n:02}.columns]\n\
         id = {{ type = \"uuid\", default = \"gen_random_uuid()\" }}\n\
         no = {{ type = \"bigint\", identity = \"always\" }}\ncode = \"varchar(40)\"\n\
         status = {{ type = \"status\", default = \"'open'\" }}\n\
         amount = {{ type = \"numeric(15,2)\", default = \"0\" }}\n\
         note = {{ type = \"text\", null = true }}\nparent = {{ type = \"uuid\", null = true }}\n\
         created_at = {{ type = \"timestamptz\", default = \"now()\" }}\n"
    );
    if is_added {
        text.push_str("extra = { type = \"integer\", default = \"0\" }\n");
    }
    if n > 0 {
        let _ = write!(
            text,
            "[[tables.t{n:02}.foreign_keys]]\ncolumns = [\"parent\"]\n\
             references = {{ table = \"t{:02}\", columns = [\"id\"] }}\non_delete = \"cascade\"\n",
            n - 1
        );
    }
    let _ = write!(
        text,
        "[[tables.t{n:02}.indexes]]\ncolumns = [\"created_at\"]\n\
         [[tables.t{n:02}.indexes]]\ncolumns = [\"parent\"]\n"
    );
    if is_added {
        let _ = write!(text, "[[tables.t{n:02}.indexes]]\ncolumns = [\"extra\"]\n");
    }
}

/// The functions of the triggers, others that the policies call, and views.
fn code(text: &mut String) {
    for n in 0..TABLES {
        let _ = write!(
            text,
            "[functions.f{n:02}]\nreturns = \"trigger\"\nlanguage = \"plpgsql\"\n\
             body = \"\"\"\nBEGIN\n  IF NEW.amount IS DISTINCT FROM OLD.amount THEN\n    \
             NEW.note := concat('was ', OLD.amount);\n  END IF;\n  NEW.created_at := now();\n  \
             RETURN NEW;\nEND\n\"\"\"\n"
        );
    }
    for n in TABLES..FUNCTIONS {
        let _ = write!(
            text,
            "[functions.f{n:02}]\narguments = \"wanted uuid\"\nreturns = \"bigint\"\nlanguage = \"sql\"\n\
             volatility = \"stable\"\nbody = \"\"\"\n  SELECT count(*) FROM {{schema}}.t{:02} AS child\n  \
             WHERE child.id = wanted AND child.status <> 'void'\n\"\"\"\n",
            n - TABLES
        );
    }
    for n in 0..VIEWS {
        let _ = write!(
            text,
            "[views.v{n:02}]\nquery = \"\"\"\nSELECT child.id, child.code, child.amount, parent.code AS parent_code,\n\
             sum(child.amount) OVER (PARTITION BY child.parent ORDER BY child.created_at) AS total\n\
             FROM t{:02} AS child LEFT JOIN t{n:02} AS parent ON parent.id = child.parent\n\
             WHERE child.status = 'open'\n\"\"\"\n",
            n + 1
        );
    }
}
