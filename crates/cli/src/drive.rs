//! Keeps runs moving until nothing is left to do without a person, or until somebody says stop.
//!
//! Starts the post with the team's drivers and the control socket beside it, so that other processes
//! can answer, cancel and redrive meanwhile. What happens is decided by the engine, told by
//! [`Progress`].

use std::collections::BTreeMap;
use std::path::Path;

use handclasp_core::Run;
use handclasp_core::id::{RunId, Tenant};
use handclasp_core::run::Condition;
use handclasp_engine::post::{Drivers, Post};
use handclasp_engine::{Committed, Engine, control};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::failure::Failure;
use crate::progress::Progress;
use crate::stopping::asked_to_stop;
use crate::terminal::Terminal;

/// Why it stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Every run is over, or waits for a person.
    Settled,
    /// Somebody said stop.
    Interrupted,
}

/// What is kept moving, and how.
pub(crate) struct Drive<'a> {
    /// The engine.
    pub(crate) engine: &'a Engine,
    /// Where its store lies.
    pub(crate) store: &'a Path,
    /// What runs the agents.
    pub(crate) drivers: Drivers,
    /// Which runs.
    pub(crate) runs: &'a [RunId],
    /// Goes on while a person is asked.
    pub(crate) wait: bool,
    /// Where to talk.
    pub(crate) terminal: Terminal,
}

impl Drive<'_> {
    /// Keeps the runs moving. `commits` are watched since before the runs were opened.
    pub(crate) async fn until_settled(self, commits: Receiver<Committed>, progress: &mut Progress) -> Result<Ended, Failure> {
        let tenant = Tenant::local();
        let socket = tokio::spawn(answer(self.engine.clone(), self.store.to_owned()));
        let post = Post::new(self.engine.clone(), tenant, self.drivers);
        let mut settling = Settling { engine: self.engine, runs: self.runs, wait: self.wait, stands: BTreeMap::new() };
        let terminal = self.terminal;
        let mut ended = Ok(Ended::Settled);
        let until = async {
            ended = tokio::select! {
                settled = settling.settle(commits, progress) => settled.map(|()| Ended::Settled),
                () = asked_to_stop(terminal, "giving back what agents hold") => Ok(Ended::Interrupted),
            };
        };
        // A post at work is large; boxed, its callers need not carry its size.
        let posted = Box::pin(post.run(until)).await;
        socket.abort();
        progress.end();
        posted?;
        ended
    }
}

/// Takes commands from other processes until it is aborted.
pub(crate) async fn answer(engine: Engine, store: std::path::PathBuf) {
    if let Err(error) = control::serve(engine, &store).await {
        tracing::warn!(%error, "other processes cannot send commands to this one");
    }
}

struct Settling<'a> {
    engine: &'a Engine,
    runs: &'a [RunId],
    wait: bool,
    /// The newest version of each run that was seen, and how it stood then.
    stands: BTreeMap<RunId, (u64, Condition)>,
}

impl Settling<'_> {
    async fn settle(&mut self, mut commits: Receiver<Committed>, progress: &mut Progress) -> Result<(), Failure> {
        self.look().await?;
        while self.stands.values().any(|(_, condition)| self.moves(*condition)) {
            match commits.recv().await {
                Ok(committed) if self.runs.contains(&committed.run) => {
                    committed.events.iter().for_each(|event| progress.saw(committed.at, event));
                    self.saw(committed.run, committed.version, committed.condition);
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => self.look().await?,
                Err(RecvError::Closed) => return Ok(()),
            }
        }
        // A run that never had to be waited for has its first events still in the queue.
        while let Ok(committed) = commits.try_recv() {
            if self.runs.contains(&committed.run) {
                committed.events.iter().for_each(|event| progress.saw(committed.at, event));
            }
        }
        Ok(())
    }

    async fn look(&mut self) -> Result<(), Failure> {
        for run in self.runs {
            let look = |run: &Run| (run.version, run.condition());
            if let Some((version, condition)) = self.engine.inspect(&Tenant::local(), *run, look).await? {
                self.saw(*run, version, condition);
            }
        }
        Ok(())
    }

    /// Commits are told in no certain order; the newest version says how a run stands.
    fn saw(&mut self, run: RunId, version: u64, condition: Condition) {
        let stands = self.stands.entry(run).or_insert((version, condition));
        if version >= stands.0 {
            *stands = (version, condition);
        }
    }

    fn moves(&self, condition: Condition) -> bool {
        match condition {
            Condition::Running => true,
            Condition::WaitingForPerson => self.wait,
            Condition::Stopped | Condition::Completed | Condition::Failed | Condition::Cancelled => false,
        }
    }
}
