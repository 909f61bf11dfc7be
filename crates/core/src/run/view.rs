//! A run for people: how it stands, and why nothing moves if nothing does.

use serde::{Deserialize, Serialize};

use super::Run;
use crate::event::{Awaiting, RunOutcome};
use crate::handoff::Phase;
use crate::id::RunId;
use crate::limits::Usage;
use crate::time::Timestamp;

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Condition {
    /// Somebody works, or can.
    Running,
    /// Only a person can get it going: it waits for answers.
    WaitingForPerson,
    /// Only a person can get it going: there are dead letters and nothing else.
    Stopped,
    /// Over, with a result.
    Completed,
    /// Over, without one.
    Failed,
    /// Over, because somebody stopped it.
    Cancelled,
}

impl Condition {
    /// The condition as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::WaitingForPerson => "waiting_for_person",
            Self::Stopped => "stopped",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A line about a run, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Which run.
    pub run: RunId,
    /// Its title.
    pub title: String,
    /// How it stands.
    pub condition: Condition,
    /// Why nothing moves, or how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// W3C trace id.
    pub trace_id: String,
    /// The caller's own conversation id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The run that waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RunId>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When something happened last.
    pub touched_at: Timestamp,
    /// Events so far.
    pub version: u64,
    /// Handoffs so far.
    pub handoffs: u32,
    /// What was spent.
    #[serde(default, skip_serializing_if = "Usage::is_zero")]
    pub usage: Usage,
}

impl Run {
    /// How the run stands now.
    pub fn condition(&self) -> Condition {
        match &self.outcome {
            Some(RunOutcome::Completed { .. }) => return Condition::Completed,
            Some(RunOutcome::Failed { .. }) => return Condition::Failed,
            Some(RunOutcome::Cancelled { .. }) => return Condition::Cancelled,
            None => {}
        }
        let mut dead = false;
        for handoff in self.open_handoffs() {
            match &handoff.phase {
                Phase::Offered { .. } | Phase::Claimed { .. } | Phase::Waiting { awaiting: Awaiting::Run(_) } => {
                    return Condition::Running;
                }
                // An agent that only sits and waits for an answer does not move the run.
                Phase::Accepted { .. } if self.open_questions(handoff.id).next().is_none() => return Condition::Running,
                Phase::DeadLettered { .. } => dead = true,
                Phase::Accepted { .. } | Phase::Waiting { .. } | Phase::Completed { .. } | Phase::Ended { .. } => {}
            }
        }
        if self.unanswered().next().is_some() {
            Condition::WaitingForPerson
        } else if dead {
            Condition::Stopped
        } else {
            Condition::Running
        }
    }

    /// Why nothing moves, or how it ended, in a sentence.
    pub fn why(&self) -> Option<String> {
        match &self.outcome {
            Some(RunOutcome::Completed { approved: false, .. }) => {
                return Some("finished with the best version; the review did not approve it".to_owned());
            }
            Some(RunOutcome::Completed { .. }) => return None,
            Some(RunOutcome::Failed { reason } | RunOutcome::Cancelled { reason }) => return Some(reason.clone()),
            None => {}
        }
        match self.condition() {
            Condition::WaitingForPerson => {
                let open: Vec<String> = self.unanswered().map(|one| one.id.to_string()).collect();
                Some(format!("waits for an answer to {}", open.join(", ")))
            }
            Condition::Stopped => self.open_handoffs().find_map(|handoff| match &handoff.phase {
                Phase::DeadLettered { closing } => Some(format!("`{}`: {closing}", handoff.to)),
                _ => None,
            }),
            _ => None,
        }
    }

    /// A line about the run.
    pub fn summary(&self) -> Summary {
        Summary {
            run: self.id,
            title: self.title.clone(),
            condition: self.condition(),
            reason: self.why(),
            trace_id: self.trace_id.clone(),
            conversation: self.conversation.clone(),
            parent: self.parent.map(|parent| parent.handoff.run),
            opened_at: self.opened_at,
            touched_at: self.touched_at,
            version: self.version,
            handoffs: u32::try_from(self.handoffs.len()).unwrap_or(u32::MAX),
            usage: self.usage,
        }
    }
}
