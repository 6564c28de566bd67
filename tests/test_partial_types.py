"""`Partial` of every type of the table: at every character it can be dumped, and says what the events say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any, Self, cast

import pytest
from flows import keys
from pydantic import BaseModel, create_model
from type_table import SHAPES, Shape

from streamkit import Change, Document
from streamkit.events import Path
from streamkit.operators import accumulate, snapshots, tap, validate

# -- the whole table, at every character -----------------------------------------------------------------------


def seen_of(flow: Iterable[Any]) -> Iterator[Any]:
    """The snapshots of a flow, whatever it ends with."""
    with suppress(Exception):
        yield from flow


class Watched:
    """The snapshots of a text fed character by character, each held against the document as it was then."""

    def __init__(self, shape: Shape, tp: Any) -> None:
        self.shape, self.tp = shape, tp
        self.document = Document()
        self.valid = False
        self.root: object = None
        self.last: object = self

    def change(self, change: Change[Any]) -> None:
        self.document.apply(change)
        if change.op == "complete" and not change.path:
            self.root, self.valid = change.value, True

    def run(self, text: str) -> Self:
        stages = accumulate() | validate(self.tp, **self.shape.options) | tap(self.change)
        for each in seen_of(list(text) | stages | snapshots(self.tp)):
            self.snapshot(each)
        return self

    def snapshot(self, each: Any) -> None:
        self.last = each
        assert repr(each)
        if isinstance(each, BaseModel) and not (self.valid and each is self.root):
            dumped = dumps(each)
            if not self.shape.revises:  # user code may edit what was handed out
                agrees((), self.document, self.document.value, dumped)


def dumps(value: Any) -> Any:
    """The JSON form of a partial, which every way of dumping it gives without a word."""
    dumped = value.model_dump(mode="json", by_alias=False)
    assert finite(json.loads(value.model_dump_json(by_alias=False))) == finite(dumped)
    value.model_dump_json(by_alias=True)
    value.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    value.model_dump_json(exclude_defaults=True, round_trip=True)
    return dumped


def finite(value: Any) -> Any:
    """With null for what JSON has no numbers for; pydantic's two ways of dumping write it in two ways."""
    if isinstance(value, dict):
        return {key: finite(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return list(map(finite, cast("Iterable[Any]", value)))
    return None if repr(value).strip("'-") in ("inf", "nan", "Infinity", "NaN") else value


def agrees(path: Path, document: Document, said: Any, shown: Any) -> None:
    if document.state(path) == "invalid":  # shown as None
        return
    if type(said) not in (dict, list):
        assert said == shown, f"{said!r} is shown as {shown!r} at {path}"
    for key in keys(said):
        inner = (*path, key)
        if document.state(inner) != "invalid":
            assert key in keys(shown), f"not shown: {inner}"
            agrees(inner, document, said[key], shown[key])


ROWS = [
    pytest.param(shape, text, id=f"{shape.name}: {text}") for shape in SHAPES for text in (*shape.valid, *shape.invalid)
]


@cache
def boxed(shape: Shape) -> type[BaseModel]:
    return create_model("Box", value=(shape.tp, ...))


# pydantic warns of its own complete instance, in which a default is not of the field's type.
BOXED = [row for row in ROWS if cast("Any", row.values[0]).name != "checked defaults"]


@pytest.mark.parametrize(("shape", "text"), BOXED)
def test_snapshots_as_a_field(shape: Shape, text: str) -> None:
    watched = Watched(shape, boxed(shape)).run(f'{{"value": {text}}}')
    assert watched.last is watched.root or not watched.valid


@pytest.mark.parametrize(("shape", "text"), ROWS)
def test_snapshots_as_the_root(shape: Shape, text: str) -> None:
    watched = Watched(shape, shape.tp).run(text)
    assert watched.last is watched.root or not watched.valid
