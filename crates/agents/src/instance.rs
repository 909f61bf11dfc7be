//! One running agent process: its pipes, and the end of what it says on stderr.
//!
//! Owns its end, too: asked politely first, then by force, and always with everything that it has
//! started. Which turns it works and how long it is kept between them is decided elsewhere.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use process_wrap::tokio::ChildWrapper;
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, ChildStdout};

use crate::launch::Launch;
use crate::lines::{Line, Lines};
use crate::tail::Tail;

/// How long a process that was asked to end, or has closed its output, may take over it.
const PATIENCE: Duration = Duration::from_secs(2);

/// One running process.
pub(crate) struct Instance {
    child: Box<dyn ChildWrapper>,
    stdin: Option<ChildStdin>,
    lines: Lines<ChildStdout>,
    pub(crate) stderr: Tail,
    requests: u64,
    /// It has waited for work, and nothing was written to it since.
    untried: bool,
    /// It has ended, and was waited for. Its process group must not be signalled any more: the number
    /// may belong to somebody else by now.
    gone: bool,
}

impl Instance {
    pub(crate) fn start(launch: &Launch) -> io::Result<Self> {
        let mut child = launch.start()?;
        let piped = || io::Error::other("the process has no pipes");
        let stdin = child.stdin().take();
        let stdout = child.stdout().take().ok_or_else(piped)?;
        let stderr = child.stderr().take().ok_or_else(piped)?;
        Ok(Self { child, stdin, lines: Lines::new(stdout), stderr: Tail::of(stderr)?, requests: 0, untried: false, gone: false })
    }

    /// An id for the next request to it.
    pub(crate) fn next_id(&mut self) -> String {
        self.requests += 1;
        format!("w-{}", self.requests)
    }

    /// The next line it writes.
    pub(crate) async fn line(&mut self) -> Line {
        self.lines.next().await
    }

    /// Writes to it. An agent that does not read is ended by the turn's timeout.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stdin = self.stdin.as_mut().ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?;
        stdin.write_all(bytes).await?;
        stdin.flush().await?;
        self.untried = false;
        Ok(())
    }

    /// Ends when it writes something (true), or ends itself (false). Cancelling loses nothing.
    pub(crate) async fn stirs(&mut self) -> bool {
        tokio::select! {
            biased;
            wrote = self.lines.stirs() => wrote,
            _ = self.child.wait() => false,
        }
    }

    /// Makes it ready for a turn after it has waited. What it said on stderr meanwhile belongs to no
    /// turn, least of all to one of another run.
    pub(crate) fn wake(&mut self) {
        self.stderr.take();
        self.untried = true;
    }

    /// Whether it has waited for work and may have ended over it: nothing has reached it since.
    pub(crate) fn is_untried(&self) -> bool {
        self.untried
    }

    /// How it ended, once its output has; killed if it takes too long over it.
    pub(crate) async fn ended(&mut self) -> Option<ExitStatus> {
        self.stdin = None;
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        // What it has started may have outlived it.
        self.kill().await;
        status.ok()?.ok()
    }

    /// Ends it at once, with everything that it has started.
    pub(crate) async fn kill(&mut self) {
        self.stdin = None;
        if !self.gone {
            let _ = self.child.start_kill();
            self.gone = tokio::time::timeout(PATIENCE, self.child.wait()).await.is_ok();
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if !self.gone {
            let _ = self.child.start_kill();
        }
    }
}
