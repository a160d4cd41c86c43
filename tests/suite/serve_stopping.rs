//! The service ends while many call it: each of them gets an answer, or finds nobody listening.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::serve::{register, registered};
use crate::support::Database;
use crate::support::service::{Service, TOKEN, bearer, eventually};

/// An answer, as far as it matters here.
#[derive(Debug)]
struct Told {
    status: u16,
    /// The service closes the connection after it.
    closes: bool,
    has_retry_after: bool,
}

/// One request and its whole answer; `None` where the connection ends before there is any.
async fn ask(stream: &mut BufReader<TcpStream>, request: &str) -> std::io::Result<Option<Told>> {
    let sent = stream.get_mut().write_all(request.as_bytes()).await;
    let mut line = String::new();
    let mut told: Option<Told> = None;
    let mut length = 0;
    loop {
        line.clear();
        match stream.read_line(&mut line).await {
            Ok(0) if told.is_none() => return sent.map(|()| None),
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            // Broken off in the middle is worse than never begun.
            Err(error) if told.is_some() => return Err(Error::other(error)),
            Err(error) => return Err(error),
        }
        let line = line.trim_end().to_ascii_lowercase();
        let Some(told) = &mut told else {
            let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
            let status = status.ok_or_else(|| Error::other(line.clone()))?;
            told = Some(Told { status, closes: false, has_retry_after: false });
            continue;
        };
        match line.split_once(": ") {
            Some(("content-length", bytes)) => length = bytes.parse().map_err(Error::other)?,
            Some(("connection", value)) => told.closes = value == "close",
            Some(("retry-after", _)) => told.has_retry_after = true,
            Some(_) => {}
            None => break,
        }
    }
    stream.read_exact(&mut vec![0; length]).await.map_err(Error::other)?;
    Ok(told)
}

fn is_reset(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

/// How the calls of a caller ended, and how often.
type Ends = BTreeMap<String, usize>;

/// Calls until nobody listens any more.
async fn caller(number: usize, address: SocketAddr, keeps: bool, is_told: &AtomicBool) -> Ends {
    let mut ends = Ends::new();
    let mut kept: Option<BufReader<TcpStream>> = None;
    for round in 0.. {
        let (method, path) = match (number + round) % 4 {
            0 => ("GET", "/healthz".to_owned()),
            1 => ("GET", "/ops/plan/t0".to_owned()),
            2 => ("POST", format!("/ops/provision/t{number}")),
            _ => ("POST", format!("/ops/provision/t{}", round % 10)),
        };
        let connection = if keeps { "keep-alive" } else { "close" };
        let body = if method == "POST" { "x".repeat(2_000) } else { String::new() };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: {connection}\r\n{}\
             content-length: {}\r\n\r\n{body}",
            bearer(TOKEN),
            body.len()
        );
        let is_reused = kept.is_some();
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => match TcpStream::connect(address).await {
                Ok(stream) => BufReader::new(stream),
                Err(error) => {
                    let is_known = error.kind() == ErrorKind::ConnectionRefused || is_reset(&error);
                    assert!(is_known, "{error}");
                    *ends.entry("nobody".to_owned()).or_default() += 1;
                    return ends;
                }
            },
        };
        let end = match ask(&mut stream, &request).await {
            Ok(Some(told)) => {
                if told.status == 503 {
                    assert!(told.closes && told.has_retry_after, "{told:?}");
                    is_told.store(true, Ordering::Relaxed);
                }
                if keeps && !told.closes {
                    kept = Some(stream);
                }
                told.status.to_string()
            }
            // Between two requests a connection may be closed (RFC 9112, §9.5).
            Ok(None) | Err(_) if is_reused => "closed between requests".to_owned(),
            Ok(None) => "no answer".to_owned(),
            Err(error) if is_reset(&error) => "reset".to_owned(),
            Err(error) => format!("broken: {error}"),
        };
        *ends.entry(end).or_default() += 1;
    }
    ends
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_calls_while_it_ends_gets_an_answer_or_finds_nobody() {
    let database = Database::new().await;
    let ids: Vec<String> = (0..64).map(|n| format!("t{n}")).collect();
    register(&database, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut resets = 0;
    for round in 0..6 {
        let arguments = ["--interval", "0", "--connections", "1000"];
        let service = Service::start(&database, &registered(), &arguments);
        let is_told = AtomicBool::new(false);
        let calls = (0..64).map(|n| caller(n, service.address, n % 2 == 0, &is_told));
        let stop = async {
            tokio::time::sleep(Duration::from_millis(100 + 150 * round)).await;
            service.signal("TERM");
        };
        let (all, ()) = tokio::join!(join_all(calls), stop);
        let mut ends = Ends::new();
        for (end, count) in all.into_iter().flatten() {
            *ends.entry(end).or_default() += count;
        }
        resets += ends.remove("reset").unwrap_or_default();
        let known = ["200", "202", "503", "nobody"];
        assert!(ends.keys().all(|end| known.contains(&end.as_str())), "{ends:?}");
        assert!(is_told.load(Ordering::Relaxed) && ends.contains_key("200"), "{ends:?}");
        assert_eq!(ends.get("nobody"), Some(&64), "{ends:?}");
        assert_eq!(service.exit_code(), Some(0));
    }
    // Between the last look at the kernel's queue and the closing of the listener, which are two
    // calls, the kernel may let somebody in and then reset him. That is rare.
    assert!(resets <= 3, "{resets}");
}

#[tokio::test]
async fn what_has_begun_is_answered_and_what_comes_after_is_sent_away() {
    let database = Database::new().await;
    register(&database, &["acme", "other"]).await;
    let arguments = ["--interval", "0", "--jobs", "1", "--lock-timeout", "60"];
    let service = Service::start(&database, &registered(), &arguments);
    service.post("/ops/provision/acme").await.with(200);
    database.run("ALTER TABLE acme.b DROP COLUMN a").await;
    let mut holder = database.connect().await;
    for sql in ["BEGIN", "LOCK TABLE acme.a, acme.b IN ACCESS EXCLUSIVE MODE"] {
        sqlx::raw_sql(sql).execute(&mut holder).await.expect(sql);
    }
    let request = |method: &str, path: &str| {
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{}\r\n", bearer(TOKEN))
    };
    let mut kept = Vec::new();
    for _ in 0..3 {
        let stream = TcpStream::connect(service.address).await.expect("a connection");
        let mut stream = BufReader::new(stream);
        let told = ask(&mut stream, &request("GET", "/healthz")).await.expect("an answer");
        assert!(told.is_some_and(|told| told.status == 200 && !told.closes));
        kept.push(stream);
    }
    let begun = async { service.post("/ops/provision/acme").await };
    let queued = async {
        let waits = "pg_locks WHERE NOT granted";
        eventually("it waits for the lock", async || database.count(waits).await > 0).await;
        // In the queue behind it: one that would change something, and one that would only look.
        tokio::join!(service.post("/ops/provision/other"), service.get("/ops/plan/other"))
    };
    let stop = async {
        service.logs("provisioning started").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        service.signal("TERM");
        service.logs("finishing work in progress").await;
        let (closing, idle) = kept.split_at_mut(2);
        for (stream, (method, path, status)) in closing
            .iter_mut()
            .zip([("GET", "/healthz", 200), ("POST", "/ops/provision/other", 503)])
        {
            let told = ask(stream, &request(method, path)).await.expect("an answer");
            let told = told.expect("an answer");
            assert!(told.status == status && told.closes, "{told:?}");
            assert_eq!(stream.read(&mut [0]).await.expect("an end"), 0);
        }
        sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.expect("letting go");
        // Whoever asks nothing is not waited for.
        assert_eq!(idle[0].read(&mut [0]).await.expect("an end"), 0);
    };
    let (begun, (order, look), ()) = tokio::join!(begun, queued, stop);
    begun.with(200);
    assert_eq!(order.with(503).code(), "stopping");
    assert_eq!(look.with(503).code(), "stopping");
    let log = service.log();
    assert_eq!(service.exit_code(), Some(0), "{log}");
    assert_eq!(database.count("pg_namespace WHERE nspname = 'other'").await, 0);
}
