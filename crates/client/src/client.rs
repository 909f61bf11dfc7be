//! The client: where the server is, with which key, and how patiently it is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use ulid::Ulid;

use crate::error::Error;
use crate::retry::Retries;

/// A connection that cannot be made within this time is tried again.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// A client of one server. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    /// Without a slash at its end.
    pub(crate) base: Arc<str>,
    pub(crate) headers: HeaderMap,
    pub(crate) retries: Retries,
    keys: Arc<Keys>,
}

/// Makes idempotency keys: a name that no other client has, and a number.
struct Keys {
    name: String,
    next: AtomicU64,
}

impl Client {
    /// A client of the server at this address, such as `http://127.0.0.1:4040`.
    pub fn new(url: &str) -> Result<Self, Error> {
        let parsed: Url = url.parse().map_err(|error| Error::Misused(format!("`{url}` is no address: {error}")))?;
        let mut http = reqwest::Client::builder().connect_timeout(CONNECT_MAX);
        if parsed.scheme() == "http" {
            // Plain HTTP needs no certificates, and a bare machine has none to load.
            http = http.tls_certs_only([]);
        }
        if parsed.host_str().is_some_and(is_loopback) {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| Error::Misused(error.to_string()))?;
        let keys = Keys { name: Ulid::generate().to_string().to_ascii_lowercase(), next: AtomicU64::new(0) };
        let base = Arc::from(url.trim_end_matches('/'));
        Ok(Self { http, base, headers: HeaderMap::new(), retries: Retries::default(), keys: Arc::new(keys) })
    }

    /// Sends this API key with every call.
    pub fn key(mut self, key: &str) -> Result<Self, Error> {
        let mut value = HeaderValue::try_from(format!("Bearer {key}"))
            .map_err(|_| Error::Misused("an API key has visible characters only".to_owned()))?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }

    /// Is this patient with calls that do not get through.
    #[must_use]
    pub fn retries(mut self, retries: Retries) -> Self {
        self.retries = retries;
        self
    }

    /// A new idempotency key.
    pub(crate) fn new_key(&self) -> String {
        format!("{}-{}", self.keys.name, self.keys.next.fetch_add(1, Ordering::Relaxed))
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
