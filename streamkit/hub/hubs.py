"""`Hubs`: shared streams that outlive the request that started them, found again by their ids."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from pydantic_core import to_json

from streamkit.errors import RunExists, RunExpired, TooManyRuns, UnknownRun
from streamkit.flow import require_asyncio, stop_all
from streamkit.hub.share import share

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Sequence
    from types import TracebackType
    from typing import Self

    from streamkit.changes.change import Change
    from streamkit.flow import Source
    from streamkit.hub.hub import Hub
    from streamkit.hub.log import Batch
    from streamkit.hub.subscription import Policy, Subscription

    Consumer = Callable[[AsyncIterable[Change[Any]]], Awaitable[object]]

__all__ = ["Hubs", "HubsStats"]

_log = logging.getLogger("streamkit")
_REMEMBERED = 100_000  # ids of expired runs, to tell them apart from ids that never were


class HubsStats(NamedTuple):
    """What a `Hubs` holds.

    Attributes:
        running: runs whose stream has not ended.
        ended: runs that have ended and are still kept.
        followers: subscriptions to all of them.
        bytes: size of the kept documents of ended runs, as JSON.
    """

    running: int
    ended: int
    followers: int
    bytes: int


@dataclass(eq=False)
class _Run:
    hub: Hub[Any]
    epoch: int
    task: asyncio.Task[None] | None = None
    expiry: asyncio.TimerHandle | None = None
    size: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Hubs:
    """Runs streams in tasks of their own and lets anybody follow them by id.

    Make one for the whole application, in its lifespan: a stream then goes on when the request that started it is
    over, and a page can be reloaded. Leaving the block stops all runs.

    Args:
        keep_for: seconds for which an ended run can still be followed; after that it is expired.
        retain: changes that each run keeps for subscribers who come back or fall behind; older ones are replaced by
            a snapshot. None keeps all.
        max_runs: most runs that are held, running or ended. The oldest ended one is expired early to make room.
        max_bytes: most bytes of documents of ended runs, as JSON; the oldest are expired early.

    Raises:
        ValueError: a limit is negative.
    """

    def __init__(
        self,
        *,
        keep_for: float = 300.0,
        retain: int | None = 1024,
        max_runs: int = 10_000,
        max_bytes: int = 256 * 1024 * 1024,
    ) -> None:
        if not keep_for >= 0 or max_runs < 1 or max_bytes < 0:
            raise ValueError(f"keep_for={keep_for}, max_runs={max_runs} or max_bytes={max_bytes} is too small")
        self._keep_for, self._retain, self._max_runs, self._max_bytes = keep_for, retain, max_runs, max_bytes
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._ended: OrderedDict[str, _Run] = OrderedDict()  # the same runs, by when they ended
        self._expired: OrderedDict[str, None] = OrderedDict()
        self._bytes = 0
        self._open = False

    def __repr__(self) -> str:
        return f"Hubs({len(self._runs) - len(self._ended)} running, {len(self._ended)} ended)"

    async def __aenter__(self) -> Self:
        require_asyncio("Hubs()")
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        for run in self._runs.values():
            if run.expiry is not None:
                run.expiry.cancel()
        await stop_all([run.task for run in self._runs.values() if run.task is not None])
        self._runs.clear()
        self._ended.clear()

    @asynccontextmanager
    async def lifespan(self, app: object) -> AsyncGenerator[None]:
        """Be the lifespan of an application: `FastAPI(lifespan=hubs.lifespan)`, or Starlette's."""
        async with self:
            yield

    async def start(
        self,
        flow: Source[Change[Any]],
        id: str | None = None,  # noqa: A002  # the word people use
        *,
        to: Sequence[Consumer] = (),
    ) -> str:
        """Run a stream of changes in a task of its own.

        Args:
            flow: changes that add up to a document: `chunks | extract(Model)`, a run of the client, ...
            id: the run's id; by default a random one that cannot be guessed. Letters, digits, `_`, `-` and `.`.
            to: sinks, each run in a task of its own. Each gets every change, typed values included, and none slows
                the stream or the others: the run then keeps all its changes until it expires. What a sink raises is
                logged.

        Returns:
            The id.

        Raises:
            RunExists: a run of this id is held, or has expired.
            TooManyRuns: `max_runs` are running.
            ValueError: the id has other characters, or is longer than 128.
        """
        if not self._open:
            raise RuntimeError("enter the hubs first: async with Hubs() as hubs: ...")
        name = secrets.token_urlsafe(9) if id is None else _checked(id)
        if name in self._runs or name in self._expired:
            raise RunExists(f"there is a run {name!r} already: follow it, or start another id")
        if len(self._runs) >= self._max_runs and not self._expire_oldest():
            raise TooManyRuns(f"max_runs={self._max_runs} runs are running: stop some, or raise the limit")
        hub = share(flow, start="eager", retain=None if to else self._retain)
        run = self._runs[name] = _Run(hub, epoch=secrets.randbits(16))
        run.task = asyncio.get_running_loop().create_task(self._keep(name, run, to), name=f"streamkit run {name}")
        await asyncio.sleep(0)  # it is entered: who follows it now misses nothing
        return name

    async def _keep(self, name: str, run: _Run, consumers: Sequence[Consumer]) -> None:
        """Hold a run open until its stream has ended, and all sinks have read it."""
        tasks: list[asyncio.Task[None]] = []
        try:
            async with run.hub as hub:
                tasks += [
                    asyncio.get_running_loop().create_task(
                        _consume(name, hub, consumer), name=f"streamkit sink of {name}"
                    )
                    for consumer in consumers
                ]
                with suppress(Exception):  # followers get it, and callers of `result`
                    await hub.result()
            self._end(name, run)
            if tasks:
                await asyncio.wait(tasks)
        finally:
            await stop_all(tasks)

    def _end(self, name: str, run: _Run) -> None:
        run.ended.set()
        run.size = len(to_json(run.hub.snapshot().value, inf_nan_mode="null", fallback=str))
        self._bytes += run.size
        self._ended[name] = run
        loop = asyncio.get_running_loop()
        run.expiry = loop.call_later(self._keep_for, self._expire, name)
        while self._bytes > self._max_bytes and self._expire_oldest():
            pass

    def _expire_oldest(self) -> bool:
        oldest = next(iter(self._ended), None)
        if oldest is None:
            return False
        self._expire(oldest)
        return True

    def _expire(self, name: str) -> None:
        run = self._ended.pop(name, None)
        if run is None:
            return
        del self._runs[name]
        self._bytes -= run.size
        if run.expiry is not None:
            run.expiry.cancel()
        self._expired[name] = None
        if len(self._expired) > _REMEMBERED:
            self._expired.popitem(last=False)

    def hub(self, id: str) -> Hub[Any]:  # noqa: A002
        """Return the hub of a run.

        Raises:
            UnknownRun: no run of this id was started here.
            RunExpired: it has ended, and was kept for `keep_for` seconds.
        """
        return self._run(id).hub

    def epoch(self, id: str) -> int:  # noqa: A002
        """Return a number that differs for another run of the same id, in another process."""
        return self._run(id).epoch

    def _run(self, name: str) -> _Run:
        run = self._runs.get(name)
        if run is not None:
            return run
        if name in self._expired:
            raise RunExpired(f"the run {name!r} has ended and was kept for keep_for={self._keep_for} seconds")
        raise UnknownRun(f"there is no run {name!r}: it was not started here")

    @overload
    def follow(
        self,
        id: str,
        after: int | None = None,
        *,
        policy: Policy = "conflate",
        batches: Literal[False] = False,
        select: str | Sequence[str] | None = None,
        capacity: int | None = None,
    ) -> Subscription[Change[Any]]: ...
    @overload
    def follow(
        self,
        id: str,
        after: int | None = None,
        *,
        policy: Policy = "conflate",
        batches: Literal[True],
        select: str | Sequence[str] | None = None,
        capacity: int | None = None,
    ) -> Subscription[Batch[Any]]: ...
    def follow(
        self,
        id: str,  # noqa: A002
        after: int | None = None,
        *,
        policy: Policy = "conflate",
        batches: bool = False,
        select: str | Sequence[str] | None = None,
        capacity: int | None = None,
    ) -> Subscription[Any]:
        """Subscribe to a run: `async with hubs.follow(id) as changes: ...`. Leaving does not stop the run.

        Args:
            id: the run.
            after: as for `Hub.subscribe`, like the other arguments.
            policy: what happens when this subscriber falls behind.
            batches: yield a `Batch` per chunk instead of single changes.
            select: patterns; only changes of these paths.
            capacity: for `"suspend"` and `"disconnect"`, in changes.

        Raises:
            UnknownRun: no run of this id was started here.
            RunExpired: it is no longer kept.
        """
        hub = self.hub(id)
        if batches:
            return hub.subscribe(after, policy=policy, batches=True, select=select, capacity=capacity)
        return hub.subscribe(after, policy=policy, select=select, capacity=capacity)

    async def stop(self, id: str) -> None:  # noqa: A002
        """Stop a run for everybody: its stream ends `cancelled`, and its source is closed when this returns.

        Raises:
            UnknownRun: no run of this id was started here.
            RunExpired: it is no longer kept.
        """
        run = self._run(id)
        run.hub.cancel()
        await run.ended.wait()

    async def result(self, id: str) -> Any:  # noqa: A002
        """Wait for the end of a run; return the value of its root.

        Raises:
            StreamkitError: the stream ended otherwise.
            UnknownRun: no run of this id was started here.
            RunExpired: it is no longer kept.
        """
        return await self._run(id).hub.result()

    def stats(self) -> HubsStats:
        """Return what is held now."""
        followers = sum(len(run.hub.stats()) for run in self._runs.values())
        return HubsStats(len(self._runs) - len(self._ended), len(self._ended), followers, self._bytes)


async def _consume(name: str, hub: Hub[Any], consumer: Consumer) -> None:
    try:
        await consumer(hub.subscribe(policy="every"))
    except Exception as error:  # noqa: BLE001  # a sink may raise anything; it is logged
        if hub.end is None or error is not hub.end.error:
            _log.exception("a sink of the run %s failed", name)


def _checked(name: str) -> str:
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    if not (plain.isascii() and plain.isalnum()) or len(name) > 128:
        raise ValueError(f"an id has at most 128 letters, digits, '-', '_' and '.', got {name!r:.160}")
    return name
