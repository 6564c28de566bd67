"""`BranchDocument`: one document in one attempt, while it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from streamkit.changes.change import Change, End, Status
from streamkit.client.retries.reask import Said
from streamkit.client.runs.attempts import Cancelled
from streamkit.client.runs.branch import Branch
from streamkit.errors import StreamkitError, UnknownTool
from streamkit.sources.answer import Called, Slot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamkit.flow import Fused, Pipeline, Reason

__all__ = ["BranchDocument"]

ModelT = TypeVar("ModelT")


class BranchDocument(Generic[ModelT]):
    """Reads one document.

    Args:
        place: where in the answer it is.
        called: the call that it is the arguments of.
        branch: what it is told as.
        pipelines: what reads the text of each tool's calls; a document of none ends with its first text.

    Attributes:
        end: how it ended; None before.
    """

    def __init__(
        self,
        place: Slot,
        called: Called,
        branch: Branch[ModelT],
        pipelines: Mapping[str | None, Pipeline[Any, Any]],
    ) -> None:
        self.place, self.called, self.branch = place, called, branch
        self.end: End | None = None
        self._texts: list[str] = []
        name = None if None in pipelines else called.name
        self._tools = list(pipelines)
        self._machine: Fused | None = pipelines[name].start() if name in pipelines else None
        self._feed = None if self._machine is None else self._machine.item_feeder()

    @property
    def said(self) -> Said:
        """What the model wrote, and what was wrong with it; that it was left is not the model's fault."""
        error = None if self.end is None or isinstance(self.end.error, Cancelled) else self.end.error
        return Said(self.called, "".join(self._texts), error)

    def read(self, text: str) -> Sequence[Change]:
        """Read more of it."""
        self._texts.append(text)
        if self.end is not None:
            return ()
        return self._of_no_tool() if self._feed is None else cast("Sequence[Change]", self._feed(text))

    def close(self, reason: Reason) -> Sequence[Change]:
        """Take the end of the answer."""
        return self._of_no_tool() if self._machine is None else cast("Sequence[Change]", self._machine.close(reason))

    def leave(self, status: Status, error: Exception) -> Sequence[Change]:
        """End it for a reason of our own."""
        *changes, end = self.close(StreamkitError("left"))
        return [*changes, Change("end", (), cast("End", end.value)._replace(status=status, error=error))]

    def _of_no_tool(self) -> Sequence[Change]:
        known = ", ".join(map(repr, self._tools))
        error = UnknownTool(f"the model called {self.called.name!r:.80}, which is none of the tools: {known}")
        return [Change("end", (), End("failed", error=error))]
