"""What an operator is inside: a synchronous state machine.

A machine has no event loop, does no I/O and reads no clock, so the same one serves `for` and
`async for`, and its tests need neither. `feed` takes one item and returns what is certain because of
it; `close` says that no more will come, and why, and returns the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias, TypeVar

from streamkit.changes.change import Finish

__all__ = ["Machine", "Reason"]

InT_contra = TypeVar("InT_contra", contravariant=True)
OutT_co = TypeVar("OutT_co", covariant=True)

Reason: TypeAlias = Finish | BaseException
"""Why the input ended: `Finish` for a normal end (with what the source knows about it), an exception if
the source failed, `GeneratorExit` if the consumer left (what `close` returns is dropped then)."""


class Machine(Protocol[InT_contra, OutT_co]):
    """The state of one operator in one run.

    A machine may also have:

    - `feed_batch(items) -> list`: the same as `feed` for each item in turn, in one call.
    - `finished: bool`: set once nothing that comes can matter; the run then leaves the source.
    - `error: Exception | None`: raised to the consumer after everything was delivered.
    """

    def feed(self, item: InT_contra, /) -> Sequence[OutT_co]:
        """Take one item; return what follows from it, perhaps nothing."""
        ...

    def close(self, reason: Reason, /) -> Sequence[OutT_co]:
        """Take the end of the input; return what was kept back. Called at most once."""
        ...
