"""What is left after the storm, and whether it is right.

Three witnesses that know nothing of each other must tell the same story: what the sender has written
down, the server's log, and what really happened outside.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chaos import effects, sender
from chaos.plan import Order, Plan
from chaos.processes import House
from handclasp import Handclasp

# A page of the log.
PAGE = 500

# The server is closing or its store is busy: the request was not done, and the client comes again.
PASSING = 503


@dataclass
class Log:
    """What the server's log says, counted."""

    events: Counter[str]
    runs: dict[str, list[str]]
    """The handoffs of each run."""
    completed: Counter[str]
    """How often each handoff was completed."""
    happened: Counter[tuple[str, str]]
    """How often each effect of each handoff is said to have happened."""
    reconciled: Counter[str]
    """Effects that were cut short, by what was found out."""

    @staticmethod
    def read(hc: Handclasp) -> Log:
        """All of it."""
        log = Log(Counter(), {}, Counter(), Counter(), Counter())
        after, newest = 0, 1
        while after < newest:
            page = hc.list_events(after, limit=PAGE)
            for line in page.events:
                log._add(line.run, line.event["event"])
            after, newest = page.after, page.newest
        return log

    def _add(self, run: str, event: dict[str, Any]) -> None:
        self.events[event["type"]] += 1
        match event["type"]:
            case "run_opened":
                self.runs[run] = []
            case "handoff_offered":
                self.runs[run].append(event["handoff"])
            case "handoff_completed":
                self.completed[event["handoff"]] += 1
            case "effect_settled":
                happened = event["outcome"] != "did_not_happen"
                if happened:
                    self.happened[event["handoff"], event["effect"]["name"]] += 1
                if event["reconciled"]:
                    self.reconciled["had happened" if happened else "had not happened"] += 1


def findings(plan: Plan, house: House, hc: Handclasp, log: Log) -> Iterator[str]:
    """Everything that is wrong while the server still runs."""
    yield from _answers(plan, house, hc, log)
    yield from _log(plan, log)
    yield from _outside(plan, house)
    yield from _left(hc)
    yield from defects(house.server.log.read_text())


def _answers(plan: Plan, house: House, hc: Handclasp, log: Log) -> Iterator[str]:
    """Each order was offered once, however often its offer was sent, and its answer is the one of the log."""
    handoffs: dict[int, set[tuple[str, str]]] = {}
    results: dict[int, list[Any]] = {}
    for line in sender.read(house.answers):
        if line["what"] == "offered":
            handoffs.setdefault(line["order"], set()).add((line["run"], line["handoff"]))
        else:
            results.setdefault(line["order"], []).append(line["result"])
    for order in plan.orders:
        offered, answers = handoffs.get(order.number, set()), results.get(order.number, [])
        if len(offered) != 1:
            yield f"order {order.number} was acknowledged as {len(offered)} handoffs: {offered}"
        if answers != [_answer(order)]:
            yield f"order {order.number} was answered {len(answers)} times: {answers}"
        for run, handoff in offered:
            if log.runs.get(run, [])[:1] != [handoff]:
                yield f"order {order.number} was acknowledged as {handoff}, and the log has {log.runs.get(run)}"
            elif (kept := hc.get_run(run).result) != _answer(order):
                yield f"order {order.number} was answered with {_answer(order)}, and {run} has the result {kept}"
    acknowledged = {run for offered in handoffs.values() for run, _ in offered}
    yield from (f"{run} is in the log, and nobody was told" for run in log.runs.keys() - acknowledged)


def _answer(order: Order) -> dict[str, str]:
    """What the last agent that has an order answers."""
    return {"done": order.effects[-1]}


def _log(plan: Plan, log: Log) -> Iterator[str]:
    """As many handoffs as were planned, each completed once, each with one effect that happened once."""
    handoffs = [handoff for offered in log.runs.values() for handoff in offered]
    if len(handoffs) != plan.handoffs:
        yield f"the log has {len(handoffs)} handoffs instead of {plan.handoffs}"
    for handoff in handoffs:
        if log.completed[handoff] != 1:
            yield f"{handoff} was completed {log.completed[handoff]} times"
        happened = [times for (whose, _), times in log.happened.items() if whose == handoff]
        if happened != [1]:
            yield f"{handoff} has {len(happened)} effects, which the log says happened {happened} times"


def _outside(plan: Plan, house: House) -> Iterator[str]:
    """What was to happen has happened, once, and nothing else."""
    wanted = Counter(key for order in plan.orders for key in order.effects)
    done = effects.counted(house.done_outside)
    for key in sorted(wanted.keys() | done.keys()):
        if wanted[key] != done[key]:
            yield f"`{key}` happened {done[key]} times instead of {wanted[key]}"


def _left(hc: Handclasp) -> Iterator[str]:
    """Nothing waits, nothing is held, nothing was given up."""
    for agent in hc.agents():
        if agent.holds or agent.waiting:
            yield f"`{agent.agent}` still holds {agent.holds} handoffs, and {agent.waiting} wait for it"
    yield from (f"{run.run} is {run.condition}" for run in hc.list_runs() if run.condition != "completed")
    yield from (f"{letter.handoff} is a dead letter: {letter.why}" for letter in hc.dead_letters())
    yield from (f"{question.interrupt} asks a person" for question in hc.inbox())


def defects(server_log: str) -> Iterator[str]:
    """Defects of the server: it writes down each answer from 500 on, and whatever it says before it dies."""
    for text in server_log.splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            if "panicked" in text:
                yield f"the server said: {text}"
            continue
        if line.get("status", 0) >= 500 and line["status"] != PASSING:
            yield f"the server answered {text}"
        elif line.get("level") == "ERROR":
            yield f"the server said: {text}"
