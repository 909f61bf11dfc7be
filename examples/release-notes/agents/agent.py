"""The agent protocol (docs/agent-protocol.md): one JSON-RPC message per line on stdin and stdout."""
import hashlib, itertools, json, sys, time

numbers = itertools.count(1)

class Failed(Exception):  # Raised by an agent, or by `call` when the engine refuses; then `kind` is the code.
    def __init__(self, message, kind="failed", retryable=False, hint=None):
        super().__init__(message)
        self.data = {"kind": kind, "retryable": retryable, "hint": hint}

def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)

def call(method, **params):
    number = next(numbers)
    send(id=number, method=method, params=params)
    for message in map(json.loads, sys.stdin):
        if message.get("method") == "cancel":
            raise Failed("cancelled", kind="cancelled")
        if message.get("id") == number and "result" in message:
            return message["result"]
        if message.get("id") == number and "error" in message:
            data = message["error"].get("data") or {}
            raise Failed(message["error"]["message"], kind=data.get("code", "refused"), hint=data.get("hint"))
    sys.exit(0)  # Our stdin was closed: nobody waits for an answer any more.

def step(note, percent, pace_ms):
    send(method="progress", params={"note": note, "percent": percent})
    time.sleep(pace_ms / 1000)

def attempt(work, briefing):
    try:  # The read-back names what was really read: the payload's own hash, not the one that was announced.
        payload = json.dumps(briefing["payload"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        call("accept", contract=briefing.get("contract"), payload="sha256:" + hashlib.sha256(payload).hexdigest(), confidence=90,
             items=[item["id"] for item in briefing["items"] if item["must_carry"]],
             criteria=list(range(len(briefing.get("acceptance", [])))))
        return {"result": work(briefing)}
    except Failed as failed:
        return {"error": {"code": -32000, "message": str(failed), "data": failed.data}}

def serve(work):
    sys.stdin.reconfigure(encoding="utf-8")
    for message in map(json.loads, sys.stdin):
        if message.get("method") == "work":
            send(id=message["id"], **attempt(work, message["params"]))
        elif "id" in message and "method" in message:
            send(id=message["id"], error={"code": -32601, "message": "unknown method"})
