"""Flows: composing with `|`, fresh runs, sync and async code, batches, errors that name their stage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from typing import Any, Generic, TypeVar, cast

import aiostream
import pytest
from pydantic import BaseModel
from support.recorder import check, gather, tidy

from streamkit import extract, from_provider
from streamkit.changes.change import Change, End, Finish
from streamkit.errors import InvalidResult, JsonSyntaxError, StreamkitError, Truncated
from streamkit.flow import BatchSource, Flow, Machine, Pipeline, Reason, Stage
from streamkit.operators import accumulate, completed, snapshots, tap, validate

T = TypeVar("T")
TEXT = '{"name": "John", "age": 25}'


class User(BaseModel):
    name: str
    age: int


class Made(Generic[T]):
    """A machine made from one function; it records how it was closed."""

    def __init__(self, fn: Callable[[T], Sequence[object]], rest: Sequence[object] = ()) -> None:
        self._fn, self._rest = fn, rest
        self.reasons: list[Reason] = []

    def feed(self, item: T, /) -> Sequence[object]:
        return self._fn(item)

    def close(self, reason: Reason, /) -> Sequence[object]:
        self.reasons.append(reason)
        return self._rest


def stage(fn: Callable[[Any], Sequence[object]], name: str = "made", rest: Sequence[object] = ()) -> Stage[Any, Any]:
    return Stage(lambda: cast("Machine[Any, Any]", Made(fn, rest)), name)


def double() -> Stage[int, int]:
    return stage(lambda n: (n * 2,), "double")


def twice() -> Stage[Any, Any]:
    return stage(lambda item: (item, item), "twice")


def odd() -> Stage[int, int]:
    return stage(lambda n: (n,) if n % 2 else (), "odd")


class Counting:
    """A machine that emits how many items its own run has received."""

    def __init__(self) -> None:
        self.seen = 0

    def feed(self, item: object, /) -> Sequence[int]:
        self.seen += 1
        return (self.seen,)

    def close(self, reason: Reason, /) -> Sequence[int]:
        return ()


async def slowly(items: Iterable[T]) -> AsyncIterator[T]:
    for item in items:
        await asyncio.sleep(0)
        yield item


async def taken(flow: Any) -> list[Any]:
    return [item async for item in flow]


# -- composition ---------------------------------------------------------------------------------------------


def test_stages_make_pipelines_and_a_source_makes_a_flow() -> None:
    pipeline = double() | odd()
    assert type(pipeline) is Pipeline
    assert type([1] | pipeline) is Flow
    assert type([1] | double()) is Flow
    assert list([1, 2] | double()) == [2, 4]


def test_grouping_does_not_matter() -> None:
    ways: list[Flow[int]] = [
        [1, 2, 3] | double() | double() | twice(),
        [1, 2, 3] | (double() | double() | twice()),
        [1, 2, 3] | (double() | (double() | twice())),
        [1, 2, 3] | double() | (double() | twice()),
        (double() | double())([1, 2, 3]) | twice(),
        Flow([1, 2, 3]) | double() | double() | twice(),
    ]
    for flow in ways:
        assert list(flow) == [4, 4, 8, 8, 12, 12]


def test_a_flow_without_stages_yields_its_source() -> None:
    flow: Flow[int] = Flow([1, 2])
    assert list(flow) == [1, 2]


def test_a_flow_is_a_source() -> None:
    assert list(([1, 2] | double()) | (double() | double())) == [8, 16]
    assert list(double()([1, 2] | double())) == [4, 8]


@pytest.mark.parametrize("source", [[1, 2], (1, 2), range(1, 3), {1, 2}])
def test_any_iterable_is_a_source(source: Iterable[int]) -> None:
    assert list(source | double()) == [2, 4]


def test_a_text_is_one_chunk() -> None:
    lengths: Stage[bytes, int] = stage(lambda chunk: (len(chunk),))
    for text in ("abc", b"abc", bytearray(b"abc"), memoryview(b"abc")):
        assert (
            list(Flow[int](cast("list[bytes]", text), lengths.stages))
            == list(cast("list[bytes]", text) | lengths)
            == [3]
        )
    assert list(lengths(cast("list[bytes]", ""))) == [0]


@pytest.mark.parametrize("source", [5, None, object(), {"a": 1}])
def test_an_object_that_cannot_be_iterated_is_not_a_source(source: Any) -> None:
    with pytest.raises(TypeError, match="cannot stream from"):
        Flow(source)


def test_only_stages_can_follow_a_stage() -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        _ = cast("Any", double()) | 5
    with pytest.raises(TypeError, match="unsupported operand"):
        _ = cast("Any", [1] | double()) | 5


def test_a_flow_composes_with_any_callable_that_takes_an_async_iterable() -> None:
    flow = [1] | double()
    assert flow | called == ("called", flow)


def called(source: object) -> tuple[str, object]:
    return "called", source


def test_names_show_in_repr() -> None:
    assert repr(double() | odd()) == "double | odd"
    assert repr([1] | double()) == "<list> | double"
    assert repr(slowly([1]) | double()) == "<async_generator> | double"
    assert "validate(User)" in repr("" | accumulate() | validate(User))


def test_a_stage_is_named_after_its_machine_factory() -> None:
    assert repr(Stage(Counting)) == "Counting"


def test_a_flow_knows_its_model() -> None:
    assert ("" | accumulate() | validate(User) | tap(id)).model is User
    assert (("" | accumulate() | validate(User)) | tap(id)).model is User
    assert ("" | accumulate()).model is None


class Answering:
    """Like a run of the client: it knows the type that is streamed; its `model` is the name of a language model."""

    response_model = User
    model = "gpt"

    def __iter__(self) -> Iterator[Change[User]]:
        return iter([TEXT] | accumulate() | validate(User))


def test_stages_learn_the_model_of_a_run_like_source() -> None:
    assert (Answering() | tap(id)).model is User
    assert list(Answering() | snapshots())[-1] == User(name="John", age=25)
    assert list(Answering() | tap(id) | snapshots())[-1] == User(name="John", age=25)
    with pytest.raises(ValueError, match="did you mean 'name'"):
        _ = Answering() | completed("/nme")


def test_stages_learn_the_model_of_a_run_of_the_client() -> None:
    client = from_provider("local/m", base_url="http://127.0.0.1:9/v1")
    run = client.stream(User, messages=[{"role": "user", "content": "Who?"}])
    assert (run | snapshots()).model is User
    with pytest.raises(ValueError, match="did you mean 'name'"):
        _ = run | completed("/nme")


# -- runs ----------------------------------------------------------------------------------------------------


def test_every_run_has_fresh_machines() -> None:
    counted = Stage(Counting)
    flow = ["a", "b"] | counted
    assert list(flow) == list(flow) == [1, 2]
    assert list(["c"] | counted) == [1]


def test_runs_of_one_flow_may_overlap() -> None:
    flow = ["a", "b", "c"] | Stage(Counting)
    one, other = iter(flow), iter(flow)
    assert [next(one), next(one), next(other), next(one), next(other)] == [1, 2, 1, 3, 2]


def test_a_pipeline_serves_many_sources() -> None:
    pipeline = accumulate() | validate(User)
    results = [(list(TEXT) | pipeline).result_sync() for _ in range(3)]
    assert results == [User(name="John", age=25)] * 3


def test_composing_runs_nothing() -> None:
    def source() -> Iterator[int]:
        raise AssertionError("nobody asked")
        yield 1

    def machine() -> Machine[int, int]:
        raise AssertionError("nobody asked")

    flow = source() | (Stage(machine) | double())
    assert repr(flow) == "<generator> | machine | double"


def test_items_are_pulled_one_by_one() -> None:
    pulled: list[int] = []

    def source() -> Iterator[int]:
        for n in range(10):
            pulled.append(n)
            yield n

    changes = iter(source() | double())
    assert next(changes) == 0
    assert pulled == [0]
    assert next(changes) == 2
    assert pulled == [0, 1]


async def test_sync_and_async_runs_give_the_same() -> None:
    pipeline = accumulate() | validate(User)
    for text in (TEXT, TEXT[:-3], TEXT + "!", "", '{"name": 1}'):
        told = tidy(gather(list(text) | pipeline))
        for flow in (list(text) | pipeline, slowly(text) | pipeline):
            events: list[Change[User]] = []
            try:
                async for change in flow:
                    events.append(change)
            except JsonSyntaxError as error:
                raised = error
                assert cast("End", events[-1].value).error is raised
            assert tidy(events) == told


async def test_a_plain_for_over_an_async_source_says_what_to_write() -> None:
    flow = slowly([1]) | double()
    with pytest.raises(TypeError, match="async for"):
        list(flow)
    with pytest.raises(TypeError, match="async for"), flow:
        pass
    assert await taken(flow) == [2]


async def test_a_plain_for_over_a_flow_of_an_async_flow_says_what_to_write() -> None:
    with pytest.raises(TypeError, match="async for"):
        list(double()(slowly([1]) | double()))


async def test_with_and_async_with_yield_the_items() -> None:
    flow = [1, 2] | double()
    with flow as items:
        assert list(items) == [2, 4]
    async with flow as items:
        assert [item async for item in items] == [2, 4]


async def test_one_flow_may_be_entered_by_many_tasks() -> None:
    flow = range(5) | double()

    async def one() -> list[int]:
        async with flow as items:
            out: list[int] = []
            async for item in items:
                await asyncio.sleep(0)
                out.append(item)
            return out

    assert [*await asyncio.gather(one(), one(), one())] == [[0, 2, 4, 6, 8]] * 3


def test_one_flow_may_be_entered_twice_at_once() -> None:
    flow = [1, 2] | double()
    with flow as outer:
        assert next(outer) == 2
        with flow as inner:
            assert list(inner) == [2, 4]
        assert list(outer) == [4]


async def test_a_flow_may_be_left_in_another_task_than_it_was_entered_in() -> None:
    closed: list[int] = []

    async def source(number: int) -> AsyncIterator[int]:
        try:
            while True:
                yield number
        finally:
            closed.append(number)

    numbers = iter(range(3))

    class Fresh:
        def __aiter__(self) -> AsyncIterator[int]:
            return source(next(numbers))

    flow: Flow[int] = Fresh() | double()
    handed = AsyncExitStack()

    async def enter(stack: AsyncExitStack) -> None:
        items = await stack.enter_async_context(flow)
        assert await anext(items) == 0

    async with flow as mine:
        # As a fixture does it: set up in a task that is over when another tears down.
        await asyncio.create_task(enter(handed))
        assert await anext(mine) == 2
    assert closed == [1]
    await handed.aclose()
    assert closed == [1, 0]


def test_a_flow_may_be_left_in_another_thread_than_it_was_entered_in() -> None:
    flow = [1, 2] | double()
    handed = ExitStack()
    with ThreadPoolExecutor() as threads:
        items = threads.submit(handed.enter_context, flow).result()
        assert next(items) == 2
        handed.close()
    assert list(items) == []


# -- batches -------------------------------------------------------------------------------------------------


def test_a_batch_has_the_outputs_of_one_chunk() -> None:
    flow = [1, 2, 3] | twice() | odd()
    assert [list(batch) for batch in flow.batches()] == [[1, 1], [3, 3]]


async def test_batches_are_the_same_in_sync_and_async_code() -> None:
    flow = [TEXT[:12], TEXT[12:]] | accumulate() | validate(User)
    batches = [list(batch) for batch in flow.batches()]
    assert batches == [list(batch) for batch in await taken(flow.batches())]
    assert [[change.op for change in batch] for batch in batches] == [
        ["add", "add"],
        ["append", "complete", "add", "complete", "complete"],
        ["end"],
    ]


def test_batches_joined_are_the_items() -> None:
    flow = list(TEXT) | accumulate()
    assert [change for batch in flow.batches() for change in batch] == list(flow)


# -- the rest of a machine, and its own end ------------------------------------------------------------------


def test_last_outputs_go_through_the_later_stages() -> None:
    flow = [1] | stage(lambda n: (n,), "keeper", rest=(5, 6)) | double()
    assert list(flow) == [2, 10, 12]


def test_machines_are_closed_once_first_to_last() -> None:
    order: list[str] = []

    class Closing:
        def __init__(self, name: str) -> None:
            self._name = name

        def feed(self, item: object, /) -> Sequence[object]:
            return (item,)

        def close(self, reason: Reason, /) -> Sequence[object]:
            order.append(self._name)
            return ()

    assert list([1] | Stage(lambda: Closing("first")) | Stage(lambda: Closing("second"))) == [1]
    assert order == ["first", "second"]


class First:
    """A machine that needs only one item."""

    def __init__(self) -> None:
        self.finished = False
        self.fed = 0

    def feed(self, item: object, /) -> Sequence[object]:
        self.fed += 1
        assert self.fed == 1, "fed after it had finished"
        self.finished = True
        return (item,)

    def close(self, reason: Reason, /) -> Sequence[object]:
        return ("closed",)


def test_a_finished_machine_leaves_the_source() -> None:
    pulled: list[int] = []

    def source() -> Iterator[int]:
        for n in range(10):
            pulled.append(n)
            yield n

    assert list(source() | Stage(First) | stage(lambda item: (item,), rest=("rest",))) == [0, "rest"]
    assert pulled == [0]


def test_a_finished_machine_is_not_fed_the_rest_of_the_batch() -> None:
    assert list([1, 2] | twice() | Stage(First)) == [1]


def test_a_machine_that_takes_batches_gets_them_whole() -> None:
    class Batched(Counting):
        def feed_batch(self, items: Sequence[object], /) -> Sequence[int]:
            return (len(items),)

    assert list([1, 2, 3] | twice() | Stage(Batched)) == [2, 2, 2]


def test_machines_learn_why_the_input_ended() -> None:
    made: list[Made[Any]] = []

    def machine() -> Made[Any]:
        made.append(Made(lambda item: (item,)))
        return made[-1]

    watched: Stage[Any, Any] = Stage(cast("Callable[[], Machine[Any, Any]]", machine))
    lost = OSError("lost")

    def failing() -> Iterator[int]:
        yield 1
        raise lost

    list([1] | watched)
    with pytest.raises(OSError, match="lost"):
        list(failing() | watched)
    left = iter([1, 2] | watched)
    next(left)
    cast("Any", left).close()

    assert [type(machine.reasons[0]) for machine in made] == [Finish, OSError, GeneratorExit]
    assert all(len(machine.reasons) == 1 for machine in made)


# -- what a source knows about its end ------------------------------------------------------------------------


class Finishing:
    """An iterator that learns how it finished only at its end."""

    def __init__(self, text: str, finish: Finish) -> None:
        self._left, self._told = list(text), finish
        self.finish: Finish | None = None

    def __iter__(self) -> Finishing:
        return self

    def __next__(self) -> str:
        if not self._left:
            self.finish = self._told
            raise StopIteration
        return self._left.pop(0)


class AsyncFinishing(Finishing):
    def __aiter__(self) -> AsyncFinishing:
        return self

    async def __anext__(self) -> str:
        try:
            return next(self)
        except StopIteration:
            raise StopAsyncIteration from None


@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls"])
async def test_the_end_carries_the_finish_reason_of_the_source(reason: str) -> None:
    told = gather(Finishing(TEXT, Finish(reason)) | accumulate())
    assert cast("End", told[-1].value) == End("complete", finish_reason=reason)

    told = await taken(AsyncFinishing(TEXT, Finish(reason)) | accumulate())
    assert cast("End", told[-1].value) == End("complete", finish_reason=reason)


class Connected(Iterator[str]):
    """An iterator with a connection; `iter` returns a mere generator."""

    def __init__(self, text: str) -> None:
        self._left = iter(text)
        self.closed = 0
        self.finish = Finish("length")

    def __iter__(self) -> Iterator[str]:  # noqa: PYI034  # that is the point
        yield from self._left

    def __next__(self) -> str:
        return next(self._left)

    def close(self) -> None:
        self.closed += 1


async def test_an_iterator_is_closed_itself_not_what_its_iter_returns() -> None:
    source = Connected(TEXT[:10])
    told = [*source | accumulate()]
    assert (cast("End", told[-1].value).status, source.closed) == ("truncated", 1)
    source = Connected(TEXT[:10])
    told = [change async for change in source | accumulate()]
    assert (cast("End", told[-1].value).status, source.closed) == ("truncated", 1)
    source = Connected(TEXT)
    with source | accumulate() as changes:
        next(iter(changes))
    assert source.closed == 1


def test_what_iter_returns_is_closed_if_the_iterator_cannot_be() -> None:
    told: list[str] = []

    class Source(Iterator[str]):
        def __iter__(self) -> Iterator[str]:  # noqa: PYI034  # as above
            try:
                yield from TEXT
            finally:
                told.append("closed")

        def __next__(self) -> str:
            raise NotImplementedError

    with Source() | accumulate() as changes:
        next(iter(changes))
        assert not told
    assert told == ["closed"]


class AsyncConnected(AsyncIterator[str]):
    """The same in async code."""

    def __init__(self, text: str) -> None:
        self._left = iter(text)
        self.closed = 0
        self.finish = Finish("length")

    async def __aiter__(self) -> AsyncGenerator[str, None]:
        for each in self._left:
            yield each

    async def __anext__(self) -> str:
        raise NotImplementedError

    async def aclose(self) -> None:
        self.closed += 1


async def test_an_async_iterator_is_closed_itself_too() -> None:
    source = AsyncConnected(TEXT[:10])
    told = [change async for change in source | accumulate()]
    assert (cast("End", told[-1].value).status, source.closed) == ("truncated", 1)
    source = AsyncConnected(TEXT)
    async with source | accumulate() as changes:
        await anext(aiter(changes))
    assert source.closed == 1


async def test_a_length_finish_inside_the_text_is_truncated() -> None:
    flow = AsyncFinishing(TEXT[:-4], Finish("length")) | accumulate() | validate(User)
    with pytest.raises(Truncated, match="more tokens") as caught:
        await flow.result()
    assert caught.value.partial == {"name": "John"}


def test_a_finish_of_another_type_is_ignored() -> None:
    source = Finishing(TEXT, cast("Finish", "stop"))
    assert cast("End", gather(source | accumulate())[-1].value) == End("complete")


# -- results -------------------------------------------------------------------------------------------------


async def test_result_is_the_model() -> None:
    flow = list(TEXT) | accumulate() | validate(User)
    assert flow.result_sync() == await flow.result() == User(name="John", age=25)


def test_result_raises_for_what_is_not_complete() -> None:
    for text, kind in ((TEXT[:-1], Truncated), ('{"name": 1, "age": 2}', InvalidResult), (TEXT + "!", JsonSyntaxError)):
        with pytest.raises(kind) as caught:
            (list(text) | accumulate() | validate(User)).result_sync()
        assert caught.value.partial is not None


def test_a_source_that_was_read_is_not_read_again_by_another_flow_over_it() -> None:
    def once() -> Flow[Change[User]]:
        return iter([TEXT]) | accumulate() | validate(User)

    flow = once()
    assert next(iter(flow)).op == "add"
    again: list[Callable[[], object]] = [
        flow.result_sync,
        lambda: list(flow),
        lambda: list(flow.batches()),
        lambda: list(flow | snapshots()),
    ]
    for read in again:
        with pytest.raises(StreamkitError, match="was run before"):
            read()
    flow = once()
    assert flow.result_sync() == User(name="John", age=25)
    with pytest.raises(StreamkitError, match="was run before"):
        flow.result_sync()
    flow = once()
    views = flow.batches()
    assert len(list(flow | tap(id))) == 7
    with pytest.raises(StreamkitError, match="was run before"):
        list(views)


async def test_an_async_source_that_was_read_is_not_read_again_by_another_flow_over_it() -> None:
    flow = slowly(TEXT) | accumulate() | validate(User)
    assert await flow.result() == User(name="John", age=25)
    for again in (flow, flow.batches(), flow | snapshots()):
        with pytest.raises(StreamkitError, match="was run before"):
            await taken(again)


def test_result_without_changes_is_an_error() -> None:
    with pytest.raises(StreamkitError, match="no result"):
        cast("Any", [1] | stage(lambda item: ())).result_sync()


@pytest.mark.parametrize("last", [snapshots(), completed("/name")])
async def test_result_after_a_stage_that_emits_no_changes_is_an_error(last: Stage[Any, Any]) -> None:
    flow = cast("Any", [TEXT] | accumulate() | validate(User) | last)
    with pytest.raises(TypeError, match=r"result\(\) needs changes, got .*John"):
        flow.result_sync()
    with pytest.raises(TypeError, match=r"result\(\) needs changes, got .*John"):
        await flow.result()


# -- errors --------------------------------------------------------------------------------------------------


def fails(at: int) -> Callable[[Any], Sequence[Any]]:
    count = 0

    def step(item: object) -> Sequence[object]:
        nonlocal count
        count += 1
        if count == at:
            raise KeyError("lost")
        return (item,)

    return step


def test_a_stage_that_raises_is_named() -> None:
    with pytest.raises(KeyError) as caught:
        list([1, 2, 3] | double() | stage(fails(2), "second") | odd())
    assert caught.value.__notes__ == ["raised in stage second, of double | second | odd"]


def test_outputs_before_a_stage_raised_are_delivered() -> None:
    items = iter([1, 2, 3] | twice() | stage(fails(4), "late"))
    assert [next(items), next(items), next(items)] == [1, 1, 2]
    with pytest.raises(KeyError):
        next(items)


@pytest.mark.parametrize("at", [1, 2, 5, 9])
def test_a_stage_of_changes_that_raises_ends_honestly(at: int) -> None:
    told = gather(list(TEXT) | accumulate() | validate(User) | stage(fails(at), "mine"))
    end = cast("End", told[-1].value)

    assert (end.status, type(end.error)) == ("failed", KeyError)
    assert [change.op for change in told].count("end") == 1
    check(told)
    assert "mine" in cast("Exception", end.error).__notes__[0]


def test_a_machine_that_raises_when_it_closes_is_named() -> None:
    class Bad(Counting):
        def close(self, reason: Reason, /) -> Sequence[int]:
            raise KeyError("closing")

    with pytest.raises(KeyError) as caught:
        list([1] | double() | Stage(Bad, "bad"))
    assert caught.value.__notes__ == ["raised in stage bad, of double | bad"]


def test_a_machine_must_not_return_none_from_close() -> None:
    class Forgot(Counting):
        def close(self, reason: Reason, /) -> Sequence[int]:
            return cast("Sequence[int]", None)

    with pytest.raises(TypeError, match=r"Forgot\.close\(\) returned None: .*\(\) if nothing") as caught:
        list([1] | double() | Stage(Forgot, "forgot"))
    assert caught.value.__notes__ == ["raised in stage forgot, of double | forgot"]


def test_stages_after_the_one_that_raised_are_closed_with_its_error() -> None:
    behind: Made[Any] = Made(lambda item: (item,), rest=("rest",))
    flow = [1] | stage(fails(1)) | Stage(lambda: cast("Machine[Any, Any]", behind))
    items = iter(flow)
    assert next(items) == "rest"
    with pytest.raises(KeyError):
        next(items)
    assert [type(reason) for reason in behind.reasons] == [KeyError]


def test_a_factory_that_raises_is_named() -> None:
    def machine() -> Machine[int, int]:
        raise KeyError("factory")

    with pytest.raises(KeyError) as caught:
        list([1] | double() | Stage(machine, "broken"))
    assert "broken" in caught.value.__notes__[0]


def test_a_note_says_that_the_source_raised() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise OSError("lost")

    with pytest.raises(OSError, match="lost") as caught:
        list(source() | double() | odd())
    assert caught.value.__notes__ == ["raised by the source of double | odd"]


def test_another_error_of_a_user_validator_has_a_note_of_the_path() -> None:
    class Odd(BaseModel):
        def model_post_init(self, context: object, /) -> None:
            raise KeyError("mine")

    told = gather(['[{"a": 1}]'] | accumulate() | validate(list[Odd]))
    error = cast("End", told[-1].value).error
    assert type(error) is KeyError
    assert any("/0" in note for note in error.__notes__)


def test_validate_refuses_items_that_are_not_changes() -> None:
    with pytest.raises(TypeError, match="accumulate"):
        list(cast("Any", ["{}"]) | validate(User))


# -- aiostream -----------------------------------------------------------------------------------------------


def text_of(item: object, *_: object) -> str:
    return str(item)


def is_fourth(item: Any) -> bool:
    return cast("int", item) % 4 == 0


async def test_a_flow_goes_through_aiostream_pipes() -> None:
    stream = (slowly(range(10)) | double()) | aiostream.pipe.take(3) | aiostream.pipe.map(text_of)
    async with stream.stream() as items:
        assert [item async for item in items] == ["0", "2", "4"]


async def test_an_aiostream_stream_goes_through_stages() -> None:
    stream = aiostream.stream.iterate(slowly(TEXT)) | accumulate() | validate(User)
    assert await stream.result() == User(name="John", age=25)


async def test_flows_and_pipes_alternate() -> None:
    stream = aiostream.stream.range(6) | double() | aiostream.pipe.filter(is_fourth)
    assert await taken(stream | double()) == [0, 8, 16]


async def test_a_pipe_that_takes_enough_closes_the_source() -> None:
    closed: list[bool] = []

    async def source() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    stream = (source() | double()) | aiostream.pipe.take(2)
    async with stream.stream() as items:
        assert [item async for item in items] == [2, 2]
    assert closed == [True]


# -- sources that know more ------------------------------------------------------------------------------------


class Batching:
    """A source of batches of changes that knows their model."""

    model = User

    def __init__(self) -> None:
        self.closed = 0

    def __aiter__(self) -> AsyncIterator[Change[User]]:
        raise AssertionError("asked for its items, not its batches")

    async def open_batches(self) -> AsyncGenerator[Sequence[Change[User]], None]:
        try:
            for batch in ([TEXT[:9], TEXT[9:]] | accumulate() | validate(User)).batches():
                yield batch
        finally:
            await asyncio.sleep(0)
            self.closed += 1


async def test_a_flow_over_a_source_of_batches_keeps_them() -> None:
    source = Batching()
    flow = source | tap(id)
    assert [len(batch) for batch in await taken(flow.batches())] == [1, 5, 1]
    async with flow as changes:
        await anext(changes)
    assert source.closed == 2


def test_an_object_with_only_open_batches_is_not_a_batch_source() -> None:
    class Reels:
        def __iter__(self) -> Iterator[str]:
            return iter(["[1", "]"])

        def open_batches(self) -> None:
            raise AssertionError

    assert isinstance(Batching(), BatchSource)
    assert not isinstance(Reels(), BatchSource)
    assert (Reels() | extract(list[int])).result_sync() == [1]
    assert Flow[str](Reels()).model is None


async def test_stages_learn_the_model_of_a_source_that_knows_it() -> None:
    flow = Batching() | snapshots()
    assert (await taken(flow))[-1] == User(name="John", age=25)
    with pytest.raises(ValueError, match="can never match User"):
        _ = Batching() | completed("/nmae")
    assert [item async for item in ([TEXT] | accumulate() | validate(User)) | tap(id) | snapshots()] == [
        User(name="John", age=25)
    ]


async def test_the_model_name_of_a_source_is_not_a_type() -> None:
    class Source(AsyncFinishing):
        model = "gpt"

    assert await (Source(TEXT, Finish()) | accumulate() | validate(User)).result() == User(name="John", age=25)
