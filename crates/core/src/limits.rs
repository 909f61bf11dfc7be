//! What a run, or a part of it, may spend at the most. Limits are inherited and only narrow (law 9).

use serde::{Deserialize, Serialize};

use crate::time::Millis;

/// Bounds on a run, or on one handoff and everything below it. `None` sets no bound of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limits {
    /// Claims in all, retries included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Handoffs offered: in the run, or below the handoff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handoffs: Option<u64>,
    /// Handoffs to any one agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visits: Option<u64>,
    /// Delegations inside each other, counted from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<u64>,
    /// Tokens, in and out together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Cost in millionths of the team's currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
    /// Wall-clock time from the opening, or from the offer, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<u64>,
}

/// Every run stops somewhere even if nobody set a limit: far above honest work, far below a runaway loop.
pub const DEFAULT: Limits = Limits {
    steps: Some(1_000),
    handoffs: Some(500),
    visits: None,
    depth: Some(16),
    tokens: None,
    cost_micros: None,
    time_ms: Some(7 * 24 * 3_600_000),
};

fn tighter(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

impl Limits {
    /// The tighter of both, bound by bound.
    #[must_use]
    pub fn narrowed(&self, by: &Self) -> Self {
        Self {
            steps: tighter(self.steps, by.steps),
            handoffs: tighter(self.handoffs, by.handoffs),
            visits: tighter(self.visits, by.visits),
            depth: tighter(self.depth, by.depth),
            tokens: tighter(self.tokens, by.tokens),
            cost_micros: tighter(self.cost_micros, by.cost_micros),
            time_ms: tighter(self.time_ms, by.time_ms),
        }
    }

    /// These limits where they are set, `other` where they are not. For filling in defaults only.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self {
            steps: self.steps.or(other.steps),
            handoffs: self.handoffs.or(other.handoffs),
            visits: self.visits.or(other.visits),
            depth: self.depth.or(other.depth),
            tokens: self.tokens.or(other.tokens),
            cost_micros: self.cost_micros.or(other.cost_micros),
            time_ms: self.time_ms.or(other.time_ms),
        }
    }

    /// True when no bound is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What was spent: reported by agents, added up towards the parents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Usage {
    /// Tokens read by models.
    #[serde(skip_serializing_if = "is_zero")]
    pub tokens_in: u64,
    /// Tokens written by models.
    #[serde(skip_serializing_if = "is_zero")]
    pub tokens_out: u64,
    /// Cost in millionths of the team's currency.
    #[serde(skip_serializing_if = "is_zero")]
    pub cost_micros: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's `skip_serializing_if` passes a reference")]
fn is_zero(amount: &u64) -> bool {
    *amount == 0
}

impl Usage {
    /// Tokens in and out together.
    pub fn tokens(&self) -> u64 {
        self.tokens_in.saturating_add(self.tokens_out)
    }

    /// True when nothing was spent.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what somebody below has spent.
    pub fn add(&mut self, other: &Self) {
        self.tokens_in = self.tokens_in.saturating_add(other.tokens_in);
        self.tokens_out = self.tokens_out.saturating_add(other.tokens_out);
        self.cost_micros = self.cost_micros.saturating_add(other.cost_micros);
    }
}

/// What a child run may spend: set aside at its opening, settled at its closing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// Tokens set aside.
    pub tokens: u64,
    /// Millionths of the currency set aside.
    pub cost_micros: u64,
}

impl Budget {
    /// Sets more aside.
    pub fn add(&mut self, more: &Self) {
        self.tokens = self.tokens.saturating_add(more.tokens);
        self.cost_micros = self.cost_micros.saturating_add(more.cost_micros);
    }

    /// Gives back what was set aside.
    pub fn release(&mut self, settled: &Self) {
        self.tokens = self.tokens.saturating_sub(settled.tokens);
        self.cost_micros = self.cost_micros.saturating_sub(settled.cost_micros);
    }
}

/// How often and how fast a failed attempt is tried again. The wait grows by `factor`, without
/// jitter: a run is retried by one desk, so there is no herd to spread, and a replay stays exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Retry {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// Wait before the second attempt.
    pub backoff_ms: u64,
    /// By how much each further wait is longer.
    pub factor: u32,
    /// The longest wait.
    pub backoff_max_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 3, backoff_ms: 1_000, factor: 2, backoff_max_ms: 60_000 }
    }
}

impl Retry {
    /// The wait after `attempts` attempts have been made.
    pub fn wait_after(&self, attempts: u32) -> Millis {
        let growth = u64::from(self.factor.max(1)).saturating_pow(attempts.saturating_sub(1));
        Millis(self.backoff_ms.saturating_mul(growth).min(self.backoff_max_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_only_narrow() {
        let outer = Limits { tokens: Some(100), depth: Some(3), ..Limits::default() };
        let inner = Limits { tokens: Some(500), visits: Some(2), ..Limits::default() };
        let both = outer.narrowed(&inner);
        assert_eq!((both.tokens, both.depth, both.visits), (Some(100), Some(3), Some(2)));
    }

    #[test]
    fn waits_grow_up_to_the_longest() {
        let retry = Retry { attempts: 9, backoff_ms: 100, factor: 3, backoff_max_ms: 1_000 };
        let waits: Vec<u64> = (1..=4).map(|n| retry.wait_after(n).0).collect();
        assert_eq!(waits, [100, 300, 900, 1_000]);
    }
}
