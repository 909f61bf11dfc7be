//! The certificate of a server: two PEM files become what rustls serves with.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

use crate::serve::Tls;

/// Why a certificate cannot be served with. One variant for each thing that its owner does about it.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("read `{}`", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is no PEM file, or a broken one.
    #[error("read `{}` as PEM", .path.display())]
    NotPem {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: pem::Error,
    },
    /// The file has something else in it than it should.
    #[error("find {expected} in `{}`", .path.display())]
    Missing {
        /// Which.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
    },
    /// The two do not belong together, or are of no use.
    #[error("serve with the certificate in `{}` and the key in `{}`", .cert.display(), .key.display())]
    Unusable {
        /// Where the certificate is.
        cert: PathBuf,
        /// Where the key is.
        key: PathBuf,
        /// What is wrong with them.
        #[source]
        source: rustls::Error,
    },
}

impl TlsError {
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "look at the path, and whether this user may read the file",
            Self::NotPem { .. } => "a PEM file has lines `-----BEGIN …-----` and `-----END …-----` with base 64 between them",
            Self::Missing { .. } => {
                "the certificate and those that vouch for it are in one file, the private key without a passphrase in the other"
            }
            Self::Unusable { .. } => "the key must be the certificate's own: were both made at the same time?",
        }
    }
}

/// What to serve with.
pub(crate) fn config(tls: &Tls) -> Result<RustlsConfig, TlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(&tls.cert)?).collect();
    let certificates = certificates.map_err(|source| TlsError::NotPem { path: tls.cert.clone(), source })?;
    if certificates.is_empty() {
        return Err(TlsError::Missing { path: tls.cert.clone(), expected: "a certificate" });
    }
    let key = PrivateKeyDer::from_pem_slice(&read(&tls.key)?).map_err(|source| match source {
        pem::Error::NoItemsFound => TlsError::Missing { path: tls.key.clone(), expected: "a private key" },
        source => TlsError::NotPem { path: tls.key.clone(), source },
    })?;
    let unusable = |source| TlsError::Unusable { cert: tls.cert.clone(), key: tls.key.clone(), source };
    // Named here, so that it does not depend on what else is linked into the program.
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(unusable)?.with_no_client_auth();
    let mut config = builder.with_single_cert(certificates, key).map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}
