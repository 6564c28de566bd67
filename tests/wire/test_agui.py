"""AG-UI: every event is one of the protocol's own models, and a client of it shows the fold, verdicts included."""

from __future__ import annotations

import json
from typing import Any, cast

import jsonpatch
import pytest
from ag_ui.core import PROTOCOL_VERSION, Event
from hypothesis import given
from pydantic import BaseModel, TypeAdapter
from support.frames import Batches, read, streams
from support.recorder import plain
from support.strategies import LAW

from streamkit import Change, Document, End, StreamkitError, extract
from streamkit.changes.change import Status, to_pointer
from streamkit.wire import AguiEncoder

EVENT: TypeAdapter[Any] = TypeAdapter(Event)


def checked(lines: bytes) -> list[dict[str, Any]]:
    """The events of an answer, after the protocol's own models have read them, and found nothing but what they know."""
    events: list[dict[str, Any]] = []
    for line in lines.decode().split("\n\n")[:-1]:
        text = line.removeprefix("data: ")
        assert len(text.splitlines()) == 1
        event = EVENT.validate_json(text)
        assert not cast("BaseModel", event).model_extra
        events.append(json.loads(text))
        assert plain(event.model_dump(mode="json", by_alias=True)) == plain(events[-1])
    return events


class Client:
    """Follows events as the table at the head of the encoder says."""

    def __init__(self) -> None:
        self.state: object = None
        self.verdicts: dict[str, object] = {}
        self.types: list[str] = []
        self.seq = 0

    def read(self, event: dict[str, Any]) -> None:
        self.types.append(event["type"])
        told = event["metadata"]["streamkit"]
        assert told["seq"] >= self.seq
        self.seq = told["seq"]
        if event["type"] == "STATE_SNAPSHOT":
            self.state, self.verdicts = event["snapshot"], {}
        if event["type"] == "STATE_DELTA":
            self.state = jsonpatch.apply_patch(cast("Any", self.state), event["delta"])
            if "reset" in told:
                self.verdicts.clear()
            for operation in event["delta"]:
                self._void(operation["path"])
        self.verdicts |= dict.fromkeys(told.get("complete", []), "complete")
        self.verdicts |= told.get("invalid", {})

    def _void(self, pointer: str) -> None:
        for each in [each for each in self.verdicts if each == pointer or each.startswith(f"{pointer}/")]:
            del self.verdicts[each]


@LAW
@given(streams)
def test_every_event_leads_to_the_fold(batches: Batches) -> None:
    encoder, client, count, document = AguiEncoder("t", "r"), Client(), 0, Document()
    for batch, expected in zip(batches, read(batches), strict=True):
        count += len(batch)
        for change in batch:
            document.apply(change)
        for event in checked(encoder.encode(batch)):
            assert event.get("threadId", "t") == "t"
            client.read(event)
        assert plain(client.state) == plain(expected["value"])
        verdicts = {
            to_pointer(tuple(path)): said for path, said in cast("list[Any]", expected["verdicts"]) if said != "open"
        }
        assert client.verdicts == verdicts
    assert client.types[0] == "RUN_STARTED"
    assert client.types[-1] in ("RUN_FINISHED", "RUN_ERROR")
    assert client.types.count("RUN_STARTED") == 1
    assert client.seq == count


class User(BaseModel):
    name: str
    age: int


def test_a_run() -> None:
    encoder = AguiEncoder("thread", "run")
    batches = (['{"name": "Jo', 'hn", "age": ', '"x"}'] | extract(User)).batches()
    events = [event for batch in batches for event in checked(encoder.encode(batch))]
    assert [event["type"] for event in events] == [
        "RUN_STARTED",
        "STATE_SNAPSHOT",
        "STATE_DELTA",
        "STATE_DELTA",
        "RUN_ERROR",
    ]
    started, snapshot, grown, wrong, ended = events
    assert started["protocolVersion"] == PROTOCOL_VERSION
    assert (started["threadId"], started["runId"]) == ("thread", "run")
    assert snapshot["snapshot"] == {"name": "Jo"}
    assert grown["delta"] == [{"op": "replace", "path": "/name", "value": "John"}]
    assert grown["metadata"] == {"streamkit": {"seq": 4, "complete": ["/name"]}}
    assert list(wrong["metadata"]["streamkit"]["invalid"]) == ["/age", ""]
    assert ended["code"] == "invalid"
    assert ended["message"].startswith("1 field not valid: /age")


def test_a_hub_counts_for_it() -> None:
    encoder = AguiEncoder("t", "r")
    events = [*encoder.events([Change("add", (), "x")], 40), *encoder.events([Change("append", (), "y")], 41)]
    assert [cast("Any", event)["metadata"]["streamkit"]["seq"] for event in events] == [0, 40, 41]


@pytest.mark.parametrize("path", [("__proto__",), ("a", "__proto__"), ("a", "constructor", "prototype")])
def test_what_javascript_refuses_as_a_patch_is_a_snapshot(path: tuple[str, ...]) -> None:
    encoder = AguiEncoder("t", "r")
    encoder.events([Change("add", (), {}), *[Change("add", path[:at], {}) for at in range(1, len(path))]])
    (event,) = encoder.events([Change("add", path, 1)])
    assert event["type"] == "STATE_SNAPSHOT"
    (event,) = encoder.events([Change("add", ("constructor",), {})])
    assert event["type"] == "STATE_DELTA"


def test_a_batch_that_says_nothing_is_no_event() -> None:
    encoder = AguiEncoder("t", "r")
    encoder.events([Change("add", (), "x")])
    assert encoder.events([]) == []


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        ("complete", None, {"type": "RUN_FINISHED", "outcome": {"type": "success"}}),
        ("cancelled", StreamkitError("left"), {"type": "RUN_FINISHED", "outcome": {"type": "cancelled"}}),
        ("failed", StreamkitError("gone"), {"type": "RUN_ERROR", "message": "gone", "code": "failed"}),
        ("truncated", None, {"type": "RUN_ERROR", "message": "the stream ended as truncated", "code": "truncated"}),
        ("refused", StreamkitError("no"), {"type": "RUN_ERROR", "message": "no", "code": "refused"}),
    ],
)
def test_how_it_ends(status: Status, error: Exception | None, told: dict[str, object]) -> None:
    events = checked(AguiEncoder("t", "r").encode([Change("end", (), End(status, ((),), error, "stop"))]))
    assert [event["type"] for event in events] == ["RUN_STARTED", told["type"]]
    assert events[-1].items() >= told.items()
    end = {"seq": 1, "status": status, "open": [""], "finish_reason": "stop"}
    assert events[-1]["metadata"] == {"streamkit": end}
