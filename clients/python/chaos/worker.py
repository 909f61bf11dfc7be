"""A worker with two agents, each of which does one thing outside.

`billing` refunds an order and hands some of them on to `mail` in the commit that ends its own turn. What
an attempt before it began and did not finish is looked up, so that nobody has to be asked. With
`CHAOS_BLINDLY` it is done again without looking: the test must then fail.
"""

from __future__ import annotations

import logging
import os
import random
import time
from typing import Any

from chaos import effects
from chaos.plan import LEASE, RETRY
from handclasp import DidNotHappen, Failure, Handclasp, Handoff, Patience

# Between the announcement of an effect and its deed, and between the deed and its record, so that blows fall there.
PAUSE = (0.02, 0.2)

PORT = int(os.environ["CHAOS_EFFECTS"])

LOOKS = not os.environ.get("CHAOS_BLINDLY")

hc = Handclasp(patience=Patience(seconds=120))


@hc.agent("billing", lease=LEASE)
def billing(handoff: Handoff[dict[str, Any]]) -> Any:
    """Refunds an order."""
    order = handoff.payload
    first = handoff.attempt == 1
    if first and order["fails"] == "before":
        raise Failure("the bank is busy")
    done = happen(handoff, "refund")
    if first and order["fails"] == "after":
        raise Failure("the bank hung up")
    if order["hands_on"]:
        handoff.hand_to("mail", {"number": order["number"]}, result=done, retry=RETRY)
    return done


@hc.agent("mail", lease=LEASE)
def mail(handoff: Handoff[dict[str, Any]]) -> Any:
    """Tells the customer."""
    return happen(handoff, "mail")


def happen(handoff: Handoff[dict[str, Any]], name: str) -> Any:
    """Has one thing happen outside."""
    key = f"{name}:{handoff.payload['number']}"

    def do() -> dict[str, str]:
        time.sleep(random.uniform(*PAUSE))
        effects.ask(PORT, "perform", key)
        time.sleep(random.uniform(*PAUSE))
        return {"done": key}

    def look_up() -> dict[str, str]:
        if not (LOOKS and effects.ask(PORT, "look", key)):
            raise DidNotHappen
        return {"done": key}

    return handoff.effect(name, key=handoff.payload["number"], do=do, look_up=look_up)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    hc.run()
