//! What can go wrong with a call: the server says no, or it cannot be heard.

use serde::Deserialize;
use thiserror::Error;

/// Why the server did not do it (RFC 9457), as far as a program can act on it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The stable code, such as `HC-012`.
    pub code: String,
    /// What happened this time.
    pub detail: String,
    /// What to do about it.
    pub hint: String,
    /// The first field at fault, as an RFC 6901 JSON pointer.
    #[serde(default)]
    pub pointer: Option<String>,
    /// What was expected there.
    #[serde(default)]
    pub expected: Option<String>,
    /// What was found there.
    #[serde(default)]
    pub found: Option<String>,
    /// When trying again can help, in seconds.
    #[serde(default)]
    pub retry_after_s: Option<u64>,
}

/// The codes that say that a piece of work is no longer this worker's: the lease is gone, somebody else
/// has it, it is over, or the run is.
const GONE: [&str; 4] = ["HC-003", "HC-004", "HC-005", "HC-012"];

/// A call that got no answer of its own kind. One variant for each thing that the caller does about it.
#[derive(Debug, Error)]
pub enum Error {
    /// The server says no. Asking the same again gets the same answer.
    #[error("{} [{}]", .0.detail, .0.code)]
    Refused(Box<Problem>),
    /// The server could not be heard, for as long as was tried. It may have been done.
    #[error("the server cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// What came back is no answer of this server.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    /// A guarded effect did not happen, as the one who tried says.
    #[error("the effect did not happen: {0}")]
    NotDone(String),
    /// The call cannot be made at all: a wrong address, or a key with characters that no header takes.
    #[error("the client cannot be used so: {0}")]
    Misused(String),
}

impl Error {
    /// The server's code, if it has said no.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(&problem.code),
            Self::Unreachable(_) | Self::Unreadable(_) | Self::NotDone(_) | Self::Misused(_) => None,
        }
    }

    /// Whether it says that the work is no longer this worker's: whatever is done now is done in vain.
    pub fn is_lost(&self) -> bool {
        self.code().is_some_and(|code| GONE.contains(&code))
    }
}
