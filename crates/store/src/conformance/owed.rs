//! What the outbox promises: rows come when they are due, to whom they concern, and go when cleared.

use std::collections::BTreeMap;

use super::sample::{agent, append, cleared, deliver, handoff, lease, put, run, tenant, wake};
use crate::{Append, Beat, Dispatch, Due, Open, Store, WhatIsDue};
use handclasp_core::id::{RunId, Tenant, Token};
use handclasp_core::run::{Owed, Slot, Standing};
use handclasp_core::time::Timestamp;

async fn owe(store: &dyn Store, run: RunId, expected: u64, owed: Vec<Owed>) {
    owe_to(store, &Tenant::local(), run, expected, owed).await;
}

async fn owe_to(store: &dyn Store, tenant: &Tenant, run: RunId, expected: u64, owed: Vec<Owed>) {
    store.append(Append { tenant: tenant.clone(), owed, ..append(run, expected, &["event"]) }).await.unwrap();
}

async fn due(store: &dyn Store, now: u64, agents: &[(&str, &str)]) -> WhatIsDue {
    let agents = agents.iter().map(|(of, name)| (tenant(of), agent(name))).collect();
    store.due(Due { now: Timestamp(now), agents, limit: 100 }).await.unwrap()
}

async fn all_open(store: &dyn Store) -> Vec<Dispatch> {
    store.open(Open { limit: 100, ..Open::default() }).await.unwrap()
}

async fn beat(store: &dyn Store, number: u32, token: u64, at: u64) {
    let beat = Beat { tenant: Tenant::local(), handoff: handoff(run(1), number), token: Token(token), at: Timestamp(at) };
    store.beat(vec![beat]).await.unwrap();
}

/// When the only lease of the store runs out.
async fn lease_due(store: &dyn Store) -> u64 {
    let leases = store.open(Open { kind: Some("lease"), limit: 100, ..Open::default() }).await.unwrap();
    assert_eq!(leases.len(), 1, "there is one lease");
    leases[0].standing.due().expect("a lease has a time").0
}

fn row(number: u64, slot: Slot, standing: Standing) -> Dispatch {
    Dispatch { tenant: Tenant::local(), run: run(number), slot, standing }
}

fn slots(rows: &[Dispatch]) -> Vec<Slot> {
    rows.iter().map(|row| row.slot).collect()
}

pub(super) async fn a_slot_is_put_replaced_and_cleared(store: &dyn Store) {
    owe(store, run(1), 0, vec![put(Slot::Handoff(1), deliver("coder", 5)), put(Slot::Run, wake(9))]).await;
    let first = [row(1, Slot::Run, wake(9)), row(1, Slot::Handoff(1), deliver("coder", 5))];
    assert_eq!(all_open(store).await, first, "what is put stands open");
    owe(store, run(1), 1, vec![put(Slot::Handoff(1), lease(1, 50)), cleared(Slot::Deadline(1))]).await;
    let second = [row(1, Slot::Run, wake(9)), row(1, Slot::Handoff(1), lease(1, 50))];
    assert_eq!(all_open(store).await, second, "a slot has one row; clearing an empty one is no fault");
    assert_eq!(due(store, 10, &[("local", "coder")]).await.deliveries, [], "what was replaced is not delivered");
    owe(store, run(1), 2, vec![cleared(Slot::Handoff(1)), cleared(Slot::Run)]).await;
    assert_eq!(all_open(store).await, [], "what is cleared is gone");
    assert_eq!(due(store, 100, &[("local", "coder")]).await, WhatIsDue::default(), "and never due");
}

pub(super) async fn what_is_due_comes_oldest_first(store: &dyn Store) {
    owe(store, run(1), 0, vec![put(Slot::Deadline(1), wake(30)), put(Slot::Handoff(2), lease(1, 10))]).await;
    let inbox = |due: Option<u64>| Standing::Inbox { due: due.map(Timestamp) };
    let waiting =
        vec![put(Slot::Interrupt(1), inbox(Some(20))), put(Slot::Interrupt(2), inbox(None)), put(Slot::Handoff(1), Standing::DeadLetter)];
    owe(store, run(2), 0, waiting).await;
    let children = vec![put(Slot::Child(run(9)), Standing::OpenChild), put(Slot::Parent, Standing::TellParent), put(Slot::Run, wake(20))];
    owe(store, run(3), 0, children).await;
    let found = due(store, 30, &[]).await;
    let expected = [
        row(3, Slot::Child(run(9)), Standing::OpenChild),
        row(3, Slot::Parent, Standing::TellParent),
        row(1, Slot::Handoff(2), lease(1, 10)),
        row(2, Slot::Interrupt(1), inbox(Some(20))),
        row(3, Slot::Run, wake(20)),
        row(1, Slot::Deadline(1), wake(30)),
    ];
    assert_eq!(found.others, expected, "everything with a time comes by that time; what only waits for a person does not");
    assert_eq!(slots(&due(store, 29, &[]).await.others).len(), 5, "nothing comes before its time");
}

pub(super) async fn deliveries_come_for_the_agents_that_ask(store: &dyn Store) {
    let to = |name, at| vec![put(Slot::Handoff(1), deliver(name, at))];
    owe(store, run(1), 0, to("coder", 20)).await;
    owe(store, run(2), 0, to("writer", 10)).await;
    owe(store, run(3), 0, to("coder", 5)).await;
    owe_to(store, &tenant("other"), run(4), 0, to("coder", 1)).await;
    let runs = |found: WhatIsDue| found.deliveries.iter().map(|row| row.run).collect::<Vec<_>>();
    assert_eq!(runs(due(store, 50, &[]).await), [], "nobody asked, nothing is delivered");
    assert_eq!(due(store, 50, &[]).await.others, [], "and a delivery is nothing else");
    assert_eq!(runs(due(store, 50, &[("local", "coder")]).await), [run(3), run(1)], "an agent gets its own, oldest first");
    let both = [("local", "writer"), ("local", "coder"), ("local", "writer")];
    assert_eq!(runs(due(store, 50, &both).await), [run(3), run(2), run(1)], "several get theirs in one order, once");
    assert_eq!(runs(due(store, 10, &both).await), [run(3), run(2)], "not before their time");
    assert_eq!(runs(due(store, 50, &[("other", "coder")]).await), [run(4)], "the same name is another agent for another tenant");
    assert_eq!(runs(due(store, 50, &[("other", "writer")]).await), [], "who has no delivery gets none");
}

pub(super) async fn the_next_row_says_when_to_ask_again(store: &dyn Store) {
    assert_eq!(due(store, 50, &[("local", "coder")]).await.next, None, "an empty store need not be asked again");
    let rows = vec![put(Slot::Handoff(1), deliver("coder", 70)), put(Slot::Handoff(2), deliver("writer", 60)), put(Slot::Run, wake(80))];
    owe(store, run(1), 0, rows).await;
    let next = async |now, agents: &[(&str, &str)]| due(store, now, agents).await.next.map(|at| at.0);
    assert_eq!(next(50, &[]).await, Some(80), "without agents only the rest counts");
    assert_eq!(next(50, &[("local", "coder")]).await, Some(70), "with an agent, its deliveries count too");
    assert_eq!(next(70, &[("local", "coder")]).await, Some(80), "what is due already is not next");
    assert_eq!(next(80, &[("local", "coder")]).await, None, "after the last there is none");
}

pub(super) async fn both_lists_keep_to_the_limit(store: &dyn Store) {
    for number in 1..=5 {
        let to = ["coder", "writer"][usize::try_from(number).unwrap() % 2];
        let rows = vec![put(Slot::Handoff(1), deliver(to, number)), put(Slot::Run, wake(number))];
        owe(store, run(number), 0, rows).await;
    }
    let some = Due { now: Timestamp(9), agents: ["coder", "writer"].map(|name| (Tenant::local(), agent(name))).to_vec(), limit: 3 };
    let found = store.due(some).await.unwrap();
    let runs = |rows: &[Dispatch]| rows.iter().map(|row| row.run).collect::<Vec<_>>();
    assert_eq!(runs(&found.deliveries), [run(1), run(2), run(3)], "the oldest deliveries of all agents together, up to the limit");
    assert_eq!(runs(&found.others), [run(1), run(2), run(3)], "and as many of the rest");
}

pub(super) async fn a_heartbeat_moves_its_lease(store: &dyn Store) {
    owe(store, run(1), 0, vec![put(Slot::Handoff(1), lease(7, 50))]).await;
    beat(store, 1, 7, 40).await;
    assert_eq!(lease_due(store).await, 140, "a heartbeat pushes the lease by its length");
    let found = due(store, 100, &[]).await;
    assert_eq!((found.others, found.next), (vec![], Some(Timestamp(140))), "it is due then, and not before");
    assert_eq!(due(store, 140, &[]).await.others, [row(1, Slot::Handoff(1), lease(7, 140))], "the row says the new time");
    beat(store, 1, 7, 20).await;
    assert_eq!(lease_due(store).await, 140, "an older heartbeat that comes late takes nothing back");
}

pub(super) async fn a_stale_heartbeat_does_nothing(store: &dyn Store) {
    let rows = vec![put(Slot::Handoff(1), lease(7, 50)), put(Slot::Handoff(2), deliver("coder", 30)), put(Slot::Deadline(3), wake(60))];
    owe(store, run(1), 0, rows).await;
    let before = all_open(store).await;
    for (number, token, why) in [(1, 6, "another token"), (2, 7, "no lease"), (3, 7, "another slot"), (4, 7, "nothing")] {
        beat(store, number, token, 1_000).await;
        assert_eq!(all_open(store).await, before, "a heartbeat for {why} changes nothing");
    }
    let stranger = Beat { tenant: tenant("other"), handoff: handoff(run(1), 1), token: Token(7), at: Timestamp(1_000) };
    store.beat(vec![stranger]).await.unwrap();
    assert_eq!(all_open(store).await, before, "a heartbeat for another tenant changes nothing");
}

pub(super) async fn a_lease_put_again_keeps_its_heartbeat(store: &dyn Store) {
    owe(store, run(1), 0, vec![put(Slot::Handoff(1), lease(7, 50))]).await;
    beat(store, 1, 7, 40).await;
    owe(store, run(1), 1, vec![put(Slot::Handoff(1), lease(7, 50))]).await;
    assert_eq!(lease_due(store).await, 140, "the same lease, put again, keeps the heartbeat that came since");
    owe(store, run(1), 2, vec![put(Slot::Handoff(1), lease(8, 60))]).await;
    assert_eq!(lease_due(store).await, 60, "another lease starts with its own time");
    owe(store, run(1), 3, vec![put(Slot::Handoff(1), deliver("coder", 10))]).await;
    owe(store, run(1), 4, vec![put(Slot::Handoff(1), lease(8, 20))]).await;
    assert_eq!(lease_due(store).await, 20, "a lease that was given up in between starts anew");
}

pub(super) async fn open_rows_come_in_the_order_of_their_keys(store: &dyn Store) {
    let ordered = vec![
        Slot::Run,
        Slot::Handoff(2),
        Slot::Handoff(10),
        Slot::Deadline(1),
        Slot::Interrupt(9),
        Slot::Interrupt(11),
        Slot::Child(run(3)),
        Slot::Child(run(20)),
        Slot::Parent,
    ];
    let rows = ordered.iter().rev().map(|slot| put(*slot, wake(1))).collect();
    owe(store, run(2), 0, rows).await;
    owe(store, run(1), 0, vec![put(Slot::Parent, wake(1))]).await;
    owe_to(store, &tenant("aaa"), run(3), 0, vec![put(Slot::Parent, wake(1))]).await;
    let found = all_open(store).await;
    let keys: Vec<_> = found.iter().map(|row| (row.tenant.clone(), row.run, row.slot)).collect();
    assert!(keys.is_sorted(), "rows come in the order of tenant, run and slot: {keys:?}");
    assert_eq!(slots(&found[2..]), ordered, "and all of them come");
}

pub(super) async fn open_rows_are_filtered_and_paged(store: &dyn Store) {
    for (of, number) in [("aaa", 1), ("aaa", 2), ("bbb", 1), ("local", 3)] {
        let rows = vec![
            put(Slot::Handoff(1), Standing::DeadLetter),
            put(Slot::Handoff(2), lease(number, 50)),
            put(Slot::Handoff(3), deliver(["coder", "writer"][usize::try_from(number).unwrap() % 2], number)),
            put(Slot::Interrupt(1), Standing::Inbox { due: None }),
            put(Slot::Run, wake(number)),
        ];
        owe_to(store, &tenant(of), run(number), 0, rows).await;
    }
    let all = all_open(store).await;
    assert_eq!(all.len(), 20, "all rows of all tenants stand open");
    for kind in [None, Some("dead_letter"), Some("lease"), Some("inbox"), Some("wake"), Some("deliver")] {
        for of in [None, Some(tenant("aaa")), Some(tenant("bbb")), Some(tenant("nobody"))] {
            for only in [None, Some(run(1)), Some(run(2)), Some(run(4))] {
                for by in [None, Some(agent("coder")), Some(agent("writer")), Some(agent("nobody"))] {
                    let open = Open { tenant: of.clone(), run: only, kind, agent: by, after: None, limit: 3 };
                    let expected: Vec<_> = all.iter().filter(|row| is_asked_for(row, &open)).cloned().collect();
                    assert_eq!(pages(store, &open).await, expected, "pages of {open:?} are the whole list");
                }
            }
        }
    }
}

fn is_asked_for(row: &Dispatch, open: &Open) -> bool {
    open.kind.is_none_or(|kind| kind == row.standing.kind())
        && open.tenant.as_ref().is_none_or(|of| *of == row.tenant)
        && open.run.is_none_or(|only| only == row.run)
        && open.agent.as_ref().is_none_or(|by| Some(by) == row.standing.agent())
}

pub(super) async fn queued_deliveries_are_counted_by_agent(store: &dyn Store) {
    let waiting = async |of: &str| store.waiting(&tenant(of)).await.expect("what waits can be counted");
    let counts = |counts: &[(&str, u64)]| counts.iter().map(|(name, count)| (agent(name), *count)).collect::<BTreeMap<_, _>>();
    assert_eq!(waiting("local").await, counts(&[]), "where nothing is queued, nobody is named");
    for number in 1..=3 {
        owe(store, run(number), 0, vec![put(Slot::Handoff(1), deliver("coder", number)), put(Slot::Run, wake(1))]).await;
    }
    owe(store, run(4), 0, vec![put(Slot::Handoff(1), deliver("writer", u64::MAX)), put(Slot::Handoff(2), lease(1, 50))]).await;
    owe_to(store, &tenant("other"), run(5), 0, vec![put(Slot::Handoff(1), deliver("coder", 1))]).await;
    assert_eq!(waiting("local").await, counts(&[("coder", 3), ("writer", 1)]), "every delivery counts, due or not, and nothing else");
    assert_eq!(waiting("other").await, counts(&[("coder", 1)]), "each tenant has its own");
    owe(store, run(1), 1, vec![put(Slot::Handoff(1), lease(1, 50))]).await;
    owe(store, run(4), 1, vec![cleared(Slot::Handoff(1))]).await;
    assert_eq!(waiting("local").await, counts(&[("coder", 2)]), "what was claimed or cleared waits no more");
}

async fn pages(store: &dyn Store, open: &Open) -> Vec<Dispatch> {
    let mut found: Vec<Dispatch> = Vec::new();
    loop {
        let after = found.last().map(|row| (row.tenant.clone(), row.run, row.slot));
        let page = store.open(Open { after, ..open.clone() }).await.unwrap();
        assert!(page.len() <= open.limit as usize, "a page keeps to its limit");
        if page.is_empty() {
            return found;
        }
        found.extend(page);
        assert!(found.len() <= 100, "paging comes to an end");
    }
}
