"""retry_source: opens the source again when it fails.

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
from streamkit.flow import Batches, Flow, Pipeline, Reason, Stage, check_kinds

__all__ = ["Retry", "retry_source"]

T = TypeVar("T")


def retry_source(attempts: int = 3, *kinds: type[Exception], delay: float = 0.0) -> Retry:
    """Run what stands before it again when it raises, from its beginning.

    Behind text it helps as long as nothing came: text that was handed on cannot be taken back, so an error after that
    comes out. Behind changes (`flow | extract(Model) | retry_source()`) it always helps: a `reset` begins the new
    attempt, the document stays, and `diff()` behind it tells only what differs. The last error comes out, with notes
    of those before.

    It runs the source, so it stands behind a source or a flow, not in a pipeline. Async only.

    Args:
        attempts: how often the source is run at most.
        kinds: which errors; by default every `Exception`.
        delay: seconds before the second attempt; doubled for each one after it.

    Raises:
        ValueError: fewer than one attempt, or a negative `delay`.
        TypeError: `attempts` is no number, or one of `kinds` no class of exceptions; or when it is put behind a source
            that can be read only once, or behind stages without a source.
    """
    if not isinstance(attempts, int):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise TypeError(f"retry_source() takes a number of attempts first, as in (3, OSError), got {attempts!r:.80}")
    check_kinds(kinds, "retry_source()")
    if delay < 0:
        raise ValueError(f"retry_source(delay={delay}): there is no time before now")
    if attempts < 1:
        raise ValueError(f"retry_source({attempts}): at least one attempt is needed")
    return Retry(attempts, kinds or (Exception,), delay)


class Retry:
    """What `source | retry_source()` calls; the same as `retry(source)`."""

    def __init__(self, attempts: int, kinds: tuple[type[Exception], ...], delay: float) -> None:
        self.attempts, self.kinds, self.delay = attempts, kinds, delay

    def __ror__(self, source: AsyncIterable[T] | Iterable[T]) -> Flow[T]:
        return self(source)

    def __call__(self, source: AsyncIterable[T] | Iterable[T]) -> Flow[T]:
        if isinstance(source, Pipeline):
            raise TypeError(
                f"retry_source() stands behind a source, which it runs again, not behind stages alone: write "
                f"source | {source!r} | retry_source()"
            )
        flow = source if isinstance(source, Flow) else Flow[T](source)
        if not flow.can_run_again:
            raise TypeError(f"cannot run {flow!r} again: retry_source() takes a source that can be iterated anew")
        return Flow(_Retried(flow, self))


class _Retried(Generic[T]):
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
    """One run; tells at its end how the source said that it finished."""

    def __init__(self, flow: Flow[Any], retry: Retry) -> None:
        self.finish: Finish | None = None
        self._flow, self._retry = flow | Stage(lambda: _Watch(self), "retry_source"), retry
        self._batches = self._run()

    async def __anext__(self) -> Sequence[object]:
        return await anext(self._batches)

    async def aclose(self) -> None:
        await self._batches.aclose()

    async def _run(self) -> Batches:
        retry, before = self._retry, list[Exception]()
        while True:
            last = len(before) == retry.attempts - 1
            told = spoke = False
            held: Change | None = None
            try:
                async with self._flow.batches() as batches:
                    async for batch in batches:
                        out, held = (batch, None) if last else hold_failure(batch, retry.kinds)
                        spoke = spoke or any(isinstance(item, Change) for item in out)
                        told = told or bool(out)
                        if out:
                            yield out
            except retry.kinds as error:
                if last or (told and not spoke):
                    for count, earlier in enumerate(before, 1):
                        error.add_note(f"attempt {count} of {retry.attempts}: {earlier!r}")
                    raise
                before.append(error)
            else:
                if held is not None:  # as in catch()
                    yield (held,)
                return
            if spoke:
                yield (Change("reset", (), str(before[-1])),)
            await asyncio.sleep(retry.delay * 2 ** (len(before) - 1))


class _Watch:
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
