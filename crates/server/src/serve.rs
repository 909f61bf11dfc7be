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

use axum::Router;
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use futures_util::future::BoxFuture;
use handclasp_engine::Engine;
use thiserror::Error;
use tokio::sync::watch;

use crate::connections::{self, Bounded};
use crate::endpoints::doors;
use crate::front::Front;
use crate::gate::KeyGate;
use crate::house::{Gate, House};
use crate::limits;
use crate::rate::Rate;
use crate::tls::{self, TlsError};

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
    /// Others could reach it, and nothing would keep them out.
    #[error("open `{address}` to other machines without {lacking}")]
    Exposed {
        /// Where.
        address: SocketAddr,
        /// What there must be before.
        lacking: &'static str,
    },
    /// The certificate is of no use.
    #[error("use the certificate")]
    Tls(#[source] TlsError),
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
            Self::Exposed { .. } => {
                "`handclasp keys create` makes a key; name a certificate, or say that TLS ends at a proxy in front; or stay on 127.0.0.1"
            }
            Self::Tls(error) => error.hint(),
            Self::Bind { .. } => "another server may have it; name another port, or 0 for any that is free",
            Self::Serve { .. } => "start it again; what was acknowledged is kept",
        }
    }
}

/// Serves until `stop`, then sends home whoever waits and lets the others finish.
pub async fn serve(engine: Engine, options: Options, ready: impl FnOnce(&Bound), stop: impl Future<Output = ()>) -> Result<(), ServeError> {
    let gate = Arc::new(KeyGate::new(engine.clone(), options.keys));
    check_exposure(&options, &gate)?;
    let tls = options.tls.as_ref().map(tls::config).transpose().map_err(ServeError::Tls)?;
    let (listener, bound) = bind(&options)?;
    let (close, closing) = watch::channel(false);
    let doors = doors(House::new(engine, Arc::clone(&gate) as Arc<dyn Gate>, closing));
    let doors = Front { gate, rate: options.rate_per_s.map(Rate::new) }.before(doors);

    let failed = |source| ServeError::Serve { address: bound.address, source };
    let handle = Handle::new();
    let mut serving = serving(listener, doors, tls, options.connections_max, handle.clone()).map_err(failed)?;
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

/// The connections, until the handle says that it is enough.
fn serving(
    listener: TcpListener,
    doors: Router,
    tls: Option<RustlsConfig>,
    connections_max: usize,
    handle: Handle<SocketAddr>,
) -> io::Result<BoxFuture<'static, io::Result<()>>> {
    let mut server = axum_server::from_tcp(listener)?.handle(handle);
    connections::bound(&mut server);
    let guests = doors.into_make_service_with_connect_info::<SocketAddr>();
    let plain = NoDelayAcceptor::new();
    Ok(match tls {
        Some(tls) => {
            let acceptor = RustlsAcceptor::new(tls).handshake_timeout(limits::HANDSHAKE_MAX).acceptor(plain);
            Box::pin(server.acceptor(Bounded::new(acceptor, connections_max)).serve(guests))
        }
        // Who speaks HTTP/2 asks for it in the handshake of TLS. To look for it here would cost each
        // connection a second buffer: eight kilobytes for everybody who waits.
        None => Box::pin(server.acceptor(Bounded::new(plain, connections_max)).http1_only().serve(guests)),
    })
}

/// Refuses to be reached from other machines by just anybody, or by those who can be overheard.
fn check_exposure(options: &Options, gate: &KeyGate) -> Result<(), ServeError> {
    let address = options.listen;
    let lacking = match (gate.asks(), options.tls.is_some() || options.behind_tls_proxy) {
        _ if address.ip().is_loopback() => return Ok(()),
        (true, true) => return Ok(()),
        (true, false) => "TLS",
        (false, true) => "an API key",
        (false, false) => "an API key and TLS",
    };
    Err(ServeError::Exposed { address, lacking })
}

fn bind(options: &Options) -> Result<(TcpListener, Bound), ServeError> {
    let failed = |source| ServeError::Bind { address: options.listen, source };
    let listener = TcpListener::bind(options.listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    Ok((listener, Bound { address, url: format!("{scheme}://{address}") }))
}
