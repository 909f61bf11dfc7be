//! The stream of events: nothing is lost and nothing comes twice, wherever somebody begins and however
//! often they come back, while commits go on.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Stage, text};

/// Server-sent events, as they come.
struct Stream {
    answer: reqwest::Response,
    unread: String,
}

impl Stream {
    async fn open(stage: &Stage, path: &str, last: Option<u64>) -> Self {
        let mut request = stage.call(Method::GET, path);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let answer = request.send().await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["content-type"]), (200, &"text/event-stream".parse().unwrap()));
        Self { answer, unread: String::new() }
    }

    /// The next event; none when the stream has ended.
    async fn next(&mut self) -> Option<(u64, Value)> {
        loop {
            while let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                if let (Some(id), Some(data)) = (field("id:"), field("data:")) {
                    assert_eq!(field("event:"), Some("event"));
                    return Some((id.parse().unwrap(), serde_json::from_str(data).unwrap()));
                }
            }
            let chunk = self.answer.chunk().await.ok()??;
            self.unread.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

/// Events of a run that was opened and nothing else.
const EVENTS_OF_A_RUN: usize = 2;

async fn open_run(stage: &Stage) -> String {
    text(&stage.post("/v1/runs", json!({ "task": "Go." })).await.ok()["run"])
}

/// All events that a page-by-page reader sees.
async fn listed(stage: &Stage, query: &str) -> Vec<u64> {
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let page = stage.get(&format!("/v1/events?limit=7&after={after}{query}")).await.ok();
        seen.extend(page["events"].as_array().unwrap().iter().map(|event| event["id"].as_u64().unwrap()));
        after = page["after"].as_u64().unwrap();
        if after >= page["newest"].as_u64().unwrap() {
            return seen;
        }
    }
}

#[tokio::test]
async fn from_now_on_means_what_is_committed_from_now_on() {
    let stage = Stage::new().await;
    open_run(&stage).await;
    let mut stream = Stream::open(&stage, "/v1/events/stream", None).await;
    let run = open_run(&stage).await;
    let (id, event) = stream.next().await.unwrap();
    assert_eq!((&event["run"], &event["version"], &event["id"]), (&json!(run), &json!(1), &json!(id)));
    assert!(event["event"]["event"].is_object() || event["event"]["event"].is_string(), "{event}");
}

#[tokio::test]
async fn a_place_to_begin_is_taken_from_the_header_before_the_query() {
    let stage = Stage::new().await;
    for _ in 0..3 {
        open_run(&stage).await;
    }
    let all = listed(&stage, "").await;
    let mut stream = Stream::open(&stage, "/v1/events/stream?after=0", None).await;
    for id in &all {
        assert_eq!(stream.next().await.unwrap().0, *id);
    }
    let mut stream = Stream::open(&stage, "/v1/events/stream?after=0", Some(all[0])).await;
    assert_eq!(stream.next().await.unwrap().0, all[1]);
}

#[tokio::test]
async fn one_run_can_be_followed_alone() {
    let stage = Stage::new().await;
    open_run(&stage).await;
    let run = open_run(&stage).await;
    let mut stream = Stream::open(&stage, &format!("/v1/events/stream?after=0&run={run}"), None).await;
    open_run(&stage).await;
    stage.post(&format!("/v1/runs/{run}/cancel"), json!({ "reason": "enough" })).await.ok();
    let all = listed(&stage, &format!("&run={run}")).await;
    assert!(all.len() > EVENTS_OF_A_RUN);
    for (version, id) in (1..).zip(all) {
        let (seen, event) = stream.next().await.unwrap();
        assert_eq!((seen, &event["run"], &event["version"]), (id, &json!(run), &json!(version)));
    }
}

#[tokio::test]
async fn across_reconnects_nothing_is_lost_and_nothing_comes_twice_while_commits_go_on() {
    const RUNS: usize = 60;
    const EVENTS: usize = RUNS * EVENTS_OF_A_RUN;
    let stage = Stage::new().await;
    let writing = async {
        let half = || async {
            for _ in 0..RUNS / 2 {
                open_run(&stage).await;
            }
        };
        tokio::join!(half(), half())
    };
    let reading = async {
        let (mut seen, mut last): (Vec<u64>, u64) = (Vec::new(), 0);
        while seen.len() < EVENTS {
            // Each connection sees a few more events than the one before, then breaks off.
            let mut stream = Stream::open(&stage, "/v1/events/stream", Some(last)).await;
            for _ in 0..=(seen.len() % 11).min(EVENTS - 1 - seen.len()) {
                last = stream.next().await.unwrap().0;
                seen.push(last);
            }
        }
        seen
    };
    let (_, seen) = tokio::join!(writing, reading);
    assert_eq!(seen, listed(&stage, "").await);
    assert_eq!(seen.len(), EVENTS);
}

#[tokio::test]
async fn the_places_are_the_same_after_a_restart() {
    let mut stage = Stage::new().await;
    for _ in 0..3 {
        open_run(&stage).await;
    }
    let before = listed(&stage, "").await;
    stage.crash().await;
    let (last, earlier) = before.split_last().unwrap();
    let mut stream = Stream::open(&stage, "/v1/events/stream", earlier.last().copied()).await;
    assert_eq!(stream.next().await.unwrap().0, *last);
    open_run(&stage).await;
    assert!(stream.next().await.unwrap().0 > *last);
}

#[tokio::test]
async fn closing_ends_the_stream() {
    let mut stage = Stage::new().await;
    let mut stream = Stream::open(&stage, "/v1/events/stream", None).await;
    open_run(&stage).await;
    for _ in 0..EVENTS_OF_A_RUN {
        assert!(stream.next().await.is_some());
    }
    stage.begin_to_close();
    assert!(stream.next().await.is_none());
    stage.close().await;
}
