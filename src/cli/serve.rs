//! `provision serve`

mod reload;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::aside::aside;
use super::global::seconds;
use super::{Exit, Global, LogFormat, output};
use crate::error::Error;
use crate::files;
use crate::fleet::Fleet;
use crate::reconcile::Retry;
use crate::server::{self, Bounds, Credentials, Options, Tokens};
use crate::telemetry::Recorder;

/// The largest file of tokens.
const TOKEN_FILE_BYTES: u64 = 64 * 1024;

/// Answer requests to provision tenants, and keep all of them up to date.
#[derive(Debug, Clone, Args)]
#[command(override_usage = "provision serve [OPTIONS]")]
#[command(after_help = "\
Examples:
  openssl rand -hex 32 > token
  provision serve --token-file token
  curl -X POST -H \"Authorization: Bearer $(cat token)\" http://127.0.0.1:8080/ops/provision/acme

GET /openapi.json describes all routes. SIGHUP reads the tokens, the certificates and the manifest
again; what is not usable, or refused by the database, is logged and not used. SIGTERM ends what
was begun, and then the service; a second one ends it at once.")]
pub(super) struct Serve {
    /// Where to listen.
    #[arg(
        long,
        env = "PROVISION_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS"
    )]
    listen: SocketAddr,

    /// Listen on an address that others can reach, without TLS: something else encrypts.
    #[arg(long)]
    plaintext: bool,

    /// The chain of certificates, as PEM.
    #[arg(long, env = "PROVISION_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The key, as PEM.
    #[arg(long, env = "PROVISION_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// A file with one token, or two during a rotation. Without it, `PROVISION_TOKEN` is
    /// read.
    #[arg(long, env = "PROVISION_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// A file with tokens that allow reading only. Without it, `PROVISION_READ_TOKEN` is read.
    #[arg(long, env = "PROVISION_READ_TOKEN_FILE", value_name = "FILE")]
    read_token_file: Option<PathBuf>,

    /// How often all tenants are brought up to date; 0 means never.
    #[arg(long, default_value = "300", value_name = "SECONDS", value_parser = seconds)]
    interval: Duration,

    /// Connections at work on tenants.
    #[arg(long, default_value = "4", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    jobs: u16,

    /// Requests that may wait for one of them, and as many that only read; more are answered with 503.
    #[arg(long, default_value = "250", value_name = "N")]
    queue: u16,

    /// Connections of callers.
    #[arg(long, default_value = "500", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,

    /// How long a caller waits for a tenant; then the answer is 202, and the work goes on. What only
    /// reads ends then (after 1 second at least), and is answered with 503.
    #[arg(long, default_value = "30", value_name = "SECONDS", value_parser = seconds)]
    request_timeout: Duration,

    /// How long work may go on after SIGTERM; then it is given up, and rolled back.
    #[arg(long, default_value = "30", value_name = "SECONDS", value_parser = seconds)]
    grace: Duration,
}

impl Serve {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Error> {
        if !self.listen.ip().is_loopback() && self.tls_cert.is_none() && !self.plaintext {
            return Err(Error::Usage(format!(
                "{} can be reached by others, who could read the tokens: give --tls-cert and \
                 --tls-key, or --plaintext if something in front encrypts",
                self.listen
            )));
        }
        let failed = |doing: &str| {
            let doing = doing.to_owned();
            |source| Error::Io { doing, source }
        };
        let signals = "wait for signals";
        let mut hang_up = signal(SignalKind::hangup()).map_err(failed(signals))?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed(signals))?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed(signals))?;
        let recorder = Recorder::install()
            .ok_or_else(|| Error::Usage("this process counts already".into()))?;
        let loaded = tokio::select! {
            loaded = self.load(global) => loaded,
            _ = terminate.recv() => return Ok(Exit::Done),
            _ = interrupt.recv() => return Ok(Exit::Done),
        };
        let (fleet, credentials) = loaded?;
        let listener = TcpListener::bind(self.listen)
            .await
            .map_err(failed(&format!("listen on {}", self.listen)))?;
        let address = listener.local_addr().map_err(failed("ask for the address"))?;
        let server = server::start(listener, fleet, credentials, self.options(), recorder);
        let url = format!("{}://{address}", self.scheme());
        match global.log_format {
            LogFormat::Human => output::notice(&format!("listening on {url}")),
            LogFormat::Json => tracing::info!(url, "listening"),
        }
        tokio::select! {
            () = reload::at_each(&mut hang_up, &self, global, &server) => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("ending what was begun");
        tokio::select! {
            in_time = server.stop(self.grace) => {
                if !in_time {
                    tracing::warn!("not all could be ended in time; the rest is rolled back");
                }
                Ok(Exit::Done)
            }
            _ = terminate.recv() => Err(Error::Interrupted),
            _ = interrupt.recv() => Err(Error::Interrupted),
        }
    }

    fn scheme(&self) -> &'static str {
        if self.tls_cert.is_some() { "https" } else { "http" }
    }

    fn options(&self) -> Options {
        Options {
            bounds: Bounds {
                jobs: self.jobs.into(),
                queue: self.queue.into(),
                request: self.request_timeout,
            },
            connections: self.connections.into(),
            interval: (!self.interval.is_zero()).then_some(self.interval),
        }
    }

    /// Reads all that SIGHUP reads again.
    async fn load(&self, global: &Global) -> Result<(Fleet, Credentials), Error> {
        let credentials = self.credentials().await?;
        Ok((self.fleet(global).await?, credentials))
    }

    async fn fleet(&self, global: &Global) -> Result<Fleet, Error> {
        global.fleet_with(Retry { attempts: 3, ..Retry::default() }).await
    }

    async fn credentials(&self) -> Result<Credentials, Error> {
        let files = self.clone();
        aside("read tokens and certificates", move || {
            let tls = files.tls_cert.as_deref().zip(files.tls_key.as_deref());
            Ok(Credentials {
                tokens: files.tokens()?,
                tls: tls.map(|(cert, key)| server::tls(cert, key)).transpose()?,
            })
        })
        .await?
    }

    fn tokens(&self) -> Result<Tokens, Error> {
        let (from, full) = secret(self.token_file.as_deref(), "PROVISION_TOKEN")?;
        let (_, read) = secret(self.read_token_file.as_deref(), "PROVISION_READ_TOKEN")?;
        Tokens::parse(full.as_deref().unwrap_or_default(), read.as_deref())
            .map_err(|source| Error::Tokens { from, source })
    }
}

/// What a file holds, or else a variable; and which of them it was.
fn secret(file: Option<&Path>, variable: &str) -> Result<(String, Option<String>), Error> {
    let Some(path) = file else {
        return Ok((variable.to_owned(), std::env::var(variable).ok()));
    };
    Ok((path.display().to_string(), Some(files::read(path, TOKEN_FILE_BYTES)?)))
}
