"""`Values`: what becomes of a value that is whole: it is validated, told, and stored with what is around it."""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import PydanticOmit, SchemaError, ValidationError

from streamkit.assembly.deferred import Deferred
from streamkit.assembly.reading import NOT_EMITTED, new_change
from streamkit.assembly.revision import marked
from streamkit.changes.change import Change, Op
from streamkit.changes.expand import expand, expand_invalid
from streamkit.changes.json_values import same_json
from streamkit.schema.builder import Refusal
from streamkit.schema.nodes import IGNORED, Container, Invalid, Node
from streamkit.text.json_text import read_json

if TYPE_CHECKING:
    from streamkit.changes.json_values import Json
    from streamkit.schema.dumpers import Dump

__all__ = ["Values"]


class Values(Deferred):
    """Closes one value: a string that was told as it grew, or anything that is known whole."""

    def _store(self, typed: object, json: Json) -> None:
        """Give a finished value to the container around it."""
        frame = self._frame
        if self._in_list:
            if frame.container.drops and self._dropped(frame, typed):
                return
            frame.children.append(typed)
            if frame.json is not None and json is not NOT_EMITTED:
                frame.json.append(json)
            return
        children = frame.children
        before = children.get(frame.key) if frame.bad else None
        if isinstance(before, Invalid) and self._counts(frame.container, frame.key):
            also = typed.errors if isinstance(typed, Invalid) else []
            typed = Invalid([*before.errors, *also], before.json, told=True)
        twice = frame.key in children
        children[frame.key] = typed
        if frame.json is not None and json is not NOT_EMITTED:
            frame.json[frame.container.place(frame.key).name] = json
        if frame.container.deferred_fields:
            self._resolve(frame, twice=twice)

    @staticmethod
    def _counts(container: Container, key: str) -> bool:
        """Whether the errors of a value count though its key has come again."""
        return container.every_counts or (container.every_extra_counts and key not in container.children)

    def _close_text(self, node: Node, text: str) -> None:
        """A string that was told as it grew is whole."""
        typed: object = text
        json: Any = text
        path = self._path
        if node.check is not None:
            try:
                typed = node.check(text, self._context)
                json = typed if node.dump is None else self._dumped(node, typed)
            except ValidationError as error:
                self._tell_wrong(error, text)
                return
            except Exception as error:
                if self._omits(error):
                    self._omit(path, told=True)
                    return
                if self._is_absent(error):
                    self._withdraw(path, told=True)
                    return
                self._busy, self._streaming, self._text = True, True, [text]  # it is left without a verdict
                raise
            if json is not text and not same_json(json, text):
                expand(self.out, "replace", path, json, typed)
                self._store(typed, json)
                return
        self.out.append(new_change(Change, ("complete", path, typed)))
        self._store(typed, json)

    def _read(self, text: str) -> None:
        """A value that was held, or is a number or a literal, is whole: `text` is its JSON."""
        node, path = self._node, self._path
        if node is IGNORED:
            return
        if node.deferred:
            self._defer(text)
            return
        try:
            typed = node.read(text, self._context)
        except (SchemaError, PydanticOmit) as error:
            if self._omits(error):
                self._omit(path, told=False)
            elif self._is_absent(error):
                self._withdraw(path, told=False)
            else:
                raise
            return
        except (ValidationError, Refusal) as error:
            self._read_wrong(error, read_json(text))
            return
        if node.silent or node.late:
            self._store(typed, NOT_EMITTED)
            return
        json: Any = typed if node.dump is None else self._dumped(node, typed)
        if json.__class__ is dict or json.__class__ is list:
            expand(self.out, self._op, path, json, typed)
            json = self._to_compare(node, typed, json)
        else:
            if self._eager is not NOT_EMITTED:
                self._eager = NOT_EMITTED
            elif self._op == "add" or not self._repeats(self._op, json):
                self.out.append(new_change(Change, (self._op, path, json)))
            self.out.append(new_change(Change, ("complete", path, typed)))
        self._store(typed, json)

    def _dumped(self, node: Node, typed: object) -> Json:
        try:
            return cast("Json", cast("Dump", node.dump)(typed))
        except Exception:
            self.undumped = self._path
            raise

    def _read_wrong(self, error: ValidationError | Refusal, wrong: Json) -> None:
        """A value that was not told yet was refused."""
        node, path = self._node, self._path
        op = self._op_of_late(path) if node.late else self._op
        if self._eager is not NOT_EMITTED:
            op, self._eager = "replace", NOT_EMITTED
        if not node.silent and not self._repeats(op, wrong):
            expand_invalid(self.out, op, path, wrong)
        self._tell_wrong(error, wrong)

    def _to_compare(self, node: Node, typed: object, json: Json) -> Json:
        """The JSON form of a held value, with what is computed in it marked where somebody is to compare."""
        if self._frame.json is None or node.dump is None or not node.dump.computes:
            return json
        return marked(json, cast("Json", node.dump.plain(typed)))

    def _guess(self) -> None:
        """Tell an open literal, once what has come of it can only become one."""
        if self._eager is not NOT_EMITTED:
            return
        node, begun = self._node, "".join((*self._blocks, *self._text))
        possible = [text for text in node.eager if text.startswith(begun)]
        if len(possible) == 1:
            typed = node.read(encode_basestring(possible[0]), self._context)
            self._eager = typed if node.dump is None else node.dump(typed)
            self.out.append(Change(self._op, self._path, self._eager))

    def _repeats(self, op: Op, json: object) -> bool:
        """Whether a key that came twice says the same number, boolean or null, and only the least is told."""
        if not self._least or op != "replace" or isinstance(json, (str, dict, list)):
            return False
        before = self._frame.children.get(self._frame.key, NOT_EMITTED)
        if isinstance(before, Invalid):
            return same_json(before.json, json)
        return same_json(before if self._node.dump is None else self._node.dump(before), json)
