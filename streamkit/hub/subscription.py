"""`Subscription`: one reader of a hub, at a place of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from itertools import chain
from operator import length_hint
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, Protocol, TypeAlias, TypeVar, cast, overload

from streamkit.errors import FellBehind, StreamkitError
from streamkit.events import Change, End
from streamkit.flow import Flow, Pipeline
from streamkit.hub.channel import Channel
from streamkit.hub.log import Batch, MemoryLog
from streamkit.hub.waiters import Waiter
from streamkit.merge import conflate

if TYPE_CHECKING:
    from collections.abc import AsyncIterable
    from types import TracebackType
    from typing import Self

__all__ = ["Policy", "Stats", "Subscription"]

ItemT = TypeVar("ItemT", covariant=True)
T = TypeVar("T")

Policy: TypeAlias = Literal["conflate", "every", "suspend", "disconnect"]
"""What becomes of a subscriber that falls behind: see `Hub.subscribe`."""

_NOTHING: Iterator[Change[object]] = iter(())  # one for all: it is at its end
_ALWAYS = ("reset", "snapshot", "end")


class Stats(NamedTuple):
    """How a subscriber keeps up, in changes.

    Attributes:
        lag: told by the source, and not yet read.
        delivered: handed over.
        merged: joined with others that were handed over.
        dropped: which a snapshot stood for.
    """

    lag: int
    delivered: int
    merged: int
    dropped: int


class Owner(Protocol):
    """What a subscription needs of its hub."""

    @property
    def channel(self) -> Channel: ...

    @property
    def model(self) -> object: ...

    def join(self, who: object, /) -> None:
        """Count somebody in."""
        ...

    def leave(self, who: object, /) -> None:
        """Count them out; again is harmless."""
        ...


class Subscription(Generic[ItemT]):
    """One reader: enter it, then iterate it. `subscription | stage` is a flow, which enters it by itself.

    It takes effect when it is entered, before anything else runs. One task reads it; more want
    subscriptions of their own.

    Attributes:
        seq: the place up to which everything was handed over. What was handed over of merged changes beyond it
            comes again for who goes on from there; with `batches=True` there is no such thing.
    """

    __slots__ = (
        "__weakref__",
        "_batches",
        "_behind",
        "_capacity",
        "_cursor",
        "_dropped",
        "_fits",
        "_is_plain",
        "_is_waiting",
        "_joined",
        "_limit",
        "_log",
        "_merged",
        "_owner",
        "_policy",
        "_rest",
        "_state",
        "_waiter",
        "_withheld",
    )

    def __init__(
        self,
        owner: Owner,
        after: int,
        policy: Policy,
        capacity: int | None,
        fits: Callable[[Change], bool] | None,
        *,
        batches: bool,
    ) -> None:
        self._owner, self._policy, self._capacity, self._fits, self._batches = owner, policy, capacity, fits, batches
        self._cursor = after
        self._rest: Iterator[Change[object]] = _NOTHING  # of what was taken of the log last, what is to be handed over
        self._behind = 0  # where the cursor stood before; -1 for changes that are as the source told them
        self._limit: int | None = None
        self._joined = 0  # the place of the stream when it was entered
        self._withheld = after  # how many were not handed over of those before the cursor
        self._merged = self._dropped = 0
        self._waiter = Waiter(owner.channel.readers)
        self._is_waiting = False
        self._log: MemoryLog = owner.channel.log
        # One that takes what is told as it is told, if it keeps up.
        self._is_plain = fits is None and policy != "suspend"
        self._state: Literal["new", "open", "left"] = "new"

    def __repr__(self) -> str:
        return f"Subscription(seq={self.seq}, policy={self._policy!r}, {self._state})"

    @property
    def seq(self) -> int:
        left = length_hint(self._rest)
        if not left:
            return self._cursor
        return self._cursor - left if self._behind < 0 else self._behind

    @property
    def model(self) -> object:
        """The type that the changes speak of; None if the hub knows none."""
        return self._owner.model

    def stats(self) -> Stats:
        """How this subscriber keeps up."""
        lag = self._log.seq - self._cursor
        return Stats(lag, self._cursor - self._withheld, self._merged, self._dropped)

    @overload
    def __or__(self, after: Pipeline[Any, T]) -> Flow[T]: ...
    @overload
    def __or__(self, after: Callable[[AsyncIterable[ItemT]], T]) -> T: ...
    def __or__(self, after: Any) -> Any:
        return Flow[ItemT](self) | after

    async def open_batches(self) -> AsyncGenerator[Sequence[object], None]:
        """What comes, those of one chunk together; leaves when it is closed."""
        are_items, self._batches = self._batches, True
        async with self:
            rest = tuple(self._rest)
            if rest:
                yield rest
            async for batch in self:
                yield (batch,) if are_items else cast("Batch[object]", batch).changes

    async def __aenter__(self) -> Self:
        if self._state == "left":
            raise StreamkitError("this subscription was left; subscribe again, with after=its seq")
        if self._state == "new":
            self._owner.join(self)
            self._state, self._joined = "open", self._log.seq
            self._ask()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ItemT:
        # One coroutine, and few calls: this is what a subscriber costs, while it waits and for each batch.
        for change in self._rest:
            return change  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # ItemT without batches
        if self._state != "open" or self._is_waiting:
            self._refuse()
        log = self._log
        batch: Batch[object] | None
        while True:
            cursor, seq = self._cursor, log.seq
            if cursor != seq:
                if cursor == log.before and self._is_plain:
                    batch, self._cursor, self._behind = log.newest, seq, -1
                    break
                batch = self._read()
                if batch is not None:
                    break
            if log.end is not None:
                self._finish(log.end)
                raise StopAsyncIteration
            self._is_waiting = True
            try:
                await self._waiter
            except BaseException:
                self._forget()
                raise
            self._is_waiting = False
            if self._state != "open":
                raise StopAsyncIteration
        if self._batches:
            return batch  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # ItemT with batches
        self._rest = iter(batch.changes)
        return next(self._rest)  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # ItemT without batches

    def _forget(self) -> None:
        """Let go of the task that waited."""
        self._waiter, self._is_waiting = Waiter(self._owner.channel.readers), False

    def _refuse(self) -> None:
        if self._state == "new":
            raise StreamkitError("enter the subscription first: async with hub.subscribe() as changes: ...")
        if self._state == "left":
            raise StopAsyncIteration
        raise StreamkitError("a subscription has one reader: another task wants a subscription of its own")

    def _read(self) -> Batch[object] | None:
        """What is there and was not read: at least one change; None if there is nothing."""
        self._rest = _NOTHING
        while self._cursor < self._log.seq:
            before = self._cursor
            changes = self._take()
            self._ask()
            self._withheld += self._cursor - before - len(changes)
            if changes:
                return Batch(self._cursor, changes)
        return None

    def _take(self) -> Sequence[Change[object]]:
        """Move on in the log; return what is to be handed over of it, perhaps nothing."""
        log = self._log
        self._behind = -1
        if self._policy == "disconnect":
            self._check()
        if self._policy == "conflate":
            batches = log.read(self._cursor)
            if batches is not None and len(batches) > 1:
                return self._merge(batches)
            batch = None if batches is None else batches[0]
        else:
            batch = log.read_one(self._cursor)
        if batch is None:
            return self._snapshot()
        self._cursor += len(batch)
        if self._fits is None:
            return batch
        return self._select(batch)

    def _check(self) -> None:
        """Raise if more has piled up since this subscriber joined than it may leave unread."""
        log, since = self._log, max(self._cursor, self._joined)
        lag = log.seq - since
        if self._capacity is None or lag <= self._capacity:
            return
        # One batch may be larger than what it may be behind: reading it is keeping up.
        batch = log.read_one(since)
        if batch is None or len(batch) < lag:
            self._leave()
            raise FellBehind(
                f"this subscriber is {lag} changes behind, and may be {self._capacity}: read faster, or go on with "
                f"after={self._cursor}",
                missed=lag,
            )

    def _select(self, changes: Sequence[Change[object]]) -> Sequence[Change[object]]:
        fits = self._fits
        if fits is None:
            return changes
        chosen = [change for change in changes if change.op in _ALWAYS or fits(change)]
        if len(chosen) < len(changes):
            self._behind = self._cursor - len(changes)
        return chosen

    def _merge(self, batches: Sequence[Sequence[Change[object]]]) -> Sequence[Change[object]]:
        """What piled up, as the least changes; or the document, where that is less."""
        log = self._log
        behind, self._cursor = self._cursor, log.seq
        changes = self._select(list(chain.from_iterable(batches)))
        merged = conflate(changes)
        # In a document, a value is its state and its verdict: two changes' worth.
        if len(merged) > 2 * log.values + 1:
            self._cursor = behind
            return self._snapshot()
        self._merged += len(changes) - len(merged)
        self._behind = behind
        return merged

    def _snapshot(self) -> Sequence[Change[object]]:
        """The document in place of what is not kept, and again what tells how the stream came out."""
        log = self._log
        told: list[Change[object]] = []
        if log.verdict is not None and (self._fits is None or self._fits(log.verdict)):
            told.append(log.verdict)
        if log.end is not None:
            told.append(Change("end", (), log.end))
        document = log.snapshot()
        document.end = None  # told behind it
        document.missed = log.seq - self._cursor - len(told)
        self._dropped += document.missed
        self._behind, self._cursor = self._cursor, log.seq
        return [Change("snapshot", (), document), *told]

    def _ask(self) -> None:
        """Let the source go on as far as this subscriber wants it to."""
        if self._policy == "suspend" and self._capacity is not None and self._state == "open":
            limit = self._cursor + self._capacity
            if limit != self._limit:
                self._owner.channel.move(self._limit, limit)
                self._limit = limit

    def _finish(self, end: End) -> None:
        self._leave()
        if end.status == "failed" and end.error is not None:
            # Many raise this one: none of them is to show the others' frames, or keep them alive.
            raise end.error.with_traceback(self._owner.channel.trace)

    def _leave(self) -> None:
        if self._state == "open":
            self._owner.leave(self)
            if self._limit is not None:
                self._owner.channel.move(self._limit, None)
            if self._is_waiting:
                self._waiter.wake()
            self._forget()
        self._state, self._limit = "left", None
