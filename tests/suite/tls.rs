//! What `sslmode` means, against a server whose certificate is good, or for another host, or
//! signed by somebody else, or that has no TLS at all.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::support::tool::{run, tool};
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
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a configuration");
    TlsAcceptor::from(Arc::new(config))
}

/// Puts TLS in front of the test server; `None` refuses it. Returns the port.
async fn front(acceptor: Option<TlsAcceptor>) -> u16 {
    let socket = server().socket.clone().expect("these tests need the throwaway cluster");
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (acceptor, socket) = (acceptor.clone(), socket.clone());
            tokio::spawn(async move { pass(client, acceptor, &socket).await });
        }
    });
    port
}

async fn pass(
    mut client: TcpStream,
    acceptor: Option<TlsAcceptor>,
    socket: &Path,
) -> std::io::Result<()> {
    let mut server = UnixStream::connect(socket.join(".s.PGSQL.5432")).await?;
    let mut first = [0; 8];
    client.read_exact(&mut first).await?;
    if first == SSL_REQUEST {
        if let Some(acceptor) = acceptor {
            client.write_all(b"S").await?;
            let mut client = acceptor.accept(client).await?;
            copy_bidirectional(&mut client, &mut server).await?;
            return Ok(());
        }
        client.write_all(b"N").await?;
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
    let good = front(Some(acceptor(&ours, "localhost"))).await;
    let other_host = front(Some(acceptor(&ours, "db.example.org"))).await;
    let plain = front(None).await;
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
        (plain, "disable", "", true),
        (plain, "prefer", "", true),
        (plain, "require", "", false),
        (plain, "verify-full", &*ours, false),
    ];
    for (port, mode, root, is_good) in cases {
        let root = if root.is_empty() { String::new() } else { format!("&sslrootcert={root}") };
        let name = &database.name;
        let url = format!("postgres://provision@localhost:{port}/{name}?sslmode={mode}{root}");
        let mut command = tool(folder.dir.path(), &["plan", "acme"]);
        command.env("DATABASE_URL", &url);
        let ended = tokio::task::spawn_blocking(move || run(command)).await.expect("no panic");
        assert_eq!(ended.code == Some(0), is_good, "{url}: {}", ended.stderr);
        if !is_good {
            let said = ended.stderr.contains("error[connect-failed]")
                || ended.stderr.contains("error[connection-setting]");
            assert!(said, "{url}: {}", ended.stderr);
        }
    }
}
