"""What a server of faults says of the client: no truncated stream accepted, no malformed chunk ignored."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from streamkit import ConnectionLost, Mode, ProviderError, RetriesExhausted, StreamkitError, Truncated, from_provider
from streamkit.client import AsyncClient, Client

MESSAGES = [{"role": "user", "content": "Who was there?"}]


class Guest(BaseModel):
    name: str
    city: str


TEXT = '{"name": "Jo Doe of the long and winding road", "city": "Oslo beside the deep blue sea"}'
GUEST = Guest.model_validate_json(TEXT)


@pytest.fixture(params=["sse", "sdk"])
def client(llmock: Any, request: pytest.FixtureRequest) -> Iterator[Client]:
    with from_provider(
        "local/gpt-4o", base_url=llmock.base_url("openai"), source=request.param, max_retries=2, timeout=1.0
    ) as client:
        yield client


@pytest.fixture
def async_client(llmock: Any) -> AsyncClient:
    return from_provider("local/gpt-4o", base_url=llmock.base_url("openai"), async_client=True, timeout=1.0)


def ask(client: Client, max_retries: int = 2, **options: Any) -> Guest:
    with client.stream(Guest, messages=MESSAGES, max_retries=max_retries, **options) as run:
        return run.result()


FAULTS: dict[str, tuple[str, dict[str, Any], type[StreamkitError]]] = {
    "disconnect": ("disconnect", {"after_chunks": 3}, ConnectionLost),
    "truncate": ("truncate", {"after_chunks": 3}, Truncated),
    "malformed": ("corrupt", {"after_chunks": 3}, ProviderError),
    "stall": ("stall", {"after_chunks": 3, "seconds": 5.0}, ConnectionLost),
}


def broken(llmock: Any, fault: str) -> type[StreamkitError]:
    """Have the next stream break; it is slow enough that its end is not sent before it is left."""
    name, options, error = FAULTS[fault]
    getattr(llmock.reply(TEXT, times=None).pace(20), name)(**options)
    return error


@pytest.mark.parametrize("fault", FAULTS)
def test_a_stream_that_breaks_is_asked_for_again(llmock: Any, client: Client, fault: str) -> None:
    error = broken(llmock, fault)
    with client.stream(Guest, messages=MESSAGES, max_retries=2) as run:
        assert run.result() == GUEST
    assert [type(attempt.error) for attempt in run.attempts] == [error, type(None)]
    llmock.assert_resilient(strict=True)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_stream_that_breaks_is_asked_for_again_async(
    llmock: Any, async_client: AsyncClient, fault: str
) -> None:
    error = broken(llmock, fault)
    async with async_client as client, client.stream(Guest, messages=MESSAGES, max_retries=2) as run:
        assert await run.result() == GUEST
    assert [type(attempt.error) for attempt in run.attempts] == [error, type(None)]
    llmock.assert_resilient(strict=True)


@pytest.mark.parametrize("fault", FAULTS)
def test_without_retries_each_fault_is_an_error(llmock: Any, client: Client, fault: str) -> None:
    error = broken(llmock, fault)
    with pytest.raises(error) as caught:
        ask(client, max_retries=0)
    assert caught.value.partial is not None


def test_a_server_that_stays_broken(llmock: Any, client: Client) -> None:
    llmock.reply(TEXT, times=None).disconnect(after_chunks=3, times=None)
    with pytest.raises(RetriesExhausted) as caught:
        ask(client)
    assert [type(attempt.error) for attempt in caught.value.attempts] == [ConnectionLost] * 3
    llmock.assert_resilient(strict=True)


def test_rate_limits_and_errors_are_the_sdks(llmock: Any, client: Client) -> None:
    llmock.reply(TEXT, times=None).rate_limit(times=2, retry_after=0.2)
    assert ask(client, max_retries=0) == GUEST
    llmock.assert_resilient(strict=True)
    llmock.reset().fail(503).reply(TEXT, times=None)
    assert ask(client, max_retries=0) == GUEST
    llmock.assert_resilient(strict=True)
    llmock.reset().context_overflow()
    with pytest.raises(openai.BadRequestError):
        ask(client)
    llmock.assert_resilient(strict=True)


def test_slow_answers_are_waited_for(llmock: Any, client: Client) -> None:
    llmock.reply(TEXT).slow_first_token(0.3)
    with client.stream(Guest, messages=MESSAGES) as run:
        assert run.result() == GUEST
        assert run.first_change is not None
        assert run.first_change >= 0.3
    llmock.reply(TEXT).delay(0.2)
    assert ask(client, max_retries=0) == GUEST
    llmock.assert_resilient(strict=True)


@pytest.mark.parametrize("mode", [Mode.JSON_SCHEMA, Mode.TOOLS, Mode.RESPONSES, Mode.RESPONSES_TOOLS])
def test_what_it_makes_of_a_schema_is_read(llmock: Any, client: Client, mode: Mode) -> None:
    assert isinstance(ask(client, mode=mode), Guest)
    llmock.assert_resilient(strict=True)


def test_broken_calls(llmock: Any, client: Client) -> None:
    llmock.call_tool("Guest", {"name": "Jo", "city": "Oslo"}, times=None).break_tool_call("malformed_arguments")
    assert ask(client, mode=Mode.TOOLS) == Guest(name="Jo", city="Oslo")
    llmock.reset().call_tool("Guest", {"name": "Jo", "city": "Oslo"}, times=None).break_tool_call("unknown_tool")
    with client.stream_tools([Guest], messages=MESSAGES) as run, pytest.raises(Exception, match="none of the tools"):
        run.results()
    llmock.assert_resilient(strict=True)
