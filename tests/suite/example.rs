//! The example at the repository's root, as a newcomer runs it.

use std::path::Path;

use crate::support::tool::{on, run};
use crate::support::{self, Database, converge};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[tokio::test(flavor = "multi_thread")]
async fn the_example_is_planned_applied_and_left_alone() {
    let database = Database::new().await;
    let root = Path::new(ROOT);
    run(on(&database, root, &["plan", "acme", "--detailed-exitcode"])).with(2);
    assert_eq!(database.count("pg_namespace WHERE nspname = 'acme'").await, 0, "a plan only reads");
    let first = run(on(&database, root, &["apply", "acme"])).with(0);
    assert!(first.stdout.contains("Created schema acme"), "{}", first.stdout);
    let second = run(on(&database, root, &["apply", "acme"])).with(0);
    assert!(
        second.stdout.contains("Nothing to do: schema acme is as declared"),
        "{}",
        second.stdout
    );
    run(on(&database, root, &["plan", "acme", "--detailed-exitcode"])).with(0);
    for (table, rows) in [
        ("cad_empresas", 0),
        ("cad_projetos", 0),
        ("cad_lookup", 17),
        ("cad_funcionarios", 0),
        ("cad_beneficios", 0),
        ("cad_diarias", 0),
        ("_provision_state", 1),
    ] {
        assert_eq!(database.count(&format!("acme.{table}")).await, rows, "{table}");
    }
    assert_eq!(database.count("acme.cad_lookup WHERE nome = 'Peão' AND grupo = 'Funcao'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_is_usable_as_the_application_uses_it() {
    let database = Database::new().await;
    let context = support::context(&Path::new(ROOT).join("schema.toml"), &database);
    converge(&context, "acme").await;
    database
        .run(
            "SET search_path = acme;
             INSERT INTO cad_empresas (razao, cnpj, email) VALUES ('Obras Ltda', '12345678000199', 'a@b');
             INSERT INTO cad_projetos (empresa_id, nome) SELECT empresa_id, 'Ponte' FROM cad_empresas;
             INSERT INTO cad_funcionarios (nome, cpf, email, rg, funcao, salario, projeto_id)
              SELECT 'Zé', '1', 'z@b', '2', l.lookup_id, 1234.56, p.projeto_id
              FROM cad_lookup l, cad_projetos p WHERE l.grupo = 'Funcao' AND l.nome = 'Peão';
             INSERT INTO cad_diarias (dia, funcionario_id, projeto_id, tipo_diaria)
              SELECT current_date, f.funcionario_id, f.projeto_id, l.lookup_id
              FROM cad_funcionarios f, cad_lookup l WHERE l.grupo = 'TipoDiaria' AND l.nome = 'presente';
             DELETE FROM cad_funcionarios;
             UPDATE cad_empresas SET updated_at = '2000-01-01', phone = '1'",
        )
        .await;
    assert_eq!(database.count("acme.cad_empresas WHERE updated_at > '2020-01-01'").await, 1);
    assert_eq!(database.count("acme.projetos_abertos WHERE nome = 'Ponte'").await, 1);
    let policies = "pg_policies WHERE schemaname = 'acme' AND tablename = 'cad_beneficios'";
    assert_eq!(database.count(policies).await, 1);
    assert_eq!(database.count("acme.cad_diarias").await, 0, "they go with the worker");
    // An application's rows are no drift.
    assert!(converge(&context, "acme").await.plan.is_empty());
}
