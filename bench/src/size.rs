//! What a long run over much context takes on the disk: the context is stored once, by its hash.

use std::collections::BTreeSet;
use std::path::Path;

use handclasp_core::Reply;
use handclasp_core::blob::Blobs;
use handclasp_core::id::{HandoffId, Tenant};
use handclasp_core::ledger::{ItemKind, NewItem};
use handclasp_engine::Engine;

use crate::{desk, work};

const HOPS: u32 = 100;

/// The context: so many artifacts of so many bytes, a megabyte together.
const ARTIFACTS: u32 = 16;
const ARTIFACT_BYTES: usize = 62_500;

/// What is said at each hop beside the context.
const PAYLOAD_BYTES: usize = 256;

/// Megabytes that a run of a hundred hops adds to a store, when its receivers all read the whole context.
pub(crate) fn hundred_hops(path: &Path) -> f64 {
    drop(desk::over_sqlite(path));
    let empty = bytes(path);
    desk::runtime().block_on(run(path));
    // The engine is gone, and with it the store has moved its log into the database.
    #[expect(clippy::cast_precision_loss, reason = "nobody reads the sixteenth digit")]
    let megabytes = (bytes(path) - empty) as f64 / 1e6;
    megabytes
}

fn bytes(path: &Path) -> u64 {
    ["", "-wal"].iter().filter_map(|suffix| Some(with(path, suffix).metadata().ok()?.len())).sum()
}

async fn run(path: &Path) {
    let engine = desk::over_sqlite(path);
    let (mut blobs, mut payload) = work::payload(0, PAYLOAD_BYTES);
    let items = (0..ARTIFACTS).map(|number| artifact(number, &mut blobs)).collect();
    let reply = submit(&engine, work::request(Engine::new_run_id(), work::opening(payload, items)), blobs).await;
    let Reply::Opened { first: Some(mut handoff), .. } = reply else { panic!("opened without a first handoff: {reply:?}") };
    for hop in 0..HOPS {
        let claim = work::request(handoff.run, work::claim(handoff, hop, payload));
        let Reply::Claimed { token, .. } = submit(&engine, claim, Blobs::default()).await else { panic!("a claim without a token") };
        read_everything(&engine, handoff).await;
        let (blobs, result) = work::payload(u64::from(hop) + 1, PAYLOAD_BYTES);
        let next = (hop + 1 < HOPS).then_some(hop + 1);
        let complete = work::request(handoff.run, work::complete(handoff, token, result, next));
        let Reply::Completed { next, .. } = submit(&engine, complete, blobs).await else { panic!("a result without an answer") };
        (handoff, payload) = (next.unwrap_or(handoff), result);
    }
}

/// Artifacts that no file system could make smaller, each with another content.
fn artifact(number: u32, blobs: &mut Blobs) -> NewItem {
    let mut state = u64::from(number) + 1;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        // Knuth's linear generator; its high bits are random enough for this.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b' ' + u8::try_from((state >> 33) % 95).expect("less than 95")
    })
    .take(ARTIFACT_BYTES)
    .collect();
    NewItem {
        kind: ItemKind::Artifact,
        key: format!("chapter {number}"),
        value: blobs.bytes(bytes),
        must_carry: false,
        confidence: None,
        visible_to: BTreeSet::new(),
        derived_from: BTreeSet::new(),
        inferred: false,
    }
}

async fn read_everything(engine: &Engine, handoff: HandoffId) {
    let briefing = engine.briefing(&Tenant::local(), handoff).await.expect("a store that answers").expect("a claimed handoff");
    assert_eq!(briefing.items.len(), ARTIFACTS as usize);
}

async fn submit(engine: &Engine, request: handclasp_core::command::Request, blobs: Blobs) -> Reply {
    engine.submit(request, blobs).await.expect("nothing that is measured is refused")
}

fn with(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
