//! The log proves itself: what was altered is named, what was erased is told apart.

use std::path::Path;
use std::sync::Arc;

use handclasp_core::blob::Blobs;
use handclasp_core::id::{RunId, Tenant};
use handclasp_engine::inspect::{Verified, rebuild, verify};
use handclasp_store::sqlite::{Access, Sqlite};
use handclasp_store::{Open, Store};

use crate::stage::{complete, engine, open, submit, take};

/// A finished run in a file.
async fn written(path: &Path) -> (RunId, u64) {
    let store = Arc::new(Sqlite::open(path, Access::Create).unwrap());
    let engine = engine(store, Arc::default());
    let handoff = open(&engine).await;
    let token = take(&engine, handoff, "coder").await;
    let mut blobs = Blobs::default();
    let command = complete(handoff, token, &mut blobs);
    submit(&engine, handoff.run, command, blobs).await.unwrap();
    let version = engine.inspect(&Tenant::local(), handoff.run, |run| run.version).await.unwrap().unwrap();
    (handoff.run, version)
}

fn tamper(path: &Path, sql: &str) {
    let changed = rusqlite::Connection::open(path).unwrap().execute(sql, []).unwrap();
    assert_eq!(changed, 1, "{sql}");
}

async fn looked_at(path: &Path) -> Verified {
    verify(&Sqlite::read(path).unwrap(), None, |_| {}).await.unwrap()
}

#[tokio::test]
async fn an_untouched_log_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (_, version) = written(&path).await;
    let verified = looked_at(&path).await;
    assert_eq!(verified.problems, []);
    assert_eq!((verified.runs, verified.events, verified.erased), (1, version, 0));
    assert!(verified.contents >= 3, "task, payload and result at the least: {}", verified.contents);
}

#[tokio::test]
async fn the_first_altered_event_is_named() {
    for altered in [1_u64, 3, u64::MAX] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let (_, version) = written(&path).await;
        let altered = altered.min(version);
        tamper(
            &path,
            &format!(
                "update events set bytes = cast(replace(cast(bytes as text), 'user:test', 'user:evil') as blob) where version = {altered}"
            ),
        );
        let problems = looked_at(&path).await.problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].event, Some(altered), "{problems:?}");
    }
}

#[tokio::test]
async fn a_removed_event_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (_, version) = written(&path).await;
    tamper(&path, &format!("delete from events where version = {version}"));
    let problems = looked_at(&path).await.problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].what.contains("are there"), "{problems:?}");
}

#[tokio::test]
async fn erased_is_not_altered_and_altered_is_not_erased() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (run, _) = written(&path).await;
    let done = handclasp_core::blob::Digest::of_json(&serde_json::json!({ "text": "done" }));
    let store = Sqlite::open(&path, Access::Existing).unwrap();
    assert!(store.erase(&Tenant::local(), run, done).await.unwrap());
    drop(store);
    let verified = looked_at(&path).await;
    assert_eq!((verified.problems.len(), verified.erased), (0, 1));
    let task = handclasp_core::blob::Digest::of_json(&"Do it.");
    tamper(&path, &format!("update blobs set bytes = x'00' where digest = x'{}'", hex(&task.0)));
    let problems = looked_at(&path).await.problems;
    assert_eq!(problems.len(), 1);
    assert!(problems[0].what.contains("was altered"), "{problems:?}");
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[tokio::test]
async fn what_is_owed_is_computed_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    {
        let engine = engine(Arc::new(Sqlite::open(&path, Access::Create).unwrap()), Arc::default());
        open(&engine).await;
    }
    let rows = || async { Sqlite::read(&path).unwrap().open(Open { limit: 100, ..Open::default() }).await.unwrap() };
    let before = rows().await;
    assert!(!before.is_empty());
    rusqlite::Connection::open(&path).unwrap().execute("delete from outbox", []).unwrap();
    assert_eq!(rows().await, []);
    let store = Sqlite::open(&path, Access::Existing).unwrap();
    assert_eq!(rebuild(&store, |_| {}).await.unwrap(), []);
    drop(store);
    assert_eq!(rows().await, before);
}
