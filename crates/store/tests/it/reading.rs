//! A store that is only read: beside its writer, without one, and where nothing can be written.

use handclasp_core::blob::Digest;
use handclasp_core::id::{Tenant, Token};
use handclasp_core::time::Timestamp;
use handclasp_store::conformance::sample::{append, handoff, run, summary};
use handclasp_store::sqlite::{Access, Sqlite};
use handclasp_store::{Append, Beat, Expected, Kept, Load, Loaded, OpenError, RefusalNote, Store, StoreError};

async fn load(store: &dyn Store) -> Option<Loaded> {
    store.load(Load { tenant: Tenant::local(), run: run(1), snapshot: true }).await.unwrap()
}

#[tokio::test]
async fn a_reader_sees_what_was_acknowledged_to_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let writer = Sqlite::open(&path, Access::Create).unwrap();
    let reader = Sqlite::read(&path).unwrap();
    assert_eq!(load(&reader).await, None);
    for version in 0..20 {
        writer.append(append(run(1), version, &["event"])).await.unwrap();
        assert_eq!(load(&reader).await.unwrap().version, version + 1, "at once, and not by halves");
    }
    let thing = Kept { tenant: Tenant::local(), kind: "agent".to_owned(), name: "coder".to_owned(), bytes: b"v1".as_slice().into() };
    assert!(writer.keep(thing, Expected::Absent).await.unwrap());
    drop(writer);
    assert_eq!(load(&reader).await.unwrap().version, 20, "also when the writer has gone");
    assert_eq!(reader.fed().await.unwrap(), 20, "the order of events is in the file");
    let kept = reader.kept_one(&Tenant::local(), "agent", "coder").await.unwrap();
    assert_eq!(kept.as_deref(), Some(b"v1".as_slice()), "and so is what is kept");
}

#[tokio::test]
async fn every_write_to_a_reader_is_answered_with_read_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    Sqlite::open(&path, Access::Create).unwrap().append(append(run(1), 0, &["event"])).await.unwrap();
    let reader = Sqlite::read(&path).unwrap();
    let tenant = Tenant::local();
    let beat = Beat { tenant: tenant.clone(), handoff: handoff(run(1), 1), token: Token(1), at: Timestamp(1) };
    let note = RefusalNote {
        tenant: tenant.clone(),
        run: run(1),
        at: Timestamp(1),
        principal: "somebody".to_owned(),
        command: "claim".to_owned(),
        code: "HC-012".to_owned(),
        message: "no".to_owned(),
        pointer: None,
    };
    let thing = Kept { tenant: tenant.clone(), kind: "agent".to_owned(), name: "coder".to_owned(), bytes: [].into() };
    let answers = [
        ("append", reader.append(append(run(1), 1, &["event"])).await.map(drop)),
        ("beat", reader.beat(vec![beat]).await),
        ("erase", reader.erase(&tenant, run(1), Digest::of(b"")).await.map(drop)),
        ("note_refusals", reader.note_refusals(vec![note]).await),
        ("rebuild", reader.rebuild(&tenant, summary(run(1)), vec![]).await),
        ("keep", reader.keep(thing, Expected::Anything).await.map(drop)),
        ("discard", reader.discard(&tenant, "agent", "coder").await.map(drop)),
    ];
    for (method, answer) in answers {
        assert!(matches!(answer, Err(StoreError::ReadOnly(_))), "`{method}` on a reader");
    }
    assert_eq!(load(&reader).await.unwrap().version, 1);
}

/// A link to nowhere in the place of the shared memory stands for a folder that cannot be written
/// to: it cannot be opened either, and that holds for the superuser too.
#[cfg(unix)]
#[tokio::test]
async fn a_store_on_a_read_only_medium_can_be_read_if_nothing_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s #1?.db");
    Sqlite::open(&path, Access::Create).unwrap().append(append(run(1), 0, &["event"])).await.unwrap();
    std::os::unix::fs::symlink("no/such/place", folder.path().join("s #1?.db-shm")).unwrap();
    let reader = Sqlite::read(&path).unwrap();
    assert_eq!(load(&reader).await.unwrap().version, 1);
    drop(reader);
    std::fs::write(folder.path().join("s #1?.db-wal"), "events that only a writer can bring in").unwrap();
    let refused = Sqlite::read(&path).unwrap_err();
    assert!(matches!(refused, OpenError::Failed { .. }), "an unread log is not passed over: {refused:?}");
}

#[tokio::test]
async fn several_readers_at_once_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path().join("s.db"), Access::Create).unwrap();
    let events = vec!["event"; 100];
    store.append(Append { snapshot: None, ..append(run(1), 0, &events) }).await.unwrap();
    let all = futures_util::future::join_all((0..100).map(|_| load(&store))).await;
    assert!(all.iter().all(|loaded| loaded.as_ref().is_some_and(|loaded| loaded.events.len() == 100)));
}
