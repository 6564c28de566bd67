"""Marble diagrams: streams in time, written and read as text. One character is one tick.

    a--b-(cd)|      a at once, b three ticks later, c and d together, then the end
    a--#            a, three ticks later an error
    a-              a, then nothing more, for ever

    assert run_virtual(drawn(marbles("a-b-c---d|") | my_operator())) == "a-c-----d|"

A group in parentheses takes one tick, as does a lone mark; spaces mean nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from typing import Any, cast

from streamkit.hub import Hub

__all__ = ["Marbles", "drawn", "marbles"]

_END, _ERROR, _NOTHING = "|", "#", "-"


def marbles(
    diagram: str, values: Mapping[str, object] | None = None, *, tick: float = 1.0, error: Exception | None = None
) -> Marbles:
    """Make a source of a diagram; every iteration of it begins anew.

    Args:
        diagram: see above. Without a `|` or `#` the source never ends.
        values: what a mark stands for; one that is not there stands for itself.
        tick: how long a tick takes, in seconds of the loop's clock.
        error: what `#` raises; by default `RuntimeError("#")`.

    Raises:
        ValueError: the diagram cannot be read.
    """
    return Marbles(_ticks(diagram), values or {}, tick, error)


class Marbles(AsyncIterable[Any]):
    """A source that keeps the times of a diagram; a cold one."""

    def __init__(self, ticks: list[str], values: Mapping[str, object], tick: float, error: Exception | None) -> None:
        self._ticks, self._values, self._tick, self._error = ticks, values, tick, error

    async def __aiter__(self) -> AsyncGenerator[Any, None]:
        clock = asyncio.get_running_loop()
        start = clock.time()
        for at, marks in enumerate(self._ticks):
            # Reckoned from the start: a slow consumer does not shift what follows.
            await asyncio.sleep(max(start + at * self._tick - clock.time(), 0))
            for mark in marks:
                if mark == _END:
                    return
                if mark == _ERROR:
                    raise self._error or RuntimeError("#")
                yield self._values.get(mark, mark)
        await asyncio.Event().wait()


async def drawn(
    source: AsyncIterable[Any],
    values: Mapping[str, object] | None = None,
    *,
    tick: float = 1.0,
    ticks: int | None = None,
) -> str:
    """Run a source or flow and draw what came out, and when.

    Args:
        source: what to run.
        values: what each mark stands for; an item that none stands for is drawn as its `str`.
        tick: seconds in a tick.
        ticks: leave after so many; needed for what never ends.

    Raises:
        ValueError: an item has no mark of one character, or came between two ticks.
    """
    marks = {id(value): mark for mark, value in (values or {}).items()}
    clock = asyncio.get_running_loop()
    start = clock.time()
    came: list[tuple[float, object]] = []
    last: list[tuple[float, str]] = []

    async def watch() -> None:
        # A hub is entered by whoever made it.
        opens = hasattr(source, "__aenter__") and not isinstance(cast("object", source), Hub)
        entered: Any = source if opens else _Entered(source)
        try:
            async with entered as items:
                async for item in items:
                    came.append((clock.time() - start, item))
        except AssertionError:
            raise
        except Exception:  # noqa: BLE001  # drawn
            last.append((clock.time() - start, _ERROR))
        else:
            last.append((clock.time() - start, _END))

    def picture(ticks: int) -> str:
        marked = [(at, _mark(item, values or {}, marks)) for at, item in came]
        return _picture([*marked, *last], tick, ticks)

    try:
        async with asyncio.timeout(None if ticks is None else (ticks - 0.5) * tick):
            await watch()
    except TimeoutError:
        return picture(ticks or 0)
    return picture(0)


class _Entered:
    """An iterable, entered: its iterator is closed when the block is left."""

    def __init__(self, source: AsyncIterable[Any]) -> None:
        self._items: Any = aiter(source)

    async def __aenter__(self) -> Any:
        return self._items

    async def __aexit__(self, *args: object) -> None:
        close = getattr(self._items, "aclose", None)
        if close is not None:
            await close()


def _ticks(diagram: str) -> list[str]:
    out: list[str] = []
    group: list[str] | None = None
    for mark in diagram:
        if mark == " ":
            continue
        if mark == "(" and group is None:
            group = []
        elif mark == ")" and group is not None:
            out.append("".join(group))
            group = None
        elif mark in "()" or (group is not None and mark == _NOTHING):
            raise ValueError(f"cannot read the diagram {diagram!r}: {mark!r} does not fit there")
        elif group is not None:
            group.append(mark)
        else:
            out.append("" if mark == _NOTHING else mark)
    ends = [at for at, marks in enumerate(out) if _END in marks or _ERROR in marks]
    if group is not None or (ends and (ends[0] != len(out) - 1 or out[-1][-1] not in (_END, _ERROR))):
        raise ValueError(f"cannot read the diagram {diagram!r}: an open group, or marks after the end")
    return out


def _mark(item: Any, values: Mapping[str, object], marks: Mapping[int, str]) -> str:
    mark = marks.get(id(item)) or next((mark for mark, value in values.items() if value == item), None) or str(item)
    if len(mark) != 1 or mark in f"(){_NOTHING}{_END}{_ERROR} ":
        raise ValueError(f"no mark for {item!r:.80}: give drawn() the values that its marks stand for")
    return mark


def _picture(seen: list[tuple[float, str]], tick: float, ticks: int) -> str:
    frames = [""] * ticks
    for time, mark in seen:
        at = round(time / tick)
        if abs(time / tick - at) > 1e-6:
            raise ValueError(f"{mark!r} came after {time:g} s, between two ticks of {tick:g} s: draw with a finer tick")
        frames += [""] * (at + 1 - len(frames))
        frames[at] += mark
    return "".join(frame if len(frame) == 1 else f"({frame})" if frame else _NOTHING for frame in frames)
