"""`ResultCollector`: finds the result of a flow in its changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from streamkit.changes.change import Change, End
from streamkit.errors import StreamkitError

__all__ = ["ResultCollector"]


class ResultCollector:
    """Receives all changes of a flow; keeps the root's value and the `end`."""

    def __init__(self) -> None:
        self._end: End | None = None
        self._root: list[object] = []

    def add(self, batch: Sequence[Change[object]]) -> None:
        """Receive the next changes."""
        if not isinstance(batch[0], Change):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise TypeError(
                f"result() needs changes, got {batch[0]!r:.80}: remove the stage that converts them, such as "
                "snapshots() or completed(); or iterate, and keep the last item"
            )
        for change in batch:
            if not change.path and change.op == "complete":
                self._root = [change.value]
            elif change.op == "end":
                self._end = cast("End", change.value)

    def result(self) -> object:
        """Return the root's value, or raise the error of the `end`."""
        if self._end is not None and self._end.error is not None:
            raise self._end.error
        if self._end is None or not self._root:
            raise StreamkitError(
                "the flow has no result: its root was not completed; result() needs all changes of a document"
            )
        return self._root[0]
