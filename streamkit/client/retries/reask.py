"""With what words a model is asked again for several documents at once: all of them, not only those that were wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamkit.client.request import Answered, Asked, Message
from streamkit.client.retries.retry import asked_again
from streamkit.sources.answer import Called

__all__ = ["Said", "calls_again", "choices_again"]

_RIGHT = "This call is right. Call it again as it is, beside the others."


@dataclass(frozen=True)
class Said:
    """A document as the model wrote it.

    Attributes:
        called: the call that the text is the arguments of.
        text: as it came.
        error: why it is not what was asked for; None if it is.
    """

    called: Called
    text: str
    error: Exception | None


def choices_again(asked: Asked, choices: Sequence[Said]) -> Asked:
    """The request for all choices again: each wrong one is told, and its errors after it."""
    for said in choices:
        if said.error is not None:
            asked = asked_again(asked, said.error, said.text, said.called)
    return asked


def calls_again(asked: Asked, calls: Sequence[Said], words: str) -> Asked:
    """The request for all calls again: each call is told as it was, and answered, the right ones too.

    Args:
        asked: the first request.
        calls: what the model called.
        words: what it said besides.
    """
    # Servers refuse arguments that are no JSON, and answers to no call.
    if not all(call.called.id and call.called.name and asked.takes_back(call.text) for call in calls):
        return asked.with_more(_in_words(calls, words))
    answers = [Answered(call.called, call.text, _verdict(call), call.error is not None) for call in calls]
    return asked.with_calls(words, answers)


def _in_words(calls: Sequence[Said], words: str) -> Sequence[Message]:
    said = "\n".join([*([words] if words.strip() else []), *(f"{call.called.name}({call.text})" for call in calls)])
    told = "\n".join(f"{call.called.name}: {call.error}" for call in calls if call.error is not None)
    again = f"That is not what was asked for:\n{told}\nCall all tools again, with this corrected."
    return [{"role": "assistant", "content": said}, {"role": "user", "content": again}]


def _verdict(call: Said) -> str:
    if call.error is None:
        return _RIGHT
    return f"That is not what was asked for:\n{call.error}\nCall it again, completely, with this corrected."
