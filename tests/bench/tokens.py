"""The least that reading JSON as it comes can cost from Python: a parser in C, which shows no open strings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ijson
import ijson.backends.yajl2_c as yajl

__all__ = ["between", "parser", "teller"]


def parser() -> Callable[[bytes], None]:
    """What makes tokens of the next bytes of a document, and lets them go."""
    made: list[Any] = ijson.sendable_list()
    send = yajl.basic_parse_coro(made).send

    def feed(read: bytes) -> None:
        if read:  # nothing would be the end
            send(read)
            made.clear()

    return feed


def teller() -> Callable[[bytes], list[tuple[object, ...]]]:
    """The same, but what is made of each token is a tuple of three, as a change is: the least that tells of it."""
    made: list[Any] = ijson.sendable_list()
    send = yajl.basic_parse_coro(made).send

    def feed(read: bytes) -> list[tuple[object, ...]]:
        send(read)
        told: list[tuple[object, ...]] = [(event, (), value) for event, value in made]
        made.clear()
        return told

    return feed


def between(read: bytes) -> bytes:
    """The text in an event of `events.chat_events`, still escaped, as if it could stand nowhere else."""
    _, _, rest = read.partition(b'"content":"')
    return rest[: rest.find(b'"},"logprobs')]
