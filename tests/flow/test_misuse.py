"""The client's error messages: for invalid arguments, and for servers that do not support a request."""

from typing import Any, cast

import openai
import pytest
from pydantic import BaseModel
from support.meeting import MESSAGES, User
from support.wires import DONE, call, choice

from streamkit import EmptyAnswer, Filtered, Mode, Refused, StreamkitError, Truncated, from_provider
from streamkit.client import AsyncClient, Client
from streamkit.testing import Answer, LoopbackServer, chat_events

CLIENT: Client = from_provider("local/m", base_url="http://127.0.0.1:9/v1", max_retries=0)
ASYNC: AsyncClient = from_provider("local/m", base_url="http://127.0.0.1:9/v1", async_client=True)


class Stop(BaseModel):
    now: bool = True


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([User], r"did you mean list\[User\]\?"),
        (User(name="J", email="j", twitter="@"), r"did you mean User\?"),
        ({"name": str}, "make a pydantic model of it"),
        ("User", "is a type"),
    ],
)
def test_a_response_model_must_be_a_type(given: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        CLIENT.stream(given, messages=MESSAGES)


@pytest.mark.parametrize("messages", ["Who?", MESSAGES[0], ["Who?"], None])
def test_messages_must_be_a_list_of_dicts(messages: Any) -> None:
    with pytest.raises(TypeError, match=r"messages is a list of \{'role'"):
        CLIENT.stream(User, messages=messages)
    with pytest.raises(TypeError, match=r"messages is a list of \{'role'"):
        CLIENT.stream_tools([User], messages=messages)


def test_other_modes_and_hooks_are_refused() -> None:
    with pytest.raises(TypeError, match=r"mode is one of Mode.JSON_SCHEMA, .*got 'tool'"):
        CLIENT.stream(User, messages=MESSAGES, mode=cast("Any", "tool"))
    for client in (CLIENT, ASYNC):
        with pytest.raises(TypeError, match="hooks is a Hooks"):
            client.stream(User, messages=MESSAGES, hooks=cast("Any", {"on_end": print}))


def test_a_mode_by_its_value() -> None:
    with LoopbackServer(chat_events([])) as server, from_provider("local/m", base_url=server.base_url) as client:
        client.stream(User, messages=MESSAGES, mode=cast("Any", "tools")).__enter__().close()
        assert "tools" in cast("Any", server.requests[0].json)


def test_several_documents() -> None:
    for client in (CLIENT, ASYNC):
        wrong: Any = {"on_end": print}
        with pytest.raises(TypeError, match="hooks is a Hooks"):
            client.stream_tools([User], messages=MESSAGES, hooks=wrong)
        with pytest.raises(TypeError, match="hooks is a Hooks"):
            client.stream_choices(User, n=2, messages=MESSAGES, hooks=wrong)
        with pytest.raises(ValueError, match="how often to ask again"):
            client.stream_tools([User], messages=MESSAGES, max_retries=-1)
    with pytest.raises(TypeError, match="tools is a list of models"):
        CLIENT.stream_tools(cast("Any", User), messages=MESSAGES)


def test_a_function_is_not_a_model() -> None:
    def weather(city: str) -> None:
        raise AssertionError(city)

    for response_model in (weather, len):
        with pytest.raises(TypeError, match=r"got the function .*make a model of its arguments"):
            CLIENT.stream_tools(cast("Any", [response_model]), messages=MESSAGES)
        with pytest.raises(TypeError, match="got the function"):
            CLIENT.stream(cast("Any", response_model), messages=MESSAGES)


def test_the_responses_api_has_its_own_word_for_a_limit() -> None:
    with LoopbackServer([DONE]) as server, from_provider("local/m", base_url=server.base_url) as client:
        client.stream(User, messages=MESSAGES, mode=Mode.RESPONSES, max_tokens=5).__enter__().close()
        assert cast("Any", server.requests[0].json)["max_output_tokens"] == 5


def test_no_server_gets_a_note() -> None:
    with pytest.raises(openai.APIConnectionError) as caught:
        CLIENT.stream(User, messages=MESSAGES).result()
    assert "nothing answered at http://127.0.0.1:9/v1/" in caught.value.__notes__[0]


def test_a_server_that_does_not_know_the_mode_gets_a_note() -> None:
    denied = Answer([b"{}"], status=404, content_type="application/json")
    with LoopbackServer(denied) as server, from_provider("local/m", base_url=server.base_url) as client:
        run = client.stream(User, messages=MESSAGES)
        with pytest.raises(openai.NotFoundError) as caught:
            run.result()
    assert "Mode.JSON_SCHEMA: if the server does not know that, try mode=Mode.TOOLS" in caught.value.__notes__[0]


def test_names_of_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    assert "api.openai.com" in repr(from_provider("OpenAI/gpt"))
    assert "generativelanguage" in repr(from_provider("google/gemini-2.5-flash"))
    with pytest.raises(ValueError, match="did you mean 'openai'"):
        from_provider("opnai/gpt")


def test_a_call_without_arguments() -> None:
    begun = choice(call("", id="c", function={"name": "Stop", "arguments": ""}))
    whole = [begun, choice({}, finish_reason="tool_calls"), DONE]
    with LoopbackServer(whole, [begun]) as server, from_provider("local/m", base_url=server.base_url) as client:
        assert client.stream(Stop, messages=MESSAGES, mode=Mode.TOOLS).result() == Stop()
        with pytest.raises(EmptyAnswer):
            client.stream(Stop, messages=MESSAGES, mode=Mode.TOOLS).result()


@pytest.mark.parametrize(
    ("end", "error"),
    [
        ([choice({}, finish_reason="length"), DONE], EmptyAnswer),
        ([choice({}, finish_reason="content_filter"), DONE], Filtered),
        ([choice({"refusal": "No"}, finish_reason="stop"), DONE], Refused),
        ([], EmptyAnswer),
    ],
    ids=["length", "filter", "refusal", "no end"],
)
def test_a_call_that_was_truncated_before_its_arguments(end: list[bytes], error: type[StreamkitError]) -> None:
    told = [choice(call("", id="c", function={"name": "Stop", "arguments": ""})), *end]
    with LoopbackServer(told, told) as server, from_provider("local/m", base_url=server.base_url) as client:
        with pytest.raises(error):
            client.stream(Stop, messages=MESSAGES, mode=Mode.TOOLS).result()
        run = client.stream_tools([Stop], messages=MESSAGES)
        with pytest.raises(StreamkitError):
            run.results()
        (branch,) = run.branches
    assert type(branch.end and branch.end.error) is error


def test_fewer_answers_than_were_asked_for() -> None:
    events = chat_events(["{}"])
    with LoopbackServer(events) as server, from_provider("local/m", base_url=server.base_url) as client:
        run = client.stream_choices(Stop, n=2, messages=MESSAGES)
        with pytest.raises(Truncated, match="2 answers were asked for, and only these came: 0"):
            run.results()
        assert [branch.result() for branch in run.branches] == [Stop()]
