//! On whose authority a request comes, and what that allows.

use std::collections::BTreeSet;
use std::sync::Arc;

use handclasp_core::id::{AgentName, Principal, Tenant};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a key may be used for. Each endpoint asks for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Look at anything of the tenant.
    Read,
    /// Open runs and offer work on the run's own authority.
    Offer,
    /// Claim work, and everything that its holder does with it, up to handing it on.
    Work,
    /// Answer questions and approvals.
    Resolve,
    /// Stop runs and handoffs.
    Cancel,
    /// Send dead letters once more.
    Redrive,
    /// Say who the agents are.
    Register,
    /// Publish contracts.
    Publish,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Read, Self::Offer, Self::Work, Self::Resolve, Self::Cancel, Self::Redrive, Self::Register, Self::Publish];

    /// The scope that is written so.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }

    /// The scope as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Offer => "offer",
            Self::Work => "work",
            Self::Resolve => "resolve",
            Self::Cancel => "cancel",
            Self::Redrive => "redrive",
            Self::Register => "register",
            Self::Publish => "publish",
        }
    }
}

/// Whoever sent a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Whose data it may see.
    pub tenant: Tenant,
    /// Who it is, for the log.
    pub principal: Principal,
    /// What it may do; none for everything.
    pub scopes: Option<Arc<BTreeSet<Scope>>>,
    /// As which agents it may work; none for all.
    pub agents: Option<Arc<BTreeSet<AgentName>>>,
}

impl Caller {
    /// Whoever is on this machine, where no key is asked for.
    pub fn local() -> Self {
        Self { tenant: Tenant::local(), principal: "user:local".parse().expect("a principal"), scopes: None, agents: None }
    }

    /// Whether it may do that.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.contains(&scope))
    }

    /// Whether it may act as that agent.
    pub fn may_be(&self, agent: &AgentName) -> bool {
        self.agents.as_ref().is_none_or(|agents| agents.contains(agent))
    }
}
