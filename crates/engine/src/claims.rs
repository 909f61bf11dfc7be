//! Giving work out: a worker asks for what is next, and waits for it if there is nothing yet.
//!
//! Each claim is a command like any other; what is added here is the choice of the handoff, the
//! waiting, and what becomes of a claim whose worker has hung up meanwhile: without a key it is
//! given back at once, with a key it is kept for the worker's second try.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use handclasp_core::Reply;
use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::{Command, ReadBack, Request};
use handclasp_core::id::{AgentName, HandoffId, IdempotencyKey, Principal, Tenant, Token};
use handclasp_core::refusal::Refusal;
use handclasp_core::time::{Millis, Timestamp};
use tokio::sync::{OwnedMutexGuard, oneshot, watch};

use crate::engine::{Engine, lock};
use crate::error::Rejection;
use crate::limits;
use crate::queue::{Line, Next};

/// Asks for an agent's next work.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Whose data.
    pub tenant: Tenant,
    /// On whose authority.
    pub principal: Principal,
    /// Whose work.
    pub agent: AgentName,
    /// The process or connection that will hold the leases.
    pub holder: String,
    /// Repeating it gives the same work, for as long as the engine runs.
    pub key: Option<IdempotencyKey>,
    /// At most this many handoffs.
    pub most: u32,
    /// How long to wait for the first.
    pub wait: Millis,
    /// Accepts in the same commit, where the contract is satisfied with it.
    pub accept: Option<ReadBack>,
}

/// Work that was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// Which handoff.
    pub handoff: HandoffId,
    /// The fencing token.
    pub token: Token,
    /// The how-manieth attempt.
    pub attempt: u32,
    /// Whether it is accepted already.
    pub accepted: bool,
}

/// What was given out under keys, for workers that did not hear it.
pub(crate) type Keyed = HashMap<(Tenant, IdempotencyKey), Arc<Entry>>;

/// One key.
#[derive(Default)]
pub(crate) struct Entry {
    /// Held until it is known what became of everything that was tried under the key.
    turn: Arc<tokio::sync::Mutex<()>>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    asked: Option<Digest>,
    given: Vec<Given>,
    until: Timestamp,
}

/// A key in use: where to note what is given, and the turn.
#[derive(Clone)]
struct Noting {
    entry: Arc<Entry>,
    _turn: Arc<OwnedMutexGuard<()>>,
}

impl Engine {
    /// Gives an agent its next work; nothing if none has come in time, or when `closing` says so.
    pub async fn claim(&self, ask: &Ask, closing: watch::Receiver<bool>) -> Result<Vec<Given>, Rejection> {
        let registry = self.registry(&ask.tenant);
        if registry.directory.agent(&ask.agent).is_none() {
            return Err(Refusal::UnknownAgent(ask.agent.clone()).into());
        }
        let Some(key) = &ask.key else { return self.wait_for_work(ask, closing, None).await };
        let entry = self.keyed(&ask.tenant, key);
        // A second try waits until the first has ended: it may have been given something.
        let turn = Arc::new(Arc::clone(&entry.turn).lock_owned().await);
        let now = Digest::of_json(&(&ask.agent, &ask.holder, ask.most, &ask.accept));
        {
            let mut known = lock(&entry.known);
            match known.asked {
                Some(first) if first != now => return Err(Refusal::KeyReused { first, now }.into()),
                Some(_) if !known.given.is_empty() => return Ok(known.given.clone()),
                _ => known.asked = Some(now),
            }
            known.until = self.now() + ask.wait + limits::GIVEN_KEPT;
        }
        self.wait_for_work(ask, closing, Some(Noting { entry, _turn: turn })).await
    }

    fn keyed(&self, tenant: &Tenant, key: &IdempotencyKey) -> Arc<Entry> {
        let now = self.now();
        let mut all = lock(&self.inner.given);
        if all.len() >= limits::GIVEN_KEPT_MAX {
            all.retain(|_, entry| Arc::strong_count(entry) > 1 || lock(&entry.known).until > now);
        }
        Arc::clone(all.entry((tenant.clone(), key.clone())).or_default())
    }

    async fn wait_for_work(&self, ask: &Ask, mut closing: watch::Receiver<bool>, noting: Option<Noting>) -> Result<Vec<Given>, Rejection> {
        let line = self.inner.queue.line(&ask.tenant, &ask.agent, self.now());
        let deadline = self.now() + ask.wait;
        loop {
            let mut rung = std::pin::pin!(line.bell.notified());
            rung.as_mut().enable();
            let given = self.take_from(ask, &line, noting.as_ref()).await?;
            if !given.is_empty() {
                return Ok(given);
            }
            if self.now() >= deadline {
                return Ok(Vec::new());
            }
            tokio::select! {
                () = rung => {}
                _ = closing.wait_for(|closing| *closing) => return Ok(Vec::new()),
                () = self.inner.clock.sleep_until(deadline) => {}
            }
        }
    }

    /// Takes what is there now.
    async fn take_from(&self, ask: &Ask, line: &Arc<Line>, noting: Option<&Noting>) -> Result<Vec<Given>, Rejection> {
        loop {
            let room = self.room_of(&ask.tenant, &ask.agent).min(ask.most.min(limits::CLAIMS_AT_ONCE_MAX));
            if room == 0 {
                return Ok(Vec::new());
            }
            let hints = match line.take(self.now(), room as usize) {
                Next::Try(hints) => hints,
                Next::Refill => {
                    self.refill(&ask.tenant, &ask.agent, line).await?;
                    continue;
                }
                Next::Nothing => return Ok(Vec::new()),
            };
            let tries = hints.into_iter().map(|(due, handoff)| self.take_one(ask, line, due, handoff, noting.cloned()));
            let mut given = Vec::new();
            let mut failed = None;
            for tried in join_all(tries).await {
                match tried {
                    Ok(one) => given.extend(one),
                    Err(error) => failed = Some(error),
                }
            }
            match failed {
                // What was given is the worker's, whatever became of the rest.
                Some(error) if given.is_empty() => return Err(error),
                _ if given.is_empty() => {}
                _ => return Ok(given),
            }
        }
    }

    /// How many workers are asking for an agent's work at this moment.
    pub fn workers(&self, tenant: &Tenant, agent: &AgentName) -> usize {
        self.inner.queue.workers(tenant, agent)
    }

    /// How many more handoffs an agent may hold now.
    fn room_of(&self, tenant: &Tenant, agent: &AgentName) -> u32 {
        let held = self.load(tenant).get(agent).copied().unwrap_or(0);
        self.registry(tenant).directory.agent(agent).map_or(0, |agent| agent.capacity.saturating_sub(held))
    }

    /// Claims one handoff in a task of its own, so that it is known what became of it even if the worker
    /// hangs up meanwhile.
    async fn take_one(
        &self,
        ask: &Ask,
        line: &Arc<Line>,
        due: Timestamp,
        handoff: HandoffId,
        noting: Option<Noting>,
    ) -> Result<Option<Given>, Rejection> {
        let (engine, ask, line) = (self.clone(), ask.clone(), Arc::clone(line));
        let (answer, answered) = oneshot::channel();
        tokio::spawn(async move {
            let taken = engine.claimed(&ask, &line, due, handoff).await;
            if let (Ok(Some(given)), Some(noting)) = (&taken, &noting) {
                lock(&noting.entry.known).given.push(*given);
            }
            if let Err(Ok(Some(given))) = answer.send(taken)
                && noting.is_none()
            {
                engine.give_back(&ask, given).await;
            }
        });
        answered.await.unwrap_or(Ok(None))
    }

    async fn claimed(&self, ask: &Ask, line: &Line, due: Timestamp, handoff: HandoffId) -> Result<Option<Given>, Rejection> {
        let mut accept = ask.accept.clone();
        loop {
            let accepted = accept.is_some();
            let command = Command::Claim { handoff, by: ask.agent.clone(), holder: ask.holder.clone(), accept: accept.take() };
            match self.submit_unnoted(&asked(ask, handoff, command), &Blobs::default()).await {
                Ok(Reply::Claimed { handoff, token, attempt }) => return Ok(Some(Given { handoff, token, attempt, accepted })),
                Ok(_) => return Ok(None),
                // The contract asks for more than can be said before the briefing is read.
                Err(Rejection::Refused(Refusal::ReadBackGap(_) | Refusal::ConfidenceLow { .. })) if accepted => {}
                Err(Rejection::Refused(refusal)) => {
                    if let Some(again) = self.tried_again_at(&refusal, due) {
                        line.put(again, handoff, self.now());
                    }
                    return Ok(None);
                }
                Err(Rejection::Failed(error)) => {
                    line.put(due, handoff, self.now());
                    return Err(error.into());
                }
            }
        }
    }

    /// When a refused claim can be tried again; never if the hint was old.
    fn tried_again_at(&self, refusal: &Refusal, due: Timestamp) -> Option<Timestamp> {
        match refusal {
            Refusal::UnknownRun
            | Refusal::UnknownHandoff(_)
            | Refusal::NotYours { .. }
            | Refusal::WrongPhase { .. }
            | Refusal::RunClosed
            | Refusal::OtherTenant => None,
            // Rung when there is room.
            Refusal::AtCapacity { .. } => Some(due),
            Refusal::TooEarly { not_before_ms } => Some(Timestamp(*not_before_ms)),
            // A definition is not what it was, or a limit is used up: a person may mend it.
            _ => Some(self.now() + limits::REFUSED_DELIVERY_WAIT),
        }
    }

    /// The worker has hung up: the work is there for the next one.
    async fn give_back(&self, ask: &Ask, given: Given) {
        let release = Command::Release { handoff: given.handoff, token: given.token };
        if let Err(error) = self.submit(asked(ask, given.handoff, release), Blobs::default()).await {
            tracing::debug!(handoff = %given.handoff, %error, "work of a worker that hung up waits for its lease to run out");
        }
    }
}

fn asked(ask: &Ask, handoff: HandoffId, command: Command) -> Request {
    Request { tenant: ask.tenant.clone(), principal: ask.principal.clone(), run: handoff.run, key: None, command }
}
