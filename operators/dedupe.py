"""dedupe: drop an item equal to the one before it (Rx's distinct_until_changed).

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
    """Emit an item if it differs from the one before it.

    An `append` is never dropped: the same text twice is two updates.

    It is cheap for snapshots that share structure: identical objects (`a is b`) compare equal without a deep
    comparison.

    Args:
        key: returns the value to compare for an item; by default the item itself.
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
