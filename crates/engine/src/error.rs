//! How a command can end without a reply: refused by the rules, or the world broke.

use handclasp_core::id::RunId;
use handclasp_core::refusal::Refusal;
use handclasp_store::StoreError;
use thiserror::Error;

/// A command that got no reply.
#[derive(Debug, Error)]
pub enum Rejection {
    /// The rules say no. Nothing has changed.
    #[error("{0}")]
    Refused(Refusal),
    /// The world broke.
    #[error(transparent)]
    Failed(#[from] EngineError),
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Rejection {
    fn from(error: StoreError) -> Self {
        Self::Failed(EngineError::Store(error))
    }
}

/// The world broke. One variant for each thing that the caller does about it.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The store said so; repeat the command with the same key.
    #[error("the command could not be written down")]
    Store(#[source] StoreError),
    /// The run's log cannot be read; the run is fenced off, the others go on.
    #[error("the log of `{run}` cannot be read")]
    Corrupt {
        /// Which run.
        run: RunId,
        /// Why not.
        #[source]
        source: handclasp_core::encoding::Unreadable,
    },
    /// Others were faster every time; repeat the command.
    #[error("`{run}` is written to by too many at once")]
    Contended {
        /// Which run.
        run: RunId,
    },
    /// A rule broke its own promise. Nothing was written; please report it.
    #[error("a defect stopped the command on `{run}`: {what}")]
    Defect {
        /// Which run.
        run: RunId,
        /// What was promised.
        what: String,
    },
    /// The engine is shutting down.
    #[error("the engine is shutting down")]
    Closing,
}
