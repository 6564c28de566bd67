"""`Revision`: the changes that turn emitted values into what user code made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from streamkit.changes.change import Change, Op, Path
from streamkit.changes.expand import expand
from streamkit.changes.json_values import children, is_array, is_object, same_json

if TYPE_CHECKING:
    from streamkit.changes.json_values import Json

__all__ = ["Revision", "WithComputed", "marked", "unchanged"]


class Revision:
    """Emits how user code changed a value after it was emitted.

    It does not emit the verdict of the value itself: the caller does. A child that was changed in place keeps its
    verdict, which carried the same object; a child that is another object is replaced completely.

    Args:
        out: receives the changes.
        depth: length of the value's path.
        whole: makes its JSON form with computed fields; called only if an object is emitted again.
    """

    def __init__(self, out: list[Change], depth: int, whole: Callable[[], Json]) -> None:
        self._out, self._depth, self._make_whole = out, depth, whole
        self._whole: list[Json] = []

    def reconcile(self, path: Path, old: Json, new: Json, typed: object, finished: Mapping[str | int, object]) -> None:
        """Emit the changes at and below a path.

        Args:
            path: the path of the value.
            old: the JSON form that was emitted.
            new: the JSON form it has now, without computed fields.
            typed: the value.
            finished: the children whose `complete` was emitted, by key or index.
        """
        computed = old.computed if isinstance(old, WithComputed) else frozenset[str]()
        if isinstance(old, dict) and isinstance(new, dict):
            gone: list[str | int] = [key for key in old if key not in new and key not in computed]
            before: dict[str | int, Json] = dict(old.items())
        elif isinstance(old, list) and isinstance(new, list):
            gone = [*range(len(old) - 1, len(new) - 1, -1)]
            before = {**dict(enumerate(old))}
        else:
            if not same_json(old, new):
                self._emit("replace", path, new, typed)
                self._out.pop()  # its verdict
            return
        size = len(self._out)
        self._out += [Change("remove", (*path, key)) for key in gone]
        for key, child, value in children(new, typed):
            self._child((*path, key), before, child, value, finished)
        if len(self._out) > size:
            self._recompute(path, before, computed, typed)

    def _child(
        self,
        path: Path,
        before: Mapping[str | int, Json],
        new: Json,
        value: object,
        finished: Mapping[str | int, object],
    ) -> None:
        key = path[-1]
        if key not in before:
            self._emit("add", path, new, value)
        elif isinstance(new, (dict, list)) and isinstance(before[key], type(new)) and finished.get(key, self) is value:
            self.reconcile(path, before[key], new, value, {at: each for at, _, each in children(new, value)})
        elif not unchanged(before[key], new):
            self._emit("replace", path, new, value)

    def _recompute(self, path: Path, before: Mapping[str | int, Json], computed: Iterable[str], typed: object) -> None:
        """Emit the computed fields that changed with their object."""
        for name in computed:
            json = self._of_whole((*path, name))
            if not same_json(before[name], json):
                expand(self._out, "replace", (*path, name), json, getattr(typed, name))

    def _emit(self, op: Op, path: Path, plain: Json, typed: object) -> None:
        json = self._of_whole(path) if isinstance(plain, (dict, list)) else plain
        expand(self._out, op, path, json, typed)

    def _of_whole(self, path: Path) -> Json:
        """The JSON form at a path, with computed fields."""
        if not self._whole:
            self._whole.append(self._make_whole())
        found: Any = self._whole[0]
        for step in path[self._depth :]:
            found = found[step]
        return cast("Json", found)


class WithComputed(dict[str, "Json"]):
    """The JSON form of an object, with the names of the computed fields in it."""

    __slots__ = ("computed",)

    def __init__(self, json: dict[str, Json], computed: Iterable[str]) -> None:
        super().__init__(json)
        self.computed = frozenset(computed)


def marked(json: Json, plain: Json) -> Json:
    """Return a JSON form with its computed fields marked, given the same form without them."""
    if isinstance(json, dict) and isinstance(plain, dict):
        inner = {key: marked(child, plain[key]) if key in plain else child for key, child in json.items()}
        return WithComputed(inner, json.keys() - plain.keys())
    if isinstance(json, list) and isinstance(plain, list) and len(json) == len(plain):
        return list(map(marked, json, plain))
    return json


def unchanged(emitted: object, plain: object) -> bool:
    """Tell whether the emitted form of a value still holds, given its JSON form without computed fields."""
    if is_object(emitted) and is_object(plain):
        computed = emitted.computed if isinstance(emitted, WithComputed) else frozenset[str]()
        same = emitted.keys() - computed == plain.keys() - computed
        return same and all(unchanged(emitted[key], value) for key, value in plain.items() if key not in computed)
    if is_array(emitted) and is_array(plain):
        return len(emitted) == len(plain) and all(map(unchanged, emitted, plain))
    return same_json(emitted, plain)
