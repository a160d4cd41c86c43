//! `provision serve`

mod files;
mod reload;

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use self::files::Files;
use super::global::seconds;
use super::{Exit, Global, LogFormat, output};
use crate::error::Error;
use crate::server::{self, Bounds, Options};
use crate::telemetry::Recorder;

/// Answer requests to provision tenants, and keep all of them up to date.
#[derive(Debug, Clone, Args)]
#[command(override_usage = "provision serve [OPTIONS]")]
#[command(after_help = "\
Examples:
  openssl rand -hex 32 > token
  provision serve --token-file token
  curl -X POST -H \"Authorization: Bearer $(cat token)\" http://127.0.0.1:8080/ops/provision/acme

GET /openapi.json describes all routes. SIGHUP reads the tokens, the certificates and the manifest
again; what is invalid, or rejected by the database, is logged and not used. SIGTERM finishes the
work in progress, and then stops the service; a second one stops it at once.")]
pub(super) struct Serve {
    /// Where to listen.
    #[arg(
        long,
        env = "PROVISION_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS"
    )]
    listen: SocketAddr,

    /// Listen on an address that others can reach without TLS, because a proxy in front encrypts.
    #[arg(long)]
    plaintext: bool,

    #[command(flatten)]
    files: Files,

    /// How often all tenants are brought up to date; 0 means never.
    #[arg(long, default_value = "300", value_name = "SECONDS", value_parser = seconds)]
    interval: Duration,

    /// Connections that work on tenants.
    #[arg(long, default_value = "4", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    jobs: u16,

    /// Requests that may wait for one of them, and as many more that only read; others get 503.
    #[arg(long, default_value = "250", value_name = "N")]
    queue: u16,

    /// Connections of clients.
    #[arg(long, default_value = "500", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,

    /// How long a client waits for a tenant; then the response is 202, and the work goes on. A request
    /// that only reads ends then (after 1 second at least) with 503.
    #[arg(long, default_value = "30", value_name = "SECONDS", value_parser = seconds)]
    request_timeout: Duration,

    /// How long work may go on after SIGTERM; then it is cancelled, and rolled back.
    #[arg(long, default_value = "30", value_name = "SECONDS", value_parser = seconds)]
    grace: Duration,
}

impl Serve {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Error> {
        if !self.listen.ip().is_loopback() && !self.files.has_tls() && !self.plaintext {
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
            .ok_or_else(|| Error::Usage("metrics are already recorded in this process".into()))?;
        let loaded = tokio::select! {
            loaded = self.files.load(global) => loaded,
            _ = terminate.recv() => return Ok(Exit::Done),
            _ = interrupt.recv() => return Ok(Exit::Done),
        };
        let (fleet, credentials) = loaded?;
        let listener = TcpListener::bind(self.listen)
            .await
            .map_err(failed(&format!("listen on {}", self.listen)))?;
        let address = listener.local_addr().map_err(failed("get the address"))?;
        let server = server::start(listener, fleet, credentials, self.options(), recorder);
        let url = format!("{}://{address}", self.scheme());
        match global.log_format {
            LogFormat::Human => output::notice(&format!("listening on {url}")),
            LogFormat::Json => tracing::info!(url, "listening"),
        }
        tokio::select! {
            () = reload::on_signal(&mut hang_up, &self.files, global, &server) => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("finishing work in progress");
        tokio::select! {
            in_time = server.stop(self.grace) => {
                if !in_time {
                    tracing::warn!("not all work ended in time; the rest is rolled back");
                }
                Ok(Exit::Done)
            }
            _ = terminate.recv() => Err(Error::Interrupted),
            _ = interrupt.recv() => Err(Error::Interrupted),
        }
    }

    fn scheme(&self) -> &'static str {
        if self.files.has_tls() { "https" } else { "http" }
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
}
