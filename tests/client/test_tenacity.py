"""`max_retries=` takes a `Retrying` of tenacity: its `stop`, `wait` and `retry` decide."""

import pytest
from tenacity import AsyncRetrying, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential, wait_fixed

from streamkit import ConnectionLost, InvalidResult, JsonSyntaxError, Refused
from streamkit.client.retries.retry import Retries


def waits(retrying: Retrying | AsyncRetrying, *errors: Exception) -> list[float | None]:
    retries = Retries(retrying)
    assert retries.wanted
    return [retries.after(error) for error in errors]


def test_stopping_and_waiting() -> None:
    lost = [ConnectionLost("lost") for _ in range(4)]
    assert waits(Retrying(stop=stop_after_attempt(3), wait=wait_fixed(2)), *lost[:3]) == [2.0, 2.0, None]
    growing = AsyncRetrying(stop=stop_after_attempt(4), wait=wait_exponential(multiplier=1))
    assert waits(growing, *lost) == [1.0, 2.0, 4.0, None]


def test_which_errors() -> None:
    only_invalid = Retrying(stop=stop_after_attempt(9), retry=retry_if_exception_type(InvalidResult))
    assert waits(only_invalid, InvalidResult([])) == [0.0]
    syntax = JsonSyntaxError("x", path=(), offset=0, line=1, column=1)
    assert waits(only_invalid, syntax) == [None]


@pytest.mark.parametrize("error", [Refused("no"), RuntimeError("of a validator")])
def test_what_would_end_the_same_is_never_tried_again(error: Exception) -> None:
    assert waits(Retrying(stop=stop_after_attempt(9)), error) == [None]
