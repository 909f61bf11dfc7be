//! A process between two turns, watched until somebody wants it.
//!
//! A task of its own holds the process. It gives the process up to whoever wants it, and ends it when
//! it is dismissed, when nobody has wanted it for long enough, or when it is not fit for a turn any
//! more: it has ended, or has written something that belongs to no turn. Who gets it is decided by
//! [`crate::warm`].

use std::time::Duration;

use handclasp_core::id::AgentName;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::instance::Instance;

/// A process that waits for work.
pub(crate) struct Idle {
    /// Where to say who wants it. Gone once somebody has said so.
    wanted: Option<oneshot::Sender<oneshot::Sender<Instance>>>,
    watch: JoinHandle<()>,
}

/// Why a process waits no longer.
enum Stirred {
    Wanted(oneshot::Sender<Instance>),
    Dismissed,
    Wrote,
    Ended,
}

impl Idle {
    /// Lets a process wait, for so long or for ever.
    pub(crate) fn new(agent: AgentName, instance: Instance, patience: Option<Duration>) -> Self {
        let (wanted, wants) = oneshot::channel();
        Self { wanted: Some(wanted), watch: tokio::spawn(watch(agent, instance, patience, wants)) }
    }

    /// Whether it can be asked for.
    pub(crate) fn waits(&self) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| !wanted.is_closed())
    }

    /// Whether it has left: to a turn, or for good.
    pub(crate) fn has_left(&self) -> bool {
        self.watch.is_finished()
    }

    /// Asks for the process. It does not come if it is not fit for a turn any more.
    pub(crate) fn want(&mut self) -> oneshot::Receiver<Instance> {
        let (give, given) = oneshot::channel();
        if let Some(wanted) = self.wanted.take() {
            // If nobody listens the process is ending, and `give` ends with this line.
            let _ = wanted.send(give);
        }
        given
    }

    /// Ends the process, and waits until it has ended.
    pub(crate) async fn end(self) {
        drop(self.wanted);
        let _ = self.watch.await;
    }
}

async fn watch(agent: AgentName, mut instance: Instance, patience: Option<Duration>, wanted: oneshot::Receiver<oneshot::Sender<Instance>>) {
    let expired = async {
        match patience {
            Some(patience) => tokio::time::sleep(patience).await,
            None => std::future::pending().await,
        }
    };
    let stirred = tokio::select! {
        biased;
        wrote = instance.stirs() => if wrote { Stirred::Wrote } else { Stirred::Ended },
        wanted = wanted => wanted.map_or(Stirred::Dismissed, Stirred::Wanted),
        () = expired => Stirred::Dismissed,
    };
    match stirred {
        Stirred::Wanted(give) => {
            instance.wake();
            // If whoever wanted it has left meanwhile, it ends here.
            let _ = give.send(instance);
        }
        Stirred::Dismissed => {
            instance.ended().await;
        }
        Stirred::Wrote => {
            tracing::warn!(%agent, "a process wrote to standard output while it had no handoff; it gets no other one");
            instance.kill().await;
        }
        Stirred::Ended => {
            let status = instance.ended().await.map_or_else(|| "no status".to_owned(), |status| status.to_string());
            tracing::info!(%agent, %status, "a process ended while it had no handoff");
        }
    }
}
