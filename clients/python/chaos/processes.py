"""The processes that take part: started, killed with `kill -9`, started again at once.

Each writes what it says to a file in the run's folder. One that ends without having been killed or
asked to is a finding.
"""

from __future__ import annotations

import json
import os
import random
import selectors
import signal
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from chaos.plan import AGENTS, LEASE, WORKERS, Plan
from handclasp import Handclasp, types
from handclasp.terms import millis

# Below the ports that systems give to connections that go out: a client that knocks at the door of a dead
# server could otherwise be given that very port, and keep the server from it.
PORTS = range(20_000, 32_000)

# A busy machine starts a program in seconds; what takes longer than this does not start.
STARTS_WITHIN = 60.0


@dataclass
class Member:
    """One process, in all its lives."""

    name: str
    words: list[str]
    log: Path
    environment: dict[str, str]
    says_when_ready: bool = False
    process: subprocess.Popen[str] | None = None
    kills: int = 0
    findings: list[str] = field(default_factory=list)

    def start(self) -> str:
        """Starts it; gives its first line, if it says one."""
        with self.log.open("a") as log:
            out = subprocess.PIPE if self.says_when_ready else log
            self.process = subprocess.Popen(self.words, stdout=out, stderr=log, env=self.environment, text=True)
        return self._first_line(self.process.stdout) if self.process.stdout else ""

    def _first_line(self, out: IO[str]) -> str:
        with selectors.DefaultSelector() as ready:
            ready.register(out, selectors.EVENT_READ)
            line = out.readline() if ready.select(STARTS_WITHIN) else ""
        if not line:
            raise RuntimeError(f"{self.name} does not start: see {self.log}")
        return line

    def kill(self) -> bool:
        """`kill -9`; whether it was alive."""
        if self.ended() is not None:
            return False
        self._end(signal.SIGKILL)
        self.kills += 1
        return True

    def stop(self) -> None:
        """Asks it to stop. That it then fails, or does not, is a finding."""
        if self.ended() is None and (code := self._end(signal.SIGTERM)) != 0:
            self.findings.append(f"{self.name} was asked to stop and ended with {code}: see {self.log}")

    def watch(self) -> None:
        """Notes that it has ended by itself, and starts it again."""
        if (code := self.ended()) is not None:
            self.findings.append(f"{self.name} ended by itself with {code}: see {self.log}")
            self.start()

    def ended(self) -> int | None:
        """The exit code of one that has ended."""
        assert self.process is not None
        return self.process.poll()

    def _end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        try:
            code = self.process.wait(STARTS_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        return code


class House:
    """All of them, with the files that they share."""

    def __init__(self, plan: Plan, folder: Path, binary: Path, *, blindly: bool) -> None:
        self.folder = folder
        self.binary = binary
        self.store = folder / "store.db"
        self.answers = folder / "answers.jsonl"
        self.done_outside = folder / "done-outside.txt"
        self.url = f"http://127.0.0.1:{free_port(plan.seed)}"
        orders = folder / "orders.json"
        orders.write_text(json.dumps([asdict(order) for order in plan.orders]))
        # Settings and keys of whoever runs this are not for the test.
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("HANDCLASP_")}
        self.environment |= {"HANDCLASP_URL": self.url, **({"CHAOS_BLINDLY": "1"} if blindly else {})}
        listen = self.url.removeprefix("http://")
        up = [str(binary), "up", "--listen", listen, "--store", str(self.store), "--json", "--log", "info", "--log-format", "json"]
        self.server = self._member("server", up, says_when_ready=True)
        self.effects = self._member("effects", _program("effects", self.done_outside), says_when_ready=True)
        self.workers = [self._member(f"worker-{which}", _program("worker")) for which in range(WORKERS)]
        self.sender = self._member("sender", _program("sender", orders, self.answers))

    def _member(self, name: str, words: list[str], *, says_when_ready: bool = False) -> Member:
        return Member(name, words, self.folder / f"{name}.log", self.environment, says_when_ready)

    @property
    def members(self) -> list[Member]:
        """All that may be killed, the sender first."""
        return [self.sender, *self.workers, self.server]

    @property
    def findings(self) -> list[str]:
        """What went wrong with the processes themselves."""
        return [finding for member in [*self.members, self.effects] for finding in member.findings]

    def __enter__(self) -> House:
        # All share this dictionary, so that whoever is started later knows the port.
        self.environment["CHAOS_EFFECTS"] = self.effects.start().strip()
        self.server.start()
        with Handclasp(self.url) as hc:
            for agent in AGENTS:
                hc.register(agent, types.Register(lease_ms=millis(LEASE)))
        for member in [*self.workers, self.sender]:
            member.start()
        return self

    def __exit__(self, *_: object) -> None:
        for member in [*self.members, self.effects]:
            if member.process is not None and member.ended() is None:
                member.kill()

    def stop(self) -> None:
        """Asks all but the world outside to stop, whoever depends on others first."""
        for member in self.members:
            member.stop()

    def verify(self) -> str | None:
        """What is wrong with the log, if anything is."""
        words = [str(self.binary), "verify", "--store", str(self.store), "--json"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return None if done.returncode == 0 else f"`handclasp verify` ended with {done.returncode}: {done.stdout}{done.stderr}"


def _program(name: str, *arguments: Path) -> list[str]:
    return [sys.executable, "-m", f"chaos.{name}", *map(str, arguments)]


def free_port(seed: int) -> int:
    """A port that nobody has."""
    for port in random.Random(seed).sample(PORTS, 100):
        with socket.socket() as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                door.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")
