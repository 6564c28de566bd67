"""Cut a text in pieces, in every way or at random: whatever reads streams must not care (law 1)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import AnyStr

__all__ = ["every_split", "random_split"]


def every_split(text: AnyStr) -> Iterator[list[AnyStr]]:
    """The whole text, then every way to cut it once, then every way to cut it twice; no piece is empty.

    Of n characters (or bytes) that is 1 + (n-1) + (n-1)(n-2)/2 ways: for short texts.
    """
    yield [text]
    for first in range(1, len(text)):
        yield [text[:first], text[first:]]
    for first in range(1, len(text)):
        for second in range(first + 1, len(text)):
            yield [text[:first], text[first:second], text[second:]]


def random_split(text: AnyStr, random: Random, *, pieces: int | None = None) -> list[AnyStr]:
    """Cut a text at random places; no piece is empty.

    Args:
        text: what to cut.
        random: where the places come from: seed it, and tell the seed when a test fails.
        pieces: into how many; by default a random number of them.
    """
    most = len(text)
    wanted = min(pieces if pieces is not None else random.randint(1, max(most, 1)), most)
    cuts: list[int] = sorted(random.sample(range(1, most), wanted - 1)) if wanted > 1 else []
    return [text[start:end] for start, end in pairwise([0, *cuts, most])]
