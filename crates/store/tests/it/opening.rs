//! What is refused at the door, by name, and that a refused file is left as it was.

use std::fs;
use std::path::{Path, PathBuf};

use handclasp_core::blob::Digest;
use handclasp_core::id::Tenant;
use handclasp_store::conformance::sample::{append, run};
use handclasp_store::sqlite::{Access, Sqlite};
use handclasp_store::{Append, Appended, Load, Loaded, OpenError, Store as _, StoreError};
use rusqlite::Connection;
use tempfile::TempDir;

const PAGE: usize = 4_096;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    (folder, path)
}

fn files(folder: &TempDir) -> Vec<String> {
    let mut names: Vec<_> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A store with `runs` runs of 40 events each, closed.
async fn filled(path: &Path, runs: u64) {
    let store = Sqlite::open(path, Access::Create).unwrap();
    for number in 0..runs {
        let events: Vec<String> = (1..=40).map(|version| format!("run {number} event {version} {}", "x".repeat(200))).collect();
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let head = Digest::of(events[39].as_bytes());
        store.append(Append { head, ..append(run(number), 0, &events) }).await.unwrap();
    }
}

async fn load(store: &Sqlite, number: u64) -> Result<Option<Loaded>, StoreError> {
    store.load(Load { tenant: Tenant::local(), run: run(number), snapshot: false }).await
}

#[test]
fn a_store_that_is_not_there_is_only_made_on_purpose() {
    let (folder, path) = folder();
    assert!(matches!(Sqlite::open(&path, Access::Existing), Err(OpenError::Missing { .. })));
    assert!(matches!(Sqlite::read(&path), Err(OpenError::Missing { .. })));
    assert_eq!(files(&folder), [""; 0], "asking leaves nothing behind");
    drop(Sqlite::open(&path, Access::Create).unwrap());
    drop(Sqlite::open(&path, Access::Existing).unwrap());
    assert_eq!(files(&folder), ["s.db", "s.db.lock"], "a closed store is one file, and its lock");
}

#[tokio::test]
async fn a_newer_schema_is_refused_by_its_number() {
    let (_folder, path) = folder();
    filled(&path, 1).await;
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for refused in [Sqlite::open(&path, Access::Create).unwrap_err(), Sqlite::read(&path).unwrap_err()] {
        assert!(matches!(refused, OpenError::NewerSchema { found: 99, known: 2, .. }), "{refused:?}");
    }
}

#[test]
fn a_foreign_database_is_refused_and_left_alone() {
    let (folder, path) = folder();
    let foreign = Connection::open(&path).unwrap();
    foreign.execute_batch("CREATE TABLE photos (name TEXT); INSERT INTO photos VALUES ('holiday')").unwrap();
    drop(foreign);
    refused_and_left_alone(&folder, &path);
}

#[test]
fn a_file_of_another_kind_is_refused_and_left_alone() {
    let (folder, path) = folder();
    fs::write(&path, "not a database at all, but longer than the header of one. ".repeat(100)).unwrap();
    refused_and_left_alone(&folder, &path);
}

fn refused_and_left_alone(folder: &TempDir, path: &Path) {
    let before = fs::read(path).unwrap();
    for access in [Access::Create, Access::Existing] {
        assert!(matches!(Sqlite::open(path, access), Err(OpenError::NotAStore { .. })));
    }
    assert!(matches!(Sqlite::read(path), Err(OpenError::NotAStore { .. })));
    assert!(fs::read(path).unwrap() == before, "the file is as it was");
    assert_eq!(files(folder), ["s.db"], "and nothing lies beside it");
}

#[test]
fn an_empty_file_is_a_creation_that_was_cut_short() {
    let (_folder, path) = folder();
    fs::write(&path, "").unwrap();
    assert!(matches!(Sqlite::open(&path, Access::Existing), Err(OpenError::NotAStore { .. })));
    assert!(matches!(Sqlite::read(&path), Err(OpenError::NotAStore { .. })));
    drop(Sqlite::open(&path, Access::Create).unwrap());
    drop(Sqlite::open(&path, Access::Existing).unwrap());
}

#[test]
fn a_place_that_cannot_be_written_to_is_a_failure_with_its_reason() {
    let (folder, path) = folder();
    let nowhere = Sqlite::open(folder.path().join("no/such/folder/s.db"), Access::Create).unwrap_err();
    assert!(matches!(nowhere, OpenError::Failed { .. }), "{nowhere:?}");
    fs::create_dir(folder.path().join("s.db.lock")).unwrap();
    let lockless = Sqlite::open(&path, Access::Create).unwrap_err();
    assert!(matches!(lockless, OpenError::Failed { .. }), "{lockless:?}");
    assert!(std::error::Error::source(&lockless).is_some(), "the system's own words come along");
}

#[tokio::test]
async fn a_file_that_may_only_be_read_is_refused_for_writing_and_can_be_read() {
    let (_folder, path) = folder();
    filled(&path, 1).await;
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    // Permissions bind everybody but the superuser, for whom the file opens like any other.
    if fs::OpenOptions::new().write(true).open(&path).is_err() {
        let refused = Sqlite::open(&path, Access::Existing).unwrap_err();
        assert!(matches!(refused, OpenError::Failed { .. }), "{refused:?}");
    }
    let reader = Sqlite::read(&path).unwrap();
    assert_eq!(load(&reader, 0).await.unwrap().unwrap().version, 40);
}

#[tokio::test]
async fn a_garbled_header_is_no_store_any_more() {
    let (_folder, path) = folder();
    filled(&path, 1).await;
    let mut bytes = fs::read(&path).unwrap();
    bytes[..100].fill(b'?');
    fs::write(&path, bytes).unwrap();
    assert!(matches!(Sqlite::open(&path, Access::Existing), Err(OpenError::NotAStore { .. })));
}

#[tokio::test]
async fn a_truncated_file_is_corrupt_and_never_a_shorter_log() {
    let (_folder, path) = folder();
    filled(&path, 30).await;
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / PAGE;
    let mut noticed = 0;
    for keep in [1, 2, pages / 4, pages / 2, pages - 1] {
        fs::write(&path, &whole[..keep * PAGE]).unwrap();
        let Ok(store) = Sqlite::open(&path, Access::Existing) else {
            noticed += 1;
            continue;
        };
        for number in 0..30 {
            match load(&store, number).await {
                Ok(Some(loaded)) => assert_eq!(loaded.events.len(), 40, "a log that is handed out is whole"),
                Ok(None) => panic!("run {number} has vanished without a word"),
                Err(refused) => {
                    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused:?}");
                    noticed += 1;
                }
            }
        }
    }
    assert!(noticed >= 5, "every cut is noticed somewhere");
}

#[tokio::test]
async fn a_damaged_page_is_corrupt() {
    let (_folder, path) = folder();
    filled(&path, 30).await;
    let whole = fs::read(&path).unwrap();
    // From the second page on, each starts with a byte that says what kind of page it is.
    let mut damaged = whole.clone();
    damaged.chunks_mut(PAGE).skip(1).for_each(|page| page[0] ^= 0xff);
    fs::write(&path, damaged).unwrap();
    let store = Sqlite::open(&path, Access::Existing).unwrap();
    let refused = load(&store, 3).await.unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused:?}");
    let refused = store.append(append(run(3), 40, &["event"])).await.unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_flipped_byte_in_an_event_is_told_by_the_head_beside_the_log() {
    let (_folder, path) = folder();
    filled(&path, 1).await;
    let mut bytes = fs::read(&path).unwrap();
    let needle = b"run 0 event 40";
    let at = bytes.windows(needle.len()).position(|window| window == needle).unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    let store = Sqlite::open(&path, Access::Existing).unwrap();
    let loaded = load(&store, 0).await.unwrap().unwrap();
    assert_ne!(Digest::of(&loaded.events[39]), loaded.head);
}

#[tokio::test]
async fn an_event_that_is_missing_is_corrupt() {
    let (_folder, path) = folder();
    filled(&path, 1).await;
    Connection::open(&path).unwrap().execute("DELETE FROM events WHERE version = 7", []).unwrap();
    let store = Sqlite::open(&path, Access::Existing).unwrap();
    let refused = load(&store, 0).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("what is stored cannot be read: the log of `{}`", run(0)));
}

#[tokio::test]
async fn a_store_in_use_is_refused_until_it_is_given_back() {
    let (_folder, path) = folder();
    let first = Sqlite::open(&path, Access::Create).unwrap();
    assert!(matches!(Sqlite::open(&path, Access::Existing), Err(OpenError::InUse { .. })));
    assert_eq!(first.append(append(run(1), 0, &["event"])).await.unwrap(), Appended::At(1), "the first one goes on undisturbed");
    drop(first);
    let second = Sqlite::open(&path, Access::Existing).unwrap();
    assert_eq!(load(&second, 1).await.unwrap().unwrap().version, 1);
}
