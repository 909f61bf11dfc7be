//! A trace: per handoff what was sent, delivered and understood, how long it waited and worked, what
//! it cost and what came of it; then what people were asked.
//!
//! The types here are the shape of `trace --json`; [`collect`](mod@collect) and [`people`] fill them from a log,
//! [`text`](mod@text) and [`lanes`](mod@lanes) lay them out for people. All of it comes from the log alone.

mod collect;
mod lanes;
mod people;
mod text;

use handclasp_core::blob::Digest;
use handclasp_core::command::Voice;
use handclasp_core::contract::ContractId;
use handclasp_core::id::{AgentName, HandoffId, RunId};
use handclasp_core::limits::Usage;
use handclasp_core::offer::{Kind, Mode};
use handclasp_core::run::Condition;
use handclasp_core::time::{Millis, Timestamp};
use serde::Serialize;

pub(crate) use self::collect::collect;
use self::people::Question;
pub(crate) use self::text::text;

/// A run, hop by hop.
#[derive(Debug, Serialize)]
pub(crate) struct Trace {
    /// Which run.
    pub(crate) run: RunId,
    /// Its title.
    pub(crate) title: String,
    /// W3C trace id.
    #[serde(rename = "trace_id")]
    pub(crate) w3c_id: String,
    /// How it stands.
    pub(crate) condition: Condition,
    /// Why nothing moves, or how it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// When it was opened.
    pub(crate) opened_at_ms: Timestamp,
    /// When something happened last.
    pub(crate) touched_at_ms: Timestamp,
    /// The handoffs, oldest first.
    pub(crate) handoffs: Vec<Hop>,
    /// What people were asked, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) questions: Vec<Question>,
    /// Everything together.
    pub(crate) totals: Totals,
}

/// One handoff.
#[derive(Debug, Serialize)]
pub(crate) struct Hop {
    /// Its id.
    pub(crate) handoff: HandoffId,
    /// Its step in the plan, with the round after the first; without a plan, its receiver.
    pub(crate) step: String,
    /// Whether it is a step of the plan.
    #[serde(skip)]
    pub(crate) planned: bool,
    /// The agent that sent it; none for the plan or whoever opened the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<AgentName>,
    /// Who had it last.
    pub(crate) to: AgentName,
    /// Whom it was meant for: an agent that had no room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instead_of: Option<AgentName>,
    /// What sort of handoff.
    pub(crate) kind: Kind,
    /// What became of the sender.
    pub(crate) mode: Mode,
    /// What was sent.
    pub(crate) sent: Sent,
    /// What the receiver was given, at the last claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delivered: Option<Delivered>,
    /// What it said it understood, at the last claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) read_back: Option<Understood>,
    /// When it was offered.
    pub(crate) offered_at_ms: Timestamp,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ended_at_ms: Option<Timestamp>,
    /// How long nobody worked on it.
    pub(crate) waited_ms: Millis,
    /// How long somebody did.
    pub(crate) worked_ms: Millis,
    /// Every claim of it.
    pub(crate) attempts: Vec<Attempt>,
    /// What the agents reported to have spent.
    #[serde(skip_serializing_if = "Usage::is_zero")]
    pub(crate) usage: Usage,
    /// Its judgment on the work that it got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verdict: Option<String>,
    /// What the judgment asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) feedback: Option<String>,
    /// What came of it, in a few words.
    pub(crate) outcome: String,
    /// The result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<Sent>,
}

/// A content that crossed between agents.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sent {
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) contract: Option<ContractId>,
    /// Its hash.
    pub(crate) digest: Digest,
    /// How large.
    pub(crate) bytes: u64,
    /// Its beginning.
    pub(crate) preview: String,
}

/// What a receiver was given.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Delivered {
    /// Items of the ledger in its briefing.
    pub(crate) items: usize,
    /// Of those, the ones that a read-back has to name.
    pub(crate) must_carry: usize,
    /// Open items that its roles may not see.
    pub(crate) withheld: usize,
    /// The briefing as text for a prompt, in tokens.
    pub(crate) briefing_tokens: u64,
}

/// What a read-back said. Only the agent's own word counts as understood.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Understood {
    /// Who says it.
    pub(crate) by: Voice,
    /// Whether it counts as understood, or only as delivered.
    #[serde(rename = "understood")]
    pub(crate) counts: bool,
    /// Must-carry items that it names.
    pub(crate) items: usize,
    /// Acceptance criteria that it confirms.
    pub(crate) criteria: usize,
    /// Acceptance criteria that there are.
    pub(crate) criteria_asked: usize,
    /// How sure it is, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) confidence: Option<u8>,
}

/// One claim.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Attempt {
    /// The how-manieth attempt.
    #[serde(rename = "attempt")]
    pub(crate) number: u32,
    /// By whom.
    pub(crate) by: AgentName,
    /// When it was taken.
    pub(crate) from_ms: Timestamp,
    /// When it was let go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to_ms: Option<Timestamp>,
    /// How it went.
    pub(crate) end: String,
}

/// Everything together.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Totals {
    /// Handoffs.
    pub(crate) handoffs: usize,
    /// Claims.
    pub(crate) attempts: usize,
    /// Handoffs that their receiver said it understood.
    pub(crate) understood: usize,
    /// From the opening to the last event.
    pub(crate) took_ms: Millis,
    /// Work, added up over all handoffs.
    pub(crate) worked_ms: Millis,
    /// Waiting, added up over all handoffs.
    pub(crate) waited_ms: Millis,
    /// Tokens of the last briefing of each handoff.
    pub(crate) briefing_tokens: u64,
    /// What the agents reported to have spent.
    #[serde(skip_serializing_if = "Usage::is_zero")]
    pub(crate) usage: Usage,
}
