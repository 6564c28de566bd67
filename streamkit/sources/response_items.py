"""`Items`: which item of a response an event speaks of, by what the server tells of that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from streamkit.sources.openai_wires import Fields

__all__ = ["Item", "Items", "Key"]

Key: TypeAlias = int | str | None
"""An output index, an item's id or a call's id; None where it is not told."""


@dataclass(slots=True, eq=False)
class Item:
    """One item.

    Attributes:
        number: how many of its kind appeared before it.
        index: in the output.
        keys: its id, and its call's.
        begun: what was told of it when it was added; None as long as that has not come.
        told: of which parts text has come: what it is, and the part's index.
    """

    number: int
    index: Key
    keys: Sequence[Key]
    begun: Fields | None = None
    told: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])

    def awaits(self, index: Key) -> bool:
        """It was added without an id, and nothing has come of it: an id that nobody knows may be its own."""
        nameless = self.begun is not None and self.keys[0] is None and not self.told
        return nameless and None in (self.index, index)

    def goes_by(self, index: Key, keys: Sequence[Key]) -> bool:
        """No key that is told says otherwise."""
        pairs = zip((self.index, *self.keys), (index, *keys), strict=False)
        return all(one == other or None in (one, other) for one, other in pairs)


class Items:
    """The items of one kind, in order of appearance."""

    def __init__(self) -> None:
        self._all: list[Item] = []
        # Some servers tell the same index, or id, of all items: what two were added with is None, and says nothing.
        self._known: dict[Key, Item | None] = {}

    def __iter__(self) -> Iterator[Item]:
        return iter(self._all)

    def find(self, index: Key, *keys: Key) -> Item:
        """The item that an event speaks of: by its index, since ids may be new in each event, or else by its ids."""
        # Each piece of text asks: by far the most are found at once.
        known = self._known.get(index) or self._get(*keys)
        return known or self._unnamed(index, keys) or self._new(index, keys)

    def begin(self, begun: Fields, index: Key, *keys: Key) -> Item:
        """An item that is added: another one, unless it was added before, or text of it has come before."""
        item = self._get(index, *keys)
        if item is None or (item.begun is not None and not item.goes_by(index, keys)):
            return self._new(index, keys, begun)
        item.begun = begun
        return self._name(item, index, keys)

    def nth(self, number: int, *keys: Key) -> Item:
        """An item of the whole output, where others may be left out and ids may be new: by its ids, or its number."""
        if item := self._get(*keys):
            return item
        return self._all[number] if number < len(self._all) else self._new(None, keys)

    def _get(self, *keys: Key) -> Item | None:
        for key in keys:
            if item := self._known.get(key):
                return item
        return None

    def _unnamed(self, index: Key, keys: Sequence[Key]) -> Item | None:
        if not any(keys) and (index is None or index in self._known):
            return self._all[-1] if self._all else None
        item = next((each for each in self._all if each.awaits(index)), None)
        if item is not None:
            item.keys = keys
            self._name(item, index, keys)
        return item

    def _new(self, index: Key, keys: Sequence[Key], begun: Fields | None = None) -> Item:
        item = Item(len(self._all), index, keys, begun)
        self._all.append(item)
        return self._name(item, index, keys)

    def _name(self, item: Item, index: Key, keys: Sequence[Key]) -> Item:
        for key in (index, *keys):
            if key is not None and self._known.setdefault(key, item) is not item:
                self._known[key] = None
        return item
