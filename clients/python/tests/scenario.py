"""Plays the scenarios in `clients/scenarios`: requests and answers in no language, through the client's own transport."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from house import REPOSITORY

from handclasp import AsyncHandclasp, Refused, operations
from handclasp.transport import new_key

FOLDER = REPOSITORY / "clients" / "scenarios"

VARIABLE = re.compile(r"\$\{([a-z_]+)\}")

# A step that may take its time is looked at again so soon.
AGAIN = 0.05


class NotAsExpected(AssertionError):
    """A step went otherwise."""


def files() -> list[Path]:
    """All scenarios."""
    return sorted(FOLDER.glob("*.yaml"))


class Scenario:
    """One scenario, being played."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.steps: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["steps"]
        self.variables: dict[str, Any] = {"me": f"s-{uuid.uuid4().hex[:12]}"}

    def play(self, url: str) -> None:
        """Plays it against a server."""
        asyncio.run(self._play(url))

    async def _play(self, url: str) -> None:
        async with AsyncHandclasp(url) as hc:
            for place, step in enumerate(self.steps, start=1):
                unknown = step.keys() - {"call", "path", "query", "body", "headers", "key", "expect", "save", "within_s"}
                assert not unknown, f"{self.path.name}, step {place}: unknown fields {unknown}"
                until = time.monotonic() + step.get("within_s", 0)
                while True:
                    said = self.filled(step)
                    answer = await self._call(hc, said)
                    wrong = list(differences(said.get("expect", {}), *answer))
                    if not wrong:
                        break
                    if time.monotonic() >= until:
                        raise NotAsExpected(f"{self.path.name}, step {place} ({step['call']}): {'; '.join(wrong)}\nfound: {answer}")
                    await asyncio.sleep(AGAIN)
                for variable, pointer in step.get("save", {}).items():
                    self.variables[variable] = at(answer[1], pointer)

    async def _call(self, hc: AsyncHandclasp, step: dict[str, Any]) -> tuple[int, Any]:
        """The status and what was answered."""
        operation = operations.ALL[step["call"]]
        transport = hc.transport
        headers = dict(step.get("headers", {}))
        if operation.writes:
            headers["Idempotency-Key"] = step.get("key") or new_key()
        request = {"params": step.get("query"), "headers": headers, "json": step.get("body"), "timeout": 60}
        try:
            response = await transport.send(transport.patience, operation.method, operation.url(**step.get("path", {})), **request)
        except Refused as refusal:
            return refusal.status, refusal.problem.model_dump(mode="json")
        # The client's own types must be able to read every answer.
        operation.read(response.content)
        return response.status_code, response.json()

    def filled(self, value: Any) -> Any:
        """A part of a step with its variables filled in."""
        if isinstance(value, dict):
            return {name: inner if name == "save" else self.filled(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.filled(inner) for inner in value]
        if not isinstance(value, str):
            return value
        if whole := VARIABLE.fullmatch(value):
            return self.variables[whole.group(1)]
        return VARIABLE.sub(lambda found: str(self.variables[found.group(1)]), value)


def differences(expected: dict[str, Any], status: int, answer: Any) -> Iterator[str]:
    """Everything in which an answer is not as expected."""
    unknown = expected.keys() - {"status", "code", "answer", "lacks"}
    assert not unknown, f"unknown expectations {unknown}"
    refused = "code" in expected
    if "status" in expected:
        yield from contrast(expected["status"], status, "status")
    elif not (400 <= status < 500 if refused else status == 200):
        yield f"status: {status}"
    if refused:
        yield from contrast(expected["code"], at(answer, "/code"), "code")
    yield from contrast(expected.get("answer", {}), answer, "answer")
    for pointer in expected.get("lacks", []):
        if (found := at(answer, pointer)) is not None:
            yield f"{pointer}: {found!r} instead of nothing"


def contrast(expected: Any, found: Any, where: str) -> Iterator[str]:
    """Everything in which a value is not as expected."""
    if isinstance(expected, dict) and "$any" in expected:
        if found is None:
            yield f"{where}: nothing"
    elif isinstance(expected, dict) and "$match" in expected:
        if not isinstance(found, str) or not re.search(expected["$match"], found):
            yield f"{where}: {found!r} does not match {expected['$match']!r}"
    elif isinstance(expected, dict) and "$contains" in expected:
        for wanted in expected["$contains"]:
            if not isinstance(found, list) or all(list(contrast(wanted, one, where)) for one in found):
                yield f"{where}: there is no {wanted!r}"
    elif isinstance(expected, dict) and isinstance(found, dict):
        for name, wanted in expected.items():
            yield from contrast(wanted, found.get(name), f"{where}/{name}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for place, wanted in enumerate(expected):
            yield from contrast(wanted, found[place], f"{where}/{place}")
    elif expected != found or isinstance(expected, bool) != isinstance(found, bool):
        yield f"{where}: {found!r} instead of {expected!r}"


def at(value: Any, pointer: str) -> Any:
    """What stands at a JSON pointer; nothing if nothing does."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            value = value[int(name)] if name.isdigit() and int(name) < len(value) else None
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value
