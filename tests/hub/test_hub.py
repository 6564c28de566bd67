"""Hubs: who gets what, by each policy; joining late, coming back; starting, ending, leaving."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextvars import ContextVar
from typing import Any, assert_type, cast

import aiostream
import pytest
from pydantic import BaseModel
from support.hubs import all_of, letters, now, ops, slowly, told, virtual

from streamkit import Change, Document, End, FellBehind, Flow, StreamkitError, Truncated, extract, share
from streamkit.hub import Batch, Hub, Stats, Subscription
from streamkit.operators import completed, diff, select, snapshots, tap, validate
from streamkit.testing import Probe

CHUNKS = ['{"name": "Jo', "hn", '", "age": 2', "5}"]


class User(BaseModel):
    name: str
    age: int


# -- following -----------------------------------------------------------------------------------------------


@virtual
async def test_everybody_gets_everything_of_one_run() -> None:
    probe = Probe(CHUNKS, delay=1)
    async with share(probe | extract(User)) as hub:
        one, two = await asyncio.gather(all_of(hub.subscribe()), all_of(hub.subscribe()))
        assert one == two == list(CHUNKS | extract(User))
        assert await hub.result() == User(name="John", age=25)
        assert hub.end == End("complete")
    probe.check()
    assert len(probe.runs) == 1


@virtual
async def test_a_batch_is_what_one_chunk_brings_with_its_place() -> None:
    _, flow = told([[Change("add", (), []), Change("add", (0,), 1)], [Change("complete", (0,), 1)]])
    async with share(flow) as hub:
        batches = await all_of(hub.subscribe(batches=True))
        assert [type(batch) for batch in batches] == [Batch] * 3
        assert [(seq, ops(changes)) for seq, changes in batches] == [
            (2, ["add", "add"]),
            (3, ["complete"]),
            (4, ["end"]),
        ]
        assert hub.seq == 4


@virtual
async def test_the_seq_of_a_subscription_is_of_what_was_handed_over() -> None:
    _, flow = told([[Change("add", (), []), Change("add", (0,), 1), Change("complete", (0,), 1)]])
    async with share(flow) as hub, hub.subscribe() as changes:
        places = [changes.seq]
        async for _ in changes:
            places.append(changes.seq)
        assert places == [0, 1, 2, 3, 4]


@virtual
async def test_a_hub_is_a_source_for_many_pipelines() -> None:
    async with share(Probe(CHUNKS, delay=1) | extract(User)) as hub:

        async def names() -> list[object]:
            return [change.value async for change in hub | select("/name")]

        async def values() -> list[int]:
            return [age async for age in hub | completed("/*", of=int)]

        async def models() -> object:
            return [user async for user in hub | snapshots()][-1]

        async def batches() -> list[int]:
            return [len(batch) async for batch in (hub | tap(id)).batches()]

        found: Sequence[object] = await asyncio.gather(
            names(), values(), models(), batches(), (hub | tap(id)).result(), (hub.subscribe() | tap(id)).result()
        )
        user = User(name="John", age=25)
        assert [*found] == [["Jo", "hn", "John", End("complete")], [25], user, [2, 1, 1, 3, 1], user, user]
        assert hub.model is User
        with pytest.raises(ValueError, match="can never match User"):
            _ = hub | completed("/nmae")
        with pytest.raises(ValueError, match="can never match User"):
            hub.subscribe(select="/nmae")
        assert hub.stats() == {}


@virtual
async def test_a_hub_goes_through_aiostream_pipes() -> None:
    async with share(Probe(CHUNKS, delay=1) | extract(User)) as hub:
        stream = hub | aiostream.pipe.take(2)
        async with cast("Any", stream).stream() as items:
            assert [item.op async for item in items] == ["add", "add"]
        assert [change.op async for change in hub][:2] == ["add", "add"]


@virtual
async def test_a_hub_of_a_hub_is_a_hub() -> None:
    async with share(Probe(CHUNKS, delay=1) | extract(User)) as far, share(far) as near:
        assert await all_of(near.subscribe()) == list(CHUNKS | extract(User))
        assert near.model is User


@virtual
async def test_any_source_of_changes_is_shared() -> None:
    changes = list(CHUNKS | extract(User))

    async def source() -> AsyncIterator[Change[User]]:
        for change in changes:
            yield change

    for anything in (changes, iter(changes), source()):
        async with share(anything) as hub:
            assert await hub.result() == User(name="John", age=25)


@virtual
async def test_selected_changes_come_alone_with_what_always_comes() -> None:
    async with share(Probe(CHUNKS, delay=1) | extract(User)) as hub:
        ages, both = await asyncio.gather(
            all_of(hub.subscribe(select="/age")), all_of(hub.subscribe(select=["/age", ""], batches=True))
        )
        assert ops(ages) == ["add", "complete", "end"]
        assert [ops(changes) for _, changes in both] == [["add"], ["add", "complete", "complete"], ["end"]]


# -- joining late, coming back ---------------------------------------------------------------------------------


@virtual
async def test_who_joins_late_gets_what_is_kept_at_once() -> None:
    _, flow = told(letters("hello"))
    async with share(flow) as hub:
        first = asyncio.create_task(all_of(hub.subscribe()))
        await asyncio.sleep(4.5)
        late = await all_of(hub.subscribe(batches=True))
        assert late[0] == Batch(4, [Change("add", (), "hel")])
        assert [batch.seq for batch in late] == [4, 5, 6, 7, 8]
        every = await all_of(hub.subscribe(policy="every", batches=True))
        assert [batch.seq for batch in every] == [1, 2, 3, 4, 5, 6, 7, 8]
        await first


@virtual
async def test_who_joins_too_late_for_that_gets_a_snapshot() -> None:
    _, flow = told(letters("hello"))
    for policy in ("conflate", "every", "suspend", "disconnect"):
        async with share(flow, retain=1) as hub:
            first = asyncio.create_task(all_of(hub.subscribe()))
            await asyncio.sleep(4.5)
            snapshot, *tail = await all_of(hub.subscribe(policy=policy))
            document = cast("Document", snapshot.value)
            assert (snapshot.op, snapshot.path) == ("snapshot", ())
            assert (document.value, document.open, document.missed) == ("hel", ((),), 4)
            assert ops(tail) == ["append", "append", "complete", "end"]
            await first


@virtual
async def test_who_comes_after_the_end_is_told_how_it_came_out() -> None:
    async with share(Probe(CHUNKS, delay=1) | extract(User), retain=0) as hub:
        assert await hub.result() == User(name="John", age=25)
        snapshot, root, end = await all_of(hub.subscribe())
        document = cast("Document", snapshot.value)
        assert document.value == {"name": "John", "age": 25}
        assert document.end is None
        assert (root.value, end.value) == (User(name="John", age=25), End("complete"))
        assert document.missed + 2 == hub.seq
        assert await (hub | tap(id)).result() == User(name="John", age=25)


@virtual
async def test_who_comes_back_goes_on() -> None:
    _, flow = told(letters("hello"))
    async with share(flow) as hub:
        async with hub.subscribe() as changes:
            await anext(changes)
            await anext(changes)
        assert changes.seq == 2
        await asyncio.sleep(2)
        assert [batch.seq for batch in await all_of(hub.subscribe(2, policy="every", batches=True))] == [
            3,
            4,
            5,
            6,
            7,
            8,
        ]
        assert ops(await all_of(hub.subscribe(7))) == ["end"]
        assert await all_of(hub.subscribe(8)) == []


@virtual
async def test_who_comes_back_into_the_middle_of_a_batch_goes_on_there() -> None:
    _, flow = told([[Change("add", (), []), Change("add", (0,), 1), Change("complete", (0,), 1)]])
    async with share(flow) as hub:
        async with hub.subscribe() as changes:
            await anext(changes)
        for policy in ("conflate", "every"):
            rest = await all_of(hub.subscribe(changes.seq, policy=policy))
            assert ops(rest) == ["add", "complete", "end"]


async def test_a_place_is_a_number() -> None:
    async with share(["1"] | extract(int)) as hub:
        with pytest.raises(TypeError, match="after is the seq of a batch, an int, got '3'"):
            hub.subscribe(after=cast("Any", "3"))


@virtual
async def test_a_place_that_is_none_is_refused() -> None:
    async with share(CHUNKS | extract(User)) as hub:
        for after in (1, -1):
            with pytest.raises(ValueError, match=f"after={after} is no place of this stream, which is at 0"):
                hub.subscribe(after)


@virtual
async def test_snapshots_of_the_hub_stay_as_they_are() -> None:
    _, flow = told(letters("hello"))
    async with share(flow) as hub:
        reading = asyncio.create_task(all_of(hub.subscribe()))
        await asyncio.sleep(0.5)
        taken: list[tuple[int, Document]] = []
        for _ in range(8):
            taken.append((hub.seq, hub.snapshot()))
            await asyncio.sleep(1)
        await reading
        assert [document.value for _, document in taken] == [None, *("hello"[:n] for n in range(6)), "hello"]
        assert [seq for seq, _ in taken] == list(range(8))


def test_with_and_for_say_what_to_write() -> None:
    hub = cast("Any", share(CHUNKS | extract(User)))
    with pytest.raises(TypeError, match="write 'async with"), hub:
        pass
    with pytest.raises(TypeError, match="write 'async for"):
        list(hub)
    with pytest.raises(TypeError, match="write 'async for"):
        list(hub | tap(id))


def test_a_hub_is_not_followed_from_another_loop() -> None:
    async def follow(hub: Hub[User]) -> list[Change[User]]:
        return await all_of(hub.subscribe())

    async def elsewhere(hub: Hub[User]) -> list[Change[User]]:
        return await asyncio.wait_for(asyncio.to_thread(asyncio.run, follow(hub)), 10)

    async def run() -> None:
        async with share(Probe(CHUNKS, delay=0.001) | extract(User)) as hub:
            for read in (follow(hub), hub.result()):
                with pytest.raises(StreamkitError, match="runs in another event loop"):
                    await asyncio.wait_for(asyncio.to_thread(asyncio.run, read), 10)
            assert hub.seq == 0
            assert await hub.result() == User(name="John", age=25)
            # What has ended can be read by anybody.
            assert await elsewhere(hub) == await follow(hub)

    asyncio.run(run())


# -- falling behind --------------------------------------------------------------------------------------------


@virtual
async def test_conflate_merges_what_piled_up() -> None:
    _, flow = told(letters("abcdefghij"))
    async with share(flow) as hub:
        batches = await slowly(hub.subscribe(batches=True), 4.4)
        assert [[(c.op, c.value) for c in changes] for _, changes in batches] == [
            [("add", "")],
            [("append", "abcd")],
            [("append", "efgh")],
            [("append", "ij"), ("complete", "abcdefghij"), ("end", End("complete"))],
        ]


@virtual
async def test_the_counts_tell_how_a_subscriber_keeps_up() -> None:
    _, flow = told(letters("abcdefghij"))
    async with share(flow, retain=4) as hub:
        good, slow = hub.subscribe(batches=True), hub.subscribe(batches=True)
        async with good, slow:
            assert hub.stats() == {good: Stats(0, 0, 0, 0), slow: Stats(0, 0, 0, 0)}
            for _ in range(4):
                await anext(good)
            assert hub.stats() == {good: Stats(0, 4, 0, 0), slow: Stats(4, 0, 0, 0)}
            assert await anext(slow) == Batch(4, [Change("add", (), "abc")])
            assert slow.stats() == Stats(0, 1, 3, 0)
            for _ in range(7):
                await anext(good)
            assert slow.stats().lag == 7
            assert ops((await anext(slow)).changes) == ["snapshot"]
            assert slow.stats() == Stats(0, 2, 3, 7)
            assert good.stats() == Stats(0, 11, 0, 0)


@virtual
async def test_every_gives_each_batch_that_is_kept() -> None:
    _, flow = told(letters("abcdefghij"))
    async with share(flow) as hub:
        assert await slowly(hub.subscribe(policy="every"), 100) == [
            c for batch in letters("abcdefghij") for c in batch
        ] + [Change("end", (), hub.end)]
        assert now() > 1000


@virtual
async def test_every_says_how_many_it_missed() -> None:
    _, flow = told(letters("abcdefghij"))
    async with share(flow, retain=2) as hub, hub.subscribe(policy="every") as changes:
        await anext(changes)
        await asyncio.sleep(6.5)
        snapshot = await anext(changes)
        assert snapshot.op == "snapshot"
        assert cast("Document", snapshot.value).missed == 6
        assert [c.value for c in [await anext(changes), await anext(changes)]] == ["g", "h"]


@virtual
async def test_suspend_has_the_source_wait() -> None:
    probe, flow = told(letters("abcdefghij"), delay=0.0)
    async with share(flow) as hub, hub.subscribe(policy="suspend", capacity=3) as changes, hub.subscribe() as other:
        await anext(changes)
        await asyncio.sleep(100)
        assert (hub.seq, probe.pulls) == (5, 5)
        assert changes.stats().lag == 4
        await anext(changes)
        await asyncio.sleep(100)
        assert hub.seq == 6
        await changes.__aexit__(None, None, None)
        assert len([change async for change in other]) > 0
        assert hub.seq == 13


@virtual
async def test_the_slowest_of_those_who_suspend_counts() -> None:
    _, flow = told(letters("abcdefghij"), delay=0.0)
    async with share(flow) as hub:
        slow, slower, quick = (hub.subscribe(policy="suspend", capacity=n) for n in (5, 2, 9))
        async with slow, slower, quick:
            await asyncio.sleep(1)
            assert hub.seq == 3
            assert len([await anext(quick) for _ in range(3)]) == 3
            await asyncio.sleep(1)
            assert hub.seq == 3
            await anext(slower)
            await asyncio.sleep(1)
            assert hub.seq == 4
            await slower.__aexit__(None, None, None)
            await asyncio.sleep(1)
            assert hub.seq == 6


@virtual
async def test_where_all_is_kept_suspend_and_disconnect_have_a_capacity_of_their_own() -> None:
    _, flow = told(letters("a" * 3000), delay=0)
    async with (
        share(flow, retain=None) as hub,
        hub.subscribe(policy="suspend") as slow,
        hub.subscribe(policy="disconnect") as behind,
    ):
        await anext(slow)
        await asyncio.sleep(10)
        assert slow.stats().lag == 1025
        for _ in range(1001):
            await anext(slow)
        await asyncio.sleep(10)
        with pytest.raises(FellBehind, match="may be 1024"):
            await anext(behind)


@virtual
async def test_disconnect_is_an_error_with_the_way_on() -> None:
    _, flow = told(letters("abcdefghij"))
    async with share(flow) as hub:
        async with hub.subscribe(policy="disconnect", capacity=3) as changes:
            await anext(changes)
            await asyncio.sleep(4.5)
            with pytest.raises(FellBehind, match=r"4 changes behind, and may be 3: .*after=1") as caught:
                await anext(changes)
            assert caught.value.missed == 4
            with pytest.raises(StopAsyncIteration):
                await anext(changes)
        assert ops(await all_of(hub.subscribe(1)))[0] == "append"


@virtual
async def test_a_batch_larger_than_the_capacity_is_no_lag() -> None:
    _, flow = told([[Change("add", (), []), *(Change[Any]("add", (n,), n) for n in range(51))]])
    for policy in ("disconnect", "suspend"):
        async with share(flow) as hub:
            assert len(await all_of(hub.subscribe(policy=policy, capacity=0))) == 53


@virtual
async def test_what_a_lagging_subscriber_holds_back_is_bounded() -> None:
    """Law 10: memory does not grow with the stream for somebody who does not read."""
    _, flow = told(letters("x" * 5000), delay=0.0)
    async with share(flow, retain=10) as hub, hub.subscribe() as never:
        await hub.result()
        log = hub.channel.log
        kept = log.read(hub.seq - 11)
        assert kept is not None
        assert sum(map(len, kept)) == 11
        assert log.read(hub.seq - 13) is None
        gc.collect()
        assert len(cast("Any", log)._batches) < 600
        assert ops([change async for change in never]) == ["snapshot", "complete", "end"]


@virtual
async def test_one_large_batch_is_not_kept_for_ever() -> None:
    batches: list[list[Change[Any]]] = [[Change("add", (), []), *(Change[Any]("add", (n,), n) for n in range(5000))]]
    _, flow = told([*batches, *([Change[Any]("complete", (n,), n)] for n in range(600))])
    async with share(flow, retain=10) as hub:
        waiting = asyncio.create_task(hub.result())
        await asyncio.sleep(5)
        kept = sum(map(len, cast("Any", hub.channel.log)._batches))
        assert kept < 400
        waiting.cancel()


@virtual
async def test_a_source_that_never_waits_is_read_along() -> None:
    """It would be over before anybody who waits for it had run."""
    batches = letters("hello")
    async with share([change for batch in batches for change in batch]) as hub:
        one, two = await asyncio.gather(all_of(hub.subscribe(batches=True)), all_of(hub.subscribe(batches=True)))
        assert [list(changes) for _, changes in one[:-1]] == batches
        assert one == two


@virtual
async def test_who_suspends_never_misses_what_it_may_be_behind() -> None:
    _, flow = told(letters("abcdefghij"), delay=0.0)
    async with share(flow, retain=1) as hub:
        assert "snapshot" not in ops(await slowly(hub.subscribe(policy="suspend", capacity=5), 10))


# -- starting and stopping ---------------------------------------------------------------------------------------


@virtual
async def test_a_lazy_source_is_run_when_somebody_comes() -> None:
    probe, flow = told(letters("a"))
    async with share(flow) as hub:
        await asyncio.sleep(5)
        assert probe.pulls == 0
        async with hub.subscribe():
            pass
        await asyncio.sleep(100)
        assert hub.end is not None
    probe.check()


@virtual
async def test_a_hub_that_nobody_follows_runs_nothing() -> None:
    probe, flow = told(letters("a"))
    async with share(flow):
        pass
    assert probe.runs == []


@virtual
async def test_an_eager_source_is_run_at_once() -> None:
    probe, flow = told(letters("a"))
    async with share(flow, start="eager") as hub:
        await asyncio.sleep(100)
        assert hub.end is not None
    probe.check()


@virtual
async def test_a_source_that_runs_while_subscribed_is_stopped_after_the_grace() -> None:
    probe, flow = told(letters("a" * 100))
    async with share(flow, start="subscribed", grace=3) as hub:
        for _ in range(3):
            async with hub.subscribe() as changes:
                await anext(changes)
            await asyncio.sleep(2.5)
        assert hub.end is None
        await asyncio.sleep(1)
        assert cast("End", hub.end).status == "cancelled"
        assert probe.closings == 1
        assert ops(await all_of(hub.subscribe()))[-1] == "end"
        with pytest.raises(StreamkitError, match="cancelled before it ended"):
            await hub.result()
    probe.check()


@virtual
async def test_waiting_for_the_result_is_following() -> None:
    _, flow = told(letters("abc"))
    async with share(flow, start="subscribed") as hub:
        assert await hub.result() == "abc"


@virtual
async def test_cancelling_tells_what_is_open() -> None:
    probe, flow = told(letters("abc"), "wait")
    async with share(flow) as hub:
        async with hub.subscribe() as changes:
            assert [(await anext(changes)).op for _ in range(3)] == ["add", "append", "append"]
            hub.cancel()
            end = await anext(changes)
            assert end.value == End("cancelled", ((),), cast("End", end.value).error)
        with pytest.raises(StreamkitError, match="cancelled") as caught:
            await hub.result()
        assert caught.value.partial == "ab"
    probe.check()


@virtual
async def test_a_source_that_stops_without_an_end_is_truncated() -> None:
    changes: list[Change[Any]] = [Change("add", (), {}), Change("add", ("a",), "x")]
    async with share(changes) as hub:
        end = cast("End", (await all_of(hub.subscribe()))[-1].value)
        assert (end.status, end.open) == ("truncated", ((), ("a",)))
        with pytest.raises(Truncated, match="inside /a"):
            await hub.result()


@virtual
async def test_a_failing_source_ends_failed_for_all() -> None:
    lost = ConnectionError("lost")
    probe = Probe(CHUNKS[:2], lost)
    async with share(probe | extract(User)) as hub:
        seen: list[str] = []
        with pytest.raises(ConnectionError) as caught:  # the block is the point
            async with hub.subscribe() as changes:
                async for change in changes:
                    seen.append(change.op)
        assert caught.value is lost
        assert seen == ["add", "add", "append", "end"]
        with pytest.raises(ConnectionError):
            await (hub | tap(id)).result()
        with pytest.raises(ConnectionError):
            await hub.result()
    probe.check()


@virtual
async def test_an_error_that_many_raise_does_not_grow() -> None:
    _, flow = told(letters("a"), ConnectionError("lost"), delay=0.0)
    async with share(flow) as hub:
        depths: list[int] = []
        for _ in range(20):
            with pytest.raises(ConnectionError) as caught:
                await all_of(hub.subscribe())
            depths.append(len(caught.traceback) + len(caught.value.__notes__))
        assert depths[1:] == [depths[1]] * 19


@virtual
async def test_what_is_no_stream_of_changes_says_what_to_write() -> None:
    async with share(cast("list[Change[Any]]", ["{}"])) as hub:
        with pytest.raises(TypeError, match=r"share\(\) takes changes, got '\{\}'"):
            await all_of(hub.subscribe())
    async with share(CHUNKS | extract(User) | select("/name")) as hub:
        with pytest.raises(ValueError, match="no object or array") as caught:
            await all_of(hub.subscribe())
        assert any("put select() behind the hub" in note for note in caught.value.__notes__)
    with pytest.raises(TypeError, match="cannot stream from 5"):
        share(cast("Any", 5))
    with pytest.raises(ValueError, match="no start"):
        share([], start=cast("Any", "now"))
    with pytest.raises(ValueError, match="cannot be negative"):
        share([], retain=-1)


@virtual
async def test_misuse_says_what_to_write() -> None:
    hub = share(CHUNKS | extract(User))
    with pytest.raises(StreamkitError, match="enter the hub first"):
        await all_of(hub.subscribe())
    async with hub:
        with pytest.raises(StreamkitError, match="entered once"):
            await hub.__aenter__()
        with pytest.raises(StreamkitError, match="enter the subscription first"):
            await anext(hub.subscribe())
        with pytest.raises(ValueError, match="no policy 'drop'"):
            hub.subscribe(policy=cast("Any", "drop"))
        with pytest.raises(ValueError, match="capacity=-1"):
            hub.subscribe(policy="suspend", capacity=-1)
        async with hub.subscribe() as left:
            pass
        with pytest.raises(StreamkitError, match="was left"):
            await left.__aenter__()
        with pytest.raises(StopAsyncIteration):
            await anext(left)
        assert "left" in repr(left)
        assert "subscribers=0" in repr(hub)


@virtual
async def test_a_subscription_has_one_reader() -> None:
    _, flow = told(letters("abc"))
    async with share(flow) as hub, hub.subscribe() as changes:
        first = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        with pytest.raises(StreamkitError, match="one reader"):
            await anext(changes)
        assert (await first).op == "add"


@virtual
async def test_leaving_from_elsewhere_wakes_the_reader() -> None:
    _, flow = told(letters("abc"), "wait")
    async with share(flow) as hub, hub.subscribe() as changes:
        reading = asyncio.create_task(all_of(changes))
        await asyncio.sleep(30)
        assert not reading.done()
        await changes.__aexit__(None, None, None)
        assert len(await reading) == 5


@virtual
async def test_the_body_of_the_hub_keeps_its_own_error() -> None:
    probe, flow = told(letters("abc"), fails_to_close=OSError("cannot close"))
    with pytest.raises(ZeroDivisionError) as caught:  # the block is the point
        async with share(flow, start="eager"):
            await asyncio.sleep(1.5)
            raise ZeroDivisionError
    assert any("cannot close" in note for note in caught.value.__notes__)
    assert probe.closings == 1


@virtual
async def test_a_source_that_fails_to_close_is_told_who_leaves() -> None:
    _, flow = told(letters("abc"), fails_to_close=OSError("cannot close"))
    with pytest.raises(StreamkitError, match="cannot close"):
        async with share(flow, start="eager"):
            await asyncio.sleep(1.5)


@virtual
async def test_the_source_runs_in_the_context_of_the_hub() -> None:
    who = ContextVar[str]("who", default="nobody")

    async def source() -> AsyncIterator[Change[Any]]:
        yield Change("add", (), who.get())
        yield Change("complete", (), who.get())
        yield Change("end", (), End("complete"))

    who.set("the hub")
    async with share(source()) as hub:

        async def subscriber() -> None:
            who.set("a subscriber")
            await all_of(hub.subscribe())

        await asyncio.create_task(subscriber())
        assert await hub.result() == "the hub"


def test_hubs_are_typed() -> None:
    hub: Hub[User] = share(CHUNKS | extract(User))
    changes: Subscription[Change[User]] = hub.subscribe()
    batches: Subscription[Batch[User]] = hub.subscribe(batches=True)
    models: Flow[User] = hub | snapshots()
    same: Flow[Change[User]] = hub | tap(id)
    assert_type(changes | snapshots(), Flow[User])
    assert_type(changes | tap(id), Flow[Change[User]])
    assert_type(changes | diff(), Flow[Change[User]])
    assert all(repr(each) for each in (changes, batches, models, same))


@virtual
async def test_conflate_gives_a_snapshot_where_that_is_less() -> None:
    changes: list[list[Change[Any]]] = [[Change("add", (), 0)]]
    for n in range(1, 10):
        changes.append([Change("complete", (), n - 1), Change("replace", (), n)])
    _, flow = told(changes, "wait", delay=0.0)
    async with share(flow) as hub, hub.subscribe() as slow:
        await asyncio.sleep(1)
        snapshot = await anext(slow)
        assert snapshot.op == "snapshot"
        assert cast("Document", snapshot.value).value == 9
        assert slow.stats() == Stats(0, 1, 0, 19)


@virtual
async def test_a_source_that_fails_when_it_is_stopped_is_told_who_leaves() -> None:
    async def source() -> AsyncIterator[Change[Any]]:
        yield Change("add", (), "")
        try:
            await asyncio.sleep(1000)
        finally:
            raise OSError("broken pipe")

    hub = share(source(), start="eager")
    with pytest.raises(OSError, match="broken pipe"):
        async with hub:
            await asyncio.sleep(1)
    assert cast("End", hub.end).status == "cancelled"


@virtual
async def test_typed_operators_say_what_a_snapshot_cannot_tell_them() -> None:
    users = ["[", *('{"name": "Jo", "age": 1},' for _ in range(20)), '{"name": "Jo", "age": 1}]']
    async with share(Probe(users, delay=1) | extract(list[User]), retain=5) as hub:
        along = asyncio.create_task(all_of(hub.subscribe() | completed("/*")))
        await asyncio.sleep(10.5)
        for late in (hub | completed("/*"), hub | snapshots()):
            with pytest.raises(StreamkitError, match=r"fell behind, and got a snapshot.*retain=None"):
                async with late as items:
                    await anext(items)
        with pytest.raises(ValueError, match=r"from its beginning, and got a snapshot.*retain=None"):
            _ = [change async for change in hub | validate(list[User])]
        assert len([user async for user in hub.subscribe(hub.seq) | completed("/*")]) == 12
        assert len(await along) == 21


@virtual
async def test_snapshots_need_the_document_from_its_beginning() -> None:
    users = ["[", *('{"name": "Jo", "age": 1},' for _ in range(20)), '{"name": "Jo", "age": 1}]']
    async with share(Probe(users, delay=1) | extract(list[User]), start="eager") as hub:
        await asyncio.sleep(10.5)
        with pytest.raises(StreamkitError, match="from its beginning, and the first change was at '/9'"):
            _ = [models async for models in hub.subscribe(hub.seq) | snapshots()]


@virtual
async def test_a_snapshot_that_hides_nothing_from_typed_operators_is_none_to_them() -> None:
    _, flow = told(letters("hello"))
    async with share(flow, retain=0) as hub:
        first = asyncio.create_task(hub.result())
        await asyncio.sleep(4.5)
        assert [value async for value in hub | completed("")] == ["hello"]
        await first


@virtual
async def test_a_subscription_that_was_begun_goes_on_in_a_pipeline() -> None:
    _, flow = told([[Change("add", (), []), Change("add", (0,), 1), Change("complete", (0,), 1)]])
    async with share(flow) as hub, hub.subscribe() as changes:
        assert (await anext(changes)).op == "add"
        assert ops([change async for change in changes | tap(id)]) == ["add", "complete", "end"]
