"""Anthropic's Messages API, through its own SDK: what is asked, and what becomes of the answers."""

import subprocess
import sys
from typing import Any, Literal, cast

import anthropic
import pytest
from pydantic import BaseModel, Field
from support.claude import STOP, aclaude, claude, cut, event, tool_use
from support.meeting import USERS, User

import streamkit
from streamkit import (
    Change,
    EmptyAnswer,
    End,
    Mode,
    Partial,
    ProviderError,
    Refused,
    Truncated,
    extract,
    from_anthropic,
    from_provider,
)
from streamkit.client import AsyncClient, Client, Hooks
from streamkit.client.anthropic.api import AnthropicApi
from streamkit.client.request import Answered
from streamkit.sources import anthropic_messages
from streamkit.sources.answer import Called
from streamkit.testing import Answer, LoopbackServer, anthropic_events

USER = USERS[0]
TEXT = USER.model_dump_json()
MESSAGES = [{"role": "user", "content": "Who was there?"}]
CREATED: Any = {"model": "c", "max_tokens": 9, "messages": MESSAGES}
MODES = [Mode.JSON_SCHEMA, Mode.TOOLS, Mode.JSON, Mode.MD_JSON]


def answered(mode: Mode, value: object = TEXT, **more: Any) -> list[bytes]:
    return cut(value, tool="User", stop_reason="tool_use", **more) if mode is Mode.TOOLS else cut(value, **more)


def sent(mode: Mode, response_model: Any = User, messages: Any = MESSAGES, **options: Any) -> dict[str, Any]:
    """The request that goes out, as the server sees it."""
    told = answered(mode, "null" if response_model is not User else TEXT)
    with LoopbackServer(told) as server, claude(server) as client:
        with client.stream(response_model, messages=messages, mode=mode, **options):
            pass
        assert server.requests[0].path == "/v1/messages"
        return server.requests[0].json


# Who is asked


def test_from_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    for name in ("anthropic/claude-opus-4-8", "Anthropic:claude-opus-4-8"):
        with from_provider(name, timeout=3.0, max_retries=0) as client:
            assert isinstance(client, Client)
            assert isinstance(client.sdk, anthropic.Anthropic)
            assert (client.model, client.mode) == ("claude-opus-4-8", Mode.JSON_SCHEMA)
            assert (client.sdk.api_key, client.sdk.timeout, client.sdk.max_retries) == ("secret", 3.0, 0)
            assert "api.anthropic.com" in repr(client)


async def test_from_provider_async() -> None:
    async with from_provider("anthropic/c", async_client=True, api_key="k", mode=Mode.TOOLS) as client:
        assert isinstance(client, AsyncClient)
        assert isinstance(client.sdk, anthropic.AsyncAnthropic)
        assert client.mode is Mode.TOOLS


def test_from_anthropic() -> None:
    with anthropic.Anthropic(api_key="k") as sdk:
        assert from_anthropic(sdk).sdk is sdk
        with pytest.raises(TypeError, match="which model"):
            from_anthropic(sdk).stream(User, messages=MESSAGES)
        with pytest.raises(TypeError, match="mode is one of"):
            from_anthropic(sdk, mode=cast("Any", "toools"))
    not_a_client: Any = "anthropic"
    with pytest.raises(TypeError, match="Anthropic or AsyncAnthropic"):
        from_anthropic(not_a_client)
    assert isinstance(from_anthropic(anthropic.AsyncAnthropic(api_key="k")), AsyncClient)


def test_without_a_key_the_sdk_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("API_KEY", "AUTH_TOKEN", "PROFILE", "CONFIG_DIR"):
        monkeypatch.delenv(f"ANTHROPIC_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with LoopbackServer(cut(TEXT)) as server, claude(server, api_key=None) as client:
        with pytest.raises(TypeError, match="api_key"):
            client.create(response_model=User, messages=MESSAGES)
        assert server.requests == []


@pytest.mark.parametrize("mode", [Mode.RESPONSES, Mode.RESPONSES_TOOLS])
def test_there_are_no_responses_modes(mode: Mode) -> None:
    told = rf"Mode\.{mode.name} is of OpenAI's Responses API"
    with pytest.raises(ValueError, match=told):
        from_provider("anthropic/c", api_key="k", mode=mode)
    with from_provider("anthropic/c", api_key="k") as client:
        with pytest.raises(ValueError, match=told):
            client.stream(User, messages=MESSAGES, mode=mode)
        with pytest.raises(ValueError, match=told if mode.calls_tools else "TOOLS"):
            client.stream_tools([User], messages=MESSAGES, mode=mode)


def test_what_there_is_not() -> None:
    with pytest.raises(ValueError, match="source='sdk'"):
        from_provider("anthropic/c", api_key="k", source="sdk")
    with from_provider("anthropic/c", api_key="k", source="sse") as client:
        with pytest.raises(ValueError, match=r"n=2: Anthropic's API gives one answer"):
            client.stream(User, messages=MESSAGES, n=2)
        with pytest.raises(ValueError, match=r"n=2: Anthropic's API gives one answer"):
            client.stream_choices(User, messages=MESSAGES, n=2)
        client.source = "sdk"
        with pytest.raises(ValueError, match="source='sdk'"):
            client.create(response_model=User, messages=MESSAGES)


def test_without_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        assert name == "anthropic"

    monkeypatch.setattr("streamkit.client.anthropic.factory.find_spec", nothing)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'streamkit\[anthropic\]'"):
        from_provider("anthropic/c", api_key="k")
    with pytest.raises(ModuleNotFoundError, match=r"streamkit\[anthropic\]"):
        from_anthropic(anthropic.Anthropic(api_key="k"))


def test_the_sdk_is_imported_when_it_is_asked_for() -> None:
    code = """
import sys
import streamkit, streamkit.testing
assert "httpx2" not in sys.modules
streamkit.from_anthropic
streamkit.from_provider("openai/m", api_key="k")
assert "anthropic" not in sys.modules
streamkit.from_provider("anthropic/m", api_key="k")
assert "anthropic" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# What is asked


def test_structured_outputs() -> None:
    request = sent(Mode.JSON_SCHEMA)
    schema = request["output_config"]["format"]["schema"]
    assert (request["model"], request["max_tokens"], request["stream"]) == ("claude-opus-4-8", 16_384, True)
    assert request["output_config"]["format"]["type"] == "json_schema"
    assert (schema["additionalProperties"], schema["required"]) == (False, ["name", "email", "twitter"])
    assert request["messages"] == MESSAGES
    assert {"tools", "tool_choice", "system", "n", "stream_options", "response_format"}.isdisjoint(request)


def test_a_forced_tool() -> None:
    request = sent(Mode.TOOLS, n=1)
    (tool,) = request["tools"]
    assert (tool["name"], tool["strict"], tool["eager_input_streaming"]) == ("User", True, True)
    assert tool["input_schema"]["properties"].keys() == {"name", "email", "twitter"}
    assert request["tool_choice"] == {"type": "tool", "name": "User", "disable_parallel_tool_use": True}
    assert {"output_config", "system", "n"}.isdisjoint(request)


@pytest.mark.parametrize(("mode", "how"), [(Mode.JSON, "and nothing else"), (Mode.MD_JSON, "```json")])
def test_words(mode: Mode, how: str) -> None:
    request = sent(mode)
    assert how in request["system"]
    assert '"twitter"' in request["system"]
    assert request["messages"] == MESSAGES
    assert {"output_config", "tools", "tool_choice"}.isdisjoint(request)


def test_system_messages_go_where_the_api_has_them() -> None:
    chat = [{"role": "system", "content": "Be brief."}, *MESSAGES, {"role": "developer", "content": "Be kind."}]
    request = sent(Mode.JSON_SCHEMA, messages=chat, system="You are a clerk.")
    assert request["system"] == "You are a clerk.\n\nBe brief.\n\nBe kind."
    assert request["messages"] == MESSAGES
    block = {"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral"}}
    first, second, told = sent(Mode.JSON, messages=chat[:2], system=[block])["system"]
    assert (first, second) == (block, {"type": "text", "text": "Be brief."})
    assert "JSON Schema" in told["text"]


def test_what_the_user_says_goes_first() -> None:
    chosen = {"type": "auto"}
    assert sent(Mode.TOOLS, tool_choice=chosen, max_tokens=7)["tool_choice"] == chosen
    request = sent(Mode.JSON_SCHEMA, output_config={"effort": "low"}, max_tokens=7, thinking={"type": "adaptive"})
    assert (request["max_tokens"], request["thinking"]) == (7, {"type": "adaptive"})
    assert request["output_config"]["effort"] == "low"
    assert request["output_config"]["format"]["type"] == "json_schema"
    assert "tool_choice" not in sent(Mode.TOOLS, tool_choice=None)


class Open(BaseModel):
    scores: dict[str, int]


class Node(BaseModel):
    """A node."""

    name: str
    children: list["Node"]


class OpenNode(BaseModel):
    scores: dict[str, int]
    children: list["OpenNode"]


class Bound(BaseModel):
    age: int = Field(ge=0, le=150)
    kind: Literal["a", "b"] = "a"


@pytest.mark.parametrize("model", [Open, Node, OpenNode])
def test_what_structured_outputs_cannot_say_is_told_in_words(model: type[BaseModel]) -> None:
    request = sent(Mode.JSON_SCHEMA, model)
    assert "output_config" not in request
    assert "JSON Schema" in request["system"]
    (tool,) = sent(Mode.TOOLS, model)["tools"]
    assert "strict" not in tool
    assert tool["input_schema"]["type"] == "object"
    assert tool["input_schema"]["properties"].keys() == model.model_fields.keys()


def test_bounds_go_where_the_api_takes_them() -> None:
    schema = sent(Mode.JSON_SCHEMA, Bound)["output_config"]["format"]["schema"]
    assert "minimum" not in schema["properties"]["age"]
    assert "minimum: 0" in schema["properties"]["age"]["description"]
    assert schema["required"] == ["age", "kind"]


def test_what_is_no_object_is_wrapped() -> None:
    schema = sent(Mode.JSON_SCHEMA, list[int])["output_config"]["format"]["schema"]
    assert schema["properties"]["value"]["items"] == {"type": "integer"}
    with LoopbackServer(cut({"value": [1, 22, 3]})) as server, claude(server) as client:
        assert client.create(response_model=list[int], messages=MESSAGES) == [1, 22, 3]


# What comes back


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
def test_a_run(mode: Mode) -> None:
    events = answered(mode, usage={"output_tokens": 9})
    with LoopbackServer(events) as server, claude(server, mode=mode) as client:
        told: list[str] = []
        with client.stream(User, messages=MESSAGES, hooks=Hooks(on_change=lambda each: told.append(each.op))) as run:
            changes = list(run)
    assert run.result() == USER
    assert told == [change.op for change in changes]
    assert changes[0] == Change("add", (), {})
    assert cast("End", changes[-1].value).status == "complete"
    assert run.usage == {"input_tokens": 1, "output_tokens": 9}
    assert run.finish_reason == ("tool_calls" if mode is Mode.TOOLS else "stop")
    assert (run.id, run.model, run.text, run.refusal) == ("msg_1", "recorded", TEXT, None)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
async def test_a_run_async(mode: Mode) -> None:
    with LoopbackServer(answered(mode)) as server:
        async with aclaude(server, mode=mode) as client, client.stream(User, messages=MESSAGES) as run:
            ops = [change.op async for change in run]
            assert await run.result() == USER
    assert (ops[0], ops[-2:]) == ("add", ["complete", "end"])


@pytest.mark.parametrize("mode", [Mode.JSON, Mode.MD_JSON])
def test_a_fence_around_what_was_asked_for_in_words(mode: Mode) -> None:
    with LoopbackServer(cut(f"Here:\n```json\n{TEXT}\n```\nDone.")) as server, claude(server, mode=mode) as client:
        assert client.create(response_model=User, messages=MESSAGES) == USER
    with LoopbackServer(cut(f"```json\n{TEXT}\n```")) as server, claude(server) as client:
        assert client.create(response_model=dict[str, str], messages=MESSAGES) == USER.model_dump()


def test_thinking_is_the_reasoning() -> None:
    with LoopbackServer(cut(TEXT, thinking=["A name", " is there."])) as server, claude(server) as client:
        run = client.stream(User, messages=MESSAGES)
        assert run.result() == USER
        assert str(run.reasoning) == "A name is there."


def test_words_before_the_call() -> None:
    said, *rest = anthropic_events(["I look ", "it up."], stop_reason=None, done=False)
    events = [said, *rest, *tool_use(1, "User", "", TEXT[:9], TEXT[9:]), STOP]
    with LoopbackServer(events) as server, claude(server, mode=Mode.TOOLS) as client:
        assert client.create(response_model=User, messages=MESSAGES) == USER


def test_what_the_servers_own_tools_are_asked_is_no_answer() -> None:
    search = tool_use(0, "web_search", '{"query":', ' "Jo"}', type="server_tool_use")
    text = cut(TEXT)
    with LoopbackServer([text[0], *search, *text[1:]]) as server, claude(server) as client:
        assert client.create(response_model=User, messages=MESSAGES) == USER


class Ping(BaseModel):
    """Nothing to say."""

    times: int = 1


@pytest.mark.parametrize("pieces", [(), ("",), ("{}",)])
def test_a_call_without_input(pieces: tuple[str, ...]) -> None:
    with LoopbackServer([*tool_use(0, "Ping", *pieces), STOP]) as server, claude(server, mode=Mode.TOOLS) as client:
        assert client.create(response_model=Ping, messages=MESSAGES) == Ping()


@pytest.mark.parametrize(
    ("reason", "status", "error"),
    [("max_tokens", "truncated", EmptyAnswer), ("refusal", "refused", Refused), (None, "truncated", EmptyAnswer)],
)
def test_a_call_that_was_cut_before_its_input(
    reason: str | None, status: str, error: type[streamkit.StreamkitError]
) -> None:
    rest = [event("message_delta", delta={"stop_reason": reason}, usage={})] if reason else []
    told = anthropic_events([], tool="Ping", stop_reason=None, done=False) + rest
    with LoopbackServer(told, told, told) as server, claude(server, mode=Mode.TOOLS) as client:
        sdk = cast("anthropic.Anthropic", client.sdk)
        source = anthropic_messages(sdk.messages.create(**CREATED, stream=True), tool=0)
        *_, end = source | extract(Ping)
        run = client.stream(Ping, messages=MESSAGES)
        with pytest.raises(error):
            run.result()
        calls = client.stream_tools([Ping], messages=MESSAGES)
        with pytest.raises(streamkit.StreamkitError):
            calls.results()
        (branch,) = calls.branches
    for each in (end.value, run.end, branch.end):
        assert isinstance(each, End)
        assert (each.status, type(each.error)) == (status, error)
        assert each.finish_reason == ("length" if reason == "max_tokens" else reason)


def test_a_call_without_input_is_the_first_of_several() -> None:
    told = [*tool_use(0, "Ping"), *tool_use(1, "Ping", '{"times": 2}'), STOP]
    with LoopbackServer(told, told) as server, claude(server, mode=Mode.TOOLS) as client:
        assert client.create(response_model=Ping, messages=MESSAGES) == Ping()
        assert client.stream_tools([Ping], messages=MESSAGES).results() == [Ping(), Ping(times=2)]


class Search(BaseModel):
    query: str


def test_parallel_calls() -> None:
    events = [*tool_use(0, "User", TEXT[:9], TEXT[9:]), *tool_use(1, "Search", '{"query": "Jo"}'), STOP]
    with LoopbackServer(events) as server, claude(server) as client:
        with client.stream_tools([User, Search], messages=MESSAGES) as run:
            names = {branch.name for branch, _ in run}
        assert run.results() == [USER, Search(query="Jo")]
        request = server.requests[0].json
    assert names == {"User", "Search"}
    assert [branch.id for branch in run.branches] == ["toolu_0", "toolu_1"]
    assert request["tool_choice"] == {"type": "any"}
    assert [tool["name"] for tool in cast("Any", request["tools"])] == ["User", "Search"]


async def test_parallel_calls_async() -> None:
    events = [*tool_use(0, "Search", '{"query": "A"}'), *tool_use(1, "Search", '{"query": "B"}'), STOP]
    with LoopbackServer(events) as server:
        async with aclaude(server) as client, client.stream_tools([Search], messages=MESSAGES) as run:
            assert [each.query for each in await run.results()] == ["A", "B"]


def test_the_other_spellings() -> None:
    users = [user.model_dump() for user in USERS]
    plain = b'{"id": "m", "type": "message", "role": "assistant", "model": "c", "content": [], "usage": {}}'
    whole = Answer([plain], content_type="application/json")
    with LoopbackServer(cut(TEXT), cut({"value": users}), cut(TEXT), whole) as server, claude(server) as client:
        *partials, last = client.chat.completions.create_partial(response_model=User, messages=MESSAGES)
        assert last == USER
        assert all(isinstance(each, User) for each in partials)
        assert list(client.create_iterable(response_model=User, messages=MESSAGES)) == USERS
        *_, last = client.messages.create(response_model=Partial[User], messages=MESSAGES, stream=True)
        assert last == USER
        system = [{"role": "system", "content": "Hello."}]
        assert isinstance(client.create(messages=[*system, *MESSAGES], max_tokens=5), anthropic.types.Message)
        request = server.requests[-1].json
    assert (request["system"], request["messages"], request["max_tokens"]) == ("Hello.", MESSAGES, 5)
    assert not request["stream"]


async def test_a_plain_answer_async() -> None:
    with LoopbackServer(cut("Hello")) as server:
        async with aclaude(server) as client:
            stream: Any = await client.create(messages=MESSAGES, stream=True)
            kinds: list[str] = [each.type async for each in stream]
    assert kinds[-1] == "message_stop"


# How it ends


def ended(events: list[bytes], mode: Mode = Mode.JSON_SCHEMA, **more: Any) -> End:
    with LoopbackServer(Answer(events, **more)) as server, claude(server, mode=mode, max_retries=0) as client:
        run = client.stream(User, messages=MESSAGES)
        with pytest.raises(streamkit.StreamkitError):
            run.result()
        assert run.end is not None
        return run.end


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded"])
def test_an_answer_that_is_cut(reason: str) -> None:
    for mode in (Mode.JSON_SCHEMA, Mode.TOOLS):
        tool = "User" if mode is Mode.TOOLS else None
        end = ended(anthropic_events([TEXT[:20]], tool=tool, stop_reason=reason), mode)
        assert (end.status, type(end.error), end.finish_reason) == ("truncated", Truncated, "length")
        assert cast("Any", end.error).partial.name is not None


def test_a_refusal() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "Against the policy."}
    said = event("message_delta", delta={"stop_reason": "refusal", "stop_details": details}, usage={})
    end = ended([*anthropic_events([], stop_reason=None, done=False), said, STOP])
    assert (end.status, type(end.error)) == ("refused", Refused)
    assert "Against the policy." in str(end.error)


def test_a_stream_without_its_end() -> None:
    end = ended(anthropic_events([TEXT[:20]], stop_reason=None, done=False))
    assert (end.status, type(end.error)) == ("truncated", Truncated)
    end = ended(anthropic_events([TEXT[:20]], stop_reason=None, done=False), ending="dropped")
    assert (end.status, type(end.error)) == ("failed", streamkit.ConnectionLost)


def test_an_error_in_the_stream() -> None:
    overloaded = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    end = ended([*anthropic_events([TEXT[:20]], stop_reason=None, done=False), overloaded])
    assert (end.status, type(end.error)) == ("failed", ProviderError)
    assert "Overloaded" in str(end.error)
    assert cast("Any", end.error).partial.name is not None


def test_words_where_a_call_was_asked_for() -> None:
    end = ended(anthropic_events(["I would ", "rather not"]), Mode.TOOLS)
    assert type(end.error) is EmptyAnswer
    assert str(end.error) == "the model called no tool; it said 'I would rather not'"


def test_errors_before_the_stream_are_the_sdks() -> None:
    body = b'{"type": "error", "error": {"type": "not_found_error", "message": "model: c"}}'
    with (
        LoopbackServer(Answer([body], status=404, content_type="application/json")) as server,
        claude(server) as client,
        pytest.raises(anthropic.NotFoundError) as caught,
    ):
        client.create(response_model=User, messages=MESSAGES)
    (note,) = caught.value.__notes__
    assert "Mode.JSON_SCHEMA" in note
    assert "'/v1' too many" in note
    with claude(server, max_retries=0) as client, pytest.raises(anthropic.APIConnectionError) as lost:
        client.create(response_model=User, messages=MESSAGES)
    assert "nothing answered at" in lost.value.__notes__[0]


def test_several_calls_are_answered_together() -> None:
    asked = AnthropicApi(anthropic.Anthropic(api_key="k")).ask_for_calls(
        {"Search": Search}, Mode.TOOLS, MESSAGES, {"model": "c"}
    )
    right = Answered(Called("Search", "t0"), '{"query": "Jo"}', "Right.", is_error=False)
    wrong = Answered(Called("Search", "t1"), '{"query": 1}', "Invalid.", is_error=True)
    said, told = cast("Any", asked.with_calls("I search.", [right, wrong]).sent)["messages"][len(MESSAGES) :]
    assert [block["type"] for block in said["content"]] == ["text", "tool_use", "tool_use"]
    assert [block.get("input") for block in said["content"]] == [None, {"query": "Jo"}, {"query": 1}]
    assert [(block["tool_use_id"], block["is_error"]) for block in told["content"]] == [("t0", False), ("t1", True)]
