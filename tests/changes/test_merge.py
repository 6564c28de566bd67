"""Conflation: the least changes that come to the same, and no verdict lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.flows import folded
from support.strategies import LAW, Tree, cut, sizes, trees, write

from streamkit import Change, Document
from streamkit.changes.merge import conflate
from streamkit.operators import accumulate

A, B = ("a",), ("b",)


def looks(document: Document) -> object:
    return document.value, set(document.open), set(document.invalid), document.end


def verdicts(changes: Sequence[Change[Any]]) -> Counter[str]:
    return Counter(repr(change) for change in changes if change.op in ("complete", "invalid", "end", "reset"))


SAID_TWICE: list[tuple[list[Any], list[Any]]] = [
    ([("append", A, "x"), ("append", A, "y")], [("append", A, "xy")]),
    ([("add", A, "x"), ("append", A, "y")], [("add", A, "xy")]),
    ([("replace", A, "x"), ("append", A, "y")], [("replace", A, "xy")]),
    ([("append", A, "x"), ("append", B, "1"), ("append", A, "y")], [("append", A, "xy"), ("append", B, "1")]),
    ([("add", A, 1), ("replace", A, 2)], [("add", A, 2)]),
    ([("append", A, "x"), ("replace", A, 2), ("replace", A, "z")], [("replace", A, "z")]),
    ([("replace", A, "z"), ("replace", A, {}), ("add", (*A, "k"), 1)], [("replace", A, {}), ("add", (*A, "k"), 1)]),
]


@pytest.mark.parametrize(("changes", "least"), SAID_TWICE)
def test_what_is_said_twice_is_said_once(changes: list[Any], least: list[Any]) -> None:
    assert conflate([Change(*change) for change in changes]) == [Change(*change) for change in least]


STANDS_BETWEEN: list[list[Any]] = [
    [("add", A, "x"), ("complete", A, "x"), ("replace", A, "y"), ("complete", A, "y")],
    [("add", A, "x"), ("invalid", A, []), ("replace", A, "y")],
    [("add", A, {}), ("add", (*A, "k"), "x"), ("replace", A, {}), ("add", (*A, "k"), "y")],
    [("add", A, "x"), ("remove", A, None), ("add", A, "y")],
    [("replace", A, "x"), ("reset", (), "why"), ("replace", A, "y")],
]


@pytest.mark.parametrize("changes", STANDS_BETWEEN)
def test_a_verdict_or_what_voids_one_stands_between(changes: list[Any]) -> None:
    assert conflate([Change(*change) for change in changes]) == [Change(*change) for change in changes]


@LAW
@given(trees(), sizes, st.lists(st.integers(0, 40), max_size=6))
def test_nothing_is_lost_however_it_is_cut(tree: Tree, lengths: list[int], windows: list[int]) -> None:
    """Twins in the trees bring `replace`; any window of the changes folds to the same, from where it began."""
    changes = list(cut(write(tree), lengths) | accumulate())
    at = 0
    document = Document()
    for window in [*windows, len(changes)]:
        piece = changes[at : at + window]
        least = conflate(piece)
        assert len(least) <= len(piece)
        assert verdicts(least) == verdicts(piece)
        expected = folded(piece, document.copy())
        document = folded(least, document)
        assert looks(document) == looks(expected)
        assert conflate(least) == least
        at += window


steps = st.one_of(
    st.tuples(st.just("append"), st.sampled_from("ab"), st.text("xy", min_size=1, max_size=2)),
    st.tuples(
        st.sampled_from(["set", "drop", "verdict", "wrong"]), st.sampled_from("abc"), st.sampled_from(["", 1, "s"])
    ),
    st.tuples(st.just("reset"), st.just("a"), st.just("")),
)


@LAW
@given(st.lists(steps, max_size=30), st.integers(0, 30))
def test_nothing_is_lost_where_values_are_taken_back(script: list[tuple[str, str, Any]], start: int) -> None:
    changes = [Change[Any]("add", (), {})]
    document = folded(changes)
    for step, key, value in script:
        there = document.has((key,))
        change: Change[Any] | None = None
        if step == "append" and there and isinstance(document.get((key,)), str):
            change = Change("append", (key,), value)
        elif step == "set":
            change = Change("replace" if there else "add", (key,), value)
        elif step == "drop" and there:
            change = Change("remove", (key,))
        elif step in ("verdict", "wrong") and there and document.state((key,)) == "open":
            change = (
                Change("complete", (key,), document.get((key,))) if step == "verdict" else Change("invalid", (key,), [])
            )
        elif step == "reset":
            change = Change("reset", (), "why")
        if change is not None:
            changes.append(change)
            document.apply(change)
    least = conflate(changes[start:])
    assert looks(folded(least, folded(changes[:start]))) == looks(document)
    assert verdicts(least) == verdicts(changes[start:])


def test_a_long_string_is_joined_in_linear_time() -> None:
    pieces = [Change[Any]("append", (), "x" * 8)] * 100_000
    assert conflate([Change("add", (), ""), *pieces]) == [Change("add", (), "x" * 800_000)]
