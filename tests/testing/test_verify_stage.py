"""`verify_stage`: our own operators pass it, and every rule of it can be broken."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from support.meeting import MeetingInfo

from streamkit import Change, End, JsonSyntaxError, Pipeline, Stage, extract
from streamkit.flow import Batches, Reason, Through
from streamkit.operators import (
    accumulate,
    coalesce,
    completed,
    dedupe,
    diff,
    fenced,
    map_async,
    select,
    snapshots,
    tap,
    validate,
)
from streamkit.testing import verify_stage

TEXT = ['{"users": [{"name": "Ann', 'a", "email": "a@b.c", "twitter": "@a"}], "d', 'ate": "x", "location": "', 'y"}']


@pytest.mark.parametrize(
    ("stage", "items"),
    [
        (accumulate(), TEXT),
        (extract(MeetingInfo), TEXT),
        (accumulate() | tap(id) | validate(MeetingInfo), TEXT),
        (accumulate() | select("/users/**"), TEXT),
        (accumulate() | completed("/users/*"), TEXT),
        (extract(MeetingInfo) | snapshots(), TEXT),
        (diff(), [{"a": "x"}, {"a": "xy"}, {"a": "xy", "b": [1]}]),
        (dedupe(), [1, 1, 2, 2, 1]),
        (tap(id), [1, 2, 3]),
        (coalesce(), [Change("add", (), "a"), Change("append", (), "b"), Change("complete", (), "ab")]),
        (accumulate() | coalesce() | diff(), TEXT),
    ],
    ids=repr,
)
def test_our_own_stages_keep_the_rules(stage: Pipeline[Any, Any], items: Sequence[object]) -> None:
    verify_stage(stage, items)


class Passing:
    def feed(self, item: object, /) -> Sequence[object]:
        return (item,)

    def close(self, reason: Reason, /) -> Sequence[object]:
        return ()


class Babbling(Passing):
    """Says something after the end."""

    def close(self, reason: Reason, /) -> Sequence[object]:
        return [Change("end", (), End("complete")), Change("add", (), 1)]


def remembering() -> Stage[Any, Any]:
    """All runs share one machine."""
    seen: list[object] = []

    class Remembering(Passing):
        def feed(self, item: object, /) -> Sequence[object]:
            seen.append(item)
            return (len(seen),)

    return Stage(Remembering)


def keeping() -> Stage[Any, Any]:
    """Keeps what it was given to run over."""
    kept: list[object] = []

    async def pump(batches: Batches) -> Batches:
        kept.append(dict(cast("Any", batches).ag_frame.f_locals))
        try:
            async for batch in batches:
                yield batch
        finally:
            await batches.aclose()

    return waiting(pump)


def waiting(pump: Callable[[Batches], Batches]) -> Stage[Any, Any]:
    return Through(Passing, "waiting", pump=pump)


async def hanging_on(batches: Batches) -> Batches:
    """Does not close what it reads."""
    async for batch in batches:
        yield batch


async def deaf(batches: Batches) -> Batches:
    """Takes its time to be cancelled."""
    try:
        async for batch in batches:
            yield batch
    finally:
        await batches.aclose()
        await asyncio.sleep(3)


async def mute(batches: Batches) -> Batches:
    """Swallows errors."""
    try:
        async for batch in batches:
            yield batch
    except ConnectionError:
        pass
    finally:
        await batches.aclose()


async def forgetful(batches: Batches) -> Batches:
    """Leaves a task behind."""
    _tasks.append(asyncio.create_task(asyncio.sleep(1000), name="forgotten"))
    try:
        async for batch in batches:
            yield batch
    finally:
        await batches.aclose()


_tasks: list[asyncio.Task[None]] = []


async def translating(batches: Batches) -> Batches:
    """Raises another error than the source."""
    try:
        async for batch in batches:
            yield batch
    except ConnectionError as error:
        raise KeyError from error
    finally:
        await batches.aclose()


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (remembering, "a fresh one"),
        (lambda: Stage(Babbling), "terminal event comes nothing"),
        (keeping, "keeps no reference"),
        (lambda: waiting(hanging_on), "closed its source once"),
        (lambda: waiting(deaf), "takes no time"),
        (lambda: waiting(mute), "the very object"),
        (lambda: waiting(translating), "the very object"),
        (lambda: waiting(forgetful), "left no task"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_stage_that_breaks_a_rule_is_told_which(make: Callable[[], Stage[Any, Any]], rule: str) -> None:
    with pytest.raises(AssertionError) as caught:
        verify_stage(make(), [1, 2, 3])
    told = "".join(caught.value.__notes__)
    del caught
    gc.collect()  # here, not in the middle of another test: tasks that nothing can end are in it
    assert rule in told


class AtTheEnd(Passing):
    """Raises when its input ends."""

    def close(self, reason: Reason, /) -> Sequence[object]:
        raise LookupError("too late")


async def negative(item: int) -> int:
    return -item


@pytest.mark.parametrize(
    ("stage", "items", "error"),
    [
        (accumulate(), [1, 2, 3], TypeError),
        (accumulate(), ["[1", 2], TypeError),
        (accumulate(), ["{x", "}"], JsonSyntaxError),
        (fenced(), [1], TypeError),
        (completed("/a"), TEXT, TypeError),
        (tap(len), [1, 2, 3], TypeError),
        (map_async(negative), ["a", "b"], TypeError),
    ],
    ids=repr,
)
def test_items_that_a_stage_refuses_are_told_as_such(
    stage: Pipeline[Any, Any], items: Sequence[object], error: type[Exception]
) -> None:
    with pytest.raises(AssertionError, match=rf"refuses items .* was given, with {error.__name__}\(") as caught:
        verify_stage(stage, items)
    assert "takes the items" in caught.value.__notes__[0]
    assert isinstance(caught.value.__cause__, error)


def test_what_is_raised_at_the_end_is_no_refusal() -> None:
    verify_stage(accumulate() | validate(MeetingInfo, on_invalid="raise"), ['{"users": [], "date": ', "1}"])
    verify_stage(extract(MeetingInfo) | snapshots(), TEXT[:2])
    with pytest.raises(AssertionError, match=r"the source raised ConnectionError\('lost'\), the flow"):
        verify_stage(Stage(AtTheEnd), [1, 2])


def test_a_stage_that_handles_errors_may() -> None:
    verify_stage(waiting(mute), [1, 2, 3], handles_errors=True)
