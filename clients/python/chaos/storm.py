"""Plays a plan: deals each blow in its moment, and waits for the last answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from chaos import sender
from chaos.plan import Blow, Plan
from chaos.processes import House, Member

# How often it is looked how far the orders are.
LOOK_EVERY = 0.05

# Nothing in here takes so long: leases last 2 s, clients come back within 5 s. Longer than this nothing moves any more.
STANDSTILL = 90.0


@dataclass
class Storm:
    """What has happened so far."""

    plan: Plan
    house: House
    kills: dict[str, int] = field(default_factory=lambda: {"server": 0, "worker": 0, "sender": 0})
    findings: list[str] = field(default_factory=list)
    _answered: int = 0
    _moved: float = field(default_factory=time.monotonic)
    _read: int = -1

    def rage(self) -> None:
        """Until the last order is answered, or nothing moves any more."""
        for blow in self.plan.blows:
            self._wait(lambda due=blow.after: self.answered() >= due)  # type: ignore[misc]
            time.sleep(blow.delay)
            if self._over():
                break
            self.strike(blow)
        self._wait(lambda: self.house.sender.ended() == 0)

    def strike(self, blow: Blow) -> None:
        """Kills one, and starts it again at once."""
        victim = self._victim(blow)
        if victim.kill():
            self.kills[blow.victim] += 1
        victim.start()

    def _victim(self, blow: Blow) -> Member:
        match blow.victim:
            case "server":
                return self.house.server
            case "sender":
                return self.house.sender
            case "worker":
                return self.house.workers[blow.which]

    def answered(self) -> int:
        """How many orders the sender has written down an answer to."""
        file = self.house.answers
        if file.exists() and file.stat().st_size != self._read:
            self._read = file.stat().st_size
            now = len({line["order"] for line in sender.read(file) if line["what"] == "answered"})
            if now > self._answered:
                self._answered, self._moved = now, time.monotonic()
        return self._answered

    def _over(self) -> bool:
        return bool(self.findings or self.house.findings) or self.house.sender.ended() == 0

    def _wait(self, for_this: Callable[[], bool]) -> None:
        """Waits for something, for the end, or until nothing moves any more."""
        while not self._over() and not for_this():
            self.answered()
            if time.monotonic() - self._moved > STANDSTILL:
                missing = len(self.plan.orders) - self._answered
                self.findings.append(f"nothing has moved for {STANDSTILL:.0f} s, and {missing} orders have no answer")
            for member in self.house.members:
                if member is not self.house.sender or member.ended() != 0:
                    member.watch()
            time.sleep(LOOK_EVERY)
