"""Several documents asked for again: what the model is told, what each branch shows, and how all of it ends."""

import json
from collections import defaultdict
from typing import Any, cast

import anyio
import openai
import pytest
from pydantic import BaseModel
from support.answers import USAGE, calling, calling_in_responses, choosing
from support.flows import folded
from support.meeting import MESSAGES
from support.wires import DONE, choice

from streamkit import (
    Change,
    ConnectionLost,
    EmptyAnswer,
    End,
    Hooks,
    InvalidResult,
    JsonSyntaxError,
    Mode,
    RetriesExhausted,
    StreamkitError,
    Truncated,
    UnknownTool,
    from_provider,
)
from streamkit.client import AsyncClient, Branch, BranchChange, Client
from streamkit.errors import Attempt
from streamkit.sources import Read, Recorded
from streamkit.testing import Answer, LoopbackServer, chat_events

pytestmark = pytest.mark.usefixtures("waits")


class Weather(BaseModel):
    city: str


class Search(BaseModel):
    query: str
    limit: int


OSLO, TWO, MANY = {"city": "Oslo"}, {"query": "rain", "limit": 2}, {"query": "rain", "limit": "many"}
RIGHT = "This call is right. Call it again as it is, beside the others."


def sync(server: LoopbackServer, **options: Any) -> Client:
    client: Client = from_provider("local/m", base_url=server.base_url, async_client=False, **options)
    return client


def asynchronous(server: LoopbackServer) -> AsyncClient:
    return from_provider("local/m", base_url=server.base_url, async_client=True)


FIRST, SECOND = (("Weather", OSLO), ("Search", MANY)), (("Weather", OSLO), ("Search", TWO))


def by_branch(told: list[BranchChange[Any]]) -> dict[Branch[Any], list[Change]]:
    changes: dict[Branch[Any], list[Change]] = defaultdict(list)
    for branch, change in told:
        changes[branch].append(change)
    return changes


def check_screen(told: list[BranchChange[Any]]) -> None:
    """Each branch folds, is reset once, shows only what differs, and ends once, at last."""
    changes = by_branch(told)
    assert [(branch.call, branch.name) for branch in changes] == [(0, "Weather"), (1, "Search")]
    again: dict[str | None, list[Change]] = {}
    for branch, each in changes.items():
        assert folded(each).value == {"Weather": OSLO, "Search": TWO}[str(branch.name)]
        ops = [change.op for change in each]
        assert (ops.count("reset"), ops.count("end"), ops[-1]) == (1, 1, "end")
        again[branch.name] = each[ops.index("reset") + 1 : -1]
    assert again["Weather"] == [Change("complete", ("city",), "Oslo"), Change("complete", (), Weather(city="Oslo"))]
    state = [change for change in again["Search"] if change.op != "complete"]
    assert state == [Change("replace", ("limit",), 2)]


def test_all_calls_are_asked_for_again() -> None:
    with LoopbackServer(calling(*FIRST), calling(*SECOND)) as server, sync(server) as client:
        with client.stream_tools([Weather, Search], messages=MESSAGES, max_retries=1) as run:
            told = list(run)
            assert run.results() == [Weather(city="Oslo"), Search(query="rain", limit=2)]
        first, second = (cast("Any", seen.json) for seen in server.requests)
    check_screen(told)
    assert [type(attempt.error) for attempt in run.attempts] == [InvalidResult, type(None)]
    assert [attempt.usage for attempt in run.attempts] == [USAGE, USAGE]
    assert run.attempts[0].text == f"{json.dumps(OSLO)}\n{json.dumps(MANY)}"
    assert {**second, "messages": MESSAGES} == first
    said, weather, search = second["messages"][len(MESSAGES) :]
    assert said["role"] == "assistant"
    assert [(each["id"], each["type"]) for each in said["tool_calls"]] == [("c0", "function"), ("c1", "function")]
    assert [each["function"] for each in said["tool_calls"]] == [
        {"name": name, "arguments": json.dumps(value)} for name, value in FIRST
    ]
    assert weather == {"role": "tool", "tool_call_id": "c0", "content": RIGHT}
    assert (search["role"], search["tool_call_id"]) == ("tool", "c1")
    assert "/limit: Input should be a valid integer" in search["content"]


def test_all_calls_are_asked_for_again_in_responses() -> None:
    mode = Mode.RESPONSES_TOOLS
    with LoopbackServer(calling_in_responses(*FIRST), calling_in_responses(*SECOND)) as server, sync(server) as client:
        run = client.stream_tools([Weather, Search], messages=MESSAGES, mode=mode, max_retries=1)
        told = list(run)
        weather, right, search, wrong = cast("Any", server.requests[1].json)["input"][len(MESSAGES) :]
    check_screen(told)
    assert weather == {"type": "function_call", "call_id": "c0", "name": "Weather", "arguments": json.dumps(OSLO)}
    assert right == {"type": "function_call_output", "call_id": "c0", "output": RIGHT}
    assert (search["call_id"], search["arguments"], wrong["call_id"]) == ("c1", json.dumps(MANY), "c1")
    assert "/limit" in wrong["output"]


async def test_hooks_know_the_branch_in_the_async_world() -> None:
    requests: list[int] = []
    chunks: list[str] = []
    changes: list[BranchChange[Any]] = []
    wrong: list[tuple[str | None, str]] = []
    retried: list[Attempt] = []
    ends: list[End] = []

    async def on_change(told: BranchChange[Any]) -> None:
        await anyio.lowlevel.checkpoint()
        changes.append(told)

    hooks = Hooks(
        on_request=lambda request: requests.append(len(request["messages"])),
        on_chunk=chunks.append,
        on_change=on_change,
        on_invalid=lambda told: wrong.append((told.branch.name, told.change.pointer)),
        on_retry=retried.append,
        on_end=ends.append,
    )
    with LoopbackServer(calling(*FIRST), calling(*SECOND)) as server:
        async with asynchronous(server) as client:
            run = client.stream_tools([Weather, Search], messages=MESSAGES, max_retries=1, hooks=hooks)
            told = [each async for each in run]
            assert await run.results() == [Weather(city="Oslo"), Search(query="rain", limit=2)]
    check_screen(told)
    assert changes == told
    assert requests == [len(MESSAGES), len(MESSAGES) + 3]
    assert sorted("".join(chunks)) == sorted("".join(attempt.text.replace("\n", "") for attempt in run.attempts))
    assert wrong == [("Search", "/limit"), ("Search", "")]
    assert retried == [run.attempts[0]]
    assert [end.status for end in ends] == ["complete", "complete"]


def test_a_sync_client_awaits_no_hook() -> None:
    async def on_change(told: BranchChange[Any]) -> None: ...

    with LoopbackServer([DONE]) as server, sync(server) as client:
        hooks = Hooks(on_change=on_change)
        with pytest.raises(TypeError, match="on_change is an async function"):
            client.stream_tools([Weather], messages=MESSAGES, hooks=hooks)
        with pytest.raises(TypeError, match="on_change is an async function"):
            client.stream_choices(Weather, n=1, messages=MESSAGES, hooks=hooks)


def test_calls_that_come_and_go() -> None:
    answers = calling(("Forget", {"a": 1}), ("Search", MANY)), calling(("Weather", OSLO))
    with LoopbackServer(*answers) as server, sync(server) as client:
        run = client.stream_tools([Weather, Search], messages=MESSAGES, max_retries=1)
        changes = by_branch(list(run))
        assert run.results() == [Weather(city="Oslo")]
        forget = cast("Any", server.requests[1].json)["messages"][-2]
    assert "'Forget', which is none of the tools: 'Weather', 'Search'" in forget["content"]
    assert isinstance(run.attempts[0].error, UnknownTool)
    ends = {branch.name: cast("End", branch.end) for branch in run.branches}
    assert {name: end.status for name, end in ends.items()} == {
        "Forget": "failed",
        "Search": "failed",
        "Weather": "complete",
    }
    assert "was not in the last attempt" in str(ends["Search"].error)
    assert ends["Search"].open == ((), ("query",), ("limit",))
    assert [change.op for change in changes[run.branches[0]]] == ["reset", "end"]
    with pytest.raises(StreamkitError, match="not in the last attempt"):
        run.branches[1].result()


def test_a_call_keeps_its_branch_over_an_attempt_that_lacks_it() -> None:
    answers = calling(*FIRST), calling(("Weather", {"city": 1})), calling(*SECOND)
    with LoopbackServer(*answers) as server, sync(server) as client:
        run = client.stream_tools([Weather, Search], messages=MESSAGES, max_retries=2)
        assert run.results() == [Weather(city="Oslo"), Search(query="rain", limit=2)]
        assert [(branch.name, cast("End", branch.end).status) for branch in run.branches] == [
            ("Weather", "complete"),
            ("Search", "complete"),
        ]


def test_a_right_call_is_not_lost_by_an_answer_that_repeats_only_the_wrong_one() -> None:
    answers = calling(*FIRST), calling(("Search", TWO)), calling(*SECOND)
    with LoopbackServer(*answers) as server, sync(server) as client:
        run = client.stream_tools([Weather, Search], messages=MESSAGES, max_retries=2)
        assert run.results() == [Weather(city="Oslo"), Search(query="rain", limit=2)]
        assert server.requests[1].json == server.requests[2].json
        assert "2 calls were asked for again, and 1 came" in str(run.attempts[1].error)
        assert [branch.call for branch in run.branches if cast("End", branch.end).status == "complete"] == [0, 1]
    with LoopbackServer(*answers[:2]) as server, sync(server) as client:
        run = client.stream_tools([Weather, Search], messages=MESSAGES, max_retries=1)
        with pytest.raises(RetriesExhausted, match="a right one may be missing"):
            run.results()


def test_an_answer_from_the_start_may_have_fewer_calls() -> None:
    broken = Answer(calling(*FIRST)[:7], ending="dropped")
    with LoopbackServer(calling(*FIRST), broken, calling(("Weather", OSLO))) as server, sync(server) as client:
        run = client.stream_tools([Weather, Search], messages=MESSAGES, max_retries=2)
        assert run.results() == [Weather(city="Oslo")]


def test_a_call_of_no_tool_alone_is_told() -> None:
    with LoopbackServer(calling(("Forget", {})), calling(("Weather", OSLO))) as server, sync(server) as client:
        run = client.stream_tools([Weather], messages=MESSAGES, max_retries=1)
        assert run.results() == [Weather(city="Oslo")]
        assert isinstance(run.attempts[0].error, UnknownTool)
        assert "'Forget', which is none" in cast("Any", server.requests[1].json)["messages"][-1]["content"]


def test_a_call_of_no_tool_is_not_among_the_results_of_one_attempt() -> None:
    with LoopbackServer(calling(("Forget", {}), ("Weather", OSLO))) as server, sync(server) as client:
        run = client.stream_tools([Weather], messages=MESSAGES)
        with pytest.raises(UnknownTool, match="'Forget'"):
            run.results()


def test_words_instead_of_calls_are_told_so() -> None:
    with LoopbackServer(chat_events(["No ", "need"]), calling(("Weather", OSLO))) as server, sync(server) as client:
        run = client.stream_tools([Weather], messages=MESSAGES, max_retries=1)
        assert run.results() == [Weather(city="Oslo")]
        said, told = cast("Any", server.requests[1].json)["messages"][len(MESSAGES) :]
    assert said == {"role": "assistant", "content": "No need"}
    assert "the model called nothing; it said 'No need'" in told["content"]
    assert run.attempts[0].text == "No need"


def test_words_beside_calls_are_told_with_them() -> None:
    first = [choice({"content": "Let me see."}), *calling(*FIRST)]
    with LoopbackServer(first, calling(*SECOND)) as server, sync(server) as client:
        client.stream_tools([Weather, Search], messages=MESSAGES, max_retries=1).results()
        said = cast("Any", server.requests[1].json)["messages"][len(MESSAGES)]
    assert (said["content"], len(said["tool_calls"])) == ("Let me see.", 2)


def test_a_stream_that_breaks_keeps_what_is_shown(waits: list[float]) -> None:
    broken = Answer(calling(*FIRST)[:7], ending="dropped")
    with LoopbackServer(broken, calling(*SECOND)) as server, sync(server) as client:
        run = client.stream_tools([Weather, Search], messages=MESSAGES, max_retries=1)
        changes = by_branch(list(run))
        assert run.results() == [Weather(city="Oslo"), Search(query="rain", limit=2)]
        assert server.requests[0].json == server.requests[1].json
    assert isinstance(run.attempts[0].error, ConnectionLost)
    assert len(changes) == 2
    assert all("replace" not in [change.op for change in each] for each in changes.values())
    assert len(waits) == 1
    assert waits[0] > 0


def test_arguments_that_are_no_json_are_told_in_words() -> None:
    first = calling(("Weather", OSLO), ("Search", '{"query": }'))
    with LoopbackServer(first, calling(*SECOND)) as server, sync(server) as client:
        run = client.stream_tools([Weather, Search], messages=MESSAGES, max_retries=1)
        assert len(run.results()) == 2
        said, told = cast("Any", server.requests[1].json)["messages"][len(MESSAGES) :]
    assert isinstance(run.attempts[0].error, JsonSyntaxError)
    assert said == {"role": "assistant", "content": 'Weather({"city": "Oslo"})\nSearch({"query": })'}
    assert "Search: expected" in told["content"]
    assert "Weather:" not in told["content"]


def test_the_last_error_has_every_attempt() -> None:
    with LoopbackServer(calling(*FIRST), calling(*FIRST)) as server, sync(server) as client:
        run = client.stream_tools([Weather, Search], messages=MESSAGES, max_retries=1)
        list(run)  # a branch tells it, so the run does not
        with pytest.raises(RetriesExhausted, match="2 attempts gave no valid result; the last: 1 field") as caught:
            run.results()
    assert [type(attempt.error) for attempt in caught.value.attempts] == [InvalidResult, InvalidResult]
    assert [attempt.usage for attempt in caught.value.attempts] == [USAGE, USAGE]
    assert [len(attempt.text) for attempt in caught.value.attempts] == [len(run.attempts[0].text)] * 2
    assert isinstance(caught.value.__cause__, InvalidResult)
    assert [each.model_fields_set for each in cast("Any", caught.value.partial)] == [
        {"city"},
        {"query", "limit"},
    ]
    weather, search = run.branches
    assert weather.result() == Weather(city="Oslo")
    with pytest.raises(InvalidResult, match="/limit"):
        search.result()


def test_what_no_branch_can_tell_is_raised_at_the_end() -> None:
    with LoopbackServer(chat_events(["No"]), chat_events(["No"])) as server, sync(server) as client:
        run = client.stream_tools([Weather], messages=MESSAGES, max_retries=1)
        with pytest.raises(RetriesExhausted) as caught:
            list(run)
        assert isinstance(caught.value.__cause__, EmptyAnswer)


def test_a_token_limit_is_not_tried_again() -> None:
    cut = calling(("Search", MANY), ("Weather", '{"city": "Os'), finish="length")
    with LoopbackServer(cut, calling(*SECOND)) as server, sync(server) as client:
        run = client.stream_tools([Weather, Search], messages=MESSAGES, max_retries=3)
        with pytest.raises(InvalidResult):
            run.results()
        with pytest.raises(Truncated):
            run.branches[1].result()
        assert len(server.requests) == 1


@pytest.mark.parametrize("name", ["Weather", "Stop"])
def test_a_call_that_a_token_limit_cut_before_its_arguments(name: str) -> None:
    class Stop(BaseModel):
        pass

    cut = calling(("Stop", ""), (name, ""), finish="length")
    with LoopbackServer(cut, calling(("Stop", "{}"))) as server, sync(server) as client:
        run = client.stream_tools([Weather, Stop], messages=MESSAGES, max_retries=3)
        with pytest.raises(Truncated):
            run.results()
        assert [cast("End", branch.end).status for branch in run.branches] == ["complete", "truncated"]
        assert len(server.requests) == 1


@pytest.mark.parametrize("retries", [0, 1])
def test_leaving_at_the_first_wrong_value(retries: int) -> None:
    answer = calling(("Weather", {"city": "a long name of a city"}), ("Search", {"limit": "many", "query": "rain"}))
    reads = [*(Read(0.0, each) for each in answer[:10]), *(Read(20.0, each) for each in answer[10:])]
    slow = Recorded(reads, speed=1.0)
    with LoopbackServer(slow, calling(*SECOND)) as server, sync(server) as client:
        run = client.stream_tools([Weather, Search], messages=MESSAGES, max_retries=retries, abort_on_invalid=True)
        wrong = [branch.name for branch, change in run if change.op == "invalid"]
        assert wrong == ["Search"]
        assert server.requests[0].wait(2.0)
        assert server.requests[0].left is not None
        (error,) = [attempt.error for attempt in run.attempts if attempt.error is not None]
        assert isinstance(error, InvalidResult)
        assert not error.whole
        if retries:
            assert run.results() == [Weather(city="Oslo"), Search(query="rain", limit=2)]
            told = cast("Any", server.requests[1].json)["messages"][-1]["content"]
            assert "Search: 1 field not valid: /limit" in told
            assert "Weather:" not in told
            return
        with pytest.raises(InvalidResult, match="/limit"):
            run.results()
        assert [cast("End", branch.end).status for branch in run.branches] == ["cancelled", "invalid"]


def test_choices_are_asked_for_again() -> None:
    answers = choosing(MANY, TWO, {"query": 1, "limit": 1}), choosing(TWO, TWO, TWO)
    with LoopbackServer(*answers) as server, sync(server) as client:
        run = client.stream_choices(Search, n=3, messages=MESSAGES, max_retries=1)
        changes = by_branch(list(run))
        assert run.results() == [Search.model_validate(TWO)] * 3
        messages = cast("Any", server.requests[1].json)["messages"][len(MESSAGES) :]
        assert cast("Any", server.requests[1].json)["n"] == 3
    assert [message["role"] for message in messages] == ["assistant", "user"] * 2
    assert [message["content"] for message in messages[::2]] == [json.dumps(MANY), '{"query": 1, "limit": 1}']
    assert ["/limit" in messages[1]["content"], "/query" in messages[3]["content"]] == [True, True]
    states = [
        [
            (change.op, change.pointer)
            for change in each[[c.op for c in each].index("reset") :]
            if change.op != "complete"
        ]
        for each in changes.values()
    ]
    assert states == [
        [("reset", ""), ("replace", "/limit"), ("end", "")],
        [("reset", ""), ("end", "")],
        [("reset", ""), ("replace", "/query"), ("replace", "/limit"), ("end", "")],
    ]


async def test_choices_that_are_missing_are_asked_for_again() -> None:
    with LoopbackServer(choosing(TWO), choosing(TWO, TWO)) as server:
        async with asynchronous(server) as client:
            run = client.stream_choices(Search, n=2, messages=MESSAGES, max_retries=1)
            assert await run.results() == [Search.model_validate(TWO)] * 2
        assert server.requests[0].json == server.requests[1].json
    assert isinstance(run.attempts[0].error, Truncated)


UNAVAILABLE = Answer([b"{}"], status=503, content_type="application/json")
DENIED = Answer([b"{}"], status=401, content_type="application/json")


def test_a_request_that_fails_later_is_one_attempt() -> None:
    with (
        LoopbackServer(calling(*FIRST), UNAVAILABLE, calling(*SECOND)) as server,
        sync(server, max_retries=0) as client,
    ):
        run = client.stream_tools([Weather, Search], messages=MESSAGES, max_retries=2)
        ops = [change.op for branch, change in run if branch.name == "Weather"]
        assert len(run.results()) == 2
    assert ops.count("reset") == 2
    assert isinstance(run.attempts[1].error, openai.InternalServerError)


def test_a_request_that_is_refused_later_ends_every_branch() -> None:
    with LoopbackServer(calling(*FIRST), DENIED) as server, sync(server) as client:
        run = client.stream_tools([Weather, Search], messages=MESSAGES, max_retries=2)
        with pytest.raises(RetriesExhausted) as caught:
            list(run)
        with pytest.raises(RetriesExhausted):
            run.results()
    assert isinstance(caught.value.__cause__, openai.AuthenticationError)
    assert [cast("End", branch.end).status for branch in run.branches] == ["failed", "failed"]


async def test_cancelling_between_attempts_ends_every_branch() -> None:
    with LoopbackServer(calling(*FIRST), calling(*SECOND)) as server:
        async with asynchronous(server) as client:
            run = client.stream_tools([Weather, Search], messages=MESSAGES, max_retries=1)
            async for _, change in run:
                if change.op == "reset":
                    run.cancel()
            with pytest.raises(StreamkitError, match="was cancelled"):
                await run.results()
        assert [cast("End", branch.end).status for branch in run.branches] == ["cancelled", "cancelled"]
        assert len(server.requests) == 1
