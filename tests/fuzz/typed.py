"""Fuzz target: typed streams against pydantic on the whole text, and against themselves at other splits."""

from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import atheris
from pydantic import BaseModel, Field, TypeAdapter, ValidationError, model_validator

with atheris.instrument_imports(include=["streamkit"]):
    from streamkit import extract

sys.path.insert(0, str(Path(__file__).parent))
from oracle import NOT_JSON, Finding, fold, pieces, read_by_others, stream, tidy


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Item(BaseModel):
    name: str
    age: int = Field(0, ge=0)
    tags: list[str] = []


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Root(BaseModel):
    items: list[Item] = []
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    color: Color | None = None
    when: date | None = None
    price: Decimal | None = None
    extra: dict[str, int | str] = {}
    pair: tuple[int, str] = (1, "a")

    @model_validator(mode="after")
    def _checked(self) -> Root:
        if self.extra.get("bad"):
            raise ValueError("bad")
        return self


MODELS: list[Any] = [Root, list[Item], dict[str, float], Cat | Dog, list[int] | list[str], Item, int | None]
ADAPTERS = [TypeAdapter[Any](model) for model in MODELS]
PIPELINES = [extract(model) for model in MODELS]


def check(data: bytes) -> None:
    """Read one input along a model; compare with pydantic's own reading."""
    if len(data) < 2:
        return
    at, choice, text = data[0] % len(MODELS), data[1], data[2:]
    changes = stream(pieces(text, choice), PIPELINES[at])
    end = changes[-1].value
    fold(changes)
    whole = stream([text], PIPELINES[at])
    if verdicts(changes) != verdicts(whole):
        raise Finding(f"the splits matter for {MODELS[at]}: {text!r} in {pieces(text, choice)!r}")
    if read_by_others(text) is NOT_JSON:
        if end.status in ("complete", "invalid"):
            raise Finding(f"{text!r} is not JSON, and ends {end.status}")
        return
    try:
        expected = ADAPTERS[at].validate_json(text)
    except ValidationError as error:
        if end.status != "invalid" or key(end.error.errors) != key(error.errors()):
            raise Finding(f"{text!r} as {MODELS[at]}: {end} instead of {error.errors()}") from error
        return
    root = [change.value for change in changes if change.op == "complete" and not change.path]
    if end.status != "complete" or repr(root[-1]) != repr(expected):
        raise Finding(f"{text!r} as {MODELS[at]}: {root} {end} instead of {expected!r}")


def verdicts(changes: list[Any]) -> list[object]:
    """The verdicts, and the end: what no split may change."""
    return [event for event in tidy(changes) if event[0] in ("'complete'", "'invalid'", "'end'")]


def key(errors: list[Any]) -> list[object]:
    """What identifies errors: where, and which."""
    return sorted((repr(each["loc"]), each["type"]) for each in errors)


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
