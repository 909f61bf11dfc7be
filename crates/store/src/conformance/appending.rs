//! What appending promises, and what a log gives back.

use futures_util::future::join_all;

use super::sample::{append, blob, deliver, head, opening, put, run, tenant};
use crate::{Append, Appended, Content, Find, Load, Loaded, Open, Read, Snapshot, Store};
use handclasp_core::blob::Digest;
use handclasp_core::id::{RunId, Tenant};
use handclasp_core::run::Slot;

async fn whole(store: &dyn Store, tenant: &Tenant, run: RunId) -> Option<Loaded> {
    store.load(Load { tenant: tenant.clone(), run, snapshot: false }).await.expect("a log can be loaded")
}

async fn put_in(store: &dyn Store, append: Append) -> Appended {
    store.append(append).await.expect("an append is answered")
}

fn bytes(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

pub(super) async fn a_run_opens_and_goes_on(store: &dyn Store) {
    assert_eq!(whole(store, &Tenant::local(), run(1)).await, None, "a run that was never opened is not there");
    assert_eq!(put_in(store, append(run(1), 0, &["opened", "offered"])).await, Appended::At(2), "an opening reaches its last event");
    assert_eq!(put_in(store, append(run(1), 2, &["claimed"])).await, Appended::At(3), "the next append follows");
    let expected = Loaded { snapshot: None, events: bytes(&["opened", "offered", "claimed"]), version: 3, head: head(run(1), 3) };
    assert_eq!(whole(store, &Tenant::local(), run(1)).await, Some(expected), "the log has all events in order, and the last head");
}

pub(super) async fn bytes_come_back_as_they_were(store: &dyn Store) {
    let events = vec![vec![], vec![0, 255, 10, 0], "ü\u{0}\n".into(), vec![7; 300_000]];
    let content = blob(&"x".repeat(70_000));
    let first = Append { events: events.clone(), blobs: vec![content.clone(), blob("")], ..append(run(1), 0, &[]) };
    put_in(store, first).await;
    let loaded = whole(store, &Tenant::local(), run(1)).await.expect("the run is open");
    assert_eq!(loaded.events, events, "events come back byte by byte, whatever is in them");
    let found = store.content(&Tenant::local(), run(1), content.0).await.unwrap();
    assert_eq!(found, Content::Bytes(content.1), "contents come back byte by byte");
    let empty = store.content(&Tenant::local(), run(1), Digest::of(b"")).await.unwrap();
    assert_eq!(empty, Content::Bytes([].into()), "an empty content is a content, not an erased one");
}

pub(super) async fn a_conflict_leaves_no_trace(store: &dyn Store) {
    put_in(store, append(run(1), 0, &["opened", "offered"])).await;
    let before = whole(store, &Tenant::local(), run(1)).await;
    let full = |run, expected| Append {
        blobs: vec![blob("unwritten")],
        owed: vec![put(Slot::Handoff(1), deliver("coder", 1))],
        opening: Some(opening("key", "content")),
        snapshot: Some(b"state".to_vec()),
        ..append(run, expected, &["lost"])
    };
    for (run, expected, why) in [
        (run(1), 0, "an opening of an open run"),
        (run(1), 1, "an append to an older version"),
        (run(1), 3, "an append to a newer version"),
        (run(2), 1, "an append to a run that is not there"),
    ] {
        assert_eq!(put_in(store, full(run, expected)).await, Appended::Conflict, "{why} conflicts");
    }
    assert_eq!(whole(store, &Tenant::local(), run(1)).await, before, "a conflict adds no event");
    assert_eq!(whole(store, &Tenant::local(), run(2)).await, None, "a conflict opens no run");
    let local = Tenant::local();
    let missing = store.content(&local, run(1), blob("unwritten").0).await.unwrap();
    assert_eq!(missing, Content::Missing, "a conflict keeps no content");
    assert_eq!(store.opened(&local, &"key".parse().unwrap()).await.unwrap(), None, "a conflict uses up no key");
    let open = store.open(Open { limit: 10, ..Open::default() }).await.unwrap();
    assert_eq!(open, [], "a conflict owes nothing");
    let start = store.load(Load { tenant: local, run: run(1), snapshot: true }).await.unwrap().unwrap();
    assert_eq!(start.snapshot, None, "a conflict leaves no snapshot");
}

pub(super) async fn an_opening_key_opens_one_run(store: &dyn Store) {
    let with_key = |number, content| Append { opening: Some(opening("key", content)), ..append(run(number), 0, &["opened"]) };
    assert_eq!(put_in(store, with_key(1, "first")).await, Appended::At(1), "a new key opens a run");
    let known = Appended::Opened { run: run(1), content: Digest::of(b"first") };
    assert_eq!(put_in(store, with_key(2, "second")).await, known, "a used key names its run and what it was used for");
    assert_eq!(put_in(store, with_key(1, "first")).await, known, "so it does when the same opening is tried again");
    assert_eq!(whole(store, &Tenant::local(), run(2)).await, None, "a used key opens nothing");
    let other = Append { tenant: tenant("other"), ..with_key(3, "third") };
    assert_eq!(put_in(store, other).await, Appended::At(1), "a key belongs to its tenant");
    let key = "key".parse().unwrap();
    let found = store.opened(&Tenant::local(), &key).await.unwrap();
    assert_eq!(found, Some((run(1), Digest::of(b"first"))), "a key finds the run that it opened");
    assert_eq!(store.opened(&tenant("third"), &key).await.unwrap(), None, "a key that was not used finds nothing");
}

pub(super) async fn calls_take_effect_in_their_order(store: &dyn Store) {
    const CALLS: u64 = 200;
    // Two runs in turn, all calls before the first poll, and polled from the last to the first.
    let calls = (0..CALLS).flat_map(|version| [(run(1), version), (run(2), version)]);
    let mut flying: Vec<_> = calls.map(|(run, version)| store.append(append(run, version, &[&format!("event {version}")]))).collect();
    flying.reverse();
    let mut answers = join_all(flying).await;
    answers.reverse();
    for (index, answer) in (0..).zip(answers) {
        assert_eq!(answer.unwrap(), Appended::At(index / 2 + 1), "appends take effect in the order of the calls");
    }
    let expected: Vec<_> = (0..CALLS).map(|version| format!("event {version}").into_bytes()).collect();
    assert_eq!(whole(store, &Tenant::local(), run(2)).await.unwrap().events, expected, "and so they lie in the log");
}

pub(super) async fn calls_behind_a_conflict_conflict(store: &dyn Store) {
    let mut flying = vec![store.append(append(run(1), 0, &["opened"])), store.append(append(run(1), 5, &["too far"]))];
    flying.push(store.append(append(run(1), 6, &["on top of it"])));
    flying.push(store.append(append(run(2), 0, &["somebody else"])));
    let answers: Vec<_> = join_all(flying).await.into_iter().map(|answer| answer.expect("an append is answered")).collect();
    let expected = [Appended::At(1), Appended::Conflict, Appended::Conflict, Appended::At(1)];
    assert_eq!(answers, expected, "a conflict holds up nobody but those who built on it");
}

pub(super) async fn a_dropped_future_takes_its_append_back_never(store: &dyn Store) {
    drop(store.append(append(run(1), 0, &["opened"])));
    assert_eq!(put_in(store, append(run(1), 1, &["offered"])).await, Appended::At(2), "a call counts even if nobody waits for it");
}

pub(super) async fn an_append_of_nothing_changes_what_is_owed(store: &dyn Store) {
    assert_eq!(put_in(store, append(run(1), 0, &[])).await, Appended::Conflict, "a run does not open without an event");
    assert_eq!(whole(store, &Tenant::local(), run(1)).await, None, "and is not there afterwards");
    put_in(store, append(run(1), 0, &["opened"])).await;
    let before = whole(store, &Tenant::local(), run(1)).await;
    let nothing = Append { owed: vec![put(Slot::Handoff(1), deliver("coder", 1))], ..append(run(1), 1, &[]) };
    assert_eq!(put_in(store, nothing.clone()).await, Appended::At(1), "an append of no events stays at its version");
    assert_eq!(whole(store, &Tenant::local(), run(1)).await, before, "and leaves the log alone");
    let open = store.open(Open { limit: 10, ..Open::default() }).await.unwrap();
    assert_eq!(open.len(), 1, "what is owed changes");
    assert_eq!(put_in(store, Append { expected: 2, ..nothing }).await, Appended::Conflict, "at another version it conflicts");
}

pub(super) async fn an_append_follows_the_very_log_that_its_caller_saw(store: &dyn Store) {
    put_in(store, append(run(1), 0, &["opened"])).await;
    let rivals = Append { head: Digest::of(b"by a rival"), ..append(run(1), 1, &["claimed by a rival"]) };
    assert_eq!(put_in(store, rivals).await, Appended::At(2), "a rival was faster");
    let ours = append(run(1), 2, &["accepted"]);
    assert_eq!(put_in(store, ours.clone()).await, Appended::Conflict, "the version is right, the log is another one");
    assert_eq!(put_in(store, Append { events: vec![], ..ours }).await, Appended::Conflict, "nor can what is owed be moved from there");
}

pub(super) async fn tenants_do_not_see_each_other(store: &dyn Store) {
    let (ours, theirs) = (Tenant::local(), tenant("other"));
    let content = blob("ours");
    let first =
        Append { blobs: vec![content.clone()], owed: vec![put(Slot::Handoff(1), deliver("coder", 1))], ..append(run(1), 0, &["ours"]) };
    put_in(store, first).await;
    assert_eq!(whole(store, &theirs, run(1)).await, None, "a run belongs to its tenant");
    let second = Append { tenant: theirs.clone(), ..append(run(1), 0, &["theirs"]) };
    assert_eq!(put_in(store, second).await, Appended::At(1), "the same id is another run for another tenant");
    let read = |tenant: &Tenant| store.read(Read { tenant: tenant.clone(), run: run(1), after: 0, limit: 10 });
    assert_eq!(read(&ours).await.unwrap(), bytes(&["ours"]), "each reads its own log");
    assert_eq!(read(&theirs).await.unwrap(), bytes(&["theirs"]), "each reads its own log");
    assert_eq!(store.content(&theirs, run(1), content.0).await.unwrap(), Content::Missing, "contents belong to a tenant");
    let open = store.open(Open { tenant: Some(theirs.clone()), limit: 10, ..Open::default() }).await.unwrap();
    assert_eq!(open, [], "what is owed belongs to a tenant");
    let found = store.find(Find { tenant: Some(theirs.clone()), limit: 10, ..Find::default() }).await.unwrap();
    assert_eq!(found.iter().map(|(tenant, _)| tenant).collect::<Vec<_>>(), [&theirs], "lists belong to a tenant");
}

pub(super) async fn a_snapshot_spares_the_events_before_it(store: &dyn Store) {
    let load = |snapshot| store.load(Load { tenant: Tenant::local(), run: run(1), snapshot });
    put_in(store, Append { snapshot: Some(b"at 2".to_vec()), ..append(run(1), 0, &["a", "b"]) }).await;
    put_in(store, append(run(1), 2, &["c"])).await;
    let at = |version, state: &str| Snapshot { version, head: head(run(1), version), state: state.into() };
    let expected = Loaded { snapshot: Some(at(2, "at 2")), events: bytes(&["c"]), version: 3, head: head(run(1), 3) };
    assert_eq!(load(true).await.unwrap(), Some(expected), "a snapshot stands for the events up to it; the later ones follow");
    let all = Loaded { snapshot: None, events: bytes(&["a", "b", "c"]), version: 3, head: head(run(1), 3) };
    assert_eq!(load(false).await.unwrap(), Some(all), "the whole log is there all the same");
    put_in(store, Append { snapshot: Some(b"at 4".to_vec()), ..append(run(1), 3, &["d"]) }).await;
    let latest = load(true).await.unwrap().unwrap();
    assert_eq!((latest.snapshot, latest.events), (Some(at(4, "at 4")), vec![]), "a later snapshot replaces an earlier one");
}

pub(super) async fn reading_pages_through_the_log(store: &dyn Store) {
    put_in(store, append(run(1), 0, &["1", "2", "3", "4", "5"])).await;
    put_in(store, append(run(2), 0, &["another run"])).await;
    let read = |run, after, limit| store.read(Read { tenant: Tenant::local(), run, after, limit });
    assert_eq!(read(run(1), 0, 2).await.unwrap(), bytes(&["1", "2"]), "a page starts at the beginning and keeps to its limit");
    assert_eq!(read(run(1), 2, 2).await.unwrap(), bytes(&["3", "4"]), "the next one starts after the last");
    assert_eq!(read(run(1), 4, 2).await.unwrap(), bytes(&["5"]), "the last one ends with the log");
    assert_eq!(read(run(1), 5, 2).await.unwrap(), bytes(&[]), "after it there is nothing");
    assert_eq!(read(run(1), u64::MAX, 2).await.unwrap(), bytes(&[]), "far after it neither");
    assert_eq!(read(run(3), 0, 2).await.unwrap(), bytes(&[]), "a run that is not there has no events");
}
