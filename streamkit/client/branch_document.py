"""`BranchDocument`: one document in one attempt, while it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from streamkit.client.attempts import Cancelled
from streamkit.client.branch import Branch
from streamkit.client.calls_again import Said
from streamkit.errors import StreamkitError, UnknownTool
from streamkit.events import Change, End, Status
from streamkit.sources.answer import Called, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamkit.flow import Fused, Pipeline, Reason

__all__ = ["BranchDocument"]

ModelT = TypeVar("ModelT")


class BranchDocument(Generic[ModelT]):
    """Reads one document.

    Args:
        place: where in the answer it is.
        called: the call that it is the arguments of.
        branch: what it is told as.
        pipeline: what reads its text; None for a call of no tool.

    Attributes:
        end: how it ended; None before.
    """

    def __init__(
        self, place: Place, called: Called, branch: Branch[ModelT], pipeline: Pipeline[Any, Any] | None
    ) -> None:
        self.place, self.called, self.branch = place, called, branch
        self.end: End | None = None
        self._texts: list[str] = []
        self._machine: Fused | None = None if pipeline is None else pipeline.start()
        self._feed = None if self._machine is None else self._machine.item_feeder()

    @property
    def said(self) -> Said:
        """What the model wrote, and what was wrong with it; that it was left is not the model's fault."""
        error = None if self.end is None or isinstance(self.end.error, Cancelled) else self.end.error
        return Said(self.called, "".join(self._texts), error)

    def read(self, text: str, tools: Iterable[str | None]) -> Sequence[Change]:
        """Read more of it; one of no tool ends with its first text.

        Args:
            text: never empty.
            tools: those that there are, for the error.
        """
        self._texts.append(text)
        if self.end is not None:
            return ()
        if self._feed is not None:
            return cast("Sequence[Change]", self._feed(text))
        known = ", ".join(map(repr, tools))
        error = UnknownTool(f"the model called {self.called.name!r}, which is none of the tools: {known}")
        return [Change("end", (), End("failed", error=error))]

    def close(self, reason: Reason) -> Sequence[Change]:
        """Take the end of the answer."""
        return cast("Sequence[Change]", cast("Fused", self._machine).close(reason))

    def leave(self, status: Status, error: Exception) -> Sequence[Change]:
        """End it for a reason of our own."""
        *changes, end = self.close(StreamkitError("left"))
        return [*changes, Change("end", (), cast("End", end.value)._replace(status=status, error=error))]
