//! The post beside somebody who looks at the same runs.

use std::sync::Arc;
use std::time::Duration;

use handclasp_core::id::Tenant;
use handclasp_core::time::Millis;
use handclasp_engine::post::{Drivers, Post};
use handclasp_store::Store;

use crate::gate::Gate;
use crate::stage::{Hands, engine, open, take};

/// Lets everything that can go on do so.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn whoever_sits_at_a_desk_is_polled_while_the_post_waits_for_it() {
    let (gate, clock): (Arc<Gate>, Arc<Hands>) = Default::default();
    let store: Arc<dyn Store> = gate.clone();
    let handoff = {
        let earlier = engine(Arc::clone(&store), Arc::clone(&clock));
        let handoff = open(&earlier).await;
        take(&earlier, handoff, "coder").await;
        handoff
    };
    let engine = engine(store, Arc::clone(&clock));
    let bell = gate.keep_back(handoff.run);
    let post = Post::new(engine.clone(), Tenant::local(), Drivers::new());
    // Sits at the desk until the log is there.
    let looks = async {
        engine.inspect(&Tenant::local(), handoff.run, |run| run.version).await.unwrap();
    };
    let meanwhile = async {
        settle().await;
        clock.forward(Millis::seconds(31));
        // Rings the post's bell: it finds the lease that has run out, and wants to sit at the same desk.
        open(&engine).await;
        settle().await;
        bell.notify_one();
    };
    let running = tokio::time::timeout(Duration::from_secs(10), Box::pin(post.run(looks)));
    let (ended, ()) = tokio::join!(running, meanwhile);
    ended.expect("neither waits for the other for ever").unwrap();
}
