"""Everything that can be said instead of an answer.

Three sorts, which never mix: the server says no (`Refused`, with a stable code and a hint), the server
cannot be reached (`Unavailable`), and the work itself did not come to a result (`NoResult`). What an
agent raises to end its turn is in `signals`.
"""

from __future__ import annotations

from typing import Any

from handclasp import types


class HandclaspError(Exception):
    """Whatever goes wrong between you and Handclasp."""


class Refused(HandclaspError):
    """The server said no. Nothing was changed.

    `handclasp explain HC-012` has a page about each code.
    """

    def __init__(self, problem: types.Problem) -> None:
        super().__init__(problem)
        self.problem = problem

    @property
    def code(self) -> str:
        """The stable code, such as `HC-008`."""
        return self.problem.code

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def detail(self) -> str:
        """What happened this time."""
        return self.problem.detail

    @property
    def hint(self) -> str:
        """What to do about it."""
        return self.problem.hint

    @property
    def pointer(self) -> str | None:
        """The first field at fault, as a JSON pointer."""
        return self.problem.pointer

    @property
    def expected(self) -> str | None:
        """What was expected there."""
        return self.problem.expected

    @property
    def found(self) -> str | None:
        """What was found there."""
        return self.problem.found

    @property
    def errors(self) -> list[types.Violation]:
        """All fields at fault."""
        return self.problem.errors

    def __str__(self) -> str:
        return f"{self.code}: {self.detail} (hint: {self.hint})"


class NotPermitted(Refused):
    """There is no key, or the key is not for this."""


class NotFound(Refused):
    """It is not there, or it is somebody else's."""


class KeyReused(Refused):
    """The idempotency key was used before, for other content."""


class ContractBroken(Refused):
    """The payload or the result is not what its contract says; `errors` names each field."""


class ReadBackGap(Refused):
    """The read-back leaves something out."""


class EffectUnknown(Refused):
    """The effect began in an earlier attempt, and nobody knows whether it happened."""


class LeaseLost(Refused):
    """The work is not this worker's any more: its answer would not count, and is not sent."""


class Unavailable(HandclaspError):
    """The server could not be reached, or could not answer, for as long as the client was patient."""


class NoResult(HandclaspError):
    """The work came to an end, or to a stop, without a result."""

    def __init__(self, phase: str, why: str | None, handoff: types.Handoff | None = None) -> None:
        super().__init__(phase, why)
        self.phase = phase
        self.why = why
        self.handoff = handoff

    def __str__(self) -> str:
        return f"{self.phase.replace('_', ' ')}: {self.why}" if self.why else self.phase.replace("_", " ")


class Delegated(HandclaspError):
    """What was delegated came back without a result."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Late(HandclaspError, TimeoutError):
    """It was waited for, and did not happen in time. The work itself goes on."""


class Misused(HandclaspError):
    """The client was asked for something that it cannot do; the message says what instead."""


# What a holder is told when the work is not its own any more: another one has it (HC-012), it is over
# (HC-004), its run is over (HC-005) or forgotten (HC-001, HC-002).
LEASE_GONE = frozenset({"HC-001", "HC-002", "HC-004", "HC-005", "HC-012"})

_BY_CODE: dict[str, type[Refused]] = {
    "HC-001": NotFound,
    "HC-002": NotFound,
    "HC-006": KeyReused,
    "HC-008": ContractBroken,
    "HC-012": LeaseLost,
    "HC-013": ReadBackGap,
    "HC-021": NotFound,
    "HC-024": EffectUnknown,
    "HC-101": NotPermitted,
    "HC-102": NotPermitted,
    "HC-109": NotFound,
}


def refused(status: int, body: bytes) -> Refused:
    """The refusal in an answer. Something between us and the server may have written it, so it need not be a problem document."""
    try:
        problem = types.Problem.model_validate_json(body)
    except ValueError:
        text = body[:200].decode("utf-8", "replace") or "an empty answer"
        problem = types.Problem(
            type="about:blank",
            title="no answer of Handclasp",
            status=status,
            detail=text,
            code=f"HTTP-{status}",
            hint="is this its address?",
        )
    return _BY_CODE.get(problem.code, Refused)(problem)


def described(error: BaseException) -> dict[str, Any]:
    """An error of an agent, as the fields of `fail`."""
    if isinstance(error, Refused):
        return {"kind": error.code, "message": error.detail, "hint": error.hint}
    message = str(error) or type(error).__name__
    return {"kind": type(error).__name__, "message": message}
