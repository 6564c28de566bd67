"""A call of a tool that was not offered is not the document; choices come by their index."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel
from support.meeting import MESSAGES
from support.wires import DONE, choice

from streamkit import Mode, UnknownTool, from_provider
from streamkit.testing import LoopbackServer


class Search(BaseModel):
    limit: int = 10


def calling(name: str, arguments: str, **more: Any) -> list[bytes]:
    call = {"index": 0, "id": "c", "function": {"name": name, "arguments": ""}}
    pieces = [choice({"tool_calls": [{"index": 0, "function": {"arguments": each}}]}) for each in arguments]
    return [choice({"tool_calls": [call]}), *pieces, choice({}, finish_reason="tool_calls"), DONE]


@pytest.mark.parametrize("arguments", ['{"path": "/"}', "", '{"limit": 3}'])
@pytest.mark.parametrize("source", ["sse", "sdk"])
def test_a_call_of_another_tool_is_not_the_model(arguments: str, source: Any) -> None:
    bad = calling("delete_everything", arguments)
    with LoopbackServer(bad, bad, calling("Search", '{"limit": 5}')) as server:
        with from_provider("local/m", base_url=server.base_url, mode=Mode.TOOLS, source=source) as client:
            run = client.stream(Search, messages=MESSAGES)
            assert [change.op for change in iter_until_error(run)] == ["end"]
            with pytest.raises(UnknownTool, match="'delete_everything', which is none of the tools: 'Search'"):
                run.result()
            assert client.stream(Search, messages=MESSAGES, max_retries=1).result() == Search(limit=5)
        told = json.dumps(server.requests[2].json)
    assert "delete_everything" in told


def iter_until_error(run: Any) -> Any:
    try:
        yield from run
    except UnknownTool:
        return


def test_choices_come_by_their_index() -> None:
    events = [choice({"content": json.dumps({"limit": at})}, index=at) for at in (2, 0, 1)]
    ends = [choice({}, index=at, finish_reason="stop") for at in (2, 0, 1)]
    with LoopbackServer([*events, *ends, DONE]) as server, from_provider("local/m", base_url=server.base_url) as client:
        found = client.stream_choices(Search, n=3, messages=MESSAGES).results()
    assert [each.limit for each in found] == [0, 1, 2]
