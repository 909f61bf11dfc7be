//! The end of what a process writes to stderr. It is kept with the run.
//!
//! Read as it comes, so that a process never waits for us. Whoever takes what is there gets all that
//! was written before: what an agent printed ahead of its answer belongs to that answer's turn, and
//! what it printed after it to no other one.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::unix::pipe::Receiver;
use tokio::process::ChildStderr;
use tokio::task::JoinHandle;

/// What is kept of one turn's stderr: the end says why something went wrong.
const KEPT_BYTES: usize = 64 * 1024;

/// Reads in one go, at the most: as much as the largest pipe holds. A process that writes faster than
/// it is read does not keep anybody here.
const READS_MAX: usize = 128;

/// Collects the end of a stream.
pub(crate) struct Tail {
    stream: Arc<Stream>,
    reader: JoinHandle<()>,
}

struct Stream {
    pipe: Receiver,
    /// The same pipe, for reading what is there now: Tokio only knows what it has been told of.
    now: File,
    kept: Mutex<VecDeque<u8>>,
}

impl Tail {
    pub(crate) fn of(stderr: ChildStderr) -> io::Result<Self> {
        // Tokio makes its pipes blocking ones when it gives them away; the `Receiver` undoes that for both.
        let pipe = stderr.into_owned_fd()?;
        let now = File::from(pipe.try_clone()?);
        let stream = Arc::new(Stream { pipe: Receiver::from_owned_fd(pipe)?, now, kept: Mutex::default() });
        let reader = tokio::spawn(Arc::clone(&stream).collect());
        Ok(Self { stream, reader })
    }

    /// What was written since the last time, up to this moment.
    pub(crate) fn take(&self) -> String {
        let _ = self.stream.read(|chunk| (&self.stream.now).read(chunk));
        let bytes: Vec<u8> = std::mem::take(&mut *self.stream.kept.lock().unwrap_or_else(PoisonError::into_inner)).into();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    /// Everything up to the end of the stream, once the process is gone. A grandchild that keeps the
    /// pipe open is not waited for.
    pub(crate) async fn rest(&mut self) -> String {
        let patience = std::time::Duration::from_millis(200);
        let _ = tokio::time::timeout(patience, &mut self.reader).await;
        self.take()
    }
}

impl Stream {
    async fn collect(self: Arc<Self>) {
        while self.pipe.readable().await.is_ok() {
            match self.read(|chunk| self.pipe.try_read(chunk)) {
                Ok(More::Later) => {}
                Ok(More::Now) => tokio::task::yield_now().await,
                Ok(More::Never) | Err(_) => return,
            }
        }
    }

    /// Reads what is there, and says whether more will come.
    fn read(&self, mut from: impl FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<More> {
        let mut chunk = [0; 8 * 1024];
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..READS_MAX {
            match from(&mut chunk) {
                Ok(0) => return Ok(More::Never),
                Ok(read) => {
                    kept.extend(&chunk[..read]);
                    let surplus = kept.len().saturating_sub(KEPT_BYTES);
                    kept.drain(..surplus);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(More::Later),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(More::Now)
    }
}

/// When there is more to read.
enum More {
    Now,
    Later,
    Never,
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// The last few lines of a text, for a message.
pub(crate) fn last_words(text: &str) -> String {
    const LINES: usize = 12;
    const BYTES: usize = 2_000;
    let lines: Vec<&str> = text.lines().rev().take(LINES).collect();
    let words = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
    let start = words.len().saturating_sub(BYTES);
    let start = (start..words.len()).find(|at| words.is_char_boundary(*at)).unwrap_or(words.len());
    words[start..].to_owned()
}
