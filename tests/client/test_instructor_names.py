"""Calls that Instructor's users write, with only the package's name changed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from pydantic import BaseModel, ValidationInfo, field_validator
from support.meeting import MESSAGES

from streamkit import Mode, from_provider
from streamkit.testing import LoopbackServer, chat_events

ITEMS = [{"name": "Jo"}, {"name": "Ann"}]


class Person(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def known(cls, value: str, info: ValidationInfo) -> str:
        if info.context and value not in info.context["names"]:
            raise ValueError("unknown")
        return value


def answer(value: object) -> list[bytes]:
    text = json.dumps(value)
    return chat_events([text[i : i + 4] for i in range(0, len(text), 4)])


@pytest.mark.parametrize("mode", [Mode.JSON_SCHEMA, Mode.JSON, Mode.MD_JSON])
async def test_an_awaited_iterable_is_iterated_with_async_for(mode: Mode) -> None:
    with LoopbackServer(answer({"value": ITEMS})) as server:
        async with from_provider("local/m", base_url=server.base_url, async_client=True, mode=mode) as client:
            model: Any = Iterable[Person]
            found = [person.name async for person in await client.create(response_model=model, messages=MESSAGES)]
            again = await client.chat.completions.create(response_model=model, messages=MESSAGES)
    assert found == [person.name for person in again] == ["Jo", "Ann"]


def test_validation_context_is_context() -> None:
    with LoopbackServer(answer(ITEMS[0])) as server, from_provider("local/m", base_url=server.base_url) as client:
        allowed = {"names": ["Jo"]}
        found = client.create(response_model=Person, messages=MESSAGES, validation_context=allowed)
        assert found.name == "Jo"
        with pytest.raises(ValueError, match="unknown"):
            client.create(response_model=Person, messages=MESSAGES, validation_context={"names": []})
        with pytest.raises(TypeError, match="older name"):
            client.create(response_model=Person, messages=MESSAGES, validation_context=allowed, context={"names": []})
