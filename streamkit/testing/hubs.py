"""What every hub must keep, as a suite to run against yours: `verify_hub`.

    def test_my_hub() -> None:
        verify_hub(lambda changes: my_share(changes, retain=16))

A hub is whatever has the methods of `streamkit.hub.Hub`. The rules run in virtual time, over a probe.
"""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from streamkit.changes.change import Change
from streamkit.changes.document import Document
from streamkit.flow import Flow, Reason, Stage
from streamkit.testing.probe import Probe
from streamkit.testing.rules import ConsumerError, expect, nothing_left, run_rules

__all__ = ["verify_hub"]

MakeHub: TypeAlias = Callable[[Flow[Change[Any]]], Any]
_POLICIES = ("conflate", "every", "suspend", "disconnect")
_Batch: TypeAlias = Sequence[Change[Any]]


def _story() -> list[_Batch]:
    """A stream with all that a plain one has: nesting, strings that grow, numbers, verdicts of both kinds."""
    batches: list[_Batch] = [[Change("add", (), {}), Change("add", ("names",), [])]]
    for at in range(8):
        path = ("names", at)
        batches.append([Change("add", path, "")])
        batches += [[Change("append", path, f"{at}{piece} ")] for piece in "abc"]
        verdict = Change("complete", path, f"{at}a {at}b {at}c ") if at % 3 else Change("invalid", path, [])
        batches.append([verdict])
    batches.append([Change("invalid", ("names",), []), Change("add", ("count",), 8), Change("complete", ("count",), 8)])
    batches.append([Change("complete", (), {"names": []})])
    return batches


def verify_hub(make_hub: MakeHub, *, policies: Sequence[str] = _POLICIES) -> None:
    """Run the suite against a hub, for each policy, in event loops of its own.

    Args:
        make_hub: given a flow of changes, makes a hub that runs it when the first subscribes.
        policies: those that its `subscribe` knows.

    Raises:
        AssertionError: a rule is broken; a note names it.
    """
    for policy in policies:
        run_rules(_RULES, _Case(make_hub, policy), f"{make_hub!r} with policy={policy!r}")


class _Spread:
    """Batches as items become the changes of one chunk."""

    def feed(self, batch: _Batch, /) -> _Batch:
        return batch

    def close(self, reason: Reason, /) -> _Batch:
        return ()


@dataclass
class _Case:
    make_hub: MakeHub
    policy: str
    probes: list[Probe[_Batch]] = field(default_factory=list[Probe[_Batch]])

    def hub(self, then: Any = "end", *, delay: float = 1.0, closing: float = 0.0) -> Any:
        probe = Probe[_Batch](_story(), then, delay=delay, closing=closing)
        self.probes = [probe]
        return self.make_hub(Flow[Any](probe, [Stage(_Spread, "spread", emits_changes=True)]))

    def check(self) -> None:
        for probe in self.probes:
            expect(len(probe.runs) <= 1, f"the source was run {len(probe.runs)} times")
            probe.check()
        nothing_left()


async def _follow(
    case: _Case, hub: Any, *, after: int | None = None, pause: float = 0.0, count: int | None = None
) -> tuple[list[Any], Exception | None]:
    """The batches that one subscriber gets, and what is raised to it."""
    batches: list[Any] = []
    try:
        async with hub.subscribe(after, policy=case.policy, batches=True) as events:
            async for batch in events:
                batches.append(batch)
                if len(batches) == count:
                    break
                await asyncio.sleep(pause)
            else:
                rest = [batch async for batch in events]
                expect(not rest, f"after the end came {rest}")
    except Exception as error:  # noqa: BLE001  # looked at by the rules
        return batches, error
    return batches, None


def _fold(batches: Sequence[Any], document: Document | None = None) -> Document:
    document = document or Document()
    for batch in batches:
        expect(len(batch.changes), "an empty batch was delivered")
        for change in batch.changes:
            expect(document.end is None or change.op == "end", f"{change} came after the end")
            document.apply(change)
    return document


def _same(document: Document, other: Document, who: str) -> None:
    for told in ("value", "open", "end"):
        one, two = getattr(document, told), getattr(other, told)
        expect(one == two, f"{who}: {told} is {one!r:.300}, the hub's {two!r:.300}")
    expect(set(document.invalid) == set(other.invalid), f"{who}: invalid are {document.invalid}, not {other.invalid}")


async def _all_get_the_same(case: _Case) -> None:
    """Whoever reads along gets every change, once, and one end; the source runs once, and is closed."""
    async with case.hub() as hub:
        for batches, error in await asyncio.gather(*(_follow(case, hub) for _ in range(5))):
            expect(error is None, f"a subscriber that kept up got {error!r}")
            told = [change for batch in batches for change in batch.changes]
            expect(told[:-1] == [change for batch in _story() for change in batch], f"told were {told}")
            expect(told[-1].op == "end", f"{told[-1]} came last")
            expect(batches[-1].seq == hub.seq == len(told), f"the last batch is at {batches[-1].seq} of {hub.seq}")
    case.check()


async def _joining_late_misses_nothing(case: _Case) -> None:
    """Whoever joins late, at any time, ends with the same document; so does whoever comes after the end."""
    async with case.hub() as hub:
        joining = [_later(_follow(case, hub), float(at) + 0.5) for at in range(0, 60, 3)]
        for at, (batches, error) in enumerate(await asyncio.gather(*joining)):
            expect(error is None or case.policy == "disconnect", f"the one who joined at {3 * at} s got {error!r}")
            if error is None:
                _same(_fold(batches), hub.snapshot(), f"the one who joined at {3 * at} s")
    case.check()


async def _coming_back_repeats_nothing(case: _Case) -> None:
    """Whoever leaves and comes back with the last seq goes on from there: no gap, no repeat."""
    async with case.hub() as hub:
        for count, away in ((1, 0.0), (3, 7.0), (5, 30.0)):
            document, seq, told = Document(), 0, list[Any]()
            while document.end is None:
                batches, error = await _follow(case, hub, after=seq, count=count)
                expect(error is None or case.policy == "disconnect", f"coming back got {error!r}")
                if error is not None:
                    break
                expect(batches, "nothing came, and not the end")
                expect(len(told) <= 2 * hub.seq, f"{len(told)} changes came, of {hub.seq}")
                document, seq = _fold(batches, document), batches[-1].seq
                told += [change for batch in batches for change in batch.changes]
                await asyncio.sleep(away)
            else:
                _same(document, hub.snapshot(), f"the one who went away for {away} s after each {count}")
                missed = sum(change.value.missed for change in told if change.op == "snapshot")
                expect(missed <= hub.seq, f"{missed} changes were missed, of {hub.seq}")
    case.check()


async def _the_slow_hurt_nobody(case: _Case) -> None:
    """A slow subscriber delays neither the source nor others, and ends with the same document."""
    async with case.hub() as hub:
        slow = asyncio.create_task(_follow(case, hub, pause=100.0))
        await asyncio.sleep(0)
        if case.policy != "suspend":
            batches, error = await _follow(_Case(case.make_hub, "every"), hub)
            expect(error is None, f"the other got {error!r}")
            now = asyncio.get_running_loop().time()
            expect(now <= len(_story()) + 2, f"the other had to wait until {now} s")
        batches, error = await slow
        expect(error is None or case.policy == "disconnect", f"the slow one got {error!r}")
        if error is None:
            _same(_fold(batches), hub.snapshot(), "the slow one")
    case.check()


async def _a_subscribers_failure_is_its_own(case: _Case) -> None:
    """A subscriber that raises, is cancelled or leaves affects nobody else, and not the source."""
    async with case.hub() as hub:

        async def failing() -> None:
            async with hub.subscribe(policy=case.policy) as events:
                async for _ in events:
                    raise ConsumerError

        others = [asyncio.create_task(_follow(case, hub)) for _ in range(3)]
        failed = [asyncio.create_task(failing()) for _ in range(3)]
        cut = [asyncio.create_task(_follow(case, hub)) for _ in range(3)]
        await asyncio.sleep(5.5)
        for task in cut:
            task.cancel()
        for ended in await asyncio.gather(*failed, return_exceptions=True):
            expect(isinstance(ended, ConsumerError), f"the one that raised ended with {ended!r}")
        for batches, error in await asyncio.gather(*others):
            expect(error is None, f"another got {error!r}")
            _same(_fold(batches), hub.snapshot(), "another")
        await asyncio.wait(cut)
    case.check()


async def _subscribing_takes_effect_at_once(case: _Case) -> None:
    """A subscription takes effect before its first suspension: what is told next is told to it."""
    async with case.hub(delay=0.0) as hub:
        entering = hub.subscribe(policy=case.policy, batches=True)
        try:
            entering.__aenter__().send(None)
        except StopIteration:
            pass
        else:
            expect(False, "entering a subscription waited for something")  # it is false
        expect(len(hub.stats()) == 1, f"the hub counts {len(hub.stats())} subscribers, not one")
        _same(_fold([batch async for batch in entering]), hub.snapshot(), "the one that had just entered")
        await entering.__aexit__(None, None, None)
    case.check()


async def _a_failing_source_is_told_to_all(case: _Case) -> None:
    """An error of the source is raised to everybody, after the end, also to who comes later."""
    lost = ConnectionError("lost")
    async with case.hub(lost) as hub:
        along = await asyncio.gather(*(_follow(case, hub) for _ in range(3)))
        for batches, error in (*along, await _follow(case, hub)):
            if batches or case.policy != "disconnect":
                expect(error is lost, f"the source raised {lost!r}, a subscriber got {error!r}")
                end = _fold(batches).end
                expect(end is not None and (end.status, end.error) == ("failed", lost), f"the end was {end}")
    case.check()


async def _cancelling_ends_it_for_all(case: _Case) -> None:
    """`cancel()` ends the stream for all, at once; a second one, and leaving after it, are harmless."""
    async with case.hub("wait", closing=3.0) as hub:
        readers = [asyncio.create_task(_follow(case, hub)) for _ in range(3)]
        await asyncio.sleep(10.5)
        hub.cancel()
        hub.cancel()
        for batches, error in await asyncio.gather(*readers):
            end = _fold(batches).end
            expect(error is None, f"a subscriber got {error!r}")
            expect(end is not None and end.status == "cancelled", f"the end was {end}")
        now = asyncio.get_running_loop().time()
        expect(now == 10.5, f"cancelling took {now - 10.5} s")  # as above
        hub.cancel()
    case.check()


async def _leaving_is_clean(case: _Case) -> None:
    """Leaving the hub closes the source, ends the subscriptions that are left, and keeps no task."""
    for leave_at in (0.0, 0.5, 20.5, 100.0):
        async with case.hub("wait", closing=3.0) as hub:
            readers = [asyncio.create_task(_follow(case, hub)) for _ in range(3)]
            await asyncio.sleep(leave_at)
        await asyncio.wait(readers)
        case.check()


async def _nothing_is_kept(case: _Case) -> None:
    """A hub keeps no reference to who has left, and nothing keeps one to a hub that was left."""
    hub = case.hub()
    async with hub:
        async with hub.subscribe(policy=case.policy) as events:
            await anext(events)
            one = weakref.ref(events)
        del events
        gc.collect()
        expect(one() is None, "a subscription that was left is still referred to")
        expect(not hub.stats(), f"the hub still counts {hub.stats()}")
    two, case.probes = weakref.ref(hub), []
    del hub
    await asyncio.sleep(0)
    gc.collect()
    expect(two() is None, "a hub that was left is still referred to")


async def _later(coroutine: Coroutine[Any, Any, Any], seconds: float) -> Any:
    await asyncio.sleep(seconds)
    return await coroutine


_RULES = (
    _all_get_the_same,
    _joining_late_misses_nothing,
    _coming_back_repeats_nothing,
    _the_slow_hurt_nobody,
    _a_subscribers_failure_is_its_own,
    _subscribing_takes_effect_at_once,
    _a_failing_source_is_told_to_all,
    _cancelling_ends_it_for_all,
    _leaving_is_clean,
    _nothing_is_kept,
)
