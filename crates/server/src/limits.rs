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
