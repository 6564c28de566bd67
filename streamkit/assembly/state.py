"""`AssemblyState`: the state of one text being read along a tree of nodes.

The assembler and the functions of this package share one `AssemblyState`: which value is being read (`node`, `path`,
`op`), the open containers around it (`frame` and its parents), and the changes made so far (`out`). This file
holds the state and answers questions about it; it decides nothing.
"""

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

__all__ = ["NOT_EMITTED", "AssemblyState", "Wanted", "new_change"]

Wanted: TypeAlias = "Callable[[Path], bool]"

NOT_EMITTED = cast("Json", object())
"""Stands for the JSON form of a value that was not emitted."""

new_change = cast("Callable[[type[Change], tuple[object, ...]], Change]", tuple.__new__)  # pyright: ignore[reportUnknownMemberType]  # the stubs do not give the element type
"""Make a `Change` of op, path and value without the cost of keyword arguments."""


class AssemblyState:
    """The state of one text being read.

    Args:
        root: the node of the root.
        context: passed to validators as `info.context`.
        on_invalid: what to do with invalid values whose type does not decide it.
        wanted: selects the paths whose values are kept; other values are emitted and then discarded. None keeps all.

    Attributes:
        out: changes not yet taken.
        errors: all errors of the root; None until the root is known to be invalid.
        dump_failed_at: the path of the value whose serializer raised, if one did.
        node: the node of the value being read.
        path: its path.
        op: `add`, or `replace` for a key that came before.
        frame: the innermost open container.
        outside: the frame around the root.
        in_list: `frame` is a list.
        busy: inside a string, or a container whose raw text is being buffered.
        streaming: the open string is emitted as it grows.
        pieces: the open string, as received.
        blocks: earlier pieces of it, joined: many small pieces cost more than their characters.
        names: keys that no model names, so that rows of a table share one copy.
        observer: watches the buffered container for the keys that decide its variant.
        chosen: the entry it decided for, until the container is entered.
        eager_value: what was emitted of a literal that is still open.
        doubted: a union's only candidate was refused; its text is to be validated again by the union.
        rereading: the raw text that arrives next is that of the current container, to be read again.
        trials: lists with an item that may be dropped, each with the changes made before that item.
    """

    def __init__(
        self,
        root: Node,
        *,
        context: object = None,
        on_invalid: OnInvalid = "emit",
        wanted: Wanted | None = None,
    ) -> None:
        self.root, self.context, self.on_invalid = root, context, on_invalid
        self.wanted = wanted
        self.out: list[Change] = []
        self.errors: list[ErrorDetails] | None = None
        self.dump_failed_at: Path | None = None
        self.outside = Frame(Entry(Container(is_list=False)), None, (), None, None)
        self.frame: Frame = self.outside
        self.node, self.path = root, cast("Path", ())
        self.op: Op = "add"
        self.in_list = False
        self.busy = self.streaming = False
        self.pieces: list[str] = []
        self.blocks: list[str] = []
        self.names: dict[str, str] = {}
        self.observer: SearchObserver[Entry] | None = None
        self.chosen: Entry | None = None
        self.eager_value: object = NOT_EMITTED
        self.doubted: Frame | None = None
        self.rereading = False
        self.trials: list[tuple[Frame, list[Change]]] = []

    @property
    def result(self) -> object:
        """The typed value of the root, once its `complete` was emitted."""
        return self.outside.children.get("")

    def take(self) -> Sequence[Change]:
        """Return the changes that are certain, and forget them."""
        if self.trials:
            frame, out = self.trials[0]
            self.trials[0] = frame, []
            return out
        out, self.out = self.out, []
        return out

    def where(self, *, inside: bool) -> Path:
        """Return the path of the value being read; with `inside=False`, of the container that expects more."""
        frame = self.frame
        if self.busy:
            return self.path
        if not inside or frame is self.outside:
            return frame.path
        if frame.container.is_list:
            return (*frame.path, len(frame.children))
        return (*frame.path, frame.container.place(frame.key).name)

    def location(self, frame: Frame, *, child: bool = False) -> tuple[str | int, ...]:
        """Return pydantic's `loc` of a container, or of the child of it that is being closed."""
        loc: tuple[str | int, ...] = ()
        around: Frame = frame
        while around is not self.outside:
            if child:
                inner = (around.source_index(),) if around.container.is_list else around.loc_of(around.key)
                loc = (*around.entry.label, *inner, *loc)
            child = True
            around = around.parent
        return loc

    def open_paths(self) -> tuple[Path, ...]:
        """Return the paths that were emitted and have no verdict, parents first."""
        paths: list[Path] = []
        frame = self._emitted_frame()
        if self.busy and (self.streaming or self.eager_value is not NOT_EMITTED) and not self.trials:
            paths.append(self.path)
        while frame.parent is not None:
            paths.append(frame.path)
            frame = frame.parent
        paths.reverse()
        return tuple(paths)

    def so_far(self) -> object:
        """Return the JSON form of the document so far; None before it began."""
        value: Any = NOT_EMITTED
        if self.busy and self.streaming and not self.trials:
            value = "".join((*self.blocks, *self.pieces))
        elif self.busy and not self.trials:
            value = self.eager_value
        frame = self._emitted_frame()
        while frame.parent is not None:
            value = emitted_json(frame, value)
            frame = frame.parent
        if value is NOT_EMITTED and "" in frame.children:
            value = self.root.json_of(frame.children[""])
        return None if value is NOT_EMITTED else value

    def _emitted_frame(self) -> Frame:
        """The innermost container that was emitted."""
        return self.trials[0][0] if self.trials else self.frame


def emitted_json(frame: Frame, inner: Any) -> Json:
    """Return the JSON form of an open container; `inner` is that of the child being read, or `NOT_EMITTED`."""
    container = frame.container
    if container.is_list:
        finished = [container.at(index).json_of(child) for index, child in enumerate(frame.children)]
        return finished if inner is NOT_EMITTED else [*finished, inner]
    places = {key: container.place(key) for key in frame.children}
    finished_members = {
        place.name: place.node.json_of(frame.children[key]) for key, place in places.items() if not place.node.silent
    }
    if inner is NOT_EMITTED:
        return finished_members
    return {**finished_members, container.place(frame.key).name: inner}
