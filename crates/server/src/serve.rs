//! The server at work: bound, bounded and closed without losing an answer.
//!
//! Owns the address and the connections; what a request may do is the gate's, what it does is the
//! doors'. The engine comes from outside, recovered; its post and its workers run beside this.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use handclasp_engine::Engine;
use thiserror::Error;
use tokio::sync::watch;

use crate::caller::Caller;
use crate::endpoints::doors;
use crate::house::{Gate, House};
use crate::limits;
use crate::problem::Problem;

/// How to serve.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// The certificate to serve with; none for plain HTTP.
    pub tls: Option<Tls>,
    /// When a key is asked for.
    pub keys: Keys,
    /// Requests per second, for each key and each address that sends none; none for as many as come.
    pub rate_per_s: Option<NonZeroU32>,
    /// Connections at the same time.
    pub connections_max: usize,
    /// How long requests may go on after the stop.
    pub drain: Duration,
    /// Somebody in front of this server speaks TLS, and nobody else can reach it.
    pub behind_tls_proxy: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4040)),
            tls: None,
            keys: Keys::default(),
            rate_per_s: None,
            connections_max: limits::CONNECTIONS_MAX,
            drain: limits::DRAIN,
            behind_tls_proxy: false,
        }
    }
}

/// A certificate and its key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate, followed by those that vouch for it.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// When a key is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keys {
    /// As soon as there has ever been one.
    #[default]
    Auto,
    /// Always.
    Required,
}

/// Where the server can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The address, with the port that was taken.
    pub address: SocketAddr,
    /// The same for people and clients.
    pub url: String,
}

/// Why a server does not serve.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address is taken, or is none of this machine's.
    #[error("listen on `{address}`")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The connections cannot be served any more.
    #[error("serve on `{address}`")]
    Serve {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl ServeError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Bind { .. } => "another server may have it; name another port, or 0 for any that is free",
            Self::Serve { .. } => "start it again; what was acknowledged is kept",
        }
    }
}

/// Serves until `stop`, then sends home whoever waits and lets the others finish.
pub async fn serve(engine: Engine, options: Options, ready: impl FnOnce(&Bound), stop: impl Future<Output = ()>) -> Result<(), ServeError> {
    let (listener, bound) = bind(&options)?;
    let address = bound.address;
    let (close, closing) = watch::channel(false);
    let doors = doors(House::new(engine, Arc::new(Open), closing));
    let handle = Handle::new();
    let failed = |source| ServeError::Serve { address, source };
    let server = axum_server::from_tcp(listener).map_err(failed)?.handle(handle.clone());
    let mut serving = std::pin::pin!(server.serve(doors.into_make_service_with_connect_info::<SocketAddr>()));
    ready(&bound);
    tokio::select! {
        ended = &mut serving => return ended.map_err(failed),
        () = stop => {}
    }
    // Whoever waits gets an answer now; everybody else has as long as the drain.
    close.send_replace(true);
    handle.graceful_shutdown(Some(options.drain));
    serving.await.map_err(failed)
}

fn bind(options: &Options) -> Result<(TcpListener, Bound), ServeError> {
    let failed = |source| ServeError::Bind { address: options.listen, source };
    let listener = TcpListener::bind(options.listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    Ok((listener, Bound { address, url: format!("{scheme}://{address}") }))
}

/// Nobody is asked for anything.
struct Open;

impl Gate for Open {
    fn admit(&self, _: &axum::http::HeaderMap) -> Result<Caller, Problem> {
        Ok(Caller::local())
    }
}
