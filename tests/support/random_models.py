"""Random pydantic models, written as Python source, with documents for them.

`made()` gives a `Made`: the source of some classes, a type made of them, and a JSON text that fits the type, or nearly
does. What it prints is a script that can be run from `tests/`: a failing example is a bug report.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, TypeVar

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter
from pydantic.alias_generators import to_camel

from support.model_parts import REVISING
from support.random_documents import Fit, Spot, Way, draw_object, one_of, samples, spoiled, twice
from support.random_words import (
    AFTER_MODEL,
    AHEAD,
    ALIASES,
    COMPUTED,
    CONFIGS,
    DRESSES,
    HINTS,
    INNER,
    KEYS,
    LEAVES,
    LISTS,
    MODEL_WRITERS,
    OPTIONS,
    PLAIN,
    RECURSIONS,
    TAGS,
    VALIDATORS,
    WRITERS,
    Shape,
)
from support.strategies import Pairs, Tree, has_twins, styles, write

__all__ = ["Made", "made"]

T = TypeVar("T")

_HEADER = """\
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, NamedTuple, Optional, Union
from uuid import UUID

import pydantic.dataclasses
from pydantic import *
from pydantic.alias_generators import to_camel, to_pascal
from typing_extensions import NotRequired, TypedDict

from support.model_parts import *
from streamkit import Stream
"""


@dataclass(frozen=True)
class Made:
    """A type and a document for it.

    Attributes:
        source: the classes that the type needs.
        code: the type, in terms of the source.
        tp: the type itself.
        tree: the document.
        text: the same, as it is written.
    """

    source: str
    code: str
    tp: Any
    tree: Tree
    text: str

    @property
    def twins(self) -> bool:
        return has_twins(self.tree)

    @property
    def unordered(self) -> bool:
        """Whether some list in the dump comes in the order of a set."""
        return "set[" in f"{self.source} {self.code}"

    def may_revise(self, path: object) -> bool:
        """Whether law 3 has a reason to take anything back."""
        return self.twins or self.shadows or bool(_REVISES(f"{self.source} {self.code}"))

    @property
    def shadows(self) -> bool:
        """Whether an extra key may have the name of a field with an alias, in whose place it is then dumped."""
        return "extra='allow'" in self.source and "alias" in self.source

    @property
    def script(self) -> str:
        return f"{_HEADER}\n\n{self.source}\n\n\nTYPE = {self.code}\nTEXT = {self.text!r}\n"

    def __repr__(self) -> str:
        return f"Made:\n# {'-' * 78}\n{self.script}# {'-' * 78}\n"

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        printer.text(repr(self))


_REVISES = re.compile(rf"\b({'|'.join(REVISING)}|str_strip_\w+|str_to_\w+|to_upper|strip_whitespace|eager)\b").search


# -- writing ---------------------------------------------------------------------------------------------


@dataclass
class _Class:
    """A class being written."""

    name: str
    lines: list[str] = field(default_factory=list[str])
    spots: list[Spot] = field(default_factory=list[Spot])
    names: list[str] = field(default_factory=list[str])

    def text(self, head: str) -> str:
        return "\n".join([head, *(f"    {line}" for line in self.lines or ["pass"])])

    def fit(self, draw: st.DrawFn) -> Tree:
        return draw_object(draw, self.spots)


@dataclass(frozen=True)
class _Tag:
    """The field by which a union tells its members apart."""

    name: str
    alias: str | None
    code: str
    fit: Fit


class _Author:
    """Writes types, and the classes that they need, one inside another."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.blocks: list[str] = []
        self.rebuilds: list[str] = []
        self.late = False  # some class names another before that is there
        self._open: list[_Class] = []
        self._left = 14  # fields that may still be written
        self._serial = 0

    def pick(self, options: Sequence[T]) -> T:
        return self.draw(st.sampled_from(options))

    def chance(self, of: int) -> bool:
        return self.draw(st.integers(1, of)) == of

    # -- types

    def type(self, depth: int) -> Shape:
        """Any type at all."""
        inner = depth > 0 and self._left > 0
        shape = getattr(self, self.pick(INNER))(depth - 1) if inner else self._leaf(depth)
        if not self.chance(10):
            return shape
        dress = self.pick(DRESSES)
        if "discriminator" in shape.code and "Plain" in dress:
            return shape  # where the union has one member, pydantic looks for its tag in the validator
        return shape.dressed(dress)

    def _leaf(self, depth: int) -> Shape:
        """A type without others inside; now and then one that is being written."""
        if self._open and self.chance(10):
            return self._again()
        return self.pick(LEAVES)

    def _again(self) -> Shape:
        around = self.pick(self._open)
        # A root model that may be itself has no end.
        form, empty = self.pick(RECURSIONS[around.name.startswith("Root") :])
        nothing = samples(f"[{empty}]")

        def fit(draw: st.DrawFn) -> Tree:
            if draw(st.integers(0, 3)) < 3:
                return nothing(draw)
            inner = around.fit(draw)
            return inner if empty == "null" else [inner] if empty == "[]" else Pairs((("again", inner),))

        return Shape(form.format(around.name), fit, "None" if empty == "null" else empty, hashable=False)

    def _annotation(self, shape: Shape) -> str:
        """The type, in quotes where it names a class that is still being written."""
        late = any(re.search(rf"\b{other.name}\b", shape.code) for other in self._open)
        self.late |= late
        return repr(shape.code) if late else shape.code

    def _optional(self, depth: int) -> Shape:
        inner = self.type(depth)
        return Shape(f"Optional[{inner.code}]", one_of([inner.fit, inner.fit, lambda draw: None]))

    def _list(self, depth: int) -> Shape:
        inner = self.type(depth)
        form, default = self.pick(LISTS)
        return Shape(form.format(inner.code), _items(inner.fit), default, hashable=False)

    def _dict(self, depth: int) -> Shape:
        inner = self.type(depth)
        form = self.pick(["dict[{key}, {}]", "Mapping[{key}, {}]", "Annotated[dict[{key}, {}], Field(max_length=1)]"])
        key = self.pick([Shape("str", samples('["a", "b", "", "a/b", "~"]')), self.pick(KEYS)])

        def fit(draw: st.DrawFn) -> Tree:
            pairs = [(str(key.fit(draw)), inner.fit(draw)) for _ in range(draw(st.integers(0, 2)))]
            return Pairs(tuple(dict(pairs).items()))

        return Shape(form.format(inner.code, key=key.code), fit, "{}", hashable=False)

    def _tuple(self, depth: int) -> Shape:
        inners = [self.type(depth) for _ in range(self.pick([1, 2, 3]))]
        return Shape(
            f"tuple[{', '.join(inner.code for inner in inners)}]", lambda draw: [inner.fit(draw) for inner in inners]
        )

    def _set(self, depth: int) -> Shape:
        leaf = self.pick([leaf for leaf in LEAVES if leaf.hashable])
        outer = self.pick(["set", "frozenset"])
        if self.chance(3):
            return Shape(f"{outer}[tuple[{leaf.code}, ...]]", _items(_items(leaf.fit)), f"{outer}()")
        return Shape(f"{outer}[{leaf.code}]", _items(leaf.fit), f"{outer}()", hashable=False)

    def _json(self, depth: int) -> Shape:
        inner = self.type(depth)
        if "discriminator" in inner.code:  # pydantic looks for its tag in the text
            return inner
        return Shape(f"Json[{inner.code}]", lambda draw: write(inner.fit(draw), draw(styles)), hashable=False)

    # -- unions

    def _union(self, depth: int) -> Shape:
        """A union of whatever comes: scalars, containers, models with the same fields, unions."""
        makers: list[Callable[[int], Shape]] = [self._leaf, self.type, self.model]
        chosen = [self.pick(makers)] if self.chance(2) else makers
        members = [self.pick(chosen)(depth) for _ in range(self.pick([2, 2, 3, 4]))]
        codes = [member.code for member in members] + self.pick([[], [], ["None"]])
        code = f"Union[{', '.join(codes)}]"
        plain = not any("Optional" in each for each in codes)  # else it may be no union in the end
        if plain and len({*codes} - {"None"}) > 1 and self.chance(5):
            code = f"Annotated[{code}, Field(union_mode='left_to_right')]"
        return Shape(code, one_of([member.fit for member in members]), members[0].default, hashable=False)

    def _tagged(self, depth: int) -> Shape:
        """A union whose members have a field that tells them apart."""
        name, alias = self.pick(["kind", "sort"]), self.pick([None, None, "Kind/Of"])
        tags = [_Tag(name, alias, code, samples(texts)) for code, texts in self.pick(TAGS)]
        members = [self._member(depth, tag) for tag in tags[: self.pick([1, 2, 2, 3])]]
        if len(members) > 1 and self.chance(4):
            members = [members[0], _by_tag(members[1:], name)]
        return _by_tag(members, name)

    def _member(self, depth: int, tag: _Tag) -> Shape:
        member = self._bare_member(depth, tag)
        return member.dressed(self.pick(HINTS)) if self.chance(8) else member

    def _bare_member(self, depth: int, tag: _Tag) -> Shape:
        if tag.alias is None and self.chance(5):
            return self.pick([self._dataclass, self._typed_dict])(depth, tag)
        return self.model(depth, tag)

    def _told_apart(self, depth: int) -> Shape:
        """A union whose members a function tells apart."""
        members = [self.model(depth), self.model(depth)]
        tagged = ", ".join(f"Annotated[{member.code}, Tag({tag!r})]" for member, tag in zip(members, "ab", strict=True))
        return Shape(
            f"Annotated[Union[{tagged}], Discriminator(which)]",
            one_of([member.fit for member in members]),
            hashable=False,
        )

    # -- classes

    def _begin(self, stem: str) -> _Class:
        self._serial += 1
        return _Class(f"{stem}{self._serial}")

    def _finish(self, made: _Class, head: str) -> Shape:
        self.blocks.append(made.text(head))
        return Shape(made.name, made.fit, hashable=False)

    def _names(self) -> Iterator[str]:
        """Names of fields, one by one, so that an example shrinks by a field."""
        free = ["a", "b", "c", "note_text", "kind_of", "x1"]
        for _ in range(min(6 if len(self._open) < 2 else 3, max(self._left, 1))):
            if self.draw(st.integers(0, 5)) == 0:
                return
            name = self.pick(free)
            free.remove(name)
            self._left -= 1
            yield name

    def _fields(self, made: _Class, depth: int) -> Iterator[tuple[str, Shape]]:
        """Names and types of fields, which may refer to the class."""
        self._open.append(made)
        for name in self._names():
            yield name, self.type(depth)
        self._open.pop()

    def model(self, depth: int, tag: _Tag | None = None) -> Shape:
        """A model with whatever a model may have."""
        made = self._begin("Model")
        config = self._config()
        if config:
            made.lines.append(
                f"model_config = ConfigDict({', '.join(f'{key}={code}' for key, code in config.items())})"
            )
        if tag is not None:
            alias = f" = Field(alias={tag.alias!r})" if tag.alias else ""
            made.lines.append(f"{tag.name}: Literal[{tag.code}]{alias}")
            made.spots.append(Spot(_ways(config, tag.name, [(tag.alias or tag.name,)]), tag.fit))
        for name, shape in self._fields(made, depth):
            self._field(made, config, name, shape)
        self._methods(made, tagged=tag is not None)
        self.rebuilds.append(f"{made.name}.model_rebuild()")
        return self._finish(made, f"class {made.name}(BaseModel):")

    def _config(self) -> dict[str, str]:
        extra = self.pick(["", "", "", "'allow'", "'forbid'", "'ignore'"])
        config = {"extra": extra} if extra else {}
        if self.chance(3):
            for _ in range(self.pick([1, 1, 2])):
                config |= self.pick(CONFIGS)
        return config

    def _field(self, made: _Class, config: dict[str, str], name: str, shape: Shape) -> None:
        default = self.pick(["", "", *_defaults(shape)])
        alias, ways = self._alias(name)
        options = [each for each in (default, alias, self.pick(OPTIONS) if self.chance(6) else "") if each]
        if "strict=True" in options and shape.code not in ("int", "str", "date", "bool", "bytes", "timedelta"):
            options.remove("strict=True")
        made.lines.append(f"{name}: {self._annotation(shape)}" + (f" = Field({', '.join(options)})" if options else ""))
        made.names.append(name)
        made.spots.append(Spot(_ways(config, name, ways), shape.fit, not default))

    def _alias(self, name: str) -> tuple[str, list[Way]]:
        if not self.chance(4):
            return "", []
        code, ways = self.pick(ALIASES)
        words = {
            "one": self.pick([name.title(), "a", "b", "shared", "a/~b"]),
            "other": self.pick([name.upper(), name, "shared"]),
            "name": name,
        }
        filled = [tuple(step.format(**words) if isinstance(step, str) else step for step in way) for way in ways]
        return code.format(**words), filled

    def _methods(self, made: _Class, *, tagged: bool) -> None:
        kinds = [("check", VALIDATORS), ("write", WRITERS)] if made.names else []
        kinds += [("made", COMPUTED)]
        # Of a model that contains itself, inside another type, pydantic calls what is around it twice.
        alone = not self.late or (made.name == "Model1" and not self.blocks)
        if alone:
            kinds += [("after", AFTER_MODEL)]
        for kind, forms in kinds:
            if self.chance(6):
                form = self.pick([form for form in forms if "*" not in form or not tagged])
                made.lines.append(f"{kind} = {form.format(name=self.pick(made.names or ['']))}")
        for kind, forms in (("ahead", AHEAD if not tagged else []), ("dumped", MODEL_WRITERS)):
            if alone and forms and self.chance(14):
                made.lines.append(f"{kind} = {self.pick(forms)}")
        if self.chance(20):
            made.lines.append(self.pick(["model_post_init = post_init", "_own: list[int] = PrivateAttr([])"]))

    def _root(self, depth: int) -> Shape:
        made = self._begin("Root")
        self._open.append(made)
        inner = self.type(depth)
        self._open.pop()
        made.lines.append(f"root: {self._annotation(inner)}")
        self.rebuilds.append(f"{made.name}.model_rebuild()")
        return replace(self._finish(made, f"class {made.name}(RootModel):"), fit=inner.fit)

    def _generic(self, depth: int) -> Shape:
        made = self._begin("Box")
        inner = self.type(depth)
        if inner.code != self._annotation(inner):  # pydantic may lose its way there
            return inner
        made.lines += ["content: ItemT", "more: list[ItemT] = []"]
        made.spots += [Spot([("content",)], inner.fit), Spot([("more",)], lambda draw: [inner.fit(draw)], False)]
        self._finish(made, f"class {made.name}(BaseModel, Generic[ItemT]):")
        return Shape(f"{made.name}[{inner.code}]", made.fit, hashable=False)

    def _dataclass(self, depth: int, tag: _Tag | None = None) -> Shape:
        made = self._begin("Data")
        lines = [] if tag is None else [f"{tag.name}: Literal[{tag.code}]"]
        made.spots += [] if tag is None else [Spot([(tag.name,)], tag.fit)]
        for name, shape in self._fields(made, depth):
            optional = self.chance(3)
            lines.append(f"{name}: {self._annotation(shape)}" + (" = None" if optional else ""))
            made.spots.append(Spot([(name,)], shape.fit, not optional))
        made.lines = sorted(lines, key=lambda line: line.endswith("= None"))
        if self.chance(2):
            return self._finish(made, f"@dataclass\nclass {made.name}:")
        self.rebuilds.append(f"pydantic.dataclasses.rebuild_dataclass({made.name})")
        return self._finish(made, f"@pydantic.dataclasses.dataclass(config={self.pick(PLAIN)})\nclass {made.name}:")

    def _typed_dict(self, depth: int, tag: _Tag | None = None) -> Shape:
        made = self._begin("Dict")
        made.lines += [] if tag is None else [f"{tag.name}: Literal[{tag.code}]"]
        made.spots += [] if tag is None else [Spot([(tag.name,)], tag.fit)]
        for name, shape in self._fields(made, depth):
            optional = self.chance(3)
            code = self._annotation(shape)
            made.lines.append(f"{name}: NotRequired[{code}]" if optional else f"{name}: {code}")
            made.spots.append(Spot([(name,)], shape.fit, not optional))
        if self.chance(4):
            made.lines.insert(0, f"__pydantic_config__ = {self.pick(PLAIN)}")
        total = "" if tag is not None or self.chance(2) else ", total=False"
        return self._finish(made, f"class {made.name}(TypedDict{total}):")

    def _named_tuple(self, depth: int) -> Shape:
        # Not open: pydantic loses its way in one that comes again inside itself.
        made = self._begin("Tuple")
        for name in self._names():
            shape = self.type(depth)
            made.lines.append(f"{name}: {self._annotation(shape)}")
            made.spots.append(Spot([(name,)], shape.fit))
        if made.lines and self.chance(3):
            made.lines[-1] += " = None"

        def fit(draw: st.DrawFn) -> Tree:
            return made.fit(draw) if draw(st.integers(0, 3)) == 3 else [spot.fit(draw) for spot in made.spots]

        return replace(self._finish(made, f"class {made.name}(NamedTuple):"), fit=fit)


def _items(inner: Fit) -> Fit:
    return lambda draw: [inner(draw) for _ in range(draw(st.integers(0, 3)))]


def _by_tag(members: Sequence[Shape], name: str) -> Shape:
    codes = ", ".join(member.code for member in members)
    fit = one_of([member.fit for member in members])
    return Shape(f"Annotated[Union[{codes}], Field(discriminator={name!r})]", fit, hashable=False)


def _ways(config: dict[str, str], name: str, ways: Sequence[Way]) -> list[Way]:
    """How JSON may call a field that has these aliases."""
    if not ways and "alias_generator" in config:
        ways = [(to_camel(name),)]
    by_name = "populate_by_name" in config or "validate_by_name" in config
    by_alias = [] if "validate_by_alias" in config else ways
    return [*by_alias, *([(name,)] if by_name or not ways else [])]


def _defaults(shape: Shape) -> list[str]:
    from_data = {"int": "count_of", "str": "text_of"}.get(shape.code, f"lambda data: {shape.default}")
    return [
        f"default={shape.default}",
        "default=None",
        f"default_factory=lambda: {shape.default}",
        "default_factory=new_list",
        f"default_factory={from_data}",
        "default='5', validate_default=True",
        "default_factory=text_of, validate_default=True",
    ]


# -- the whole -------------------------------------------------------------------------------------------------


def _executed(made: Made) -> Any:
    """The type that a script makes. Classes look for one another in their module."""
    module = ModuleType("made_models")
    sys.modules[module.__name__] = module
    exec(compile(made.script, "<made models>", "exec"), module.__dict__)  # noqa: S102  # we wrote it
    return module.TYPE


@st.composite
def made(draw: st.DrawFn, *, fitting: bool = False) -> Made:
    """Models and a document, which fits or nearly does.

    Args:
        fitting: the document is not spoiled.
    """
    author = _Author(draw)
    depth = draw(st.sampled_from([1, 2, 3, 3]))
    write_type: Callable[[int], Shape] = author.model if draw(st.integers(0, 3)) < 3 else author.type
    shape = write_type(depth)
    tree = shape.fit(draw)
    if not fitting and draw(st.booleans()):
        tree = spoiled(draw, tree)
        if draw(st.integers(0, 3)) == 3:
            tree = twice(draw, tree)
    source = "\n\n\n".join(author.blocks)
    if author.late:
        source += "\n\n\n" + "\n".join(author.rebuilds)
    script = Made(source, shape.code, None, tree, write(tree, draw(styles)))
    try:
        return replace(script, tp=_executed(script))
    except RecursionError:  # pydantic loses its way in some types that contain themselves
        assume(False)
        raise
