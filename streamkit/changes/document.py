"""`Document`: the fold. It holds what a stream of changes has said so far.

Everyone who follows changes uses it: `diff`, hubs, wire encoders and users. A value that has been
read is never changed afterwards: the next change copies the containers on its own path (references
only) and leaves the value that was handed out alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias, cast

from streamkit.changes.change import Change, Dropped, End, Path, to_pointer
from streamkit.errors import shown_path

__all__ = ["Document", "State"]

State: TypeAlias = Literal["open", "complete", "invalid"]
# A dict or a list of JSON values. Any, because telling a type checker which would cost more than the work.
_Container: TypeAlias = Any
_PIECES = 1024


class Document:
    """What a stream of changes adds up to.

    Attributes:
        end: how the stream ended; None while it runs.
        missed: how many changes a `snapshot` stood for; 0 without one.
    """

    __slots__ = ("_blocks", "_empty", "_invalid", "_open", "_owned", "_root", "_text", "_text_path", "end", "missed")

    def __init__(self) -> None:
        self.end: End | None = None
        self.missed = 0
        self._root: object = None
        self._empty = True
        # Open values in the order they appeared; containers with themselves, to be found at once.
        self._open: dict[Path, _Container] = {}
        self._invalid: dict[Path, list[object]] = {}
        # Paths of the containers nobody else has seen; None while nobody has seen any.
        self._owned: set[Path] | None = None
        # The string that grows, in pieces: joined when somebody looks.
        self._text_path: Path | None = None
        self._text: list[str] = []
        self._blocks: list[str] = []  # more pieces before them, joined: a piece costs more than its characters

    def __repr__(self) -> str:
        return f"Document({self._root!r:.200}, open={[to_pointer(path) for path in self._open]})"

    @property
    def value(self) -> object:
        """The JSON value so far (None before anything came); it stays as it is when more comes."""
        self._settle_text()
        self._owned = set()
        return self._root

    @property
    def open(self) -> tuple[Path, ...]:
        """The paths without a verdict, parents first."""
        return tuple(self._open)

    @property
    def invalid(self) -> tuple[Path, ...]:
        """The paths whose verdict is `invalid`, in the order it came."""
        return tuple(self._invalid)

    def state(self, path: Path) -> State:
        """Tell whether the value at a path is open, complete or invalid.

        Raises:
            KeyError: there is no value at that path.
        """
        self.get(path)
        return "invalid" if path in self._invalid else "open" if path in self._open else "complete"

    def errors(self, path: Path) -> list[object]:
        """The errors of the value at a path whose verdict is `invalid`; of any other value none."""
        return list(self._invalid.get(path, ()))

    def get(self, path: Path) -> object:
        """The JSON value at a path, not to be changed.

        Raises:
            KeyError: there is no value at that path.
        """
        if not isinstance(path, tuple):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise TypeError(f"a path is a tuple such as ('users', 0), got {path!r}")
        self._settle_text()
        if self._empty:
            raise KeyError(shown_path(path))
        value: Any = self._root
        for part in path:
            kind = str if value.__class__ is dict else int if value.__class__ is list else None
            try:
                if part.__class__ is not kind or (kind is int and cast("int", part) < 0):
                    raise LookupError
                value = value[part]
            except LookupError:
                raise KeyError(shown_path(path)) from None
        return value

    def has(self, path: Path) -> bool:
        """Tell whether there is a value at a path."""
        try:
            self.get(path)
        except KeyError:
            return False
        return True

    def paths(self) -> Iterator[Path]:
        """The path of every value, parents first."""
        self._settle_text()
        if not self._empty:
            yield from (path for path, _ in self._walk((), self._root))

    def copy(self) -> Document:
        """A document that stands where this one stands and goes its own way; shares what it can."""
        twin = Document()
        twin._become(self)
        return twin

    def apply(self, change: Change[object]) -> None:
        """Fold one change into the document. A change that is refused leaves the document as it was.

        Raises:
            ValueError: the change does not fit: its parent or its target is missing, or the stream has ended.
            TypeError: its path is not a tuple.
        """
        op, path, value = change
        if self.end is not None or path.__class__ is not tuple:
            self._check(op, path, value)
        if op == "append":
            if path is self._text_path or path == self._text_path:
                if len(self._text) == _PIECES:
                    self._blocks.append("".join(self._text))
                    self._text.clear()
                if value.__class__ is not str:
                    raise ValueError(f"cannot append {value!r:.80} at '{shown_path(path)}': only text is appended")
                self._text.append(value)  # pyright: ignore[reportArgumentType]  # just looked
            else:
                self._append(path, value)
        elif op == "add":
            self._put(path, value)
        elif op == "complete":
            if path == self._text_path:
                self._end_text(value)
            self._close(path, op)
            if self._invalid:  # of a list that items were dropped from, it was told that they are
                self._invalid.pop(path, None)
        elif not isinstance(change, Dropped):
            self._apply_rare(op, path, value)

    def _check(self, op: str, path: object, value: object) -> None:
        """Refuse a path that is not a tuple, and what follows the `end`: only a snapshot begins anew."""
        if isinstance(path, str):
            raise ValueError(f"cannot apply {op!r} with {value!r:.80} at {path!r:.80}: not a change")  # noqa: TRY004  # as for every change that does not fit
        if not isinstance(path, tuple):
            raise TypeError(f"a path is a tuple such as ('users', 0), got {path!r:.80}")
        if self.end is not None and op != "snapshot":
            raise ValueError(f"cannot apply {op!r}: the stream has ended")

    def _close(self, path: Path, op: str) -> None:
        try:
            del self._open[path]
        except KeyError:
            self._existing(path, op)  # a second verdict is harmless, one for nothing is not

    def _apply_rare(self, op: str, path: Path, value: Any) -> None:
        self._settle_text()
        self._text_path = None
        if op == "invalid":
            self._close(path, op)
            self._invalid[path] = value
        elif op == "replace":
            self._existing(path, op)
            _check_empty(path, value)
            self._void(path, op)
            self._put(path, value)
        elif op == "remove":
            self._check_last(path, op)
            self._void(path, op)
            self._remove(path)
        elif op == "reset":
            self._invalid.clear()
            self._open = dict(self._walk((), self._root)) if not self._empty else {}
        elif op == "snapshot" and isinstance(value, Document):
            self._become(value)
        elif op == "end" and isinstance(value, End):
            self.end = value
        else:
            raise ValueError(f"cannot apply {op!r} with {value!r:.80} at {path!r:.80}: not a change")

    def _put(self, path: Path, value: Any) -> None:
        mine: _Container = None
        if isinstance(value, (dict, list)):
            _check_empty(path, cast("object", value))
            mine = value = cast("_Container", value.copy())
            if self._owned is not None:
                self._owned.add(path)
        if path:
            parent, key = self._writable(path[:-1]), path[-1]
            if key.__class__ is str and parent.__class__ is dict and key not in parent:
                parent[key] = value
            elif key.__class__ is int and parent.__class__ is list and key == len(parent):
                parent.append(value)
            else:
                self._put_over(parent, path, value)
        else:
            if not self._empty:
                self._void(path, "add")
            self._root, self._empty = value, False
        self._open[path] = mine

    def _put_over(self, parent: _Container, path: Path, value: object) -> None:
        """Put a value where one stands: what was known of that one is void."""
        if not self.has(path):
            size = f"; the list has {len(parent)} items" if parent.__class__ is list else ""
            raise ValueError(f"no place for a value at '{shown_path(path)}'{size}")
        self._void(path, "add")
        parent[path[-1]] = value

    def _append(self, path: Path, text: Any) -> None:
        self._settle_text()
        before = self._existing(path, "append")
        if not isinstance(before, str) or not isinstance(text, str):
            raise ValueError(  # noqa: TRY004  # as for every change that does not fit
                f"cannot append to {before!r:.80} at '{shown_path(path)}': only strings grow"
            )
        self._text_path, self._blocks, self._text = path, [before], [text]

    def _end_text(self, value: Any) -> None:
        """A streamed string is complete as it stands: keep the one object that all share."""
        if value.__class__ is str:
            self._blocks, self._text = [], [value]
        self._settle_text()
        self._text_path = None

    def _existing(self, path: Path, op: str) -> object:
        try:
            return self.get(path)
        except KeyError:
            raise ValueError(f"cannot {op} at '{shown_path(path)}': nothing is there; add it first") from None

    def _settle_text(self) -> None:
        path = self._text_path
        if path is None or not self._text:
            return
        text = "".join((*self._blocks, *self._text))
        self._blocks, self._text = [text], []
        if path:
            self._writable(path[:-1])[path[-1]] = text
        else:
            self._root = text

    def _writable(self, path: Path) -> _Container:
        """The container at a path, copied first if somebody has seen it."""
        found = self._open.get(path)
        if found is not None and (self._owned is None or path in self._owned):
            return found
        container: Any = self._root if not path else self._parent(path)[path[-1]]
        if (container.__class__ is not dict and container.__class__ is not list) or self._empty:
            raise ValueError(f"no object or array at '{shown_path(path)}': parents are added before their children")
        if self._owned is None or path in self._owned:
            return container
        mine: _Container = container.copy()
        if path:
            self._writable(path[:-1])[path[-1]] = mine
        else:
            self._root = mine
        self._owned.add(path)
        if path in self._open:
            self._open[path] = mine
        return mine

    def _parent(self, path: Path) -> _Container:
        parent = self._writable(path[:-1])
        try:
            parent[path[-1]]
        except (KeyError, IndexError, TypeError):
            raise ValueError(f"nothing at '{shown_path(path)}': parents are added before their children") from None
        return parent

    def _remove(self, path: Path) -> None:
        if not path:
            self._root, self._empty = None, True
            return
        del self._writable(path[:-1])[path[-1]]

    def _check_last(self, path: Path, op: str) -> None:
        self._existing(path, op)
        parent = self.get(path[:-1]) if path else None
        if isinstance(parent, list) and path[-1] != len(cast("list[object]", parent)) - 1:
            # Removing from the middle would shift paths that others hold.
            raise ValueError(f"cannot remove '{shown_path(path)}': only the last item of a list is removed")

    def _void(self, path: Path, op: str) -> None:
        """Forget the verdicts at and below a path; costs what stands there."""
        for below, _ in self._walk(path, self._existing(path, op)):
            self._open.pop(below, None)
            self._invalid.pop(below, None)
        self._text_path = None  # the string that grew may be gone

    def _become(self, other: Document) -> None:
        other._settle_text()
        other._owned = set()
        self._owned = set()
        self._root, self._empty, self.end, self.missed = other._root, other._empty, other.end, other.missed
        self._open, self._invalid = other._open.copy(), other._invalid.copy()
        self._text_path = None

    def _walk(self, path: Path, value: Any) -> Iterator[tuple[Path, _Container]]:
        """Every path at and below one, parents first, each with its container."""
        if value.__class__ is not dict and value.__class__ is not list:
            yield path, None
            return
        yield path, value
        children: Any = value.items() if value.__class__ is dict else enumerate(value)
        for key, child in children:
            yield from self._walk((*path, key), child)


def _check_empty(path: Path, value: object) -> None:
    if (value.__class__ is dict or value.__class__ is list) and value:
        raise ValueError(f"a container is added empty, then filled; got {value!r:.80} at '{shown_path(path)}'")
