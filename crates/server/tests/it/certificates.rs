//! TLS: with a good certificate it is spoken, with a bad one the server says which file is wrong.

use std::error::Error as _;
use std::path::PathBuf;

use handclasp_server::{Options, ServeError, Tls, serve};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::{Certificate, Client, Version};
use tempfile::TempDir;

use crate::guarded::{Guarded, anywhere, engine};

/// A certificate with its key, in files.
struct Files {
    folder: TempDir,
    certificate: String,
}

impl Files {
    fn new() -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let files = Self { folder: tempfile::tempdir().unwrap(), certificate: cert.pem() };
        files.write("cert.pem", &files.certificate);
        files.write("key.pem", &signing_key.serialize_pem());
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn tls(&self) -> Options {
        Options { tls: Some(Tls { cert: self.path("cert.pem"), key: self.path("key.pem") }), ..anywhere() }
    }

    /// Why a server does not start with these files, cause by cause.
    async fn failure(&self) -> String {
        let error = serve(engine(), self.tls(), |_| {}, std::future::ready(())).await.unwrap_err();
        assert!(matches!(error, ServeError::Tls(_)) && !error.hint().is_empty());
        let mut said = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            said = format!("{said}: {error}");
            cause = error.source();
        }
        said
    }
}

#[tokio::test]
async fn a_client_that_trusts_the_certificate_is_served_over_http_1_and_2() {
    let files = Files::new();
    let house = Guarded::with(files.tls()).await;
    assert!(house.url.starts_with("https://"));
    let trusting = || Client::builder().no_proxy().tls_certs_only([Certificate::from_pem(files.certificate.as_bytes()).unwrap()]);
    let url = format!("{}/v1/runs", house.url);
    let second = trusting().build().unwrap().get(&url).send().await.unwrap();
    assert_eq!((second.status().as_u16(), second.version()), (200, Version::HTTP_2));
    let first = trusting().http1_only().build().unwrap().get(&url).send().await.unwrap();
    assert_eq!((first.status().as_u16(), first.version()), (200, Version::HTTP_11));
    // Whoever does not trust it, or speaks plainly, gets nothing.
    assert!(house.http.get(&url).send().await.is_err());
    assert!(house.http.get(url.replace("https", "http")).send().await.is_err());
    drop((second, first));
    house.close().await;
}

#[tokio::test]
async fn a_file_that_is_of_no_use_is_named_with_what_is_wrong() {
    let files = Files::new();
    let said = Files { folder: tempfile::tempdir().unwrap(), certificate: String::new() }.failure().await;
    assert!(said.contains("cert.pem") && said.contains("No such file"), "{said}");

    files.write("cert.pem", "not a certificate");
    let said = files.failure().await;
    assert!(said.contains("find a certificate in `") && said.contains("cert.pem"), "{said}");

    files.write("cert.pem", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n");
    let said = files.failure().await;
    assert!(said.contains("cert.pem` as PEM"), "{said}");

    files.write("cert.pem", &files.certificate);
    let key = std::fs::read_to_string(files.path("key.pem")).unwrap();
    files.write("key.pem", &files.certificate);
    let said = files.failure().await;
    assert!(said.contains("find a private key in `") && said.contains("key.pem"), "{said}");

    // A key, but another certificate's.
    files.write("key.pem", &key);
    files.write("cert.pem", &Files::new().certificate);
    let said = files.failure().await;
    assert!(said.contains("cert.pem") && said.contains("key.pem"), "{said}");
}
