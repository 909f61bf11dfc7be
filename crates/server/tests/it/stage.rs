//! A server on an address of its own, over a store in a directory of its own, with a clock that tests
//! move. What is sent goes over TCP; what comes back is looked at as a client sees it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use handclasp_core::id::Tenant;
use handclasp_core::time::Timestamp;
use handclasp_engine::post::{Drivers, Post};
use handclasp_engine::{Clock, Engine, Registry};
use handclasp_server::{Options, serve};
use handclasp_store::sqlite::{Access, Sqlite};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::{oneshot, watch};

/// A clock that moves when it is told to, and wakes whoever waits for the moment.
#[derive(Debug)]
pub(crate) struct Hands(watch::Sender<u64>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp(*self.0.borrow())
    }

    fn sleep_until(&self, moment: Timestamp) -> BoxFuture<'static, ()> {
        let mut seen = self.0.subscribe();
        Box::pin(async move {
            if seen.wait_for(|now| *now >= moment.0).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

/// A running server, and a client of it.
pub(crate) struct Stage {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    clock: Arc<Hands>,
    directory: tempfile::TempDir,
    running: Option<Running>,
}

/// The server's own threads: dropping them is what a crash does to them.
struct Running {
    runtime: Runtime,
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<()>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(Hands(watch::Sender::new(1_800_000_000_000)));
        let directory = tempfile::tempdir().unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut stage = Self { http, url: String::new(), clock, directory, running: None };
        stage.start().await;
        stage
    }

    async fn start(&mut self) {
        let (path, clock) = (self.directory.path().join("handclasp.db"), Arc::clone(&self.clock));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (ready, bound) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let stop = watch::Sender::new(false);
        let stopped = stop.subscribe();
        runtime.spawn(async move {
            let store = Sqlite::open(path, Access::Create).unwrap();
            let engine = Engine::new(Arc::new(store), clock, Registry::default());
            engine.recover().await.unwrap();
            engine.learn().await.unwrap();
            let calling = engine.clone();
            tokio::spawn(async move { calling.call_workers().await });
            let post = Post::new(engine.clone(), Tenant::local(), Drivers::new());
            let options = Options { listen: ([127, 0, 0, 1], 0).into(), ..Options::default() };
            let told = |bound: &handclasp_server::Bound| ready.send(bound.url.clone()).unwrap();
            let (served, posted) = tokio::join!(serve(engine, options, told, is(stopped.clone())), post.run(is(stopped)));
            served.unwrap();
            posted.unwrap();
            let _ = end.send(());
        });
        self.url = bound.await.unwrap();
        self.running = Some(Running { runtime, stop, ended });
    }

    /// Ends the server in the middle of whatever it does, and starts another one over the same store.
    pub(crate) async fn crash(&mut self) {
        let Running { runtime, .. } = self.running.take().unwrap();
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10))).await.unwrap();
        self.start().await;
    }

    /// Asks the server to stop, and waits until it has.
    pub(crate) async fn close(&mut self) {
        let Running { runtime, stop, ended } = self.running.take().unwrap();
        stop.send_replace(true);
        ended.await.unwrap();
        runtime.shutdown_background();
    }

    /// As [`Stage::close`], without waiting.
    pub(crate) fn begin_to_close(&self) {
        self.running.as_ref().unwrap().stop.send_replace(true);
    }

    /// Lets so much time pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.0.send_modify(|now| *now += seconds * 1_000);
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.call(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.call(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.call(Method::PUT, path).json(&body)).await
    }

    /// As [`Stage::post`], under an idempotency key.
    pub(crate) async fn keyed(&self, key: &str, path: &str, body: Value) -> Answer {
        Answer::of(self.call(Method::POST, path).header("Idempotency-Key", key).json(&body)).await
    }

    /// Asks until the answer is as wanted; something else brings that about.
    pub(crate) async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..5_000 {
            let seen = self.get(path).await.ok();
            if wanted(&seen) {
                return seen;
            }
            tokio::task::yield_now().await;
        }
        panic!("{path} never became what was wanted; it is {}", self.get(path).await.body)
    }

    pub(crate) async fn register(&self, agent: &str, body: Value) {
        self.put(&format!("/v1/agents/{agent}"), body).await.ok();
    }

    /// Opens a run whose first handoff goes to that agent; gives the handoff.
    pub(crate) async fn offer(&self, to: &str) -> String {
        let opened = self.post("/v1/runs", json!({ "task": "Do it.", "offer": { "to": to, "payload": "now" } })).await.ok();
        text(&opened["handoff"])
    }

    /// Claims the agent's next handoff, and accepts it in the same commit.
    pub(crate) async fn take(&self, agent: &str) -> Held {
        self.take_if(agent, json!({ "accept": true })).await
    }

    pub(crate) async fn take_if(&self, agent: &str, claim: Value) -> Held {
        let claims = self.post(&format!("/v1/agents/{agent}/claims"), claim).await.ok();
        let claim = claims["claims"].get(0).unwrap_or_else(|| panic!("nothing to do for `{agent}`"));
        Held { handoff: text(&claim["handoff"]), token: claim["token"].clone(), claim: claim.clone() }
    }

    /// Says something about a handoff that is held.
    pub(crate) async fn say(&self, held: &Held, verb: &str, more: Value) -> Answer {
        self.post(&held.path(verb), held.with(more)).await
    }
}

/// Ends when it is said that everything closes.
async fn is(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(Running { runtime, .. }) = self.running.take() {
            runtime.shutdown_background();
        }
    }
}

/// A handoff that is held.
pub(crate) struct Held {
    pub(crate) handoff: String,
    pub(crate) token: Value,
    pub(crate) claim: Value,
}

impl Held {
    pub(crate) fn path(&self, verb: &str) -> String {
        format!("/v1/handoffs/{}/{verb}", self.handoff)
    }

    /// The token, with what else is said.
    pub(crate) fn with(&self, mut more: Value) -> Value {
        more["token"] = self.token.clone();
        more
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// What a client sees.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await.unwrap();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()))
        };
        Self { status, headers, body }
    }

    /// The body of a good answer.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!(matches!(self.status, 200 | 204), "{} {}", self.status, self.body);
        self.body
    }

    /// The problem document of a refusal, with that status and code.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["status"], status);
        for field in ["type", "title", "detail", "hint"] {
            assert!(self.body[field].as_str().is_some_and(|text| !text.is_empty()), "no `{field}` in {}", self.body);
        }
        self.body
    }

    /// As [`Answer::refused`], for a request that cannot be read at that place.
    #[track_caller]
    pub(crate) fn unreadable(self, pointer: &str) -> Value {
        let problem = self.refused(400, "HC-104");
        assert_eq!(problem["pointer"], pointer, "{problem}");
        problem
    }
}
