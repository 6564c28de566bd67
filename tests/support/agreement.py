"""Comparing what streaming makes of a text with what pydantic makes of it."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, TypeAdapter, ValidationError

from streamkit import Change, End, InvalidResult
from support.flows import folded
from support.recorder import plain
from support.strategies import Number, Pairs, Tree

__all__ = [
    "Answer",
    "Errors",
    "answer_of",
    "as_json",
    "assert_agrees",
    "carried",
    "end_of",
    "folded",
    "held",
    "of_root",
    "parsed",
    "parts",
    "same",
    "told",
]

Errors = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Answer:
    """What pydantic makes of a text: a value and its dump, errors, or what the user's code raised."""

    value: Any = None
    dump: Any = None
    errors: Errors | None = None
    raised: Exception | None = None


def answer_of(adapter: TypeAdapter[Any], text: str, **options: Any) -> Answer:
    """The answer of pydantic."""
    try:
        value = adapter.validate_json(text, **options)
    except ValidationError as error:
        return Answer(errors=error.errors())
    except Exception as error:  # noqa: BLE001  # a validator met a type it does not know
        return Answer(raised=error)
    return Answer(value, adapter.dump_python(value, mode="json", by_alias=False, warnings=False))


def parsed(text: str) -> Tree:
    """JSON text as a tree, which still knows of keys that come twice."""
    tree: Tree = json.loads(
        text, object_pairs_hook=lambda pairs: Pairs(tuple(pairs)), parse_int=Number, parse_float=Number
    )
    return tree


def same(one: Any, other: Any) -> bool:
    """Equal, of the same types all the way down, with the same fields set."""
    if _class(one) is not _class(other):
        return False
    if isinstance(one, BaseModel):
        extra = same(one.__pydantic_extra__, other.__pydantic_extra__)
        return one == other and one.model_fields_set == other.model_fields_set and extra and same_parts(one, other)
    if dataclasses.is_dataclass(one):
        return one == other and same_parts(one, other)
    if isinstance(one, dict):
        table, twin = cast("Mapping[Any, Any]", one), cast("Mapping[Any, Any]", other)
        keys = kinds(table) == kinds(twin)  # 1 and True are one key
        return keys and table == twin and all(same(table[key], twin[key]) for key in table)
    if isinstance(one, (list, tuple, deque)):
        return len(cast("list[Any]", one)) == len(other) and all(map(same, cast("list[Any]", one), other))
    if isinstance(one, (set, frozenset)):
        return kinds(cast("Iterable[Any]", one)) == kinds(other)
    return bool(one == other)


def _class(value: object) -> type:
    """The type; of a generic class what it was made of, as in pydantic's `==`: `Box[...]` may be made twice."""
    own: dict[str, Any] = getattr(type(value), "__pydantic_generic_metadata__", {})
    return own.get("origin") or type(value)


def kinds(values: Iterable[Any]) -> set[tuple[type[Any], Any]]:
    """Values with their types."""
    return {(type(value), value) for value in values}


def same_parts(one: Any, other: Any) -> bool:
    return all(same(getattr(one, name), getattr(other, name)) for name in parts(one))


def parts(value: Any) -> list[str]:
    """The names of a model's or a dataclass's fields."""
    if isinstance(value, BaseModel):
        return list(type(value).model_fields)
    return [each.name for each in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else []


def as_json(value: object, *, unordered: bool) -> object:
    """A JSON value in a form that can be compared: lists sorted where some stand for sets."""
    return in_order(plain(value)) if unordered else plain(value)


def in_order(value: object) -> object:
    if isinstance(value, dict):
        return {key: in_order(child) for key, child in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return sorted(map(in_order, cast("list[object]", value)), key=repr)
    return value


def told(errors: Errors, *, plainly: bool = False) -> Counter[object]:
    """Places, types and messages of errors; or, plainly, no messages, and labels of members without what is in them."""
    if not plainly:
        return Counter((error["loc"], error["type"], error["msg"]) for error in errors)
    return Counter((tuple(str(step).split("[")[0] for step in error["loc"]), error["type"]) for error in errors)


def carried(errors: Errors) -> Counter[object]:
    """The rest of what errors say: the context, and what was met, if it is no container."""
    plain_inputs = [[] if held(error["input"]) else [repr(error["input"])] for error in errors]
    return Counter(
        (error["loc"], error["type"], *met, repr(error.get("ctx")))
        for error, met in zip(errors, plain_inputs, strict=True)
    )


def held(value: object) -> bool:
    return isinstance(value, (dict, list))


def end_of(events: Sequence[Change[Any]]) -> End:
    return cast("End", events[-1].value)


def of_root(events: Sequence[Change[Any]], op: str) -> Any:
    """What the root's one verdict carries."""
    (found,) = [change.value for change in events if change.op == op and not change.path]
    return found


def assert_agrees(
    events: Sequence[Change[Any]], answer: Answer, *, unordered: bool = False, plainly: bool = False
) -> None:
    """Streaming and pydantic make the same of a text. See `as_json` and `told`."""
    end, document = end_of(events), folded(events)
    assert document.end is end
    if answer.raised is not None:
        assert end.status == "failed"
        assert type(end.error) is type(answer.raised)
    elif answer.errors is not None:
        assert end.status == "invalid"
        assert isinstance(end.error, InvalidResult)
        assert told(end.error.errors, plainly=plainly) == told(answer.errors, plainly=plainly)
        assert end.error.errors == of_root(events, "invalid")
        assert document.state(()) == "invalid"
    else:
        assert (end.status, end.error, end.open) == ("complete", None, ())
        assert as_json(document.value, unordered=unordered) == as_json(answer.dump, unordered=unordered)
        assert same(of_root(events, "complete"), answer.value), (of_root(events, "complete"), answer.value)
        assert document.open == document.invalid == ()
