//! What every endpoint shares: the engine, the gate, and word of the closing time.

use std::sync::Arc;

use axum::http::HeaderMap;
use handclasp_engine::Engine;
use tokio::sync::watch;

use crate::caller::Caller;
use crate::problem::Problem;

/// Who is let in: finds out whose a request is.
pub trait Gate: Send + Sync + 'static {
    /// The caller behind these headers, or why there is none.
    fn admit(&self, headers: &HeaderMap) -> Result<Caller, Problem>;
}

/// What every endpoint shares. Cheap to clone.
#[derive(Clone)]
pub struct House {
    pub(crate) engine: Engine,
    pub(crate) gate: Arc<dyn Gate>,
    pub(crate) closing: watch::Receiver<bool>,
}

impl House {
    /// A house around an engine. When `closing` turns true, whoever waits is sent home.
    pub fn new(engine: Engine, gate: Arc<dyn Gate>, closing: watch::Receiver<bool>) -> Self {
        Self { engine, gate, closing }
    }
}
