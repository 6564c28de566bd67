"""`Verdicts`: what becomes of values that are not valid, and of items that are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pydantic_core import PydanticOmit, SchemaError, ValidationError

from streamkit.assembly.derived import emit_late
from streamkit.assembly.frame import Frame
from streamkit.assembly.invalid import details, errors_of
from streamkit.assembly.reading import NOT_EMITTED, Reading
from streamkit.changes.change import Change, Dropped, Op, Path
from streamkit.changes.expand import expand, expand_invalid
from streamkit.errors import InvalidResult
from streamkit.schema.builder import Refusal
from streamkit.schema.labels import below
from streamkit.schema.nodes import ANY, Invalid, Node

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from streamkit.changes.json_values import Json

__all__ = ["Verdicts"]


class Verdicts(Reading):
    """Tells of wrong values, and gives them to the container around as `Invalid`."""

    def _store(self, typed: object, json: Json) -> None:
        """Give a finished value to the container around it; the assembler does."""
        raise NotImplementedError

    def _op_of_late(self, path: Path) -> Op:
        """How a late field is told that is wrong, and so need not wait."""
        name, frame = str(path[-1]), self._frame
        op: Op = "replace" if name in frame.late else "add"
        frame.late = {*frame.late, name}
        return op

    def _tell_wrong(self, error: ValidationError | Refusal, json: Json) -> None:
        """A single value was refused; it has been told."""
        errors = details(error)
        node = self._node
        if not node.silent:
            self._verdict(node, self._path, errors, errors)
        if not (self._in_list and self._frame.container.drops):
            self._frame.bad = True
        self._store(Invalid(errors, json, told=not node.silent), NOT_EMITTED if node.silent else json)

    def _close_wrong(self, frame: Frame, error: ValidationError | Refusal, around: int) -> bool:
        """A container was refused: some child was, or all of them together."""
        if frame.entry.doubtful:
            self._doubted = frame
            return True
        errors, untold = errors_of(frame, details(error), around)
        self._refuse(frame, errors, untold)
        return False

    def _ask_union(self, frame: Frame, text: str) -> None:
        """The one member that could be chosen was refused: what is wrong is for the union to say."""
        self._doubted = None
        node = cast("Node", frame.node)
        try:
            node.read(text, self._context)
        except ValidationError as error:
            errors = details(error)
        else:
            raise AssertionError("the union takes what its only member refuses")
        children = frame.children if frame.container.is_list else frame.children.values()
        told = {
            (*frame.entry.label, key, *each["loc"])
            for key, child in zip(frame.children, children, strict=True)
            if isinstance(child, Invalid) and child.told
            for each in child.errors
        }
        self._refuse(frame, errors, [each for each in errors if each["loc"] not in told])

    def _refuse(self, frame: Frame, errors: list[ErrorDetails], untold: list[ErrorDetails]) -> None:
        emit_late(self.out, frame)
        self._verdict(frame.node or ANY, frame.path, errors, untold)
        if not (self._in_list and self._frame.container.drops):
            self._frame.bad = True
        self._store(Invalid(errors, self._told_of(frame, NOT_EMITTED), told=True), frame.json)

    def _verdict(self, node: Node, path: Path, errors: list[ErrorDetails], untold: list[ErrorDetails]) -> None:
        if self._frame is self._outside:
            self.errors = untold = errors
        else:
            place = self._place(self._frame, child=True)
            untold = [below(place, error) for error in untold]
        self.out.append(Change("invalid", path, untold))
        if (node.on_invalid or self._on_invalid) == "raise":
            raise InvalidResult(untold, path=path)

    # -- items that may be dropped -----------------------------------------------------------------

    def _try(self, frame: Frame) -> None:
        """Keep back what is told of an item until it is known to be valid."""
        self._tries.append((frame, self.out))
        self.out = []

    def _dropped(self, frame: Frame, typed: object) -> bool:
        """An item has its verdict: tell it, or leave it out."""
        _, out = self._tries.pop()
        if not isinstance(typed, Invalid):
            out += self.out
            self.out = out
            return False
        self.out = out
        source = len(frame.children) + frame.dropped
        frame.dropped += 1
        place = (*self._place(frame), source)
        self.out.append(Dropped("invalid", frame.path, [below(place, error) for error in typed.errors]))
        return True

    def _is_absent(self, error: Exception) -> bool:
        """A validator may ask, by `PydanticUseDefault`, that a field be as if it had not come."""
        frame = self._frame
        if frame.container.is_list or frame.key not in frame.container.children:
            return False
        return isinstance(error, SchemaError) and "UseDefault" in str(error)

    def _omits(self, error: Exception) -> bool:
        """A validator may ask, by `PydanticOmit`, that a list, dict or model go without the item or field."""
        if not isinstance(error, PydanticOmit) and not (isinstance(error, SchemaError) and "Omit" in str(error)):
            return False
        frame = self._frame
        container = frame.container
        return self._in_list or container.every_counts or (container.omits and frame.key in container.children)

    def _omit(self, path: Path, *, told: bool) -> None:
        frame = self._frame
        if self._in_list:
            frame.omit(len(frame.children))
            if frame.container.drops:
                self.out = self._tries.pop()[1]
                return
        elif frame.container.every_counts and frame.key in frame.children:
            if told:
                self._put_back(frame.container.place(frame.key).node, path, frame.children[frame.key])
            return
        elif not frame.container.every_counts:
            frame.omit(frame.key)
            self._withdraw(path, told=told)
            return
        if told:
            self.out.append(Change("remove", path))

    def _withdraw(self, path: Path, *, told: bool) -> None:
        """A field is to be as if it had not come: if its key came before, that value is gone, too."""
        frame = self._frame
        told |= frame.children.pop(frame.key, NOT_EMITTED) is not NOT_EMITTED and not self._node.silent
        if frame.json is not None:
            frame.json.pop(path[-1], None)
        if told:
            self.out.append(Change("remove", path))

    def _put_back(self, node: Node, path: Path, before: object) -> None:
        """Of a key that came twice in a dict, the second value was told, and then left out: the first stands."""
        if isinstance(before, Invalid):
            expand_invalid(self.out, "replace", path, cast("Json", before.json))
            self._verdict(node, path, before.errors, before.errors)
        else:
            expand(self.out, "replace", path, node.json_of(before), before)
