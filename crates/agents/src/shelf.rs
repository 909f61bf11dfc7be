//! Who waits for work and who is at it: the bookkeeping behind [`crate::warm`].
//!
//! A process belongs to the tenant for whom it has worked, and with `per_run` to the run; nobody else
//! ever gets it. One that was started ahead belongs to nobody yet. The one that waited least is taken
//! first, so that those beyond the need grow old and end; when there are too many, the oldest leaves.

use std::collections::BTreeMap;

use handclasp_core::id::{RunId, Tenant};
use tokio::sync::oneshot;

use crate::idle::Idle;
use crate::instance::Instance;

/// For whom a process works.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub(crate) tenant: Tenant,
    /// The only run, if it works for no other.
    pub(crate) run: Option<RunId>,
}

/// The processes of one agent that wait, and the turns of those that work.
#[derive(Default)]
pub(crate) struct Shelf {
    /// The one that has waited longest comes first.
    waiting: Vec<Waiting>,
    working: BTreeMap<Owner, Working>,
    closed: bool,
}

struct Waiting {
    /// Nobody's if it has not worked yet.
    owner: Option<Owner>,
    idle: Idle,
}

/// The turns that are being worked for an owner.
#[derive(Default)]
struct Working {
    turns: usize,
    /// So many of them are about to give their process back.
    closing: usize,
    /// The run was over when it was last heard of: its processes are not kept after their turns.
    run_over: bool,
}

/// Where a turn's process comes from.
pub(crate) enum Source {
    /// It waits and was asked for; it may turn out to be unfit.
    Waiting(oneshot::Receiver<Instance>),
    /// None waits, but one will in a moment.
    Soon,
    /// It has to be started.
    New,
}

impl Shelf {
    pub(crate) fn begin_turn(&mut self, owner: &Owner) {
        let working = self.working.entry(owner.clone()).or_default();
        working.turns += 1;
        working.run_over = false;
    }

    pub(crate) fn end_turn(&mut self, owner: &Owner) {
        if let Some(working) = self.working.get_mut(owner) {
            working.turns -= 1;
            if working.turns == 0 {
                self.working.remove(owner);
            }
        }
    }

    /// A turn is about to give its process back, or is not any more.
    pub(crate) fn turn_closes(&mut self, owner: &Owner, closes: bool) {
        if let Some(working) = self.working.get_mut(owner) {
            working.closing = if closes { working.closing + 1 } else { working.closing - 1 };
        }
    }

    /// The process that suits best: one that has worked for the same owner, or else for nobody.
    pub(crate) fn source(&mut self, owner: &Owner) -> Source {
        self.waiting.retain(|waiting| !waiting.idle.has_left());
        let newest = |whose: Option<&Owner>| self.waiting.iter().rposition(|one| one.owner.as_ref() == whose && one.idle.waits());
        match newest(Some(owner)).or_else(|| newest(None)) {
            Some(at) => Source::Waiting(self.waiting[at].idle.want()),
            None if self.working.get(owner).is_some_and(|working| working.closing > 0) => Source::Soon,
            None => Source::New,
        }
    }

    /// Keeps a process after a turn. Returns the one that has to leave for it, which may be the same.
    pub(crate) fn keep(&mut self, owner: Owner, idle: Idle, size: u32) -> Option<Idle> {
        if self.closed || self.working.get(&owner).is_some_and(|working| working.run_over) {
            return Some(idle);
        }
        self.waiting.push(Waiting { owner: Some(owner), idle });
        if self.count() <= size as usize {
            return None;
        }
        // What was started ahead stays: it is there for those whose process has left.
        let oldest = self.waiting.iter().position(|one| one.owner.is_some() && one.idle.waits())?;
        Some(self.waiting.remove(oldest).idle)
    }

    /// Whether one more has to be started ahead.
    pub(crate) fn lacks(&self, ahead: u32, size: u32) -> bool {
        let fresh = self.waiting.iter().filter(|one| one.owner.is_none() && one.idle.waits()).count();
        !self.closed && fresh < ahead as usize && self.count() < size as usize
    }

    pub(crate) fn stock(&mut self, idle: Idle) {
        self.waiting.push(Waiting { owner: None, idle });
    }

    /// Gives up what waits for an owner whose run is over.
    pub(crate) fn let_go(&mut self, owner: &Owner) -> Vec<Idle> {
        if let Some(working) = self.working.get_mut(owner) {
            working.run_over = true;
        }
        self.waiting.extract_if(.., |one| one.owner.as_ref() == Some(owner)).map(|one| one.idle).collect()
    }

    /// Gives up everything. Nothing is kept from now on.
    pub(crate) fn close(&mut self) -> Vec<Idle> {
        self.closed = true;
        std::mem::take(&mut self.waiting).into_iter().map(|one| one.idle).collect()
    }

    fn count(&self) -> usize {
        self.waiting.iter().filter(|one| one.idle.waits()).count()
    }
}
