//! What SQLite's errors mean to a caller: try again, make room, look at permissions, or call a person.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Error as SqliteError, ErrorCode};
use thiserror::Error;

use crate::{OpenError, StoreError};

/// The writer cannot take a request.
#[derive(Debug, Error)]
pub(super) enum Queue {
    /// Too much waits already.
    #[error("{waiting} bytes wait to be written, which is more than {most}")]
    Full {
        /// How much waits.
        waiting: usize,
        /// How much may.
        most: usize,
    },
    /// It has stopped.
    #[error("the writer has stopped")]
    Stopped,
    /// It must not write.
    #[error("the store was opened for reading only")]
    ReadOnly,
}

/// What an error of SQLite means.
pub(super) fn of(error: SqliteError) -> StoreError {
    let code = error.sqlite_error_code();
    let what = what(&error);
    sort(code, what, Box::new(error))
}

/// The same for each of a group that failed together.
pub(super) fn of_group(error: &Arc<SqliteError>) -> StoreError {
    sort(error.sqlite_error_code(), what(error), Box::new(Arc::clone(error)))
}

/// A stored thing that contradicts itself.
pub(super) fn corrupt(what: String, why: String) -> StoreError {
    StoreError::Corrupt { what, source: why.into() }
}

/// A failure to open the store at `path`.
pub(super) fn to_open(path: &Path, source: impl Into<Box<dyn Error + Send + Sync>>) -> OpenError {
    OpenError::Failed { path: path.to_owned(), source: source.into() }
}

fn sort(code: Option<ErrorCode>, unreadable: Option<String>, source: Box<dyn Error + Send + Sync>) -> StoreError {
    if let Some(what) = unreadable {
        return StoreError::Corrupt { what, source };
    }
    match code {
        Some(ErrorCode::DiskFull) => StoreError::Full(source),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => StoreError::ReadOnly(source),
        Some(_) | None => StoreError::Unavailable(source),
    }
}

/// What cannot be read, if the error is about that.
fn what(error: &SqliteError) -> Option<String> {
    match error {
        SqliteError::FromSqlConversionFailure(column, ..) => Some(format!("column {column} of a row")),
        SqliteError::InvalidColumnType(_, name, _) => Some(format!("column `{name}`")),
        SqliteError::SqliteFailure(code, _) if matches!(code.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Some("the database file".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn named(code: std::ffi::c_int) -> &'static str {
        match of(SqliteError::SqliteFailure(ffi::Error::new(code), None)) {
            StoreError::Unavailable(_) => "unavailable",
            StoreError::Full(_) => "full",
            StoreError::ReadOnly(_) => "read-only",
            StoreError::Corrupt { .. } => "corrupt",
        }
    }

    #[test]
    fn each_error_of_the_system_says_what_the_caller_does_about_it() {
        assert_eq!(named(ffi::SQLITE_FULL), "full");
        for code in [ffi::SQLITE_READONLY, ffi::SQLITE_CANTOPEN, ffi::SQLITE_PERM, ffi::SQLITE_READONLY_DBMOVED] {
            assert_eq!(named(code), "read-only");
        }
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB, ffi::SQLITE_CORRUPT_INDEX] {
            assert_eq!(named(code), "corrupt");
        }
        for code in [ffi::SQLITE_BUSY, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_NOMEM] {
            assert_eq!(named(code), "unavailable");
        }
    }
}
