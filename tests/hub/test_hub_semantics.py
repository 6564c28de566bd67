"""What others promise of shared streams, in our words: Kotlin's SharedFlow, Reactor's replay, tokio's broadcast.

They share values; a hub shares changes that add up to a document. Where they drop what a slow reader missed, a hub
gives it the document instead, so these tests look at both: what comes, and what it adds up to.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from support.hubs import all_of, letters, now, ops, slowly, told, virtual

from streamkit import Change, Document, End, FellBehind, share

TEN = "abcdefghij"


def texts(changes: Any) -> list[object]:
    """The values that were told, snapshots by their document's."""
    return [
        cast("Document", change.value).value if change.op == "snapshot" else change.value
        for change in changes
        if change.op in ("add", "append", "snapshot")
    ]


# -- Kotlin: MutableSharedFlow(replay, extraBufferCapacity, onBufferOverflow) and shareIn -----------------------


@virtual
async def test_kotlin_replay_gives_a_newcomer_the_last_values_then_what_follows() -> None:
    _, flow = told(letters(TEN))
    async with share(flow, retain=3) as hub:
        first = asyncio.create_task(all_of(hub.subscribe()))
        await asyncio.sleep(6.5)
        replayed = await all_of(hub.subscribe(hub.seq - 3, policy="every"))
        assert texts(replayed) == list("cdefghij")
        await first


@virtual
async def test_kotlin_without_replay_a_newcomer_gets_only_what_follows() -> None:
    _, flow = told(letters(TEN))
    async with share(flow, retain=0) as hub:
        first = asyncio.create_task(all_of(hub.subscribe()))
        await asyncio.sleep(6.5)
        assert texts(await all_of(hub.subscribe(hub.seq))) == list("fghij")
        await first


@virtual
async def test_kotlin_emitting_to_nobody_never_suspends() -> None:
    _, flow = told(letters(TEN))
    async with share(flow, start="eager", retain=0) as hub:
        await hub.result()
        assert now() == 13


@virtual
async def test_kotlin_suspend_waits_for_the_slowest_when_its_buffer_is_full() -> None:
    """extraBufferCapacity is the capacity; with none, emitting is a rendezvous."""
    for capacity, ahead in ((0, 1), (1, 2), (4, 5)):
        _, flow = told(letters(TEN), delay=0.0)
        async with share(flow) as hub, hub.subscribe(policy="suspend", capacity=capacity) as slow:
            quick = asyncio.create_task(all_of(hub.subscribe(policy="every")))
            for read in range(5):
                await asyncio.sleep(10)
                assert hub.seq == read + ahead
                await anext(slow)
            assert not quick.done()
            await slow.__aexit__(None, None, None)
            assert texts(await quick) == ["", *TEN]


@virtual
async def test_kotlin_drop_oldest_keeps_the_newest_for_the_slow_and_delays_nobody() -> None:
    _, flow = told(letters(TEN))
    async with share(flow, retain=2) as hub, hub.subscribe(policy="every") as slow:
        quick = asyncio.create_task(all_of(hub.subscribe()))
        await asyncio.sleep(11.5)
        assert texts([await anext(slow) for _ in range(1)]) == [TEN]
        assert len(await quick) == 13
        assert now() == 13


@virtual
async def test_kotlin_conflation_gives_the_slow_the_latest_state() -> None:
    _, flow = told(letters(TEN))
    async with share(flow) as hub:
        changes = await slowly(hub.subscribe(), 5.2)
        assert "".join(cast("list[str]", texts(changes))) == TEN
        assert len(changes) < 7


@virtual
async def test_kotlin_a_cancelled_collector_lets_the_emitter_go_on() -> None:
    _, flow = told(letters(TEN), delay=0.0)
    async with share(flow) as hub:
        slow = asyncio.create_task(slowly(hub.subscribe(policy="suspend", capacity=0), 1000))
        await asyncio.sleep(10)
        assert hub.end is None
        slow.cancel()
        assert await hub.result() == TEN
        assert now() == 10


@virtual
async def test_kotlin_while_subscribed_stops_after_its_timeout() -> None:
    probe, flow = told(letters(TEN * 10))
    async with share(flow, start="subscribed", grace=5) as hub:
        async with hub.subscribe():
            await asyncio.sleep(3.5)
        await asyncio.sleep(4)
        async with hub.subscribe() as back:
            assert texts([await anext(back)]) == ["abcdef"]
        await asyncio.sleep(5.5)
        assert (probe.closings, hub.end and hub.end.status) == (1, "cancelled")


# -- Reactor: replay(n), autoConnect, refCount -------------------------------------------------------------------


@virtual
async def test_reactor_replay_repeats_the_terminal_signal_to_each_who_comes_late() -> None:
    for retain in (None, 2, 0):
        _, flow = told(letters(TEN))
        async with share(flow, retain=retain) as hub:
            await hub.result()
            for _ in range(3):
                changes = await all_of(hub.subscribe())
                assert changes[-1] == Change("end", (), End("complete"))
                assert "".join(cast("list[str]", texts(changes))) == TEN


@virtual
async def test_reactor_replay_repeats_an_error_after_the_values() -> None:
    lost = ConnectionError("lost")
    _, flow = told(letters(TEN)[:4], lost)
    async with share(flow) as hub:
        for _ in range(3):
            seen: list[Change[Any]] = []
            with pytest.raises(ConnectionError) as caught:  # the block is the point
                async with hub.subscribe() as changes:
                    async for change in changes:
                        seen.append(change)
            assert caught.value is lost
            assert ("".join(cast("list[str]", texts(seen))), seen[-1].op) == ("abc", "end")


@virtual
async def test_reactor_auto_connect_keeps_running_when_all_have_left() -> None:
    probe, flow = told(letters(TEN))
    async with share(flow) as hub:
        async with hub.subscribe() as changes:
            await anext(changes)
        await asyncio.sleep(100)
        assert hub.end == End("complete")
        assert len(probe.runs) == 1


@virtual
async def test_reactor_ref_count_cancels_the_source_with_its_last_subscriber() -> None:
    probe, flow = told(letters(TEN))
    async with share(flow, start="subscribed") as hub:
        async with hub.subscribe() as one:
            async with hub.subscribe() as two:
                await anext(two)
            await anext(one)
            assert probe.closings == 0
        await asyncio.sleep(0.1)
        assert probe.closings == 1


@virtual
async def test_reactor_each_subscriber_has_its_own_demand() -> None:
    _, flow = told(letters(TEN))
    async with share(flow) as hub:
        one, ten, whole = hub.subscribe(policy="every"), hub.subscribe(policy="every"), hub.subscribe(policy="every")
        async with one, ten, whole:
            assert texts([await anext(one)]) == [""]
            assert texts([await anext(ten) for _ in range(10)]) == ["", *"abcdefghi"]
            assert len([change async for change in whole]) == 13
            assert texts([await anext(one)]) == ["a"]


# -- tokio: sync::broadcast --------------------------------------------------------------------------------------


@virtual
async def test_tokio_each_receiver_gets_each_value_sent_after_it_subscribed() -> None:
    _, flow = told(letters(TEN))
    async with share(flow, start="eager") as hub:
        receivers: list[asyncio.Task[list[Change[Any]]]] = []
        await asyncio.sleep(0.25)
        for _ in range(5):
            await asyncio.sleep(2)
            receivers.append(asyncio.create_task(all_of(hub.subscribe(hub.seq))))
            await asyncio.sleep(0.5)
        came = [len(texts(changes)) for changes in await asyncio.gather(*receivers)]
        assert came == [9, 7, 4, 2, 0]


@virtual
async def test_tokio_lagging_says_how_many_were_missed_and_goes_on_from_there() -> None:
    """A lagged receiver is told how many values it missed, once, and is not closed."""
    _, flow = told(letters(TEN))
    async with share(flow, retain=2) as hub, hub.subscribe(policy="every") as slow:
        assert texts([await anext(slow)]) == [""]
        await asyncio.sleep(6.5)
        lagged = await anext(slow)
        assert (lagged.op, cast("Document", lagged.value).missed) == ("snapshot", 6)
        assert slow.stats().dropped == 6
        assert texts([change async for change in slow]) == list("ghij")
        assert slow.stats().dropped == 6


@virtual
async def test_tokio_lag_is_counted_against_the_capacity() -> None:
    """As many as fit are read without loss; one more is lag."""
    for asleep, lags in ((5.5, False), (6.5, True)):
        _, flow = told(letters(TEN))
        async with share(flow) as hub, hub.subscribe(policy="disconnect", capacity=5) as receiver:
            await anext(receiver)
            await asyncio.sleep(asleep)
            if lags:
                with pytest.raises(FellBehind) as caught:
                    await anext(receiver)
                assert caught.value.missed == 6
            else:
                assert texts([await anext(receiver)]) == ["a"]


@virtual
async def test_tokio_what_was_sent_before_closing_is_still_received() -> None:
    _, flow = told(letters(TEN), "wait")
    async with share(flow) as hub, hub.subscribe(policy="every") as receiver:
        await anext(receiver)
        await asyncio.sleep(4.5)
        hub.cancel()
        rest = [change async for change in receiver]
        assert ops(rest) == ["append"] * 4 + ["end"]


@virtual
async def test_tokio_a_receiver_that_is_dropped_does_not_count() -> None:
    _, flow = told(letters(TEN))
    async with share(flow) as hub:
        async with hub.subscribe(), hub.subscribe():
            assert len(hub.stats()) == 2
        assert len(hub.stats()) == 0
