//! One connection to a server: as little client as there can be, so that the server is what is measured.

use std::future::poll_fn;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A connection that is kept.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    bearer: String,
}

impl Connection {
    /// Connects to `http://host:port`.
    pub(super) async fn open(url: &str, key: &str) -> Self {
        let host = url.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&host).await.expect("a connection");
        stream.set_nodelay(true).expect("an option of the socket");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("a handshake");
        tokio::spawn(connection);
        Self { sender, host, bearer: format!("Bearer {key}") }
    }

    /// Sends JSON and gives back the answer's body.
    pub(super) async fn post(&mut self, path: &str, body: String) -> Bytes {
        poll_fn(|context| self.sender.poll_ready(context)).await.expect("an open connection");
        let request = Request::builder().method(Method::POST).uri(path).header("host", &self.host).header("authorization", &self.bearer);
        let request = request.header("content-type", "application/json").body(Full::new(Bytes::from(body))).expect("a request");
        let answer = self.sender.send_request(request).await.expect("an answer");
        let status = answer.status();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        assert!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&body));
        body
    }
}
