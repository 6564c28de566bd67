"""`Branch`: one document of an answer that has several, and `BranchChange`: a change of it."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar, cast

from streamkit.changes.change import Change, End
from streamkit.errors import StreamkitError
from streamkit.partial.typed_fold import TypedFold
from streamkit.schema.compile import compile_type
from streamkit.sources.answer import Called, Slot

__all__ = ["Branch", "BranchChange"]

ModelT = TypeVar("ModelT")


class Branch(Generic[ModelT]):
    """One document of an answer; in a new attempt, the call of the same index and tool, or the same choice.

    Attributes:
        choice: which of the `n` answers, from 0.
        call: which tool call of it, by the provider's index; None for the message itself.
        name: the tool that is called.
        id: the provider's id of the call, in the last attempt that made it.
        response_model: the type that is streamed; None for a call of a tool that was not offered.
        end: how it ended; None before.
    """

    def __init__(self, place: Slot, called: Called, model: type[ModelT] | None) -> None:
        choice, part = place
        self.choice, self.call = choice, part if isinstance(part, int) else None
        self.name, self.id, self.response_model = called.name, called.id, model
        self.end: End | None = None
        self._fold = TypedFold(compile_type(model if model is not None else object))
        self._value: list[ModelT] = []

    def __repr__(self) -> str:
        call = "" if self.call is None else f", call={self.call}, name={self.name!r}"
        return f"Branch(choice={self.choice}{call})"

    @property
    def partial(self) -> ModelT | None:
        """What has come so far: a `Partial`, the result itself once it is complete; None before anything."""
        return cast("ModelT | None", self._fold.snapshot())

    def result(self) -> ModelT:
        """The validated model.

        Raises:
            StreamkitError: the document did not end `complete`, or has not ended; `.partial` has what had arrived.
        """
        if self.end is None:
            raise StreamkitError(f"{self!r} has not ended: read the run to its end first")
        if self.end.status != "complete" and self.end.error is not None:
            raise self.end.error
        return self._value[0]

    def take(self, change: Change) -> None:
        """Fold a change of this document."""
        if change.op != "end":
            self._fold.apply(change)
            if change.op == "complete" and not change.path:
                self._value = [cast("ModelT", change.value)]
            return
        self.end = cast("End", change.value)
        if isinstance(self.end.error, StreamkitError):
            self.end.error.partial = self.partial


class BranchChange(NamedTuple, Generic[ModelT]):
    """A change, and which document it belongs to."""

    branch: Branch[ModelT]
    change: Change
