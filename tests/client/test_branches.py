"""Several documents in one answer: parallel tool calls and choices, each a stream of its own."""

import json
from typing import Any, cast

import pytest
from pydantic import BaseModel
from support.meeting import DATA, MEETING, MESSAGES, USERS, MeetingInfo, User
from support.wires import DONE, call, choice, event

from streamkit import (
    ConnectionLost,
    Document,
    EmptyAnswer,
    End,
    Filtered,
    InvalidResult,
    Mode,
    Refused,
    StreamkitError,
    Truncated,
    from_provider,
)
from streamkit.client import AsyncClient, Client
from streamkit.sources import Read, Recorded, recorded
from streamkit.testing import Answer, LoopbackServer, chat_events


class Weather(BaseModel):
    """The weather in a city."""

    city: str


class Search(BaseModel):
    query: str
    limit: int = 3


class Stop(BaseModel):
    pass


def begins(name: str | None, index: int, text: str | None = "", **more: Any) -> bytes:
    function = {"name": name, "arguments": text}
    return choice({"tool_calls": [{"index": index, "id": f"c{index}", "function": function, **more}]})


BOTH = [
    begins("Weather", 0),
    choice(call('{"city": "O', index=0)),
    begins("Search", 1),
    choice(call('{"query"', index=1)),
    choice(call('slo"}', index=0)),
    choice(call(': "x"}', index=1)),
    choice({}, finish_reason="tool_calls"),
    event(choices=[], usage={"total_tokens": 3}),
    DONE,
]


def sync(server: LoopbackServer, **options: Any) -> Client:
    client: Client = from_provider("local/m", base_url=server.base_url, async_client=False, **options)
    return client


def asynchronous(server: LoopbackServer) -> AsyncClient:
    return from_provider("local/m", base_url=server.base_url, async_client=True)


@pytest.mark.parametrize("source", ["sse", "sdk"])
def test_each_call_is_a_stream_with_its_model(source: Any) -> None:
    with LoopbackServer(BOTH) as server, sync(server, source=source) as client:
        with client.stream_tools([Weather, Search], messages=MESSAGES) as run:
            documents: dict[str | None, Document] = {}
            order: list[str | None] = []
            for branch, change in run:
                documents.setdefault(branch.name, Document()).apply(change)
                order.append(branch.name)
            assert run.results() == [Weather(city="Oslo"), Search(query="x")]
            assert run.usage == {"total_tokens": 3}
        weather, search = run.branches
        assert {name: document.value for name, document in documents.items()} == {
            "Weather": {"city": "Oslo"},
            "Search": {"query": "x", "limit": 3},
        }
        assert (weather.choice, weather.call, weather.id, weather.response_model) == (0, 0, "c0", Weather)
        assert (search.call, search.id, search.response_model) == (1, "c1", Search)
        assert order.index("Search") < len(order) - 1 - order[::-1].index("Weather")
        sent = cast("Any", server.requests[0].json)
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["Weather", "Search"]
    assert sent["tools"][0]["function"]["description"] == "The weather in a city."
    assert (sent["tool_choice"], sent["parallel_tool_calls"]) == ("required", True)


async def test_each_call_in_the_async_world() -> None:
    with LoopbackServer(BOTH) as server:
        async with asynchronous(server) as client, client.stream_tools([Weather, Search], messages=MESSAGES) as run:
            partials = [branch.partial async for branch, change in run if change.op == "append"]
            assert len(partials) <= 2
            assert await run.results() == [Weather(city="Oslo"), Search(query="x")]


@pytest.mark.parametrize("name", ["chat_tool_parallel", "responses_tool"])
def test_recorded_calls(name: str) -> None:
    mode = Mode.RESPONSES_TOOLS if name.startswith("responses") else Mode.TOOLS
    with LoopbackServer(recorded(DATA / f"{name}.sse")) as server, sync(server) as client:
        run = client.stream_tools([User], messages=MESSAGES, mode=mode)
        assert run.results() == USERS
        assert {branch.name for branch in run.branches} == {"User"}
        assert len({branch.id for branch in run.branches}) == 3
        assert run.model == "meeting"


@pytest.mark.parametrize("index", [0, None])
@pytest.mark.parametrize("source", ["sse", "sdk"])
def test_calls_that_share_an_index(source: Any, index: int | None) -> None:
    calls = [("a", "Weather", '{"city": "Oslo"}'), ("b", "Search", '{"query": "x"}'), ("c", "Search", '{"query": "y"}')]
    told = [{"index": index, "id": which, "function": {"name": name, "arguments": it}} for which, name, it in calls]
    events = [*(choice({"tool_calls": [each]}) for each in told), choice({}, finish_reason="tool_calls")]
    with LoopbackServer(events) as server, sync(server, source=source) as client:
        run = client.stream_tools([Weather, Search], messages=MESSAGES)
        assert run.results() == [Weather(city="Oslo"), Search(query="x"), Search(query="y")]
        assert [(branch.call, branch.id) for branch in run.branches] == [(0, "a"), (1, "b"), (2, "c")]


def test_choices_are_streams_of_their_own() -> None:
    with LoopbackServer(recorded(DATA / "chat_n2.sse")) as server, sync(server) as client:
        run = client.stream_choices(MeetingInfo, n=2, messages=MESSAGES)
        documents = [Document(), Document()]
        for branch, change in run:
            documents[branch.choice].apply(change)
        assert run.results() == [MEETING, MEETING]
        assert [document.value for document in documents] == [MEETING.model_dump()] * 2
        assert cast("Any", server.requests[0].json)["n"] == 2


async def test_async_choices() -> None:
    with LoopbackServer(recorded(DATA / "chat_n2.sse")) as server:
        async with asynchronous(server) as client:
            async with client.stream_choices(MeetingInfo, n=2, messages=MESSAGES) as run:
                assert await run.results() == [MEETING, MEETING]
            await run.aclose()


def test_a_run_of_one_answer_does_not_lose_others() -> None:
    with LoopbackServer([DONE]) as server, sync(server) as client:
        with pytest.raises(ValueError, match="stream_choices"):
            client.stream(User, messages=MESSAGES, n=2)
        with pytest.raises(ValueError, match="how many answers"):
            client.stream_choices(User, n=2, messages=MESSAGES, mode=Mode.RESPONSES)
        with pytest.raises(ValueError, match="arguments are an object"):
            client.stream_tools([list[User]], messages=MESSAGES)
        with pytest.raises(ValueError, match="TOOLS or RESPONSES_TOOLS"):
            client.stream_tools([User], messages=MESSAGES, mode=Mode.JSON)


def test_each_call_has_its_own_end() -> None:
    events = [
        begins("Weather", 0, '{"city": 1}'),
        begins("Forget", 1, '{"a": '),
        choice(call("1}", index=1)),
        begins("Stop", 2, None),
        begins("Search", 3, '{"query": "x'),
        choice({}, finish_reason="length"),
    ]
    with LoopbackServer(events) as server, sync(server) as client:
        run = client.stream_tools([Weather, Search, Stop], messages=MESSAGES)
        ends = [(branch.name, cast("End", change.value)) for branch, change in run if change.op == "end"]
        assert {name: end.status for name, end in ends} == {
            "Weather": "invalid",
            "Forget": "failed",
            "Search": "truncated",
            "Stop": "complete",
        }
        by_name = {branch.name: branch for branch in run.branches}
        assert by_name["Stop"].result() == Stop()
        assert cast("Any", by_name["Search"].partial).query == "x"
        with pytest.raises(InvalidResult, match="/city"):
            run.results()
        with pytest.raises(Truncated):
            by_name["Search"].result()
        with pytest.raises(StreamkitError, match="'Forget', which is none of the tools: 'Weather', 'Search', 'Stop'"):
            by_name["Forget"].result()


def test_a_stream_that_breaks_ends_every_branch() -> None:
    with LoopbackServer(Answer(BOTH[:4], ending="dropped")) as server, sync(server) as client:
        run = client.stream_tools([Weather, Search], messages=MESSAGES)
        with pytest.raises(ConnectionLost):
            list(run)
        assert [cast("End", branch.end).status for branch in run.branches] == ["failed", "failed"]


def test_a_stream_that_just_ends_may_lack_calls() -> None:
    whole = [begins("Weather", 0, '{"city": "Oslo"}')]
    with LoopbackServer(whole, [*whole, DONE]) as server, sync(server) as client:
        run = client.stream_tools([Weather, Search], messages=MESSAGES)
        with pytest.raises(Truncated, match="there may have been more calls"):
            list(run)
        (branch,) = run.branches
        with pytest.raises(Truncated, match="without a finish reason") as cut:
            branch.result()
        assert cut.value.partial == Weather(city="Oslo")
        assert client.stream_tools([Weather], messages=MESSAGES).results() == [Weather(city="Oslo")]


def test_an_empty_reason_is_no_end() -> None:
    function = {"name": "Weather", "arguments": '{"city": "Oslo"}'}
    cut = choice({"tool_calls": [{"index": 0, "id": "a", "function": function}]}, finish_reason="")
    with LoopbackServer([cut]) as server, sync(server) as client:
        run = client.stream_tools([Weather], messages=MESSAGES)
        with pytest.raises(Truncated, match="there may have been more calls"):
            run.results()


def test_words_instead_of_calls() -> None:
    with LoopbackServer(chat_events(["No ", "need"])) as server, sync(server) as client:
        run = client.stream_tools([Weather], messages=MESSAGES)
        with pytest.raises(EmptyAnswer, match="called nothing; it said 'No need'"):
            run.results()


def test_cancelling_ends_every_branch() -> None:
    slow = Recorded([Read(0.0, each) for each in BOTH]).over(20.0)
    with LoopbackServer(slow) as server, sync(server) as client:
        with client.stream_tools([Weather, Search], messages=MESSAGES) as run:
            branch, _ = next(run)
            with pytest.raises(StreamkitError, match="has not ended"):
                branch.result()
            run.cancel()
            *_, last = run
        assert cast("End", last.change.value).status == "cancelled"
        assert server.requests[0].wait(2.0)
        assert server.requests[0].left is not None


def test_lists_are_wrapped_in_choices_too() -> None:
    text = json.dumps({"value": [1, 2]})
    with LoopbackServer(chat_events([text[:5], text[5:]])) as server, sync(server) as client:
        assert client.stream_choices(list[int], n=1, messages=MESSAGES).results() == [[1, 2]]


REFUSED = [choice({"refusal": "I can"}), choice({"refusal": "not"}), choice({}, finish_reason="stop"), DONE]
FILTERED = [choice({"content": ""}), choice({}, finish_reason="content_filter"), DONE]
CUT = [choice({"content": "Let me"}), choice({}, finish_reason="length"), DONE]


@pytest.mark.parametrize("calls", [[], [begins("Weather", 0, '{"city": "Oslo"}')]])
@pytest.mark.parametrize(
    ("body", "error", "message"),
    [(REFUSED, Refused, "^I cannot$"), (FILTERED, Filtered, "content filter"), (CUT, Truncated, "'length'")],
)
def test_an_answer_that_is_not_whole_beside_its_calls(
    calls: list[bytes], body: list[bytes], error: type[StreamkitError], message: str
) -> None:
    with LoopbackServer([*calls, *body]) as server, sync(server) as client:
        run = client.stream_tools([Weather, Search], messages=MESSAGES, max_retries=3)
        with pytest.raises(error, match=message):
            list(run)
        with pytest.raises(error, match=message):
            run.results()
        assert [branch.result() for branch in run.branches] == [Weather(city="Oslo") for _ in calls]
        assert len(server.requests) == 1


def test_words_before_a_token_limit_are_told() -> None:
    with LoopbackServer(CUT) as server, sync(server) as client:
        with pytest.raises(EmptyAnswer, match=r"called nothing.*it said 'Let me'") as caught:
            client.stream_tools([Weather], messages=MESSAGES).results()
        assert caught.value.finish_reason == "length"


@pytest.mark.parametrize(
    ("delta", "reason", "status", "error"),
    [
        ({"refusal": "No"}, "stop", "refused", Refused),
        ({}, "content_filter", "refused", Filtered),
        ({"content": ""}, "length", "truncated", EmptyAnswer),
    ],
)
def test_a_choice_that_says_why_it_has_no_document(
    delta: Any, reason: str, status: str, error: type[StreamkitError]
) -> None:
    whole = [choice({"content": '{"query": "x"}'}, index=1), choice({}, index=1, finish_reason="stop")]
    body = [choice(delta), *whole, choice({}, finish_reason=reason), DONE]
    with LoopbackServer(body) as server, sync(server) as client:
        run = client.stream_choices(Search, n=2, messages=MESSAGES, max_retries=3)
        list(run)
        with pytest.raises(error):
            run.results()
        ends = {branch.choice: cast("End", branch.end).status for branch in run.branches}
        assert ends == {0: status, 1: "complete"}
        assert len(server.requests) == 1


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize(("model", "text"), [(Weather, '{"city": "Oslo"}'), (Stop, "")])
def test_choices_that_are_calls(index: int, model: type[BaseModel], text: str) -> None:
    calls = [
        choice({"tool_calls": [{"index": index, "id": "c", "function": {"name": "f", "arguments": text}}]}, index=at)
        for at in (0, 1)
    ]
    ends = [choice({}, index=at, finish_reason="tool_calls") for at in (0, 1)]
    with LoopbackServer([*calls, *ends, DONE]) as server, sync(server) as client:
        run = client.stream_choices(model, n=2, messages=MESSAGES, mode=Mode.TOOLS)
        assert run.results() == [model.model_validate_json(text or "{}")] * 2
        assert [branch.choice for branch in run.branches] == [0, 1]


def test_a_choice_whose_call_was_cut_before_its_arguments() -> None:
    calls = [choice({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f"}}]}, index=at) for at in (0, 1)]
    ends = [choice({}, finish_reason="length"), choice({}, index=1, finish_reason="stop")]
    with LoopbackServer([*calls, *ends, DONE]) as server, sync(server) as client:
        run = client.stream_choices(Stop, n=2, messages=MESSAGES, mode=Mode.TOOLS)
        list(run)
        ends_of = {branch.choice: cast("End", branch.end).status for branch in run.branches}
        assert ends_of == {0: "truncated", 1: "complete"}


def test_tools_that_cannot_be_told_apart() -> None:
    def other() -> type[BaseModel]:
        class Weather(BaseModel):
            days: int

        return Weather

    with LoopbackServer([DONE]) as server, sync(server) as client:
        with pytest.raises(ValueError, match=r"two have the same: ..Weather., .Weather.."):
            client.stream_tools([Weather, other()], messages=MESSAGES)
        with pytest.raises(ValueError, match="got none"):
            client.stream_tools([], messages=MESSAGES)
