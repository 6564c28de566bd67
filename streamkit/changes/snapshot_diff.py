"""`SnapshotDiff`: whole snapshots, as other libraries hand them out, turned into changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from streamkit.changes.change import Change, Op, Path
from streamkit.changes.json_values import Json, children, is_array, is_object, same_json

__all__ = ["SnapshotDiff", "added", "differences"]


class SnapshotDiff:
    """Takes one snapshot after another (models, or anything JSON can say); remembers the last."""

    def __init__(self) -> None:
        self._json: object = None
        self._typed: object = None
        self.started = False

    def take(self, snapshot: object) -> list[Change]:
        """Return what changed since the snapshot before; a model's fields that are not set are absent."""
        json = _json(snapshot)
        out = list(differences((), self._json, json)) if self.started else list(added("add", (), json))
        self._json, self._typed, self.started = json, snapshot, True
        return out

    def verdicts(self) -> list[Change]:
        """Return a `complete` for every value of the last snapshot, children before parents."""
        return list(_completed((), self._json, self._typed))


def _json(snapshot: object) -> object:
    if isinstance(snapshot, BaseModel):
        return snapshot.model_dump(mode="json", by_alias=False, exclude_unset=True, warnings=False)
    return cast("object", to_jsonable_python(snapshot, by_alias=False))


def added(op: Op, path: Path, json: object) -> Iterator[Change]:
    """Yield the changes that put a whole value at a path, parents first, without verdicts."""
    if not is_object(json) and not is_array(json):
        yield Change(op, path, json)
        return
    yield Change(op, path, {} if is_object(json) else [])
    for key, child, _ in _children(json, json):
        yield from added("add", (*path, key), child)


def differences(path: Path, old: object, new: object) -> Iterator[Change]:
    """Yield the minimal changes that turn one value at a path into another; a string that only grew is appended to."""
    if old is new:
        return
    if is_object(old) and is_object(new):
        yield from (Change("remove", (*path, key)) for key in old if key not in new)
        for key, child in new.items():
            yield from differences((*path, key), old[key], child) if key in old else added("add", (*path, key), child)
    elif is_array(old) and is_array(new):
        yield from (Change("remove", (*path, index)) for index in range(len(old) - 1, len(new) - 1, -1))
        for at, child in enumerate(new):
            yield from differences((*path, at), old[at], child) if at < len(old) else added("add", (*path, at), child)
    elif isinstance(old, str) and isinstance(new, str) and new.startswith(old):
        if len(new) > len(old):
            yield Change("append", path, new[len(old) :])
    elif not same_json(old, new):
        yield from added("replace", path, new)


def _completed(path: Path, json: object, typed: object) -> Iterator[Change]:
    if is_object(json) or is_array(json):
        for key, child, value in _children(json, typed):
            yield from _completed((*path, key), child, value)
    yield Change("complete", path, typed)


def _children(json: object, typed: object) -> Iterable[tuple[str | int, object, object]]:
    return children(cast("dict[str, Json] | list[Json]", json), typed)
