"""What an agent raises to end its turn in another way than with a result."""

from __future__ import annotations


class Decline(Exception):
    """The agent will not do this work: the fallback takes over, or the sender gets it back.

    Declining is possible before accepting. An agent with `read_back="agent"` accepts when it says so; for
    all others the client has accepted by the time they start, and declining is told as a failure that
    is not tried again.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Failure(Exception):
    """The attempt did not succeed. Any other exception says so too, and is tried again."""

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = True,
        kind: str = "failed",
        attempted: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.retryable = retryable
        self.kind = kind
        self.attempted = attempted
        self.hint = hint


class DidNotHappen(Exception):
    """Raised in an effect: it failed, and certainly changed nothing, so that it may be tried again."""


class Parked(BaseException):
    """The turn is over until an answer or a result comes; the agent then starts anew and finds it there.

    Not an `Exception`, so that an agent's own `except Exception` lets it pass.
    """
