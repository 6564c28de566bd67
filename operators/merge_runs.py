"""merge_runs: run several extractions at once, as one document with a key for each.

merge_runs({"a": flow_a, "b": flow_b})
in    a: add ""   append "x"   complete "", end       b: add ""   complete "", end
out   add ""   add /a   add /b   append /a   complete /b   complete /a   complete ""   end
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, TypeAlias, TypeVar, cast

from streamkit.changes.change import Change, End, Status, is_verdict
from streamkit.changes.document import Document
from streamkit.changes.endings import missed, no_change
from streamkit.errors import InvalidResult, StreamkitError
from streamkit.flow import Batches, Flow, batched, failure_of, refuse_if_cancelled, stop_all

__all__ = ["merge_runs"]

RootT = TypeVar("RootT")
Changes: TypeAlias = AsyncIterable[Change[RootT]] | Iterable[Change[RootT]]

_BEST_TO_WORST: tuple[Status, ...] = ("complete", "invalid", "truncated", "refused", "cancelled", "failed")


def merge_runs(flows: Mapping[str, Changes[RootT]]) -> Flow[Change[dict[str, RootT]]]:
    """Run flows of changes side by side, and emit their changes as the changes of one object.

    A change of a run is emitted at the same path below the run's key. A run that fails, or whose text is truncated,
    does not stop the others. The single `end` has the worst status and lists all open paths; its error is that of the
    run, or an `ExceptionGroup` of several. The root is complete when all runs are, with a dict of their values. Async
    only.

    Args:
        flows: the flows, by key.

    Raises:
        TypeError: `flows` is not a mapping.
    """
    if not isinstance(flows, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise TypeError(f"merge_runs() takes flows by key, such as {{'a': flow, 'b': another}}, got {flows!r:.80}")
    return Flow(_Runs(flows))


class _Runs:
    """A source of batches: those of all runs."""

    model: object = None

    def __init__(self, flows: Mapping[str, Changes[Any]]) -> None:
        self._flows = dict(flows)

    def __aiter__(self) -> AsyncIterator[Any]:
        return aiter(Flow[Any](self))

    async def open_batches(self) -> Batches:
        runs = [_Run(key, flow) for key, flow in self._flows.items()]
        # At most one batch of each run is pending, so the sources go no faster than the consumer.
        queue = asyncio.Queue[Sequence[Change] | None](maxsize=max(len(runs), 1))
        create_task = asyncio.get_running_loop().create_task
        tasks = [create_task(run.read(queue), name=f"streamkit merge_runs {run.key}") for run in runs]
        try:
            yield [Change[Any]("add", (), {})]
            for _ in runs:
                while (batch := await queue.get()) is not None:
                    yield batch
            end = _merged_end(runs)
            yield [*_root_verdict(runs, end), Change[Any]("end", (), end)]
        finally:
            await stop_all(tasks)
        if end.status == "failed" and end.error is not None:
            raise end.error


class _Run:
    """One of the runs: its document so far, and how it ended."""

    def __init__(self, key: str, flow: Changes[Any]) -> None:
        self.key, self._flow = key, flow
        self.document = Document()
        self.verdict: Change | None = None
        self.error: Exception | None = None

    @property
    def end(self) -> End:
        """How the run ended, also if it emitted no `end`."""
        end = self.document.end
        if self.error is not None and (end is None or end.status != "failed"):
            return End("failed", self.document.open, self.error)
        if end is not None:
            return end
        return End("truncated", self.document.open, StreamkitError(f"the run {self.key!r} stopped without an end"))

    async def read(self, queue: asyncio.Queue[Sequence[Change] | None]) -> None:
        """Put the run's changes into the queue, batch by batch, and None when it has ended."""
        task = asyncio.current_task()
        try:
            async with aclosing(aiter(cast("Any", batched(self._flow)))) as batches:
                async for batch in batches:
                    refuse_if_cancelled(task, batch)
                    changes = [merged for change in batch for merged in self._merge(change)]
                    if changes:
                        await queue.put(changes)
        except asyncio.CancelledError as cancelled:
            self.error = failure_of(cancelled, f"the run {self.key!r}")
            self.error.__cause__ = cancelled
        except Exception as error:  # noqa: BLE001  # reported in the end
            self.error = error
        await queue.put(None)

    def _merge(self, change: Change[Any]) -> Sequence[Change[Any]]:
        """Convert a change of the run to changes of the merged document."""
        if not isinstance(change, Change):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise no_change(f"merge_runs(), of its run {self.key!r},", change)
        op, path, value = change
        if op == "snapshot":
            raise missed("merge_runs()")
        self.document.apply(change)
        if op == "end":
            return ()
        if op == "reset":
            self.verdict = None
            return self._reopened()
        if not path and op != "append":
            self.verdict = change if is_verdict(change) else None
        if op == "invalid":
            value = _below(self.key, cast("list[Any]", value))
        return (change._replace(path=(self.key, *path), value=value),)

    def _reopened(self) -> Sequence[Change[Any]]:
        """Return the document without its verdicts. A `reset` would void the verdicts of the other runs, too."""
        out: list[Change[Any]] = []
        for path in self.document.paths():
            value = self.document.get(path)
            empty: Any = {} if isinstance(value, dict) else [] if isinstance(value, list) else value
            out.append(Change("add" if path else "replace", (self.key, *path), empty))
        return out


def _merged_end(runs: Sequence[_Run]) -> End:
    """Return the `end` of the merged document: the worst status, and what belongs to it."""
    ends = [(run, run.end) for run in runs]
    status = _BEST_TO_WORST[max((_BEST_TO_WORST.index(end.status) for _, end in ends), default=0)]
    if status == "complete":
        return End("complete")
    if status == "invalid":
        return End("invalid", (), InvalidResult(_error_details(runs)))
    open_paths = [(run.key, *path) for run, end in ends for path in end.open]
    errors = [end.error for _, end in ends if end.error is not None and end.status == status]
    error = ExceptionGroup(f"{len(errors)} runs {status}", errors) if len(errors) > 1 else next(iter(errors), None)
    return End(status, ((), *sorted(open_paths, key=len)), error)


def _root_verdict(runs: Sequence[_Run], end: End) -> Sequence[Change[Any]]:
    if end.status == "complete":
        return [Change("complete", (), {run.key: cast("Change", run.verdict).value for run in runs})]
    if end.status == "invalid":
        return [Change("invalid", (), _error_details(runs))]
    return ()


def _error_details(runs: Sequence[_Run]) -> list[Any]:
    errors = [(run, run.end.error) for run in runs]
    return [each for run, error in errors if isinstance(error, InvalidResult) for each in _below(run.key, error.errors)]


def _below(key: str, errors: Sequence[Any]) -> list[Any]:
    """Return error details with their `loc` counted from the merged root."""
    return [{**each, "loc": (key, *each["loc"])} for each in errors]
