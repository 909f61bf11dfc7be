//! Work that waits for workers, and workers that wait for work.
//!
//! The outbox is the queue. Here is only the head of each line, so that giving work out reads nothing:
//! a *hint* that may be old (the claim is decided by the rules, and refused if it is), and a bell for
//! the workers that wait. A line exists once somebody has asked for its work; it is filled from the
//! store, then kept up to date by every commit. Work goes out in the order in which it became due,
//! workers are served in the order in which they came.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use handclasp_core::id::{AgentName, HandoffId, RunId, Tenant};
use handclasp_core::run::{Owed, Slot, Standing};
use handclasp_core::time::Timestamp;
use handclasp_store::{Dispatch, Due};
use tokio::sync::Notify;

use crate::engine::{Engine, lock};
use crate::error::EngineError;
use crate::limits;

/// All lines, by tenant and agent.
#[derive(Default)]
pub(crate) struct Queue {
    lines: Mutex<HashMap<(Tenant, AgentName), Arc<Line>>>,
    /// Rung when something comes due earlier than was known.
    alarm: Notify,
}

/// What waits for one agent.
pub(crate) struct Line {
    head: Mutex<Head>,
    /// Rung once for each thing that a worker could take.
    pub(crate) bell: Notify,
}

struct Head {
    /// Hints, in the order in which the work becomes due.
    hints: BTreeSet<(Timestamp, HandoffId)>,
    /// When to look into the store: there may be more than the hints, from then on.
    refill_at: Option<Timestamp>,
    /// When a worker asked last.
    asked_at: Timestamp,
}

/// What a line has to say to a worker.
pub(crate) enum Next {
    /// Try these.
    Try(Vec<(Timestamp, HandoffId)>),
    /// Fill it first.
    Refill,
    /// Nothing is due.
    Nothing,
}

impl Line {
    /// Takes up to `most` hints that are due.
    pub(crate) fn take(&self, now: Timestamp, most: usize) -> Next {
        let mut head = lock(&self.head);
        head.asked_at = now;
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(first) = head.hints.first().copied().filter(|(due, _)| *due <= now)
        {
            head.hints.remove(&first);
            taken.push(first);
        }
        if !taken.is_empty() {
            // Whoever is next may find the rest.
            if head.hints.first().is_some_and(|(due, _)| *due <= now) || head.refill_at.is_some_and(|at| at <= now) {
                self.bell.notify_one();
            }
            return Next::Try(taken);
        }
        if head.refill_at.is_some_and(|at| at <= now) {
            // Others wait for what this one brings.
            head.refill_at = None;
            return Next::Refill;
        }
        Next::Nothing
    }

    /// Puts back what could not be taken now.
    pub(crate) fn put(&self, due: Timestamp, handoff: HandoffId, now: Timestamp) {
        let mut head = lock(&self.head);
        if head.hints.len() >= limits::HINTS_MAX {
            // The store knows all; what is not hinted at is found when the hints are used up.
            head.refill_at = Some(head.refill_at.map_or(due, |at| at.min(due)));
            return;
        }
        head.hints.insert((due, handoff));
        drop(head);
        if due <= now {
            self.bell.notify_one();
        }
    }

    fn filled(&self, found: Vec<(Timestamp, HandoffId)>, again_at: Option<Timestamp>) {
        let mut head = lock(&self.head);
        head.hints.extend(found);
        head.refill_at = match (head.refill_at, again_at) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    /// When something comes due that is not due yet; rings for what is.
    fn look(&self, now: Timestamp) -> Option<Timestamp> {
        let head = lock(&self.head);
        let first = head.hints.first().map(|(due, _)| *due);
        let due = [first, head.refill_at].into_iter().flatten().min();
        if due.is_some_and(|due| due <= now) {
            self.bell.notify_one();
            // Nobody may be there to hear it; the bell is kept for whoever comes next.
            return head.hints.iter().find(|(due, _)| *due > now).map(|(due, _)| *due);
        }
        due
    }
}

/// A line that is being filled. The worker for whom that is done may hang up in the middle; whoever is
/// next must then do it, or nobody ever would.
struct Refilling<'a> {
    line: &'a Line,
    since: Timestamp,
    over: bool,
}

impl Refilling<'_> {
    fn end(mut self, found: Vec<(Timestamp, HandoffId)>, again_at: Option<Timestamp>) {
        self.over = true;
        self.line.filled(found, again_at);
    }
}

impl Drop for Refilling<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.line.filled(Vec::new(), Some(self.since));
            self.line.bell.notify_one();
        }
    }
}

impl Queue {
    /// The line of an agent, made if need be.
    pub(crate) fn line(&self, tenant: &Tenant, agent: &AgentName, now: Timestamp) -> Arc<Line> {
        let mut lines = lock(&self.lines);
        let new = || {
            let head = Head { hints: BTreeSet::new(), refill_at: Some(now), asked_at: now };
            Arc::new(Line { head: Mutex::new(head), bell: Notify::new() })
        };
        Arc::clone(lines.entry((tenant.clone(), agent.clone())).or_insert_with(new))
    }

    fn known(&self, tenant: &Tenant, agent: &AgentName) -> Option<Arc<Line>> {
        lock(&self.lines).get(&(tenant.clone(), agent.clone())).cloned()
    }

    /// Takes down what a commit owes.
    pub(crate) fn owed(&self, tenant: &Tenant, run: RunId, owed: &[Owed], now: Timestamp) {
        for one in owed {
            let (Slot::Handoff(number), Some(Standing::Deliver { to, due })) = (one.slot, &one.standing) else { continue };
            let Some(line) = self.known(tenant, to) else { continue };
            line.put(*due, HandoffId { run, number }, now);
            if *due > now {
                self.alarm.notify_one();
            }
        }
    }

    /// How many workers are asking for an agent's work at this moment.
    pub(crate) fn workers(&self, tenant: &Tenant, agent: &AgentName) -> usize {
        // One is here, one in the list.
        self.known(tenant, agent).map_or(0, |line| Arc::strong_count(&line) - 2)
    }

    /// Somebody has room again.
    pub(crate) fn room(&self, tenant: &Tenant, agents: &[AgentName]) {
        for agent in agents {
            if let Some(line) = self.known(tenant, agent) {
                line.bell.notify_one();
            }
        }
    }

    /// Calls workers for what has come due; returns when something will next. Lines that nobody asks
    /// for any more are dropped.
    fn call(&self, now: Timestamp) -> Option<Timestamp> {
        let mut lines = lock(&self.lines);
        lines.retain(|_, line| Arc::strong_count(line) > 1 || now.since(lock(&line.head).asked_at) < limits::LINE_KEPT);
        lines.values().filter_map(|line| line.look(now)).min()
    }
}

impl Engine {
    /// Calls waiting workers when something comes due by itself, such as the next attempt after a wait.
    /// Never ends; runs beside the post.
    pub async fn call_workers(&self) {
        loop {
            let now = self.now();
            let latest = now + limits::LINE_KEPT;
            let next = self.inner.queue.call(now).map_or(latest, |next| next.min(latest));
            tokio::select! {
                () = self.inner.clock.sleep_until(next) => {}
                () = self.inner.queue.alarm.notified() => {}
            }
        }
    }

    /// Fills a line from the store.
    pub(crate) async fn refill(&self, tenant: &Tenant, agent: &AgentName, line: &Line) -> Result<(), EngineError> {
        let now = self.now();
        let refilling = Refilling { line, since: now, over: false };
        let due = Due { now, agents: vec![(tenant.clone(), agent.clone())], limit: limits::REFILL_MAX };
        let found = self.inner.store.due(due).await;
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                refilling.end(Vec::new(), Some(now));
                return Err(EngineError::Store(error));
            }
        };
        let again_at = if found.deliveries.len() >= limits::REFILL_MAX as usize { Some(now) } else { found.next };
        let hint = |row: Dispatch| match (row.slot, row.standing) {
            (Slot::Handoff(number), Standing::Deliver { due, .. }) => Some((due, HandoffId { run: row.run, number })),
            _ => None,
        };
        refilling.end(found.deliveries.into_iter().filter_map(hint).collect(), again_at);
        self.inner.queue.alarm.notify_one();
        Ok(())
    }
}
