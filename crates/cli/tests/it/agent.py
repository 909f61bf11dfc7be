"""An agent for the tests: does what its first argument says, by the agent protocol."""
import hashlib, json, os, sys

numbers = iter(range(1, 1000))

class Refused(Exception):
    pass

def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)

def call(method, **params):
    number = next(numbers)
    send(id=number, method=method, params=params)
    for message in map(json.loads, sys.stdin):
        if message.get("id") == number and "method" not in message:
            if "error" in message:
                raise Refused(message["error"]["message"])
            return message["result"]
    sys.exit(0)  # Nobody is there any more.

def note(name, line):
    with open(name, "a") as file:
        file.write(line + "\n")

def upper(briefing):
    note("upper.log", briefing["payload"]["text"])
    return {"text": briefing["payload"]["text"].upper()}

def picky(briefing):
    if "bad" in briefing["payload"]["text"].lower():
        raise Refused("it is bad")
    return {"text": briefing["payload"]["text"] + "!"}

def charge(briefing):
    """Does something that must not happen twice; the first time it is then never heard of again."""
    if call("effect/begin", name="charge", key="A-17", arguments={"amount": 1})["proceed"]:
        note("charges.log", "charged")
        call("effect/finish", name="charge", key="A-17", happened=True, result={"receipt": 1})
    if not os.path.exists("stuck"):
        note("stuck", "here")
        sys.stdin.read()
        sys.exit(0)
    return {"text": briefing["payload"]["text"] + " charged"}

def pay(briefing):
    """Is cut short, the first time, between announcing an effect and doing it."""
    begun = call("effect/begin", name="pay", key="A-17", arguments={"amount": 120, "text": "for order A-17"})
    if not os.path.exists("stuck"):
        note("stuck", "here")
        sys.stdin.read()
        sys.exit(0)
    if begun["proceed"]:
        call("effect/finish", name="pay", key="A-17", happened=True)
    return {"text": "paid" if begun["proceed"] else "had been paid"}

def slow(briefing):
    """Is at work until it is told to stop, the first time."""
    if not os.path.exists("stuck"):
        note("stuck", "here")
        sys.stdin.readline()
        raise Refused("told to stop")
    return briefing["payload"]

def ask(briefing):
    answer = call("ask", asking="question", shown={"which": "colour"}, options=["red", "blue"])
    return {"text": answer["choice"]}

work = {"upper": upper, "picky": picky, "charge": charge, "pay": pay, "slow": slow, "ask": ask}[sys.argv[1]]

for message in map(json.loads, sys.stdin):
    if message.get("method") != "work":
        continue
    briefing = message["params"]
    payload = json.dumps(briefing["payload"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    try:
        call("accept", contract=briefing.get("contract"), payload="sha256:" + hashlib.sha256(payload).hexdigest(),
             items=[item["id"] for item in briefing["items"] if item["must_carry"]], criteria=[], confidence=90)
        send(id=message["id"], result={"result": work(briefing)})
    except Refused as refused:
        send(id=message["id"], error={"code": -32000, "message": str(refused), "data": {"kind": "refused", "retryable": False}})
