//! Opening a run of a team: placeholders filled in, texts stored as blobs, everything pinned.
//!
//! What the inputs say ends up in the task, the constraints and the terms of the steps, and as the
//! payload of the first handoff; nothing in it is read as a placeholder, a name or a limit.

use handclasp_core::blob::{BlobRef, Blobs};
use handclasp_core::command::Open;
use handclasp_core::contract::ContractRange;
use handclasp_core::offer::{Kind, Offer, Reason, Terms};
use handclasp_core::plan::{Node, Plan};
use serde_json::{Map, Value};

use crate::team::{FirstHandoff, Team};
use crate::template::fill;

/// A title is one line in a list on a terminal.
const TITLE_CHARS_MAX: usize = 100;
/// What the core takes.
const TITLE_BYTES_MAX: usize = 256;

/// The command that opens a run with these values of its inputs, and its contents.
pub(crate) fn open(team: &Team, values: &Map<String, Value>, trace_id: String) -> (Open, Blobs) {
    let mut blobs = Blobs::default();
    let task = fill(&team.task, values);
    let input = blobs.json(values);
    let open = Open {
        title: title(&team.name, &task),
        task: blobs.json(&task),
        intent: team.intent.as_ref().map(|intent| blobs.json(&fill(intent, values))),
        items: team.items.iter().map(|item| item.opened(values, &mut blobs)).collect(),
        limits: team.limits,
        trace_id,
        conversation: None,
        pins: team.pins(),
        input,
        plan: team.plan.as_ref().map(|plan| Plan { root: filled(&plan.root, values) }),
        first: team.first.as_ref().map(|first| offer(first, input, values)),
        parent: None,
    };
    (open, blobs)
}

/// The team and the first line of the task, as far as they fit.
fn title(team: &str, task: &str) -> String {
    let line = task.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let full: String = format!("{team}: {line}").chars().filter(|c| !c.is_control()).collect();
    if full.chars().count() <= TITLE_CHARS_MAX && full.len() <= TITLE_BYTES_MAX {
        return full;
    }
    let mut cut = String::new();
    for c in full.chars().take(TITLE_CHARS_MAX - 1) {
        if cut.len() + c.len_utf8() + '…'.len_utf8() > TITLE_BYTES_MAX {
            break;
        }
        cut.push(c);
    }
    cut + "…"
}

fn offer(first: &FirstHandoff, payload: BlobRef, values: &Map<String, Value>) -> Offer {
    Offer {
        to: first.to.clone(),
        kind: Kind::Route,
        reason: Reason::TaskClassification,
        contract: first.contract.as_ref().map(ContractRange::from),
        payload,
        terms: filled_terms(&first.terms, values),
    }
}

fn filled(node: &Node, values: &Map<String, Value>) -> Node {
    let mut node = node.clone();
    fill_node(&mut node, values);
    node
}

fn fill_node(node: &mut Node, values: &Map<String, Value>) {
    match node {
        Node::Step(step) => step.terms = filled_terms(&step.terms, values),
        Node::Sequence(children) => children.iter_mut().for_each(|child| fill_node(child, values)),
        Node::Review(review) => {
            for step in [&mut review.author, &mut review.critic] {
                step.terms = filled_terms(&step.terms, values);
            }
        }
        Node::Checkpoint(_) | Node::Approve(_) => {}
    }
}

fn filled_terms(terms: &Terms, values: &Map<String, Value>) -> Terms {
    Terms {
        acceptance: terms.acceptance.iter().map(|criterion| fill(criterion, values)).collect(),
        justification: terms.justification.as_ref().map(|justification| fill(justification, values)),
        ..terms.clone()
    }
}
