//! What lists of runs promise, and that they can be made anew.

use super::sample::{append, blob, cleared, deliver, lease, put, run, summary, tenant, wake};
use crate::{Append, Content, Find, Load, Open, Store};
use handclasp_core::id::{RunId, Tenant};
use handclasp_core::run::{Condition, Slot, Summary};

async fn stand(store: &dyn Store, of: &Tenant, number: u64, expected: u64, condition: Condition) -> Summary {
    let summary = Summary { condition, trace_id: format!("trace {}", number % 2), ..summary(run(number)) };
    let append = Append { tenant: of.clone(), summary: summary.clone(), ..append(run(number), expected, &["event"]) };
    store.append(append).await.unwrap();
    summary
}

async fn found(store: &dyn Store, find: Find) -> Vec<RunId> {
    let found = store.find(Find { limit: 100, ..find }).await.unwrap();
    found.into_iter().map(|(_, summary)| summary.run).collect()
}

pub(super) async fn runs_come_newest_first(store: &dyn Store) {
    let mut lines = Vec::new();
    for number in [2, 3, 1] {
        lines.push(stand(store, &Tenant::local(), number, 0, Condition::Running).await);
    }
    let listed = store.find(Find { limit: 100, ..Find::default() }).await.unwrap();
    lines.sort_by_key(|line| std::cmp::Reverse(line.run));
    let expected: Vec<_> = lines.into_iter().map(|line| (Tenant::local(), line)).collect();
    assert_eq!(listed, expected, "runs come newest first, with all that their lines say");
}

pub(super) async fn runs_are_found_by_what_they_are(store: &dyn Store) {
    use Condition::{Cancelled, Completed, Failed, Running, Stopped, WaitingForPerson};
    let all = [Running, WaitingForPerson, Stopped, Completed, Failed, Cancelled];
    for (number, condition) in (1..).zip(all) {
        stand(store, &Tenant::local(), number, 0, condition).await;
    }
    stand(store, &tenant("other"), 7, 0, Failed).await;
    for (number, condition) in (1..).zip(all) {
        let only = Find { tenant: Some(Tenant::local()), conditions: vec![condition], ..Find::default() };
        assert_eq!(found(store, only).await, [run(number)], "a run is found by `{}`", condition.as_str());
    }
    let some = |conditions: &[Condition]| Find { conditions: conditions.to_vec(), ..Find::default() };
    assert_eq!(found(store, some(&[Running, Failed, Running])).await, [run(7), run(5), run(1)], "several conditions add up, newest first");
    let trace = |trace: &str| Find { trace_id: Some(trace.to_owned()), ..Find::default() };
    assert_eq!(found(store, trace("trace 0")).await, [run(6), run(4), run(2)], "runs are found by trace");
    assert_eq!(found(store, trace("trace 2")).await, [], "a trace that nobody has finds nothing");
    let both = Find { tenant: Some(Tenant::local()), conditions: vec![Failed, Stopped], ..trace("trace 1") };
    assert_eq!(found(store, both).await, [run(5), run(3)], "all that is asked for must hold");
    let before = Find { before: Some(run(3)), ..trace("trace 1") };
    assert_eq!(found(store, before).await, [run(1)], "`before` holds for traces too");
}

pub(super) async fn a_run_moves_between_conditions(store: &dyn Store) {
    let in_condition = |condition| Find { conditions: vec![condition], ..Find::default() };
    stand(store, &Tenant::local(), 1, 0, Condition::Running).await;
    stand(store, &Tenant::local(), 1, 1, Condition::Completed).await;
    assert_eq!(found(store, in_condition(Condition::Running)).await, [], "a run is found by how it stands now");
    assert_eq!(found(store, in_condition(Condition::Completed)).await, [run(1)], "and only once");
}

pub(super) async fn runs_are_paged_across_tenants(store: &dyn Store) {
    for number in 1..=11 {
        let of = tenant(["aaa", "bbb", "local"][usize::try_from(number).unwrap() % 3]);
        let condition = if number % 2 == 0 { Condition::Failed } else { Condition::Completed };
        stand(store, &of, number, 0, condition).await;
    }
    for conditions in [vec![], vec![Condition::Failed, Condition::Completed]] {
        let (mut listed, mut before) = (Vec::new(), None);
        loop {
            let page = store.find(Find { conditions: conditions.clone(), before, limit: 4, ..Find::default() }).await.unwrap();
            assert!(page.len() <= 4, "a page keeps to its limit");
            let Some((_, last)) = page.last() else { break };
            before = Some(last.run);
            listed.extend(page.into_iter().map(|(_, summary)| summary.run));
            assert!(listed.len() <= 11, "paging comes to an end");
        }
        assert_eq!(listed, (1..=11).rev().map(run).collect::<Vec<_>>(), "pages are the whole list, newest first");
    }
}

pub(super) async fn rebuilding_replaces_what_can_be_computed(store: &dyn Store) {
    let local = Tenant::local();
    let content = blob("content");
    let rows = vec![put(Slot::Handoff(1), lease(1, 500)), put(Slot::Run, wake(9))];
    let first = Append { owed: rows, blobs: vec![content.clone()], snapshot: Some(b"state".to_vec()), ..append(run(1), 0, &["event"]) };
    store.append(first).await.unwrap();
    store.append(Append { owed: vec![put(Slot::Run, wake(5))], ..append(run(2), 0, &["event"]) }).await.unwrap();
    let line = Summary { condition: Condition::Stopped, title: "rebuilt".to_owned(), trace_id: "new".to_owned(), ..summary(run(1)) };
    // The lease is older than the row that it replaces: nothing of that row counts.
    let rows = vec![put(Slot::Handoff(1), lease(1, 50)), put(Slot::Handoff(2), deliver("coder", 3)), cleared(Slot::Deadline(1))];
    store.rebuild(&local, line.clone(), rows).await.unwrap();
    let open = store.open(Open { limit: 100, ..Open::default() }).await.unwrap();
    let rows: Vec<_> = open.into_iter().map(|row| (row.run, row.slot, row.standing)).collect();
    let expected =
        [(run(1), Slot::Handoff(1), lease(1, 50)), (run(1), Slot::Handoff(2), deliver("coder", 3)), (run(2), Slot::Run, wake(5))];
    assert_eq!(rows, expected, "what the run owed is replaced; other runs are not touched");
    let stopped = Find { conditions: vec![Condition::Stopped], trace_id: Some("new".to_owned()), limit: 9, ..Find::default() };
    assert_eq!(store.find(stopped).await.unwrap(), [(local.clone(), line)], "its line is replaced, wherever it is looked for");
    let loaded = store.load(Load { tenant: local.clone(), run: run(1), snapshot: true }).await.unwrap().unwrap();
    assert_eq!((loaded.snapshot, loaded.events.len(), loaded.version), (None, 1, 1), "the snapshot is dropped, the log is not");
    assert_eq!(store.content(&local, run(1), content.0).await.unwrap(), Content::Bytes(content.1), "contents are not touched");
}

pub(super) async fn rebuilding_an_unknown_run_does_nothing(store: &dyn Store) {
    let local = Tenant::local();
    store.rebuild(&local, summary(run(1)), vec![put(Slot::Run, wake(1))]).await.unwrap();
    assert_eq!(store.find(Find { limit: 9, ..Find::default() }).await.unwrap(), [], "no run comes into being");
    assert_eq!(store.open(Open { limit: 9, ..Open::default() }).await.unwrap(), [], "and nothing is owed");
}
