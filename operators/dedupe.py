"""dedupe: drops an item equal to the one before it (Rx's distinct_until_changed).

in    1  1  2  2  1
out   1     2     1
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, cast

from streamkit.changes.change import Change
from streamkit.flow import Reason, Through

__all__ = ["dedupe"]

T = TypeVar("T")

_NOTHING = object()


def dedupe(key: Callable[[Any], object] | None = None) -> Through:
    """Pass an item on if it differs from the one before it.

    An `append` is never dropped: the same text twice is two pieces of news.

    Cheap on snapshots that share structure: what is the same object is equal without a look inside.

    Args:
        key: what to compare of an item; by default the item itself.
    """
    return Through(lambda: _Dedupe(key), "dedupe")


class _Dedupe(Generic[T]):
    def __init__(self, key: Callable[[T], object] | None) -> None:
        self._key = key
        self._last: object = _NOTHING

    def feed(self, item: T, /) -> Sequence[T]:
        if item.__class__ is Change and cast("Change", item).op == "append":
            self._last = _NOTHING
            return (item,)
        value = item if self._key is None else self._key(item)
        if value is self._last or (self._last is not _NOTHING and value == self._last):
            return ()
        self._last = value
        return (item,)

    def close(self, reason: Reason, /) -> Sequence[T]:
        return ()
