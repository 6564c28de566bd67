"""Instructor's `create_partial`, live: each item is the model as it stands; the last is the validated model.

`from_provider("openai/gpt-4.1-mini")` would ask OpenAI; here a recorded answer is served on loopback.
"""

from pathlib import Path

from meeting import MESSAGES, MeetingInfo

import streamkit
from streamkit.sources import recorded
from streamkit.testing import LoopbackServer

RECORDING = Path(__file__).parent / "data" / "chat_json_schema.sse"

with (
    LoopbackServer(recorded(RECORDING)) as server,
    streamkit.from_provider("openai/gpt-4.1-mini", base_url=server.base_url, api_key="none") as client,
):
    for meeting in client.chat.completions.create_partial(
        response_model=MeetingInfo, messages=MESSAGES, stream=True, max_retries=2
    ):
        print(f"{len(meeting.users or [])} users, date={meeting.date!r}, budget={meeting.budget!r}")

    print(meeting.model_dump_json(indent=2))
