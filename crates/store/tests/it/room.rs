//! A full disk: what does not fit says so, what fits goes on, and nothing that was kept is lost.

use futures_util::future::join_all;
use handclasp_core::id::Tenant;
use handclasp_store::conformance::sample::{append, blob, run};
use handclasp_store::sqlite::{Access, Sqlite};
use handclasp_store::{Append, Appended, Content, Load, Store as _, StoreError};

const PAGES: u32 = 100;

#[tokio::test]
async fn a_full_store_says_so_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = Sqlite::open_with_room_for(PAGES, &path, Access::Create).unwrap();
    let mut version = 0;
    let refused = loop {
        let content = blob(&format!("{version} {}", "x".repeat(10_000)));
        match store.append(Append { blobs: vec![content], ..append(run(1), version, &["event"]) }).await {
            Ok(answer) => version += u64::from(answer == Appended::At(version + 1)),
            Err(refused) => break refused,
        }
        assert!(version < u64::from(PAGES), "a bounded store fills up");
    };
    assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
    assert!(version > 10, "there was room for {version} appends");
    drop(store);
    let store = Sqlite::open(&path, Access::Existing).unwrap();
    let loaded = store.load(Load { tenant: Tenant::local(), run: run(1), snapshot: false }).await.unwrap().unwrap();
    assert_eq!((loaded.version, loaded.events.len() as u64), (version, version), "nothing that was acknowledged is lost");
    let unwritten = blob(&format!("{version} {}", "x".repeat(10_000)));
    let found = store.content(&Tenant::local(), run(1), unwritten.0).await.unwrap();
    assert_eq!(found, Content::Missing, "nothing of the refused append is there");
    let again = store.append(Append { blobs: vec![unwritten], ..append(run(1), version, &["event"]) }).await.unwrap();
    assert_eq!(again, Appended::At(version + 1), "with room again it goes on");
}

#[tokio::test]
async fn what_does_not_fit_does_not_take_its_neighbours_along() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open_with_room_for(PAGES, folder.path().join("s.db"), Access::Create).unwrap();
    let small = |number| store.append(append(run(number), 0, &["event"]));
    let large = |number| store.append(Append { blobs: vec![blob(&"x".repeat(1 << 20))], ..append(run(number), 0, &["event"]) });
    // All calls before the first poll: most of them share a commit.
    let flying: Vec<_> = (0..20).map(|number| if number % 5 == 4 { large(number) } else { small(number) }).collect();
    for (number, answer) in join_all(flying).await.into_iter().enumerate() {
        match answer {
            Ok(answer) => assert_eq!((answer, number % 5 == 4), (Appended::At(1), false), "append {number}"),
            Err(refused) => assert!(matches!(refused, StoreError::Full(_)) && number % 5 == 4, "append {number}: {refused:?}"),
        }
    }
}
