//! What is handed from agent to agent while it is measured: a team, a contract, and payloads.

use std::collections::BTreeSet;

use handclasp_core::blob::{BlobRef, Blobs, Digest};
use handclasp_core::command::{Command, Completion, Open, Pins, ReadBack, Request, Voice};
use handclasp_core::contract::{Contract, ContractId, ReadBackLevel};
use handclasp_core::directory::{Agent, Directory, Justification};
use handclasp_core::id::{AgentName, HandoffId, RunId, Tenant, Token};
use handclasp_core::ledger::NewItem;
use handclasp_core::limits::Limits;
use handclasp_core::offer::{Kind, Offer, Reason, Receiver, Terms};
use handclasp_core::time::Millis;
use serde_json::json;

/// Agents that take turns. More than two, so that no pair of them looks like ping-pong.
const AGENTS: u32 = 4;

/// Bytes of a payload: an order with a dozen lines.
pub(crate) const PAYLOAD_BYTES: usize = 1024;

fn contract_id() -> ContractId {
    "work@1.0.0".parse().expect("a contract id")
}

/// The contract that every payload is held against, at the offer and again at the claim.
pub(crate) fn contract() -> Contract {
    Contract {
        id: contract_id(),
        schema: json!({
            "type": "object",
            "required": ["number", "labels", "lines"],
            "properties": {
                "number": { "type": "integer", "minimum": 0 },
                "labels": { "type": "array", "items": { "type": "string", "pattern": "^[a-z]+$" } },
                "lines": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["article", "count"],
                        "properties": {
                            "article": { "type": "string", "minLength": 1 },
                            "count": { "type": "integer", "minimum": 1 },
                            "note": { "type": "string" }
                        },
                        "additionalProperties": false
                    }
                }
            },
            "additionalProperties": false
        }),
        read_back: ReadBackLevel::Echo,
        justification_required: false,
        effects_declared: false,
        confidence_min: None,
    }
}

/// The team.
pub(crate) fn directory() -> Directory {
    let mut directory = Directory::default();
    directory.add_contract(contract());
    for number in 0..AGENTS {
        directory.add_agent(Agent {
            name: agent(number),
            capabilities: BTreeSet::new(),
            accepts: vec!["work@1".parse().expect("a range")],
            roles: BTreeSet::new(),
            // Capacity is not what is measured.
            capacity: u32::MAX,
            fallback: None,
            read_back: ReadBackLevel::Echo,
            justification: Justification::Off,
            lease_ms: Millis::seconds(60),
            definition: Digest::of(b"the definition of the agent"),
        });
    }
    directory
}

/// Who gets the handoff of that number.
pub(crate) fn agent(number: u32) -> AgentName {
    format!("agent-{}", number % AGENTS).parse().expect("an agent name")
}

/// A payload that holds the contract, of about so many bytes, another for every number.
pub(crate) fn payload(number: u64, bytes: usize) -> (Blobs, BlobRef) {
    let mut blobs = Blobs::default();
    let payload = blobs.bytes(payload_text(number, bytes).into_bytes());
    (blobs, payload)
}

/// The same as text.
pub(crate) fn payload_text(number: u64, bytes: usize) -> String {
    let line = |line: usize| format!(r#"{{"article":"A-{line:04}","count":{},"note":"ask for the size before it is sent"}}"#, line + 1);
    let lines = (0..bytes / line(0).len()).map(line).collect::<Vec<_>>().join(",");
    format!(r#"{{"labels":["billing","urgent"],"lines":[{lines}],"number":{number}}}"#)
}

/// An offer of that payload.
pub(crate) fn offer(to: u32, payload: BlobRef) -> Offer {
    Offer {
        to: Receiver::Agent(agent(to)),
        kind: Kind::Route,
        reason: Reason::TaskClassification,
        contract: Some((&contract_id()).into()),
        payload,
        terms: Terms::default(),
    }
}

/// The opening of a run whose first handoff carries the payload.
pub(crate) fn opening(payload: BlobRef, items: Vec<NewItem>) -> Command {
    Command::Open(Box::new(Open {
        task: payload,
        title: "A measured run".to_owned(),
        intent: None,
        items,
        // A run that is measured is longer than the usual bounds let an honest one be.
        limits: Limits { steps: Some(1_000_000), handoffs: Some(1_000_000), ..Limits::default() },
        trace_id: "0af7651916cd43dd8448eb211c80319c".to_owned(),
        conversation: None,
        pins: Pins::default(),
        input: payload,
        plan: None,
        first: Some(offer(0, payload)),
        parent: None,
    }))
}

/// A claim that accepts at once, with a read-back of what was offered.
pub(crate) fn claim(handoff: HandoffId, by: u32, payload: BlobRef) -> Command {
    let read_back = ReadBack {
        by: Voice::Agent,
        level: ReadBackLevel::Echo,
        contract: Some(contract_id()),
        payload: Some(payload.digest),
        ..ReadBack::delivered()
    };
    Command::Claim { handoff, by: agent(by), holder: "bench".to_owned(), accept: Some(read_back) }
}

/// A result, handed on to somebody or to nobody.
pub(crate) fn complete(handoff: HandoffId, token: Token, result: BlobRef, next: Option<u32>) -> Command {
    let completion = Completion { next: next.map(|to| offer(to, result)), ..Completion::of(result) };
    Command::Complete { handoff, token, completion: Box::new(completion) }
}

/// A request for that command.
pub(crate) fn request(run: RunId, command: Command) -> Request {
    Request { tenant: Tenant::local(), principal: "bench".parse().expect("a principal"), run, key: None, command }
}
