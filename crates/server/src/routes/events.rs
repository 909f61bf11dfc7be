//! What has happened: a page at a time, or as it happens.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use handclasp_engine::Committed;
use handclasp_store::{Fed, Feed};
use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use crate::api::read_query;
use crate::call::Call;
use crate::house::House;
use crate::limits;
use crate::problem::Problem;
use crate::routes::runs;
use crate::wire::{EventLine, Events, FindEvents, FollowEvents};

/// Lets proxies know that a stream without news is alive. Well below their idle timeouts.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(crate) async fn list(call: Call, find: FindEvents) -> Result<Events, Problem> {
    let store = call.house.engine.store();
    let newest = store.fed().await?;
    let limit = runs::page(find.limit);
    let feed = Feed { tenant: call.caller.tenant.clone(), run: find.run, after: find.after.unwrap_or(0), limit };
    let page = store.feed(feed).await?;
    Ok(Events { events: page.events.iter().map(line).collect(), after: page.upto, newest: newest.max(page.upto) })
}

fn line(fed: &Fed) -> EventLine {
    EventLine { id: fed.seq, run: fed.run, version: fed.version, event: serde_json::from_slice(&fed.bytes).unwrap_or(Value::Null) }
}

pub(crate) async fn follow(call: Call, _: Body) -> Result<Response, Problem> {
    let find: FollowEvents = read_query(&call)?;
    let last =
        call.headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(|text| {
            text.trim().parse::<u64>().map_err(|_| Problem::malformed("Last-Event-ID", "the id of an event of this stream", text))
        });
    // Subscribed before the newest place is read, so that nothing falls in between.
    let commits = call.house.engine.watch();
    let after = match last.transpose()?.or(find.after) {
        Some(after) => after,
        None => call.house.engine.store().fed().await?,
    };
    let feed = Feed { tenant: call.caller.tenant.clone(), run: find.run, after, limit: limits::PAGE_MAX };
    let following = Following {
        closing: call.house.closing.clone(),
        house: call.house,
        headers: call.headers,
        commits,
        feed,
        page: Vec::new().into_iter(),
    };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(following.stream()).keep_alive(keep_alive).into_response())
}

/// A stream of events, on its way.
struct Following {
    house: House,
    /// On whose authority: a key can be taken back while the stream is open.
    headers: HeaderMap,
    closing: watch::Receiver<bool>,
    commits: Receiver<Committed>,
    feed: Feed,
    page: std::vec::IntoIter<Fed>,
}

impl Following {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut following| async move { following.next().await.map(|event| (Ok(event), following)) })
    }

    /// The next event; none when the server is closing, the store fails, or the key is good no more. The
    /// client comes back with the id of the last one that it has seen.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(fed) = self.page.next() {
                self.house.gate.admit(&self.headers).ok()?;
                let id = fed.seq.to_string();
                return Event::default().id(id).event("event").json_data(line(&fed)).ok();
            }
            let page = match self.house.engine.store().feed(self.feed.clone()).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(%error, "a stream of events ends");
                    return None;
                }
            };
            let moved = page.upto > self.feed.after;
            self.feed.after = page.upto.max(self.feed.after);
            self.page = page.events.into_iter();
            if self.page.len() == 0 && !moved && !self.news().await {
                return None;
            }
        }
    }

    /// Waits for a commit that belongs here; `false` when the server is closing.
    async fn news(&mut self) -> bool {
        loop {
            let commit = tokio::select! {
                commit = self.commits.recv() => commit,
                _ = self.closing.wait_for(|closing| *closing) => return false,
            };
            match commit {
                Ok(commit) if commit.tenant != self.feed.tenant || self.feed.run.is_some_and(|run| run != commit.run) => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return true,
                Err(RecvError::Closed) => return false,
            }
        }
    }
}
