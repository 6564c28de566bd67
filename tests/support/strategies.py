"""Hypothesis strategies: JSON as trees and as text, cuts of text, pydantic models and documents for them.

A tree is a JSON value that still knows what JSON text can say and Python values cannot: a key that comes
twice (`Pairs`), and how a number was written (`Number`). A `Kind` is a type together with what is known
of its values: what documents fit it, and when its values may be told.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from itertools import count, cycle
from json import dumps
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar, cast
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from hypothesis.vendor.pretty import RepresentationPrinter
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    Json,
    RootModel,
    computed_field,
    field_serializer,
    model_validator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypedDict

__all__ = [
    "LAW",
    "THOROUGH",
    "Case",
    "Kind",
    "Number",
    "Pairs",
    "Place",
    "Style",
    "Tree",
    "cases",
    "cut",
    "documents",
    "has_twins",
    "kinds",
    "models",
    "sizes",
    "styles",
    "texts",
    "trees",
    "write",
]


_IN_CI = bool(os.environ.get("CI") or os.environ.get("STREAMKIT_CI"))
THOROUGH = _IN_CI and os.environ.get("STREAMKIT_EXAMPLES") != "few"
"""Whether to try many examples: in CI, on the first of its Pythons."""

LAW = settings(
    max_examples=120 if THOROUGH else 40,
    # The same examples each time there, so that a change is judged by what it changes; new ones everywhere else.
    derandomize=_IN_CI,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
"""How hard a law is tried."""


class Number(str):
    """A number as it is written."""

    __slots__ = ()


@dataclass(frozen=True)
class Pairs:
    """An object whose keys may come twice."""

    pairs: tuple[tuple[str, Tree], ...]


Tree: TypeAlias = "Pairs | list[Tree] | str | bool | None"  # a number is a `Number`, which is a str

# -- JSON values -------------------------------------------------------------------------------------

_TRICKY = ['"', "\\", "/", "\b", "\n", "\x00", "\x7f", "é", "\u2028", "\ufffd", "\ufeff", "😀", "\U0010ffff", "{", "]"]
characters = st.one_of(st.sampled_from(_TRICKY), st.characters(exclude_categories=["Cs"]))
words = st.text(characters, max_size=8)
keys = st.one_of(st.sampled_from(["", "a", "b", "0", "a/b", "~", "~1", "*", "a.b", "é", "😀", '"']), words)
_NUMBERS = ["0", "-0", "1E5", "1.0", "-0.0", "1e-7", "0.1", "1.10", "5e+3", "123456789012345678901234567890", "1e400"]
numbers = st.one_of(
    st.sampled_from(_NUMBERS),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
).map(Number)
scalars: SearchStrategy[Tree] = st.one_of(st.none(), st.booleans(), numbers, words)


def _pairs(pairs: Sequence[tuple[str, Tree]]) -> Pairs:
    return Pairs(tuple(pairs))


def trees(max_leaves: int = 12) -> SearchStrategy[Tree]:
    """Any JSON."""
    return st.recursive(
        scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.lists(st.tuples(keys, inner), max_size=4).map(_pairs)),
        max_leaves=max_leaves,
    )


def has_twins(tree: Tree) -> bool:
    """Whether a key comes twice in any object."""
    if isinstance(tree, list):
        return any(map(has_twins, tree))
    if isinstance(tree, Pairs):
        names = [key for key, _ in tree.pairs]
        return len(set(names)) < len(names) or any(has_twins(child) for _, child in tree.pairs)
    return False


# -- JSON text ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Style:
    """How a writer formats: with white space or without, with needless escapes or without."""

    seed: int = 0
    airy: bool = False
    escaped: bool = False


styles = st.builds(Style, st.integers(0, 1 << 16), st.booleans(), st.booleans())


def write(tree: Tree, style: Style = Style()) -> str:  # frozen
    """The JSON text of a tree."""
    dice = random.Random(style.seed)
    return _space(dice, style) + _written(tree, dice, style) + _space(dice, style)


def _written(tree: Tree, dice: random.Random, style: Style) -> str:
    if isinstance(tree, list):
        return "[" + ",".join(_spaced(_written(item, dice, style), dice, style) for item in tree) + "]"
    if isinstance(tree, Pairs):
        members = (
            _spaced(_string(key, dice, style), dice, style) + ":" + _spaced(_written(child, dice, style), dice, style)
            for key, child in tree.pairs
        )
        return "{" + ",".join(members) + "}"
    if isinstance(tree, Number):
        return str(tree)
    return _string(tree, dice, style) if isinstance(tree, str) else dumps(tree)


def _spaced(text: str, dice: random.Random, style: Style) -> str:
    return _space(dice, style) + text + _space(dice, style)


def _space(dice: random.Random, style: Style) -> str:
    return dice.choice(["", "", " ", "\n", "\r\n", "\t ", " \n\n  "]) if style.airy else ""


def _string(text: str, dice: random.Random, style: Style) -> str:
    if not style.escaped:
        return dumps(text, ensure_ascii=style.seed % 2 == 1)
    return '"' + "".join(_character(c, dice) for c in text) + '"'


def _character(c: str, dice: random.Random) -> str:
    ways = [dumps(c)[1:-1], _as_units(c, dice)]
    if c == "/":
        ways.append("\\/")
    return dice.choice([*ways, dumps(c, ensure_ascii=False)[1:-1]])


def _as_units(c: str, dice: random.Random) -> str:
    """The `\\u` escapes of a character: two of them, a surrogate pair, above the BMP."""
    units = c.encode("utf-16-be")
    hexes = [units[at : at + 2].hex() for at in range(0, len(units), 2)]
    return "".join("\\u" + (digits.upper() if dice.random() < 0.5 else digits) for digits in hexes)


texts: SearchStrategy[str] = st.builds(write, trees(), styles)

# -- cuts --------------------------------------------------------------------------------------------

sizes: SearchStrategy[list[int]] = st.lists(st.integers(1, 12), min_size=1, max_size=8)
"""How long the pieces of a text are, again and again: `[1]` cuts it into single units."""

TextT = TypeVar("TextT", str, bytes)


def cut(text: TextT, lengths: Sequence[int]) -> Iterator[TextT]:
    """The pieces of a text."""
    at = 0
    for length in cycle(lengths):
        if at >= len(text):
            return
        yield text[at : at + length]
        at += length


# -- types and what is known of them -----------------------------------------------------------------

Told: TypeAlias = Literal["text", "entered", "held", "any", "later"]


@dataclass(frozen=True)
class Place:
    """A field of a model.

    Attributes:
        name: what paths and dumps call it.
        key: what JSON calls it.
        hidden: left out of the dump.
        late: told only when the object closes, because its serializer wants the object.
        default: what stands there if nothing comes; Ellipsis where it is required.
    """

    name: str
    key: str
    kind: Kind
    hidden: bool = False
    late: bool = False
    default: object = ...


@dataclass(frozen=True)
class Kind:
    """A type, and what is known of its values.

    Attributes:
        tp: the annotation.
        fitting: documents that are likely to be valid.
        told: `text` streams, `entered` is told child by child, `held` appears when it closes, `any` is
            told as if there were no type, `later` is right in the end, sooner or later.
        item: of a list or dict.
        places: of a model.
        extra: what a model does with other keys.
        default: a value for fields that have a default; Ellipsis if there is none.
        revises: user code may change what was told.
    """

    tp: Any
    fitting: SearchStrategy[Tree]
    told: Told = "held"
    item: Kind | None = None
    places: tuple[Place, ...] = ()
    extra: str = "ignore"
    default: object = ...
    revises: bool = False

    def __repr__(self) -> str:
        return f"Kind({self.tp!r})"

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        printer.text(repr(self))

    @property
    def inside(self) -> Iterator[Kind]:
        """This kind and all kinds in it."""
        yield self
        if self.item is not None:
            yield from self.item.inside
        for place in self.places:
            yield from place.kind.inside

    @property
    def timed(self) -> bool:
        """Whether it is known exactly when each value is to be told."""
        return not any(kind._waits for kind in self.inside)

    @property
    def _waits(self) -> bool:
        return self.told == "later" or (self.told == "entered" and self.revises) or self._may_collide

    @property
    def _may_collide(self) -> bool:
        return self.extra == "allow" and any(place.key != place.name for place in self.places)

    @property
    def collides(self) -> bool:
        """Whether an extra key may be called as a field is that has an alias: its value is dumped in its place."""
        return any(kind._may_collide for kind in self.inside)

    @property
    def may_revise(self) -> bool:
        """Whether user code anywhere in it may change what was told."""
        return any(kind.revises or kind.told == "later" for kind in self.inside)


class Color(Enum):
    RED = "red"
    GREEN = "green"
    NONE = 0


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Branch(BaseModel):
    name: str
    branches: list[Branch] = []


ItemT = TypeVar("ItemT")


class Box(BaseModel, Generic[ItemT]):
    content: ItemT
    label: str = "box"


class Point(NamedTuple):
    x: int
    y: int = 0


class Movie(TypedDict):
    title: str
    year: int


@pydantic_dataclass
class Pet:
    name: str
    age: int = 0


class Names(RootModel[list[str]]):
    pass


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str] = []


def _positive(value: int) -> int:
    if value < 0:
        raise ValueError("must not be negative")
    return value


def _next(value: int) -> int:
    return value + 1


def _sampled(*texts: str | bool | None) -> SearchStrategy[Tree]:
    """Documents: what begins with a digit or `-` and is marked by a leading `#` is a number."""
    return st.sampled_from(
        [Number(text[1:]) if isinstance(text, str) and text.startswith("#") else text for text in texts]
    )


_integers: SearchStrategy[Tree] = st.one_of(
    st.integers(-3, 300).map(str).map(Number), _sampled("#5.0", "7", "#-0", "#1e2", True)
)
_UUID = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
_STAMPS = ("2024-02-29T12:34:56Z", "2024-02-29 12:34:56.789+02:00", "#1700000000", "2024-02-29")

LEAVES: list[Kind] = [
    Kind(str, words, "text", default="plain"),
    Kind(str, words, "text", default=""),
    Kind(Annotated[str, Field(max_length=5)], words, "text", default="abc"),
    Kind(Annotated[str, Field(pattern="^[a-z]*$")], st.one_of(words, _sampled("abc", "")), "text"),
    Kind(Annotated[str, AfterValidator(str.upper)], words, "text", default="made", revises=True),
    Kind(Annotated[str, AfterValidator(str.strip)], _sampled(" a", "b", "", " \n"), "text", revises=True),
    Kind(Annotated[str, Field(max_length=3), AfterValidator(len)], words, "text", revises=True),
    Kind(int, _integers, default=7),
    Kind(Annotated[int, Field(ge=0)], _integers, default=1),
    Kind(Annotated[int, AfterValidator(_next)], _integers, default=2),
    Kind(Annotated[int, AfterValidator(_positive)], _integers),
    Kind(float, st.one_of(numbers, _sampled("1.5", "#1")), default=0.5),
    Kind(bool, _sampled(True, False, "yes", "#1", "off"), default=True),
    Kind(Decimal, _sampled("1.50", "#1.10", "#0.1", "#1E5", "#-0", "12345678901234567890.5"), default=Decimal("9.90")),
    Kind(date, _sampled("2024-02-29", "#0", "2024-01-01T00:00:00"), default=date(2024, 1, 2)),
    Kind(datetime, _sampled(*_STAMPS)),
    Kind(time, _sampled("12:34:56", "00:00", "23:59:59.5Z")),
    Kind(UUID, _sampled(_UUID, _UUID.upper(), _UUID.replace("-", "")), default=UUID(_UUID)),
    Kind(Literal["draft", "final", 3], _sampled("draft", "final", "#3"), default="draft"),
    Kind(Color, _sampled("red", "green", "#0"), default=Color.RED),
    Kind(Level, _sampled("#1", "#2"), default=Level.HIGH),
    Kind(Any, trees(4), "any", default=None),
]


def _object(*names: str) -> Callable[..., Pairs]:
    """Makes an object of these members."""
    return lambda *values: Pairs(tuple(zip(names, values, strict=True)))


# What a later stage takes apart; here it only has to be right.
_LATER: list[tuple[Any, SearchStrategy[Any]]] = [
    (int | str, st.one_of(_integers, words)),
    (list[int] | dict[str, int], st.one_of(st.lists(_integers, max_size=3), trees(3))),
    (tuple[int, str], st.tuples(_integers, words).map(list)),
    (set[int], st.lists(st.integers(0, 7).map(str).map(Number), max_size=3)),
    (dict[int, str], st.lists(st.tuples(st.sampled_from(["1", "2", "-3"]), words), max_size=3).map(_pairs)),
    (Branch, st.just(Pairs((("name", "a"), ("branches", [Pairs((("name", "b"),))]))))),
    (Box[int], st.builds(_object("content"), _integers)),
    (Point, st.lists(_integers, min_size=1, max_size=2)),
    (Movie, st.builds(_object("title", "year"), words, _integers)),
    (Pet, st.builds(_object("name", "age"), words, _integers)),
    (Names, st.lists(words, max_size=3)),
    (bytes, words),
    (timedelta, _sampled("P1DT2H", "#90", "1.00:00:00")),
    (Json[list[int]], _sampled("[1,2]", "[]", " [3 ]")),
    (None, st.none()),
    (
        Annotated[Cat | Dog, Field(discriminator="kind")],
        st.sampled_from([Pairs((("kind", "cat"), ("lives", Number("9")))), Pairs((("kind", "dog"),))]),
    ),
]

LATER: list[Kind] = [Kind(tp, fitting, "later") for tp, fitting in _LATER]

_names = st.lists(st.sampled_from(["name", "size", "tags", "when", "a", "note"]), min_size=1, max_size=4, unique=True)
_serial = count()


def _optional(inner: Kind) -> Kind:
    return replace(inner, tp=inner.tp | None, fitting=st.one_of(st.none(), inner.fitting), default=None)


def _list(inner: Kind, most: int | None, changes: bool) -> Kind:
    tp: Any = cast("Any", list)[inner.tp]
    if most is not None:
        tp = Annotated[tp, Field(min_length=1, max_length=most)]
    if changes:
        tp = Annotated[tp, AfterValidator(_reversed)]
    return Kind(tp, st.lists(inner.fitting, max_size=4), "entered", inner, default=[], revises=changes)


def _reversed(values: list[object]) -> list[object]:
    return values[1:][::-1]


def _dict(inner: Kind, most: int | None) -> Kind:
    tp: Any = cast("Any", dict)[str, inner.tp]
    fitting = st.lists(st.tuples(keys, inner.fitting), max_size=3).map(_pairs)
    if most is None:
        return Kind(tp, fitting, "entered", inner)
    return Kind(Annotated[tp, Field(max_length=most)], fitting, "later", inner)


def kinds(depth: int = 2, *, later: bool = True) -> SearchStrategy[Kind]:
    """Types, of this depth at most."""
    leaves = st.sampled_from(LEAVES * 3 + LATER) if later else st.sampled_from(LEAVES)
    if not depth:
        return leaves
    inner = st.deferred(lambda: kinds(depth - 1, later=later))
    most = st.sampled_from([None, None, 2])
    return st.one_of(
        leaves,
        st.builds(_list, inner, most, st.sampled_from([False, False, True])),
        st.builds(_dict, inner, most),
        inner.filter(lambda kind: kind.tp is not None and kind.tp is not Any).map(_optional),
        models(depth - 1, later=later),
    )


# -- models ------------------------------------------------------------------------------------------


@dataclass
class _Draft:
    """A model being put together."""

    annotations: dict[str, object] = field(default_factory=dict[str, object])
    namespace: dict[str, object] = field(default_factory=dict[str, object])
    places: list[Place] = field(default_factory=list[Place])


def _shout(self: BaseModel) -> BaseModel:
    for name in type(self).model_fields:
        value: object = getattr(self, name)
        if type(value) is str:
            setattr(self, name, value.upper())
    return self


def _edit(self: BaseModel) -> BaseModel:
    """Change what is inside children that were complete."""
    for name in type(self).model_fields:
        value: object = getattr(self, name)
        if isinstance(value, list) and value:
            cast("list[object]", value).pop()
        elif isinstance(value, BaseModel):
            _shout(value)
    return self


def _refuse(self: BaseModel) -> BaseModel:
    for name in type(self).model_fields:
        if not getattr(self, name):
            raise ValueError(f"{name} is falsy")
    return self


def _text_of(self: object, value: object) -> str:
    return f"<{value!s}>"


def _size(self: BaseModel) -> int:
    return len(type(self).model_fields)


def _summary(self: BaseModel) -> dict[str, list[str]]:
    return {"names": list(type(self).model_fields)}


_AFTER: list[Callable[[BaseModel], BaseModel] | None] = [None, None, None, None, _shout, _edit, _refuse]


@st.composite
def models(draw: st.DrawFn, depth: int = 1, *, later: bool = True) -> Kind:
    """Models whose fields are of such types."""
    draft = _Draft()
    for name in draw(_names):
        _add_field(draw, draft, name, draw(kinds(depth, later=later)))
    extra = draw(st.sampled_from(["ignore", "ignore", "allow", "forbid"]))
    draft.namespace["model_config"] = {"extra": extra}
    computed = draw(st.sampled_from([None, None, None, _size, _summary]))
    if computed is not None:
        draft.namespace["computed"] = computed_field(property(computed))
    after = draw(st.sampled_from(_AFTER))
    if after is not None:
        draft.namespace["after"] = model_validator(mode="after")(after)
    return Kind(
        _model(draft),
        _members(draft.places),
        "entered",
        places=tuple(draft.places),
        extra=extra,
        revises=after is not None,
    )


def _model(draft: _Draft) -> type[BaseModel]:
    name = f"Model{next(_serial)}"
    body = {"__annotations__": draft.annotations, "__module__": __name__, "__qualname__": name, **draft.namespace}
    make = cast("Callable[..., type[BaseModel]]", type(BaseModel))
    return make(name, (BaseModel,), body)


def _add_field(draw: st.DrawFn, draft: _Draft, name: str, kind: Kind) -> None:
    key = draw(st.sampled_from([name, name, name.title(), "a/~b"]))
    if any(place.key == key for place in draft.places):
        key = name
    hidden = draw(st.sampled_from([False, False, False, True]))
    serialized = draw(st.sampled_from([False] * 6 + [True]))
    default: object = draw(st.sampled_from([..., kind.default]))
    options: dict[str, Any] = {"exclude": True} if hidden else {}
    if key != name:
        options["alias"] = key
    if default is not ...:
        made = default  # bound now
        options |= draw(st.sampled_from([{"default": made}, {"default_factory": lambda: made}]))
    draft.annotations[name] = kind.tp
    draft.namespace[name] = Field(**options)
    if serialized:
        draft.namespace[f"write_{name}"] = field_serializer(name)(_text_of)
    draft.places.append(Place(name, key, kind, hidden, serialized, default))


def _members(places: Sequence[Place]) -> SearchStrategy[Tree]:
    """Documents of a model: keys in any order, some that may be missing, some the model does not know."""

    @st.composite
    def members(draw: st.DrawFn) -> Tree:
        shown = [place for place in places if place.default is ... or draw(st.booleans())]
        pairs = [(place.key, draw(place.kind.fitting)) for place in draw(st.permutations(shown))]
        if draw(st.integers(0, 7)) == 0:
            pairs.insert(0, (draw(st.sampled_from(["unknown", "", *(place.name for place in places)])), draw(trees(3))))
        return Pairs(tuple(pairs))

    return members()


@st.composite
def documents(draw: st.DrawFn, kind: Kind, *, spoiled: bool | None = None) -> Tree:
    """Documents that fit a type, or nearly: values of other types, members missing or there twice."""
    tree = draw(kind.fitting)
    if spoiled is None:
        spoiled = draw(st.booleans())
    return draw(_spoiled(tree)) if spoiled else tree


@st.composite
def _spoiled(draw: st.DrawFn, tree: Tree) -> Tree:
    if draw(st.integers(0, 6)) == 0:
        return draw(trees(3))
    if isinstance(tree, list):
        return [draw(_spoiled(item)) for item in tree]
    if not isinstance(tree, Pairs):
        return tree
    pairs = [(key, draw(_spoiled(child))) for key, child in tree.pairs if draw(st.integers(0, 9))]
    if pairs and draw(st.integers(0, 3)) == 0:
        key, child = draw(st.sampled_from(pairs))
        pairs.insert(draw(st.integers(0, len(pairs))), (key, draw(_spoiled(child))))
    return Pairs(tuple(pairs))


@dataclass(frozen=True)
class Case:
    """A type, a document for it, and the document's text."""

    kind: Kind
    tree: Tree
    text: str

    def __repr__(self) -> str:
        fields = getattr(self.kind.tp, "model_fields", {})
        return f"Case({self.kind.tp!r}, {self.text!r}, fields={fields!r}, extra={self.kind.extra!r})"

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        printer.text(repr(self))

    @property
    def twins(self) -> bool:
        return has_twins(self.tree)

    def may_revise(self, path: object) -> bool:
        """Whether law 3 has a reason for this case to take anything back."""
        return self.kind.may_revise or self.twins


@st.composite
def cases(draw: st.DrawFn, *, later: bool = True, spoiled: bool | None = None) -> Case:
    """A type, most often a model, and a document for it."""
    kind = draw(st.one_of(models(later=later), models(2, later=later), kinds(later=later)))
    tree = draw(documents(kind, spoiled=spoiled))
    return Case(kind, tree, write(tree, draw(styles)))
