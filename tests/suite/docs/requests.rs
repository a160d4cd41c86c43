//! The requests on the page about the service.

use std::path::Path;

use serde_json::Value;

use super::page::{Page, root};
use super::shell;
use crate::support::service::{READ_TOKEN, Service, TOKEN, bearer};
use crate::support::{Database, Folder};

/// `curl` lines are sent to a service, and JSON answers have the keys that are shown.
#[tokio::test(flavor = "multi_thread")]
async fn requests_on_the_page_are_answered_as_shown() {
    let page = Page::read(Path::new("docs/service.md"));
    let database = Database::new().await;
    let manifest = std::fs::read_to_string(root().join("schema.toml")).expect("the example");
    let folder = Folder::new(&manifest);
    let seeds = std::fs::read_to_string(root().join("seeds/cad_lookup.csv")).expect("seeds");
    folder.write("seeds/cad_lookup.csv", &seeds);
    let service = Service::start_on(&database.url, folder, &["--interval", "0"]);
    let mut answers: Vec<Value> = Vec::new();
    for (_, fence) in page.fences().filter(|(_, fence)| fence.language == "sh") {
        for command in shell::commands(&fence.text) {
            if command[0] != "curl" {
                continue;
            }
            let (method, path, headers) = request(&command);
            let answer = service.call(&method, &path, &headers, "").await;
            assert!(matches!(answer.status, 200 | 202), "{command:?}: {answer:?}");
            if answer.status == 200 {
                answers.push(answer.json());
            }
        }
    }
    assert!(answers.len() >= 3, "only {} requests were found", answers.len());
    let shown = page.fences().find(|(item, _)| item.marker == "answer of the first request");
    let shown: Value = serde_json::from_str(&shown.expect("an answer").1.text).expect("JSON");
    let keys = |value: &Value| -> Vec<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    assert_eq!(keys(&shown), keys(&answers[0]));
    assert_eq!(shown["statements"], answers[0]["statements"]);
}

/// Method, path and headers of a `curl` command, with tokens for `$(cat …)`.
fn request(command: &[String]) -> (String, String, String) {
    let (mut method, mut path, mut headers) = ("GET".to_owned(), String::new(), String::new());
    let mut words = command[1..].iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-X" => method.clone_from(words.next().expect("a method")),
            "-H" => {
                let header = words.next().expect("a header");
                match header.as_str() {
                    "Authorization: Bearer $(cat token)" => headers.push_str(&bearer(TOKEN)),
                    "Authorization: Bearer $(cat read-token)" => {
                        headers.push_str(&bearer(READ_TOKEN));
                    }
                    other => headers.push_str(&format!("{other}\r\n")),
                }
            }
            "-i" | "-s" | "-fsS" => {}
            url => {
                let rest = url.strip_prefix("http://127.0.0.1:8080").expect("the default address");
                rest.clone_into(&mut path);
            }
        }
    }
    (method, path, headers)
}

/// The sample for `NestJS` is run, without its types and decorator, if there is a node.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stderr, reason = "a test that cannot be run says so")]
async fn the_nestjs_sample_provisions_a_tenant() {
    let page = Page::read(Path::new("docs/service.md"));
    let sample = page.fences().find(|(item, _)| item.marker == "run by node").expect("it").1;
    let script = sample
        .text
        .replace("@Injectable()\nexport ", "")
        .replace("(tenantId: string): Promise<void>", "(tenantId)");
    let database = Database::new().await;
    let manifest = "version = 1\n[tables.t]\ncolumns = { id = \"int\" }\n";
    let service = Service::start(&database, manifest, &["--interval", "0"]);
    let node = std::process::Command::new("node")
        .args(["-e", &format!("{script}\nnew TenantProvisioner().provision('acme');")])
        .env("PROVISION_URL", format!("http://{}", service.address))
        .env("PROVISION_TOKEN", TOKEN)
        .output();
    match node {
        Ok(ended) => {
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
            assert_eq!(database.count("acme._provision_state").await, 1);
        }
        Err(error) => eprintln!("not run, since there is no node: {error}"),
    }
}
