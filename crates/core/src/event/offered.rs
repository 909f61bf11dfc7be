//! An offer with everything settled that its sender had left open.

use serde::{Deserialize, Serialize};

use crate::blob::BlobRef;
use crate::contract::ContractId;
use crate::id::{AgentName, BranchId, HandoffId};
use crate::limits::Limits;
use crate::offer::{Kind, Mode, Reason, Terms};
use crate::plan::Place;
use crate::time::Timestamp;

/// An offer as it was made: receiver, contract version and limits are settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// Its id.
    pub handoff: HandoffId,
    /// In which branch.
    pub branch: BranchId,
    /// The handoff whose holder sent it; none for the principal or the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<HandoffId>,
    /// The agent that sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<AgentName>,
    /// What becomes of the sender.
    pub mode: Mode,
    /// Who gets it.
    pub to: AgentName,
    /// Whom it was meant for: an agent without room, whose fallback gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<AgentName>,
    /// What sort of handoff.
    pub kind: Kind,
    /// Why the work moves.
    pub reason: Reason,
    /// What the payload is, to the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractId>,
    /// What the result must be, to the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<ContractId>,
    /// The work itself.
    pub payload: BlobRef,
    /// The conditions.
    pub terms: Terms,
    /// The bounds that hold for it: the sender's, narrowed by the terms.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// Delegations above it.
    pub depth: u32,
    /// Where in the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The how-manieth of its sender, for `spawn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordinal: Option<u32>,
    /// It expires if nobody has claimed it by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_by: Option<Timestamp>,
    /// It expires if it is not finished by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_by: Option<Timestamp>,
}
