//! "No" and "not now", as RFC 9457 problem documents.
//!
//! A refusal of the rules keeps its code; what the door itself refuses has codes from HC-101 on, each
//! with a page (`handclasp explain HC-101`).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use handclasp_core::contract::Violation;
use handclasp_core::refusal::Refusal;
use handclasp_engine::{EngineError, Rejection};
use handclasp_store::StoreError;
use handclasp_wire::Malformed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a request was not done, and how to mend it (RFC 9457, `application/problem+json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// Where the code's page is, relative to the server.
    #[serde(rename = "type")]
    pub kind: String,
    /// What sort of problem, in a few words; the same for every problem of this code and status.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// The stable code.
    pub code: String,
    /// What to do about it.
    pub hint: String,
    /// The first field at fault, as an RFC 6901 JSON pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What was expected there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was found there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// All fields at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Violation>,
    /// When trying again can help, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
}

/// What the door itself refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// No key, or none that is known.
    Unauthenticated,
    /// The key is not for this.
    Forbidden,
    /// Too many requests.
    TooFast,
    /// The request cannot be read.
    Malformed,
    /// There is no such endpoint.
    NoEndpoint,
    /// The endpoint has no such method.
    NoMethod,
    /// The body is too large.
    TooLarge,
    /// The body is of another type.
    WrongType,
    /// Not there: a content, an agent, a page.
    NotFound,
    /// It was erased on purpose.
    Erased,
    /// The store does not answer, or is full.
    Unavailable,
    /// The server is shutting down.
    Closing,
    /// A defect.
    Failed,
}

impl Door {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 13] = [
        Self::Unauthenticated,
        Self::Forbidden,
        Self::TooFast,
        Self::Malformed,
        Self::NoEndpoint,
        Self::NoMethod,
        Self::TooLarge,
        Self::WrongType,
        Self::NotFound,
        Self::Erased,
        Self::Unavailable,
        Self::Closing,
        Self::Failed,
    ];

    /// Code, status, title and hint.
    fn row(self) -> (&'static str, StatusCode, &'static str, &'static str) {
        match self {
            Self::Unauthenticated => (
                "HC-101",
                StatusCode::UNAUTHORIZED,
                "no valid API key",
                "send `Authorization: Bearer hck_…`; `handclasp keys create` makes one",
            ),
            Self::Forbidden => {
                ("HC-102", StatusCode::FORBIDDEN, "the key is not for this", "use a key with the scope, or for the agent, that is named")
            }
            Self::TooFast => ("HC-103", StatusCode::TOO_MANY_REQUESTS, "too many requests", "wait as long as `Retry-After` says"),
            Self::Malformed => {
                ("HC-104", StatusCode::BAD_REQUEST, "the request cannot be read", "mend what is named; `/openapi.json` has every field")
            }
            Self::NoEndpoint => ("HC-105", StatusCode::NOT_FOUND, "no such endpoint", "`/openapi.json` lists them all"),
            Self::NoMethod => ("HC-106", StatusCode::METHOD_NOT_ALLOWED, "no such method here", "use one of those that `Allow` names"),
            Self::TooLarge => (
                "HC-107",
                StatusCode::PAYLOAD_TOO_LARGE,
                "the body is too large",
                "store large content by itself and name it by its digest",
            ),
            Self::WrongType => {
                ("HC-108", StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body is of another type", "send `Content-Type: application/json`")
            }
            Self::NotFound => ("HC-109", StatusCode::NOT_FOUND, "not found", "check the name; the list beside it says what there is"),
            Self::Erased => ("HC-110", StatusCode::GONE, "erased on purpose", "its digest stays in the log; the content is gone for good"),
            Self::Unavailable => (
                "HC-111",
                StatusCode::SERVICE_UNAVAILABLE,
                "the store does not answer",
                "send it again with the same `Idempotency-Key`; it may have been done",
            ),
            Self::Closing => (
                "HC-112",
                StatusCode::SERVICE_UNAVAILABLE,
                "the server is shutting down",
                "send it again with the same `Idempotency-Key` when it is back",
            ),
            Self::Failed => {
                ("HC-113", StatusCode::INTERNAL_SERVER_ERROR, "a defect", "nothing was done; report it with what the server logged")
            }
        }
    }

    /// The stable code.
    pub fn code(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        self.row().1
    }

    /// A problem of this sort.
    pub fn problem(self, detail: impl Into<String>) -> Problem {
        let (code, status, title, hint) = self.row();
        Problem {
            kind: page_of(code),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.to_owned(),
            hint: hint.to_owned(),
            pointer: None,
            expected: None,
            found: None,
            errors: Vec::new(),
            retry_after_s: (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1),
        }
    }
}

macro_rules! pages {
    ($($code:literal),* $(,)?) => {
        /// The page of each code of the doors, as Markdown, in the order of the codes.
        pub const PAGES: &[(&str, &str)] = &[$(($code, include_str!(concat!("../errors/", $code, ".md")))),*];
    };
}

pages!("HC-101", "HC-102", "HC-103", "HC-104", "HC-105", "HC-106", "HC-107", "HC-108", "HC-109", "HC-110", "HC-111", "HC-112", "HC-113",);

/// The page of a code of the doors, as Markdown.
pub fn explain(code: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, page)| *page)
}

fn page_of(code: &str) -> String {
    format!("/errors/{code}")
}

impl Problem {
    /// The request cannot be read: where, what was expected, what was found.
    pub fn malformed(pointer: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        let (pointer, expected, found) = (pointer.into(), expected.into(), found.into());
        let place = if pointer.is_empty() { "the request".to_owned() } else { format!("`{pointer}`") };
        let detail = format!("{place}: expected {expected}, found {found}");
        Self { pointer: Some(pointer), expected: Some(expected), found: Some(found), ..Door::Malformed.problem(detail) }
    }

    /// A refusal of the rules.
    pub fn refused(refusal: &Refusal) -> Self {
        let status = status_of(refusal);
        let violations = refusal.violations();
        let first = violations.first();
        Self {
            kind: page_of(refusal.code()),
            title: title_of(status).to_owned(),
            status: status.as_u16(),
            detail: refusal.to_string(),
            code: refusal.code().to_owned(),
            hint: refusal.hint().to_owned(),
            pointer: first.map(|first| first.pointer.clone()),
            expected: first.map(|first| first.expected.clone()),
            found: first.map(|first| first.found.clone()),
            errors: violations.to_vec(),
            retry_after_s: None,
        }
    }

    /// With a hint of its own.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// What a refusal is in HTTP: not there (404), not yours (403), not as things stand (409), too large
/// (413), not as it is written (422).
pub fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        // Whose it is, is nobody else's business.
        Refusal::UnknownRun | Refusal::OtherTenant | Refusal::UnknownHandoff(_) | Refusal::UnknownInterrupt(_) => StatusCode::NOT_FOUND,
        Refusal::NotYours { .. } => StatusCode::FORBIDDEN,
        Refusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::WrongPhase { .. }
        | Refusal::StaleLease { .. }
        | Refusal::RunClosed
        | Refusal::KeyReused { .. }
        | Refusal::AlreadyOpen
        | Refusal::EffectUnknown(_)
        | Refusal::EffectInFlight(_)
        | Refusal::EffectNotBegun(_)
        | Refusal::EffectDiffers { .. }
        | Refusal::OpenQuestions
        | Refusal::AtCapacity { .. }
        | Refusal::TooEarly { .. }
        | Refusal::DefinitionChanged { .. }
        | Refusal::ShownOther { .. } => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

fn title_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "not found",
        StatusCode::FORBIDDEN => "not yours",
        StatusCode::CONFLICT => "not as things stand",
        StatusCode::PAYLOAD_TOO_LARGE => "too large",
        _ => "refused by the rules",
    }
}

impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        Self::malformed(malformed.pointer, malformed.expected, malformed.found)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::refused(&refusal)
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Refused(refusal) => Self::refused(&refusal),
            Rejection::Failed(error) => error.into(),
        }
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match &error {
            EngineError::Closing => Door::Closing.problem(error.to_string()),
            EngineError::Contended { .. } => Door::Unavailable.problem(error.to_string()),
            EngineError::Store(source) => Self::from_store(source),
            EngineError::Corrupt { .. } | EngineError::Defect { .. } => {
                tracing::error!(%error, "a request failed");
                Door::Failed.problem(error.to_string())
            }
        }
    }
}

impl Problem {
    fn from_store(error: &StoreError) -> Self {
        tracing::error!(error = error as &dyn std::error::Error, "the store failed");
        match error {
            StoreError::Unavailable(_) | StoreError::Full(_) | StoreError::ReadOnly(_) => Door::Unavailable.problem(error.to_string()),
            StoreError::Corrupt { .. } => Door::Failed.problem(error.to_string()),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::from_store(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).expect("a problem serialises");
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
