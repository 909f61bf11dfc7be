//! The table of endpoints: everything that the doors can do, each with the scope that it asks for.

use axum::Router;
use axum::http::Method;

pub use crate::api::Endpoint;

use crate::api::{Nothing, get, json_answer, post, raw, router, write};
use crate::caller::Scope::{Cancel, Offer, Publish, Read, Redrive, Register, Resolve, Work};
use crate::house::House;
use crate::routes::{agents, claims, contents, contracts, dead_letters, events, handoffs, inbox, pages, refusals, runs, work};
use crate::wire;

/// All of them.
#[rustfmt::skip]
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        post("/v1/runs", "openRun", Offer, "Opens a run, with a first handoff if you like.", runs::open),
        get("/v1/runs", "listRuns", Read, "Lists runs, newest first.", runs::list),
        get("/v1/runs/{run}", "getRun", Read, "Shows a run; waits for its end if you like.", runs::show),
        post("/v1/runs/{run}/cancel", "cancelRun", Cancel, "Stops a run and everything in it.", runs::cancel),
        post("/v1/runs/{run}/handoffs", "offer", Offer, "Hands work to somebody, on the run's own authority.", handoffs::offer),
        get("/v1/runs/{run}/items", "listItems", Read, "Lists what the run knows.", contents::items),
        raw::<Nothing, _, _>(Method::POST, "/v1/runs/{run}/contents", "storeContent", Some(Work),
            "Stores a content as it is, streamed, and says its hash.", (Some("application/octet-stream"), json_answer::<wire::Stored>()), contents::store),
        raw::<Nothing, _, _>(Method::GET, "/v1/runs/{run}/contents/{digest}", "getContent", Some(Read),
            "Gives a content as it is.", (None, Some(crate::api::Content::Other("application/octet-stream"))), contents::show),

        get("/v1/handoffs/{handoff}", "getHandoff", Read, "Shows a handoff; waits for its end if you like.", handoffs::show),
        get("/v1/handoffs/{handoff}/briefing", "getBriefing", Read, "Shows what its receiver gets.", handoffs::briefing),
        post("/v1/handoffs/{handoff}/redrive", "redrive", Redrive, "Sends a dead letter once more.", handoffs::redrive),
        post("/v1/handoffs/{handoff}/cancel", "cancelHandoff", Cancel, "Stops a handoff and everything below it.", handoffs::cancel),

        post("/v1/agents/{agent}/claims", "claim", Work, "Takes the agent's next work; waits for it if you like.", claims::claim),
        post("/v1/handoffs/{handoff}/accept", "accept", Work, "Says what was understood, and starts.", work::accept),
        post("/v1/handoffs/{handoff}/decline", "decline", Work, "Hands it back at once, with a reason.", work::decline),
        post("/v1/handoffs/{handoff}/release", "release", Work, "Gives it back unfinished, without counting an attempt.", work::release),
        post("/v1/handoffs/{handoff}/heartbeat", "heartbeat", Work, "Says \"still here\".", work::heartbeat),
        post("/v1/handoffs/{handoff}/progress", "progress", Work, "Says how the work stands.", work::progress),
        post("/v1/handoffs/{handoff}/ask", "ask", Work, "Asks a person something.", work::ask),
        post("/v1/handoffs/{handoff}/effects/begin", "beginEffect", Work, "Announces a side effect before it happens.", work::effect_begin),
        post("/v1/handoffs/{handoff}/effects/finish", "finishEffect", Work, "Says how a side effect went.", work::effect_finish),
        post("/v1/handoffs/{handoff}/effects/reconcile", "reconcileEffect", Work, "Says what became of a side effect that was cut short.", work::effect_reconcile),
        post("/v1/handoffs/{handoff}/hand-out", "handOut", Work, "Hands something out in the middle of the work: waits for it, or goes on.", work::hand_out),
        post("/v1/handoffs/{handoff}/complete", "complete", Work, "Gives the result, and hands on in the same commit if you like.", work::complete),
        post("/v1/handoffs/{handoff}/fail", "fail", Work, "Says that this attempt did not succeed.", work::fail),

        get("/v1/agents", "listAgents", Read, "Lists the agents, and how they stand.", agents::list),
        get("/v1/agents/{agent}", "getAgent", Read, "Shows an agent, and how it stands.", agents::show),
        write(Method::PUT, "/v1/agents/{agent}", "registerAgent", Register, "Says who an agent is.", agents::register),
        write(Method::DELETE, "/v1/agents/{agent}", "removeAgent", Register, "Forgets an agent; what waits for it goes on waiting.", agents::remove),

        get("/v1/contracts", "listContracts", Read, "Lists the contracts.", contracts::list),
        post("/v1/contracts", "publishContract", Publish, "Publishes a contract; a breaking change under a compatible version is refused.", contracts::publish),
        get("/v1/contracts/{contract}", "getContract", Read, "Shows a contract.", contracts::show),
        post("/v1/contracts/diff", "diffContracts", Read, "Says what changes between two schemas, and for whom it breaks.", contracts::diff),

        get("/v1/inbox", "listQuestions", Read, "Lists the questions that nobody has answered.", inbox::list),
        get("/v1/interrupts/{interrupt}", "getQuestion", Read, "Shows a question; waits for its answer if you like.", inbox::show),
        post("/v1/interrupts/{interrupt}/resolve", "resolve", Resolve, "Answers a question, once.", inbox::resolve),
        get("/v1/dead-letters", "listDeadLetters", Read, "Lists the dead letters.", dead_letters::list),
        post("/v1/dead-letters/redrive", "redriveMany", Redrive, "Sends many dead letters once more.", dead_letters::redrive),

        get("/v1/events", "listEvents", Read, "Lists events in the order in which they happened.", events::list),
        raw::<wire::FollowEvents, _, _>(Method::GET, "/v1/events/stream", "followEvents", Some(Read),
            "Follows events as they happen (server-sent events).", (None, Some(crate::api::Content::Other("text/event-stream"))), events::follow),
        get("/v1/refusals", "listRefusals", Read, "Lists what was refused lately.", refusals::list),

        raw::<Nothing, _, _>(Method::GET, "/health", "health", None, "Says that the server is alive.", (None, json_answer::<wire::Health>()), pages::health),
        raw::<Nothing, _, _>(Method::GET, "/ready", "ready", None, "Says whether the server takes work.", (None, json_answer::<wire::Health>()), pages::ready),
        raw::<Nothing, _, _>(Method::GET, "/openapi.json", "openapi", None, "This document.", (None, Some(crate::api::Content::Other("application/json"))), pages::openapi),
        raw::<Nothing, _, _>(Method::GET, "/errors/{code}", "explain", None, "Explains a code.", (None, Some(crate::api::Content::Other("text/markdown"))), pages::explain),
    ]
}

/// The doors, open.
pub fn doors(house: House) -> Router {
    router(house, endpoints())
}
