"""What a server of faults says of the client over Anthropic's Messages API; see test_llmock."""

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from pydantic import BaseModel

from streamkit import ConnectionLost, Mode, ProviderError, RetriesExhausted, StreamkitError, Truncated, from_provider
from streamkit.client import Client

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who was there?"}]


class Guest(BaseModel):
    name: str
    city: str


TEXT = '{"name": "Jo Doe of the long and winding road", "city": "Oslo beside the deep blue sea"}'
GUEST = Guest.model_validate_json(TEXT)


@pytest.fixture
def client(llmock: Any) -> Iterator[Client]:
    options: dict[str, Any] = {"api_key": "k", "max_retries": 2, "timeout": 1.0}
    made: Client = from_provider(
        "anthropic/claude-opus-4-6", base_url=llmock.base_url("anthropic"), async_client=False, **options
    )
    with made:
        yield made


FAULTS: dict[str, tuple[str, dict[str, Any], type[StreamkitError]]] = {
    "disconnect": ("disconnect", {"after_chunks": 4}, ConnectionLost),
    "truncate": ("truncate", {"after_chunks": 4}, Truncated),
    "malformed": ("corrupt", {"after_chunks": 4}, ProviderError),
    "stall": ("stall", {"after_chunks": 4, "seconds": 5.0}, ConnectionLost),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_stream_that_breaks_is_asked_for_again(llmock: Any, client: Client, fault: str) -> None:
    name, options, error = FAULTS[fault]
    getattr(llmock.reply(TEXT, times=None).pace(20), name)(**options)
    with client.stream(Guest, messages=MESSAGES, max_retries=2) as run:
        assert run.result() == GUEST
    assert [type(attempt.error) for attempt in run.attempts] == [error, type(None)]
    llmock.assert_resilient(strict=True)


def test_a_server_that_stays_broken(llmock: Any, client: Client) -> None:
    llmock.reply(TEXT, times=None).disconnect(after_chunks=4, times=None)
    with pytest.raises(RetriesExhausted) as caught:
        client.create(response_model=Guest, messages=MESSAGES, max_retries=1)
    assert [type(attempt.error) for attempt in caught.value.attempts] == [ConnectionLost] * 2
    llmock.assert_resilient(strict=True)


def test_rate_limits_and_errors_are_the_sdks(llmock: Any, client: Client) -> None:
    llmock.reply(TEXT, times=None).rate_limit(times=2, retry_after=0.2)
    assert client.create(response_model=Guest, messages=MESSAGES) == GUEST
    llmock.assert_resilient(strict=True)
    llmock.reset().context_overflow()
    with pytest.raises(anthropic.BadRequestError):
        client.create(response_model=Guest, messages=MESSAGES)
    llmock.assert_resilient(strict=True)


def test_what_it_makes_of_a_tool_is_read(llmock: Any, client: Client) -> None:
    assert isinstance(client.create(response_model=Guest, messages=MESSAGES, mode=Mode.TOOLS), Guest)
    llmock.assert_resilient(strict=True)


def test_a_call_that_is_broken_is_asked_for_again(llmock: Any, client: Client) -> None:
    llmock.call_tool("Guest", {"name": "Jo", "city": "Oslo"}, times=None).break_tool_call("malformed_arguments")
    guest = client.create(response_model=Guest, messages=MESSAGES, mode=Mode.TOOLS, max_retries=1)
    assert guest == Guest(name="Jo", city="Oslo")
    llmock.assert_resilient(strict=True)
