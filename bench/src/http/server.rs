//! The server that is measured, and the bare one beside it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as Place, State};
use axum::routing::post;
use handclasp_core::contract::{Contract, ReadBackLevel};
use handclasp_core::id::{RunId, Tenant};
use handclasp_engine::post::{Drivers, Post};
use handclasp_engine::{Engine, Registry, SystemClock};
use handclasp_server::{Options, Scope, keys, serve};
use handclasp_store::sqlite::{Access, Sqlite};
use handclasp_store::{Append, Appended, Store};
use tokio::sync::Mutex;

use crate::desk::runtime;
use crate::{bare, recorder, work};

/// Handclasp as it is shipped: contracts, leases, post and line of workers.
pub(super) fn handclasp(path: &Path) {
    runtime().block_on(async {
        let store = Arc::new(Sqlite::open(path, Access::Create).expect("a new store"));
        let mut directory = work::directory();
        // What is measured is a claim that accepts at once: a contract without a read-back.
        directory.add_contract(Contract { read_back: ReadBackLevel::Off, ..work::contract() });
        let engine = Engine::new(store, Arc::new(SystemClock), Registry::new(directory).expect("a contract that compiles"));
        let key = key(&engine).await;
        let options = Options { listen: "127.0.0.1:0".parse().expect("an address"), ..Options::default() };
        let post = Post::new(engine.clone(), Tenant::local(), Drivers::new());
        let calling = engine.clone();
        tokio::spawn(async move { calling.call_workers().await });
        let serving = serve(engine, options, |bound| println!("{} {key}", bound.url), std::future::pending());
        post.run(async {
            serving.await.expect("a server");
        })
        .await
        .expect("a post");
    });
}

/// What a team's key may do, so that every call is checked.
async fn key(engine: &Engine) -> String {
    let wanted = keys::Wanted {
        name: Some("bench".to_owned()),
        tenant: Tenant::local(),
        scopes: BTreeSet::from([Scope::Offer, Scope::Work, Scope::Read]),
        agents: None,
        expires_at: None,
    };
    let (kept, text) = keys::make(wanted, engine.now()).expect("randomness");
    engine.add_key(kept).await.expect("a key that is kept");
    text
}

/// One lane of the bare server: the records of a run, written again under other run ids.
struct Lane {
    chain: Arc<[Append]>,
    run: RunId,
    next: usize,
}

struct Bare {
    store: Sqlite,
    lanes: Vec<Mutex<Lane>>,
}

/// The same web framework over the same store: takes a body and appends what the engine would have.
pub(super) fn bare(path: &Path) {
    // A run of one handoff, as the other server writes it: opened, claimed, completed.
    let chain = recorder::chain(0);
    runtime().block_on(async {
        let store = Sqlite::open(path, Access::Create).expect("a new store");
        let lane = || Mutex::new(Lane { chain: Arc::clone(&chain), run: Engine::new_run_id(), next: 0 });
        let bare = Arc::new(Bare { store, lanes: (0..super::IN_FLIGHT).map(|_| lane()).collect() });
        let router = Router::new().route("/append/{lane}", post(append)).with_state(bare);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("http://{} -", listener.local_addr().expect("an address"));
        axum::serve(listener, router).await.expect("a server");
    });
}

async fn append(State(bare): State<Arc<Bare>>, Place(lane): Place<usize>, body: Bytes) -> String {
    let mut lane = bare.lanes[lane].lock().await;
    if lane.next == lane.chain.len() {
        lane.next = 0;
        lane.run = Engine::new_run_id();
    }
    let append = bare::of_run(&lane.chain[lane.next], lane.run);
    lane.next += 1;
    let appended = bare.store.append(append).await;
    assert!(matches!(appended, Ok(Appended::At(_))), "{appended:?}");
    format!(r#"{{"bytes":{}}}"#, body.len())
}
