//! Progress: what happens in a run, line by line, while somebody watches.
//!
//! On a terminal a line at the bottom says who works on what right now; elsewhere there are only the
//! plain lines. It sees commits and decides nothing: the record is the log, not this.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use handclasp_core::Run;
use handclasp_core::command::{Activity, Verdict, WorkState};
use handclasp_core::event::{Awaiting, Event, Offered, RunOutcome};
use handclasp_core::id::HandoffId;
use handclasp_core::plan::Plan;
use handclasp_core::time::{Millis, Timestamp};
use indicatif::{ProgressBar, ProgressStyle};

use crate::plan_text::called;
use crate::terminal::{Terminal, count, faint, one_line};

/// Fast enough to look alive, slow enough to cost nothing.
const TICK: Duration = Duration::from_millis(120);

/// Notes of one handoff are told this far apart: a line for every percent would bury the rest.
const NOTES_APART: Millis = Millis::seconds(1);

/// Tells what happens.
pub(crate) struct Progress {
    terminal: Terminal,
    since: Option<Timestamp>,
    plan: Option<Plan>,
    known: BTreeMap<HandoffId, Known>,
    line: Option<ProgressBar>,
}

/// What is known of a handoff.
struct Known {
    label: String,
    to: String,
    since: Option<Timestamp>,
    note: String,
    told_at: Option<Timestamp>,
}

impl Progress {
    /// Tells a terminal what happens.
    pub(crate) fn new(terminal: Terminal) -> Self {
        let line = terminal.draws().then(|| {
            let line = ProgressBar::new_spinner();
            line.set_style(ProgressStyle::with_template("{spinner} {wide_msg}").expect("a template of ours"));
            line.enable_steady_tick(TICK);
            line
        });
        Self { terminal, since: None, plan: None, known: BTreeMap::new(), line }
    }

    /// Learns what a run that goes on has under way.
    pub(crate) fn knows(&mut self, run: &Run) {
        self.plan.clone_from(&run.plan);
        for handoff in run.open_handoffs() {
            let label = crate::plan_text::label(run.plan.as_ref(), handoff);
            let known = Known { label, to: handoff.to.to_string(), since: None, note: String::new(), told_at: None };
            self.known.insert(handoff.id, known);
        }
    }

    /// Something has happened.
    pub(crate) fn saw(&mut self, at: Timestamp, event: &Event) {
        let since = *self.since.get_or_insert(at);
        if let Some(text) = self.told(at, event) {
            let line = format!("{} {}", faint(format_args!("{:>9}", at.since(since).to_string())), one_line(&text));
            match &self.line {
                Some(drawn) => drawn.suspend(|| self.terminal.talk(line)),
                None => self.terminal.talk(line),
            }
        }
        if let Some(drawn) = &self.line {
            drawn.set_message(self.now());
        }
    }

    /// Erases what is drawn.
    pub(crate) fn end(&self) {
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }

    /// Who works on what right now.
    fn now(&self) -> String {
        let mut text = String::new();
        for known in self.known.values().filter(|known| known.since.is_some()) {
            let comma = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{comma}{}: {}{}", known.label, known.to, known.note);
        }
        if text.is_empty() { "waiting".to_owned() } else { text }
    }

    fn offered(&mut self, offered: &Offered) -> Option<String> {
        let (label, again) = match called(self.plan.as_ref(), offered.place.as_ref()) {
            Some((step, 1)) => (step, String::new()),
            Some((step, round)) => (format!("{step}/{round}"), format!(", round {round}")),
            None => (offered.to.to_string(), String::new()),
        };
        let full = offered.instead_of.as_ref().map_or_else(String::new, |full| format!(" instead of {full}, which has no room"));
        let text = match &offered.sender {
            Some(sender) if label == offered.to.to_string() => Some(format!("{sender} hands on to {label}{full}")),
            Some(sender) => Some(format!("{sender} hands on: {label} goes to {}{full}{again}", offered.to)),
            None if again.is_empty() && full.is_empty() => None,
            None => Some(format!("{label} goes to {}{full}{again}", offered.to)),
        };
        let known = Known { label, to: offered.to.to_string(), since: None, note: String::new(), told_at: None };
        self.known.insert(offered.handoff, known);
        text
    }

    fn label(&self, handoff: HandoffId) -> String {
        self.known.get(&handoff).map_or_else(|| handoff.to_string(), |known| known.label.clone())
    }

    /// Nobody works on it any more. Says for how long somebody did.
    fn rests(&mut self, handoff: HandoffId, at: Timestamp) -> String {
        let since = self.known.get_mut(&handoff).and_then(|known| known.since.take());
        since.map_or_else(String::new, |since| format!(" after {}", at.since(since)))
    }

    fn told(&mut self, at: Timestamp, event: &Event) -> Option<String> {
        Some(match event {
            Event::RunOpened { run, open, .. } => {
                self.plan.clone_from(&open.plan);
                format!("{run} is open: {}", open.title)
            }
            Event::HandoffOffered(offered) => return self.offered(offered),
            Event::HandoffClaimed { handoff, by, attempt, .. } => {
                if let Some(known) = self.known.get_mut(handoff) {
                    known.since = Some(at);
                    known.to = by.to_string();
                    known.note = String::new();
                }
                let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
                format!("{}: {by} works{again}", self.label(*handoff))
            }
            Event::ProgressReported { handoff, state } => {
                let note = note(state)?;
                let known = self.known.get_mut(handoff)?;
                known.note = format!(" ({note})");
                if known.told_at.is_some_and(|told| at.since(told) < NOTES_APART) {
                    return None;
                }
                known.told_at = Some(at);
                format!("{}: {note}", known.label)
            }
            Event::HandoffCompleted { handoff, verdict, .. } => {
                let worked = self.rests(*handoff, at);
                let judged = verdict.as_ref().map_or_else(|| "done".to_owned(), judgment);
                format!("{}: {judged}{worked}", self.label(*handoff))
            }
            Event::AttemptFailed { handoff, attempt, error, .. } => {
                let worked = self.rests(*handoff, at);
                format!("{}: attempt {attempt} failed{worked}: {} ({})", self.label(*handoff), error.message, error.kind)
            }
            Event::HandoffRequeued { handoff, not_before } => {
                let wait = not_before.since(at);
                if wait.0 == 0 {
                    return None;
                }
                format!("{}: tries again in {wait}", self.label(*handoff))
            }
            Event::LeaseLost { handoff, reason, .. } => {
                let worked = self.rests(*handoff, at);
                format!("{}: the lease is lost{worked}: {reason}", self.label(*handoff))
            }
            Event::HandoffReleased { handoff } => {
                self.rests(*handoff, at);
                format!("{}: given back, to be taken up again", self.label(*handoff))
            }
            Event::HandoffDeclined { handoff, reason } => {
                self.rests(*handoff, at);
                format!("{}: declined: {reason}", self.label(*handoff))
            }
            Event::HandoffRerouted { handoff, to, why } => format!("{}: goes to {to} instead: {why}", self.label(*handoff)),
            Event::HandoffParked { handoff, awaiting, .. } => {
                self.rests(*handoff, at);
                let what = match awaiting {
                    Awaiting::Handoff(handoff) => format!("for {}", self.label(*handoff)),
                    Awaiting::Run(run) => format!("for {run}"),
                    Awaiting::Answers => "for an answer".to_owned(),
                };
                format!("{}: waits {what}", self.label(*handoff))
            }
            Event::HandoffEnded { handoff, closing } => {
                self.rests(*handoff, at);
                format!("{}: {closing}", self.label(*handoff))
            }
            Event::DeadLettered { handoff, closing } => {
                self.rests(*handoff, at);
                format!("{}: dead letter: {closing}", self.label(*handoff))
            }
            Event::Redriven { handoff, to, .. } => format!("{}: sent once more, to {to}", self.label(*handoff)),
            Event::InterruptRaised { interrupt, .. } => format!("a person is asked: {interrupt}"),
            Event::InterruptResolved { answer, by, .. } => {
                let who = by.as_ref().map_or_else(|| "silence".to_owned(), ToString::to_string);
                let choice = if answer.choice.is_empty() { "in their own words" } else { &answer.choice };
                format!("answered by {who}: {choice}")
            }
            Event::CheckpointReached { check, .. } if check.violations.is_empty() => format!("checkpoint: holds {}", check.contract),
            Event::CheckpointReached { check, .. } => {
                format!("checkpoint: breaks {} in {}", check.contract, count(check.violations.len(), "place"))
            }
            Event::RunClosed { outcome, .. } => match outcome {
                RunOutcome::Completed { approved: true, .. } => "the run is completed".to_owned(),
                RunOutcome::Completed { approved: false, .. } => "the run is completed with the best version, without approval".to_owned(),
                RunOutcome::Failed { reason } => format!("the run failed: {reason}"),
                RunOutcome::Cancelled { reason } => format!("the run is cancelled: {reason}"),
            },
            _ => return None,
        })
    }
}

fn note(state: &WorkState) -> Option<String> {
    let mut parts = Vec::new();
    match &state.activity {
        Activity::Processing => {}
        Activity::WaitingFor(what) => parts.push(format!("waits for {what}")),
        Activity::BlockedOn(what) => parts.push(format!("blocked on {what}")),
    }
    parts.extend(state.percent.map(|percent| format!("{percent} %")));
    parts.extend(state.note.clone());
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A verdict in words.
pub(crate) fn judgment(verdict: &Verdict) -> String {
    let scored = |score: &Option<u32>| score.map_or_else(String::new, |score| format!(" (score {score})"));
    match verdict {
        Verdict::Approved { score } => format!("approved{}", scored(score)),
        Verdict::Revise { score, .. } => format!("wants changes{}", scored(score)),
        Verdict::SendBack { to, .. } => format!("sent back to {to}"),
    }
}
