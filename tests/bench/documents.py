"""The documents that everything is measured on."""

from __future__ import annotations

import json

from pydantic import BaseModel


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


def users(size: int) -> str:
    """A `MeetingInfo` of about so many characters."""
    people: list[dict[str, str]] = []
    length = 150
    while length < size:
        n = len(people)
        people.append({"name": f"John Doe {n}", "email": f"johndoe{n}@email.com", "twitter": f"@TechGuru{n}"})
        length += len(json.dumps(people[-1])) + 2
    place = "Grand Tech Arena located at 4521 Innovation Drive"
    return json.dumps(
        {"users": people, "date": "2024-03-15", "location": place, "budget": 50000, "deadline": "2024-02-20"}
    )


def chunked(text: str, size: int = 4) -> list[str]:
    """The text in pieces of `size` characters."""
    return [text[i : i + size] for i in range(0, len(text), size)]
