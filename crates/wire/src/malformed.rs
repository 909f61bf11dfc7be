//! A request whose fields do not fit together, although each of them can be read.

use thiserror::Error;

/// Where it does not fit, what was expected there and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{pointer}`: expected {expected}, found {found}")]
pub struct Malformed {
    /// The field, as an RFC 6901 JSON pointer.
    pub pointer: String,
    /// What would fit.
    pub expected: &'static str,
    /// What is there.
    pub found: &'static str,
}

impl Malformed {
    pub(crate) fn new(pointer: impl Into<String>, expected: &'static str, found: &'static str) -> Self {
        Self { pointer: pointer.into(), expected, found }
    }
}
