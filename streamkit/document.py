"""`Document`: the fold. It holds what a stream of changes has said so far.

Everyone who follows changes uses it: `diff`, hubs, wire encoders and users. A value that has been
read is never changed afterwards: the next change copies the containers on its own path (references
only) and leaves the value that was handed out alone.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, cast

from streamkit.events import Change, End, Path, to_pointer

__all__ = ["Container", "Document", "State"]

State: TypeAlias = Literal["open", "complete", "invalid"]
Container: TypeAlias = dict[str, object] | list[object]


class Document:
    """What a stream of changes adds up to.

    Attributes:
        end: how the stream ended; None while it runs.
        missed: how many changes a `snapshot` stood for; 0 without one.
    """

    __slots__ = ("_empty", "_invalid", "_open", "_owned", "_root", "_text", "_text_path", "end", "missed")

    def __init__(self) -> None:
        self.end: End | None = None
        self.missed = 0
        self._root: object = None
        self._empty = True
        # Open values in the order they appeared; containers with themselves, to be found at once.
        self._open: dict[Path, Container | None] = {}
        self._invalid: dict[Path, list[object]] = {}
        # Paths of the containers nobody else has seen; None while nobody has seen any.
        self._owned: set[Path] | None = None
        # The string that grows, in pieces: joined when somebody looks.
        self._text_path: Path | None = None
        self._text: list[str] = []

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

    def get(self, path: Path) -> object:
        """The JSON value at a path, not to be changed.

        Raises:
            KeyError: there is no value at that path.
        """
        self._settle_text()
        if self._empty:
            raise KeyError(to_pointer(path))
        value = self._root
        for part in path:
            try:
                value = cast("dict[str | int, object]", value)[part]
            except (KeyError, IndexError, TypeError):
                raise KeyError(to_pointer(path)) from None
        return value

    def has(self, path: Path) -> bool:
        """Tell whether there is a value at a path."""
        try:
            self.get(path)
        except KeyError:
            return False
        return True

    def copy(self) -> Document:
        """A document that stands where this one stands and goes its own way; shares what it can."""
        twin = Document()
        twin._become(self)
        return twin

    def apply(self, change: Change[object]) -> None:
        """Take one change.

        Raises:
            ValueError: the change does not fit the document: its parent or its target is not there.
        """
        op, path, value = change
        if op == "append":
            self._append(path, value)
        elif op == "add":
            self._put(path, value)
        elif op == "complete":
            if path == self._text_path:
                # A streamed string is complete as it stands: keep the one object all share.
                if type(value) is str:
                    self._text = [value]
                self._settle_text()
                self._text_path = None
            self._open.pop(path, None)
        else:
            self._apply_rare(op, path, value)

    def _apply_rare(self, op: str, path: Path, value: object) -> None:
        self._settle_text()
        self._text_path = None
        if op == "invalid":
            self._open.pop(path, None)
            self._invalid[path] = cast("list[object]", value)
        elif op == "replace":
            self._existing(path, op)
            self._void(path)
            self._put(path, value)
        elif op == "remove":
            self._existing(path, op)
            self._void(path)
            self._remove(path)
        elif op == "reset":
            self._invalid.clear()
            self._open = dict(self._walk((), self._root)) if not self._empty else {}
        elif op == "snapshot":
            self._become(cast("Document", value))
        elif op == "end":
            self.end = cast("End", value)
        else:
            raise ValueError(f"unknown change op {op!r} at {to_pointer(path)!r}")

    def _put(self, path: Path, value: object) -> None:
        mine: Container | None = None
        if value.__class__ is dict or value.__class__ is list:
            if value:
                raise ValueError(f"a container is added empty, then filled; got {value!r:.80} at {to_pointer(path)!r}")
            mine = value = cast("Container", value).copy()
            if self._owned is not None:
                self._owned.add(path)
        if not path:
            self._root, self._empty = value, False
        else:
            parent, key = self._writable(path[:-1]), path[-1]
            if parent.__class__ is dict:
                cast("dict[str | int, object]", parent)[key] = value
            elif key == len(parent):
                cast("list[object]", parent).append(value)
            else:
                self._set_item(parent, path, value)
        self._open[path] = mine

    def _set_item(self, parent: Container, path: Path, value: object) -> None:
        index = path[-1]
        if type(index) is not int or index > len(parent):
            raise ValueError(f"no place for an item at {to_pointer(path)!r}: the list has {len(parent)} items")
        cast("list[object]", parent)[index] = value

    def _append(self, path: Path, text: object) -> None:
        if path is not self._text_path and path != self._text_path:
            self._settle_text()
            before = self._existing(path, "append")
            if not isinstance(before, str):
                raise ValueError(f"cannot append to {before!r:.80} at {to_pointer(path)!r}: only strings grow")
            self._text_path, self._text = path, [before]
        self._text.append(cast("str", text))

    def _existing(self, path: Path, op: str) -> object:
        try:
            return self.get(path)
        except KeyError:
            raise ValueError(f"cannot {op} at {to_pointer(path)!r}: nothing is there; add it first") from None

    def _settle_text(self) -> None:
        path = self._text_path
        if path is None or not self._text:
            return
        text = "".join(self._text) if len(self._text) > 1 else self._text[0]
        self._text = [text]
        if path:
            cast("dict[str | int, object]", self._writable(path[:-1]))[path[-1]] = text
        else:
            self._root = text

    def _writable(self, path: Path) -> Container:
        """The container at a path, copied first if somebody has seen it."""
        found = self._open.get(path)
        if found is not None and (self._owned is None or path in self._owned):
            return found
        value = self._root if not path else cast("dict[str | int, object]", self._parent(path))[path[-1]]
        if not isinstance(value, (dict, list)) or self._empty:
            raise ValueError(f"no object or array at {to_pointer(path)!r}: parents are added before their children")
        container = cast("Container", value)
        if self._owned is None or path in self._owned:
            return container
        mine = container.copy()
        if path:
            cast("dict[str | int, object]", self._writable(path[:-1]))[path[-1]] = mine
        else:
            self._root = mine
        self._owned.add(path)
        if path in self._open:
            self._open[path] = mine
        return mine

    def _parent(self, path: Path) -> Container:
        parent = self._writable(path[:-1])
        try:
            cast("dict[str | int, object]", parent)[path[-1]]
        except (KeyError, IndexError, TypeError):
            raise ValueError(f"nothing at {to_pointer(path)!r}: parents are added before their children") from None
        return parent

    def _remove(self, path: Path) -> None:
        if not path:
            self._root, self._empty = None, True
            return
        parent, key = self._writable(path[:-1]), path[-1]
        if isinstance(parent, list) and key != len(parent) - 1:
            # Removing from the middle would shift paths that others hold.
            raise ValueError(f"cannot remove {to_pointer(path)!r}: only the last item of a list is removed")
        del cast("dict[str | int, object]", parent)[key]

    def _void(self, path: Path) -> None:
        """Forget the verdicts at and below a path."""
        depth = len(path)
        for states in (self._open, self._invalid, self._owned):
            if states:
                for other in [other for other in states if other[:depth] == path]:
                    if isinstance(states, set):
                        states.discard(other)
                    else:
                        states.pop(other, None)

    def _become(self, other: Document) -> None:
        other._settle_text()
        other._owned = set()
        self._owned = set()
        self._root, self._empty, self.end, self.missed = other._root, other._empty, other.end, other.missed
        self._open, self._invalid = other._open.copy(), other._invalid.copy()
        self._text_path, self._text = None, []

    def _walk(self, path: Path, value: object) -> list[tuple[Path, Container | None]]:
        """Every path at and below one, parents first."""
        if not isinstance(value, (dict, list)):
            return [(path, None)]
        container = cast("Container", value)
        keys = container.keys() if isinstance(container, dict) else range(len(container))
        found: list[tuple[Path, Container | None]] = [(path, container)]
        for key in keys:
            found += self._walk((*path, key), cast("dict[str | int, object]", container)[key])
        return found
