//! API keys as they are sent: `hck_<id>_<secret>`.
//!
//! The id names the key in lists and logs. The secret is shown once, to whoever makes the key; what is
//! kept of it is its SHA-256. A slow password hash would buy nothing here: it protects words that people
//! think of, by making each guess dear. Nobody guesses 160 random bits at any price, and a hash that
//! takes a tenth of a second on every request would be a way to keep the server busy.

use std::collections::BTreeSet;

use getrandom::Error as NoRandomness;
use handclasp_core::blob::Digest;
use handclasp_core::id::{AgentName, Tenant};
use handclasp_core::time::Timestamp;
use handclasp_engine::keys::Key;
use subtle::ConstantTimeEq;

use crate::caller::Scope;

/// What a key may be used for if nothing else is said: what a program does that hands off work and takes
/// some. What changes things for others, or decides for people, is asked for by name.
pub const SCOPES_DEFAULT: [Scope; 3] = [Scope::Read, Scope::Offer, Scope::Work];

/// Bytes of an id: enough that two keys of one store do not meet, few enough to be typed.
const ID_BYTES: usize = 5;

/// Bytes of a secret: 160 bits.
const SECRET_BYTES: usize = 20;

/// Letters and digits that are not taken for each other (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What a new key is to be.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Whose data it opens.
    pub tenant: Tenant,
    /// What it is for, in words.
    pub name: Option<String>,
    /// What it may be used for.
    pub scopes: BTreeSet<Scope>,
    /// As which agents it may work; none for all.
    pub agents: Option<BTreeSet<AgentName>>,
    /// Until when it is good; none for ever.
    pub expires_at: Option<Timestamp>,
}

/// Makes a key: what is kept of it, and its text, which nothing can tell again.
pub fn make(wanted: Wanted, now: Timestamp) -> Result<(Key, String), NoRandomness> {
    let id = random::<ID_BYTES>()?;
    let secret = random::<SECRET_BYTES>()?;
    let text = format!("hck_{id}_{secret}");
    let key = Key {
        id,
        tenant: wanted.tenant,
        name: wanted.name,
        digest: Digest::of(secret.as_bytes()),
        scopes: wanted.scopes.into_iter().map(|scope| scope.as_str().to_owned()).collect(),
        agents: wanted.agents,
        created_at: now,
        expires_at: wanted.expires_at,
        revoked_at: None,
    };
    Ok((key, text))
}

fn random<const BYTES: usize>() -> Result<String, NoRandomness> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(written(&bytes))
}

/// Five bytes are eight letters.
fn written(bytes: &[u8]) -> String {
    let letters = bytes.chunks(5).flat_map(|five| {
        let bits = five.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        (0..8).rev().map(move |place| char::from(ALPHABET[usize::try_from(bits >> (5 * place) & 31).unwrap_or_default()]))
    });
    letters.collect()
}

/// The id and the secret of a key's text.
pub(crate) fn parts(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("hck_")?.split_once('_')
}

/// Whether the secret is the key's. How long that takes says nothing about how much of it was right.
pub(crate) fn opens(key: &Key, secret: &str) -> bool {
    Digest::of(secret.as_bytes()).0.ct_eq(&key.digest.0).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> (Key, String) {
        let wanted = Wanted { tenant: Tenant::local(), name: None, scopes: SCOPES_DEFAULT.into(), agents: None, expires_at: None };
        make(wanted, Timestamp(7)).unwrap()
    }

    #[test]
    fn a_key_opens_with_its_own_secret_only_and_does_not_hold_it() {
        let (key, text) = made();
        let (id, secret) = parts(&text).unwrap();
        assert_eq!((id, id.len(), secret.len()), (key.id.as_str(), 8, 32));
        assert!(opens(&key, secret));
        for wrong in ["", "x", &secret[1..], &format!("{secret}x"), &secret.to_uppercase(), parts(&made().1).unwrap().1] {
            assert!(!opens(&key, wrong), "{wrong}");
        }
        assert!(!serde_json::to_string(&key).unwrap().contains(secret));
    }

    #[test]
    fn every_bit_counts() {
        assert_eq!(written(&[0; 5]), "00000000");
        assert_eq!(written(&[255; 5]), "zzzzzzzz");
        assert_eq!(written(&[0, 0, 0, 0, 1]), "00000001");
        assert_eq!(written(&[128, 0, 0, 0, 0]), "g0000000");
    }
}
