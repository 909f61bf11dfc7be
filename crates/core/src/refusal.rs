//! "No" is a value: every way in which the rules say no, with a stable code.
//!
//! A refusal changes nothing and is no event. A failure, when the world breaks, is another type in
//! another crate. The codes are the same at every door; each has a page (`handclasp explain HC-012`).

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::blob::Digest;
use crate::command::EffectId;
use crate::contract::{Change, ContractId, ContractRange, Violation};
use crate::id::{AgentName, Capability, HandoffId, InterruptId, ItemId, StepName};
use crate::offer::JUSTIFICATION_BYTES_MIN;

/// Why the rules say no.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The run's log is empty.
    #[error("there is no such run")]
    UnknownRun,
    /// No handoff of that number.
    #[error("there is no handoff `{0}`")]
    UnknownHandoff(HandoffId),
    /// Somebody else holds it, or it is for somebody else.
    #[error("the handoff is with `{held_by}`")]
    NotYours {
        /// Who has it, or who may have it.
        held_by: AgentName,
    },
    /// The handoff is not in a phase where this can be done.
    #[error("what is {phase} cannot be {asked}")]
    WrongPhase {
        /// What it is.
        phase: &'static str,
        /// What was asked, as a participle.
        asked: &'static str,
    },
    /// The run is over.
    #[error("the run is over")]
    RunClosed,
    /// The key was used for something else.
    #[error("the idempotency key was used before, for other content")]
    KeyReused {
        /// What it was used for.
        first: Digest,
        /// What was sent now.
        now: Digest,
    },
    /// No such contract, or no version in the range.
    #[error("there is no contract `{0}`")]
    UnknownContract(ContractRange),
    /// The value breaks its contract.
    #[error("the {what} breaks `{contract}`: {}", list(.violations))]
    ContractBroken {
        /// Payload or result.
        what: &'static str,
        /// Which contract.
        contract: ContractId,
        /// Where, what was expected, what was found, how to mend it.
        violations: Vec<Violation>,
    },
    /// The receiver does not speak that version.
    #[error("`{agent}` does not accept `{contract}`{}", speaks(.accepts))]
    ContractNotAccepted {
        /// The receiver.
        agent: AgentName,
        /// What it was sent.
        contract: ContractId,
        /// What it accepts.
        accepts: Vec<ContractRange>,
    },
    /// No such agent.
    #[error("there is no agent `{0}`")]
    UnknownAgent(AgentName),
    /// The receiver cannot do it.
    #[error("`{agent}` lacks {}", names(.missing))]
    CapabilityMissing {
        /// The receiver.
        agent: AgentName,
        /// What it lacks.
        missing: Vec<Capability>,
    },
    /// The token is not the one of the present claim.
    #[error("the lease is gone: the handoff is now with {}", who(.held_by.as_ref()))]
    StaleLease {
        /// Who has it now, if anybody.
        held_by: Option<AgentName>,
    },
    /// The read-back does not cover what it has to.
    #[error("the read-back leaves a gap: {0}")]
    ReadBackGap(Gap),
    /// The receiver is not sure enough.
    #[error("accepting needs a confidence of {needed} %, the read-back says {}", percent(*.given))]
    ConfidenceLow {
        /// At least.
        needed: u8,
        /// Given.
        given: Option<u8>,
    },
    /// The contract, or the receiver, wants to know why this receiver.
    #[error("`{asked_by}` requires a justification of at least {JUSTIFICATION_BYTES_MIN} bytes")]
    JustificationMissing {
        /// The contract or the agent.
        asked_by: String,
    },
    /// A limit is used up.
    #[error("the limit on {limit} is used up: {used} of {allowed}")]
    LimitReached {
        /// Which limit.
        limit: &'static str,
        /// How much is allowed.
        allowed: u64,
        /// How much there would be.
        used: u64,
    },
    /// The same work goes back and forth and nothing changes.
    #[error("the work goes in circles: {0}")]
    PingPong(Circle),
    /// No such item, or not in this branch.
    #[error("there is no open item `{0}` in this branch")]
    UnknownItem(ItemId),
    /// Constraints hold to the end.
    #[error("`{0}` is a constraint, and constraints are not discharged")]
    ConstraintHolds(ItemId),
    /// Ending an item needs a reason.
    #[error("`{0}` cannot be ended without a reason")]
    ReasonMissing(ItemId),
    /// No such interrupt.
    #[error("there is no interrupt `{0}`")]
    UnknownInterrupt(InterruptId),
    /// The answer is to something else than what is asked.
    #[error("the answer is bound to other content than the question's")]
    ShownOther {
        /// What is asked.
        asked: Digest,
        /// What the answer names.
        answered: Digest,
    },
    /// The answer is none of the choices.
    #[error("`{given}` is not one of the answers: {}", .options.join(", "))]
    NotAnOption {
        /// What was answered.
        given: String,
        /// What can be answered.
        options: Vec<String>,
    },
    /// An effect of this name began and nobody knows whether it happened.
    #[error("`{0}` began before a crash and nobody knows whether it happened")]
    EffectUnknown(EffectId),
    /// The effect is running now.
    #[error("`{0}` has begun and is not finished")]
    EffectInFlight(EffectId),
    /// Nothing was announced.
    #[error("`{0}` has not begun")]
    EffectNotBegun(EffectId),
    /// A business key was used with other arguments.
    #[error("`{effect}` was done before with other arguments")]
    EffectDiffers {
        /// Which effect.
        effect: EffectId,
        /// What it was done with.
        first: Digest,
        /// What it should be done with now.
        now: Digest,
    },
    /// The contract wants to know which side effects were committed.
    #[error("`{0}` requires the result to declare its side effects")]
    EffectsUndeclared(ContractId),
    /// The receiver has no room.
    #[error("`{agent}` holds {held} handoffs, which is all that it may")]
    AtCapacity {
        /// The receiver.
        agent: AgentName,
        /// How many it holds.
        held: u32,
    },
    /// It may not be claimed yet.
    #[error("the handoff waits until {not_before_ms} ms since the epoch before its next attempt")]
    TooEarly {
        /// When it may.
        not_before_ms: u64,
    },
    /// A definition is another one than the run was opened with.
    #[error("{what} has changed since the run was opened")]
    DefinitionChanged {
        /// Which definition.
        what: String,
    },
    /// A name or text is too long, a list too large.
    #[error("`{field}` is too large: {found}, at most {allowed}")]
    TooLarge {
        /// Which field.
        field: &'static str,
        /// How large.
        found: u64,
        /// How large it may be.
        allowed: u64,
    },
    /// Somebody else's data.
    #[error("the run belongs to another tenant")]
    OtherTenant,
    /// Nobody can do it.
    #[error("no agent can do `{0}`")]
    NobodyCapable(Capability),
    /// The step that judges must say its verdict.
    #[error("the result of a review must carry a verdict")]
    VerdictMissing,
    /// There is nothing to send back to.
    #[error("there is no earlier step `{0}` to send the work back to")]
    UnknownStep(StepName),
    /// The digests that were checked are not the ones in the command.
    #[error("the {what} was not checked against `{contract}`")]
    Unchecked {
        /// Payload or result.
        what: &'static str,
        /// Which contract.
        contract: ContractId,
    },
    /// A read-back of this level cannot come from this receiver.
    #[error("`{contract}` asks for a read-back that `{agent}` cannot give")]
    CannotReadBack {
        /// The receiver.
        agent: AgentName,
        /// What it was sent.
        contract: ContractId,
    },
    /// Something else is open that has to end first.
    #[error("the handoff has open questions; they must be answered first")]
    OpenQuestions,
    /// The run exists.
    #[error("the run is open already")]
    AlreadyOpen,
    /// A field holds what it must not.
    #[error("`{field}` is not usable: {problem}")]
    BadField {
        /// Which field.
        field: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// A published version never changes.
    #[error("`{contract}` is published with other content")]
    ContractTaken {
        /// Which version.
        contract: ContractId,
        /// What is published under it.
        published: Digest,
    },
    /// Receivers that accept one of the two accept the other, and cannot rely on it.
    #[error("`{contract}` is not compatible with `{against}`: {}", first(.changes))]
    ContractBreaks {
        /// The new version.
        contract: ContractId,
        /// The published one that it is held against.
        against: Box<ContractId>,
        /// What breaks somebody, from the older of the two to the newer.
        changes: Vec<Change>,
    },
}

/// What a read-back left out or got wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Must-carry items that it does not name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ItemId>,
    /// Acceptance criteria that it does not confirm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<u32>,
    /// It works to another contract.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub contract: bool,
    /// It got another payload.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub payload: bool,
    /// It says less than the contract asks for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub level: bool,
}

impl Gap {
    /// True when nothing is missing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.level {
            parts.push("it says less than the contract asks for".to_owned());
        }
        if self.contract {
            parts.push("another contract".to_owned());
        }
        if self.payload {
            parts.push("another payload".to_owned());
        }
        if !self.items.is_empty() {
            parts.push(format!("items not named: {}", names(&self.items)));
        }
        if !self.criteria.is_empty() {
            parts.push(format!("acceptance criteria not confirmed: {}", names(&self.criteria)));
        }
        f.write_str(&parts.join("; "))
    }
}

/// Hops that repeat without anything new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circle {
    /// The handoffs that repeated, oldest first.
    pub hops: Vec<HandoffId>,
    /// Who was asked, in the same order.
    pub agents: Vec<AgentName>,
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agents = self.agents.iter().map(AgentName::as_str).collect::<Vec<_>>().join(" → ");
        write!(f, "{agents}, with the same payload and no new item in the ledger ({})", names(&self.hops))
    }
}

fn names<T: fmt::Display>(all: &[T]) -> String {
    all.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ")
}

fn list(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The changes that fit into a sentence; the refusal has all of them.
fn first(changes: &[Change]) -> String {
    const NAMED_MAX: usize = 5;
    let more = changes.len().saturating_sub(NAMED_MAX);
    let named = changes.iter().take(NAMED_MAX).map(ToString::to_string).collect::<Vec<_>>().join("; ");
    if more == 0 { named } else { format!("{named}; and {more} more") }
}

fn speaks(ranges: &[ContractRange]) -> String {
    if ranges.is_empty() { "; it accepts no contract".to_owned() } else { format!("; it accepts {}", names(ranges)) }
}

fn who(agent: Option<&AgentName>) -> String {
    agent.map_or_else(|| "nobody".to_owned(), |name| format!("`{name}`"))
}

fn percent(given: Option<u8>) -> String {
    given.map_or_else(|| "nothing".to_owned(), |given| format!("{given} %"))
}

macro_rules! pages {
    ($($code:literal),* $(,)?) => {
        /// The page of each code, as Markdown, in the order of the codes.
        pub const PAGES: &[(&str, &str)] = &[$(($code, include_str!(concat!("../errors/", $code, ".md")))),*];
    };
}

pages!(
    "HC-001", "HC-002", "HC-003", "HC-004", "HC-005", "HC-006", "HC-007", "HC-008", "HC-009", "HC-010", "HC-011", "HC-012", "HC-013",
    "HC-014", "HC-015", "HC-016", "HC-017", "HC-018", "HC-019", "HC-020", "HC-021", "HC-022", "HC-023", "HC-024", "HC-025", "HC-026",
    "HC-027", "HC-028", "HC-029", "HC-030", "HC-031", "HC-032", "HC-033", "HC-034", "HC-035", "HC-036", "HC-037", "HC-038", "HC-039",
    "HC-041", "HC-042", "HC-043", "HC-044",
);

impl Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownRun => "HC-001",
            Self::UnknownHandoff(_) => "HC-002",
            Self::NotYours { .. } => "HC-003",
            Self::WrongPhase { .. } => "HC-004",
            Self::RunClosed => "HC-005",
            Self::KeyReused { .. } => "HC-006",
            Self::UnknownContract(_) => "HC-007",
            Self::ContractBroken { .. } => "HC-008",
            Self::ContractNotAccepted { .. } => "HC-009",
            Self::UnknownAgent(_) => "HC-010",
            Self::CapabilityMissing { .. } => "HC-011",
            Self::StaleLease { .. } => "HC-012",
            Self::ReadBackGap(_) => "HC-013",
            Self::ConfidenceLow { .. } => "HC-014",
            Self::JustificationMissing { .. } => "HC-015",
            Self::LimitReached { .. } => "HC-016",
            Self::PingPong(_) => "HC-017",
            Self::UnknownItem(_) => "HC-018",
            Self::ConstraintHolds(_) => "HC-019",
            Self::ReasonMissing(_) => "HC-020",
            Self::UnknownInterrupt(_) => "HC-021",
            Self::ShownOther { .. } => "HC-022",
            Self::NotAnOption { .. } => "HC-023",
            Self::EffectUnknown(_) => "HC-024",
            Self::EffectInFlight(_) => "HC-025",
            Self::EffectNotBegun(_) => "HC-026",
            Self::EffectDiffers { .. } => "HC-027",
            Self::EffectsUndeclared(_) => "HC-028",
            Self::AtCapacity { .. } => "HC-029",
            Self::TooEarly { .. } => "HC-030",
            Self::DefinitionChanged { .. } => "HC-031",
            Self::TooLarge { .. } => "HC-032",
            Self::OtherTenant => "HC-033",
            Self::NobodyCapable(_) => "HC-034",
            Self::VerdictMissing => "HC-035",
            Self::UnknownStep(_) => "HC-036",
            Self::Unchecked { .. } => "HC-037",
            Self::CannotReadBack { .. } => "HC-038",
            Self::OpenQuestions => "HC-039",
            Self::AlreadyOpen => "HC-041",
            Self::BadField { .. } => "HC-042",
            Self::ContractTaken { .. } => "HC-043",
            Self::ContractBreaks { .. } => "HC-044",
        }
    }

    /// What the caller can do about it, in a sentence.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnknownRun => "check the id; `handclasp runs` lists the runs of this store",
            Self::UnknownHandoff(_) => "check the id; `handclasp show RUN` lists the handoffs of a run",
            Self::NotYours { .. } => "only the agent that it is addressed to can claim it",
            Self::WrongPhase { .. } => "read the handoff again; somebody else moved it on",
            Self::RunClosed => "open a new run",
            Self::KeyReused { .. } => "use a new key for new content, or send the first content again",
            Self::UnknownContract(_) => "publish the contract first, or correct its name or range",
            Self::ContractBroken { .. } => "mend the fields that are named and send it again",
            Self::ContractNotAccepted { .. } => "send a version that the receiver accepts, or teach the receiver this one",
            Self::UnknownAgent(_) => "register the agent (`PUT /v1/agents/NAME`) or add it to the team, or correct its name",
            Self::CapabilityMissing { .. } => "choose a receiver that has them, or offer to a capability instead of a name",
            Self::StaleLease { .. } => "stop working on it; another attempt has taken over and your result would not count",
            Self::ReadBackGap(_) => "read the briefing again and name everything that it asks for",
            Self::ConfidenceLow { .. } => "decline with a reason instead of accepting",
            Self::JustificationMissing { .. } => "say in `terms.justification` why this receiver",
            Self::LimitReached { .. } => "finish with what there is, or open a run with a wider limit",
            Self::PingPong(_) => "add what has changed to the ledger or the payload, or hand it to somebody else",
            Self::UnknownItem(_) => "name an item that the briefing carried",
            Self::ConstraintHolds(_) => "constraints travel to the end; drop one only with a reason",
            Self::ReasonMissing(_) => "say in `why` what was done, or why it is given up",
            Self::UnknownInterrupt(_) => "check the id; `handclasp inbox` lists what is open",
            Self::ShownOther { .. } => "read the question again and answer what it shows now",
            Self::NotAnOption { .. } => "answer with one of the options",
            Self::EffectUnknown(_) => "find out whether it happened and reconcile it; never repeat it blindly",
            Self::EffectInFlight(_) => "wait for it, or finish it first",
            Self::EffectNotBegun(_) => "announce the effect before doing it",
            Self::EffectDiffers { .. } => "use another business key for another effect",
            Self::EffectsUndeclared(_) => "add `effects` to the result; an empty list is fine",
            Self::AtCapacity { .. } => "try again when it has finished something",
            Self::TooEarly { .. } => "try again when the wait is over",
            Self::DefinitionChanged { .. } => "restore the definition, or resume with `--accept-change`",
            Self::TooLarge { .. } => "put large content into an artifact and pass its reference",
            Self::OtherTenant => "use the tenant's own credentials",
            Self::NobodyCapable(_) => "add an agent with this capability to the team",
            Self::VerdictMissing => "add `verdict`: approved, revise with feedback, or send_back",
            Self::UnknownStep(_) => "name a step of the plan that has run before this one",
            Self::Unchecked { .. } => "this is a defect of the program that sent it; report it",
            Self::CannotReadBack { .. } => "use an agent that can answer, or set the contract's `read_back` to `off`",
            Self::OpenQuestions => "wait for the answers, or cancel the handoff",
            Self::AlreadyOpen => "open a run with a new id",
            Self::BadField { .. } => "correct the field and send it again",
            Self::ContractTaken { .. } => "publish it under a new version",
            Self::ContractBreaks { .. } => "mend what is named, or publish it as the next incompatible version",
        }
    }

    /// The problems by field, where a contract was broken.
    pub fn violations(&self) -> &[Violation] {
        if let Self::ContractBroken { violations, .. } = self { violations } else { &[] }
    }
}

/// The page of a code, as Markdown.
pub fn explain(code: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, page)| *page)
}
