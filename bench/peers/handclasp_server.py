"""Handclasp's server and workers for the rows of its Rust and its Python client.

The server is the optimised program over an empty store, with the settings that it has by default; the workers are a process
of their own and register the agents of all steps. Everything listens on loopback and on a free port, and all is stopped at
the end of the block. Which client works and calls is the two peers' own business.
"""

import json
import re
import sqlite3
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import install
from measure import Row

READY_SECONDS = 60
STOP_SECONDS = 10

WRITER = install.ROOT / "crates" / "store" / "src" / "sqlite" / "writer.sql"


class Server:
    """A server that runs, and the store behind it."""

    def __init__(self, url: str, store: Path, programs: Path) -> None:
        self.url = url
        self._store = store
        self._programs = programs

    def answer(self, path: str) -> dict:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def version(self) -> str:
        commit = (self._programs / "commit.txt").read_text()
        return f"handclasp {self.answer('/health')['version']}" + (f" ({commit})" if commit else "")

    def durability(self) -> str:
        """What the file says while the server has it open, and what the server sets."""
        with sqlite3.connect(f"file:{self._store}?mode=ro", uri=True) as connection:
            (journal_mode,) = connection.execute("pragma journal_mode").fetchone()
        return f"SQLite, journal_mode={journal_mode}, synchronous={synchronous()} as writer.sql sets it"

    def wait_for(self, agents: int) -> None:
        """Until each agent has a worker that asks for work."""
        gives_up = time.monotonic() + READY_SECONDS
        while sum(agent["workers"] > 0 for agent in self.answer("/v1/agents")["agents"]) < agents:
            if time.monotonic() > gives_up:
                raise TimeoutError("the workers do not ask for work")
            time.sleep(0.05)


class Workers:
    """The workers' process: told an age in seconds, it says the gaps that ended since then, in milliseconds."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process

    def gaps_ms(self, opened_ago: float) -> list[float]:
        self._process.stdin.write(f"{opened_ago}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def since(self, opens: float) -> list[float]:
        """The same by this process's clock, as `measure.Gaps` would say it."""
        return self.gaps_ms(time.perf_counter() - opens)


def synchronous() -> str:
    """Not kept in the file: it belongs to a connection, and the one that commits is in another process.

    So it is read from the statements with which the server, built from the same sources, opens that connection.
    """
    (setting,) = re.findall(r"^PRAGMA synchronous = (\w+);", WRITER.read_text(), re.MULTILINE)
    return setting


def programs(row: Row) -> Path:
    return row.folder / "handclasp"


@contextmanager
def at_work(row: Row, worker: list[str]) -> Iterator[tuple[Server, Workers]]:
    """A server and workers that wait for work. `worker` is told the address, the steps and how much to do at once."""
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="handclasp-", dir=row.folder)))
        store = folder / "handclasp.db"
        up = [str(programs(row) / "handclasp"), "--store", str(store), "up", "--listen", "127.0.0.1:0", "--json"]
        served = ends.enter_context(running(up, folder / "server.log"))
        server = Server(json.loads(served.stdout.readline())["url"], store, programs(row))
        working = ends.enter_context(running([*worker, server.url, str(row.steps), str(row.concurrent)], folder / "worker.log"))
        server.wait_for(row.steps)
        yield server, Workers(working)


@contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen]:
    """A process that lives as long as the block. What it says is shown if the block fails."""
    with log.open("w") as output:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, text=True)
        try:
            yield process
        except BaseException as error:
            error.add_note(f"{command[0]} said:\n{log.read_text()[-4000:]}")
            raise
        finally:
            stop(process)


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdin.close()
    process.stdout.close()
