//! What the refusal log promises: the newest, and not too many.

use super::sample::{run, tenant};
use crate::{REFUSALS_KEPT, RefusalNote, Store};
use handclasp_core::id::Tenant;
use handclasp_core::time::Timestamp;

fn note(tenant: &Tenant, number: u32) -> RefusalNote {
    RefusalNote {
        tenant: tenant.clone(),
        run: run(u64::from(number)),
        at: Timestamp(u64::from(number)),
        principal: "somebody".to_owned(),
        command: "claim".to_owned(),
        code: "HC-012".to_owned(),
        message: format!("refusal {number}"),
        pointer: number.is_multiple_of(2).then(|| "/payload/0".to_owned()),
    }
}

pub(super) async fn refusals_come_newest_first(store: &dyn Store) {
    let (local, other) = (Tenant::local(), tenant("other"));
    store.note_refusals(vec![note(&local, 1), note(&other, 2), note(&local, 3)]).await.unwrap();
    store.note_refusals(vec![]).await.unwrap();
    store.note_refusals(vec![note(&local, 4)]).await.unwrap();
    let expected = [note(&local, 4), note(&local, 3), note(&local, 1)];
    assert_eq!(store.refusals(&local, 10).await.unwrap(), expected, "refusals come newest first, word by word");
    assert_eq!(store.refusals(&local, 2).await.unwrap(), expected[..2], "up to the limit");
    assert_eq!(store.refusals(&other, 10).await.unwrap(), [note(&other, 2)], "each tenant sees its own");
}

pub(super) async fn refusals_are_bounded(store: &dyn Store) {
    let (local, other) = (Tenant::local(), tenant("other"));
    store.note_refusals(vec![note(&other, 0)]).await.unwrap();
    store.note_refusals((1..REFUSALS_KEPT).map(|number| note(&local, number)).collect()).await.unwrap();
    assert_eq!(store.refusals(&other, 10).await.unwrap().len(), 1, "as many as are kept are kept");
    store.note_refusals((0..5).map(|number| note(&local, REFUSALS_KEPT + number)).collect()).await.unwrap();
    let kept = store.refusals(&local, u32::MAX).await.unwrap();
    assert_eq!(kept.len(), REFUSALS_KEPT as usize, "and no more");
    let ends = (kept[0].at.0, kept[kept.len() - 1].at.0);
    assert_eq!(ends, (u64::from(REFUSALS_KEPT) + 4, 5), "the oldest go, whoever they belong to");
    assert_eq!(store.refusals(&other, 10).await.unwrap(), [], "the oldest go, whoever they belong to");
}
