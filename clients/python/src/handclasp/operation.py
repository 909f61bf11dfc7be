"""One endpoint: how it is called, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

A = TypeVar("A")


@dataclass(frozen=True)
class Operation(Generic[A]):
    """An endpoint with its method, its path and the type of its answer."""

    name: str
    method: str
    path: str
    answer: type[A] | None

    @property
    def writes(self) -> bool:
        """Whether it changes something, and so takes an idempotency key."""
        return self.method != "GET"

    def url(self, **named: str) -> str:
        """The path with its names filled in."""
        return self.path.format(**{name: quote(value, safe="") for name, value in named.items()})

    def read(self, body: bytes) -> A:
        """The answer as its type; bytes where it has none."""
        if self.answer is None:
            return body  # type: ignore[return-value]  # such an operation is one of `Any`
        assert issubclass(self.answer, BaseModel)
        return self.answer.model_validate_json(body)
