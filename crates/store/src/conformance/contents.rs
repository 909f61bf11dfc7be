//! What contents promise: kept once, and erased for good.

use super::sample::{append, blob, run, tenant};
use crate::{Append, Appended, Content, Load, Store};
use handclasp_core::id::Tenant;

pub(super) async fn a_content_is_kept_once_per_run(store: &dyn Store) {
    let local = Tenant::local();
    let (digest, bytes) = blob("a payload");
    let with = |expected, bytes| Append { blobs: vec![(digest, bytes)], ..append(run(1), expected, &["event"]) };
    assert_eq!(store.content(&local, run(1), digest).await.unwrap(), Content::Missing, "what was never stored is missing");
    store.append(with(0, bytes.clone())).await.unwrap();
    // No caller does this; if one did, what is there must win.
    let again = store.append(with(1, b"other bytes".as_slice().into())).await.unwrap();
    assert_eq!(again, Appended::At(2), "a content that is there already is no obstacle");
    assert_eq!(store.content(&local, run(1), digest).await.unwrap(), Content::Bytes(bytes), "and is left as it is");
    assert_eq!(store.content(&local, run(2), digest).await.unwrap(), Content::Missing, "a content belongs to its run");
}

pub(super) async fn an_erased_content_stays_erased(store: &dyn Store) {
    let local = Tenant::local();
    let (secret, other) = (blob("a secret"), blob("something else"));
    let first = Append { blobs: vec![secret.clone(), other.clone()], ..append(run(1), 0, &["event"]) };
    store.append(first).await.unwrap();
    assert!(!store.erase(&local, run(2), secret.0).await.unwrap(), "there is nothing to erase in another run");
    assert!(!store.erase(&tenant("other"), run(1), secret.0).await.unwrap(), "nor for another tenant");
    assert!(store.erase(&local, run(1), secret.0).await.unwrap(), "what is there can be erased");
    assert_eq!(store.content(&local, run(1), secret.0).await.unwrap(), Content::Erased, "and leaves a tombstone");
    assert_eq!(store.content(&local, run(1), other.0).await.unwrap(), Content::Bytes(other.1), "other contents stay");
    store.append(Append { blobs: vec![secret.clone()], ..append(run(1), 1, &["event"]) }).await.unwrap();
    assert_eq!(store.content(&local, run(1), secret.0).await.unwrap(), Content::Erased, "it does not come back by being sent again");
    assert!(store.erase(&local, run(1), secret.0).await.unwrap(), "erasing twice is erasing once");
}

pub(super) async fn erasing_drops_the_snapshot(store: &dyn Store) {
    let local = Tenant::local();
    let secret = blob("a secret");
    for number in [1, 2] {
        let first = append(run(number), 0, &["event"]);
        store.append(Append { blobs: vec![secret.clone()], snapshot: Some(b"state".to_vec()), ..first }).await.unwrap();
    }
    store.erase(&local, run(1), secret.0).await.unwrap();
    let loaded = store.load(Load { tenant: local.clone(), run: run(1), snapshot: true }).await.unwrap().unwrap();
    assert_eq!((loaded.snapshot, loaded.events.len()), (None, 1), "a snapshot may hold what was erased; the log is whole");
    let other = store.load(Load { tenant: local, run: run(2), snapshot: true }).await.unwrap().unwrap();
    assert!(other.snapshot.is_some(), "another run keeps its snapshot");
}
