//! A server with everything that works beside it: the post, and the call to waiting workers.
//!
//! Owns the order of the end: whoever waits is sent home, what is under way is answered, agents give
//! back what they hold. What is served, and what is said about it, is the commands' own.

use std::convert::Infallible;

use handclasp_core::id::Tenant;
use handclasp_engine::post::{Drivers, Post};
use handclasp_engine::{Engine, EngineError};
use handclasp_server::{Bound, Options, ServeError};
use tokio::sync::watch;

use crate::failure::Failure;

/// What serves, and what works beside it.
pub(crate) struct House {
    /// The engine, recovered.
    pub(crate) engine: Engine,
    /// How to serve.
    pub(crate) options: Options,
    /// What runs the agents that work here.
    pub(crate) drivers: Drivers,
}

impl House {
    /// Serves until `stop`, or until the server or the post cannot go on.
    pub(crate) async fn serve(self, stop: impl Future<Output = ()>, ready: impl FnOnce(&Bound)) -> Result<(), Failure> {
        let Self { engine, options, drivers } = self;
        let (closing, closed) = watch::channel(false);
        let caller = tokio::spawn({
            let engine = engine.clone();
            async move { engine.call_workers().await }
        });
        let post = Post::new(engine.clone(), Tenant::local(), drivers);
        // Whichever of the two ends first takes the other one along. Boxed, because both are large.
        let serving = async {
            let outcome = Box::pin(handclasp_server::serve(engine.clone(), options, ready, told(closed.clone()))).await;
            closing.send_replace(true);
            outcome
        };
        let posting = async {
            let outcome = Box::pin(post.run(told(closed.clone()))).await;
            closing.send_replace(true);
            outcome
        };
        let both = async { tokio::join!(serving, posting) };
        let stopping = async {
            stop.await;
            closing.send_replace(true);
            std::future::pending::<Infallible>().await
        };
        let (served, posted): (Result<(), ServeError>, Result<(), EngineError>) = tokio::select! {
            both = both => both,
            never = stopping => match never {},
        };
        caller.abort();
        served?;
        posted?;
        // Heartbeats of requests that were answered after the post had closed.
        Ok(engine.flush().await?)
    }
}

/// Ends when it is said that everything closes.
async fn told(mut closed: watch::Receiver<bool>) {
    // Nobody left to say so is an end, too.
    let _ = closed.wait_for(|closed| *closed).await;
}
