//! TLS by rustls: a certificate chain and its key, from files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::files::{self, FileError};

/// The largest file of certificates or keys.
const PEM_BYTES: u64 = 1024 * 1024;

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{} is not usable PEM", file.display())]
    Pem {
        file: PathBuf,
        #[source]
        source: pem::Error,
    },
    #[error("{} holds no certificate", file.display())]
    NoCertificate { file: PathBuf },
    #[error("the certificate and the key are not usable")]
    Unusable(#[source] rustls::Error),
}

/// Reads a chain of certificates, the service's own first, and its key, both as PEM.
///
/// # Errors
/// When a file cannot be read, or the two do not match.
pub fn tls(certificates: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let failed = |file: &Path| {
        let file = file.to_owned();
        |source| TlsError::Pem { file, source }
    };
    let text = files::read(certificates, PEM_BYTES)?;
    let chain: Result<Vec<CertificateDer<'static>>, pem::Error> =
        CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let chain = chain.map_err(failed(certificates))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { file: certificates.to_owned() });
    }
    let text = files::read(key, PEM_BYTES)?;
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(failed(key))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(TlsError::Unusable)?;
    Ok(Arc::new(config))
}
