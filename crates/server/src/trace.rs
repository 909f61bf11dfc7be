//! W3C Trace Context: a caller's trace in, a span for each attempt out.
//!
//! The run's trace id is the caller's where it sends one. A span id is made from what it is about, so
//! that everybody who looks at the log gives the same attempt the same span.

use axum::http::HeaderMap;
use handclasp_core::blob::Digest;
use handclasp_core::id::HandoffId;

/// The trace id of a `traceparent` header, if it is one: `00-<32 hex>-<16 hex>-<2 hex>`, not all zeros.
pub(crate) fn trace_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length: usize| text.len() == length && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    let whole = hex(version, 2) && version != "ff" && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    (whole && trace.bytes().any(|c| c != b'0') && parent.bytes().any(|c| c != b'0')).then(|| trace.to_owned())
}

/// The `traceparent` for whoever works on an attempt of a handoff.
pub(crate) fn traceparent(trace_id: &str, handoff: HandoffId, attempt: u32) -> String {
    let span = Digest::of(format!("{handoff}/{attempt}").as_bytes());
    let mut text = String::with_capacity(55);
    text.push_str("00-");
    text.push_str(trace_id);
    text.push('-');
    for byte in &span.0[..8] {
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 15)]));
    }
    text.push_str("-01");
    text
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// A trace id for a run whose caller sent none: the same for the same seed, so that a repeated request
/// is the same request.
pub(crate) fn minted(seed: &str) -> String {
    let digest = Digest::of(seed.as_bytes()).to_string();
    digest["sha256:".len()..][..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        trace_id(&HeaderMap::from_iter([("traceparent".parse().unwrap(), text.parse().unwrap())]))
    }

    #[test]
    fn a_trace_is_taken_over_only_if_it_is_one() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(of(good).as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        for bad in [
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf9-00f067aa0ba902b7-01",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_sent_out_can_be_read_in() {
        let handoff = "hnd_01m7wy5ked8vb11r2q540r8vcy_5".parse().unwrap();
        let first = traceparent(&minted("seed"), handoff, 1);
        assert_eq!(of(&first), Some(minted("seed")));
        assert_ne!(first, traceparent(&minted("seed"), handoff, 2));
    }
}
