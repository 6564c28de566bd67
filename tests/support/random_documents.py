"""Documents that fit a type, or nearly: building trees, and spoiling them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from hypothesis import strategies as st

from support.agreement import parsed
from support.strategies import Pairs, Tree, trees

__all__ = ["Fit", "Spot", "Way", "any_of", "draw_object", "one_of", "samples", "spoiled", "twice"]

Fit: TypeAlias = Callable[[st.DrawFn], Tree]
"""Draws a document that is likely to be valid."""

Way: TypeAlias = tuple[str | int, ...]
"""Where a value may stand in an object."""

STRANGERS = ["a", "b", "unknown", "", "made", "note_text", "noteText", "outer", "kind", "0"]
_SCALARS = cast("list[Tree]", parsed('[null, true, "", "ab", "x", "5", 5, -1.5, 1e400, "2024-02-29", "[1]"]'))


def samples(texts: str) -> Fit:
    """One of the items of a JSON array."""
    return any_of(cast("list[Tree]", parsed(texts)))


def any_of(documents: Sequence[Tree]) -> Fit:
    return lambda draw: draw(st.sampled_from(documents))


def one_of(fits: Sequence[Fit]) -> Fit:
    return lambda draw: draw(st.sampled_from(fits))(draw)


# -- objects -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spot:
    """A member of an object: the ways that JSON may call it, and its document."""

    ways: Sequence[Way]
    fit: Fit
    needed: bool = True


def draw_object(draw: st.DrawFn, spots: Sequence[Spot]) -> Tree:
    """Members in any order, some that may be missing; now and then one by two names, or one that is not known."""
    tree: Tree = Pairs(())
    for spot in draw(st.permutations(spots)):
        if spot.needed or draw(st.booleans()):
            ways = spot.ways if draw(st.integers(0, 5)) == 5 else [draw(st.sampled_from(spot.ways))]
            for way in ways[:2]:
                tree = _put(tree, way, spot.fit(draw))
    return _longer(draw, tree) if draw(st.integers(0, 7)) == 7 else tree


def _put(tree: Tree, way: Way, value: Tree) -> Tree:
    """A tree with a value put where the way leads, through what it finds or makes."""
    if not way:
        return value
    step, rest = way[0], way[1:]
    if isinstance(step, int):
        items = [*tree] if isinstance(tree, list) else []
        items += [None] * (step + 1 - len(items))
        items[step] = _put(items[step], rest, value)
        return items
    pairs = tree.pairs if isinstance(tree, Pairs) else ()
    inner = dict(pairs).get(step)
    return Pairs((*(pair for pair in pairs if pair[0] != step), (step, _put(inner, rest, value))))


# -- spoiling ------------------------------------------------------------------------------------------------


def _places(tree: Tree, here: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    yield here
    inner = tree if isinstance(tree, list) else [child for _, child in tree.pairs] if isinstance(tree, Pairs) else []
    for index, child in enumerate(inner):
        yield from _places(child, (*here, index))


def _rebuilt(tree: Tree, place: tuple[int, ...], change: Callable[[Tree], Tree]) -> Tree:
    """A tree with one of its values changed."""
    if not place:
        return change(tree)
    at, rest = place[0], place[1:]
    if isinstance(tree, list):
        return [*tree[:at], _rebuilt(tree[at], rest, change), *tree[at + 1 :]]
    pairs = cast("Pairs", tree).pairs
    key, child = pairs[at]
    return Pairs((*pairs[:at], (key, _rebuilt(child, rest, change)), *pairs[at + 1 :]))


def _wrong(draw: st.DrawFn, tree: Tree) -> Tree:
    """A scalar."""
    return draw(st.sampled_from(_SCALARS))


def _wrapped(draw: st.DrawFn, tree: Tree) -> Tree:
    return draw(st.sampled_from(cast("list[Tree]", [[tree], Pairs((("a", tree),)), [], Pairs(())])))


def _null(draw: st.DrawFn, tree: Tree) -> Tree:
    return None


def _shorter(draw: st.DrawFn, tree: Tree) -> Tree:
    if isinstance(tree, list) and tree:
        return tree[1:]
    if isinstance(tree, Pairs) and tree.pairs:
        at = draw(st.integers(0, len(tree.pairs) - 1))
        return Pairs((*tree.pairs[:at], *tree.pairs[at + 1 :]))
    return _wrong(draw, tree)


def _longer(draw: st.DrawFn, tree: Tree) -> Tree:
    if isinstance(tree, list):
        return [*tree, draw(trees(3))]
    if not isinstance(tree, Pairs):
        return _wrong(draw, tree)
    key = draw(st.sampled_from([name for name in STRANGERS if name not in dict(tree.pairs)]))
    at = draw(st.integers(0, len(tree.pairs)))
    return Pairs((*tree.pairs[:at], (key, draw(trees(3))), *tree.pairs[at:]))


def _shuffled(draw: st.DrawFn, tree: Tree) -> Tree:
    if isinstance(tree, list):
        return draw(st.permutations(tree))
    return Pairs(tuple(draw(st.permutations(tree.pairs)))) if isinstance(tree, Pairs) else _wrong(draw, tree)


def _renamed(draw: st.DrawFn, tree: Tree) -> Tree:
    if not isinstance(tree, Pairs) or not tree.pairs:
        return tree
    at = draw(st.integers(0, len(tree.pairs) - 1))
    key = draw(st.sampled_from([name for name in STRANGERS if name not in dict(tree.pairs)]))
    return Pairs((*tree.pairs[:at], (key, tree.pairs[at][1]), *tree.pairs[at + 1 :]))


def _twice(draw: st.DrawFn, tree: Tree) -> Tree:
    """A key comes twice: with the same value, with another, or with nearly the same."""
    if not isinstance(tree, Pairs) or not tree.pairs:
        return tree
    key, child = draw(st.sampled_from(tree.pairs))
    again = draw(st.sampled_from([_wrong, _shorter, _null, lambda draw, tree: tree]))(draw, child)
    at = draw(st.integers(0, len(tree.pairs)))
    return Pairs((*tree.pairs[:at], (key, again), *tree.pairs[at:]))


_CHANGES = [_wrong, _wrapped, _null, _shorter, _longer, _shuffled, _renamed]


def spoiled(draw: st.DrawFn, tree: Tree) -> Tree:
    """A tree with a few things changed somewhere."""
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
        tree = _changed(draw, tree, draw(st.sampled_from(_CHANGES)))
    return tree


def twice(draw: st.DrawFn, tree: Tree) -> Tree:
    """A tree in which some key may come twice."""
    return _changed(draw, tree, _twice)


def _changed(draw: st.DrawFn, tree: Tree, change: Callable[[st.DrawFn, Tree], Tree]) -> Tree:
    place = draw(st.sampled_from([*_places(tree)]))
    return _rebuilt(tree, place, lambda child: change(draw, child))
