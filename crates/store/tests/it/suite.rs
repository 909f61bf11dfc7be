//! Both stores keep the contract.

use std::sync::Arc;

use handclasp_store::Store;
use handclasp_store::conformance::exercise;
use handclasp_store::memory::Memory;
use handclasp_store::sqlite::{Access, Sqlite};

#[tokio::test]
async fn memory_keeps_the_contract() {
    exercise(async || Arc::new(Memory::new()) as Arc<dyn Store>).await;
}

#[tokio::test]
async fn sqlite_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let stores = std::cell::Cell::new(0);
    exercise(async || {
        stores.set(stores.get() + 1);
        let path = folder.path().join(format!("{}.db", stores.get()));
        Arc::new(Sqlite::open(path, Access::Create).unwrap()) as Arc<dyn Store>
    })
    .await;
}
