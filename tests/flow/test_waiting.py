"""Operators that wait: what is emitted when, that nothing is lost, and that no task is left running."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Any, cast

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from support.hubs import letters, now, ops, told, virtual
from support.meeting import MeetingInfo
from support.recorder import always, check
from support.strategies import LAW, Tree, cut, sizes, trees, write

from streamkit import (
    Change,
    Document,
    End,
    Finish,
    Flow,
    InvalidResult,
    Pipeline,
    SourceFailed,
    Truncated,
    extract,
    share,
)
from streamkit.operators import (
    accumulate,
    catch,
    coalesce,
    completed,
    debounce,
    diff,
    map_async,
    merge_runs,
    on_end,
    retry_source,
    sample,
    snapshots,
    tap,
    throttle,
    timeout,
)
from streamkit.testing import Probe, drawn, marbles, run_virtual, verify_stage

TEXT = ['{"users": [{"name": "Ann', 'a", "email": "a@b.c", "twitter": "@a"}], "d', 'ate": "x", "location": "', 'y"}']


class User(BaseModel):
    name: str
    age: int


def others() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()}}


async def gathered(flow: Any) -> tuple[list[Any], Exception | None]:
    items: list[Any] = []
    try:
        async with flow as running:
            async for item in running:
                items += [item]
    except Exception as error:  # noqa: BLE001  # looked at
        return items, error
    return items, None


async def upper(item: str) -> str:
    await asyncio.sleep(1)
    return item.upper()


async def fallback(error: Exception) -> list[str]:
    await asyncio.sleep(1)
    return ["?"]


async def noted(error: BaseException | None) -> None:
    await asyncio.sleep(0)


# -- the rules of stages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "items"),
    [
        (throttle(0.4), ["a", "b", "c"]),
        (accumulate() | throttle(3), TEXT),
        (debounce(0.1), ["a", "b", "c"]),
        (extract(MeetingInfo) | debounce(3), TEXT),
        (sample(0.4), ["a", "b", "c"]),
        (accumulate() | sample(3), TEXT),
        (timeout(first=5), ["a", "b", "c"]),
        (extract(MeetingInfo) | timeout(between=5) | snapshots(), TEXT),
        (map_async(upper), ["a", "b", "c"]),
        (map_async(upper, limit=1), ["a", "b", "c"]),
        (map_async(upper, limit=2, ordered=False), ["a", "b", "c"]),
        (on_end(id), ["a", "b", "c"]),
        (accumulate() | on_end(noted), TEXT),
        (coalesce() | throttle(1) | diff() | timeout(first=100), [Change("add", (), "a"), Change("complete", (), "a")]),
    ],
    ids=repr,
)
def test_operators_that_wait_keep_the_rules_of_stages(stage: Pipeline[Any, Any], items: Sequence[object]) -> None:
    verify_stage(stage, items)


@pytest.mark.parametrize("stage", [catch(fallback), catch(lambda error: None), catch(lambda error: marbles("-a|"))])
def test_operators_that_handle_errors_keep_the_other_rules(stage: Pipeline[Any, Any]) -> None:
    verify_stage(stage, ["a", "b", "c"], handles_errors=True)
    verify_stage(accumulate() | stage, TEXT, handles_errors=True)
    verify_stage(catch(fallback, KeyError), ["a", "b", "c"])


@pytest.mark.parametrize(
    "stage",
    [throttle(1), debounce(1), sample(1), timeout(first=1), map_async(upper), catch(fallback), on_end(noted)],
    ids=repr,
)
def test_a_plain_for_says_what_to_write(stage: Pipeline[Any, Any]) -> None:
    with pytest.raises(TypeError, match=rf"{stage!r}".replace("(", r"\(").replace(")", r"\)") + " waits.*'async for'"):
        list(["a"] | stage)


# -- in time --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "source", "result"),
    [
        (lambda: throttle(3), "a--b-c------d|", "a--b--c-----d|"),
        (lambda: throttle(3), "abcdefg|", "a--c--f(g|)"),
        (lambda: throttle(3), "(abc)--|", "c--|"),
        (lambda: throttle(3), "a-b#", "a--(b#)"),
        (lambda: throttle(3), "|", "|"),
        (lambda: debounce(3), "a-b-c------d|", "-------c----(d|)"),
        (lambda: debounce(3), "a----b----c--|", "---a----b----(c|)"),
        (lambda: debounce(3), "abcdefgh---------|", "----------h------|"),
        (lambda: debounce(3), "a#", "-(a#)"),
        (lambda: sample(3), "ab--c-----d|", "---b--c----(d|)"),
        (lambda: sample(3), "ab-----c-|", "---b-----(c|)"),
        (lambda: sample(3), "a#", "-(a#)"),
        (lambda: timeout(first=2), "a-----b|", "a-----b|"),
        (lambda: timeout(first=2), "-a----b|", "-a----b|"),
        (lambda: timeout(first=2), "---a|", "--#"),
        (lambda: timeout(between=2), "-----ab---c|", "-----ab-#"),
        (lambda: timeout(first=5, between=2), "---ab-----|", "---ab-#"),
        (lambda: map_async(upper), "a-b-c|", "-A-B-(C|)"),
        (lambda: map_async(upper), "(abc)|", "-(ABC|)"),
        (lambda: map_async(upper, limit=1), "(abc)|", "-AB(C|)"),
        (lambda: map_async(upper, limit=2), "(abcd)|", "-(AB)(CD|)"),
        (lambda: map_async(upper), "a#", "-(A#)"),
        (lambda: catch(lambda error: ["x", "y"]), "a-#", "a-(xy|)"),
        (lambda: catch(lambda error: marbles("-x#")), "a-#", "a--x#"),
        (lambda: catch(lambda error: None), "a-#", "a-|"),
        (lambda: catch(fallback), "a-#", "a--(?|)"),
        (lambda: catch(lambda error: ["x"], KeyError), "a-#", "a-#"),
    ],
)
def test_what_is_emitted_when(make: Callable[[], Pipeline[Any, Any]], source: str, result: str) -> None:
    assert run_virtual(drawn(marbles(source) | make())) == result


def test_unordered_results_are_emitted_as_they_are_ready() -> None:
    async def slow_first(item: str) -> str:
        await asyncio.sleep({"a": 5, "b": 1, "c": 2}[item])
        return item

    assert run_virtual(drawn(marbles("(abc)|") | map_async(slow_first, ordered=False))) == "-bc--(a|)"
    assert run_virtual(drawn(marbles("(abc)|") | map_async(slow_first))) == "-----(abc|)"


@virtual
async def test_a_slow_consumer_gets_the_newest_at_its_own_pace() -> None:
    for stage in (throttle(1), debounce(0.5), sample(1)):
        seen: list[object] = []
        async for item in marbles("abcdefghij|") | stage:
            seen.append(item)
            await asyncio.sleep(3.5)
        assert len(seen) < 5
        assert seen[-1] == "j"


# -- changes lose nothing -----------------------------------------------------------------------------------


@LAW
@given(trees(), sizes, st.lists(st.integers(0, 3), max_size=8), st.sampled_from([throttle, debounce, sample]))
def test_changes_are_merged_without_loss(
    tree: Tree, lengths: list[int], pauses: list[int], operator: Callable[[float], Any]
) -> None:
    chunks = list(cut(write(tree), lengths))
    plain = list(chunks | accumulate())

    async def source() -> AsyncIterator[str]:
        for at, chunk in enumerate(chunks):
            await asyncio.sleep(pauses[at % len(pauses)] if pauses else 0)
            yield chunk

    async def run() -> None:
        changes, error = await gathered(source() | accumulate() | operator(2))
        assert error is None
        check(changes, always)
        one, two = Document(), Document()
        for change in plain:
            one.apply(change)
        for change in changes:
            two.apply(change)
        assert (repr(one.value), one.end) == (repr(two.value), two.end)
        verdicts = sorted(repr(change) for change in plain if change.op in ("complete", "invalid"))
        assert sorted(repr(change) for change in changes if change.op in ("complete", "invalid")) == verdicts
        assert others() == set()

    run_virtual(run())


@virtual
async def test_a_throttled_string_is_emitted_in_a_few_pieces() -> None:
    _, flow = told(letters("abcdefghij"), delay=0.1)
    batches, _ = await gathered((flow | throttle(0.45)).batches())
    assert [[(change.op, change.value) for change in batch] for batch in batches[:3]] == [
        [("add", "")],
        [("append", "abcd")],
        [("append", "efghi")],
    ]


# -- timeout ----------------------------------------------------------------------------------------------------


@virtual
async def test_a_timeout_in_changes_emits_a_failed_end() -> None:
    for pipeline in (
        timeout(between=3) | extract(User),
        extract(User) | timeout(between=3),
        extract(User) | timeout(between=3) | tap(id),
    ):
        probe = Probe(['{"name": "Jo', "hn"], "wait", delay=1.0, closing=2.0)
        changes, error = await gathered(probe | pipeline)
        assert isinstance(error, TimeoutError)
        assert str(error) == "the next item did not arrive within 3 s"
        assert ops(changes) == ["add", "add", "append", "end"]
        assert changes[-1].value == End("failed", ((), ("name",)), error)
        assert any("timeout" in note for note in error.__notes__)
        probe.check()
        assert others() == set()


@virtual
async def test_a_timeout_before_the_first_item_says_so() -> None:
    changes, error = await gathered(Probe[str]([], "wait") | extract(User) | timeout(first=2))
    assert ops(changes) == ["end"]
    assert str(error) == "the first item did not arrive within 2 s"
    items, error = await gathered(Probe[int]([], "wait") | timeout(first=2))
    assert (items, type(error)) == ([], TimeoutError)


@virtual
async def test_the_sources_own_timeout_is_its_own() -> None:
    own = TimeoutError("mine")
    _, error = await gathered(Probe(["a"], own) | timeout(first=5, between=5))
    assert error is own


@virtual
async def test_the_consumers_time_is_not_counted() -> None:
    seen: list[str] = []
    async for item in Probe(["a", "b"], delay=1) | timeout(first=2, between=2):
        seen.append(item)
        await asyncio.sleep(100)
    assert seen == ["a", "b"]


# -- map_async ----------------------------------------------------------------------------------------------------


@virtual
async def test_no_more_calls_than_the_limit_run_or_are_pending() -> None:
    running = most = 0

    async def call(item: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1
        return item

    for ordered in (True, False):
        probe = Probe(range(20), delay=0.0)
        async with probe | map_async(call, limit=3, ordered=ordered) as results:
            assert await anext(results) == 0
            await asyncio.sleep(100)
            assert probe.pulls <= 3 + 3 + 1
            assert [item async for item in results] == list(range(1, 20))
        assert most == 3
        probe.check()


@virtual
async def test_a_failed_call_is_raised_after_earlier_results_and_cancels_the_others() -> None:
    cancelled: list[int] = []

    async def call(item: int) -> int:
        try:
            await asyncio.sleep(10 if item > 2 else item)
        except asyncio.CancelledError:
            cancelled.append(item)
            raise
        if item == 2:
            raise KeyError(item)
        return item

    for ordered in (True, False):
        cancelled.clear()
        probe = Probe(range(6), delay=0.0, closing=1.0)
        items, error = await gathered(probe | map_async(call, ordered=ordered))
        assert (items, type(error)) == ([0, 1], KeyError)
        assert sorted(cancelled) == [3, 4, 5]
        assert any(note.startswith("raised in stage map_async(call), for 2") for note in cast("Any", error).__notes__)
        probe.check()
        assert others() == set()


@virtual
async def test_when_two_calls_fail_both_errors_are_reported() -> None:
    async def call(item: int) -> int:
        await asyncio.sleep(1)
        raise KeyError(item)

    _, error = await gathered(Probe(range(2), delay=0.0, closing=0.0) | map_async(call))
    assert repr(error) == "KeyError(0)"
    assert any("KeyError(1)" in note for note in cast("Any", error).__notes__)


def test_numbers_that_are_too_small_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one call"):
        map_async(upper, limit=0)
    with pytest.raises(ValueError, match="more than 0"):
        sample(0)
    with pytest.raises(ValueError, match="at least one attempt"):
        retry_source(0)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_seconds_are_positive(seconds: float) -> None:
    for make in (throttle, debounce):
        with pytest.raises(ValueError, match="more than 0"):
            make(seconds)
    with pytest.raises(ValueError, match="more than 0"):
        timeout(first=seconds)
    with pytest.raises(ValueError, match="more than 0"):
        timeout(first=1, between=seconds)


@pytest.mark.parametrize(
    "make",
    [
        lambda: throttle(cast("Any", "1")),
        lambda: debounce(cast("Any", timedelta(seconds=1))),
        lambda: sample(cast("Any", None)),
        lambda: timeout(first=cast("Any", "5")),
        lambda: retry_source(cast("Any", OSError)),
        lambda: retry_source(2, cast("Any", "OSError")),
        lambda: catch(print, cast("Any", "OSError")),
        lambda: completed(of=cast("Any", list[int])),
    ],
)
def test_arguments_of_another_type_are_refused_at_once(make: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match=r"takes .*, got "):
        make()


def test_a_negative_delay_is_refused() -> None:
    with pytest.raises(ValueError, match="delay=-1: a delay cannot be negative"):
        retry_source(delay=-1)


def test_a_timeout_that_limits_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="limits nothing"):
        timeout()
    with pytest.raises(TypeError, match="positional"):
        cast("Any", timeout)(5)


# -- catch ----------------------------------------------------------------------------------------------------------


@virtual
async def test_a_stream_of_changes_continues_with_another_attempt() -> None:
    lost = ConnectionError("lost")
    other = ['{"name": "Joe", "age": 3}'] | extract(User)
    flow = Probe(['{"name": "John", '], lost) | extract(User) | catch(lambda error: other) | diff()
    changes, error = await gathered(flow)
    assert error is None
    assert ops(changes) == [
        "add",
        "add",
        "complete",
        "reset",
        "replace",
        "complete",
        "add",
        "complete",
        "complete",
        "end",
    ]
    assert await (Probe(['{"name": "John", '], lost) | extract(User) | catch(lambda error: other)).result() == User(
        name="Joe", age=3
    )


@virtual
async def test_a_stream_of_changes_may_just_end_as_it_failed() -> None:
    lost = ConnectionError("lost")
    changes, error = await gathered(Probe(['{"name": "John", '], lost) | extract(User) | catch(lambda error: None))
    assert error is None
    assert changes[-1].value == End("failed", ((),), lost)


@virtual
async def test_a_failing_handler_reports_both_errors() -> None:
    def bad(error: Exception) -> None:
        raise KeyError("handler")

    _, error = await gathered(Probe(["a"], ConnectionError("lost")) | catch(bad))
    assert isinstance(error, KeyError)
    assert "raised by the handler of ConnectionError('lost')" in error.__notes__


# -- on_end ---------------------------------------------------------------------------------------------------------


def ends(said: list[str]) -> list[Pipeline[Any, Any]]:
    async def later(error: BaseException | None) -> None:
        await asyncio.sleep(1)
        said.append(type(error).__name__)

    return [on_end(lambda error: said.append(type(error).__name__)), on_end(later)]


@virtual
async def test_on_end_is_called_once_however_a_run_ends() -> None:
    said: list[str] = []
    for stage in ends(said):
        said.clear()
        await gathered(Probe(["a"]) | stage)
        await gathered(Probe(["a"], OSError()) | stage)
        async with Probe(["a", "b"]) | stage as items:
            await anext(items)
        with anyio.move_on_after(5):
            await gathered(Probe(["a"], "wait") | stage)
        await gathered(Probe(['{"name": "Jo']) | extract(User) | stage)
        await gathered(Probe(['{"name": 1, "age": 2}']) | extract(User) | stage)
        assert said == ["NoneType", "OSError", "GeneratorExit", "GeneratorExit", "Truncated", "InvalidResult"]
        assert others() == set()


@virtual
async def test_an_error_of_on_end_is_raised_or_becomes_a_note() -> None:
    async def bad(error: BaseException | None) -> None:
        raise KeyError("mine")

    assert isinstance((await gathered(Probe(["a"]) | on_end(bad)))[1], KeyError)
    _, error = await gathered(Probe(["a"], OSError("lost")) | on_end(bad))
    assert isinstance(error, OSError)
    assert any("KeyError('mine')" in note for note in error.__notes__)


@virtual
async def test_a_coroutine_that_nobody_would_run_is_refused() -> None:
    for stage in (on_end(lambda _: noted(None)), tap(lambda item: noted(None))):
        for source in (Probe(["a"]), ["a"]):
            _, error = await gathered(source | stage)
            assert isinstance(error, TypeError)
            assert "which nobody awaits" in str(error)
        with pytest.raises(TypeError, match="nobody awaits"):
            list(["a"] | stage)
    # A task runs, whoever looks at it.
    tasks: list[asyncio.Task[None]] = []

    def begin(item: object) -> asyncio.Task[None]:
        tasks.append(asyncio.create_task(noted(None)))
        return tasks[-1]

    assert await gathered(["a"] | tap(begin) | on_end(begin)) == (["a"], None)
    await asyncio.gather(*tasks)


def test_a_plain_on_end_serves_a_plain_for() -> None:
    said: list[object] = []
    assert list(["a", "b"] | on_end(said.append)) == ["a", "b"]
    assert said == [None]


# -- retry_source ----------------------------------------------------------------------------------------------------


class Flaky:
    """A source that fails in its first runs, each time after some more of its chunks."""

    def __init__(self, chunks: Sequence[str], *failures: int) -> None:
        self._chunks, self._failures = chunks, list(failures)
        self.runs: list[float] = []
        self.closed = 0

    async def __aiter__(self) -> AsyncIterator[str]:
        self.runs.append(now())
        after = self._failures.pop(0) if self._failures else None
        try:
            for at, chunk in enumerate(self._chunks):
                if at == after:
                    raise ConnectionError(f"lost after {at}")
                yield chunk
        finally:
            self.closed += 1


@virtual
async def test_a_source_that_fails_before_its_first_item_is_opened_again() -> None:
    source = Flaky(TEXT, 0, 0)
    items, error = await gathered(source | retry_source(3, delay=5))
    assert (items, error) == (TEXT, None)
    assert (source.runs, source.closed) == ([0, 5, 15], 3)
    assert await (Flaky(['{"name": "Jo", "age": 1}'], 0) | retry_source() | extract(User)).result() == User(
        name="Jo", age=1
    )


@virtual
async def test_emitted_text_is_not_emitted_again() -> None:
    items, error = await gathered(Flaky(TEXT, 0, 2) | retry_source(5))
    assert items == TEXT[:2]
    assert str(error) == "lost after 2"
    assert "attempt 1 of 5: ConnectionError('lost after 0')" in cast("Any", error).__notes__


@virtual
async def test_changes_start_a_new_attempt() -> None:
    chunks = ['{"name": "Jo', 'hn", ', '"age": 5}']
    flow = Flaky(chunks, 1, 2) | extract(User) | retry_source(3)
    changes, error = await gathered(flow)
    assert error is None
    assert ops(changes) == [
        *("add", "add", "reset"),
        *("add", "add", "append", "complete", "reset"),
        *("add", "add", "append", "complete", "add", "complete", "complete", "end"),
    ]
    flow = Flaky(chunks, 1, 2) | extract(User) | retry_source(3)
    least, _ = await gathered(flow | diff())
    document = Document()
    for change in least:
        document.apply(change)
    assert (document.value, document.open) == ({"name": "John", "age": 5}, ())
    assert [change.value for change in least if change.op in ("add", "append")] == [{}, "Jo", "hn", 5]
    assert await (Flaky(chunks, 1) | extract(User) | retry_source(2) | diff()).result() == User(name="John", age=5)


@virtual
async def test_when_no_attempt_is_left_the_last_error_is_raised() -> None:
    source = Flaky(TEXT, 0, 0, 0)
    changes, error = await gathered(source | extract(MeetingInfo) | retry_source(2))
    assert (ops(changes), str(error)) == (["end"], "lost after 0")
    assert source.closed == 2
    _, error = await gathered(Flaky(TEXT, 0, 0) | retry_source(3, KeyError))
    assert isinstance(error, ConnectionError)


@virtual
async def test_how_the_source_finished_is_still_known() -> None:
    class Cut:
        def __init__(self) -> None:
            self.finish = Finish("length")
            self._left = ['{"name": "Jo']

        def __aiter__(self) -> Cut:
            return Cut()

        async def __anext__(self) -> str:
            if not self._left:
                raise StopAsyncIteration
            return self._left.pop()

    class Again:
        def __aiter__(self) -> Cut:
            return Cut()

    with pytest.raises(Truncated, match="allow it more tokens"):
        await (Again() | retry_source() | extract(User)).result()


@virtual
async def test_a_retry_is_left_cleanly() -> None:
    probe = Probe(TEXT, delay=1, closing=1)
    async with probe | extract(MeetingInfo) | retry_source() as changes:
        await anext(changes)
    probe.check()
    probe = Probe(TEXT, "wait", delay=1, closing=1)
    with anyio.move_on_after(10):
        await gathered(probe | retry_source())
    probe.check()


def test_a_source_that_is_read_once_cannot_be_retried() -> None:
    with pytest.raises(TypeError, match="can be iterated again"):
        _ = iter(["a"]) | retry_source()
    with pytest.raises(TypeError, match="can be iterated again"):
        _ = iter(["a"]) | accumulate() | retry_source()


# -- merge_runs -------------------------------------------------------------------------------------------------------


def test_retry_source_and_merge_runs_refuse_other_inputs() -> None:
    for pipeline in (extract(User), accumulate(), extract(User) | diff()):
        with pytest.raises(TypeError, match=r"retry_source\(\) needs a source .* got only stages: write source \| "):
            _ = cast("Any", pipeline) | retry_source()
    with pytest.raises(TypeError, match=r"merge_runs\(\) takes flows by key.*got \["):
        merge_runs(cast("Any", [run_of(GOOD)]))


def run_of(text: str, **options: Any) -> Flow[Change[User]]:
    return Probe(list(cut(text, [5])), **options) | extract(User)


GOOD, WRONG, SHORT = '{"name": "John", "age": 5}', '{"name": 5, "age": "x"}', '{"name": "Jo'


@virtual
async def test_many_runs_are_one_document() -> None:
    flow = merge_runs({"a": run_of(GOOD, delay=1), "b": run_of(GOOD, delay=0.3)})
    changes, error = await gathered(flow)
    assert error is None
    recorder = check(changes)
    assert recorder.value == {key: {"name": "John", "age": 5} for key in "ab"}
    assert changes[-1].value == End("complete")
    keys = [change.path[0] for change in changes if change.path]
    assert keys != sorted(keys), "they ran one after the other"
    assert await flow.result() == {"a": User(name="John", age=5), "b": User(name="John", age=5)}


@virtual
async def test_an_invalid_run_is_reported_with_its_key() -> None:
    changes, error = await gathered(merge_runs({"a": run_of(GOOD), "b": run_of(WRONG)}))
    assert error is None
    check(changes)
    assert changes[-1].value.status == "invalid"
    wrong = cast("InvalidResult", changes[-1].value.error)
    assert [each["loc"] for each in wrong.errors] == [("b", "name"), ("b", "age")]
    verdicts = {change.pointer: change for change in changes if change.op == "invalid"}
    assert verdicts["/b/name"].value[0]["loc"] == ("b", "name")
    assert verdicts[""].value == wrong.errors


@virtual
async def test_a_run_that_fails_does_not_stop_the_others() -> None:
    lost = ConnectionError("lost")
    flows = {"a": run_of(GOOD, delay=1), "b": run_of(SHORT, then=lost), "c": run_of(SHORT)}
    changes, error = await gathered(merge_runs(flows))
    assert error is lost
    check(changes)
    end = cast("End", changes[-1].value)
    assert (end.status, end.error) == ("failed", lost)
    assert end.open == ((), ("b",), ("c",), ("b", "name"), ("c", "name"))
    assert Change("complete", ("a",), User(name="John", age=5)) in changes


@virtual
async def test_when_two_runs_fail_both_errors_are_raised() -> None:
    one, two = ConnectionError("one"), ConnectionError("two")
    _, error = await gathered(merge_runs({"a": run_of(SHORT, then=one), "b": run_of(SHORT, then=two)}))
    assert isinstance(error, ExceptionGroup)
    assert cast("Any", error).exceptions == (one, two)
    _, error = await gathered(merge_runs({"a": run_of(SHORT), "b": run_of(GOOD)}))
    assert error is None


@virtual
async def test_a_reset_of_one_run_does_not_reset_the_others() -> None:
    retried = Flaky(['{"name": "Jo', 'hn", "age": 5}'], 1) | extract(User) | retry_source() | diff()
    changes, error = await gathered(merge_runs({"a": run_of(GOOD), "b": retried}))
    assert error is None
    assert "reset" not in ops(changes)
    assert check(changes, always).value == {key: {"name": "John", "age": 5} for key in "ab"}


@virtual
async def test_merged_runs_are_left_cleanly() -> None:
    for leave_after in (0, 1, 3, 9):
        probes = [Probe(list(cut(GOOD, [5])), delay=1, closing=at) for at in range(3)]
        flow = merge_runs({str(at): probe | extract(User) for at, probe in enumerate(probes)})
        async with flow as changes:
            for _ in range(leave_after):
                await anext(changes)
        for probe in probes:
            if probe.runs:
                probe.check()
        assert others() == set()


@virtual
async def test_a_merged_run_may_end_without_an_error() -> None:
    cut_off = [Change("add", (), {}), Change("end", (), End("truncated", ((),)))]
    *_, one = [change async for change in merge_runs({"a": cut_off})]
    assert one.value == End("truncated", ((), ("a",)))
    *_, both = [change async for change in merge_runs({"a": cut_off, "b": [*(["[1"] | accumulate())]})]
    assert isinstance(cast("End", both.value).error, Truncated)


@pytest.mark.parametrize("name", ["merge_runs", "map_async"])
def test_no_task_is_left_after_a_second_cancellation(name: str) -> None:
    ended: list[int] = []

    async def stubborn(seconds: int) -> None:
        """Takes some time to close, and more with every cancellation."""
        try:
            await asyncio.Event().wait()
        finally:
            try:
                await asyncio.sleep(100)
            finally:
                await asyncio.sleep(seconds)
                ended.append(seconds)

    async def source(seconds: int) -> AsyncIterator[Change[Any]]:
        yield Change("add", (), {})
        await stubborn(seconds)

    async def read() -> None:
        called = Probe([1, 2, 3], "wait") | map_async(stubborn)
        merged = merge_runs({str(seconds): source(seconds) for seconds in (1, 2, 3)})
        async with cast("Flow[object]", called if name == "map_async" else merged) as items:
            async for _ in items:
                pass

    async def main() -> None:
        task = asyncio.create_task(read())
        for _ in range(2):
            await asyncio.sleep(1)
            task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert sorted(ended) == [1, 2, 3]
        assert others() == set()

    run_virtual(main())


@virtual
async def test_merged_runs_are_shared_and_piped() -> None:
    flow = merge_runs({"a": run_of(GOOD), "b": run_of(GOOD)})
    async with share(flow | throttle(1)) as hub:
        assert sorted((await (hub | tap(id)).result()).keys()) == ["a", "b"]
    assert (await gathered(merge_runs({})))[0][-1].value == End("complete")
    with pytest.raises(TypeError, match="async for"):
        list(flow)


# -- a source that is cancelled, though its reader is not ---------------------------------------------------------


async def cancels_itself(item: object = None) -> str:
    inner = asyncio.ensure_future(asyncio.sleep(10))
    inner.cancel()
    await inner
    return "never"


async def breaks_off(text: str) -> AsyncIterator[str]:
    yield text
    await cancels_itself()


@virtual
async def test_a_run_that_raises_cancelled_error_itself_has_failed() -> None:
    runs = merge_runs({"a": run_of(GOOD), "b": breaks_off(GOOD[:5]) | extract(User)})
    async with asyncio.timeout(100):
        changes, error = await gathered(runs)
    assert isinstance(error, SourceFailed)
    assert str(error) == "the source was cancelled, but its consumer was not: did it await a cancelled task?"
    assert changes[-1].value == End("failed", ((), ("b",)), error)


@pytest.mark.parametrize(
    "make",
    [
        lambda: breaks_off("a") | throttle(1),
        lambda: breaks_off("a") | debounce(1),
        lambda: breaks_off("a") | sample(1),
        lambda: breaks_off("a") | map_async(upper),
        lambda: ["a"] | map_async(cancels_itself),
    ],
)
def test_a_consumer_is_not_cancelled_by_what_it_reads(make: Callable[[], Flow[object]]) -> None:
    async def consume() -> None:
        _, error = await gathered(make())
        assert isinstance(error, SourceFailed)
        assert "was cancelled" in str(error)
        assert others() == set()

    run_virtual(consume())
