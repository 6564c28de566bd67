"""Compact frames: encoded, decoded and applied they are the fold, verdicts included, at every frame."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from pathlib import Path as File
from typing import Any, cast

import jsonschema  # type: ignore[import-untyped]  # it has neither types nor stubs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from support.frames import Batches, cases_as_json, read, state, streams, told_streams
from support.recorder import plain
from support.strategies import LAW

from streamkit import Change, Document, End, StreamkitError, extract
from streamkit.changes.change import Dropped
from streamkit.wire import CompactDecoder, CompactEncoder
from streamkit.wire.lines import to_line

EMPTY: dict[str, object] = {"value": None, "verdicts": [[[], "open"]], "end": None}
"""What a snapshot of an empty document shows: JSON has nothing that is less than null."""


class Note(BaseModel):
    text: str


class User(BaseModel):
    name: str
    age: int


def decoder_of(*frames: Sequence[object]) -> CompactDecoder:
    decoder = CompactDecoder()
    for frame in frames:
        decoder.decode(frame)
    return decoder


START: list[object] = [[0, [], {}], [0, ["a"], [1, {"b": "x"}]], [0, ["t"], "x"]]


def comparable(shown: dict[str, object]) -> object:
    """A state in a form whose `==` is JSON's."""
    return plain({**shown, "verdicts": [plain(each) for each in cast("list[object]", shown["verdicts"])]})


def same(decoder: CompactDecoder, expected: dict[str, object]) -> None:
    assert comparable(state(decoder.document)) == comparable(expected)


# -- laws ------------------------------------------------------------------------------------------------


@LAW
@given(streams)
def test_every_frame_folds_as_its_batch(batches: Batches) -> None:
    encoder, decoder, again = CompactEncoder(), CompactDecoder(), CompactDecoder()
    folded = Document()
    for batch, expected in zip(batches, read(batches), strict=True):
        frame = encoder.encode(batch)
        assert len(frame.decode().splitlines()) == 1
        for change in decoder.decode(frame):
            folded.apply(change)
        assert state(folded) == state(decoder.document)
        if not expected["verdicts"] and state(folded) != expected:
            assert state(folded) == {**EMPTY, "end": expected["end"]}  # a snapshot of nothing
            continue
        same(decoder, expected)
        again.decode(json.loads(frame))
        same(again, expected)


@LAW
@given(streams)
def test_items_are_what_the_bytes_say(batches: Batches) -> None:
    one, other = CompactEncoder(), CompactEncoder()
    for batch in batches:
        assert plain(json.loads(one.encode(batch))) == plain(
            json.loads(json.dumps(other.items(batch), allow_nan=False))
        )
        assert one.cursor == other.cursor


@LAW
@given(streams, st.data())
def test_who_joins_by_a_snapshot_reads_the_same_frames_on(batches: Batches, data: st.DataObject) -> None:
    after = data.draw(st.integers(0, len(batches) - 1))
    encoder, document, decoder = CompactEncoder(), Document(), CompactDecoder()
    for at, (batch, expected) in enumerate(zip(batches, read(batches), strict=True)):
        if at == after:
            decoder.decode([encoder.snapshot(document)])
        frame = encoder.encode(batch)
        for change in batch:
            document.apply(change)
        if at >= after and expected["verdicts"]:
            decoder.decode(frame)
            same(decoder, expected)


@LAW
@given(streams, st.data())
def test_an_absolute_frame_relies_on_no_cursor(batches: Batches, data: st.DataObject) -> None:
    encoder, decoder = CompactEncoder(), CompactDecoder()
    for batch, expected in zip(batches, read(batches), strict=True):
        if data.draw(st.booleans()):
            encoder.absolute()
            decoder.cursor = None  # as after a connection broke: the document is there, the cursor is not
        decoder.decode(encoder.encode(batch))
        if expected["verdicts"]:
            same(decoder, expected)


@LAW
@given(told_streams())
def test_what_a_complete_handed_out_stays_as_it_was(batches: Batches) -> None:
    encoder, decoder = CompactEncoder(), CompactDecoder()
    handed: list[tuple[Change[object], object]] = []
    for batch in batches:
        for change in decoder.decode(encoder.encode(batch)):
            if change.op == "complete":
                handed.append((change, copy.deepcopy(change.value)))
    assert [plain(change.value) for change, _ in handed] == [plain(value) for _, value in handed]


ROOT = File(__file__).resolve().parents[2]


@pytest.mark.parametrize("between", ['[{"reset": 2}]', "[]"])
def test_a_value_that_was_handed_out_does_not_change_with_the_document(between: str) -> None:
    decoder = decoder_of(START)
    (complete,) = decoder.decode('[[0, ["a", 1]], 1]')
    decoder.decode(between)
    decoder.decode('[[0, ["a", 1, "b"], "y"], [0, ["a", 1, "c"], 1], [0, ["a", 1, "b"]], {"remove": 1}]')
    assert complete.value == {"b": "x"}
    assert cast("Any", decoder.document.value)["a"] == [1, {"c": 1}]


SCHEMA = re.search(r"```json\n(\{\s+\"\$schema\".*?)```", (ROOT / "docs" / "frames.md").read_text("utf-8"), re.DOTALL)


def test_every_frame_fits_the_schema_in_the_docs() -> None:
    assert SCHEMA is not None
    schema: Any = json.loads(SCHEMA[1])
    check: Any = cast("Any", jsonschema).Draft202012Validator(schema)
    for case in cases_as_json(60):
        for frame in (*cast("list[Any]", case["frames"]), cast("Any", case["late"])["frame"]):
            check.validate(frame)
    wrong: list[Any] = [[True], [0], [1.5], [[0]], [[-1, []]], [[0, [1.5]]], [{"reset": 1}], [{"end": {}}], {}, [None]]
    for frame in wrong:
        assert not check.is_valid(frame), frame
    check.validate([{"of a newer server": 1}])


# -- examples --------------------------------------------------------------------------------------------


def at(*path: str | int) -> tuple[str | int, ...]:
    return path


NAME = at("users", 0, "name")
FIRST = [
    Change[Any]("add", (), {}),
    Change[Any]("add", at("users"), []),
    Change[Any]("add", at("users", 0), {}),
    Change[Any]("add", NAME, "Jo"),
]
SECOND = [
    Change[Any]("append", NAME, "hn"),
    Change[Any]("complete", NAME, "John"),
    Change[Any]("add", at("users", 0, "age"), 25),
    Change[Any]("complete", at("users", 0, "age"), 25),
    Change[Any]("complete", at("users", 0), None),
]


def test_two_frames() -> None:
    encoder = CompactEncoder()
    assert encoder.encode(FIRST) == b'[[0,[],{}],[0,["users"],[]],[1,[0],{}],[2,["name"],"Jo"]]'
    assert encoder.encode(SECOND) == b'["hn",1,[2,["age"],25],2]'
    assert encoder.cursor == at("users", 0)
    encoder.absolute()
    assert encoder.encode([Change("append", NAME, "ny")]) == b'[[0,["users",0,"name"]],"ny"]'


@pytest.mark.parametrize(
    ("change", "item"),
    [
        (Change("invalid", (), [{"type": "x", "loc": ("a", 0), "msg": "m", "input": 1j}]), "invalid"),
        (Dropped("invalid", (), [{"type": "x", "loc": ("a", 0), "msg": "m", "input": 1j}]), "dropped"),
    ],
)
def test_errors_are_json(change: Change[Any], item: str) -> None:
    error = {"type": "x", "loc": ["a", 0], "msg": "m", "input": "1j"}
    assert CompactEncoder().items([change]) == [[0, []], {item: [error]}]


@pytest.mark.parametrize(
    ("change", "frame"),
    [
        (Change("remove", at("a")), [[0, ["a"]], {"remove": 1}]),
        (Change("reset", (), "why"), [{"reset": 2}]),
        (Change("append", at("a"), ""), []),
        (Change("add", at("a"), float("nan")), [[0, ["a"], None]]),
        (
            Change("end", (), End("truncated", (at("a", 0), ()), StreamkitError("cut"), "length")),
            [{"end": {"status": "truncated", "open": [["a", 0], []], "error": "cut", "finish_reason": "length"}}],
        ),
    ],
)
def test_rare_items(change: Change[Any], frame: list[object]) -> None:
    assert CompactEncoder().items([change]) == frame


def test_a_key_is_no_index() -> None:
    encoder = CompactEncoder()
    encoder.items([Change("add", at("a", "0"), 1)])
    assert encoder.items([Change("add", at("a", 0), 1)]) == [[1, [0], 1]]


class Mute:
    """An object that cannot be written in any way."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Mute(), "<Mute>"),
        ("\ud800", "'\\ud800'"),
        (b"\xff", "_w=="),
        ({1: {2}}, {"1": [2]}),
        (10**5000, "<int>"),
        (float("inf"), None),
        (Note(text="x"), {"text": "x"}),
    ],
    ids=["mute", "surrogate", "bytes", "keys", "long", "infinite", "model"],
)
def test_any_object_may_be_the_input_of_an_error(value: object, written: object) -> None:
    errors = [{"type": "t", "loc": ("a",), "msg": "m", "input": value, "ctx": {"error": ValueError("no")}}]
    (item,) = CompactEncoder().items([Change("invalid", (), errors)])[1:]
    assert item == {"invalid": [{"type": "t", "loc": ["a"], "msg": "m", "input": written, "ctx": {"error": "no"}}]}


def test_a_text_with_a_lone_surrogate_is_escaped() -> None:
    (change,) = CompactDecoder().decode(
        CompactEncoder().encode([Change("end", (), End("failed", (), ValueError("\ud800")))])
    )
    assert str(cast("End", change.value).error) == "\ud800"


def test_resets_are_counted() -> None:
    encoder = CompactEncoder()
    resets = [encoder.items([Change("reset", (), "why")]) for _ in range(2)]
    assert resets == [[{"reset": 2}], [{"reset": 3}]]


def test_marks_hold_every_verdict() -> None:
    document = Document()
    for change in (*FIRST, *SECOND, Change[Any]("invalid", at("users"), [])):
        document.apply(change)
    done = {"m": "complete"}
    user = {"m": "complete", "c": {"name": done, "age": done}}
    assert CompactEncoder().snapshot(document) == {
        "snapshot": {"users": [{"name": "John", "age": 25}]},
        "marks": {"c": {"users": {"m": [], "c": {"0": user}}}},
        "at": [],
    }
    assert CompactEncoder().snapshot(Document()) == {"snapshot": None, "marks": None, "at": []}


def test_a_deep_document() -> None:
    depth = 200
    text = "[" * depth + "]" * depth
    encoder, decoder, document = CompactEncoder(), CompactDecoder(), Document()
    for change in [text] | extract(list[Any]):
        decoder.decode(encoder.encode([change]))
        document.apply(change)
    late = CompactDecoder()
    late.decode(to_line([encoder.snapshot(document)]))
    assert decoder.document.value == late.document.value == json.loads(text)
    assert late.document.open == ()


def test_a_string_that_a_batch_brings_in_many_pieces_costs_its_length() -> None:
    batch = [Change[Any]("add", (), ""), *[Change[Any]("append", (), "x")] * 200_000]
    assert CompactEncoder().items(batch) == [[0, [], "x" * 200_000]]


@pytest.mark.parametrize("wrong", ["text", 1, object(), Change(cast("Any", "grow"), (), 1)])
def test_what_is_no_change(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        CompactEncoder().encode([wrong])


# -- bytes -----------------------------------------------------------------------------------------------


def events(text: str, model: Any, size: int) -> bytes:
    encoder, seq, out = CompactEncoder(), 0, b""
    for batch in ([text[i : i + size] for i in range(0, len(text), size)] | extract(model)).batches():
        seq += len(batch)
        out += b"id: r:1-%d\ndata: %b\n\n" % (seq, encoder.encode(batch))
    return out


def test_bytes_of_a_long_string() -> None:
    assert len(events(json.dumps({"text": "abcde" * 800}), Note, 5)) <= 24_000


def test_bytes_of_many_users() -> None:
    users = json.dumps([{"name": f"User {n}", "age": n % 90} for n in range(612)])
    assert 19_900 < len(users) < 20_100
    assert len(events(users, list[User], 4)) <= 110_000


# -- frames that do not fit ------------------------------------------------------------------------------


MALFORMED: list[tuple[list[Any], int, str]] = [
    ([None], 0, "an item is"),
    ([True], 0, "an item is"),
    (["x", 1.5], 1, "an item is"),
    ([0], 0, "completes 0 values"),
    ([3], 0, "completes 3 values, and at '/t' there are 2"),
    ([[2, []]], 0, "keeps 2 segments, and the cursor has 1"),
    ([[0]], 0, "expected"),
    ([[-1, []]], 0, "expected"),
    ([[True, []]], 0, "expected"),
    ([[0, "a"]], 0, "expected"),
    ([[0, [1.5]]], 0, "expected"),
    ([[0, ["a", -1], 1]], 0, "expected"),
    ([[0, [], 1, 2]], 0, "expected"),
    ([[0, ["no", "parent"], 1]], 0, "no object or array|nothing"),
    ([[0, ["a", 3], 1]], 0, "no place .* the list has 2 items"),
    ([[0, ["a", "b"], 1]], 0, "no place"),
    ([[0, ["t", "b"], 1]], 0, "no object or array"),
    ([[0, ["u"]], "x"], 1, "nothing is there"),
    ([[0, ["a"]], "x"], 1, "only strings grow"),
    ([[0, ["u"]], 1], 1, "nothing at '/u'"),
    ([[0, ["u"]], {"remove": 1}], 1, "nothing is there"),
    ([[0, ["u"]], {"invalid": []}], 1, "nothing is there"),
    ([{"invalid": {}}], 0, "errors are a list"),
    ([{"invalid": [1]}], 0, "errors are a list"),
    ([{"dropped": 1}], 0, "errors are a list"),
    ([{"reset": "x"}], 0, "number of the attempt"),
    ([{"end": {}}], 0, "an end has a status"),
    ([{"end": {"status": "over"}}], 0, "an end has a status"),
    ([{"end": {"status": "failed", "open": [[1.5]]}}], 0, "list of paths"),
    ([{"end": {"status": "failed", "error": 1}}], 0, "texts or null"),
    ([{"snapshot": 1, "at": 1}], 0, "'at' is a path"),
    ([{"snapshot": 1, "marks": 1}], 0, "marks are an object"),
    ([{"snapshot": [1], "marks": {"c": 1}}], 0, "children of marks"),
    ([{"snapshot": 1, "marks": {"m": 1}}], 0, "errors are a list"),
    ([{"end": {"status": "failed"}}, "x"], 1, "nothing follows an end"),
    ([{"end": {"status": "failed"}}, {"reset": 2}], 1, "nothing follows an end"),
]


@pytest.mark.parametrize(("frame", "item", "reason"), MALFORMED)
def test_a_malformed_frame(frame: list[object], item: int, reason: str) -> None:
    decoder = decoder_of(START)
    with pytest.raises(ValueError, match=f"^item {item} of the frame, .*({reason}).*; get a snapshot$"):
        decoder.decode(frame)
    with pytest.raises(ValueError, match="an earlier frame was malformed"):
        decoder.decode("[[0, [], {}]]")
    decoder.decode('[{"snapshot": "x", "at": []}, "y"]')
    assert decoder.document.value == "xy"
    (change,) = decoder.decode(["z"])
    assert change == Change("append", (), "z")


@pytest.mark.parametrize("frame", ["", "{", "{}", b"1", b"\xff", '"x"', "[1", "null", "[" * 100_000])
def test_what_is_no_frame(frame: str | bytes) -> None:
    decoder = decoder_of(START)
    with pytest.raises(ValueError, match="a frame is a JSON array, got"):
        decoder.decode(frame)
    with pytest.raises(ValueError, match="an earlier frame was malformed"):
        decoder.decode(["x"])


@pytest.mark.parametrize(
    "frame", ['["x"]', "[1]", "[[1,[]]]", '[{"remove":1}]', '[{"invalid":[]}]', '[{"dropped":[]}]']
)
def test_the_first_frame_is_absolute(frame: str) -> None:
    with pytest.raises(ValueError, match=r"item 0 .*continues an earlier one"):
        CompactDecoder().decode(frame)


def test_what_a_newer_server_sends_is_passed_over() -> None:
    decoder = decoder_of([{"later": 1}, *START, {"later": [1]}, "y"])
    decoder.decode("[{}]")
    assert cast("Any", decoder.document.value)["t"] == "xy"


def test_a_whole_value_is_expanded() -> None:
    changes = CompactDecoder().decode('[[0, [], {"a": [1]}], [0, ["a"], {"b": 2}]]')
    assert changes == [
        Change("add", (), {}),
        Change("add", at("a"), []),
        Change("add", at("a", 0), 1),
        Change("replace", at("a"), {}),
        Change("add", at("a", "b"), 2),
    ]


def test_an_item_inside_a_list_may_be_removed() -> None:
    """Changes remove a last item only; frames of other servers may remove any."""
    items: list[object] = [[0, [], [0, {"a": "x"}, 2, 3]], [0, [1, "a"]], 1, [0, [2]], {"invalid": []}, [0, [0]]]
    decoder = decoder_of(items)
    folded = Document()
    for change in CompactDecoder().decode([*items, {"remove": 1}]):
        folded.apply(change)
    decoder.decode([{"remove": 1}])
    assert decoder.document.value == folded.value == [{"a": "x"}, 2, 3]
    assert decoder.document.invalid == folded.invalid == (at(1),)
    assert set(decoder.document.open) == set(folded.open) == {(), at(0), at(2)}


def test_what_each_item_becomes() -> None:
    error = {"type": "t", "loc": ["a"], "msg": "m", "input": 1}
    frame: list[Any] = [[0, [], {}], [0, ["a"], "x"], "y", 2, {"invalid": [error]}, {"dropped": [error]}, {"reset": 4}]
    end = {"status": "failed", "open": [["a"], []], "error": "why", "finish_reason": "stop"}
    *changes, last = CompactDecoder().decode([*frame, {"end": end}])
    assert changes == [
        Change("add", (), {}),
        Change("add", at("a"), "x"),
        Change("append", at("a"), "y"),
        Change("complete", at("a"), "xy"),
        Change("complete", (), {"a": "xy"}),
        Change("invalid", (), [{**error, "loc": ("a",)}]),
        Dropped("invalid", (), [{**error, "loc": ("a",)}]),
        Change("reset", (), "attempt 4"),
    ]
    assert isinstance(changes[6], Dropped)
    ended = cast("End", last.value)
    assert (ended.status, ended.open, str(ended.error), ended.finish_reason) == ("failed", (("a",), ()), "why", "stop")
