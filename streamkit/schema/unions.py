"""Unions: which member a value belongs to, as early as the text tells.

- By the kind of JSON: where only one member can be an object, an object is entered as that one.
- By its tag: a discriminated union waits for the tag, and is then entered as that variant.
- By elimination: of several members that may be an object, one is entered when a scalar has come that
  no other accepts. Not where user code would be called for members that are not chosen in the end.

What cannot be told apart by any of these is held, and validated by pydantic when it is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from json import dumps
from typing import TYPE_CHECKING, NamedTuple, cast

from pydantic_core import PydanticCustomError, SchemaValidator, ValidationError, core_schema

from streamkit.schema.core import Schema, accepts, choices_of, is_plain_string, serializer
from streamkit.schema.inside import has_user_code
from streamkit.schema.labels import below
from streamkit.schema.layers import Member
from streamkit.schema.nodes import Entry, Node
from streamkit.schema.readers import from_text

if TYPE_CHECKING:
    from pydantic_core import CoreConfig, CoreSchema, ErrorDetails

    from streamkit.schema.compiling import Compiler
    from streamkit.schema.probe import VariantSearch

__all__ = ["tagged_union", "union"]

# Members that a plain `str` behind them takes the place of for every string: to them none is what it stands for.
_YIELDING = frozenset({"int", "float", "bool"})


def union(compiler: Compiler, schema: Schema, config: Schema) -> Node:
    """The node of a union whose members have no tag."""
    buffered = compiler.buffered(schema, config)
    if schema.get("custom_error_type") is not None or schema.get("strict"):
        return buffered
    choices = choices_of(schema)
    kinds = [accepts(choice, config, compiler.definitions) for choice in choices]
    nodes = [compiler.node(choice, config) for choice in choices]
    node = replace(buffered)
    objects, arrays, strings = (
        [index for index, accepted in enumerate(kinds) if kind in accepted] for kind in ("object", "array", "string")
    )
    members = _Members(compiler, schema, config)
    if len(objects) == 1:
        found = nodes[objects[0]].through(members.entering(objects[0]))
        node.object, node.probe = found.object, found.probe
    elif len(objects) > 1 and not has_user_code(schema, compiler.definitions) and schema.get("mode") != "left_to_right":
        node.probe = _elimination(members, objects, nodes)
    if len(arrays) == 1:
        node.array = nodes[arrays[0]].through(members.entering(arrays[0])).array
    if _may_stream(schema, strings, choices, nodes, config):
        node.streams, node.check = True, from_text(buffered.read)
        node.roots = nodes[strings[0]].roots if len(strings) == 1 else ()
    return node


def _may_stream(schema: Schema, strings: list[int], choices: list[Schema], nodes: list[Node], config: Schema) -> bool:
    """Whether a string may be told as it grows, since no member would make something else of it."""
    if not strings:
        return False
    taking = next((index for index in strings if is_plain_string(choices[index], config)), strings[-1])
    before = [index for index in strings if index < taking]
    yielding = () if schema.get("mode") == "left_to_right" else _YIELDING
    # A dump asks the members in turn, and a serializer of the user's takes what comes.
    return (
        nodes[taking].streams
        and (not before or is_plain_string(choices[taking], config))
        and all(choices[index]["type"] in yielding for index in before)
        and not any(map(serializer, choices[:taking]))
    )


class _Members:
    """The members of a union, as pydantic speaks of them in errors."""

    def __init__(self, compiler: Compiler, schema: Schema, config: Schema) -> None:
        self._compiler, self._config = compiler, config
        self._schema = schema
        self._choices = cast("list[Schema | tuple[Schema, str]]", schema["choices"])

    def entering(self, index: int) -> Callable[[Entry], Entry]:
        """What being this member does to a way in."""
        made: list[Member] = []

        def enter(entry: Entry) -> Entry:
            if not made:
                made.append(Member(self.label(index), lambda is_list: self._of_others(index, is_list)))
            return entry.within(made[0])

        return enter

    def label(self, index: int) -> str:
        """What errors call a member."""
        choice = self._choices[index]
        if isinstance(choice, tuple):
            return choice[1]
        return self._labels.get(index) or self._validator(choice).title

    @cached_property
    def _labels(self) -> Mapping[int, str]:
        """The labels as pydantic tells them to what is of no type at all.

        A type that contains itself is called otherwise from inside; but nothing of the user's may be called.
        """
        if has_user_code(self._schema, self._compiler.definitions):
            return {}
        try:
            self._validator(self._schema).validate_python(_Nothing())
        except ValidationError as error:
            found = list(dict.fromkeys(cast("str", detail["loc"][0]) for detail in error.errors() if detail["loc"]))
            return dict(enumerate(found)) if len(found) == len(self._choices) else {}
        return {}

    def _validator(self, schema: Schema) -> SchemaValidator:
        # A title would be taken for that of the member.
        config = {key: value for key, value in self._config.items() if key != "title"}
        return SchemaValidator(self._compiler.closed(schema), cast("CoreConfig", config) or None)

    def _of_others(self, index: int, is_list: bool) -> list[ErrorDetails]:
        """The errors of the members that no object, or no array, can be."""
        errors: list[ErrorDetails] = []
        for other, choice in enumerate(choices_of(self._schema)):
            if other != index:
                try:
                    self._validator(choice).validate_json("[]" if is_list else "{}")
                except ValidationError as error:
                    errors += [below((self.label(other),), detail) for detail in error.errors()]
        return errors


class _Nothing:
    """A value of no type."""


# -- by elimination ----------------------------------------------------------------------------------


def _elimination(members: _Members, objects: list[int], nodes: Sequence[Node]) -> _Elimination | None:
    if any(nodes[index].object is None for index in objects):
        return None

    def entries() -> list[Entry]:
        found = [(index, nodes[index].object) for index in objects]
        return [
            replace(entry.within(Member(members.label(index))), doubtful=True)
            for index, entry in found
            if entry is not None
        ]

    return _Elimination(entries)


class _Elimination:
    """A union of several members that may be objects."""

    only = None

    def __init__(self, make: Callable[[], list[Entry]]) -> None:
        self._make = make
        self._entries: list[Entry] | None = None

    def begin(self) -> VariantSearch[Entry]:
        if self._entries is None:
            self._entries = self._make()
        return _Eliminating(list(self._entries))


@dataclass(slots=True)
class _Eliminating:
    candidates: list[Entry]
    again: set[str] = field(default_factory=set[str])
    lost: bool = False

    def see(self, key: str, text: str | None) -> Entry | None:
        self.lost |= key in self.again  # what was ruled out by the first may be what the second means
        self.again.add(key)
        if text is not None and not self.lost:
            self.candidates = [entry for entry in self.candidates if _may_have(entry, key, text)]
        return self.candidates[0] if len(self.candidates) == 1 and not self.lost else None


def _may_have(entry: Entry, key: str, text: str) -> bool:
    """Whether a member may be what has this scalar at this key."""
    node = entry.container.place(key).node
    if node.deferred:
        return True
    try:
        node.read(text, None)
    except ValidationError:
        return False
    return True


# -- by tag ------------------------------------------------------------------------------------------


def tagged_union(compiler: Compiler, schema: Schema, config: Schema) -> Node:
    """The node of a discriminated union."""
    buffered = compiler.buffered(schema, config)
    key = _tag_key(schema["discriminator"])
    if key is None or schema.get("custom_error_type") is not None:
        return buffered
    choices = cast("Mapping[object, Schema]", schema["choices"])
    nodes = [compiler.node(choice, config) for choice in choices.values()]
    node = replace(buffered)
    node.probe = _Tagged(key, schema, config, nodes)
    return node


def _tag_key(discriminator: object) -> str | None:
    """The key of the tag; None where it may stand in several places, or deeper, or is worked out by a function."""
    while isinstance(discriminator, list) and len(cast("list[object]", discriminator)) == 1:
        discriminator = cast("list[object]", discriminator)[0]
    return discriminator if isinstance(discriminator, str) else None


_SPELLINGS = 64  # of tags that are remembered: a number can be written in any number of ways


class _Variant(NamedTuple):
    """A member of a discriminated union: its node, what errors call it, and the way in, if that is known at once."""

    node: Node
    label: str | int
    entry: Entry | None


class _Tagged:
    """A discriminated union: which variant a tag means, and what errors call it."""

    only = None

    def __init__(self, key: str, schema: Schema, config: Schema, nodes: list[Node]) -> None:
        self.key, self.nodes = key, nodes
        self._schema, self._config = schema, config
        self._choose: SchemaValidator | None = None
        self._name: SchemaValidator | None = None
        self._variants: dict[str, _Variant] = {}

    def begin(self) -> VariantSearch[Entry]:
        return _Tag(self)

    def variant(self, tag: str) -> _Variant | None:
        """What a tag's JSON text means."""
        found = self._variants.get(tag) or self._found(tag)
        if found is not None and len(self._variants) < _SPELLINGS:
            self._variants[tag] = found
        return found

    def _found(self, tag: str) -> _Variant | None:
        document = f"{{{dumps(self.key)}:{tag}}}"
        if self._choose is None:
            self._choose = self._answering(lambda index: index)
            self._name = self._answering(_fail)
        try:
            node = self.nodes[cast("int", self._choose.validate_json(document))]
        except ValidationError:
            return None
        try:
            cast("SchemaValidator", self._name).validate_json(document)
        except ValidationError as error:
            label = error.errors()[0]["loc"][0]
            return _Variant(node, label, None if node.object is None else node.object.within(Member(label)))
        return None

    def _answering(self, answer: Callable[[int], object]) -> SchemaValidator:
        """The union with an answer in the place of each variant."""
        choices = {
            tag: core_schema.no_info_plain_validator_function(partial(_ignoring, answer, index))
            for index, tag in enumerate(cast("Mapping[object, object]", self._schema["choices"]))
        }
        schema = {**self._schema, "choices": choices}
        for key in ("ref", "metadata", "serialization"):
            schema.pop(key, None)
        return SchemaValidator(cast("CoreSchema", schema), cast("CoreConfig", dict(self._config)) or None)


def _ignoring(answer: Callable[[int], object], index: int, value: object) -> object:
    return answer(index)


def _fail(index: int) -> object:
    raise PydanticCustomError("streamkit_variant", "this one")


class _Tag:
    """Deferred for a tag; below it, perhaps, for that of a union inside the variant."""

    def __init__(self, tagged: _Tagged) -> None:
        self.again: set[str] = {tagged.key}
        self._tagged = tagged
        self._inner: VariantSearch[Entry] | None = None
        self._label: str | int = ""
        self._seen: list[tuple[str, str | None]] = []
        self._lost = False

    def see(self, key: str, text: str | None) -> Entry | None:
        self._lost |= key == self._tagged.key and self._inner is not None
        if self._lost:
            return None
        if self._inner is not None:
            return self._labelled(self._inner.see(key, text))
        self._seen.append((key, text))
        found = self._tagged.variant(text) if key == self._tagged.key and text is not None else None
        if found is None:
            return None
        node, self._label, entry = found
        if entry is not None or node.probe is None:
            return entry
        self._inner = node.probe.begin()
        for member in self._seen:
            entry = self._inner.see(*member)
            if entry is not None:
                return self._labelled(entry)
        return None

    def _labelled(self, entry: Entry | None) -> Entry | None:
        """The way into a member of the union inside."""
        if entry is None or self._inner is None:
            return None
        self.again.update(self._inner.again)
        return entry.within(Member(self._label))
