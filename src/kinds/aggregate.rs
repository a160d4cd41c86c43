//! Aggregates. The server has no function that prints their definition; it consists of names.

use super::attribute::Attribute;
use super::creation::{Creation, Guard};
use super::routine::{drop, exists, occupies};
use super::rules::{Needs, Rules};
use crate::catalog::Fact;
use crate::name::{SchemaName, literal};

pub(super) static RULES: Rules = Rules {
    needs: Needs::Routines,
    source: "p.tableoid::int8, p.oid::int8, 0, NULL, p.proname, p.oid::int8, :attributes \
             FROM path CROSS JOIN pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
             JOIN pg_aggregate ag ON ag.aggfnoid = p.oid \
             WHERE p.oid = ANY (:routines) AND :modelled",
    attributes: &[
        // Arguments, result and `parallel` are digested with all that functions have.
        Attribute::new("arguments", "nullif(pg_get_function_arguments(p.oid), '')")
            .labelled("arguments")
            .needed()
            .digested(&[]),
        Attribute::new("hypothetical", "CASE ag.aggkind WHEN 'h' THEN 'hypothetical' END")
            .digested(&["ag.aggkind"]),
        Attribute::new("sfunc", "ag.aggtransfn::regprocedure")
            .labelled("state function")
            .needed()
            .digested(&["CASE WHEN m.is_set THEN ROW( \
                             ag.aggtransfn::regprocedure, ag.aggtranstype::regtype, \
                             ag.aggfinalfn::regprocedure, ag.aggcombinefn::regprocedure, \
                             ag.aggserialfn::regprocedure, ag.aggdeserialfn::regprocedure, \
                             ag.aggmtransfn::regprocedure, ag.aggminvtransfn::regprocedure, \
                             ag.aggmtranstype::regtype, ag.aggmfinalfn::regprocedure, \
                             ag.aggsortop::regoperator)::text END"]),
        Attribute::new("stype", "format_type(ag.aggtranstype, NULL)")
            .labelled("state type")
            .needed()
            .digested(&[]),
        Attribute::new("sspace", "nullif(ag.aggtransspace, 0)")
            .labelled("state space")
            .digested(&["ag.aggtransspace"]),
        function("finalfunc", "nullif(ag.aggfinalfn, 0)::regprocedure", "final function"),
        Attribute::new("finalfunc_extra", "CASE WHEN ag.aggfinalextra THEN 'finalfunc_extra' END")
            .digested(&["ag.aggfinalextra"]),
        Attribute::new(
            "finalfunc_modify",
            "CASE ag.aggfinalmodify WHEN CASE ag.aggkind WHEN 'n' THEN 'r' ELSE 'w' END THEN NULL \
             WHEN 'r' THEN 'read_only' WHEN 's' THEN 'shareable' ELSE 'read_write' END",
        )
        .labelled("finalfunc_modify")
        .digested(&["ag.aggfinalmodify"]),
        function("combinefunc", "nullif(ag.aggcombinefn, 0)::regprocedure", "combine function"),
        function("serialfunc", "nullif(ag.aggserialfn, 0)::regprocedure", "serialization function"),
        function(
            "deserialfunc",
            "nullif(ag.aggdeserialfn, 0)::regprocedure",
            "deserialization function",
        ),
        Attribute::new("initcond", "ag.agginitval").labelled("initial state"),
        function("msfunc", "nullif(ag.aggmtransfn, 0)::regprocedure", "moving state function"),
        function(
            "minvfunc",
            "nullif(ag.aggminvtransfn, 0)::regprocedure",
            "moving inverse function",
        ),
        Attribute::new("mstype", "format_type(nullif(ag.aggmtranstype, 0), NULL)")
            .labelled("moving state type")
            .digested(&[]),
        Attribute::new("msspace", "nullif(ag.aggmtransspace, 0)")
            .labelled("moving state space")
            .digested(&["ag.aggmtransspace"]),
        function("mfinalfunc", "nullif(ag.aggmfinalfn, 0)::regprocedure", "moving final function"),
        Attribute::new(
            "mfinalfunc_extra",
            "CASE WHEN ag.aggmfinalextra THEN 'mfinalfunc_extra' END",
        )
        .digested(&["ag.aggmfinalextra"]),
        Attribute::new(
            "mfinalfunc_modify",
            "CASE ag.aggmfinalmodify WHEN CASE ag.aggkind WHEN 'n' THEN 'r' ELSE 'w' END THEN NULL \
             WHEN 'r' THEN 'read_only' WHEN 's' THEN 'shareable' ELSE 'read_write' END",
        )
        .labelled("mfinalfunc_modify")
        .digested(&["ag.aggmfinalmodify"]),
        Attribute::new("minitcond", "ag.aggminitval").labelled("moving initial state"),
        function("sortop", "nullif(ag.aggsortop, 0)::regoperator", "sort operator"),
        Attribute::new(
            "parallel",
            "CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' END",
        )
        .labelled("parallel")
        .digested(&[]),
        // The types by which it is identified, and the same for statements.
        Attribute::new(
            "types",
            "replace(oidvectortypes(p.proargtypes), quote_ident(n.nspname) || '.', '')",
        )
        .hidden(),
        Attribute::new("signature", "oidvectortypes(p.proargtypes)").hidden(),
    ],
    occupies,
    create,
    drop: |fact, schema| Some(drop(fact, schema)),
    ..Rules::NONE
};

/// One that is digested with the state function.
const fn function(key: &'static str, sql: &'static str, label: &'static str) -> Attribute {
    Attribute::new(key, sql).labelled(label).digested(&[])
}

/// The parameters that are names of functions.
const FUNCTIONS: [&str; 8] = [
    "sfunc",
    "finalfunc",
    "combinefunc",
    "serialfunc",
    "deserialfunc",
    "msfunc",
    "minvfunc",
    "mfinalfunc",
];

fn create(creation: &Creation<'_>, schema: &SchemaName, guard: Guard) -> String {
    let (object, fact) = (&creation.object, creation.fact);
    let name = object.name().map(|name| schema.qualify(name)).unwrap_or_default();
    let arguments = fact.sql("arguments", schema).unwrap_or_else(|| "*".to_owned());
    let parameters = parameters(fact, schema).join(",\n    ");
    let statement = format!("CREATE AGGREGATE {name}({arguments}) (\n    {parameters}\n)");
    guard.unless(&exists(object, fact, schema), &statement)
}

fn parameters(fact: &Fact, schema: &SchemaName) -> Vec<String> {
    let mut all = Vec::new();
    for key in FUNCTIONS {
        let sql = fact.sql(key, schema);
        all.extend(sql.map(|sql| format!("{} = {}", key.to_uppercase(), without_arguments(&sql))));
    }
    for key in [
        "stype",
        "mstype",
        "sspace",
        "msspace",
        "finalfunc_modify",
        "mfinalfunc_modify",
        "parallel",
    ] {
        let sql = fact.sql(key, schema);
        all.extend(sql.map(|sql| format!("{} = {sql}", key.to_uppercase())));
    }
    for key in ["initcond", "minitcond"] {
        let text = fact.text(key);
        all.extend(text.map(|text| format!("{} = {}", key.to_uppercase(), literal(text))));
    }
    if let Some(operator) = fact.sql("sortop", schema) {
        all.push(format!("SORTOP = OPERATOR({})", without_arguments(&operator)));
    }
    let flags = ["finalfunc_extra", "mfinalfunc_extra", "hypothetical"];
    all.extend(flags.into_iter().filter_map(|key| fact.text(key)).map(str::to_uppercase));
    all
}

/// The name of a function or an operator as the server prints it with the types of its arguments.
fn without_arguments(signature: &str) -> &str {
    let mut is_quoted = false;
    let end = signature.find(|c| {
        is_quoted ^= c == '"';
        c == '(' && !is_quoted
    });
    end.and_then(|end| signature.get(..end)).unwrap_or(signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_have_parentheses_in_them() {
        for (signature, name) in [
            ("int4pl(integer,integer)", "int4pl"),
            ("\"a(b\".\"c\"\"(\"(integer)", "\"a(b\".\"c\"\"(\""),
            ("acme.<(integer,integer)", "acme.<"),
        ] {
            assert_eq!(without_arguments(signature), name);
        }
    }
}
