"""`Reading`: where the reading of a text stands, and what can be said of it at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, cast

from streamkit.assembly.frame import Frame
from streamkit.changes.change import Change, Op, Path
from streamkit.schema.nodes import Container, Entry, Node, OnInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic_core import ErrorDetails

    from streamkit.changes.json_values import Json
    from streamkit.schema.probe import SearchObserver

__all__ = ["NOT_EMITTED", "Reading", "Wanted", "new_change"]

Wanted: TypeAlias = "Callable[[Path], bool]"

NOT_EMITTED = cast("Json", object())
"""In place of the JSON form of a value that was not told."""

new_change = cast("Callable[[type[Change], tuple[object, ...]], Change]", tuple.__new__)  # pyright: ignore[reportUnknownMemberType]  # the stubs tell no element type
"""Makes a `Change` of op, path and value without the cost of its keyword arguments."""


class Reading:
    """One text along a tree of nodes: the value at hand, the containers around it, and what was made of them.

    Args:
        root: the node of the root.
        context: what user code finds in `info.context`.
        on_invalid: what becomes of wrong values, where their type does not say.
        least: leave out what changes nothing, as `diff` would.
        wanted: the paths whose values are asked for; the others are told and let go. None keeps everything.

    Attributes:
        out: the changes made since somebody last took them away.
        errors: all errors of the root; None until it is known to be invalid.
        undumped: where the value stands whose dump raised, once one did.
    """

    def __init__(
        self,
        root: Node,
        *,
        context: object = None,
        on_invalid: OnInvalid = "emit",
        least: bool = False,
        wanted: Wanted | None = None,
    ) -> None:
        self.out: list[Change] = []
        self.errors: list[ErrorDetails] | None = None
        self.undumped: Path | None = None
        self._context = context
        self._on_invalid = on_invalid
        self._least = least
        self._wanted = wanted
        self._outside = Frame(Entry(Container(is_list=False)), None, (), None, None)
        self._frame: Frame = self._outside
        self._root = root
        self._node, self._path = root, cast("Path", ())
        self._op: Op = "add"
        self._in_list = False
        self._text: list[str] = []  # of the open string
        self._blocks: list[str] = []
        self._names: dict[str, str] = {}  # keys that no model names
        self._streaming = False
        self._busy = False  # inside a string, or a container whose raw text is collected
        self._observer: SearchObserver[Entry] | None = None  # of that container
        self._chosen: Entry | None = None  # how the object at hand is to be entered
        self._eager: object = NOT_EMITTED  # what was told of an open literal
        self._doubted: Frame | None = None  # a member of a union that was refused, when the union is asked
        self._read_again = False  # the raw text that comes is that of the container at hand
        self._tries: list[
            tuple[Frame, list[Change]]
        ] = []  # lists with an item that may be dropped, and what was told before

    @property
    def result(self) -> object:
        """The root's typed value, once it was told complete."""
        return self._outside.children.get("")

    def where(self, *, inside: bool) -> Path:
        """The path of the value being read; not `inside`, of the container that waits for more."""
        frame = self._frame
        if self._busy:
            return self._path
        if not inside or frame is self._outside:
            return frame.path
        if frame.container.is_list:
            return (*frame.path, len(frame.children))
        return (*frame.path, frame.container.place(frame.key).name)

    def open_paths(self) -> tuple[Path, ...]:
        """The paths that were told and have no verdict, parents first."""
        paths: list[Path] = []
        frame = self._told_frame()
        if self._busy and (self._streaming or self._eager is not NOT_EMITTED) and not self._tries:
            paths.append(self._path)
        while frame.parent is not None:
            paths.append(frame.path)
            frame = frame.parent
        paths.reverse()
        return tuple(paths)

    def take(self) -> Sequence[Change]:
        """Take away the changes that are certain."""
        if self._tries:
            frame, out = self._tries[0]
            self._tries[0] = frame, []
            return out
        out, self.out = self.out, []
        return out

    def _told_frame(self) -> Frame:
        """The innermost container that was told."""
        return self._tries[0][0] if self._tries else self._frame

    def so_far(self) -> object:
        """The JSON form of what has come; None before anything did."""
        value: Any = NOT_EMITTED
        if self._busy and self._streaming and not self._tries:
            value = "".join((*self._blocks, *self._text))
        elif self._busy and not self._tries:
            value = self._eager  # a literal of which only one candidate is left
        frame = self._told_frame()
        while frame.parent is not None:
            value = self._told_of(frame, value)
            frame = frame.parent
        if value is NOT_EMITTED and "" in frame.children:
            value = self._root.json_of(frame.children[""])
        return None if value is NOT_EMITTED else value

    def _told_of(self, frame: Frame, inner: Any) -> Json:
        """The JSON form of an open container, given that of the child being read."""
        container = frame.container
        if container.is_list:
            finished = [container.at(index).json_of(child) for index, child in enumerate(frame.children)]
            return finished if inner is NOT_EMITTED else [*finished, inner]
        places = {key: container.place(key) for key in frame.children}
        told = {
            place.name: place.node.json_of(frame.children[key])
            for key, place in places.items()
            if not place.node.silent
        }
        return told if inner is NOT_EMITTED else {**told, container.place(frame.key).name: inner}

    def _place(self, frame: Frame, *, child: bool = False) -> tuple[str | int, ...]:
        """Where a container stands, or the child of it that is being closed, in pydantic's terms."""
        steps: list[tuple[str | int, ...]] = []
        around: Frame = frame
        while around is not self._outside:
            if child:
                inner = (around.source(),) if around.container.is_list else around.place(around.key)
                steps.append((*around.entry.label, *inner))
            child = True
            around = around.parent
        return tuple(step for each in reversed(steps) for step in each)
