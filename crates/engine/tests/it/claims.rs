//! Giving work out: in order, to whoever waits, once, and within everybody's capacity.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::poll_immediate;
use handclasp_core::Reply;
use handclasp_core::blob::Blobs;
use handclasp_core::command::{Command, ReadBack};
use handclasp_core::handoff::Phase;
use handclasp_core::id::{HandoffId, Tenant};
use handclasp_core::time::Millis;
use handclasp_engine::{Ask, Engine, Rejection, SystemClock};
use handclasp_store::memory::Memory;
use tokio::sync::watch;

use crate::gate::gated;
use crate::stage::{self, Hands};

fn ask(most: u32, wait: u64) -> Ask {
    Ask {
        tenant: Tenant::local(),
        principal: "key:worker".parse().unwrap(),
        agent: "coder".parse().unwrap(),
        holder: "worker-1".to_owned(),
        key: None,
        most,
        wait: Millis(wait),
        accept: Some(ReadBack::delivered()),
    }
}

fn open() -> watch::Receiver<bool> {
    // A sender that is gone never says "closing", and is not waited for.
    Box::leak(Box::new(watch::Sender::new(false))).subscribe()
}

async fn phase(engine: &Engine, handoff: HandoffId) -> &'static str {
    engine.inspect(&Tenant::local(), handoff.run, |run| run.handoff(handoff).unwrap().phase.name()).await.unwrap().unwrap()
}

fn still() -> Engine {
    stage::engine(Arc::new(Memory::default()), Arc::new(Hands::default()))
}

#[tokio::test]
async fn work_goes_out_in_the_order_in_which_it_came_one_place_at_a_time() {
    let clock = Arc::new(Hands::default());
    let engine = stage::engine(Arc::new(Memory::default()), clock.clone());
    let mut opened = Vec::new();
    for _ in 0..3 {
        opened.push(stage::open(&engine).await);
        clock.forward(Millis(1));
    }
    // The coder holds one at a time, however many are asked for.
    for expected in &opened {
        let given = engine.claim(&ask(8, 0), open()).await.unwrap();
        assert_eq!(given.iter().map(|one| one.handoff).collect::<Vec<_>>(), [*expected]);
        assert!(given[0].accepted);
        assert_eq!(engine.claim(&ask(8, 0), open()).await.unwrap(), []);
        let mut blobs = Blobs::default();
        let complete = stage::complete(*expected, given[0].token, &mut blobs);
        stage::submit(&engine, expected.run, complete, blobs).await.unwrap();
    }
    assert_eq!(engine.claim(&ask(8, 0), open()).await.unwrap(), []);
}

#[tokio::test]
async fn a_worker_that_waits_is_called_and_the_first_to_come_is_the_first_served() {
    let engine = stage::real_time(Arc::new(Memory::default()), Arc::new(SystemClock));
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let engine = engine.clone();
            tokio::spawn(async move { engine.claim(&ask(1, 20_000), open()).await.unwrap() })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let first = stage::open(&engine).await;
    let mut waiting = waiting.into_iter();
    let given = waiting.next().unwrap().await.unwrap();
    assert_eq!(given[0].handoff, first);
    // There is room for the second one only when the first has ended.
    let second = stage::open(&engine).await;
    let mut blobs = Blobs::default();
    stage::submit(&engine, first.run, stage::complete(first, given[0].token, &mut blobs), blobs).await.unwrap();
    assert_eq!(waiting.next().unwrap().await.unwrap()[0].handoff, second);
}

#[tokio::test]
async fn a_second_try_under_the_same_key_gets_the_same_work() {
    let clock = Arc::new(Hands::default());
    let engine = stage::engine(Arc::new(Memory::default()), clock.clone());
    let handoff = stage::open(&engine).await;
    clock.forward(Millis(1));
    stage::open(&engine).await;
    let keyed = Ask { key: Some("poll-7".parse().unwrap()), ..ask(1, 0) };
    let first = engine.claim(&keyed, open()).await.unwrap();
    assert_eq!(first[0].handoff, handoff);
    assert_eq!(engine.claim(&keyed, open()).await.unwrap(), first);
    let other = engine.claim(&Ask { most: 2, ..keyed }, open()).await.unwrap_err();
    assert!(matches!(&other, Rejection::Refused(refusal) if refusal.code() == "HC-006"), "{other}");
}

#[tokio::test]
async fn a_contract_that_wants_more_than_can_be_said_before_is_claimed_but_not_accepted() {
    let engine = stage::echoing(Arc::new(Memory::default()), Arc::new(Hands::default()));
    let handoff = stage::open(&engine).await;
    let given = engine.claim(&ask(1, 0), open()).await.unwrap();
    assert_eq!((given[0].handoff, given[0].accepted), (handoff, false));
    assert_eq!(phase(&engine, handoff).await, "claimed");
}

#[tokio::test]
async fn an_unknown_agent_is_refused_and_a_closing_engine_sends_workers_home() {
    let engine = still();
    let nobody = Ask { agent: "nobody".parse().unwrap(), ..ask(1, 0) };
    let refused = engine.claim(&nobody, open()).await.unwrap_err();
    assert!(matches!(&refused, Rejection::Refused(refusal) if refusal.code() == "HC-010"), "{refused}");
    let closing = watch::Sender::new(false);
    let (told, gone) = (closing.subscribe(), engine.clone());
    let waits = tokio::spawn(async move { gone.claim(&ask(1, 600_000), told).await.unwrap() });
    tokio::task::yield_now().await;
    closing.send_replace(true);
    assert_eq!(waits.await.unwrap(), []);
}

#[tokio::test]
async fn what_was_offered_before_anybody_asked_and_what_comes_back_is_found() {
    let store = Arc::new(Memory::default());
    let clock = Arc::new(Hands::default());
    let before = stage::open(&stage::engine(store.clone(), clock.clone())).await;
    // Another engine: nothing is in its memory.
    let engine = stage::engine(store, clock.clone());
    engine.recover().await.unwrap();
    let given = engine.claim(&ask(1, 0), open()).await.unwrap();
    assert_eq!(given[0].handoff, before);
    // It is released, and there again at once.
    let release = Command::Release { handoff: before, token: given[0].token };
    assert_eq!(stage::submit(&engine, before.run, release, Blobs::default()).await.unwrap(), Reply::Done);
    let again = engine.claim(&ask(1, 0), open()).await.unwrap();
    assert_eq!(again[0].handoff, before);
    assert!(again[0].token > given[0].token);
    // It fails, and is there again when the wait is over, not before.
    let error = handclasp_core::command::AgentError {
        kind: "busy".to_owned(),
        message: "later".to_owned(),
        retryable: true,
        attempted: None,
        hint: None,
    };
    let fail = Command::Fail { handoff: before, token: again[0].token, error, usage: handclasp_core::limits::Usage::default() };
    stage::submit(&engine, before.run, fail, Blobs::default()).await.unwrap();
    assert_eq!(engine.claim(&ask(1, 0), open()).await.unwrap(), []);
    clock.forward(Millis::seconds(2));
    assert_eq!(engine.claim(&ask(1, 0), open()).await.unwrap()[0].handoff, before);
}

#[tokio::test]
async fn a_worker_that_hangs_up_while_it_is_looked_what_is_due_leaves_that_to_the_next_one() {
    let (gate, engine) = gated();
    let before = stage::open(&engine).await;
    gate.silence(true);
    let asked = ask(1, 600_000);
    let mut dies = Box::pin(engine.claim(&asked, open()));
    let mut waits = Box::pin(engine.claim(&asked, open()));
    assert!(poll_immediate(&mut dies).await.is_none());
    assert!(poll_immediate(&mut waits).await.is_none());
    gate.silence(false);
    drop(dies);
    let given = tokio::time::timeout(Duration::from_secs(20), waits).await.expect("somebody looks").unwrap();
    assert_eq!(given[0].handoff, before);
}

#[tokio::test]
async fn whoever_waits_for_an_end_is_told_of_it() {
    let engine = stage::real_time(Arc::new(Memory::default()), Arc::new(SystemClock));
    let handoff = stage::open(&engine).await;
    let looking = engine.clone();
    let waits = tokio::spawn(async move {
        let deadline = looking.now() + Millis::seconds(20);
        let look = |run: &handclasp_core::Run| match run.handoff(handoff).unwrap().phase {
            Phase::Completed { result, .. } => Some(result),
            _ => None,
        };
        looking.inspect_until(&Tenant::local(), handoff.run, deadline, look).await.unwrap()
    });
    tokio::task::yield_now().await;
    let given = engine.claim(&ask(1, 0), open()).await.unwrap();
    let mut blobs = Blobs::default();
    let complete = stage::complete(handoff, given[0].token, &mut blobs);
    stage::submit(&engine, handoff.run, complete, blobs).await.unwrap();
    assert!(waits.await.unwrap().is_some());
}

#[tokio::test]
async fn a_content_is_stored_for_later_and_not_in_a_run_that_is_over() {
    let engine = still();
    let handoff = stage::open(&engine).await;
    let stored = engine.store_content(&Tenant::local(), handoff.run, b"large".as_slice().into()).await.unwrap();
    let content = engine.content(&Tenant::local(), handoff.run, stored.digest).await.unwrap();
    assert_eq!(content, handclasp_store::Content::Bytes(b"large".as_slice().into()));
    let token = stage::take(&engine, handoff, "coder").await;
    let mut blobs = Blobs::default();
    stage::submit(&engine, handoff.run, stage::complete(handoff, token, &mut blobs), blobs).await.unwrap();
    let refused = engine.store_content(&Tenant::local(), handoff.run, b"late".as_slice().into()).await.unwrap_err();
    assert!(matches!(&refused, Rejection::Refused(refusal) if refusal.code() == "HC-005"), "{refused}");
}

#[tokio::test]
async fn what_a_team_file_says_of_an_agent_is_not_changed_from_outside_and_what_was_registered_is() {
    let engine = still();
    let coder = engine.registry(&Tenant::local()).directory.agent(&"coder".parse().unwrap()).unwrap().as_ref().clone();
    let refused = engine.register(&Tenant::local(), coder.clone()).await.unwrap_err();
    assert!(matches!(&refused, Rejection::Refused(refusal) if refusal.code() == "HC-042"), "{refused}");
    let writer = handclasp_core::directory::Agent { name: "writer".parse().unwrap(), ..coder };
    for capacity in [1, 2] {
        engine.register(&Tenant::local(), handclasp_core::directory::Agent { capacity, ..writer.clone() }).await.unwrap();
        let registry = engine.registry(&Tenant::local());
        assert_eq!(registry.directory.agent(&writer.name).unwrap().capacity, capacity);
    }
}
