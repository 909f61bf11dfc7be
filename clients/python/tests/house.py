"""The real binary, and processes that work with it: started, killed, started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

REPOSITORY = Path(__file__).resolve().parents[3]

BINARY = Path(os.environ.get("HANDCLASP_BINARY", REPOSITORY / "target" / "debug" / "handclasp"))

# A machine that is busy with something else is slow; a server that has not started by then never will.
PATIENCE = 30.0


class Server:
    """`handclasp up` with a store of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it; at the same address as before, if it has run before."""
        listen = self.url.removeprefix("http://") or "127.0.0.1:0"
        words = [str(BINARY), "up", "--listen", listen, "--store", str(self.folder / "store.db"), "--json"]
        log = (self.folder / "server.log").open("a")
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, text=True, cwd=self.folder)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, (self.folder / "server.log").read_text()
        self.url = json.loads(line)["url"]

    def stop(self) -> None:
        """Asks it to stop, and waits for that."""
        if self.process is not None:
            self.process.terminate()
            assert self.process.wait(timeout=PATIENCE) == 0
            self._forget()

    def kill(self) -> None:
        """`kill -9`."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self._forget()

    def _forget(self) -> None:
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None

    def verify(self) -> None:
        """Every chain of the log proves itself; the server must be stopped."""
        words = [str(BINARY), "verify", "--store", str(self.folder / "store.db")]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=self.folder)
        assert done.returncode == 0, done.stderr


class Worker:
    """A worker in a process of its own. It writes a line to its journal for everything that it does."""

    def __init__(self, server: Server, program: str, agent: str, journal: Path) -> None:
        self.journal = journal
        environment = {**os.environ, "HANDCLASP_URL": server.url, "AGENT": agent, "JOURNAL": str(journal)}
        self.process = subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE, text=True)

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.communicate()

    def send(self, what: signal.Signals) -> None:
        """Sends a signal."""
        self.process.send_signal(what)

    def ended(self) -> tuple[int, str]:
        """Waits for its end; its exit code and what it said."""
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()


def lines(journal: Path) -> list[str]:
    """What was written into a journal."""
    return journal.read_text().splitlines() if journal.exists() else []


def eventually(look: Callable[[], T], what: str = "it did not happen in time") -> T:
    """Looks until there is something to see."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if seen := look():
            return seen
        time.sleep(0.02)
    raise AssertionError(what)
