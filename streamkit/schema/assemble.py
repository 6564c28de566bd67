"""`Assembler`: what the scanner reads becomes typed values and changes, along a tree of nodes.

One value is read at a time. `_begin` finds its node and path; then it streams, is entered, or is held;
when it closes it is validated by itself, told, and stored with the container it belongs to; a container
is built from its stored children when it closes in turn. Nothing is kept of what was told, except the
typed values themselves (and, below a model that user code may change, their JSON forms, to compare).
"""

from __future__ import annotations

from json import dumps as json_text
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import ValidationError, to_jsonable_python

from streamkit.errors import InvalidResult
from streamkit.events import Change, Op, Path
from streamkit.scanner import read_json
from streamkit.schema.nodes import ANY, IGNORED, Container, Node, Wrong
from streamkit.schema.spell import reconcile, same_json, spell, spell_wrong

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_core import ErrorDetails

    from streamkit.scanner import Json

__all__ = ["Assembler"]

_new = cast("Callable[[type[Change], tuple[object, ...]], Change]", tuple.__new__)  # pyright: ignore[reportUnknownMemberType]  # a Change without the cost of its keyword arguments
_PIECES = 1024  # a string's pieces are joined in blocks of so many: a piece costs far more than its characters


class _Frame:
    """A container being read, or what stands around the root."""

    __slots__ = ("bad", "children", "container", "json", "key", "late", "parent", "path")

    def __init__(self, container: Container, path: Path, parent: Any, json: Any) -> None:
        self.container, self.path, self.parent = container, path, parent
        self.children: Any = [] if container.is_list else {}  # finished ones, by JSON key or in order
        self.json = json  # what was told of it, if somebody is to compare; else None
        self.key = ""  # of the child being read
        self.bad = False  # some child is Wrong
        self.late: set[str] = set()  # names of late fields that were told, because they were wrong


class Assembler:
    """Receives one text; see `streamkit.scanner.Receiver`.

    Attributes:
        out: the changes made since somebody last took them away.
        errors: all errors of the root; None until it is known to be invalid.
    """

    def __init__(self, root: Node, *, stop_at_invalid: bool = False, least: bool = False) -> None:
        self.out: list[Change] = []
        self.errors: list[ErrorDetails] | None = None
        self._stop_at_invalid = stop_at_invalid
        self._least = least
        self._outside = _Frame(Container(is_list=False), (), None, None)
        self._frame = self._outside
        self._root = root
        self._node, self._path = root, cast("Path", ())
        self._op: Op = "add"
        self._in_list = False
        self._text: list[str] = []  # of the open string
        self._blocks: list[str] = []
        self._streaming = False
        self._busy = False  # inside a string, or a container whose raw text is collected

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
        frame = self._frame
        while frame.parent is not None:
            paths.append(frame.path)
            frame = frame.parent
        paths.reverse()
        if self._busy and self._streaming:
            paths.append(self._path)
        return tuple(paths)

    def so_far(self) -> object:
        """The JSON form of what has come; None before anything did."""
        value: Any = _UNTOLD
        if self._busy and self._streaming:
            value = "".join((*self._blocks, *self._text))
        frame = self._frame
        while frame.parent is not None:
            value = self._told_of(frame, value)
            frame = frame.parent
        if value is _UNTOLD and "" in frame.children:
            value = self._json_of(self._root, frame.children[""])
        return None if value is _UNTOLD else value

    def _told_of(self, frame: _Frame, inner: Any) -> Json:
        """The JSON form of an open container, given that of the child being read."""
        container = frame.container
        if container.is_list:
            item = container.item or ANY
            finished = [self._json_of(item, child) for child in frame.children]
            return finished if inner is _UNTOLD else [*finished, inner]
        places = {key: container.place(key) for key in frame.children}
        told = {
            place.name: self._json_of(place.node, frame.children[key])
            for key, place in places.items()
            if not place.node.silent
        }
        return told if inner is _UNTOLD else {**told, container.place(frame.key).name: inner}

    def _json_of(self, node: Node, child: Any) -> Json:
        if isinstance(child, Wrong):
            return cast("Json", child.json)
        if node.late:  # its serializer wants the object, which there is none of yet
            return cast("Json", to_jsonable_python(child, fallback=repr))
        return cast("Json", child if node.dump is None else node.dump(child))

    # -- what the scanner tells ------------------------------------------------------------------

    def key(self, name: str, /) -> None:
        frame = self._frame
        child = frame.container.children.get(name) or frame.container.place(name)
        frame.key = name
        self._node = child.node
        self._path = (*frame.path, child.name)
        self._op = "replace" if name in frame.children else "add"

    def text(self, text: str, /) -> None:
        if self._in_list:
            self._begin_item()
        node = self._node
        if node.streams:
            self.out.append(_new(Change, (self._op, self._path, text)))
            self._close_text(node, text)
        else:
            self._read(encode_basestring(text))

    def text_start(self, text: str, /) -> None:
        if self._in_list:
            self._begin_item()
        self._busy = True
        self._streaming = self._node.streams
        if self._streaming:
            self.out.append(_new(Change, (self._op, self._path, text)))
        self._text.append(text)

    def text_more(self, text: str, /) -> None:
        if self._streaming:
            self.out.append(_new(Change, ("append", self._path, text)))
        self._text.append(text)
        if len(self._text) == _PIECES:
            self._blocks.append("".join(self._text))
            self._text.clear()

    def text_end(self, text: str, /) -> None:
        self._busy = False
        if text:
            if self._streaming:
                self.out.append(_new(Change, ("append", self._path, text)))
            self._text.append(text)
        text = "".join((*self._blocks, *self._text)) if self._blocks else "".join(self._text)
        self._text = []
        self._blocks.clear()
        if self._streaming:
            self._close_text(self._node, text)
        else:
            self._read(encode_basestring(text))

    def scalar(self, text: str, /) -> None:
        if self._in_list:
            self._begin_item()
        self._read(text)

    def open_object(self) -> bool:
        if self._in_list:
            self._begin_item()
        return self._open(self._node.object, {})

    def open_array(self) -> bool:
        if self._in_list:
            self._begin_item()
        return self._open(self._node.array, [])

    def raw(self, text: str, /) -> None:
        self._busy = False
        self._read(text)

    def whole(self, value: Json, text: str, start: int, end: int, /) -> None:
        if self._in_list:
            self._begin_item()
        container = self._node.object if isinstance(value, dict) else self._node.array
        if container is None:
            self._read(text[start:end])
        else:
            self._walk_container(value, container)

    def close(self) -> None:
        frame = self._frame
        container, children = frame.container, frame.children
        self._frame = frame.parent
        self._in_list = self._frame.container.is_list
        typed: object = children
        if frame.bad or container.build is not None:
            try:
                build = container.recheck if frame.bad else container.build
                typed = build(children) if build is not None else children
            except ValidationError as error:
                self._close_wrong(frame, error)
                return
            if container.may_change or container.settles:
                self._settle(frame, typed)
        self.out.append(_new(Change, ("complete", frame.path, typed)))
        self._store(typed, frame.json)

    # -- the life of one value -------------------------------------------------------------------

    def _begin_item(self) -> None:
        frame = self._frame
        self._node = frame.container.item or ANY
        self._path = (*frame.path, len(frame.children))
        self._op = "add"

    def _store(self, typed: object, json: Json) -> None:
        """Give a finished value to the container around it."""
        frame = self._frame
        if self._in_list:
            frame.children.append(typed)
            if frame.json is not None and json is not _UNTOLD:
                frame.json.append(json)
            return
        children = frame.children
        before = children.get(frame.key) if frame.bad else None
        if isinstance(before, Wrong) and frame.container.every_counts:
            also = typed.errors if isinstance(typed, Wrong) else []
            typed = Wrong([*before.errors, *also], before.json, told=True)
        children[frame.key] = typed
        if frame.json is not None and json is not _UNTOLD:
            frame.json[frame.container.place(frame.key).name] = json

    def _close_text(self, node: Node, text: str) -> None:
        """A string that was told as it grew is whole."""
        typed: object = text
        json: Any = text
        path = self._path
        if node.check is not None:
            try:
                typed = node.check(text)
            except ValidationError as error:
                self._tell_wrong(error, text)
                return
            if typed is not text or node.dump is not None:
                json = typed if node.dump is None else node.dump(typed)
                if not same_json(json, text):
                    spell(self.out, "replace", path, json, typed)
                    self._store(typed, json)
                    return
        self.out.append(_new(Change, ("complete", path, typed)))
        self._store(typed, json)

    def _read(self, text: str) -> None:
        """A value that was held, or is a number or a literal, is whole: `text` is its JSON."""
        node, path = self._node, self._path
        if node is IGNORED:
            return
        try:
            typed = node.read(text)
        except ValidationError as error:
            wrong = read_json(text)
            op = self._op_of_late(path) if node.late else self._op
            if not node.silent and not self._repeats(op, wrong):
                spell_wrong(self.out, op, path, wrong)
            self._tell_wrong(error, wrong)
            return
        if node.silent or node.late:
            self._store(typed, _UNTOLD)
            return
        json: Any = typed if node.dump is None else node.dump(typed)
        if json.__class__ is dict or json.__class__ is list:
            spell(self.out, self._op, path, json, typed)
        else:
            if self._op == "add" or not self._repeats(self._op, json):
                self.out.append(_new(Change, (self._op, path, json)))
            self.out.append(_new(Change, ("complete", path, typed)))
        self._store(typed, json)

    def _repeats(self, op: Op, json: object) -> bool:
        """Whether a key that came twice says the same number, boolean or null, and only the least is told."""
        if not self._least or op != "replace" or isinstance(json, (str, dict, list)):
            return False
        before = self._frame.children[self._frame.key]
        if isinstance(before, Wrong):
            return same_json(before.json, json)
        return same_json(before if self._node.dump is None else self._node.dump(before), json)

    def _open(self, container: Container | None, empty: Json) -> bool:
        """Enter a container; True asks for its raw text instead."""
        if container is None:
            self._busy, self._streaming = True, False
            return True
        parent, path = self._frame, self._path
        self.out.append(_new(Change, (self._op, path, empty)))
        told: Json = ([] if container.is_list else {}) if container.may_change or parent.json is not None else None
        self._frame = _Frame(container, path, parent, told)
        self._in_list = container.is_list
        return False

    def _walk(self, value: Json) -> None:
        """Tell of a value that was read whole, as if it came piece by piece."""
        if isinstance(value, str):
            self.text(value)
        elif isinstance(value, (dict, list)):
            if self._in_list:
                self._begin_item()
            container = self._node.object if isinstance(value, dict) else self._node.array
            if container is None:
                self._read(_dumps(value))
            else:
                self._walk_container(value, container)
        else:
            self.scalar(_dumps(value))

    def _walk_container(self, value: Json, container: Container) -> None:
        if isinstance(value, dict):
            self._open(container, {})
            for name, child in value.items():
                self.key(name)
                if isinstance(child, str):
                    self.text(child)
                else:
                    self._walk(child)
        else:
            self._open(container, [])
            for child in cast("list[Json]", value):
                self._walk(child)
        self.close()

    # -- what a type adds when its container is built ----------------------------------------------

    def _settle(self, frame: _Frame, typed: Any) -> None:
        """Tell what the type itself put into a value: changes by user code, defaults, computed fields."""
        container = frame.container
        is_model = container.cls is not None and isinstance(typed, container.cls)
        if container.may_change:
            # Without the computed fields, which are computed once, below.
            names: set[str] | None = set(typed.__pydantic_extra__ or ()).union(container.fields) if is_model else None
            dumped: Any = container.dump(typed, names)
            reconcile(self.out, frame.path, frame.json, dumped, typed, self._told_children(frame))
        else:
            dumped = self._tell_missing(frame, typed)
        if is_model:
            for name, dump in container.computed:
                value = getattr(typed, name)
                dumped[name] = dump(value) if dump is not None else container.dump(typed, {name})[name]
                spell(self.out, "add", (*frame.path, name), dumped[name], value)
        if frame.json is not None:
            frame.json = dumped if container.may_change else {**frame.json, **dumped}

    def _told_children(self, frame: _Frame) -> dict[str | int, object]:
        """The finished children by the step that paths take to them."""
        if frame.container.is_list:
            return dict(enumerate(cast("list[object]", frame.children)))
        return {frame.container.place(key).name: typed for key, typed in frame.children.items()}

    def _tell_missing(self, frame: _Frame, typed: object) -> dict[str, Json]:
        """Tell the fields that did not come, or could not be told before; return their JSON forms."""
        container = frame.container
        places = [(key, child) for key, child in container.children.items() if not child.node.silent]
        names = [child.name for key, child in places if child.node.late or key not in frame.children]
        dumped = cast("dict[str, Json]", container.dump(typed, set(names))) if names else {}
        for name in names:
            if name in dumped:
                op: Op = "replace" if name in frame.late else "add"
                spell(self.out, op, (*frame.path, name), dumped[name], getattr(typed, name))
        return dumped

    def _op_of_late(self, path: Path) -> Op:
        """How a late field is told that is wrong, and so need not wait."""
        name, late = str(path[-1]), self._frame.late
        op: Op = "replace" if name in late else "add"
        late.add(name)
        return op

    # -- what is not valid -------------------------------------------------------------------------

    def _tell_wrong(self, error: ValidationError, json: Json) -> None:
        """A single value was refused; it has been told."""
        errors = _details(error)
        if not self._node.silent:
            self._verdict(self._path, errors, errors)
        self._frame.bad = True
        self._store(Wrong(errors, json, told=not self._node.silent), _UNTOLD if self._node.silent else json)

    def _close_wrong(self, frame: _Frame, error: ValidationError) -> None:
        """A container was refused: some child was, or all of them together."""
        errors: list[ErrorDetails] = []
        untold: list[ErrorDetails] = []
        children: Any = frame.children if frame.container.is_list else list(frame.children.values())
        for detail in _details(error):
            place = detail["input"]
            child = children[place] if frame.bad and type(place) is int else None
            if isinstance(child, Wrong):
                below = [_below(detail["loc"], inner) for inner in child.errors]
                errors += below
                untold += () if child.told else below
            else:
                detail["input"] = _received(frame.children)
                errors.append(detail)
                untold.append(detail)
        self._tell_late(frame)
        self._verdict(frame.path, errors, untold)
        self._frame.bad = True
        self._store(Wrong(errors, self._told_of(frame, _UNTOLD), told=True), frame.json)

    def _verdict(self, path: Path, errors: list[ErrorDetails], untold: list[ErrorDetails]) -> None:
        if self._frame is self._outside:
            self.errors = untold = errors
        else:
            place = self._place()
            untold = [_below(place, error) for error in untold]
        self.out.append(Change("invalid", path, untold))
        if self._stop_at_invalid:
            raise InvalidResult(untold, path=path)

    def _place(self) -> tuple[str | int, ...]:
        """Where the value being closed stands, in pydantic's terms: by alias, where errors go by alias."""
        place: list[str | int] = []
        frame: _Frame | None = self._frame
        while frame is not None and frame is not self._outside:
            if frame.container.is_list:
                place.append(len(frame.children))
            else:
                place.append(frame.container.place(frame.key).name if frame.container.errors_by_name else frame.key)
            frame = frame.parent
        return tuple(reversed(place))

    def _tell_late(self, frame: _Frame) -> None:
        """Without the object there is no serializer for fields that wait for it: show them plainly."""
        if frame.container.later:
            for key, typed in frame.children.items():
                child = frame.container.place(key)
                if child.node.late and not isinstance(typed, Wrong):
                    json = cast("Json", to_jsonable_python(typed, fallback=repr))
                    op: Op = "replace" if child.name in frame.late else "add"
                    spell(self.out, op, (*frame.path, child.name), json, typed)


_UNTOLD = cast("Json", object())
"""In place of the JSON form of a value that was not told."""


def _details(error: ValidationError) -> list[ErrorDetails]:
    """The errors' details, without the frames that user code was raised through: they hold everything alive."""
    details = error.errors()
    for detail in details:
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, Exception):
            cause.__traceback__ = None
    return details


def _below(place: tuple[str | int, ...], error: ErrorDetails) -> ErrorDetails:
    return {**error, "loc": (*place, *error["loc"])} if place else error


def _received(value: Any) -> object:
    """What pydantic was given, without our own marks: a wrong child shows what came."""
    if value.__class__ is Wrong:
        return value.json
    if value.__class__ is dict:
        return {key: _received(child) for key, child in value.items()}
    if value.__class__ is list:
        return [_received(child) for child in value]
    return value


def _dumps(value: object) -> str:
    return json_text(value, ensure_ascii=False)
