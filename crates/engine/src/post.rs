//! The post: attends to what is owed.
//!
//! It decides nothing. What is due is woken, handed to a driver, or told to another run; what comes
//! of it enters through [`Engine::submit`] like every other command. Something may be attended to
//! twice (a crash in between): tokens, versions and interrupt ids make the second time harmless.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use handclasp_briefing as briefing;
use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::{AgentError, Command, Open, ParentLink, Request};
use handclasp_core::event::RunOutcome;
use handclasp_core::handoff::Phase;
use handclasp_core::id::{AgentName, HandoffId, RunId, Tenant, Token};
use handclasp_core::limits::Usage;
use handclasp_core::refusal::Refusal;
use handclasp_core::run::{Condition, Owed, Slot, Standing};
use handclasp_core::time::{Millis, Timestamp};
use handclasp_core::{Reply, Run};
use handclasp_store::{Appended, Content, Dispatch, Due, StoreError};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinSet;

use crate::desk::{Desk, Seat};
use crate::driver::Driver;
use crate::engine::{Committed, Engine, ignore_refusal, lock};
use crate::error::{EngineError, Rejection};
use crate::limits;
use crate::turn::Turn;
use crate::write::Write;

/// The drivers of one tenant's agents.
pub type Drivers = BTreeMap<AgentName, Arc<dyn Driver>>;

/// Why a sleep has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    ToLook,
    ToStop,
}

/// Attends to what is owed until it is closed.
pub struct Post {
    engine: Engine,
    tenant: Tenant,
    drivers: Drivers,
    turns: JoinSet<()>,
    busy: Arc<AtomicUsize>,
    closing: watch::Sender<bool>,
    /// What was attended to in vain, and until when it is left alone.
    aside: BTreeMap<(Tenant, RunId, Slot, &'static str), Timestamp>,
    /// Looks in a row at which the store did not answer.
    unanswered: u32,
}

impl Post {
    /// A post that hands work to these drivers.
    pub fn new(engine: Engine, tenant: Tenant, drivers: Drivers) -> Self {
        let (closing, _) = watch::channel(false);
        Self {
            engine,
            tenant,
            drivers,
            turns: JoinSet::new(),
            busy: Arc::new(AtomicUsize::new(0)),
            closing,
            aside: BTreeMap::new(),
            unanswered: 0,
        }
    }

    /// Attends to what is owed until `until` ends; then gives everything back that agents hold.
    pub async fn run(mut self, until: impl Future<Output = ()>) -> Result<(), EngineError> {
        let stop = Notify::new();
        // Both are polled all the time: `until` may look at runs, and must not sit at a desk unpolled
        // while the post waits for that desk.
        let outcome = tokio::select! {
            outcome = self.attend_until(&stop) => outcome,
            () = async {
                until.await;
                stop.notify_one();
                std::future::pending::<()>().await;
            } => Ok(()),
        };
        self.close().await;
        outcome
    }

    async fn attend_until(&mut self, stop: &Notify) -> Result<(), EngineError> {
        // Without drivers nothing is kept warm, and nobody listens.
        let mut commits = (!self.drivers.is_empty()).then(|| self.engine.watch());
        loop {
            // What comes due later than that is seen when the post looks again in any case.
            self.looks_at(self.engine.now() + limits::POST_SLEEP_MAX);
            let attended = self.attend().await;
            let next = self.patient(attended)?;
            let latest = self.engine.now() + limits::POST_SLEEP_MAX;
            let wake = next.map_or(latest, |next| next.min(latest));
            self.looks_at(wake);
            if self.sleep_until(wake, stop, &mut commits).await == Woken::ToStop {
                return Ok(());
            }
        }
    }

    /// Says when the post looks next: what is owed before that rings the bell.
    fn looks_at(&self, moment: Timestamp) {
        let mut plan = lock(&self.engine.inner.post);
        plan.looks_at = moment;
        if plan.agents.len() != self.drivers.len() {
            plan.agents = self.drivers.keys().map(|name| (self.tenant.clone(), name.clone())).collect();
        }
    }

    async fn sleep_until(&mut self, wake: Timestamp, stop: &Notify, commits: &mut Option<broadcast::Receiver<Committed>>) -> Woken {
        let mut slept = self.engine.inner.clock.sleep_until(wake);
        loop {
            tokio::select! {
                () = stop.notified() => return Woken::ToStop,
                () = self.engine.inner.bell.notified() => return Woken::ToLook,
                () = &mut slept => return Woken::ToLook,
                Some(_) = self.turns.join_next() => return Woken::ToLook,
                commit = next(commits) => if let Ok(commit) = commit {
                    self.let_go(commit);
                },
            }
        }
    }

    /// A store that does not answer may do so in a second; one that never does ends the post.
    fn patient(&mut self, attended: Result<Option<Timestamp>, EngineError>) -> Result<Option<Timestamp>, EngineError> {
        match attended {
            Err(EngineError::Store(StoreError::Unavailable(source))) if self.unanswered < limits::UNANSWERED_MAX => {
                self.unanswered += 1;
                tracing::warn!(%source, "the store does not answer; looking again in a second");
                Ok(Some(self.engine.now() + Millis::seconds(1)))
            }
            Ok(next) => {
                self.unanswered = 0;
                Ok(next)
            }
            Err(error) => Err(error),
        }
    }

    /// A run that is over needs no warm agents any more.
    fn let_go(&mut self, commit: Committed) {
        if !matches!(commit.condition, Condition::Running | Condition::WaitingForPerson) {
            let drivers: Vec<_> = self.drivers.values().cloned().collect();
            self.turns.spawn(async move {
                for driver in drivers {
                    driver.run_ended(&commit.tenant, commit.run).await;
                }
            });
        }
    }

    /// Asks every turn to end, gives back what is still held, and stops the drivers.
    async fn close(&mut self) {
        let _ = self.closing.send(true);
        while self.turns.join_next().await.is_some() {}
        for driver in self.drivers.values() {
            driver.stop().await;
        }
        if let Err(error) = self.engine.flush().await {
            tracing::warn!(%error, "failed to write down the last heartbeats");
        }
    }

    /// Attends once to everything that is due. Returns when to look again.
    async fn attend(&mut self) -> Result<Option<Timestamp>, EngineError> {
        self.engine.flush().await?;
        let now = self.engine.now();
        self.aside.retain(|_, until| *until > now);
        let agents = self.with_room();
        let due = self.engine.inner.store.due(Due { now, agents, limit: limits::POST_BATCH_MAX }).await.map_err(EngineError::Store)?;
        let mut next = due.next;
        let mut idle = true;
        for row in due.others.into_iter().chain(due.deliveries) {
            let key = (row.tenant.clone(), row.run, row.slot, row.standing.kind());
            if let Some(until) = self.aside.get(&key) {
                next = Some(next.map_or(*until, |next| next.min(*until)));
                continue;
            }
            idle = false;
            let wait = match &row.standing {
                // Another team's run: an engine that does not know its agents would decide wrongly.
                _ if !self.engine.knows(&row.tenant, row.run).await? => Some(limits::STRANGER_WAIT),
                Standing::Deliver { to, .. } => self.deliver(&row, &to.clone()).await?,
                _ => self.engine.attend_to(&row).await?,
            };
            if let Some(wait) = wait {
                self.aside.insert(key, now + wait);
            }
        }
        // Attending changes what is due, so look again at once.
        Ok(if idle { next } else { Some(now) })
    }

    /// The agents with a driver and with room. Capacity is checked again when the claim is decided.
    fn with_room(&self) -> Vec<(Tenant, AgentName)> {
        if self.busy.load(Ordering::Relaxed) >= limits::TURNS_MAX {
            return Vec::new();
        }
        let registry = self.engine.registry(&self.tenant);
        let load = self.engine.load(&self.tenant);
        let has_room = |name: &&AgentName| {
            let held = load.get(*name).copied().unwrap_or(0);
            registry.directory.agent(name).is_some_and(|agent| held < agent.capacity)
        };
        self.drivers.keys().filter(has_room).map(|name| (self.tenant.clone(), name.clone())).collect()
    }

    /// Claims a handoff for an agent and starts its turn. Returns how long to leave it alone if that
    /// was refused.
    async fn deliver(&mut self, row: &Dispatch, to: &AgentName) -> Result<Option<Millis>, EngineError> {
        let (Slot::Handoff(number), Some(driver)) = (row.slot, self.drivers.get(to).cloned()) else { return Ok(None) };
        let handoff = HandoffId { run: row.run, number };
        let holder = self.engine.inner.instance.clone();
        let command = Command::Claim { handoff, by: to.clone(), holder, accept: None };
        let token = match self.engine.system(&row.tenant, row.run, command).await {
            Ok(Some(Reply::Claimed { token, .. })) => token,
            Ok(_) => return Ok(Some(limits::REFUSED_DELIVERY_WAIT)),
            Err(Rejection::Refused(Refusal::AtCapacity { .. })) => return Ok(Some(Millis(50))),
            Err(Rejection::Refused(refusal)) => {
                tracing::warn!(%handoff, code = refusal.code(), %refusal, "a handoff cannot be delivered");
                return Ok(Some(limits::REFUSED_DELIVERY_WAIT));
            }
            Err(Rejection::Failed(error)) => return Err(error),
        };
        let turn = self.engine.turn(&row.tenant, handoff, token, self.closing.subscribe()).await?;
        let engine = self.engine.clone();
        let busy = Arc::clone(&self.busy);
        busy.fetch_add(1, Ordering::Relaxed);
        self.turns.spawn(async move {
            driver.work(turn.clone()).await;
            engine.end_turn(&turn, token).await;
            busy.fetch_sub(1, Ordering::Relaxed);
            engine.inner.bell.notify_one();
        });
        Ok(None)
    }
}

async fn next(commits: &mut Option<broadcast::Receiver<Committed>>) -> Result<Committed, RecvError> {
    match commits {
        Some(commits) => commits.recv().await,
        None => std::future::pending().await,
    }
}

impl Engine {
    /// How many handoffs each agent of a tenant holds.
    pub fn load(&self, tenant: &Tenant) -> Arc<handclasp_core::directory::Load> {
        lock(&self.inner.load).get(tenant).cloned().unwrap_or_default()
    }

    /// Whether the run relies on nothing but what this engine knows, unchanged.
    pub async fn knows(&self, tenant: &Tenant, run: RunId) -> Result<bool, EngineError> {
        let registry = self.registry(tenant);
        Ok(self.inspect(tenant, run, |run| registry.holds(&run.pins)).await?.unwrap_or(true))
    }

    /// Puts the briefing of a claimed handoff together.
    pub async fn briefing(&self, tenant: &Tenant, handoff: HandoffId) -> Result<Option<briefing::Briefing>, EngineError> {
        let registry = self.registry(tenant);
        let mut fetched: BTreeMap<Digest, Option<Arc<[u8]>>> = BTreeMap::new();
        for _ in 0..limits::ROUNDS_MAX {
            let look = |run: &Run, at_hand: &dyn Fn(&Digest) -> Option<Arc<[u8]>>| {
                let claimed = run.handoff(handoff)?;
                let known = |digest: &Digest| fetched.get(digest).cloned().or_else(|| at_hand(digest).map(Some));
                let missing: Vec<Digest> = briefing::needed(run, claimed).into_iter().filter(|digest| known(digest).is_none()).collect();
                Some(if missing.is_empty() {
                    Ok(briefing::assemble(run, claimed, &registry.directory, &|digest| known(&digest).flatten()))
                } else {
                    Err(missing)
                })
            };
            match self.inspect_with(tenant, handoff.run, look).await?.flatten() {
                None => return Ok(None),
                Some(Ok(briefing)) => return Ok(Some(briefing)),
                Some(Err(missing)) => {
                    for digest in missing {
                        let content = self.content(tenant, handoff.run, digest).await?;
                        fetched.insert(digest, if let Content::Bytes(bytes) = content { Some(bytes) } else { None });
                    }
                }
            }
        }
        Err(EngineError::Contended { run: handoff.run })
    }

    async fn turn(&self, tenant: &Tenant, handoff: HandoffId, token: Token, closing: watch::Receiver<bool>) -> Result<Turn, EngineError> {
        let look = |run: &Run| run.handoff(handoff).and_then(|handoff| handoff.phase.lease()).map(|lease| lease.length);
        let lease = self.inspect(tenant, handoff.run, look).await?.flatten().unwrap_or_default();
        let gone = || EngineError::Defect { run: handoff.run, what: "a claimed handoff is not there".to_owned() };
        let briefing = self.briefing(tenant, handoff).await?.ok_or_else(gone)?;
        Ok(Turn::new(self.clone(), tenant.clone(), handoff, token, lease, briefing, closing))
    }

    /// A driver that ends without having ended the turn has let its agent down: the attempt failed.
    async fn end_turn(&self, turn: &Turn, token: Token) {
        let handoff = turn.handoff();
        let look = |run: &Run| {
            let lease = run.handoff(handoff).and_then(|handoff| handoff.phase.lease());
            lease.is_some_and(|lease| lease.token == token)
        };
        if matches!(self.inspect(turn.tenant(), handoff.run, look).await, Ok(Some(true))) {
            let error = AgentError {
                kind: "no_answer".to_owned(),
                message: "the agent ended its turn without an answer".to_owned(),
                retryable: true,
                attempted: None,
                hint: None,
            };
            if let Err(error) = turn.fail(error, Usage::default()).await {
                tracing::warn!(%handoff, %error, "failed to end a turn");
            }
        }
    }

    /// Attends to anything but a delivery. Returns how long to leave it alone if it stays due.
    pub async fn attend_to(&self, row: &Dispatch) -> Result<Option<Millis>, EngineError> {
        match (&row.standing, row.slot) {
            (Standing::OpenChild, Slot::Child(child)) => self.open_child(row, child).await.map(|()| Some(limits::CHILD_REMINDER)),
            (Standing::CancelChild, Slot::Child(child)) => self.cancel_child(row, child).await.map(|()| Some(limits::CHILD_REMINDER)),
            (Standing::TellParent, _) => self.tell_parent(row).await.map(|()| None),
            (Standing::DeadLetter | Standing::Deliver { .. } | Standing::OpenChild | Standing::CancelChild, _) => Ok(None),
            (Standing::Lease { .. } | Standing::Wake { .. } | Standing::Inbox { .. }, _) => self.wake(row).await.map(|()| None),
        }
    }

    /// Wakes a run. A row that is still due afterwards is moved to when it really is.
    async fn wake(&self, row: &Dispatch) -> Result<(), EngineError> {
        self.system(&row.tenant, row.run, Command::Wake).await.or_else(ignore_refusal)?;
        let now = self.now();
        let desk = self.desk(&row.tenant, row.run);
        let append = {
            let mut seat = desk.seat.lock().await;
            desk.load(&mut seat, self.inner.store.as_ref()).await?;
            let mut standing = seat.standing(row.slot);
            if standing.as_ref().is_some_and(|standing| standing.kind() != row.standing.kind()) {
                // Waking has brought something, and with it another row.
                return Ok(());
            }
            if standing.as_ref().and_then(Standing::due).is_some_and(|due| due <= now) {
                // Due, and yet waking brought nothing: a second later it may.
                standing = standing.map(|standing| postponed(standing, now + Millis::seconds(1)));
            }
            self.reschedule(&desk, &seat, Owed { slot: row.slot, standing })
        };
        append.await
    }

    /// Changes what is owed in one slot and nothing else. Called while the seat is taken.
    fn reschedule(&self, desk: &Arc<Desk>, seat: &Seat, owed: Owed) -> impl Future<Output = Result<(), EngineError>> + use<> {
        let append = seat.reschedule(desk, owed).map(|append| self.inner.store.append(append));
        let write = append.map(|append| Write::new(self, desk, append));
        let (engine, desk, generation) = (self.clone(), Arc::clone(desk), seat.generation);
        async move {
            let Some(write) = write else { return Ok(()) };
            let said = write.heard().await;
            if !matches!(said, Ok(Appended::At(_))) {
                // Somebody else may have written to this run: then what lies on the desk is old.
                engine.forget(&desk, generation);
            }
            said.map(|_| ()).map_err(EngineError::Store)
        }
    }

    async fn open_child(&self, row: &Dispatch, child: RunId) -> Result<(), EngineError> {
        let look = |run: &Run| run.children().get(&child).map(|known| (known.clone(), run.principal.clone()));
        let Some((known, principal)) = self.inspect(&row.tenant, row.run, look).await?.flatten() else { return Ok(()) };
        let parent = Some(ParentLink { handoff: known.handoff, reserve: known.reserve });
        let command = Command::Open(Box::new(Open { parent, ..*known.open }));
        let mut blobs = Blobs::default();
        for named in command.contents() {
            if let Content::Bytes(bytes) = self.content(&row.tenant, row.run, named.digest).await? {
                blobs.bytes(bytes);
            }
        }
        let request = Request { tenant: row.tenant.clone(), principal, run: child, key: None, command };
        match self.submit(request, blobs).await {
            // It was opened before, and may have ended since.
            Ok(_) | Err(Rejection::Refused(Refusal::AlreadyOpen | Refusal::RunClosed)) => Ok(()),
            Err(Rejection::Refused(refusal)) => {
                let error = AgentError {
                    kind: "not_opened".to_owned(),
                    message: format!("the child run cannot be opened: {refusal} [{}]", refusal.code()),
                    retryable: false,
                    attempted: None,
                    hint: Some(refusal.hint().to_owned()),
                };
                let command = Command::ChildClosed { child, usage: Usage::default(), result: None, error: Some(error) };
                self.system(&row.tenant, row.run, command).await.or_else(ignore_refusal)?;
                Ok(())
            }
            Err(Rejection::Failed(error)) => Err(error),
        }
    }

    /// Stops a child run. One that was never opened is opened first: somebody may still be about to open
    /// it, and this way its end is told by its own log in either case.
    async fn cancel_child(&self, row: &Dispatch, child: RunId) -> Result<(), EngineError> {
        let cancel = || Command::Cancel { handoff: None, reason: "nobody waits for it any more".to_owned() };
        match self.system(&row.tenant, child, cancel()).await {
            Err(Rejection::Refused(Refusal::UnknownRun)) => {
                self.open_child(row, child).await?;
                self.system(&row.tenant, child, cancel()).await.or_else(ignore_refusal)?;
            }
            other => {
                other.or_else(ignore_refusal)?;
            }
        }
        Ok(())
    }

    async fn tell_parent(&self, row: &Dispatch) -> Result<(), EngineError> {
        let look = |run: &Run| run.parent.zip(run.outcome.clone()).map(|(parent, outcome)| (parent, outcome, run.usage));
        let Some((parent, outcome, usage)) = self.inspect(&row.tenant, row.run, look).await?.flatten() else { return Ok(()) };
        let (result, error) = match outcome {
            RunOutcome::Completed { result, .. } => (result, None),
            RunOutcome::Failed { reason } => (None, Some(("failed", reason))),
            RunOutcome::Cancelled { reason } => (None, Some(("cancelled", reason))),
        };
        let error =
            error.map(|(kind, message)| AgentError { kind: kind.to_owned(), message, retryable: false, attempted: None, hint: None });
        let mut blobs = Blobs::default();
        if let Some(result) = result
            && let Content::Bytes(bytes) = self.content(&row.tenant, row.run, result.digest).await?
        {
            blobs.bytes(bytes);
        }
        let command = Command::ChildClosed { child: row.run, usage, result, error };
        let principal = "engine".parse().expect("a principal");
        let request = Request { tenant: row.tenant.clone(), principal, run: parent.handoff.run, key: None, command };
        if let Err(Rejection::Failed(error)) = self.submit(request, blobs).await {
            return Err(error);
        }
        let desk = self.desk(&row.tenant, row.run);
        let append = {
            let mut seat = desk.seat.lock().await;
            desk.load(&mut seat, self.inner.store.as_ref()).await?;
            self.reschedule(&desk, &seat, Owed { slot: row.slot, standing: None })
        };
        append.await
    }

    /// Whether a handoff of the run is in an agent's hands.
    pub async fn is_worked_on(&self, tenant: &Tenant, run: RunId) -> Result<bool, EngineError> {
        let look = |run: &Run| run.open_handoffs().any(|handoff| matches!(handoff.phase, Phase::Claimed { .. } | Phase::Accepted { .. }));
        Ok(self.inspect(tenant, run, look).await?.unwrap_or(false))
    }
}

fn postponed(standing: Standing, until: Timestamp) -> Standing {
    match standing {
        Standing::Lease { by, holder, token, length, .. } => Standing::Lease { by, holder, token, due: until, length },
        Standing::Wake { .. } => Standing::Wake { due: until },
        Standing::Inbox { .. } => Standing::Inbox { due: Some(until) },
        Standing::Deliver { to, .. } => Standing::Deliver { to, due: until },
        other @ (Standing::DeadLetter | Standing::OpenChild | Standing::CancelChild | Standing::TellParent) => other,
    }
}
