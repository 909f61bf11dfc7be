//! One running agent process: its pipes, and the end of what it says on stderr.

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
}

impl Instance {
    pub(crate) fn start(launch: &Launch) -> io::Result<Self> {
        let mut child = launch.start()?;
        let piped = || io::Error::other("the process has no pipes");
        let stdin = child.stdin().take();
        let stdout = child.stdout().take().ok_or_else(piped)?;
        let stderr = child.stderr().take().ok_or_else(piped)?;
        Ok(Self { child, stdin, lines: Lines::new(stdout), stderr: Tail::of(stderr), requests: 0 })
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
        stdin.flush().await
    }

    /// Whether it is still there.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// How it ended, once its output has; killed if it takes too long over it.
    pub(crate) async fn ended(&mut self) -> Option<ExitStatus> {
        self.stdin = None;
        if let Ok(status) = tokio::time::timeout(PATIENCE, self.child.wait()).await {
            return status.ok();
        }
        self.kill().await;
        None
    }

    /// Ends it at once, with everything that it has started.
    pub(crate) async fn kill(&mut self) {
        self.stdin = None;
        let _ = self.child.start_kill();
        let _ = tokio::time::timeout(PATIENCE, self.child.wait()).await;
    }
}
