"""User code is called as pydantic calls it: as often, with the same values, and told the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, make_dataclass
from enum import Enum
from functools import cached_property
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar, cast

import pydantic
import pytest
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    Discriminator,
    FailFast,
    Field,
    GetCoreSchemaHandler,
    OnErrorOmit,
    PlainValidator,
    PrivateAttr,
    RootModel,
    Tag,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    WrapValidator,
    computed_field,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticUseDefault, core_schema
from support.recorder import gather
from typing_extensions import TypedDict

from streamkit.operators import accumulate, validate

CALLS: list[tuple[str, ...]] = []
"""What was called since the list was cleared: by what name, with which value, and what it was told."""

Handler: TypeAlias = Callable[[Any], Any]


def note(name: str, value: object, info: ValidationInfo | None = None) -> None:
    """Write a call down, as it looks now."""
    told = [] if info is None else [repr(info.data), repr(info.context), info.mode, str(info.field_name)]
    CALLS.append((name, type(value).__name__, repr(value), *told))


def calls_of_pydantic(tp: Any, text: str, context: object, dumps: bool) -> Counter[tuple[str, ...]] | None:
    """What one `validate_json` calls; and one dump, for fields that are computed: None where there is none."""
    adapter: TypeAdapter[Any] = TypeAdapter(tp)
    CALLS.clear()
    try:
        value = adapter.validate_json(text, context=context)
    except ValidationError:
        return None if dumps else Counter(CALLS)
    if dumps:
        adapter.dump_python(value, mode="json", by_alias=False, warnings=False)
    return Counter(CALLS)


def calls_of_streaming(tp: Any, chunks: Sequence[str], options: Mapping[str, Any]) -> Counter[tuple[str, ...]]:
    CALLS.clear()
    gather(chunks | accumulate() | validate(tp, **options))
    return Counter(CALLS)


def same_calls(tp: Any, text: str, *, context: object = None, dumps: bool = False) -> None:
    """Whole, in three pieces and by characters, the calls are those of pydantic."""
    wanted = calls_of_pydantic(tp, text, context, dumps)
    if wanted is None:
        return
    options = {} if context is None else {"context": context}
    third = len(text) // 3 + 1
    for chunks in ([text], [text[:third], text[third : 2 * third], text[2 * third :]], list(text)):
        seen = calls_of_streaming(tp, [chunk for chunk in chunks if chunk], options)
        assert (seen - wanted, wanted - seen) == (Counter(), Counter()), (text, chunks)


# -- places: what may stand around a type ----------------------------------------------------------------------

ItemT = TypeVar("ItemT")


class Page(BaseModel, Generic[ItemT]):
    items: list[ItemT]
    first: ItemT | None = None


class Other(BaseModel):
    other: int
    name: str = "o"


class Right(BaseModel):
    kind: Literal["right"]
    y: int = 0


def of(generic: Any, *arguments: Any) -> Any:
    """A type of types that are not known before: `of(list, int)`."""
    return generic[arguments if arguments[1:] else arguments[0]]


def model(name: str, **fields: Any) -> Any:
    return create_model(name, **fields)


def holder(tp: Any, **options: Any) -> Any:
    """A model with a field of a type, between two others."""
    return model("Holder", before=(int, 0), x=(tp, Field(**options)), after=(str, ""))


def outer(tp: Any) -> Any:
    return model("Outer", n=(int, 1), inner=holder(tp), more=(of(list, holder(tp)), []))


def left(tp: Any) -> Any:
    return model("Left", before=(int, 0), x=tp, kind=Literal["left"])


def tagged(tp: Any) -> Any:
    return Annotated[left(tp) | Right, Field(discriminator="kind")]


def data(tp: Any) -> Any:
    return make_dataclass("Data", [("before", int), ("x", tp), ("after", str, field(default=""))])


def checked_data(tp: Any) -> Any:
    return pydantic.dataclasses.dataclass(data(tp))


def typed_dict(tp: Any) -> Any:
    make: Any = TypedDict
    return make("Table", {"before": int, "x": tp})


def named_tuple(tp: Any) -> Any:
    make: Any = NamedTuple
    return make("Tuple", [("before", int), ("x", tp)])


def open_model(tp: Any) -> Any:
    make: Any = type(BaseModel)
    annotations = {"a": int, "__pydantic_extra__": of(dict, str, tp)}
    body = {"__annotations__": annotations, "__module__": __name__, "a": 0, "model_config": {"extra": "allow"}}
    return make("Opened", (BaseModel,), body)


def unchanged(value: object) -> object:
    """A validator of what stands around."""
    return value


# Each place: how a type is put there, and documents in which `@` stands for its value.
PLACES: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "root": (lambda tp: tp, ["@", " @ "]),
    "list": (lambda tp: of(list, tp), ["[@]", "[@, @]"]),
    "dict": (lambda tp: of(dict, str, tp), ['{"k":@}', '{"k":@,"l":@}']),
    "dict with int keys": (lambda tp: of(dict, int, tp), ['{"1":@}', '{"x":@}']),
    "model": (
        holder,
        [
            '{"before":1,"x":@,"after":"s"}',
            '{"after":"s","x":@,"before":1}',
            '{"x":@,"before":[]}',
            '{"u":@,"before":1}',
        ],
    ),
    "model with an alias": (lambda tp: holder(tp, alias="X"), ['{"before":1,"X":@}', '{"X":@,"x":1,"before":"w"}']),
    "model with choices": (
        lambda tp: holder(tp, validation_alias=AliasChoices("x", "y")),
        ['{"y":@,"before":1}', '{"before":1,"x":@}', '{"y":@,"x":@}'],
    ),
    "model with a path": (
        lambda tp: holder(tp, validation_alias=AliasPath("p", 1)),
        ['{"p":[@,@],"before":1}', '{"p":[@]}', '{"before":2,"p":[0,@,1]}'],
    ),
    "nested models": (
        outer,
        [
            '{"inner":{"x":@,"before":1},"n":2}',
            '{"more":[{"after":"s","x":@},{"x":@}],"inner":{"x":@}}',
            '{"inner":{}}',
        ],
    ),
    "models in a list": (lambda tp: of(list, holder(tp)), ['[{"x":@},{"before":2,"x":@}]', '[{"x":@,"after":1}]']),
    "optional": (lambda tp: of(list, tp | None), ["[@,null]", "[null,@]"]),
    "tuple": (lambda tp: of(tuple, int, tp), ["[1,@]", '["w",@]', "[@]"]),
    "variadic tuple": (lambda tp: of(tuple, tp, ...), ["[@,@]"]),
    "sequence": (lambda tp: of(Sequence, tp), ["[@]"]),
    "mapping": (lambda tp: of(Mapping, str, tp), ['{"k":@}']),
    "union": (lambda tp: of(list, tp | list[bool]), ["[@,[true]]", "[[@]]"]),
    "union with str": (lambda tp: of(list, tp | str), ['[@,"s"]']),
    "union, left to right": (
        lambda tp: of(Annotated, list[bool] | tp, Field(union_mode="left_to_right")),
        ["@", "[true]"],
    ),
    "union of models": (
        lambda tp: holder(tp) | Other,
        ['{"x":@,"before":1}', '{"other":1}', '{"other":1,"x":@}', '{"before":"w","x":@}'],
    ),
    "tagged union": (
        tagged,
        ['{"kind":"left","before":1,"x":@}', '{"x":@,"before":1,"kind":"left"}', '{"kind":"right","x":@}', '{"x":@}'],
    ),
    "tagged unions in a list": (lambda tp: of(list, tagged(tp)), ['[{"kind":"left","x":@},{"x":@,"kind":"left"}]']),
    "dataclass": (data, ['{"before":1,"x":@}', '{"after":"s","x":@,"before":1}', '{"x":@}']),
    "pydantic dataclass": (checked_data, ['{"before":1,"x":@}', '{"x":@,"before":"w"}']),
    "typed dict": (typed_dict, ['{"before":1,"x":@}', '{"x":@,"before":1}', '{"x":@}']),
    "named tuple": (named_tuple, ["[1,@]", '{"x":@,"before":1}', '["w",@]']),
    "root model": (lambda tp: of(RootModel, tp), ["@"]),
    "generic model": (
        lambda tp: of(Page, tp),
        ['{"items":[@,@]}', '{"first":@,"items":[]}', '{"items":[@],"first":null}'],
    ),
    "extra values": (open_model, ['{"e":@,"a":1}', '{"a":1,"e":@,"f":@}', '{"e":@,"a":"w"}']),
    "validated list": (lambda tp: of(Annotated, of(list, tp), AfterValidator(unchanged)), ["[@,@]"]),
    "list in a union": (lambda tp: of(list, tp) | of(dict, str, tp) | None, ["[@]", '{"k":@}', "null"]),
    "fail fast": (lambda tp: of(Annotated, of(list, tp), FailFast()), ["[@,@,@]"]),
    "omitted on error": (lambda tp: of(list, of(OnErrorOmit, tp)), ["[@,@]"]),
    "wrapped": (
        lambda tp: of(list, of(Annotated, tp, WrapValidator(lambda value, handler: handler(value)))),
        ["[@,@]"],
    ),
}


# -- specimens: types with user code ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Specimen:
    """A type with user code, and values of it, valid and not.

    Attributes:
        name: what the test is called.
        tp: the type.
        values: what stands in place of `@`.
        dumps: a dump calls the code, too.
    """

    name: str
    tp: Any
    values: Sequence[str]
    dumps: bool = False

    def texts(self, place: str) -> list[str]:
        return [template.replace("@", value) for template in PLACES[place][1] for value in self.values]


def refuse_three(value: object) -> object:
    if value == 3:
        raise ValueError("three")
    return value


def plain_call(name: str) -> Callable[[Any], Any]:
    """A validator that is told nothing."""

    def call(value: Any) -> Any:
        note(name, value)
        return refuse_three(value)

    return call


def info_call(name: str) -> Callable[[Any, ValidationInfo], Any]:
    """A validator that is told where it is."""

    def call(value: Any, info: ValidationInfo) -> Any:
        note(name, value, info)
        return refuse_three(value)

    return call


def wrap_call(name: str) -> Callable[[Any, Handler], Any]:
    """A `wrap` validator: a call, and what the handler gave."""

    def call(value: Any, handler: Handler) -> Any:
        note(name, value)
        result = handler(value)
        note(f"{name} got", result)
        return refuse_three(result)

    return call


def wrap_info_call(name: str) -> Callable[[Any, Handler, ValidationInfo], Any]:
    def call(value: Any, handler: Handler, info: ValidationInfo) -> Any:
        note(name, value, info)
        result = handler(value)
        note(f"{name} got", result, info)
        return refuse_three(result)

    return call


NUMBERS = ["1", '"2"', "3", '"w"', "null"]
WORDS = ['"a"', '"two words"', '""', "1"]

ANNOTATED = [
    Specimen("before", Annotated[int, BeforeValidator(plain_call("before"))], NUMBERS),
    Specimen("before with info", Annotated[int, BeforeValidator(info_call("before"))], NUMBERS),
    Specimen("after", Annotated[int, AfterValidator(plain_call("after"))], NUMBERS),
    Specimen("after with info", Annotated[int, AfterValidator(info_call("after"))], NUMBERS),
    Specimen("wrap", Annotated[int, WrapValidator(wrap_call("wrap"))], NUMBERS),
    Specimen("wrap with info", Annotated[int, WrapValidator(wrap_info_call("wrap"))], NUMBERS),
    Specimen("plain", Annotated[int, PlainValidator(plain_call("plain"))], NUMBERS),
    Specimen("plain with info", Annotated[int, PlainValidator(info_call("plain"))], NUMBERS),
    Specimen("after on str", Annotated[str, AfterValidator(plain_call("after"))], WORDS),
    Specimen("after on str with info", Annotated[str, AfterValidator(info_call("after"))], WORDS),
    Specimen("before on str", Annotated[str, BeforeValidator(plain_call("before"))], WORDS),
    Specimen("after on a list", Annotated[list[int], AfterValidator(info_call("after"))], ["[1,2]", '["w"]', "[]"]),
    Specimen("before on a list", Annotated[list[int], BeforeValidator(info_call("before"))], ["[1,2]", '["w"]', "1"]),
    Specimen(
        "after on a dict", Annotated[dict[str, int], AfterValidator(plain_call("after"))], ['{"p":1}', "{}", "[]"]
    ),
    Specimen("after on a model", Annotated[Other, AfterValidator(info_call("after"))], ['{"other":1}', "{}", "3"]),
    Specimen("after on a union", Annotated[int | bool | None, AfterValidator(plain_call("after"))], NUMBERS),
    Specimen(
        "several",
        Annotated[int, BeforeValidator(plain_call("1")), AfterValidator(info_call("2")), WrapValidator(wrap_call("3"))],
        NUMBERS,
    ),
    Specimen(
        "dict keys",
        dict[Annotated[str, AfterValidator(plain_call("key"))], Annotated[int, AfterValidator(plain_call("value"))]],
        ['{"p":1,"q":"w"}', '{"p":1}', "{}"],
    ),
    Specimen(
        "union of validated",
        Annotated[int, AfterValidator(plain_call("int"))] | Annotated[bool, AfterValidator(plain_call("bool"))],
        [*NUMBERS, "true"],
    ),
]


THREE = ['{"a":1,"x":2,"b":3}', '{"b":3,"x":2,"a":1}', '{"a":1}', '{"x":"w","a":1}', '{"a":"w","x":2}', '{"x":3}', "[]"]


class Three(BaseModel):
    a: int
    x: int = 5
    b: int = 7


class FieldBefore(Three):
    @field_validator("x", mode="before")
    @classmethod
    def check(cls, value: Any) -> Any:
        note("before", value)
        return refuse_three(value)


class FieldBeforeInfo(Three):
    @field_validator("x", mode="before")
    @classmethod
    def check(cls, value: Any, info: ValidationInfo) -> Any:
        note("before", value, info)
        return refuse_three(value)


class FieldAfter(Three):
    @field_validator("x")
    @classmethod
    def check(cls, value: int) -> Any:
        note("after", value)
        return refuse_three(value)


class FieldAfterInfo(Three):
    @field_validator("x")
    @classmethod
    def check(cls, value: int, info: ValidationInfo) -> Any:
        note("after", value, info)
        return refuse_three(value)


class FieldWrap(Three):
    @field_validator("x", mode="wrap")
    @classmethod
    def check(cls, value: Any, handler: Handler) -> Any:
        return wrap_call("wrap")(value, handler)


class FieldWrapInfo(Three):
    @field_validator("x", mode="wrap")
    @classmethod
    def check(cls, value: Any, handler: Handler, info: ValidationInfo) -> Any:
        return wrap_info_call("wrap")(value, handler, info)


class FieldPlain(Three):
    @field_validator("x", mode="plain")
    @classmethod
    def check(cls, value: Any) -> Any:
        note("plain", value)
        return refuse_three(value)


class FieldPlainInfo(Three):
    @field_validator("x", mode="plain")
    @classmethod
    def check(cls, value: Any, info: ValidationInfo) -> Any:
        note("plain", value, info)
        return refuse_three(value)


class EveryField(Three):
    @field_validator("*")
    @classmethod
    def check(cls, value: int, info: ValidationInfo) -> Any:
        note("every", value, info)
        return refuse_three(value)


class CheckedDefault(Three, validate_default=True):
    @field_validator("x", "b")
    @classmethod
    def check(cls, value: int, info: ValidationInfo) -> Any:
        note("default, too", value, info)
        return refuse_three(value)


FIELD_VALIDATORS = [
    Specimen("field before", FieldBefore, THREE),
    Specimen("field before with info", FieldBeforeInfo, THREE),
    Specimen("field after", FieldAfter, THREE),
    Specimen("field after with info", FieldAfterInfo, THREE),
    Specimen("field wrap", FieldWrap, THREE),
    Specimen("field wrap with info", FieldWrapInfo, THREE),
    Specimen("field plain", FieldPlain, THREE),
    Specimen("field plain with info", FieldPlainInfo, THREE),
    Specimen("every field", EveryField, THREE),
    Specimen("checked default", CheckedDefault, THREE),
]


class Before(Three):
    @model_validator(mode="before")
    @classmethod
    def look(cls, value: Any) -> Any:
        note("before", value)
        return value


class BeforeInfo(Three):
    @model_validator(mode="before")
    @classmethod
    def look(cls, value: Any, info: ValidationInfo) -> Any:
        note("before", value, info)
        return value


class After(Three):
    @model_validator(mode="after")
    def look(self) -> After:
        note("after", self)
        if self.x == 2:
            raise ValueError("two")
        return self


class AfterInfo(Three):
    @model_validator(mode="after")
    def look(self, info: ValidationInfo) -> AfterInfo:
        note("after", self, info)
        return self


class Wrap(Three):
    @model_validator(mode="wrap")
    @classmethod
    def look(cls, value: Any, handler: Handler) -> Any:
        return wrap_call("wrap")(value, handler)


class WrapInfo(Three):
    @model_validator(mode="wrap")
    @classmethod
    def look(cls, value: Any, handler: Handler, info: ValidationInfo) -> Any:
        return wrap_info_call("wrap")(value, handler, info)


@pydantic.dataclasses.dataclass
class CheckedData:
    a: int
    x: int = 5
    b: int = 7

    @field_validator("x")
    @classmethod
    def check(cls, value: int, info: ValidationInfo) -> Any:
        note("field", value, info)
        return refuse_three(value)

    @model_validator(mode="after")
    def look(self) -> CheckedData:
        note("after", self)
        return self


MODEL_VALIDATORS = [
    Specimen("model before", Before, THREE),
    Specimen("model before with info", BeforeInfo, THREE),
    Specimen("model after", After, THREE),
    Specimen("model after with info", AfterInfo, THREE),
    Specimen("model wrap", Wrap, THREE),
    Specimen("model wrap with info", WrapInfo, THREE),
    Specimen("validators of a dataclass", CheckedData, THREE),
]


def made() -> int:
    note("made", None)
    return 5


def made_of(data: dict[str, Any]) -> int:
    note("made of", data)
    return 6


class Factories(BaseModel):
    a: int
    x: int = Field(default_factory=made)
    b: int = Field(default_factory=made)


class DataFactories(BaseModel):
    a: int
    x: int = Field(default_factory=made_of)
    b: int = Field(default_factory=made_of)


class CheckedFactory(BaseModel, validate_default=True):
    a: int
    x: Annotated[int, AfterValidator(info_call("x"))] = Field(default_factory=made)
    b: int = Field(default_factory=made_of)


def use_default(value: object) -> object:
    note("use default", value)
    if value == 2:
        raise PydanticUseDefault
    return value


class UsesDefault(BaseModel):
    a: int
    x: Annotated[int, BeforeValidator(use_default)] = Field(default_factory=made)


@dataclass
class FactoryData:
    a: int
    x: int = field(default_factory=made)
    b: list[int] = field(default_factory=lambda: [made()])


class PostInit(Three):
    _secret: int = PrivateAttr(default_factory=made)

    def model_post_init(self, context: Any, /) -> None:
        note("post init", self)
        note("its context", context)


class OwnInit(Three):
    def __init__(self, **values: Any) -> None:
        note("init", values)
        super().__init__(**values)


@dataclass
class PlainPostInit:
    a: int
    x: int = 5

    def __post_init__(self) -> None:
        note("post init", self)


@pydantic.dataclasses.dataclass
class VarPostInit:
    a: int
    x: InitVar[int] = 5

    def __post_init__(self, x: int) -> None:
        note("post init", self)
        note("its variable", x)


HOOKS = [
    Specimen("factories", Factories, THREE),
    Specimen("factories with data", DataFactories, THREE),
    Specimen("factories whose values are checked", CheckedFactory, THREE),
    Specimen("factories on demand", UsesDefault, THREE),
    Specimen("factories of a dataclass", FactoryData, THREE),
    Specimen("model_post_init", PostInit, THREE),
    Specimen("own __init__", OwnInit, THREE),
    Specimen("__post_init__", PlainPostInit, THREE),
    Specimen("__post_init__ with a variable", VarPostInit, THREE),
]


class Computed(Three):
    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def total(self) -> int:
        note("total", self.a)
        return self.a + self.x

    @computed_field  # type: ignore[prop-decorator]  # as above
    @cached_property
    def names(self) -> list[str]:
        note("names", self.a)
        return [str(self.a)]


class ComputedLate(Computed):
    """A validator around it: is its object dumped again?"""

    @model_validator(mode="after")
    def look(self) -> ComputedLate:
        note("after", self.x)
        return self


@pydantic.dataclasses.dataclass
class ComputedData:
    a: int
    x: int = 5

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def total(self) -> int:
        note("total", self.a)
        return self.a + self.x


COMPUTED = [
    Specimen("computed fields", Computed, THREE, dumps=True),
    Specimen("computed fields beside a validator", ComputedLate, THREE, dumps=True),
    Specimen("computed fields of a dataclass", ComputedData, THREE, dumps=True),
]


def tag_of(value: Any) -> str | None:
    """A callable discriminator; a dump asks it, too, but not about a dict."""
    if isinstance(value, dict):
        note("tag of", cast("dict[str, object]", value))
        return "three" if "a" in value else "other"
    return "three" if isinstance(value, Three) else "other" if isinstance(value, Other) else None


class Loose(Enum):
    YES = "yes"
    ONE = 1

    @classmethod
    def _missing_(cls, value: object) -> Loose | None:
        note("missing", value)
        return cls.YES if value in ("y", 2) else None


class Inserted:
    """A type that tells pydantic itself how it is validated."""

    def __init__(self, text: str) -> None:
        note("inserted", text)
        self.text = text

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        before = core_schema.with_info_before_validator_function(info_call("first"), core_schema.str_schema())
        return core_schema.no_info_after_validator_function(
            cls, before, serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value.text)
        )


class Chained:
    """Another: a chain, and a check of its own in JSON mode."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        steps: list[CoreSchema] = [
            core_schema.int_schema(),
            core_schema.no_info_plain_validator_function(plain_call("end")),
        ]
        return core_schema.json_or_python_schema(core_schema.chain_schema(steps), core_schema.int_schema())


REST = [
    Specimen(
        "callable discriminator",
        Annotated[Annotated[Three, Tag("three")] | Annotated[Other, Tag("other")], Discriminator(tag_of)],
        ['{"a":1,"x":2}', '{"other":1}', '{"other":"w","name":"n"}', "[]"],
    ),
    Specimen("enum", Loose, ['"yes"', '"y"', '"no"', "1", "2", "[]"]),
    Specimen("own schema", Inserted, ['"a"', '""', "1"]),
    Specimen("own schema with a chain", Chained, NUMBERS),
]

SPECIMENS = [*ANNOTATED, *FIELD_VALIDATORS, *MODEL_VALIDATORS, *HOOKS, *COMPUTED, *REST]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda specimen: specimen.name)
def test_user_code_is_called_as_by_pydantic(specimen: Specimen, place: str) -> None:
    tp = PLACES[place][0](specimen.tp)
    for text in specimen.texts(place):
        same_calls(tp, text, dumps=specimen.dumps)


TOLD = [specimen for specimen in SPECIMENS if "info" in specimen.name or "post_init" in specimen.name]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("specimen", TOLD, ids=lambda specimen: specimen.name)
def test_user_code_is_told_the_context(specimen: Specimen, place: str) -> None:
    tp = PLACES[place][0](specimen.tp)
    for text in specimen.texts(place):
        same_calls(tp, text, context={"language": "en"})


@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda specimen: specimen.name)
def test_the_code_is_called_at_all(specimen: Specimen) -> None:
    called = [calls_of_pydantic(specimen.tp, text, None, specimen.dumps) for text in specimen.values]
    assert any(called)


class WrappedTree(BaseModel):
    inside: WrappedTree | None = None

    @model_validator(mode="wrap")
    @classmethod
    def around(cls, data: Any, handler: Handler) -> Any:
        note("around", data)
        return handler(data)


@pytest.mark.parametrize("tp", [WrappedTree, list[WrappedTree]])
def test_a_validator_around_a_model_that_contains_itself(tp: Any) -> None:
    text = '{"inside": {"inside": {}}}'
    same_calls(tp, text if tp is WrappedTree else f"[{text}]")
