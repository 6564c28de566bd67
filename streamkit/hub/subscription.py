"""`Subscription`: one subscriber of a hub, at a position of its own."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from operator import length_hint
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, Protocol, TypeAlias, TypeVar, cast, overload

from typing_extensions import TypeVar as DefaultTypeVar

from streamkit.changes.change import Change, End
from streamkit.errors import FellBehind, StreamkitError
from streamkit.flow import Flow, Pipeline, Through, ToChanges, ToRoot
from streamkit.hub.channel import Channel
from streamkit.hub.cursor import Cursor
from streamkit.hub.log import Batch
from streamkit.hub.waiters import Waiter

if TYPE_CHECKING:
    from collections.abc import AsyncIterable
    from types import TracebackType
    from typing import Self

__all__ = ["Policy", "Stats", "Subscription"]

ItemT = TypeVar("ItemT", covariant=True)
T = TypeVar("T")
RootT = DefaultTypeVar("RootT", default=object)

Policy: TypeAlias = Literal["conflate", "every", "suspend", "disconnect"]
"""What happens to a subscriber that falls behind: see `Hub.subscribe`."""

_NOTHING: Iterator[Change[object]] = iter(())  # shared by all: it is exhausted


class Stats(NamedTuple):
    """How a subscriber keeps up, in changes.

    Attributes:
        lag: emitted by the source, and not yet read.
        delivered: delivered to the subscriber.
        merged: merged into delivered changes.
        dropped: replaced by a snapshot.
    """

    lag: int
    delivered: int
    merged: int
    dropped: int


class Owner(Protocol):
    """What a subscription needs from its hub."""

    @property
    def channel(self) -> Channel: ...

    @property
    def model(self) -> object: ...

    def join(self, who: object, /) -> None:
        """Add a member."""
        ...

    def leave(self, who: object, /) -> None:
        """Remove a member; harmless if it was removed before."""
        ...

    def drop(self, who: object, limit: int | None, /) -> None:
        """Count out one that is being collected, in any thread."""
        ...


class Subscription(Cursor, Generic[ItemT]):
    """One subscriber: enter it, then iterate it. `subscription | stage` is a flow, which enters it by itself.

    It takes effect when it is entered, before anything else runs. One task reads it; other tasks need subscriptions
    of their own.

    Attributes:
        seq: the position up to which everything was delivered. If merged changes were delivered in part, a
            subscription that continues from here gets them again; with `batches=True` this cannot happen.
    """

    __slots__ = (
        "__weakref__",
        "_batches",
        "_capacity",
        "_is_plain",
        "_joined",
        "_limit",
        "_owner",
        "_policy",
        "_rest",
        "_state",
        "_waiter",
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
        self._state: Literal["new", "open", "waiting", "left"] = "new"
        self._owner, self._policy, self._capacity, self._batches = owner, policy, capacity, batches
        super().__init__(owner.channel.log, after, fits, conflates=policy == "conflate")
        self._rest: Iterator[Change[object]] = _NOTHING  # the part of the last read that is not delivered yet
        self._limit: int | None = None
        self._joined = 0  # the position of the stream when it was entered
        self._waiter = Waiter(owner.channel.readers)
        # It delivers batches as the source emitted them, if it keeps up.
        self._is_plain = fits is None and policy != "suspend"

    def __repr__(self) -> str:
        return f"Subscription(seq={self.seq}, policy={self._policy!r}, {self._state})"

    @property
    def seq(self) -> int:
        left = length_hint(self._rest)
        if not left:
            return self._at
        return self._at - left if self._behind < 0 else self._behind

    @property
    def model(self) -> object:
        """The type of the changes; None if the hub does not know one."""
        return self._owner.model

    def stats(self) -> Stats:
        """Return how far this subscriber is."""
        return Stats(self._log.seq - self._at, self._at - self._withheld, self._merged, self._dropped)

    @overload
    def __or__(self, after: Through) -> Flow[ItemT]: ...
    @overload
    def __or__(self: Subscription[Change[RootT]], after: ToChanges) -> Flow[Change[RootT]]: ...
    @overload
    def __or__(self: Subscription[Change[RootT]], after: ToRoot) -> Flow[RootT]: ...
    @overload
    def __or__(self, after: Pipeline[Any, T]) -> Flow[T]: ...
    @overload
    def __or__(self, after: Callable[[AsyncIterable[ItemT]], T]) -> T: ...
    def __or__(self, after: Any) -> Any:
        return Flow[ItemT](self) | after

    async def open_batches(self) -> AsyncGenerator[Sequence[object], None]:
        """Yield changes by chunk; leaves the subscription when it is closed."""
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

    def __del__(self) -> None:
        if self._state in ("open", "waiting") and self._log.end is None:
            # With the limit of a "suspend" subscription, the source would wait for ever.
            self._owner.drop(self, self._limit)
            warnings.warn(
                f"{self!r} was entered and dropped without being left: write 'async with hub.subscribe() as changes'",
                ResourceWarning,
                source=self,
                stacklevel=1,
            )

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ItemT:
        # One coroutine, and few calls: this is what a subscriber costs, while it waits and for each batch.
        for change in self._rest:
            return change  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # ItemT without batches
        if self._state != "open":
            self._refuse()
        log = self._log
        batch: Batch[object] | None
        while True:
            at, seq = self._at, log.seq
            if at != seq:
                if at == log.before and self._is_plain:
                    batch, self._at, self._behind = log.newest, seq, -1
                    break
                batch = self._read()
                if batch is not None:
                    break
            if log.end is not None:
                self._finish(log.end)
                raise StopAsyncIteration
            self._state = "waiting"
            try:
                await self._waiter
            except BaseException:
                self._forget()
                raise
            if self._state != "waiting":
                raise StopAsyncIteration
            self._state = "open"
        if self._batches:
            return batch  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # ItemT with batches
        self._rest = iter(batch.changes)
        return next(self._rest)  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # ItemT without batches

    def _forget(self) -> None:
        """Release the task that waited."""
        self._waiter = Waiter(self._owner.channel.readers)
        if self._state == "waiting":
            self._state = "open"

    def _refuse(self) -> None:
        if self._state == "new":
            raise StreamkitError("enter the subscription first: async with hub.subscribe() as changes: ...")
        if self._state == "left":
            raise StopAsyncIteration
        raise StreamkitError("a subscription has one reader: another task wants a subscription of its own")

    def _read(self) -> Batch[object] | None:
        """Return unread changes, at least one; None if there are none."""
        self._rest = _NOTHING
        while self._at < self._log.seq:
            if self._policy == "disconnect":
                self._check()
            changes = self._take()
            self._ask()
            if changes:
                return Batch(self._at, changes)
        return None

    def _check(self) -> None:
        """Raise if the backlog since this subscriber joined exceeds its capacity."""
        log, since = self._log, max(self._at, self._joined)
        lag = log.seq - since
        if self._capacity is None or lag <= self._capacity:
            return
        # One batch may be larger than the capacity: reading it counts as keeping up.
        batch = log.read_one(since)
        if batch is None or len(batch) < lag:
            self._leave()
            raise FellBehind(
                f"this subscriber is {lag} changes behind, and may be {self._capacity}: read faster, or go on with "
                f"after={self._at}",
                missed=lag,
            )

    def _ask(self) -> None:
        """Let the source go on as far as the capacity of this subscriber allows."""
        if self._policy == "suspend" and self._capacity is not None and self._state == "open":
            limit = self._at + self._capacity
            if limit != self._limit:
                self._owner.channel.move(self._limit, limit)
                self._limit = limit

    def _finish(self, end: End) -> None:
        self._leave()
        if end.status == "failed" and end.error is not None:
            # Many subscribers raise this error: none must show the frames of the others, or keep them alive.
            raise end.error.with_traceback(self._owner.channel.trace)

    def _leave(self) -> None:
        if self._state in ("open", "waiting"):
            self._owner.leave(self)
            if self._limit is not None:
                self._owner.channel.move(self._limit, None)
            if self._state == "waiting":
                self._waiter.wake()
            self._forget()
        self._state, self._limit = "left", None
