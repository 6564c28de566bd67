"""Whole answers of a provider with several documents, as the events of their streams."""

import json

from support.wires import DONE, choice, event

__all__ = ["USAGE", "calling", "calling_in_responses", "choosing", "pieces"]

USAGE = {"total_tokens": 7}


def pieces(value: object) -> list[str]:
    text = value if isinstance(value, str) else json.dumps(value)
    return [text[i : i + 5] for i in range(0, len(text), 5)]


def calling(*calls: tuple[str, object], finish: str | None = "tool_calls") -> list[bytes]:
    """An answer that makes calls, all at once: a piece of each in turn."""
    begun = [{"index": at, "id": f"c{at}", "function": {"name": name}} for at, (name, _) in enumerate(calls)]
    events = [choice({"tool_calls": [each]}) for each in begun]
    left = [pieces(value) for _, value in calls]
    while any(left):
        for at, each in enumerate(left):
            if each:
                events.append(choice({"tool_calls": [{"index": at, "function": {"arguments": each.pop(0)}}]}))
    return [*events, choice({}, finish_reason=finish), event(choices=[], usage=USAGE), DONE]


def calling_in_responses(*calls: tuple[str, object]) -> list[bytes]:
    events: list[bytes] = []
    for at, (name, value) in enumerate(calls):
        item = {"type": "function_call", "id": f"i{at}", "call_id": f"c{at}", "name": name}
        events.append(event(type="response.output_item.added", item=item))
        events += [
            event(type="response.function_call_arguments.delta", item_id=f"i{at}", delta=text) for text in pieces(value)
        ]
    return [*events, event(type="response.completed", response={"status": "completed", "usage": USAGE})]


def choosing(*values: object) -> list[bytes]:
    events = [choice({"content": text}, index=at) for at, value in enumerate(values) for text in pieces(value)]
    return [*events, *(choice({}, index=at, finish_reason="stop") for at, _ in enumerate(values)), DONE]
