"""What tests of flows share: what one gives before it raises, changes handed over batch by batch
or folded, paths of values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from streamkit import Change, Document, Stage
from streamkit.changes.change import Path

__all__ = ["folded", "gather", "keys", "look", "paths", "spread"]

T = TypeVar("T")


def gather(flow: Iterable[T]) -> tuple[list[T], Exception | None]:
    """What a flow gives, and what it raises then."""
    items: list[T] = []
    try:
        for item in flow:
            items += [item]
    except Exception as error:  # noqa: BLE001  # the test looks at it
        return items, error
    return items, None


def folded(changes: Iterable[Change[Any]], document: Document | None = None) -> Document:
    """What changes make of a document: of an empty one, if there is none."""
    document = Document() if document is None else document
    for change in changes:
        document.apply(change)
    return document


class _Spread:
    def feed(self, batch: Sequence[Change[Any]], /) -> Sequence[Change[Any]]:
        return batch

    def close(self, reason: object, /) -> Sequence[Change[Any]]:
        return ()


def spread(model: object = None) -> Stage[Sequence[Change[Any]], Change[Any]]:
    """A stage that takes batches as its items, as if each were what one chunk brought."""
    return Stage(_Spread, "spread", model=model, emits_changes=True)


def look(change: Change[Any]) -> None:
    """For a `tap` that only stands between two stages."""


def keys(value: Any) -> list[Any]:
    """The keys or indexes of a container; of anything else none."""
    if value.__class__ is dict:
        return list(value)
    return list(range(len(value))) if value.__class__ is list else []


def paths(path: Path, value: Any) -> Iterator[Path]:
    """All paths at and below one, parents first."""
    yield path
    for key in keys(value):
        yield from paths((*path, key), value[key])
