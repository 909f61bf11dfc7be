//! The world outside: where effects really happen, and are counted.

use std::collections::BTreeMap;

use handclasp_core::command::EffectId;
use handclasp_core::id::HandoffId;

use crate::laws::{Held, require};

/// How often each guarded effect has really happened.
#[derive(Debug, Default)]
pub(crate) struct Outside(BTreeMap<(HandoffId, EffectId), u32>);

impl Outside {
    /// The effect happens. Once is all that was promised (law 6).
    pub(crate) fn happen(&mut self, handoff: HandoffId, effect: &EffectId) -> Held {
        let times = self.0.entry((handoff, effect.clone())).or_default();
        *times += 1;
        require(*times == 1, "effects", || format!("`{effect}` of {handoff} really happened {times} times"))
    }

    /// Whether it has happened: what whoever looks finds.
    pub(crate) fn has_happened(&self, handoff: HandoffId, effect: &EffectId) -> bool {
        self.0.contains_key(&(handoff, effect.clone()))
    }

    /// Everything that has happened, and how often.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&EffectId, u32)> {
        self.0.iter().map(|((_, effect), times)| (effect, *times))
    }
}
