"""`Hub`: one stream that runs once, for all its subscribers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, TypeAlias, TypeVar, cast, overload
from weakref import WeakValueDictionary, ref

from streamkit.changes.change import Change, End
from streamkit.changes.document import Document
from streamkit.errors import SourceFailed, StreamkitError
from streamkit.flow import (
    Flow,
    Pipeline,
    Source,
    Through,
    ToChanges,
    ToRoot,
    batched,
    refuse_if_cancelled,
    require_asyncio,
    stop,
)
from streamkit.hub.channel import Channel
from streamkit.hub.log import Batch, MemoryLog
from streamkit.hub.subscription import Policy, Stats, Subscription
from streamkit.schema.patterns import check_pattern, matcher

if TYPE_CHECKING:
    from collections.abc import AsyncIterable
    from types import TracebackType
    from typing import Self

__all__ = ["Hub", "Start"]

RootT = TypeVar("RootT")
T = TypeVar("T")

_CANCELLED = "the stream was cancelled before it ended"

_CAPACITY = 1024
"""The default capacity of a subscriber, if the hub keeps everything."""

Start: TypeAlias = Literal["lazy", "eager", "subscribed"]
"""When a hub runs its source: see `share`."""


class _Waiting:
    """Somebody who waits for the result; a plain `object` has no weak references."""


class Hub(Generic[RootT]):
    """A stream with many subscribers, each at its own pace; made by `share`, and entered with `async with`.

    A hub is a source: `hub | select("/title") | ...` is a flow of its own for each consumer.
    """

    def __init__(self, source: Source[Change[RootT]], start: Start, retain: int | None, grace: float) -> None:
        self._source, self._start, self._retain, self._grace = source, start, retain, grace
        # Another object than a source is an error here, not at the first subscription.
        self._flow = Flow[Change[RootT]](source)
        self._channel = Channel(MemoryLog(retain))
        # Weak, so that a subscription that is dropped without being left is collected.
        self._members: dict[int, ref[object]] = {}
        self._matchers: WeakValueDictionary[tuple[str, ...], Callable[[Change], bool]] = WeakValueDictionary()
        self._entered: Literal["not yet", "now", "left"] = "not yet"
        self._context = copy_context()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reader: asyncio.Task[None] | None = None
        self._stopping: asyncio.TimerHandle | None = None
        self._over = asyncio.Event()
        self._trouble: Exception | None = None

    def __repr__(self) -> str:
        return f"Hub({self._source!r}, seq={self.seq}, subscribers={len(self.stats())})"

    @property
    def seq(self) -> int:
        """The number of changes so far: the position after all of them."""
        return self._channel.log.seq

    @property
    def end(self) -> End | None:
        """How the stream ended; None while it runs."""
        return self._channel.log.end

    @property
    def model(self) -> object:
        """The type of the changes; None if the source does not know one."""
        return self._flow.model

    @property
    def channel(self) -> Channel:
        """The log that the subscriptions read, and those that wait for it."""
        return self._channel

    @overload
    def subscribe(
        self,
        after: int | None = None,
        *,
        policy: Policy = "conflate",
        batches: Literal[False] = False,
        select: str | Sequence[str] | None = None,
        capacity: int | None = None,
    ) -> Subscription[Change[RootT]]: ...
    @overload
    def subscribe(
        self,
        after: int | None = None,
        *,
        policy: Policy = "conflate",
        batches: Literal[True],
        select: str | Sequence[str] | None = None,
        capacity: int | None = None,
    ) -> Subscription[Batch[RootT]]: ...
    def subscribe(
        self,
        after: int | None = None,
        *,
        policy: Policy = "conflate",
        batches: bool = False,
        select: str | Sequence[str] | None = None,
        capacity: int | None = None,
    ) -> Subscription[Any]:
        """Subscribe to the stream: enter the returned subscription, then iterate it.

        If the changes from there on are no longer kept, it yields one `snapshot` of the document, then what follows:
        never a gap, never a repeat. A stream that has ended is delivered up to its `end`; a failed one then raises.

        Args:
            after: continue after this position, an earlier `seq`; None begins with the document as it is.
            policy: what happens when this subscriber falls behind. `"conflate"` merges the backlog, without loss, to
                minimal changes. `"every"` yields each batch that is kept. `"suspend"` makes the source wait while
                this subscriber is more than `capacity` changes behind. `"disconnect"` raises `FellBehind` then.
            batches: yield a `Batch` for each chunk, with its position in the stream, instead of single changes.
            select: patterns as for the operator `select`; only changes of these paths.
            capacity: for `"suspend"` and `"disconnect"`, in changes; by default what the hub retains, and 1024 where
                it retains all.

        Raises:
            ValueError: `after` is not a position of this stream, or a pattern can never match its model.
            TypeError: `after` is no int.
        """
        if policy not in ("conflate", "every", "suspend", "disconnect"):
            raise ValueError(f"no policy {policy!r}: conflate, every, suspend or disconnect")
        if after is not None and (isinstance(after, bool) or not isinstance(after, int)):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise TypeError(f"after is the seq of a batch, an int, got {after!r:.80}: int(...) of a Last-Event-ID")
        if after is not None and not 0 <= after <= self.seq:
            raise ValueError(f"after={after} is no place of this stream, which is at {self.seq}: leave it out to join")
        if capacity is not None and (isinstance(capacity, bool) or not isinstance(capacity, int)):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise TypeError(f"capacity is a number of changes, got {capacity!r:.80}")
        if select is not None and not isinstance(select, (str, list, tuple)):
            raise TypeError(f"select is a pattern or a list of patterns, got {select!r:.80}")
        if capacity is not None and capacity < 0:
            raise ValueError(f"capacity={capacity} cannot be negative")
        patterns = (select,) if isinstance(select, str) else tuple(select or ())
        fits = self._matcher(patterns) if patterns else None
        if self.model is not None:
            for pattern in patterns:
                check_pattern(pattern, self.model)
        if capacity is None:
            capacity = _CAPACITY if self._retain is None else self._retain
        elif self._channel.log.keep is not None:
            # So that a backlog of this size is still kept when it is read.
            self._channel.log.keep = max(self._channel.log.keep, capacity)
        return Subscription(self, after or 0, policy, capacity, fits, batches=batches)

    def snapshot(self) -> Document:
        """Return the document at `seq`: it does not change later, and shares unchanged parts with others."""
        return self._channel.log.snapshot()

    async def result(self) -> RootT:
        """Wait for the end; return the value of the root's `complete`.

        Raises:
            StreamkitError: the stream ended otherwise; `.partial` has the JSON value so far.
        """
        waiting = _Waiting()
        self.join(waiting)
        try:
            await self._over.wait()
        finally:
            self.leave(waiting)
        log = self._channel.log
        error = log.end.error if log.end is not None else None
        if error is None and log.verdict is not None and log.verdict.op == "complete":
            return cast("RootT", log.verdict.value)
        if error is None:
            error = StreamkitError("the stream has no result: no root was completed in it")
        if isinstance(error, StreamkitError) and error.partial is None:
            error.partial = log.snapshot().value
        raise error.with_traceback(self._channel.trace)

    def stats(self) -> dict[Subscription[Any], Stats]:
        """Return how far each subscriber is, in the order they joined."""
        members = [member() for member in self._members.values()]
        return {member: member.stats() for member in members if isinstance(member, Subscription)}  # pyright: ignore[reportUnknownVariableType]  # of anything

    def cancel(self) -> None:
        """Stop the source, for everybody: the stream ends `cancelled`, at once. Again is harmless.

        Leaving the hub does the same, and waits until the source is closed.

        Raises:
            StreamkitError: called outside the hub's event loop, in another thread for example; write
                `loop.call_soon_threadsafe(hub.cancel)`, with the hub's loop.
        """
        if not self._is_over:
            self._check_loop("cancel it by loop.call_soon_threadsafe(hub.cancel), with the hub's loop")
        if self._stopping is not None:
            self._stopping.cancel()
        self._close(StreamkitError(_CANCELLED), cancelled=True)
        if self._reader is not None:
            self._reader.cancel()

    @overload
    def __or__(self, after: Through) -> Flow[Change[RootT]]: ...
    @overload
    def __or__(self, after: ToChanges) -> Flow[Change[RootT]]: ...
    @overload
    def __or__(self, after: ToRoot) -> Flow[RootT]: ...
    @overload
    def __or__(self, after: Pipeline[Change[RootT], T]) -> Flow[T]: ...
    @overload
    def __or__(self, after: Callable[[AsyncIterable[Change[RootT]]], T]) -> T: ...
    def __or__(self, after: Any) -> Any:
        return Flow[Change[RootT]](self) | after

    def open_batches(self) -> AsyncGenerator[Sequence[object], None]:
        """Yield the batches of a new subscription."""
        return self.subscribe().open_batches()

    def __aiter__(self) -> AsyncIterator[Change[RootT]]:
        return aiter(Flow[Change[RootT]](self))

    if not TYPE_CHECKING:  # type checkers tell of these by themselves

        def __enter__(self) -> NoReturn:
            raise TypeError("a hub lives in an event loop: write 'async with share(...) as hub', not 'with'")

        def __exit__(self, *_: object) -> None: ...

        def __getitem__(self, _: object) -> NoReturn:
            # What `for` calls where there is no `__iter__`; with one, a hub would pass for a plain iterable.
            raise TypeError("a hub lives in an event loop: enter it, and write 'async for change in hub', not 'for'")

    async def __aenter__(self) -> Self:
        if self._entered != "not yet":
            raise StreamkitError("a hub is entered once: share() makes another")
        self._loop = require_asyncio("share()")
        self._entered = "now"
        if self._start == "eager":
            self._run()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._entered = "left"
        self.cancel()
        if self._reader is not None:
            await stop(self._reader)
        if self._trouble is not None and error is not None:
            error.add_note(f"and closing the source failed: {self._trouble!r}")
        elif self._trouble is not None:
            raise self._trouble

    def join(self, who: object) -> None:
        """Add a member; the first may start the source."""
        if self._entered == "not yet":
            raise StreamkitError("enter the hub first: async with share(...) as hub: ...")
        if self.end is None:
            self._check_loop(
                "follow it there, and pass changes on by loop.call_soon_threadsafe(...), or share() the stream in this "
                "loop"
            )
        self._members[id(who)] = ref(who)
        if self._stopping is not None:
            self._stopping.cancel()
            self._stopping = None
        if self.end is None:
            self._run()

    def leave(self, who: object) -> None:
        """Remove a member; the last may stop the source."""
        self._members.pop(id(who), None)
        self._stop_if_unused()

    def drop(self, who: object, limit: int | None) -> None:
        """Count out a member that is being collected, in any thread; remove its limit of the source."""
        self._members.pop(id(who), None)
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed, so nothing runs
                self._loop.call_soon_threadsafe(self._release, limit)

    def _release(self, limit: int | None) -> None:
        if limit is not None:
            self._channel.move(limit, None)
        self._stop_if_unused()

    def _stop_if_unused(self) -> None:
        if self._start == "subscribed" and not self._members and self.end is None and self._stopping is None:
            self._stopping = asyncio.get_running_loop().call_later(self._grace, self.cancel)

    @property
    def _is_over(self) -> bool:
        return self.end is not None and (self._reader is None or self._reader.done())

    def _check_loop(self, advice: str) -> None:
        """Refuse calls outside the hub's event loop, unless that has stopped."""
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if self._loop is None or running is self._loop:
            return
        if running is not None or self._loop.is_running():
            raise StreamkitError(f"this hub runs in another event loop, perhaps of another thread: {advice}")

    def _matcher(self, patterns: tuple[str, ...]) -> Callable[[Change], bool]:
        """Return the matcher of some patterns: the same one for all subscribers that ask for them."""
        found = self._matchers.get(patterns)
        if found is None:
            found = self._matchers[patterns] = matcher(patterns)
        return found

    def _run(self) -> None:
        if self._reader is None:
            self._reader = asyncio.get_running_loop().create_task(
                self._read(), name="streamkit share", context=self._context
            )

    async def _read(self) -> None:
        """Publish the changes of the source, to its end."""
        tell, room, readers = self._channel.tell, self._channel.room, self._channel.readers
        error: Exception | None = None
        try:
            async with batched(self._source) as batches:
                async for batch in batches:
                    refuse_if_cancelled(self._reader, batch)
                    if tell(cast("Sequence[Change[object]]", batch)):
                        # A source that never waits must not keep subscribers from reading.
                        await asyncio.sleep(0)
                        while readers.waking:  # noqa: ASYNC110  # it takes a turn or a few, not a wait
                            await asyncio.sleep(0)
                    await room()
        except asyncio.CancelledError as cancelled:
            self._close(StreamkitError(_CANCELLED), cancelled=True)
            notes = getattr(cancelled, "__notes__", None)
            if notes:
                self._trouble = SourceFailed(f"the stream was cancelled {'; '.join(notes)}")
            raise
        except Exception as raised:  # noqa: BLE001  # the subscribers get it
            error = raised
        self._close(error)
        if error is not None and (self.end is None or error is not self.end.error):
            self._trouble = error

    def _close(self, error: Exception | None, *, cancelled: bool = False) -> None:
        self._channel.close(error, cancelled=cancelled)
        self._over.set()
