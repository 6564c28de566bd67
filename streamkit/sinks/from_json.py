"""from_json: the inverse of `to_json`, for who follows changes on another machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NotRequired, TypeAlias, cast

from pydantic import StrictInt, StrictStr, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from streamkit.changes.change import Change, Dropped, End, Op, Path, Status
from streamkit.changes.document import Document
from streamkit.errors import StreamkitError

__all__ = ["from_json"]


def from_json(line: str | bytes | Mapping[str, object]) -> Change[object]:
    """Read one change that `to_json` wrote: a line of `jsonlines()`, or one item of a message.

    It folds as the change that was written. What was a Python value is JSON: a `complete` carries a dict, a list, a
    string, a number, a boolean or None. An `end` carries an `End` whose `error` is a `StreamkitError`, with the text of
    the error that was written; a `snapshot` carries a `Document`; an `invalid` the error details, `loc` a tuple again.
    Other members of the object are passed over: a number to resume at may stand beside.

    Args:
        line: one JSON object, as text (a line break at its end does not matter) or parsed already, out of an array.

    Raises:
        ValueError: it is none, or tells of no change.
    """
    try:
        reader = _reader(_Told)
        told = reader.validate_json(line) if isinstance(line, (str, bytes)) else reader.validate_python(line)
        value = _value(told["op"], told["value"])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = f" ({'.'.join(map(str, first['loc']))})" if first["loc"] else ""
        raise ValueError(f"not a change as to_json() writes one: {line!r:.80}: {first['msg']}{where}") from error
    return (Dropped if told.get("dropped") else Change[object])(told["op"], told["path"], value)


# Not lax: true is no index.
_Path: TypeAlias = tuple[StrictStr | StrictInt, ...]


class _Told(TypedDict):
    op: Op
    path: _Path
    value: object
    dropped: NotRequired[bool]


class _End(TypedDict):
    status: Status
    open: tuple[_Path, ...]
    error: str | None
    finish_reason: str | None


class _Snapshot(TypedDict):
    value: object
    open: tuple[_Path, ...]
    invalid: tuple[_Path, ...]
    missed: int


@cache
def _reader(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _value(op: Op, value: object) -> object:
    if op == "end":
        end: _End = _reader(_End).validate_python(value)
        error = None if end["error"] is None else StreamkitError(end["error"])
        return End(end["status"], end["open"], error, end["finish_reason"])
    if op == "snapshot":
        return _document(_reader(_Snapshot).validate_python(value))
    if op == "invalid":
        errors: list[dict[str, Any]] = _reader(list[dict[str, Any]]).validate_python(value)
        return [{**each, "loc": tuple(each.get("loc", ()))} for each in errors]
    return value


def _document(told: _Snapshot) -> Document:
    document = Document()
    document.missed = told["missed"]
    for change in _added((), told["value"]):
        document.apply(change)
    wrong, undecided = told["invalid"], {*told["open"], *told["invalid"]}
    verdicts = [Change[object]("complete", path) for path in document.paths() if path not in undecided]
    for change in (*verdicts, *(Change[object]("invalid", path, []) for path in wrong)):
        document.apply(change)
    return document


def _added(path: Path, value: object) -> Iterator[Change[object]]:
    """A value spelled out, parents first."""
    empty, children = value, cast("Iterable[tuple[str | int, object]]", ())
    if isinstance(value, dict):
        empty, children = {}, cast("dict[str, object]", value).items()
    elif isinstance(value, list):
        empty, children = [], enumerate(cast("list[object]", value))
    yield Change("add", path, empty)
    for key, child in children:
        yield from _added((*path, key), child)
