"""`diff`: minimal changes, a new attempt compared with the one before, and snapshots of other libraries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import Any, cast

import jiter
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, model_validator
from support.flows import folded, gather, keys, paths, spread
from support.strategies import (
    LAW,
    Kind,
    Number,
    Pairs,
    Tree,
    cut,
    documents,
    has_twins,
    models,
    scalars,
    sizes,
    trees,
    write,
)

from streamkit import Change, Document, End, Finish, Stage, extract
from streamkit.changes.change import Path
from streamkit.operators import accumulate, diff, snapshots, validate

Batch = Sequence[Change]
AGAIN = Change("reset", (), "again")


class Screen:
    """A subscriber: folds changes in the simplest way, keeps the verdicts, and refuses changes that do not apply.

    Args:
        twins: keys come twice: where the second says the same, only its verdict is told again.
    """

    def __init__(self, *, twins: bool = False) -> None:
        self.twins = twins
        self.root: list[Any] = []
        self.verdicts: dict[Path, str] = {}
        self.end: End | None = None

    @property
    def value(self) -> Any:
        return self.root[0] if self.root else None

    def paths(self) -> list[Path]:
        return list(paths((), self.root[0])) if self.root else []

    def has(self, path: Path) -> bool:
        return path in self.paths()

    def take(self, change: Change) -> None:
        op, path, value = change
        assert self.end is None, "something came after the end"
        if op == "reset":
            self.verdicts.clear()
        elif op == "end":
            self.end = cast("End", value)
        elif op == "complete" or op == "invalid":
            assert self.has(path), f"a verdict for nothing: {change}"
            assert self.twins or path not in self.verdicts, f"a second verdict: {change}"
            self.verdicts[path] = op
        elif op == "append":
            holder, key = self._place(path)
            assert isinstance(holder[key], str), f"only strings grow: {change}"
            assert value, f"nothing appended: {change}"
            holder[key] += value
        else:
            self._put(change)

    def _put(self, change: Change) -> None:
        op, path, value = change
        assert self.has(path) is (op != "add"), f"added twice, or not added: {change}"
        holder, key = self._place(path)
        if op != "add":
            for below in [below for below in self.verdicts if below[: len(path)] == path]:
                del self.verdicts[below]
        if op == "remove":
            assert isinstance(holder, dict) or key == len(holder) - 1, f"not the last item: {change}"
            del holder[key]
            return
        assert not (isinstance(value, (dict, list)) and value), f"added full: {change}"
        fresh = copy(cast("Any", value))
        if holder.__class__ is list and key == len(holder):
            holder.append(fresh)
        else:
            holder[key] = fresh

    def _place(self, path: Path) -> tuple[Any, Any]:
        if not path:
            return self.root, 0
        holder = self.value
        for step in path[:-1]:
            holder = holder[step]
        return holder, path[-1]


def watch(changes: Iterable[Change], *, twins: bool = False) -> Screen:
    """Show changes on a screen, and check that a `Document` of them stays equal to it."""
    screen, document = Screen(twins=twins), Document()
    for change in changes:
        screen.take(change)
        document.apply(change)
        assert document.value == screen.value
        assert document.has(()) is bool(screen.root)
    return screen


def told(*batches: Batch) -> list[Change]:
    """Run `diff` over changes, chunk by chunk; remove the `end` that it adds if the input had none."""
    changes = list(batches | spread() | diff())
    ended = any(change.op == "end" for batch in batches for change in batch)
    return changes if ended else changes[:-1]


def test_changes_that_stop_without_an_end_get_one() -> None:
    changes = list([[Change("add", (), {}), Change("add", ("a",), 1)]] | spread() | diff())
    end = cast("End", changes[-1].value)
    assert (end.status, end.open) == ("truncated", ((), ("a",)))
    nothing: list[Change] = []
    assert [change.op for change in nothing | diff()] == ["end"]


# -- the least changes -------------------------------------------------------------------------------


def test_repeated_changes_of_one_chunk_are_joined() -> None:
    chunk = [Change("add", (), ""), Change("append", (), "a"), Change("append", (), "b"), Change("complete", (), "ab")]
    assert told(chunk) == [Change("add", (), "ab"), Change("complete", (), "ab")]
    assert told(chunk[:1], chunk[1:]) == [
        Change("add", (), ""),
        Change("append", (), "ab"),
        Change("complete", (), "ab"),
    ]


def test_changes_of_two_chunks_are_not_joined() -> None:
    chunks = [Change("add", (), "a")], [Change("append", (), "b")], [Change("append", (), "c")]
    assert told(*chunks) == [change for chunk in chunks for change in chunk]


@pytest.mark.parametrize(("first", "second"), [("", "a"), ("a", "a"), ([], []), ({}, {})])
def test_a_value_changed_after_its_verdict_is_replaced(first: Any, second: Any) -> None:
    root = Change[Any]("add", (), [])
    attempt = [root, Change("add", (0,), first), Change("complete", (0,), first)]
    revised = [Change("replace", (0,), second), Change("complete", (0,), second), Change("complete", (), [second])]
    assert told([root, AGAIN], [*attempt, *revised]) == [root, AGAIN, *attempt[1:], *revised]


def test_text_joins_only_its_own_string() -> None:
    chunk = [
        Change("add", (), {}),
        Change("add", ("a",), "1"),
        Change("add", ("b",), "2"),
        Change("append", ("a",), "3"),
        Change("append", ("b",), "4"),
        Change("append", ("b",), "5"),
    ]
    assert told(chunk) == [*chunk[:4], Change("append", ("b",), "45")]


def test_text_joins_the_replace_before_it() -> None:
    first = [Change("add", (), "x"), Change("complete", (), "x")]
    assert told(first, [Change("replace", (), "a"), Change("append", (), "b")])[2:] == [Change("replace", (), "ab")]


@pytest.mark.parametrize("value", ["1", "true", "null", "2.5", '"x"', "{}", "[1]", '"\\u00e9"'])
@pytest.mark.parametrize("model", [None, dict[str, int | None], dict[str, Any]])
def test_a_repeated_key_gets_a_replace_between_its_verdicts(value: str, model: Any) -> None:
    text = f'{{"a": {value}, "a": {value}}}'
    pipeline = accumulate() | diff() if model is None else accumulate() | validate(model) | diff()
    for chunks in ([text], list(text)):
        for changes in (list(chunks | pipeline), list(list(chunks | accumulate()) | diff())):
            ops = [change.op for change in changes if change.path == ("a",) and change.op != "append"]
            assert ops in [["add", verdict, "replace", verdict] for verdict in ("complete", "invalid")]


@pytest.mark.parametrize(("old", "new"), [(1, True), (0, False), (None, False), (1, 2), ("1", 1)])
def test_a_replace_by_another_value_is_not_dropped(old: object, new: object) -> None:
    assert told([Change("add", (), old)], [Change("replace", (), new)])[1:] == [Change("replace", (), new)]


def test_the_diff_of_a_diff_is_the_same() -> None:
    text = '{"users": [{"name": "John", "age": 25}, {"name": "J\\u00fcrgen"}]}'
    once = list(text | accumulate() | diff())
    assert list(text | accumulate() | diff() | diff()) == once


@LAW
@given(trees(), sizes)
def test_without_a_reset_diff_only_joins_text(tree: Tree, lengths: list[int]) -> None:
    chunks = list(cut(write(tree), lengths))
    plain, least = list(chunks | accumulate()), list(chunks | accumulate() | diff())
    assert watch(least, twins=has_twins(tree)).value == folded(plain).value
    assert [c for c in least if c.op not in GROWING] == [c for c in plain if c.op not in GROWING]
    assert len(least) <= len(plain)


GROWING = ("add", "append", "replace")


# -- a new attempt -----------------------------------------------------------------------------------


def attempt(text: str) -> list[Change]:
    """The changes of one attempt, without its `end`."""
    return [change for change in text | accumulate() if change.op != "end"]


def retried(old: str, new: str) -> list[str]:
    """The changes after the reset, in short: `op pointer value`, without verdicts and the `end`."""
    changes = told(attempt(old), [AGAIN], list(new | accumulate()))
    after = changes[changes.index(AGAIN) + 1 :]
    return [f"{c.op} {c.pointer} {c.value}" for c in after if c.op not in ("complete", "invalid", "end")]


@pytest.mark.parametrize(
    ("old", "new", "after"),
    [
        ('{"a": 1, "b": "x"}', '{"a": 1, "b": "x"}', []),
        ('{"a": 1, "b": "x"}', '{"b": "x", "a": 1}', []),
        ('{"a": 1}', '{"a": 2}', ["replace /a 2"]),
        ('{"a": 1}', '{"a": 1, "b": 2}', ["add /b 2"]),
        ('{"a": 1, "b": 2}', '{"b": 2}', ["remove /a None"]),
        ('{"a": "Jo"}', '{"a": "John"}', ["append /a hn"]),
        ('{"a": "John"}', '{"a": "Jo"}', ["replace /a Jo"]),
        ('{"a": "John"}', '{"a": ""}', ["replace /a "]),
        ('{"a": ""}', '{"a": "John"}', ["append /a John"]),
        ('{"a": "John"}', '{"a": "Joan"}', ["replace /a Joan"]),
        ("[1, 2, 3, 4]", "[1, 2]", ["remove /3 None", "remove /2 None"]),
        ("[1, 2]", "[1, 2, 3]", ["add /2 3"]),
        ('[{"a": 1}, {"a": 2}]', '[{"a": 2}]', ["replace /0/a 2", "remove /1 None"]),
        ('{"a": [1]}', '{"a": {"b": 1}}', ["replace /a {}", "add /a/b 1"]),
        ('{"a": {"b": 1}}', '{"a": 1}', ["replace /a 1"]),
        ('{"a": "x"}', '{"a": ["x"]}', ["replace /a []", "add /a/0 x"]),
        ("1", "true", ["replace  True"]),
        ('{"a": 1', "[]", ["replace  []"]),
        ("", "{}", ["add  {}"]),
        ('{"a": "Jo', '{"a": "John"}', ["append /a hn"]),
        ('{"a": [1, ', '{"a": [1, 2]}', ["add /a/1 2"]),
    ],
)
def test_after_a_reset_only_the_difference_is_emitted(old: str, new: str, after: list[str]) -> None:
    assert retried(old, new) == after


def test_a_string_that_starts_like_the_old_one_emits_nothing_until_it_differs() -> None:
    old = [*attempt('"Johanna"'), AGAIN]
    new = [
        Change("add", (), "Jo"),
        Change("append", (), "h"),
        Change("append", (), "n"),
        Change("append", (), "ny"),
        Change("complete", (), "Johnny"),
    ]
    after = told(old, *([change] for change in new))[len(told(old)) :]
    assert after == [Change("replace", (), "John"), Change("append", (), "ny"), Change("complete", (), "Johnny")]


def test_a_value_that_did_not_change_gets_its_verdict() -> None:
    done = list('{"a": 1, "b": ["x"]}' | accumulate())
    after = told(done[:-1], [AGAIN], done)[len(told(done[:-1])) :]
    assert after == [AGAIN, *(change for change in done if change.op in ("complete", "end"))]


def test_a_child_that_was_not_repeated_is_removed_when_its_container_closes() -> None:
    old = attempt('{"a": {"x": 1, "y": 2}, "b": 3}')
    new = list(['{"a": {"x": 1', "}", ', "c": 4', "}"] | accumulate())
    after = [c for c in told(old, [AGAIN], new)[len(old) + 1 :] if c.op != "end"]
    gone = [after.index(Change("remove", path)) for path in (("a", "y"), ("b",))]
    done = [after.index(Change("complete", path, value)) for path, value in ((("a",), {"x": 1}), ((), new[-2].value))]
    assert [gone[0] + 1, gone[1] + 1] == done


@pytest.mark.parametrize("status", ["truncated", "failed"])
def test_an_early_end_lists_the_paths_that_still_show_the_old_attempt(status: str) -> None:
    old, new = attempt('{"a": 1, "b": {"c": "x"}}'), list('{"a": 1, "b"' + ": !" * (status == "failed") | tolerant())
    end = cast("End", told(old, [AGAIN], new)[-1].value)
    assert end.status == status
    assert end.open == ((), ("b",), ("b", "c"))


def tolerant() -> Stage[str, Change]:
    """`accumulate` whose failure is only in its `end`: the flow raises nothing."""

    class Machine:
        def __init__(self) -> None:
            self.inner = accumulate().make_machine()

        def feed(self, chunk: str, /) -> Sequence[Change]:
            return cast("Sequence[Change]", self.inner.feed(chunk))

        def close(self, reason: Any, /) -> Sequence[Change]:
            return cast("Sequence[Change]", self.inner.close(reason))

    return Stage(Machine, "tolerant", emits_changes=True)


def test_a_child_that_a_validator_removes_is_removed_again() -> None:
    class Outer(BaseModel):
        inner: dict[str, int]

        @model_validator(mode="after")
        def without_x(self) -> Outer:
            self.inner.pop("x", None)
            return self

    events: list[Change] = list('{"inner": {"x": 1, "y": 2}}' | accumulate() | validate(Outer))
    assert watch(told(events[:-1], [AGAIN], events)).value == {"inner": {"y": 2}}


# -- a new attempt: any two ---------------------------------------------------------------------------


@st.composite
def variants(draw: st.DrawFn, tree: Tree) -> Tree:
    """Draw a document that differs from another in some places."""
    what = draw(st.integers(0, 9))
    if what == 0:
        return draw(trees(4))
    if isinstance(tree, list):
        items = [draw(variants(item)) for item in tree]
        more: list[Tree] = [draw(scalars)] if draw(st.integers(0, 3)) == 0 else []
        return items[: draw(st.integers(0, len(items)))] if what == 1 else items + more
    if isinstance(tree, Pairs):
        pairs = [(key, draw(variants(child))) for key, child in tree.pairs if draw(st.integers(0, 6))]
        return Pairs(tuple(draw(st.permutations(pairs)) if what == 1 else pairs))
    if isinstance(tree, str) and not isinstance(tree, Number) and what < 4:
        return tree[: draw(st.integers(0, len(tree)))] if what < 3 else tree + "more"
    return tree


@st.composite
def attempts(draw: st.DrawFn) -> list[str]:
    """Draw the texts of some attempts at one document; only the last must be complete."""
    tree = draw(trees().filter(lambda tree: not has_twins(tree)))
    texts = [write(tree)]
    for _ in range(draw(st.integers(1, 3))):
        tree = draw(variants(tree))
        assume(not has_twins(tree))
        texts.append(write(tree))
    return [text[: draw(st.integers(0, len(text)))] for text in texts[:-1]] + texts[-1:]


def batches_of(text: str, lengths: list[int], *stages: Stage[Any, Change]) -> list[Batch]:
    flow: Any = cut(text, lengths) | tolerant()
    for stage in stages:
        flow = flow | stage
    return list(flow.batches())


def laid(
    texts: list[str], lengths: list[int], *stages: Stage[Any, Change], twins: bool = False
) -> tuple[Screen, list[Change], Screen]:
    """Run attempts one after another: the screen before the last, the changes of the last, and the final screen."""
    every: list[Batch] = []
    for text in texts[:-1]:
        every += [[c for c in batch if c.op != "end"] for batch in batches_of(text, lengths, *stages)]
        every.append([AGAIN])
    changes = told(*every)
    whole = told(*every, *batches_of(texts[-1], lengths, *stages))
    assert whole[: len(changes)] == changes
    return watch(changes, twins=twins), whole[len(changes) :], watch(whole, twins=twins)


@LAW
@given(attempts(), sizes)
def test_the_last_attempt_is_what_is_shown_in_the_end(texts: list[str], lengths: list[int]) -> None:
    _, _, after = laid(texts, lengths)
    assert after.end is not None
    assert after.end.status == "complete"
    assert after.value == json.loads(texts[-1])
    assert after.end.open == ()


@LAW
@given(attempts(), sizes)
def test_every_value_of_the_last_attempt_gets_its_verdict_once(texts: list[str], lengths: list[int]) -> None:
    _, _, after = laid(texts, lengths)
    assert set(after.verdicts) == set(after.paths())
    assert set(after.verdicts.values()) == {"complete"}


@LAW
@given(attempts(), sizes)
def test_what_the_last_attempt_repeats_is_not_emitted_again(texts: list[str], lengths: list[int]) -> None:
    before, changes, _ = laid(texts, lengths)
    if not before.root:
        return
    new = json.loads(texts[-1])
    same = set(_repeated((), before.value, new))
    assert [c for c in changes if c.op in (*GROWING, "remove") and c.path in same] == []


def _repeated(path: Path, old: Any, new: Any) -> Iterator[Path]:
    """The paths whose values did not change: containers that still exist, scalars that are equal."""
    if type(old) is type(new) and (old.__class__ in (dict, list) or old == new):
        yield path
        for key in set(keys(old)) & set(keys(new)):
            yield from _repeated((*path, key), old[key], new[key])


@LAW
@given(attempts(), sizes, st.floats(0, 1))
def test_the_end_of_a_truncated_attempt_lists_all_paths_without_a_verdict(
    texts: list[str], lengths: list[int], part: float
) -> None:
    texts[-1] = texts[-1][: int(len(texts[-1]) * part)]
    _, _, after = laid(texts, lengths)
    assert after.end is not None
    unjudged = set(after.paths()) - set(after.verdicts)
    assert set(after.end.open) == unjudged
    assert len(after.end.open) == len(unjudged)
    assert all(path[:-1] in after.end.open[:at] for at, path in enumerate(after.end.open) if path)


@LAW
@given(attempts(), sizes)
def test_the_split_of_the_text_changes_no_verdict(texts: list[str], lengths: list[int]) -> None:
    verdicts = [
        [c for c in changes if c.op not in (*GROWING, "remove")]
        for changes in (laid(texts, lengths)[1], laid(texts, [1 << 20])[1])
    ]
    assert verdicts[0] == verdicts[1]


@LAW
@given(st.data(), models(), sizes)
def test_attempts_at_a_model_end_as_the_last_one_alone(data: st.DataObject, kind: Kind, lengths: list[int]) -> None:
    trees = [data.draw(documents(kind)) for _ in range(2)]
    old, new = map(write, trees)
    old = old[: data.draw(st.integers(0, len(old)))]
    twins = any(map(has_twins, trees))
    _, changes, after = laid([old, new], lengths, validate(kind.tp), twins=twins)
    alone = watch((change for batch in batches_of(new, lengths, validate(kind.tp)) for change in batch), twins=twins)
    assert after.end is not None
    assert alone.end is not None
    assert after.end.status == alone.end.status
    if after.end.status in ("complete", "invalid"):
        assert after.value == alone.value
        assert after.verdicts == alone.verdicts
    else:
        assert set(after.end.open) == set(after.paths()) - set(after.verdicts)
    if not kind.may_revise and after.end.status == "complete":
        assert [c for c in changes if c.op == "complete" and not c.path] == [Change("complete", (), _root(new, kind))]


def _root(text: str, kind: Kind) -> object:
    return kind.tp.model_validate_json(text)


# -- whole snapshots ---------------------------------------------------------------------------------


class User(BaseModel):
    name: str
    age: int | None = None


def test_snapshots_become_the_same_changes() -> None:
    seen: list[object] = [{"name": "Jo"}, {"name": "John"}, {"name": "John"}, {"name": "John", "age": 25}]
    assert list(seen | diff()) == [
        Change("add", (), {}),
        Change("add", ("name",), "Jo"),
        Change("append", ("name",), "hn"),
        Change("add", ("age",), 25),
        Change("complete", ("name",), "John"),
        Change("complete", ("age",), 25),
        Change("complete", (), {"name": "John", "age": 25}),
        Change("end", (), End("complete")),
    ]


def test_snapshots_of_models_complete_with_their_own_values() -> None:
    last = User(name="John", age=25)
    changes = list([User.model_construct(name="Jo"), last] | diff())
    assert [c.value for c in changes if c.op == "complete"] == ["John", 25, last]
    assert changes[-2].value is last


def test_a_field_that_is_not_set_is_absent() -> None:
    assert [c.pointer for c in [User.model_construct(name="Jo")] | diff() if c.op == "add"] == ["", "/name"]


def test_an_equal_snapshot_emits_nothing() -> None:
    one: dict[str, object] = {"a": [1, {"b": "x"}], "c": 1.0}
    batches = list(([one, json.loads(json.dumps(one)), one, {**one, "c": 1}] | diff()).batches())
    assert [len(batch) for batch in batches] == [6, 7]  # the first; the verdicts and the end


def test_a_dict_that_the_library_keeps_filling_is_compared_each_time() -> None:
    def filled() -> Iterator[dict[str, object]]:
        one: dict[str, object] = {}
        yield one
        one["a"] = inner = [1]
        yield one
        inner.append(2)
        yield one

    assert watch(filled() | diff()).value == {"a": [1, 2]}


def test_a_source_of_snapshots_that_fails_gets_no_verdicts() -> None:
    def failing() -> Iterator[object]:
        yield {"a": "x"}
        raise ConnectionError("gone")

    changes, error = gather(failing() | diff())
    end = cast("End", changes[-1].value)
    assert [c.op for c in changes] == ["add", "add", "end"]
    assert (end.status, end.open, end.error) == ("failed", ((), ("a",)), error)
    assert isinstance(error, ConnectionError)


def test_a_snapshot_that_is_not_json_ends_the_stream_with_an_end() -> None:
    changes, error = gather([{"a": 1}, {"a": object()}] | diff())
    assert [c.op for c in changes] == ["add", "add", "end"]
    assert error is not None
    assert "diff" in "".join(error.__notes__)


@LAW
@given(st.lists(trees(), min_size=1, max_size=5))
def test_folding_the_changes_of_any_snapshots_gives_the_last(several: list[Tree]) -> None:
    values = [json.loads(write(tree)) for tree in several]
    screen = watch(values | diff())
    assert screen.value == values[-1]
    assert set(screen.verdicts) == set(screen.paths())


@st.composite
def growing(draw: st.DrawFn) -> tuple[str, list[Any]]:
    """The values of a library that parses all text so far for every chunk."""
    text = write(draw(trees(20).filter(lambda tree: isinstance(tree, (Pairs, list)) and not has_twins(tree))))
    assume("e400" not in text.lower())
    mode: Any = draw(st.sampled_from([True, "trailing-strings"]))
    prefixes = sorted({*draw(st.lists(st.integers(1, len(text)), max_size=12)), len(text)})
    return text, [jiter.from_json(text[:length].encode(), partial_mode=mode) for length in prefixes]


@LAW
@given(growing())
def test_snapshots_as_partial_parsers_make_them_only_add_and_append(made: tuple[str, list[Any]]) -> None:
    text, values = made
    changes = list(values | diff())
    assert watch(changes).value == json.loads(text)
    # A parser of beginnings may show half an escape or number; where it shows none, nothing is taken back.
    if not any(c in text for c in "\\.eE") and all(map(_prefix_of, values, values[1:])):
        assert {c.op for c in changes} <= {"add", "append", "complete", "end"}


def _prefix_of(old: Any, new: Any) -> bool:
    if type(old) is not type(new):
        return False
    if isinstance(old, str):
        return bool(new.startswith(old))
    if old.__class__ not in (dict, list):
        return bool(old == new)
    return set(keys(old)) <= set(keys(new)) and all(_prefix_of(old[key], new[key]) for key in keys(old))


MEETING = """{"users": [{"name": "John Doe", "email": "johndoe@email.com"}, {"name": "Jane", "email": "j@e.com"}],
 "date": "2024-03-15", "location": "Grand Tech Arena", "budget": 50000, "tags": {"a": "b"}}"""


class Guest(BaseModel):
    name: str
    email: str


class Meeting(BaseModel):
    users: list[Guest]
    date: str
    location: str
    budget: int
    tags: dict[str, str] = {}


class PartialGuest(BaseModel):
    name: str | None = None
    email: str | None = None


class PartialMeeting(BaseModel):
    users: list[PartialGuest] | None = None
    date: str | None = None
    location: str | None = None
    budget: int | None = None
    tags: dict[str, str] | None = None


@pytest.mark.parametrize("step", [1, 3, 7, 50])
@pytest.mark.parametrize("mode", [True, "trailing-strings"])
def test_snapshots_as_instructor_makes_them(mode: Any, step: int) -> None:
    lengths = [*range(1, len(MEETING), step), len(MEETING)]
    parsed = [jiter.from_json(MEETING[:length].encode(), partial_mode=mode) for length in lengths]
    partials = [*map(PartialMeeting.model_validate, parsed), Meeting.model_validate_json(MEETING)]
    changes = list(partials | diff())
    screen = watch(changes)
    assert screen.value == json.loads(MEETING)
    assert changes[-2] == Change("complete", (), Meeting.model_validate_json(MEETING))
    if mode == "trailing-strings":
        # Only numbers are shown unfinished, and taken back.
        assert {c.pointer for c in changes if c.op in ("replace", "remove")} <= {"/budget"}
    said = sum(len(str(c.value)) for c in changes if c.op in GROWING)
    assert said < len(MEETING)


@LAW
@given(sizes)
def test_snapshots_become_the_changes_they_were_built_from(lengths: list[int]) -> None:
    chunks = list(cut(MEETING, lengths))
    changes = list(chunks | extract(Meeting) | snapshots() | diff())
    assert watch(changes).value == json.loads(MEETING)
    assert {c.op for c in changes} == {"add", "append", "complete", "end"} or len(chunks) == 1
    direct = [c for c in chunks | extract(Meeting) if c.op in ("add", "append")]
    assert [c for c in changes if c.op in ("add", "append")] == direct


def test_snapshots_of_plain_values_are_changes_too() -> None:
    assert [(c.op, c.value) for c in ["J", "Jo", 5, None] | diff()][:-1] == [
        ("add", "J"),
        ("append", "o"),
        ("replace", 5),
        ("replace", None),
        ("complete", None),
    ]


def test_an_empty_string_that_gets_its_first_text_has_grown() -> None:
    assert [c.op for c in [{"a": ""}, {"a": "x"}] | diff()][:3] == ["add", "add", "append"]


class Told:
    """A source with a `finish`."""

    def __init__(self, finish: Finish, *items: object) -> None:
        self.finish = finish
        self._items = iter(items)

    def __iter__(self) -> Told:
        return self

    def __next__(self) -> object:
        return next(self._items)


@pytest.mark.parametrize(
    ("finish", "status"),
    [
        (Finish("stop"), "complete"),
        (Finish("length"), "truncated"),
        (Finish("content_filter"), "refused"),
        (Finish("stop", refusal="no"), "refused"),
    ],
)
def test_snapshots_end_as_their_source_did(finish: Finish, status: str) -> None:
    changes = list(Told(finish, {"a": 1}) | diff())
    end = cast("End", changes[-1].value)
    assert (end.status, end.finish_reason) == (status, finish.reason)
    assert ("complete" in [c.op for c in changes]) is (status == "complete")


class Extra(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int = 0


def test_extra_fields_of_a_snapshot_are_emitted() -> None:
    assert watch([Extra(a=1), Extra.model_validate({"a": 1, "b": {"c": "x"}})] | diff()).value == {
        "a": 1,
        "b": {"c": "x"},
    }
