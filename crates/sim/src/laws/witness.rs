//! A run as its events tell it.

use std::collections::{BTreeMap, BTreeSet};

use handclasp_core::blob::Digest;
use handclasp_core::command::{Answer, EffectId, Question};
use handclasp_core::encoding::{self, GENESIS, KeyUse, Recorded};
use handclasp_core::event::{Awaiting, Closing, Event, Offered, RunOutcome};
use handclasp_core::id::{BranchId, HandoffId, IdempotencyKey, InterruptId, RunId, Token};
use handclasp_core::limits::{Budget, Limits, Usage};
use handclasp_core::offer::Mode;
use handclasp_core::run::Run;
use handclasp_core::time::Timestamp;

use super::handoff::{HandoffSeen, Stand};
use super::items::ItemSeen;
use super::{Held, broken, require};

/// A branch, as its events tell it.
#[derive(Debug, Clone)]
pub(crate) struct BranchSeen {
    pub(crate) from: Option<u32>,
    /// Once it has ended: whether it joined.
    pub(crate) closed: Option<bool>,
}

/// A question, as its events tell it.
#[derive(Debug, Clone)]
pub(crate) struct QuestionSeen {
    pub(crate) id: InterruptId,
    pub(crate) handoff: Option<HandoffId>,
    pub(crate) effect: Option<EffectId>,
    pub(crate) question: Question,
    pub(crate) answer: Option<Answer>,
    pub(crate) withdrawn: bool,
}

impl QuestionSeen {
    pub(crate) fn is_open(&self) -> bool {
        self.answer.is_none() && !self.withdrawn
    }
}

/// A child run, as its parent's events tell it.
#[derive(Debug, Clone)]
pub(crate) struct ChildSeen {
    reserve: Budget,
    pub(crate) settled: Option<Usage>,
}

/// A run, as its events tell it.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) id: RunId,
    replayed: Option<Run>,
    head: Digest,
    pub(crate) version: u64,
    pub(crate) planned: bool,
    limits: Limits,
    pub(crate) handoffs: Vec<HandoffSeen>,
    pub(super) branches: Vec<BranchSeen>,
    pub(super) items: Vec<ItemSeen>,
    pub(crate) questions: Vec<QuestionSeen>,
    pub(crate) children: BTreeMap<RunId, ChildSeen>,
    pub(crate) keys: BTreeMap<IdempotencyKey, KeyUse>,
    pub(crate) usage: Usage,
    pub(crate) closed: Option<RunOutcome>,
    /// The events of the last commit.
    pub(crate) last: Vec<Event>,
    /// Transfers that took the place of what somebody waits for.
    pub(crate) places_taken: u64,
}

impl Witness {
    pub(super) fn new(id: RunId) -> Self {
        Self {
            id,
            replayed: None,
            head: GENESIS,
            version: 0,
            planned: false,
            limits: Limits::default(),
            handoffs: Vec::new(),
            branches: Vec::new(),
            items: Vec::new(),
            questions: Vec::new(),
            children: BTreeMap::new(),
            keys: BTreeMap::new(),
            usage: Usage::default(),
            closed: None,
            last: Vec::new(),
            places_taken: 0,
        }
    }

    /// The run as a plain replay of its log gives it.
    pub(crate) fn run(&self) -> Option<&Run> {
        self.replayed.as_ref()
    }

    pub(crate) fn handoff(&self, id: HandoffId) -> Option<&HandoffSeen> {
        self.handoffs.get((id.number as usize).checked_sub(1)?)
    }

    pub(crate) fn question(&self, id: InterruptId) -> Option<&QuestionSeen> {
        self.questions.get((id.number as usize).checked_sub(1)?)
    }

    /// Takes down one commit, and checks what must be true after it.
    pub(super) fn commit(&mut self, stored: &[Vec<u8>], moment: u64, clock_went_back: bool) -> Held {
        if stored.is_empty() {
            return Ok(());
        }
        let before = self.handoffs.len();
        self.last.clear();
        for bytes in stored {
            let recorded = match encoding::decode(bytes) {
                Ok(recorded) => recorded,
                Err(error) => return broken("chain", format!("{}: {error}", self.id)),
            };
            self.chained(&recorded, bytes)?;
            if !clock_went_back {
                self.kept_its_lease(&recorded)?;
            }
            self.event(&recorded.event, recorded.at_ms, moment)?;
            if let Some(used) = recorded.key {
                let again = self.keys.insert(used.key.clone(), used);
                require(again.is_none(), "keys", || format!("a key of {} has two outcomes", self.id))?;
            }
            self.last.push(recorded.event);
        }
        self.between_commits(before)
    }

    fn chained(&mut self, recorded: &Recorded, bytes: &[u8]) -> Held {
        require(recorded.version == self.version + 1, "chain", || format!("{}: {} is missing", self.id, self.version + 1))?;
        require(recorded.prev == self.head, "chain", || format!("{}: event {} is chained to other bytes", self.id, recorded.version))?;
        self.version += 1;
        self.head = Digest::of(bytes);
        if let Err(corrupt) = Run::evolve(&mut self.replayed, &recorded.event, recorded.at_ms) {
            return broken("chain", format!("{}: {corrupt}", self.id));
        }
        if let (Some(run), Some(used)) = (&mut self.replayed, &recorded.key) {
            run.remember(used.key.clone(), used.content, used.reply.clone());
        }
        Ok(())
    }

    /// Nobody loses a lease by silence who was heard within its length.
    fn kept_its_lease(&self, recorded: &Recorded) -> Held {
        let Event::LeaseLost { handoff, token, reason, .. } = &recorded.event else { return Ok(()) };
        let Some(tenure) = self.handoff(*handoff).and_then(|handoff| handoff.tenures.get(token)) else { return Ok(()) };
        let until = tenure.heard + tenure.lease;
        require(recorded.at_ms >= until || reason == crate::actors::KNOWN_TO_BE_GONE, "leases", || {
            format!("{handoff} was taken away at {:?}, and its holder's lease ran until {until:?}", recorded.at_ms)
        })
    }

    fn event(&mut self, event: &Event, at: Timestamp, moment: u64) -> Held {
        if self.closed.is_some() && !matches!(event, Event::ChildSettled { .. } | Event::BranchClosed { .. }) {
            return broken("one outcome", format!("{} went on after its end: {event:?}", self.id));
        }
        self.item_event(event)?;
        match event {
            Event::RunOpened { open, .. } => {
                self.planned = open.plan.is_some();
                self.limits = open.limits.or(&handclasp_core::limits::DEFAULT);
                Ok(())
            }
            Event::BranchOpened { from, .. } => {
                self.branches.push(BranchSeen { from: from.map(|from| from.number), closed: None });
                Ok(())
            }
            Event::BranchClosed { branch, joined } => self.branch_closed(*branch, *joined),
            Event::HandoffOffered(offered) => self.offered(offered, at),
            Event::InterruptRaised { interrupt, handoff, effect, question, .. } => {
                let (id, handoff, effect, question) = (*interrupt, *handoff, effect.clone(), question.clone());
                self.questions.push(QuestionSeen { id, handoff, effect, question, answer: None, withdrawn: false });
                Ok(())
            }
            Event::InterruptResolved { interrupt, answer, .. } => self.answered(*interrupt, Some(answer)),
            Event::InterruptWithdrawn { interrupt, .. } => self.answered(*interrupt, None),
            Event::ChildReserved { child, reserve, .. } => {
                self.children.insert(*child, ChildSeen { reserve: *reserve, settled: None });
                Ok(())
            }
            Event::ChildSettled { child, usage, .. } => {
                self.usage.add(usage);
                let seen = self.children.get_mut(child).filter(|seen| seen.settled.is_none());
                let Some(seen) = seen else { return broken("budgets", format!("{child} was settled twice, or never reserved")) };
                seen.settled = Some(*usage);
                Ok(())
            }
            Event::RunClosed { outcome, open_items } => {
                self.closed = Some(outcome.clone());
                self.nothing_unseen(open_items)
            }
            _ => self.handoff_event(event, at, moment),
        }
    }

    fn handoff_event(&mut self, event: &Event, at: Timestamp, moment: u64) -> Held {
        if let Event::HandoffClaimed { token, .. } = event {
            let newest = self.handoffs.iter().flat_map(|handoff| handoff.tenures.keys()).max().copied();
            require(newest.is_none_or(|newest| newest < *token), "tokens fence", || format!("token {token} is not new"))?;
        }
        if let Event::HandoffCompleted { usage, .. } | Event::AttemptFailed { usage, .. } = event {
            self.usage.add(usage);
        }
        let id = self.id;
        match event.handoff().map(|id| id.number as usize - 1) {
            Some(index) => match self.handoffs.get_mut(index) {
                Some(handoff) => handoff.event(event, at, moment),
                None => broken("one outcome", format!("{id}: handoff {} was never offered", index + 1)),
            },
            None => Ok(()),
        }
    }

    fn branch_closed(&mut self, branch: BranchId, joined: bool) -> Held {
        let Some(seen) = self.branches.get_mut(branch.number as usize - 1) else {
            return broken("one owner", format!("{branch} ended before it began"));
        };
        require(seen.closed.is_none(), "one owner", || format!("{branch} ended twice"))?;
        seen.closed = Some(joined);
        Ok(())
    }

    fn offered(&mut self, offered: &Offered, at: Timestamp) -> Held {
        if let Some(above) = offered.from.and_then(|from| self.handoff(from)) {
            let narrow = offered.limits.narrowed(&above.limits) == offered.limits;
            require(narrow, "limits", || format!("{} has wider limits than what it came from", offered.handoff))?;
        }
        if let (Mode::Transfer, Some(from)) = (offered.mode, offered.from) {
            for handoff in &mut self.handoffs {
                if handoff.stand == Stand::Waiting(Awaiting::Handoff(from)) {
                    handoff.stand = Stand::Waiting(Awaiting::Handoff(offered.handoff));
                    self.places_taken += 1;
                }
            }
        }
        self.handoffs.push(HandoffSeen::new(offered, at));
        Ok(())
    }

    fn answered(&mut self, id: InterruptId, answer: Option<&Answer>) -> Held {
        let Some(seen) = self.questions.get_mut(id.number as usize - 1) else {
            return broken("one answer", format!("{id} was answered before it was asked"));
        };
        require(seen.is_open(), "one answer", || format!("{id} was answered or withdrawn twice"))?;
        seen.answer = answer.cloned();
        seen.withdrawn = answer.is_none();
        Ok(())
    }

    /// What is true after every commit.
    fn between_commits(&self, before: usize) -> Held {
        for handoff in &self.handoffs {
            let what = || format!("{} stands as {:?}", handoff.id, handoff.stand);
            require(handoff.stand != Stand::Between, "nothing hangs", what)?;
            if let Stand::Waiting(Awaiting::Handoff(child)) = handoff.stand {
                let awaited = self.handoff(child).is_some_and(|child| !child.is_over());
                require(awaited, "nothing hangs", || format!("{} waits for {child}, which is over", handoff.id))?;
            }
            self.asked_about(handoff)?;
        }
        for handoff in &self.handoffs[before..] {
            let left = handoff.mode != Mode::Transfer || handoff.from.and_then(|from| self.handoff(from)).is_none_or(HandoffSeen::is_over);
            require(left, "one owner", || format!("{} was handed on and its sender stayed", handoff.id))?;
        }
        self.one_owner()?;
        self.within_limits(before)?;
        self.budgets()?;
        let claims = self.handoffs.iter().map(|handoff| handoff.tenures.len() as u64).sum::<u64>();
        let allowed = self.limits.steps.unwrap_or(u64::MAX);
        require(claims <= allowed, "limits", || format!("{} had {claims} claims and may have {allowed}", self.id))?;
        let over = self.closed.is_none() || self.handoffs.iter().all(HandoffSeen::is_over);
        require(over, "one outcome", || format!("{} ended before its handoffs", self.id))
    }

    /// An effect of which nobody knows what became is asked about as soon as its attempt is over.
    fn asked_about(&self, handoff: &HandoffSeen) -> Held {
        let Some((effect, seen)) = handoff.unsettled().next() else { return Ok(()) };
        let own = matches!(handoff.stand, Stand::Held(token, _) if token == seen.token);
        let agent = seen.reconcile == handclasp_core::command::Reconciler::Agent;
        let asked = self
            .questions
            .iter()
            .any(|question| question.is_open() && question.handoff == Some(handoff.id) && question.effect.as_ref() == Some(effect));
        require(own || agent || asked || handoff.is_over(), "effects", || {
            format!("nobody is asked what became of `{effect}` of {}", handoff.id)
        })
    }

    /// Every branch has exactly one owner (law 2); a plan may hold its own branch between two steps.
    fn one_owner(&self) -> Held {
        let Some(run) = self.run() else { return Ok(()) };
        for (number, branch) in (1_u32..).zip(&self.branches) {
            let mut owners = self.handoffs.iter().filter(|handoff| {
                handoff.branch == number && !handoff.is_over() && !matches!(handoff.stand, Stand::Waiting(Awaiting::Handoff(_)))
            });
            let (owner, second) = (owners.next().map(|owner| owner.id), owners.next().map(|owner| owner.id));
            require(second.is_none(), "one owner", || format!("branch {number} of {} is owned by {owner:?} and {second:?}", self.id))?;
            let unowned = branch.closed.is_some() || self.closed.is_some() || (self.planned && number == 1);
            require(unowned || owner.is_some(), "one owner", || format!("branch {number} of {} has no owner", self.id))?;
            let said = run.branches()[number as usize - 1].owner;
            require(said == owner, "one owner", || {
                format!("branch {number} of {} is said to be owned by {said:?}, and {owner:?} works", self.id)
            })?;
        }
        Ok(())
    }

    /// What was offered in this commit was within the limits, or was kept as a dead letter.
    fn within_limits(&self, before: usize) -> Held {
        let kept = |id| {
            let kept =
                |event: &Event| matches!(event, Event::DeadLettered { handoff, closing: Closing::NotOffered { .. } } if *handoff == id);
            self.last.iter().any(kept)
        };
        for (index, handoff) in self.handoffs.iter().enumerate().skip(before).filter(|(_, handoff)| !kept(handoff.id)) {
            let allowed = self.limits.handoffs.unwrap_or(u64::MAX);
            require((index as u64) < allowed, "limits", || format!("{} is one handoff too many", handoff.id))?;
        }
        let offers = self.handoffs.len() > before && self.handoffs[before..].iter().any(|handoff| !kept(handoff.id));
        // What the commit itself reports is spent before it hands on; a limit stops the next one.
        let spent = self.usage.tokens().saturating_sub(self.last.iter().map(reported).sum());
        let allowed = self.limits.tokens.unwrap_or(u64::MAX);
        require(!offers || spent < allowed, "limits", || format!("{} hands on with {spent} of {allowed} tokens spent", self.id))
    }

    fn budgets(&self) -> Held {
        let Some(run) = self.run() else { return Ok(()) };
        let mut reserved = Budget::default();
        for child in self.children.values().filter(|child| child.settled.is_none()) {
            reserved.add(&child.reserve);
        }
        require(run.reserved == reserved, "budgets", || format!("{} keeps {:?} set aside, should be {reserved:?}", self.id, run.reserved))?;
        require(run.usage == self.usage, "budgets", || format!("{} counts {:?}, its events say {:?}", self.id, run.usage, self.usage))
    }

    /// Everything has come to rest: what is open waits for a person (law 11).
    /// A run may also wait for one of `open`, runs below it that do so themselves.
    pub(super) fn at_rest(&self, open: &BTreeSet<RunId>) -> Held {
        if self.closed.is_some() {
            let open = self.questions.iter().find(|question| question.is_open());
            return require(open.is_none(), "nothing hangs", || {
                format!("{:?} of a run that is over waits for an answer", open.map(|open| open.id))
            });
        }
        let asked = self.questions.iter().any(QuestionSeen::is_open);
        let dead = self.handoffs.iter().any(|handoff| handoff.stand == Stand::Dead);
        let below = self.handoffs.iter().any(|handoff| matches!(handoff.stand, Stand::Waiting(Awaiting::Run(run)) if open.contains(&run)));
        require(asked || dead || below, "nothing hangs", || {
            let open: Vec<String> =
                self.handoffs.iter().filter(|handoff| !handoff.is_over()).map(|h| format!("{} {:?}", h.id.number, h.stand)).collect();
            format!("{} is open, and nothing will move it: {}", self.id, open.join(", "))
        })?;
        let moving = self.handoffs.iter().find(|handoff| matches!(handoff.stand, Stand::Offered(_) | Stand::Held(..)));
        require(moving.is_none(), "nothing hangs", || {
            format!("{} stands as {:?}", self.id, moving.map(|handoff| (handoff.id, handoff.stand)))
        })
    }

    /// A sign of life was acknowledged.
    pub(super) fn heard(&mut self, id: HandoffId, token: Token, at: Timestamp) {
        let handoff = self.handoffs.get_mut((id.number as usize).wrapping_sub(1));
        if let Some(tenure) = handoff.and_then(|handoff| handoff.tenures.get_mut(&token)) {
            tenure.heard = tenure.heard.max(at);
        }
    }
}

fn reported(event: &Event) -> u64 {
    match event {
        Event::HandoffCompleted { usage, .. } | Event::AttemptFailed { usage, .. } | Event::ChildSettled { usage, .. } => usage.tokens(),
        _ => 0,
    }
}
