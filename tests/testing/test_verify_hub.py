"""`verify_hub`: hubs of all kinds pass it, and every rule of it can be broken."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any, cast

import pytest

from streamkit import share
from streamkit.changes.change import Change, End
from streamkit.hub import Hub, Subscription
from streamkit.hub.channel import Channel
from streamkit.hub.cursor import Cursor
from streamkit.hub.log import MemoryLog
from streamkit.hub.waiters import Waiters
from streamkit.operators import tap
from streamkit.testing import verify_hub

POLICIES = ["conflate", "every", "suspend", "disconnect"]


@pytest.mark.parametrize("retain", [None, 1024, 16, 3, 1, 0])
@pytest.mark.parametrize("policy", POLICIES)
def test_hubs_keep_the_rules(policy: str, retain: int | None) -> None:
    verify_hub(lambda changes: share(changes, retain=retain), policies=[policy])


@pytest.mark.parametrize("policy", POLICIES)
def test_hubs_of_other_kinds_keep_the_rules(policy: str) -> None:
    verify_hub(lambda changes: share(changes, start="subscribed", grace=1000), policies=[policy])
    verify_hub(lambda changes: share(changes | tap(id)), policies=[policy])


# -- what breaks them --------------------------------------------------------------------------------------


def of_all(waiters: Any, waiter: object) -> bool:
    """Who stops waiting takes the others along, as with one future for all of them."""
    waits = waiter in waiters._waiting
    waiters._waiting.clear()
    return waits


async def slow_to_enter(subscription: Any) -> Any:
    await asyncio.sleep(0)
    return await ENTER(subscription)


ENTER = cast("Callable[[Any], Any]", vars(Subscription)["__aenter__"])


async def repeating(subscription: Any) -> Any:
    """What was read just before is read again."""
    if subscription._at > 10:
        subscription._at -= 2
    return await ENTER(subscription)


def forgetful(place: Any) -> Any:
    """What is not kept is passed over."""
    place._at = place._log.seq
    return ()


def without_error(subscription: Any, end: End) -> None:
    subscription._leave()


def clinging(hub: Any, who: object) -> None:
    """Keeps those who left."""
    hub.kept = who


def deaf(hub: Any) -> None:
    """Does not stop."""


async def hasty(hub: Any, *error: object) -> None:
    """Leaves without waiting for the source."""
    hub.cancel()


async def slowed(channel: Any) -> None:
    """The source waits for the slowest, whatever it asked for."""
    await asyncio.sleep(30)


def closing_twice(log: Any, error: Exception | None = None, *, cancelled: bool = False) -> None:
    log.append([Change("end", (), End("cancelled"))])
    log.end = None
    log.append([Change("end", (), End("cancelled"))])


@pytest.mark.parametrize(
    ("owner", "name", "broken", "rule"),
    [
        (Waiters, "remove", of_all, "affects nobody else"),
        (Subscription, "__aenter__", slow_to_enter, "before its first suspension"),
        (Subscription, "__aenter__", repeating, "no gap, no repeat"),
        (Cursor, "_snapshot", forgetful, "ends with the same document"),
        (Subscription, "_finish", without_error, "raised to everybody"),
        (Hub, "leave", clinging, "no reference to who has left"),
        (Hub, "cancel", deaf, "ends the stream for all"),
        (Hub, "__aexit__", hasty, "leaving after it"),
        (Channel, "room", slowed, "delays neither"),
        (MemoryLog, "close", closing_twice, "and one end"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_hub_that_breaks_a_rule_is_told_which(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, broken: object, rule: str
) -> None:
    monkeypatch.setattr(owner, name, broken)
    with pytest.raises(AssertionError) as caught:
        verify_hub(lambda changes: share(changes, retain=3), policies=["every"])
    told = "".join(caught.value.__notes__)
    del caught
    gc.collect()  # here, not in the middle of another test: tasks that nothing can end are in it
    assert rule in told


def test_a_hub_that_runs_its_source_for_each_subscriber_is_found() -> None:
    class Unshared:
        def __init__(self, changes: Any) -> None:
            self._changes, self._hubs, self.seq = changes, list[Any](), 0

        async def __aenter__(self) -> Any:
            return self

        async def __aexit__(self, *error: object) -> None:
            for hub in self._hubs:
                await hub.__aexit__(None, None, None)

        def subscribe(self, *args: Any, **options: Any) -> Any:
            hub = cast("Any", share(self._changes))
            hub._entered = "now"
            self._hubs.append(hub)
            return hub.subscribe(*args, **options)

    with pytest.raises(AssertionError) as caught:
        verify_hub(Unshared)
    assert "the source runs once" in "".join(caught.value.__notes__)
