"""`Partial` of every type of the table: at every character it can be dumped, and says what the events say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from random import Random
from typing import Any, Self, cast

import pytest
from pydantic import BaseModel, create_model
from support.flows import gather, keys, spread
from support.type_table import SHAPES, Shape

from streamkit import Change, Document, StreamkitError
from streamkit.changes.change import Path
from streamkit.operators import accumulate, diff, snapshots, tap, validate

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
        assert finite(said) == finite(shown), f"{said!r} is shown as {shown!r} at {path}"
    for key in keys(said):
        inner = (*path, key)
        if document.state(inner) != "invalid":
            assert key in keys(shown), f"not shown: {inner}"
            agrees(inner, document, said[key], shown[key])


# pydantic calls the serializer of a model that contains itself as often as it comes to it by a reference, so what
# such a model is dumped as depends on what it stands in.
BY_PLACE = ("dumped otherwise, and contains itself", "lists of such", "checked, around such a one")

ROWS = [
    pytest.param(shape, text, id=f"{shape.name}: {text}")
    for shape in SHAPES
    if shape.name not in BY_PLACE
    for text in (*shape.valid, *shape.invalid)
]


# pydantic itself warns of complete instances: a default is not of the field's type.
WARNED_OF = ("checked defaults", "PydanticUseDefault without a default")
QUIET_SHAPES = [shape for shape in SHAPES if shape.name not in WARNED_OF]
QUIET = [row for row in ROWS if row.values[0] in QUIET_SHAPES]


@cache
def boxed(shape: Shape) -> type[BaseModel]:
    return create_model("Box", value=(shape.tp, ...))


@pytest.mark.parametrize(("shape", "text"), QUIET)
def test_snapshots_as_a_field(shape: Shape, text: str) -> None:
    watched = Watched(shape, boxed(shape)).run(f'{{"value": {text}}}')
    assert watched.last is watched.root or not watched.valid


@pytest.mark.parametrize(("shape", "text"), ROWS)
def test_snapshots_as_the_root(shape: Shape, text: str) -> None:
    watched = Watched(shape, shape.tp).run(text)
    assert watched.last is watched.root or not watched.valid


# -- a new attempt ---------------------------------------------------------------------------------------------


def batches(shape: Shape, text: str) -> list[Sequence[Change[Any]]]:
    return list((list(text) | accumulate() | validate(boxed(shape), **shape.options)).batches())


@pytest.mark.parametrize("shape", QUIET_SHAPES, ids=lambda shape: shape.name)
def test_after_a_reset_snapshots_follow_the_new_attempt(shape: Shape) -> None:
    dice = Random(shape.name)
    texts = [f'{{"value": {text}}}' for text in (*shape.valid, *shape.invalid)]
    for _ in range(6):
        old, new = dice.choice(texts), dice.choice(texts)
        first = batches(shape, old[: dice.randint(1, len(old))])
        told = [[change for change in batch if change.op != "end"] for batch in first]
        second = batches(shape, new)
        roots = [change.value for batch in second for change in batch if change.op == "complete" and not change.path]
        flow = [*told, [Change("reset", (), "again")], *second] | spread(boxed(shape)) | diff() | snapshots()
        seen, error = gather(flow)
        assert error is None if roots else isinstance(error, StreamkitError), (old, new)
        assert [seen[-1]] == roots or not roots, (old, new)
        for each in seen:
            if type(each) is not boxed(shape):  # no partial any more
                dumps(each)
