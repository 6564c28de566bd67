"""The client: who is asked, what is sent, and runs: one request, whatever reads it."""

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Annotated, Any, Literal, cast

import openai
import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel
from support.clients import MakeClient
from support.meeting import DATA, MEETING, MESSAGES, RECORDED, USERS, MeetingInfo, User

import streamkit
from streamkit import Change, InvalidResult, Mode, StreamkitError, extract, from_openai, from_provider
from streamkit.client import PROVIDERS, AsyncClient, AsyncRun, Client, Run
from streamkit.client.json_schema import wire_schema
from streamkit.client.runs.unwrapped import unwrapped
from streamkit.operators import accumulate, select
from streamkit.sinks import callbacks
from streamkit.sources import Read, Recorded, recorded
from streamkit.testing import Answer, LoopbackServer, chat_events, every_split


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(recorded(RECORDED)) as server:
        yield server


@pytest.fixture
def client(server: LoopbackServer) -> Iterator[Client]:
    with from_provider("openai/meeting", base_url=server.base_url, api_key="none") as client:
        yield client


def async_client(server: LoopbackServer) -> AsyncClient:
    return from_provider("openai/meeting", base_url=server.base_url, api_key="none", async_client=True)


class Other(BaseModel):
    name: str


# Who is asked


def test_from_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with from_provider("openai/gpt-4.1-mini", timeout=3.0) as client:
        assert isinstance(client, Client)
        assert (client.model, client.mode) == ("gpt-4.1-mini", Mode.JSON_SCHEMA)
        assert (client.sdk.api_key, client.sdk.timeout) == ("secret", 3.0)
        assert "gpt-4.1-mini" in repr(client)
        assert "api.openai.com" in repr(client)
    with from_provider("local/org/name", base_url="http://127.0.0.1:1/v1", mode=Mode.TOOLS) as client:
        assert (client.model, client.mode, client.sdk.api_key) == ("org/name", Mode.TOOLS, "none")


async def test_from_provider_async() -> None:
    async with from_provider("openai/m", async_client=True, api_key="k") as client:
        assert isinstance(client, AsyncClient)
        assert isinstance(client.sdk, openai.AsyncOpenAI)


def test_from_openai() -> None:
    with openai.OpenAI(api_key="k") as sdk:
        assert from_openai(sdk).sdk is sdk
        with pytest.raises(TypeError, match="which model"):
            from_openai(sdk).stream(User, messages=MESSAGES)
    not_a_client: Any = "openai"
    with pytest.raises(TypeError, match="OpenAI or AsyncOpenAI"):
        from_openai(not_a_client)


@pytest.mark.parametrize("name", ["openai", "openai/", "/gpt", ""])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="'provider/model'"):
        from_provider(name)


def test_an_unknown_provider_is_told_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown provider 'opnai'.*known are 'anthropic', .*'openai', .*base_url"):
        from_provider("opnai/gpt-4.1-mini")


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
@pytest.mark.parametrize("separator", "/:")
def test_the_known_providers(provider: str, separator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://me.openai.azure.com")
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")
    for name in ("AWS_REGION", "DATABRICKS_HOST", "GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.setenv(name, "mine")
    known = PROVIDERS[provider]
    if known.key is not None:
        monkeypatch.setenv(known.key, "secret")
    with from_provider(f"{provider}{separator}org/some:model") as client:
        assert client.model == "org/some:model"
        assert client.mode is known.mode
        assert client.sdk.api_key == ("secret" if known.key else "none")
        assert client.sdk.base_url.scheme == ("https" if known.key else "http")
        filled = re.sub(r"\{\w+\}", "mine", known.base_url or "https://")
        assert str(client.sdk.base_url).startswith(filled)


@pytest.mark.parametrize("provider", sorted(PROVIDERS.keys() - {"azure", "anthropic"}))
def test_a_missing_key_is_our_error_and_names_its_variable(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = PROVIDERS[provider]
    if known.key is None:
        return
    monkeypatch.delenv(known.key, raising=False)
    with pytest.raises(openai.OpenAIError, match=f"no key for '{provider}': set {known.key}, or give api_key"):
        from_provider(f"{provider}/m")


def test_an_endpoint_that_depends_on_the_account_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_HOST", raising=False)
    with pytest.raises(ValueError, match="'databricks' depends on DATABRICKS_HOST"):
        from_provider("databricks/m", api_key="k")
    monkeypatch.setenv("DATABRICKS_HOST", "https://me.cloud.databricks.com/")
    with from_provider("databricks/m", api_key="k") as client:
        assert str(client.sdk.base_url) == "https://me.cloud.databricks.com/serving-endpoints/"


def test_instructors_modes_are_all_known() -> None:
    nearest = {
        Mode.TOOLS: ("FUNCTIONS", "TOOLS_STRICT", "ANTHROPIC_TOOLS", "GENAI_TOOLS", "BEDROCK_TOOLS"),
        Mode.JSON: ("JSON_O1", "ANTHROPIC_JSON", "XAI_JSON", "PERPLEXITY_JSON"),
        Mode.JSON_SCHEMA: ("MISTRAL_STRUCTURED_OUTPUTS", "COHERE_JSON_SCHEMA"),
        Mode.RESPONSES_TOOLS: ("RESPONSES_TOOLS_WITH_INBUILT_TOOLS",),
    }
    assert all(Mode[name] is mode for mode, names in nearest.items() for name in names)


def test_instructors_imports_work() -> None:
    from streamkit.dsl.partial import Partial, PartialLiteralMixin  # noqa: PLC0415

    assert (Partial, PartialLiteralMixin) == (streamkit.Partial, streamkit.PartialLiteralMixin)
    assert streamkit.InstructorRetryException is streamkit.RetriesExhausted


def test_a_key_is_asked_for_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "secret of another")
    with pytest.raises(openai.OpenAIError, match="GROQ_API_KEY"):
        from_provider("groq/llama")


def test_what_a_provider_refuses_is_not_sent(server: LoopbackServer) -> None:
    with from_provider("mistral/small", base_url=server.base_url, api_key="k") as client:
        assert "stream_options" not in sent(client, server)
    with from_provider("xai/grok", base_url=server.base_url, api_key="k") as client:
        assert "stream_options" in sent(client, server)


def test_no_key_is_told_by_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(openai.OpenAIError, match="OPENAI_API_KEY"):
        from_provider("openai/gpt-4.1-mini")


# What is sent


def sent(client: Client, server: LoopbackServer, **request: Any) -> dict[str, Any]:
    with client.stream(
        request.pop("response_model", MeetingInfo), messages=request.pop("messages", MESSAGES), **request
    ):
        return server.requests[-1].json


def test_json_schema_is_sent(client: Client, server: LoopbackServer) -> None:
    body = sent(client, server, temperature=0, max_tokens=5)
    assert body.pop("messages") == MESSAGES
    asked = body.pop("response_format")
    assert body == {
        "model": "meeting",
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0,
        "max_tokens": 5,
    }
    assert asked["type"] == "json_schema"
    assert (asked["json_schema"]["name"], asked["json_schema"]["strict"]) == ("MeetingInfo", True)
    assert asked["json_schema"]["schema"]["required"] == list(MeetingInfo.model_fields)


def test_a_forced_tool_is_sent(client: Client, server: LoopbackServer) -> None:
    body = sent(client, server, mode=Mode.TOOLS)
    (tool,) = body["tools"]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "MeetingInfo"}}
    assert (tool["function"]["name"], tool["function"]["strict"]) == ("MeetingInfo", True)
    assert "response_format" not in body


def test_json_mode_tells_the_schema(client: Client, server: LoopbackServer) -> None:
    body = sent(client, server, mode=Mode.JSON)
    system, *rest = body["messages"]
    assert (system["role"], rest) == ("system", MESSAGES)
    assert '"budget"' in system["content"]
    assert body["response_format"] == {"type": "json_object"}
    body = sent(client, server, mode=Mode.JSON, messages=[{"role": "system", "content": "Be brief."}, *MESSAGES])
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["messages"][0]["content"].startswith("Be brief.\n\nAnswer with JSON")


def test_what_the_user_says_goes_first(client: Client, server: LoopbackServer) -> None:
    body = sent(client, server, model="other", stream_options=None, response_format={"type": "json_object"})
    assert body["model"] == "other"
    assert body["response_format"] == {"type": "json_object"}
    assert "stream_options" not in body


def test_the_name_of_any_type_is_one_the_wire_allows(client: Client, server: LoopbackServer) -> None:
    asked = sent(client, server, response_model=list[User])["response_format"]["json_schema"]
    assert (asked["name"], asked["strict"], asked["schema"]["type"]) == ("list", True, "object")
    asked = sent(client, server, response_model=Annotated[dict[str, User], "é"])["response_format"]["json_schema"]
    assert asked["name"].isascii()
    assert asked["name"].replace("_", "").isalnum()


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str | None = None


class Owner(BaseModel):
    """Somebody with a pet."""

    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    second: Cat | None = Field(default=None, description="another")
    friends: "list[Owner]" = []


def test_a_strict_schema_asks_for_everything_and_changes_nothing() -> None:
    before = Owner.model_json_schema()
    wire = wire_schema(Owner)
    schema, told = wire.schema, repr(wire.schema)
    assert wire.strict
    assert not wire.wrapped
    assert all(word not in told for word in ("default", "oneOf", "discriminator"))
    assert schema["required"] == ["pet", "second", "friends"]
    definitions = cast("dict[str, dict[str, object]]", schema["$defs"])
    assert definitions["Cat"]["required"] == ["kind", "lives"]
    assert all(each["additionalProperties"] is False for each in definitions.values())
    assert Owner.model_json_schema() == before
    assert Owner.model_validate({"pet": {"kind": "cat", "extra": 1}}).pet == Cat(kind="cat")


class Nested(BaseModel):
    inside: "Nested | None" = None


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Loose(BaseModel):
    scores: dict[str, int]


class Anything(BaseModel):
    value: Any = 3


class Pair(BaseModel):
    both: tuple[int, str]


@pytest.mark.parametrize("model", [Open, Loose, Anything, Pair])
def test_what_cannot_be_strict_keeps_its_own_schema(model: Any) -> None:
    wire = wire_schema(model)
    assert (wire.strict, wire.wrapped) == (False, False)
    assert wire.schema == model.model_json_schema()


@pytest.mark.parametrize(
    ("model", "strict"),
    [(list[User], True), (int, True), (User | Other, True), (RootModel[list[int]], True), (tuple[int, str], False)],
)
def test_what_is_no_object_is_asked_for_in_one(model: Any, strict: bool) -> None:
    wire = wire_schema(model)
    assert (wire.strict, wire.wrapped) == (strict, True)
    assert (wire.schema["type"], wire.schema["required"]) == ("object", ["value"])


@pytest.mark.parametrize("model", [dict[str, int], RootModel[dict[str, int]], Nested])
def test_what_is_an_object_is_not(model: Any) -> None:
    assert not wire_schema(model).wrapped


@pytest.mark.parametrize(
    "text", ['{"value": [1, 2]}', ' {"value"\n:[1, 2]} {"value": [3]}', "[1, 2]", '{"value": [1, 2]']
)
def test_the_wrapper_is_taken_off_at_every_split(text: str) -> None:
    for chunks in every_split(text):
        assert (chunks | unwrapped() | extract(list[int], ignore_rest=True)).result_sync() == [1, 2]


def test_what_only_looks_like_a_wrapper_stays() -> None:
    for text in ('{"value2": 1}', '{"val ue": 1}', "{}", '{"a": {"value": 1}}'):
        for chunks in every_split(text):
            assert (chunks | unwrapped() | accumulate()).result_sync() == json.loads(text)


def test_a_wrapped_answer_is_read_as_if_it_were_not(make_client: "MakeClient") -> None:
    users = json.dumps({"value": [user.model_dump() for user in USERS]})
    client = make_client(chat_events([users[i : i + 5] for i in range(0, len(users), 5)]))
    with client.stream(list[User], messages=MESSAGES) as run:
        changes = list(run)
        assert run.result() == USERS
        assert run.text == users
    assert [change.pointer for change in changes[:3]] == ["", "/0", "/0/name"]


# What a run tells


def test_a_run_reads_one_answer(client: Client, server: LoopbackServer) -> None:
    with client.stream(MeetingInfo, messages=MESSAGES) as run:
        assert isinstance(run, Run)
        assert (run.partial, run.usage, run.finish_reason, run.end, run.chunks) == (None, None, None, None, 0)
        changes = [next(run), next(run), next(run)]
        assert [change.pointer for change in changes] == ["", "/users", "/users/0"]
        (user,) = next(run.snapshots()).users
        assert (user.name, user.model_fields_set) == ("", {"name"})
        assert next(run.completed("/users/*")) == USERS[0]
        assert run.partial is not None
        assert run.partial.users[0] == USERS[0]
        batch = next(run.batches())
        assert batch[0].pointer == "/users/1"
        result = run.result()
        assert result == MEETING
        assert run.result() is result
        assert run.partial is result
        assert list(run) == []
        assert list(run.snapshots()) == []
    assert run.result() is result
    assert run.finish_reason == "stop"
    assert run.usage is not None
    assert run.usage["completion_tokens"] == 114
    assert run.chunks == 113
    assert run.end is not None
    assert run.end.status == "complete"
    assert run.response_model is MeetingInfo
    assert run.model == "meeting"
    assert len(server.requests) == 1


async def test_an_async_run_reads_one_answer(server: LoopbackServer) -> None:
    async with async_client(server) as client, client.stream(MeetingInfo, messages=MESSAGES) as run:
        assert isinstance(run, AsyncRun)
        changes = [await anext(run), await anext(run), await anext(run)]
        assert [change.pointer for change in changes] == ["", "/users", "/users/0"]
        assert (await anext(run.snapshots())).users is not None
        assert await anext(run.completed("/users/*")) == USERS[0]
        assert (await anext(run.batches()))[0].pointer == "/users/1"
        result = await run.result()
        assert result == MEETING
        assert run.partial is result
        assert [change async for change in run] == []
    assert await run.result() is result
    assert (run.finish_reason, run.chunks) == ("stop", 113)
    assert len(server.requests) == 1


def test_changes_and_snapshots_and_values_tell_the_same(client: Client) -> None:
    client.source = "sdk"  # one event at a time, whatever the socket brings

    def ask() -> Run[MeetingInfo]:
        return client.stream(MeetingInfo, messages=MESSAGES)

    changes = list(ask())
    assert [change for batch in ask().batches() for change in batch] == changes
    completed = [change.value for change in changes if change.op == "complete"]
    assert list(ask().completed()) == completed
    snapshots = list(ask().snapshots())
    assert snapshots[-1] == MEETING
    assert all(isinstance(snapshot, MeetingInfo) for snapshot in snapshots)
    texts = [snapshot.model_dump_json() for snapshot in snapshots]
    assert all(before != after for before, after in pairwise(texts[:-1]))


async def test_async_changes_and_snapshots_tell_the_same(server: LoopbackServer, client: Client) -> None:
    client.source = "sdk"
    expected, again = (client.stream(MeetingInfo, messages=MESSAGES) for _ in range(2))
    snapshots = list(client.stream(MeetingInfo, messages=MESSAGES).snapshots())
    async with async_client(server) as asking:
        asking.source = "sdk"

        def ask() -> AsyncRun[MeetingInfo]:
            return asking.stream(MeetingInfo, messages=MESSAGES)

        assert [change async for change in ask()] == list(expected)
        assert [snapshot async for snapshot in ask().snapshots()] == snapshots
        assert [user async for user in ask().completed("/users/*")] == USERS
        assert [len(batch) async for batch in ask().batches()] == [len(batch) for batch in again.batches()]


def test_modes_read_where_the_answer_comes(client: Client) -> None:
    with (
        LoopbackServer(recorded(DATA / "chat_tool_required.sse")) as server,
        from_provider("openai/meeting", base_url=server.base_url, api_key="none", mode=Mode.TOOLS) as tools,
    ):
        assert tools.stream(MeetingInfo, messages=MESSAGES).result() == MEETING
    assert client.stream(MeetingInfo, messages=MESSAGES, mode=Mode.JSON).result() == MEETING
    with pytest.raises(streamkit.EmptyAnswer):
        client.stream(MeetingInfo, messages=MESSAGES, mode=Mode.TOOLS).result()


def test_a_run_is_a_source_and_goes_into_a_sink(client: Client) -> None:
    budgets: list[object] = []
    with client.stream(MeetingInfo, messages=MESSAGES) as run:
        names = [change.value for change in run | select("/users/*/name") if change.op == "complete"]
    assert names == [user.name for user in USERS]
    with client.stream(MeetingInfo, messages=MESSAGES) as run:
        end = (run | callbacks({"/budget": lambda change: budgets.append(change.value)}, ops={"complete"})).run()
        assert end is run.end
        assert run.result() == MEETING
    assert budgets == [50000]
    with client.stream(MeetingInfo, messages=MESSAGES) as run, pytest.raises(ValueError, match="can never match"):
        (run | callbacks({"/budgets": budgets.append})).run()


async def test_an_async_run_goes_into_a_sink(server: LoopbackServer) -> None:
    users: list[object] = []

    async def save(change: Change[object]) -> None:
        await asyncio.sleep(0)
        users.append(change.value)

    async with async_client(server) as client, client.stream(MeetingInfo, messages=MESSAGES) as run:
        await (run | callbacks({"/users/*": save}, ops={"complete"}))
        assert await run.result() == MEETING
    assert users == USERS


def test_a_pattern_that_can_never_match_is_told(client: Client, server: LoopbackServer) -> None:
    with client.stream(MeetingInfo, messages=MESSAGES) as run, pytest.raises(ValueError, match="did you mean 'users'"):
        next(run.completed("/user/*"))


def test_a_run_that_was_left_has_no_result(client: Client) -> None:
    with client.stream(MeetingInfo, messages=MESSAGES) as run:
        next(run)
    with pytest.raises(StreamkitError, match="left before its end"):
        list(run)
    with pytest.raises(StreamkitError, match="left before its end"):
        run.result()
    run = client.stream(MeetingInfo, messages=MESSAGES)
    run.close()
    with pytest.raises(StreamkitError, match="left before its end"):
        run.result()


async def test_an_async_run_that_was_left_has_no_result(server: LoopbackServer) -> None:
    async with async_client(server) as client:
        async with client.stream(MeetingInfo, messages=MESSAGES) as run:
            await anext(run)
        with pytest.raises(StreamkitError, match="left before its end"):
            await anext(run)
        with pytest.raises(StreamkitError, match="left before its end"):
            await run.result()


def test_an_answer_that_does_not_fit(client: Client) -> None:
    class Strict(MeetingInfo):
        budget: int = Field(le=10)

    with client.stream(Strict, messages=MESSAGES) as run:
        assert list(run.completed("/users/*")) == USERS
        with pytest.raises(InvalidResult, match="/budget") as caught:
            run.result()
    partial = cast("Strict", caught.value.partial)
    assert partial.model_dump(include={"deadline", "budget"}) == {"deadline": "2024-02-20", "budget": None}
    with pytest.raises(InvalidResult):
        list(client.create_partial(response_model=Strict, messages=MESSAGES))


def test_an_answer_that_is_not_json() -> None:
    with (
        LoopbackServer(chat_events(['{"name": "Jo', 'nas", ?}'])) as server,
        from_provider("openai/m", base_url=server.base_url, api_key="none") as client,
        client.stream(Other, messages=MESSAGES) as run,
    ):
        seen: list[str] = []
        with pytest.raises(streamkit.JsonSyntaxError) as caught:
            seen.extend(partial.name for partial in run.snapshots())
        # What came in the piece that broke is shown before the error is raised, though the error looked first.
        assert seen == ["Jo", "Jonas"]
        assert cast("Other", caught.value.partial).name == "Jonas"


def test_a_refused_request_is_told_by_the_sdk() -> None:
    with (
        LoopbackServer(Answer([b"{}"], status=401, content_type="application/json")) as server,
        from_provider("openai/m", base_url=server.base_url, api_key="none") as client,
    ):
        with pytest.raises(openai.AuthenticationError), client.stream(User, messages=MESSAGES):
            pass
        with pytest.raises(openai.AuthenticationError):
            next(client.create_partial(response_model=User, messages=MESSAGES))


def test_create_partial_streams() -> None:
    with openai.OpenAI(api_key="k") as sdk:
        client = from_openai(sdk, model="m")
        with pytest.raises(ValueError, match="partial answers are streamed"):
            client.create_partial(response_model=User, messages=MESSAGES, stream=False)
        assert client.chat.completions is client


# Leaving


def slow() -> Recorded:
    return Recorded([Read(0.0, each) for each in recorded(RECORDED)]).over(30.0)


def nothing(run: Run[MeetingInfo]) -> Iterator[object]:
    yield from ()


@pytest.mark.parametrize("read", [nothing, Run[MeetingInfo].batches, Run[MeetingInfo].snapshots])
def test_leaving_closes_the_connection(read: Callable[[Run[MeetingInfo]], Iterable[object]]) -> None:
    with LoopbackServer(slow()) as server, from_provider("openai/m", base_url=server.base_url, api_key="k") as client:
        with client.stream(MeetingInfo, messages=MESSAGES) as run:
            next(iter(read(run)), None)
        assert server.requests[0].wait(2.0)
        assert server.requests[0].left is not None


async def test_a_cancelled_task_closes_the_connection() -> None:
    with LoopbackServer(slow()) as server:
        async with async_client(server) as client:

            async def read() -> None:
                async with client.stream(MeetingInfo, messages=MESSAGES) as run:
                    await run.result()

            with pytest.raises(TimeoutError):
                await asyncio.wait_for(read(), 0.5)
            assert server.requests[0].wait(2.0)
            assert server.requests[0].left is not None


async def test_a_generator_that_is_closed_closes_the_connection() -> None:
    with LoopbackServer(slow()) as server:
        async with async_client(server) as client:
            partials = client.create_partial(response_model=MeetingInfo, messages=MESSAGES)
            await anext(partials)
            await partials.aclose()
            assert server.requests[0].wait(2.0)
            assert server.requests[0].left is not None
