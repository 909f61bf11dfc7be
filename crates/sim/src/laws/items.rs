//! Conservation: what must be carried reaches every receiver, or its end is on record (law 7).

use std::collections::BTreeSet;

use handclasp_core::event::Event;
use handclasp_core::id::{AgentName, ItemId};
use handclasp_core::ledger::{Delivery, Ending, ItemKind, NewItem};

use super::witness::Witness;
use super::{Held, broken, require};
use crate::team;

/// The branch that a run begins with.
const FIRST: u32 = 1;

/// An item, as its events tell it.
#[derive(Debug, Clone)]
pub(crate) struct ItemSeen {
    id: ItemId,
    branch: u32,
    content: NewItem,
    superseded: bool,
    /// The branches in which it was ended.
    ended: BTreeSet<u32>,
}

impl ItemSeen {
    fn must_carry(&self) -> bool {
        self.content.must_carry || self.content.kind == ItemKind::Constraint
    }
}

impl Witness {
    /// Takes down what an event says about items.
    pub(super) fn item_event(&mut self, event: &Event) -> Held {
        match event {
            Event::ItemAdded { item, branch, content, .. } => {
                require(item.number as usize == self.items.len() + 1, "conservation", || format!("{item} is out of order"))?;
                for earlier in &mut self.items {
                    earlier.superseded |= earlier.branch == branch.number && earlier.content.key == content.key;
                }
                let (id, branch, content) = (*item, branch.number, content.clone());
                self.items.push(ItemSeen { id, branch, content, superseded: false, ended: BTreeSet::new() });
                Ok(())
            }
            Event::ItemEnded { item, branch, ending, why, .. } => {
                let Some(seen) = self.items.iter_mut().find(|seen| seen.id == *item) else {
                    return broken("conservation", format!("{item} was ended before it was there"));
                };
                let held = seen.content.kind != ItemKind::Constraint || *ending != Ending::Discharged;
                require(held, "conservation", || format!("the constraint {item} was discharged"))?;
                require(!why.trim().is_empty(), "conservation", || format!("{item} was ended without a reason"))?;
                seen.ended.insert(branch.number);
                Ok(())
            }
            Event::HandoffClaimed { handoff, by, delivery, .. } => {
                let branch = self.handoffs[handoff.number as usize - 1].branch;
                self.delivered(branch, by, delivery)
            }
            _ => Ok(()),
        }
    }

    /// A branch and everything above it.
    fn line(&self, branch: u32) -> Vec<u32> {
        let mut line = vec![branch];
        while let Some(above) = line.last().and_then(|at| self.branches[*at as usize - 1].from) {
            line.push(above);
        }
        line
    }

    /// Whether something in `branch` has come back to one of `line`, by branches that have ended; for
    /// what was settled there, by branches that have ended well.
    fn comes_back(&self, branch: u32, line: &[u32], joined_only: bool) -> bool {
        let mut at = branch;
        loop {
            if line.contains(&at) {
                return true;
            }
            let seen = &self.branches[at as usize - 1];
            match (seen.closed, seen.from) {
                (Some(joined), Some(above)) if joined || !joined_only => at = above,
                _ => return false,
            }
        }
    }

    /// The items that are open in a branch.
    fn open_items(&self, branch: u32) -> impl Iterator<Item = &ItemSeen> {
        let line = self.line(branch);
        self.items.iter().filter(move |item| {
            !item.superseded
                && self.comes_back(item.branch, &line, false)
                && !item.ended.iter().any(|ended| self.comes_back(*ended, &line, true))
        })
    }

    /// A receiver is given every open item that it may see, and the rest is on record as withheld.
    fn delivered(&self, branch: u32, by: &AgentName, delivery: &Delivery) -> Held {
        let (mut carried, mut withheld, mut must_carry) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for item in self.open_items(branch) {
            let visible = &item.content.visible_to;
            if visible.is_empty() || team::roles(by).iter().any(|role| visible.contains(role)) {
                carried.insert(item.id);
                if item.must_carry() {
                    must_carry.insert(item.id);
                }
            } else {
                withheld.insert(item.id);
            }
        }
        let lists = [(&delivery.carried, carried), (&delivery.withheld, withheld), (&delivery.must_carry, must_carry)];
        for (said, open) in lists {
            let said: BTreeSet<ItemId> = said.iter().copied().collect();
            require(said == open, "conservation", || {
                format!("`{by}` was given {} in branch {branch}, and {} is open", shown(&said), shown(&open))
            })?;
        }
        Ok(())
    }

    /// A run that ends names what nobody has seen to.
    pub(super) fn nothing_unseen(&self, named: &[ItemId]) -> Held {
        let named: BTreeSet<ItemId> = named.iter().copied().collect();
        // Every branch ends with the run, so all items count; what was settled in a branch that has not
        // joined was settled for nobody else.
        let open: BTreeSet<ItemId> = self
            .items
            .iter()
            .filter(|item| item.must_carry() && item.content.kind != ItemKind::Constraint && !item.superseded)
            .filter(|item| !item.ended.iter().any(|ended| self.comes_back(*ended, &[FIRST], true)))
            .map(|item| item.id)
            .collect();
        require(named == open, "conservation", || {
            format!("{} ended, named {} as unseen, and {} is open", self.id, shown(&named), shown(&open))
        })
    }
}

fn shown(items: &BTreeSet<ItemId>) -> String {
    let numbers: Vec<String> = items.iter().map(|item| item.number.to_string()).collect();
    format!("items {{{}}}", numbers.join(", "))
}
