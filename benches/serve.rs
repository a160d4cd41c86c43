//! The service: what HTTP adds to the library call behind it. `cargo bench --bench serve`.
//!
//! On the embedded server with `fsync` on; the service runs in this process, and clients reach it
//! over loopback, each on a connection that it keeps open.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and ends when it cannot go on"
)]

mod example;
mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use provision::embedded::Cluster;
use provision::fleet::{self, Fleet, Settings};
use provision::name::TenantId;
use provision::pg::{Session, Target};
use provision::reconcile::{self, ApplyOptions};
use provision::server::{self, Bounds, Credentials, Options, Tokens};
use provision::{manifest, telemetry};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use example::example_of_tables;
use support::on_a_server;
use tokio::runtime::Builder;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const ROUNDS: usize = 1_000;
const CONNECTIONS: usize = 64;
const LOAD: Duration = Duration::from_secs(5);
const FLEET: usize = 5_000;
const MANIFEST: &str = "version = 1\n[tenants]\ndiscover = true\n[tables.t]\n\
    primary_key = [\"id\"]\ncolumns = { id = \"int\", name = \"text\" }\n\
    [[seeds]]\ntable = \"t\"\nkey = [\"id\"]\nrows = [{ id = 1, name = \"one\" }]\n";

fn main() {
    on_a_server(Builder::new_multi_thread(), 100, async |cluster| {
        println!("| what | p50 | p99 |\n|---|---:|---:|");
        bench(cluster).await;
    });
}

async fn bench(cluster: &Cluster) {
    let folder = tempfile::tempdir().expect("a folder");
    let example = example_of_tables(folder.path());
    let recorder = telemetry::Recorder::install().expect("the only recorder");
    let fleet = || fleet_of(&example, cluster);
    let (address, service) = start(fleet(), recorder.clone(), None).await;

    let direct = fleet();
    let context = &direct.servers[0].context;
    let tenant = context.tenant(&TenantId::new("acme").expect("an id")).expect("a name");
    let mut session: Option<Session> = None;
    let mut caller = TcpStream::connect(address).await.expect("a connection");
    let post = request("POST", "/ops/provision/acme");
    call(&mut caller, &post).await;
    let (mut library, mut http) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        reconcile::apply_on(&mut session, context, &tenant, ApplyOptions::default())
            .await
            .expect("an apply");
        library.push(begin.elapsed());
        let begin = Instant::now();
        call(&mut caller, &post).await;
        http.push(begin.elapsed());
    }
    let library = row("library call, nothing to do", library);
    let http = row("POST, nothing to do", http);
    println!(
        "| POST against library call | {:.2} | {:.2} |",
        http.0.as_secs_f64() / library.0.as_secs_f64(),
        http.1.as_secs_f64() / library.1.as_secs_f64()
    );

    let calls = load(address, |n| request("POST", &format!("/ops/provision/tenant-{n}"))).await;
    let rate = calls.len() as f64 / LOAD.as_secs_f64();
    row("POST, nothing to do, 64 connections for 64 tenants", calls);
    println!("requests per second at {CONNECTIONS} connections: {rate:.0}");
    service.stop(Duration::from_secs(30)).await;

    many(cluster, recorder).await;
}

/// `/metrics`, while the service works through 5,000 tenants and clients request theirs.
async fn many(cluster: &Cluster, recorder: telemetry::Recorder) {
    let path = std::env::temp_dir().join(format!("provision-serve-{}.toml", std::process::id()));
    std::fs::write(&path, MANIFEST).expect("a manifest");
    let fleet = fleet_of(&path, cluster);
    std::fs::remove_file(&path).expect("cleaning up");
    let ids: Vec<String> = (0..FLEET).map(|n| format!("many-{n}")).collect();
    let selection = fleet::Selection::default();
    let roster =
        fleet::enumerate(&fleet, &fleet::Source::Ids { ids, unregistered: true }, &selection).await;
    let stop = std::sync::atomic::AtomicBool::new(false);
    let options = fleet::Options::default();
    let ended = fleet::apply(&fleet, roster, None, &options, &stop, &|_| {}).await;
    assert!(!ended.has_failed(), "{:?}", ended.stopped);

    let interval = Some(Duration::from_millis(100));
    let (address, service) = start(fleet, recorder, interval).await;
    let work =
        tokio::spawn(load(address, |n| request("POST", &format!("/ops/provision/many-{n}"))));
    let mut caller = TcpStream::connect(address).await.expect("a connection");
    let get = request("GET", "/metrics");
    let mut times = Vec::new();
    while !work.is_finished() {
        let begin = Instant::now();
        call(&mut caller, &get).await;
        times.push(begin.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    row("/metrics under load, 5,000 tenants", times);
    service.stop(Duration::from_mins(1)).await;
}

fn fleet_of(manifest: &Path, cluster: &Cluster) -> Fleet {
    let target =
        Target::from_socket(&cluster.socket_dir, cluster.port, &cluster.user, &cluster.database);
    let manifest = manifest::load(manifest).expect("a valid manifest");
    Fleet::new(manifest, [(None, target)], &Settings::default())
}

async fn start(
    fleet: Fleet,
    recorder: telemetry::Recorder,
    interval: Option<Duration>,
) -> (SocketAddr, server::Server) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let tokens = Tokens::parse(TOKEN, None).expect("a token");
    let bounds = Bounds { jobs: 4, queue: 1_000, request: Duration::from_secs(30) };
    let options = Options { bounds, connections: 500, interval };
    let credentials = Credentials { tokens, tls: None };
    (address, server::start(listener, fleet, credentials, options, recorder))
}

/// Clients on so many connections, each with its own request; the times of all requests.
async fn load(address: SocketAddr, request: impl Fn(usize) -> String) -> Vec<Duration> {
    let callers = (0..CONNECTIONS).map(|n| {
        let request = request(n);
        tokio::spawn(async move {
            let mut caller = TcpStream::connect(address).await.expect("a connection");
            call(&mut caller, &request).await;
            let (begin, mut times) = (Instant::now(), Vec::new());
            while begin.elapsed() < LOAD {
                let begin = Instant::now();
                call(&mut caller, &request).await;
                times.push(begin.elapsed());
            }
            times
        })
    });
    let all = futures_util::future::join_all(callers.collect::<Vec<_>>()).await;
    all.into_iter().flat_map(|times| times.expect("a caller")).collect()
}

fn request(method: &str, path: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n\
         content-length: 0\r\n\r\n"
    )
}

/// Sends a request on a connection that stays open, and reads the response, which must be 200.
async fn call(stream: &mut TcpStream, request: &str) {
    stream.write_all(request.as_bytes()).await.expect("sending");
    let mut received = Vec::with_capacity(64 * 1024);
    loop {
        assert!(stream.read_buf(&mut received).await.expect("an answer") > 0, "it hung up");
        let Some(end) = received.windows(4).position(|part| part == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&received[..end]);
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("a length").parse().expect("a number");
        if received.len() >= end + 4 + length {
            assert!(head.starts_with("HTTP/1.1 200"), "{}", String::from_utf8_lossy(&received));
            return;
        }
    }
}

fn row(what: &str, mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let ms = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
    println!("| {what} | {} | {} |", ms(at(50)), ms(at(99)));
    (at(50), at(99))
}
