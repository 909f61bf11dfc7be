//! One handoff of a team: who gets it, under which contract, on which terms.
//!
//! Owns the question whether they fit: an agent that does not accept what it would be sent, lacks a
//! capability or cannot read back is reported before anything runs, as is a fallback that could not
//! take over. The engine would refuse the same offer; here it has a line.

use std::sync::Arc;

use handclasp_core::contract::{Contract, ContractId, ContractRange, ReadBackLevel};
use handclasp_core::directory::Agent;
use handclasp_core::id::Capability;
use handclasp_core::offer::{JUSTIFICATION_BYTES_MIN, Kind, Receiver, Terms, WhenFull};

use crate::cast::Cast;
use crate::document::Node;
use crate::mistake::{Mistakes, Problem, closest, names};
use crate::{template, terms};

/// What a step, or the first handoff, comes to.
pub(crate) struct Assignment {
    pub(crate) to: Receiver,
    pub(crate) contract: Option<ContractId>,
    pub(crate) terms: Terms,
}

/// Who hands it out: a step is justified by its plan, the first handoff has to say why itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Plan,
    Opening,
}

/// Reads a step or the first handoff, and reports what does not fit. `None` if it has no receiver.
pub(crate) fn read(node: &Node, by: By, cast: &Cast<'_>, mistakes: &mut Mistakes) -> Option<Assignment> {
    let acceptance = node.get("acceptance").map(Node::elements).unwrap_or_default();
    acceptance.iter().chain(node.get("justification")).for_each(|text| template::check(text, &cast.inputs, mistakes));
    let returns = node.get("returns").and_then(|node| cast.range(node, mistakes));
    let accepts = node.get("accepts").and_then(|node| Some((node, cast.range(node, mistakes)?)));
    let terms = terms::terms(node, returns);
    let to = receiver(node.get("to")?)?;
    let receivers = receivers(node, &to, &terms, cast, mistakes);
    let sound: Vec<&Agent> = receivers.iter().map(AsRef::as_ref).filter(|agent| cast.is_sound(agent)).collect();
    let contract = accepts.and_then(|(at, range)| contract(at, &range, &sound, cast, mistakes));
    let fit = Fit { node, terms: &terms, contract: contract.as_ref(), cast };
    fit.check_speech(&sound, mistakes);
    fit.check_fallbacks(&to, &sound, mistakes);
    fit.check_when_full(&sound, mistakes);
    if by == By::Opening {
        fit.check_justification(&sound, mistakes);
    }
    Some(Assignment { to, contract, terms })
}

fn receiver(node: &Node) -> Option<Receiver> {
    match node.get("capability") {
        Some(capability) => capability.parsed().map(Receiver::Capability),
        None => node.parsed().map(Receiver::Agent),
    }
}

fn whom(to: &Receiver) -> String {
    match to {
        Receiver::Agent(name) => format!("`{name}`"),
        Receiver::Capability(_) => to.to_string(),
    }
}

/// Everybody who may get it.
fn receivers<'c>(node: &Node, to: &Receiver, terms: &Terms, cast: &'c Cast<'_>, mistakes: &mut Mistakes) -> Vec<&'c Arc<Agent>> {
    let Some(at) = node.get("to") else { return Vec::new() };
    match to {
        Receiver::Capability(capability) => cast.capable(at, capability, &terms.requires, mistakes),
        Receiver::Agent(_) => {
            let Some(agent) = cast.agent(at, mistakes) else { return Vec::new() };
            if cast.is_sound(agent) {
                check_capabilities(node, agent, mistakes);
            }
            vec![agent]
        }
    }
}

fn check_capabilities(node: &Node, agent: &Agent, mistakes: &mut Mistakes) {
    for element in node.get("requires").map(Node::elements).unwrap_or_default() {
        let Some(wanted) = element.parsed::<Capability>().filter(|wanted| !agent.capabilities.contains(wanted)) else { continue };
        let meant = closest(wanted.as_str(), agent.capabilities.iter().map(Capability::as_str));
        let hint = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("add it to the `capabilities` of `{}`, or choose another agent", agent.name),
        };
        mistakes.add(element.spot, Problem::new(format!("`{}` lacks the capability `{wanted}`", agent.name)).hint(hint));
    }
}

/// The newest version in the range that every receiver accepts.
fn contract(at: &Node, range: &ContractRange, receivers: &[&Agent], cast: &Cast<'_>, mistakes: &mut Mistakes) -> Option<ContractId> {
    let in_range = cast.directory.contracts().map(|(contract, _)| &contract.id).filter(|id| range.takes(id));
    let accepted = in_range.filter(|id| receivers.iter().all(|agent| accepts(agent, id))).max_by(|a, b| a.version.cmp(&b.version));
    if accepted.is_none()
        && !cast.is_misnamed(&range.name)
        && let Some(newest) = cast.directory.newest(range)
    {
        for agent in receivers.iter().filter(|agent| !accepts(agent, newest)) {
            mistakes.add(at.spot, Problem::new(format!("`{}` does not accept `{newest}`", agent.name)).hint(speaks(agent)));
        }
    }
    accepted.cloned()
}

fn accepts(agent: &Agent, contract: &ContractId) -> bool {
    agent.accepts.iter().any(|range| range.takes(contract))
}

fn speaks(agent: &Agent) -> String {
    if agent.accepts.is_empty() {
        "it accepts no contract; add `accepts` to it".to_owned()
    } else {
        format!("it accepts {}", names(&agent.accepts))
    }
}

/// A step with what is known of it so far.
struct Fit<'a> {
    node: &'a Node,
    terms: &'a Terms,
    contract: Option<&'a ContractId>,
    cast: &'a Cast<'a>,
}

impl Fit<'_> {
    fn definition(&self) -> Option<&Contract> {
        self.cast.directory.contract(self.contract?).map(|(contract, _)| contract.as_ref())
    }

    /// Whether everything that the contract asks to be said is said, or can be.
    fn check_speech(&self, receivers: &[&Agent], mistakes: &mut Mistakes) {
        let (Some(contract), Some(at)) = (self.definition(), self.node.get("accepts")) else { return };
        let Some(asked) = asks(contract) else { return };
        for agent in receivers.iter().filter(|agent| agent.read_back == ReadBackLevel::Off) {
            let problem =
                Problem::new(format!("`{}` asks for {asked}, which `{}` cannot give: it is a `command`", contract.id, agent.name));
            mistakes.add(at.spot, problem.hint("use a `process`, or another contract for this step"));
        }
    }

    fn check_justification(&self, receivers: &[&Agent], mistakes: &mut Mistakes) {
        let said = self.terms.justification.as_deref().unwrap_or_default();
        let Some(at) = self.node.get("justification").or(self.node.get("to")) else { return };
        // How long a text with placeholders is shows when a run is opened.
        if self.terms.are_justified() || said.contains('{') {
            return;
        }
        let contract = self.definition().filter(|contract| contract.justification_required).map(|contract| contract.id.to_string());
        let agent = || receivers.iter().find(|agent| agent.justification.asks(Kind::Route)).map(|agent| agent.name.to_string());
        if let Some(asked_by) = contract.or_else(agent) {
            let problem = Problem::new(format!("`{asked_by}` requires a `justification` of at least {JUSTIFICATION_BYTES_MIN} bytes here"));
            mistakes.add(at.spot, problem.hint("say in `justification` why this receiver"));
        }
    }

    /// A fallback is asked only after its step's own; that one may be enough.
    fn check_fallbacks(&self, to: &Receiver, receivers: &[&Agent], mistakes: &mut Mistakes) {
        if let Some(at) = self.node.get("fallback") {
            let Some(fallback) = self.cast.agent(at, mistakes) else { return };
            match to {
                Receiver::Agent(name) if *name == fallback.name => {
                    mistakes.add(at.spot, Problem::new(format!("`{name}` cannot be its own fallback")).hint("name another agent"));
                }
                _ => self.check_fallback(at, fallback, &whom(to), mistakes),
            }
            return;
        }
        for agent in receivers {
            let fallback = agent.fallback.as_ref().filter(|name| **name != agent.name).and_then(|name| self.cast.directory.agent(name));
            if let (Some(fallback), Some(at)) = (fallback, self.cast.fallback_of(&agent.name)) {
                self.check_fallback(at, fallback, &format!("`{}`", agent.name), mistakes);
            }
        }
    }

    /// Whoever says `fallback` has somebody in mind.
    fn check_when_full(&self, receivers: &[&Agent], mistakes: &mut Mistakes) {
        let Some(at) = self.node.get("when_full").filter(|_| self.terms.when_full == WhenFull::Fallback) else { return };
        let nobody = self.node.get("fallback").is_none() && receivers.iter().all(|agent| agent.fallback.is_none());
        if nobody && !receivers.is_empty() {
            let problem = Problem::new("nobody is named to fall back on");
            mistakes.add(at.spot, problem.hint("add a `fallback` to this step or to its agent"));
        }
    }

    fn check_fallback(&self, at: &Node, fallback: &Agent, of: &str, mistakes: &mut Mistakes) {
        if let Some(why) = self.unable(fallback).filter(|_| self.cast.is_sound(fallback)) {
            let problem = Problem::new(format!("`{}` cannot take over from {of}: {why}", fallback.name));
            mistakes.add(at.spot, problem.hint("name an agent that could do the same step"));
        }
    }

    /// Why an agent could not take over.
    fn unable(&self, agent: &Agent) -> Option<String> {
        let missing: Vec<_> = self.terms.requires.difference(&agent.capabilities).collect();
        if !missing.is_empty() {
            return Some(format!("it lacks {}", names(&missing)));
        }
        let contract = self.definition()?;
        if !accepts(agent, &contract.id) {
            return Some(format!("it does not accept `{}`", contract.id));
        }
        asks(contract).filter(|_| agent.read_back == ReadBackLevel::Off).map(|asked| format!("`{}` asks for {asked}", contract.id))
    }
}

/// What a receiver would have to say before it may start.
fn asks(contract: &Contract) -> Option<&'static str> {
    if contract.read_back > ReadBackLevel::Off {
        return Some("a read-back");
    }
    contract.confidence_min.map(|_| "a confidence")
}
