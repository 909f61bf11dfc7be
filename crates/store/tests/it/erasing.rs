//! What is erased is not in the file any more, wherever it lay.

use std::path::Path;

use handclasp_core::id::Tenant;
use handclasp_store::conformance::sample::{append, blob, run};
use handclasp_store::sqlite::{Access, Sqlite};
use handclasp_store::{Append, Store as _};

/// Whether any file of the folder holds the text.
fn anywhere(folder: &Path, text: &str) -> bool {
    let files = folder.read_dir().unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    files.into_iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

#[tokio::test]
async fn erased_contents_and_snapshots_leave_no_bytes_behind() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path().join("s.db"), Access::Create).unwrap();
    let short = blob("the customer's name is Erika Mustermann");
    let long = blob(&"she lives at Heidestrasse 17. ".repeat(2_000));
    let state = b"a long snapshot that quotes Erika. ".repeat(1_000);
    let first = Append { blobs: vec![short.clone(), long.clone()], snapshot: Some(state), ..append(run(1), 0, &["event"]) };
    store.append(first).await.unwrap();
    // A snapshot that was replaced quoted her too; and pages have split since.
    let second = Append { snapshot: Some(b"a later one that quotes Erika".to_vec()), ..append(run(1), 1, &["event"]) };
    store.append(second).await.unwrap();
    for number in 2..200 {
        store
            .append(Append { blobs: vec![blob(&format!("something else {number}"))], ..append(run(number), 0, &["event"]) })
            .await
            .unwrap();
    }
    for text in ["Mustermann", "Heidestrasse", "quotes Erika"] {
        assert!(anywhere(folder.path(), text), "`{text}` is kept in plain sight until it is erased");
    }
    for (digest, _) in [short, long] {
        assert!(store.erase(&Tenant::local(), run(1), digest).await.unwrap());
    }
    for text in ["Mustermann", "Heidestrasse", "quotes Erika"] {
        assert!(!anywhere(folder.path(), text), "`{text}` is gone from the database and its log");
    }
    assert!(anywhere(folder.path(), "something else 199"));
}
