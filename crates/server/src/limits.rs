//! Every bound of the doors in one place, each with its reason.

use std::time::Duration;

use handclasp_core::time::Millis;

/// A request's JSON: a payload of the largest size with a good many ledger items beside it.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A content that is sent as it is. What a run takes.
pub const CONTENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The longest that a request may wait for something to happen. Below the idle timeouts of common
/// proxies, which are a minute.
pub const WAIT_MAX: Millis = Millis(55_000);

/// Rows of a list in one page, where a caller asks for none in particular.
pub const PAGE_DEFAULT: u32 = 50;

/// Rows of a list in one page at the most.
pub const PAGE_MAX: u32 = 500;

/// Connections at the same time: ten thousand workers that wait, and as many again.
pub const CONNECTIONS_MAX: usize = 20_000;

/// How long requests may go on after the stop. Below the half minute that container platforms wait
/// before they kill.
pub const DRAIN: Duration = Duration::from_secs(20);

/// How long a connection may say nothing: before its first request, within the head of one, or between
/// two. Above the minute for which common proxies keep connections that they do not use, so that it is
/// them who close.
pub const SILENCE_MAX: Duration = Duration::from_secs(75);

/// How long it may take to agree on keys with a client: a few round trips around the earth.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// The head of a request: a long token and a long traceparent, and as much again for proxies.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Requests at the same time on one HTTP/2 connection: a process with many workers that wait.
pub const STREAMS_MAX: u32 = 256;

/// How long a request may take altogether: the longest wait, and time to send the largest body.
pub const REQUEST_MAX: Duration = Duration::from_secs(75);

/// A request that takes longer, without waiting for anything, is worth a line in the log.
pub const SLOW: Duration = Duration::from_secs(1);

/// Callers whose requests are counted before those not seen lately are looked for: some megabytes.
pub const RATES_KEPT_MAX: usize = 16_384;
