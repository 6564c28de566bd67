"""patch_decoder: JSON Patch (RFC 6902) from any other library as changes.

patches   [{"op":"add","path":"/name","value":"Jo"}]    [{"op":"replace","path":"/name","value":"John"}]
changes   add /name "Jo"                                append /name "hn"
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, cast, overload

from streamkit.changes.change import Change, End, Finish, Path, parse_pointer
from streamkit.changes.document import Document
from streamkit.changes.endings import cut_short, unfinished
from streamkit.changes.json_values import is_array, is_object, same_json
from streamkit.changes.snapshot_diff import added, differences

__all__ = ["JsonPatchDecoder", "Patch", "patches_to_changes"]

Patch: TypeAlias = "str | bytes | Iterable[Mapping[str, object]]"
"""A JSON Patch: its text, or its operations."""


@overload
def patches_to_changes(patches: AsyncIterable[Patch], *, initial: object = ...) -> AsyncIterator[Change[object]]: ...
@overload
def patches_to_changes(patches: Iterable[Patch], *, initial: object = ...) -> Iterator[Change[object]]: ...
def patches_to_changes(
    patches: AsyncIterable[Patch] | Iterable[Patch], *, initial: object = ...
) -> AsyncIterator[Change[object]] | Iterator[Change[object]]:
    """Convert JSON Patches to changes that fold to the same value; a source for `|`.

    Text that only grew, by `replace` or `add`, becomes `append`. The operation `{"op": "append"}` of some libraries is
    understood. `move` and `copy` put the value at its new path. A `test` is checked.

    A JSON Patch does not say which values are final. So every `complete` comes when the patches end, and then an `end`
    with status `complete`; `truncated` if there was no patch that set a value, or if the iterable has an attribute
    `finish` that says so. What the iterable raises is raised after an `end` with status `failed`.

    Args:
        patches: an iterable or async iterable of patches, each one the text or the list of its operations.
        initial: the JSON value that the first patch applies to. By default there is none: the first
            patch adds the root.

    Raises:
        ValueError: while iterating: a patch is malformed or does not apply. An `end` comes first; the operations before
            the wrong one have taken effect.
    """
    decoder = JsonPatchDecoder(initial=initial)
    return _async(patches, decoder) if isinstance(patches, AsyncIterable) else _sync(patches, decoder)


class JsonPatchDecoder:
    """`patches_to_changes` as a state machine: usable as `Stage(JsonPatchDecoder, "patches", emits_changes=True)`.

    Args:
        initial: the JSON value that the first patch applies to. By default there is none.

    Attributes:
        document: what all patches so far add up to.
        finished: whether a patch failed: no other can be applied.
        error: the error of the patch that failed.
    """

    def __init__(self, *, initial: object = ...) -> None:
        self.document = Document()
        self.finished = False
        self.error: ValueError | None = None
        self._waiting = [] if initial is ... else self._apply(added("add", (), initial))
        # The string that an "append" grew last: its pointer, and its path.
        self._grown: tuple[object, Path] | None = None

    def feed(self, patch: Patch, /) -> list[Change[object]]:
        """Return the changes of the next patch; if it fails, those before the wrong operation, and the `end`."""
        out, self._waiting = self._waiting, []
        index, operation = 0, cast("object", patch)
        try:
            for index, operation in enumerate(_operations(patch)):  # noqa: B007  # the message below names them
                out += self._operate(operation)
        except (ValueError, KeyError) as error:
            reason = f"nothing is at {error.args[0]!r}" if isinstance(error, KeyError) else error
            self.error = ValueError(f"operation {index} of the patch, {operation!r:.80}: {reason}")
            self.finished = True
            out += self._end(End("failed", self.document.open, self.error))
        return out

    def close(self, reason: Finish | BaseException, /) -> list[Change[object]]:
        """Return what follows when the patches end: a `complete` of each value, children first, and the `end`."""
        out, self._waiting = self._waiting, []
        if self.document.end is not None or not isinstance(reason, (Finish, Exception)):
            return []
        if isinstance(reason, Exception):
            return out + self._end(End("failed", self.document.open, reason))
        if cut_short(reason) or not self.document.has(()):
            status, error = unfinished(reason, self.document.open, started=self.document.has(()))
            return out + self._end(End(status, self.document.open, error, reason.reason))
        out += self._apply(_completed((), self.document.value))
        return out + self._end(End("complete", finish_reason=reason.reason))

    def _end(self, end: End) -> list[Change[object]]:
        return self._apply([Change("end", (), end)])

    def _apply(self, changes: Iterable[Change[object]]) -> list[Change[object]]:
        out = list(changes)  # before any is applied: they are found by looking at the document
        for change in out:
            self.document.apply(change)
        return out

    def _operate(self, operation: object) -> list[Change[object]]:
        if not isinstance(operation, Mapping):
            raise ValueError("an operation is an object")  # noqa: TRY004  # as for every malformed patch
        members = cast("Mapping[str, object]", operation)
        op, pointer = members.get("op"), members.get("path")
        if op == "append" and self._grown is not None and self._grown[0] == pointer:
            return self._append(self._grown[1], members)
        self._grown = None
        steps = _steps(pointer)
        if op == "add":
            return self._add(steps, _value(members))
        if op == "replace":
            return self._replace(self._path(steps), _value(members))
        if op == "remove":
            return self._remove(self._path(steps))
        if op == "append":
            path = self._path(steps)
            self._grown = pointer, path
            return self._append(path, members)
        if op == "move" or op == "copy":
            return self._move(_steps(members.get("from")), steps, keep=op == "copy")
        if op == "test":
            return self._test(self._path(steps), _value(members))
        raise ValueError(f"unknown op {op!r}: expected add, remove, replace, move, copy, test or append")

    def _path(self, steps: Sequence[str], last: bool = False) -> Path:
        """Find the path that the steps of a pointer lead to: which are keys and which are indexes.

        With `last`, the last step may lead to an item behind the last one.
        """
        value, path = self.document.get(()), list[str | int]()
        for at, step in enumerate(steps):
            if is_array(value):
                room = len(value) + (last and at == len(steps) - 1)
                index = room - 1 if step == "-" and room > len(value) else _index(step)
                if index >= room:
                    raise ValueError(f"no item {index}: the list has {len(value)} items")
                path.append(index)
                value = value[index] if index < len(value) else None
            elif is_object(value):
                path.append(step)
                if not (last and at == len(steps) - 1):
                    value = value[step]
            else:
                raise ValueError(f"no {step!r} in {value!r:.40}: neither an object nor a list")
        return tuple(path)

    def _add(self, steps: Sequence[str], value: object) -> list[Change[object]]:
        if not steps and not self.document.has(()):
            return self._apply(added("add", (), value))
        path = self._path(steps, last=True)
        siblings = self.document.get(path[:-1]) if path else None
        if is_array(siblings) and (at := cast("int", path[-1])) < len(siblings):
            return self._replace(path[:-1], [*siblings[:at], value, *siblings[at:]])
        return self._replace(path, value) if self.document.has(path) else self._apply(added("add", path, value))

    def _replace(self, path: Path, value: object) -> list[Change[object]]:
        return self._apply(differences(path, self.document.get(path), value))

    def _remove(self, path: Path) -> list[Change[object]]:
        siblings = self.document.get(path[:-1]) if path else None
        if is_array(siblings) and (at := cast("int", path[-1])) < len(siblings) - 1:
            return self._replace(path[:-1], [*siblings[:at], *siblings[at + 1 :]])
        return self._apply([Change("remove", path)])

    def _append(self, path: Path, members: Mapping[str, object]) -> list[Change[object]]:
        text = _value(members)
        if not isinstance(text, str):
            raise ValueError(f"only text is appended, got {text!r:.80}")  # noqa: TRY004  # as for every malformed patch
        return self._apply([Change("append", path, text)] if text else [])

    def _move(self, source: Sequence[str], target: Sequence[str], *, keep: bool) -> list[Change[object]]:
        path = self._path(source)
        if not keep and source != target and source == target[: len(source)]:
            raise ValueError("a value cannot move into itself")
        if not keep and source == target:
            return []
        _ = self.document.value  # the value stays as it is while it is put elsewhere
        value = self.document.get(path)
        return [*([] if keep else self._remove(path)), *self._add(target, value)]

    def _test(self, path: Path, value: object) -> list[Change[object]]:
        found = self.document.get(path)
        if not same_json(found, value):
            raise ValueError(f"the test failed: {found!r:.80} is there")
        return []


def _operations(patch: Patch) -> Iterable[object]:
    parsed: object = json.loads(patch) if isinstance(patch, (str, bytes)) else patch
    if not isinstance(parsed, Iterable) or isinstance(parsed, (str, bytes, Mapping)):
        raise ValueError("a patch is a list of operations")  # noqa: TRY004  # as for every malformed patch
    return cast("Iterable[object]", parsed)


def _steps(pointer: object) -> tuple[str, ...]:
    if not isinstance(pointer, str):
        raise ValueError(f"a JSON Pointer is missing, got {pointer!r:.80}")  # noqa: TRY004  # as for every malformed patch
    return parse_pointer(pointer)


def _value(members: Mapping[str, object]) -> object:
    if "value" not in members:
        raise ValueError("its value is missing")
    return members["value"]


def _index(step: str) -> int:
    if not (step.isascii() and step.isdigit()) or (step[0] == "0" and step != "0"):
        raise ValueError(f"{step!r} is not an index of a list")
    return int(step)


def _completed(path: Path, value: object) -> Iterator[Change[object]]:
    children = value.items() if is_object(value) else enumerate(value) if is_array(value) else ()
    for key, child in children:
        yield from _completed((*path, key), child)
    yield Change("complete", path, value)


def _sync(patches: Iterable[Patch], decoder: JsonPatchDecoder) -> Iterator[Change[object]]:
    items = iter(patches)
    try:
        while True:
            try:
                patch = next(items)
            except StopIteration:
                break
            except Exception as error:
                yield from decoder.close(error)
                raise
            yield from decoder.feed(patch)
            if decoder.error is not None:
                raise decoder.error
        yield from decoder.close(_finish(patches))
    finally:
        if isinstance(items, Generator):  # a file is its owner's to close
            items.close()


async def _async(patches: AsyncIterable[Patch], decoder: JsonPatchDecoder) -> AsyncIterator[Change[object]]:
    items = aiter(patches)
    try:
        while True:
            try:
                patch = await anext(items)
            except StopAsyncIteration:
                break
            except Exception as error:
                for change in decoder.close(error):
                    yield change
                raise
            for change in decoder.feed(patch):
                yield change
            if decoder.error is not None:
                raise decoder.error
        for change in decoder.close(_finish(patches)):
            yield change
    finally:
        if (close := getattr(items, "aclose", None)) is not None:
            await close()


def _finish(patches: object) -> Finish:
    finish = getattr(patches, "finish", None)
    return finish if isinstance(finish, Finish) else Finish()
