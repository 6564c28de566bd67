"""The UI message stream of Vercel's AI SDK; test_node.py reads it with the SDK itself."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given
from support.frames import Batches, read, state, streams
from support.recorder import plain
from support.strategies import LAW

from streamkit import Change, End, StreamkitError
from streamkit.changes.change import Status
from streamkit.wire import AI_SDK_HEADERS, AiSdkEncoder, CompactDecoder


def parts_of(answer: bytes) -> list[dict[str, Any]]:
    return [
        json.loads(line.removeprefix("data: ")) for line in answer.decode().split("\n\n")[:-1] if "[DONE]" not in line
    ]


@LAW
@given(streams)
def test_frames_lead_to_the_fold_and_the_kept_part_holds_it(batches: Batches) -> None:
    encoder, decoder, parts, shown = AiSdkEncoder("m"), CompactDecoder(), list[dict[str, Any]](), dict[str, object]()
    for batch, shown in zip(batches, read(batches), strict=True):
        for part in (news := parts_of(encoder.encode(batch))):
            if part.get("transient"):
                decoder.decode(part["data"])
        parts += news
        if shown["verdicts"]:
            assert plain(state(decoder.document)) == plain(shown)
    assert parts[0] == {"type": "start", "messageId": "m"}
    (kept,) = [part for part in parts if part["type"] == "data-streamkit" and not part.get("transient")]
    assert kept["id"] == "streamkit"
    assert plain(kept["data"]) == plain({"value": shown["value"], "status": cast("Any", shown["end"])["status"]})
    assert parts[-1]["type"] in ("finish", "abort")


def test_a_message() -> None:
    encoder = AiSdkEncoder()
    assert encoder.encode([Change("add", (), "x")]) == (
        b'data: {"type":"start"}\n\ndata: {"type":"data-streamkit","data":[[0,[],"x"]],"transient":true}\n\n'
    )
    assert encoder.encode([Change("append", (), "y")]) == (
        b'data: {"type":"data-streamkit","data":["y"],"transient":true}\n\n'
    )
    assert encoder.encode([Change("append", (), "")]) == b""
    assert encoder.encode([Change("end", (), End("complete"))]).endswith(b'"}\n\ndata: [DONE]\n\n')
    assert AI_SDK_HEADERS["x-vercel-ai-ui-message-stream"] == "v1"


@pytest.mark.parametrize(
    ("status", "reason", "error", "last"),
    [
        ("complete", "stop", None, [{"type": "finish", "finishReason": "stop"}]),
        ("complete", None, None, [{"type": "finish", "finishReason": "stop"}]),
        ("complete", "tool_use", None, [{"type": "finish", "finishReason": "tool-calls"}]),
        ("complete", "odd", None, [{"type": "finish", "finishReason": "other"}]),
        (
            "truncated",
            "length",
            "cut",
            [{"type": "error", "errorText": "cut"}, {"type": "finish", "finishReason": "length"}],
        ),
        (
            "refused",
            "content_filter",
            "no",
            [{"type": "error", "errorText": "no"}, {"type": "finish", "finishReason": "content-filter"}],
        ),
        ("invalid", "stop", "x", [{"type": "error", "errorText": "x"}, {"type": "finish", "finishReason": "error"}]),
        (
            "failed",
            None,
            None,
            [{"type": "error", "errorText": "the stream ended as failed"}, {"type": "finish", "finishReason": "error"}],
        ),
        ("cancelled", None, "left", [{"type": "abort", "reason": "cancelled"}]),
    ],
)
def test_how_it_ends(status: Status, reason: str | None, error: str | None, last: list[object]) -> None:
    end = End(status, (), None if error is None else StreamkitError(error), reason)
    parts = AiSdkEncoder(part_id="p").parts([Change("end", (), end)])
    kept = {"type": "data-streamkit", "id": "p", "data": {"value": None, "status": status}}
    assert [part for part in parts if part not in last][-1] == kept
    assert parts[-len(last) :] == last
