//! What the service reads when it starts, and again on SIGHUP.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::Global;
use crate::cli::detached::run_detached;
use crate::consent::Class;
use crate::error::Error;
use crate::files;
use crate::fleet::Fleet;
use crate::reconcile::{self, Retry};
use crate::server::{self, Credentials, Tokens};

/// The largest file of tokens.
const TOKEN_FILE_BYTES: u64 = 64 * 1024;

/// Files with tokens and certificates.
#[derive(Debug, Clone, Args)]
pub(super) struct Files {
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

    /// Drop what `[[allow]]` in the manifest allows to be dropped, too. Without it, the service only makes the other changes that the manifest allows.
    #[arg(long, env = "PROVISION_HONOUR_DROPS")]
    honour_drops: bool,
}

impl Files {
    /// Whether connections are encrypted.
    pub(super) fn has_tls(&self) -> bool {
        self.tls_cert.is_some()
    }

    /// The manifest with its servers, tokens and certificates.
    pub(super) async fn load(&self, global: &Global) -> Result<(Fleet, Credentials), Error> {
        let credentials = self.credentials().await?;
        Ok((self.fleet(global).await?, credentials))
    }

    /// The manifest with its servers. Attempts are fewer than elsewhere: clients wait, and try again.
    pub(super) async fn fleet(&self, global: &Global) -> Result<Fleet, Error> {
        let fleet = global.fleet_with(Retry { attempts: 3, ..Retry::default() }).await?;
        let mut allowed = fleet.manifest.allowed(reconcile::today());
        if !self.honour_drops {
            allowed = allowed.without(Class::Drop);
        }
        Ok(fleet.with_consent(&allowed))
    }

    pub(super) async fn credentials(&self) -> Result<Credentials, Error> {
        let files = self.clone();
        run_detached("read tokens and certificates", move || {
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

/// The contents of a file, or else of a variable, and which of them it was.
fn secret(file: Option<&Path>, variable: &str) -> Result<(String, Option<String>), Error> {
    let Some(path) = file else {
        return Ok((variable.to_owned(), std::env::var(variable).ok()));
    };
    Ok((path.display().to_string(), Some(files::read(path, TOKEN_FILE_BYTES)?)))
}
