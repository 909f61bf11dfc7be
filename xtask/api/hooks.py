"""What schemathesis needs to know to get beyond "not found".

Before the first request this opens runs, claims work, asks questions and loses work, so that there is
something of every kind; then most ids of requests that are made up are replaced by ids that exist. Waits
are cut short: that somebody waits is tested elsewhere.
"""

import json
import os
import random
import re
import urllib.request

import schemathesis

URL = os.environ["HANDCLASP_URL"]

# Waits longer than this only cost time here.
WAIT_MS_MAX = 5

# So many of each kind: requests use them up.
COUNT = 30


def call(method, path, body):
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        return json.load(answer)


def prepare():
    """Gives ids by the name of the path's parameter, and the token of each handoff."""
    ids, tokens = {"agent": ["worker", "idle"], "run": [], "handoff": [], "interrupt": [], "contract": ["made-up@1.0.0"]}, {}
    call("PUT", "/v1/agents/worker", {"capacity": 10_000, "accepts": ["made-up@1"], "lease_ms": 3_600_000})
    call("PUT", "/v1/agents/idle", {})
    call("POST", "/v1/contracts", {"contract": "made-up@1.0.0", "schema": {}})
    for number in range(6 * COUNT):
        opened = call("POST", "/v1/runs", {"task": number, "offer": {"to": "worker", "payload": number}})
        ids["run"].append(opened["run"])
        ids["handoff"].append(opened["handoff"])
        if number % 6 == 0:
            continue  # stays offered
        claim = call("POST", "/v1/agents/worker/claims", {"accept": number % 6 != 1})["claims"][0]
        handoff, token = claim["handoff"], claim["token"]
        tokens[handoff] = token
        if number % 6 == 2:
            asked = call("POST", f"/v1/handoffs/{handoff}/ask", {"token": token, "shown": number})
            ids["interrupt"].append(asked["interrupt"])
        if number % 6 == 3:
            call("POST", f"/v1/handoffs/{handoff}/effects/begin", {"token": token, "name": "effect"})
        if number % 6 == 4:
            call("POST", f"/v1/handoffs/{handoff}/fail", {"token": token, "message": "no"})
    return ids, tokens


IDS, TOKENS = prepare()
FORMS = {
    "run": r"run_[0-7][0-9a-hjkmnp-tv-z]{25}",
    "handoff": r"hnd_[0-7][0-9a-hjkmnp-tv-z]{25}_[0-9]{1,9}",
    "interrupt": r"int_[0-7][0-9a-hjkmnp-tv-z]{25}_[0-9]{1,9}",
    "agent": r"[A-Za-z0-9._/-]{1,64}",
    "contract": r".+@\d+\.\d+\.\d+",
}


def cut(part):
    """What is a number stays one; what is none has to be refused."""
    if isinstance(part, dict) and str(part.get("wait_ms")).isdecimal():
        part["wait_ms"] = type(part["wait_ms"])(min(int(part["wait_ms"]), WAIT_MS_MAX))


@schemathesis.hook
def before_call(context, case, kwargs):
    cut(case.query)
    cut(case.body)
    chance = random.Random(repr((case.path_parameters, case.body)))
    for name, value in (case.path_parameters or {}).items():
        # What is no id at all stays as it is: it has to be refused.
        if name in IDS and isinstance(value, str) and re.fullmatch(FORMS[name], value) and chance.random() < 0.8:
            case.path_parameters[name] = chance.choice(IDS[name])
    handoff = (case.path_parameters or {}).get("handoff")
    if isinstance(case.body, dict) and type(case.body.get("token")) is int and handoff in TOKENS and chance.random() < 0.9:
        case.body["token"] = TOKENS[handoff]
