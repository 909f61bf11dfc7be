"""The agents of all steps, as plain functions of the Python client, in a process of their own.

    python3 handclasp_python_worker.py URL STEPS AT_ONCE

Each line that comes in is an age in seconds, and is answered with the gaps, in milliseconds, that ended since then.
The process ends with its input, or when it is told to.
"""

import json
import sys
import threading
import time
from collections.abc import Callable

from handclasp import Handclasp, Handoff

from measure import Gaps, Payload


def agent(step: int, steps: int, gaps: Gaps) -> Callable[[Handoff[Payload]], Payload | None]:
    """One agent's step: it adds one field and hands on, or gives the last result."""

    def run(handoff: Handoff[Payload]) -> Payload | None:
        last = step == steps - 1
        result = gaps.step(handoff.run, handoff.payload, step, last)
        if last:
            return result
        handoff.hand_to(f"agent-{step + 1}", result)
        return None

    return run


def answer(hc: Handclasp, gaps: Gaps) -> None:
    for age in sys.stdin:
        print(json.dumps(gaps.since(time.perf_counter() - float(age))), flush=True)
    hc.stop()


def main() -> None:
    url, steps, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    hc, gaps = Handclasp(url), Gaps()
    for step in range(steps):
        hc.agent(f"agent-{step}")(agent(step, steps, gaps))
    threading.Thread(target=answer, args=(hc, gaps), daemon=True).start()
    hc.run(concurrency=at_once)


if __name__ == "__main__":
    main()
