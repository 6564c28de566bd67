"""retry_source: open the source again when it fails.

retry_source(3)
in    #      #      a--b|
out                 a--b|
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from typing import Any, Generic, TypeVar, cast

from streamkit.changes.change import Change, Finish
from streamkit.changes.endings import hold_failure
from streamkit.flow import Batches, Flow, Pipeline, Reason, Stage, cancellations, check_kinds

__all__ = ["Retry", "retry_source"]

T = TypeVar("T")


def retry_source(attempts: int = 3, *kinds: type[Exception], delay: float = 0.0) -> Retry:
    """When the source or a stage before this one raises, run them again from the beginning.

    After text, it helps only while nothing was emitted: emitted text cannot be taken back, so later errors are raised.
    After changes (`flow | extract(Model) | retry_source()`) it always helps. A `reset` starts the new attempt, the
    document stays, and a `diff()` after it emits only the differences. If all attempts fail, the last error is raised,
    with notes of the earlier ones.

    It runs the source itself, so use it after a source or a flow, not inside a pipeline. Async only.

    Args:
        attempts: how often the source is run at most.
        kinds: which errors to retry; by default every `Exception`.
        delay: seconds before the second attempt; doubled for each later one.

    Raises:
        ValueError: less than one attempt, or a negative `delay`.
        TypeError: `attempts` is not a number, or one of `kinds` is not an exception class; or, when it is composed,
            the source can be read only once, or there is no source.
    """
    if not isinstance(attempts, int):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise TypeError(f"retry_source() takes a number of attempts first, as in (3, OSError), got {attempts!r:.80}")
    check_kinds(kinds, "retry_source()")
    if delay < 0:
        raise ValueError(f"retry_source() got delay={delay}: a delay cannot be negative")
    if attempts < 1:
        raise ValueError(f"retry_source() got {attempts} attempts: allow at least one attempt")
    return Retry(attempts, kinds or (Exception,), delay)


class Retry:
    """The settings of `retry_source`; `source | retry` and `retry(source)` are the same."""

    def __init__(self, attempts: int, kinds: tuple[type[Exception], ...], delay: float) -> None:
        self.attempts, self.kinds, self.delay = attempts, kinds, delay

    def __ror__(self, source: AsyncIterable[T] | Iterable[T]) -> Flow[T]:
        return self(source)

    def __call__(self, source: AsyncIterable[T] | Iterable[T]) -> Flow[T]:
        if isinstance(source, Pipeline):
            raise TypeError(
                f"retry_source() needs a source to run again, got only stages: write source | {source!r} | "
                "retry_source()"
            )
        flow = source if isinstance(source, Flow) else Flow[T](source)
        if not flow.can_run_again:
            raise TypeError(
                f"cannot run {flow!r} again, its source can be read only once: give retry_source() a source that can "
                "be iterated again, such as a list or a class with __aiter__"
            )
        return Flow(_RetriedSource(flow, self))


class _RetriedSource(Generic[T]):
    """A source of batches: those of the attempts, one after the other."""

    def __init__(self, flow: Flow[T], retry: Retry) -> None:
        self._flow, self._retry = flow, retry

    @property
    def model(self) -> object:
        return self._flow.model

    def __aiter__(self) -> AsyncIterator[T]:
        return aiter(Flow[T](self))

    def open_batches(self) -> Batches:
        return cast("Batches", _Attempts(self._flow, self._retry))


class _Attempts:
    """One run; its `finish` is that of the source's last attempt."""

    def __init__(self, flow: Flow[Any], retry: Retry) -> None:
        self.finish: Finish | None = None
        self._flow, self._retry = flow | Stage(lambda: _FinishObserver(self), "retry_source"), retry
        self._batches = self._run()

    async def __anext__(self) -> Sequence[object]:
        return await anext(self._batches)

    async def aclose(self) -> None:
        await self._batches.aclose()

    async def _run(self) -> Batches:
        retry, earlier = self._retry, list[Exception]()
        cancelled_before = cancellations()
        while True:
            is_last = len(earlier) == retry.attempts - 1
            emitted = emitted_changes = False
            failed_end: Change | None = None
            try:
                async with self._flow.batches() as batches:
                    async for batch in batches:
                        out, failed_end = (batch, None) if is_last else hold_failure(batch, retry.kinds)
                        emitted_changes = emitted_changes or any(isinstance(item, Change) for item in out)
                        emitted = emitted or bool(out)
                        if out:
                            yield out
            except retry.kinds as error:
                is_cancelled = cancellations() > cancelled_before
                if is_last or is_cancelled or (emitted and not emitted_changes):
                    for number, before in enumerate(earlier, 1):
                        error.add_note(f"attempt {number} of {retry.attempts}: {before!r}")
                    raise
                earlier.append(error)
            else:
                if failed_end is not None:  # it only reports an error, perhaps of an earlier run: nothing was raised
                    yield (failed_end,)
                return
            if emitted_changes:
                yield (Change("reset", (), str(earlier[-1])),)
            await asyncio.sleep(retry.delay * 2 ** (len(earlier) - 1))


class _FinishObserver:
    """Passes everything on, and keeps how the source finished."""

    def __init__(self, attempts: _Attempts) -> None:
        self._attempts = attempts

    def feed(self, item: object, /) -> Sequence[object]:
        return (item,)

    def feed_batch(self, batch: Sequence[object]) -> Sequence[object]:
        return batch

    def close(self, reason: Reason, /) -> Sequence[object]:
        self._attempts.finish = reason if isinstance(reason, Finish) else None
        return ()
