"""Law 3 over every event of every test: nothing is taken back but for a reason.

Whatever a test is about, the machine that reads its text is watched. What was told, and the reasons, are
found here in the plainest way: the text that came, and pydantic's schema of the type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any, TypeAlias, cast
from weakref import WeakKeyDictionary

from pydantic import TypeAdapter

from streamkit import Stream
from streamkit.assembly.text_machine import TextMachine
from streamkit.changes.change import Change, Path
from streamkit.schema.compiling import Options

__all__ = ["TakenBack", "found", "unwatched", "watch"]

Text: TypeAlias = str | bytes | bytearray

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]', re.DOTALL)
_STRINGS = ("strip_whitespace", "to_lower", "to_upper")
_ENDS = ("complete", "invalid")
_REVISES = ("post_init", "custom_init", *(f"{prefix}{word}" for prefix in ("", "str_") for word in _STRINGS))
_OPAQUE = ("metadata", "serialization", "cls", "default", "expected")


found: list[str] = []
"""What was taken back since a test began: a flow may make an `end` of the exception."""


class TakenBack(AssertionError):
    """An event takes back what was told."""


class Observer:
    """Takes what goes into one machine, and what comes out.

    Args:
        revises: whether user code, or a setting, may change what was told.
    """

    def __init__(self, revises: Callable[[], bool]) -> None:
        self._revises = revises
        self._text: list[Text] = []
        self._told: dict[Path, object] = {}
        self._final: set[Path] = set()

    def feed(self, chunk: object) -> None:
        if isinstance(chunk, (str, bytes, bytearray)):
            self._text.append(chunk)

    def take(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Check changes, and return them as they are."""
        for change in changes:
            problem = self._problem(change)
            if problem and not (self._revises() or self._has_twins()):
                found.append(f"law 3: {problem}: {change!r:.300}")
                raise TakenBack(found[-1])
            self._note(change)
        return changes

    def _problem(self, change: Change[object]) -> str:
        op, path, value = change
        if op == "add" and path in self._told:
            return "added a second time"
        if op == "append" and not (isinstance(self._told.get(path), str) and isinstance(value, str)):
            return "only strings grow"
        if op == "append" and path in self._final:
            return "it grew after its verdict"
        return "no key came twice, and no user code is there" if op in ("replace", "remove") else ""

    def _note(self, change: Change[object]) -> None:
        op, path, value = change
        if op in ("replace", "remove"):
            gone = [other for other in self._told if other[: len(path)] == path]
            for other in gone:
                del self._told[other]
            self._final.difference_update(gone)
        if op in ("add", "replace"):
            self._told[path] = value
        elif op in _ENDS:
            self._final.add(path)

    def _has_twins(self) -> bool:
        """Whether a key has come twice in one object so far."""
        encoded = b"".join(piece.encode() if isinstance(piece, str) else bytes(piece) for piece in self._text)
        seen: list[set[str]] = []
        last = ""
        for word in _WORD.findall(encoded.decode(errors="replace")):
            if word in ("{", "["):
                seen.append(set())
            elif word in ("}", "]") and seen:
                seen.pop()
            elif word == ":" and seen:
                key = json.loads(last, strict=False)
                if key in seen[-1]:
                    return True
                seen[-1].add(key)
            last = word
        return False


_WATCHING = [True]
_WATCHERS: WeakKeyDictionary[TextMachine, Observer] = WeakKeyDictionary()
_TYPES: dict[int, tuple[object, Callable[[], bool]]] = {}
"""By the identity of its node, which is kept so that no other gets it: whether a type may revise."""


def watch() -> None:
    """Watch every machine that reads text from now on; once is enough."""
    operator: Any = import_module("streamkit.operators.validate")
    if operator.compile_type.__module__ == __name__:
        return
    compile_type, init, feed, close = operator.compile_type, TextMachine.__init__, TextMachine.feed, TextMachine.close

    def compiled(model: object, options: Options) -> object:
        node = compile_type(model, options)
        settings = options.eager_literals or options.on_invalid == "drop"
        _TYPES[id(node)] = node, cache(lambda: settings or _may_revise(TypeAdapter(cast("Any", model)).core_schema))
        return node

    def made(self: TextMachine, node: Any, *args: Any, **settings: Any) -> None:
        init(self, node, *args, **settings)
        if _WATCHING[-1]:
            _WATCHERS[self] = Observer(_TYPES[id(node)][1] if id(node) in _TYPES else _never)

    def fed(self: TextMachine, chunk: Any, /) -> Sequence[Change]:
        watcher = _WATCHERS.get(self)
        if watcher is None:
            return feed(self, chunk)
        watcher.feed(chunk)
        return watcher.take(feed(self, chunk))

    def closed(self: TextMachine, reason: Any, /) -> Sequence[Change]:
        watcher = _WATCHERS.get(self)
        return close(self, reason) if watcher is None else watcher.take(close(self, reason))

    operator.compile_type = compiled
    for name, function in (("__init__", made), ("feed", fed), ("close", closed)):
        setattr(TextMachine, name, function)


@contextmanager
def unwatched() -> Generator[None]:
    """Watch nothing: for tests that count what the machine itself costs."""
    _WATCHING.append(False)
    try:
        yield
    finally:
        _WATCHING.pop()


def _never() -> bool:
    return False


def _may_revise(schema: object) -> bool:
    """Whether user code, or a hint, in a schema of pydantic's may change what was told."""
    if isinstance(schema, (list, tuple)):
        return any(map(_may_revise, cast("Sequence[object]", schema)))
    if not isinstance(schema, Mapping):
        return False
    known = cast("Mapping[str, object]", schema)
    hint = cast("Mapping[str, object]", known.get("metadata") or {}).get("streamkit")
    if isinstance(hint, Stream) and (hint.eager or hint.on_invalid == "drop"):
        return True
    if str(known.get("type")).startswith("function-") or any(known.get(key) for key in _REVISES):
        return True
    if known.get("extra_behavior", known.get("extra_fields_behavior")) == "allow":
        return True  # a key may be called as a field is that has an alias: one name comes twice
    return any(_may_revise(value) for key, value in known.items() if key not in _OPAQUE)
