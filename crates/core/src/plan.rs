//! Plans: how a team works together, as data.
//!
//! A plan is a tree of steps. Its interpreter ([`Plan::next`]) is a function from what has happened
//! to what comes next, evaluated afresh each time something ends: it keeps no cursor that could
//! disagree with the log, and a replay takes the same way. A new pattern is a new case of [`Node`]
//! and of `Walk::node`, nothing else.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::blob::BlobRef;
use crate::command::Verdict;
use crate::contract::{Check, ContractId};
use crate::event::Closing;
use crate::id::{HandoffId, InterruptId, NotAnId, StepName};
use crate::offer::{Receiver, Terms};

/// How a team works together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The outermost pattern.
    pub root: Node,
}

/// One pattern; they nest at will.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a plan is small, read once, and nicer to write without boxes")]
pub enum Node {
    /// One handoff to one agent.
    Step(Step),
    /// One after the other; the result of each is the payload of the next.
    Sequence(Vec<Node>),
    /// An author and a critic, until the critic approves or the rounds are used up.
    Review(Review),
    /// Holds what came out so far against a contract.
    Checkpoint(Checkpoint),
    /// Lets a person look at what came out so far.
    Approve(Approve),
}

/// One handoff to one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name in the plan.
    pub name: StepName,
    /// Who does it.
    pub to: Receiver,
    /// What the payload must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractId>,
    /// The conditions.
    #[serde(default)]
    pub terms: Terms,
}

/// An author and a critic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Who makes it.
    pub author: Step,
    /// Who judges it.
    pub critic: Step,
    /// How often at the most.
    pub rounds: u32,
    /// What happens when the last round did not bring approval.
    #[serde(default)]
    pub unapproved: Unapproved,
}

/// What happens when a review ends without approval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unapproved {
    /// Goes on with the version that got the highest score, and says so.
    #[default]
    KeepBest,
    /// Stops the run.
    Stop,
}

/// Holds what came out so far against a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Its name in the plan.
    pub name: StepName,
    /// Which contract.
    pub contract: ContractId,
    /// The step that has to mend it; without one, the run stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_back: Option<StepName>,
}

/// Lets a person look at what came out so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approve {
    /// Its name in the plan.
    pub name: StepName,
    /// How long there is to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<crate::time::Millis>,
    /// What silence means: `approved` or `rejected`. Without it, silence stops the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_silence: Option<String>,
    /// The step that gets the work back when it is rejected; without one, the run stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_back: Option<StepName>,
}

/// Where in a plan, and on which visit: pairs of child and visit, from the root. `0.0/2.1` is the
/// second visit to the third child of the first child.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(pub Vec<(u16, u16)>);

impl Place {
    fn child(&self, index: usize, visit: u16) -> Self {
        let mut path = self.0.clone();
        path.push((u16::try_from(index).unwrap_or(u16::MAX), visit));
        Self(path)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, (child, visit)) in self.0.iter().enumerate() {
            let slash = if depth == 0 { "" } else { "/" };
            write!(f, "{slash}{child}.{visit}")?;
        }
        Ok(())
    }
}

impl FromStr for Place {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let bad = || NotAnId { found: text.chars().take(80).collect(), expected: "a place in a plan (`0.0/1.0`)" };
        let pair = |part: &str| {
            let (child, visit) = part.split_once('.')?;
            Some((child.parse().ok()?, visit.parse().ok()?))
        };
        text.split('/').filter(|part| !part.is_empty()).map(|part| pair(part).ok_or_else(bad)).collect::<Result<_, _>>().map(Self)
    }
}

crate::text_form!(Place);

/// What flows from step to step: content by hash, and which of the plan's contracts it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// The content.
    pub payload: BlobRef,
    /// What is known about it.
    pub checks: Vec<Check>,
}

/// What has happened at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Happened {
    /// A handoff is under way.
    Open(HandoffId),
    /// A handoff brought a result.
    Result {
        /// Which.
        handoff: HandoffId,
        /// What came out.
        flow: Flow,
        /// What it says about what it got.
        verdict: Option<Verdict>,
    },
    /// A handoff ended without one.
    Ended(HandoffId, Closing),
    /// A person is asked.
    Asked(InterruptId),
    /// A person has answered; `None` stands for silence without a meaning.
    Answered(InterruptId, Option<String>),
    /// A checkpoint was reached.
    Checked(Check),
}

/// What has happened, by place.
pub type Happenings = BTreeMap<Place, Happened>;

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<'a> {
    /// Something is under way.
    Wait,
    /// Hand this to the step's agent.
    Offer {
        /// Where.
        place: Place,
        /// Which step.
        step: &'a Step,
        /// What it gets.
        payload: Flow,
        /// The how-manieth visit, from 0.
        visit: u16,
    },
    /// Hold this against a contract.
    Check {
        /// Where.
        place: Place,
        /// Which contract.
        contract: &'a ContractId,
        /// What is checked.
        payload: Flow,
    },
    /// Ask a person.
    Ask {
        /// Where.
        place: Place,
        /// What about.
        approve: &'a Approve,
        /// What is shown.
        payload: Flow,
    },
    /// The plan is through.
    Done {
        /// What came out.
        result: Flow,
        /// False when a review kept its best version without approval.
        approved: bool,
    },
    /// The plan cannot go on.
    Stop(String),
}

/// How one node stands.
enum Standing<'a> {
    /// The whole plan's answer is settled by this node.
    Next(Next<'a>),
    /// It is through; go on with this.
    Done(Flow),
    /// It wants an earlier step to be done again.
    Back(StepName),
}

/// More visits than this to one place are a loop that no verdict ends.
const VISITS_MAX: u16 = 100;

impl Plan {
    /// What comes next, given what the plan was started with and what has happened.
    pub fn next<'a>(&'a self, input: &Flow, happenings: &Happenings) -> Next<'a> {
        let mut walk = Walk { happenings, approved: true };
        match walk.node(&self.root, &Place::default().child(0, 0), input.clone()) {
            Standing::Next(next) => next,
            Standing::Done(result) => Next::Done { result, approved: walk.approved },
            Standing::Back(step) => Next::Stop(format!("there is no earlier step `{step}` to send the work back to")),
        }
    }

    /// Every contract that something in the plan is held against.
    pub fn contracts(&self) -> Vec<ContractId> {
        let mut all = Vec::new();
        self.root.visit(&mut |node| match node {
            Node::Step(step) => all.extend(step.contract.clone()),
            Node::Review(review) => all.extend(review.author.contract.iter().chain(&review.critic.contract).cloned()),
            Node::Checkpoint(checkpoint) => all.push(checkpoint.contract.clone()),
            Node::Sequence(_) | Node::Approve(_) => {}
        });
        all.sort();
        all.dedup();
        all
    }

    /// True if a step of this name comes before, or is, the one at `place`.
    pub fn reaches_back(&self, place: &Place, step: &StepName) -> bool {
        let mut node = &self.root;
        for (child, _) in place.0.iter().skip(1) {
            let Node::Sequence(children) = node else { return false };
            let index = usize::from(*child);
            if children.iter().take(index + 1).any(|child| child.names(step)) {
                return true;
            }
            let Some(next) = children.get(index) else { return false };
            node = next;
        }
        false
    }

    /// True if the result of the step at `place` judges another's work.
    pub fn is_critic(&self, place: &Place) -> bool {
        let mut node = &self.root;
        for (child, _) in place.0.iter().skip(1) {
            match node {
                Node::Sequence(children) => match children.get(usize::from(*child)) {
                    Some(next) => node = next,
                    None => return false,
                },
                Node::Review(_) => return *child == CRITIC,
                Node::Step(_) | Node::Checkpoint(_) | Node::Approve(_) => return false,
            }
        }
        false
    }
}

/// The author's and the critic's place within a review.
const AUTHOR: u16 = 0;
const CRITIC: u16 = 1;

impl Node {
    /// Calls `see` for this node and all below it.
    pub fn visit<'a>(&'a self, see: &mut impl FnMut(&'a Self)) {
        see(self);
        if let Self::Sequence(children) = self {
            for child in children {
                child.visit(see);
            }
        }
    }

    /// True if this node is, or contains, the step of that name.
    pub fn names(&self, step: &StepName) -> bool {
        match self {
            Self::Step(this) => this.name == *step,
            Self::Sequence(children) => children.iter().any(|child| child.names(step)),
            Self::Review(review) => review.author.name == *step || review.critic.name == *step,
            Self::Checkpoint(this) => this.name == *step,
            Self::Approve(this) => this.name == *step,
        }
    }
}

struct Walk<'h> {
    happenings: &'h Happenings,
    approved: bool,
}

impl Walk<'_> {
    fn node<'a>(&mut self, node: &'a Node, place: &Place, input: Flow) -> Standing<'a> {
        match node {
            Node::Step(step) => self.step(step, place, input),
            Node::Sequence(children) => self.sequence(children, place, input),
            Node::Review(review) => self.review(review, place, &input),
            Node::Checkpoint(checkpoint) => self.checkpoint(checkpoint, place, input),
            Node::Approve(approve) => self.approve(approve, place, input),
        }
    }

    fn step<'a>(&self, step: &'a Step, place: &Place, payload: Flow) -> Standing<'a> {
        let visit = place.0.last().map_or(0, |(_, visit)| *visit);
        match self.happenings.get(place) {
            None => Standing::Next(Next::Offer { place: place.clone(), step, payload, visit }),
            Some(Happened::Result { verdict: Some(Verdict::SendBack { to, .. }), .. }) => Standing::Back(to.clone()),
            Some(Happened::Result { flow, .. }) => Standing::Done(flow.clone()),
            Some(Happened::Ended(_, closing)) => Standing::Next(Next::Stop(format!("step `{}` {closing}", step.name))),
            Some(_) => Standing::Next(Next::Wait),
        }
    }

    fn sequence<'a>(&mut self, children: &'a [Node], place: &Place, input: Flow) -> Standing<'a> {
        let mut visits = vec![0_u16; children.len()];
        let mut inputs = vec![input];
        let mut at = 0;
        while let Some(child) = children.get(at) {
            match self.node(child, &place.child(at, visits[at]), inputs[at].clone()) {
                Standing::Done(output) => {
                    inputs.truncate(at + 1);
                    inputs.push(output);
                    at += 1;
                }
                Standing::Back(step) => {
                    let Some(earlier) = children.iter().take(at + 1).position(|child| child.names(&step)) else {
                        return Standing::Back(step);
                    };
                    // Everything from there to here is visited anew; what it did before stays in the
                    // log. What lies ahead has not been visited since the last time back.
                    for visit in &mut visits[earlier..=at] {
                        *visit += 1;
                        if *visit > VISITS_MAX {
                            return Standing::Next(Next::Stop(format!("the work was sent back to `{step}` more than {VISITS_MAX} times")));
                        }
                    }
                    at = earlier;
                }
                next @ Standing::Next(_) => return next,
            }
        }
        Standing::Done(inputs.pop().expect("a sequence starts with its input"))
    }

    fn review<'a>(&mut self, review: &'a Review, place: &Place, input: &Flow) -> Standing<'a> {
        let mut best: Option<(u32, Flow)> = None;
        for round in 0..u16::try_from(review.rounds).unwrap_or(u16::MAX) {
            let author = place.child(usize::from(AUTHOR), round);
            let draft = match self.step(&review.author, &author, input.clone()) {
                Standing::Done(draft) => draft,
                other => return other,
            };
            let critic = place.child(usize::from(CRITIC), round);
            match self.step(&review.critic, &critic, draft.clone()) {
                Standing::Done(_) => {}
                other => return other,
            }
            match self.happenings.get(&critic) {
                Some(Happened::Result { verdict: Some(Verdict::Revise { score, .. }), .. }) => {
                    let score = score.unwrap_or(0);
                    // A later version of the same score has had more feedback, so it wins.
                    if best.as_ref().is_none_or(|(so_far, _)| score >= *so_far) {
                        best = Some((score, draft));
                    }
                }
                _ => return Standing::Done(draft),
            }
        }
        match (review.unapproved, best) {
            (Unapproved::KeepBest, Some((_, draft))) => {
                self.approved = false;
                Standing::Done(draft)
            }
            _ => Standing::Next(Next::Stop(format!("`{}` did not approve within {} rounds", review.critic.name, review.rounds))),
        }
    }

    fn checkpoint<'a>(&self, checkpoint: &'a Checkpoint, place: &Place, payload: Flow) -> Standing<'a> {
        match self.happenings.get(place) {
            Some(Happened::Checked(check)) if check.violations.is_empty() => Standing::Done(payload),
            Some(Happened::Checked(check)) => match &checkpoint.send_back {
                Some(step) => Standing::Back(step.clone()),
                None => Standing::Next(Next::Stop(format!("checkpoint `{}`: the result {check}", checkpoint.name))),
            },
            _ => Standing::Next(Next::Check { place: place.clone(), contract: &checkpoint.contract, payload }),
        }
    }

    fn approve<'a>(&self, approve: &'a Approve, place: &Place, payload: Flow) -> Standing<'a> {
        match self.happenings.get(place) {
            None => Standing::Next(Next::Ask { place: place.clone(), approve, payload }),
            Some(Happened::Answered(_, Some(choice))) if choice == APPROVED => Standing::Done(payload),
            Some(Happened::Answered(_, Some(_))) => match &approve.send_back {
                Some(step) => Standing::Back(step.clone()),
                None => Standing::Next(Next::Stop(format!("`{}` was rejected", approve.name))),
            },
            Some(Happened::Answered(_, None)) => Standing::Next(Next::Stop(format!("nobody answered `{}` in time", approve.name))),
            Some(_) => Standing::Next(Next::Wait),
        }
    }
}

/// The choice that lets a plan go on.
pub const APPROVED: &str = "approved";
/// The choice that does not.
pub const REJECTED: &str = "rejected";
