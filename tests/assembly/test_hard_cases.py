"""Models and documents that are easily got wrong: each keeps all laws that one document can show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, NotRequired, cast

import pytest
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    PrivateAttr,
    SecretStr,
    TypeAdapter,
    ValidationError,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticOmit, PydanticSerializationError
from support.recorder import always, check, fold, gather, plain, tidy
from support.verdicts import nothing, verdicts
from typing_extensions import TypedDict

from streamkit import InvalidResult, extract
from streamkit.changes.change import Change, End
from streamkit.operators import accumulate, diff, tap, validate


class Serialized(BaseModel):
    a: int

    @field_serializer("a")
    def write(self, value: int) -> str:
        return f"<{value}>"


class Hidden(BaseModel):
    a: int
    secret: int = Field(exclude=True)
    items: list[int] = Field(default=[], exclude=True)

    @field_serializer("items")
    def write(self, value: list[int]) -> str:
        return "never"


class Left(BaseModel):
    a: int
    b: int | None = Field(default=None, exclude_if=lambda value: value is None)


class AliasedExtra(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int = Field(alias="b")


class AliasedForbid(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: int | None = Field(alias="b")


class Lengths(BaseModel):
    a: Annotated[str, Field(max_length=3), AfterValidator(len)]
    few: Annotated[list[Annotated[str, Field(pattern="^[a-z]*$")]], Field(max_length=2)] = []
    named: Annotated[dict[str, list[int]], Field(max_length=1)] = {}


class Shouting(BaseModel):
    a: str
    inner: Serialized | None = None
    items: list[str] = []

    @model_validator(mode="after")
    def shout(self) -> Shouting:
        self.a = self.a.upper()
        self.items = [*self.items[1:], self.a]
        return self


class Around(BaseModel):
    inner: Shouting
    more: dict[str, int] = {}

    @model_validator(mode="after")
    def empty(self) -> Around:
        self.inner.items.clear()
        self.more.pop("x", None)
        self.more["y"] = 1
        return self


class Siblings(BaseModel):
    a: int
    b: int = 1

    @field_validator("b")
    @classmethod
    def after_a(cls, value: int, info: Any) -> int:
        return value + cast("int", info.data.get("a", 0))


class Deprecated(BaseModel):
    a: int
    b: int = Field(3, deprecated="use a")
    items: list[int] = Field(default_factory=list[int], deprecated=True)


@dataclass(slots=True)
class Slotted:
    a: int
    b: str = "b"


def omit(value: object) -> object:
    if value in (0, "bad"):
        raise PydanticOmit
    return value


class Omitting(BaseModel):
    a: Annotated[int, AfterValidator(omit)]
    b: Annotated[str, AfterValidator(omit)] = "b"
    c: int = 1
    d: Annotated[int, AfterValidator(omit)] = Field(default=4, alias="D")

    @field_validator("c")
    @classmethod
    def count(cls, value: int, info: Any) -> int:
        return value + len(info.data)

    @field_validator("d")
    @classmethod
    def look(cls, value: int, info: Any) -> int:
        return value


class OmittingTable(TypedDict):
    a: Annotated[int, AfterValidator(omit)]
    b: NotRequired[Annotated[str, AfterValidator(omit)]]


class Gathered(BaseModel):
    first: date = Field(alias="First")
    second: date = Field(validation_alias=AliasChoices("second", "zwei"))
    third: date = Field(validation_alias=AliasPath("more", 0))
    fourth: date = date(2024, 1, 1)
    needed: int

    @field_validator("fourth")
    @classmethod
    def look(cls, value: date, info: Any) -> date:
        return value

    @model_validator(mode="after")
    def refuse(self) -> Gathered:
        if self.needed == 3:
            raise ValueError("three")
        return self


class Ratio(BaseModel):
    a: int

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def inverse(self) -> float:
        return 1 / self.a


class CheckedRatio(Ratio):
    @model_validator(mode="after")
    def look(self) -> CheckedRatio:
        return self


class Unwritable(BaseModel):
    a: int = 0
    b: str

    @field_serializer("b")
    def write(self, value: str) -> str:
        raise RuntimeError("never")


class WrongDefault(BaseModel):
    a: int
    secret: SecretStr = cast("SecretStr", "")


class Nothing:
    pass


class Unknown(BaseModel):
    a: int
    inner: list[Annotated[Nothing, PlainValidator(lambda value: Nothing())]] = []


class Grown(BaseModel):
    a: Annotated[str, AfterValidator(lambda value: Nothing())]


class Whole(BaseModel):
    a: int

    @model_serializer
    def write(self) -> dict[str, int]:
        raise RuntimeError("never")


CASES: list[tuple[Any, str]] = [
    (Serialized, '{"a":1,"a":"x"}'),
    (Serialized, '{"a":"x","a":1}'),
    (Serialized, '{"a":1,"a":2}'),
    (list[Serialized], '[{"a":1},{"a":"x"},{}]'),
    (Hidden, '{"a":1,"secret":2,"items":[1]}'),
    (Hidden, '{"a":"x","secret":2,"items":[1]}'),
    (Hidden, '{"a":"x","secret":{"x":1},"secret":2,"items":false,"items":[1]}'),
    (Hidden, '{"a":1,"secret":"x","secret":[],"items":{}}'),
    (Left, '{"a":1}'),
    (Left, '{"a":1,"b":null}'),
    (Left, '{"b":2,"a":1}'),
    (Left, '{"b":2,"a":"x","b":3}'),
    (AliasedExtra, '{"a":1,"b":2}'),
    (AliasedExtra, '{"b":2,"a":{"x":[1]}}'),
    (AliasedExtra, '{"b":"x","a":1}'),
    (AliasedForbid, '{"a":[1],"b":null}'),
    (AliasedForbid, '{"b":null,"a":1}'),
    (Lengths, '{"a":"xy"}'),
    (Lengths, '{"a":"xyz","few":["a","b","0"]}'),
    (Lengths, '{"a":"x","few":["a",{"b":[1]}]}'),
    (Lengths, '{"a":"x","named":{"a":[1],"b":["x"]}}'),
    (Lengths, '{"a":"x","named":{"a":[1,"x"]}}'),
    (Shouting, '{"a":"x","inner":{"a":1},"items":["p","q"]}'),
    (Shouting, '{"a":"X","items":["X"]}'),
    (Around, '{"inner":{"a":"x","items":["p","q"]},"more":{"x":1,"z":2}}'),
    (Around, '{"inner":{"a":"x","items":["p",1]},"more":{"x":1}}'),
    (Siblings, '{"b":1,"a":2}'),
    (Siblings, '{"a":"x","b":1}'),
    (Deprecated, '{"a":1}'),
    (Deprecated, '{"a":1,"b":2,"items":[1]}'),
    (list[Slotted], '[{"a":1},{"a":2,"b":"c"}]'),
    (Omitting, '{"a":0,"b":"bad","c":1,"D":0}'),
    (Omitting, '{"D":0,"c":1,"b":"bad","a":0}'),
    (Omitting, '{"a":1,"b":"bad"}'),
    (Omitting, '{"a":1,"b":"x","a":0,"b":"bad"}'),
    (Omitting, '{"a":0,"b":"bad","a":1,"b":"x"}'),
    (list[Omitting], '[{"b":"bad","c":"x","a":0},{"b":"bad"}]'),
    (dict[str, OmittingTable], '{"x":{"a":0,"b":"bad"},"y":{"a":1,"b":"b"}}'),
    (OmittingTable, '{"b":"bad"}'),
    (
        Gathered,
        '{"First":"2024-01-01","zwei":"2024-01-02","more":["2024-01-03"],"fourth":"2024-01-04","needed":1}',
    ),
    (dict[str, Any], '{"a":1e400,"b":[-1e400]}'),
    (dict[str, float], '{"a":-0,"b":1e400,"c":-0.0}'),
    (dict[str, str], '{"":"x","":null}'),
    (dict[str, str], '{"":null,"":"x"}'),
    (dict[str, list[int]], '{"a":[1],"a":[2,3],"b":{},"b":[]}'),
    (list[bool], "[12]"),
    (bool, "12"),
    (int | None, "null"),
    (Annotated[list[int], ["metadata that cannot be hashed"]], "[1,2]"),
    (list[tuple[int, date]], '[[1,"2024-02-29"],[2,"2024-03-01"]]'),
    (dict[str, int] | None, '{"a":1}'),
]


def events(model: Any, chunks: list[str] | list[bytes]) -> list[Change[object]]:
    return gather(chunks | accumulate() | validate(model))


def shown(given: object) -> str:
    return given if isinstance(given, str) else getattr(given, "__name__", repr(given))


@pytest.mark.parametrize(("model", "text"), CASES, ids=shown)
def test_a_hard_case_is_told_the_same_however_it_is_cut(model: Any, text: str) -> None:
    whole = events(model, [text])
    check(whole, always)

    for at in range(len(text) + 1):
        assert tidy(events(model, [text[:at], text[at:]])) == tidy(whole)
    assert tidy(events(model, list(text))) == tidy(whole)
    assert tidy(gather(list(text) | accumulate() | tap(nothing) | validate(model))) == tidy(whole)


@pytest.mark.parametrize(("model", "text"), CASES, ids=shown)
def test_a_hard_case_folds_to_what_pydantic_makes_of_it(model: Any, text: str) -> None:
    adapter: TypeAdapter[object] = TypeAdapter(model)
    told = events(model, list(text))
    end = cast("End", told[-1].value)
    try:
        value = adapter.validate_json(text)
    except ValidationError as refused:
        wanted = Counter((detail["loc"], detail["type"]) for detail in refused.errors())
        errors = cast("list[dict[str, object]]", told[-2].value)
        assert end.status == "invalid"
        assert Counter((error["loc"], error["type"]) for error in errors) == wanted
        return
    assert end == End("complete")
    dumped = adapter.dump_python(value, mode="json", by_alias=False, warnings=False)
    assert plain(fold(told)) == plain(dumped)
    assert repr(told[-2].value) == repr(value)


@pytest.mark.parametrize(("model", "text"), CASES, ids=shown)
def test_a_hard_case_has_the_same_verdicts_behind_diff(model: Any, text: str) -> None:
    for chunks in ([text], list(text)):
        assert verdicts(gather(chunks | accumulate() | validate(model) | diff())) == verdicts(events(model, [text]))


@pytest.mark.parametrize(
    "text",
    [
        '{"fourth":"2024-01-04","First":"2024-01-01","zwei":"2024-01-02","more":["2024-01-03"]}',
        '{"fourth":"2024-01-04","zwei":"2024-01-02","more":["2024-01-03"]}',
        '{"First":"2024-01-01","second":"2024-01-02","more":["2024-01-03"],"fourth":"2024-01-04","needed":3}',
        '{"First":"2024-01-01","second":"2024-01-02","more":[]}',
        '{"fourth":"2024-01-04","zwei":"x"}',
    ],
)
@pytest.mark.parametrize("model", [Gathered, Gathered | int])
def test_an_error_of_an_object_shows_what_came(model: Any, text: str) -> None:
    def inputs(errors: Any) -> dict[object, object]:
        return {(error["loc"], error["type"]): error["input"] for error in errors}

    with pytest.raises(ValidationError) as refused:
        TypeAdapter(model).validate_json(text)
    for chunks in ([text], list(text)):
        assert inputs(events(model, chunks)[-2].value) == inputs(refused.value.errors())


@pytest.mark.parametrize("text", [text for model, text in CASES if model is Hidden])
def test_a_field_that_the_dump_leaves_out_has_no_events(text: str) -> None:
    paths = {change.path[:1] for change in events(Hidden, list(text))}
    assert paths == {(), ("a",)}


@pytest.mark.parametrize(
    ("model", "text", "where", "left_open"),
    [
        (Ratio, '{"a":0}', "'/inverse'", [()]),
        (list[CheckedRatio], '[{"a":1},{"a":0}]', "'/1/inverse'", [(), (1,)]),
        (dict[str, Unwritable], '{"k":{"b":"x"}}', "'/k/b'", [(), ("k",)]),
        (WrongDefault, '{"a":1}', "'/secret'", [()]),
        (Unknown, '{"a":1,"inner":[2]}', "'/inner/0'", [(), ("inner",)]),
        (Grown, '{"a":"x"}', "'/a'", [(), ("a",)]),
        (Whole, '{"a":1}', "the root", []),
    ],
)
def test_a_dump_that_raises_says_where(model: Any, text: str, where: str, left_open: list[object]) -> None:
    adapter: TypeAdapter[object] = TypeAdapter(model)
    value = adapter.validate_json(text)
    with pytest.raises((PydanticSerializationError, ZeroDivisionError)) as raised:
        adapter.dump_python(value, mode="json", warnings=False)
    whole = events(model, [text])
    for chunks in ([text], list(text)):
        told = events(model, chunks)
        check(told, always)
        assert tidy(told) == tidy(whole)
        end = cast("End", told[-1].value)
        assert (end.status, type(end.error), [*end.open]) == ("failed", raised.type, left_open)
        assert f"raised while {where} was dumped" in cast("Exception", end.error).__notes__


@pytest.mark.parametrize("text", ["1e400", '{"a":[1e400,1]}', "[-1e400]"])
def test_an_infinite_number_in_an_object_is_told_as_it_is_dumped(text: str) -> None:
    adapter = TypeAdapter(object)
    dumped = adapter.dump_python(adapter.validate_json(text), mode="json")
    for chunks in ([text], list(text)):
        assert fold(events(object, chunks)) == dumped


def test_code_that_raises_when_a_model_is_made_leaves_it_without_a_verdict() -> None:
    def broken() -> int:
        raise RuntimeError("no secret today")

    class Sealed(BaseModel):
        a: str
        b: str
        _secret: int = PrivateAttr(default_factory=broken)

    text = '[{"a":"x","b":"y"}]'
    for chunks in ([text], list(text)):
        told = events(list[Sealed], chunks)
        check(told, always)
        assert tidy(told) == tidy(events(list[Sealed], [text]))
        end = cast("End", told[-1].value)
        assert (end.status, type(end.error), end.open) == ("failed", RuntimeError, ((), (0,)))
        assert "raised while '/0/b' was read" in cast("Exception", end.error).__notes__


@pytest.mark.parametrize("text", ['{"age": "x", "b": tru!}', '{"age": "x", "b": true}', '{"age": "x"}', '{"age":[1]'])
def test_raising_at_the_first_wrong_value_does_not_depend_on_the_cuts(text: str) -> None:
    class Person(BaseModel):
        age: int
        b: bool = True

    pipeline = accumulate() | validate(Person, on_invalid="raise")
    whole = gather([text] | pipeline)

    assert [change.op for change in whole][-2:] == ["invalid", "end"]
    check(whole)
    for at in range(len(text) + 1):
        assert tidy(gather([text[:at], text[at:]] | pipeline)) == tidy(whole)


@pytest.mark.parametrize(("model", "text"), [(bool, "12"), (list[bool], "[12]"), (bool, " 12 ")])
def test_raising_reaches_the_root(model: Any, text: str) -> None:
    for chunks in ([text], list(text)):
        told = gather(chunks | accumulate() | validate(model, on_invalid="raise"))
        assert [change.op for change in told][-2:] == ["invalid", "end"]
        assert cast("End", told[-1].value).status == "failed"


@pytest.mark.parametrize("text", ["[1]", "[]", "[1, 2]", '[1, "x"]', "[1, 2, 3]"])
@pytest.mark.parametrize(
    "model",
    [
        tuple[int, Annotated[int, Field(default=42)]],
        tuple[int, Annotated[list[int], Field(default_factory=list)]],
        tuple[int, Annotated[int, Field(default=42), AfterValidator(abs)]],
        tuple[int, Annotated[int, AfterValidator(abs), Field(default=42)]],
    ],
)
def test_items_of_a_tuple_have_defaults_as_pydantic_gives_them(model: Any, text: str) -> None:
    def outcome(make: Callable[[], object]) -> object:
        try:
            return make()
        except (ValidationError, InvalidResult) as error:
            errors: Any = error.errors() if isinstance(error, ValidationError) else error.errors
            return [(each["loc"], each["type"]) for each in errors]

    expected = outcome(lambda: TypeAdapter(model).validate_json(text))
    for chunks in ([text], list(text)):
        assert outcome(lambda chunks=chunks: (chunks | extract(model)).result_sync()) == expected  # type: ignore[misc]
