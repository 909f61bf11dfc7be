//! A server that can be given keys and bounds: its engine is at hand, its store is in memory.

use std::net::SocketAddr;
use std::sync::Arc;

use handclasp_core::id::Tenant;
use handclasp_core::time::Timestamp;
use handclasp_engine::{Clock, Engine, Registry, SystemClock};
use handclasp_server::keys::{Wanted, make};
use handclasp_server::{Options, Scope, ServeError, serve};
use handclasp_store::memory::Memory;
use reqwest::{Client, Method, RequestBuilder};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// A running server.
pub(crate) struct Guarded {
    pub(crate) engine: Engine,
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    pub(crate) http: Client,
    stop: watch::Sender<bool>,
    serving: JoinHandle<Result<(), ServeError>>,
}

/// An engine without a past.
pub(crate) fn engine() -> Engine {
    Engine::new(Arc::new(Memory::default()), Arc::new(SystemClock), Registry::default())
}

/// On any free port of this machine.
pub(crate) fn anywhere() -> Options {
    Options { listen: ([127, 0, 0, 1], 0).into(), ..Options::default() }
}

impl Guarded {
    pub(crate) async fn new() -> Self {
        Self::with(anywhere()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let engine = engine();
        let stop = watch::Sender::new(false);
        let mut stopped = stop.subscribe();
        let (ready, bound) = oneshot::channel();
        let serving = tokio::spawn({
            let engine = engine.clone();
            async move {
                let stopped = async move { stopped.wait_for(|stopped| *stopped).await.map(drop).unwrap_or_default() };
                serve(engine, options, |bound| ready.send(bound.clone()).unwrap(), stopped).await
            }
        });
        let bound = bound.await.unwrap();
        let http = Client::builder().no_proxy().build().unwrap();
        Self { engine, url: bound.url, address: bound.address, http, stop, serving }
    }

    /// Makes a key.
    pub(crate) async fn key(&self, wanted: Wanted) -> String {
        let (key, text) = make(wanted, SystemClock.now()).unwrap();
        assert!(self.engine.add_key(key).await.unwrap());
        text
    }

    pub(crate) fn call(&self, key: Option<&str>, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Asks it to stop, without waiting.
    pub(crate) fn begin_to_close(&self) {
        self.stop.send_replace(true);
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn close(self) {
        self.begin_to_close();
        self.serving.await.unwrap().unwrap();
    }
}

/// A key for everything of a tenant.
pub(crate) fn all_of(tenant: &str) -> Wanted {
    Wanted { tenant: tenant.parse::<Tenant>().unwrap(), name: None, scopes: Scope::ALL.into(), agents: None, expires_at: None }
}

/// The same for one scope.
pub(crate) fn only(scope: Scope, tenant: &str) -> Wanted {
    Wanted { scopes: [scope].into(), ..all_of(tenant) }
}

/// The same for one agent.
pub(crate) fn agent(name: &str, tenant: &str) -> Wanted {
    Wanted { agents: Some([name.parse().unwrap()].into()), ..all_of(tenant) }
}

/// The same, until a moment that is long over.
pub(crate) fn expired(tenant: &str) -> Wanted {
    Wanted { expires_at: Some(Timestamp(1)), ..all_of(tenant) }
}

/// The id in a key's text.
pub(crate) fn id_of(key: &str) -> &str {
    key.split('_').nth(1).unwrap()
}
