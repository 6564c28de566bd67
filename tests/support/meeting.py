"""The seed's model, its request, and where recordings of the answer are."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

DATA = Path(__file__).with_name("data")
RECORDED = Path(__file__).parents[2] / "examples" / "data" / "chat_json_schema.sse"
MESSAGES: list[dict[str, Any]] = json.loads((DATA / "meeting.request.json").read_text("utf-8"))["messages"]


class User(BaseModel):
    name: str
    email: str
    twitter: str


class MeetingInfo(BaseModel):
    users: list[User]
    date: str
    location: str
    budget: int
    deadline: str


USERS = [
    User(name="John Doe", email="johndoe@email.com", twitter="@TechGuru44"),
    User(name="Jane Smith", email="janesmith@email.com", twitter="@DigitalDiva88"),
    User(name="Alex Johnson", email="alexj@email.com", twitter="@CodeMaster2023"),
]
MEETING = MeetingInfo(
    users=USERS,
    date="2024-03-15",
    location="Grand Tech Arena located at 4521 Innovation Drive",
    budget=50000,
    deadline="2024-02-20",
)
