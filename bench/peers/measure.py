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

    def between(self, opens: float, closes: float) -> list[float]:
        """The gaps that ended within a window, in milliseconds."""
        return [gap * 1e3 for ended, gap in self._samples if opens <= ended < closes]


@dataclass
class Seen:
    """What the client saw within the window. A failure counts whenever it happens; it is never left out."""

    seconds: float
    latencies_ms: list[float]
    gaps_ms: list[float]
    failed: int
    first_failure: str | None


class Window:
    """The time that counts, and what ended in it. Work goes on until it closes, so that the load never thins out within."""

    def __init__(self, row: Row) -> None:
        self.opens = time.perf_counter() + row.warm_seconds
        self.closes = self.opens + row.seconds
        self.expected = expected(row.steps)
        self.ended: list[tuple[float, float]] = []
        self.failures: list[str] = []

    def is_open(self) -> bool:
        return time.perf_counter() < self.closes

    def answered(self, began: float, answer: Payload) -> None:
        ended = time.perf_counter()
        if answer == self.expected:
            self.ended.append((ended, ended - began))
        else:
            self.failures.append(f"wrong answer: {json.dumps(answer)[-200:]}")

    def seen(self, gaps: Gaps) -> Seen:
        latencies = [latency * 1e3 for ended, latency in self.ended if self.opens <= ended < self.closes]
        first = self.failures[0] if self.failures else None
        return Seen(self.closes - self.opens, latencies, gaps.between(self.opens, self.closes), len(self.failures), first)


def in_threads(row: Row, gaps: Gaps, workflow: Callable[[Payload], Payload]) -> Seen:
    """Keeps `row.concurrent` workflows under way, each called by a thread of its own."""
    window, sent = Window(row), payload()

    def caller() -> None:
        while window.is_open():
            began = time.perf_counter()
            try:
                window.answered(began, workflow(sent))
            except Exception as error:  # whatever the system throws is one failed workflow, and is reported
                window.failures.append(repr(error))

    callers = [threading.Thread(target=caller, daemon=True) for _ in range(row.concurrent)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()
    return window.seen(gaps)


async def in_tasks(row: Row, gaps: Gaps, workflow: Callable[[Payload], Awaitable[Payload]]) -> Seen:
    """Keeps `row.concurrent` workflows under way on one event loop."""
    window, sent = Window(row), payload()

    async def caller() -> None:
        while window.is_open():
            began = time.perf_counter()
            try:
                window.answered(began, await workflow(sent))
            except Exception as error:  # as in `in_threads`
                window.failures.append(repr(error))

    await asyncio.gather(*(caller() for _ in range(row.concurrent)))
    return window.seen(gaps)


def percentile(samples: Sequence[float], percent: float) -> float | None:
    """The nearest-rank percentile: a value that was measured, never one between two. None if nothing was."""
    if not samples:
        return None
    return sorted(samples)[math.ceil(percent / 100 * len(samples)) - 1]


def report(peer: str, row: Row, seen: Seen, version: str, durability: str) -> None:
    """Prints the row as one JSON object on one line."""
    workflows_per_s = len(seen.latencies_ms) / seen.seconds
    line = {
        "peer": peer,
        "kind": row.kind,
        "steps": row.steps,
        "concurrent": row.concurrent,
        "workflows_per_s": round(workflows_per_s, 1),
        "handoffs_per_s": round(workflows_per_s * row.steps, 1),
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
