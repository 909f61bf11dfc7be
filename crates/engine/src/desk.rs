//! One desk per run: commands pass it one after the other, appends leave it in that order.
//!
//! It decides on its *pending* state, which may be ahead of the store, and withholds every answer,
//! refusals included, until what the answer rests on is durable. A failed append drops the cached
//! state; what was in flight on top of it meets a version conflict and is decided again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use handclasp_core::blob::{Blobs, Digest};
use handclasp_core::command::{Command, Request};
use handclasp_core::directory::Beats;
use handclasp_core::encoding::{self, Commit, GENESIS, KeyUse};
use handclasp_core::id::{AgentName, HandoffId, RunId, Tenant};
use handclasp_core::refusal::Refusal;
use handclasp_core::run::{Owed, Standing};
use handclasp_core::time::Timestamp;
use handclasp_core::{Outcome, Run, World};
use handclasp_store::{Append, Load, Loaded, Opening, Store};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, watch};

use crate::engine::lock;
use crate::error::EngineError;
use crate::limits;
use crate::write::Writing;

/// A run's desk.
pub(crate) struct Desk {
    pub(crate) tenant: Tenant,
    pub(crate) run: RunId,
    pub(crate) seat: Mutex<Seat>,
    /// How far the log is durable, and which generation of the state that belongs to.
    pub(crate) durable: watch::Sender<Durable>,
    /// Whose places are free as soon as decisions under way are durable.
    leaving: std::sync::Mutex<Vec<AgentName>>,
    /// Writes that somebody waits for.
    under_way: watch::Sender<usize>,
    /// Writes whose callers have left.
    inherited: std::sync::Mutex<Vec<Writing>>,
}

/// How far a desk's decisions are durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Durable {
    /// Raised each time a cached state is dropped; decisions of an older generation are void.
    pub(crate) generation: u64,
    pub(crate) version: u64,
}

/// What lies on the desk; one command at a time sits there.
pub(crate) struct Seat {
    pub(crate) generation: u64,
    loaded: bool,
    pub(crate) run: Option<Run>,
    head: Digest,
    pub(crate) beats: Beats,
    /// Who holds what, to keep the engine's count of it.
    pub(crate) leases: BTreeMap<HandoffId, AgentName>,
    /// Whether `leases` is what the engine has counted for this run.
    learnt: bool,
    /// False after a failure, until the count has been compared with what the log says.
    counted: bool,
    /// Writes whose callers have left, to be waited for before the log is read.
    inherited: Vec<Writing>,
    contents: HashMap<Digest, Arc<[u8]>>,
    content_bytes: usize,
    /// Pairs of contract and content in which nothing was wrong: what held at the offer holds at the claim.
    held: BTreeSet<(Digest, Digest)>,
}

/// A decision on its way to the store.
pub(crate) struct Decided {
    pub(crate) outcome: Outcome,
    pub(crate) append: Append,
    pub(crate) version: u64,
}

impl Desk {
    pub(crate) fn new(tenant: Tenant, run: RunId) -> Self {
        let seat = Seat {
            generation: 0,
            loaded: false,
            run: None,
            head: GENESIS,
            beats: Beats::new(),
            leases: BTreeMap::new(),
            learnt: false,
            counted: false,
            inherited: Vec::new(),
            contents: HashMap::new(),
            content_bytes: 0,
            held: BTreeSet::new(),
        };
        let (durable, _) = watch::channel(Durable { generation: 0, version: 0 });
        Self {
            tenant,
            run,
            seat: Mutex::new(seat),
            durable,
            leaving: std::sync::Mutex::default(),
            under_way: watch::Sender::new(0),
            inherited: std::sync::Mutex::default(),
        }
    }

    /// Reads the run's log if it is not at hand.
    pub(crate) async fn load(&self, seat: &mut Seat, store: &dyn Store) -> Result<(), EngineError> {
        let generation = self.durable.borrow().generation;
        if seat.generation != generation {
            seat.drop_state(generation);
        }
        if seat.loaded {
            return Ok(());
        }
        // Seldom needed and large: whoever waits for something else need not carry it along.
        Box::pin(self.read(seat, store)).await
    }

    async fn read(&self, seat: &mut Seat, store: &dyn Store) -> Result<(), EngineError> {
        // What is still being written belongs to the log that is read now.
        let _ = self.under_way.subscribe().wait_for(|writes| *writes == 0).await;
        seat.inherited.append(&mut lock(&self.inherited));
        while let Some(writing) = seat.inherited.last_mut() {
            // Whatever it says, the log will say.
            let _ = writing.await;
            seat.inherited.pop();
        }
        seat.drop_state(self.generation());
        let load = Load { tenant: self.tenant.clone(), run: self.run, snapshot: true };
        let loaded = store.load(load.clone()).await.map_err(EngineError::Store)?;
        let Some(loaded) = loaded else {
            seat.take(None, GENESIS);
            return Ok(());
        };
        let (run, head) = match from_snapshot(&loaded) {
            Some(known) => known,
            // A snapshot of another program's state is of no use; the log always is.
            None if loaded.snapshot.is_some() => {
                let whole = store.load(Load { snapshot: false, ..load }).await.map_err(EngineError::Store)?;
                let whole = whole.unwrap_or(loaded);
                replay(None, GENESIS, &whole).map_err(|source| EngineError::Corrupt { run: self.run, source })?
            }
            None => replay(None, GENESIS, &loaded).map_err(|source| EngineError::Corrupt { run: self.run, source })?,
        };
        let version = run.as_ref().map_or(0, |run| run.version);
        seat.take(run, head);
        self.durable.send_modify(|durable| durable.version = durable.version.max(version));
        Ok(())
    }

    /// Voids a generation of decisions; `false` if that has happened already. Whoever sits down next
    /// reads the log again.
    pub(crate) fn void(&self, generation: u64) -> bool {
        self.durable.send_if_modified(|durable| {
            let current = durable.generation == generation;
            if current {
                *durable = Durable { generation: generation + 1, version: 0 };
            }
            current
        })
    }

    /// The generation of decisions that counts now.
    pub(crate) fn generation(&self) -> u64 {
        self.durable.borrow().generation
    }

    /// Notes that `version` is durable; `false` if the decision was made void meanwhile.
    pub(crate) fn reached(&self, generation: u64, version: u64) -> bool {
        let mut current = false;
        self.durable.send_modify(|durable| {
            current = durable.generation == generation;
            if current {
                durable.version = durable.version.max(version);
            }
        });
        current
    }

    /// These agents' places are free as soon as what was decided is durable.
    pub(crate) fn leave(&self, agents: &[AgentName]) {
        lock(&self.leaving).extend_from_slice(agents);
    }

    /// It is durable.
    pub(crate) fn left(&self, agents: &[AgentName]) {
        let mut leaving = lock(&self.leaving);
        for agent in agents {
            if let Some(at) = leaving.iter().position(|other| other == agent) {
                leaving.swap_remove(at);
            }
        }
    }

    /// It is void; returns who was about to leave.
    pub(crate) fn nobody_leaves(&self) -> Vec<AgentName> {
        std::mem::take(&mut *lock(&self.leaving))
    }

    /// Somebody begins to wait for a write.
    pub(crate) fn write_begins(&self) {
        self.under_way.send_modify(|writes| *writes += 1);
    }

    /// The store has answered.
    pub(crate) fn write_ends(&self) {
        self.under_way.send_modify(|writes| *writes -= 1);
    }

    /// Takes over a write whose caller has left.
    pub(crate) fn inherit(&self, writing: Writing) {
        lock(&self.inherited).push(writing);
        self.write_ends();
    }

    /// Ends when `version` is durable; `false` if the decision it belongs to is void.
    pub(crate) async fn is_durable(&self, generation: u64, version: u64) -> bool {
        let mut durable = self.durable.subscribe();
        let reached = durable.wait_for(|durable| durable.generation != generation || durable.version >= version).await;
        reached.is_ok_and(|durable| durable.generation == generation)
    }
}

impl Seat {
    fn take(&mut self, run: Option<Run>, head: Digest) {
        self.run = run;
        self.head = head;
        self.loaded = true;
    }

    /// There is no such run: its id was minted a moment ago, and nobody has heard of it.
    pub(crate) fn is_new(&mut self) {
        if !self.loaded {
            self.take(None, GENESIS);
        }
    }

    fn drop_state(&mut self, generation: u64) {
        self.generation = generation;
        self.loaded = false;
        self.run = None;
        self.counted = false;
    }

    /// The run, if it is not yet known whether the engine's count of what agents hold agrees with it.
    pub(crate) fn uncounted(&self) -> Option<&Run> {
        self.run.as_ref().filter(|_| !self.counted)
    }

    /// Takes down who holds what; from here on every commit keeps it up to date. Returns what was
    /// counted before, if that is known.
    pub(crate) fn count(&mut self, leases: BTreeMap<HandoffId, AgentName>) -> Option<BTreeMap<HandoffId, AgentName>> {
        let before = std::mem::replace(&mut self.leases, leases);
        let known = std::mem::replace(&mut self.learnt, true);
        self.counted = true;
        known.then_some(before)
    }

    /// Decides one command. The state on the desk moves on; what has to be written is returned.
    pub(crate) fn decide(
        &mut self,
        desk: &Desk,
        request: &Request,
        mut blobs: Blobs,
        world: &World<'_>,
    ) -> Result<Result<Decided, Refusal>, EngineError> {
        let before = self.run.as_ref().map_or(0, |run| run.version);
        let run = &mut self.run;
        let verdicts = world.verdicts;
        let world = World { beats: &self.beats, ..*world };
        let decided = catch_unwind(AssertUnwindSafe(|| Run::submit(run, request, &world)));
        let outcome = match decided {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(refusal)) => return Ok(Err(refusal)),
            Err(panic) => return Err(EngineError::Defect { run: desk.run, what: said(panic.as_ref()) }),
        };
        let Some(run) = &self.run else {
            return Err(EngineError::Defect { run: desk.run, what: "a reply without a run".to_owned() });
        };
        let key = request.key.as_ref().map(|key| KeyUse {
            key: key.clone(),
            content: Digest::of_json(&request.command),
            reply: outcome.reply.clone(),
        });
        let opening = match (&request.command, &key) {
            (Command::Open(_), Some(used)) => Some(Opening { key: used.key.clone(), content: used.content }),
            _ => None,
        };
        let commit = Commit { at: world.now, by: &request.principal, key };
        let follows = self.head;
        let (events, head) = encoding::encode(commit, &outcome.events, before, follows);
        self.head = head;
        blobs.0.extend(outcome.blobs.0.iter().map(|(digest, bytes)| (*digest, Arc::clone(bytes))));
        let snapshot = (before / limits::SNAPSHOT_EVERY != run.version / limits::SNAPSHOT_EVERY).then(|| Kept::of(run)).flatten();
        let append = Append {
            tenant: desk.tenant.clone(),
            run: desk.run,
            expected: before,
            follows,
            events,
            head,
            blobs: blobs.0.iter().map(|(digest, bytes)| (*digest, Arc::clone(bytes))).collect(),
            owed: run.owed(&outcome.events),
            summary: run.summary(),
            opening,
            snapshot,
        };
        let version = run.version;
        if let Some((handoff, token)) = request.command.held()
            && run.handoff(handoff).and_then(|handoff| handoff.phase.lease()).is_some_and(|lease| lease.token == token)
        {
            self.beats.insert(handoff, world.now);
        }
        self.keep(&blobs);
        if self.held.len() < limits::DESK_VERDICTS_MAX {
            self.held.extend(verdicts.good());
        }
        Ok(Ok(Decided { outcome, append, version }))
    }

    /// Contents stay at hand for the claim that usually follows soon.
    fn keep(&mut self, blobs: &Blobs) {
        for (digest, bytes) in &blobs.0 {
            if self.content_bytes + bytes.len() > limits::DESK_CONTENT_BYTES_MAX {
                self.contents.clear();
                self.content_bytes = 0;
            }
            if bytes.len() <= limits::DESK_CONTENT_BYTES_MAX && self.contents.insert(*digest, Arc::clone(bytes)).is_none() {
                self.content_bytes += bytes.len();
            }
        }
    }

    /// Whether it is known that a content holds a contract.
    pub(crate) fn holds(&self, contract: Digest, content: Digest) -> bool {
        self.held.contains(&(contract, content))
    }

    pub(crate) fn content(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        self.contents.get(digest).cloned()
    }

    /// An append that changes nothing but what is owed in one slot.
    pub(crate) fn reschedule(&self, desk: &Desk, owed: Owed) -> Option<Append> {
        Some(Append { owed: vec![owed], ..self.nothing_new(desk)? })
    }

    /// An append that brings a content and nothing else.
    pub(crate) fn store(&self, desk: &Desk, digest: Digest, bytes: Arc<[u8]>) -> Option<Append> {
        Some(Append { blobs: vec![(digest, bytes)], ..self.nothing_new(desk)? })
    }

    fn nothing_new(&self, desk: &Desk) -> Option<Append> {
        let run = self.run.as_ref()?;
        Some(Append {
            tenant: desk.tenant.clone(),
            run: desk.run,
            expected: run.version,
            follows: self.head,
            events: Vec::new(),
            head: self.head,
            blobs: Vec::new(),
            owed: Vec::new(),
            summary: run.summary(),
            opening: None,
            snapshot: None,
        })
    }

    /// What is owed in a slot now, with the last heartbeat taken into account.
    pub(crate) fn standing(&self, slot: handclasp_core::run::Slot) -> Option<Standing> {
        let run = self.run.as_ref()?;
        let standing = run.standing(slot)?;
        if let (Standing::Lease { by, holder, token, due, length }, handclasp_core::run::Slot::Handoff(number)) = (&standing, slot) {
            let beat = self.beats.get(&HandoffId { run: run.id, number });
            let due: Timestamp = beat.map_or(*due, |beat| (*beat + *length).max(*due));
            return Some(Standing::Lease { by: by.clone(), holder: holder.clone(), token: *token, due, length: *length });
        }
        Some(standing)
    }
}

fn replay(mut run: Option<Run>, head: Digest, loaded: &Loaded) -> Result<(Option<Run>, Digest), handclasp_core::encoding::Unreadable> {
    let head = encoding::replay(&mut run, head, loaded.events.iter().map(Vec::as_slice))?;
    Ok((run, head))
}

fn from_snapshot(loaded: &Loaded) -> Option<(Option<Run>, Digest)> {
    let snapshot = loaded.snapshot.as_ref()?;
    let kept: Kept = serde_json::from_slice(&snapshot.state).ok()?;
    if kept.program != PROGRAM || kept.run.version != snapshot.version {
        return None;
    }
    replay(Some(kept.run), snapshot.head, loaded).ok()
}

/// States are read only by the program version that wrote them.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize, Deserialize)]
struct Kept {
    program: String,
    run: Run,
}

impl Kept {
    fn of(run: &Run) -> Option<Vec<u8>> {
        #[derive(Serialize)]
        struct Keeping<'a> {
            program: &'a str,
            run: &'a Run,
        }
        serde_json::to_vec(&Keeping { program: PROGRAM, run }).ok()
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}
