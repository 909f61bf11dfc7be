//! Fills a trace from a log, one event after the other.
//!
//! The state is replayed alongside, because what a receiver was given depends on what was open when
//! it claimed, and closed handoffs forget their terms.

use std::collections::BTreeMap;
use std::sync::Arc;

use handclasp_briefing as briefing;
use handclasp_core::Run;
use handclasp_core::blob::{BlobRef, Digest};
use handclasp_core::command::{Verdict, Voice};
use handclasp_core::contract::{ContractId, ReadBackLevel};
use handclasp_core::directory::Directory;
use handclasp_core::event::{Event, Offered};
use handclasp_core::handoff::Phase;
use handclasp_core::id::{HandoffId, RunId, Tenant};
use handclasp_core::limits::Usage;
use handclasp_core::time::{Millis, Timestamp};
use handclasp_store::{Content, Store};

use super::people::questions;
use super::{Attempt, Delivered, Hop, Sent, Totals, Trace, Understood};
use crate::ending::brief;
use crate::failure::Failure;
use crate::log::Log;
use crate::plan_text;
use crate::progress::judgment;
use crate::store_file::content;
use crate::team_file::TeamFile;

/// As much of a content as helps to recognise it.
const PREVIEW_CHARS: usize = 100;

/// What came of a handoff that is not over yet.
const UNDER_WAY: &str = "under way";

/// The trace of a run.
pub(crate) async fn collect(store: &dyn Store, log: &Log) -> Result<Trace, Failure> {
    let run = &log.run;
    // Only the level of a read-back comes from the contracts; without them a briefing is a line shorter.
    let directory = TeamFile::of_run(run).map(|file| file.team.directory()).unwrap_or_default();
    let mut collector = Collector { store, run: run.id, directory, hops: BTreeMap::new() };
    let mut state = None;
    for recorded in &log.events {
        let corrupt = |error| Failure::broken(format!("read the log of {}", run.id), &error);
        Run::evolve(&mut state, &recorded.event, recorded.at_ms).map_err(corrupt)?;
        if let Some(state) = &state {
            collector.see(recorded.at_ms, &recorded.event, state).await?;
        }
    }
    let last = run.touched_at;
    let handoffs: Vec<Hop> = collector.hops.into_values().map(|hop| hop.timed(last)).collect();
    Ok(Trace {
        run: run.id,
        title: run.title.clone(),
        w3c_id: run.trace_id.clone(),
        condition: run.condition(),
        reason: run.why(),
        opened_at_ms: run.opened_at,
        touched_at_ms: last,
        questions: questions(store, log).await?,
        totals: totals(run, &handoffs),
        handoffs,
    })
}

fn totals(run: &Run, handoffs: &[Hop]) -> Totals {
    let sum = |length: fn(&Hop) -> Millis| Millis(handoffs.iter().map(|hop| length(hop).0).sum());
    Totals {
        handoffs: handoffs.len(),
        attempts: handoffs.iter().map(|hop| hop.attempts.len()).sum(),
        understood: handoffs.iter().filter(|hop| hop.read_back.as_ref().is_some_and(|said| said.counts)).count(),
        took_ms: run.touched_at.since(run.opened_at),
        worked_ms: sum(|hop| hop.worked_ms),
        waited_ms: sum(|hop| hop.waited_ms),
        briefing_tokens: handoffs.iter().filter_map(|hop| hop.delivered.as_ref()).map(|given| given.briefing_tokens).sum(),
        usage: run.usage,
    }
}

struct Collector<'a> {
    store: &'a dyn Store,
    run: RunId,
    directory: Directory,
    hops: BTreeMap<HandoffId, Hop>,
}

impl Collector<'_> {
    async fn see(&mut self, at: Timestamp, event: &Event, state: &Run) -> Result<(), Failure> {
        match event {
            Event::HandoffOffered(offered) => {
                let hop = self.offered(at, offered, state).await?;
                self.hops.insert(offered.handoff, hop);
            }
            Event::HandoffClaimed { handoff, by, attempt, .. } => {
                let given = self.given(*handoff, state).await?;
                if let Some(hop) = self.hops.get_mut(handoff) {
                    hop.to = by.clone();
                    hop.delivered = given;
                    hop.read_back = None;
                    hop.attempts.push(Attempt { number: *attempt, by: by.clone(), from_ms: at, to_ms: None, end: UNDER_WAY.to_owned() });
                }
            }
            Event::HandoffAccepted { handoff, .. } => {
                let said = understood(state, *handoff);
                if let Some(hop) = self.hops.get_mut(handoff) {
                    hop.read_back = said;
                }
            }
            Event::HandoffCompleted { handoff, result, usage, verdict, .. } => {
                let returns = state.handoff(*handoff).and_then(|handoff| handoff.returns.clone());
                let result = self.sent(*result, returns).await?;
                self.completed(at, *handoff, result, usage, verdict.as_ref()).await?;
            }
            Event::AttemptFailed { handoff, error, usage, .. } => {
                let hop = self.let_go(*handoff, at, &format!("failed: {} ({})", error.message, error.kind));
                if let Some(hop) = hop {
                    hop.usage.add(usage);
                }
            }
            Event::LeaseLost { handoff, reason, .. } => drop(self.let_go(*handoff, at, &format!("lease lost: {reason}"))),
            Event::HandoffReleased { handoff } => drop(self.let_go(*handoff, at, "given back")),
            Event::HandoffDeclined { handoff, reason } => drop(self.let_go(*handoff, at, &format!("declined: {reason}"))),
            Event::HandoffParked { handoff, .. } => drop(self.let_go(*handoff, at, "waits")),
            Event::HandoffRerouted { handoff, to, .. } => {
                if let Some(hop) = self.hops.get_mut(handoff) {
                    hop.to = to.clone();
                }
            }
            Event::HandoffEnded { handoff, closing } => self.ended(*handoff, at, closing.to_string()),
            Event::DeadLettered { handoff, closing } => self.ended(*handoff, at, format!("dead letter: {closing}")),
            Event::Redriven { handoff, payload, .. } => {
                let sent = self.sent(*payload, None).await?;
                if let Some(hop) = self.hops.get_mut(handoff) {
                    hop.sent = Sent { contract: hop.sent.contract.take(), ..sent };
                    hop.ended_at_ms = None;
                    UNDER_WAY.clone_into(&mut hop.outcome);
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn offered(&self, at: Timestamp, offered: &Offered, state: &Run) -> Result<Hop, Failure> {
        let step = state.handoff(offered.handoff).map(|handoff| plan_text::label(state.plan.as_ref(), handoff));
        Ok(Hop {
            handoff: offered.handoff,
            step: step.unwrap_or_default(),
            planned: offered.place.is_some(),
            from: offered.sender.clone(),
            to: offered.to.clone(),
            instead_of: offered.instead_of.clone(),
            kind: offered.kind,
            mode: offered.mode,
            sent: self.sent(offered.payload, offered.contract.clone()).await?,
            delivered: None,
            read_back: None,
            offered_at_ms: at,
            ended_at_ms: None,
            waited_ms: Millis(0),
            worked_ms: Millis(0),
            attempts: Vec::new(),
            usage: Usage::default(),
            verdict: None,
            feedback: None,
            outcome: UNDER_WAY.to_owned(),
            result: None,
        })
    }

    async fn completed(
        &mut self,
        at: Timestamp,
        handoff: HandoffId,
        result: Sent,
        usage: &Usage,
        verdict: Option<&Verdict>,
    ) -> Result<(), Failure> {
        let feedback = match verdict {
            Some(Verdict::Revise { feedback: said, .. } | Verdict::SendBack { question: said, .. }) => {
                Some(brief(&content(self.store, self.run, said.digest).await?, PREVIEW_CHARS))
            }
            Some(Verdict::Approved { .. }) | None => None,
        };
        if let Some(hop) = self.let_go(handoff, at, "completed") {
            hop.usage.add(usage);
            hop.ended_at_ms = Some(at);
            hop.verdict = verdict.map(judgment);
            hop.feedback = feedback;
            "completed".clone_into(&mut hop.outcome);
            hop.result = Some(result);
        }
        Ok(())
    }

    /// The attempt that is under way ends.
    fn let_go(&mut self, handoff: HandoffId, at: Timestamp, end: &str) -> Option<&mut Hop> {
        let hop = self.hops.get_mut(&handoff)?;
        if let Some(attempt) = hop.attempts.last_mut().filter(|attempt| attempt.to_ms.is_none()) {
            attempt.to_ms = Some(at);
            end.clone_into(&mut attempt.end);
        }
        Some(hop)
    }

    fn ended(&mut self, handoff: HandoffId, at: Timestamp, outcome: String) {
        if let Some(hop) = self.let_go(handoff, at, &outcome) {
            hop.ended_at_ms = Some(at);
            hop.outcome = outcome;
        }
    }

    async fn sent(&self, blob: BlobRef, contract: Option<ContractId>) -> Result<Sent, Failure> {
        sent(self.store, self.run, blob, contract).await
    }

    /// What the receiver of a claimed handoff got, counted as it would stand in a prompt.
    async fn given(&self, handoff: HandoffId, state: &Run) -> Result<Option<Delivered>, Failure> {
        let Some(claimed) = state.handoff(handoff) else { return Ok(None) };
        let Phase::Claimed { delivery, .. } = &claimed.phase else { return Ok(None) };
        let mut contents: BTreeMap<Digest, Arc<[u8]>> = BTreeMap::new();
        for digest in briefing::needed(state, claimed) {
            if let Content::Bytes(bytes) = self.store.content(&Tenant::local(), self.run, digest).await? {
                contents.insert(digest, bytes);
            }
        }
        let assembled = briefing::assemble(state, claimed, &self.directory, &|digest| contents.get(&digest).cloned());
        Ok(Some(Delivered {
            items: delivery.carried.len(),
            must_carry: delivery.must_carry.len(),
            withheld: delivery.withheld.len(),
            briefing_tokens: briefing::tokens(&briefing::markdown(&assembled)),
        }))
    }
}

/// A content as a trace shows it.
pub(super) async fn sent(store: &dyn Store, run: RunId, blob: BlobRef, contract: Option<ContractId>) -> Result<Sent, Failure> {
    let value = content(store, run, blob.digest).await?;
    Ok(Sent { contract, digest: blob.digest, bytes: blob.bytes, preview: brief(&value, PREVIEW_CHARS) })
}

fn understood(state: &Run, handoff: HandoffId) -> Option<Understood> {
    let handoff = state.handoff(handoff)?;
    let Phase::Accepted { read_back, .. } = &handoff.phase else { return None };
    Some(Understood {
        by: read_back.by,
        counts: read_back.by == Voice::Agent && read_back.level > ReadBackLevel::Off,
        items: read_back.items.len(),
        criteria: read_back.criteria.len(),
        criteria_asked: handoff.terms.acceptance.len(),
        confidence: read_back.confidence,
    })
}

impl Hop {
    /// With its waiting and working time, up to its end or the run's last event.
    fn timed(mut self, last: Timestamp) -> Self {
        let end = self.ended_at_ms.unwrap_or(last);
        let worked = self.attempts.iter().map(|attempt| attempt.to_ms.unwrap_or(last).since(attempt.from_ms).0).sum();
        self.worked_ms = Millis(worked);
        self.waited_ms = Millis(end.since(self.offered_at_ms).0.saturating_sub(worked));
        self
    }
}
