"""`Partial` of every kind of model, and everything that one does with a class and its instances."""

from __future__ import annotations

import abc
import copy
import gc
import json
import os
import pickle
import subprocess
import sys
import weakref
from collections import OrderedDict, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cached_property
from importlib import import_module
from itertools import groupby
from pathlib import Path
from threading import Barrier
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, NotRequired, TypeVar, cast
from uuid import UUID

import pydantic
import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
    RootModel,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    computed_field,
    create_model,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from support.agreement import answer_of, assert_agrees
from support.flows import gather, spread
from typing_extensions import TypedDict

from streamkit import Change, Partial, PartialLiteralMixin, Truncated, extract
from streamkit.client.json_schema import wire_schema
from streamkit.operators import accumulate, diff, snapshots, validate

T = TypeVar("T")


def partial_of(tp: Any) -> Any:
    """`Partial[...]` of what only runs: to type checkers the brackets hold a type."""
    return cast("Any", Partial)[tp]


def list_of(tp: Any) -> Any:
    """The type of its lists."""
    return cast("Any", list)[tp]


def shown(text: str, tp: Any) -> Any:
    """The last snapshot of a text that is cut."""
    seen, error = gather(list(text) | extract(tp) | snapshots(tp))
    assert isinstance(error, Truncated), error
    return seen[-1]


class User(BaseModel):
    name: str
    age: int


class Users(RootModel[list[User]]):
    pass


@dataclass
class Point:
    x: int
    y: int = 2


@dataclass(frozen=True, slots=True)
class Slotted:
    x: int
    label: str = "none"


@pydantic.dataclasses.dataclass
class Data:
    user: User
    points: list[Point] = Field(default_factory=list[Point])

    @computed_field  # type: ignore[prop-decorator]  # pydantic's way
    @property
    def title(self) -> str:
        return self.user.name.upper()


class Options(TypedDict):
    name: str
    user: NotRequired[User]


class Pair(NamedTuple):
    user: User
    times: int = 3
    note: str | None = None


class Page(BaseModel, Generic[T]):
    items: list[T]
    first: T | None = None


class Tree(BaseModel):
    name: str
    children: list[Tree] = []
    parent: Tree | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


# -- each open value is shown as what it is ------------------------------------------------------------


def test_a_root_model() -> None:
    users = shown('[{"name": "Jo', Users)
    assert type(users) is partial_of(Users)
    assert isinstance(users, Users)
    assert type(users.root) is list
    assert [type(user) for user in users.root] == [Partial[User]]
    assert users.model_dump() == [{"name": "Jo", "age": None}]
    assert users.model_fields_set == {"root"}


def test_root_models_in_one_another_and_of_a_string() -> None:
    class Names(RootModel[list[Name]]):
        pass

    class Outer(BaseModel):
        names: Names

    names = shown('{"names": ["a", "b', Outer).names
    assert type(names) is partial_of(Names)
    assert [type(name) for name in names.root] == [Name, partial_of(Name)]
    assert [name.root for name in names.root] == ["a", "b"]


def test_tuples_and_deques() -> None:
    class Holds(BaseModel):
        pair: tuple[int, str, User]
        many: tuple[User, ...]
        last: deque[User]
        ordered: OrderedDict[str, User]

    start = '{"pair": [1, "a", {"name": "A", "age": 1}], "many": [{"name": "B", "age": 2}]'
    assert shown('{"pair": [1, "a', Holds).pair == (1, "a")
    assert shown('{"pair": [1, "a", {', Holds).pair[2].name is None
    assert shown(start, Holds).many == (User(name="B", age=2),)
    last = shown(start + ', "last": [{"name": "C', Holds).last
    assert isinstance(last, deque)
    assert type(cast("Any", last)[0]) is Partial[User]
    ordered = shown('{"ordered": {"a": {"name": "x"', Holds).ordered
    assert isinstance(ordered, OrderedDict)
    assert type(cast("Any", ordered)["a"]) is Partial[User]


def test_a_named_tuple_has_all_of_its_items() -> None:
    pair = shown('[{"name": "Jo"', Pair)
    assert type(pair) is Pair
    assert [pair.user.name, pair.user.age, pair.times, pair.note] == ["Jo", None, 3, None]


@pytest.mark.parametrize("cls", [Point, Slotted])
def test_a_dataclass(cls: type[Any]) -> None:
    point = shown("{", cls)
    assert type(point) is cls
    assert point.x is None
    assert shown('{"x": 1, ', cls).x == 1


def test_a_pydantic_dataclass() -> None:
    class Holds(BaseModel):
        data: Data

    data = shown('{"data": {"user": {"name": "Jo"}, "points": [{"x": ', Holds)
    assert type(data.data) is Data
    assert data.data.points[0] == Point(cast("int", None), 2)
    assert data.data.user.name == "Jo"
    dumped = {"user": {"name": "Jo", "age": None}, "points": [{"x": None, "y": 2}]}
    assert data.model_dump()["data"] == {**dumped, "title": "JO"}
    empty = shown('{"data": {', Holds)
    assert empty.model_dump() == {"data": {"user": None, "points": None}}


def test_a_typed_dict_has_what_has_come() -> None:
    assert shown('{"name": "a', Options) == {"name": "a"}
    user = shown('{"user": {"name": "x"', Options)["user"]
    assert type(user) is Partial[User]


def test_a_generic_model() -> None:
    page = shown('{"items": [{"name": "Jo', Page[User])
    assert type(page) is Partial[Page[User]]
    assert partial_of(Page)[User] is Partial[Page[User]]
    assert isinstance(page, Page)
    assert type(page.items[0]) is Partial[User]
    assert page.first is None


def test_a_recursive_model() -> None:
    tree = shown('{"name": "a", "children": [{"name": "b", "children": [{"name": "c', Tree)
    assert type(tree.children[0].children[0]) is type(tree) is Partial[Tree]
    assert tree.model_dump() == {
        "name": "a",
        "children": [
            {"name": "b", "children": [{"name": "c", "children": None, "parent": None}], "parent": None},
        ],
        "parent": None,
    }


class Name(RootModel[str]):
    pass


@pytest.mark.parametrize(
    ("annotation", "text", "member"),
    [
        (Annotated[Cat | Dog, Field(discriminator="kind")], '{"kind": "dog", "name": "Re', Dog),
        (Cat | int, '{"lives": 3', Cat),
        (User | None, '{"name": "Re', User),
        (User | list[User], '{"name": "Re', User),
        (Users | User, '{"name": "Re', User),
        (Users | User, '[{"name": "Re', Users),
        (Name | list[int], '"Re', Name),
        (Cat | Dog, '{"kind": "dog", "name": "Re', Dog),
    ],
)
def test_of_a_union_the_member_that_was_chosen(annotation: Any, text: str, member: type[BaseModel]) -> None:
    Holds = create_model("Holds", value=(annotation, ...))  # noqa: N806  # a class
    assert type(shown('{"value": ' + text, Holds).value) is partial_of(member)


# -- every kind of model -------------------------------------------------------------------------------


class Kinds(BaseModel, abc.ABC):
    """What a class can have."""

    model_config = ConfigDict(extra="allow", frozen=True)
    made: ClassVar[list[str]] = []
    known: ClassVar[dict[str, type]] = {}
    name: str
    later: Later | None = None
    _note: str = PrivateAttr(default="n")
    _list: list[int] = PrivateAttr(default_factory=list[int])

    def __init_subclass__(cls, *, tag: str, **options: Any) -> None:
        super().__init_subclass__(**options)
        Kinds.known[tag] = cls

    def model_post_init(self, context: object) -> None:
        Kinds.made.append(self.name.upper())
        self._list.append(1)

    @abc.abstractmethod
    def speak(self) -> str: ...

    @model_validator(mode="after")
    def check(self) -> Kinds:
        Kinds.made.append(self.name.lower())
        return self


class Spoken(Kinds, tag="spoken"):
    count: int = Field(1, alias="n")

    def speak(self) -> str:
        return self.name + self._note


class Later(BaseModel):
    x: int
    y: str


def test_what_a_class_can_have() -> None:
    Kinds.made.clear()
    some = shown('{"name": "Jo", "more": {"a": 1}, "later": {"x": 1, ', Spoken)
    assert Kinds.known == {"spoken": Spoken}
    assert Kinds.made == []
    assert isinstance(some, Kinds)
    assert some.speak() == "Jon"
    assert not hasattr(some, "_list")
    assert some.model_dump_json() == '{"name":"Jo","later":{"x":1,"y":null},"count":1,"more":{"a":1}}'
    with pytest.raises(ValidationError, match="frozen"):
        setattr(some, "name", "x")  # noqa: B010  # type checkers know that it is frozen
    done = [*('{"name": "Jo"}' | extract(Spoken) | snapshots(Spoken))][-1]
    assert type(done) is Spoken
    assert Kinds.made == ["JO", "jo"]


def test_an_abstract_model_stays_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        partial_of(Kinds)(name="x")


class OwnInit(BaseModel):
    name: str
    user: User

    def __init__(self, name: str, **values: Any) -> None:
        super().__init__(name=name.upper(), **values)


def test_a_model_with_an_init_of_its_own_is_shown_when_it_is_whole() -> None:
    class Holds(BaseModel):
        own: OwnInit | None = None

    seen = [
        each.own
        for each in list('{"own": {"name": "a", "user": {"name": "b", "age": 1}}}') | extract(Holds) | snapshots()
    ]
    assert seen[:-1] == [None] * (len(seen) - 2) + [seen[-1]]
    assert seen[-1] is not None
    assert seen[-1].name == "A"


def test_computed_fields_and_serializers() -> None:
    class Writes(BaseModel):
        width: int
        height: int
        name: str

        @computed_field  # type: ignore[prop-decorator]  # pydantic's way
        @property
        def area(self) -> int:
            return self.width * self.height

        @field_serializer("name")
        def shout(self, name: str) -> str:
            return name.upper()

    class Whole(BaseModel):
        inner: Writes | None
        width: int

        @model_serializer
        def write(self) -> dict[str, object]:
            return {"double": self.width * 2, "inner": self.inner}

    assert shown('{"width": 2,', Writes).model_dump() == {"width": 2, "height": None, "name": None}
    assert shown('{"name": "a", "width": 2,', Writes).model_dump_json() == '{"width":2,"height":null,"name":null}'
    part = partial_of(Whole).model_validate({"width": 2})
    assert part.model_dump() == {"inner": None, "width": 2}


def test_a_serializer_that_cannot_do_with_a_part_is_passed_over() -> None:
    class Writes(BaseModel):
        name: str
        width: int = 1

        @field_serializer("width")
        def write(self, width: int) -> str:
            return self.name.upper() + str(width)

    part = partial_of(Writes).model_validate({"width": 2})
    assert part.model_dump() == json.loads(part.model_dump_json()) == {"name": None, "width": 2}
    assert shown("{", Writes).model_dump() == {"name": None, "width": 1}


def test_nothing_is_said_of_a_complete_part_with_a_cached_property() -> None:
    class Cached(BaseModel):
        model_config = ConfigDict(extra="allow")
        name: str

        @computed_field  # type: ignore[prop-decorator]  # pydantic's way
        @cached_property
        def title(self) -> str:
            return self.name.title()

    class Holds(BaseModel):
        one: Cached
        many: list[Cached]
        either: list[Cached] | int
        pair: tuple[int, Cached, str]
        points: dict[str, Point]

    cached = '{"name": "a", "more": 1}'
    text = f'{{"one": {cached}, "many": [{cached}], "either": [{cached}], "pair": [1, {cached}], "points": {{"a": {{'
    dumped = {"name": "a", "more": 1, "title": "A"}
    assert shown(text, Holds).model_dump() == {
        "one": dumped,
        "many": [dumped],
        "either": [dumped],
        "pair": (1, dumped),
        "points": {"a": {"x": None, "y": 2}},
    }


def test_a_test_for_leaving_out_that_cannot_do_with_a_part_leaves_it_in() -> None:
    class Holds(BaseModel):
        user: User = Field(exclude_if=lambda user: user.age > 3)

    holds = partial_of(Holds)
    assert holds.model_validate({"user": {"name": "Jo"}}).model_dump() == {"user": {"name": "Jo", "age": None}}
    assert holds.model_validate({"user": {"name": "Jo", "age": 4}}).model_dump() == {}
    assert holds.model_validate({}).model_dump() == {"user": None}


class Loud(BaseModel):
    name: str
    count: int = 1

    def __repr__(self) -> str:
        return self.name.upper()

    __str__ = __repr__

    def __repr_name__(self) -> str:
        return self.name.upper()

    def __rich_repr__(self) -> Any:
        yield self.name.upper()

    def __pretty__(self, fmt: Any, **options: Any) -> Any:
        yield self.name.upper()

    def model_dump(self, **options: Any) -> dict[str, Any]:
        return {"name": self.name.upper()}

    def model_dump_json(self, **options: Any) -> str:
        return self.name.upper()


@pytest.mark.parametrize("name", [None, "a"])
def test_nothing_that_a_class_writes_itself_with_is_called_for_a_part(name: str | None) -> None:
    part = shown("{" if name is None else '{"name": "a', Loud)
    assert repr(part) == f"Loud(name={name!r}, count=1)"
    assert str(part) == f"name={name!r} count=1"
    assert list(part.__rich_repr__()) == [("name", name), ("count", 1)]
    assert "Loud(" in list(part.__pretty__(repr))
    assert part.model_dump() == json.loads(part.model_dump_json()) == {"name": name, "count": 1}
    whole = next(iter(gather('{"name": "a"}' | extract(Loud) | snapshots(Loud))[0]))
    assert (repr(whole), str(whole), whole.model_dump(), whole.model_dump_json()) == ("A", "A", {"name": "A"}, "A")


def test_a_literal_is_shown_as_soon_as_it_is_told() -> None:
    class Room(Enum):
        LARGE = "large"
        SMALL = "small"

    class Holds(BaseModel):
        room: Room

    stages = accumulate() | validate(Holds, eager_literals=True) | snapshots()
    rooms = [each.room for each in gather(list('{"room": "la') | stages)[0]]
    assert rooms == [None, Room.LARGE]


def attempts(tp: Any, *texts: str) -> list[Any]:
    """The snapshots of several attempts, one after another."""
    batches: list[Sequence[Change[Any]]] = []
    for text in texts:
        told = list((list(text) | accumulate() | validate(tp)).batches())
        batches += [[change for change in batch if change.op != "end"] for batch in told]
        batches += [[Change("reset", (), "again")]]
    return gather(batches | spread(tp) | diff() | snapshots())[0]


def test_a_new_attempt_goes_on_with_what_was_wrong() -> None:
    class Holds(BaseModel):
        short: Annotated[str, Field(max_length=3)]
        numbers: set[int]

    seen = attempts(Holds, '{"short": "abcd", "numbers": [1, "x"]}', '{"short": "abcde", "numbers": [1, 2]}')
    steps = [step for step, _ in groupby((each.short, each.numbers) for each in seen)]
    assert steps[-4:] == [(None, None), ("abcde", None), (None, None), (None, {1, 2})]


def test_a_third_attempt_goes_on_with_the_second() -> None:
    short = Annotated[str, Field(max_length=3)]
    seen = attempts(dict[str, short], '{"a": "abcd"}', '{"a": "xyzw"}', '{"a": "xyzwv"}')
    assert {"a": "xyzwv"} in seen


def test_a_new_attempt_takes_no_cached_property_for_an_extra_value() -> None:
    class Cached(BaseModel):
        model_config = ConfigDict(extra="allow")
        name: str
        tags: list[str]

        @computed_field  # type: ignore[prop-decorator]  # pydantic's way
        @cached_property
        def title(self) -> str:
            return self.name.title()

    seen = attempts(Cached, '{"name": "a", "tags": ["x"]}', '{"name": "a", "tags": ["x", "y')
    assert (seen[-1].tags, seen[-1].model_extra) == (["x", "y"], {})


def test_aliases_of_what_is_no_model() -> None:
    class Wire(TypedDict):
        name: Annotated[str, Field(serialization_alias="Name")]
        count: int

    @pydantic.dataclasses.dataclass
    class Plain:
        name: str
        count: int

    class Holds(BaseModel):
        wire: Wire
        plain: Plain

    part = shown('{"wire": {"name": "a"}, "plain": {"name": "b"', Holds)
    assert part.model_dump(by_alias=True) == {"wire": {"Name": "a"}, "plain": {"name": "b", "count": None}}


def test_private_attributes_are_each_ones_own() -> None:
    class Notes(BaseModel):
        name: str
        _notes: list[str] = PrivateAttr(default=[])

    one, other = shown('{"name": "a', Notes), shown('{"name": "a', Notes)
    one._notes.append("x")
    assert other._notes == []
    assert partial_of(Notes).model_validate({})._notes == []


def test_a_metaclass_of_the_users() -> None:
    class Meta(type(BaseModel)):  # type: ignore[misc]  # pydantic has no public name for it
        def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
            return super().__new__(mcs, name, bases, namespace)

    class Model(BaseModel, metaclass=Meta):
        name: str

    assert shown('{"name": "a', Model).name == "a"


# -- the class -----------------------------------------------------------------------------------------

MODELS: list[Any] = [User, Users, Page[User], Page, Tree, Spoken, OwnInit, Kinds]


@pytest.mark.parametrize("model", MODELS)
def test_the_class_is_the_models_in_all_but_what_is_required(model: type[BaseModel]) -> None:
    cls = partial_of(model)
    assert cls is partial_of(model) is partial_of(cls)
    assert issubclass(cls, model)
    assert cls is not model
    assert (cls.__name__, cls.__qualname__, cls.__module__) == (model.__name__, model.__qualname__, model.__module__)
    assert cls.__doc__ == model.__doc__
    assert cls.model_fields == model.model_fields
    assert cls.model_config == model.model_config


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_its_json_schema_is_the_models(model: type[BaseModel], mode: Literal["validation", "serialization"]) -> None:
    cls = partial_of(model)
    wanted = model.model_json_schema(mode=mode)
    assert cls.model_json_schema(mode=mode) == wanted
    assert TypeAdapter(cls).json_schema(mode=mode) == wanted
    several, wanted_of_several = list_of(cls), list_of(model)
    assert TypeAdapter(several).json_schema(mode=mode) == TypeAdapter(wanted_of_several).json_schema(mode=mode)
    assert wire_schema(cls) == wire_schema(model)
    assert wire_schema(several) == wire_schema(wanted_of_several)


def test_beside_its_model_there_is_one_schema() -> None:
    class Both(BaseModel):
        whole: User
        part: Partial[User]
        parts: list[Partial[Tree]]
        tree: Tree

    class Twice(BaseModel):
        whole: User
        part: User
        parts: list[Tree]
        tree: Tree

    assert Both.model_json_schema() == {**Twice.model_json_schema(), "title": "Both"}
    assert wire_schema(Both).schema == {**wire_schema(Twice).schema, "title": "Both"}


def test_threads_get_one_class() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        _race()
    finally:
        sys.setswitchinterval(interval)


def _race() -> None:
    def race(n: int) -> None:
        class Fresh(BaseModel):
            users: list[User]
            at: int = n

        barrier = Barrier(8)

        def make(_: int) -> Any:
            barrier.wait()
            cls = partial_of(Fresh)
            return cls, cls.model_validate({"users": [{}]}).model_dump()

        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(make, range(8)))
        assert len({cls for cls, _ in made}) == 1
        assert [dump for _, dump in made] == [{"users": [{"name": None, "age": None}], "at": n}] * 8

    for n in range(20):
        race(n)


def test_a_class_lives_as_long_as_its_model() -> None:
    class Short(BaseModel):
        name: str

    ref = weakref.ref(partial_of(Short))
    gc.collect()
    assert partial_of(Short) is ref()
    del Short
    gc.collect()
    assert ref() is None


class WithMixin(BaseModel, PartialLiteralMixin):
    kind: Literal["one", "two"]


def test_instructors_mixin_does_nothing() -> None:
    assert shown('{"kind": "on', WithMixin).kind is None
    assert partial_of(WithMixin).model_json_schema() == WithMixin.model_json_schema()


# -- an instance ---------------------------------------------------------------------------------------

PARTIALS = [
    (User, '{"name": "Jo'),
    (Users, '[{"name": "Jo'),
    (Page[User], '{"items": [{"name": "Jo'),
    (Tree, '{"name": "a", "children": [{"name": "b'),
    (Spoken, '{"name": "Jo", "more": {"a": 1}, "later": {"x": 1, '),
]


@pytest.mark.parametrize(("model", "text"), PARTIALS)
def test_copies(model: type[Any], text: str) -> None:
    one = shown(text, model)
    for twin in (copy.copy(one), copy.deepcopy(one), one.model_copy(), one.model_copy(deep=True), again(one)):
        assert twin is not one
        assert type(twin) is type(one)
        assert twin == one
        assert twin.model_fields_set == one.model_fields_set
        assert twin.model_extra == one.model_extra
        assert twin.__pydantic_private__ == one.__pydantic_private__
        assert twin.model_dump_json() == one.model_dump_json()
    if "name" in model.model_fields:
        other = one.model_copy(update={"name": "new"})
        assert (type(other), other.name) == (type(one), "new")
        assert one.name != "new"


def again(value: T) -> T:
    return cast("T", pickle.loads(pickle.dumps(value)))  # noqa: S301  # our own


MODULE = """
from pydantic import BaseModel
class Elsewhere(BaseModel):
    names: list[str]
    inner: "Elsewhere | None" = None
    count: int
"""
READ = """
import pickle, sys
one = pickle.load(sys.stdin.buffer)
from elsewhere import Elsewhere
from streamkit import Partial
assert type(one) is Partial[Elsewhere]
assert type(one.inner) is Partial[Elsewhere]
print(one.model_dump_json(exclude_unset=True))
"""


def test_it_crosses_to_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere.py").write_text(MODULE, "utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    model = import_module("elsewhere").Elsewhere
    one = shown('{"names": ["a"], "inner": {"names": ["b', model)
    paths = os.pathsep.join(filter(None, sys.path))
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", READ],
        input=pickle.dumps(one),
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        check=False,
    )
    assert ended.stderr == b""
    assert ended.stdout.strip() == b'{"names":["a"],"inner":{"names":["b"]}}'


# -- validating with it --------------------------------------------------------------------------------


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    name: str = Field(alias="Name", min_length=2)
    user: User
    either: User | list[User] | int = 3
    tagged: Annotated[Cat | Dog, Field(discriminator="kind")]
    point: Point
    pair: tuple[int, User]
    made: list[int] = Field(default_factory=lambda: [1])

    @field_validator("name")
    @classmethod
    def title(cls, name: str) -> str:
        return name.title()

    @model_validator(mode="after")
    def whole(self) -> Strict:
        raise AssertionError("called with a part")


def test_nothing_is_required() -> None:
    empty = partial_of(Strict).model_validate({})
    assert type(empty) is partial_of(Strict)
    assert empty.model_fields_set == set()
    assert empty.model_dump() == {
        "name": None, "user": None, "either": 3, "tagged": None, "point": None, "pair": None, "made": None,
    }  # fmt: skip


def test_what_is_there_is_validated() -> None:
    some = partial_of(Strict).model_validate({"Name": " jo ", "user": {"name": "x"}, "either": [{}], "point": {}})
    assert (some.name, type(some.user), some.user.age) == ("Jo", Partial[User], None)
    assert [type(each) for each in some.either] == [Partial[User]]
    assert type(some.point) is Point
    assert partial_of(Strict).model_validate_json('{"tagged": {"kind": "dog"}}').tagged.name is None
    with pytest.raises(ValidationError) as raised:
        partial_of(Strict).model_validate({"Name": "j", "user": {"age": "x"}, "tagged": {"kind": "cow"}, "more": 1})
    assert [(error["loc"], error["type"]) for error in raised.value.errors()] == [
        (("Name",), "string_too_short"),
        (("user", "age"), "int_parsing"),
        (("tagged",), "union_tag_invalid"),
        (("more",), "extra_forbidden"),
    ]


def test_no_code_that_wants_the_whole_is_called() -> None:
    class Asks(BaseModel):
        a: int
        b: int
        own: OwnInit

        @field_validator("b")
        @classmethod
        def more(cls, value: int, info: ValidationInfo) -> int:
            return value + int(info.data["a"])

        def model_post_init(self, context: object) -> None:
            raise AssertionError("called with a part")

    part = partial_of(Asks).model_validate({"b": 1, "own": {}})
    assert (part.b, type(part.own), part.own.name) == (1, partial_of(OwnInit), None)


def test_a_partial_is_called_like_its_model() -> None:
    user = partial_of(User)(name="Jo")
    assert type(user) is Partial[User]
    assert [user.name, user.age, user.model_fields_set] == ["Jo", None, {"name"}]


def test_an_instance_is_taken_as_it_is() -> None:
    whole = User(name="Jo", age=1)
    part = partial_of(User)(name="Jo")
    for each in (whole, part):
        assert partial_of(User).model_validate(each) is each
        assert TypeAdapter(list[Partial[User]]).validate_python([each])[0] is each


@pytest.mark.parametrize(("model", "text"), PARTIALS)
def test_its_dump_can_be_read_again(model: type[Any], text: str) -> None:
    one = shown(text, model)
    assert partial_of(model).model_validate_json(one.model_dump_json(exclude_unset=True)) == one


def test_a_partial_in_a_model() -> None:
    class Event(BaseModel):
        user: Partial[User]
        users: list[Partial[User]] = []
        tree: Partial[Tree] | None = None

    part, whole = partial_of(User)(name="Jo"), User(name="Al", age=1)
    event = Event(user=part, users=[part, whole], tree=shown('{"children": [{', Tree))
    assert event.user is part
    assert (
        json.loads(event.model_dump_json())
        == event.model_dump()
        == {
            "user": {"name": "Jo", "age": None},
            "users": [{"name": "Jo", "age": None}, {"name": "Al", "age": 1}],
            "tree": {"name": None, "children": [{"name": None, "children": None, "parent": None}], "parent": None},
        }
    )
    assert Event.model_validate_json('{"user": {}}').user.name is None


def test_a_whole_one_in_the_place_of_a_partial_is_dumped_as_ever() -> None:
    class Draft(BaseModel):
        box: Partial[Box]
        boxes: list[Partial[Box]] = []

    whole, part = Box(w=1), partial_of(Box)(w=2)
    draft = Draft(box=whole, boxes=[whole, part])
    boxes = [{"w": 1.0, "h": 2.0, "area": 2.0}, {"w": 2.0, "h": 2.0}]
    assert draft.model_dump() == json.loads(draft.model_dump_json()) == {"box": boxes[0], "boxes": boxes}


def test_a_model_with_partials_in_it_streams() -> None:
    class Event(BaseModel):
        user: Partial[User]

    seen = [
        each.user and each.user.name for each in ['{"user"', ':{"name": "J', 'o"', "}}"] | extract(Event) | snapshots()
    ]
    assert seen == [None, "J", "Jo", "Jo"]
    done: Sequence[Any] = list('{"name": "Jo"}' | extract(partial_of(User)) | snapshots())
    assert type(done[-1]) is Partial[User]


class Narrow(BaseModel, strict=True, from_attributes=True):
    when: date
    pair: tuple[int, str]
    numbers: set[int]
    data: bytes
    id: int | str | UUID


class Narrows(BaseModel):
    one: Narrow
    many: list[Narrow] = []


NARROW = (
    '{"when": "2020-01-01", "pair": [1, "a"], "numbers": [1], "data": "x", "id": "12345678123412341234123456789012"}'
)


def test_json_is_validated_as_json() -> None:
    class Holds(BaseModel):
        inner: Partial[Narrows]

    text = f'{{"one": {NARROW}, "many": [{NARROW}]}}'
    whole = Narrows.model_validate_json(text)
    inside = Holds.model_validate_json(f'{{"inner": {text}}}').inner
    for part in (partial_of(Narrows).model_validate_json(text), inside, shown(f'{{"inner": {text}', Holds).inner):
        assert type(part.one.id) is UUID
        assert part.model_dump() == whole.model_dump()
    with pytest.raises(ValidationError, match="valid date"):
        partial_of(Narrows).model_validate({"one": {"when": "2020-01-01"}})


@pytest.mark.parametrize("text", ["3", "[]", '{"one": [], "many": {}}', '{"one": "x", "many": [null]}'])
def test_errors_in_json_are_those_of_its_model(text: str) -> None:
    whole, part = (errors_in(each, text) for each in (Narrows, partial_of(Narrows)))
    assert [error for error in whole if error["type"] != "missing"] == part != []


def errors_in(model: type[BaseModel], text: str) -> list[Any]:
    with pytest.raises(ValidationError) as raised:
        model.model_validate_json(text)
    return [{**error, "ctx": None} for error in raised.value.errors(include_url=False)]


# -- streaming into one --------------------------------------------------------------------------------


class Box(BaseModel):
    w: float
    h: float = 2

    @computed_field  # type: ignore[prop-decorator]  # pydantic's way
    @property
    def area(self) -> float:
        return self.w * self.h


class Boxes(BaseModel):
    first: Box
    others: list[Box] = []
    data: Data | None = None
    pair: tuple[Box, int] | None = None


class Doubled(BaseModel):
    w: int
    box: Box | None = None

    @model_serializer
    def write(self) -> dict[str, object]:
        return {"double": self.w * 2}


class Wrapped(BaseModel):
    w: int
    box: Box | None = None

    @model_serializer(mode="wrap")
    def write(self, handler: Any) -> dict[str, object]:
        return {"w": -self.w, **{key: value for key, value in handler(self).items() if key != "w"}}


class HoldsWritten(BaseModel):
    one: Doubled
    many: list[Doubled] = []
    either: Doubled | int = 3
    wrapped: Wrapped | None = None


class Written(BaseModel):
    name: str
    width: int = 1
    tall: int | None = None
    box: Box | None = None

    @field_serializer("name")
    def shout(self, name: str) -> str:
        return name.upper()

    @field_serializer("width")
    def with_name(self, width: int) -> str:
        return self.name.upper() + str(width)

    @field_serializer("tall", mode="wrap")
    def metres(self, tall: int, handler: Any) -> str:
        return f"{handler(tall) / 100} m"

    @field_serializer("box")
    def area(self, box: Box) -> float:
        return box.area


@pydantic.dataclasses.dataclass
class After:
    x: int
    y: int = 1

    def __post_init__(self) -> None:
        self.y = self.x * 2


class HoldsAfter(BaseModel):
    after: After
    many: list[After] = []
    alias: int = Field(1, alias="Alias", exclude=True)
    big: int = Field(3, exclude_if=lambda big: big > 2)


class Changed(BaseModel):
    a: Annotated[int, AfterValidator(lambda a: a + 1)]
    b: list[int] = Field(default_factory=lambda: [1])
    c: str = "c"
    d: Box = Box(w=1)

    @field_validator("c")
    @classmethod
    def strip(cls, c: str) -> str:
        return c.strip()

    @model_validator(mode="after")
    def check(self) -> Changed:
        self.c = self.c.upper()
        return self


class Typed(TypedDict):
    box: Box
    name: NotRequired[Annotated[str, Field(serialization_alias="Name")]]


class Others(BaseModel):
    typed: Typed
    pair: Pair | None = None
    ids: frozenset[UUID] = frozenset()
    either: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    boxes: RootModel[list[Box]] | None = None


class Extras(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Box] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride]  # pydantic's way
    box: Box


def half(value: float) -> float:
    return 1 / (value - 1)


class WrittenExtras(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[float, PlainSerializer(half)]] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride]  # pydantic's way
    inverse: Annotated[float, PlainSerializer(half)] = 1
    many: list[Annotated[float, PlainSerializer(half)]] = []


STREAMED: list[tuple[Any, list[str]]] = [
    (User, ["{}", '{"name": "Jo"}', '{"name": null, "age": "3"}', '{"age": "x"}']),
    (Users, ['[{"name": "Jo"}, {}]']),
    (Tree, ['{"children": [{"name": "a", "children": [{}]}], "parent": {}}']),
    (Page[Box], ['{"items": [{"w": 1}, {}, {"w": 2, "h": 3}]}']),
    (Box, ["{}", '{"w": 2}', '{"w": 2, "h": 3}', '{"w": null}']),
    (Boxes, ["{}", '{"first": {"w": 2}, "others": [{"h": 1}, {}], "data": {"user": {"name": "Jo"}}, "pair": [{}, 1]}']),
    (Boxes, ['{"data": {"points": [{"x": 1}, {}]}}', '{"data": {}}', '{"data": null, "first": null}']),
    (Doubled, ["{}", '{"w": 2, "box": {"w": 1}}']),
    (Wrapped, ["{}", '{"w": 2, "box": {"w": 1}}']),
    (HoldsWritten, ['{"one": {}}', '{"one": {"w": 2}, "many": [{"w": 1, "box": {}}, {}], "either": {"w": 1}}']),
    (HoldsWritten, ["{}", '{"wrapped": {}}', '{"wrapped": {"w": 2, "box": {"w": 1}}, "either": 4}']),
    (Written, ["{}", '{"name": "Jo"}', '{"width": 2}', '{"width": 2, "name": "Jo", "tall": 2, "box": {"w": 1}}']),
    (Written, ['{"tall": null, "box": {"h": 1}, "name": null}', '{"box": null, "width": null}']),
    (HoldsAfter, ['{"after": {"x": 2}, "many": [{}, {"y": 3}], "Alias": 3, "big": 1}', '{"big": 4}', '{"big": null}']),
    (Changed, ["{}", '{"a": 1, "b": [2], "c": " x ", "d": {"w": 1}}', '{"a": null, "d": {}}']),
    (Others, ['{"typed": {"box": {"w": 1}, "name": "x"}, "pair": [{}], "ids": []}', '{"typed": {"name": "x"}}']),
    (Others, ['{"either": {"kind": "dog"}, "boxes": [{"w": 1}]}', '{"pair": [{"name": "a"}, 1, "x"], "typed": {}}']),
    (Extras, ['{"box": {"w": 1}, "more": {"h": 3}, "other": {"w": 2, "h": 1}}']),
    (WrittenExtras, ['{"a": 3, "b": 1, "inverse": 1, "many": [1, 2]}', '{"inverse": 3, "many": []}']),
    (RootModel[Doubled], ['{"w": 2, "box": {}}', "{}"]),
    (RootModel[dict[str, Doubled]], ['{"a": {"w": 2, "box": {}}, "b": {}}', "{}"]),
    (Spoken, ["{}", '{"name": "a", "n": 3, "later": {"x": 1}, "more": [1]}']),
    (Strict, ["{}", '{"Name": "ab", "user": {}, "tagged": {"kind": "cat"}, "point": {"x": 1}, "pair": [1, {}]}']),
]


@pytest.mark.parametrize(("model", "text"), [(model, text) for model, texts in STREAMED for text in texts])
@pytest.mark.parametrize("around", [False, True], ids=["itself", "field"])
def test_streaming_makes_what_validating_and_dumping_does(model: Any, text: str, *, around: bool) -> None:
    tp = partial_of(model)
    answer = answer_of(TypeAdapter[Any](tp), text)
    if around:
        tp, text = (
            create_model("Holds", part=(tp, ...), many=(list_of(tp), [])),
            f'{{"part": {text}, "many": [{text}]}}',
        )
        inside = answer_of(TypeAdapter[Any](tp), text)
        if answer.errors is None:
            assert inside.dump == {"part": answer.dump, "many": [answer.dump]}
        answer = inside
    assert answer.raised is None
    for pieces in ([text], list(text)):
        assert_agrees(list(pieces | extract(tp)), answer)


def test_only_models_have_partials() -> None:
    with pytest.raises(TypeError, match=r"takes a pydantic model, got list\[.*User\]; .*list\[Partial\[User\]\]"):
        partial_of(list[User])
