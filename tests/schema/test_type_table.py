"""Every type of the table, cut in every way: streamed, a document means what pydantic says it means."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from random import Random
from typing import Any, cast

import pytest
from pydantic import RootModel, TypeAdapter
from support.agreement import (
    Answer,
    Errors,
    answer_of,
    as_json,
    assert_agrees,
    carried,
    folded,
    held,
    of_root,
    parsed,
    parts,
    same,
    told,
)
from support.recorder import always, check, gather, tidy
from support.strategies import THOROUGH, Number, Pairs, Tree, has_twins, write
from support.type_table import SHAPES, Shape

from streamkit import Change, InvalidResult
from streamkit.changes.change import Path
from streamkit.flow import Pipeline
from streamkit.operators import accumulate, validate
from streamkit.testing import every_split, random_split

# Elsewhere a tenth of the work, other than whole, by characters and by bytes.
SHARE = 1.0 if THOROUGH else 0.1
SHORT, RANDOM_SPLITS = 60, 300
NEAR_TEXTS = 60 if THOROUGH else 10

Chunks = Sequence[str] | Sequence[bytes]


@cache
def adapter(shape: Shape) -> TypeAdapter[Any]:
    return TypeAdapter(shape.tp)


@cache
def pipeline(shape: Shape) -> Pipeline[str | bytes, Change[Any]]:
    return accumulate() | validate(shape.tp, **shape.options)


def asked(shape: Shape, text: str) -> Answer:
    """The answer of pydantic."""
    return answer_of(adapter(shape), text, **shape.options)


def streamed(shape: Shape, chunks: Chunks) -> list[Change[Any]]:
    return gather(chunks | pipeline(shape))


def agrees(shape: Shape, events: Sequence[Change[Any]], answer: Answer) -> None:
    """Streaming and pydantic make the same of a text."""
    assert_agrees(events, answer, unordered=shape.unordered)


def same_json(shape: Shape, one: object, other: object) -> bool:
    return as_json(one, unordered=shape.unordered) == as_json(other, unordered=shape.unordered)


# -- cutting -------------------------------------------------------------------------------------------------


def plainly_cut(text: str) -> Iterator[Chunks]:
    """Whole, by characters, by bytes."""
    encoded = text.encode()
    yield [text]
    yield list(text)
    yield [encoded[at : at + 1] for at in range(len(encoded))]


def cut(shape: Shape, text: str) -> Iterator[Chunks]:
    """Cut once and twice in every way; a long text at random places. Or a share of that."""
    dice = Random(f"{shape.name} {text}")
    if len(text) <= SHORT:
        yield from (chunks for chunks in islice(every_split(text), 1, None) if dice.random() < SHARE)
    else:
        for _ in range(int(RANDOM_SPLITS * SHARE)):
            yield random_split(text, dice)


def rows(which: str) -> list[Any]:
    """The shapes with each of their texts."""
    pairs = [(shape, text) for shape in SHAPES for text in cast("Sequence[str]", getattr(shape, which))]
    return [pytest.param(shape, text, id=f"{shape.name}: {text}") for shape, text in pairs]


VALID, INVALID = rows("valid"), rows("invalid")


# -- the table itself ------------------------------------------------------------------------------------


def test_names_are_unique() -> None:
    assert [name for name, times in Counter(shape.name for shape in SHAPES).items() if times > 1] == []


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_the_table_says_what_pydantic_says(shape: Shape) -> None:
    assert [text for text in shape.valid if asked(shape, text).errors is not None] == []
    assert [text for text in shape.invalid if asked(shape, text).errors is None] == []


# -- law 1 and law 5 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "text"), VALID)
def test_valid_text_is_what_pydantic_makes_of_it(shape: Shape, text: str) -> None:
    answer = asked(shape, text)
    for chunks in plainly_cut(text):
        agrees(shape, streamed(shape, chunks), answer)
    assert same((list(text) | pipeline(shape)).result_sync(), answer.value)


@pytest.mark.parametrize(("shape", "text"), INVALID)
def test_invalid_text_has_the_errors_that_pydantic_gives(shape: Shape, text: str) -> None:
    answer = asked(shape, text)
    for chunks in plainly_cut(text):
        agrees(shape, streamed(shape, chunks), answer)
    with pytest.raises(InvalidResult) as raised:
        (list(text) | pipeline(shape)).result_sync()
    assert told(raised.value.errors) == told(cast("Errors", answer.errors))


@pytest.mark.parametrize(("shape", "text"), INVALID)
def test_errors_carry_what_pydantic_met(shape: Shape, text: str) -> None:
    answer = asked(shape, text)
    for chunks in plainly_cut(text):
        assert carried(of_root(streamed(shape, chunks), "invalid")) == carried(cast("Errors", answer.errors))


@pytest.mark.parametrize(("shape", "text"), INVALID)
def test_errors_of_containers_carry_json_that_came(shape: Shape, text: str) -> None:
    wanted = {(error["loc"], error["type"]): error["input"] for error in cast("Errors", asked(shape, text).errors)}
    for error in of_root(streamed(shape, list(text)), "invalid"):
        met, came = error["input"], wanted[error["loc"], error["type"]]
        if held(came):
            json.dumps(met)
            assert type(met) is type(came)
            assert not isinstance(met, dict) or set(cast("dict[str, Any]", met)) <= set(came)


@pytest.mark.parametrize(("shape", "text"), VALID + INVALID)
def test_events_do_not_depend_on_the_cuts(shape: Shape, text: str) -> None:
    answer = asked(shape, text)
    whole = tidy(streamed(shape, [text]))
    for chunks in plainly_cut(text):
        assert tidy(streamed(shape, chunks)) == whole, chunks
    for chunks in cut(shape, text):
        events = streamed(shape, chunks)
        assert tidy(events) == whole, chunks
        if answer.errors is None:
            assert same_json(shape, folded(events).value, answer.dump), chunks


# -- laws 2, 3, 4 and 6 --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "text"), VALID + INVALID)
def test_events_keep_the_laws(shape: Shape, text: str) -> None:
    may_revise = always if shape.revises or has_twins(parsed(text)) else nowhere
    for chunks in plainly_cut(text):
        events = streamed(shape, chunks)
        check(events, may_revise)
        states = [change for change in events if change.op in ("add", "append", "replace")]
        assert [change for change in states if type(change.value) not in JSON_TYPES] == []


JSON_TYPES = (dict, list, str, int, float, bool, type(None))


def nowhere(path: Path) -> bool:
    """Law 3 has no reason to take anything back."""
    return False


# Where a key comes twice, what was told of its first value is void.
@pytest.mark.parametrize(("shape", "text"), [row for row in INVALID if not has_twins(parsed(row.values[1]))])
def test_each_error_is_told_once_below_the_root(shape: Shape, text: str) -> None:
    events = streamed(shape, list(text))
    below = Counter[Any]()
    for change in events:
        if change.op == "invalid" and change.path:
            below += told(cast("Errors", change.value))
    wanted = told(of_root(events, "invalid"))
    assert [error for error, times in below.items() if times > max(wanted[error], 1)] == []
    # A list that is too long has this one error, whatever was told of its items.
    stopped = {error["loc"] for error in of_root(events, "invalid")}
    assert [error for error in below - wanted if not stopped & set(around(error[0]))] == []


def around(loc: Path) -> list[Path]:
    """The places that a place is in."""
    return [loc[:length] for length in range(len(loc))]


@pytest.mark.parametrize(("shape", "text"), VALID)
def test_each_verdict_carries_the_value_that_the_result_holds(shape: Shape, text: str) -> None:
    events = streamed(shape, list(text))
    result = of_root(events, "complete")
    last: dict[Path, Any] = {change.path: change.value for change in events if change.op == "complete"}
    for path, value in last.items():
        for kept in within(result, path):
            assert same(value, kept), (path, value, kept)


def within(value: Any, path: Path) -> list[Any]:
    """The typed value at a path, in a list; nothing where a dump looks otherwise than what it was made of."""
    for key in path:
        if isinstance(value, RootModel):
            value = cast("Any", value).root
        if key in parts(value):
            value = getattr(value, str(key))
            continue
        if not isinstance(value, (dict, list, tuple, deque)):
            return []
        try:
            value = cast("Mapping[Any, Any]", value)[key]
        except (LookupError, TypeError):
            return []
    return [value]


# -- texts near those of the table: pydantic says whether they are valid ----------------------------------------

JUNK: list[Tree] = [None, True, "x", "", Number("7"), Number("2.5"), [], Pairs(()), [Number("1")], Pairs((("a", "b"),))]


def near(tree: Tree, dice: Random) -> Tree:
    """A tree with one thing changed somewhere."""
    inside = children(tree)
    if inside and dice.random() < 0.7:
        at = dice.randrange(len(inside))
        return with_children(tree, [near(child, dice) if at == n else child for n, child in enumerate(inside)])
    if isinstance(tree, Pairs) and dice.random() < 0.8:
        return Pairs(tuple(near_members([*tree.pairs], dice)))
    if isinstance(tree, list) and dice.random() < 0.8:
        return [*tree[dice.randint(0, 1) :], *tree[: dice.randint(0, 1)], *dice.sample(JUNK, dice.randint(0, 1))]
    return dice.choice(JUNK)


def near_members(pairs: list[tuple[str, Tree]], dice: Random) -> list[tuple[str, Tree]]:
    """Members with one missing, one more, one twice, or in another order."""
    key = dice.choice(pairs)[0] if pairs else "a"
    junk = (dice.choice([key, key, "unknown"]), dice.choice(JUNK))
    change = dice.randrange(5)
    if change == 0:
        return [pair for pair in pairs if pair[0] != key]
    if change == 1:
        return [junk, *pairs]
    if change == 2:
        return [*pairs, junk]
    if change == 3:
        return pairs[::-1]
    return [*pairs, *pairs[:1]]


def children(tree: Tree) -> list[Tree]:
    if isinstance(tree, Pairs):
        return [child for _, child in tree.pairs]
    return tree if isinstance(tree, list) else []


def with_children(tree: Tree, inside: list[Tree]) -> Tree:
    if isinstance(tree, Pairs):
        return Pairs(tuple((key, child) for (key, _), child in zip(tree.pairs, inside, strict=True)))
    return inside


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_texts_near_those_of_the_table(shape: Shape) -> None:
    dice = Random(shape.name)
    for text in (*shape.valid, *shape.invalid):
        for _ in range(NEAR_TEXTS):
            close = write(near(parsed(text), dice))
            try:
                near_text(shape, close)
            except Exception as error:
                error.add_note(f"text: {close}")
                raise


def near_text(shape: Shape, text: str) -> None:
    """Whole and by characters: what pydantic says, and the same events."""
    answer = asked(shape, text)
    twins = has_twins(parsed(text))
    whole, single = streamed(shape, [text]), streamed(shape, list(text))
    agrees(shape, whole, answer)
    assert tidy(single) == tidy(whole)
    check(single, always if shape.revises or twins else nowhere)
