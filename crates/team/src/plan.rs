//! The plan of a team: patterns from the file become the core's nodes.
//!
//! Owns what makes a plan sound as a whole: every name used once, work sent back to something
//! earlier only, no more patterns than the core takes. What each step needs is [`crate::step`]'s.

use std::collections::HashMap;

use handclasp_core::id::StepName;
use handclasp_core::plan::{Approve, Checkpoint, Node as Pattern, Plan, Review, Step, Unapproved};

use crate::cast::Cast;
use crate::document::{Content, Node};
use crate::format::PATTERNS;
use crate::mistake::{Mistakes, Problem, names, suggestion};
use crate::shape::case;
use crate::step;

/// What the core takes in one plan, an order of magnitude above what a person can review.
const PATTERNS_MAX: usize = 1_000;

/// Enough for two corrections; a critic who wants more is asked for by name.
const ROUNDS: u32 = 3;

/// The plan of the file.
pub(crate) fn read(node: &Node, cast: &Cast<'_>, mistakes: &mut Mistakes) -> Option<Plan> {
    let mut reader = Reader { cast, mistakes, all: Vec::new(), lines: HashMap::new(), before: Vec::new(), patterns: 0 };
    collect_names(node, &mut reader.all);
    let root = reader.pattern(node);
    if reader.patterns > PATTERNS_MAX {
        reader.mistakes.add(node.spot, Problem::new(format!("the plan has more than {PATTERNS_MAX} patterns")));
    }
    root.map(|root| Plan { root })
}

/// Every name in the plan, wherever it stands, so that a wrong order is told from a wrong name.
fn collect_names(node: &Node, all: &mut Vec<StepName>) {
    match &node.content {
        Content::Scalar { .. } => {}
        Content::List(elements) => elements.iter().for_each(|element| collect_names(element, all)),
        Content::Map(entries) => {
            for entry in entries {
                if matches!(entry.key.as_str(), "step" | "checkpoint" | "approve") {
                    all.extend(entry.value.parsed::<StepName>());
                }
                collect_names(&entry.value, all);
            }
        }
    }
}

struct Reader<'a, 'm> {
    cast: &'a Cast<'a>,
    mistakes: &'m mut Mistakes,
    all: Vec<StepName>,
    /// Where each name was used first.
    lines: HashMap<StepName, usize>,
    /// The names so far, in the order of the plan.
    before: Vec<StepName>,
    patterns: usize,
}

impl Reader<'_, '_> {
    fn pattern(&mut self, node: &Node) -> Option<Pattern> {
        self.patterns += 1;
        let Some(object) = case(node, PATTERNS) else {
            // It was reported; what is named in it is there all the same.
            collect_names(node, &mut self.before);
            return None;
        };
        match object.keys[0].name {
            "sequence" => Some(self.sequence(node.get("sequence")?)),
            "review" => self.review(node.get("review")?),
            "step" => self.step(node).map(Pattern::Step),
            "checkpoint" => self.checkpoint(node),
            "approve" => self.approve(node),
            _ => None,
        }
    }

    /// What cannot be read was reported, and the plan with it is never used.
    fn sequence(&mut self, node: &Node) -> Pattern {
        Pattern::Sequence(node.elements().iter().filter_map(|element| self.pattern(element)).collect())
    }

    fn step(&mut self, node: &Node) -> Option<Step> {
        let name = self.name(node, "step");
        let assignment = step::read(node, step::By::Plan, self.cast, self.mistakes)?;
        Some(Step { name: name?, to: assignment.to, contract: assignment.contract, terms: assignment.terms })
    }

    fn review(&mut self, node: &Node) -> Option<Pattern> {
        let author = node.get("author").and_then(|node| self.step(node));
        let critic = node.get("critic").and_then(|node| self.step(node));
        let stop = node.get("unapproved").and_then(Node::text) == Some("stop");
        Some(Pattern::Review(Review {
            author: author?,
            critic: critic?,
            rounds: node.get("rounds").and_then(Node::count).unwrap_or(ROUNDS),
            unapproved: if stop { Unapproved::Stop } else { Unapproved::KeepBest },
        }))
    }

    fn checkpoint(&mut self, node: &Node) -> Option<Pattern> {
        let send_back = self.send_back(node, "checkpoint");
        let name = self.name(node, "checkpoint");
        let range = node.get("contract").and_then(|node| self.cast.range(node, self.mistakes))?;
        let contract = self.cast.directory.newest(&range)?.clone();
        Some(Pattern::Checkpoint(Checkpoint { name: name?, contract, send_back }))
    }

    fn approve(&mut self, node: &Node) -> Option<Pattern> {
        let send_back = self.send_back(node, "approve");
        let name = self.name(node, "approve");
        let within = node.get("within");
        if let (Some(on_silence), None) = (node.get("on_silence"), within) {
            let problem = Problem::new("`on_silence` means nothing without `within`");
            self.mistakes.add(on_silence.spot, problem.hint("say in `within` how long there is to answer"));
        }
        let on_silence = node.get("on_silence").and_then(Node::parsed);
        Some(Pattern::Approve(Approve { name: name?, within_ms: within.and_then(Node::duration), on_silence, send_back }))
    }

    fn name(&mut self, node: &Node, key: &str) -> Option<StepName> {
        let at = node.get(key)?;
        let name: StepName = at.parsed()?;
        if let Some(line) = self.lines.get(&name) {
            let problem = Problem::new(format!("the name `{name}` is used twice in the plan"));
            self.mistakes.add(at.spot, problem.hint(format!("the first one is on line {line}; rename one of them")));
        } else {
            self.lines.insert(name.clone(), at.spot.line);
            self.before.push(name.clone());
        }
        Some(name)
    }

    /// The step that gets the work back, which must have run by then.
    fn send_back(&mut self, node: &Node, key: &str) -> Option<StepName> {
        let at = node.get("send_back")?;
        let step: StepName = at.parsed()?;
        if self.before.contains(&step) {
            return Some(step);
        }
        let problem = if self.all.contains(&step) {
            let place = node.get(key).map_or_else(|| "this".to_owned(), Node::found);
            let earlier = if self.before.is_empty() { "none".to_owned() } else { names(&self.before) };
            Problem::new(format!("`{step}` does not come before {place}")).hint(format!("work goes back to an earlier step: {earlier}"))
        } else {
            let hint = suggestion(step.as_str(), "earlier steps", self.before.iter().map(StepName::as_str));
            Problem::new(format!("unknown step `{step}`")).hint(hint)
        };
        self.mistakes.add(at.spot, problem);
        None
    }
}
