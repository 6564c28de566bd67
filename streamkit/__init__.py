"""Turn a language model's JSON, as it arrives, into typed field-level change events.

changes = chunks | extract(MeetingInfo)
async for change in changes:
    print(change.op, change.pointer, change.value)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from streamkit.document import Document
from streamkit.errors import (
    EmptyAnswer,
    FellBehind,
    InvalidResult,
    JsonSyntaxError,
    LimitExceeded,
    Refused,
    RetriesExhausted,
    SourceFailed,
    StreamkitError,
    Truncated,
)
from streamkit.events import Change, End, Finish
from streamkit.extract import extract
from streamkit.flow import Flow, Pipeline, Stage
from streamkit.hub import share
from streamkit.partial import Partial, PartialLiteralMixin
from streamkit.schema.hint import Stream

if TYPE_CHECKING:
    from streamkit.client import Mode, from_openai, from_provider

__all__ = [
    "Change",
    "Document",
    "EmptyAnswer",
    "End",
    "FellBehind",
    "Finish",
    "Flow",
    "InvalidResult",
    "JsonSyntaxError",
    "LimitExceeded",
    "Mode",
    "Partial",
    "PartialLiteralMixin",
    "Pipeline",
    "Refused",
    "RetriesExhausted",
    "SourceFailed",
    "Stage",
    "Stream",
    "StreamkitError",
    "Truncated",
    "extract",
    "from_openai",
    "from_provider",
    "share",
]

_OF_THE_CLIENT = ("Mode", "from_openai", "from_provider")


def __getattr__(name: str) -> object:
    """Import the client, and with it openai, when it is first asked for."""
    if name in _OF_THE_CLIENT:
        return getattr(import_module("streamkit.client"), name)
    raise AttributeError(f"module 'streamkit' has no attribute {name!r}")
