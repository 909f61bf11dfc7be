//! Who lives in the simulated world: agents, contracts, plans, and what is handed around.

use std::collections::BTreeSet;

use handclasp_core::blob::{BlobRef, Blobs, Digest};
use handclasp_core::contract::{Contract, ContractId, ReadBackLevel};
use handclasp_core::directory::{Agent, Directory, Justification};
use handclasp_core::id::{AgentName, Role, StepName, Tenant};
use handclasp_core::limits::{Limits, Retry};
use handclasp_core::offer::{Kind, Offer, Reason, Receiver, Terms};
use handclasp_core::plan::{APPROVED, Approve, Checkpoint, Node, Plan, Review, Step, Unapproved};
use handclasp_core::time::Millis;
use handclasp_engine::Registry;
use serde_json::json;

use crate::dice::Dice;

/// Name, room, role and fallback of each agent.
const AGENTS: [(&str, u32, &str, Option<&str>); 4] =
    [("ann", 2, "inner", Some("bob")), ("bob", 1, "inner", None), ("cid", 3, "outer", Some("dee")), ("dee", 2, "outer", None)];

/// How long a lease lasts. Short against the time limits, long against a turn of the world.
pub(crate) const LEASE: Millis = Millis::seconds(20);

pub(crate) fn tenant() -> Tenant {
    Tenant::local()
}

pub(crate) fn agent(name: &str) -> AgentName {
    name.parse().expect("a constant")
}

fn step_name(name: &str) -> StepName {
    name.parse().expect("a constant")
}

pub(crate) fn agents() -> Vec<AgentName> {
    AGENTS.iter().map(|(name, ..)| agent(name)).collect()
}

fn role(name: &str) -> Role {
    name.parse().expect("a constant")
}

pub(crate) fn capacity(name: &AgentName) -> u32 {
    AGENTS.iter().find(|(known, ..)| *known == name.as_str()).map_or(0, |(_, capacity, ..)| *capacity)
}

pub(crate) fn roles(name: &AgentName) -> Vec<Role> {
    AGENTS.iter().filter(|(known, ..)| *known == name.as_str()).map(|(_, _, known, _)| role(known)).collect()
}

/// Asks for a read-back; the payload has a number.
pub(crate) fn work() -> ContractId {
    "work@1.0.0".parse().expect("a constant")
}

/// For results: the number, and a list of side effects.
pub(crate) fn report() -> ContractId {
    "report@1.0.0".parse().expect("a constant")
}

fn contract(id: ContractId, read_back: ReadBackLevel, effects_declared: bool) -> Contract {
    let schema = json!({ "type": "object", "required": ["n"], "properties": { "n": { "type": "integer" } } });
    Contract { id, schema, read_back, justification_required: false, effects_declared, confidence_min: None }
}

/// Everybody, as an engine knows them.
pub(crate) fn registry() -> Registry {
    let mut directory = Directory::default();
    directory.add_contract(contract(work(), ReadBackLevel::Echo, false));
    directory.add_contract(contract(report(), ReadBackLevel::Off, true));
    for (name, capacity, known_as, fallback) in AGENTS {
        directory.add_agent(Agent {
            name: agent(name),
            capabilities: BTreeSet::new(),
            accepts: vec![(&work()).into(), (&report()).into()],
            roles: BTreeSet::from([role(known_as)]),
            capacity,
            fallback: fallback.map(agent),
            read_back: ReadBackLevel::Echo,
            justification: Justification::Off,
            lease_ms: LEASE,
            definition: Digest::of(name.as_bytes()),
        });
    }
    Registry::new(directory).expect("the schemas are usable")
}

/// A content that holds the contracts.
pub(crate) fn good(number: u64, blobs: &mut Blobs) -> BlobRef {
    blobs.json(&json!({ "n": number }))
}

/// A content that breaks them.
pub(crate) fn bad(blobs: &mut Blobs) -> BlobRef {
    blobs.json(&json!({ "n": "none" }))
}

/// Conditions as a hurried sender sets them.
pub(crate) fn terms(dice: &mut Dice) -> Terms {
    let attempts = 1 + u32::try_from(dice.below(3)).unwrap_or_default();
    let limits = Limits { tokens: dice.chance(100).then(|| 20 + dice.below(200)), ..Limits::default() };
    Terms {
        acceptance: if dice.chance(200) { vec!["it adds up".to_owned()] } else { Vec::new() },
        returns: dice.chance(250).then(|| (&report()).into()),
        limits,
        retry: Retry { attempts, backoff_ms: 500, factor: 2, backoff_max_ms: 5_000 },
        answer_within_ms: dice.chance(150).then(|| Millis::seconds(5 + dice.below(60))),
        finish_within_ms: dice.chance(150).then(|| Millis::seconds(20 + dice.below(200))),
        fallback: if dice.chance(200) { dice.pick(&AGENTS).map(|(name, ..)| agent(name)) } else { None },
        ..Terms::default()
    }
}

/// An offer to anybody.
pub(crate) fn offer(dice: &mut Dice, blobs: &mut Blobs, kind: Kind) -> Offer {
    let (name, ..) = dice.pick(&AGENTS).expect("there are agents");
    // Few different payloads, so that work can go in circles.
    let payload = if dice.chance(30) { bad(blobs) } else { good(dice.below(3), blobs) };
    Offer {
        to: Receiver::Agent(agent(name)),
        kind,
        reason: Reason::TaskClassification,
        contract: dice.chance(500).then(|| (&work()).into()),
        payload,
        terms: terms(dice),
    }
}

fn step(name: &str, to: &str, dice: &mut Dice) -> Step {
    let mut terms = terms(dice);
    terms.returns = (name == "publish").then(|| (&report()).into());
    Step { name: step_name(name), to: Receiver::Agent(agent(to)), contract: None, terms }
}

/// The team's way of working: draft, review, checkpoint, a person's approval, publish; any of the
/// middle ones may be missing.
pub(crate) fn plan(dice: &mut Dice) -> Plan {
    let draft = || Some(step_name("draft"));
    let mut nodes = vec![Node::Step(step("draft", "ann", dice))];
    if dice.chance(800) {
        nodes.push(Node::Review(Review {
            author: step("write", "bob", dice),
            critic: step("judge", "cid", dice),
            rounds: 2,
            unapproved: if dice.chance(700) { Unapproved::KeepBest } else { Unapproved::Stop },
        }));
    }
    if dice.chance(400) {
        let send_back = if dice.chance(700) { draft() } else { None };
        nodes.push(Node::Checkpoint(Checkpoint { name: step_name("check"), contract: report(), send_back }));
    }
    if dice.chance(450) {
        nodes.push(Node::Approve(Approve {
            name: step_name("allow"),
            within_ms: dice.chance(500).then(|| Millis::seconds(30 + dice.below(60))),
            on_silence: dice.chance(500).then(|| APPROVED.to_owned()),
            send_back: if dice.chance(600) { draft() } else { None },
        }));
    }
    nodes.push(Node::Step(step("publish", "dee", dice)));
    Plan { root: Node::Sequence(nodes) }
}
