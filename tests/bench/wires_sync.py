"""What a stream of a provider costs in the sync world: see `wires`, which has the same for the async one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import openai
from documents import MeetingInfo
from tokens import between, parser, teller

from streamkit import extract, from_openai
from streamkit.sources import openai_chat

__all__ = ["consumers"]


@contextmanager
def consumers(base_url: str) -> Iterator[Mapping[str, Callable[[], object]]]:
    """What reads one answer of the server, by its name."""
    every = (objects, body, found, tokens, text, typed, run, object_tokens, object_told, object_text, object_typed)
    with openai.OpenAI(base_url=base_url, api_key="none") as sdk:
        yield {each.__name__: partial(each, sdk) for each in every}


def ask(sdk: openai.OpenAI) -> openai.Stream[Any]:
    return sdk.chat.completions.create(model="m", messages=[], stream=True)


def objects(sdk: openai.OpenAI) -> None:
    """The SDK's plain iteration, with nothing done."""
    for _ in ask(sdk):
        pass


def body(sdk: openai.OpenAI) -> int:
    """The HTTP client's own bytes, with nothing done; how many reads there were."""
    return sum(1 for _ in ask(sdk).response.iter_bytes())


def found(sdk: openai.OpenAI) -> None:
    """The least that can be done: finding the text in each read, as if it could stand nowhere else."""
    for read in ask(sdk).response.iter_bytes():
        between(read).decode()


def tokens(sdk: openai.OpenAI) -> None:
    """The same, and a JSON parser in C that reads on where it stopped: it shows no open strings, and knows no types."""
    feed = parser()
    for read in ask(sdk).response.iter_bytes():
        feed(between(read).replace(b'\\"', b'"'))


def text(sdk: openai.OpenAI) -> None:
    """From the bytes to the text in them, which nobody reads."""
    for _ in openai_chat(ask(sdk), source="sse"):
        pass


def typed(sdk: openai.OpenAI) -> None:
    """From the bytes to typed changes."""
    for _ in (openai_chat(ask(sdk), source="sse") | extract(MeetingInfo)).batches():
        pass


def run(sdk: openai.OpenAI) -> None:
    """The same by a run of the client, which folds what it reads."""
    for _ in from_openai(sdk, model="m").stream(MeetingInfo, messages=[]).batches():
        pass


def object_tokens(sdk: openai.OpenAI) -> None:
    """The SDK's iteration, and a JSON parser in C that is given the text: see `tokens`."""
    feed = parser()
    for chunk in ask(sdk):
        if chunk.choices and (content := chunk.choices[0].delta.content):
            feed(content.encode())


def object_told(sdk: openai.OpenAI) -> None:
    """The same, and a tuple for each of its tokens: see `teller`."""
    feed = teller()
    for chunk in ask(sdk):
        if chunk.choices and (content := chunk.choices[0].delta.content):
            feed(content.encode())


def object_text(sdk: openai.OpenAI) -> None:
    """From the SDK's objects to the text in them, which nobody reads."""
    for _ in openai_chat(ask(sdk), source="sdk"):
        pass


def object_typed(sdk: openai.OpenAI) -> None:
    """From the SDK's objects to typed changes."""
    for _ in (openai_chat(ask(sdk), source="sdk") | extract(MeetingInfo)).batches():
        pass
