"""Restate, a single node with its default settings: one row of the table.

Starts the server from npm with an empty store, then `restate_service.mjs` with the handlers, registers it, and lets
`restate_client.mjs` drive the load: three processes, as its users have them. Kinds: `call` and `run`, told there.
Telemetry is off, everything listens on loopback and on free ports, and all is stopped and removed at the end.
"""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import measure
from measure import Row, Seen, Workflow

READY_SECONDS = 60
STOP_SECONDS = 10

# The records of workflows are in the log server's database; only its write-ahead log makes them safe.
SYNCS = re.compile(r'^restate_rocksdb_wal_synced_total\{[^}]*db="log-server"[^}]*\} (\d+)', re.MULTILINE)


@dataclass(frozen=True)
class Ports:
    ingress: int
    admin: int
    node: int
    service: int
    gaps: int


def free_ports() -> Ports:
    """Ports that nobody uses. All are held until all are known, so that they differ."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in Ports.__dataclass_fields__]
        return Ports(*(each.getsockname()[1] for each in sockets))


def url(port: int, path: str = "") -> str:
    return f"http://127.0.0.1:{port}/{path}"


def ask(address: str, body: object = None) -> str:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data=content, headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def insist(question: Callable[[], object]) -> None:
    """Asks until there is an answer: a server that starts refuses connections, and then answers 503 for a while."""
    gives_up = time.monotonic() + READY_SECONDS
    while True:
        try:
            question()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if time.monotonic() > gives_up:
                raise
            time.sleep(0.1)


@contextmanager
def running(command: list[str], log: Path, **environment: str) -> Iterator[None]:
    """A process that lives as long as the block. What it says is shown if the block fails."""
    with log.open("w") as output:
        process = subprocess.Popen(command, env=os.environ | environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield
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


def server_binary(node_folder: Path) -> Path:
    """The program itself, without npm's launcher in front of it: one process to start and to stop."""
    return next(node_folder.glob("node_modules/@restatedev/restate-server-*/bin/restate-server"))


def server_environment(ports: Ports) -> dict[str, str]:
    return {
        "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ports.ingress}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{ports.admin}",
        "RESTATE_BIND_ADDRESS": f"127.0.0.1:{ports.node}",
        "RESTATE_LISTEN_MODE": "tcp",
        "RESTATE_DISABLE_TELEMETRY": "true",
        "RESTATE_LOG_FILTER": "error",
    }


def drive(row: Row, ports: Ports, node_folder: Path) -> Seen:
    told = {
        "url": url(ports.ingress, f"Workflows/{row.kind}"),
        "gaps_url": url(ports.gaps),
        "steps": row.steps,
        "concurrent": row.concurrent,
        "warm_seconds": row.warm_seconds,
        "seconds": row.seconds,
        "payload": measure.payload(),
        "expected": measure.expected(row.steps),
    }
    command = ["node", str(node_folder / "restate_client.mjs"), json.dumps(told)]
    said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return Seen(**said | {"callers": [[Workflow(*each) for each in caller] for caller in said["callers"]]})


def one_workflow(row: Row, ports: Ports) -> None:
    ask(url(ports.ingress, f"Workflows/{row.kind}"), {"steps": row.steps, "payload": measure.payload()})


def log_syncs(ports: Ports) -> int:
    return int(SYNCS.search(ask(url(ports.node, "metrics")))[1])


def durability(server: Path, environment: dict[str, str], store: str, syncs_per_workflow: float) -> str:
    """The setting as the server resolves it, and what it did: the syncs of the log that its own metrics count."""
    dumped = subprocess.run([server, "--dump-config", "--base-dir", store], env=os.environ | environment, check=True, capture_output=True)
    log_server = tomllib.loads(dumped.stdout.decode())["log-server"]
    setting = "off" if log_server["rocksdb-disable-wal-fsync"] else "on"
    return f"log fsync {setting}, {syncs_per_workflow:.1f} fsyncs per workflow counted"


def versions(ports: Ports, node_folder: Path) -> str:
    server = json.loads(ask(url(ports.admin, "version")))["version"]
    sdk = json.loads((node_folder / "node_modules/@restatedev/restate-sdk/package.json").read_text())["version"]
    node = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout.strip().lstrip("v")
    return f"restate-server {server}, restate-sdk {sdk}, Node {node}"


def measured(row: Row, folder: Path) -> None:
    ports, node_folder = free_ports(), row.folder / "node"
    server, environment, store = server_binary(node_folder), server_environment(ports), str(folder / "store")
    service = ["node", str(node_folder / "restate_service.mjs"), str(ports.service), str(ports.gaps)]
    with ExitStack() as processes:
        processes.enter_context(running([str(server), "--no-logo", "--base-dir", store], folder / "server.log", **environment))
        processes.enter_context(running(service, folder / "service.log", NODE_ENV="production"))
        insist(lambda: ask(url(ports.gaps)))
        insist(lambda: ask(url(ports.admin, "deployments"), {"uri": url(ports.service)}))
        insist(lambda: one_workflow(row, ports))
        before = log_syncs(ports)
        seen = drive(row, ports, node_folder)
        settings = durability(server, environment, store, (log_syncs(ports) - before) / max(seen.answered, 1))
        measure.report("restate", row, seen, versions(ports, node_folder), settings)


def main() -> None:
    # Whoever ends this process ends the server, too: as after Ctrl-C, every block is left.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    row = measure.row_asked_for(__doc__, kinds=("call", "run"))
    with tempfile.TemporaryDirectory(prefix="restate-", dir=row.folder) as folder:
        measured(row, Path(folder))


if __name__ == "__main__":
    main()
