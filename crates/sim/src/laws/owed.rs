//! What is owed is what the log says: no more rows, no fewer, none for the wrong time or token.
//!
//! Held against the log twice: against the witness, for what is owed about handoffs and questions,
//! and against `Run::all_owed` of the replayed run, for everything.

use std::collections::BTreeMap;

use handclasp_core::run::{Slot, Standing};
use handclasp_store::Dispatch;

use super::handoff::{HandoffSeen, Stand};
use super::witness::Witness;
use super::{Held, broken, require};

impl Witness {
    /// Compares the stored rows of this run with what they should be.
    pub(super) fn owed_is_stored(&self, rows: &[Dispatch]) -> Held {
        let stored: BTreeMap<Slot, &Standing> = rows.iter().map(|row| (row.slot, &row.standing)).collect();
        for handoff in &self.handoffs {
            row_of_handoff(handoff, stored.get(&Slot::Handoff(handoff.id.number)).copied())?;
        }
        for (number, question) in (1..).zip(&self.questions) {
            let asked = matches!(stored.get(&Slot::Interrupt(number)), Some(Standing::Inbox { .. }));
            require(asked == question.is_open(), "owed", || {
                format!("question {number} of {} is open: {}, and in the inbox: {asked}", self.id, question.is_open())
            })?;
        }
        self.as_computed(&stored)
    }

    fn as_computed(&self, stored: &BTreeMap<Slot, &Standing>) -> Held {
        let Some(run) = self.run() else { return Ok(()) };
        let computed: BTreeMap<Slot, Standing> =
            run.all_owed().into_iter().filter_map(|owed| owed.standing.map(|standing| (owed.slot, standing))).collect();
        for (slot, standing) in &computed {
            match stored.get(slot) {
                // Told already; the row is cleared without an event.
                None if *slot == Slot::Parent => {}
                None => return broken("owed", format!("{}: nothing is stored for `{slot}`, owed is {standing:?}", self.id)),
                Some(found) => require(found.kind() == standing.kind() && found.due() >= standing.due(), "owed", || {
                    format!("{}: `{slot}` is stored as {found:?}, owed is {standing:?}", self.id)
                })?,
            }
        }
        match stored.keys().find(|slot| !computed.contains_key(slot)) {
            Some(slot) => broken("owed", format!("{}: a row is stored for `{slot}`, nothing is owed", self.id)),
            None => Ok(()),
        }
    }
}

fn row_of_handoff(handoff: &HandoffSeen, stored: Option<&Standing>) -> Held {
    let holds = match (handoff.stand, stored) {
        (Stand::Offered(from), Some(Standing::Deliver { to, due })) => *to == handoff.to && *due == from,
        (Stand::Held(token, _), Some(Standing::Lease { by, token: stored, due, .. })) => {
            let heard = handoff.tenures.get(&token).map(|tenure| tenure.since + tenure.lease);
            *stored == token && *by == handoff.to && heard.is_some_and(|until| *due >= until)
        }
        (Stand::Dead, Some(Standing::DeadLetter)) | (Stand::Waiting(_) | Stand::Over, None) => true,
        _ => false,
    };
    require(holds, "owed", || format!("{} stands as {:?} and {stored:?} is stored", handoff.id, handoff.stand))
}
