"""Every document and every chunk size, by every system that knows models: 4 KB each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import peers
from documents import DOCUMENTS, MeetingInfo, users
from measure import cpu_times
from pydantic import BaseModel
from streams import run

Make = Callable[[str, int, type[BaseModel]], Callable[[], object]]

SYSTEMS: Mapping[str, Make] = {
    "streamkit": run,
    "Instructor": peers.instructor,
    "pydantic-ai": peers.pydantic_ai,
    "LangChain diff": peers.langchain,
    "openai .stream()": peers.openai,
}
SIZE = 4_000
CHUNKS = (1, 4, 16, 256, 1024)

Cells = dict[str, dict[str, float | None]]
"""Document or chunk size -> system -> CPU milliseconds; None where the system raises."""


def by_document() -> Cells:
    """In 4-character chunks."""
    return {name: _row(name, make(SIZE), 4, model) for name, (make, model) in DOCUMENTS.items()}


def by_chunk_size() -> Cells:
    """The list of users."""
    text = users(SIZE)
    named = {**{str(size): size for size in CHUNKS if size < len(text)}, "whole": len(text)}
    return {name: _row(f"users in {name}", text, size, MeetingInfo) for name, size in named.items()}


def _row(what: str, text: str, size: int, model: type[BaseModel]) -> dict[str, float | None]:
    return {name: _milliseconds(f"{what}, {name}", make, text, size, model) for name, make in SYSTEMS.items()}


def _milliseconds(what: str, make: Make, text: str, size: int, model: type[BaseModel]) -> float | None:
    try:
        go = {"it": make(text, size, model)}
        first = cpu_times(what, go, 1)["it"]
        return (first if first > 0.05 else cpu_times(what, go, 5)["it"]) * 1000
    except Exception as error:  # noqa: BLE001  # whatever a system raises for a model that it cannot stream
        print(f"{what}: {type(error).__name__}: {error!s:.100}")
        return None
