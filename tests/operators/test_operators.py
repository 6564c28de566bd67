"""dedupe, select, completed, tap, coalesce, extract, validate not directly after accumulate, and results."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import date
from typing import Any, Literal, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseTextDeltaEvent
from pydantic import BaseModel, ConfigDict, Field, computed_field
from support.flows import folded, gather, look, spread
from support.strategies import LAW, Kind, Tree, cut, documents, models, sizes, trees, write

from streamkit import Change, Document, End, Finish, InvalidResult, JsonSyntaxError, Refused, Stage, Truncated, extract
from streamkit.operators import accumulate, coalesce, completed, dedupe, diff, select, snapshots, tap, validate


class User(BaseModel):
    name: str
    age: int | None = None


class Branch(BaseModel):
    name: str
    branches: list[Branch] = []


class Extra(BaseModel):
    model_config = ConfigDict(extra="allow")
    known: str


class Meeting(BaseModel):
    users: list[User]
    title: str
    hidden: str = Field(default="", exclude=True)
    place: str = Field(default="", alias="Where")
    by_name: dict[str, User] = {}
    either: User | dict[str, User] | None = None
    anything: Any = None
    tree: Branch | None = None
    extra: Extra | None = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's way
    @property
    def size(self) -> int:
        return len(self.users)


TEXT = '{"users": [{"name": "John", "age": 25}, {"name": "Ann"}], "title": "A b", "by_name": {"x/y": {"name": "X"}}}'


def unlike(key: Callable[[Any], object] | None = None) -> Stage[Any, Any]:
    return dedupe(key)


# -- extract -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunk", "reader"),
    [
        (cast("Any", ChatCompletionChunk).model_construct(), "openai_chat"),
        (cast("Any", ResponseTextDeltaEvent).model_construct(), "openai_responses"),
        (type("RawContentBlockDeltaEvent", (), {})(), "anthropic_messages"),
    ],
    ids=["chat", "responses", "anthropic"],
)
def test_the_error_for_an_sdks_chunks_names_the_source_to_use(chunk: Any, reader: str) -> None:
    with pytest.raises(TypeError, match=rf"str or bytes, got .*; .*write streamkit\.sources\.{reader}\(stream\)"):
        ([chunk] | extract(Meeting)).result_sync()


def test_the_error_for_other_chunks_shows_them() -> None:
    with pytest.raises(TypeError, match=r"str or bytes, got 5(\n|$)"):
        ([cast("str", 5)] | extract(Meeting)).result_sync()


# -- dedupe ------------------------------------------------------------------------------------------


def test_dedupe_drops_what_equals_the_one_before() -> None:
    assert list([1, 1, 2, 2, 1, 1] | unlike()) == [1, 2, 1]
    assert list([] | unlike()) == []
    assert list([None, None] | unlike()) == [None]
    assert list([[1], [1], [2]] | unlike()) == [[1], [2]]


def test_dedupe_by_a_key_passes_the_first_of_each_run() -> None:
    assert list(["a", "b", "cc", "dd", "e"] | unlike(len)) == ["a", "cc", "e"]


class Same:
    """Raises when it is compared."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        raise AssertionError(f"{self.name} was looked into")

    __hash__ = None  # type: ignore[assignment]  # as with every mutable


def test_dedupe_does_not_compare_identical_objects_deeply() -> None:
    one = Same("one")
    assert list([one, one] | unlike()) == [one]
    shared = {"big": one, "at": 1}
    assert len(list([shared, {**shared}, {**shared}] | unlike())) == 1


def test_dedupe_keeps_nothing_from_one_run_to_the_next() -> None:
    flow = [1, 1] | unlike()
    assert list(flow) == list(flow) == [1]


def test_dedupe_on_snapshots_drops_repeats_but_never_the_final_one() -> None:
    def twice() -> Iterator[User]:
        users: Any = cut('{"name": "Jo", "age": 1 }', [1]) | extract(User) | snapshots(User)
        for user in users:
            yield user
            yield user

    seen: list[User] = list(twice() | unlike())
    assert [(user.name, user.age) for user in seen] == [
        (None, None),
        ("", None),
        ("J", None),
        ("Jo", None),
        ("Jo", 1),
        ("Jo", 1),
    ]
    assert type(seen[-1]) is User


def test_dedupe_never_drops_text() -> None:
    changes = list(['"ha', "ha", 'ha"'] | accumulate() | unlike())
    assert "".join(c.value for c in changes if c.op in ("add", "append") and isinstance(c.value, str)) == "hahaha"


def test_an_error_of_a_key_names_the_stage() -> None:
    mixed: list[Any] = [[1], 5, [1]]
    items, error = gather(mixed | unlike(len))
    assert items == [[1]]
    assert isinstance(error, TypeError)
    assert error.__notes__ == ["raised in stage dedupe, of dedupe"]


# -- select ------------------------------------------------------------------------------------------


def pointers(flow: Iterable[Change]) -> list[str]:
    return [f"{c.op} {c.pointer}" for c in flow]


def test_select_emits_only_matching_changes_and_the_end() -> None:
    assert pointers([TEXT] | extract(Meeting) | select("/users/*/name")) == [
        "add /users/0/name",
        "complete /users/0/name",
        "add /users/1/name",
        "complete /users/1/name",
        "end ",
    ]


def test_select_accepts_several_patterns_and_emits_each_change_once() -> None:
    assert pointers([TEXT] | extract(Meeting) | select("/title", "/users"))[:2] == ["add /users", "complete /users"]
    assert pointers(['{"a": 1}'] | accumulate() | select("/a", "/*")) == ["add /a", "complete /a", "end "]


def test_select_finds_keys_with_slashes() -> None:
    assert "add /by_name/x~1y/name" in pointers([TEXT] | extract(Meeting) | select("/by_name/x~1y/name"))


def test_select_always_emits_reset_snapshot_and_end() -> None:
    always = [Change("reset", (), "again"), Change("snapshot", (), Document()), Change("end", (), End("cancelled"))]
    assert list([Change("add", (), {}), *always] | select("/a")) == always


@LAW
@given(trees(), sizes)
def test_select_of_everything_is_everything(tree: Tree, lengths: list[int]) -> None:
    chunks = list(cut(write(tree), lengths))
    assert list(chunks | accumulate() | select("/**")) == list(chunks | accumulate())


def test_select_without_a_pattern_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs a pattern"):
        select()


@pytest.mark.parametrize("pattern", ["users", "/**/name"])
def test_an_invalid_pattern_is_an_error_at_once(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|Pointer"):
        select(pattern)
    with pytest.raises(ValueError, match=r"pattern|Pointer"):
        completed(pattern)


CAN_MATCH = [
    "",
    "/users",
    "/users/*",
    "/users/0/name",
    "/*/0/name",
    "/*/*/*",
    "/**",
    "/users/**",
    "/users/*/name/**",
    "/place",
    "/size",
    "/by_name/anyone/age",
    "/by_name/0/age",
    "/either/name",
    "/either/unknowable/x",
    "/anything/at/0/all",
    "/tree/branches/0/branches/1/branches/*/name",
    "/tree/*/*/*/*/*/*/*/*/name",
    "/extra/known",
    "/extra/other/0",
    "/extra/*/0",
]
CANNOT_MATCH = [
    ("/user", "nothing at step 'user'; did you mean 'users'"),
    ("/users/*/nam", "nothing at step 'nam'; did you mean 'name'"),
    ("/users/*/email", "nothing at step 'email'; fields there: name, age"),
    ("/users/name", "nothing at step 'name'"),
    ("/users/-1", "nothing at step '-1'"),
    ("/users/01", "nothing at step '01'"),
    ("/title/x", "nothing at step 'x'"),
    ("/users/0/age/x", "nothing at step 'x'"),
    ("/Where", "did you mean 'place'"),
    ("/hidden", "nothing at step 'hidden'"),
    ("/by_name/anyone/nme", "did you mean 'name'"),
    ("/tree/branches/0/branch", "did you mean 'branches'"),
    ("/users/*/nope/**", "nothing at step 'nope'"),
]


@pytest.mark.parametrize("operator", [select, completed])
@pytest.mark.parametrize("pattern", CAN_MATCH)
def test_a_pattern_that_can_match_the_model_is_accepted(operator: Any, pattern: str) -> None:
    assert extract(Meeting) | operator(pattern)


@pytest.mark.parametrize("operator", [select, completed])
@pytest.mark.parametrize(("pattern", "said"), CANNOT_MATCH)
def test_a_pattern_that_can_never_match_is_an_error_where_it_is_composed(
    operator: Any, pattern: str, said: str
) -> None:
    with pytest.raises(ValueError, match=f"pattern .* can never match Meeting: .*{said}"):
        assert extract(Meeting) | operator(pattern)
    with pytest.raises(ValueError, match="can never match"):
        assert [TEXT] | accumulate() | validate(Meeting) | tap(look) | operator(pattern)


def test_every_path_of_a_model_that_has_events_can_be_selected() -> None:
    for change in [TEXT] | extract(Meeting):
        assert change in list([TEXT] | extract(Meeting) | select(change.pointer))


@LAW
@given(st.data(), models(), sizes)
def test_a_pattern_that_matches_is_never_refused(data: st.DataObject, kind: Kind, lengths: list[int]) -> None:
    text = write(data.draw(documents(kind)))
    changes, _ = gather(cut(text, lengths) | extract(kind.tp))
    paths = [c.path for c in changes if c.op == "complete" and "**" not in c.path]
    if folded(changes).invalid or not paths:  # where a value is wrong, there may be anything
        return
    path = data.draw(st.sampled_from(paths))
    starred = "".join("/*" if data.draw(st.booleans()) else Change("add", (step,)).pointer for step in path)
    assert path in [c.path for c in cut(text, lengths) | extract(kind.tp) | select(starred)]


def test_without_a_model_every_pattern_is_accepted() -> None:
    assert pointers('{"a": 1}' | accumulate() | select("/nowhere/x")) == ["end "]


# -- completed ---------------------------------------------------------------------------------------


def test_completed_emits_typed_values_as_soon_as_they_are_final() -> None:
    batches = list((cut(TEXT, [1]) | extract(Meeting) | completed("/users/*")).batches())
    assert batches == [[User(name="John", age=25)], [User(name="Ann")]]
    assert [type(value) for value in [TEXT] | extract(Meeting) | completed("")] == [Meeting]


def test_completed_without_a_pattern_emits_every_value() -> None:
    assert list(['{"a": [1, "x"]}'] | accumulate() | completed()) == [1, "x", [1, "x"], {"a": [1, "x"]}]


PATTERNS = st.lists(st.sampled_from(["", "/*", "/*/*", "/a", "/a/*", "/0/**", "/*/b", "/**"]), min_size=1, max_size=2)


@LAW
@given(trees(), PATTERNS, sizes)
def test_completed_emits_the_same_values_without_retaining(tree: Tree, patterns: list[str], lengths: list[int]) -> None:
    chunks = list(cut(write(tree), lengths))
    for reading in (accumulate(), accumulate() | diff()):
        (whole, error), (frugal, also) = (
            gather(chunks | reading | completed(*patterns, retain=retain)) for retain in (True, False)
        )
        assert (frugal, repr(also)) == (whole, repr(error))


PEAKS = """
import itertools, tracemalloc
from streamkit.operators import accumulate, completed

def peak(count):
    pieces = (f'{{"name": "user {at}", "tags": ["a", "b"]}}, ' for at in range(count))
    chunks = itertools.chain(['{"users": ['], pieces, ["1]}"])
    tracemalloc.start()
    assert sum(1 for _ in chunks | accumulate() | completed("/users/*", retain=False)) == count + 1
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return highest

peak(10)
print(peak(20_000) / peak(1_000))
"""


def test_completed_without_retaining_needs_constant_memory() -> None:
    # In a process of its own: law 3 is watched in this one, which takes a note of every path.
    told = subprocess.run([sys.executable, "-c", PEAKS], capture_output=True, text=True, check=True)
    assert float(told.stdout) < 2


@pytest.mark.parametrize("before", [extract(Meeting), accumulate() | tap(id), diff()])
def test_completed_without_retaining_must_follow_accumulate(before: Any) -> None:
    with pytest.raises(ValueError, match=r"put it directly after accumulate\(\)"):
        _ = before | completed("/users/*", retain=False)


def test_completed_without_retaining_accepts_changes_of_any_source() -> None:
    changes = list(['{"a": [1]}'] | accumulate())
    assert list(changes | completed("/a/*", retain=False)) == [1]


@pytest.mark.parametrize("pattern", ["", "/a", "/a/*", "/*/*/b", "/d/**", "/a/0/b/1"])
@pytest.mark.parametrize("size", [1, 7, 100])
def test_completed_without_retaining_emits_complete_values(pattern: str, size: int) -> None:
    text = '{"a": [{"b": [1, {"c": [2, "x"]}]}, {"b": {"b": [3]}}], "d": {"b": [[4]], "e": {}}}'
    chunks = cut(text, [size] * 100)
    assert list(chunks | accumulate() | completed(pattern, retain=False)) == list(
        [text] | accumulate() | completed(pattern)
    )


def test_discarded_values_are_not_in_the_partial_of_an_error() -> None:
    source = ['{"a": [{"b": 1}, {"b": 2}], "c": "x', '", "d']
    items, error = gather(source | accumulate() | completed("/a/*", retain=False))
    assert (items, type(error)) == ([{"b": 1}, {"b": 2}], Truncated)
    assert cast("Truncated", error).partial == {}


def test_completed_omits_invalid_values() -> None:
    text = '[{"name": "A"}, {"name": 1}, {"name": "B"}]'
    assert gather([text] | extract(list[User]) | completed("/*")) == ([User(name="A"), User(name="B")], None)


class Source:
    """A source with a `finish`, which may fail."""

    def __init__(self, *items: object, finish: Finish | None = None, error: Exception | None = None) -> None:
        self.items, self.error = iter(items), error
        self.finish = finish or Finish()

    def __iter__(self) -> Source:
        return self

    def __next__(self) -> Any:
        item = next(self.items, self)
        if item is not self:
            return item
        if self.error is not None:
            raise self.error
        raise StopIteration


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (Source('[{"name": "A"}, {"na'), Truncated),
        (Source('[{"name": "A"}, {"na', finish=Finish("length")), Truncated),
        (Source('[{"name": "A"}, ', finish=Finish("stop", refusal="no more")), Refused),
        (Source('[{"name": "A"}, oops'), JsonSyntaxError),
        (Source('[{"name": "A"}, ', error=ConnectionError("gone")), ConnectionError),
    ],
)
def test_completed_raises_when_the_stream_is_not_finished(source: Source, kind: type[Exception]) -> None:
    items, error = gather(source | extract(list[User]) | completed("/*"))
    assert items == [User(name="A")]
    assert type(error) is kind


# -- tap ---------------------------------------------------------------------------------------------


def test_tap_sees_every_item_and_changes_none() -> None:
    seen: list[int] = []
    assert list([1, 2, 3] | tap(seen.append)) == [1, 2, 3] == seen


def test_tap_sees_an_item_before_the_consumer_does() -> None:
    order: list[str] = []

    def look(change: Change) -> None:
        order.append(f"tap {change.op}")

    for change in ['"a', 'b"'] | accumulate() | tap(look):
        order.append(change.op)
    assert order == ["tap add", "add", *["tap append", "tap complete"], "append", "complete", "tap end", "end"]


def test_an_error_of_tap_ends_the_stream_and_names_the_stage() -> None:
    def fail(change: Change) -> None:
        if change.op == "complete":
            raise KeyError("mine")

    for flow in (['"a"'] | accumulate() | tap(fail) | diff(), ['"a"'] | extract(str) | tap(fail)):
        changes, error = gather(flow)
        assert [c.op for c in changes] == ["add", "end"]
        end = cast("End", changes[-1].value)
        assert isinstance(error, KeyError)
        assert (end.status, end.error) == ("failed", error)
        assert "tap(fail)" in error.__notes__[0]


def test_tap_may_fail_at_the_very_end() -> None:
    def fail(change: Change) -> None:
        if change.op == "end":
            raise RuntimeError("late")

    changes, error = gather(['"a"'] | accumulate() | tap(fail))
    assert [c.op for c in changes] == ["add", "complete", "end"]
    assert cast("End", changes[-1].value).status == "failed"
    assert isinstance(error, RuntimeError)


def test_tap_refuses_a_coroutine_function() -> None:
    async def log(change: object) -> None: ...

    with pytest.raises(TypeError, match="got the coroutine function"):
        tap(log)


def test_tap_does_not_change_the_result_of_fused_stages() -> None:
    assert list([TEXT] | accumulate() | validate(Meeting) | tap(look) | diff()) == list([TEXT] | extract(Meeting))


# -- coalesce ----------------------------------------------------------------------------------------


HANGS = 5.0
"""Seconds after which a test counts as hanging."""


async def arriving(chunks: Iterable[Any], error: Exception | None = None) -> AsyncIterator[Any]:
    """Yield chunks as a network would: each at its own turn of the event loop."""
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk
    if error is not None:
        raise error


async def idle(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


def others() -> set[asyncio.Task[Any]]:
    current = asyncio.current_task()
    return {task for task in asyncio.all_tasks() if task is not current}


async def consume(flow: Any, turns: Iterable[int]) -> list[list[Change]]:
    """Read batches, resting for some turns after each."""
    rests, batches = iter(turns), list[list[Change]]()
    async with flow.batches() as running:
        async for batch in running:
            batches.append(list(batch))
            await idle(next(rests, 0))
    return batches


async def test_a_busy_consumer_gets_pending_changes_as_one_batch() -> None:
    text = '{"name": "' + "x" * 100 + '"}'
    quick = await consume(arriving(text) | extract(User) | coalesce(), [])
    slow = await consume(arriving(text) | extract(User) | coalesce(), [1000])
    flat = [change for batch in slow for change in batch]
    assert len(quick) > 50
    assert [c.op for c in slow[0]] == ["add"]
    assert [c.op for c in slow[1]] == ["add", "complete", "add", "complete", "complete", "end"]
    assert len(slow) == 2
    assert folded(flat).value == {"name": "x" * 100, "age": None}


@LAW
@given(trees(), sizes, st.lists(st.integers(0, 30), max_size=8))
def test_coalescing_loses_nothing_and_keeps_the_order(tree: Tree, lengths: list[int], turns: list[int]) -> None:
    chunks = list(cut(write(tree), lengths))
    plain = list(chunks | accumulate())

    async def run() -> None:
        batches = await consume(arriving(chunks) | accumulate() | coalesce(), turns)
        flat = [change for batch in batches for change in batch]
        assert _joined(flat) == _joined(plain)
        assert all(batches)
        for batch in batches:
            assert _joined(batch) == batch
        assert others() == set()

    asyncio.run(run())


def _joined(changes: Iterable[Change]) -> list[Change]:
    """Join all text of a string that is not interrupted to one change."""
    out: list[Change] = []
    for change in changes:
        last = out[-1] if out else None
        if last and change.op == "append" and last.path == change.path and last.op != "complete":
            out[-1] = Change(last.op, last.path, cast("str", last.value) + cast("str", change.value))
        else:
            out.append(change)
    return out


async def test_every_verdict_of_a_model_is_emitted() -> None:
    plain = [c for c in cut(TEXT, [2]) | extract(Meeting) if c.op not in ("add", "append")]
    batches = await consume(arriving(cut(TEXT, [2])) | extract(Meeting) | coalesce(), [7, 1, 30, 2])
    assert [c for batch in batches for c in batch if c.op not in ("add", "append")] == plain


async def test_the_error_of_a_source_follows_the_changes_before_it() -> None:
    flow = arriving('{"name": "Jo"', ConnectionError("gone")) | extract(User) | coalesce()
    changes: list[Change] = []

    async def read() -> None:
        async for change in flow:
            changes.append(change)
            await idle(50)

    with pytest.raises(ConnectionError, match="gone"):
        await read()
    assert folded(changes).value == {"name": "Jo"}
    assert [c.op for c in changes][-1] == "end"
    assert others() == set()


async def test_a_syntax_error_follows_the_changes_before_it() -> None:
    with pytest.raises(JsonSyntaxError):
        await consume(arriving(["[1", ", 2", ", oops", " more"]) | accumulate() | coalesce(), [50])


async def test_leaving_early_leaves_no_task_and_closes_the_source() -> None:
    closed: list[bool] = []

    async def endless() -> AsyncIterator[str]:
        try:
            yield "["
            while True:
                await asyncio.sleep(0)
                yield "1,"
        finally:
            closed.append(True)

    async with asyncio.timeout(HANGS), endless() | accumulate() | coalesce() as changes:
        async for change in changes:
            if change.op == "complete":
                break
    assert closed == [True]
    assert others() == set()


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 20])
async def test_being_cancelled_leaves_no_task_and_closes_the_source(turns: int) -> None:
    closed: list[bool] = []
    opened: list[bool] = []

    async def waiting() -> AsyncIterator[str]:
        opened.append(True)
        try:
            yield "[1,"
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    async def read() -> None:
        async with waiting() | accumulate() | coalesce() as changes:
            async for _ in changes:
                await asyncio.sleep(0)

    task = asyncio.create_task(read())
    await idle(turns)
    task.cancel()
    _, late = await asyncio.wait([task], timeout=HANGS)
    assert not late
    assert task.cancelled()
    assert closed == opened
    assert others() == set()


async def test_an_error_of_the_consumer_is_its_own() -> None:
    async def source() -> AsyncIterator[str]:
        yield "["
        await asyncio.sleep(3600)

    async def read() -> None:
        async with source() | accumulate() | coalesce() as changes:
            async for _ in changes:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(read(), HANGS)
    assert others() == set()


async def test_the_backlog_does_not_grow_with_the_pieces_of_a_string() -> None:
    pieces = ['"', *["x"] * 5000, '"']
    async with (arriving(pieces) | accumulate() | coalesce()).batches() as batches:
        first = await anext(batches)
        await idle(20_000)
        second = await anext(batches)
    assert [c.op for c in first] == ["add"]
    assert [c.op for c in second] == ["append", "complete", "end"]


async def test_stages_after_coalesce_get_one_batch() -> None:
    merged: Any = extract(Meeting) | coalesce()
    seen = await consume(arriving(TEXT) | merged | snapshots(Meeting), [10_000])
    assert len(seen) == 2
    assert [len(batch) for batch in seen] == [1, 1]


async def test_coalesce_may_be_used_twice() -> None:
    batches = await consume(arriving(TEXT) | extract(Meeting) | coalesce() | diff() | coalesce(), [100])
    assert folded(c for batch in batches for c in batch).value == folded([TEXT] | extract(Meeting)).value
    assert others() == set()


def test_under_a_plain_for_the_changes_of_one_chunk_are_merged() -> None:
    a, b, c = (Change("append", (), text) for text in "abc")
    assert list([[Change("add", (), "")], [a, b], [c]] | spread() | coalesce()) == [
        Change("add", (), ""),
        Change("append", (), "ab"),
        c,
    ]


# -- extract, and validate at a distance ---------------------------------------------------------------


def test_the_repr_of_extract_names_its_stages() -> None:
    assert repr(extract(User)) == "accumulate | validate(User) | diff"


@LAW
@given(st.data(), models(), sizes)
def test_extract_is_its_three_stages(data: st.DataObject, kind: Kind, lengths: list[int]) -> None:
    chunks = list(cut(write(data.draw(documents(kind))), lengths))
    one = gather((chunks | extract(kind.tp)).batches())
    three = gather((chunks | accumulate() | validate(kind.tp) | diff()).batches())
    assert _plain(one) == _plain(three)


@LAW
@given(st.data(), models(), sizes)
def test_validate_emits_the_same_after_other_stages(data: st.DataObject, kind: Kind, lengths: list[int]) -> None:
    chunks = list(cut(write(data.draw(documents(kind))), lengths))
    fused = gather((chunks | accumulate() | validate(kind.tp)).batches())
    apart = gather((chunks | accumulate() | tap(look) | validate(kind.tp)).batches())
    # How a string's text is divided may differ; nothing else.
    assert [_joined(batch) for batch in _plain(fused)] == [_joined(batch) for batch in _plain(apart)]


def _plain(gathered: tuple[list[Any], Exception | None]) -> list[list[Change]]:
    """Make batches comparable: errors by their messages."""
    batches, error = gathered
    ends = [[_worded(change) for change in batch] for batch in batches]
    return [*ends, [Change("end", (), repr(error))]]


def _worded(change: Change) -> Change:
    if change.op == "end":
        end = cast("End", change.value)
        return Change("end", (), (end.status, end.open, repr(end.error), end.finish_reason))
    return change if change.op != "invalid" else Change("invalid", change.path, repr(change.value))


@pytest.mark.parametrize(
    "text", ['{"name": "Jo', '{"name": 5}', "[1]", "", '{"name": "Jo"} x', "{]", '"\\x"', '{"a":1,"a":2}']
)
@pytest.mark.parametrize("on_invalid", ["emit", "raise"])
def test_validate_ends_the_same_after_other_stages(text: str, on_invalid: Literal["emit", "raise"]) -> None:
    fused = gather(([text] | accumulate() | validate(User, on_invalid=on_invalid)).batches())
    apart = gather(([text] | accumulate() | tap(look) | validate(User, on_invalid=on_invalid)).batches())
    assert [c for batch in _plain(apart) for c in batch] == [c for batch in _plain(fused) for c in batch]


@pytest.mark.parametrize(
    ("finish", "status"),
    [(Finish("length"), "truncated"), (Finish("stop", refusal="no"), "refused"), (Finish("content_filter"), "refused")],
)
def test_validate_after_other_stages_keeps_the_finish_reason(finish: Finish, status: str) -> None:
    changes, _ = gather(Source('{"name": "Jo', finish=finish) | accumulate() | tap(look) | validate(User))
    end = cast("End", changes[-1].value)
    assert (end.status, end.finish_reason) == (status, finish.reason)


class Dated(BaseModel):
    born: date
    tags: list[int] = []


@pytest.mark.parametrize(
    "text",
    ['{"born": "2000-01-02", "tags": [1, 2]}', '{"born": "x", "tags": [[1], "y", {"a": []}]}', "[1]", '{"born": '],
)
def test_validate_accepts_typed_changes(text: str) -> None:
    typed = gather([text] | extract(Dated))[0]
    again = gather(typed | validate(Dated) | diff())[0]
    assert [_worded(change) for change in again] == [_worded(change) for change in typed]


def test_validate_accepts_a_repeated_verdict() -> None:
    told = list(['{"name": "Jo", "age": 1, "age": 1, "name": "Jo"}'] | accumulate() | diff())
    assert [change.op for change in told].count("complete") == 5
    assert (told | validate(User)).result_sync() == User(name="Jo", age=1)


def test_validate_ignores_dropped_items() -> None:
    told = list(['[1, "x", 2]'] | extract(list[int], on_invalid="drop"))
    assert "invalid" in [change.op for change in told]
    assert (told | validate(list[int])).result_sync() == [1, 2]


def test_validate_after_other_stages_keeps_the_limits_of_accumulate() -> None:
    deep = "[" * 250 + "]" * 250
    changes, error = gather([deep] | accumulate(max_depth=300) | tap(look) | validate(object))
    assert error is None
    assert cast("End", changes[-1].value).status == "complete"


def test_validate_without_accumulate_says_what_to_write() -> None:
    _, error = gather(["{}"] | validate(User))  # type: ignore[operator]  # the point
    assert isinstance(error, TypeError)
    assert "validate() takes changes, got '{}'; write accumulate() | validate(...) or extract(...)" in str(error)


# -- results -----------------------------------------------------------------------------------------


async def test_the_result_is_the_object_of_the_roots_complete() -> None:
    roots: list[object] = []

    def keep(change: Change[User]) -> None:
        if change.op == "complete" and not change.path:
            roots.append(change.value)

    stages = extract(User) | tap(keep)
    assert (['{"name":', '"Jo"}'] | stages).result_sync() is roots[0]
    assert await (arriving(['{"name":', '"Jo"}']) | stages).result() is roots[1]
    assert await (['{"name":', '"Jo"}'] | stages).result() == roots[2] == User(name="Jo")


@pytest.mark.parametrize(
    ("text", "kind", "partial"),
    [
        ('{"name": "Jo', Truncated, {"name": "Jo"}),
        ('{"name": "Jo", oops', JsonSyntaxError, {"name": "Jo"}),
        ('{"name": "Jo"} oops', JsonSyntaxError, {"name": "Jo", "age": None}),
        ('{"name": "Jo", "age": "x"}', InvalidResult, {"name": "Jo", "age": "x"}),
        ("", Truncated, None),
    ],
)
async def test_without_a_result_the_error_says_why_and_has_the_partial_value(
    text: str, kind: type[Exception], partial: object
) -> None:
    with pytest.raises(kind) as raised:
        (list(text) | extract(User)).result_sync()
    assert getattr(raised.value, "partial", "none") == partial
    with pytest.raises(kind) as raised:
        await (arriving(text) | extract(User)).result()
    assert getattr(raised.value, "partial", "none") == partial


def test_a_result_needs_all_the_changes() -> None:
    with pytest.raises(Exception, match="result"):
        (["[1]"] | accumulate() | select("/0")).result_sync()


def test_results_without_a_model_are_plain_python() -> None:
    assert (['{"a": [1, ', "2.5, null]}"] | accumulate()).result_sync() == {"a": [1, 2.5, None]}


def test_a_flow_over_a_list_returns_its_result_each_time() -> None:
    flow = ['{"name": "Jo"}'] | extract(User)
    assert flow.result_sync() == flow.result_sync()
    assert flow.result_sync() is not flow.result_sync()
