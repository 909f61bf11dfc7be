"""Handclasp with its Rust client: one row of the table.

Kind `handoff`: each agent ends its work and hands on in one commit; the caller opens a run and waits for its end. Agents
and callers are two processes of the `handclasp-bench` program (bench/src/peers.rs), beside the server.
"""

import json
import signal
import subprocess
import time

import handclasp_server
import measure
from handclasp_server import Server, Workers
from measure import Row, Seen, Workflow


def drive(row: Row, program: str, server: Server, workers: Workers) -> Seen:
    told = {
        "url": server.url,
        "concurrent": row.concurrent,
        "warm_seconds": row.warm_seconds,
        "seconds": row.seconds,
        "payload": measure.payload(),
        "expected": measure.expected(row.steps),
    }
    said = json.loads(subprocess.run([program, "peers-call", json.dumps(told)], check=True, stdout=subprocess.PIPE).stdout)
    heard = time.perf_counter()
    gaps_ms = workers.gaps_ms(said["opened_ago"] + time.perf_counter() - heard)
    callers = [[Workflow(*each) for each in caller] for caller in said["callers"]]
    return Seen(0, said["closes"], callers, gaps_ms, said["failed"], said["first_failure"])


def main() -> None:
    # Whoever ends this process ends the server, too: as after Ctrl-C, every block is left.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    row = measure.row_asked_for(__doc__, kinds=("handoff",))
    program = str(handclasp_server.programs(row) / "handclasp-bench")
    with handclasp_server.at_work(row, [program, "peers-work"]) as (server, workers):
        seen = drive(row, program, server, workers)
        measure.report("handclasp_rust", row, seen, server.version(), server.durability())


if __name__ == "__main__":
    main()
