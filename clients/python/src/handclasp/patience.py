"""How long, and how fast, a call is tried again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """Tries again for a while, with growing waits. Each call keeps its idempotency key, so that nothing is done twice."""

    seconds: float = 60.0
    """How long to go on trying, from the first failure."""

    first: float = 0.1
    """The first wait, in seconds."""

    longest: float = 5.0
    """The longest wait, in seconds."""

    def waits(self) -> Iterator[float]:
        """The waits, one after the other; no more when patience is used up.

        Each is taken at random from the upper half of its range: many clients that lost the same server
        must not come back in the same instant.
        """
        spent, wait = 0.0, self.first
        while spent < self.seconds:
            now = min(random.uniform(wait / 2, wait), self.seconds - spent)  # noqa: S311  # no secret
            yield now
            spent += now
            wait = min(wait * 2, self.longest)


NO_PATIENCE = Patience(seconds=0)
