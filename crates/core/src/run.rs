//! The run: the aggregate that every rule is about.
//!
//! Three functions and no more: [`Run::decide`] says what would happen, [`Run::apply`] makes it so,
//! [`Run::owed`] lists what the world is owed now. [`Run::submit`] strings the first two together and
//! lets the plan go on until it must wait; the desk writes what comes out in one append.

mod advance;
mod apply;
mod decide;
mod guard;
mod owed;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::apply::Corrupt;
pub use self::owed::{Owed, Slot, Standing};
pub use self::view::{Condition, Summary};

use crate::blob::{BlobRef, Blobs, Digest};
use crate::command::{Answer, Command, EffectId, EffectOutcome, Open, ParentLink, Pins, Question, Request};
use crate::contract::Verdicts;
use crate::directory::{Beats, Directory, Load};
use crate::event::{Event, RunOutcome};
use crate::handoff::{Handoff, Phase};
use crate::id::{AgentName, BranchId, HandoffId, IdempotencyKey, InterruptId, ItemId, Principal, RunId, Tenant, Token};
use crate::ledger::Ledger;
use crate::limits::{Budget, Limits, Usage};
use crate::plan::{Flow, Happenings, Place, Plan};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// What the rules are told about the world. They fetch nothing themselves.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// The time.
    pub now: Timestamp,
    /// Who and what is known.
    pub directory: &'a Directory,
    /// What was found when contents were held against contracts.
    pub verdicts: &'a Verdicts,
    /// The last heartbeats of this run's holders.
    pub beats: &'a Beats,
    /// How many handoffs each agent holds.
    pub load: &'a Load,
}

/// The answer to a command that was not refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// The run is open.
    Opened {
        /// Its id.
        run: RunId,
        /// The first handoff, if there is one already.
        first: Option<HandoffId>,
    },
    /// The handoff is offered.
    Offered {
        /// Its id.
        handoff: HandoffId,
    },
    /// The claim holds.
    Claimed {
        /// Which handoff.
        handoff: HandoffId,
        /// The fencing token: show it with everything you do.
        token: Token,
        /// The how-manieth attempt.
        attempt: u32,
    },
    /// The result is kept.
    Completed {
        /// Which handoff.
        handoff: HandoffId,
        /// What it was handed on as.
        next: Option<HandoffId>,
        /// The result that counts; another one than yours if an earlier answer was kept.
        result: BlobRef,
    },
    /// The question is open, or has its answer.
    Asked {
        /// Its id.
        interrupt: InterruptId,
        /// The answer, once there is one.
        answer: Option<Answer>,
    },
    /// The answer that counts; another one than yours if somebody was faster.
    Resolved {
        /// Which question.
        interrupt: InterruptId,
        /// Its answer.
        answer: Answer,
    },
    /// Do it now, then say how it went.
    EffectProceed {
        /// Which effect.
        effect: EffectId,
    },
    /// It was done before; this came of it.
    EffectKnown {
        /// Which effect.
        effect: EffectId,
        /// What came of it.
        outcome: EffectOutcome,
    },
    /// It is so.
    Done,
}

/// One line of work with exactly one owner at every moment (law 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// Its id.
    pub id: BranchId,
    /// The branch it left.
    pub from: Option<BranchId>,
    /// Its owner; none once it has ended.
    pub owner: Option<HandoffId>,
    /// Whether it has ended.
    pub closed: bool,
    /// Whether what it settled counts for the branch that it left.
    pub joined: bool,
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interrupt {
    /// Its id.
    pub id: InterruptId,
    /// Which handoff asks; none for a step of the plan.
    pub handoff: Option<HandoffId>,
    /// Where in the plan, for a step of it.
    pub place: Option<Place>,
    /// The effect in question, for a reconciliation.
    pub effect: Option<EffectId>,
    /// What is asked.
    pub question: Question,
    /// Since when.
    pub asked_at: Timestamp,
    /// By when.
    pub answer_by: Option<Timestamp>,
    /// How it stands.
    pub state: InterruptState,
}

/// How a question stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterruptState {
    /// Nobody has answered.
    Open,
    /// Somebody has, or silence was taken for it.
    Resolved(Answer),
    /// It is of no interest any more.
    Withdrawn,
}

/// A run inside a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// Who waits for it.
    pub handoff: HandoffId,
    /// What was set aside.
    pub reserve: Budget,
    /// How it is to be opened.
    pub open: Box<Open>,
    /// Whether it has ended.
    pub settled: bool,
}

/// What a key was used for, and what was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Keyed {
    content: Digest,
    reply: Reply,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Whose it is.
    pub tenant: Tenant,
    /// Who opened it.
    pub principal: Principal,
    /// A line that names it.
    pub title: String,
    /// W3C trace id; not necessarily unique.
    pub trace_id: String,
    /// The caller's own conversation id.
    pub conversation: Option<String>,
    /// Who waits for it.
    pub parent: Option<ParentLink>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When something happened last.
    pub touched_at: Timestamp,
    /// Events so far.
    pub version: u64,
    /// The task, verbatim.
    pub task: BlobRef,
    /// What the user is after, verbatim.
    pub intent: Option<BlobRef>,
    /// What the first step gets.
    pub input: Flow,
    /// The definitions it relies on.
    pub pins: Pins,
    /// How the team works together.
    pub plan: Option<Plan>,
    /// Bounds on the whole run.
    pub limits: Limits,
    /// What was spent so far.
    pub usage: Usage,
    /// What is set aside for children.
    pub reserved: Budget,
    /// Claims so far; also the last fencing token.
    pub claims: u64,
    /// What is known.
    pub ledger: Ledger,
    /// How it ended.
    pub outcome: Option<RunOutcome>,
    branches: Vec<Branch>,
    handoffs: Vec<Handoff>,
    interrupts: Vec<Interrupt>,
    children: BTreeMap<RunId, Child>,
    keys: BTreeMap<IdempotencyKey, Keyed>,
    happenings: Happenings,
    /// Handoffs that are not over: what screens and timers look at, without walking the closed ones.
    open: BTreeSet<u32>,
    /// Questions that nobody has answered, for the same reason.
    unanswered: BTreeSet<u32>,
    /// How often each agent was handed something.
    visits: BTreeMap<AgentName, u64>,
}

/// What a command brought about, to be written in one append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What has happened; may be nothing.
    pub events: Vec<Event>,
    /// What to tell the caller.
    pub reply: Reply,
    /// Contents that the rules made themselves, such as a question's text.
    pub blobs: Blobs,
}

impl Outcome {
    fn nothing(reply: Reply) -> Self {
        Self { events: Vec::new(), reply, blobs: Blobs::default() }
    }
}

impl Run {
    /// Decides a command, applies what it brings about, and lets the plan go on until it must wait.
    /// `run` is `None` before the opening. A refusal leaves it as it was.
    pub fn submit(run: &mut Option<Self>, request: &Request, world: &World<'_>) -> Result<Outcome, Refusal> {
        let content = request.key.as_ref().map(|_| Digest::of_json(&request.command));
        if let (Some(run), Some(key), Some(content)) = (run.as_ref(), &request.key, content)
            && let Some(known) = run.keys.get(key)
        {
            if run.tenant != request.tenant {
                return Err(Refusal::OtherTenant);
            }
            if known.content != content {
                return Err(Refusal::KeyReused { first: known.content, now: content });
            }
            return run.first_reply(&request.command, &known.reply).map(Outcome::nothing);
        }
        let mut outcome = match run.as_ref() {
            Some(run) => run.decide(request, world)?,
            None => Self::open(request, world)?,
        };
        for event in &outcome.events {
            Self::evolve(run, event, world.now).expect("what `decide` decides can be applied");
        }
        let state = run.as_mut().expect("a run is open after its first event");
        state.advance(world, &mut outcome);
        outcome.reply = state.completed_reply(outcome.reply);
        if let (Some(key), Some(content)) = (&request.key, content)
            && !outcome.events.is_empty()
        {
            state.remember(key.clone(), content, outcome.reply.clone());
        }
        Ok(outcome)
    }

    /// What the reply can only say after the plan has gone on: the first handoff.
    fn completed_reply(&self, reply: Reply) -> Reply {
        match reply {
            Reply::Opened { run, first: None } => Reply::Opened { run, first: self.handoffs.first().map(|handoff| handoff.id) },
            other => other,
        }
    }

    /// Records that a key was used; on replay, from the log.
    pub fn remember(&mut self, key: IdempotencyKey, content: Digest, reply: Reply) {
        self.keys.insert(key, Keyed { content, reply });
    }

    /// The handoff of that id.
    pub fn handoff(&self, id: HandoffId) -> Option<&Handoff> {
        let index = (id.number as usize).checked_sub(1)?;
        self.handoffs.get(index).filter(|handoff| handoff.id == id)
    }

    fn find(&self, id: HandoffId) -> Result<&Handoff, Refusal> {
        self.handoff(id).ok_or(Refusal::UnknownHandoff(id))
    }

    /// All handoffs, oldest first.
    pub fn handoffs(&self) -> &[Handoff] {
        &self.handoffs
    }

    /// The handoffs that are not over, oldest first.
    pub fn open_handoffs(&self) -> impl Iterator<Item = &Handoff> {
        self.open.iter().filter_map(|number| self.handoffs.get((*number as usize).checked_sub(1)?))
    }

    /// All branches, oldest first.
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// All questions, oldest first.
    pub fn interrupts(&self) -> &[Interrupt] {
        &self.interrupts
    }

    /// The question of that id.
    pub fn interrupt(&self, id: InterruptId) -> Option<&Interrupt> {
        self.interrupts.get((id.number as usize).checked_sub(1)?).filter(|interrupt| interrupt.id == id)
    }

    /// The child runs.
    pub fn children(&self) -> &BTreeMap<RunId, Child> {
        &self.children
    }

    /// What has happened in the plan, by place.
    pub fn happenings(&self) -> &Happenings {
        &self.happenings
    }

    fn branch(&self, id: BranchId) -> Option<&Branch> {
        self.branches.get((id.number as usize).checked_sub(1)?)
    }

    /// A branch and the ones above it, itself first.
    pub fn lineage(&self, branch: BranchId) -> Vec<BranchId> {
        let mut lineage = vec![branch];
        let mut at = branch;
        while let Some(above) = self.branch(at).and_then(|branch| branch.from) {
            lineage.push(above);
            at = above;
        }
        lineage
    }

    /// The ended branches whose items have come back to one of `lineage`.
    pub fn returned(&self, lineage: &[BranchId]) -> BTreeSet<BranchId> {
        let mut returned = BTreeSet::new();
        // Branches are numbered as they leave, so a parent is always seen before its children.
        for branch in self.branches.iter().filter(|branch| branch.closed) {
            if branch.from.is_some_and(|above| lineage.contains(&above) || returned.contains(&above)) {
                returned.insert(branch.id);
            }
        }
        returned
    }

    /// The open items of a branch.
    pub fn open_items(&self, branch: BranchId) -> Vec<ItemId> {
        let lineage = self.lineage(branch);
        let returned = self.returned(&lineage);
        self.ledger.open(&lineage, &returned).map(|item| item.id).collect()
    }

    fn open_questions(&self, handoff: HandoffId) -> impl Iterator<Item = &Interrupt> {
        self.unanswered().filter(move |interrupt| interrupt.handoff == Some(handoff))
    }

    /// The questions that nobody has answered, oldest first.
    fn unanswered(&self) -> impl Iterator<Item = &Interrupt> {
        self.unanswered.iter().filter_map(|number| self.interrupts.get((*number as usize).checked_sub(1)?))
    }

    /// The contracts against which the content of a command is checked before it reaches the desk:
    /// pairs of what the content is for and its digest. The engine brings the verdicts in the world.
    pub fn wanted_checks(run: Option<&Self>, command: &Command, directory: &Directory) -> Vec<(crate::contract::ContractId, Digest)> {
        decide::wanted_checks(run, command, directory)
    }

    /// How many handoffs each agent holds in this run.
    pub fn held_by_agent(&self) -> Load {
        let mut load = Load::new();
        for handoff in self.open_handoffs() {
            if let Phase::Claimed { lease, .. } | Phase::Accepted { lease, .. } = &handoff.phase {
                *load.entry(lease.by.clone()).or_default() += 1;
            }
        }
        load
    }
}
