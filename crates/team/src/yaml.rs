//! Any YAML text as JSON, read by the rules of the team file: plain scalars by the core schema of YAML
//! 1.2, no aliases, no tags, one document.
//!
//! For schemas in files of their own; what they mean is left to whoever asks.

use serde_json::Value;

use crate::document;
use crate::mistake::{Mistake, Mistakes};

/// The value that a text holds, or what keeps it from being read.
pub fn yaml(text: &str) -> Result<Value, Vec<Mistake>> {
    // JSON is YAML, but its numbers can be longer than the core schema of YAML reads them.
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let mut mistakes = Mistakes::default();
    match document::parse(text, &mut mistakes) {
        Some(root) if mistakes.is_empty() => Ok(root.to_json()),
        _ => Err(mistakes.finish(None)),
    }
}
