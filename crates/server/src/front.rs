//! What every request passes before it comes to its door: the clock, the host, the measure, the log.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::time::timeout;

use crate::gate::KeyGate;
use crate::host;
use crate::limits;
use crate::problem::{Door, Problem};
use crate::rate::{Counted, Rate};
use crate::request_log::Line;

/// Stands before the doors.
pub(crate) struct Front {
    pub(crate) gate: Arc<KeyGate>,
    pub(crate) rate: Option<Rate>,
}

impl Front {
    /// The doors behind it.
    pub(crate) fn before(self, doors: Router) -> Router {
        doors.layer(from_fn_with_state(Arc::new(self), pass))
    }

    fn check(&self, request: &Request) -> Result<(), Problem> {
        if !self.gate.asks() {
            host::check(request.uri(), request.headers())?;
        }
        self.rate.as_ref().map_or(Ok(()), |rate| rate.check(&self.counted(request)))
    }

    /// A key that is not good is counted where it comes from: guesses must not each get a measure.
    fn counted(&self, request: &Request) -> Counted {
        let from = || request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        match self.gate.key(request.headers()) {
            Ok(Some(key)) => Counted::Key(key.id.clone()),
            _ => Counted::from(from().expect("every connection has a peer")),
        }
    }
}

async fn pass(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let line = Line::begin(&request);
    let response = match front.check(&request) {
        Ok(()) => in_time(next.run(request), limits::REQUEST_MAX).await,
        Err(problem) => problem.into_response(),
    };
    line.end(response.status());
    response
}

async fn in_time(answer: impl Future<Output = Response>, most: Duration) -> Response {
    // A defect behind one door must not take along the other requests of its connection.
    match timeout(most, AssertUnwindSafe(answer).catch_unwind()).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            let problem = Door::Failed.problem("the request met a defect");
            problem.hint("it may have been done: look before you send it again; report it with what the server logged").into_response()
        }
        Err(_) => Door::Unavailable.problem(format!("it was not done within {} seconds", most.as_secs())).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_gets_an_answer_whatever_becomes_of_it() {
        let within = Duration::from_secs(9);
        assert_eq!(in_time(ready(().into_response()), within).await.status(), 200);
        assert_eq!(in_time(pending(), within).await.status(), 503);
        assert_eq!(in_time(async { panic!("a defect") }, within).await.status(), 500);
    }
}
