"""The Python client of Handclasp: durable handoffs between AI agents.

```python
from handclasp import Handclasp

hc = Handclasp("http://127.0.0.1:4040")
job = hc.offer("billing", {"order": 17, "amount": 20}, task="Refund order 17")
print(job.result(timeout=60))
```

`Handclasp` is for plain programs, `AsyncHandclasp` for those with an event loop; both have the same verbs.
"""

from handclasp import types
from handclasp.blocking import Handclasp
from handclasp.blocking_handoff import Handoff
from handclasp.client import AsyncHandclasp
from handclasp.contracts import contract
from handclasp.errors import (
    ContractBroken,
    Delegated,
    EffectUnknown,
    HandclaspError,
    KeyReused,
    Late,
    LeaseLost,
    Misused,
    NoResult,
    NotFound,
    NotPermitted,
    ReadBackGap,
    Refused,
    Unavailable,
)
from handclasp.handoff import AsyncHandoff
from handclasp.job import AsyncJob, Job
from handclasp.patience import Patience
from handclasp.signals import Decline, DidNotHappen, Failure, Parked

__all__ = [
    "AsyncHandclasp",
    "AsyncHandoff",
    "AsyncJob",
    "ContractBroken",
    "Decline",
    "Delegated",
    "DidNotHappen",
    "EffectUnknown",
    "Failure",
    "Handclasp",
    "HandclaspError",
    "Handoff",
    "Job",
    "KeyReused",
    "Late",
    "LeaseLost",
    "Misused",
    "NoResult",
    "NotFound",
    "NotPermitted",
    "Parked",
    "Patience",
    "ReadBackGap",
    "Refused",
    "Unavailable",
    "contract",
    "types",
]
