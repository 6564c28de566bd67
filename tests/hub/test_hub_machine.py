"""A hub against its model: whatever happens, each subscriber's folded document equals the hub's at the same place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from support.strategies import Tree, sizes, trees, write
from support.strategies import cut as cut_text

from streamkit import Change, Document, FellBehind, share
from streamkit.hub import Batch, Hub, Policy, Subscription
from streamkit.operators import accumulate
from streamkit.testing import VirtualTimeLoop

T = TypeVar("T")
POLICIES: list[Policy] = ["conflate", "every", "suspend", "disconnect"]


class Reader:
    """A subscriber: what it has, and where it stands."""

    def __init__(self, subscription: Subscription[Batch[Any]], document: Document, seq: int) -> None:
        self.subscription, self.document, self.seq = subscription, document, seq
        self.reading: asyncio.Task[Batch[Any] | None] | None = None


class HubMachine(RuleBasedStateMachine):
    """The source gives a chunk when it is told to; readers read one batch when they are told to."""

    readers: Bundle[Reader] = Bundle("readers")
    places: Bundle[tuple[int, Document]] = Bundle("places")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.at: dict[int, object] = {0: self.looks(Document())}
        self.joined: list[Reader] = []

    @initialize(tree=trees(30), lengths=sizes, retain=st.sampled_from([None, 0, 1, 3, 10, 100]))
    def begin(self, tree: Tree, lengths: list[int], retain: int | None) -> None:
        self.batches = [list(batch) for batch in (cut_text(write(tree), lengths) | accumulate()).batches()]
        self.whole = Document()
        places = 0
        for batch in self.batches:
            for change in batch:
                self.whole.apply(change)
                places += 1
                self.at[places] = self.looks(self.whole)
        self.last = places
        self.gate = asyncio.Queue[list[Change[Any]]]()
        self.given = 0
        self.hub: Hub[Any] = share(Source(self.gate), retain=retain)
        self.run(self.hub.__aenter__())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    async def emit_derived(self) -> None:
        for _ in range(6):
            await asyncio.sleep(0)

    @staticmethod
    def looks(document: Document) -> object:
        end = document.end
        return repr(document.value), set(document.open), set(document.invalid), end and end.status

    @rule(count=st.integers(1, 5))
    def give(self, count: int) -> None:
        for batch in self.batches[self.given : self.given + count]:
            self.gate.put_nowait(batch)
        self.given += count
        self.run(self.emit_derived())

    @rule(
        target=readers,
        policy=st.sampled_from(POLICIES),
        capacity=st.sampled_from([None, 0, 2, 8]),
    )
    def join(self, policy: Policy, capacity: int | None) -> Reader:
        return self.enter(self.hub.subscribe(policy=policy, capacity=capacity, batches=True), Document(), 0)

    @rule(
        target=readers,
        place=consumes(places),
        policy=st.sampled_from(POLICIES),
    )
    def resume(self, place: tuple[int, Document], policy: Policy) -> Reader:
        seq, document = place
        return self.enter(self.hub.subscribe(seq, policy=policy, batches=True), document, seq)

    def enter(self, subscription: Subscription[Batch[Any]], document: Document, seq: int) -> Reader:
        self.run(subscription.__aenter__())
        self.run(self.emit_derived())
        reader = Reader(subscription, document, seq)
        self.joined.append(reader)
        return reader

    @rule(reader=readers, times=st.integers(1, 4))
    def read(self, reader: Reader, times: int) -> None:
        for _ in range(times):
            self.run(self.step(reader))

    async def step(self, reader: Reader) -> None:
        if reader.reading is None:
            reader.reading = asyncio.create_task(self.next_of(reader))
        await self.emit_derived()
        if not reader.reading.done():
            return
        batch = reader.reading.result()
        reader.reading = None
        if batch is None:
            assert self.hub.end is not None or "disconnect" in repr(reader.subscription), "it stopped before the end"
        else:
            for change in batch.changes:
                reader.document.apply(change)
            assert batch.seq > reader.seq, "the place did not move"
            reader.seq = batch.seq
            assert reader.subscription.seq == batch.seq
            assert self.looks(reader.document) == self.at[batch.seq]

    async def next_of(self, reader: Reader) -> Batch[Any] | None:
        try:
            return await anext(reader.subscription, None)
        except FellBehind:
            return None

    @rule(reader=readers)
    def cancel_a_read(self, reader: Reader) -> None:
        async def cancel() -> None:
            if reader.reading is not None and not reader.reading.done():
                reader.reading.cancel()
                await asyncio.wait([reader.reading])
                reader.reading = None

        self.run(cancel())

    @rule(target=places, reader=consumes(readers))
    def leave(self, reader: Reader) -> Any:
        self.run(self.out(reader))
        return multiple((reader.seq, reader.document))

    async def out(self, reader: Reader) -> None:
        if reader.reading is not None:
            reader.reading.cancel()
            await asyncio.wait([reader.reading])
            reader.reading = None
        await reader.subscription.__aexit__(None, None, None)
        self.joined.remove(reader)

    @precondition(lambda self: self.hub.end is None)
    @rule(chance=st.integers(0, 9))
    def cancel(self, chance: int) -> None:
        if chance:
            return
        document = self.hub.snapshot()
        self.hub.cancel()
        self.run(self.emit_derived())
        self.last = self.hub.seq
        document.apply(Change("end", (), self.hub.end))
        self.at[self.last] = self.looks(document)

    @invariant()
    def the_hub_stands_where_its_source_does(self) -> None:
        hub = getattr(self, "hub", None)
        if hub is not None:
            assert self.looks(hub.snapshot()) == self.at[hub.seq]
            assert set(hub.stats()) <= {reader.subscription for reader in self.joined}

    def teardown(self) -> None:
        if hasattr(self, "hub"):
            self.run(self.finish())
        self.runner.close()

    async def finish(self) -> None:
        for batch in self.batches[self.given :]:
            self.gate.put_nowait(batch)
        for _ in range(self.last + 2):
            for reader in self.joined:
                await self.step(reader)
        for reader in self.joined:
            if "disconnect" not in repr(reader.subscription):
                assert reader.seq == self.hub.seq
                assert self.looks(reader.document) == self.looks(self.hub.snapshot())
        for reader in list(self.joined):
            await self.out(reader)
        assert self.hub.stats() == {}
        await self.hub.__aexit__(None, None, None)
        assert asyncio.all_tasks() == {asyncio.current_task()}


class Source:
    """Gives what is put through a gate, until an end came through."""

    def __init__(self, gate: asyncio.Queue[list[Change[Any]]]) -> None:
        self._gate = gate
        self.model = None

    def __aiter__(self) -> AsyncIterator[Change[Any]]:
        raise AssertionError

    async def open_batches(self) -> Any:
        while True:
            batch = await self._gate.get()
            yield batch
            if batch[-1].op == "end":
                return


TestHub = HubMachine.TestCase
TestHub.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
