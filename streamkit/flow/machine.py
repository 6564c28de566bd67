"""`Machine`: the inside of an operator, a synchronous state machine.

A machine has no event loop, does no I/O and reads no clock. So the same machine serves `for` and `async for`, and its
tests need neither. `feed` receives one item and returns the outputs that follow from it. `close` ends the input, says
why it ended, and returns the last outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias, TypeVar

from streamkit.changes.change import Finish

__all__ = ["Machine", "Reason"]

InT_contra = TypeVar("InT_contra", contravariant=True)
OutT_co = TypeVar("OutT_co", covariant=True)

Reason: TypeAlias = Finish | BaseException
"""Why the input ended: `Finish` for a normal end (with what the source knows about it), an exception if the source
failed, `GeneratorExit` if the consumer left (then the outputs of `close` are ignored)."""


class Machine(Protocol[InT_contra, OutT_co]):
    """The state of one operator in one run.

    A machine may also have:

    - `feed_batch(items) -> list`: the same as `feed` for each item in turn, in one call.
    - `finished: bool`: set when no further input can matter; the run then leaves the source.
    - `error: Exception | None`: raised to the consumer after everything was delivered.
    """

    def feed(self, item: InT_contra, /) -> Sequence[OutT_co]:
        """Receive one item; return the outputs that follow from it, perhaps none."""
        ...

    def close(self, reason: Reason, /) -> Sequence[OutT_co]:
        """End the input; return the remaining outputs. Called at most once."""
        ...
