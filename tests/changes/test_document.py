"""`Document`, the fold: what changes add up to, and that what was read stays as it was."""

from __future__ import annotations

import copy
import tracemalloc
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.flows import keys, paths
from support.strategies import LAW

from streamkit import Change, Document, End
from streamkit.changes.change import Op, Path
from streamkit.operators import accumulate


def folded(*changes: Change) -> Document:
    document = Document()
    for change in changes:
        document.apply(change)
    return document


def add(pointer: str, value: object = None) -> Change:
    return Change("add", at(pointer), value)


def at(pointer: str) -> Path:
    """A path from its pointer; digits are an index."""
    return tuple(int(step) if step.isdigit() else step for step in pointer.split("/")[1:])


USERS = (add("", {}), add("/users", []), add("/users/0", {}), add("/users/0/name", "Jo"))


# -- what each op does -------------------------------------------------------------------------------


def test_before_anything_came_there_is_no_value() -> None:
    document = Document()
    assert document.value is None
    assert (document.open, document.invalid, document.end, document.missed) == ((), (), None, 0)
    assert not document.has(())
    with pytest.raises(KeyError):
        document.get(())
    with pytest.raises(KeyError):
        document.state(())


def test_null_is_a_value() -> None:
    document = folded(add("", None))
    assert document.value is None
    assert document.has(())
    assert document.state(()) == "open"


def test_add_builds_the_value_parents_first() -> None:
    assert folded(*USERS).value == {"users": [{"name": "Jo"}]}
    assert folded(*USERS, add("/users/1", {})).value == {"users": [{"name": "Jo"}, {}]}


def test_append_grows_a_string_anywhere() -> None:
    more = Change("append", ("users", 0, "name"), "hn")
    assert folded(*USERS, more, more).value == {"users": [{"name": "Johnhn"}]}
    assert folded(add("", "a"), Change("append", (), "b")).value == "ab"


def test_two_strings_may_grow_by_turns() -> None:
    turns = [Change("append", (key,), text) for key, text in [("a", "1"), ("b", "2"), ("a", "3"), ("b", "4")]]
    assert folded(add("", {}), add("/a", ""), add("/b", ""), *turns).value == {"a": "13", "b": "24"}


@pytest.mark.parametrize("path", [(), ("a",)])
def test_a_string_added_over_one_that_grew_begins_anew(path: Path) -> None:
    grown = [add("", {}), Change("add", path, "old"), Change("append", path, "er")]
    again = [Change("add", path, ""), Change("append", path, "new")]
    assert folded(*grown, *again).get(path) == "new"


@pytest.mark.parametrize("value", [1, None, "x", {}, []])
def test_replace_puts_another_value_whatever_stood_there(value: object) -> None:
    assert folded(*USERS, Change("replace", ("users",), value)).value == {"users": value}
    assert folded(*USERS, Change("replace", (), value)).value == value


def test_remove_withdraws_a_key_the_last_item_or_the_root() -> None:
    assert folded(*USERS, Change("remove", ("users", 0, "name"))).value == {"users": [{}]}
    assert folded(*USERS, Change("remove", ("users", 0))).value == {"users": []}
    document = folded(*USERS, Change("remove", ()))
    assert document.value is None
    assert not document.has(())
    assert document.open == ()


def test_verdicts_and_the_end_change_no_value() -> None:
    end = End("complete")
    document = folded(*USERS, Change("complete", ("users", 0, "name"), "Jo"), Change("end", (), end))
    assert document.value == {"users": [{"name": "Jo"}]}
    assert document.end is end


def test_a_complete_that_carries_another_type_leaves_the_json() -> None:
    when = [add("/when", "2024-"), Change("append", ("when",), "02-29"), Change("complete", ("when",), object())]
    assert folded(add("", {}), *when).value == {"when": "2024-02-29"}


def test_the_containers_of_a_change_are_not_taken_over() -> None:
    mine: dict[str, object] = {}
    folded(Change("add", (), mine), add("/a", 1))
    assert mine == {}


# -- verdicts ----------------------------------------------------------------------------------------


def test_a_value_is_open_then_complete_or_invalid() -> None:
    document = folded(add("", {}), add("/a", 1), add("/b", "x"))
    assert [document.state(path) for path in ((), ("a",), ("b",))] == ["open", "open", "open"]
    document.apply(Change("complete", ("a",), 1))
    document.apply(Change("invalid", ("b",), []))
    document.apply(Change("invalid", (), []))
    assert [document.state(path) for path in ((), ("a",), ("b",))] == ["invalid", "complete", "invalid"]
    assert document.open == ()
    assert document.invalid == (("b",), ())


def test_open_names_parents_first() -> None:
    assert folded(*USERS).open == ((), ("users",), ("users", 0), ("users", 0, "name"))


def test_replace_and_remove_void_the_verdicts_at_and_below_their_path() -> None:
    wrong = [Change("invalid", path, []) for path in (("users", 0, "name"), ("users", 0), ("users",))]
    document = folded(*USERS, *wrong, Change("replace", ("users", 0), {}))
    assert document.invalid == (("users",),)
    assert document.state(("users", 0)) == "open"
    document.apply(Change("remove", ("users", 0)))
    assert document.open == ((),)


def test_after_a_reset_the_value_stands_and_all_of_it_is_open() -> None:
    done = [Change("complete", path, None) for path in (("users", 0, "name"), ("users", 0), ("users",))]
    document = folded(*USERS, *done, Change("invalid", (), []), Change("reset", (), "again"))
    assert document.value == {"users": [{"name": "Jo"}]}
    assert document.open == ((), ("users",), ("users", 0), ("users", 0, "name"))
    assert document.invalid == ()
    document.apply(Change("append", ("users", 0, "name"), "hn"))
    document.apply(add("/users/1", 2))
    assert document.value == {"users": [{"name": "John"}, 2]}


def test_a_reset_before_anything_is_nothing() -> None:
    assert folded(Change("reset", (), "no answer")).open == ()


def test_a_snapshot_stands_for_all_that_was_missed() -> None:
    source = folded(*USERS, Change("invalid", ("users", 0, "name"), []))
    source.missed = 7
    document = folded(add("", []), add("/0", 1), Change("snapshot", (), source))
    assert document.value == {"users": [{"name": "Jo"}]}
    assert document.open == ((), ("users",), ("users", 0))
    assert document.invalid == (("users", 0, "name"),)
    assert document.missed == 7
    document.apply(add("/users/1", 2))
    assert source.value == {"users": [{"name": "Jo"}]}


def test_a_document_may_stand_in_the_middle_of_a_string_when_it_is_copied() -> None:
    document = folded(*USERS, Change("append", ("users", 0, "name"), "h"))
    twin = document.copy()
    document.apply(Change("append", ("users", 0, "name"), "n"))
    twin.apply(Change("append", ("users", 0, "name"), "anna"))
    assert (document.value, twin.value) == ({"users": [{"name": "John"}]}, {"users": [{"name": "Johanna"}]})
    assert twin.open == document.open


def test_get_and_state_know_only_paths_of_values() -> None:
    document = folded(*USERS)
    assert document.get(("users", 0, "name")) == "Jo"
    wrong: list[Path] = [("user",), ("users", 1), ("users", "0"), ("users", -1), (0,), ("users", 0, "name", 0)]
    assert [path for path in wrong if document.has(path)] == []
    for path in wrong:
        with pytest.raises(KeyError):
            document.state(path)


def test_the_repr_tells_the_value_and_what_is_open() -> None:
    assert repr(folded(add("", {}), add("/a", 1))) == "Document({'a': 1}, open=['', '/a'])"


# -- changes that do not fit -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (add("/people/0", 1), "nothing at '/people'"),
        (add("/users/0/name/x", 1), "no object or array at '/users/0/name'"),
        (add("/users/2", 1), "no place for a value at '/users/2'"),
        (add("/users/x", 1), "no place for a value at '/users/x'"),
        (Change("append", ("x",), "a"), "cannot append at '/x': nothing is there"),
        (Change("append", ("users",), "a"), "only strings grow"),
        (Change("replace", ("x",), 1), "cannot replace at '/x': nothing is there"),
        (Change("replace", ("users", 1), 1), "cannot replace at '/users/1': nothing is there"),
        (Change("remove", ("x",)), "cannot remove at '/x': nothing is there"),
        (add("/x", {"a": 1}), "a container is added empty"),
        (add("/x", [1]), "a container is added empty"),
        (Change("grow", ("x",), 1), "'grow'"),  # type: ignore[arg-type]  # the point
    ],
)
def test_a_change_that_does_not_fit_is_an_error_that_says_where(change: Change, said: str) -> None:
    document = folded(*USERS)
    with pytest.raises(ValueError, match=said):
        document.apply(change)
    assert document.value == {"users": [{"name": "Jo"}]}


def test_nothing_is_added_before_the_root() -> None:
    with pytest.raises(ValueError, match="no object or array at ''"):
        folded(add("/a", 1))


def test_an_item_is_not_removed_from_the_middle_of_a_list() -> None:
    with pytest.raises(ValueError, match="only the last item of a list is removed"):
        folded(add("", []), add("/0", 1), add("/1", 2), Change("remove", (0,)))


# -- what was read stays as it was -------------------------------------------------------------------


class Plain:
    """The fold in the plainest way, and a source of changes that fit it."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.root: Any = None
        self.empty = True

    def paths(self) -> list[Path]:
        return [] if self.empty else list(paths((), self.root))

    def get(self, path: Path) -> Any:
        value = self.root
        for step in path:
            value = value[step]
        return value

    def put(self, path: Path, value: object) -> None:
        if not path:
            self.root, self.empty = value, False
            return
        parent = self.get(path[:-1])
        if parent.__class__ is list and path[-1] == len(parent):
            parent.append(value)
        else:
            parent[path[-1]] = value

    def change(self) -> Change:
        """Make a change that fits, and take it."""
        random, paths = self.random, self.paths()
        op: Op = random.choice(["add", "add", "add", "append", "append", "append", "complete", "replace", "remove"])
        value: object = random.choice([{}, {}, [], [], "", "x", 1, None])
        if self.empty:
            self.put((), copy.copy(value))
            return Change("add", (), value)
        if op == "append":
            strings = [path for path in paths if isinstance(self.get(path), str)]
            if strings:
                path = random.choice(strings)
                self.put(path, self.get(path) + "y")
                return Change("append", path, "y")
        if op == "complete":
            path = random.choice(paths)
            return Change("complete", path, copy.copy(self.get(path)))
        containers = [path for path in paths if isinstance(self.get(path), (dict, list))]
        if op == "replace" or not containers:
            path = random.choice(paths)
            self.put(path, copy.copy(value))
            return Change("replace", path, value)
        path = random.choice(containers)
        container = self.get(path)
        if op == "remove" and container and (len(paths) < 8 or random.random() < 0.5):
            key = random.choice(keys(container)) if container.__class__ is dict else len(container) - 1
            del container[key]
            return Change("remove", (*path, key))
        new = random.choice("abcdef") if isinstance(container, dict) else len(container)
        known = isinstance(container, dict) and new in container
        self.put((*path, new), copy.copy(value))
        return Change("replace" if known else "add", (*path, new), value)


@LAW
@given(st.randoms(use_true_random=False), st.integers(1, 60), st.floats(0, 1))
def test_a_value_that_was_read_never_changes(random: Random, length: int, curious: float) -> None:
    plain, document, read = Plain(random), Document(), list[tuple[object, object]]()
    for _ in range(length):
        document.apply(plain.change())
        if random.random() < curious:
            assert document.value == plain.root
            read.append((document.value, copy.deepcopy(document.value)))
    assert document.value == plain.root
    assert all(then == now for now, then in read)


@LAW
@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_copies_go_their_own_ways(random: Random, length: int) -> None:
    plain, document = Plain(random), Document()
    for _ in range(length):
        document.apply(plain.change())
    twin, twin_plain = document.copy(), copy.deepcopy(plain)
    kept = document.value, copy.deepcopy(document.value)
    for _ in range(20):
        document.apply(plain.change())
        twin.apply(twin_plain.change())
    assert document.value == plain.root
    assert twin.value == twin_plain.root
    assert kept[0] == kept[1]


@LAW
@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_the_open_paths_are_paths_of_the_value(random: Random, length: int) -> None:
    plain, document = Plain(random), Document()
    for _ in range(length):
        document.apply(plain.change())
        assert set(document.open) <= set(plain.paths())


def test_parts_that_did_not_change_are_shared_between_readings() -> None:
    document = folded(*USERS, add("/users/1", {}), add("/users/1/name", "Ann"))
    before: Any = document.value
    document.apply(Change("append", ("users", 1, "name"), "a"))
    after: Any = document.value
    assert before["users"][0] is after["users"][0]
    assert before["users"][1] is not after["users"][1]
    assert before == {"users": [{"name": "Jo"}, {"name": "Ann"}]}


# -- cost --------------------------------------------------------------------------------------------


def test_a_string_that_grows_is_not_copied_for_each_piece() -> None:
    # Copied for each piece, this would be 200 GB.
    document, piece = folded(add("", {}), add("/s", "")), Change("append", ("s",), "0123456789" * 100)
    for _ in range(20_000):
        document.apply(piece)
    assert document.value == {"s": "0123456789" * 2_000_000}


def test_a_string_that_grows_is_held_once() -> None:
    document, piece = folded(add("", {}), add("/s", "")), "ab"
    tracemalloc.start()
    try:
        for _ in range(100_000):
            document.apply(Change("append", ("s",), "".join(reversed(piece))))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2 * 200_000
    assert document.get(("s",)) == "ba" * 100_000


def test_a_completed_string_is_the_object_its_verdict_carried() -> None:
    text = "".join(reversed(["hn", "Jo"]))
    document = folded(add("", {}), add("/s", "Jo"), Change("append", ("s",), "hn"), Change("complete", ("s",), text))
    assert document.get(("s",)) is text


def test_paths_are_told_parents_first() -> None:
    document = Document()
    assert list(document.paths()) == []
    for change in '{"a": [1, "x' | accumulate():
        document.apply(change)
    assert list(document.paths()) == [(), ("a",), ("a", 0), ("a", 1)]


REFUSED: list[tuple[Any, type[Exception]]] = [
    (Change("add", cast("Any", ["list"]), 1), TypeError),
    (Change("replace", ("list",), {"not": "empty"}), ValueError),
    (Change("replace", ("nothing",), 1), ValueError),
    (Change("add", ("list", 7), 1), ValueError),
    (Change("remove", ("list", 0)), ValueError),
    (Change("remove", ("list", 2)), ValueError),
    (Change("append", ("text",), 5), ValueError),
    (Change("append", ("list",), "x"), ValueError),
    (Change("complete", ("nothing",), 1), ValueError),
    (Change("invalid", ("nothing",), []), ValueError),
    (Change("end", (), None), ValueError),
    (Change("snapshot", (), {}), ValueError),
    (Change(cast("Any", "weird"), (), 1), ValueError),
]


@pytest.mark.parametrize(("change", "error"), REFUSED)
def test_a_refused_change_leaves_the_document_as_it_was(change: Change[object], error: type[Exception]) -> None:
    document = Document()
    for before in ['{"list": [1, 2], "text": "be'] | accumulate():
        if before.op != "end":
            document.apply(before)
    state = document.value, document.open, document.invalid, document.end
    with pytest.raises(error):
        document.apply(change)
    assert (document.value, document.open, document.invalid, document.end) == state
    document.apply(Change("append", ("text",), "gun"))
    assert document.get(("text",)) == "begun"


def test_nothing_but_a_snapshot_follows_an_end() -> None:
    document = Document()
    for change in ['{"a": 1}'] | accumulate():
        document.apply(change)
    for change in (Change("add", ("b",), 1), Change("reset", (), ""), Change("end", (), End("complete"))):
        with pytest.raises(ValueError, match="the stream has ended"):
            document.apply(change)
    document.apply(Change("snapshot", (), Document()))
    assert document.end is None
