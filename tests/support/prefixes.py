"""What is certain in a prefix of a JSON text: a slow model of it, written without a thought for speed.

It reads the prefix from its first character each time, and stops where it ends. `certain` knows no
types; `expected` says what a type makes of it, given what the whole document is dumped as.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from streamkit.changes.change import Path
from support.strategies import Kind, Place

__all__ = ["Expected", "Seen", "certain", "expected", "plainly", "waiting_at"]

_LITERALS: dict[str, object] = {"true": True, "false": False, "null": None}


@dataclass
class Seen:
    """A value that has begun."""

    value: object = None  # of a scalar, or a string's text so far
    members: dict[str, Seen] | None = None
    items: list[Seen] | None = None
    closed: bool = False


@dataclass
class Expected:
    """A document so far: its root, in a list or an empty list, and the paths that have closed."""

    root: list[object] = field(default_factory=list[object])
    closed: set[Path] = field(default_factory=set[Path])


class _CutError(Exception):
    """The prefix ends here."""


class _Reader:
    def __init__(self, text: str, *, whole: bool) -> None:
        self.text, self.whole, self.at = text, whole, 0
        self.where: Path = ()

    def peek(self) -> str:
        if self.at == len(self.text):
            raise _CutError
        return self.text[self.at]

    def next(self) -> str:
        c = self.peek()
        self.at += 1
        return c

    def space(self) -> None:
        while self.peek() in " \t\r\n":
            self.at += 1

    def value(self, path: Path, attach: Callable[[Seen], None]) -> None:
        self.where = path
        self.space()
        c = self.peek()
        if c == "{":
            self.object(path, attach)
        elif c == "[":
            self.array(path, attach)
        elif c == '"':
            self.string(attach)
        elif c in "tfn":
            self.literal(attach)
        else:
            self.number(attach)

    def object(self, path: Path, attach: Callable[[Seen], None]) -> None:
        members: dict[str, Seen] = {}
        seen = Seen(members=members)
        attach(seen)
        self.at += 1
        self.where = path
        while self.in_container("}"):
            names: list[Seen] = []
            self.string(names.append)
            key = cast("str", names[0].value)
            self.space()
            self.next()
            self.where = (*path, key)
            self.value((*path, key), _setter(members, key))
            self.where = path
        seen.closed = True

    def array(self, path: Path, attach: Callable[[Seen], None]) -> None:
        items: list[Seen] = []
        seen = Seen(items=items)
        attach(seen)
        self.at += 1
        self.where = (*path, 0)
        while self.in_container("]", (*path, len(items))):
            self.where = (*path, len(items))
            self.value(self.where, items.append)
            self.where = path
        seen.closed = True

    def in_container(self, closer: str, next_item: Path | None = None) -> bool:
        """Step over a comma or the end: whether another child comes."""
        self.space()
        c = self.peek()
        if c in (",", closer):
            self.at += 1
        if c == ",":
            self.where = next_item or self.where
            self.space()
            self.peek()
        return c != closer

    def string(self, attach: Callable[[Seen], None]) -> None:
        seen = Seen("")
        attach(seen)
        self.at += 1
        while (c := self.next()) != '"':
            seen.value = cast("str", seen.value) + (self.escape() if c == "\\" else c)
        seen.closed = True

    def escape(self) -> str:
        c = self.next()
        if c != "u":
            return cast("str", json.loads(f'"\\{c}"'))
        unit = self.unit()
        if not 0xD800 <= unit < 0xDC00:
            return chr(unit)
        self.next()
        self.next()
        return (unit.to_bytes(2, "big") + self.unit().to_bytes(2, "big")).decode("utf-16-be")

    def unit(self) -> int:
        return int("".join(self.next() for _ in range(4)), 16)

    def literal(self, attach: Callable[[Seen], None]) -> None:
        for word, value in _LITERALS.items():
            if self.text.startswith(word, self.at):
                self.at += len(word)
                attach(Seen(value, closed=True))
                return
        raise _CutError

    def number(self, attach: Callable[[Seen], None]) -> None:
        end = self.at
        while end < len(self.text) and self.text[end] in "-+.eE0123456789":
            end += 1
        if end == len(self.text) and not self.whole:
            raise _CutError
        text = self.text[self.at : end]
        self.at = end
        if text[-1] not in "0123456789":
            raise _CutError
        attach(Seen(int(text) if re.fullmatch("-?[0-9]+", text) else float(text), closed=True))


def _setter(members: dict[str, Seen], key: str) -> Callable[[Seen], None]:
    return lambda child: members.update({key: child})


def certain(prefix: str, *, whole: bool = False) -> Seen | None:
    """What a prefix says; None before the root has begun. `whole` means that no more comes."""
    roots: list[Seen] = []
    with suppress(_CutError):
        _Reader(prefix, whole=whole).value((), roots.append)
    return roots[0] if roots else None


def waiting_at(prefix: str) -> Path:
    """The path of the value that comes next, or of the container that waits for a comma, a name or its end."""
    reader = _Reader(prefix, whole=False)
    try:
        reader.value((), lambda seen: None)
    except _CutError:
        return reader.where
    return ()


def plainly(seen: Seen | None) -> Expected:
    """The document without a type."""
    out = Expected()
    if seen is not None:
        out.root.append(_plain((), seen, out.closed))
    return out


def _plain(path: Path, seen: Seen, closed: set[Path]) -> object:
    if seen.closed:
        closed.add(path)
    if seen.members is not None:
        return {key: _plain((*path, key), child, closed) for key, child in seen.members.items()}
    if seen.items is not None:
        return [_plain((*path, index), child, closed) for index, child in enumerate(seen.items)]
    return seen.value


def expected(kind: Kind, seen: Seen | None, final: object) -> Expected:
    """The document of a type whose whole document is dumped as `final`."""
    out = Expected()
    if seen is not None:
        out.root += _typed((), kind, seen, final, out.closed)
    return out


def _typed(path: Path, kind: Kind, seen: Seen, final: object, closed: set[Path]) -> list[object]:
    """The value at a path in a list, or an empty list if it is not told yet."""
    if seen.closed:
        closed.update(_paths(path, final))
        return [final]
    if kind.told == "text":
        return [seen.value] if isinstance(seen.value, str) else []
    if kind.told == "any":
        return [_as_any(_plain(path, seen, closed))]
    if kind.told == "entered" and seen.items is not None and kind.item is not None:
        return [_items(path, kind.item, seen.items, cast("list[object]", final), closed)]
    if kind.told == "entered" and seen.members is not None:
        return [_members(path, kind, seen.members, cast("dict[str, object]", final), closed)]
    return []


def _as_any(value: object) -> object:
    """What pydantic dumps where there is no type: an infinite number becomes null."""
    if isinstance(value, dict):
        return {key: _as_any(child) for key, child in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_as_any(child) for child in cast("list[object]", value)]
    return None if value in (math.inf, -math.inf) else value


def _items(path: Path, item: Kind, items: list[Seen], final: list[object], closed: set[Path]) -> list[object]:
    return [
        told
        for index, (seen, dumped) in enumerate(zip(items, final, strict=False))
        for told in _typed((*path, index), item, seen, dumped, closed)
    ]


def _members(
    path: Path, kind: Kind, members: dict[str, Seen], final: dict[str, object], closed: set[Path]
) -> dict[str, object]:
    out: dict[str, object] = {}
    for key, seen in members.items():
        place = _place(kind, key)
        if place is not None and not place.hidden and not place.late:
            for told in _typed((*path, place.name), place.kind, seen, final[place.name], closed):
                out[place.name] = told
    return out


def _place(kind: Kind, key: str) -> Place | None:
    if kind.item is not None:
        return Place(key, key, kind.item)
    for place in kind.places:
        if place.key == key:
            return place
    return Place(key, key, Kind(object, kind.fitting, "any")) if kind.extra == "allow" else None


def _paths(path: Path, value: object) -> Iterator[Path]:
    yield path
    if isinstance(value, Mapping):
        for key, child in cast("Mapping[str, object]", value).items():
            yield from _paths((*path, key), child)
    elif isinstance(value, list):
        for index, child in enumerate(cast("list[object]", value)):
            yield from _paths((*path, index), child)
