"""What an OpenAI-compatible server says in a chat completion, event by event: which text belongs where, how it ended.

A reader knows one wire and its dialects, and does no I/O: sync and async, bytes and the SDK's objects share it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from pydantic_core import to_json

from streamkit.errors import ProviderError
from streamkit.sources.answer import Answer, Called, Piece, Slot

__all__ = ["ChatReader", "Fields", "Look", "bare_error", "content_alone", "fields", "plain", "same_event", "told_error"]

Fields: TypeAlias = Mapping[str, Any]
Look: TypeAlias = Callable[[Any], Fields]
"""What makes a mapping of an object inside an event."""


def fields(model: Any) -> Fields:
    """What is in an object of the SDK, which builds them without checking: what a server left out is not there."""
    try:
        extra: Fields | None = model.__pydantic_extra__
    except AttributeError:
        return cast("Fields", model)  # a mapping already
    own: Fields = model.__dict__
    return {**own, **extra} if extra else own


def same_event(event: Fields) -> Fields:
    """What is a mapping already."""
    return event


class ChatReader:
    """Chat completion chunks.

    Calls are known by their index: ids repeat, change and go missing. Where an index comes again with another id
    and a name, it is another call: some servers tell no index, or always 0.

    Args:
        look: what makes mappings of the objects in an event; by default they are mappings.
    """

    def __init__(self, look: Look = same_event) -> None:
        self.answer = Answer()
        self._look = look
        self._places: dict[tuple[int, int], list[Slot]] = {}  # of the calls with one index

    def read(self, event: Any, /) -> Sequence[Piece]:
        look, answer = self._look, self.answer
        chunk = look(event)
        if not (answer.id and answer.model):
            # The first chunk may have empty ones.
            answer.id, answer.model = answer.id or chunk.get("id"), answer.model or chunk.get("model")
        if (usage := chunk.get("usage")) is not None:
            answer.usage = plain(usage)
        choices = chunk.get("choices")
        if error := chunk.get("error") or (None if choices else bare_error(chunk)):
            raise told_error(error)
        pieces: list[Piece] = []
        # Before the answer and after it there are chunks without choices.
        for each in choices or ():
            if each is not None:
                self._choose(look(each), pieces)
        return pieces

    def _choose(self, choice: Fields, pieces: list[Piece]) -> None:
        index = choice.get("index") or 0
        # A later chunk may come with usage and null here: the reason stands. Some say "" instead of null.
        if reason := choice.get("finish_reason"):
            if reason == "error":
                raise ProviderError("the provider ended the answer with finish_reason 'error'")
            self.answer.end(index, reason)
        delta = choice.get("delta")
        if delta is None:
            return
        delta = self._look(delta)
        if content := delta.get("content"):
            if content.__class__ is not str:
                content = _joined(content, self._look)
            if content:
                pieces.append(((index, "content"), content))
        if calls := delta.get("tool_calls"):
            for at, each in enumerate(calls):
                if each is not None:
                    self._call(index, at, self._look(each), pieces)
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if reasoning and isinstance(reasoning, str):
            pieces.append(((index, "reasoning"), reasoning))
        refusal = delta.get("refusal")
        if refusal and isinstance(refusal, str):
            self.answer.refuse(index, refusal)
            pieces.append(((index, "refusal"), refusal))

    def _call(self, choice: int, at: int, call: Fields, pieces: list[Piece]) -> None:
        index = call.get("index")
        function: Fields = self._look(call.get("function") or {})
        said = Called(function.get("name"), call.get("id"))
        place = self._known(choice, said) if index is None else None
        place = place or self._place(choice, at if index is None else index, said)
        known = self.answer.calls[place]
        known.name, known.id = known.name or said.name, known.id or said.id
        if arguments := function.get("arguments"):
            # Some servers send an object where its text belongs.
            pieces.append((place, arguments if isinstance(arguments, str) else _json(arguments)))

    def _known(self, choice: int, said: Called) -> Slot | None:
        """The call that goes on, where a server tells ids in place of indexes."""
        calls = self.answer.calls
        return next((each for each in calls if said.id and each[0] == choice and calls[each].id == said.id), None)

    def _place(self, choice: int, index: int, said: Called) -> Slot:
        calls, places = self.answer.calls, self._places.setdefault((choice, index), [])
        if places:
            last = calls[places[-1]]
            if not said.id or not last.id or said.id == last.id:
                return places[-1]
            if earlier := next((each for each in places if calls[each].id == said.id), None):
                return earlier
            if not said.name or not last.name:
                return places[-1]
        while (choice, index) in calls:
            index += 1
        places.append((choice, index))
        calls[choice, index] = Called()
        return places[-1]


def content_alone(event: Any) -> Sequence[Piece]:
    """The one piece of an object of the SDK that says nothing but some content, as by far the most do; none of others.

    To make mappings of all objects inside, and to ask for all that could be there, is about twice the work.
    """
    try:
        chunk = event.__dict__
        (one,) = chunk["choices"]
        choice = one.__dict__
        delta = choice["delta"]
        said = delta.__dict__
        content = said["content"]
        if (
            content
            and content.__class__ is str
            and content[-1] < "\ud800"
            and choice["finish_reason"] is None
            and said["tool_calls"] is None
            and said["refusal"] is None
            and chunk["usage"] is None
            and not ((extra := delta.__pydantic_extra__) and any(extra.values()))
            and not ((extra := event.__pydantic_extra__) and extra.get("error"))
            # Somebody's own class may declare them.
            and not ("reasoning_content" in said or "reasoning" in said or "error" in chunk)
        ):
            return (((choice["index"] or 0, "content"), content),)
    except (AttributeError, LookupError, TypeError, ValueError):
        pass  # something is not where the SDK has it
    return ()


def told_error(error: Any) -> ProviderError:
    """The exception for an error object inside a stream."""
    known = isinstance(error, Mapping) or hasattr(error, "__pydantic_extra__")
    message = cast("object", fields(error).get("message") if known else None) or cast("object", error)
    return ProviderError(f"the provider told of an error: {message}", body=cast("object", error))


def bare_error(event: Fields) -> Fields | None:
    """An event that is itself the error object, as some servers send it."""
    named = "error" in (event.get("object"), event.get("type"))
    return event if named or isinstance(event.get("message"), str) else None


def plain(usage: Any) -> Mapping[str, object]:
    """Token counts as a mapping."""
    return cast("Mapping[str, object]", usage if isinstance(usage, Mapping) else usage.to_dict())


def _json(value: Any) -> str:
    return to_json(value).decode()


def _joined(content: object, look: Look) -> str:
    """The text of a message's content, which some servers send as a list of parts."""
    if not isinstance(content, list):
        return ""
    parts = [look(part) for part in cast("list[object]", content) if not isinstance(part, (str, int, float, list))]
    return "".join(str(part.get("text") or "") for part in parts if part.get("type") == "text")
