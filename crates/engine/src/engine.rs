//! The engine: [`Engine::submit`] and what it needs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::{Command, Open, Request};
use handclasp_core::contract::Verdicts;
use handclasp_core::directory::{Beats, Load};
use handclasp_core::event::Event;
use handclasp_core::id::{AgentName, IdempotencyKey, Principal, RunId, Tenant};
use handclasp_core::refusal::Refusal;
use handclasp_core::run::{Condition, Owed, Standing};
use handclasp_core::time::Timestamp;
use handclasp_core::{Reply, Run, World};
use handclasp_store::{Appended, Beat, RefusalNote, Store};
use tokio::sync::{Notify, Semaphore, broadcast};
use ulid::Ulid;

use crate::claims::Keyed;
use crate::clock::Clock;
use crate::contents::bounded;
use crate::desk::{Decided, Desk};
use crate::error::{EngineError, Rejection};
use crate::keys::KeyRing;
use crate::limits;
use crate::load;
use crate::queue::Queue;
use crate::registry::Registry;
use crate::write::Write;

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
    registries: RwLock<HashMap<Tenant, Arc<Registry>>>,
    desks: Mutex<HashMap<(Tenant, RunId), Arc<Desk>>>,
    pub(crate) load: Mutex<BTreeMap<Tenant, Arc<Load>>>,
    room: Semaphore,
    commits: broadcast::Sender<Committed>,
    pub(crate) refused: Mutex<Vec<RefusalNote>>,
    pub(crate) beats: Mutex<Vec<Beat>>,
    /// Desks whose state a failure has made void, until they are read again.
    pub(crate) forgotten: Mutex<Vec<Arc<Desk>>>,
    /// Work that waits for workers.
    pub(crate) queue: Queue,
    /// What workers were given under keys.
    pub(crate) given: Mutex<Keyed>,
    /// Who may come in over the network.
    pub(crate) keys: KeyRing,
    /// One definition is changed at a time.
    pub(crate) defining: tokio::sync::Mutex<()>,
    /// Who looks at a run until something is so.
    pub(crate) onlookers: Mutex<HashMap<(Tenant, RunId), Arc<Notify>>>,
    /// Rung when something is owed before the post would look by itself.
    pub(crate) bell: Notify,
    /// When the post looks next, and whose deliveries it sees to.
    pub(crate) post: Mutex<PostPlan>,
}

/// What the post is about to do.
#[derive(Debug, Default)]
pub(crate) struct PostPlan {
    pub(crate) looks_at: Timestamp,
    pub(crate) agents: BTreeSet<(Tenant, AgentName)>,
}

impl PostPlan {
    /// Whether it has to look earlier because of this.
    fn misses(&self, tenant: &Tenant, owed: &Owed) -> bool {
        let Some(standing) = &owed.standing else { return false };
        let sooner = standing.due().is_some_and(|due| due < self.looks_at);
        sooner
            && match standing {
                Standing::Deliver { to, .. } => self.agents.contains(&(tenant.clone(), to.clone())),
                _ => true,
            }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// An engine over a store. What is known is known to the tenant `local`; others are told by
    /// [`Engine::set_registry`]. Call [`Engine::recover`] before anything else is submitted.
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
                registries: RwLock::new(HashMap::from([(Tenant::local(), Arc::new(registry))])),
                desks: Mutex::new(HashMap::new()),
                load: Mutex::new(BTreeMap::new()),
                room: Semaphore::new(limits::COMMANDS_IN_FLIGHT_MAX),
                commits: broadcast::channel(limits::COMMITS_WATCHED_MAX).0,
                refused: Mutex::new(Vec::new()),
                beats: Mutex::new(Vec::new()),
                forgotten: Mutex::new(Vec::new()),
                queue: Queue::default(),
                given: Mutex::new(Keyed::new()),
                keys: KeyRing::default(),
                defining: tokio::sync::Mutex::new(()),
                onlookers: Mutex::new(HashMap::new()),
                bell: Notify::new(),
                // Until a post has looked, everything is news to it.
                post: Mutex::new(PostPlan { looks_at: Timestamp(u64::MAX), agents: BTreeSet::new() }),
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

    /// The agents and contracts that a tenant knows now.
    pub fn registry(&self, tenant: &Tenant) -> Arc<Registry> {
        self.inner.registries.read().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned().unwrap_or_default()
    }

    /// Replaces what a tenant knows; runs that pinned something else say so.
    pub fn set_registry(&self, tenant: &Tenant, registry: Registry) {
        self.inner.registries.write().unwrap_or_else(PoisonError::into_inner).insert(tenant.clone(), Arc::new(registry));
    }

    /// Every commit from now on.
    pub fn watch(&self) -> broadcast::Receiver<Committed> {
        self.inner.commits.subscribe()
    }

    /// The only way in: decides a command, makes what it brings about durable, and answers.
    ///
    /// Poll the future to its end or drop it. One that is left unpolled while its caller waits for
    /// something else may sit at the run's desk, or be next in line there, and nobody passes it.
    pub async fn submit(&self, request: Request, blobs: Blobs) -> Result<Reply, Rejection> {
        let answer = self.submit_unnoted(&request, &blobs).await;
        if let Err(Rejection::Refused(refusal)) = &answer {
            self.note(&request, refusal);
        }
        answer
    }

    /// Opens a run under an id that is minted here, and so need not be looked for.
    pub async fn open(
        &self,
        tenant: Tenant,
        principal: Principal,
        key: Option<IdempotencyKey>,
        open: Open,
        blobs: Blobs,
    ) -> Result<Reply, Rejection> {
        let run = Self::new_run_id();
        let desk = self.desk(&tenant, run);
        desk.seat.lock().await.is_new();
        let request = Request { tenant, principal, run, key, command: Command::Open(Box::new(open)) };
        let answer = self.submit(request, blobs).await;
        if !matches!(&answer, Ok(Reply::Opened { run: opened, .. }) if *opened == run) {
            // It was refused, or its key had opened another one.
            self.clear_away(&desk);
        }
        answer
    }

    /// As [`Engine::submit`], for what is asked on the off chance: a refusal is no news to anybody.
    pub(crate) async fn submit_unnoted(&self, request: &Request, blobs: &Blobs) -> Result<Reply, Rejection> {
        let _room = self.inner.room.acquire().await.map_err(|_| EngineError::Closing)?;
        self.try_submit(request, blobs).await
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
        self.count_again(&mut seat, desk);
        let generation = seat.generation;
        let registry = self.registry(&request.tenant);
        let (decided, freed) = {
            // Capacity is checked and taken under one lock, so that two claims never share the last place.
            let claims = matches!(request.command, Command::Claim { .. });
            let mut all = lock(&self.inner.load);
            let load = Arc::clone(all.entry(request.tenant.clone()).or_default());
            let held = claims.then_some(all);
            let world = World { now: self.now(), directory: &registry.directory, verdicts, beats: &Beats::new(), load: &load };
            let decided = seat.decide(desk, request, blobs.clone(), &world);
            drop(load);
            let freed = match &decided {
                Ok(Ok(decided)) => {
                    let mut all = held.unwrap_or_else(|| lock(&self.inner.load));
                    load::take(&mut seat, all.entry(request.tenant.clone()).or_default(), &decided.outcome.events)
                }
                _ => Vec::new(),
            };
            (decided, freed)
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
        let owed = append.owed.clone();
        // Called while the seat is taken: appends leave in the order of the decisions.
        desk.leave(&freed);
        let written = Write::new(self, desk, self.inner.store.append(append));
        drop(seat);
        match written.heard().await {
            Ok(Appended::At(_)) => {
                self.is_written(desk, generation, version, &freed);
                self.committed(desk, outcome.events, version, condition, &owed);
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

    fn committed(&self, desk: &Desk, events: Vec<Event>, version: u64, condition: Condition, owed: &[Owed]) {
        if self.inner.commits.receiver_count() > 0 {
            let at = self.now();
            let (tenant, run) = (desk.tenant.clone(), desk.run);
            // Nobody watching any more is no error.
            let _ = self.inner.commits.send(Committed { tenant, run, version, at, events: events.into(), condition });
        }
        self.inner.queue.owed(&desk.tenant, desk.run, owed, self.now());
        let missed = {
            let plan = lock(&self.inner.post);
            owed.iter().any(|owed| plan.misses(&desk.tenant, owed))
        };
        if missed {
            self.inner.bell.notify_one();
        }
        if let Some(onlookers) = lock(&self.inner.onlookers).get(&(desk.tenant.clone(), desk.run)) {
            onlookers.notify_waiters();
        }
        if matches!(condition, Condition::Completed | Condition::Failed | Condition::Cancelled) {
            lock(&self.inner.desks).remove(&(desk.tenant.clone(), desk.run));
        }
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
        self.inspect_with(tenant, run, |run, _| look(run)).await
    }

    /// As [`Engine::inspect`], with the contents that lie at hand.
    pub(crate) async fn inspect_with<T>(
        &self,
        tenant: &Tenant,
        run: RunId,
        look: impl FnOnce(&Run, &dyn Fn(&Digest) -> Option<Arc<[u8]>>) -> T,
    ) -> Result<Option<T>, EngineError> {
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
                return Ok(Some(look(state, &|digest| seat.content(digest))));
            }
            drop(seat);
            desk.is_durable(generation, version).await;
        }
        Err(EngineError::Contended { run })
    }

    /// Looks at a run again and again, after each of its commits, until `look` sees something or the
    /// time is over; `None` if there is no such run, or nothing was seen.
    pub async fn inspect_until<T>(
        &self,
        tenant: &Tenant,
        run: RunId,
        deadline: Timestamp,
        mut look: impl FnMut(&Run) -> Option<T>,
    ) -> Result<Option<T>, EngineError> {
        let onlooker = Onlooker::new(self, tenant, run);
        loop {
            let mut moved = std::pin::pin!(onlooker.moved.notified());
            moved.as_mut().enable();
            let seen = self.inspect(tenant, run, &mut look).await?;
            match seen {
                None => return Ok(None),
                Some(Some(seen)) => return Ok(Some(seen)),
                Some(None) if self.now() >= deadline => return Ok(None),
                Some(None) => {}
            }
            tokio::select! {
                () = moved => {}
                () = self.inner.clock.sleep_until(deadline) => {}
            }
        }
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

    /// Submits a command of the engine's own.
    pub(crate) async fn system(&self, tenant: &Tenant, run: RunId, command: Command) -> Result<Option<Reply>, Rejection> {
        let principal: Principal = "engine".parse().expect("a principal");
        let request = Request { tenant: tenant.clone(), principal, run, key: None, command };
        self.submit(request, Blobs::default()).await.map(Some)
    }
}

/// Somebody who looks at a run until something is so.
struct Onlooker<'a> {
    engine: &'a Engine,
    place: (Tenant, RunId),
    moved: Arc<Notify>,
}

impl<'a> Onlooker<'a> {
    fn new(engine: &'a Engine, tenant: &Tenant, run: RunId) -> Self {
        let place = (tenant.clone(), run);
        let moved = Arc::clone(lock(&engine.inner.onlookers).entry(place.clone()).or_default());
        Self { engine, place, moved }
    }
}

impl Drop for Onlooker<'_> {
    fn drop(&mut self) {
        let mut onlookers = lock(&self.engine.inner.onlookers);
        // One in the list, one here.
        if Arc::strong_count(&self.moved) == 2 {
            onlookers.remove(&self.place);
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
