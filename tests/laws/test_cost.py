"""Law 7: cost follows the news. Counted in calls, characters and bytes; no clock is read."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from types import FrameType
from typing import Annotated, Any, cast

import pytest
from pydantic import AfterValidator, BaseModel
from pydantic_core import PydanticOmit
from support import law_3
from support.strategies import cut

from streamkit.changes.change import Change
from streamkit.flow import Pipeline
from streamkit.operators import accumulate, diff, tap, validate
from streamkit.text import scanner
from streamkit.text.json_text import read_container
from streamkit.text.limits import Limits
from streamkit.text.receiver import BUFFER_ONLY


def nothing(change: Change[object]) -> None:
    """For `tap`."""


class Row(BaseModel):
    name: str
    age: int
    tags: list[str]
    born: date | None = None


class Rows(BaseModel):
    rows: list[Row]


ROW = '{"name": "John Doe", "age": 25, "tags": ["a", "b"], "born": "2024-02-29"}, '
PER_ROW = len(list(cut(ROW, [4])))
WHOLE = '{"rows": [' + ROW * 60 + ROW[:-2] + "]}"
LONG = ['{"name": "', *(["abcd"] * 20_000)]


@pytest.fixture(autouse=True)
def _unwatched() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]  # pytest calls it
    """What is counted here is what the machine does, not what checks it."""
    with law_3.unwatched():
        yield


Make = Callable[[], Pipeline[str | bytes, Change[object]]]
PIPELINES: dict[str, Make] = {
    "untyped": accumulate,
    "typed": lambda: accumulate() | validate(cast("type[object]", Rows)),
    "diffed": lambda: accumulate() | validate(cast("type[object]", Rows)) | diff(),
    "behind a stage": lambda: accumulate() | tap(nothing) | validate(cast("type[object]", Rows)),
    "without a model": lambda: accumulate() | validate(cast("type[object]", dict[str, list[Row]])),
}


@pytest.fixture(params=PIPELINES)
def pipeline(request: pytest.FixtureRequest) -> Pipeline[str | bytes, Change[object]]:
    return PIPELINES[cast("str", request.param)]()


def rows(count: int) -> Iterator[str]:
    """A long document, a few characters at a time; every row is cut alike."""
    yield '{"rows": ['
    for _ in range(count):
        yield from cut(ROW, [4])


def calls_per_chunk(batches: Iterable[object]) -> list[int]:
    """How many calls, in Python and in C, each batch takes; what others hang on the garbage collector is not ours."""
    counts: list[int] = []
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    items = iter(batches)
    gc.collect()
    gc.disable()
    try:
        while True:
            count = 0
            sys.setprofile(profile)
            try:
                next(items)
            except StopIteration:
                return counts
            finally:
                sys.setprofile(None)
            counts.append(count)
    finally:
        gc.enable()


def memory_per_chunk(batches: Iterable[object]) -> list[int]:
    """How many bytes are allocated at once for each batch: a copy of what came before would show."""
    counts: list[int] = []
    items = iter(batches)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        while True:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            if next(items, None) is None:
                return counts
            counts.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
        gc.enable()


def test_a_row_takes_no_more_calls_late_than_early(pipeline: Pipeline[str, Change[object]]) -> None:
    calls = calls_per_chunk((rows(400) | pipeline).batches())
    early, late = calls[500:2000], calls[-1600:-100]

    assert max(late) <= max(early)
    assert sum(late) <= 1.02 * sum(early)


def test_a_row_takes_no_more_memory_late_than_early(pipeline: Pipeline[str, Change[object]]) -> None:
    costs = memory_per_chunk((rows(1200) | pipeline).batches())
    early, late = sorted(costs[500:2500]), sorted(costs[-2100:-100])

    # All but the few chunks in which a list, which grows by eighths, is moved.
    assert late[-8] <= early[-8] + 600
    assert late[1000] <= early[1000] + 64


def test_a_wrong_item_takes_no_more_late_than_early_where_others_are_left_out() -> None:
    def odd_is_left_out(number: int) -> int:
        if number % 2:
            raise PydanticOmit
        return number

    stages = accumulate() | validate(list[Annotated[int, AfterValidator(odd_is_left_out)]])
    calls = calls_per_chunk((["[", *['1,2,"x",'] * 400] | stages).batches())
    assert sum(calls[-100:-1]) <= 1.02 * sum(calls[101:200])


@pytest.mark.parametrize("model", [None, dict[str, str], Row])
def test_a_piece_of_a_long_string_takes_no_more_late_than_early(model: type[object] | None) -> None:
    pipeline = accumulate() if model is None else accumulate() | validate(model)
    for stages in (pipeline, pipeline | diff()):
        calls = calls_per_chunk((LONG | stages).batches())
        assert sum(calls[-3000:-10]) <= 1.02 * sum(calls[2000:4990])
        costs = memory_per_chunk((LONG | stages).batches())
        # All but the few chunks in which pieces are joined into a block, or what measures coverage takes a note.
        assert sorted(costs[-2000:-10])[-20] <= sorted(costs[1000:2990])[-20] + 64


def test_larger_chunks_take_fewer_calls(pipeline: Pipeline[str, Change[object]]) -> None:
    totals = [sum(calls_per_chunk((list(cut(WHOLE, [size])) | pipeline).batches())) for size in (3, 50, 5000)]
    assert totals == sorted(totals, reverse=True)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 190 + "1," * 2000,
        '{"a":' * 190 + "[" + "1," * 2000,
        '{"rows": [' + ROW * 50,
        "[" + '{"a": 1, "a": 2}, ' * 300,
        "[" + '{"a": "\\ud83d\\ude00"}, ' * 300,
        "[" + "[[[[1]]]], " * 300,
    ],
    ids=["arrays", "objects", "cut off", "twins", "pairs", "nested"],
)
@pytest.mark.parametrize("size", [64, 1000, 1 << 20])
def test_the_c_scanner_reads_no_text_again_and_again(monkeypatch: pytest.MonkeyPatch, text: str, size: int) -> None:
    """It is tried at an opening bracket, and reads to the end of the piece before it gives up."""
    read = 0
    real = read_container

    def counting(piece: str, at: int) -> object:
        nonlocal read
        read += len(piece) - at
        value, end = real(piece, at)
        read -= len(piece) - end
        return value, end

    monkeypatch.setattr(scanner, "read_container", counting)
    for _ in (list(cut(text, [size])) | accumulate()).batches():
        pass
    assert read <= 6 * len(text)


@pytest.mark.parametrize("before", ["", "[", "[1,", "[1", "{", '{"a":1,', '{"a"', '{"a":', "[] "])
def test_a_run_of_spaces_takes_no_step_for_each(before: str) -> None:
    machine = scanner.Scanner(BUFFER_ONLY, Limits())  # type: ignore[arg-type]  # nothing here is told to it
    machine.feed(before)
    steps = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal steps
        steps += event == "line"
        return trace

    traced = sys.gettrace()
    sys.settrace(trace)
    try:
        machine.feed(" " * 1000)
    finally:
        sys.settrace(traced)
    assert 0 < steps < 100


def test_reading_along_keeps_nothing_of_what_it_told() -> None:
    """The text of what has closed is gone: only typed values are kept."""
    text = ['{"name": "', *(["x" * 1000] * 500), '", "age": 1, "tags": [], "unknown": "', *(["y" * 1000] * 2000), '"}']
    tracemalloc.start()
    try:
        kept = [tracemalloc.get_traced_memory()[0] for _ in (text | accumulate() | validate(Row)).batches()][-1]
    finally:
        tracemalloc.stop()
    assert kept < 600_000


@pytest.mark.parametrize("chunk", ["{}, ", "1, ", '"a", ', "[], "])
def test_many_small_values_cost_alike(chunk: str) -> None:
    calls = calls_per_chunk((["[", *([chunk] * 3000)] | accumulate() | diff()).batches())
    assert sum(calls[-1000:-10]) <= 1.02 * sum(calls[500:1490])


def test_rows_share_their_keys() -> None:
    rows = [change.value for change in list('[{"name": 1}, {"name": 2}]') | accumulate() if change.pointer == ""][1]
    (first,), (second,) = cast("list[dict[str, int]]", rows)
    assert first is second
