"""The terms of an offer: what sender and receiver agree on beside the work itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from typing_extensions import TypedDict

from handclasp import types
from handclasp.contracts import Contract, Contracted, contract_of, models_in, range_of
from handclasp.encoding import plain


class Terms(TypedDict, total=False):
    """Everything that an offer may say beside receiver, payload and the result's contract. Times are in seconds."""

    capability: str
    """Instead of a receiver: any agent that can do this."""
    contract: Contracted
    """What the payload is; a pydantic payload says it by itself."""
    kind: types.Kind
    """What sort of handoff."""
    reason: str
    """Why the work moves."""
    justification: str
    """Why this receiver."""
    acceptance: Sequence[str]
    """What must be true of the result; the receiver confirms each one."""
    requires: Sequence[str]
    """What the receiver must be able to do."""
    limits: types.Limits
    """Tighter bounds than the sender's own."""
    retry: types.Retry
    """How often it is tried, and how fast."""
    answer_within: float
    """It expires if nobody has claimed it by then."""
    finish_within: float
    """It expires if it is not finished by then."""
    fallback: str
    """Who takes over, before the receiver's own fallback."""


def offer_of(to: str | None, payload: Any, returns: Contracted | None, terms: Terms) -> types.Offer:
    """The offer as it is sent."""
    contract = terms.get("contract") or (type(payload) if isinstance(payload, BaseModel) else None)
    return types.Offer(
        to=to,
        capability=terms.get("capability"),
        payload=plain(payload),
        contract=range_of(contract),
        returns=range_of(returns),
        kind=terms.get("kind"),
        reason=terms.get("reason"),
        justification=terms.get("justification"),
        acceptance=list(terms.get("acceptance", ())),
        requires=sorted(terms.get("requires", ())),
        limits=terms.get("limits") or types.Limits(),
        retry=terms.get("retry"),
        answer_within_ms=millis(terms.get("answer_within")),
        finish_within_ms=millis(terms.get("finish_within")),
        fallback=terms.get("fallback"),
    )


def contracts_in(payload: Any, returns: Contracted | None, terms: Terms) -> list[Contract]:
    """The contracts that must be known before the offer is made."""
    named = models_in([terms.get("contract"), returns])
    if "contract" not in terms and isinstance(payload, BaseModel):
        named.append(contract_of(type(payload)))
    return named


def millis(seconds: float | None) -> int | None:
    """A length of time as the doors take it."""
    return None if seconds is None else max(0, round(seconds * 1000))
