"""Children that are counted and let go, in containers that no value to come will hold."""

from __future__ import annotations

from typing import Any

__all__ = ["DiscardedItems", "DiscardedMembers"]


class DiscardedItems(list[Any]):
    """A list that only knows how many items it was given: the next index."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, item: object, /) -> None:
        self._count += 1


class DiscardedMembers(dict[str, Any]):
    """A dict that only knows which keys it was given: one that comes twice is told as replaced."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        super().__init__()
        self._keys: set[str] = set()

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __setitem__(self, key: str, value: object) -> None:
        self._keys.add(key)
