"""`BatchSource`: a source of changes that has batches of its own, such as a hub or a subscription."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeGuard, runtime_checkable

if TYPE_CHECKING:
    from streamkit.flow.run import Batches

__all__ = ["BatchSource", "has_batches"]


@runtime_checkable
class BatchSource(Protocol):
    """A source of changes that knows which of them belong together: a flow over it keeps its batches."""

    @property
    def model(self) -> object:
        """The root type of its changes; None if it does not know."""
        ...

    def open_batches(self) -> Batches:
        """Return an async generator of batches; closing it closes the source."""
        ...


def has_batches(source: object) -> TypeGuard[BatchSource]:
    """Whether a source is a `BatchSource`: the same as `isinstance`, which takes 20 us for a protocol."""
    return hasattr(type(source), "open_batches") and hasattr(source, "model")
