"""A pipeline over any async source of text: here the text comes a few characters at a time."""

import asyncio
from collections.abc import AsyncIterator

from meeting import User

from streamkit.operators import accumulate, diff, select, validate

TEXT = '[{"name": "John Doe", "email": "johndoe@email.com", "twitter": "@TechGuru44"}, {"name": "Jane Smith"}]'


async def slowly(text: str, size: int = 4) -> AsyncIterator[str]:
    """Pieces of a text, as a network might bring them."""
    for start in range(0, len(text), size):
        await asyncio.sleep(0.01)
        yield text[start : start + size]


async def main() -> None:
    """Follow the names, and what is wrong with a user."""
    changes = slowly(TEXT) | accumulate() | validate(list[User]) | diff() | select("/*/name", "/*")
    async with changes as stream:
        async for change in stream:
            print(f"{change.op:<9} {change.pointer:<8} {change.value!r}")


asyncio.run(main())
