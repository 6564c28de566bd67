"""JSON Patch out and in: applied by the reference library, and read back, it is the fold at every frame."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonpointer import JsonPointerException
from support.flows import folded, gather
from support.frames import Batches, read, streams, told_streams
from support.recorder import check, plain
from support.strategies import LAW, keys

from streamkit import Change, Document, End, Stage, extract
from streamkit.changes.change import Finish
from streamkit.errors import EmptyAnswer, Truncated
from streamkit.wire import JsonPatchDecoder, JsonPatchEncoder, Patch, patches_to_changes

REFUSED = (jsonpatch.JsonPatchException, JsonPointerException)


def apply(value: object, patch: Sequence[Mapping[str, object]]) -> object:
    return cast("object", jsonpatch.apply_patch(value, cast("Any", patch)))


# -- out -------------------------------------------------------------------------------------------------


@LAW
@given(streams)
def test_every_patch_leads_to_the_fold(batches: Batches) -> None:
    encoder, value = JsonPatchEncoder(), cast("object", None)
    for batch, expected in zip(batches, read(batches), strict=True):
        line = encoder.encode(batch)
        assert len(line.decode().splitlines()) == 1
        value = apply(value, json.loads(line))
        assert plain(value) == plain(expected["value"])


@LAW
@given(streams)
def test_with_append_only_new_text_is_sent(batches: Batches) -> None:
    encoder, decoder = JsonPatchEncoder(append=True), JsonPatchDecoder()
    for batch, expected in zip(batches, read(batches), strict=True):
        patch = encoder.operations(batch)
        decoder.feed(patch)
        assert decoder.error is None
        assert plain(decoder.document.value) == plain(expected["value"])
        assert all(operation["value"] for operation in patch if operation["op"] == "append")


@LAW
@given(told_streams())
def test_a_batch_names_no_string_twice(batches: Batches) -> None:
    encoder = JsonPatchEncoder()
    for batch in batches:
        grown = [
            operation["path"] for operation in encoder.operations(batch) if isinstance(operation.get("value"), str)
        ]
        assert len(grown) == len(set(grown)) or any(change.op in ("replace", "remove") for change in batch)


def ops(*changes: Change[Any], append: bool = False, before: Iterable[Change[Any]] = ()) -> list[dict[str, object]]:
    encoder = JsonPatchEncoder(append=append)
    for change in before:
        encoder.operations([change])
    return encoder.operations(changes)


LIST = [Change[Any]("add", (), []), Change[Any]("add", (0,), "Jo")]


OPERATIONS: list[tuple[list[Change[Any]], list[Any]]] = [
    ([Change("append", (0,), "hn"), Change("append", (0,), "ny")], [("replace", "/0", "Johnny")]),
    ([Change("add", (1,), "a"), Change("append", (1,), "b")], [("add", "/1", "ab")]),
    ([Change("add", (0,), 1)], [("replace", "/0", 1)]),  # "add" would insert it
    ([Change("replace", (), {})], [("replace", "", {})]),
    ([Change("remove", (0,))], [("remove", "/0")]),
    ([Change("remove", ())], [("replace", "", None)]),
    ([Change("complete", (0,), "Jo"), Change("reset", (), "why")], []),
    (
        [Change("add", (1,), {}), Change("add", (1, "a/b~"), float("inf"))],
        [("add", "/1", {}), ("add", "/1/a~1b~0", None)],
    ),
    (
        [Change("append", (0,), "x"), Change("replace", (0,), "y"), Change("append", (0,), "z")],
        [("replace", "/0", "Jox"), ("replace", "/0", "yz")],
    ),
]


@pytest.mark.parametrize(("changes", "expected"), OPERATIONS)
def test_operations(changes: list[Change[Any]], expected: list[Any]) -> None:
    assert [tuple(operation.values()) for operation in ops(*changes, before=LIST)] == expected


def test_append_is_an_extension() -> None:
    changes = [Change[Any]("append", (0,), "hn"), Change[Any]("append", (0,), "ny")]
    assert ops(*changes, append=True, before=LIST) == [{"op": "append", "path": "/0", "value": "hnny"}]


def test_a_change_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="nothing is there"):
        ops(Change("append", ("a",), "x"))


# -- in --------------------------------------------------------------------------------------------------


@LAW
@given(streams)
def test_patches_out_and_in_again(batches: Batches) -> None:
    encoder, decoder, document = JsonPatchEncoder(), JsonPatchDecoder(), Document()
    changes: list[Change[object]] = []
    for batch, expected in zip(batches, read(batches), strict=True):
        changes += (news := decoder.feed(encoder.encode(batch)))
        assert plain(folded(news, document).value) == plain(expected["value"])
    changes += decoder.close(Finish())
    check(changes, lambda path: True)
    assert decoder.document.open == ()


JSON: st.SearchStrategy[object] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text("ab", max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(keys, inner, max_size=5)),
    max_leaves=15,
)


@LAW
@given(st.lists(JSON, min_size=1, max_size=5))
def test_patches_of_the_reference_library(values: list[object]) -> None:
    """With `move`, inserted items and whole subtrees."""
    decoder, document, before = JsonPatchDecoder(initial=None), Document(), cast("object", None)
    for value in values:
        patch = cast("Any", jsonpatch.make_patch(before, value)).patch
        assert plain(folded(decoder.feed(patch), document).value) == plain(value)
        assert decoder.error is None
        before = value


START = {"a": {"b": [1, {"c": "x"}, 3]}, "t": "ab", "": 0, "-": 1}
POINTERS = [
    "",
    "/",
    "/a",
    "/a/b",
    "/a/b/0",
    "/a/b/1",
    "/a/b/1/c",
    "/a/b/3",
    "/a/b/-",
    "/t",
    "/new",
    "/-",
    "/a/b/01",
    "/t/0",
    "x",
]
operations = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": st.sampled_from(POINTERS)},
    optional={"value": JSON, "from": st.sampled_from(POINTERS)},
)


@LAW
@given(st.lists(operations, min_size=1, max_size=4))
def test_any_operation_does_as_the_reference_library(patch: list[dict[str, object]]) -> None:
    value: object = START
    decoder = JsonPatchDecoder(initial=START)
    document = folded(decoder.feed([]))
    for operation in patch:
        try:
            value = apply(value, [operation])
        except REFUSED:
            if operation["op"] == "remove" and operation["path"] == "":
                return  # the root: the library cannot, changes can
            assert decoder.feed([operation])[-1].op == "end"
            assert decoder.error is not None
            return
        folded(decoder.feed([operation]), document)
        assert decoder.error is None, operation
        assert plain(document.value) == plain(value)


def changes_of(*patches: Patch, initial: object = ...) -> list[Change[object]]:
    return list(patches_to_changes(patches, initial=initial))


def test_text_that_grew_is_appended() -> None:
    patches: list[Patch] = [
        [{"op": "add", "path": "", "value": {"name": "Jo"}}],
        [{"op": "replace", "path": "/name", "value": "John"}],
        [{"op": "replace", "path": "/name", "value": "John"}],
        [{"op": "add", "path": "/name", "value": "Johnny"}],
        '[{"op": "append", "path": "/name", "value": "!"}, {"op": "append", "path": "/name", "value": "!"}]',
        b'[{"op": "replace", "path": "/name", "value": "Jo"}]',
    ]
    assert changes_of(*patches) == [
        Change("add", (), {}),
        Change("add", ("name",), "Jo"),
        Change("append", ("name",), "hn"),
        Change("append", ("name",), "ny"),
        Change("append", ("name",), "!"),
        Change("append", ("name",), "!"),
        Change("replace", ("name",), "Jo"),
        Change("complete", ("name",), "Jo"),
        Change("complete", (), {"name": "Jo"}),
        Change("end", (), End("complete")),
    ]


def test_a_value_that_moves_stays_as_it_is() -> None:
    initial = [{"x": 1}, {"y": [2]}, {"z": 3}]
    for operation in ({"op": "move", "from": "/0", "path": "/1"}, {"op": "copy", "from": "/1", "path": "/0"}):
        decoder = JsonPatchDecoder(initial=initial)
        decoder.feed([operation])
        assert decoder.document.value == apply(initial, [operation])


def test_the_same_pointer_may_be_a_key_then_an_index() -> None:
    grow: dict[str, object] = {"op": "append", "path": "/0", "value": "x"}
    changes = changes_of([grow, {"op": "replace", "path": "", "value": ["y"]}, grow, grow], initial={"0": ""})
    assert [change.path for change in changes if change.op == "append"] == [("0",), (0,), (0,)]


def test_without_any_value_it_is_truncated() -> None:
    nothing: list[Patch] = []
    for patches in (nothing, ["[]"]):
        (end,) = changes_of(*patches)
        assert isinstance(cast("End", end.value).error, EmptyAnswer)
    assert [change.op for change in changes_of(initial={})] == ["add", "complete", "end"]


class Cut:
    """A source that knows that it was cut short."""

    finish = Finish("length")

    def __iter__(self) -> Iterator[Patch]:
        yield [{"op": "add", "path": "", "value": "x"}]


def test_a_source_that_was_cut_short() -> None:
    _, end = patches_to_changes(Cut())
    told = cast("End", end.value)
    assert (told.status, told.open, told.finish_reason) == ("truncated", ((),), "length")
    assert isinstance(told.error, Truncated)


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ([{"op": "add", "path": "/x/y", "value": 1}], "operation 0 of the patch, .*nothing is at 'x'"),
        (
            [{"op": "test", "path": "/a", "value": 1}, {"op": "test", "path": "/a", "value": 2}],
            "operation 1 .*test failed: 1 is",
        ),
        ([{"op": "grow", "path": "/a"}], "unknown op 'grow'"),
        ([{"op": "add", "path": "/a"}], "its value is missing"),
        ([{"op": "add", "value": 1}], "a JSON Pointer is missing, got None"),
        ([{"op": "append", "path": "/a", "value": "x"}], "cannot append to 1"),
        ([{"op": "append", "path": "/a", "value": 1}], "only text is appended, got 1"),
        ([{"op": "move", "from": "/l", "path": "/l/0"}], "cannot move into itself"),
        ([{"op": "remove", "path": "/l/-"}], "'-' is not an index"),
        ([{"op": "remove", "path": "/l/00"}], "'00' is not an index"),
        ([{"op": "remove", "path": "/l/1_0"}], "'1_0' is not an index"),
        ([{"op": "add", "path": "/l/2", "value": 1}], "no item 2: the list has 1 items"),
        ([{"op": "add", "path": "/a/b", "value": 1}], "neither an object nor a list"),
        ("{", "operation 0 of the patch, '{': "),
        ("{}", "a patch is a list of operations"),
        ([1], "an operation is an object"),
    ],
)
def test_a_patch_that_does_not_apply(patch: Any, said: str) -> None:
    changes = patches_to_changes([patch, [{"op": "add", "path": "/never", "value": 1}]], initial={"a": 1, "l": [1]})
    taken, error = gather(changes)
    assert isinstance(error, ValueError)
    assert re.search(said, str(error))
    end = cast("End", taken[-1].value)
    assert (end.status, end.error) == ("failed", error)
    assert end.open == folded(taken[:-1]).open


def test_what_the_source_raises_comes_after_the_end() -> None:
    def source() -> Iterator[Patch]:
        yield [{"op": "add", "path": "", "value": "x"}]
        raise ConnectionError("gone")

    taken, error = gather(patches_to_changes(source()))
    assert isinstance(error, ConnectionError)
    assert [change.op for change in taken] == ["add", "end"]
    assert cast("End", taken[-1].value).open == ((),)


class AsyncSource:
    """Patches that arrive one by one; tells whether it was left."""

    def __init__(self, *patches: Patch) -> None:
        self.patches, self.left = patches, False

    async def __aiter__(self) -> AsyncIterator[Patch]:
        try:
            for patch in self.patches:
                await asyncio.sleep(0)
                yield patch
        finally:
            self.left = True


async def test_async_patches_are_a_source_of_changes() -> None:
    encoder = JsonPatchEncoder()
    batches = (['{"users": [{"na', 'me": "Jo', 'hn"}]}'] | extract(dict[str, Any])).batches()
    source = AsyncSource(*[encoder.operations(batch) for batch in batches])
    changes = [change async for change in patches_to_changes(source)]
    assert folded(changes).value == {"users": [{"name": "John"}]}
    assert changes[-1] == Change("end", (), End("complete"))
    assert source.left


async def test_who_leaves_closes_the_source() -> None:
    source = AsyncSource(*[[{"op": "add", "path": "", "value": 1}]] * 3)
    changes = cast("Any", patches_to_changes(source))
    async for _ in changes:
        break
    await changes.aclose()
    assert source.left


def test_the_decoder_is_a_stage() -> None:
    patches = [[{"op": "add", "path": "", "value": "x"}], [{"op": "add", "path": "", "value": "xy"}]]
    changes = list(patches | Stage(JsonPatchDecoder, "patches", emits_changes=True))
    assert [change.op for change in changes] == ["add", "append", "complete", "end"]
    with pytest.raises(ValueError, match="unknown op"):
        list([*patches, [{"op": "x", "path": ""}]] | Stage(JsonPatchDecoder, "patches", emits_changes=True))
