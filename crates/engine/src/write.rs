//! A write under way, which its caller may leave.
//!
//! A store finishes what it was given even if nobody waits for it. So does the desk: it takes the
//! write over, waits for it before it reads the log again, and counts as void what rested on it. A
//! caller that hangs up can therefore neither block nor mislead the ones after it.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use handclasp_store::{Appended, StoreError};

use crate::desk::Desk;
use crate::engine::Engine;

/// What a store gives for an append.
pub(crate) type Writing = BoxFuture<'static, Result<Appended, StoreError>>;

/// A write under way.
pub(crate) struct Write {
    engine: Engine,
    desk: Arc<Desk>,
    writing: Option<Writing>,
}

impl Write {
    pub(crate) fn new(engine: &Engine, desk: &Arc<Desk>, writing: Writing) -> Self {
        desk.write_begins();
        Self { engine: engine.clone(), desk: Arc::clone(desk), writing: Some(writing) }
    }

    /// What the store says.
    pub(crate) async fn heard(mut self) -> Result<Appended, StoreError> {
        let writing = self.writing.as_mut().expect("a write is heard of once");
        let said = writing.await;
        self.writing = None;
        self.desk.write_ends();
        said
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        if let Some(writing) = self.writing.take() {
            self.desk.inherit(writing);
            self.engine.forget(&self.desk, self.desk.generation());
        }
    }
}
