//! The engine: [`Engine::submit`] and what it needs.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use handclasp_core::blob::{BlobRef, Blobs, Digest};
use handclasp_core::command::{Command, Request};
use handclasp_core::contract::Verdicts;
use handclasp_core::directory::{Beats, Load};
use handclasp_core::event::Event;
use handclasp_core::id::{Principal, RunId, Tenant};
use handclasp_core::refusal::Refusal;
use handclasp_core::run::{Condition, Standing};
use handclasp_core::time::Timestamp;
use handclasp_core::{Reply, Run, World};
use handclasp_store::{Appended, Beat, Content, Open, RefusalNote, Store};
use tokio::sync::{Notify, Semaphore, broadcast};
use ulid::Ulid;

use crate::clock::Clock;
use crate::desk::{Decided, Desk};
use crate::error::{EngineError, Rejection};
use crate::limits;
use crate::registry::Registry;

/// A commit, for whoever watches.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Whose data.
    pub tenant: Tenant,
    /// Which run.
    pub run: RunId,
    /// Events of the run up to and with this commit.
    pub version: u64,
    /// When.
    pub at: Timestamp,
    /// What has happened.
    pub events: Arc<[Event]>,
    /// How the run stands now.
    pub condition: Condition,
}

/// The engine. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Names this engine as the holder of leases.
    pub(crate) instance: String,
    registry: RwLock<Arc<Registry>>,
    desks: Mutex<HashMap<(Tenant, RunId), Arc<Desk>>>,
    pub(crate) load: Mutex<BTreeMap<Tenant, Arc<Load>>>,
    room: Semaphore,
    commits: broadcast::Sender<Committed>,
    refused: Mutex<Vec<RefusalNote>>,
    beats: Mutex<Vec<Beat>>,
    /// Desks whose state a failure has made void, until they are read again.
    forgotten: Mutex<Vec<Arc<Desk>>>,
    /// Rung after every commit that leaves something owed.
    pub(crate) bell: Notify,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// An engine over a store. Call [`Engine::recover`] before anything else is submitted.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, registry: Registry) -> Self {
        let instance = format!("engine:{}", Ulid::generate().to_string().to_ascii_lowercase());
        Self::named(store, clock, registry, instance)
    }

    /// An engine with a given instance name, for simulations.
    pub fn named(store: Arc<dyn Store>, clock: Arc<dyn Clock>, registry: Registry, instance: String) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                clock,
                instance,
                registry: RwLock::new(Arc::new(registry)),
                desks: Mutex::new(HashMap::new()),
                load: Mutex::new(BTreeMap::new()),
                room: Semaphore::new(limits::COMMANDS_IN_FLIGHT_MAX),
                commits: broadcast::channel(limits::COMMITS_WATCHED_MAX).0,
                refused: Mutex::new(Vec::new()),
                beats: Mutex::new(Vec::new()),
                forgotten: Mutex::new(Vec::new()),
                bell: Notify::new(),
            }),
        }
    }

    /// A new run id, in time order.
    pub fn new_run_id() -> RunId {
        RunId(Ulid::generate())
    }

    /// The store behind it.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// The time as it sees it.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// The agents and contracts that are known now.
    pub fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.inner.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces what is known; runs that pinned something else say so.
    pub fn set_registry(&self, registry: Registry) {
        *self.inner.registry.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(registry);
    }

    /// Every commit from now on.
    pub fn watch(&self) -> broadcast::Receiver<Committed> {
        self.inner.commits.subscribe()
    }

    /// The only way in: decides a command, makes what it brings about durable, and answers.
    pub async fn submit(&self, request: Request, blobs: Blobs) -> Result<Reply, Rejection> {
        let _room = self.inner.room.acquire().await.map_err(|_| EngineError::Closing)?;
        let answer = self.try_submit(&request, &blobs).await;
        if let Err(Rejection::Refused(refusal)) = &answer {
            self.note(&request, refusal);
        }
        answer
    }

    async fn try_submit(&self, request: &Request, blobs: &Blobs) -> Result<Reply, Rejection> {
        bounded(&request.command, blobs)?;
        if let Some(reply) = self.opened_before(request).await? {
            return Ok(reply);
        }
        for _ in 0..limits::ROUNDS_MAX {
            let desk = self.desk(&request.tenant, request.run);
            let contents = self.contents(&desk, request, blobs).await?;
            if let Some(answer) = self.round(&desk, request, blobs, &contents).await? {
                return answer.map_err(Rejection::Refused);
            }
        }
        Err(EngineError::Contended { run: request.run }.into())
    }

    /// One try: `None` if what it rested on turned out void.
    async fn round(
        &self,
        desk: &Arc<Desk>,
        request: &Request,
        blobs: &Blobs,
        verdicts: &Verdicts,
    ) -> Result<Option<Result<Reply, Refusal>>, Rejection> {
        let mut seat = desk.seat.lock().await;
        desk.load(&mut seat, self.inner.store.as_ref()).await?;
        self.count_again(&mut seat);
        let generation = seat.generation;
        let registry = self.registry();
        let decided = {
            // Capacity is checked and taken under one lock, so that two claims never share the last place.
            let claims = matches!(request.command, Command::Claim { .. });
            let mut all = lock(&self.inner.load);
            let load = Arc::clone(all.entry(request.tenant.clone()).or_default());
            let held = claims.then_some(all);
            let world = World { now: self.now(), directory: &registry.directory, verdicts, beats: &Beats::new(), load: &load };
            let decided = seat.decide(desk, request, blobs.clone(), &world);
            drop(load);
            if let Ok(Ok(decided)) = &decided {
                let mut all = held.unwrap_or_else(|| lock(&self.inner.load));
                recount(&mut seat, &mut all, &request.tenant, &decided.outcome.events);
            }
            decided
        };
        let decided = match decided {
            Ok(Ok(decided)) => decided,
            Ok(Err(refusal)) => {
                let version = seat.run.as_ref().map_or(0, |run| run.version);
                drop(seat);
                return Ok(desk.is_durable(generation, version).await.then_some(Err(refusal)));
            }
            Err(defect) => {
                self.forget(desk, generation);
                return Err(defect.into());
            }
        };
        if let Command::Heartbeat { handoff, token } = request.command {
            let beat = Beat { tenant: request.tenant.clone(), handoff, token, at: self.now() };
            lock(&self.inner.beats).push(beat);
        }
        if decided.outcome.events.is_empty() {
            drop(seat);
            return Ok(desk.is_durable(generation, decided.version).await.then_some(Ok(decided.outcome.reply)));
        }
        let condition = decided.append.summary.condition;
        let Decided { outcome, append, version } = decided;
        let owes = append.owed.iter().any(|owed| owed.standing.as_ref().is_some_and(|standing| standing.due().is_some()));
        // Called while the seat is taken: appends leave in the order of the decisions.
        let written = self.inner.store.append(append);
        drop(seat);
        let mut unheard = Unheard { engine: self, desk, generation, armed: true };
        let written = written.await;
        unheard.armed = false;
        match written {
            Ok(Appended::At(_)) => {
                desk.durable.send_modify(|durable| {
                    if durable.generation == generation {
                        durable.version = durable.version.max(version);
                    }
                });
                self.committed(desk, outcome.events, version, condition, owes);
                Ok(Some(Ok(outcome.reply)))
            }
            Ok(Appended::Opened { run, content }) => {
                self.forget(desk, generation);
                Ok(Some(self.opened_as(request, run, content).await?))
            }
            Ok(Appended::Conflict) => {
                self.forget(desk, generation);
                Ok(None)
            }
            Err(error) => {
                self.forget(desk, generation);
                Err(error.into())
            }
        }
    }

    fn committed(&self, desk: &Desk, events: Vec<Event>, version: u64, condition: Condition, owes: bool) {
        if self.inner.commits.receiver_count() > 0 {
            let at = self.now();
            let (tenant, run) = (desk.tenant.clone(), desk.run);
            // Nobody watching any more is no error.
            let _ = self.inner.commits.send(Committed { tenant, run, version, at, events: events.into(), condition });
        }
        if owes {
            self.inner.bell.notify_one();
        }
        if matches!(condition, Condition::Completed | Condition::Failed | Condition::Cancelled) {
            lock(&self.inner.desks).remove(&(desk.tenant.clone(), desk.run));
        }
    }

    /// Voids what a desk has decided since it last heard from the store. What agents are believed to
    /// hold stays counted until the log says otherwise: too many for a moment keeps somebody waiting,
    /// too few would let an agent hold more than it may.
    pub(crate) fn forget(&self, desk: &Arc<Desk>, generation: u64) {
        if desk.void(generation) {
            lock(&self.inner.forgotten).push(Arc::clone(desk));
        }
    }

    /// Brings the engine's count of what agents hold in line with a state that was just read.
    fn count_again(&self, seat: &mut crate::desk::Seat) {
        let Some(run) = seat.uncounted() else { return };
        let tenant = run.tenant.clone();
        let leases: BTreeMap<_, _> =
            run.open_handoffs().filter_map(|handoff| handoff.phase.lease().map(|lease| (handoff.id, lease.by.clone()))).collect();
        // The first time, what the run holds was counted when the engine started.
        let Some(before) = seat.count(leases.clone()) else { return };
        let mut all = lock(&self.inner.load);
        let load = Arc::make_mut(all.entry(tenant).or_default());
        for agent in before.values() {
            load.entry(agent.clone()).and_modify(|held| *held = held.saturating_sub(1));
        }
        for agent in leases.into_values() {
            *load.entry(agent).or_default() += 1;
        }
    }

    /// Reads again what a failure has made void, so that nobody stays counted for what never came about.
    async fn remember(&self) -> Result<(), EngineError> {
        let forgotten = std::mem::take(&mut *lock(&self.inner.forgotten));
        let mut failed = None;
        for desk in forgotten {
            let mut seat = desk.seat.lock().await;
            match desk.load(&mut seat, self.inner.store.as_ref()).await {
                Ok(()) => self.count_again(&mut seat),
                Err(error) => {
                    drop(seat);
                    lock(&self.inner.forgotten).push(desk);
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Makes sure that every content is there, and holds against the contracts what has to be held.
    async fn contents(&self, desk: &Arc<Desk>, request: &Request, blobs: &Blobs) -> Result<Verdicts, Rejection> {
        let mut verdicts = Verdicts::default();
        for named in request.command.contents() {
            if blobs.get(&named.digest).is_none() && self.content(&request.tenant, request.run, named.digest).await? == Content::Missing {
                let problem = "it names a content that was neither sent along nor stored before";
                return Err(Refusal::BadField { field: "contents", problem }.into());
            }
        }
        let registry = self.registry();
        let wanted = if needs_run(&request.command) {
            let mut seat = desk.seat.lock().await;
            desk.load(&mut seat, self.inner.store.as_ref()).await?;
            let wanted = Run::wanted_checks(seat.run.as_ref(), &request.command, &registry.directory);
            wanted.into_iter().map(|(contract, digest)| (contract, digest, seat.content(&digest))).collect::<Vec<_>>()
        } else {
            let wanted = Run::wanted_checks(None, &request.command, &registry.directory);
            wanted.into_iter().map(|(contract, digest)| (contract, digest, None)).collect()
        };
        for (contract, digest, at_hand) in wanted {
            let bytes = match blobs.get(&digest).cloned().or(at_hand) {
                Some(bytes) => Some(bytes),
                None => match self.content(&request.tenant, request.run, digest).await? {
                    Content::Bytes(bytes) => Some(bytes),
                    Content::Erased | Content::Missing => None,
                },
            };
            if let Some(bytes) = bytes {
                registry.check(&contract, digest, &bytes, &mut verdicts);
            }
        }
        Ok(verdicts)
    }

    /// One content of a run.
    pub async fn content(&self, tenant: &Tenant, run: RunId, digest: Digest) -> Result<Content, EngineError> {
        self.inner.store.content(tenant, run, digest).await.map_err(EngineError::Store)
    }

    /// An opening whose key is known gets the run that it opened.
    async fn opened_before(&self, request: &Request) -> Result<Option<Reply>, Rejection> {
        let (Command::Open(_), Some(key)) = (&request.command, &request.key) else { return Ok(None) };
        match self.inner.store.opened(&request.tenant, key).await? {
            None => Ok(None),
            Some((run, content)) => self.opened_as(request, run, content).await?.map(Some).map_err(Rejection::Refused),
        }
    }

    async fn opened_as(&self, request: &Request, run: RunId, content: Digest) -> Result<Result<Reply, Refusal>, Rejection> {
        let now = Digest::of_json(&request.command);
        if content != now {
            return Ok(Err(Refusal::KeyReused { first: content, now }));
        }
        let first = self.inspect(&request.tenant, run, |run| run.handoffs().first().map(|handoff| handoff.id)).await?;
        Ok(Ok(Reply::Opened { run, first: first.flatten() }))
    }

    /// Looks at a run as it is durable now; `None` if there is no such run.
    pub async fn inspect<T>(&self, tenant: &Tenant, run: RunId, look: impl FnOnce(&Run) -> T) -> Result<Option<T>, EngineError> {
        for _ in 0..limits::ROUNDS_MAX {
            let desk = self.desk(tenant, run);
            let mut seat = desk.seat.lock().await;
            desk.load(&mut seat, self.inner.store.as_ref()).await?;
            let Some(state) = &seat.run else {
                drop(seat);
                self.clear_away(&desk);
                return Ok(None);
            };
            let (generation, version) = (seat.generation, state.version);
            let durable = *desk.durable.borrow();
            if durable.generation == generation && durable.version >= version {
                return Ok(Some(look(state)));
            }
            drop(seat);
            desk.is_durable(generation, version).await;
        }
        Err(EngineError::Contended { run })
    }

    pub(crate) fn desk(&self, tenant: &Tenant, run: RunId) -> Arc<Desk> {
        let mut desks = lock(&self.inner.desks);
        if desks.len() >= limits::DESKS_MAX {
            // Whatever nobody sits at can be read again. Held leases stay counted by the engine.
            desks.retain(|_, desk| Arc::strong_count(desk) > 1);
        }
        let desk = desks.entry((tenant.clone(), run)).or_insert_with(|| Arc::new(Desk::new(tenant.clone(), run)));
        Arc::clone(desk)
    }

    /// Lets go of a desk for a run that does not exist, unless somebody is about to open it there.
    fn clear_away(&self, desk: &Arc<Desk>) {
        let mut desks = lock(&self.inner.desks);
        // One for the list, one for the caller.
        if Arc::strong_count(desk) == 2 {
            desks.remove(&(desk.tenant.clone(), desk.run));
        }
    }

    fn note(&self, request: &Request, refusal: &Refusal) {
        let command = serde_json::to_value(&request.command).ok();
        let command = command.as_ref().and_then(|value| value.get("command")).and_then(|name| name.as_str()).unwrap_or("unknown");
        let note = RefusalNote {
            tenant: request.tenant.clone(),
            run: request.run,
            at: self.now(),
            principal: request.principal.to_string(),
            command: command.to_owned(),
            code: refusal.code().to_owned(),
            message: refusal.to_string(),
            pointer: refusal.violations().first().map(|violation| violation.pointer.clone()),
        };
        let mut waiting = lock(&self.inner.refused);
        if waiting.len() < limits::REFUSALS_WAITING_MAX {
            waiting.push(note);
        }
    }

    /// Writes down what is not part of the log, heartbeats and refusals, and reads again what a failure
    /// has made void.
    pub async fn flush(&self) -> Result<(), EngineError> {
        self.remember().await?;
        let beats = std::mem::take(&mut *lock(&self.inner.beats));
        if !beats.is_empty() {
            let mut newest = BTreeMap::new();
            for beat in beats {
                newest.insert(beat.handoff, beat);
            }
            self.inner.store.beat(newest.into_values().collect()).await.map_err(EngineError::Store)?;
        }
        let refused = std::mem::take(&mut *lock(&self.inner.refused));
        if !refused.is_empty() {
            self.inner.store.note_refusals(refused).await.map_err(EngineError::Store)?;
        }
        Ok(())
    }

    /// Takes up what an earlier engine left: counts who holds what, gives back what that engine's own
    /// agents held, and grants everybody else one more lease.
    pub async fn recover(&self) -> Result<Vec<(Tenant, RunId)>, EngineError> {
        let mut after = None;
        let mut given_back = Vec::new();
        loop {
            let page = Open { kind: Some("lease"), after, limit: limits::POST_BATCH_MAX, ..Open::default() };
            let leases = self.inner.store.open(page).await.map_err(EngineError::Store)?;
            let Some(last) = leases.last() else { break };
            after = Some((last.tenant.clone(), last.run, last.slot));
            for row in leases {
                let Standing::Lease { by, holder, token, .. } = &row.standing else { continue };
                let handclasp_core::run::Slot::Handoff(number) = row.slot else { continue };
                let handoff = handclasp_core::id::HandoffId { run: row.run, number };
                *Arc::make_mut(lock(&self.inner.load).entry(row.tenant.clone()).or_default()).entry(by.clone()).or_default() += 1;
                if holder.starts_with("engine:") && *holder != self.inner.instance {
                    self.system(&row.tenant, row.run, Command::Release { handoff, token: *token }).await.or_else(ignore_refusal)?;
                    given_back.push((row.tenant.clone(), row.run));
                } else {
                    let at = self.now();
                    self.inner
                        .store
                        .beat(vec![Beat { tenant: row.tenant.clone(), handoff, token: *token, at }])
                        .await
                        .map_err(EngineError::Store)?;
                    self.desk(&row.tenant, row.run).seat.lock().await.beats.insert(handoff, at);
                }
            }
        }
        given_back.dedup();
        Ok(given_back)
    }

    /// Submits a command of the engine's own.
    pub(crate) async fn system(&self, tenant: &Tenant, run: RunId, command: Command) -> Result<Option<Reply>, Rejection> {
        let principal: Principal = "engine".parse().expect("a principal");
        let request = Request { tenant: tenant.clone(), principal, run, key: None, command };
        self.submit(request, Blobs::default()).await.map(Some)
    }
}

/// A write that nobody may ever hear of: its caller can be gone before the store answers. Then what
/// rests on it is void, so that nobody waits for news of it for ever.
struct Unheard<'a> {
    engine: &'a Engine,
    desk: &'a Arc<Desk>,
    generation: u64,
    armed: bool,
}

impl Drop for Unheard<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.engine.forget(self.desk, self.generation);
        }
    }
}

/// Where the engine itself asks, a refusal means that somebody was faster.
pub(crate) fn ignore_refusal(rejection: Rejection) -> Result<Option<Reply>, EngineError> {
    match rejection {
        Rejection::Refused(_) => Ok(None),
        Rejection::Failed(error) => Err(error),
    }
}

/// Whether the contracts that a command is checked against depend on the run's state.
fn needs_run(command: &Command) -> bool {
    matches!(command, Command::Claim { .. } | Command::Complete { .. } | Command::Redrive { .. })
}

/// Brings the engine's count of what agents hold up to date with what has just happened.
fn recount(seat: &mut crate::desk::Seat, all: &mut BTreeMap<Tenant, Arc<Load>>, tenant: &Tenant, events: &[Event]) {
    let mut changes: Vec<(handclasp_core::id::AgentName, bool)> = Vec::new();
    for id in events.iter().filter_map(Event::handoff) {
        let Some(run) = &seat.run else { return };
        let now = run.handoff(id).and_then(|handoff| handoff.phase.lease()).map(|lease| lease.by.clone());
        let before = seat.leases.get(&id).cloned();
        if now == before {
            continue;
        }
        if let Some(agent) = before {
            seat.leases.remove(&id);
            seat.beats.remove(&id);
            changes.push((agent, false));
        }
        if let Some(agent) = now {
            seat.leases.insert(id, agent.clone());
            changes.push((agent, true));
        }
    }
    if changes.is_empty() {
        return;
    }
    let load = Arc::make_mut(all.entry(tenant.clone()).or_default());
    for (agent, more) in changes {
        let held = load.entry(agent).or_default();
        *held = if more { *held + 1 } else { held.saturating_sub(1) };
    }
}

/// Content that is too large is refused before anything is looked at.
fn bounded(command: &Command, blobs: &Blobs) -> Result<(), Refusal> {
    let too_large = |field, found, allowed| Err(Refusal::TooLarge { field, found, allowed });
    let mut total = 0;
    for bytes in blobs.0.values() {
        let found = bytes.len() as u64;
        if found > limits::CONTENT_BYTES_MAX {
            return too_large("content", found, limits::CONTENT_BYTES_MAX);
        }
        total += found;
    }
    if total > limits::COMMAND_BYTES_MAX {
        return too_large("contents", total, limits::COMMAND_BYTES_MAX);
    }
    let checked: Option<(&'static str, BlobRef)> = match command {
        Command::Open(open) => Some(("input", open.input)),
        Command::Offer { offer, .. } => Some(("payload", offer.payload)),
        Command::Complete { completion, .. } => Some(("result", completion.result)),
        Command::Redrive { payload: Some(payload), .. } => Some(("payload", *payload)),
        _ => None,
    };
    match checked {
        Some((field, blob)) if blob.bytes > limits::PAYLOAD_BYTES_MAX => too_large(field, blob.bytes, limits::PAYLOAD_BYTES_MAX),
        _ => Ok(()),
    }
}
