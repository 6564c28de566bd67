"""Programs in the shapes of Instructor's documentation: they run as they are, but for their imports.

Each is written for Instructor's names, and reads its endpoint from the environment, as the openai SDK does. (That
they run with Instructor, too, is to be looked at by hand: it does not install beside the newest openai.)
"""

import gc
import json
import warnings
from typing import Any, NamedTuple, cast

import pytest

from streamkit.testing import LoopbackServer, chat_events

IMPORTS = {
    "import instructor\n": "import streamkit as instructor\n",
    "from instructor.dsl.partial import PartialLiteralMixin\n": "from streamkit import PartialLiteralMixin\n",
    "from instructor import Partial\n": "from streamkit import Partial\n",
}
JO = {"name": "Jo", "age": 25, "role": "admin"}
ANN = {"name": "Ann", "age": 31, "role": "guest"}
USAGE = {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29}
USER = """
class User(BaseModel):
    name: str
    age: int


messages = [{"role": "user", "content": "Who was there?"}]
client = instructor.from_provider("openai/gpt-4.1-mini")
"""


class Example(NamedTuple):
    """A program, what the model answers, and what the program prints."""

    program: str
    answers: list[object]
    printed: str


def items(*values: object) -> object:
    """What a model is asked to wrap, each library in its own field."""
    return {"value": list(values), "tasks": list(values)}


EXAMPLES = {
    "partial": Example(
        """
import instructor
from pydantic import BaseModel


class Guest(BaseModel):
    name: str
    email: str


class Event(BaseModel):
    guests: list[Guest]
    place: str
    budget: int


client = instructor.from_provider("openai/gpt-4.1-mini")
stream = client.create_partial(
    response_model=Event,
    messages=[{"role": "user", "content": "Tell me about the event"}],
    stream=True,
)
shown = {}
for event in stream:
    shown = event.model_dump()
print(shown["place"], len(shown["guests"]), shown["budget"])
print(type(event).__name__, event.guests[1].email)
""",
        [
            {
                "guests": [{"name": "Jo", "email": "jo@x.org"}, {"name": "Ann", "email": "ann@x.org"}],
                "place": "Oslo",
                "budget": 50000,
            }
        ],
        "Oslo 2 50000\nEvent ann@x.org\n",
    ),
    "a client that is there": Example(
        """
import instructor
from openai import OpenAI
from pydantic import BaseModel


class User(BaseModel):
    name: str
    age: int


client = instructor.from_openai(OpenAI(), mode=instructor.Mode.JSON)
for user in client.chat.completions.create_partial(
    model="gpt-4.1-mini",
    response_model=User,
    messages=[{"role": "user", "content": "Who was there?"}],
    max_retries=1,
    temperature=0,
    stream=True,
):
    pass
print(user.name, user.age)
""",
        [JO],
        "Jo 25\n",
    ),
    "literals": Example(
        """
from typing import Literal

import instructor
from instructor.dsl.partial import PartialLiteralMixin
from pydantic import BaseModel


class User(BaseModel, PartialLiteralMixin):
    name: str
    role: Literal["admin", "guest"]


client = instructor.from_provider("openai/gpt-4.1-mini")
for user in client.create_partial(response_model=User, messages=[{"role": "user", "content": "Who was there?"}]):
    assert user.name is None or user.name in "Jo"
print(user.name, user.role)
""",
        [JO],
        "Jo admin\n",
    ),
    "partial as a type": Example(
        """
import instructor
from instructor import Partial
from pydantic import BaseModel
"""
        + USER
        + """
stream = client.chat.completions.create(response_model=Partial[User], messages=messages, stream=True)
names = [user.name for user in stream]
print(names[-1])
""",
        [JO],
        "Jo\n",
    ),
    "iterable": Example(
        """
import instructor
from pydantic import BaseModel
"""
        + USER
        + """
for user in client.create_iterable(response_model=User, messages=messages):
    print(user.name, user.age)
""",
        [items(JO, ANN)],
        "Jo 25\nAnn 31\n",
    ),
    "iterable as a type": Example(
        """
from typing import Iterable

import instructor
from pydantic import BaseModel
"""
        + USER
        + """
users = client.chat.completions.create(response_model=Iterable[User], messages=messages, stream=True)
for user in users:
    assert isinstance(user, User)
    print(user.name)
""",
        [items(JO, ANN)],
        "Jo\nAnn\n",
    ),
    "async partial": Example(
        """
import asyncio

import instructor
from pydantic import BaseModel


class User(BaseModel):
    name: str
    age: int


client = instructor.from_provider("openai/gpt-4.1-mini", async_client=True)


async def main():
    last = None
    async for user in client.create_partial(
        response_model=User, messages=[{"role": "user", "content": "Who was there?"}], stream=True
    ):
        last = user
    print(last)


asyncio.run(main())
""",
        [JO],
        "name='Jo' age=25\n",
    ),
    "async": Example(
        """
import asyncio

import instructor
from openai import AsyncOpenAI
from pydantic import BaseModel


class User(BaseModel):
    name: str
    age: int


client = instructor.from_openai(AsyncOpenAI())
messages = [{"role": "user", "content": "Who was there?"}]


async def main():
    print(await client.chat.completions.create(model="gpt-4.1-mini", response_model=User, messages=messages))
    stream = client.create_iterable(model="gpt-4.1-mini", response_model=User, messages=messages)
    print([user.name async for user in stream])


asyncio.run(main())
""",
        [JO, items(JO, ANN)],
        "name='Jo' age=25\n['Jo', 'Ann']\n",
    ),
    "retries": Example(
        """
import instructor
from pydantic import BaseModel, field_validator


class User(BaseModel):
    name: str
    age: int

    @field_validator("name")
    @classmethod
    def shouted(cls, value):
        if value.upper() != value:
            raise ValueError("write the name in capitals")
        return value


client = instructor.from_provider("openai/gpt-4.1-mini")
user = client.create(
    response_model=User, messages=[{"role": "user", "content": "Who was there?"}], max_retries=2
)
print(user)
""",
        [JO, {**JO, "name": "JO"}],
        "name='JO' age=25\n",
    ),
    "retries of tenacity": Example(
        """
import instructor
from pydantic import BaseModel
from tenacity import Retrying, stop_after_attempt, wait_none
"""
        + USER
        + """
patience = Retrying(stop=stop_after_attempt(3), wait=wait_none())
print(client.create(response_model=User, messages=messages, max_retries=patience))
""",
        [{**JO, "age": "old"}, JO],
        "name='Jo' age=25\n",
    ),
    "context": Example(
        """
import instructor
from pydantic import BaseModel, ValidationInfo, field_validator


class Answer(BaseModel):
    quote: str

    @field_validator("quote")
    @classmethod
    def is_there(cls, value, info: ValidationInfo):
        if value not in (info.context or {}).get("text", ""):
            raise ValueError("quote the text")
        return value


client = instructor.from_provider("openai/gpt-4.1-mini")
text = "It rained in Oslo. Nobody minded."
answer = client.create(
    response_model=Answer,
    messages=[{"role": "user", "content": "What was the weather?"}],
    context={"text": text},
    max_retries=1,
)
print(answer.quote)
""",
        [{"quote": "It snowed"}, {"quote": "It rained in Oslo"}],
        "It rained in Oslo\n",
    ),
    "usage": Example(
        """
import instructor
from pydantic import BaseModel
"""
        + USER
        + """
user, completion = client.create_with_completion(response_model=User, messages=messages)
print(user, completion.usage.total_tokens, completion.choices[0].message.role)
""",
        [JO],
        "name='Jo' age=25 29 assistant\n",
    ),
    "hooks": Example(
        """
import instructor
from pydantic import BaseModel
"""
        + USER
        + """
seen = []


def on_kwargs(*args, **kwargs):
    seen.append(kwargs["messages"][0]["role"])


def on_response(response):
    seen.append(response.choices[0].message.role)


def on_wrong(error):
    seen.append("wrong")


client.on("completion:kwargs", on_kwargs)
client.on("completion:response", on_response)
client.on("parse:error", on_wrong)
client.create(response_model=User, messages=messages, max_retries=2)
client.off("parse:error", on_wrong)
client.clear("completion:kwargs")
client.clear()
print(seen)
""",
        [{**JO, "age": "old"}, JO],
        "['user', 'assistant', 'wrong', 'user', 'assistant']\n",
    ),
    "simple types": Example(
        """
from typing import List, Literal

import instructor
from pydantic import BaseModel
"""
        + USER
        + """
print([user.name for user in client.create(response_model=List[User], messages=messages)])
""",
        [items(JO, ANN)],
        "['Jo', 'Ann']\n",
    ),
}


def run(program: str) -> None:
    """Run a program that, as one in a page, leaves its client to the end of the process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        space: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(program, "the program", "exec"), space)  # noqa: S102  # it is written above
        space.clear()
        gc.collect()


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_program_runs_but_for_its_imports(
    name: str, size: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program, answers, printed = EXAMPLES[name]
    for theirs, ours in IMPORTS.items():
        program = program.replace(theirs, ours)
    assert "instructor import" not in program
    texts = [json.dumps(answer) for answer in answers]
    streams = [chat_events([text[i : i + size] for i in range(0, len(text), size)], usage=USAGE) for text in texts]
    with LoopbackServer(*streams) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        run(program)
        assert len(server.requests) == len(answers)
        assert all(cast("Any", seen.json)["model"] == "gpt-4.1-mini" for seen in server.requests)
    assert capsys.readouterr().out == printed
