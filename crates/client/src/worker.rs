//! A worker: claims an agent's work for as long as it may, and hands each piece to a function.
//!
//! Owns the long poll, the heartbeats, the number of pieces at once and the end; what a piece of work
//! is about, only the function knows.

use std::process;
use std::sync::Arc;

use handclasp_core::command::Voice;
use handclasp_core::id::AgentName;
use handclasp_wire::{Claim, Claims};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::client::Client;
use crate::error::Error;
use crate::work::{Ending, Work};

/// How long a claim waits for work. Below the idle timeouts of common proxies, which are a minute.
const WAIT_MS: u64 = 50_000;

/// As many as the server gives to one claim.
const CLAIMED_MAX: usize = 64;

/// Works for one agent.
#[derive(Clone)]
pub struct Worker {
    client: Client,
    agent: AgentName,
    holder: String,
    at_once: usize,
}

impl Worker {
    /// A worker that does one piece at a time.
    pub fn new(client: Client, agent: AgentName) -> Self {
        Self { client, agent, holder: format!("pid:{}", process::id()), at_once: 1 }
    }

    /// Does so many pieces at once.
    #[must_use]
    pub fn at_once(mut self, at_once: usize) -> Self {
        self.at_once = at_once.max(1);
        self
    }

    /// Is known to people by this name instead of by its process id.
    #[must_use]
    pub fn holder(mut self, holder: impl Into<String>) -> Self {
        self.holder = holder.into();
        self
    }

    /// Works until `stop`, then finishes what it has. Each piece is accepted, kept alive with heartbeats
    /// while `handle` works on it, and ended as `handle` says; when the lease is lost, `handle` is
    /// dropped. Ends early if the server says no to a claim, or is not there for as long as the client
    /// is patient.
    ///
    /// Heartbeats and `handle` share a task: a function that blocks its thread belongs into
    /// `spawn_blocking`, or its lease runs out.
    pub async fn run<F, Fut>(&self, stop: impl Future<Output = ()>, handle: F) -> Result<(), Error>
    where
        F: Fn(Work) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Ending, Error>> + Send + 'static,
    {
        let handle = Arc::new(handle);
        let places = Arc::new(Semaphore::new(self.at_once));
        let mut pieces = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        let ended = loop {
            while pieces.try_join_next().is_some() {}
            let place = tokio::select! {
                place = Arc::clone(&places).acquire_owned() => place.expect("it is never closed"),
                () = &mut stop => break Ok(()),
            };
            let key = self.client.new_key();
            let most = (places.available_permits() + 1).min(CLAIMED_MAX);
            let claims = tokio::select! {
                claims = self.claim(&key, most, WAIT_MS) => claims,
                () = &mut stop => break self.call_off(&key, most).await,
            };
            let claims = match claims {
                Ok(claims) => claims.claims,
                Err(error) => break Err(error),
            };
            let mut place = Some(place);
            for claimed in claims {
                let place = place.take().or_else(|| Arc::clone(&places).try_acquire_owned().ok());
                pieces.spawn(piece(Work::new(self.client.clone(), claimed), Arc::clone(&handle), place));
            }
        };
        while pieces.join_next().await.is_some() {}
        ended
    }

    async fn claim(&self, key: &str, most: usize, wait_ms: u64) -> Result<Claims, Error> {
        let most = Some(u32::try_from(most).unwrap_or(1));
        let claim = Claim { holder: Some(self.holder.clone()), most, wait_ms, accept: true };
        self.client.claim_under(key, &self.agent, &claim).await
    }

    /// A claim that was dropped may have been given something: it is asked once more under its key, and
    /// what comes is given back.
    async fn call_off(&self, key: &str, most: usize) -> Result<(), Error> {
        let claims = self.claim(key, most, 0).await?;
        for claimed in claims.claims {
            give_back(Work::new(self.client.clone(), claimed)).await?;
        }
        Ok(())
    }
}

async fn give_back(work: Work) -> Result<(), Error> {
    match work.release().await {
        Err(error) if !error.is_lost() => Err(error),
        _ => Ok(()),
    }
}

/// One piece of work, from its read-back to its end.
async fn piece<F, Fut>(work: Work, handle: Arc<F>, _place: Option<OwnedSemaphorePermit>)
where
    F: Fn(Work) -> Fut,
    Fut: Future<Output = Result<Ending, Error>>,
{
    let through = async {
        if !work.claimed().accepted {
            read_back(&work).await?;
        }
        work.ended(handle(work.clone()).await).await
    };
    // An end that could not be said is seen by the server when the lease runs out.
    tokio::select! {
        _ = through => {}
        () = work.beat_until_lost() => {}
    }
}

/// Says back what is asked for. Where that is not enough, somebody else may do it.
async fn read_back(work: &Work) -> Result<(), Error> {
    let said = work.accept(Voice::Client).await;
    if let Err(error @ Error::Refused(_)) = &said
        && !error.is_lost()
    {
        work.decline(format!("this worker cannot say back what is asked for: {error}")).await?;
    }
    said
}
