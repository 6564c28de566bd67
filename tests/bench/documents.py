"""The documents that everything is measured on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field


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


class Card(BaseModel):
    kind: Literal["card"]
    holder: str
    number: int | str


class Transfer(BaseModel):
    kind: Literal["transfer"]
    bank: str
    reference: str | None


class Home(BaseModel):
    street: str
    floor: int | Literal["ground"]


class Box(BaseModel):
    station: str
    code: str | list[str]


class Book(BaseModel):
    type: Literal["book"]
    title: str
    author: str | list[str]


class Ticket(BaseModel):
    type: Literal["ticket"]
    event: str
    day: date | Literal["any"]


class Line(BaseModel):
    """Level 4; its item is level 5."""

    item: Annotated[Book | Ticket, Field(discriminator="type")]
    note: str | None
    count: int | float


class Parcel(BaseModel):
    lines: list[Line]
    to: Home | Box


class Order(BaseModel):
    customer: str
    pay: Annotated[Card | Transfer, Field(discriminator="kind")]
    parcels: list[Parcel]


class Orders(BaseModel):
    """Ten unions, five levels of models."""

    orders: list[Order]


def orders(size: int) -> str:
    """`Orders` of about so many characters."""
    told: list[object] = []
    length = 12
    while length < size:
        n = len(told)
        book = {"type": "book", "title": f"The Art of Waiting, volume {n}", "author": ["Jane Doe", f"John Doe {n}"]}
        ticket = {"type": "ticket", "event": f"Grand Tech Meeting {n}", "day": "2024-03-15"}
        home = {"street": f"{n} Innovation Drive", "floor": n % 7 or "ground"}
        box = {"station": f"Central Station, hall {n}", "code": f"A-{n}"}
        card = {"kind": "card", "holder": f"Jane Doe {n}", "number": f"4521 {n}"}
        transfer = {"kind": "transfer", "bank": f"Bank of Arena {n}", "reference": None}
        told.append(
            {
                "customer": f"Jane Doe {n}",
                "pay": transfer if n % 2 else card,
                "parcels": [
                    {
                        "lines": [
                            {"item": book, "note": "to be wrapped as a present", "count": 1},
                            {"item": ticket, "note": None, "count": 2},
                        ],
                        "to": box if n % 3 else home,
                    }
                ],
            }
        )
        length += len(json.dumps(told[-1])) + 2
    return json.dumps({"orders": told})


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


class Note(BaseModel):
    text: str


def note(size: int) -> str:
    """One long string, with an escape now and then."""
    line = 'John Doe said: "the tech conference is at \u00e9t\u00e9". '
    return json.dumps({"text": line * (size // len(json.dumps(line)))})


class Tree(BaseModel):
    name: str
    children: list[Tree] = []


def tree(size: int) -> str:
    """Chains of objects, each 40 deep."""
    told: list[dict[str, object]] = []
    length = 30
    while length < size:
        node: dict[str, object] = {"name": f"leaf {len(told)}"}
        for depth in range(40, 0, -1):
            node = {"name": f"node {depth}", "children": [node]}
        told.append(node)
        length += len(json.dumps(node)) + 2
    return json.dumps({"name": "root", "children": told})


class Wide(BaseModel):
    rows: list[dict[str, float | bool | None]]


def wide(size: int) -> str:
    """Records of numbers and booleans."""
    row = {f"n{n}": n * 1.25 if n % 3 else n % 2 == 0 for n in range(20)}
    return json.dumps({"rows": [row] * max(1, size // len(json.dumps(row)))})


class Words(BaseModel):
    words: list[str]


def words(size: int) -> str:
    """Short strings, half of them with escapes, in characters of one to four bytes."""
    some = ["\u00e9t\u00e9", "\U0001f600 \u65e5\u672c", 'a "quoted" \\ word', "plain words"]
    texts = [some[n % 4] for n in range(max(1, size // 24))]
    return json.dumps({"words": texts}, ensure_ascii=False).replace("\u00e9", "\\u00e9")


DOCUMENTS: dict[str, tuple[Callable[[int], str], type[BaseModel]]] = {
    "users": (users, MeetingInfo),
    "one long string": (note, Note),
    "deep tree": (tree, Tree),
    "numbers and booleans": (wide, Wide),
    "unicode and escapes": (words, Words),
    "unions": (orders, Orders),
}
"""What makes each document of about so many characters, and its model."""


def chunked(text: str, size: int = 4) -> list[str]:
    """The text in pieces of `size` characters."""
    return [text[i : i + size] for i in range(0, len(text), size)]
