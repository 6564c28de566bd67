"""Changes for other processes: frames for a page or a log, and the protocols of other libraries.

| file | what is in it |
|---|---|
| `compact` | `CompactEncoder`: changes to compact frames, streamkit's own format |
| `compact_decoder` | `CompactDecoder`: compact frames to changes |
| `marks` | the verdicts of a document as a tree, and back |
| `json_patch` | `JsonPatchEncoder`: changes to JSON Patch (RFC 6902) |
| `patch_decoder` | `patches_to_changes`, `JsonPatchDecoder`: JSON Patch to changes |
| `agui` | `AguiEncoder`: changes to events of AG-UI 1.0 |
| `ai_sdk` | `AiSdkEncoder`: changes to the UI message stream of Vercel's AI SDK |
| `lines` | JSON without line breaks |
"""

from streamkit.wire.agui import AguiEncoder
from streamkit.wire.ai_sdk import AI_SDK_HEADERS, AiSdkEncoder
from streamkit.wire.compact import CompactEncoder
from streamkit.wire.compact_decoder import CompactDecoder
from streamkit.wire.json_patch import JsonPatchEncoder
from streamkit.wire.patch_decoder import JsonPatchDecoder, Patch, patches_to_changes

__all__ = [
    "AI_SDK_HEADERS",
    "AguiEncoder",
    "AiSdkEncoder",
    "CompactDecoder",
    "CompactEncoder",
    "JsonPatchDecoder",
    "JsonPatchEncoder",
    "Patch",
    "patches_to_changes",
]
