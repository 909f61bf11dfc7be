//! An example for each of the main requests: what somebody sends who follows one handoff from offer to
//! result. A test sends them all to a server.

use serde_json::{Value, json};

/// What an operation is sent, where one example says more than the schema.
pub fn of(operation: &str) -> Option<Value> {
    Some(match operation {
        "openRun" => json!({
            "task": "Refund order 1042.",
            "items": [{ "kind": "constraint", "key": "max_refund", "value": "100 EUR", "must_carry": true }],
            "offer": { "to": "billing", "contract": "refund@1", "payload": { "order": "1042", "cents": 4200 }, "finish_within_ms": 600_000 },
        }),
        "publishContract" => json!({
            "contract": "refund@1.0.0",
            "schema": {
                "type": "object",
                "required": ["order", "cents"],
                "properties": { "order": { "type": "string" }, "cents": { "type": "integer", "minimum": 1 } },
            },
        }),
        "registerAgent" => json!({ "accepts": ["refund@1"], "capacity": 8, "lease_ms": 30_000 }),
        "offer" => json!({ "to": "billing", "contract": "refund@1", "payload": { "order": "1043", "cents": 900 } }),
        "claim" => json!({ "holder": "worker-1:4711", "wait_ms": 30_000, "accept": true }),
        "heartbeat" => json!({ "token": 1 }),
        "progress" => json!({ "token": 1, "waiting_for": "the bank", "percent": 40 }),
        "ask" => json!({ "token": 1, "asking": "approval", "shown": { "refund": "42.00 EUR", "order": "1042" } }),
        "beginEffect" => json!({ "token": 1, "name": "refund", "key": "1042", "arguments": { "cents": 4200 } }),
        "finishEffect" => json!({ "token": 1, "name": "refund", "key": "1042", "happened": true, "result": { "receipt": "r-77" } }),
        "handOut" => {
            json!({ "token": 1, "mode": "delegate", "offer": { "to": "auditor", "payload": { "order": "1042" } }, "continuation": { "step": 2 } })
        }
        "complete" => json!({ "token": 1, "result": { "refunded": true }, "effects": [{ "name": "refund", "target": "1042" }] }),
        "fail" => json!({ "token": 1, "kind": "rate_limited", "message": "the bank says: later", "retryable": true }),
        "cancelRun" => json!({ "reason": "the customer has changed their mind" }),
        "redriveMany" => json!({ "agent": "billing", "why_contains": "rate_limited" }),
        _ => return None,
    })
}
