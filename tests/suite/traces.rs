//! Traces reach a collector, and name what was done.

use std::process::Stdio;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::tool::on;
use crate::support::{Database, Folder};

#[tokio::test]
async fn an_apply_is_traced() {
    let database = Database::new().await;
    let folder = Folder::new("version = 1\n[tables.t]\ncolumns = { id = \"int\" }\n");
    let collector = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = collector.local_addr().expect("an address");
    let mut command = on(&database, folder.dir.path(), &["apply", "acme"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");

    let (mut stream, _) = collector.accept().await.expect("a connection");
    let mut received = Vec::new();
    let (head, body) = loop {
        stream.read_buf(&mut received).await.expect("a request");
        let text = String::from_utf8_lossy(&received);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("a length").trim().parse().expect("a number");
        let end = received.windows(4).position(|part| part == b"\r\n\r\n").expect("an end") + 4;
        if received.len() >= end + length {
            break (head.clone(), body.to_owned());
        }
    };
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .await
        .expect("answering");
    assert!(head.starts_with("post /v1/traces "), "{head}");
    for what in ["apply", "tenant", "acme", "provision"] {
        assert!(body.contains(what), "{what} is not in {body:?}");
    }
    assert!(child.wait().expect("it ends").success());
}
