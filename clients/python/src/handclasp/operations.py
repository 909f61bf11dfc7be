"""The endpoints of Handclasp, each with what it answers.

Written by `tools/generate.py` from `api/openapi.json`; change that, not this.
"""

from __future__ import annotations

from typing import Any, Final

from handclasp import types
from handclasp.operation import Operation

OPEN_RUN: Final[Operation[types.Opened]] = Operation("openRun", "POST", "/v1/runs", types.Opened)
"""Opens a run, with a first handoff if you like."""

LIST_RUNS: Final[Operation[types.Runs]] = Operation("listRuns", "GET", "/v1/runs", types.Runs)
"""Lists runs, newest first."""

GET_RUN: Final[Operation[types.RunView]] = Operation("getRun", "GET", "/v1/runs/{run}", types.RunView)
"""Shows a run; waits for its end if you like."""

CANCEL_RUN: Final[Operation[types.Done]] = Operation("cancelRun", "POST", "/v1/runs/{run}/cancel", types.Done)
"""Stops a run and everything in it."""

OFFER: Final[Operation[types.Offered]] = Operation("offer", "POST", "/v1/runs/{run}/handoffs", types.Offered)
"""Hands work to somebody, on the run's own authority."""

LIST_ITEMS: Final[Operation[types.Items]] = Operation("listItems", "GET", "/v1/runs/{run}/items", types.Items)
"""Lists what the run knows."""

STORE_CONTENT: Final[Operation[types.Stored]] = Operation("storeContent", "POST", "/v1/runs/{run}/contents", types.Stored)
"""Stores a content as it is, streamed, and says its hash."""

GET_CONTENT: Final[Operation[Any]] = Operation("getContent", "GET", "/v1/runs/{run}/contents/{digest}", None)
"""Gives a content as it is."""

GET_HANDOFF: Final[Operation[types.Handoff]] = Operation("getHandoff", "GET", "/v1/handoffs/{handoff}", types.Handoff)
"""Shows a handoff; waits for its end if you like."""

GET_BRIEFING: Final[Operation[types.Briefing]] = Operation("getBriefing", "GET", "/v1/handoffs/{handoff}/briefing", types.Briefing)
"""Shows what its receiver gets."""

REDRIVE: Final[Operation[types.Offered]] = Operation("redrive", "POST", "/v1/handoffs/{handoff}/redrive", types.Offered)
"""Sends a dead letter once more."""

CANCEL_HANDOFF: Final[Operation[types.Done]] = Operation("cancelHandoff", "POST", "/v1/handoffs/{handoff}/cancel", types.Done)
"""Stops a handoff and everything below it."""

CLAIM: Final[Operation[types.Claims]] = Operation("claim", "POST", "/v1/agents/{agent}/claims", types.Claims)
"""Takes the agent's next work; waits for it if you like."""

ACCEPT: Final[Operation[types.Done]] = Operation("accept", "POST", "/v1/handoffs/{handoff}/accept", types.Done)
"""Says what was understood, and starts."""

DECLINE: Final[Operation[types.Done]] = Operation("decline", "POST", "/v1/handoffs/{handoff}/decline", types.Done)
"""Hands it back at once, with a reason."""

RELEASE: Final[Operation[types.Done]] = Operation("release", "POST", "/v1/handoffs/{handoff}/release", types.Done)
"""Gives it back unfinished, without counting an attempt."""

HEARTBEAT: Final[Operation[types.Done]] = Operation("heartbeat", "POST", "/v1/handoffs/{handoff}/heartbeat", types.Done)
"""Says "still here"."""

PROGRESS: Final[Operation[types.Done]] = Operation("progress", "POST", "/v1/handoffs/{handoff}/progress", types.Done)
"""Says how the work stands."""

ASK: Final[Operation[types.Asked]] = Operation("ask", "POST", "/v1/handoffs/{handoff}/ask", types.Asked)
"""Asks a person something."""

BEGIN_EFFECT: Final[Operation[types.Effect]] = Operation("beginEffect", "POST", "/v1/handoffs/{handoff}/effects/begin", types.Effect)
"""Announces a side effect before it happens."""

FINISH_EFFECT: Final[Operation[types.Effect]] = Operation("finishEffect", "POST", "/v1/handoffs/{handoff}/effects/finish", types.Effect)
"""Says how a side effect went."""

RECONCILE_EFFECT: Final[Operation[types.Effect]] = Operation("reconcileEffect", "POST", "/v1/handoffs/{handoff}/effects/reconcile", types.Effect)
"""Says what became of a side effect that was cut short."""

HAND_OUT: Final[Operation[types.Offered]] = Operation("handOut", "POST", "/v1/handoffs/{handoff}/hand-out", types.Offered)
"""Hands something out in the middle of the work: waits for it, or goes on."""

COMPLETE: Final[Operation[types.Completed]] = Operation("complete", "POST", "/v1/handoffs/{handoff}/complete", types.Completed)
"""Gives the result, and hands on in the same commit if you like."""

FAIL: Final[Operation[types.Done]] = Operation("fail", "POST", "/v1/handoffs/{handoff}/fail", types.Done)
"""Says that this attempt did not succeed."""

LIST_AGENTS: Final[Operation[types.Agents]] = Operation("listAgents", "GET", "/v1/agents", types.Agents)
"""Lists the agents, and how they stand."""

GET_AGENT: Final[Operation[types.Agent]] = Operation("getAgent", "GET", "/v1/agents/{agent}", types.Agent)
"""Shows an agent, and how it stands."""

REGISTER_AGENT: Final[Operation[types.Agent]] = Operation("registerAgent", "PUT", "/v1/agents/{agent}", types.Agent)
"""Says who an agent is."""

REMOVE_AGENT: Final[Operation[Any]] = Operation("removeAgent", "DELETE", "/v1/agents/{agent}", None)
"""Forgets an agent; what waits for it goes on waiting."""

LIST_CONTRACTS: Final[Operation[types.Contracts]] = Operation("listContracts", "GET", "/v1/contracts", types.Contracts)
"""Lists the contracts."""

PUBLISH_CONTRACT: Final[Operation[types.Published]] = Operation("publishContract", "POST", "/v1/contracts", types.Published)
"""Publishes a contract; a breaking change under a compatible version is refused."""

GET_CONTRACT: Final[Operation[types.Published]] = Operation("getContract", "GET", "/v1/contracts/{contract}", types.Published)
"""Shows a contract."""

DIFF_CONTRACTS: Final[Operation[types.Differences]] = Operation("diffContracts", "POST", "/v1/contracts/diff", types.Differences)
"""Says what changes between two schemas, and for whom it breaks."""

LIST_QUESTIONS: Final[Operation[types.Inbox]] = Operation("listQuestions", "GET", "/v1/inbox", types.Inbox)
"""Lists the questions that nobody has answered."""

GET_QUESTION: Final[Operation[types.Question]] = Operation("getQuestion", "GET", "/v1/interrupts/{interrupt}", types.Question)
"""Shows a question; waits for its answer if you like."""

RESOLVE: Final[Operation[types.Resolved]] = Operation("resolve", "POST", "/v1/interrupts/{interrupt}/resolve", types.Resolved)
"""Answers a question, once."""

LIST_DEAD_LETTERS: Final[Operation[types.DeadLetters]] = Operation("listDeadLetters", "GET", "/v1/dead-letters", types.DeadLetters)
"""Lists the dead letters."""

REDRIVE_MANY: Final[Operation[types.Redriven]] = Operation("redriveMany", "POST", "/v1/dead-letters/redrive", types.Redriven)
"""Sends many dead letters once more."""

LIST_EVENTS: Final[Operation[types.Events]] = Operation("listEvents", "GET", "/v1/events", types.Events)
"""Lists events in the order in which they happened."""

FOLLOW_EVENTS: Final[Operation[Any]] = Operation("followEvents", "GET", "/v1/events/stream", None)
"""Follows events as they happen (server-sent events)."""

LIST_REFUSALS: Final[Operation[types.Refusals]] = Operation("listRefusals", "GET", "/v1/refusals", types.Refusals)
"""Lists what was refused lately."""

HEALTH: Final[Operation[types.Health]] = Operation("health", "GET", "/health", types.Health)
"""Says that the server is alive."""

READY: Final[Operation[types.Health]] = Operation("ready", "GET", "/ready", types.Health)
"""Says whether the server takes work."""

OPENAPI: Final[Operation[Any]] = Operation("openapi", "GET", "/openapi.json", None)
"""This document."""

EXPLAIN: Final[Operation[Any]] = Operation("explain", "GET", "/errors/{code}", None)
"""Explains a code."""

ALL: Final[dict[str, Operation[Any]]] = {
    OPEN_RUN.name: OPEN_RUN,
    LIST_RUNS.name: LIST_RUNS,
    GET_RUN.name: GET_RUN,
    CANCEL_RUN.name: CANCEL_RUN,
    OFFER.name: OFFER,
    LIST_ITEMS.name: LIST_ITEMS,
    STORE_CONTENT.name: STORE_CONTENT,
    GET_CONTENT.name: GET_CONTENT,
    GET_HANDOFF.name: GET_HANDOFF,
    GET_BRIEFING.name: GET_BRIEFING,
    REDRIVE.name: REDRIVE,
    CANCEL_HANDOFF.name: CANCEL_HANDOFF,
    CLAIM.name: CLAIM,
    ACCEPT.name: ACCEPT,
    DECLINE.name: DECLINE,
    RELEASE.name: RELEASE,
    HEARTBEAT.name: HEARTBEAT,
    PROGRESS.name: PROGRESS,
    ASK.name: ASK,
    BEGIN_EFFECT.name: BEGIN_EFFECT,
    FINISH_EFFECT.name: FINISH_EFFECT,
    RECONCILE_EFFECT.name: RECONCILE_EFFECT,
    HAND_OUT.name: HAND_OUT,
    COMPLETE.name: COMPLETE,
    FAIL.name: FAIL,
    LIST_AGENTS.name: LIST_AGENTS,
    GET_AGENT.name: GET_AGENT,
    REGISTER_AGENT.name: REGISTER_AGENT,
    REMOVE_AGENT.name: REMOVE_AGENT,
    LIST_CONTRACTS.name: LIST_CONTRACTS,
    PUBLISH_CONTRACT.name: PUBLISH_CONTRACT,
    GET_CONTRACT.name: GET_CONTRACT,
    DIFF_CONTRACTS.name: DIFF_CONTRACTS,
    LIST_QUESTIONS.name: LIST_QUESTIONS,
    GET_QUESTION.name: GET_QUESTION,
    RESOLVE.name: RESOLVE,
    LIST_DEAD_LETTERS.name: LIST_DEAD_LETTERS,
    REDRIVE_MANY.name: REDRIVE_MANY,
    LIST_EVENTS.name: LIST_EVENTS,
    FOLLOW_EVENTS.name: FOLLOW_EVENTS,
    LIST_REFUSALS.name: LIST_REFUSALS,
    HEALTH.name: HEALTH,
    READY.name: READY,
    OPENAPI.name: OPENAPI,
    EXPLAIN.name: EXPLAIN,
}
"""All of them, by name."""
