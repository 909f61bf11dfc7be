//! The demo's workers as processes: started, listened to, killed.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;

use super::worker::Said;
use crate::failure::Failure;

/// The workers that were started.
pub(super) struct Crew {
    url: String,
    refunds: PathBuf,
    workers: Vec<(String, Child)>,
    ears: mpsc::UnboundedReceiver<Heard>,
    mouth: mpsc::UnboundedSender<Heard>,
}

/// What is heard of a worker.
pub(super) enum Heard {
    /// A word.
    Said {
        /// Whose.
        name: String,
        /// What.
        said: Said,
    },
    /// Nothing any more, ever.
    Gone {
        /// Who.
        name: String,
        /// The process that it was.
        pid: u32,
    },
}

impl Crew {
    /// Nobody yet.
    pub(super) fn new(url: &str, refunds: &Path) -> Self {
        let (mouth, ears) = mpsc::unbounded_channel();
        Self { url: url.to_owned(), refunds: refunds.to_owned(), workers: Vec::new(), ears, mouth }
    }

    /// Starts a worker of that name; gives its process id.
    pub(super) fn hire(&mut self, name: &str) -> Result<u32, Failure> {
        let started = std::env::current_exe().and_then(|program| {
            let mut command = Command::new(program);
            command.arg("demo-worker").arg(&self.url).arg(&self.refunds);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()
        });
        let mut child = started.map_err(|error| Failure::broken("start a worker", &error))?;
        let pid = child.id().unwrap_or_default();
        if let Some(words) = child.stdout.take() {
            tokio::spawn(listen(name.to_owned(), pid, words, self.mouth.clone()));
        }
        self.workers.push((name.to_owned(), child));
        Ok(pid)
    }

    /// What is heard next.
    pub(super) async fn heard(&mut self) -> Heard {
        self.ears.recv().await.expect("this end of the channel is kept open")
    }

    /// A living worker's process id.
    pub(super) fn pid(&self, name: &str) -> Option<u32> {
        self.workers.iter().find(|(known, _)| known == name).and_then(|(_, child)| child.id())
    }

    /// Ends a worker as a power cut would; gives the process id that it had.
    pub(super) fn kill(&mut self, name: &str) -> Option<u32> {
        let (_, child) = self.workers.iter_mut().find(|(known, _)| known == name)?;
        let pid = child.id();
        // It may have died a moment before.
        let _ = child.start_kill();
        pid
    }
}

async fn listen(name: String, pid: u32, words: ChildStdout, mouth: mpsc::UnboundedSender<Heard>) {
    let mut lines = BufReader::new(words).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Ok(said) = serde_json::from_str(&line) {
            // Nobody listens once the show is over.
            let _ = mouth.send(Heard::Said { name: name.clone(), said });
        }
    }
    let _ = mouth.send(Heard::Gone { name, pid });
}
