//! The terms of a handoff as the file writes them: bounds, deadlines, retries.
//!
//! Translates keys into the core's types, nothing else. A value that is not usable was reported by
//! the shape's check and is left at its default here.

use handclasp_core::contract::ContractRange;
use handclasp_core::limits::{Limits, Retry};
use handclasp_core::offer::{Terms, WhenFull};

use crate::document::Node;

/// The limits of a run or a handoff.
pub(crate) fn limits(node: Option<&Node>) -> Limits {
    let bound = |key| node?.get(key)?.whole();
    Limits {
        steps: bound("steps"),
        handoffs: bound("handoffs"),
        visits: bound("visits"),
        depth: bound("depth"),
        tokens: bound("tokens"),
        cost_micros: node.and_then(|node| node.get("cost")?.cost_micros()),
        time_ms: node.and_then(|node| node.get("time")?.duration()).map(|time| time.0),
    }
}

fn retry(node: Option<&Node>) -> Retry {
    let standard = Retry::default();
    let count = |key| node?.get(key)?.count::<u32>();
    let wait_ms = |key| Some(node?.get(key)?.duration()?.0);
    Retry {
        attempts: count("attempts").unwrap_or(standard.attempts),
        backoff_ms: wait_ms("backoff").unwrap_or(standard.backoff_ms),
        factor: count("factor").unwrap_or(standard.factor),
        backoff_max_ms: wait_ms("backoff_max").unwrap_or(standard.backoff_max_ms),
    }
}

fn when_full(word: &str) -> WhenFull {
    match word {
        "refuse" => WhenFull::Refuse,
        "fallback" => WhenFull::Fallback,
        _ => WhenFull::Queue,
    }
}

/// The conditions of a step or of the first handoff.
pub(crate) fn terms(node: &Node, returns: Option<ContractRange>) -> Terms {
    Terms {
        acceptance: node.get("acceptance").map(Node::all_parsed).unwrap_or_default(),
        requires: node.get("requires").map(Node::all_parsed).unwrap_or_default(),
        justification: node.get("justification").and_then(Node::parsed),
        returns,
        limits: limits(node.get("limits")),
        retry: retry(node.get("retry")),
        answer_within_ms: node.get("answer_within").and_then(Node::duration),
        finish_within_ms: node.get("finish_within").and_then(Node::duration),
        fallback: node.get("fallback").and_then(Node::parsed),
        when_full: node.get("when_full").and_then(Node::text).map(when_full).unwrap_or_default(),
    }
}
