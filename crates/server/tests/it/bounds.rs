//! What one caller can cost: silence, connections, depth, speed. And whom a server without keys answers.

use std::num::NonZeroU32;
use std::time::Duration;

use handclasp_server::Options;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::guarded::{Guarded, all_of, anywhere};
use crate::stage::Answer;

/// Longer than any bound, where the clock moves by itself; longer than anything takes, where it does not.
const PATIENCE: Duration = Duration::from_mins(10);

/// What comes back on a connection of its own, until it is closed.
async fn said_to(house: &Guarded, words: &str) -> String {
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(words.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is reset has said all that it will.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the connection is held for ever");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The clock stands still as long as anybody has something to do, and then moves to whatever is next.
#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_or_too_little_is_closed() {
    let house = Guarded::new().await;
    for words in ["", "P", "PRI * HTTP/2.0\r\n", "GET /health HTTP/1.1\r\nHost: localhost\r\n", "GET /health HT"] {
        let answer = said_to(&house, words).await;
        assert!(!answer.contains("200 OK"), "{words:?}: {answer}");
    }
    let answer = said_to(&house, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(answer.contains("200 OK"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_does_not_hold_the_door() {
    let house = Guarded::new().await;
    let head = "POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"task\":";
    let answer = said_to(&house, head).await;
    assert!(answer.contains("503") && answer.contains("HC-111"), "{answer}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let house = Guarded::new().await;
    // Heads are read in steps that double, so one that is larger by less than a step may pass.
    let answer = said_to(&house, &format!("GET /health HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(200_000))).await;
    assert!(answer.contains("431"), "{answer}");
}

#[tokio::test]
async fn there_is_room_for_so_many_connections_and_it_is_given_back() {
    let house = Guarded::with(Options { connections_max: 2, ..anywhere() }).await;
    let ask = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut first = TcpStream::connect(house.address).await.unwrap();
    let mut second = TcpStream::connect(house.address).await.unwrap();
    for stream in [&mut first, &mut second] {
        stream.write_all(ask.replace("close", "keep-alive").as_bytes()).await.unwrap();
        assert!(stream.read(&mut [0; 64]).await.unwrap() > 0);
    }
    assert_eq!(said_to(&house, ask).await, "");
    drop(first);
    while said_to(&house, ask).await.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn json_that_is_too_deep_is_refused() {
    let house = Guarded::new().await;
    let post = |depth: usize| {
        let body = format!("{{\"task\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        Answer::of(house.call(None, Method::POST, "/v1/runs").header("Content-Type", "application/json").body(body))
    };
    post(100).await.ok();
    for depth in [128, 100_000] {
        post(depth).await.refused(400, "HC-104");
    }
}

#[tokio::test]
async fn whoever_is_too_fast_is_told_when_to_come_back() {
    let house = Guarded::with(Options { rate_per_s: NonZeroU32::new(3), ..anywhere() }).await;
    let key = house.key(all_of("local")).await;
    let ask = |key: Option<String>| Answer::of(house.call(key.as_deref(), Method::GET, "/v1/runs"));
    let mut refused = None;
    for _ in 0..50 {
        let answer = ask(Some(key.clone())).await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
        answer.ok();
    }
    let refused = refused.expect("50 requests are more than 3 in a second");
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(refused.refused(429, "HC-103")["retry_after_s"], 1);
    // Others have their own measure; a key that is none has that of its address.
    ask(Some(house.key(all_of("local")).await)).await.ok();
    ask(None).await.refused(401, "HC-101");
    let mut guesses = 0;
    while ask(Some(format!("hck_{guesses:08}_x"))).await.status != 429 {
        guesses += 1;
        assert!(guesses < 50, "each guess had a measure of its own");
    }
}

#[tokio::test]
async fn without_keys_only_this_machine_is_answered_and_no_web_page() {
    let house = Guarded::new().await;
    let open = |name: &'static str, value: &'static str| {
        let request = house.call(None, Method::POST, "/v1/runs").header(name, value);
        Answer::of(request.json(&json!({ "task": "x" })))
    };
    for (name, value) in [("host", "evil.example"), ("origin", "https://evil.example"), ("origin", "null")] {
        open(name, value).await.refused(401, "HC-101");
    }
    open("host", "localhost:4040").await.ok();
    // With a key, the name that the server has from outside is as good as any.
    let key = house.key(all_of("local")).await;
    Answer::of(house.call(Some(&key), Method::GET, "/v1/runs").header("host", "handclasp.example")).await.ok();
}
