"""Handclasp with its Python client: one row of the table.

Kind `handoff`: each agent is a plain function that hands on with `hand_to`, which ends its work in the same commit; the
caller offers, and waits with `job.result()`. Callers are threads of this process, agents are in `handclasp_python_worker.py`.
"""

import platform
import signal
import sys
from pathlib import Path

from handclasp import Handclasp

import handclasp_server
import measure
from measure import Payload

WORKER = Path(__file__).resolve().parent / "handclasp_python_worker.py"


def main() -> None:
    # Whoever ends this process ends the server, too: as after Ctrl-C, every block is left.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    row = measure.row_asked_for(__doc__, kinds=("handoff",))
    with handclasp_server.at_work(row, [sys.executable, str(WORKER)]) as (server, workers), Handclasp(server.url) as hc:

        def workflow(sent: Payload) -> Payload:
            return hc.offer("agent-0", sent, task=sent["task"]).result()

        seen = measure.in_threads(row, workers, workflow)
        version = f"{server.version()}, Python {platform.python_version()}"
        measure.report("handclasp_python", row, seen, version, server.durability())


if __name__ == "__main__":
    main()
