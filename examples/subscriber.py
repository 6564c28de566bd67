"""Functions that are called when their part of the record is final: a plain one and one that waits."""

import asyncio
from pathlib import Path

from meeting import MESSAGES, MeetingInfo

import streamkit
from streamkit.sinks import callbacks
from streamkit.sources import recorded
from streamkit.testing import LoopbackServer

RECORDING = Path(__file__).parent / "data" / "chat_json_schema.sse"


async def save(change: streamkit.Change) -> None:
    """Pretend to write to a database, which takes a while."""
    await asyncio.sleep(0.01)
    print("saved", change.value)


def show(change: streamkit.Change) -> None:
    """A budget needs no saving."""
    print("the budget is", change.value)


async def main() -> None:
    """Ask, and call the functions while the answer comes in."""
    with LoopbackServer(recorded(RECORDING)) as server:
        async with (
            streamkit.from_provider(
                "openai/gpt-4.1-mini", async_client=True, base_url=server.base_url, api_key="none"
            ) as client,
            client.stream(MeetingInfo, messages=MESSAGES) as run,
        ):
            end = await (run | callbacks({"/users/*": save, "/budget": show}, ops={"complete"}))
            print(end.status if end else None, run.finish_reason, run.usage)


asyncio.run(main())
