"""Stand-ins for the children of a container whose value nobody wants: they are counted, not kept."""

from __future__ import annotations

from typing import Any

__all__ = ["DiscardedItems", "DiscardedMembers"]


class DiscardedItems(list[Any]):
    """A list that only counts its items, to know the next index."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, item: object, /) -> None:
        self._count += 1


class DiscardedMembers(dict[str, Any]):
    """A dict that only keeps its keys, so that a repeated key is emitted as `replace`."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        super().__init__()
        self._keys: set[str] = set()

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __setitem__(self, key: str, value: object) -> None:
        self._keys.add(key)
