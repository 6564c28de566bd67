"""A table of types: of each its name, documents that pydantic takes, and documents that it refuses.

One `shape` for each way that a type may be put together. The tests ask pydantic what a document means;
the table only says which documents are worth asking about.
"""

import collections
import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from functools import cached_property
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    Required,
    TypeVar,
    Union,
    cast,
)
from uuid import UUID

import pydantic
from annotated_types import Ge, Len, MultipleOf
from pydantic import (
    UUID4,
    AfterValidator,
    AliasChoices,
    AliasPath,
    AnyUrl,
    AwareDatetime,
    Base64Bytes,
    Base64Str,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Discriminator,
    FailFast,
    Field,
    FiniteFloat,
    GetCoreSchemaHandler,
    HttpUrl,
    InstanceOf,
    Json,
    JsonValue,
    NaiveDatetime,
    OnErrorOmit,
    PastDate,
    PlainSerializer,
    PlainValidator,
    PositiveInt,
    PrivateAttr,
    RootModel,
    Secret,
    SecretBytes,
    SecretStr,
    SerializationInfo,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    SkipValidation,
    Strict,
    StrictInt,
    StrictStr,
    StringConstraints,
    Tag,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapSerializer,
    WrapValidator,
    computed_field,
    conint,
    conlist,
    constr,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
    with_config,
)
from pydantic.alias_generators import to_camel
from pydantic_core import MISSING, CoreSchema, PydanticCustomError, PydanticOmit, PydanticUseDefault, core_schema
from typing_extensions import TypeAliasType, TypedDict

from streamkit import Stream

__all__ = ["SHAPES", "Shape"]


@dataclass(frozen=True, eq=False)
class Shape:
    """A type, and documents for it.

    Attributes:
        name: what the test is called.
        tp: what `TypeAdapter` takes.
        valid: documents it takes.
        invalid: documents it refuses.
        options: `strict` and `context`, for pydantic and for streamkit alike.
        revises: a validator changes what was told: law 3 allows `replace` and `remove`.
        unordered: lists in the dump come in the order of a set.
    """

    name: str
    tp: Any
    valid: Sequence[str]
    invalid: Sequence[str]
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    revises: bool = False
    unordered: bool = False

    def __repr__(self) -> str:
        return f"Shape({self.name!r})"


SHAPES: list[Shape] = []


def shape(
    name: str,
    tp: Any,
    valid: Sequence[str],
    invalid: Sequence[str],
    *,
    revises: bool = False,
    unordered: bool = False,
    **options: Any,
) -> None:
    """Put a line into the table."""
    SHAPES.append(Shape(name, tp, valid, invalid, options, revises, unordered))


# -- unions with a discriminator -------------------------------------------------------------------------


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int
    motto: str = "purr"


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str
    toys: list[str] = []


Animal = Annotated[Cat | Dog, Field(discriminator="kind")]

shape(
    "tagged by a field",
    Animal,
    [
        '{"kind": "cat", "lives": 9}',
        '{"toys":["ball","bone"],"kind":"dog","name":"Rex"}',
        ' { "name" : "Rex" , "toys" : [ ] , "kind" : "dog" } ',
        '{"kind":"dog","kind":"cat","lives":9,"name":"R"}',
        '{"motto":"me","lives":3,"more":[1,{"a":2}],"kind":"cat"}',
    ],
    [
        '{"kind": "cow", "lives": 9}',
        '{"lives": 9, "motto": "x"}',
        '{"kind": "cat", "lives": "many", "motto": 1}',
        '{"name": "Rex", "toys": {}, "kind": "dog"}',
        '["cat"]',
        '{"kind": 1, "lives": 1}',
        '{"kind":"cat","kind":"cow","lives":9}',
        '{"kind": "dog"}',
    ],
)
shape(
    "tagged, in a list",
    list[Animal],
    ['[{"kind":"cat","lives":1},{"name":"Rex","kind":"dog"}]', "[]", '[{"lives":1,"kind":"cat"}]'],
    ['[{"kind":"cat","lives":1},{"kind":"cow"},{"lives":2}]', '[{"kind":"cat"},null]', '{"kind":"cat"}'],
)


class Owner(BaseModel):
    pet: Animal | None = None
    name: str


shape(
    "tagged, optional",
    Owner,
    [
        '{"name":"Jo"}',
        '{"pet":null,"name":"Jo"}',
        '{"name":"Jo","pet":{"kind":"cat","lives":9}}',
        '{"pet":{"toys":["a"],"name":"R","kind":"dog"},"name":"Jo"}',
    ],
    ['{"pet":{"kind":"cow"},"name":"Jo"}', '{"pet":{},"name":1}', '{"pet":{"kind":"cat"}}', '{"pet":7,"name":"Jo"}'],
)


class AliasedCat(BaseModel):
    kind: Literal["cat"] = Field(alias="type")
    lives: int


class AliasedDog(BaseModel):
    kind: Literal["dog"] = Field(alias="type")
    name: str


shape(
    "tagged by an alias",
    Annotated[AliasedCat | AliasedDog, Field(discriminator="kind")],
    ['{"type":"cat","lives":9}', '{"name":"Rex","type":"dog"}', '{"type":"dog","type":"cat","lives":9}'],
    ['{"kind":"cat","lives":9}', '{"type":"cow"}', '{"type":"cat","lives":[]}'],
)


class Species(StrEnum):
    CAT = "cat"
    LION = "lion"
    DOG = "dog"


class FelineByEnum(BaseModel):
    species: Literal[Species.CAT, Species.LION]
    lives: int = 9


class CanineByEnum(BaseModel):
    name: str
    species: Literal[Species.DOG]


shape(
    "tagged by an enum",
    Annotated[FelineByEnum | CanineByEnum, Field(discriminator="species")],
    ['{"species":"lion"}', '{"lives":3,"species":"cat"}', '{"name":"Rex","species":"dog"}'],
    ['{"species":"LION"}', '{"species":"dog"}', '{"species":"cat","lives":"x"}', '{"species":null}'],
)


class Feline(BaseModel):
    kind: Literal["cat", "lion"] = "cat"
    lives: int = 9


class Canine(BaseModel):
    kind: Literal["dog", "wolf"] = "dog"
    name: str = ""


shape(
    "tagged by one of several literals",
    Annotated[Feline | Canine, Field(discriminator="kind")],
    ['{"kind":"lion","lives":1}', '{"name":"Rex","kind":"wolf"}', '{"kind":"cat"}'],
    ["{}", '{"kind":"fox"}', '{"kind":"dog","name":null}'],
)


class First(BaseModel):
    version: Literal[1]
    text: str


class Later(BaseModel):
    version: Literal[2, 3]
    texts: list[str]


shape(
    "tagged by an int",
    Annotated[First | Later, Field(discriminator="version")],
    [
        '{"version":1,"text":"a"}',
        '{"texts":["a"],"version":3}',
        '{"version": 2 ,"texts":[]}',
        '{"version":true,"text":"a"}',
    ],
    ['{"version":"1","text":"a"}', '{"version":4}', '{"version":2,"texts":"a"}', '{"version":false}'],
)


class BlackCat(BaseModel):
    kind: Literal["cat"]
    color: Literal["black"]
    luck: int


class WhiteCat(BaseModel):
    kind: Literal["cat"]
    color: Literal["white"]
    nap: str


AnyCat = Annotated[BlackCat | WhiteCat, Field(discriminator="color")]

shape(
    "tagged, nested",
    Annotated[AnyCat | Dog, Field(discriminator="kind")],
    [
        '{"kind":"cat","color":"black","luck":-1}',
        '{"nap":"long","color":"white","kind":"cat"}',
        '{"kind":"dog","name":"Rex"}',
        '{"color":"white","kind":"cat","nap":"x","color":"black","luck":1}',
    ],
    [
        '{"kind":"cat","color":"red"}',
        '{"kind":"cat"}',
        '{"color":"black"}',
        '{"kind":"cat","color":"black","luck":"x"}',
    ],
)
shape(
    "tagged, in dict values and tuples",
    dict[str, tuple[int, Animal]],
    ['{"a":[1,{"kind":"cat","lives":1}],"b":[2,{"name":"R","kind":"dog"}]}', "{}"],
    ['{"a":[1,{"kind":"cow"}],"b":[2,{"kind":"cat","lives":1}]}', '{"a":[1]}', '{"a":{"kind":"cat"}}'],
)


def tag_of(value: Any) -> str | None:
    """The callable discriminator of `Sized`."""
    if isinstance(value, dict):
        return "box" if "width" in cast("dict[str, object]", value) else None
    return "number" if isinstance(value, int) else getattr(value, "tag", None)


class Box(BaseModel):
    width: int
    label: str = ""


Sized = Annotated[Annotated[Box, Tag("box")] | Annotated[int, Tag("number")], Discriminator(tag_of)]

shape(
    "tagged by a function",
    Sized,
    ["5", '{"width":5}', '{"label":"big","width":5}'],
    ['{"label":"big"}', '{"width":"wide"}', '"5"', "null"],
)
shape(
    "tagged by a function with its own error",
    list[
        Annotated[
            Annotated[Box, Tag("box")] | Annotated[int, Tag("number")],
            Discriminator(
                tag_of, custom_error_type="size", custom_error_message="no size: {n}", custom_error_context={"n": 1}
            ),
        ]
    ],
    ['[5,{"width":5,"label":"x"}]', "[]"],
    ['[{"label":"big"},5]', '[{"width":[]}]', "[[]]"],
)


class CatDict(TypedDict):
    kind: Literal["cat"]
    lives: int


class DogDict(TypedDict, total=False):
    kind: Required[Literal["dog"]]
    name: str


@dataclass
class CowData:
    kind: Literal["cow"]
    milk: float = 0.5


shape(
    "tagged typed dicts and dataclasses",
    Annotated[CatDict | DogDict | CowData, Field(discriminator="kind")],
    ['{"kind":"cat","lives":9}', '{"kind":"dog"}', '{"milk":2,"kind":"cow"}', '{"name":"R","kind":"dog","x":1}'],
    ['{"kind":"cat"}', '{"kind":"cow","milk":"x"}', '{"kind":"hen"}', '{"name":"R"}'],
)


class Num(BaseModel):
    op: Literal["num"] = "num"
    value: float


class Sum(BaseModel):
    op: Literal["sum"] = "sum"
    left: "Expression"
    right: "Expression"


Expression = Annotated[Num | Sum, Field(discriminator="op")]
Sum.model_rebuild()

shape(
    "tagged, recursive",
    Sum,
    [
        '{"left":{"op":"num","value":1},"right":{"value":2,"op":"num"}}',
        '{"op":"sum","right":{"op":"num","value":1},"left":{"left":{"op":"num","value":1},"op":"sum","right":{"op":"num","value":2}}}',
    ],
    [
        '{"left":{"op":"num","value":"x"},"right":{"op":"div"}}',
        '{"left":{"op":"sum","left":{"op":"num","value":1}},"right":{}}',
        '{"op":"num","left":1}',
    ],
)


class StrictCat(BaseModel, extra="forbid"):
    kind: Literal["cat"]
    name: str


class OpenDog(BaseModel, extra="allow"):
    kind: Literal["dog"]


shape(
    "tagged, extra forbidden and allowed",
    Annotated[StrictCat | OpenDog, Field(discriminator="kind")],
    ['{"kind":"cat","name":"Tom"}', '{"a":{"b":[1]},"kind":"dog","c":"d"}', '{"kind":"dog"}'],
    ['{"kind":"cat","name":"Tom","a":1,"b":2}', '{"a":1,"kind":"cat"}', '{"a":1}'],
)


class Polite(BaseModel):
    kind: Literal["polite"]
    word: str

    @model_validator(mode="before")
    @classmethod
    def fill(cls, data: Any) -> Any:
        return {"word": "please", **cast("dict[str, object]", data)} if isinstance(data, dict) else data


class Loud(BaseModel):
    kind: Literal["loud"]
    word: str

    @field_validator("word")
    @classmethod
    def shout(cls, word: str) -> str:
        return word.upper()


shape(
    "tagged, members with validators",
    Annotated[Polite | Loud, Field(discriminator="kind")],
    ['{"kind":"polite"}', '{"kind":"loud","word":"hey"}', '{"word":"you","kind":"loud"}'],
    ['{"kind":"loud"}', '{"kind":"polite","word":1}', '{"word":"x"}'],
    revises=True,
)

# -- unions without one ----------------------------------------------------------------------------------


class User(BaseModel):
    name: str
    age: int = 0


class Place(BaseModel):
    street: str
    town: str = "here"


shape(
    "union of models",
    User | Place,
    ['{"name":"Jo"}', '{"town":"there","street":"Main"}', '{"age":4,"name":"Jo"}', '{"street":"Main","name":"Jo"}'],
    ['{"name":1}', "{}", '{"street":"Main","town":[]}', "[]"],
)


class CatCard(BaseModel):
    kind: Literal["cat"]
    note: str


class DogCard(BaseModel):
    kind: Literal["dog"]
    note: str


shape(
    "union of models with literals",
    CatCard | DogCard,
    ['{"kind":"cat","note":"x"}', '{"note":"x","kind":"dog"}', '{"note":"x","more":1,"kind":"cat"}'],
    ['{"kind":"cow","note":"x"}', '{"note":"x"}', '{"kind":"dog","note":2}'],
)


class Narrow(BaseModel, extra="forbid"):
    a: int


class Wide(BaseModel, extra="forbid"):
    a: int
    b: str = ""


shape(
    "union of models that forbid extra",
    Narrow | Wide,
    ['{"a":1}', '{"a":1,"b":"x"}', '{"b":"x","a":1}'],
    ['{"a":1,"c":"x"}', '{"b":"x"}', '{"a":"x"}'],
)


class Lesser(BaseModel):
    a: int
    b: int = 0


class Greater(BaseModel):
    a: int
    b: int = 0
    c: int = 0


shape(
    "union decided by the count of fields",
    Lesser | Greater,
    ['{"a":1}', '{"a":1,"c":2}', '{"c":2,"b":1,"a":0}', '{"a":1,"b":2}'],
    ['{"c":1}', '{"a":1,"c":"x","b":"x"}'],
)
shape("int or str", int | str, ["1", '"1"', '"a b"', "1.0"], ["null", "[1]", "1.5"])
shape("str or int", list[str | int], ['[1,"1","a"]', "[]", '["\\u00e9",-0]'], ["[1.5]", '["a",null,1]', '"a"'])
shape("float or int", list[float | int], ["[1,1.0,1e3,-0]", '["1","1.5"]', "[12345678901234567890]"], ['["x"]', "[[]]"])
shape("bool or int", list[bool | int], ["[true,1,0,2]", '["true","2"]'], ["[1.5]", '[null,"x"]'])
shape("int or bool", list[int | bool], ["[true,1,0,2]", '["true","2"]'], ["[1.5]", '[null,"x"]'])
shape("date or str", list[date | str], ['["2024-03-15","soon","2024-03-15x"]', "[]"], ["[1e30,null]", "[true]"])
shape(
    "datetime or date", list[datetime | date], ['["2024-03-15","2024-03-15T01:02:03"]', "[0]"], ['["soon"]', "[null]"]
)
shape(
    "literal or str",
    list[Literal["auto", 5] | str],  # noqa: PYI051  # a value that is in both is what is tried
    ['["auto","other",5]', '["auto "]'],
    ["[6]", "[null]"],
)
shape("enum or str", list[Species | str], ['["cat","cats","dog"]', "[]"], ["[1]", '["cat",null]'])
shape(
    "UUID or str",
    list[UUID | str],
    ['["12345678-1234-5678-1234-567812345678","1234"]', '["x"]'],
    ["[1]", '["x",null]'],
)
shape(
    "datetime or str",
    list[datetime | str],
    ['["2024-03-15T10:00:00+00:00","2024-03-15","soon",""]'],
    ["[null]", '["x",{}]'],
)
shape("time or str", list[time | str], ['["09:30","09:30:00","noon"]'], ["[null]", '["x",[]]'])
shape("timedelta or str", list[timedelta | str | None], ['["1 day","PT90S","x",null]'], ["[true]", '["x",[]]'])
shape("Decimal or str", dict[str, Decimal | str], ['{"a":"1e3","b":"1.50","c":"x","d":1}'], ['{"a":null}'])
shape("UUID in capitals or str", list[UUID | str], ['["12345678-1234-5678-1234-56781234567F"]'], ["[1]"])
shape("str or datetime", list[str | datetime], ['["2024-03-15T10:00:00+00:00","soon",0]'], ["[null]"])
shape(
    "str or time, left to right",
    list[Annotated[str | time, Field(union_mode="left_to_right")]],
    ['["09:30","noon",0]'],
    ["[null]"],
)
shape(
    "list with a serializer or str",
    list[Annotated[list[int], PlainSerializer(len)] | str],
    ['["x",[1]]', '["1"]'],
    ["[1]", '[["x"]]'],
)
shape("constr or int", constr(max_length=2) | int, ['"ab"', "123", '"123"'], ['"abc"', "1.5"])
shape("str or bool or none", list[str | bool | None], ['["a",null,true,"true"]', "[]"], ["[2]", "[1.5,{}]"])
shape("strict int or str", list[Annotated[int, Strict()] | str], ['[1,"1"]', '["x"]'], ["[1.5]", "[true]"])
shape(
    "list or dict",
    list[int] | dict[str, int],
    ["[1,2]", '{"a":1}', "[]", "{}", '{"a":1,"a":2}', '[1,"2"]'],
    ['["x"]', '{"a":"x"}', "1"],
)
shape(
    "model, list, str or none",
    User | list[User] | None | str,
    ['{"name":"Jo"}', '[{"name":"Jo"},{"age":1,"name":"Al"}]', "null", '"Jo"', "[]"],
    ['{"age":1}', '[{"name":"Jo"},{}]', "1", '[{"name":"Jo","age":"x"}]'],
)
shape(
    "lists of int or of str",
    list[int] | list[str],
    ["[1,2]", '["a","b"]', '["1"]', '[1,"2"]', "[]"],
    ['[1,"a"]', "[null]", "{}"],
)
shape(
    "dicts of int or of lists",
    dict[str, int] | dict[str, list[int]],
    ['{"a":1}', '{"a":[1],"b":[]}', "{}"],
    ['{"a":1,"b":[1]}', '{"a":"x"}', "[]"],
)
shape("list of models or of str", list[User | str], ['["Jo",{"name":"Al"}]', "[]"], ['["Jo",{"name":1}]', "[1]"])


class LeftToRight(BaseModel):
    a: Annotated[int | str, Field(union_mode="left_to_right")]
    b: Annotated[str | int | None, Field(union_mode="left_to_right")] = None


shape(
    "left to right",
    LeftToRight,
    ['{"a":"1"}', '{"b":2,"a":"x"}', '{"a":1.0,"b":"2"}'],
    ['{"a":[]}', '{"a":1,"b":1.5}', "{}"],
)
shape(
    "left to right of models",
    Annotated[User | Wide | list[int], Field(union_mode="left_to_right")],
    ['{"name":"Jo","a":1}', '{"a":1}', "[1]"],
    ['{"a":1,"c":2}', '{"name":2}', '["x"]'],
)
shape(
    "nested unions",
    Union[int, Optional[list[Annotated[str | bool, Field(union_mode="left_to_right")] | int]]],  # noqa: UP007, UP045  # the old spelling is what is tried
    ["1", "null", '["a",true,3]', "[]"],
    ['"x"', "[[]]", '["a",1.5]'],
)


class Maybe(BaseModel):
    number: int | str | None = None
    model: User | Place | None = None
    items: list[int] | dict[str, int] | None = None
    old: Optional[Union[int, User]] = None  # noqa: UP007, UP045  # the old spelling is what is tried


shape(
    "optional unions",
    Maybe,
    [
        "{}",
        '{"number":null,"model":null,"items":null,"old":null}',
        '{"old":{"name":"Jo"},"items":{"a":1},"model":{"street":"s"},"number":"n"}',
        '{"number":1,"old":5,"items":[1]}',
    ],
    ['{"number":1.5,"model":{}}', '{"items":["x"]}', '{"old":"x","model":{"name":1}}'],
)


class Pair(BaseModel):
    one: int | str
    two: int | str
    more: list[int | str] = []


shape(
    "unions side by side",
    Pair,
    ['{"one":1,"two":"b"}', '{"more":["x",1],"two":"2","one":"1"}', '{"one":1,"one":"a","two":2}'],
    ['{"one":[],"two":null}', '{"one":1}', '{"one":1,"two":2,"more":[{}]}'],
)


class Checked(BaseModel):
    a: Annotated[int, AfterValidator(lambda value: value + 1)] | Annotated[str, AfterValidator(str.upper)]


shape("union of validated", Checked, ['{"a":1}', '{"a":"x"}', '{"a":"1"}'], ['{"a":null}', "{}"], revises=True)

# -- literals and enums ----------------------------------------------------------------------------------


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Color(Enum):
    RED = "red"
    TWO = 2
    NONE = None


class OldStyle(str, Enum):  # noqa: UP042  # many still write it so
    A = "a"
    B = "b"


class Loose(Enum):
    YES = "yes"
    NO = "no"

    @classmethod
    def _missing_(cls, value: object) -> "Loose | None":
        return cls.YES if str(value).lower() in ("y", "1") else None


class Ratio(float, Enum):
    HALF = 0.5
    ONE = 1.0


shape(
    "literal",
    list[Literal["a", "b", 1, True, None]],  # noqa: PYI061  # None among the values is what is tried
    ['["a",1,true,null]', '["b"]'],
    ['["c"]', "[2]", "[false]"],
)
shape("one literal", Literal["only"], ['"only"', ' "only" ', '"\\u006fnly"'], ['"onl"', "1", "{}"])
shape("str enum", list[Species], ['["cat","dog"]', "[]"], ['["cow"]', "[1]", '["cat",[]]'])
shape("old str enum", dict[str, OldStyle], ['{"x":"a","y":"b"}', '{"x":"a","x":"b"}'], ['{"x":"c"}', '{"x":null}'])
shape("int enum", list[Level], ["[1,2]", '["1"]', "[1.0]"], ["[3]", '["LOW"]', "[null]"])
shape("mixed enum", list[Color], ['["red",2,null]', "[]"], ['["blue"]', "[3]"])
shape("float enum", list[Ratio], ["[0.5,1.0,1]", '["0.5"]'], ["[0.25]", '["x"]'])
shape("enum with _missing_", list[Loose], ['["yes","Y",1]', "[]"], ['["maybe"]', "[0]"])


class UsesValues(BaseModel, use_enum_values=True):
    species: Species
    level: Level = Level.LOW
    colors: list[Color] = []


shape(
    "use_enum_values",
    UsesValues,
    ['{"species":"cat"}', '{"colors":["red",2],"level":2,"species":"dog"}', '{"species":"cat","level":1}'],
    ['{"species":"cow"}', '{"species":"cat","level":9}', '{"species":"cat","colors":"red"}'],
)

# -- recursion and generics ------------------------------------------------------------------------------


class Branch(BaseModel):
    name: str
    branches: list["Branch"] = []
    best: "Branch | None" = None


shape(
    "recursive",
    Branch,
    [
        '{"name":"a"}',
        '{"branches":[{"name":"b","branches":[{"name":"c"}]},{"name":"d"}],"name":"a"}',
        '{"name":"a","best":{"best":null,"name":"b"}}',
        '{"name":"a","best":{"name":"b"},"best":null}',
    ],
    ['{"name":"a","branches":[{"branches":[]}]}', '{"best":{"name":"b","best":1},"name":2}', '{"branches":{}}'],
)


class Egg(BaseModel):
    hen: "Hen | None" = None
    size: int = 1


class Hen(BaseModel):
    eggs: dict[str, Egg] = {}
    name: str = "hen"


Egg.model_rebuild()
shape(
    "mutually recursive",
    Egg,
    ["{}", '{"hen":{"eggs":{"a":{"size":2},"b":{"hen":null}}}}', '{"size":3,"hen":{"name":"H","eggs":{}}}'],
    ['{"hen":{"eggs":{"a":{"size":"x"}}},"size":null}', '{"hen":[]}', '{"hen":{"eggs":[]}}'],
)

Nested = TypeAliasType("Nested", "int | str | list[Nested] | dict[str, Nested]")
shape(
    "recursive alias",
    Nested,
    ["1", '[1,["a",{"b":[]}]]', '{"a":{"b":"c"}}', '"x"'],
    ["null", "[1,[null]]", '{"a":1.5}'],
)

ItemT = TypeVar("ItemT")


class Page(BaseModel, Generic[ItemT]):
    items: list[ItemT]
    next: "Page[ItemT] | None" = None
    first: ItemT | None = None


shape(
    "generic model",
    Page[User],
    [
        '{"items":[{"name":"Jo"}]}',
        '{"next":{"items":[]},"items":[{"age":1,"name":"Al"}],"first":{"name":"Jo"}}',
        '{"items":[],"first":null}',
    ],
    ['{"items":[{"age":1}]}', '{"items":[],"next":{}}', '{"items":{},"first":[]}'],
)
shape(
    "generic of a union", Page[int | str], ['{"items":[1,"a"],"first":"x"}', '{"items":[]}'], ['{"items":[[]]}', "{}"]
)
shape(
    "generic without its type",
    Page,
    ['{"items":[1,"a",{"b":null}],"first":[1]}', '{"items":[]}'],
    ["{}", '{"items":1}'],
)
ListOf = TypeAliasType("ListOf", list[ItemT], type_params=(ItemT,))
shape("generic alias", ListOf[int], ["[1,2]", "[]"], ['["x"]', "{}", "[1,null]"])

# -- root models -----------------------------------------------------------------------------------------


class Users(RootModel[list[User]]):
    pass


class Scores(RootModel[dict[str, int]]):
    pass


class Title(RootModel[str]):
    pass


class Either(RootModel[int | str | None]):
    root: int | str | None = None


class OfModel(RootModel[User]):
    pass


class Bounded(RootModel[list[int]]):
    root: list[int] = Field(max_length=2)

    @model_validator(mode="after")
    def check(self) -> "Bounded":
        if 13 in self.root:
            raise ValueError("unlucky")
        return self


class HasRoots(BaseModel):
    users: Users = Users([])
    scores: Scores | None = None
    title: Title
    either: Either = Either(3)


shape("root of a list", Users, ['[{"name":"Jo"},{"age":3,"name":"Al"}]', "[]"], ['[{"age":1}]', "{}", "[1]"])
shape("root of a dict", Scores, ['{"a":1,"b":2}', "{}", '{"a":1,"a":2}'], ['{"a":"x"}', "[]", '{"a":1,"b":null}'])
shape("root of a str", Title, ['"x y"', '""', '"\\ud83d\\ude00"'], ["1", "null", "[]"])
shape("root of a union", Either, ["1", '"x"', "null"], ["[]", "1.5"])
shape(
    "root of a model", OfModel, ['{"name":"Jo"}', '{"age":1,"name":"Jo","x":[]}'], ['{"age":1}', "[]", '{"name":null}']
)
shape("root with validators", Bounded, ["[1,2]", "[]"], ["[1,2,3]", "[13]", '["x"]', "{}"])
shape(
    "roots in a model",
    HasRoots,
    [
        '{"title":"t"}',
        '{"either":"e","title":"t","scores":{"a":1},"users":[{"name":"Jo"}]}',
        '{"title":"t","scores":null,"either":null}',
    ],
    ['{"users":[{}],"title":"t"}', '{"title":1,"scores":{"a":"x"}}', '{"either":[],"title":"t"}'],
)

# -- dataclasses -----------------------------------------------------------------------------------------


@dataclass
class Point:
    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list[str])


@dataclass(slots=True, kw_only=True, frozen=True)
class Slotted:
    name: str
    size: float = 1.5
    inner: Point | None = None


@pydantic.dataclasses.dataclass
class Account:
    name: str
    pin: InitVar[int]
    length: int = field(default=0, init=False)
    tags: list[str] = Field(default_factory=list[str], alias="labels")

    def __post_init__(self, pin: int) -> None:
        self.length = len(str(pin))


@pydantic.dataclasses.dataclass(config=ConfigDict(extra="forbid", str_strip_whitespace=True))
class Tight:
    name: str
    count: Annotated[int, Ge(0)] = 0

    @field_validator("name")
    @classmethod
    def not_empty(cls, name: str) -> str:
        if not name:
            raise ValueError("empty")
        return name.title()


@pydantic.dataclasses.dataclass(config=ConfigDict(extra="allow"))
class Open:
    name: str

    @model_validator(mode="after")
    def check(self) -> "Open":
        if self.name == "bad":
            raise ValueError("bad name")
        return self


@dataclass
class Child(Point):
    z: "Child | None" = None


shape(
    "dataclass",
    Point,
    ['{"x":1}', '{"tags":["a","b"],"y":2,"x":1}', ' {"x" : 1, "x": 2 , "u": 0} '],
    ['{"y":1}', '{"x":"a","tags":[1]}', "[1,2]", '{"x":1,"tags":{}}'],
)
shape(
    "dataclass with slots",
    list[Slotted],
    ['[{"name":"a","inner":{"x":1}},{"size":2,"name":"b"}]', '[{"inner":null,"name":"c"}]'],
    ['[{"name":"a","inner":{}}]', '[{"size":1}]', '[{"name":"a","size":"x"}]'],
)
shape(
    "pydantic dataclass with an InitVar",
    Account,
    ['{"name":"a","pin":1234}', '{"labels":["x"],"pin":"12","name":"a"}', '{"pin":1,"name":"a","length":7}'],
    ['{"name":"a"}', '{"name":"a","pin":"x"}', '{"name":1,"pin":1,"labels":[2]}'],
    revises=True,
)
shape(
    "pydantic dataclass that forbids extra",
    Tight,
    ['{"name":" jo "}', '{"count":1,"name":"al"}', '{"name":"a","name":"b"}'],
    ['{"name":"  "}', '{"name":"a","x":1}', '{"count":-1,"name":2}'],
    revises=True,
)
shape(
    "pydantic dataclass that allows extra",
    Open,
    ['{"name":"a","more":[1],"m":{"x":"y"}}', '{"name":"a"}'],
    ['{"name":"bad"}', '{"more":1}', '{"name":[]}'],
)
shape(
    "dataclass, inherited and recursive",
    Child,
    ['{"x":1,"z":{"z":null,"x":2,"tags":["a"]}}', '{"x":1}'],
    ['{"x":1,"z":{"y":1}}', '{"z":1,"x":null}'],
)


class HasData(BaseModel):
    point: Point
    account: Account | None = None
    points: dict[str, Point] = {}


shape(
    "dataclasses in a model",
    HasData,
    ['{"point":{"x":1}}', '{"points":{"a":{"x":1,"y":2}},"account":{"name":"n","pin":1},"point":{"x":0}}'],
    ['{"point":{}}', '{"point":{"x":1},"points":{"a":{"x":[]}}}', '{"point":{"x":1},"account":{"name":"n"}}'],
    revises=True,
)

# -- typed dicts, named tuples, tuples -------------------------------------------------------------------


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Partly(TypedDict, total=False):
    name: Required[str]
    user: User
    tags: list[str]


@with_config(extra="forbid")
class Closed(TypedDict):
    a: int
    b: NotRequired[str]


class OpenDict(TypedDict):
    __pydantic_config__ = ConfigDict(extra="allow", str_to_upper=True)  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]  # as pydantic asks
    a: str


class AliasedDict(TypedDict):
    a: Annotated[int, Field(alias="A")]
    b: NotRequired[Annotated[str, Field(validation_alias=AliasChoices("b1", "b2"), max_length=2)]]


shape(
    "typed dict",
    Movie,
    ['{"title":"a"}', '{"year":1,"title":"a","x":2}', '{"title":"a","title":"b"}'],
    ['{"year":1}', '{"title":1,"year":"x"}', "[]"],
)
shape(
    "typed dict, not total",
    Partly,
    ['{"name":"a"}', '{"tags":["x"],"user":{"name":"Jo"},"name":"a"}'],
    ['{"tags":[1]}', '{"name":"a","user":{}}', '{"name":"a","tags":null}'],
)
shape(
    "typed dict that forbids extra", Closed, ['{"a":1}', '{"b":"x","a":1}'], ['{"a":1,"c":1}', '{"b":1}', '{"a":"x"}']
)
shape(
    "typed dict that allows extra",
    OpenDict,
    ['{"a":"x","b":"y"}', '{"c":[1],"a":"x"}'],
    ['{"b":"y"}', '{"a":1}'],
    revises=True,
)
shape(
    "typed dict with aliases",
    AliasedDict,
    ['{"A":1}', '{"b2":"x","A":1}', '{"b1":"x","b2":"y","A":1}'],
    ['{"a":1}', '{"A":1,"b1":"xyz"}', '{"A":[]}'],
)
shape(
    "typed dicts in a model's list",
    Page[Movie],
    ['{"items":[{"title":"a","year":1},{"title":"b"}]}', '{"first":{"title":"c"},"items":[]}'],
    ['{"items":[{"year":1},{"title":"b"}]}', '{"items":[],"first":{"title":1}}'],
)


class Pixel(NamedTuple):
    x: int
    y: int = 0
    color: str | None = None


Bare = collections.namedtuple("Bare", ["left", "right"])  # noqa: PYI024  # pyright: ignore[reportUntypedNamedTuple]  # as some write it


class Line(NamedTuple):
    start: Pixel
    end: Pixel
    style: Annotated[str, AfterValidator(str.lower)] = "plain"


shape(
    "named tuple",
    Pixel,
    ["[1,2]", '{"y":2,"x":1}', '{"x":1}', '[1,2,"red"]', "[1]"],
    ["[]", '["x",1]', '{"y":1}', "[1,2,null,4]", '{"x":1,"z":2}', "1"],
)
shape("bare named tuple", Bare, ['[1,"a"]', '{"right":[1],"left":null}'], ["[1]", "[1,2,3]", '{"left":1}'])
shape(
    "nested named tuples",
    list[Line],
    ['[[[1,2],[3]],{"start":[1],"end":{"x":2},"style":"BOLD"}]', '[[[1,2,"RED"],[3],"X"]]', "[]"],
    ["[[[1,2]]]", '[[["x"],[3]]]', '[{"start":[1],"end":[]}]', "[[1,2]]"],
    revises=True,
)
shape(
    "tuple",
    tuple[int, str, bool],
    ['[1,"a",true]', ' [ "1" , "" , 0 ] '],
    ['[1,"a"]', '[1,"a",true,2]', '["x",1,true]', "{}"],
)
shape("variadic tuple", tuple[int, ...], ["[1,2,3]", "[]", '["4"]'], ['[1,"x",null]', "{}", "1"])


class Repeating:
    """Lets one item of a tuple come any number of times."""

    def __init__(self, index: int) -> None:
        self.index = index

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return {**cast("core_schema.TupleSchema", handler(source)), "variadic_item_index": self.index}


shape(
    "tuple, variadic in the middle",
    Annotated[tuple[int, str, bool], Repeating(1)],
    ["[1,true]", '[1,"a","b",false]', '[1,"a",true]'],
    ["[1]", '[1,"a",2,true]', '[1,"a","x"]', "[]"],
)
shape(
    "tuple, variadic first",
    Annotated[tuple[User, int], Repeating(0)],
    ['[{"name":"a"},{"name":"b"},3]', "[3]"],
    ["[]", '[{"name":"a"}]', "[1,2]"],
)
shape("empty tuple", tuple[()], ["[]", " [ ] "], ["[1]", "{}"])
shape(
    "tuples in tuples",
    tuple[tuple[int, str], Pixel, tuple[User, ...]],
    ['[[1,"a"],[1],[{"name":"Jo"}]]', '[[1,""],{"x":1},[]]'],
    ["[[1],[1],[]]", '[[1,"a"],[],[{}]]', '[[1,"a"],[1]]'],
)
shape("bounded tuple", Annotated[tuple[str, ...], Len(1, 2)], ['["a"]', '["a","b"]'], ["[]", '["a","b","c"]', "[1]"])

# -- sets and other containers ---------------------------------------------------------------------------

shape("set", set[int], ["[1,2,2,3]", "[]", '["1",1]'], ['["x"]', "{}", "[1,null]"], unordered=True)
shape("set of str", set[str], ['["b","a","b"]', "[]"], ["[1]", '"ab"'], unordered=True)
shape(
    "bounded set",
    Annotated[set[int], Len(1, 2)],
    ["[1,1,1]", "[1,2]"],
    ["[]", "[1,2,3]", '["x",1,2,3]'],
    unordered=True,
)
shape("frozenset", frozenset[Literal["a", "b"]], ['["a","b","a"]', "[]"], ['["c"]', "1"], unordered=True)
shape(
    "sets in a model",
    Page[frozenset[int]],
    ['{"items":[[1,1],[]],"first":[2]}', '{"items":[]}'],
    ['{"items":[["x"]]}', '{"items":[1]}'],
    unordered=True,
)
shape("deque", deque[int], ["[1,2]", "[]"], ['["x"]', "{}"])
shape("bounded deque", Annotated[deque[str], Len(1, 2)], ['["a"]', '["a","b"]'], ["[]", '["a","b","c"]', "[1]"])
shape(
    "dict with int keys",
    dict[int, str],
    ['{"1":"a","-2":"b"}', "{}", '{"1":"a","1":"b"}', '{"1":"a"," 1":"b"}'],
    ['{"x":"a"}', '{"1":1,"y":"b"}', "[]"],
)
shape(
    "dict with enum keys", dict[Species, int], ['{"cat":1,"dog":2}', '{"cat":1,"cat":3}'], ['{"cow":1}', '{"cat":"x"}']
)
shape(
    "dict with date keys", dict[date, list[str]], ['{"2024-03-15":["a"]}', "{}"], ['{"soon":[]}', '{"2024-03-15":[1]}']
)
shape(
    "dict with UUID keys", dict[UUID, bool], ['{"12345678123456781234567812345678":true}', "{}"], ['{"x":true}', "[]"]
)
shape(
    "dict with literal keys",
    dict[Literal["a", "b"], User],
    ['{"b":{"name":"Jo"},"a":{"name":"Al"}}', "{}"],
    ['{"c":{"name":"Jo"}}', '{"a":{}}'],
)
shape(
    "dict with constrained keys",
    dict[Annotated[str, StringConstraints(to_lower=True, max_length=3)], int],
    ['{"ABC":1,"d":2}', '{"A":1,"a":2}', "{}"],
    ['{"ABCD":1}', '{"a":"x","long":1}'],
)
shape("dict with float keys", dict[float, int], ['{"1.5":1,"2":2}', "{}"], ['{"x":1}', '{"1":null}'])
shape("dict with bool keys", dict[bool, str], ['{"true":"a","0":"b"}', "{}"], ['{"2":"a"}', '{"true":1}'])
shape(
    "dict of models",
    dict[str, User],
    ['{"a":{"name":"Jo"},"b":{"age":1,"name":"Al"}}', '{"a":{"name":"x"},"a":{"name":"y"}}', "{}"],
    ['{"a":{"age":1}}', '{"a":1,"b":{"name":"x"}}', "[]"],
)
shape(
    "bounded dict",
    Annotated[dict[str, int], Len(1, 2)],
    ['{"a":1}', '{"a":1,"b":2}', '{"a":1,"a":2,"b":3}'],
    ["{}", '{"a":1,"b":2,"c":3}', '{"a":"x"}'],
)
shape("dict, bare", dict, ['{"a":[1,{"b":null}]}', "{}"], ["[]", "1"])
shape("list, bare", list, ['["a",1,{}]', "[]"], ["{}", '"a"'])
shape("sequence", Sequence[int], ["[1,2]", "[]"], ['["x"]', "{}", '"ab"'])
shape("sequence of str", Sequence[str], ['["a"]', "[]"], ['"ab"', "[1]"])
shape("mapping", Mapping[str, int], ['{"a":1}', "{}", '{"a":1,"a":2}'], ['{"a":"x"}', "[]"])
shape("mapping with int keys", Mapping[int, User], ['{"1":{"name":"a"}}', "{}"], ['{"x":{"name":"a"}}', '{"1":{}}'])
shape("mutable mapping", MutableMapping[str, list[int]], ['{"a":[1]}', "{}"], ['{"a":["x"]}', "[]"])
shape("defaultdict", defaultdict[str, list[int]], ['{"a":[1],"b":[]}', "{}"], ['{"a":1}', "[]"])
shape("OrderedDict", OrderedDict[str, int], ['{"b":1,"a":2}', "{}"], ['{"a":null}', "[]"])
shape("Counter", Counter[str], ['{"b":1,"a":2}', "{}"], ['{"a":"x"}', "[]"])
shape("anything", Any, ['{"a":[1,"b",null]}', "1", '"x"', "[[]]"], [])
shape("object", object, ['{"a":[1,"b",null]}', "true", '""'], [])
shape("JSON value", JsonValue, ['{"a":[1,"b",null,{"c":1.5}]}', '"x"', "null"], [])


class Loosely(BaseModel):
    any: Any = None
    thing: object = 1
    value: JsonValue = None
    table: dict[str, Any] = {}
    rest: list[JsonValue] = []


shape(
    "anything in a model",
    Loosely,
    ["{}", '{"rest":[[],{}],"table":{"a":[1]},"value":{"x":"y"},"any":"text","thing":[null]}', '{"any":{"a":1,"a":2}}'],
    ['{"table":[]}', '{"rest":{},"any":1}'],
)

# -- scalars of many kinds -------------------------------------------------------------------------------

shape("str", str, ['"a\\n\\u00e9"', '""', ' "x" '], ["1", "null", "{}"])
shape("int", int, ["12", '"12"', "-3", "1e2"], ["1.5", '"x"', "null"])
shape("float", list[float], ['[1,1.5,"2.5",-0.0]', "[1e400]"], ['["x",true]', "[null,[]]"])
shape("bool", list[bool], ['[true,0,"yes","off",1.0]', "[]"], ["[2]", '["x"]', "[null]"])
shape("none", list[None], ["[null,null]", "[]"], ["[0]", '["null"]'])


class InBase64(BaseModel, val_json_bytes="base64", ser_json_bytes="base64"):
    data: bytes
    more: list[bytes] = []


class InHex(BaseModel, val_json_bytes="hex", ser_json_bytes="hex"):
    data: bytes = b"\xff"


shape("bytes", list[bytes], ['["a\\u00e9",""]', "[]"], ["[1]", "[null]"])
shape(
    "bytes in base64",
    InBase64,
    ['{"data":"aGk="}', '{"more":["AA==",""],"data":""}'],
    ['{"data":"%"}', '{"data":1,"more":["*"]}'],
)
shape("bytes in hex", InHex, ['{"data":"00ff"}', "{}"], ['{"data":"xyz"}', '{"data":[]}'])


class Secrets(BaseModel):
    password: SecretStr
    token: SecretBytes = SecretBytes(b"t")
    born: Secret[date] | None = None
    short: Annotated[SecretStr, Len(0, 3)] = SecretStr("")


shape(
    "secrets",
    Secrets,
    ['{"password":"x"}', '{"short":"abc","born":"2000-01-01","token":"tt","password":""}'],
    ['{"password":1}', '{"password":"x","short":"abcd"}', '{"born":"never","password":"x"}', "{}"],
)
shape("URL", list[HttpUrl], ['["https://a.b/c?d=e"]', '["HTTP://EXAMPLE.org"]'], ['["ftp://a.b"]', '["x"]', "[1]"])
shape("any URL", dict[str, AnyUrl], ['{"a":"redis://h:1/0"}', "{}"], ['{"a":"no"}', '{"a":null}'])
shape("path", list[Path], ['["a/b","/c"]', "[]"], ["[1]", "[null]"])


class Spans(BaseModel):
    span: timedelta
    more: list[timedelta] = []


class FloatSpans(Spans, ser_json_timedelta="float"):
    pass


shape(
    "timedelta",
    Spans,
    ['{"span":"P1DT2H"}', '{"more":[90,"00:01:00",0.5],"span":"-PT1S"}'],
    ['{"span":"x"}', '{"span":null}'],
)
shape(
    "timedelta as float",
    FloatSpans,
    ['{"span":"P1DT2H"}', '{"more":[90,"00:01:00"],"span":0.25}'],
    ['{"span":"x"}', "{}"],
)
shape("JSON in a string", list[Json[list[int]]], ['["[1,2]"," [] "]', "[]"], ['["[1,\\"x\\"]"]', '["{"]', "[[1]]"])
shape(
    "JSON in a model",
    Page[Json[User]],
    ['{"items":["{\\"name\\":\\"Jo\\"}"]}', '{"items":[]}'],
    ['{"items":["{}"]}', '{"items":[1]}'],
)
shape("any JSON in a string", list[Json[Any]], ['["[1]","\\"x\\"","null"]'], ['["x"]', "[null]"])
shape("byte size", list[ByteSize], ['["1.5 KiB",20,"3MB"]', "[]"], ['["x"]', "[null]"])
shape("decimal", list[Decimal], ['[1,1.50,"1.50","1e3"]', "[]"], ['["x"]', "[null]"])
shape(
    "bounded decimal",
    list[Annotated[Decimal, Field(max_digits=3, decimal_places=1, gt=0)]],
    ['["1.5",2]', "[]"],
    ['["1.55"]', '["-1"]', '["1000"]'],
)
shape("IP address", list[IPv4Address], ['["127.0.0.1"]', "[1]"], ['["x"]', '["::1"]', "[null]"])
shape("IP network", list[IPv6Network], ['["2001:db8::/32"]', "[]"], ['["x"]', "[[]]"])
shape("pattern", list[re.Pattern[str]], ['["^a+$"]', "[]"], ['["("]', "[1]"])
shape("base64 text", list[Base64Str], ['["aGk=",""]', "[]"], ['["a"]', "[1]"])
shape("base64 bytes", dict[str, Base64Bytes], ['{"a":"aGk="}', "{}"], ['{"a":"a"}', '{"a":[]}'])
shape("UUID", list[UUID], ['["12345678-1234-5678-1234-567812345678"]', "[]"], ['["1234"]', "[1]"])
shape(
    "UUID of version 4",
    list[UUID4],
    ['["a8098c1a-f86e-41da-9d3b-000000000000"]'],
    ['["12345678-1234-1678-1234-567812345678"]', '["x"]'],
)
shape("past date", list[PastDate], ['["2001-02-03"]', "[]"], ['["9999-01-01"]', '["x"]'])
shape(
    "times",
    tuple[date, time, datetime],
    ['["2024-02-29","10:11:12.5","2024-02-29T10:11:12Z"]', "[0,0,0]"],
    ['["2023-02-29","25:00","x"]', '["2024-01-01"]'],
)
shape(
    "aware and naive",
    tuple[AwareDatetime, NaiveDatetime],
    ['["2024-01-01T00:00:00+02:00","2024-01-01T00:00:00"]'],
    ['["2024-01-01T00:00:00","2024-01-01T00:00:00Z"]', "[]"],
)
shape("conint", conint(gt=1, lt=5, multiple_of=2), ["2", " 4 ", '"4"'], ["0", "5", "3", '"x"'])
shape("constr", constr(min_length=1, max_length=3, pattern="^[a-z]+$"), ['"a"', '"abc"'], ['""', '"abcd"', '"A"', "1"])
shape(
    "constr that changes",
    dict[str, Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=2)]],
    ['{"a":" AB ","b":"c"}', "{}"],
    ['{"a":"abc"}', '{"a":null}'],
    revises=True,
)
shape("conlist", conlist(int, min_length=1, max_length=2), ["[1]", "[1,2]"], ["[]", "[1,2,3]", '["x"]', "{}"])
shape("complex", list[complex], ['["1+2j",3]', '["j"]'], ['["x"]', "[null]"])
shape("fraction", list[Fraction], ['["1/3",2]', "[]"], ['["x"]', "[null]"])
shape(
    "strict scalars",
    tuple[StrictInt, StrictStr, Annotated[bool, Strict()]],
    ['[1,"a",true]'],
    ['["1","a",1]', '[1.0,1,"true"]'],
)
shape(
    "bounded numbers",
    tuple[PositiveInt, FiniteFloat, Annotated[int, MultipleOf(3)]],
    ["[1,1.5,9]", '["2",0,0]'],
    ["[0,1e400,4]", "[1,2]"],
)

# -- Annotated validators --------------------------------------------------------------------------------


def add_one(value: int) -> int:
    """An `after` validator that changes the value."""
    return value + 1


def as_text(value: object) -> str:
    """A validator that changes the type."""
    return f"<{value}>"


def not_nine(value: int) -> int:
    """A validator that refuses."""
    if value == 9:
        raise ValueError("not nine")
    assert value != 8, "not eight"
    if value == 7:
        raise PydanticCustomError("seven", "{number} is seven", {"number": value})
    return value


def split_commas(value: object) -> object:
    """A `before` validator."""
    return value.split(",") if isinstance(value, str) else value


def minus_if_wrong(value: object, handler: ValidatorFunctionWrapHandler) -> int:
    """A `wrap` validator that saves what is wrong."""
    try:
        return cast("int", handler(value))
    except ValidationError:
        if value == "stop":
            raise
        return -1


def backwards(values: list[int]) -> list[int]:
    """An `after` validator of a list."""
    return values[1:][::-1]


def name_of(user: User) -> str:
    """An `after` validator that puts another type in the model's place."""
    return user.name


def older(user: User) -> User:
    """An `after` validator that changes a model in place."""
    user.age += 1
    return user


def use_default(value: object) -> object:
    """A `before` validator that asks for the default."""
    if value == "default":
        raise PydanticUseDefault
    return value


def omit_zero(value: int) -> int:
    """An `after` validator that asks to be left out."""
    if value == 0:
        raise PydanticOmit
    return value


def omit_bad(value: str) -> str:
    """The same, on what streams."""
    if value == "bad":
        raise PydanticOmit
    return value


shape(
    "omitting values of a dict",
    dict[str, Annotated[int, AfterValidator(omit_zero)]],
    ['{"a":1,"b":0,"c":2}', '{"a":0}', '{"a":1,"a":0}', '{"a":0,"a":1}'],
    ['{"a":0,"b":"x"}', '{"a":"x","a":0}', "[]"],
)
shape(
    "omitting strings of a dict",
    Annotated[dict[str, Annotated[str, AfterValidator(omit_bad)]], Len(1)],
    ['{"a":"x","b":"bad","c":"y"}', '{"a":"x","a":"bad"}', '{"a":"bad","a":"x"}'],
    ['{"a":"bad"}', '{"a":"bad","b":1}', '{"a":1,"a":"bad"}'],
    revises=True,
)
shape("after", list[Annotated[int, AfterValidator(add_one)]], ["[1,2]", '["3"]'], ['["x"]', "[1,null]"])
shape("after, another type", list[Annotated[int, AfterValidator(as_text)]], ["[1,2]", "[]"], ['["x"]', "{}"])
shape("after, refusing", list[Annotated[int, AfterValidator(not_nine)]], ["[1,2]", "[]"], ["[9,8,7]", '[9,"x"]'])
shape(
    "after on str",
    Page[Annotated[str, AfterValidator(str.title)]],
    ['{"items":["a b","C"]}', '{"items":[]}'],
    ['{"items":[1]}', "{}"],
    revises=True,
)
shape(
    "after on a str, refusing",
    list[Annotated[str, AfterValidator(lambda text: str(int(text)))]],
    ['["1","22"]'],
    ['["x"]', "[1]"],
    revises=True,
)
shape(
    "after on a list", Annotated[list[int], AfterValidator(backwards)], ["[1,2,3]", "[]"], ['["x"]', "{}"], revises=True
)
shape(
    "after on a model",
    list[Annotated[User, AfterValidator(name_of)]],
    ['[{"name":"Jo"}]', "[]"],
    ['[{"age":1}]', "[1]"],
    revises=True,
)
shape(
    "after, in place",
    dict[str, Annotated[User, AfterValidator(older)]],
    ['{"a":{"name":"Jo","age":3},"b":{"name":"x"}}'],
    ['{"a":{}}', "[]"],
    revises=True,
)
shape(
    "after on a dict",
    Annotated[dict[str, int], AfterValidator(lambda table: {**table, "sum": sum(table.values())})],
    ['{"a":1,"b":2}', "{}"],
    ['{"a":"x"}', "[]"],
    revises=True,
)
shape("before", Annotated[list[int], BeforeValidator(split_commas)], ['"1,2"', "[1,2]"], ['"1,x"', "null"])
shape(
    "before in a model",
    Page[Annotated[list[str] | None, BeforeValidator(split_commas)]],
    ['{"items":["a,b",null,["c"]]}', '{"items":[]}'],
    ['{"items":[1]}', "{}"],
)
shape("wrap", list[Annotated[int, WrapValidator(minus_if_wrong)]], ['[1,"x",null,[]]', "[]"], ['["stop",1]', "{}"])
shape("plain", list[Annotated[int, PlainValidator(as_text)]], ['[1,"x",null]', "[]"], ["{}", "1"])
shape(
    "several",
    list[Annotated[int, BeforeValidator(split_commas), AfterValidator(add_one), AfterValidator(not_nine)]],
    ["[1,2]"],
    ["[8]", '["1,2"]', '["x"]'],
)
shape("optional after", list[Annotated[int, AfterValidator(add_one)] | None], ["[1,null]", "[]"], ['["x"]', "1"])
shape(
    "after on an optional",
    list[Annotated[str | None, AfterValidator(lambda text: text or "none")]],
    ['["a",null,""]'],
    ["[1]", "{}"],
    revises=True,
)
shape(
    "after on a union",
    list[Annotated[int | str, AfterValidator(as_text)]],
    ['[1,"a"]', "[]"],
    ["[1.5]", "[null]"],
    revises=True,
)
shape("skipped validation", list[SkipValidation[int]], ['[1,"x",{"a":[]}]', "[]"], ["{}"])
shape("instance of", list[InstanceOf[User] | int], ["[1]", '[{"name":"Jo"}]', "[]"], ['[{"age":1}]', '["x"]'])
shape(
    "transformed pipeline",
    list[Annotated[str, StringConstraints(pattern="^[0-9]+$"), AfterValidator(int), AfterValidator(add_one)]],
    ['["1","22"]'],
    ['["x"]', "[1]"],
    revises=True,
)
shape("omitting", list[Annotated[int, AfterValidator(omit_zero)]], ["[1,0,2,0]", "[]"], ['["x"]', "{}"])
shape(
    "after on a held value",
    tuple[Annotated[date, AfterValidator(lambda day: day.replace(day=1))], int],
    ['["2024-03-15",1]'],
    ['["x",1]', "[]"],
)


class Inserted:
    """A type that tells pydantic itself how it is validated and dumped."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Inserted) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Inserted({self.text!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls,
            core_schema.str_schema(max_length=4),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda value: f"={value.text}"),
        )


shape("type with its own schema", list[Inserted], ['["a","abcd"]', "[]"], ['["abcde"]', "[1]"])

# -- aliases ---------------------------------------------------------------------------------------------


class Aliased(BaseModel):
    one: int = Field(alias="ONE")
    two: str = Field(validation_alias="TWO", serialization_alias="zwei")
    three: list[str] = Field(default=[], serialization_alias="drei")


shape(
    "aliases",
    Aliased,
    ['{"ONE":1,"TWO":"b"}', '{"three":["c"],"TWO":"b","ONE":1,"one":"x"}', '{"TWO":"a","TWO":"b","ONE":2}'],
    ['{"one":1,"two":"b"}', '{"ONE":"x","TWO":2}', '{"ONE":1,"TWO":"b","three":null}'],
)


class Paths(BaseModel):
    first: str = Field(validation_alias=AliasPath("names", 0))
    last: str = Field(validation_alias=AliasPath("names", 1))
    deep: int = Field(default=0, validation_alias=AliasPath("a", "b", 0))


shape(
    "alias paths",
    Paths,
    [
        '{"names":["Jo","Doe"]}',
        '{"a":{"b":[5]},"names":["Jo","Doe","x"]}',
        '{"names":["a","b"],"names":["c","d"],"a":1}',
    ],
    ['{"names":["Jo"]}', '{"names":["Jo",1],"a":{"b":["x"]}}', '{"names":{}}'],
)


class Choices(BaseModel):
    name: str = Field(validation_alias=AliasChoices("name", "title", AliasPath("names", 0)))
    age: int = Field(default=0, validation_alias=AliasChoices("years", "age"))


shape(
    "alias choices",
    Choices,
    [
        '{"name":"a"}',
        '{"age":1,"title":"b"}',
        '{"names":["c"],"years":3}',
        '{"title":"b","age":1,"years":2,"name":"a"}',
    ],
    ['{"names":[]}', '{"title":1,"age":"x"}', '{"name":1,"title":"b"}', "{}"],
)


class Camel(BaseModel, alias_generator=to_camel):
    first_name: str
    last_seen: date | None = None


class CamelByName(Camel, populate_by_name=True):
    pass


class BothNames(BaseModel, validate_by_name=True, validate_by_alias=True):
    one: int = Field(alias="ONE")
    two: list[str] = Field(default_factory=list[str], alias="TWO")


class NamesOnly(BaseModel, validate_by_alias=False, validate_by_name=True):
    one: int = Field(alias="ONE")
    two: str = Field(default="x", alias="one_two")


shape(
    "alias generator",
    Camel,
    ['{"firstName":"Jo"}', '{"lastSeen":"2024-01-01","firstName":"Jo"}', '{"firstName":"Jo","lastSeen":null}'],
    ['{"first_name":"Jo"}', '{"firstName":1,"lastSeen":"x"}'],
)
shape(
    "populate by name",
    CamelByName,
    ['{"firstName":"Jo"}', '{"last_seen":"2024-01-01","first_name":"Jo"}', '{"first_name":"a","firstName":"b"}'],
    ['{"first_name":1}', '{"lastSeen":1.5}', "{}"],
)
shape(
    "by alias and by name",
    BothNames,
    ['{"one":1}', '{"TWO":["a"],"two":["b"],"ONE":2,"one":1}', '{"two":["b"],"ONE":2}'],
    ['{"one":"x","two":[1]}', '{"ONE":"x","one":1}', "{}"],
)
shape("by name only", NamesOnly, ['{"one":1}', '{"one_two":"a","one":1,"two":"b"}'], ['{"ONE":1}', '{"one":"x"}'])

# -- defaults --------------------------------------------------------------------------------------------


class Defaults(BaseModel):
    name: str = "none"
    numbers: list[int] = Field(default_factory=lambda: [1, 2])
    user: User = User(name="Al", age=4)
    when: date = date(2024, 1, 1)
    maybe: User | None = None


class DataDefaults(BaseModel):
    first: int
    second: int = Field(default_factory=lambda data: data["first"] + 1)
    third: list[int] = Field(default_factory=lambda data: [data["first"], data["second"]])


class CheckedDefaults(BaseModel, validate_default=True):
    size: int = cast("int", "5")
    when: Annotated[date, Field(validate_default=False)] = cast("date", "soon")
    text: Annotated[str, AfterValidator(str.upper)] = "x"


class WrongDefault(BaseModel):
    a: int
    b: Annotated[int, Field(default="x", validate_default=True)]


class UsesDefault(BaseModel):
    a: Annotated[int, BeforeValidator(use_default)] = 5
    b: Annotated[list[int], BeforeValidator(use_default)] = [1]


shape(
    "defaults",
    Defaults,
    [
        "{}",
        '{"maybe":{"name":"b"},"user":{"name":"c"},"numbers":[],"name":"a","when":"2020-01-01"}',
        '{"numbers":[3],"maybe":null}',
    ],
    ['{"numbers":["x"]}', '{"user":null}', '{"maybe":{},"name":1}'],
)
shape(
    "defaults from data",
    DataDefaults,
    ['{"first":1}', '{"second":5,"first":1}', '{"third":[],"first":1}'],
    ['{"first":"x"}', "{}", '{"first":1,"second":"x"}'],
)
shape(
    "checked defaults",
    CheckedDefaults,
    ["{}", '{"text":"abc","size":"7"}'],
    ['{"size":"x"}', '{"text":1}'],
    revises=True,
)
shape("wrong default", WrongDefault, ['{"b":1,"a":1}', '{"a":1,"b":"2"}'], ['{"a":1}', '{"a":"x"}'])
shape(
    "PydanticUseDefault",
    UsesDefault,
    ['{"a":"default","b":"default"}', '{"b":[2],"a":1}', "{}"],
    ['{"a":"x"}', '{"b":["x"]}'],
)

# -- computed fields and serializers ---------------------------------------------------------------------


class Computed(BaseModel):
    width: int
    height: int = 2

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def area(self) -> int:
        return self.width * self.height

    @computed_field(alias="Words")  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @cached_property
    def words(self) -> dict[str, list[User]]:
        return {"w": [User(name=str(self.width))]}


class WritesFields(BaseModel):
    plain: int
    wrapped: str = "w"
    listed: list[int] = []

    @field_serializer("plain")
    def write_plain(self, value: int) -> str:
        return f"{value}/{self.wrapped}"

    @field_serializer("wrapped", mode="wrap")
    def write_wrapped(self, value: str, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> str:
        return f"{handler(value)}:{info.mode}"

    @field_serializer("listed", when_used="unless-none")
    def write_listed(self, value: list[int]) -> dict[str, int]:
        return {"count": len(value)}


class WritesItself(BaseModel):
    a: int
    b: str = "b"

    @model_serializer
    def write(self) -> dict[str, object]:
        return {"sum": f"{self.a}{self.b}", "list": [self.a]}


class WrapsItself(BaseModel):
    a: int
    b: list[str] = []

    @model_serializer(mode="wrap")
    def write(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        return {**handler(self), "more": True}


Shown = Annotated[int, PlainSerializer(lambda value: f"#{value}")]
OnlyPython = Annotated[int, PlainSerializer(lambda value: f"#{value}", when_used="unless-none")]
Wrapped = Annotated[list[int], WrapSerializer(lambda value, handler: {"items": handler(value)})]


class Hidden(BaseModel):
    shown: str
    hidden: str = Field(default="h", exclude=True)
    inner: list[User] = Field(default=[], exclude=True)
    zero: int = Field(default=0, exclude_if=lambda value: value == 0)


class OpenComputed(BaseModel, extra="allow"):
    text: str

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def size(self) -> int:
        return len(self.text)


class LeavingOut(BaseModel):
    text: str

    @computed_field(exclude_if=lambda value: value == "no")  # type: ignore[prop-decorator]  # as above
    @property
    def plain(self) -> str:
        return self.text

    @computed_field(exclude_if=lambda value: value == "no")  # type: ignore[prop-decorator]  # as above
    @property
    def doubled(self) -> str:
        return self.text

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def absent(self) -> Any:
        return MISSING if self.text == "no" else 1

    @field_serializer("doubled")
    def twice(self, value: str) -> str:
        return value * 2


class Polymorphic(BaseModel):
    model_config = ConfigDict(polymorphic_serialization=True)
    text: str


class Measured(Polymorphic):
    more: list[int] = [1]

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def size(self) -> int:
        return len(self.text)


def measure(value: Polymorphic) -> Polymorphic:
    return Measured(text=value.text) if value.text else value


class AnyInside(BaseModel):
    user: SerializeAsAny[User]
    users: list[SerializeAsAny[User]] = []


shape(
    "computed fields",
    Computed,
    ['{"width":2}', '{"height":3,"width":2}', '{"width":1,"area":7}'],
    ['{"width":"x"}', "{}"],
)
shape("computed fields, in a list", list[Computed], ['[{"width":2},{"width":3}]', "[]"], ['[{"width":2},{}]', "1"])
shape(
    "an extra called as a computed field",
    OpenComputed,
    ['{"text":"ab","size":7}', '{"size":[1,{"a":2}],"text":"ab","more":1}', '{"text":"a","size":1,"size":{}}'],
    ['{"size":1}'],
)
shape(
    "extras called as computed fields, in a list",
    list[OpenComputed],
    ['[{"text":"ab","size":[7]},{"text":"x"}]'],
    ['[{"text":1,"size":1}]'],
)
shape(
    "values of a subclass, dumped as such",
    list[Annotated[Polymorphic, AfterValidator(measure)]],
    ['[{"text":"ab"},{"text":""}]', "[]"],
    ['[{"text":1}]'],
)
shape("computed fields that are left out", LeavingOut, ['{"text":"no"}', '{"text":"yes"}'], ["{}"])
shape(
    "field serializers",
    WritesFields,
    ['{"plain":1}', '{"listed":[1,2],"wrapped":"ab","plain":1}'],
    ['{"plain":"x"}', '{"plain":1,"listed":["x"]}'],
)
shape(
    "model serializer",
    list[WritesItself],
    ['[{"a":1}]', '[{"b":"x","a":1},{"a":2}]'],
    ['[{"b":"x"}]', '[{"a":1},{"a":"x"}]'],
)
shape(
    "model serializer, wrapping",
    dict[str, WrapsItself],
    ['{"x":{"a":1}}', '{"x":{"b":["c"],"a":1}}'],
    ['{"x":{}}', '{"x":{"a":1,"b":[1]}}'],
)
shape(
    "serializers in types",
    tuple[Shown, OnlyPython | None, Wrapped],
    ["[1,2,[3]]", "[1,null,[]]"],
    ['["x",1,[]]', "[1]", "[1,1,[null]]"],
)
shape(
    "serializers in a model's types",
    Page[Shown],
    ['{"items":[1,2],"first":3}', '{"items":[]}'],
    ['{"items":["x"]}', '{"first":1}'],
)
shape(
    "excluded fields",
    Hidden,
    ['{"shown":"a"}', '{"zero":1,"inner":[{"name":"x"}],"hidden":"b","shown":"a"}', '{"shown":"a","zero":0}'],
    ['{"shown":"a","hidden":1}', '{"shown":"a","inner":[{}]}', '{"zero":"x"}'],
)
shape(
    "serialize as any",
    AnyInside,
    ['{"user":{"name":"a"}}', '{"users":[{"name":"b"}],"user":{"age":1,"name":"a"}}'],
    ['{"user":{}}', '{"user":{"name":"a"},"users":[1]}'],
)

# -- model_config ----------------------------------------------------------------------------------------


class StrictModel(BaseModel, strict=True):
    number: int
    day: date = date(2024, 1, 1)
    user: User | None = None
    loose: int = Field(default=0, strict=False)
    pair: tuple[int, str] = (1, "a")


class Strips(BaseModel, str_strip_whitespace=True, str_to_lower=True, str_max_length=3):
    name: str
    names: list[str] = []
    table: dict[str, str] = {}


class Lengths(BaseModel, str_min_length=1, str_to_upper=True):
    name: str


class Allows(BaseModel, extra="allow"):
    name: str = ""


class AllowsTyped(BaseModel, extra="allow"):
    __pydantic_extra__: dict[str, int | User] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride]  # as pydantic asks
    name: str = ""


class AllowsAliased(BaseModel, extra="allow"):
    a: int = Field(alias="b")


class Forbids(BaseModel, extra="forbid"):
    name: str
    inner: "Forbids | None" = None


class Frozen(BaseModel, frozen=True):
    name: str
    tags: tuple[str, ...] = ()


class Coerces(BaseModel, coerce_numbers_to_str=True):
    name: str
    names: list[str] = []
    either: int | str = 1


class Finite(BaseModel, allow_inf_nan=False):
    number: float
    numbers: list[float] = []


class InfinityAsText(BaseModel, ser_json_inf_nan="strings"):
    number: float
    decimal: Decimal = Decimal(1)


class InfinityAsConstant(BaseModel, ser_json_inf_nan="constants"):
    number: float


class InfinityAsNull(BaseModel, ser_json_inf_nan="null"):
    number: float


class HidesInput(BaseModel, hide_input_in_errors=True):
    name: str
    number: int = 0


class LocByName(BaseModel, loc_by_alias=False):
    one: int = Field(alias="ONE")
    two: list[str] = Field(default=[], validation_alias=AliasChoices("TWO", "ZWEI"))


class Deferred(BaseModel, defer_build=True):
    name: str
    more: "list[Deferred]" = []


class Titled(
    BaseModel, title="Other", json_schema_extra={"x": 1}, validate_assignment=True, revalidate_instances="always"
):
    name: str
    user: User = User(name="Jo")


class RegexEngine(BaseModel, regex_engine="python-re"):
    text: Annotated[str, Field(pattern=r"^(?=a)\w+$")]


class CachedStrings(BaseModel, cache_strings="none"):
    name: str
    names: list[str] = []


class StrictBytes(BaseModel, val_json_bytes="base64", strict=True):
    data: bytes


shape(
    "strict model",
    StrictModel,
    [
        '{"number":1}',
        '{"loose":"3","user":{"name":"a","age":"4"},"day":"2024-02-02","number":2}',
        '{"pair":[2,"b"],"number":1}',
    ],
    ['{"number":"1"}', '{"number":1.0,"day":0}', '{"number":1,"pair":["1","a"]}', '{"number":true,"loose":"x"}'],
)
shape(
    "strings stripped and lowered",
    Strips,
    ['{"name":" AB "}', '{"table":{" K ":" V "},"names":["X","y "],"name":"z"}'],
    ['{"name":"abcd"}', '{"name":"a","names":["    ","long"]}', '{"name":1}'],
    revises=True,
)
shape("strings raised", Lengths, ['{"name":"ab"}', '{"name":"\\u00df"}'], ['{"name":""}', "{}"], revises=True)
shape(
    "extra allowed",
    Allows,
    ['{"name":"a","more":{"x":[1]},"text":"abc"}', "{}", '{"b":1,"b":"two"}'],
    ['{"name":1,"x":2}', "[]"],
)
shape(
    "extra allowed, typed",
    AllowsTyped,
    ['{"x":1,"y":{"name":"Jo"}}', '{"name":"a"}', '{"x":"5","name":"a"}'],
    ['{"x":"a"}', '{"y":{},"z":1,"name":2}'],
)
shape("extra allowed, beside an alias", AllowsAliased, ['{"b":1}', '{"b":1,"c":2}'], ['{"a":1}', '{"b":"x","c":1}'])
shape(
    "extra forbidden",
    Forbids,
    ['{"name":"a"}', '{"inner":{"inner":null,"name":"b"},"name":"a"}'],
    ['{"name":"a","x":1,"y":[]}', '{"inner":{"name":"b","z":{}},"name":"a"}', '{"x":1}'],
)
shape(
    "frozen",
    set[Frozen],
    ['[{"name":"a"},{"tags":[],"name":"a"},{"name":"b","tags":["c"]}]', "[]"],
    ['[{"tags":[1]}]', "{}"],
    unordered=True,
)
shape(
    "numbers as strings",
    Coerces,
    ['{"name":1}', '{"either":2,"names":[1.5,"a"],"name":"x"}'],
    ['{"name":true}', '{"name":[]}', '{"names":[null],"name":1}'],
)
shape(
    "finite only",
    Finite,
    ['{"number":1.5}', '{"numbers":["2"],"number":1}'],
    ['{"number":1e999}', '{"number":1,"numbers":["inf"]}', '{"number":"NaN"}'],
)
shape(
    "infinity as text",
    InfinityAsText,
    ['{"number":1e999}', '{"number":"-inf","decimal":"2.50"}', '{"number":1}'],
    ['{"number":"x"}', '{"number":1,"decimal":"NaN"}'],
)
shape("infinity as a constant", InfinityAsConstant, ['{"number":1e999}', '{"number":-1}'], ['{"number":null}', "{}"])
shape("infinity as null", InfinityAsNull, ['{"number":1e999}', '{"number":2}'], ['{"number":null}', "{}"])
shape(
    "input hidden in errors", HidesInput, ['{"name":"a"}', '{"number":1,"name":"a"}'], ['{"name":1}', '{"number":"x"}']
)
shape(
    "errors by name",
    LocByName,
    ['{"ONE":1}', '{"ZWEI":["a"],"ONE":1}'],
    ['{"ONE":"x"}', '{"ZWEI":[1]}', '{"ONE":1,"TWO":{}}'],
)
shape(
    "deferred build",
    Deferred,
    ['{"name":"a"}', '{"more":[{"name":"b"}],"name":"a"}'],
    ['{"more":[{}],"name":"a"}', "1"],
)
shape(
    "settings that say nothing here",
    Titled,
    ['{"name":"a"}', '{"user":{"name":"b"},"name":"a"}'],
    ['{"name":1}', '{"user":[],"name":"a"}'],
)
shape(
    "python's regular expressions",
    RegexEngine,
    ['{"text":"ab"}', '{"text":"a","text":"aa"}'],
    ['{"text":"b"}', '{"text":1}'],
)
shape(
    "strings not cached", CachedStrings, ['{"name":"a","names":["b"]}', '{"name":"a"}'], ['{"name":1}', '{"names":1}']
)
shape("strict bytes", StrictBytes, ['{"data":"aGk="}'], ['{"data":"%"}', '{"data":1}'])

# -- private attributes, hooks and validators in models --------------------------------------------------


class Private(BaseModel):
    name: str
    _length: int = PrivateAttr(default=0)
    _seen: list[str] = PrivateAttr(default_factory=list[str])

    def model_post_init(self, context: Any, /) -> None:
        self._length = len(self.name)
        self._seen.append(self.name)


class PostInit(BaseModel):
    name: str
    initial: str | None = None
    tags: list[str] = []

    def model_post_init(self, context: Any, /) -> None:
        self.initial = self.name[:1]
        self.tags.append("post")


class FieldBefore(BaseModel):
    a: int
    b: list[str]

    @field_validator("b", mode="before")
    @classmethod
    def split(cls, value: object) -> object:
        return split_commas(value)


class FieldAfter(BaseModel):
    a: int
    b: str = "b"

    @field_validator("a", "b")
    @classmethod
    def check(cls, value: int | str) -> int | str:
        if value in (9, "nine"):
            raise ValueError("nine")
        return value + 1 if isinstance(value, int) else value.upper()


class FieldWrap(BaseModel):
    a: int
    b: int = 0

    @field_validator("*", mode="wrap")
    @classmethod
    def save(cls, value: object, handler: ValidatorFunctionWrapHandler) -> int:
        return minus_if_wrong(value, handler)


class FieldPlain(BaseModel):
    a: int
    b: list[int] = []

    @field_validator("a", mode="plain")
    @classmethod
    def anything(cls, value: object) -> int:
        return len(str(value))


class WithInfo(BaseModel):
    low: int
    high: int
    note: str = "n"

    @field_validator("high")
    @classmethod
    def above(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("low", 0):
            raise ValueError(f"{info.field_name} is below low, in mode {info.mode}")
        return value

    @field_validator("note", mode="before")
    @classmethod
    def sign(cls, value: object, info: ValidationInfo) -> object:
        return f"{value} {sorted(info.data)}" if isinstance(value, str) else value


class WithContext(BaseModel):
    word: str
    number: int = 0

    @field_validator("word")
    @classmethod
    def translate(cls, value: str, info: ValidationInfo) -> str:
        words = cast("dict[str, str]", info.context or {})
        if value not in words:
            raise ValueError(f"no word for {value}")
        return words[value]


class InfoInside(BaseModel):
    inner: WithInfo
    others: list[WithInfo] = []
    total: Annotated[int, AfterValidator(lambda value, info: value + len(info.data))] = 0


class ModelBefore(BaseModel):
    a: int
    b: str = "b"

    @model_validator(mode="before")
    @classmethod
    def unpack(cls, data: Any) -> Any:
        return {"a": data} if isinstance(data, int) else data


class ModelAfter(BaseModel):
    a: int
    b: str = "b"
    inner: User | None = None

    @model_validator(mode="after")
    def check(self) -> "ModelAfter":
        if self.a == 9:
            raise ValueError("nine")
        self.b += str(self.a)
        return self


class ModelWrap(BaseModel):
    a: int
    b: list[str] = []

    @model_validator(mode="wrap")
    @classmethod
    def save(cls, data: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(data)
        except ValidationError:
            if isinstance(data, list):
                raise
            return cls.model_construct(a=-1)


class AfterOnly(BaseModel):
    """An `after` validator that refuses and changes nothing."""

    users: list[User]
    limit: int = 2

    @model_validator(mode="after")
    def check(self) -> "AfterOnly":
        if len(self.users) > self.limit:
            raise ValueError("too many")
        return self


class OwnInit(BaseModel):
    a: int
    b: int = 0

    def __init__(self, **data: Any) -> None:
        data.setdefault("b", 7)
        super().__init__(**data)


shape("private attributes", Private, ['{"name":"abc"}', '{"_length":9,"name":"a"}'], ['{"name":1}', "{}"])
shape(
    "model_post_init",
    PostInit,
    ['{"name":"abc"}', '{"tags":["x"],"initial":"z","name":"a"}'],
    ['{"name":1}', '{"tags":"x","name":"a"}'],
    revises=True,
)
shape(
    "field validator before", FieldBefore, ['{"a":1,"b":"x,y"}', '{"b":["x"],"a":2}'], ['{"a":1,"b":[1]}', '{"b":"x"}']
)
shape(
    "field validator after",
    FieldAfter,
    ['{"a":1}', '{"b":"x","a":2}'],
    ['{"a":9,"b":"nine"}', '{"a":"x"}'],
    revises=True,
)
shape("field validator wrap", FieldWrap, ['{"a":1}', '{"b":[],"a":"x"}'], ['{"a":"stop"}', '{"b":"stop"}'])
shape("field validator plain", FieldPlain, ['{"a":[1,2]}', '{"b":[1],"a":{"x":null}}'], ["{}", '{"a":1,"b":["x"]}'])
shape(
    "field validators with info",
    WithInfo,
    ['{"low":1,"high":2}', '{"note":"x","high":3,"low":2}', '{"high":0,"low":0}'],
    ['{"low":3,"high":2}', '{"high":1,"low":2,"note":1}', '{"low":"x","high":1,"note":"y"}'],
)
shape(
    "info further down",
    InfoInside,
    [
        '{"inner":{"low":1,"high":2},"total":1}',
        '{"total":3,"others":[{"high":1,"low":0,"note":"z"}],"inner":{"low":1,"high":2}}',
    ],
    ['{"inner":{"low":3,"high":2}}', '{"inner":{"low":1,"high":2},"others":[{"low":1}],"total":"x"}'],
)
shape(
    "context",
    WithContext,
    ['{"word":"yes"}', '{"number":1,"word":"no"}'],
    ['{"word":"maybe"}', '{"word":1}'],
    revises=True,
    context={"yes": "oui", "no": "non"},
)
shape("no context", WithContext, [], ['{"word":"yes"}', '{"number":1,"word":"no"}'])
shape(
    "context, in a list",
    list[WithContext],
    ['[{"word":"yes"},{"word":"no"}]', "[]"],
    ['[{"word":"yes"},{"word":"x"}]', "[1]"],
    revises=True,
    context={"yes": "oui", "no": "non"},
)
shape("model validator before", ModelBefore, ["5", '{"b":"x","a":1}'], ['"x"', '{"b":"x"}', '{"a":"x"}'])
shape(
    "model validator after",
    ModelAfter,
    ['{"a":1}', '{"inner":{"name":"Jo"},"b":"x","a":2}'],
    ['{"a":9}', '{"a":"x"}', '{"a":1,"inner":{}}'],
    revises=True,
)
shape("model validator wrap", ModelWrap, ['{"a":1}', '{"b":["x"],"a":2}', '{"a":"x"}', "1"], ["[]", "[1]"])
shape(
    "model validator that only looks",
    list[AfterOnly],
    ['[{"users":[{"name":"a"}]}]', '[{"limit":3,"users":[]}]'],
    ['[{"users":[{"name":"a"}],"limit":0}]', '[{"users":[{}],"limit":0}]'],
)
shape("own __init__", OwnInit, ['{"a":1}', '{"b":2,"a":1}'], ['{"b":1}', '{"a":"x"}'])
shape(
    "hooks in a list",
    list[PostInit | ModelAfter],
    ['[{"name":"abc"},{"a":1}]', "[]"],
    ['[{"a":9}]', "[{}]"],
    revises=True,
)

# -- the rest --------------------------------------------------------------------------------------------

UserId = NewType("UserId", int)
Short = TypeAliasType("Short", Annotated[str, Field(max_length=3)])


class Base(BaseModel):
    name: str
    number: int = 0

    @field_validator("name")
    @classmethod
    def not_empty(cls, value: str) -> str:
        if not value:
            raise ValueError("empty")
        return value


class Derived(Base):
    number: float = 1.5  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]  # another type than the base's
    more: Short = "m"


class Forward(BaseModel):
    late: "LateComer"
    many: "dict[str, LateComer]" = {}


class LateComer(BaseModel):
    word: "Short"


Forward.model_rebuild()


class FailsFast(BaseModel):
    numbers: Annotated[list[int], FailFast()]
    pair: Annotated[tuple[int, ...], FailFast()] = ()


class Omits(BaseModel):
    numbers: list[OnErrorOmit[int]]
    table: dict[str, OnErrorOmit[User]] = {}


class Everything(BaseModel):
    """A little of all, as real models have it."""

    id: UserId
    title: Short
    status: Literal["open", "done"] = "open"
    owner: User | None = None
    animals: list[Animal] = []
    scores: dict[str, float] = {}
    note: str | list[str] = ""

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def summary(self) -> str:
        return f"{self.id}: {self.title}"


shape("new type", dict[str, UserId], ['{"a":1}', "{}"], ['{"a":"x"}', "[]"])
shape("type alias", list[Short], ['["a","abc"]', "[]"], ['["abcd"]', "[1]"])
shape(
    "inheritance",
    list[Derived | Base],
    ['[{"name":"a","number":2.5}]', '[{"more":"x","name":"b"}]'],
    ['[{"name":""}]', '[{"name":"a","number":"x"}]'],
)
shape(
    "derived",
    Derived,
    ['{"name":"a"}', '{"more":"x","number":1,"name":"b"}'],
    ['{"name":"","more":"long"}', '{"number":"x"}'],
)
shape(
    "forward references",
    Forward,
    ['{"late":{"word":"a"}}', '{"many":{"x":{"word":"b"}},"late":{"word":"c"}}'],
    ['{"late":{"word":"abcd"}}', '{"many":[],"late":{}}'],
)
shape(
    "fail fast",
    FailsFast,
    ['{"numbers":[1,2]}', '{"pair":[3],"numbers":[]}'],
    ['{"numbers":["x","y",1]}', '{"numbers":[1],"pair":["x","y"]}', '{"numbers":[1,null,"z"],"pair":[1,[],{}]}'],
)
shape("fail fast set", Annotated[set[int], FailFast()], ["[1,2]", "[]"], ['["x","y"]', "[1,[],{}]"], unordered=True)
shape(
    "omitted on error",
    Omits,
    ['{"numbers":[1,"x",2,null]}', '{"table":{"a":{},"b":{"name":"Jo"}},"numbers":[]}'],
    ['{"numbers":1}', '{"table":[],"numbers":["x"]}'],
)
shape(
    "a little of all",
    Everything,
    [
        '{"id":1,"title":"ab"}',
        '{"note":["a"],"scores":{"x":1,"y":2.5},"animals":[{"lives":9,"kind":"cat"}],"status":"done","title":"a","id":7}',
        '{"id":1,"title":"a","owner":null,"note":"text","animals":[{"kind":"dog","name":"Rex","toys":["b"]}]}',
    ],
    [
        '{"id":"x","title":"abcd","status":"new"}',
        '{"title":"a","id":1,"animals":[{"kind":"cat"},{"kind":"cow"}],"note":[1]}',
        '{"id":1,"owner":{"age":1},"scores":{"x":"y"}}',
    ],
)
shape(
    "strict call", User, ['{"name":"a","age":1}', '{"name":"a"}'], ['{"name":"a","age":"1"}', '{"name":1}'], strict=True
)
shape(
    "strict call, inside",
    list[Page[int]],
    ['[{"items":[1],"first":2}]', "[]"],
    ['[{"items":["1"]}]', '[{"items":[1.0]}]'],
    strict=True,
)
shape(
    "strict call, of scalars",
    tuple[date, Species, float, bytes],
    ['["2024-01-01","cat",1,"x"]'],
    ['[0,"cat",1,"x"]', '["2024-01-01","cat","1","x"]'],
    strict=True,
)
shape(
    "lax call of a strict model",
    StrictModel,
    ['{"number":"1"}', '{"number":1.0,"day":0}'],
    ['{"number":"x"}', "{}"],
    strict=False,
)
shape("strict call of unions", list[int | str | bool], ['[1,"1",true]', "[]"], ["[1.5]", "[null]"], strict=True)
shape(
    "strict call, context",
    WithContext,
    ['{"word":"yes","number":2}'],
    ['{"word":"yes","number":"2"}'],
    revises=True,
    strict=True,
    context={"yes": "oui"},
)

# -- several of these at once ------------------------------------------------------------------------------


class ComputedCat(BaseModel):
    kind: Literal["cat"]
    lives: int

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def dead(self) -> bool:
        return self.lives == 0


class WritingDog(BaseModel):
    kind: Literal["dog"]
    name: str
    age: Shown = 1

    @field_serializer("name")
    def write_name(self, value: str) -> str:
        return value.upper()


class WrappingCow(BaseModel):
    kind: Literal["cow"] = Field(exclude=True)
    milk: float = 0.5
    calves: list[str] = []

    @model_serializer(mode="wrap")
    def write(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        return {**handler(self), "cow": True}


class ChoosyHen(BaseModel, populate_by_name=True):
    kind: Literal["hen"] = "hen"
    eggs: list[int] = Field(default=[], alias="laid")
    nest: str = Field(default="", validation_alias=AliasChoices("nest", AliasPath("place", 0)))


class CheckedPig(BaseModel):
    kind: Literal["pig"]
    weight: int
    name: str = "pig"

    @field_validator("name")
    @classmethod
    def by_weight(cls, value: str, info: ValidationInfo) -> str:
        return f"{value} of {info.data.get('weight')}"


class Counted(RootModel[list[ItemT]], Generic[ItemT]):
    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def unused(self) -> int:
        return len(self.root)


class Trees(RootModel[dict[str, "Trees"]]):
    pass


class Barn(BaseModel):
    first: Animal = Cat(kind="cat", lives=7)
    rest: dict[str, list[Animal | None]] = {}
    any: Animal | str | None = None


class CheckedComputed(Computed):
    @model_validator(mode="after")
    def check(self) -> "CheckedComputed":
        if self.width == 9:
            raise ValueError("nine")
        return self


Farm = Annotated[ComputedCat | WritingDog | WrappingCow | ChoosyHen | CheckedPig, Field(discriminator="kind")]

shape(
    "tagged, members that are dumped otherwise",
    list[Farm],
    [
        '[{"kind":"cat","lives":0},{"name":"rex","kind":"dog","age":3}]',
        '[{"calves":["a"],"kind":"cow"},{"kind":"cow","milk":1}]',
        '[{"laid":[1],"place":["barn"],"kind":"hen"},{"kind":"hen","eggs":[2],"nest":"n"}]',
        '[{"name":"x","kind":"pig","weight":5},{"kind":"pig","weight":"6"}]',
    ],
    [
        '[{"kind":"cat"},{"kind":"dog","name":1,"age":"x"}]',
        '[{"calves":[1],"kind":"cow"},{"kind":"pig","weight":"x","name":"y"}]',
        '[{"kind":"hen","laid":["x"],"eggs":[1]},{"kind":"fox"}]',
    ],
    revises=True,
)
shape(
    "tagged, with defaults and beside others",
    Barn,
    [
        "{}",
        '{"any":"text","rest":{"a":[null,{"kind":"cat","lives":1}]},"first":{"name":"R","kind":"dog"}}',
        '{"any":{"lives":1,"kind":"cat"},"first":{"kind":"dog","name":"R","kind":"cat","lives":2}}',
    ],
    [
        '{"first":null,"any":{"kind":"cow"}}',
        '{"rest":{"a":[{"kind":"dog"},1]}}',
        '{"first":{"kind":"dog","kind":"cat"}}',
    ],
)
shape(
    "root of a tagged union",
    RootModel[Animal],
    ['{"kind":"cat","lives":9}', '{"toys":["a"],"name":"R","kind":"dog"}'],
    ['{"kind":"cow"}', '{"lives":1}', "[]"],
)
shape(
    "union of models that are dumped otherwise",
    Computed | WritesItself | Hidden | WrapsItself,
    ['{"width":2}', '{"a":1,"b":"x"}', '{"shown":"s","zero":1}', '{"b":["c"],"a":3}'],
    ['{"b":1}', '{"height":1}', '{"width":"x","zero":0}'],
)
shape(
    "root of a model with computed fields",
    RootModel[Computed],
    ['{"width":2}', '{"height":1,"width":3}'],
    ["{}", '{"width":"x"}'],
)
shape(
    "root of a model that writes itself", RootModel[WrapsItself], ['{"a":2}', '{"b":["x"],"a":3}'], ["{}", '{"a":"x"}']
)
shape("generic root", Counted[User], ['[{"name":"a"},{"age":1,"name":"b"}]', "[]"], ['[{"age":1}]', "{}"])
shape("recursive root", Trees, ['{"a":{"b":{}},"c":{}}', "{}"], ['{"a":{"b":1}}', "[]"])
shape(
    "containers of computed fields",
    tuple[dict[int, Computed], Sequence[Computed], Mapping[str, Computed], deque[Computed]],
    ['[{"1":{"width":1}},[{"width":2}],{"a":{"width":3}},[{"height":1,"width":4}]]', "[{},[],{},[]]"],
    ['[{"1":{}},[{"width":"x"}],{"a":1},{}]', "[{},[],{}]"],
)


class OneOrMany(BaseModel):
    users: list[User] = Field(validation_alias=AliasChoices("users", "people", AliasPath("data", "users")))
    best: User | None = Field(default=None, validation_alias=AliasPath("data", "best"))
    data: dict[str, Any] = {}
    last: str = Field(default="none", validation_alias=AliasPath("words", -1))


class Swapped(BaseModel):
    a: int = Field(alias="b")
    b: str = Field(alias="a")


class ByAlias(BaseModel, serialize_by_alias=True):
    one: int = Field(default=1, alias="ONE")
    more: list["ByAlias"] = Field(default=[], alias="MORE")


class Timely(BaseModel):
    json_only: Annotated[int, PlainSerializer(lambda value: f"j{value}", when_used="json")]
    unless_none: Annotated[int | None, PlainSerializer(lambda value: [value], when_used="json-unless-none")] = None
    typed: Annotated[int, PlainSerializer(lambda value: value / 2, return_type=float)] = 3

    @computed_field(return_type=list[User])  # type: ignore[prop-decorator]  # as above
    @property
    def users(self) -> Any:
        return [User(name=str(self.typed), age=self.json_only)]


class WritesRow(TypedDict):
    shown: Shown
    hidden: Annotated[str, Field(exclude=True)]
    more: NotRequired[Annotated[list[int], AfterValidator(backwards)]]


class WritesTuple(NamedTuple):
    shown: Shown
    split: Annotated[list[str] | None, BeforeValidator(split_commas)] = None
    user: User | None = None


@pydantic.dataclasses.dataclass
class WritesData:
    width: int = Field(alias="w")
    note: str = Field(default="", exclude=True)
    shown: Shown = 5

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def double(self) -> int:
        return self.width * 2

    @field_serializer("width")
    def write_width(self, value: int) -> str:
        return f"{value}px"


@dataclass
class Crate(Generic[ItemT]):
    content: ItemT
    label: str = "crate"


class Exchanged(BaseModel):
    name: str
    tags: list[str] = []

    @model_validator(mode="after")
    def exchange(self) -> "Exchanged":
        return Exchanged.model_construct(name="other", tags=["new"]) if self.name == "old" else self


class DataAware(BaseModel):
    user: User
    names: list[str] = Field(default_factory=lambda data: [data["user"].name])
    other: User = Field(default_factory=lambda data: data["user"])


class ListChecked(BaseModel):
    users: list[User]
    pairs: dict[str, list[int]] = {}

    @field_validator("users")
    @classmethod
    def sorted_by_name(cls, users: list[User]) -> list[User]:
        return sorted(users, key=lambda user: user.name)

    @field_validator("pairs", mode="wrap")
    @classmethod
    def or_empty(cls, value: object, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            return {}


class EnumTagged(BaseModel, use_enum_values=True):
    species: Literal[Species.DOG]
    name: str = "dog"


shape(
    "one array or object, several fields",
    OneOrMany,
    [
        '{"users":[{"name":"a"}]}',
        '{"data":{"users":[{"name":"b"}],"best":{"name":"c"},"x":1},"words":["v","w"]}',
        '{"people":[],"data":{"best":null},"words":[]}',
    ],
    ['{"data":{"users":[{}]}}', '{"data":[],"users":1}', '{"users":[],"data":{"best":{}},"words":[1]}'],
)
shape(
    "aliases that are other fields' names",
    Swapped,
    ['{"b":1,"a":"x"}', '{"a":"y","b":"2"}'],
    ['{"a":1,"b":"x"}', '{"b":1}'],
)
shape(
    "serialize by alias", ByAlias, ["{}", '{"MORE":[{"ONE":2},{}],"ONE":3}'], ['{"ONE":"x"}', '{"MORE":[{"ONE":[]}]}']
)
shape(
    "serializers at times",
    Timely,
    ['{"json_only":1}', '{"typed":5,"unless_none":2,"json_only":1}', '{"json_only":1,"unless_none":null}'],
    ['{"json_only":"x"}', '{"typed":1}'],
)
shape(
    "typed dict that is dumped otherwise",
    WritesRow,
    ['{"shown":1,"hidden":"h"}', '{"more":[1,2,3],"hidden":"h","shown":2}'],
    ['{"shown":"x","hidden":"h"}', '{"shown":1,"hidden":2,"more":["x"]}'],
    revises=True,
)
shape(
    "named tuple that is dumped otherwise",
    WritesTuple,
    ['[1,"a,b"]', '{"user":{"name":"Jo"},"split":["c"],"shown":2}'],
    ['["x","a"]', '[1,1,{"age":2}]', "[]"],
)
shape(
    "dataclass that is dumped otherwise",
    WritesData,
    ['{"w":1}', '{"note":"n","shown":7,"w":2}'],
    ['{"w":"x"}', '{"w":1,"note":1}', '{"width":1}'],
)
shape(
    "generic dataclass",
    Crate[list[User]],
    ['{"content":[{"name":"a"}]}', '{"label":"x","content":[]}'],
    ['{"content":[{}]}', '{"content":1,"label":2}'],
)
shape(
    "model exchanged for another",
    list[Exchanged],
    ['[{"name":"old","tags":["a","b"]},{"name":"new"}]', '[{"tags":["x"],"name":"old"}]'],
    ['[{"name":1}]', '[{"tags":["x"]}]'],
    revises=True,
)
shape(
    "defaults from models",
    DataAware,
    [
        '{"user":{"name":"a"}}',
        '{"names":["x"],"user":{"age":1,"name":"a"}}',
        '{"other":{"name":"b"},"user":{"name":"a"}}',
    ],
    ['{"user":{}}', '{"names":[1],"user":{"name":"a"}}'],
)
shape(
    "lists with field validators",
    ListChecked,
    [
        '{"users":[{"name":"b"},{"name":"a"}]}',
        '{"pairs":{"a":["x"]},"users":[]}',
        '{"pairs":{"a":[1]},"users":[{"name":"a"}]}',
    ],
    ['{"users":[{}]}', '{"users":{},"pairs":1}'],
    revises=True,
)
shape(
    "tagged by an enum, values used",
    Annotated[FelineByEnum | EnumTagged, Field(discriminator="species")],
    ['{"species":"dog"}', '{"name":"a","species":"dog"}', '{"species":"cat"}'],
    ['{"species":"dog","name":1}', '{"name":"a"}'],
)
shape(
    "root of a checked model with computed fields",
    RootModel[CheckedComputed],
    ['{"width":2,"height":1}', '{"width":3}'],
    ['{"width":9}', "{}"],
)
shape(
    "checked models with computed fields",
    list[CheckedComputed],
    ['[{"width":2,"height":1},{"width":3}]', "[]"],
    ['[{"width":9}]', "[{}]"],
)


# -- found by random models ------------------------------------------------------------------------------


class OwnerWritten(BaseModel):
    """A field whose type comes by reference, dumped otherwise than it is elsewhere."""

    label: Title
    plain: Title = Title("")

    @field_serializer("label")
    @staticmethod
    def write_label(value: object) -> str:
        return f"<{value}>"


shape(
    "serializer of a field whose type is shared",
    OwnerWritten,
    ['{"label":"a"}', '{"plain":"b","label":""}'],
    ['{"label":1}', '{"plain":"b"}'],
)


class WrappedTree(BaseModel):
    inside: Optional["WrappedTree"] = None

    @model_serializer(mode="wrap")
    def write(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"whole": handler(self)}


shape("dumped otherwise, and contains itself", WrappedTree, ["{}", '{"inside":{"inside":{}}}'], ['{"inside":1}'])
shape("lists of such", list[WrappedTree], ["[{}]", '[{"inside":{"inside":{}}}]'], ['[{"inside":1}]'])


class AroundTrees(BaseModel):
    tree: WrappedTree

    @model_validator(mode="after")
    def check(self) -> "AroundTrees":
        return self


shape("checked, around such a one", AroundTrees, ['{"tree":{}}', '{"tree":{"inside":{}}}'], ['{"tree":1}'])


class StrictlyAsking(BaseModel):
    """Validators that ask for their siblings, on types that JSON writes otherwise than Python."""

    first: str
    born: date
    pair: tuple[int, UUID] = (0, UUID(int=0))
    sizes: dict[int, bytes] = {}
    tags: list[str] = Field([], validation_alias=AliasChoices("tags", "first"))

    @field_validator("born", "pair", "sizes", "tags")
    @classmethod
    def check(cls, value: object, info: ValidationInfo) -> object:
        if info.data.get("first") == "no":
            raise ValueError("no")
        return value


shape(
    "strict, with validators that ask for siblings",
    StrictlyAsking,
    [
        '{"tags":[],"first":"a","born":"2024-01-02","pair":[1,"f47ac10b-58cc-4372-a567-0e02b2c3d479"],"sizes":{"1":"x"}}',
        '{"sizes":{"2":""},"born":"2024-01-02","tags":["x"],"first":""}',
    ],
    [
        '{"sizes":{"2":""},"born":"2024-01-02","first":""}',
        '{"first":"no","tags":[],"born":"2024-01-02","sizes":{}}',
        '{"born":1,"tags":[],"sizes":{"x":1},"pair":[1],"first":"a"}',
    ],
    strict=True,
)


class HeldUnions(BaseModel):
    """Hints beside a discriminator, before it and after it."""

    first: Annotated[FelineByEnum | CanineByEnum, Stream(hold=True), Field(discriminator="species")]
    second: Annotated[FelineByEnum | CanineByEnum | None, Field(discriminator="species"), Stream(hold=True)] = None
    third: Annotated[CanineByEnum | None, Stream(hold=True)] = None


shape(
    "hints beside a discriminator",
    HeldUnions,
    ['{"first":{"species":"cat"}}', '{"second":{"species":"dog","name":"a"},"third":null,"first":{"species":"cat"}}'],
    ['{"first":{"species":"cow"}}', '{"first":{"species":"cat"},"second":{},"third":{"species":"cat"}}'],
)


class HoldsComputed(BaseModel):
    """Models with computed fields that are held, given by default, or late, below one that is checked."""

    held: Annotated[CheckedComputed, BeforeValidator(use_default)]
    several: tuple[Annotated[CheckedComputed | None, BeforeValidator(use_default)], ...] = ()
    given: CheckedComputed = CheckedComputed(width=2)
    inner: dict[str, OfModel] = {}

    @model_validator(mode="after")
    def check(self) -> "HoldsComputed":
        return self


shape(
    "computed fields held below a checked model",
    list[HoldsComputed],
    ['[{"held":{"width":2}}]', '[{"several":[{"width":1},null],"given":{"width":3},"held":{"width":2}}]'],
    ['[{"held":{}}]', '[{"held":{"width":2},"several":[1]}]'],
)


class AsksForDefault(BaseModel):
    """Fields that may be as if they had not come, one of them without a default."""

    required: Annotated[str, BeforeValidator(use_default)]
    after: Annotated[str, AfterValidator(use_default)] = "given"
    number: Annotated[str, AfterValidator(use_default), AfterValidator(len)] = Field(default_factory=lambda: 7)  # type: ignore[assignment]  # what a validator makes of it
    needed: Annotated[str, AfterValidator(use_default)]


shape(
    "PydanticUseDefault without a default",
    AsksForDefault,
    ['{"required":"a","after":"default","number":"default","needed":"b"}', '{"needed":"a","required":"b"}'],
    [
        '{"required":"default","needed":"a"}',
        '{"needed":"default","required":"default","after":1}',
        '{"required":7,"required":"default","needed":"a"}',
        '{"required":"a","required":"default","needed":"a"}',
        '{"after":"a","after":"default","needed":"a"}',
    ],
    revises=True,
)
shape(
    "too long a list of what is not JSON",
    Annotated[list[date | UUID], Len(0, 1)],
    ['["2024-01-01"]'],
    ['["2024-01-01","2024-01-02"]'],
)
