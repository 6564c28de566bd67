"""An attempt that fails at its third field, and one that corrects it: on every wire, in both worlds, the page stays."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import pytest
from pydantic import BaseModel
from support.answers import calling, calling_in_responses, choosing
from support.claude import aclaude, claude, cut, event, tool_use
from support.meeting import MESSAGES
from support.wires import event as chunk

from streamkit import Change, Document, Mode, from_provider
from streamkit.client import BranchChange
from streamkit.testing import LoopbackServer, anthropic_events


class Host(BaseModel):
    city: str


class Plan(BaseModel):
    title: str
    hosts: list[Host]
    days: int
    notes: str


RIGHT: dict[str, Any] = {
    "title": "Fjords",
    "hosts": [{"city": "Oslo"}, {"city": "Bergen"}],
    "days": 3,
    "notes": "Rain.",
}
WRONG = {**RIGHT, "days": "three"}
SAME = {("title",), ("hosts",), ("hosts", 0), ("hosts", 0, "city"), ("hosts", 1), ("hosts", 1, "city"), ()}


def responding(value: object) -> list[bytes]:
    text = json.dumps(value)
    deltas = [
        chunk(type="response.output_text.delta", item_id="m", delta=text[i : i + 5]) for i in range(0, len(text), 5)
    ]
    return [*deltas, chunk(type="response.completed", response={"status": "completed"})]


def using(*values: object) -> list[bytes]:
    begin, *_, stop = anthropic_events([], stop_reason=None)
    texts = [json.dumps(value) for value in values]
    blocks = [tool_use(at, "Plan", text[:30], text[30:]) for at, text in enumerate(texts)]
    end = event("message_delta", delta={"stop_reason": "tool_use"}, usage={})
    return [begin, *(each for block in blocks for each in block), end, stop]


WIRES: dict[str, tuple[Callable[[Any], list[bytes]], dict[str, Any]]] = {
    "chat": (choosing, {"mode": Mode.JSON_SCHEMA}),
    "json": (choosing, {"mode": Mode.JSON}),
    "tools": (lambda value: calling(("Plan", value)), {"mode": Mode.TOOLS}),
    "fence": (lambda value: choosing(f"So:\n```json\n{json.dumps(value)}\n```"), {"mode": Mode.MD_JSON}),
    "responses": (responding, {"mode": Mode.RESPONSES}),
    "responses tools": (lambda value: calling_in_responses(("Plan", value)), {"mode": Mode.RESPONSES_TOOLS}),
    "claude": (cut, {"mode": Mode.JSON_SCHEMA}),
    "claude tools": (using, {"mode": Mode.TOOLS}),
    "many tools": (lambda value: calling(("Plan", RIGHT), ("Plan", value)), {}),
    "many responses tools": (
        lambda value: calling_in_responses(("Plan", RIGHT), ("Plan", value)),
        {"mode": Mode.RESPONSES_TOOLS},
    ),
    "many claude tools": (lambda value: using(RIGHT, value), {}),
    "choices": (lambda value: choosing(RIGHT, value), {"n": 2}),
}


def started(client: Any, name: str, **options: Any) -> Any:
    _, more = WIRES[name]
    if name.startswith("many"):
        return client.stream_tools([Plan], messages=MESSAGES, **more, **options)
    call = client.stream_choices if name == "choices" else client.stream
    return call(Plan, messages=MESSAGES, **more, **options)


def by_branch(told: list[Any]) -> list[list[Change]]:
    branches: dict[object, list[Change]] = {}
    for each in told:
        branch: Any = None
        change: Change = each
        if each.__class__ is BranchChange:
            branch, change = each
        branches.setdefault(branch, []).append(change)
    return list(branches.values())


def check(told: list[Any], result: Any, *, attempts: int, aborted: bool) -> None:
    assert (result if isinstance(result, list) else [result])[-1] == Plan.model_validate(RIGHT)
    assert attempts == 2
    for changes in by_branch(told):
        document, shown = Document(), False
        for change in changes:
            document.apply(change)
            shown = shown or document.value is not None
            assert document.value is not None or not shown
        ops = [change.op for change in changes]
        assert (ops.count("reset"), ops.count("end"), ops[-1]) == (1, 1, "end")
        assert document.value == RIGHT
        again = changes[ops.index("reset") :]
        touched = [change for change in again if change.op in ("add", "append", "replace", "remove")]
        if aborted:  # the rest was never shown
            assert not [change for change in touched if change.path in SAME]
        else:
            assert touched in ([], [Change("replace", ("days",), 3)])
        assert [change.path for change in again if change.op == "complete"].count(("days",)) == 1
    assert any(change.op == "replace" for changes in by_branch(told) for change in changes)


def answers(name: str) -> list[list[bytes]]:
    make, _ = WIRES[name]
    return [make(WRONG), make(RIGHT)]


@pytest.mark.parametrize("name", WIRES)
@pytest.mark.parametrize("abort", [False, True])
def test_sync(name: str, abort: bool) -> None:
    with LoopbackServer(*answers(name)) as server:
        make = claude(server) if "claude" in name else from_provider("local/m", base_url=server.base_url)
        with make as client:
            run = started(client, name, max_retries=1, abort_on_invalid=abort)
            told = list(cast("Iterator[Any]", run))
            result = run.results() if hasattr(run, "results") else run.result()
            check(told, result, attempts=len(run.attempts), aborted=abort)


@pytest.mark.parametrize("name", WIRES)
async def test_async(name: str) -> None:
    with LoopbackServer(*answers(name)) as server:
        local = from_provider("local/m", base_url=server.base_url, async_client=True)
        async with aclaude(server) if "claude" in name else local as client:
            run = started(client, name, max_retries=1)
            told = [each async for each in cast("AsyncIterator[Any]", run)]
            result = await (run.results() if hasattr(run, "results") else run.result())
            check(told, result, attempts=len(run.attempts), aborted=False)
