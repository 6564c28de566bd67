"""Where text comes from, beside any (async) iterable of `str` or `bytes`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from streamkit.sources.anthropic import anthropic_messages
from streamkit.sources.deltas import AsyncDeltas, Deltas
from streamkit.sources.files import ReadableFile, file, stdin
from streamkit.sources.recorded import Read, Recorded, recorded

if TYPE_CHECKING:
    from streamkit.sources.openai import openai_chat, openai_responses

__all__ = [
    "AsyncDeltas",
    "Deltas",
    "Read",
    "ReadableFile",
    "Recorded",
    "anthropic_messages",
    "file",
    "openai_chat",
    "openai_responses",
    "recorded",
    "stdin",
]

_OF_OPENAI = ("openai_chat", "openai_responses")


def __getattr__(name: str) -> object:
    """Import the openai SDK when something of it is first asked for."""
    if name in _OF_OPENAI:
        return getattr(import_module("streamkit.sources.openai"), name)
    raise AttributeError(f"module 'streamkit.sources' has no attribute {name!r}")
