//! An agent at work on one handoff, under one token.

use handclasp_core::blob::Blobs;
use handclasp_core::command::{EffectId, Request};
use handclasp_core::id::{AgentName, HandoffId, Token};
use handclasp_core::time::Timestamp;

/// What an agent at work knows of itself.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: u64,
    pub(crate) by: AgentName,
    holder: String,
    pub(crate) handoff: HandoffId,
    pub(crate) token: Token,
    pub(crate) accepted: bool,
    /// It has sent something and waits for the answer.
    pub(crate) waits: bool,
    /// The store failed; it will ask again.
    pub(crate) again: Option<(Request, Blobs)>,
    /// It says nothing until then.
    pub(crate) silent_until: Timestamp,
    /// An effect that it has begun.
    pub(crate) begun: Option<EffectId>,
    /// An effect that somebody before it has begun.
    pub(crate) unknown: Option<EffectId>,
    /// Questions are open, and it cannot go on without the answers.
    pub(crate) open_questions: bool,
    /// Effects, questions and spawned branches so far.
    pub(crate) effects: u32,
    pub(crate) questions: u32,
    pub(crate) spawned: u32,
    /// Results that were refused.
    pub(crate) refusals: u32,
}

impl Session {
    pub(crate) fn new(id: u64, by: AgentName, holder: String, handoff: HandoffId, token: Token, accepted: bool) -> Self {
        Self {
            id,
            by,
            holder,
            handoff,
            token,
            accepted,
            waits: false,
            again: None,
            silent_until: Timestamp(0),
            begun: None,
            unknown: None,
            open_questions: false,
            effects: 0,
            questions: 0,
            spawned: 0,
            refusals: 0,
        }
    }

    /// A worker is a process of its own; a driver's agent dies with the engine.
    pub(crate) fn outlives_the_engine(&self) -> bool {
        !self.holder.starts_with("engine:")
    }
}
