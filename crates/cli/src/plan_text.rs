//! A plan as text: the name of each place in it, and a small picture of the whole.

use handclasp_core::contract::ContractId;
use handclasp_core::handoff::Handoff;
use handclasp_core::id::StepName;
use handclasp_core::plan::{Node, Place, Plan, Step, Unapproved};

/// What somebody calls a place of the plan: the step, and which round it is.
pub(crate) fn called(plan: Option<&Plan>, place: Option<&Place>) -> Option<(String, u16)> {
    let (plan, place) = (plan?, place?);
    let (_, visit) = place.0.last()?;
    name(plan, place).map(|name| (name.to_string(), visit + 1))
}

/// A handoff in a few words: its step or, without a plan, its receiver.
pub(crate) fn label(plan: Option<&Plan>, handoff: &Handoff) -> String {
    match called(plan, handoff.place.as_ref()) {
        Some((step, 1)) => step,
        Some((step, round)) => format!("{step}/{round}"),
        None => handoff.to.to_string(),
    }
}

/// The name of what is at a place.
fn name<'a>(plan: &'a Plan, place: &Place) -> Option<&'a StepName> {
    let mut node = &plan.root;
    for (child, _) in place.0.iter().skip(1) {
        match node {
            Node::Sequence(children) => node = children.get(usize::from(*child))?,
            Node::Review(review) => return Some(if plan.is_critic(place) { &review.critic.name } else { &review.author.name }),
            Node::Step(_) | Node::Checkpoint(_) | Node::Approve(_) => return None,
        }
    }
    match node {
        Node::Step(step) => Some(&step.name),
        Node::Checkpoint(checkpoint) => Some(&checkpoint.name),
        Node::Approve(approve) => Some(&approve.name),
        Node::Sequence(_) | Node::Review(_) => None,
    }
}

/// The plan as a tree.
pub(crate) fn picture(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    draw(&plan.root, "", "", &mut lines);
    lines
}

fn draw(node: &Node, first: &str, rest: &str, lines: &mut Vec<String>) {
    match node {
        Node::Step(step) => lines.push(format!("{first}{}", step_line(step))),
        Node::Sequence(children) => {
            if !first.is_empty() {
                lines.push(format!("{first}one after the other"));
            }
            for (index, child) in children.iter().enumerate() {
                let last = index + 1 == children.len();
                let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
                draw(child, &format!("{rest}{branch}"), &format!("{rest}{below}"), lines);
            }
        }
        Node::Review(review) => {
            let end = match review.unapproved {
                Unapproved::KeepBest => "then the best version is kept",
                Unapproved::Stop => "then the run stops",
            };
            lines.push(format!("{first}review, at most {} rounds, {end}", review.rounds));
            lines.push(format!("{rest}├─ {}", step_line(&review.author)));
            lines.push(format!("{rest}└─ {}  (judges)", step_line(&review.critic)));
        }
        Node::Checkpoint(checkpoint) => {
            let back = checkpoint.send_back.as_ref().map_or_else(String::new, |step| format!(", else back to {step}"));
            lines.push(format!("{first}checkpoint {}: must hold {}{back}", checkpoint.name, checkpoint.contract));
        }
        Node::Approve(approve) => {
            let within = approve.within_ms.map_or_else(String::new, |within| format!(" within {within}"));
            let back = approve.send_back.as_ref().map_or_else(String::new, |step| format!(", if not, back to {step}"));
            lines.push(format!("{first}a person approves {}{within}{back}", approve.name));
        }
    }
}

fn step_line(step: &Step) -> String {
    let takes = step.contract.as_ref().map(ContractId::to_string);
    let gives = step.terms.returns.as_ref().map(ToString::to_string);
    let contracts = match (takes, gives) {
        (None, None) => String::new(),
        (takes, gives) => {
            format!("  {} → {}", takes.unwrap_or_else(|| "anything".to_owned()), gives.unwrap_or_else(|| "anything".to_owned()))
        }
    };
    format!("{} → {}{contracts}", step.name, step.to)
}

#[cfg(test)]
mod tests {
    use handclasp_core::offer::{Receiver, Terms};
    use handclasp_core::plan::Review;

    use super::*;

    fn step(name: &str) -> Step {
        let to = Receiver::Agent(format!("{name}-agent").parse().unwrap());
        Step { name: name.parse().unwrap(), to, contract: None, terms: Terms::default() }
    }

    #[test]
    fn a_place_has_the_name_of_its_step_and_the_round() {
        let review = Review { author: step("write"), critic: step("edit"), rounds: 3, unapproved: Unapproved::KeepBest };
        let plan = Plan { root: Node::Sequence(vec![Node::Step(step("read")), Node::Review(review)]) };
        let at = |place: &str| called(Some(&plan), Some(&place.parse().unwrap()));
        assert_eq!(at("0.0/0.0"), Some(("read".to_owned(), 1)));
        assert_eq!(at("0.0/1.0/0.1"), Some(("write".to_owned(), 2)));
        assert_eq!(at("0.0/1.0/1.2"), Some(("edit".to_owned(), 3)));
        assert_eq!(at("0.0/7.0"), None);
        assert_eq!(
            picture(&plan),
            [
                "├─ read → read-agent",
                "└─ review, at most 3 rounds, then the best version is kept",
                "   ├─ write → write-agent",
                "   └─ edit → edit-agent  (judges)",
            ]
        );
    }
}
