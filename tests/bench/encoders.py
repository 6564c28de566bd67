"""How many bytes it takes to tell another machine of a growing string: one message for each chunk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping

import peers
from documents import Note, chunked
from rows import Row

from streamkit import Change, Document, extract
from streamkit.sinks import to_json

LENGTH, PIECE = 4_000, 5


def lines(chunks: list[str]) -> Iterator[str]:
    """streamkit's own: each change a line, a string's growth an `append`."""
    return (to_json(change) + "\n" for change in chunks | extract(Note))


def patches(chunks: list[str]) -> Iterator[str]:
    """The same changes in the words of RFC 6902, which has none for growth: the string is written again."""
    document = Document()
    flow: Iterable[Change[object]] = chunks | extract(Note)
    for change in flow:
        document.apply(change)
        if change.op in {"add", "append", "replace"}:
            at = {"op": "replace" if change.op == "append" else change.op, "path": change.pointer}
            yield _message([{**at, "value": _at(document, change)}])


def _at(document: Document, change: Change[object]) -> object:
    value = document.value
    for key in change.path:
        value = value[key]  # type: ignore[index]  # the path of a change leads somewhere
    return value


def langchain(chunks: list[str]) -> Iterator[str]:
    """LangChain's JSON Patch, as its parser tells it."""
    return map(_message, peers.langchain_patches(chunks))


def snapshots(chunks: list[str]) -> Iterator[str]:
    """Instructor's partial models, each whole."""
    return (partial.model_dump_json() + "\n" for partial in peers.instructor_partials(Note, chunks))


def _message(told: object) -> str:
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False) + "\n"


ENCODERS: Mapping[str, Callable[[list[str]], Iterator[str]]] = {
    "streamkit, JSON Lines": lines,
    "JSON Patch replace": patches,
    "LangChain diff": langchain,
    "Instructor, a snapshot each": snapshots,
}


def size(encoder: Callable[[list[str]], Iterator[str]], length: int) -> int:
    """Bytes for a string of so many characters, in 5-character chunks."""
    said = "Lorem ipsum dolor sit amet, consectetur adipiscing elit. " * (length // 50 + 1)
    chunks = chunked(json.dumps({"text": said[:length]}), PIECE)
    return sum(len(message.encode()) for message in encoder(chunks))


def on_the_wire() -> Iterator[Row]:
    """A long string, in each form."""
    for name, encoder in ENCODERS.items():
        target = "<= 60" if encoder is lines else ""
        figure = f"bytes for a {LENGTH:,}-character string in {PIECE}-character chunks: {name}"
        yield Row(figure, target, size(encoder, LENGTH) / 1000, " kB", 0)


def by_length() -> dict[str, list[tuple[float, float]]]:
    """Bytes of each encoder, by the length of the string."""
    lengths = (100, 200, 500, 1_000, 2_000, 4_000)
    return {name: [(length, size(encoder, length)) for length in lengths] for name, encoder in ENCODERS.items()}


PARTS = (on_the_wire,)
