//! API keys: who may come in over the network, for what, until when.
//!
//! Kept in the store like the other definitions, and at hand in memory, since every request asks. What
//! a key's text looks like and what its scopes allow is the doors' to say; here it is an id, a digest
//! and words.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use handclasp_core::blob::{Digest, canonical};
use handclasp_core::id::{AgentName, Tenant};
use handclasp_core::time::Timestamp;
use handclasp_store::{Expected, Kept, KeptOf, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::{EngineError, Rejection};
use crate::limits;

const KEY: &str = "key";

/// An API key, as it is kept: without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Names it; part of its text, and no secret.
    pub id: String,
    /// Whose data it opens.
    pub tenant: Tenant,
    /// What it is for, in the words of whoever made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The hash of its secret.
    pub digest: Digest,
    /// What it may be used for.
    pub scopes: BTreeSet<String>,
    /// As which agents it may work; none for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<BTreeSet<AgentName>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is good; none for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Since when it is good no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// How a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It opens doors.
    Good,
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
}

impl Key {
    /// How it stands at that moment.
    pub fn standing(&self, now: Timestamp) -> Standing {
        match (self.revoked_at, self.expires_at) {
            (Some(_), _) => Standing::Revoked,
            (None, Some(expires_at)) if expires_at <= now => Standing::Expired,
            _ => Standing::Good,
        }
    }
}

/// The keys at hand, by id.
#[derive(Default)]
pub(crate) struct KeyRing(RwLock<HashMap<String, Arc<Key>>>);

impl KeyRing {
    fn hang(&self, key: Key) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key.id.clone(), Arc::new(key));
    }
}

impl Engine {
    /// The key with this id, good or not.
    pub fn key(&self, id: &str) -> Option<Arc<Key>> {
        self.inner.keys.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Whether there has ever been a key. Revoked ones count: who takes back the last key does not mean to
    /// let everybody in.
    pub fn has_keys(&self) -> bool {
        !self.inner.keys.0.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Takes up the keys that were made before.
    pub(crate) async fn learn_keys(&self) -> Result<(), EngineError> {
        for key in all(self.inner.store.as_ref()).await.map_err(EngineError::Store)? {
            self.inner.keys.hang(key);
        }
        Ok(())
    }

    /// Keeps a new key; `false` if there is one with its id.
    pub async fn add_key(&self, key: Key) -> Result<bool, Rejection> {
        let _one = self.inner.defining.lock().await;
        // Ids are of all tenants, since a request names no tenant.
        let known = all(self.inner.store.as_ref()).await?;
        if known.iter().any(|other| other.id == key.id) {
            return Ok(false);
        }
        self.keep_key(&key).await?;
        self.inner.keys.hang(key);
        Ok(true)
    }

    /// Takes back a key, from now on; `false` if there is none with this id. Taking it back twice changes
    /// nothing.
    pub async fn revoke_key(&self, id: &str) -> Result<bool, Rejection> {
        let _one = self.inner.defining.lock().await;
        let known = all(self.inner.store.as_ref()).await?;
        let Some(mut key) = known.into_iter().find(|key| key.id == id) else { return Ok(false) };
        if key.revoked_at.is_none() {
            key.revoked_at = Some(self.now());
            self.keep_key(&key).await?;
        }
        self.inner.keys.hang(key);
        Ok(true)
    }

    async fn keep_key(&self, key: &Key) -> Result<(), StoreError> {
        let bytes = Arc::from(canonical(key));
        let kept = Kept { tenant: key.tenant.clone(), kind: KEY.to_owned(), name: key.id.clone(), bytes };
        self.inner.store.keep(kept, Expected::Anything).await.map(drop)
    }
}

/// All keys of all tenants, as they are kept.
pub async fn all(store: &dyn Store) -> Result<Vec<Key>, StoreError> {
    let mut keys = Vec::new();
    let mut after = None;
    loop {
        let page = store.kept(KeptOf { tenant: None, kind: KEY, after, limit: limits::POST_BATCH_MAX }).await?;
        let Some(last) = page.last() else { return Ok(keys) };
        after = Some((last.tenant.clone(), last.name.clone()));
        for kept in page {
            keys.push(serde_json::from_slice(&kept.bytes).unwrap_or_else(|error| {
                tracing::error!(tenant = %kept.tenant, key = kept.name, %error, "a key cannot be read; it opens nothing");
                unreadable(kept)
            }));
        }
    }
}

/// A key that opens nothing, and still counts as one: damage must not make a server ask for less.
fn unreadable(kept: Kept) -> Key {
    Key {
        id: kept.name,
        tenant: kept.tenant,
        name: None,
        digest: Digest::of(&kept.bytes),
        scopes: BTreeSet::new(),
        agents: None,
        created_at: Timestamp(0),
        expires_at: None,
        revoked_at: Some(Timestamp(0)),
    }
}
