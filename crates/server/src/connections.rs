//! Connections: not more than there is room for, and none that is held without a word.
//!
//! What a request may cost is bounded elsewhere; here it is what somebody costs who sends none, or
//! sends it one byte at a time.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum_server::accept::Accept;
use axum_server::{Address, Server};
use futures_util::future::BoxFuture;
use hyper_util::rt::TokioTimer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

use crate::limits;

/// Sets the bounds that HTTP itself has.
pub(crate) fn bound<A: Address, Acc>(server: &mut Server<A, Acc>) {
    let builder = server.http_builder();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits::SILENCE_MAX).max_buf_size(limits::HEAD_BYTES_MAX);
    let mut http2 = builder.http2();
    http2.timer(TokioTimer::new()).keep_alive_interval(limits::SILENCE_MAX).max_concurrent_streams(limits::STREAMS_MAX);
    http2.max_header_list_size(u32::try_from(limits::HEAD_BYTES_MAX).unwrap_or(u32::MAX));
}

/// Accepts as long as there is room.
#[derive(Clone)]
pub(crate) struct Bounded<A> {
    inner: A,
    room: Arc<Semaphore>,
}

impl<A> Bounded<A> {
    pub(crate) fn new(inner: A, connections_max: usize) -> Self {
        Self { inner, room: Arc::new(Semaphore::new(connections_max.min(Semaphore::MAX_PERMITS))) }
    }
}

impl<I, S, A> Accept<I, S> for Bounded<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
{
    type Stream = Connection<A::Stream>;
    type Service = A::Service;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            // Whoever would wait for room takes up some, too.
            tracing::debug!("a connection is turned away: there is no room");
            return Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) });
        };
        let accepted = self.inner.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = accepted.await?;
            Ok((Connection { stream, opening: Some(Opening::new()), _room: room }, service))
        })
    }
}

/// How an HTTP/2 connection begins (RFC 9113). Anything else is HTTP/1.1, whose heads have a time of
/// their own.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection that has not said yet what it speaks.
struct Opening {
    heard: usize,
    until: Pin<Box<Sleep>>,
}

impl Opening {
    fn new() -> Self {
        Self { heard: 0, until: Box::pin(sleep(limits::SILENCE_MAX)) }
    }

    /// Whether it is known now.
    fn ends_with(&mut self, bytes: &[u8]) -> bool {
        let rest = &PREFACE[self.heard..];
        let same = rest.iter().zip(bytes).take_while(|(expected, found)| expected == found).count();
        self.heard += same;
        same < bytes.len() || self.heard == PREFACE.len()
    }
}

/// A connection that takes up room until it is closed, and is closed if nothing comes of it.
pub(crate) struct Connection<S> {
    stream: S,
    opening: Option<Opening>,
    _room: OwnedSemaphorePermit,
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some(opening) = &mut self.opening else { return read };
        if read.is_pending() {
            ready!(opening.until.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if opening.ends_with(&buffer.filled()[before..]) {
            self.opening = None;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_spoken_is_known_by_the_first_byte_that_differs_or_by_the_last() {
        for (pieces, known) in [
            (&["GET /"][..], true),
            (&["P"], false),
            (&["P", "OST"], true),
            (&["PRI * HTTP/2.0\r\n\r\n", "SM\r\n"], false),
            (&["PRI * HTTP/2.0\r\n\r\n", "SM\r\n\r\n"], true),
            (&["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0"], true),
            (&[""], false),
        ] {
            let mut opening = Opening::new();
            let last = pieces.iter().map(|piece| opening.ends_with(piece.as_bytes())).last();
            assert_eq!(last, Some(known), "{pieces:?}");
        }
    }
}
