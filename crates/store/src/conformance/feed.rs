//! What the feed promises: every event of a tenant once, in one order, from wherever one left off.

use futures_util::future::join_all;

use super::sample::{append, run, tenant};
use crate::{Append, Appended, FEED_ROWS_MAX, Fed, Feed, FeedPage, Store};
use handclasp_core::id::{RunId, Tenant};

async fn put_in(store: &dyn Store, of: &Tenant, number: u64, expected: u64, events: &[&str]) {
    let append = Append { tenant: of.clone(), ..append(run(number), expected, events) };
    let version = expected + events.len() as u64;
    assert_eq!(store.append(append).await.unwrap(), Appended::At(version), "the sample can be appended");
}

async fn page(store: &dyn Store, feed: &Feed, after: u64) -> FeedPage {
    store.feed(Feed { after, ..feed.clone() }).await.expect("a feed can be read")
}

/// Everything that lies behind, page by page, with the place that the last page came to.
async fn follow(store: &dyn Store, feed: &Feed) -> (Vec<Fed>, u64) {
    let (mut found, mut after) = (Vec::new(), feed.after);
    loop {
        let page = page(store, feed, after).await;
        assert!(page.events.len() <= feed.limit as usize, "a page keeps to its limit");
        assert!(page.events.iter().all(|fed| after < fed.seq && fed.seq <= page.upto), "a page is a stretch of the order");
        found.extend(page.events);
        if page.upto == after {
            return (found, after);
        }
        assert!(page.upto > after, "a page goes on");
        after = page.upto;
    }
}

fn whole(of: &Tenant) -> Feed {
    Feed { tenant: of.clone(), run: None, after: 0, limit: 100 }
}

fn texts(events: &[Fed]) -> Vec<(RunId, u64, &str)> {
    events.iter().map(|fed| (fed.run, fed.version, std::str::from_utf8(&fed.bytes).expect("the checks store text"))).collect()
}

/// Two runs of one tenant in turns, and somebody else's in between.
async fn in_turns(store: &dyn Store) -> (Tenant, Tenant) {
    let (ours, theirs) = (Tenant::local(), tenant("other"));
    put_in(store, &ours, 2, 0, &["a", "b"]).await;
    put_in(store, &theirs, 1, 0, &["x"]).await;
    put_in(store, &ours, 1, 0, &["c"]).await;
    put_in(store, &ours, 2, 2, &["d", "e", "f"]).await;
    put_in(store, &theirs, 2, 0, &["y", "z"]).await;
    put_in(store, &ours, 1, 1, &["g"]).await;
    put_in(store, &ours, 1, 2, &[]).await;
    (ours, theirs)
}

pub(super) async fn a_tenants_events_come_in_the_order_of_their_appends(store: &dyn Store) {
    let (ours, theirs) = in_turns(store).await;
    let (found, upto) = follow(store, &whole(&ours)).await;
    let expected =
        [(run(2), 1, "a"), (run(2), 2, "b"), (run(1), 1, "c"), (run(2), 3, "d"), (run(2), 4, "e"), (run(2), 5, "f"), (run(1), 2, "g")];
    assert_eq!(texts(&found), expected, "all runs in one order, none left out and none twice");
    assert!(found.is_sorted_by(|one, next| one.seq < next.seq), "and each place is behind the one before");
    assert_eq!(upto, store.fed().await.unwrap(), "everything was looked at");
    let (others, _) = follow(store, &whole(&theirs)).await;
    assert_eq!(texts(&others), [(run(1), 1, "x"), (run(2), 1, "y"), (run(2), 2, "z")], "each tenant sees its own");
    assert!(others.iter().all(|fed| found.iter().all(|own| own.seq != fed.seq)), "no two events share a place");
    let nobody = page(store, &whole(&tenant("nobody")), 0).await;
    assert_eq!(nobody, FeedPage { events: vec![], upto }, "who has no events is told how far that holds");
}

pub(super) async fn a_feed_goes_on_from_anywhere(store: &dyn Store) {
    let (ours, _) = in_turns(store).await;
    for only in [None, Some(run(1)), Some(run(2)), Some(run(3))] {
        let feed = Feed { run: only, ..whole(&ours) };
        let (all, newest) = follow(store, &feed).await;
        assert!(all.iter().all(|fed| only.is_none_or(|only| only == fed.run)), "a run's feed is of that run");
        for after in 0..=newest + 2 {
            let left: Vec<Fed> = all.iter().filter(|fed| fed.seq > after).cloned().collect();
            let rest = FeedPage { events: left.clone(), upto: after.max(newest) };
            assert_eq!(page(store, &feed, after).await, rest, "after {after} comes what lies behind it");
            let next = page(store, &Feed { limit: 1, ..feed.clone() }, after).await;
            let upto = left.first().map_or(after.max(newest), |first| first.seq);
            assert_eq!(next, FeedPage { events: left.into_iter().take(1).collect(), upto }, "a full page ends with its last event");
            let none = page(store, &Feed { limit: 0, ..feed.clone() }, after).await;
            assert_eq!(none, FeedPage { events: vec![], upto: after }, "a page of none moves nobody");
        }
        for limit in 1..4 {
            assert_eq!(follow(store, &Feed { limit, ..feed.clone() }).await, (all.clone(), newest), "pages of {limit} are the whole feed");
        }
        let far = page(store, &feed, u64::MAX).await;
        assert_eq!(far, FeedPage { events: vec![], upto: u64::MAX }, "behind everything there is nothing");
    }
}

pub(super) async fn the_newest_place_is_where_a_new_follower_starts(store: &dyn Store) {
    assert_eq!(store.fed().await.unwrap(), 0, "before the first event there is no place");
    assert_eq!(page(store, &whole(&Tenant::local()), 0).await, FeedPage { events: vec![], upto: 0 }, "and nothing to read");
    let (ours, _) = in_turns(store).await;
    let now = store.fed().await.unwrap();
    put_in(store, &tenant("other"), 3, 0, &["of another"]).await;
    assert!(store.fed().await.unwrap() > now, "the newest place counts everybody's events");
    put_in(store, &ours, 4, 0, &["new"]).await;
    let found = page(store, &whole(&ours), now).await;
    assert_eq!(texts(&found.events), [(run(4), 1, "new")], "from now on, nothing but what is new");
    let newest = store.fed().await.unwrap();
    let refused = store.append(append(run(4), 7, &["too far"])).await.unwrap();
    assert_eq!((refused, store.fed().await.unwrap()), (Appended::Conflict, newest), "what was not written has no place");
}

pub(super) async fn a_follower_misses_nothing_of_what_is_written_meanwhile(store: &dyn Store) {
    const EVENTS: u64 = 60;
    let (ours, names): (_, Vec<String>) = (Tenant::local(), (0..EVENTS).map(|number| format!("event {number}")).collect());
    let mut appends = Vec::new();
    let (mut found, mut after) = (Vec::new(), 0);
    for (version, name) in (0..).zip(&names) {
        // Not waited for: the follower looks while they are on their way.
        appends.push(store.append(append(run(1), version, &[name])));
        appends.push(store.append(append(run(2), version, &[name])));
        let page = page(store, &whole(&ours), after).await;
        found.extend(page.events);
        after = page.upto;
    }
    assert!(join_all(appends).await.into_iter().all(|answer| matches!(answer, Ok(Appended::At(_)))), "all of them are written");
    found.extend(follow(store, &Feed { after, ..whole(&ours) }).await.0);
    for number in [1, 2] {
        let of_one: Vec<_> = texts(&found).into_iter().filter(|(of, ..)| *of == run(number)).map(|(_, _, text)| text).collect();
        assert_eq!(of_one, names, "run {number} arrives whole and in its order");
    }
}

pub(super) async fn one_look_passes_over_so_many_events(store: &dyn Store) {
    let (ours, theirs) = (Tenant::local(), tenant("other"));
    let many = vec!["theirs"; FEED_ROWS_MAX as usize + 10];
    put_in(store, &ours, 1, 0, &["first"]).await;
    put_in(store, &theirs, 2, 0, &many).await;
    put_in(store, &ours, 1, 1, &["last"]).await;
    let (newest, most) = (store.fed().await.unwrap(), u64::from(FEED_ROWS_MAX));
    let first = page(store, &whole(&ours), 0).await;
    assert_eq!(texts(&first.events), [(run(1), 1, "first")], "a look finds what is within its reach");
    assert!(first.upto < newest && first.upto <= most, "and says that there is more: {} of {newest}", first.upto);
    assert_eq!(follow(store, &whole(&ours)).await.0.len(), 2, "who asks again comes through");
    let of_run = page(store, &Feed { run: Some(run(1)), ..whole(&ours) }, 0).await;
    assert_eq!((of_run.events.len(), of_run.upto), (2, newest), "a run's feed passes over no other's events");
    let all_of_theirs = page(store, &Feed { limit: u32::MAX, ..whole(&theirs) }, 0).await;
    assert!(all_of_theirs.events.len() as u64 <= most, "a look has its bound whatever the limit says");
}
