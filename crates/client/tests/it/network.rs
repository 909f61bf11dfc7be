//! What the client does about a network that drops calls, proxies that refuse them, and a server that
//! says no.

use std::time::Duration;

use handclasp_client::core::id::{HandoffId, Token};
use handclasp_client::wire::{Claim, Held};
use handclasp_client::{Client, Error, Retries};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::stage::served;

/// Where the network ends: each connection gets one of these answers, the last one all the others too.
/// Gives the address, and afterwards what was asked.
async fn network(answers: &'static [&'static str]) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (asked, all) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        for number in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                let mut some = [0; 4096];
                let read = stream.read(&mut some).await.unwrap();
                request.extend_from_slice(&some[..read]);
            }
            let _ = asked.send(String::from_utf8(request).unwrap());
            let answer = answers[number.min(answers.len() - 1)];
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (address, all)
}

fn handoff() -> HandoffId {
    "hnd_01m7wy5ked8vb11r2q540r8vcy_5".parse().unwrap()
}

fn key_of(request: &str) -> &str {
    request.lines().find_map(|line| line.strip_prefix("idempotency-key: ")).unwrap()
}

#[tokio::test]
async fn a_call_that_does_not_get_through_is_sent_again_under_the_same_key() {
    const DROPPED: &str = "";
    const REFUSED: &str = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    const BROKEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{\"do";
    const DONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{\"done\":true}";
    let (address, mut asked) = network(&[DROPPED, REFUSED, BROKEN, DONE]).await;
    let client = Client::new(&address).unwrap().key("hck_1_2").unwrap();
    client.heartbeat(handoff(), &Held { token: Token(7) }).await.unwrap();
    let first = asked.recv().await.unwrap();
    assert!(first.starts_with("POST /v1/handoffs/hnd_01m7wy5ked8vb11r2q540r8vcy_5/heartbeat HTTP/1.1\r\n"), "{first}");
    assert!(first.contains("authorization: Bearer hck_1_2\r\n"), "{first}");
    for _ in 0..3 {
        assert_eq!(key_of(&asked.recv().await.unwrap()), key_of(&first));
    }
    client.heartbeat(handoff(), &Held { token: Token(7) }).await.unwrap();
    assert_ne!(key_of(&asked.recv().await.unwrap()), key_of(&first), "another call has another key");
}

#[tokio::test]
async fn a_server_that_stays_away_is_said_to_be_away() {
    let (address, _asked) = network(&[""]).await;
    let patience = Duration::from_millis(100);
    let client = Client::new(&address).unwrap().retries(Retries { patience });
    let error = client.heartbeat(handoff(), &Held { token: Token(7) }).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn what_the_server_refuses_comes_with_code_and_hint_at_once() {
    let client = served().await;
    let error = client.claim(&"nobody".parse().unwrap(), &Claim::default()).await.unwrap_err();
    assert_eq!(error.code(), Some("HC-010"));
    let Error::Refused(problem) = error else { panic!("{error:?}") };
    assert!(!problem.hint.is_empty() && problem.status >= 400, "{problem:?}");
}

#[test]
fn what_cannot_be_sent_is_refused_before_it_is() {
    assert!(matches!(Client::new("nowhere"), Err(Error::Misused(_))));
    assert!(matches!(Client::new("http://127.0.0.1:1").unwrap().key("line\nbreak"), Err(Error::Misused(_))));
}
