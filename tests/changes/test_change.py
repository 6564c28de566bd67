"""The change event and its paths: pointers (RFC 6901), patterns, and how they read in a `match`."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import LAW

from streamkit import Change, End, Finish
from streamkit.changes.change import Path, parse_pattern, parse_pointer, to_pointer

paths: st.SearchStrategy[Path] = st.lists(st.one_of(st.integers(0, 20), st.text("ab01/~*é ", max_size=4))).map(tuple)


# -- pointers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pointer", "path"),
    [  # RFC 6901, section 5, and then some
        ("", ()),
        ("/foo", ("foo",)),
        ("/foo/0", ("foo", 0)),
        ("/", ("",)),
        ("/a~1b", ("a/b",)),
        ("/c%d", ("c%d",)),
        ("/e^f", ("e^f",)),
        ("/g|h", ("g|h",)),
        ("/i\\j", ("i\\j",)),
        ('/k"l', ('k"l',)),
        ("/ ", (" ",)),
        ("/m~0n", ("m~n",)),
        ("/~01", ("~1",)),
        ("/~0~1", ("~/",)),
        ("//", ("", "")),
        ("/users/10/name", ("users", 10, "name")),
    ],
)
def test_a_pointer_is_written_and_read_as_rfc_6901_has_it(pointer: str, path: Path) -> None:
    assert Change("add", path).pointer == pointer
    assert parse_pointer(pointer) == tuple(map(str, path))


@LAW
@given(paths)
def test_every_path_survives_its_pointer(path: Path) -> None:
    assert parse_pointer(to_pointer(path)) == tuple(map(str, path))


def test_a_pointer_without_its_slash_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match=r"'users/0' must be empty or start with '/'"):
        parse_pointer("users/0")


# -- patterns ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("", ()),
        ("/a", ("a",)),
        ("/a/0", ("a", 0)),
        ("/a/0", ("a", "0")),  # in a pointer, a key of digits looks like an index
        ("/*", ("a",)),
        ("/*", (3,)),
        ("/*", ("",)),
        ("/*", ("*",)),
        ("/", ("",)),
        ("/users/*/name", ("users", 12, "name")),
        ("/*/*", ("a", "b")),
        ("/a~1b/~0", ("a/b", "~")),
        ("/**", ()),
        ("/**", ("a",)),
        ("/**", ("a", 0, "b")),
        ("/a/**", ("a",)),
        ("/a/**", ("a", 0, "b")),
        ("/a/*/**", ("a", 0)),
        ("/a/*/**", ("a", 0, "b", "c")),
    ],
)
def test_a_pattern_matches(pattern: str, path: Path) -> None:
    assert Change("add", path).matches(pattern)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("", ("a",)),
        ("", ("",)),
        ("/", ()),
        ("/a", ()),
        ("/a", ("b",)),
        ("/a", ("a", "b")),
        ("/a", ("A",)),
        ("/a/01", ("a", 1)),
        ("/a/-1", ("a", 1)),
        ("/a/True", ("a", True)),
        ("/*", ()),
        ("/*", ("a", "b")),
        ("/users/*/name", ("users", 0)),
        ("/users/*/name", ("users", 0, "name", 0)),
        ("/users/*/name", ("users", 0, "email")),
        ("/a~1b", ("a", "b")),
        ("/a/**", ()),
        ("/a/**", ("b",)),
        ("/a/**", ("ab",)),
        ("/a/*/**", ("a",)),
    ],
)
def test_a_pattern_does_not_match(pattern: str, path: Path) -> None:
    assert not Change("add", path).matches(pattern)


@LAW
@given(paths.filter(lambda path: "**" not in path))
def test_every_path_matches_its_own_pointer_and_the_patterns_above_it(path: Path) -> None:
    change = Change("add", path)
    assert change.matches(change.pointer)
    assert change.matches("/*" * len(path))
    assert all(change.matches(to_pointer(path[:depth]) + "/**") for depth in range(len(path) + 1))
    assert not change.matches("/*" * len(path) + "/*")


def test_a_double_star_stands_last_or_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"'/\*\*/name': '\*\*' may only be the last step; write '\*'"):
        parse_pattern("/**/name")
    with pytest.raises(ValueError, match="not a JSON Pointer"):
        Change("add", ("a",)).matches("a")


# -- the tuples --------------------------------------------------------------------------------------


def test_a_change_is_a_tuple_of_three() -> None:
    change = Change("add", ("a", 0), "x")
    op, path, value = change
    assert (op, path, value) == ("add", ("a", 0), "x") == change
    assert Change("remove", ("a",)).value is None
    assert repr(change) == "Change(op='add', path=('a', 0), value='x')"
    assert hash(change) == hash(Change("add", ("a", 0), "x"))
    assert pickle.loads(pickle.dumps(change)) == change  # noqa: S301  # our own


def test_an_end_and_a_finish_need_only_what_is_known() -> None:
    assert End("complete") == End("complete", (), None, None)
    assert Finish() == Finish(reason=None, usage=None, refusal=None)


def _told(change: Change) -> str:
    match change:
        case Change("add" | "append", ("users", int(at), "name"), str(text)):
            return f"user {at}: {text}"
        case Change("complete", ()):
            return "done"
        case Change("end", value=End(status="truncated", open=[*_, last])):
            return f"cut off in {to_pointer(last)}"
        case Change("end", _, End(status)):
            return status
        case _:
            return "-"


def test_changes_read_well_in_a_match_statement() -> None:
    changes = [
        Change("add", ("users", 0, "name"), "Jo"),
        Change("append", ("users", 0, "name"), "hn"),
        Change("add", ("users", "0", "name"), "Jo"),
        Change("complete", (), {}),
        Change("end", (), End("truncated", open=((), ("users", 1)))),
        Change("end", (), End("refused")),
    ]
    assert list(map(_told, changes)) == ["user 0: Jo", "user 0: hn", "-", "done", "cut off in /users/1", "refused"]
