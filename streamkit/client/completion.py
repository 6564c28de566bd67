"""The SDK's own object for an answer that was streamed: what Instructor's users call the completion."""

from __future__ import annotations

from typing import Any

from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from streamkit.sources.answer import Answer, Called

__all__ = ["completion_of", "first_call"]


def completion_of(answer: Answer, text: str, *, is_responses: bool) -> ChatCompletion | Response:
    """What the provider has told of the current attempt; what a stream does not tell is empty, or 0."""
    finish, called = answer.finish(), first_call(answer)
    told: dict[str, Any] = {"id": answer.id or "", "model": answer.model or "", "usage": finish.usage}
    if is_responses:
        status = "completed" if finish.reason in (None, "stop") else "incomplete"
        return Response.construct(**told, object="response", created_at=0, status=status, output=[_item(text, called)])
    message = {"role": "assistant", "refusal": finish.refusal, **_spoken(text, called)}
    choice = {"index": 0, "finish_reason": finish.reason, "logprobs": None, "message": message}
    return ChatCompletion.construct(**told, object="chat.completion", created=0, choices=[choice])


def _spoken(text: str, called: Called | None) -> dict[str, Any]:
    if called is None:
        return {"content": text}
    function = {"name": called.name or "", "arguments": text}
    return {"content": None, "tool_calls": [{"id": called.id or "", "type": "function", "function": function}]}


def _item(text: str, called: Called | None) -> dict[str, Any]:
    if called is None:
        content: dict[str, object] = {"type": "output_text", "text": text, "annotations": []}
        return {"type": "message", "id": "", "role": "assistant", "status": "completed", "content": [content]}
    return {"type": "function_call", "call_id": called.id or "", "name": called.name or "", "arguments": text}


def first_call(answer: Answer) -> Called | None:
    """The call that is read; None of an answer in words."""
    return next((called for (choice, _), called in answer.calls.items() if choice == 0), None)
