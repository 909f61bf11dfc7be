//! A briefing as Markdown, for a prompt or a person.
//!
//! The sections are those of I-PASS, the clinical handoff standard: what it is and how urgent, the
//! summary, what to do, what to watch for, and the read-back that is asked (Starmer et al., NEJM 2014).

use std::fmt::Write as _;

use handclasp_core::contract::ReadBackLevel;
use handclasp_core::ledger::ItemKind;
use serde_json::Value;

use crate::{Briefing, Item};

/// Renders a briefing. Task, intent and constraints are whole and come first.
pub fn markdown(briefing: &Briefing) -> String {
    let mut page = Page(String::new());
    page.heading("Task");
    page.value(&briefing.task);
    if let Some(intent) = &briefing.intent {
        page.line(&format!("**Intent:** {}", inline(intent)));
    }
    page.line(&format!("You are `{}`. {}", briefing.agent, origin(briefing)));

    page.items("Constraints", briefing, &[ItemKind::Constraint]);
    page.heading("Payload");
    if let Some(contract) = &briefing.contract {
        page.line(&format!("Contract: `{contract}`"));
    }
    page.value(&briefing.payload);
    page.items("Known so far", briefing, &[ItemKind::Fact, ItemKind::Decision, ItemKind::Artifact, ItemKind::Reasoning]);

    for returned in &briefing.returned {
        page.heading("Returned to you");
        match (&returned.result, &returned.error) {
            (Some(result), _) => page.value(result),
            (None, error) => page.line(&format!("No result: {}", error.as_deref().unwrap_or("unknown"))),
        }
    }
    if let Some(kept) = &briefing.continuation {
        page.heading("What you kept for yourself");
        page.value(kept);
    }
    for answer in &briefing.answers {
        page.heading(&format!("Answer to {}", answer.interrupt));
        page.line(&answer.choice);
        if let Some(text) = &answer.text {
            page.value(text);
        }
    }

    page.items("To see to", briefing, &[ItemKind::Question]);
    if !briefing.acceptance.is_empty() {
        page.heading("The result is good when");
        for (number, criterion) in briefing.acceptance.iter().enumerate() {
            page.line(&format!("{number}. {criterion}"));
        }
    }
    if let Some(returns) = &briefing.returns {
        page.line(&format!("The result must hold the contract `{returns}`."));
    }
    page.items("Watch for", briefing, &[ItemKind::Risk, ItemKind::Assumption]);
    if briefing.withheld > 0 {
        page.line(&format!("{} open items are withheld from your roles.", briefing.withheld));
    }
    if briefing.read_back.level == ReadBackLevel::Echo {
        page.heading("Read back");
        page.line("Before you start, name the contract, the payload's digest, every must-carry item and every criterion.");
    }
    page.0
}

fn origin(briefing: &Briefing) -> String {
    let from = briefing.from.as_ref().map_or_else(|| "the run".to_owned(), |from| format!("`{from}`"));
    let because = briefing.justification.as_ref().map(|why| format!(" {why}")).unwrap_or_default();
    format!("This comes from {from} (reason: {}), attempt {}.{because}", briefing.reason, briefing.attempt)
}

struct Page(String);

impl Page {
    fn heading(&mut self, title: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        let _ = writeln!(self.0, "## {title}\n");
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.0, "{text}");
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.line(text),
            other => {
                let text = serde_json::to_string_pretty(other).unwrap_or_default();
                let _ = writeln!(self.0, "```json\n{text}\n```");
            }
        }
    }

    fn items(&mut self, title: &str, briefing: &Briefing, kinds: &[ItemKind]) {
        let items: Vec<&Item> = briefing.items.iter().filter(|item| kinds.contains(&item.kind)).collect();
        if items.is_empty() {
            return;
        }
        self.heading(title);
        for item in items {
            let must = if item.must_carry { "**" } else { "" };
            let stale = if item.stale { " (stale: something that it rests on has changed)" } else { "" };
            self.line(&format!("- {must}{}{must} `{}`: {}{stale}", item.key, item.id, inline(&item.value)));
        }
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
