//! What `sslmode` means, against a server whose certificate is good, or for a different host, or
//! signed by somebody else, or of X.509 version 1 (as Citus makes it), or that has no TLS at all, or
//! hangs up when it should begin.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::{self, sign};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::support::tool::{RunReport, run, tool};
use crate::support::{Database, Folder, server};

const MANIFEST: &str = "version = 1\n[tables.t]\ncolumns = { id = \"int\" }\n";

/// `SSLRequest` (PostgreSQL manual, §55.7): its length, and a number that is no version.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

/// A server for one host, whose certificate the authority signed.
fn acceptor(authority: &CertifiedIssuer<'static, KeyPair>, host: &str) -> TlsAcceptor {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![host.to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a configuration");
    TlsAcceptor::from(Arc::new(config))
}

/// A server with a certificate of X.509 version 1: one of version 3 without the number. Nobody looks
/// at what the signature is over before the version.
fn old_acceptor() -> TlsAcceptor {
    let key = KeyPair::generate().expect("a key");
    // Names enough that the lengths go on taking two bytes.
    let names: Vec<String> = (0..9).map(|n| format!("db{n}.example.org")).collect();
    let params = CertificateParams::new(names).expect("parameters");
    let mut der = params.self_signed(&key).expect("a certificate").der().to_vec();
    // Certificate ::= SEQUENCE { tbsCertificate ::= SEQUENCE { [0] version, …: both lengths take
    // three bytes, and the version five (RFC 5280, §4.1).
    assert_eq!(
        (&der[..2], &der[4..6], &der[8..13]),
        (&[48, 130][..], &[48, 130][..], &[160, 3, 2, 1, 2][..])
    );
    der.drain(8..13);
    for at in [2, 6] {
        let length = u16::from_be_bytes([der[at], der[at + 1]]) - 5;
        der[at..at + 2].copy_from_slice(&length.to_be_bytes());
    }
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = sign::any_supported_type(&key).expect("a key for signing");
    let certified = CertifiedKey::new(vec![der.into()], key);
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    TlsAcceptor::from(Arc::new(config))
}

/// How a server takes to a request for TLS.
#[derive(Clone)]
enum Tls {
    Accepted(TlsAcceptor),
    /// It says yes and closes the connection.
    HangsUp,
    Refused,
}

/// Puts this in front of the test server. Returns the port.
async fn front(tls: Tls) -> u16 {
    let socket = server().socket.clone().expect("these tests need the throwaway cluster");
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (tls, socket) = (tls.clone(), socket.clone());
            tokio::spawn(async move { pass(client, tls, &socket).await });
        }
    });
    port
}

async fn pass(mut client: TcpStream, tls: Tls, socket: &Path) -> std::io::Result<()> {
    let mut server = UnixStream::connect(socket.join(".s.PGSQL.5432")).await?;
    let mut first = [0; 8];
    client.read_exact(&mut first).await?;
    if first == SSL_REQUEST {
        match tls {
            Tls::Accepted(acceptor) => {
                client.write_all(b"S").await?;
                let mut client = acceptor.accept(client).await?;
                copy_bidirectional(&mut client, &mut server).await?;
                return Ok(());
            }
            Tls::HangsUp => return client.write_all(b"S").await,
            Tls::Refused => client.write_all(b"N").await?,
        }
    } else {
        server.write_all(&first).await?;
    }
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sslmode_means_what_it_means_to_libpq() {
    let database = Database::new().await;
    let folder = Folder::new(MANIFEST);
    let (ours, theirs) = (authority(), authority());
    folder.write("ours.pem", &ours.pem());
    folder.write("theirs.pem", &theirs.pem());
    let good = front(Tls::Accepted(acceptor(&ours, "localhost"))).await;
    let other_host = front(Tls::Accepted(acceptor(&ours, "db.example.org"))).await;
    let old = front(Tls::Accepted(old_acceptor())).await;
    let hangs_up = front(Tls::HangsUp).await;
    let plain = front(Tls::Refused).await;
    let file = |name: &str| folder.dir.path().join(name).display().to_string();
    let (ours, theirs) = (file("ours.pem"), file("theirs.pem"));

    let cases = [
        (good, "disable", "", true),
        (good, "allow", "", true),
        (good, "prefer", "", true),
        (good, "require", "", true),
        (good, "require", &*theirs, false),
        (good, "verify-ca", &*ours, true),
        (good, "verify-ca", &*theirs, false),
        (good, "verify-full", &*ours, true),
        (good, "verify-full", &*theirs, false),
        (good, "verify-full", "system", false),
        (good, "verify-full", "", false),
        (other_host, "require", "", true),
        (other_host, "verify-ca", &*ours, true),
        (other_host, "verify-full", &*ours, false),
        (old, "disable", "", true),
        (old, "allow", "", true),
        (old, "prefer", "", true),
        (old, "require", "", false),
        (old, "verify-full", &*ours, false),
        (hangs_up, "prefer", "", true),
        (hangs_up, "require", "", false),
        (plain, "disable", "", true),
        (plain, "prefer", "", true),
        (plain, "require", "", false),
        (plain, "verify-full", &*ours, false),
    ];
    for (port, mode, root, is_good) in cases {
        let root = if root.is_empty() { String::new() } else { format!("&sslrootcert={root}") };
        let name = &database.name;
        let url = format!("postgres://provision@localhost:{port}/{name}?sslmode={mode}{root}");
        let ended = plan(&folder, &url).await;
        assert_eq!(ended.code == Some(0), is_good, "{url}: {}", ended.stderr);
        if !is_good {
            let said = ended.stderr.contains("error[connect-failed]")
                || ended.stderr.contains("error[connection-setting]");
            assert!(said, "{url}: {}", ended.stderr);
        }
        let is_warned = ended.stderr.contains("connected without encryption");
        assert_eq!(is_warned, is_good && mode == "prefer" && [old, hangs_up].contains(&port));
        if port == old && mode == "require" {
            assert!(ended.stderr.contains("X.509 version 1"), "{}", ended.stderr);
            assert!(ended.stderr.contains("sslmode=disable"), "{}", ended.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_never_made_is_not_lost() {
    let folder = Folder::new(MANIFEST);
    // Bound and closed again: nobody listens there.
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    for (url, reason) in [
        (format!("postgres://me@127.0.0.1:{port}/d"), "Connection refused"),
        ("postgres://me@host.invalid/d".to_owned(), "failed to lookup address information"),
        ("postgres:///d?host=/nowhere/at/all&user=me".to_owned(), "No such file or directory"),
    ] {
        let ended = plan(&folder, &url).await.with(1);
        let said = &ended.stderr;
        assert!(said.contains("error[connect-failed]: cannot connect to me@"), "{said}");
        assert!(said.contains(reason), "{said}");
        assert!(!said.contains("lost"), "{said}");
    }
}

async fn plan(folder: &Folder, url: &str) -> RunReport {
    let mut command = tool(folder.dir.path(), &["plan", "acme"]);
    command.env("DATABASE_URL", url);
    tokio::task::spawn_blocking(move || run(command)).await.expect("no panic")
}
