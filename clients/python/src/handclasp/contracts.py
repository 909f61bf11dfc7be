"""Contracts from pydantic models.

A model is a contract: its JSON Schema is what payloads are checked against, on both sides of the
handoff. `@contract` gives it a name and a version; a bare model is named after its class.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, TypeAdapter

from handclasp import types

M = TypeVar("M", bound=BaseModel)

ReadBack: TypeAlias = Literal["off", "echo"]
"""How much a receiver must say back before it may start."""

Contracted: TypeAlias = str | type[BaseModel]
"""A contract: a range of versions such as `refund@1`, or the model that it is made from."""

_ATTRIBUTE = "__handclasp_contract__"


@dataclass(frozen=True)
class Contract:
    """A contract that a model stands for."""

    name: str
    version: str
    model: type[BaseModel]
    read_back: ReadBack = "off"
    justification_required: bool = False
    effects_declared: bool = False
    confidence_min: int | None = None

    @property
    def id(self) -> str:
        """Name and full version, such as `refund@1.2.0`."""
        return f"{self.name}@{self.version}"

    @property
    def range(self) -> str:
        """What a receiver that knows this model accepts: this version and whatever is compatible with it."""
        return f"{self.name}@^{self.version}"

    def publication(self) -> types.Publish:
        """The contract as it is published."""
        return types.Publish(
            contract=self.id,
            schema=TypeAdapter(self.model).json_schema(mode="validation"),
            read_back=self.read_back,
            justification_required=self.justification_required,
            effects_declared=self.effects_declared,
            confidence_min=self.confidence_min,
        )


def contract(
    name: str,
    version: str,
    *,
    read_back: ReadBack = "off",
    justification_required: bool = False,
    effects_declared: bool = False,
    confidence_min: int | None = None,
) -> Callable[[type[M]], type[M]]:
    """Gives a model its place among the contracts: `@contract("refund", "1.2.0")`.

    A published version never changes: give a changed model a new version, and the server says whether it
    is compatible.
    """

    def decorate(model: type[M]) -> type[M]:
        known = Contract(name, version, model, read_back, justification_required, effects_declared, confidence_min)
        setattr(model, _ATTRIBUTE, known)
        return model

    return decorate


def contract_of(model: type[BaseModel]) -> Contract:
    """The contract that a model stands for."""
    # Not inherited: a model that says more than its parent is another contract.
    known = vars(model).get(_ATTRIBUTE)
    if isinstance(known, Contract):
        return known
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", model.__name__).lower()
    return Contract(name, "1.0.0", model)


def range_of(contracted: Contracted | None) -> str | None:
    """The range of versions that is meant."""
    if contracted is None or isinstance(contracted, str):
        return contracted
    return contract_of(contracted).range


def models_in(contracted: Sequence[Contracted | None]) -> list[Contract]:
    """Those that can be published from here."""
    return [contract_of(one) for one in contracted if isinstance(one, type)]


def parsed(model: type[M] | None, value: Any) -> Any:
    """A value as its model; as it is where there is none."""
    return value if model is None else TypeAdapter(model).validate_python(value)
