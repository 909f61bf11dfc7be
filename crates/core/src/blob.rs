//! Content by hash: what a payload, an item's value or a question's text is in an event.
//!
//! Events hold digests and small facts; the bytes lie beside the log, keyed by run and digest. So a
//! person's data can be erased and the log still verifies: the digest stays, the bytes are gone.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::id::NotAnId;

/// A SHA-256 hash, printed as `sha256:` and 64 hex digits (FIPS 180-4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The hash of a value's canonical JSON (RFC 8785): independent of key order and blanks.
    pub fn of_json(value: &impl Serialize) -> Self {
        Self::of(&canonical(value))
    }

    /// The first twelve hex digits, for people.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
}

/// The canonical JSON of a value (RFC 8785).
pub fn canonical(value: &impl Serialize) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).expect("our own types and JSON values serialise")
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 64];
        hex::encode_to_slice(self.0, &mut text).expect("64 digits for 32 bytes");
        write!(f, "sha256:{}", std::str::from_utf8(&text).expect("hex is ASCII"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}…", self.short())
    }
}

impl FromStr for Digest {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let bad = || NotAnId { found: text.chars().take(80).collect(), expected: "a digest (`sha256:` and 64 hex digits)" };
        let body = text.strip_prefix("sha256:").ok_or_else(bad)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(body, &mut bytes).map_err(|_| bad())?;
        Ok(Self(bytes))
    }
}

crate::text_form!(Digest, "^sha256:[0-9a-f]{64}$");

/// A reference to bytes that are stored once per run, by their hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BlobRef {
    /// Hash of the bytes.
    pub digest: Digest,
    /// How many bytes.
    pub bytes: u64,
}

/// Bytes that a request brings along for the references in its command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blobs(#[serde(with = "as_text")] pub BTreeMap<Digest, Arc<[u8]>>);

impl Blobs {
    /// Adds the canonical JSON of `value` and refers to it.
    pub fn json(&mut self, value: &impl Serialize) -> BlobRef {
        self.bytes(canonical(value))
    }

    /// Adds bytes as they are and refers to them.
    pub fn bytes(&mut self, bytes: impl Into<Arc<[u8]>>) -> BlobRef {
        let bytes = bytes.into();
        let reference = BlobRef { digest: Digest::of(&bytes), bytes: bytes.len() as u64 };
        self.0.insert(reference.digest, bytes);
        reference
    }

    /// The bytes behind a digest, if they came along.
    pub fn get(&self, digest: &Digest) -> Option<&Arc<[u8]>> {
        self.0.get(digest)
    }
}

/// Blobs travel between two of our own processes as JSON text where they are UTF-8, as hex where not.
mod as_text {
    use super::{Arc, BTreeMap, Deserialize, Digest, Serialize};

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Body {
        Text(String),
        Hex(String),
    }

    pub(super) fn serialize<S: serde::Serializer>(blobs: &BTreeMap<Digest, Arc<[u8]>>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(blobs.iter().map(|(digest, bytes)| {
            let body = match std::str::from_utf8(bytes) {
                Ok(text) => Body::Text(text.to_owned()),
                Err(_) => Body::Hex(hex::encode(bytes)),
            };
            (digest, body)
        }))
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BTreeMap<Digest, Arc<[u8]>>, D::Error> {
        let bodies = BTreeMap::<Digest, Body>::deserialize(from)?;
        let mut blobs = BTreeMap::new();
        for (digest, body) in bodies {
            let bytes: Arc<[u8]> = match body {
                Body::Text(text) => text.into_bytes().into(),
                Body::Hex(text) => hex::decode(text).map_err(serde::de::Error::custom)?.into(),
            };
            if Digest::of(&bytes) != digest {
                return Err(serde::de::Error::custom(format!("the bytes sent as `{digest}` have another hash")));
            }
            blobs.insert(digest, bytes);
        }
        Ok(blobs)
    }
}
