//! One line for each request: what was asked for, by which key, how it ended, how long it took.
//!
//! Of a path only the pattern is written down, and those parts that are ids; never a query, a header or
//! a body. A key is named by its id, as its sender claims it.

use std::fmt::Write as _;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use handclasp_core::id::{HandoffId, InterruptId, RunId};

use crate::gate;
use crate::limits;

/// A line that is not finished yet.
pub(crate) struct Line {
    method: Method,
    path: Option<MatchedPath>,
    /// The ids in the path.
    about: String,
    key: Option<String>,
    /// Whether the request may take long because it waits for something to happen.
    waits: bool,
    since: Instant,
}

impl Line {
    /// Begins when the request is there.
    pub(crate) fn begin(request: &Request) -> Self {
        let path = request.extensions().get::<MatchedPath>().cloned();
        let pattern = path.as_ref().map(MatchedPath::as_str).unwrap_or_default();
        let waits = pattern.ends_with("/claims") || request.uri().query().is_some_and(|query| query.contains("wait_ms="));
        Self {
            method: request.method().clone(),
            about: about(pattern, request.uri().path()),
            path,
            key: gate::claimed_id(request.headers()).map(|id| id.chars().take(KEY_CHARS_MAX).collect()),
            waits,
            since: Instant::now(),
        }
    }

    /// Ends when the answer is.
    pub(crate) fn end(self, status: StatusCode) {
        let took = self.since.elapsed();
        let path = self.path.as_ref().map_or("(none)", MatchedPath::as_str);
        let (method, status, ms) = (self.method.as_str(), status.as_u16(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        let (key, about) = (self.key.as_deref().unwrap_or("-"), self.about.as_str());
        if status >= 500 || took > limits::SLOW && !self.waits {
            tracing::info!(method, path, status, ms, key, about, "request");
        } else {
            tracing::debug!(method, path, status, ms, key, about, "request");
        }
    }
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
