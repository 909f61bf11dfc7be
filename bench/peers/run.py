#!/usr/bin/env python3
"""The peers on the same work: installs them, measures every row, prints the table. README.md says what is measured.

    python3 bench/peers/run.py                    every row three times, ten seconds each
    python3 bench/peers/run.py --quick            three seconds each, or --seconds N
    python3 bench/peers/run.py --only restate     one peer; may be given again for another

The table goes to stdout, progress to stderr, both results.json and table.md to target/peers. One row is one process with
an empty store. Rows of the same work are measured one right after the other, and who is first changes with every turn,
so that whatever else the machine does does not hit always the same one. Ends with 1 if a row could not be measured.
"""

import argparse
import datetime
import json
import os
import platform
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import install
import table
from measure import FOLDER, Row

HERE = Path(__file__).resolve().parent
STEPS = (2, 8)
CONCURRENT = (1, 64)

# What a row may take on top of its time under load: a system starts, warms up, and finishes what is under way.
GRACE_SECONDS = 120

# What a peer may take to stop what it started: Restate's server alone takes some seconds.
STOP_SECONDS = 20

# Above this the machine is doing something else, and the figures say more about that than about the peers.
LOAD_MAX = 0.5

REQUIRED = {name for _, name in table.COLUMNS} - {"workflows_per_s_range"} | {"first_failure"}


@dataclass(frozen=True)
class Peer:
    """A command that takes the arguments of `measure.row_asked_for` and prints its row as one JSON object on one line."""

    name: str
    kinds: tuple[str, ...]
    command: tuple[str, ...]


def python_peer(name: str, kinds: tuple[str, ...]) -> Peer:
    return Peer(name, kinds, (str(install.python_peers(FOLDER)), str(HERE / f"{name}_peer.py")))


def restate() -> Peer:
    install.node_peers(FOLDER)
    return Peer("restate", ("call", "run"), (sys.executable, str(HERE / "restate_peer.py")))


def dbos() -> Peer:
    if sys.version_info >= (3, 12) and sqlite3.sqlite_version_info < (3, 42):
        sys.exit(
            f"peers: failed to start DBOS\n  caused by: from Python 3.12 on it needs SQLite 3.42, and this Python has {sqlite3.sqlite_version}\n"
            "  hint: use Python 3.11, or leave DBOS out with `--only`"
        )
    return python_peer("dbos", ("step", "step_async", "child"))


def langgraph() -> Peer:
    return python_peer("langgraph", ("graph", "graph_async"))


def handclasp_rust() -> Peer:
    install.handclasp(FOLDER)
    return Peer("handclasp_rust", ("handoff",), (sys.executable, str(HERE / "handclasp_rust_peer.py")))


def handclasp_python() -> Peer:
    install.handclasp(FOLDER)
    return python_peer("handclasp_python", ("handoff",))


# Each builds or installs what it needs, once, and says how it is asked for a row.
PEERS = {
    "restate": restate,
    "dbos": dbos,
    "langgraph": langgraph,
    "handclasp_rust": handclasp_rust,
    "handclasp_python": handclasp_python,
}


def main() -> int:
    if sys.version_info < (3, 11):
        sys.exit(f"peers: failed to start\n  caused by: this is Python {platform.python_version()}\n  hint: use Python 3.11 or newer")
    options = parsed_options()
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Before our own build makes it so.
    warn_if_busy()
    peers = [PEERS[name]() for name in options.only or PEERS]
    measured, failures, disk_ms = [], 0, []
    rows = list(rows_in_turn(peers, options.repetitions, options.seconds))
    for number, (peer, row) in enumerate(rows, start=1):
        print(f"{number}/{len(rows)} {peer.name} {row.kind}, {row.steps} steps, {row.concurrent} at once", end=" ", file=sys.stderr, flush=True)
        disk_ms.append(disk_sync_ms())
        try:
            measured.append(measure_row(peer, row))
            print(f"{measured[-1]['workflows_per_s']} workflows/s", file=sys.stderr)
        except RowFailed as error:
            failures += 1
            print(f"failed: {error}", file=sys.stderr)
    publish(measured, disk_ms, options)
    return 1 if failures else 0


def parsed_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=PEERS, metavar="NAME", help=f"one of {', '.join(PEERS)}")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each row is measured")
    parser.add_argument("--quick", dest="seconds", action="store_const", const=3.0, default=10.0, help="three seconds a row instead of ten")
    parser.add_argument("--repetitions", type=int, default=3, help="how often each row is measured; the table shows medians")
    return parser.parse_args()


def rows_in_turn(peers: list[Peer], repetitions: int, seconds: float) -> Iterator[tuple[Peer, Row]]:
    """The same work side by side: all peers and kinds on one kind of work, then the next. Each time another one is first."""
    asked = [(peer, kind) for peer in peers for kind in peer.kinds]
    work = [(steps, concurrent) for concurrent in CONCURRENT for steps in STEPS]
    for repetition in range(repetitions):
        for place, (steps, concurrent) in enumerate(work):
            for peer, kind in rotated(asked, repetition + place):
                yield peer, Row(kind, steps, concurrent, seconds, FOLDER)


def rotated(items: list, by: int) -> list:
    first = by % len(items)
    return items[first:] + items[:first]


class RowFailed(Exception):
    """A peer gave no figures; the message says why."""


def measure_row(peer: Peer, row: Row) -> table.Line:
    arguments = ("kind", "steps", "concurrent", "seconds", "folder")
    command = [*peer.command, *(f"--{name}={getattr(row, name)}" for name in arguments)]
    said = output_of(command, row.seconds + row.warm_seconds + GRACE_SECONDS)
    try:
        line = json.loads(said.strip().splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise RowFailed(f"no line of JSON in {said[-200:]!r}") from error
    if missing := REQUIRED - line.keys():
        raise RowFailed(f"the line lacks {', '.join(sorted(missing))}")
    if line["failed"]:
        print(f"({line['failed']} workflows failed: {line['first_failure']})", end=" ", file=sys.stderr)
    return line


def output_of(command: list[str], seconds: float) -> str:
    """Runs a peer in a process group of its own, so that no server outlives a row that was given up."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True)
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise RowFailed(f"no answer within {seconds:.0f} s") from error
        finally:
            end_group(process)
        if process.returncode != 0:
            errors.seek(0)
            raise RowFailed(f"exit code {process.returncode}\n{kept(command, errors.read())}")
        return said


def kept(command: list[str], errors: str) -> str:
    """The last lines of what a peer said, which name the cause; all of it goes to a file."""
    with (FOLDER / "failed.log").open("a") as log:
        log.write(f"{' '.join(command)}\n{errors}\n")
    return "\n".join([*errors.strip().splitlines()[-5:], f"hint: all of it is in {FOLDER / 'failed.log'}"])


def end_group(process: subprocess.Popen) -> None:
    """Nothing of a row goes on after it. A peer still at work is asked first, as by Ctrl-C, so that it removes its store."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def disk_sync_ms(writes: int = 100) -> float:
    """What the disk allows at this moment: the median of appending a kilobyte and waiting until it is safe."""
    sync = getattr(os, "fdatasync", os.fsync)  # macOS has only fsync
    taken = []
    with tempfile.TemporaryFile(dir=FOLDER, buffering=0) as file:
        for _ in range(writes):
            began = time.perf_counter()
            file.write(bytes(1024))
            sync(file.fileno())
            taken.append((time.perf_counter() - began) * 1e3)
    return statistics.median(taken)


def warn_if_busy() -> None:
    if (load := os.getloadavg()[0]) > LOAD_MAX:
        print(f"the machine is busy (load {load:.1f}): measure while nothing else runs, or do not publish", file=sys.stderr)


def publish(measured: list[table.Line], disk_ms: list[float], options: argparse.Namespace) -> None:
    lines = table.medians(measured)
    about = {
        "measured_at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} cores",
        "load_at_the_end": os.getloadavg()[0],
        "seconds_per_row": options.seconds,
        "repetitions": options.repetitions,
        "disk_sync_ms": {name: round(of(disk_ms), 3) for name, of in (("median", statistics.median), ("lowest", min), ("highest", max))},
    }
    (FOLDER / "results.json").write_text(json.dumps(about | {"rows": lines, "measured": measured}, indent=2) + "\n")
    disk = about["disk_sync_ms"]
    text = (
        f"{about['machine']}; {about['measured_at']}; medians of {options.repetitions} × {options.seconds:.0f} s. "
        f"A kilobyte was safe on this disk in {disk['median']} ms ({disk['lowest']} – {disk['highest']}). Times in ms.\n\n{table.markdown(lines)}\n"
    )
    (FOLDER / "table.md").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    # Also where Ctrl-C is ignored, as in a shell's background: the peers would inherit that and could not be stopped.
    for asked_to_stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked_to_stop, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("peers: stopped; nothing was published")
