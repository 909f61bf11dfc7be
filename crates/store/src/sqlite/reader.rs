//! A few connections that read, each on a thread where waiting for the disk holds up nobody.
//!
//! Each read sees one moment of the store: everything that was acknowledged before it began, and
//! nothing by halves.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::task;

use super::failure;
use super::opening::Source;
use crate::StoreError;

/// Connections. Reads are short and find their pages in memory, so more would only take turns.
const CONNECTIONS_MAX: usize = 4;

/// The connections.
#[derive(Debug)]
pub(super) struct Readers {
    source: Source,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Readers {
    /// None yet; they are opened when they are needed.
    pub(super) fn new(source: Source) -> Arc<Self> {
        Arc::new(Self { source, idle: Mutex::new(Vec::new()), permits: Semaphore::new(CONNECTIONS_MAX) })
    }

    /// Reads at one moment.
    pub(super) async fn read<T: Send + 'static>(
        self: Arc<Self>,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let readers = Arc::clone(&self);
        let _permit = readers.permits.acquire().await.expect("the semaphore is never closed");
        let outcome = task::spawn_blocking(move || self.read_now(read)).await;
        outcome.unwrap_or_else(|error| Err(StoreError::Unavailable(error.into())))
    }

    fn read_now<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let kept = self.idle().pop();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.source.connect().map_err(failure::of)?,
        };
        let moment = connection.transaction().map_err(failure::of)?;
        let answer = read(&moment)?;
        drop(moment);
        self.idle().push(connection);
        Ok(answer)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
