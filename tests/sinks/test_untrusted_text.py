"""What a model wrote never reaches a terminal, a log or an error message unescaped."""

from __future__ import annotations

import io
import json

import pytest
from pydantic import BaseModel

from streamkit import Change, Document, JsonSyntaxError, StreamkitError, extract
from streamkit.operators import accumulate
from streamkit.sinks import console, from_json, jsonlines
from streamkit.untrusted import printable

EVIL = (
    "\x1b]0;title\x07",
    "\x1b[2J",
    "\x9b2J",
    "\x7f",
    "\u202e",
    "\u2066",
    "\u2028",
    "\u2029",
    "\x85",
    "\r\nforged: line",
    "\x00",
)
RISKY = {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), *"\u202a\u202e\u2066\u2069\u2028\u2029"} - {"\n"}


def text_with(evil: str) -> str:
    return json.dumps({evil: evil, "open": {f"key {evil}": [evil]}, "last": f"{evil} and more"})


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("cut", [0, 3, 9])
@pytest.mark.parametrize("split", [1, 1000])
def test_lines_show_controls_escaped(evil: str, cut: int, split: int) -> None:
    text = text_with(evil)
    text = text[: len(text) - cut]
    file = io.StringIO()
    chunks = [text[i : i + split] for i in range(0, len(text), split)]
    changes = list(chunks | accumulate())
    (changes | console(file=file, live=False)).run()
    assert not RISKY & set(file.getvalue())
    assert len(file.getvalue().splitlines()) == len(changes)


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("cut", [0, 9])
def test_panels_show_controls_escaped(evil: str, cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "300")
    text = text_with(evil)
    file = io.StringIO()
    ([text[: len(text) - cut]] | accumulate() | console(file=file, live=True, title="t")).run()
    drawn = file.getvalue()
    assert evil not in drawn
    assert "forged: line" not in [line.strip(" │") for line in drawn.splitlines()]
    assert "\x9b" not in drawn
    assert "\x1b]0;" not in drawn


class Row(BaseModel):
    age: int


@pytest.mark.parametrize("evil", EVIL)
def test_messages_of_errors_are_one_printable_line(evil: str) -> None:
    texts = [
        json.dumps({evil: 1})[:-1] + "x",
        json.dumps({"rows": {evil: {"age": evil}}}),
        json.dumps({"rows": {evil: {"age": 1}}})[:-2],
        json.dumps({"rows": {evil * 40_000: {"age": "x"}}}),
        json.dumps({evil * 40_000: 1})[:-1] + "x",
    ]
    for text in texts:
        with pytest.raises(StreamkitError) as found:
            ([text] | extract(dict[str, dict[str, Row]])).result_sync()
        assert str(found.value).isprintable()
        assert len(str(found.value)) < 2000


def test_a_fold_that_does_not_fit_has_a_short_message() -> None:
    with pytest.raises(ValueError, match="nothing is there") as found:
        Document().apply(Change("append", ("\x1b[2J" * 9999,), "x"))
    assert len(str(found.value)) < 400
    assert str(found.value).isprintable()


@pytest.mark.parametrize("evil", EVIL)
def test_json_lines_are_lines(evil: str) -> None:
    changes = list([text_with(evil)] | accumulate())
    file = io.StringIO()
    (changes | jsonlines(file)).run()
    lines = file.getvalue().splitlines()
    assert len(lines) == len(changes)
    assert [from_json(line).path for line in lines] == [change.path for change in changes]


def test_printable_cuts_and_keeps_ordinary_text() -> None:
    assert printable("Jörg 😀 日本") == "Jörg 😀 日本"
    assert printable("a\tb\n\x1b") == "a\\tb\\n\\u001b"
    assert printable("x" * 100, 10) == "x" * 9 + "…"
    assert len(printable("\x1b" * 100, 10)) == 10
    with pytest.raises(JsonSyntaxError, match="at the root"):
        list(["x"] | accumulate())
