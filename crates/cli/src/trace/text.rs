//! A trace as text: the lanes, then each handoff with what was sent, delivered and understood.

use std::fmt::Write as _;

use handclasp_core::command::Voice;
use handclasp_core::limits::Usage;

use super::lanes::lanes;
use super::people::Question;
use super::{Hop, Sent, Trace};
use crate::terminal::{count, moment, one_line, strong};

/// Digits of a digest that tell two contents of a run apart.
const DIGEST_CHARS: usize = 12;

/// Where a text of several lines goes on: under its beginning.
const CONTINUED: &str = "\n              ";

/// The trace, at most `columns` wide where it can be chosen.
pub(crate) fn text(trace: &Trace, columns: usize) -> String {
    let mut lines = vec![strong(&trace.title), format!("{}  {}", trace.run, trace.condition.as_str())];
    lines.extend(trace.reason.as_deref().map(one_line));
    if !trace.handoffs.is_empty() {
        lines.push(String::new());
        lines.extend(lanes(trace, columns));
        lines.push("· waits  █ works  ✗ an attempt ends without a result".to_owned());
    }
    for hop in &trace.handoffs {
        lines.push(String::new());
        lines.extend(hop_lines(hop));
    }
    for question in &trace.questions {
        lines.push(String::new());
        lines.extend(question_lines(question));
    }
    lines.push(String::new());
    lines.push(totals(trace));
    lines.join("\n")
}

fn hop_lines(hop: &Hop) -> Vec<String> {
    let nobody = if hop.planned { "the plan" } else { "the run" };
    let from = hop.from.as_ref().map_or_else(|| nobody.to_owned(), ToString::to_string);
    let mut lines = vec![strong(format_args!("{}: {from} → {}", hop.step, hop.to)), row("handoff", &hop.handoff.to_string())];
    if let Some(full) = &hop.instead_of {
        lines.push(row("instead of", &format!("{full}, which had no room")));
    }
    lines.push(row("sent", &sent(&hop.sent)));
    if let Some(given) = &hop.delivered {
        let withheld = if given.withheld > 0 { format!(", {} withheld by role", given.withheld) } else { String::new() };
        let text = format!(
            "{} ({} must be carried){withheld}; a briefing of {}",
            count(given.items, "item"),
            given.must_carry,
            count(given.briefing_tokens, "token")
        );
        lines.push(row("delivered", &text));
    }
    lines.push(row("understood", &understood(hop)));
    lines.push(row("time", &format!("waited {}, worked {}", hop.waited_ms, hop.worked_ms)));
    if hop.attempts.len() > 1 || hop.attempts.iter().any(|attempt| attempt.end != "completed") {
        for attempt in &hop.attempts {
            lines.push(row(&format!("attempt {}", attempt.number), &format!("{}: {}", attempt.by, attempt.end)));
        }
    }
    if !hop.usage.is_zero() {
        lines.push(row("spent", &spent(&hop.usage)));
    }
    if let Some(verdict) = &hop.verdict {
        lines.push(row("verdict", verdict));
    }
    if let Some(feedback) = &hop.feedback {
        lines.push(row("feedback", feedback));
    }
    lines.push(row("outcome", &hop.outcome));
    if let Some(result) = &hop.result {
        lines.push(row("result", &sent(result)));
    }
    lines
}

fn question_lines(question: &Question) -> Vec<String> {
    let open = question.open_ms.map_or_else(String::new, |open| format!(", open for {open}"));
    vec![
        strong(format_args!("{} asks a person", question.by)),
        row("question", &question.interrupt.to_string()),
        row("shown", &sent(&question.shown)),
        row("time", &format!("asked {}{open}", moment(question.asked_at_ms))),
        row("answer", &question.outcome),
    ]
}

fn row(name: &str, text: &str) -> String {
    format!("  {name:<11} {}", text.replace('\n', CONTINUED))
}

fn sent(sent: &Sent) -> String {
    let contract = sent.contract.as_ref().map_or_else(String::new, |contract| format!("{contract}, "));
    let digest: String = sent.digest.to_string().chars().skip("sha256:".len()).take(DIGEST_CHARS).collect();
    format!("{contract}{} bytes, {digest}  {}", sent.bytes, sent.preview)
}

fn understood(hop: &Hop) -> String {
    let Some(said) = &hop.read_back else {
        let said = if hop.ended_at_ms.is_some() { "nothing was said" } else { "nothing was said yet" };
        return said.to_owned();
    };
    let mut text = match (said.by, said.counts) {
        (Voice::Agent, true) => "yes, says the agent".to_owned(),
        (Voice::Agent, false) => "accepted by the agent without a read-back".to_owned(),
        (Voice::Client, _) => "delivered, says its client".to_owned(),
        (Voice::Driver, _) => "delivered, says its driver; the agent has not read back".to_owned(),
    };
    if said.counts {
        let asked = hop.delivered.as_ref().map_or(0, |given| given.must_carry);
        let _ = write!(text, ": items {} of {asked}, criteria {} of {}", said.items, said.criteria, said.criteria_asked);
    }
    if let Some(confidence) = said.confidence {
        let _ = write!(text, ", {confidence} % sure");
    }
    text
}

/// What was spent, in words.
pub(crate) fn spent(usage: &Usage) -> String {
    let cost = usage.cost_micros;
    format!("{} tokens in, {} out, cost {}.{:06}", usage.tokens_in, usage.tokens_out, cost / 1_000_000, cost % 1_000_000)
}

fn totals(trace: &Trace) -> String {
    let totals = &trace.totals;
    let mut text = format!(
        "{}, {}, {} understood; {} from opening to end, {} worked, {} waited; {} of briefings",
        count(totals.handoffs, "handoff"),
        count(totals.attempts, "attempt"),
        totals.understood,
        totals.took_ms,
        totals.worked_ms,
        totals.waited_ms,
        count(totals.briefing_tokens, "token")
    );
    if !totals.usage.is_zero() {
        let _ = write!(text, "; {}", spent(&totals.usage));
    }
    text
}
