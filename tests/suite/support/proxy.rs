//! A proxy that knows where messages of the PostgreSQL protocol begin and end (manual, §55.7), so
//! that a test can act between any two of them.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What the proxy does beside passing messages on.
#[derive(Clone)]
pub enum Rule {
    /// Nothing.
    Pass,
    /// Passes COMMIT on and lets the server answer, but not the client hear it: once.
    HideCommitAnswer,
    /// Cuts the connection when the client says COMMIT, and the server never hears it: once.
    LoseCommit,
    /// Acts after so many statements have completed, counted over all connections; with the
    /// process id of the server's side.
    AfterStatements(usize, Arc<dyn Fn(u32) + Send + Sync>),
}

pub struct Proxy {
    pub port: u16,
    pub statements: Arc<AtomicUsize>,
}

struct Shared {
    rule: Mutex<Rule>,
    statements: Arc<AtomicUsize>,
}

impl Proxy {
    /// Listens on loopback and passes on to the server's socket in `socket_dir`.
    pub fn start(socket_dir: PathBuf, rule: Rule) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let statements = Arc::new(AtomicUsize::new(0));
        let shared = Arc::new(Shared { rule: Mutex::new(rule), statements: statements.clone() });
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // An answer is several small messages, which otherwise wait for each other.
                let _ = client.set_nodelay(true);
                let server = UnixStream::connect(socket_dir.join(".s.PGSQL.5432"));
                let Ok(server) = server else { continue };
                let shared = shared.clone();
                std::thread::spawn(move || connection(client, server, &shared));
            }
        });
        Self { port, statements }
    }

    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }
}

fn connection(mut client: TcpStream, mut server: UnixStream, shared: &Arc<Shared>) {
    // The first message has no type.
    let Some(startup) = read_body(&mut client) else {
        return;
    };
    if write_frame(&mut server, None, &startup).is_err() {
        return;
    }
    let back = {
        let (client, server) = (client.try_clone(), server.try_clone());
        let (Ok(client), Ok(server)) = (client, server) else {
            return;
        };
        let shared = shared.clone();
        let hidden = Arc::new(Mutex::new(false));
        let hide = hidden.clone();
        std::thread::spawn(move || answers(client, server, &shared, &hide));
        hidden
    };
    while let Some((kind, body)) = read_frame(&mut client) {
        let is_commit = kind == b'Q' && body.starts_with(b"COMMIT");
        if is_commit {
            let mut rule = shared.rule.lock().expect("no test panics here");
            match *rule {
                Rule::HideCommitAnswer => {
                    *rule = Rule::Pass;
                    *back.lock().expect("no test panics here") = true;
                }
                Rule::LoseCommit => {
                    *rule = Rule::Pass;
                    break;
                }
                _ => {}
            }
        }
        if write_frame(&mut server, Some(kind), &body).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
}

fn answers(mut client: TcpStream, mut server: UnixStream, shared: &Shared, hide: &Mutex<bool>) {
    let mut backend = 0;
    while let Some((kind, body)) = read_frame(&mut server) {
        if kind == b'K' && body.len() >= 4 {
            backend = u32::from_be_bytes([body[0], body[1], body[2], body[3]]);
        }
        if *hide.lock().expect("no test panics here") {
            // The answer to COMMIT: the client never gets it.
            break;
        }
        if write_frame(&mut client, Some(kind), &body).is_err() {
            break;
        }
        if kind == b'C' {
            let done = shared.statements.fetch_add(1, Ordering::SeqCst) + 1;
            let rule = shared.rule.lock().expect("no test panics here").clone();
            if let Rule::AfterStatements(at, act) = rule
                && done == at
            {
                act(backend);
            }
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

fn read_frame(stream: &mut impl Read) -> Option<(u8, Vec<u8>)> {
    let mut kind = [0];
    stream.read_exact(&mut kind).ok()?;
    Some((kind[0], read_body(stream)?))
}

/// A length that counts itself, and as many bytes less four.
fn read_body(stream: &mut impl Read) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?.checked_sub(4)?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

fn write_frame(stream: &mut impl Write, kind: Option<u8>, body: &[u8]) -> std::io::Result<()> {
    let mut frame: Vec<u8> = kind.into_iter().collect();
    let length = u32::try_from(body.len() + 4).map_err(std::io::Error::other)?;
    frame.extend(length.to_be_bytes());
    frame.extend(body);
    stream.write_all(&frame)
}
