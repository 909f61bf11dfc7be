//! What may go wrong in the world around a store, one variant for each thing that somebody does about it.
//!
//! What a store answers, a conflict among it, is no error and not here. Hints for people are the
//! business of whoever shows these.

use std::path::PathBuf;

use thiserror::Error;

/// Why a store cannot do what it is asked. One variant for each thing that the caller does about it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Try again later: the write may or may not have happened.
    #[error("the store did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Make room: nothing was written.
    #[error("the store has no room left")]
    Full(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Look at permissions: nothing was written.
    #[error("the store cannot be written to")]
    ReadOnly(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Stop and call a person: what is stored cannot be read.
    #[error("what is stored cannot be read: {what}")]
    Corrupt {
        /// What it was about.
        what: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Why a store cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the store `{}` is in use by another process", .path.display())]
    InUse {
        /// Which file.
        path: PathBuf,
    },
    /// Written by a newer program.
    #[error("the schema of `{}` is at version {found}, this program knows versions up to {known}", .path.display())]
    NewerSchema {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// A database, but not ours.
    #[error("`{}` is not a handclasp store", .path.display())]
    NotAStore {
        /// Which file.
        path: PathBuf,
    },
    /// It does not exist, and should.
    #[error("there is no store at `{}`", .path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// Anything else that the system said.
    #[error("failed to open the store `{}`", .path.display())]
    Failed {
        /// Which file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
