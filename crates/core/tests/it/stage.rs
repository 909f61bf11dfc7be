//! A run on a stage: the rules with a world around them, and somebody watching.
//!
//! [`Stage::submit`] is what the desk does, without a store. After each command it checks what must
//! hold whatever the command was: a refusal changed nothing, the log replays to the same run, a
//! snapshot reads back as the same run, what is owed can be computed from scratch, and the laws.

use std::collections::BTreeMap;
use std::sync::Arc;

use handclasp_core::blob::{BlobRef, Digest, canonical};
use handclasp_core::command::{Command, Request};
use handclasp_core::contract::{Checker, Contract, Verdicts};
use handclasp_core::directory::{Beats, Directory, Load};
use handclasp_core::encoding::{self, Commit, GENESIS, KeyUse};
use handclasp_core::id::{HandoffId, IdempotencyKey, RunId, Tenant, Token};
use handclasp_core::plan::Plan;
use handclasp_core::refusal::Refusal;
use handclasp_core::run::{Outcome, Slot, Standing};
use handclasp_core::time::Timestamp;
use handclasp_core::{Run, World};
use serde_json::Value;
use ulid::Ulid;

use crate::laws::{self, Settled};

/// A run with everything around it.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) now: Timestamp,
    pub(crate) directory: Directory,
    pub(crate) checkers: BTreeMap<Digest, Arc<Checker>>,
    pub(crate) contents: BTreeMap<Digest, Value>,
    pub(crate) beats: Beats,
    /// What agents hold in other runs.
    pub(crate) elsewhere: Load,
    /// The plan of the next opening.
    pub(crate) plan: Option<Plan>,
    pub(crate) run: Option<Run>,
    /// The last token of each handoff, so that a script need not name it.
    pub(crate) tokens: BTreeMap<u32, Token>,
    /// The stored events.
    pub(crate) log: Vec<Vec<u8>>,
    replayed: Option<Run>,
    head: Digest,
    owed: BTreeMap<Slot, Standing>,
    settled: Settled,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self {
            now: Timestamp(0),
            directory: Directory::default(),
            checkers: BTreeMap::new(),
            contents: BTreeMap::new(),
            beats: Beats::new(),
            elsewhere: Load::new(),
            plan: None,
            run: None,
            tokens: BTreeMap::new(),
            log: Vec::new(),
            replayed: None,
            head: GENESIS,
            owed: BTreeMap::new(),
            settled: Settled::default(),
        }
    }

    pub(crate) fn run_id() -> RunId {
        RunId(Ulid::from_parts(1, 1))
    }

    pub(crate) fn child_id(number: u32) -> RunId {
        RunId(Ulid::from_parts(2, u128::from(number)))
    }

    pub(crate) fn handoff_id(number: u32) -> HandoffId {
        HandoffId { run: Self::run_id(), number }
    }

    /// The run, once it is open.
    pub(crate) fn run(&self) -> &Run {
        self.run.as_ref().expect("the script opens the run first")
    }

    /// A content by name: `order+amount` is an object with these two fields.
    pub(crate) fn content(&mut self, name: &str) -> BlobRef {
        let fields = name.split('+').map(|field| (field.to_owned(), Value::Bool(true)));
        let value = Value::Object(fields.collect());
        let bytes = canonical(&value);
        let digest = Digest::of(&bytes);
        self.contents.insert(digest, value);
        BlobRef { digest, bytes: bytes.len() as u64 }
    }

    pub(crate) fn add_contract(&mut self, contract: Contract) {
        let checker = Checker::new(&contract).expect("the test's schema is a schema");
        self.checkers.insert(contract.digest(), Arc::new(checker));
        self.directory.add_contract(contract);
    }

    /// Does what the desk does with a request, and watches.
    pub(crate) fn submit(&mut self, command: Command, tenant: Tenant, key: Option<IdempotencyKey>) -> Result<Outcome, Refusal> {
        let principal = "tester".parse().expect("a principal");
        let request = Request { tenant, principal, run: Self::run_id(), key, command };
        let before = self.run.clone();
        let verdicts = self.verdicts(&request.command);
        let mut load = before.as_ref().map(Run::held_by_agent).unwrap_or_default();
        for (agent, held) in &self.elsewhere {
            *load.entry(agent.clone()).or_default() += held;
        }
        let world = World { now: self.now, directory: &self.directory, verdicts: &verdicts, beats: &self.beats, load: &load };
        match Run::submit(&mut self.run, &request, &world) {
            Ok(outcome) => {
                self.watch(before.as_ref(), &request, &outcome);
                Ok(outcome)
            }
            Err(refusal) => {
                assert_eq!(self.run, before, "a refusal changes nothing: {refusal}");
                Err(refusal)
            }
        }
    }

    fn verdicts(&self, command: &Command) -> Verdicts {
        let mut verdicts = Verdicts::default();
        for (contract, content) in Run::wanted_checks(self.run.as_ref(), command, &self.directory) {
            if let (Some((_, digest)), Some(value)) = (self.directory.contract(&contract), self.contents.get(&content)) {
                verdicts.insert(digest, content, self.checkers[&digest].check(value));
            }
        }
        verdicts
    }

    fn watch(&mut self, before: Option<&Run>, request: &Request, outcome: &Outcome) {
        let run = self.run.as_ref().expect("nothing but an opening succeeds without a run");
        if outcome.events.is_empty() {
            assert_eq!(Some(run), before, "without events nothing changes");
            return;
        }
        self.replay_what_was_stored(request, outcome);
        let run = self.run.as_ref().expect("it is open");
        let snapshot = serde_json::to_string(run).expect("a run can be stored as a snapshot");
        let restored: Run = serde_json::from_str(&snapshot).expect("a snapshot can be read");
        assert_eq!(&restored, run, "a snapshot is the run");
        for owed in run.owed(&outcome.events) {
            match owed.standing {
                Some(standing) => self.owed.insert(owed.slot, standing),
                None => self.owed.remove(&owed.slot),
            };
        }
        let from_scratch: BTreeMap<Slot, Standing> =
            run.all_owed().into_iter().filter_map(|owed| Some((owed.slot, owed.standing?))).collect();
        assert_eq!(self.owed, from_scratch, "what is owed, kept up with the events, is what the state says");
        laws::hold(before, run, &outcome.events, &mut self.settled);
    }

    fn replay_what_was_stored(&mut self, request: &Request, outcome: &Outcome) {
        let key = request.key.clone().map(|key| KeyUse { key, content: Digest::of_json(&request.command), reply: outcome.reply.clone() });
        let version = self.log.len() as u64;
        let commit = Commit { at: self.now, by: &request.principal, key };
        let (stored, head) = encoding::encode(commit, &outcome.events, version, self.head);
        let replayed = encoding::replay(&mut self.replayed, self.head, stored.iter().map(Vec::as_slice)).expect("the log replays");
        assert_eq!(replayed, head, "the chain ends where the encoder says");
        assert_eq!(self.replayed, self.run, "a replay takes the same way");
        self.head = head;
        self.log.extend(stored);
    }
}
