//! One line for each request: what was asked for, by which key, how it ended, how long it took.
//!
//! Of a path only the pattern is written down, and those parts that are ids; never a query, a header or
//! a body. A key is named by its id, as its sender claims it.

use std::fmt::Write as _;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use handclasp_core::id::{HandoffId, InterruptId, RunId};
use tracing::Level;

use crate::gate;
use crate::limits;

/// A line that is not finished yet. Most are never written, so that nothing is copied or formatted before
/// the end.
pub(crate) struct Line {
    method: Method,
    path: Option<MatchedPath>,
    uri: Uri,
    authorization: Option<HeaderValue>,
    since: Instant,
}

impl Line {
    /// Begins when the request is there.
    pub(crate) fn begin(request: &Request) -> Self {
        Self {
            method: request.method().clone(),
            path: request.extensions().get::<MatchedPath>().cloned(),
            uri: request.uri().clone(),
            authorization: request.headers().get(header::AUTHORIZATION).cloned(),
            since: Instant::now(),
        }
    }

    /// Ends when the answer is.
    pub(crate) fn end(self, status: StatusCode) {
        let took = self.since.elapsed();
        let pattern = self.path.as_ref().map_or("", MatchedPath::as_str);
        let waits = pattern.ends_with("/claims") || self.uri.query().is_some_and(|query| query.contains("wait_ms="));
        let notable = status.is_server_error() || took > limits::SLOW && !waits;
        let wanted = if notable { tracing::enabled!(Level::INFO) } else { tracing::enabled!(Level::DEBUG) };
        if !wanted {
            return;
        }
        let (method, status, ms) = (self.method.as_str(), status.as_u16(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        let (key, about) = (self.authorization.as_ref().and_then(claimed).unwrap_or_default(), about(pattern, self.uri.path()));
        if notable {
            tracing::info!(method, path = pattern, status, ms, key, about, "request");
        } else {
            tracing::debug!(method, path = pattern, status, ms, key, about, "request");
        }
    }
}

/// The id of the key that somebody claims to have.
fn claimed(authorization: &HeaderValue) -> Option<String> {
    gate::claimed_id(authorization).map(|id| id.chars().take(KEY_CHARS_MAX).collect())
}

/// What a sender claims is written down no longer than this: an id and a bit, in case it is none.
const KEY_CHARS_MAX: usize = 12;

/// Those parts of a path that are ids of a run and what is in it.
fn about(pattern: &str, path: &str) -> String {
    let mut about = String::new();
    for (_, part) in pattern.split('/').zip(path.split('/')).filter(|(name, _)| name.starts_with('{')) {
        let is_id = part.parse::<RunId>().is_ok() || part.parse::<HandoffId>().is_ok() || part.parse::<InterruptId>().is_ok();
        if is_id {
            let blank = if about.is_empty() { "" } else { " " };
            let _ = write!(about, "{blank}{part}");
        }
    }
    about
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_are_taken_from_a_path() {
        let handoff = "hnd_01m7wy5ked8vb11r2q540r8vcy_5";
        assert_eq!(about("/v1/handoffs/{handoff}/complete", &format!("/v1/handoffs/{handoff}/complete")), handoff);
        assert_eq!(about("/v1/agents/{agent}", "/v1/agents/sk-secret-secret-secret"), "");
        assert_eq!(about("", &format!("/{handoff}")), "");
    }
}
