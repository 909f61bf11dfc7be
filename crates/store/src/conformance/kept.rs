//! What is promised about what is kept outside of runs: each tenant's own, and one winner per name.

use std::sync::Arc;

use futures_util::future::join_all;

use super::sample::tenant;
use crate::{Expected, Find, Kept, KeptOf, Store};
use handclasp_core::blob::Digest;
use handclasp_core::id::Tenant;

fn thing(of: &Tenant, kind: &str, name: &str, text: &str) -> Kept {
    Kept { tenant: of.clone(), kind: kind.to_owned(), name: name.to_owned(), bytes: text.as_bytes().into() }
}

async fn keep(store: &dyn Store, name: &str, text: &str, expected: Expected) -> bool {
    store.keep(thing(&Tenant::local(), "agent", name, text), expected).await.expect("keeping is answered")
}

async fn text(store: &dyn Store, of: &Tenant, kind: &str, name: &str) -> Option<String> {
    let found: Option<Arc<[u8]>> = store.kept_one(of, kind, name).await.expect("what is kept can be read");
    found.map(|bytes| String::from_utf8(bytes.to_vec()).expect("the checks keep text"))
}

fn all(kind: &'static str) -> KeptOf {
    KeptOf { tenant: None, kind, after: None, limit: 100 }
}

pub(super) async fn a_thing_is_kept_replaced_and_discarded(store: &dyn Store) {
    let local = Tenant::local();
    assert_eq!(text(store, &local, "agent", "coder").await, None, "what was never kept is not there");
    assert!(!store.discard(&local, "agent", "coder").await.unwrap(), "nor can it be discarded");
    assert!(keep(store, "coder", "first", Expected::Anything).await, "anything may be nothing");
    assert!(keep(store, "coder", "second", Expected::Anything).await, "and anything may be replaced");
    assert_eq!(text(store, &local, "agent", "coder").await.as_deref(), Some("second"), "there is one thing of a name, the latest");
    assert_eq!(store.kept(all("agent")).await.unwrap(), [thing(&local, "agent", "coder", "second")], "and it is listed once");
    assert!(store.discard(&local, "agent", "coder").await.unwrap(), "what is there can be discarded");
    assert_eq!(text(store, &local, "agent", "coder").await, None, "and is gone");
    assert_eq!(store.kept(all("agent")).await.unwrap(), [], "from the list, too");
    assert!(keep(store, "coder", "", Expected::Absent).await, "the name is free again");
    assert_eq!(text(store, &local, "agent", "coder").await.as_deref(), Some(""), "an empty thing is a thing");
}

pub(super) async fn only_what_is_expected_is_replaced(store: &dyn Store) {
    let local = Tenant::local();
    let seen = |text: &str| Expected::Digest(Digest::of(text.as_bytes()));
    assert!(!keep(store, "coder", "first", seen("first")).await, "nothing is not the bytes that were expected");
    assert!(!keep(store, "coder", "first", seen("")).await, "nor is it the empty bytes");
    assert_eq!(text(store, &local, "agent", "coder").await, None, "and nothing was written");
    assert!(keep(store, "coder", "first", Expected::Absent).await, "an absent thing can be kept");
    assert!(!keep(store, "coder", "rival", Expected::Absent).await, "and then it is absent no more");
    assert!(!keep(store, "coder", "first", Expected::Absent).await, "not even for the same bytes");
    assert!(keep(store, "coder", "second", seen("first")).await, "who saw what is there may replace it");
    assert!(!keep(store, "coder", "rival", seen("first")).await, "who saw what was there may not");
    assert_eq!(text(store, &local, "agent", "coder").await.as_deref(), Some("second"), "who lost has written nothing");
    assert!(store.discard(&local, "agent", "coder").await.unwrap());
    assert!(!keep(store, "coder", "rival", seen("second")).await, "who saw what is discarded may not bring it back");
}

pub(super) async fn of_several_writers_one_wins(store: &dyn Store) {
    // All calls before the first poll.
    let rivals: Vec<String> = (0..20).map(|number| format!("rival {number}")).collect();
    let write = |text: &String| store.keep(thing(&Tenant::local(), "key", "same", text), Expected::Absent);
    let answers = join_all(rivals.iter().map(write)).await;
    let winners: Vec<&String> = rivals.iter().zip(answers).filter(|(_, won)| *won.as_ref().unwrap()).map(|(rival, _)| rival).collect();
    let kept = text(store, &Tenant::local(), "key", "same").await;
    assert_eq!(winners, kept.iter().collect::<Vec<_>>(), "one is told that it has won, and it is the one that is kept");
}

pub(super) async fn kinds_and_tenants_do_not_meet(store: &dyn Store) {
    let (ours, theirs) = (Tenant::local(), tenant("other"));
    let things = [
        thing(&ours, "agent", "same", "our agent"),
        thing(&theirs, "agent", "same", "their agent"),
        thing(&ours, "contract", "same", "our contract"),
    ];
    for thing in &things {
        assert!(store.keep(thing.clone(), Expected::Absent).await.unwrap(), "a name belongs to its tenant and kind");
    }
    for thing in &things {
        let found = store.kept_one(&thing.tenant, &thing.kind, "same").await.unwrap();
        assert_eq!(found.as_ref(), Some(&thing.bytes), "each is found where it was kept");
    }
    assert_eq!(text(store, &theirs, "contract", "same").await, None, "and nowhere else");
    let of_theirs = |kind| store.kept(KeptOf { tenant: Some(theirs.clone()), ..all(kind) });
    assert_eq!(of_theirs("agent").await.unwrap(), things[1..2], "a list is one tenant's");
    assert_eq!(of_theirs("contract").await.unwrap(), [], "of one kind");
    assert!(!store.discard(&theirs, "contract", "same").await.unwrap(), "nobody discards another's");
    assert!(store.discard(&theirs, "agent", "same").await.unwrap(), "but their own they may");
    assert_eq!(store.kept(all("agent")).await.unwrap(), things[..1], "and the others' stay");
}

pub(super) async fn what_is_kept_is_listed_in_pages(store: &dyn Store) {
    // Names with a common beginning, none at all, and one beyond ASCII; no tenant of these has a run.
    let names = ["", "a", "a\0", "a@1.2.0", "b", "ß"];
    for name in names.iter().rev() {
        for of in ["local", "aaa", "bbb"] {
            store.keep(thing(&tenant(of), "contract", name, &format!("{of} {name}")), Expected::Absent).await.unwrap();
            store.keep(thing(&tenant(of), "contracts", name, "another kind"), Expected::Absent).await.unwrap();
        }
    }
    assert_eq!(store.find(Find { limit: 9, ..Find::default() }).await.unwrap(), [], "nothing of this is a run");
    let whole: Vec<Kept> = ["aaa", "bbb", "local"]
        .iter()
        .flat_map(|of| names.iter().map(move |name| thing(&tenant(of), "contract", name, &format!("{of} {name}"))))
        .collect();
    assert_eq!(store.kept(all("contract")).await.unwrap(), whole, "everybody's, in the order of tenant and name");
    assert_eq!(pages(store, &KeptOf { limit: 4, ..all("contract") }).await, whole, "pages are the whole list");
    let one = KeptOf { tenant: Some(tenant("bbb")), limit: 1, ..all("contract") };
    assert_eq!(pages(store, &one).await, whole[6..12], "also one tenant's alone");
    let behind = KeptOf { after: Some((tenant("abc"), "zzz".to_owned())), ..all("contract") };
    assert_eq!(store.kept(behind).await.unwrap(), whole[6..], "a page may start behind a tenant that is not there");
    assert_eq!(store.kept(KeptOf { limit: 0, ..all("contract") }).await.unwrap(), [], "a limit of none is none");
    assert_eq!(store.kept(all("agent")).await.unwrap(), [], "a kind that nobody keeps is an empty list");
}

async fn pages(store: &dyn Store, of: &KeptOf) -> Vec<Kept> {
    let mut found: Vec<Kept> = Vec::new();
    loop {
        let after = found.last().map(|last| (last.tenant.clone(), last.name.clone()));
        let page = store.kept(KeptOf { after, ..of.clone() }).await.unwrap();
        assert!(page.len() <= of.limit as usize, "a page keeps to its limit");
        if page.is_empty() {
            return found;
        }
        found.extend(page);
        assert!(found.len() <= 100, "paging comes to an end");
    }
}
