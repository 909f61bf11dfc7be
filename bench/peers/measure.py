"""What all peers have in common: the work, the load, the percentiles and the line that a peer prints.

A peer is a command that measures one row: it is told the row by `row_asked_for()`, starts its system with an empty
store, keeps `concurrent` workflows under way with `in_threads` or `in_tasks`, and says what it saw with `report`.
How a workflow of N steps looks in one system or the other is the peer's own business, and so is starting and stopping
that system. Only the standard library is used, so that a peer of any system can import this file.
"""

import argparse
import asyncio
import json
import math
import random
import string
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).resolve().parents[2] / "target" / "peers"
PERCENTILES = (50, 95, 99)

Payload = dict[str, str]


@dataclass(frozen=True)
class Row:
    """One row of the table: what is run, and for how long."""

    kind: str
    steps: int
    concurrent: int
    seconds: float
    folder: Path

    @property
    def warm_seconds(self) -> float:
        """Time under the same load before anything counts: connections are opened, code is compiled, caches fill."""
        return max(1.0, self.seconds / 5)


def row_asked_for(about: str | None, kinds: Sequence[str]) -> Row:
    """The row that the command line asks for."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=kinds, default=kinds[0])
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--concurrent", type=int, default=1, help="workflows under way at once")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where run.py has installed the peers; stores are made and removed there")
    return Row(**vars(parser.parse_args()))


def payload() -> Payload:
    """About 1 KiB of JSON. The letters are random, so that nobody compresses them, and the same in every run."""
    letters = random.Random(7)
    return {"task": "refund order 4711", "from": "intake", "notes": "".join(letters.choices(string.ascii_letters, k=960))}


def add_field(received: Payload, step: int) -> Payload:
    """The work of one agent: it adds one field and hands the payload on."""
    return {**received, f"step_{step}": "done"}


def expected(steps: int) -> Payload:
    """What a client has to get back from a workflow of so many steps."""
    result = payload()
    for step in range(steps):
        result = add_field(result, step)
    return result


@dataclass
class Gaps:
    """The time from the end of one step to the start of the next, taken inside the handlers."""

    _ended: dict[str, float] = field(default_factory=dict)
    _samples: list[tuple[float, float]] = field(default_factory=list)

    def step(self, workflow: str, received: Payload, step: int, last: bool) -> Payload:
        """One agent's step: its start ends a gap and its end begins one, unless it is the last."""
        began = time.perf_counter()
        if (before := self._ended.pop(workflow, None)) is not None:
            self._samples.append((began, began - before))
        result = add_field(received, step)
        if not last:
            self._ended[workflow] = time.perf_counter()
        return result

    def since(self, opens: float) -> list[float]:
        """The gaps that ended since then, in milliseconds."""
        return [gap * 1e3 for ended, gap in self._samples if ended >= opens]


class Workflow(NamedTuple):
    """One that was answered rightly: when the client sent it, and when it had the answer."""

    began: float
    ended: float


@dataclass(frozen=True)
class Seen:
    """What the clients saw: for each caller, one after the other, the workflows of warm-up and window."""

    opens: float
    closes: float
    callers: list[list[Workflow]]
    gaps_ms: list[float]
    failed: int
    first_failure: str | None

    @property
    def answered(self) -> int:
        return sum(len(workflows) for workflows in self.callers)

    @property
    def workflows_per_s(self) -> float:
        """Each workflow counts with the share of its time that lies within the window.

        To count the answers that fall into the window would be wrong by a whole wave where 64 workflows of some seconds end
        together, as they do in a system that takes turns: none of them, or all.
        """
        return sum(self._share(workflow) for workflows in self.callers for workflow in workflows) / (self.closes - self.opens)

    @property
    def latencies_ms(self) -> list[float]:
        """Of the workflows that began within the window, whenever they ended: none is left out for being slow."""
        return [(ended - began) * 1e3 for workflows in self.callers for began, ended in self._latest(workflows)]

    def _share(self, workflow: Workflow) -> float:
        within = min(workflow.ended, self.closes) - max(workflow.began, self.opens)
        return max(within, 0) / (workflow.ended - workflow.began)

    def _latest(self, workflows: list[Workflow]) -> list[Workflow]:
        """What one caller began within the window, or the one workflow that kept it busy all that time."""
        began_within = [workflow for workflow in workflows if self.opens <= workflow.began < self.closes]
        return began_within or [workflow for workflow in workflows if workflow.began < self.opens and workflow.ended >= self.closes]


class Load:
    """All callers of a row. They go on until everything that was under way when the window closed has ended.

    So the load is the same for all that counts, and no answer is missed.
    """

    def __init__(self, row: Row) -> None:
        self.opens = time.perf_counter() + row.warm_seconds
        self.closes = self.opens + row.seconds
        self.right_answer = expected(row.steps)
        self.callers: list[list[Workflow]] = [[] for _ in range(row.concurrent)]
        self.failures: list[str] = []
        self.still_counting = set(range(row.concurrent))

    def goes_on(self) -> bool:
        return bool(self.still_counting)

    def answered(self, caller: int, began: float, answer: Payload) -> None:
        ended = self._ended(caller)
        if answer == self.right_answer:
            self.callers[caller].append(Workflow(began, ended))
        else:
            self.failures.append(f"wrong answer: {json.dumps(answer)[-200:]}")

    def failed(self, caller: int, error: Exception) -> None:
        self._ended(caller)
        self.failures.append(repr(error))

    def seen(self, gaps: Gaps) -> Seen:
        first = self.failures[0] if self.failures else None
        return Seen(self.opens, self.closes, self.callers, gaps.since(self.opens), len(self.failures), first)

    def _ended(self, caller: int) -> float:
        now = time.perf_counter()
        if now >= self.closes:
            self.still_counting.discard(caller)
        return now


def in_threads(row: Row, gaps: Gaps, workflow: Callable[[Payload], Payload]) -> Seen:
    """Keeps `row.concurrent` workflows under way, each called by a thread of its own."""
    load, sent = Load(row), payload()

    def call(caller: int) -> None:
        while load.goes_on():
            began = time.perf_counter()
            try:
                load.answered(caller, began, workflow(sent))
            except Exception as error:  # whatever the system throws is one failed workflow, and is reported
                load.failed(caller, error)

    threads = [threading.Thread(target=call, args=(caller,), daemon=True) for caller in range(row.concurrent)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return load.seen(gaps)


async def in_tasks(row: Row, gaps: Gaps, workflow: Callable[[Payload], Awaitable[Payload]]) -> Seen:
    """Keeps `row.concurrent` workflows under way on one event loop."""
    load, sent = Load(row), payload()

    async def call(caller: int) -> None:
        while load.goes_on():
            began = time.perf_counter()
            try:
                load.answered(caller, began, await workflow(sent))
            except Exception as error:  # as in `in_threads`
                load.failed(caller, error)

    await asyncio.gather(*(call(caller) for caller in range(row.concurrent)))
    return load.seen(gaps)


def percentile(samples: Sequence[float], percent: float) -> float | None:
    """The nearest-rank percentile: a value that was measured, never one between two. None if nothing was."""
    if not samples:
        return None
    return sorted(samples)[math.ceil(percent / 100 * len(samples)) - 1]


def report(peer: str, row: Row, seen: Seen, version: str, durability: str) -> None:
    """Prints the row as one JSON object on one line."""
    line = {
        "peer": peer,
        "kind": row.kind,
        "steps": row.steps,
        "concurrent": row.concurrent,
        "workflows_per_s": round(seen.workflows_per_s, 2),
        "handoffs_per_s": round(seen.workflows_per_s * row.steps, 2),
        **_percentiles("wf", seen.latencies_ms),
        **_percentiles("gap", seen.gaps_ms),
        "failed": seen.failed,
        "first_failure": seen.first_failure,
        "version": version,
        "durability": durability,
    }
    print(json.dumps(line), flush=True)


def _percentiles(of: str, samples_ms: Sequence[float]) -> dict[str, float | None]:
    found = {percent: percentile(samples_ms, percent) for percent in PERCENTILES}
    return {f"{of}_p{percent}_ms": None if value is None else round(value, 3) for percent, value in found.items()}
