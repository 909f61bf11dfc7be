//! Who is let in: whoever shows a key, or, as long as there is none, whoever is on this machine.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};
use handclasp_core::id::Principal;
use handclasp_engine::Engine;
use handclasp_engine::keys::{Key, Standing};

use crate::caller::{Caller, Scope};
use crate::house::Gate;
use crate::keys;
use crate::problem::{Door, Problem};
use crate::serve::Keys;

/// The gate of a server.
pub(crate) struct KeyGate {
    engine: Engine,
    keys: Keys,
}

impl KeyGate {
    pub(crate) fn new(engine: Engine, keys: Keys) -> Self {
        Self { engine, keys }
    }

    /// Whether nobody comes in without a key.
    pub(crate) fn asks(&self) -> bool {
        self.keys == Keys::Required || self.engine.has_keys()
    }

    /// The key behind these headers, if there is one and it is good. A wrong key is refused even where
    /// none is asked for: whoever sends one does not mean to come in as somebody else.
    pub(crate) fn key(&self, headers: &HeaderMap) -> Result<Option<Arc<Key>>, Problem> {
        let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
        let not_known = || Door::Unauthenticated.problem("the key in `Authorization` is not known here");
        let (id, secret) = value.to_str().ok().and_then(bearer).and_then(keys::parts).ok_or_else(not_known)?;
        let key = self.engine.key(id).filter(|key| keys::opens(key, secret)).ok_or_else(not_known)?;
        // Only whoever knows the secret learns how the key stands.
        match key.standing(self.engine.now()) {
            Standing::Good => Ok(Some(key)),
            Standing::Expired => Err(Door::Unauthenticated.problem(format!("the key `{id}` has expired"))),
            Standing::Revoked => Err(Door::Unauthenticated.problem(format!("the key `{id}` was revoked"))),
        }
    }
}

impl Gate for KeyGate {
    fn admit(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        match self.key(headers)? {
            Some(key) => Ok(caller(&key)),
            None if self.asks() => Err(Door::Unauthenticated.problem("no key was sent")),
            None => Ok(Caller::local()),
        }
    }
}

/// The id of the key that somebody claims to have, for the log.
pub(crate) fn claimed_id(authorization: &HeaderValue) -> Option<&str> {
    authorization.to_str().ok().and_then(bearer).and_then(keys::parts).map(|(id, _)| id)
}

/// The token of an `Authorization` header of the scheme `Bearer` (RFC 6750), whose case does not matter.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}

fn caller(key: &Key) -> Caller {
    let principal: Principal = format!("key:{}", key.id).parse().expect("an id has no blanks");
    // A word that this version does not know allows nothing.
    let scopes: BTreeSet<Scope> = key.scopes.iter().filter_map(|word| Scope::named(word)).collect();
    Caller { tenant: key.tenant.clone(), principal, scopes: Some(Arc::new(scopes)), agents: key.agents.clone().map(Arc::new) }
}
