//! The service as a process of its own, and a plain HTTP client that checks each answer against the
//! service's OpenAPI document.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::tool::{on, tool};
use super::{Database, Folder};

/// Canaries: they must never be seen in any output.
pub const TOKEN: &str = "canary-token-0123456789abcdef0123456789abcdef";
pub const READ_TOKEN: &str = "canary-reader-0123456789abcdef0123456789abcde";

pub struct Service {
    child: Child,
    pub address: SocketAddr,
    pub folder: Folder,
    /// All that it has written to stderr so far.
    log: Arc<Mutex<String>>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    #[track_caller]
    pub fn with(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The code of a problem.
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self:?}");
        problem["code"].as_str().expect("a code").to_owned()
    }
}

impl Service {
    /// Starts it on a database, and waits until it listens.
    pub fn start(database: &Database, manifest: &str, args: &[&str]) -> Self {
        Self::start_on(&database.url, Folder::new(manifest), args)
    }

    pub fn start_on(url: &str, folder: Folder, args: &[&str]) -> Self {
        let all = [&["serve", "--listen", "127.0.0.1:0"], args].concat();
        let mut command = tool(folder.dir.path(), &all);
        command.env("DATABASE_URL", url);
        command.env("PROVISION_TOKEN", TOKEN).env("PROVISION_READ_TOKEN", READ_TOKEN);
        command.stderr(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().expect("the service starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr")).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("{}", log.lock().expect("log")));
            let line = line.expect("UTF-8");
            log.lock().expect("log").push_str(&format!("{line}\n"));
            if let Some((_, address)) =
                line.split_once("://").filter(|_| line.contains("listening"))
            {
                let address = address.split(['"', ' ']).next().unwrap_or_default();
                break address.trim().parse().expect("an address");
            }
        };
        let sink = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                sink.lock().expect("log").push_str(&format!("{line}\n"));
            }
        });
        Self { child, address, folder, log }
    }

    pub fn log(&self) -> String {
        self.log.lock().expect("log").clone()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &bearer(TOKEN), "").await
    }

    pub async fn post(&self, path: &str) -> Answer {
        self.call("POST", path, &bearer(TOKEN), "").await
    }

    /// Sends a request, and checks that the answer is as the document says.
    pub async fn call(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let answer = self.try_call(method, path, headers, body).await;
        let answer = answer.unwrap_or_else(|error| panic!("{error}\n{}", self.log()));
        check(method, path, &answer);
        answer
    }

    pub async fn try_call(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> std::io::Result<Answer> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        self.raw(request.as_bytes()).await
    }

    /// Sends bytes as they are.
    pub async fn raw(&self, request: &[u8]) -> std::io::Result<Answer> {
        exchange(TcpStream::connect(self.address).await?, request).await
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = std::process::Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits for its end.
    pub fn exit_code(mut self) -> Option<i32> {
        let end = Instant::now() + Duration::from_mins(1);
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().expect("waiting") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it does not end: {}", self.log());
    }

    /// Waits until the log says so.
    pub async fn logs(&self, what: &str) {
        eventually(what, async || self.log().contains(what)).await;
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

/// Sends a request and reads one answer.
pub async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &[u8],
) -> std::io::Result<Answer> {
    // The service may have answered, and gone, before it has read everything.
    let _ = stream.write_all(request).await;
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut bytes)).await;
    read.map_err(|_| std::io::Error::other("no answer within a minute"))?
        .or_else(|error| if bytes.is_empty() { Err(error) } else { Ok(0) })?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other(format!("no answer: {text:?}")))?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

/// Waits for something to come true.
pub async fn eventually(what: &str, is_true: impl AsyncFn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_true().await {
        assert!(Instant::now() < end, "it never came true: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(provision::server::openapi()).expect("JSON"));

/// The service's OpenAPI document.
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// The answer must be one that the document tells of, in the form that it tells.
fn check(method: &str, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap_or_default();
    let is_like = |template: &str| {
        template.split('/').count() == path.split('/').count()
            && template.split('/').zip(path.split('/')).all(|(a, b)| a.starts_with('{') || a == b)
    };
    let paths = document()["paths"].as_object().expect("paths");
    let Some((_, item)) = paths.iter().find(|(template, _)| is_like(template)) else {
        return;
    };
    let Some(operation) = item.get(method.to_ascii_lowercase()) else {
        return;
    };
    let told = operation["responses"].get(answer.status.to_string());
    let told = told.unwrap_or_else(|| panic!("{method} {path}: the document has no {answer:?}"));
    let Some((kind, content)) = told["content"].as_object().and_then(|all| all.iter().next())
    else {
        return;
    };
    if !kind.contains("json") {
        return;
    }
    let schema = json!({ "allOf": [content["schema"]], "components": document()["components"] });
    let validator = jsonschema::validator_for(&schema).expect("the document's schemas are usable");
    let errors: Vec<String> =
        validator.iter_errors(&answer.json()).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{method} {path}: {errors:?}\n{answer:?}");
}

/// Runs `provision serve`, which must refuse to start.
pub fn refuses_to_start(database: &Database, args: &[&str], token: &str) -> super::tool::RunReport {
    let folder = Folder::new("version = 1\n[tables.t]\ncolumns = { id = \"int\" }\n");
    let mut command = on(database, folder.dir.path(), &[&["serve"], args].concat());
    command.env("PROVISION_TOKEN", token);
    super::tool::run(command).with(1)
}
