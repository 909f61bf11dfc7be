//! One call: written once, sent until it gets through, and its answer read.

use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::error::{Error, Problem};
use crate::retry::chance;

/// A call that the server does not wait with is answered within this time, or tried again.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// One call, ready to be sent as often as needed.
pub(crate) struct Call {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
    /// How long the server may take over it.
    within: Duration,
}

/// Why a try did not bring an answer, and whether another one may.
enum Missed {
    /// Try again, after what the server asks for.
    ForNow(Error, Option<Duration>),
    /// The same would come of it.
    ForGood(Error),
}

impl Client {
    /// Looks at something. `path` begins with a slash.
    pub(crate) async fn get<A: DeserializeOwned>(&self, path: &str, query: &impl Serialize) -> Result<A, Error> {
        self.answered(self.look(path, query)?).await
    }

    /// A call that looks at something.
    pub(crate) fn look(&self, path: &str, query: &impl Serialize) -> Result<Call, Error> {
        let mut call = self.call(Method::GET, path);
        let query = query_text(query)?;
        if !query.is_empty() {
            call.url.push('?');
            call.url.push_str(&query);
        }
        Ok(call)
    }

    /// Changes something, under a key of its own.
    pub(crate) async fn post<A: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<A, Error> {
        self.answered(self.write(Method::POST, path, body)?).await
    }

    /// A write under a new key.
    pub(crate) fn write(&self, method: Method, path: &str, body: &impl Serialize) -> Result<Call, Error> {
        let key = self.new_key();
        self.write_under(&key, method, path, body)
    }

    /// A write under a key that the caller has.
    pub(crate) fn write_under(&self, key: &str, method: Method, path: &str, body: &impl Serialize) -> Result<Call, Error> {
        let mut call = self.call(method, path);
        let key = HeaderValue::try_from(key).map_err(|_| Error::Misused("a key has visible characters only".to_owned()))?;
        call.headers.insert("idempotency-key", key);
        call.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        call.body = serde_json::to_vec(body).map_err(|error| Error::Misused(error.to_string()))?;
        Ok(call)
    }

    fn call(&self, method: Method, path: &str) -> Call {
        let mut url = String::with_capacity(self.base.len() + path.len());
        url.push_str(&self.base);
        url.push_str(path);
        Call { method, url, headers: self.headers.clone(), body: Vec::new(), within: ANSWER_MAX }
    }

    /// Sends a call until it gets through, and reads the answer as JSON.
    pub(crate) async fn answered<A: DeserializeOwned>(&self, call: Call) -> Result<A, Error> {
        let body = self.sent(call).await?;
        // "Done, and nothing to say": an answer without content.
        let text: &[u8] = if body.is_empty() { b"null" } else { &body };
        serde_json::from_slice(text).map_err(|error| Error::Unreadable(error.to_string()))
    }

    async fn sent(&self, call: Call) -> Result<Vec<u8>, Error> {
        let begun = Instant::now();
        let mut tried = 0;
        loop {
            let (error, asked) = match self.try_once(&call).await {
                Ok(body) => return Ok(body),
                Err(Missed::ForGood(error)) => return Err(error),
                Err(Missed::ForNow(error, asked)) => (error, asked),
            };
            tried += 1;
            match self.retries.wait(tried, begun.elapsed(), asked, chance()) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
        }
    }

    async fn try_once(&self, call: &Call) -> Result<Vec<u8>, Missed> {
        let request = self.http.request(call.method.clone(), &call.url).headers(call.headers.clone()).timeout(call.within);
        let response = request.body(call.body.clone()).send().await.map_err(unheard)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response.bytes().await.map_err(unheard)?.into());
        }
        Err(refused(status, response).await)
    }
}

impl Call {
    /// Gives the server so much longer, because it is asked to wait.
    pub(crate) fn waiting(mut self, wait_ms: u64) -> Self {
        self.within += Duration::from_millis(wait_ms);
        self
    }
}

/// Whatever broke on the way, the key makes another try harmless. Only a call that cannot be made at
/// all stays so.
fn unheard(error: reqwest::Error) -> Missed {
    if error.is_builder() || error.is_redirect() {
        return Missed::ForGood(Error::Misused(error.to_string()));
    }
    Missed::ForNow(Error::Unreachable(error.without_url()), None)
}

async fn refused(status: StatusCode, response: Response) -> Missed {
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_secs);
    let body = match response.bytes().await {
        Ok(body) => body,
        Err(error) => return unheard(error),
    };
    let error = match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => Error::Refused(Box::new(problem)),
        Err(_) => Error::Unreadable(format!("{status} without a problem document")),
    };
    let passing = [
        StatusCode::TOO_MANY_REQUESTS,
        // A proxy's way of saying that the server is not there.
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ];
    if passing.contains(&status) { Missed::ForNow(error, asked) } else { Missed::ForGood(error) }
}

/// A query of plain values: numbers, and texts that are percent-encoded where they must be.
fn query_text(query: &impl Serialize) -> Result<String, Error> {
    let fields = serde_json::to_value(query).map_err(|error| Error::Misused(error.to_string()))?;
    let fields = fields.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let pairs = fields.map(|(name, value)| format!("{name}={}", escaped(value.as_str().unwrap_or(&value.to_string()))));
    Ok(pairs.collect::<Vec<_>>().join("&"))
}

/// Percent-encodes everything that has a meaning in a URL.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            _ => {
                escaped.push('%');
                escaped.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])));
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_escaped_and_leave_out_what_is_not_said() {
        let query = serde_json::json!({ "why": "a b&c=ü", "limit": 5, "run": null });
        assert_eq!(query_text(&query).unwrap(), "why=a%20b%26c%3D%C3%BC&limit=5");
        assert_eq!(query_text(&serde_json::json!({})).unwrap(), "");
    }
}
