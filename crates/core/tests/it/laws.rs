//! The laws, restated without looking at how the rules keep them.
//!
//! Each function takes the run before and after a commit and the events between, and panics with the
//! law's name. Deliberately slow and literal: it shares no index and no shortcut with the rules.

use std::collections::{BTreeMap, BTreeSet};

use handclasp_core::Run;
use handclasp_core::event::{Awaiting, Event};
use handclasp_core::handoff::{Handoff, Phase};
use handclasp_core::id::{BranchId, ItemId};
use handclasp_core::ledger::{Ending, Item, ItemKind};
use handclasp_core::run::{InterruptState, Slot};

/// What the events have said so far about the ends of items and branches.
#[derive(Clone, Default)]
pub(crate) struct Settled {
    /// Where each item was ended, with a reason.
    ended: BTreeMap<ItemId, BTreeSet<BranchId>>,
    /// Branches whose settlements count for the one above.
    joined: BTreeSet<BranchId>,
}

/// Holds a commit against every law.
pub(crate) fn hold(before: Option<&Run>, run: &Run, events: &[Event], settled: &mut Settled) {
    one_owner(run);
    tokens_increase(before, events);
    deliveries_leave_nothing_out(before, events);
    settled.note(events);
    nothing_is_lost(run, settled);
    limits_hold(run);
    what_is_over_owes_nothing(run);
}

impl Settled {
    fn note(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::ItemEnded { item, branch, why, .. } => {
                    assert!(!why.trim().is_empty(), "law 7: `{item}` ended without a reason");
                    self.ended.entry(*item).or_default().insert(*branch);
                }
                Event::BranchClosed { branch, joined: true } => {
                    self.joined.insert(*branch);
                }
                _ => {}
            }
        }
    }

    /// Whether an ending in `branch` counts for the run's first branch.
    fn counts(&self, run: &Run, branch: BranchId) -> bool {
        match run.branches().iter().find(|known| known.id == branch).and_then(|known| known.from) {
            None => true,
            Some(above) => self.joined.contains(&branch) && self.counts(run, above),
        }
    }
}

/// Law 2: what is open in a branch and does not wait for another handoff of it is its one owner.
fn one_owner(run: &Run) {
    for branch in run.branches() {
        let holds =
            |handoff: &&Handoff| handoff.branch == branch.id && !matches!(handoff.phase, Phase::Waiting { awaiting: Awaiting::Handoff(_) });
        let holders: Vec<_> =
            run.handoffs().iter().filter(|handoff| !handoff.phase.is_over()).filter(holds).map(|handoff| handoff.id).collect();
        assert!(holders.len() <= 1, "law 2: `{}` has the owners {holders:?}", branch.id);
        assert_eq!(branch.owner, holders.first().copied(), "law 2: the owner of `{}`", branch.id);
        assert!(!(branch.closed && branch.owner.is_some()), "law 2: `{}` has ended and is owned", branch.id);
    }
    for handoff in run.handoffs() {
        if let Phase::Waiting { awaiting: Awaiting::Handoff(child) } = handoff.phase {
            let child = run.handoff(child).expect("what is awaited exists");
            assert!(!child.phase.is_over(), "law 2: `{}` waits for `{}`, which is {}", handoff.id, child.id, child.phase.name());
        }
    }
}

/// Law 4: every claim has a new token, higher than all before.
fn tokens_increase(before: Option<&Run>, events: &[Event]) {
    let mut last = before.map_or(0, |run| run.claims);
    for event in events {
        if let Event::HandoffClaimed { token, .. } = event {
            assert!(token.0 > last, "law 4: token {token} after {last}");
            last = token.0;
        }
    }
}

/// Law 7: each open item is carried or withheld, none is left out and none is made up.
fn deliveries_leave_nothing_out(before: Option<&Run>, events: &[Event]) {
    for event in events {
        let Event::HandoffClaimed { handoff, delivery, .. } = event else { continue };
        let run = before.expect("a claim needs a run");
        let branch = run.handoff(*handoff).expect("a claim needs a handoff").branch;
        let given: BTreeSet<ItemId> = delivery.carried.iter().chain(&delivery.withheld).copied().collect();
        assert_eq!(given.len(), delivery.carried.len() + delivery.withheld.len(), "law 7: an item is carried and withheld");
        assert_eq!(given, run.open_items(branch).into_iter().collect(), "law 7: what `{handoff}` is given");
        let must: Vec<ItemId> = delivery.carried.iter().copied().filter(|id| must_travel(run.ledger.item(*id).expect("known"))).collect();
        assert_eq!(delivery.must_carry, must, "law 7: what the read-back has to name");
    }
}

fn must_travel(item: &Item) -> bool {
    item.content.must_carry || item.content.kind == ItemKind::Constraint
}

/// Law 7 again: a must-carry item is open for the run unless it was ended with a reason in a branch
/// that counts, a later item took its place, or its own branch is still at work.
fn nothing_is_lost(run: &Run, settled: &Settled) {
    let Some(first) = run.branches().first().map(|branch| branch.id) else { return };
    let open: BTreeSet<ItemId> = run.open_items(first).into_iter().collect();
    for item in run.ledger.items().iter().filter(|item| must_travel(item)) {
        let ended = settled.ended.get(&item.id).is_some_and(|branches| branches.iter().any(|branch| settled.counts(run, *branch)));
        let replaced = run.ledger.items().iter().any(|later| later.supersedes == Some(item.id));
        let away = lineage(run, item.branch).iter().any(|branch| *branch != first && !closed(run, *branch));
        assert!(ended || replaced || away || open.contains(&item.id), "law 7: `{}` ({}) is lost", item.id, item.content.key);
        assert!(!(ended && open.contains(&item.id)), "law 7: `{}` has ended and is open", item.id);
        if let Some(later) = run.ledger.items().iter().find(|later| later.supersedes == Some(item.id)) {
            let explained = settled.ended.contains_key(&item.id);
            assert!(explained || must_travel(later), "law 7: `{}` lost its must-carry to `{}`", item.id, later.id);
            assert!(explained || item.content.kind != ItemKind::Constraint, "law 8: constraint `{}` was replaced", item.id);
        }
        assert!(item.content.kind != ItemKind::Constraint || !item.ended.values().any(|end| *end == Ending::Discharged), "law 8");
    }
}

fn lineage(run: &Run, branch: BranchId) -> Vec<BranchId> {
    std::iter::successors(Some(branch), |at| run.branches().iter().find(|known| known.id == *at).and_then(|known| known.from)).collect()
}

fn closed(run: &Run, branch: BranchId) -> bool {
    run.branches().iter().any(|known| known.id == branch && known.closed)
}

/// Law 9: what counts is never more than what is allowed, for the run and for every handoff.
fn limits_hold(run: &Run) {
    let most = |allowed: Option<u64>| allowed.unwrap_or(u64::MAX);
    assert!(run.claims <= most(run.limits.steps), "law 9: {} claims", run.claims);
    for handoff in run.handoffs() {
        let above = handoff.from.and_then(|from| run.handoff(from));
        assert!(
            above.is_none_or(|above| above.limits.narrowed(&handoff.limits) == handoff.limits),
            "law 9: `{}` has wider limits",
            handoff.id
        );
        let claims: u64 = run.handoffs().iter().filter(|other| comes_from(run, other, handoff)).map(|other| other.claims).sum();
        assert!(claims <= most(handoff.limits.steps), "law 9: {claims} claims below `{}`", handoff.id);
    }
}

fn comes_from(run: &Run, handoff: &Handoff, root: &Handoff) -> bool {
    handoff.id == root.id || handoff.from.and_then(|from| run.handoff(from)).is_some_and(|above| comes_from(run, above, root))
}

/// Law 11: a closed run is closed: nobody holds anything, nobody is asked, no timer runs.
fn what_is_over_owes_nothing(run: &Run) {
    if run.outcome.is_none() {
        return;
    }
    assert!(run.handoffs().iter().all(|handoff| handoff.phase.is_over()), "law 11: a closed run has open handoffs");
    assert!(run.interrupts().iter().all(|interrupt| interrupt.state != InterruptState::Open), "law 11: a closed run asks somebody");
    let told = |slot: Slot| matches!(slot, Slot::Parent | Slot::Child(_));
    assert!(run.all_owed().iter().all(|owed| told(owed.slot)), "law 11: a closed run is owed {:?}", run.all_owed());
}
