"""Sinks: each takes all changes of a flow, in both worlds, and closes what it opened."""

import asyncio
import contextlib
import gc
import io
import json
import os
import pty
import re
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from typing import Any, cast

import pytest
from pydantic import BaseModel

from streamkit import Change, Document, End, Flow, JsonSyntaxError, extract
from streamkit.operators import accumulate
from streamkit.sinks import Callback, Sink, callbacks, console, jsonlines, to_json


class User(BaseModel):
    name: str
    born: date


TEXT = '[{"name": "Jo", "born": "2000-01-02"}, {"name": "Ann", "born": "x"}]'
PIECES = [TEXT[at : at + 5] for at in range(0, len(TEXT), 5)]


async def slowly(pieces: Sequence[str] = PIECES) -> AsyncIterator[str]:
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece


class Collected:
    """A sink that keeps what it is told, and whether it was closed."""

    def __init__(self) -> None:
        self.batches: list[list[Change[object]]] = []
        self.models: list[object] = []
        self.closed = 0
        self.sink = Sink(self.open, "collected")

    def open(self, model: object) -> "Collected":
        self.models.append(model)
        return self

    def take(self, batch: Sequence[Change[object]], /) -> None:
        self.batches.append(list(batch))

    def close(self) -> None:
        self.closed += 1


def told(collected: Collected) -> list[list[object]]:
    return [[change[:2] for change in batch] for batch in collected.batches]


def test_a_sink_takes_everything_batch_by_batch() -> None:
    collected = Collected()
    flow = PIECES | extract(list[User])
    end = (flow | collected.sink).run()
    assert told(collected) == [[change[:2] for change in batch] for batch in flow.batches()]
    assert end is collected.batches[-1][-1].value
    assert end is not None
    assert end.status == "invalid"
    assert collected.models == [list[User]]
    assert collected.closed == 1


async def test_a_sink_takes_everything_of_an_async_flow() -> None:
    collected, expected = Collected(), Collected()
    end = await (slowly() | extract(list[User]) | collected.sink)
    (PIECES | extract(list[User]) | expected.sink).run()
    assert told(collected) == told(expected)
    assert end is collected.batches[-1][-1].value
    assert collected.closed == 1


def test_a_sink_takes_any_iterable_of_changes() -> None:
    collected = Collected()
    changes = [Change[object]("add", (), 1), Change[object]("complete", (), 1)]
    assert (changes | collected.sink).run() is None
    assert collected.sink(changes).run() is None
    assert collected.batches == [[change] for change in changes] * 2
    assert collected.models == [None, None]


def test_what_a_sink_raises_goes_to_the_caller_and_closes_the_source() -> None:
    left: list[BaseException | None] = []

    def source() -> Iterator[str]:
        try:
            yield from PIECES
        except BaseException as error:
            left.append(error)
            raise

    def fail(change: Change[object]) -> None:
        raise LookupError(change.op)

    with pytest.raises(LookupError, match="complete") as caught:
        (source() | extract(list[User]) | callbacks({"/*/name": fail}, ops={"complete"})).run()
    assert caught.value.__notes__ == ["raised by the callback for '/*/name', called with complete '/0/name'"]
    assert [type(error) for error in left] == [GeneratorExit]


def test_a_failed_stream_raises_after_everything_was_delivered() -> None:
    collected = Collected()
    with pytest.raises(JsonSyntaxError):
        (["[1", "x"] | accumulate() | collected.sink).run()
    assert cast("End", collected.batches[-1][-1].value).status == "failed"
    assert collected.closed == 1


@pytest.mark.parametrize("ops", ["complete", {"completed"}, ["add", 1]])
def test_ops_are_those_of_changes(ops: Any) -> None:
    with pytest.raises(ValueError, match="ops is some of add, append"):
        callbacks({"": print}, ops=ops)


def test_callbacks_get_what_fits() -> None:
    told: list[tuple[str, str, object]] = []

    def note(name: str) -> Callback:
        return lambda change: told.append((name, change.op, change.pointer))

    sink = callbacks({"/*/name": note("name"), "/0/**": note("first"), "": note("root")})
    assert repr(sink) == "callbacks('/*/name', '/0/**', '')"
    (PIECES | accumulate() | sink).run()
    assert told[0] == ("root", "add", "")
    assert told[-2:] == [("root", "complete", ""), ("root", "end", "")]
    assert [each for each in told if each[1] == "complete"] == [
        ("name", "complete", "/0/name"),
        ("first", "complete", "/0/name"),
        ("first", "complete", "/0/born"),
        ("first", "complete", "/0"),
        ("name", "complete", "/1/name"),
        ("root", "complete", ""),
    ]


async def test_callbacks_are_awaited_in_order() -> None:
    told: list[object] = []

    async def slow(change: Change[object]) -> None:
        await asyncio.sleep(0.001)
        told.append(("slow", change.value))

    def quick(change: Change[object]) -> None:
        told.append(("quick", change.value))

    sink = callbacks({"/*": slow, "/1": quick, "/**": partial(slow)}, ops={"complete"})
    await (["[1, 2]"] | accumulate() | sink)
    slow1, slow2 = ("slow", 1), ("slow", 2)
    assert told == [slow1, slow1, slow2, ("quick", 2), slow2, ("slow", [1, 2])]


async def test_an_error_of_a_callback_that_waits_is_named() -> None:
    async def fail(change: Change[object]) -> None:
        await asyncio.sleep(0)
        raise LookupError

    with pytest.raises(LookupError) as caught:
        await (["[1]"] | accumulate() | callbacks({"/0": fail}))
    assert caught.value.__notes__ == ["raised by the callback for '/0', called with add '/0'"]


def test_callbacks_that_wait_need_an_event_loop() -> None:
    async def wait(change: Change[object]) -> None: ...

    future: asyncio.Future[None] = asyncio.Future(loop=asyncio.new_event_loop())
    with contextlib.closing(future.get_loop()):
        calls: list[Callback] = [wait, lambda change: future]
        for call in calls:
            with pytest.raises(TypeError, match="await \\(flow"):
                (["[1]"] | accumulate() | callbacks({"/0": call})).run()


def test_a_pattern_that_can_never_match_is_told() -> None:
    with pytest.raises(ValueError, match="did you mean 'name'"):
        (PIECES | extract(list[User]) | callbacks({"/*/nam": print})).run()
    with pytest.raises(ValueError, match="not a JSON Pointer"):
        callbacks({"name": print})


def test_json_lines_fold_to_the_document() -> None:
    file = io.StringIO()
    flow = PIECES | extract(list[User])
    (flow | jsonlines(file)).run()
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert len(lines) == len(list(flow))
    document, expected = Document(), Document()
    for line, change in zip(lines, flow, strict=True):
        assert (line["op"], tuple(line["path"])) == change[:2]
        expected.apply(change)
        if line["op"] != "end":
            document.apply(Change(line["op"], tuple(line["path"]), line["value"]))
    assert document.value == expected.value
    assert {"op": "complete", "path": [0, "born"], "value": "2000-01-02"} in lines
    assert {"op": "complete", "path": [0], "value": {"name": "Jo", "born": "2000-01-02"}} in lines
    end = lines[-1]["value"]
    assert end["status"] == "invalid"
    assert "/1/born" in end["error"]


def test_json_lines_are_json_whatever_the_values() -> None:
    file = io.StringIO()
    changes = [Change[object]("complete", (), value) for value in (float("nan"), {1}, object, b"x", ValueError("no"))]
    (changes | jsonlines(file)).run()
    values = [json.loads(line)["value"] for line in file.getvalue().splitlines()]
    assert values == [None, [1], str(object), "x", "no"]


def test_one_change_as_json() -> None:
    assert (
        to_json(Change("append", ("users", 0, "na/me"), "Jö"))
        == '{"op":"append","path":["users",0,"na/me"],"value":"Jö"}'
    )
    assert to_json(Change("remove", (0,))) == '{"op":"remove","path":[0],"value":null}'
    text = "ab " * 1333
    changes = (
        ['{"text": "', *(text[at : at + 5] for at in range(0, len(text), 5)), '"}'] | extract(dict[str, str])
    ).batches()
    told = [to_json(change) for batch in changes for change in batch if change.op != "complete"]
    assert sum(len(each) for each in told) <= 60_000


def test_a_snapshot_as_json_can_be_gone_on_with() -> None:
    document = Document()
    for change in list(PIECES[:10] | extract(list[User]))[:-1]:
        document.apply(change)
    told = json.loads(to_json(Change("snapshot", (), document)))["value"]
    assert told == {
        "value": [{"name": "Jo", "born": "2000-01-02"}, {"name": "A"}],
        "open": [[], [1], [1, "name"]],
        "invalid": [],
        "missed": 0,
    }


def test_json_lines_are_flushed_with_each_chunk() -> None:
    class File(io.StringIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    file = File()
    (["[1,", "2]"] | accumulate() | jsonlines(file)).run()
    assert file.flushed == 3
    assert not file.closed


LINES = """\
add        (root)  []
add        /0  {}
add        /0/name  "Jo"
complete   /0/name  'Jo'
add        /0/born  "2000-01-02"
complete   /0/born  datetime.date(2000, 1, 2)
complete   /0  User(name='Jo', born=datetime.date(2000, 1, 2))
"""


def test_plain_lines_where_there_is_no_terminal() -> None:
    file = io.StringIO()
    (TEXT | extract(list[User]) | console(file=file)).run()
    lines = file.getvalue()
    assert lines.startswith(LINES)
    assert "invalid    /1/born  Input should be a valid date" in lines
    assert "\nend        (root)  invalid: 1 field not valid: /1/born" in lines
    assert "\x1b" not in lines


def test_a_line_is_not_longer_than_a_line() -> None:
    file = io.StringIO()
    (['"' + "x" * 1000 + '"'] | accumulate() | console(file=file)).run()
    assert [len(line) for line in file.getvalue().splitlines()] == [119, 119, 27]
    assert file.getvalue().splitlines()[0].endswith("x…")


def screen(flow: Flow[Any], **options: Any) -> str:
    """What a terminal would get."""
    file = io.StringIO()
    (flow | console(file=file, live=True, **options)).run()
    return plain(file)


def plain(file: io.StringIO) -> str:
    """What was written, without colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())


def test_panels_show_the_record_and_the_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "25")
    drawn = screen(PIECES | extract(list[User]))
    assert "✓ [0]" in drawn
    assert '✓ name      "Jo"' in drawn
    assert '✗ born      "x"' in drawn
    assert "complete  /0/name  'Jo'" in drawn
    assert drawn.count("╭") >= 2
    assert "invalid ─╯" in drawn


def test_panels_show_what_is_awaited_and_what_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    frames: list[str] = []
    file = io.StringIO()
    with contextlib.closing(console(file=file, live=True, title="somebody").open(User)) as drain:
        for batch in (('{"name": "' + "x" * 60 + "Jo") | extract(User)).batches():
            drain.take(batch)
            frames.append(plain(file))
    assert "somebody" in frames[0]
    assert "· born" in frames[0]
    assert "xxJo▌" in plain(file)
    assert "truncated" in plain(file)


def test_panels_of_a_scalar_and_of_more_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "10")
    assert "✓ 50" in screen("50" | extract(int))
    drawn = screen(json.dumps(list(range(100))) | extract(list[int]))
    assert "[99]" in drawn
    assert "[50]" not in drawn


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of Unix")
@pytest.mark.parametrize(("term", "drawn"), [("xterm", True), ("dumb", False)])
def test_a_terminal_is_drawn_on(monkeypatch: pytest.MonkeyPatch, term: str, drawn: bool) -> None:
    monkeypatch.setenv("TERM", term)
    master, slave = pty.openpty()
    with os.fdopen(master, "rb", buffering=0) as screen, ThreadPoolExecutor() as executor:
        shown = executor.submit(read_to_the_end, screen)
        with os.fdopen(slave, "w") as file:
            (["50"] | extract(int) | console(file=file)).run()
        assert ("╭" in shown.result().decode()) == drawn


def read_to_the_end(screen: io.FileIO) -> bytes:
    """Read what a pseudo-terminal shows, which comes in pieces, until nobody writes to it."""
    shown = b""
    with contextlib.suppress(OSError):  # EIO: how Linux says that the other end is closed
        while piece := screen.read(4096):
            shown += piece
    return shown


def test_without_rich_there_are_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    file = io.StringIO()
    file.isatty = lambda: True  # type: ignore[method-assign]  # a terminal in name only
    (["50"] | extract(int) | console(file=file)).run()
    assert file.getvalue().splitlines() == [
        "add        (root)  50",
        "complete   (root)  50",
        "end        (root)  complete",
    ]


@pytest.mark.parametrize("items", [["x"], [1, 2]])
async def test_a_sink_takes_changes_alone(items: Any) -> None:
    for sink in (jsonlines(io.StringIO()), callbacks({"/**": print})):
        with pytest.raises(TypeError, match="takes changes, got"):
            (items | sink).run()
        with pytest.raises(TypeError, match="takes changes, got"):
            await (items | sink)


@pytest.mark.filterwarnings("error")
def test_a_call_that_has_to_wait_is_not_left_behind() -> None:
    async def save(change: Change[object]) -> None: ...

    with pytest.raises(TypeError, match="has to wait"):
        (["1"] | extract(int) | callbacks({"/**": lambda change: save(change)})).run()  # noqa: PLW0108  # no coroutine function
    gc.collect()
