//! Where no key is asked for, a request must be meant for this machine.
//!
//! A page in somebody's browser can send requests to `127.0.0.1`, and with a name of its own that it
//! lets point there (DNS rebinding) it can even read the answers. It cannot choose what its browser says
//! in `Host` and `Origin`. Where keys are asked for this does not matter: a page has none.

use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};

use crate::problem::{Door, Problem};

/// Refuses a request that was sent to another name than this machine's own, or by another site's page.
pub(crate) fn check(uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let host = host(uri, headers).ok_or_else(|| foreign("it names no host"))?;
    if !is_loopback(host.host()) {
        return Err(foreign(format!("it was sent to `{}`", host.host())));
    }
    match headers.get(header::ORIGIN) {
        Some(origin) if !origin.to_str().is_ok_and(|origin| is_own(origin, &host)) => Err(foreign("it was sent by a page of another site")),
        _ => Ok(()),
    }
}

/// To whom the request is addressed: in HTTP/2 in its target, in HTTP/1.1 in a header. Two that differ
/// are none.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let mut named = headers.get_all(header::HOST).iter().map(|value| value.to_str().ok().and_then(|text| text.parse::<Authority>().ok()));
    let target = uri.authority().cloned().map(Some);
    let mut all = target.into_iter().chain(named.by_ref());
    let first = all.next()??;
    all.all(|other| other.as_ref() == Some(&first)).then_some(first)
}

/// `localhost`, or a loopback address. An address cannot be made to point elsewhere; of names, only this
/// one is kept for the machine itself (RFC 6761).
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn is_own(origin: &str, host: &Authority) -> bool {
    let origin: Option<Uri> = origin.parse().ok();
    origin.is_some_and(|origin| origin.authority() == Some(host))
}

fn foreign(why: impl std::fmt::Display) -> Problem {
    let problem =
        Door::Unauthenticated.problem(format!("without a key, only requests from this machine to itself are answered, and {why}"));
    problem.hint("send it to `localhost` or `127.0.0.1`, not from a web page; or make a key with `handclasp keys create` and send that")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(uri: &str, headers: &[(&str, &str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        check(&uri.parse().unwrap(), &headers.collect::<HeaderMap>()).is_ok()
    }

    #[test]
    fn the_machine_itself_is_meant_by_these_names_only() {
        for host in ["localhost", "localhost:4040", "LOCALHOST:1", "127.0.0.1:4040", "127.0.0.2", "[::1]:4040", "[::1]"] {
            assert!(passes("/", &[("host", host)]), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:4040", "0.0.0.0", "10.0.0.1", "", "a b"]
        {
            assert!(!passes("/", &[("host", host)]), "{host}");
        }
        assert!(!passes("/", &[]));
        assert!(passes("http://127.0.0.1:4040/v1/runs", &[]), "as HTTP/2 says it");
        assert!(!passes("http://evil.example/v1/runs", &[("host", "127.0.0.1")]), "two that differ");
        assert!(!passes("/", &[("host", "127.0.0.1"), ("host", "evil.example")]));
    }

    #[test]
    fn a_page_of_another_site_is_refused_also_one_on_another_port() {
        let host = ("host", "127.0.0.1:4040");
        assert!(passes("/", &[host, ("origin", "http://127.0.0.1:4040")]));
        for origin in ["http://127.0.0.1:3000", "http://localhost:4040", "https://evil.example", "null", "file://", ""] {
            assert!(!passes("/", &[host, ("origin", origin)]), "{origin}");
        }
    }
}
