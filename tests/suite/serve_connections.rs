//! Callers who are many, slow or careful: how connections are taken.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};
use sqlx::AssertSqlSafe;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::serve::{register, registered};
use crate::support::service::{Service, TOKEN, bearer, eventually, exchange};
use crate::support::{Database, Folder};

#[tokio::test]
async fn a_thousand_slow_callers_do_not_keep_others_from_an_answer() {
    rlimit::increase_nofile_limit(4096).expect("file descriptors");
    let database = Database::new().await;
    register(&database, &["acme"]).await;
    let arguments = ["--interval", "0", "--connections", "100"];
    let service = Service::start(&database, &registered(), &arguments);
    let mut slow = Vec::new();
    for n in 0..1_000 {
        let stream = TcpStream::connect(service.address).await.expect("a connection");
        let part: &[u8] = if n % 2 == 0 { b"" } else { b"POST /ops/provision/acme HTTP/1.1\r\nho" };
        stream.try_write(part).expect("writing");
        slow.push(stream);
    }
    service.get("/healthz").await.with(200);
    service.post("/ops/provision/acme").await.with(200);
    // The oldest had to make room.
    let mut byte = [0];
    let read = tokio::time::timeout(Duration::from_secs(5), slow[0].read(&mut byte)).await;
    assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
    // Nor do they keep it from ending.
    service.signal("TERM");
    let begin = Instant::now();
    assert_eq!(service.exit_code(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn it_speaks_tls() {
    let database = Database::new().await;
    register(&database, &["acme"]).await;
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let certificate = params.self_signed(&key).expect("a certificate");
    let folder = Folder::new(&registered());
    folder.write("cert.pem", &certificate.pem());
    folder.write("key.pem", &key.serialize_pem());
    let arguments = ["--interval", "0", "--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let service = Service::start_on(&database.url, folder, &arguments);

    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).expect("a root");
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(service.address).await.expect("a connection");
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = connector.connect(name, stream).await.expect("TLS");
    let request = format!(
        "POST /ops/provision/acme HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-length: 0\r\n{}\r\n",
        bearer(TOKEN)
    );
    exchange(stream, request.as_bytes()).await.expect("an answer").with(200);
    // Without TLS there is no answer.
    assert!(service.try_call("GET", "/healthz", "", "").await.is_err());
}

#[tokio::test]
async fn who_waits_for_an_answer_is_not_put_out_by_others() {
    let database = Database::new().await;
    database
        .run("CREATE TABLE public.tenants (id text); INSERT INTO public.tenants SELECT repeat('X', 6000) || n FROM generate_series(1, 3000) n")
        .await;
    let arguments = ["--interval", "0", "--connections", "10"];
    let service = Service::start(&database, &registered(), &arguments);
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut reader = socket.connect(service.address).await.expect("a connection");
    let request =
        format!("GET /ops/drift HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{}\r\n", bearer(TOKEN));
    reader.write_all(request.as_bytes()).await.expect("writing");
    let mut answer = vec![0; 1000];
    reader.read_exact(&mut answer).await.expect("a beginning");
    let mut strangers = Vec::new();
    for _ in 0..30 {
        strangers.push(TcpStream::connect(service.address).await.expect("a connection"));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    reader.read_to_end(&mut answer).await.expect("the rest");
    let text = String::from_utf8(answer).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains(&format!("content-length: {}", body.len())), "{head} {}", body.len());
    assert!(body.len() > 10_000_000, "{}", body.len());
}

#[tokio::test]
async fn when_all_wait_for_work_others_are_told_to_come_back() {
    let database = Database::new().await;
    register(&database, &["acme"]).await;
    database.run("CREATE SCHEMA acme; CREATE TABLE acme.a (id int PRIMARY KEY, code text)").await;
    let mut holder = database.connect().await;
    for sql in ["BEGIN", "LOCK TABLE acme.a IN ACCESS EXCLUSIVE MODE"] {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut holder).await.expect(sql);
    }
    let arguments = ["--interval", "0", "--connections", "2", "--lock-timeout", "60"];
    let service = Service::start(&database, &registered(), &arguments);
    let waiting = async { service.post("/ops/provision/acme").await };
    let others = async {
        let locked = "pg_locks WHERE NOT granted";
        eventually("it waits", async || database.count(locked).await > 0).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let crowded = async || {
            let answer = service.try_call("GET", "/readyz", "", "").await.expect("an answer");
            answer.status == 503 && answer.code() == "too-many-connections"
        };
        eventually("there is no room", crowded).await;
        sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.expect("letting go");
    };
    let (first, second, ()) =
        futures_util::join!(waiting, async { service.post("/ops/provision/acme").await }, others);
    first.with(200);
    second.with(200);
    service.get("/healthz").await.with(200);
}
