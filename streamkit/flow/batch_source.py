"""`BatchSource`: a source of changes that knows which of them belong together, as hubs and subscriptions do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeGuard, runtime_checkable

if TYPE_CHECKING:
    from streamkit.flow.run import Batches

__all__ = ["BatchSource", "has_batches"]


@runtime_checkable
class BatchSource(Protocol):
    """A source of changes that knows what belongs together: a flow over it keeps its batches."""

    @property
    def model(self) -> object:
        """The type that its changes speak of; None if it knows none."""
        ...

    def open_batches(self) -> Batches:
        """Return an async generator of batches; closing it leaves the source."""
        ...


def has_batches(source: object) -> TypeGuard[BatchSource]:
    """Whether it is one: what `isinstance` finds out, which takes 20 us to look for what a protocol names."""
    return hasattr(type(source), "open_batches") and hasattr(source, "model")
