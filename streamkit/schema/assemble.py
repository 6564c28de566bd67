"""`Assembler`: what the scanner reads becomes typed values and changes, along a tree of nodes.

One value is read at a time. `_begin_item` or `key` finds its node and path; then it streams, is entered, or
is held; when it closes it is validated by itself, told, and stored with the container it belongs to; a
container is built from its stored children when it closes in turn. Nothing is kept of what was told, except
the typed values themselves (and, below a model that user code may change, their JSON forms, to compare).
"""

from __future__ import annotations

from dataclasses import replace
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import PydanticOmit, SchemaError, ValidationError

from streamkit.events import Change, Op
from streamkit.scanner import MUTE, Limits, Scanner, Watcher, read_json, write_json
from streamkit.schema.frame import Frame, Spy, way_in
from streamkit.schema.lookup import find
from streamkit.schema.nodes import ANY, IGNORED, Container, Entry, Node, Opening, Wrap, Wrong
from streamkit.schema.reading import UNTOLD
from streamkit.schema.settle import settle
from streamkit.schema.shell import WRONG, Raw, Refusal
from streamkit.schema.spell import marked, same_json, spell, spell_wrong
from streamkit.schema.verdicts import Verdicts
from streamkit.schema.wrong import details

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamkit.scanner import Json
    from streamkit.schema.nodes import Dump

__all__ = ["Assembler"]

_new = cast("Callable[[type[Change], tuple[object, ...]], Change]", tuple.__new__)  # pyright: ignore[reportUnknownMemberType]  # a Change without the cost of its keyword arguments
_NO_NAMES: Mapping[str, str] = {}
_PIECES = 1024  # a string's pieces are joined in blocks of so many: a piece costs far more than its characters
_NO_LIMITS = Limits(max_depth=1 << 30, max_size=1 << 62)  # for text that was read once


class Assembler(Verdicts):
    """Receives one text; see `streamkit.scanner.Receiver`."""

    # -- what the scanner tells ------------------------------------------------------------------

    def key(self, name: str, /) -> bool:
        frame = self._frame
        child = frame.container.children.get(name) or frame.container.place(name)
        frame.key = name
        self._node = child.node
        self._path = (*frame.path, child.name)
        self._op = "replace" if name in frame.children else "add"
        if frame.again and name in frame.again:
            self._read_again = self._busy = True
            self._streaming = False
            return True
        return False

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
        if self._node.eager:
            self._guess()

    def text_more(self, text: str, /) -> None:
        if self._streaming:
            self.out.append(_new(Change, ("append", self._path, text)))
        self._text.append(text)
        if len(self._text) == _PIECES:
            self._blocks.append("".join(self._text))
            self._text.clear()
        if self._node.eager:
            self._guess()

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

    def open_object(self) -> Watcher | None:
        if self._chosen is not None:  # it has begun already
            entry, self._chosen = self._chosen, None
            self._open(entry, {})
            return None
        if self._in_list:
            self._begin_item()
        node = self._node
        if node.object is not None:
            self._open(node.object, {})
            return None
        self._busy, self._streaming = True, False
        if node.watch is None:
            return MUTE
        self._spy = Spy(node.watch.begin())
        return self._spy

    def open_array(self) -> Watcher | None:
        if self._in_list:
            self._begin_item()
        if self._node.array is not None:
            self._open(self._node.array, [])
            return None
        self._busy, self._streaming = True, False
        return MUTE

    def enter(self, text: str, /) -> bool:
        """The way into an object was found: read what has come of it."""
        spy = cast("Spy", self._spy)
        self._spy = None
        self._busy = False
        entry = self._chosen = cast("Entry", spy.entry)
        node = self._node
        Scanner(self, _NO_LIMITS, whole=False).feed(text + " ")  # a number ends with what follows it
        frame = self._frame
        frame.node, frame.again = node, spy.look.again
        return bool(frame.again) or entry.doubtful

    def raw(self, text: str, /) -> None:
        """The whole text of a container that was held, or is to be read again."""
        self._busy = False
        self._spy = None
        if self._doubted is not None:
            self._ask_union(self._doubted, text)
        elif self._read_again:
            self._replace(text)
        else:
            self._read(text)

    def whole(self, value: Json, text: str, start: int, end: int, /) -> None:
        if self._in_list:
            self._begin_item()
        entry = self._way_in(value)
        if entry is None:
            self._read(text[start:end])
        else:
            self._walk_container(value, entry)

    def close(self) -> bool:
        frame = self._frame
        container, children, entry = frame.container, frame.children, frame.entry
        self._frame = frame.parent
        self._in_list = self._frame.container.is_list
        if container.lookups:
            self._look_up(frame, final=True)
        typed: object = children
        json = frame.json
        if frame.bad or container.build is not None or entry.wraps:
            passed = 0
            try:
                typed = final = self._build(frame)
                for layer in entry.layers:
                    passed += 1
                    if isinstance(layer, Wrap):
                        final = layer.make(final, self._context)
            except (ValidationError, Refusal) as error:
                return self._close_wrong(frame, error, passed)
            except Exception as error:
                if self._omits(error):
                    self._omit(frame.path, told=True)
                    return False
                self._frame = frame  # it was told, and is left without a verdict
                raise
            if container.may_change or container.settles or entry.may_change:
                json = self._settled(frame, typed, final)
            typed = final
        self._node, self._path = frame.node or ANY, frame.path
        self.out.append(_new(Change, ("complete", frame.path, typed)))
        self._store(typed, json)
        return False

    def _settled(self, frame: Frame, typed: object, final: object) -> Json:
        try:
            return settle(self.out, frame, typed, final=final)
        except Exception:
            self._frame, self.undumped = frame, frame.undumped
            raise

    def _build(self, frame: Frame) -> object:
        container = frame.container
        build = container.recheck if frame.bad or frame.omitted else container.build
        if build is None:
            return frame.children
        if container.waiting and frame.pending:
            return self._build_waiting(frame)
        return build(frame.given(), self._context)

    # -- the life of one value -------------------------------------------------------------------

    def _begin_item(self) -> None:
        frame = self._frame
        container, children = frame.container, frame.children
        self._node = (
            container.item if container.item is not None and not container.items else container.at(len(children))
        )
        self._path = (*frame.path, len(children))
        self._op = "add"
        if container.drops:
            self._try(frame)

    def _store(self, typed: object, json: Json) -> None:
        """Give a finished value to the container around it."""
        frame = self._frame
        if self._in_list:
            if frame.container.drops and self._dropped(frame, typed):
                return
            frame.children.append(typed)
            if frame.json is not None and json is not UNTOLD:
                frame.json.append(json)
            return
        children = frame.children
        before = children.get(frame.key) if frame.bad else None
        if isinstance(before, Wrong) and self._counts(frame.container, frame.key):
            also = typed.errors if isinstance(typed, Wrong) else []
            typed = Wrong([*before.errors, *also], before.json, told=True)
        twice = frame.key in children
        children[frame.key] = typed
        if frame.json is not None and json is not UNTOLD:
            frame.json[frame.container.place(frame.key).name] = json
        if frame.container.waiting:
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
        if node.waits:
            self._wait(text)
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
            self._store(typed, UNTOLD)
            return
        json: Any = typed if node.dump is None else self._dumped(node, typed)
        if json.__class__ is dict or json.__class__ is list:
            spell(self.out, self._op, path, json, typed)
            json = self._to_compare(node, typed, json)
        else:
            if self._eager is not UNTOLD:
                self._eager = UNTOLD
            elif self._op == "add" or not self._repeats(self._op, json):
                self.out.append(_new(Change, (self._op, path, json)))
            self.out.append(_new(Change, ("complete", path, typed)))
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
        if self._eager is not UNTOLD:
            op, self._eager = "replace", UNTOLD
        if not node.silent and not self._repeats(op, wrong):
            spell_wrong(self.out, op, path, wrong)
        self._tell_wrong(error, wrong)

    def _to_compare(self, node: Node, typed: object, json: Json) -> Json:
        """The JSON form of a held value, with what is computed in it marked where somebody is to compare."""
        if self._frame.json is None or node.dump is None or not node.dump.computes:
            return json
        return marked(json, cast("Json", node.dump.plain(typed)))

    def _guess(self) -> None:
        """Tell an open literal, once what has come of it can only become one."""
        if self._eager is not UNTOLD:
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
        before = self._frame.children.get(self._frame.key, UNTOLD)
        if isinstance(before, Wrong):
            return same_json(before.json, json)
        return same_json(before if self._node.dump is None else self._node.dump(before), json)

    def _open(self, entry: Entry, empty: Json) -> None:
        """Enter a container."""
        container, parent, path = entry.container, self._frame, self._path
        if self._node.watch is None:
            self.out.append(_new(Change, (self._op, path, empty)))
        else:
            opening = Opening(self._op, path, empty)
            opening.entry = entry
            self.out.append(opening)
        told: Json = None
        if container.may_change or entry.may_change or parent.json is not None:
            told = [] if container.is_list else {}
        self._frame = Frame(entry, self._node, path, parent, told)
        self._in_list = container.is_list

    def _way_in(self, value: Json) -> Entry | None:
        """How to enter a container that is known whole; None holds it."""
        node = self._node
        if isinstance(value, list):
            return node.array
        if node.object is None and node.watch is not None:
            return way_in(node.watch.begin(), value)
        return node.object

    def _walk(self, value: Json) -> None:
        """Tell of a value that was read whole, as if it came piece by piece."""
        if isinstance(value, str):
            self.text(value)
        elif isinstance(value, (dict, list)):
            if self._in_list:
                self._begin_item()
            entry = self._way_in(value)
            if entry is None:
                self._read(write_json(value))
            else:
                self._walk_container(value, entry)
        else:
            self.scalar(_scalar(value))

    def _walk_container(self, value: Json, entry: Entry) -> None:
        if isinstance(value, dict):
            self._open(entry, {})
            frame = self._frame
            plain = entry.container.plain_strings() if frame.json is None and not frame.again else _NO_NAMES
            for name, child in value.items():
                if name in plain and child.__class__ is str:
                    # What key, text and _close_text would do, at a third of the cost: most of a document is this.
                    path = (*frame.path, plain[name])
                    self.out += (_new(Change, ("add", path, child)), _new(Change, ("complete", path, child)))
                    frame.children[name] = child
                    continue
                self.key(name)
                if isinstance(child, str):
                    self.text(child)
                else:
                    self._walk(child)
        else:
            self._open(entry, [])
            for child in cast("list[Json]", value):
                self._walk(child)
        if self.close():
            self.raw(write_json(value))

    def _replace(self, text: str) -> None:
        """Read an object again, of which a key came twice that decides what it is."""
        frame = self._frame
        self._read_again = False
        self._frame = frame.parent
        self._in_list = self._frame.container.is_list
        self._node, self._path, self._op = cast("Node", frame.node), frame.path, "replace"
        value = read_json(text)
        entry = self._way_in(value)
        if entry is None or entry.doubtful:
            self._read(text)
        else:
            self._walk_container(value, entry)

    # -- fields that wait for others, or are looked up ---------------------------------------------

    def _wait(self, text: str) -> None:
        """A member whose value cannot be made yet."""
        frame = self._frame
        key = frame.key
        twice = key in frame.held
        frame.held[key] = text
        feeds = frame.container.feeds.get(key)
        if feeds is not None and self._node.silent and key not in frame.container.children:
            if twice:
                self._forget(frame, feeds)
            self._look_up(frame, final=False)
            return
        frame.pending.add(key)
        self._resolve(frame, twice=twice)

    def _forget(self, frame: Frame, owns: Sequence[str]) -> None:
        """Where these fields were found, something else has come."""
        for own in owns:
            if frame.found.pop(own, None) is not None and frame.children.pop(own, None) is not None:
                child = frame.container.children[own]
                if not child.node.silent and not child.node.late:
                    self.out.append(Change("remove", (*frame.path, child.name)))
                    if frame.json is not None:
                        frame.json.pop(child.name, None)

    def _look_up(self, frame: Frame, *, final: bool) -> None:
        """Find the values of fields that may stand in several places; finally, whatever has not come will not."""
        container = frame.container
        for own, paths in container.lookups.items():
            direct = container.direct[own]
            if own in frame.found or direct in frame.children or direct in frame.pending:
                continue
            found = find(frame.held, paths, final=final)
            if found is not None:
                frame.found[own], text = found
                self._as_child(frame, own, text)

    def _as_child(self, frame: Frame, key: str, text: str, node: Node | None = None) -> None:
        """Read a child of an open object out of its turn."""
        child = frame.container.children[key]
        around = self._frame, self._in_list
        turn = frame.key
        self._frame, self._in_list = frame, False
        frame.key = key
        self._node, self._path = node or child.node, (*frame.path, child.name)
        self._op = "replace" if key in frame.children else "add"
        self._read(text)
        frame.key = turn
        self._frame, self._in_list = around

    def _resolve(self, frame: Frame, *, twice: bool) -> None:
        """Validate the fields that wait for no other any more; again, where one of those has come again."""
        container = frame.container
        places = container.children
        changed = places[frame.key].name if frame.key in places else None
        for key, needs in container.waiting.items():
            if twice and changed in needs and key in frame.held:
                frame.pending.add(key)
        for key, needs in container.waiting.items():
            if key in frame.pending and frame.names().issuperset(needs) and not self._unsettled(frame, needs):
                frame.pending.discard(key)
                self._as_child(frame, key, frame.held[key], _resolving(frame, key))

    @staticmethod
    def _unsettled(frame: Frame, needs: Sequence[str]) -> bool:
        places = frame.container.children
        return any(places[key].name in needs for key in frame.pending)

    def _build_waiting(self, frame: Frame) -> object:
        """Build an object some of whose fields wait for defaults: they are validated on the way."""
        container = frame.container
        raws = {key: Raw(frame.held[key], container.step(key)) for key in container.waiting if key in frame.pending}
        build = cast("Callable[[Any, object], object]", container.recheck)
        try:
            return build({**frame.given(), **raws}, self._context)
        except ValidationError as error:
            found = [each for each in details(error) if not any(raw.concerns(each) for raw in raws.values())]
        for key, raw in raws.items():
            if raw.errors or raw.valid:
                frame.pending.discard(key)
                node = replace(container.children[key].node, waits=False, read=_outcome(raw))
                self._as_child(frame, key, raw.text, node)
            if raw.errors:
                place: Any = {"type": WRONG, "loc": (raw.step,), "msg": "", "input": [*frame.children].index(key)}
                found.append(place)
        raise Refusal(found)


def _resolving(frame: Frame, key: str) -> Node:
    """The node of a field that has waited for those before it."""
    resolve = cast("Callable[[str, Any, str, object], object]", frame.container.resolve)

    def read(text: str, context: object) -> object:
        return resolve(key, frame.given(), text, context)

    return replace(frame.container.children[key].node, waits=False, read=read)


def _outcome(raw: Raw) -> Callable[[str, object], object]:
    """What was found of a value that is known already."""

    def read(text: str, context: object) -> object:
        return raw.outcome()

    return read


def _scalar(value: float | bool | None) -> str:
    """The text of a number, boolean or null."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    return repr(value) if value - value == 0 else write_json(value)  # infinity has no repr that is JSON
