//! From a path to a connection: whose file it is, who else has it, and how it is set up.
//!
//! The order matters. A file is identified before anything about it is changed, so that another
//! program's database, or a newer one of ours, stays as it is. Only then it is locked, and only
//! under the lock it is brought forward.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::failure::to_open;
use super::migrations::{self, APPLICATION_ID};
use crate::OpenError;

/// Whether a store may be made where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Make one if there is none.
    Create,
    /// Only take what is there.
    Existing,
}

/// How long to wait for a lock that somebody with another SQLite tool holds on the file.
const BUSY: Duration = Duration::from_secs(5);

/// Statements that are kept ready for each connection: more than there are queries.
const STATEMENTS_KEPT: usize = 64;

/// Opens the store for writing. The lock lasts as long as the file that is returned.
pub(super) fn writable(path: &Path, access: Access) -> Result<(Connection, File), OpenError> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match access {
        Access::Create => flags |= OpenFlags::SQLITE_OPEN_CREATE,
        Access::Existing => must_exist(path)?,
    }
    let mut connection = connect(path, flags).map_err(|error| to_open(path, error))?;
    match identify(&connection, path)? {
        Found::Store => {}
        Found::Nothing if access == Access::Create => {}
        Found::Nothing => return Err(OpenError::NotAStore { path: path.to_owned() }),
    }
    if connection.is_readonly("main").map_err(|error| to_open(path, error))? {
        return Err(to_open(path, io::Error::new(io::ErrorKind::PermissionDenied, "the file may only be read")));
    }
    let lock = lock(path)?;
    prepare(&connection).map_err(|error| to_open(path, error))?;
    // Somebody else may have had it, and brought it forward, until the lock was ours.
    identify(&connection, path)?;
    migrations::migrate(&mut connection).map_err(|error| to_open(path, error))?;
    Ok((connection, lock))
}

/// Where and how connections for reading are opened.
#[derive(Debug, Clone)]
pub(super) struct Source {
    path: PathBuf,
    flags: OpenFlags,
}

impl Source {
    /// For a store that this process has open for writing.
    pub(super) fn beside_the_writer(path: &Path) -> Self {
        Self { path: path.to_owned(), flags: OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX }
    }

    /// For a store that another process may have open. Checks that it can be read.
    pub(super) fn alone(path: &Path) -> Result<Self, OpenError> {
        must_exist(path)?;
        let shared = Self::beside_the_writer(path);
        let source = if shared.can_connect() { shared } else { Self::frozen(path).unwrap_or(shared) };
        let connection = source.connect().map_err(|error| to_open(path, error))?;
        if identify(&connection, path)? == Found::Nothing {
            return Err(OpenError::NotAStore { path: path.to_owned() });
        }
        Ok(source)
    }

    /// Opens one more connection.
    pub(super) fn connect(&self) -> rusqlite::Result<Connection> {
        connect(&self.path, self.flags)
    }

    /// Opening is lazy; the first look into the file is what may fail for want of permissions.
    fn can_connect(&self) -> bool {
        let looked = self.connect().and_then(|connection| connection.pragma_query_value(None, "user_version", |_| Ok(())));
        looked.map_err(|error| error.sqlite_error_code()) != Err(Some(ErrorCode::CannotOpen))
    }

    /// A file in a directory where nothing can be written: readable if no log lies beside it, since
    /// then nobody writes and nothing is missing.
    fn frozen(path: &Path) -> Option<Self> {
        let log = beside(path, "-wal");
        if log.metadata().is_ok_and(|log| log.len() > 0) {
            return None;
        }
        let name = path.to_str()?.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        Some(Self { path: format!("file:{name}?immutable=1").into(), flags })
    }
}

fn must_exist(path: &Path) -> Result<(), OpenError> {
    match path.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => Err(OpenError::Missing { path: path.to_owned() }),
        Err(error) => Err(to_open(path, error)),
    }
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(connection)
}

/// What a file turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Store,
    /// A file without anything in it, such as a creation that was cut short.
    Nothing,
}

fn identify(connection: &Connection, path: &Path) -> Result<Found, OpenError> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let read = || Ok((number("PRAGMA application_id")?, number("PRAGMA user_version")?, number("SELECT count(*) FROM sqlite_schema")?));
    let (application, version, tables) = read().map_err(|error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotAStore { path: path.to_owned() },
        _ => to_open(path, error),
    })?;
    match (application, version, tables) {
        (0, 0, 0) => Ok(Found::Nothing),
        _ if application != i64::from(APPLICATION_ID) => Err(OpenError::NotAStore { path: path.to_owned() }),
        _ if version > i64::from(migrations::known()) => Err(OpenError::NewerSchema {
            path: path.to_owned(),
            found: u32::try_from(version).unwrap_or(u32::MAX),
            known: migrations::known(),
        }),
        _ => Ok(Found::Store),
    }
}

/// Takes the lock that says which process writes. The system gives it back when the process ends.
fn lock(path: &Path) -> Result<File, OpenError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(beside(path, ".lock"));
    let file = file.map_err(|error| to_open(path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(to_open(path, error)),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// What is set for each connection that writes, and once for the file.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(include_str!("writer.sql"))
}
