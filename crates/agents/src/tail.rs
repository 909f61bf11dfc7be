//! The end of what a process writes to stderr. It is kept with the run.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinHandle;

/// What is kept of one turn's stderr: the end says why something went wrong.
const KEPT_BYTES: usize = 64 * 1024;

/// Collects the end of a stream.
pub(crate) struct Tail {
    kept: Arc<Mutex<VecDeque<u8>>>,
    reader: JoinHandle<()>,
}

impl Tail {
    pub(crate) fn of(mut stream: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let kept = Arc::new(Mutex::new(VecDeque::new()));
        let into = Arc::clone(&kept);
        let reader = tokio::spawn(async move {
            let mut chunk = vec![0; 8 * 1024];
            while let Ok(read @ 1..) = stream.read(&mut chunk).await {
                let mut kept = into.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(&chunk[..read]);
                let surplus = kept.len().saturating_sub(KEPT_BYTES);
                kept.drain(..surplus);
            }
        });
        Self { kept, reader }
    }

    /// What has come since the last time.
    pub(crate) fn take(&self) -> String {
        let bytes: Vec<u8> = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner)).into();
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
