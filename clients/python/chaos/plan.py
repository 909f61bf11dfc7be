"""What is drawn from the seed: the orders, and the blows.

When a blow falls depends on how many orders are done, not on the clock: a slow machine takes longer and
is hit as often. What the processes are doing in that moment is up to the machine, so a seed repeats
the plan and not the outcome.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal, TypeAlias

from handclasp import types

Victim: TypeAlias = Literal["server", "worker", "sender"]

WORKERS = 3

# What the workers are. Known before the first order, so that nobody is told that there is no such agent.
AGENTS = ("billing", "mail")

# Long enough for a machine with other things to do to send a heartbeat, short enough to be lost many times a minute.
LEASE = 2.0

# A handoff outlives as many deaths as there are; that it is tried too often is another test's subject.
RETRY = types.Retry(attempts=200, backoff_ms=50, factor=1)

# In turn, before they are shuffled. Workers die most often, since theirs are the effects.
VICTIMS: tuple[Victim, ...] = ("worker", "server", "worker", "sender", "worker", "server")

# Short enough to hit while the orders that ended just now are still being followed by others.
DELAY_MAX = 0.15

# The last quarter is left to finish: a blow after the end would hit nobody.
LAST_BLOW = 0.75


@dataclass(frozen=True)
class Order:
    """One order: one run, with one handoff or two."""

    number: int
    fails: Literal["never", "before", "after"]
    """Whether the first attempt fails, before or after its effect."""
    hands_on: bool
    """Whether a second agent gets it in the same commit that ends the first one's turn."""

    @property
    def effects(self) -> list[str]:
        """The business keys of what must happen, each once."""
        return [f"refund:{self.number}", f"mail:{self.number}"] if self.hands_on else [f"refund:{self.number}"]


@dataclass(frozen=True)
class Blow:
    """One `kill -9`."""

    after: int
    """How many orders have been answered by then."""
    delay: float
    """And then so many seconds."""
    victim: Victim
    which: int
    """Which of the workers."""


@dataclass(frozen=True)
class Plan:
    """All of it."""

    seed: int
    orders: list[Order]
    blows: list[Blow]

    @property
    def handoffs(self) -> int:
        """How many handoffs there will be."""
        return sum(len(order.effects) for order in self.orders)


def drawn(seed: int, handoffs: int, kills: int) -> Plan:
    """A plan with at least so many handoffs."""
    dice = random.Random(seed)
    orders: list[Order] = []
    open_ones = handoffs
    while open_ones > 0:
        order = Order(len(orders), dice.choice(("never", "never", "never", "before", "after")), dice.random() < 0.3)
        orders.append(order)
        open_ones -= len(order.effects)
    victims = [VICTIMS[place % len(VICTIMS)] for place in range(kills)]
    dice.shuffle(victims)
    # Drawn, not spread evenly: some blows fall together.
    moments = sorted(dice.randrange(1, max(2, round(len(orders) * LAST_BLOW))) for _ in victims)
    when_and_whom = zip(moments, victims, strict=True)
    blows = [Blow(after, dice.uniform(0, DELAY_MAX), victim, dice.randrange(WORKERS)) for after, victim in when_and_whom]
    return Plan(seed, orders, blows)
