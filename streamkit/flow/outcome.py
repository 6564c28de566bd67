"""`Outcome`: what a whole flow of changes comes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from streamkit.changes.change import Change, End
from streamkit.errors import StreamkitError

__all__ = ["Outcome"]


class Outcome:
    """What `result` looks for in the changes of a whole flow."""

    def __init__(self) -> None:
        self._end: End | None = None
        self._root: list[object] = []

    def take(self, batch: Sequence[Change[object]]) -> None:
        if not isinstance(batch[0], Change):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise TypeError(
                f"result() wants changes, got {batch[0]!r:.80}: leave out the stage that makes them something else, "
                "such as snapshots() or completed(); or iterate, and keep the last"
            )
        for change in batch:
            if not change.path and change.op == "complete":
                self._root = [change.value]
            elif change.op == "end":
                self._end = cast("End", change.value)

    def result(self) -> object:
        if self._end is not None and self._end.error is not None:
            raise self._end.error
        if self._end is None or not self._root:
            raise StreamkitError("the flow has no result: no root was completed in it; result() wants all changes")
        return self._root[0]
