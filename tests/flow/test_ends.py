"""Every failure gets exactly one `end`: after operators that wait, after hubs, and for changes of other sources."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, cast

import pytest
from pydantic import BaseModel
from support.recorder import check

from streamkit import Change, Document, End, InvalidResult, Truncated, extract, share
from streamkit.errors import Attempt, FellBehind, LimitExceeded, ProviderError, RetriesExhausted, StreamkitError
from streamkit.operators import (
    accumulate,
    catch,
    coalesce,
    completed,
    debounce,
    merge_runs,
    on_end,
    retry_source,
    sample,
    select,
    snapshots,
    tap,
    throttle,
    timeout,
)


class User(BaseModel):
    name: str
    age: int


TEXT = ['{"name":"a",', '"age":1}']


def broken(change: Change[object]) -> None:
    if change.op == "complete":
        raise KeyError("broken")


async def nothing(error: object) -> None: ...


async def came(flow: Any) -> tuple[list[Any], Exception | None]:
    """Return the items of a flow, and the error that it raises."""
    out: list[Any] = []
    try:
        async for item in flow:
            out.append(item)
    except Exception as error:  # noqa: BLE001  # looked at by the test
        return out, error
    return out, None


async def stuck(chunks: Iterable[str]) -> AsyncIterator[str]:
    """Yield chunks, then wait for a long time."""
    for chunk in chunks:
        yield chunk
    await asyncio.sleep(60)


WAITING: dict[str, Callable[[], Any]] = {
    "coalesce": coalesce,
    "throttle": lambda: throttle(0.001),
    "debounce": lambda: debounce(0.001),
    "sample": lambda: sample(0.001),
    "timeout": lambda: timeout(first=5),
    "on_end": lambda: on_end(nothing),
    "catch": lambda: catch(lambda error: None, OSError),
    "retry_source": lambda: retry_source(2, OSError),
}


@pytest.mark.parametrize("name", WAITING)
async def test_a_failing_stage_after_one_that_waits_gets_an_end(name: str) -> None:
    changes, error = await came(TEXT | extract(User) | WAITING[name]() | tap(broken))
    assert isinstance(error, KeyError)
    check(changes)
    end = cast("End", changes[-1].value)
    assert (end.status, end.error) == ("failed", error)


async def test_a_failing_stage_after_a_hub_or_other_changes_gets_an_end() -> None:
    told = list(TEXT | extract(User))
    async with share(TEXT | extract(User)) as hub:
        for flow in (hub | tap(broken), told | tap(broken), told | select("/name") | tap(broken)):
            changes, error = await came(flow)
            assert isinstance(error, KeyError)
            assert cast("End", changes[-1].value).error is error


async def test_a_failure_after_a_stage_that_waits_is_not_a_complete_stream() -> None:
    flow: Any = TEXT | extract(User) | coalesce() | tap(broken) | catch(lambda error: None)
    changes, error = await came(flow)
    assert error is None
    assert cast("End", changes[-1].value).status == "failed"


async def test_a_failing_stage_of_other_items_emits_no_end() -> None:
    def refuse(item: object) -> None:
        raise KeyError(item)

    for flow in ([1, 2] | tap(refuse), TEXT | extract(User) | completed() | throttle(0.001) | tap(refuse)):
        items, error = await came(flow)
        assert isinstance(error, KeyError)
        assert items == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: stuck(TEXT[:1]) | extract(User) | select("/name") | timeout(between=0.01),
        lambda: stuck(TEXT[:1]) | accumulate() | catch(lambda error: None) | timeout(between=0.01),
        lambda: merge_runs({"a": stuck(TEXT[:1]) | extract(User)}) | timeout(between=0.01),
        lambda: stuck(TEXT[:0]) | extract(User) | timeout(first=0.01),
    ],
    ids=["select", "without a model", "merged", "nothing came"],
)
async def test_a_timeout_of_changes_emits_an_end_after_any_stage(make: Callable[[], Any]) -> None:
    changes, error = await came(make())
    assert isinstance(error, TimeoutError)
    assert [change.op for change in changes].count("end") == 1
    assert cast("End", changes[-1].value).error is error


# -- catch and retry_source ------------------------------------------------------------------------------


def failing() -> Iterator[str]:
    yield TEXT[0]
    raise OSError("lost")


async def test_an_error_of_a_handler_is_reported_in_the_end() -> None:
    def handler(error: Exception) -> None:
        raise KeyError("handler")

    changes, error = await came(failing() | extract(User) | catch(handler))
    assert isinstance(error, KeyError)
    assert cast("End", changes[-1].value).error is error
    assert [change.op for change in changes].count("end") == 1


@pytest.mark.parametrize("instead", [None, [], ()])
async def test_the_end_stays_if_no_items_follow_it(instead: Any) -> None:
    changes, error = await came(failing() | extract(User) | catch(lambda error: instead))
    assert error is None
    assert "reset" not in [change.op for change in changes]
    assert cast("End", changes[-1].value).status == "failed"


@pytest.mark.parametrize("stage", [lambda: catch(lambda error: None), lambda: retry_source(2)], ids=["catch", "retry"])
async def test_an_end_with_an_error_that_nobody_raised_is_passed_on(stage: Callable[[], Any]) -> None:
    told, error = await came(failing() | extract(User))
    assert isinstance(error, OSError)
    again, error = await came(told | stage())
    assert error is None
    assert again == told


# -- on_end ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "text"),
    [
        (completed, '{"name":"a'),
        (completed, '{"name":!'),
        (snapshots, '{"name":"a'),
        (snapshots, '{"name":"a","age":"x"}'),
        (snapshots, '{"name":!'),
    ],
)
def test_on_end_gets_the_error_of_another_stage(last: Callable[[], Any], text: str) -> None:
    seen: list[object] = []
    with pytest.raises(StreamkitError) as raised:
        for _ in [text] | extract(User) | last() | on_end(seen.append):
            pass
    assert seen == [raised.value]


async def test_an_error_of_on_end_becomes_a_note_on_an_earlier_error() -> None:
    def fail(error: object) -> None:
        raise ValueError("on_end")

    _, error = await came(failing() | extract(User) | on_end(fail))
    assert isinstance(error, OSError)
    assert any("on_end() failed: ValueError" in note for note in error.__notes__)


async def test_an_error_of_on_end_is_raised_if_there_is_no_other() -> None:
    def fail(error: object) -> None:
        raise ValueError("on_end")

    async def fail_later(error: object) -> None:
        raise ValueError("on_end")

    for fn in (fail, fail_later):
        changes, error = await came(TEXT[:1] | extract(User) | on_end(fn))  # cut: the end tells of it, nothing raises
        assert isinstance(error, ValueError)
        assert [change.op for change in changes].count("end") == 1


def test_an_error_of_on_end_is_raised_if_the_consumer_left() -> None:
    def fail(error: object) -> None:
        raise ValueError("on_end")

    with pytest.raises(ValueError, match="on_end"), TEXT | extract(User) | on_end(fail) as changes:
        next(changes)


async def test_an_error_of_on_end_is_raised_if_an_async_consumer_left() -> None:
    def fail(error: object) -> None:
        raise ValueError("on_end")

    with pytest.raises(ValueError, match="on_end"):
        async with TEXT | extract(User) | on_end(fail) as changes:
            await anext(changes)


# -- errors that travel ------------------------------------------------------------------------------------


def sent(value: Any) -> Any:
    """Copy an object as another process would get it."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301  # our own


def errors() -> Iterator[StreamkitError]:
    for text in ('{"name":"a","age":"x"}', '{"name":!', '{"name":"a"', "", "[" * 300):
        with pytest.raises(StreamkitError) as raised:
            ([text] | extract(User)).result_sync()
        yield raised.value
    with pytest.raises(Truncated) as cut:
        list(['{"name":"a"'] | extract(User) | snapshots())
    yield cut.value
    yield FellBehind("behind", missed=3)
    yield ProviderError("overloaded", body={"code": 1})


@pytest.mark.parametrize("error", list(errors()), ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, sent], ids=["copy", "deepcopy", "sent"])
def test_an_error_that_is_copied_or_sent_says_the_same(error: StreamkitError, again: Callable[[Any], Any]) -> None:
    error.add_note("a note")
    twin = again(error)
    assert (type(twin), str(twin), twin.__notes__) == (type(error), str(error), error.__notes__)
    assert repr(twin.__dict__) == repr(error.__dict__)


def test_errors_that_hold_others_travel_too() -> None:
    lost = RetriesExhausted([Attempt("x", InvalidResult([]))])
    twin = sent(lost)
    assert (str(twin), twin.attempts[0].text) == (str(lost), "x")
    document = Document()
    for change in ['{"name":"a"'] | extract(User):
        document.apply(change)
    assert repr(sent(document).end) == repr(document.end)


def read(text: str) -> object:
    return ([text] | extract(User)).result_sync()


def test_a_worker_of_a_pool_may_fail() -> None:
    with ProcessPoolExecutor(1) as pool:
        with pytest.raises(LimitExceeded):
            pool.submit(read, "[" * 300).result()
        assert pool.submit(read, json.dumps({"name": "a", "age": 1})).result() == User(name="a", age=1)


async def test_the_error_of_a_hub_does_not_gather_notes() -> None:
    async with share(failing() | extract(User)) as hub:
        seen = [(await came(hub | completed()))[1] for _ in range(5)]
    notes = cast("Exception", seen[0]).__notes__
    assert len(notes) == len(set(notes))
    assert all(error is seen[0] for error in seen)


# -- coalesce ----------------------------------------------------------------------------------------------


async def test_coalesce_refuses_items_that_are_not_changes() -> None:
    for items in ([1, 2], TEXT | extract(User) | completed()):
        _, error = await came(items | coalesce())
        assert isinstance(error, TypeError)
        assert "coalesce() takes changes, got" in str(error)
    with pytest.raises(TypeError, match="takes changes"):
        list(TEXT | extract(User) | completed() | coalesce())
