"""Turn a language model's JSON, as it arrives, into typed field-level change events.

changes = chunks | extract(MeetingInfo)
async for change in changes:
    print(change.op, change.pointer, change.value)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamkit.changes.change import Change, End, Finish
    from streamkit.changes.document import Document
    from streamkit.client import Hooks, Mode, Retrying, from_anthropic, from_openai, from_provider
    from streamkit.errors import (
        ConnectionLost,
        EmptyAnswer,
        FellBehind,
        Filtered,
        InstructorRetryException,
        InvalidResult,
        JsonSyntaxError,
        LimitExceeded,
        ProviderError,
        Refused,
        RetriesExhausted,
        SourceFailed,
        StreamkitError,
        Truncated,
        UnknownTool,
    )
    from streamkit.extraction import extract
    from streamkit.flow import Flow, Pipeline, Stage
    from streamkit.hub import share
    from streamkit.partial import Partial, PartialLiteralMixin
    from streamkit.schema.hint import Stream

__all__ = [
    "Change",
    "ConnectionLost",
    "Document",
    "EmptyAnswer",
    "End",
    "FellBehind",
    "Filtered",
    "Finish",
    "Flow",
    "Hooks",
    "InstructorRetryException",
    "InvalidResult",
    "JsonSyntaxError",
    "LimitExceeded",
    "Mode",
    "Partial",
    "PartialLiteralMixin",
    "Pipeline",
    "ProviderError",
    "Refused",
    "RetriesExhausted",
    "Retrying",
    "SourceFailed",
    "Stage",
    "Stream",
    "StreamkitError",
    "Truncated",
    "UnknownTool",
    "extract",
    "from_anthropic",
    "from_openai",
    "from_provider",
    "share",
]

# Names are imported at first use: `import streamkit` imports no pydantic, and an extraction imports no openai.
_HOMES = {
    "streamkit.client": ("Hooks", "Mode", "Retrying", "from_anthropic", "from_openai", "from_provider"),
    "streamkit.changes.document": ("Document",),
    "streamkit.errors": (
        "ConnectionLost",
        "EmptyAnswer",
        "FellBehind",
        "Filtered",
        "InstructorRetryException",
        "InvalidResult",
        "JsonSyntaxError",
        "LimitExceeded",
        "ProviderError",
        "Refused",
        "RetriesExhausted",
        "SourceFailed",
        "StreamkitError",
        "Truncated",
        "UnknownTool",
    ),
    "streamkit.changes.change": ("Change", "End", "Finish"),
    "streamkit.flow": ("Flow", "Pipeline", "Stage"),
    "streamkit.hub": ("share",),
    "streamkit.partial": ("Partial", "PartialLiteralMixin"),
    "streamkit.schema.hint": ("Stream",),
    "streamkit.extraction": ("extract",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name at its first use."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'streamkit' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
