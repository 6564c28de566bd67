"""`from_json`: what it reads folds as what `to_json` wrote, whatever the changes."""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Base64Bytes, BaseModel
from pydantic_core import to_json as as_json
from support.recorder import gather
from support.strategies import LAW, Case, cases, cut, sizes

from streamkit import Change, Document, End, InvalidResult, StreamkitError, extract
from streamkit.changes.change import Path
from streamkit.operators import accumulate, completed, diff, validate
from streamkit.sinks import from_json, to_json


class User(BaseModel):
    name: str
    born: date
    tags: list[int] = []


GOOD = '{"name": "Jo", "born": "2000-01-02", "tags": [1, 2]}'
WRONG = '{"name": "Jo", "born": "x", "tags": [1, {"a": [true]}]}'


def sent(changes: Iterable[Change[Any]]) -> list[Change[object]]:
    return [from_json(to_json(change)) for change in changes]


def standing(document: Document) -> tuple[bytes, set[Path], tuple[Path, ...], int]:
    """What a document shows; infinity is null in JSON."""
    value = as_json(document.value, inf_nan_mode="null")
    return value, set(document.open), document.invalid, document.missed


def ended(document: Document) -> object:
    end = document.end
    return None if end is None else end._replace(error=None if end.error is None else cast("Any", str(end.error)))


def attempts(case: Case, lengths: Sequence[int], part: float) -> list[Change[Any]]:
    """Two attempts; the first, and every other second, is cut short."""
    cuts = (int(len(case.text) * share) for share in (part, part * 2))
    first, second = (gather(cut(case.text[:at], lengths) | accumulate() | validate(case.kind.tp)) for at in cuts)
    return gather([*first[:-1], Change[Any]("reset", (), "again"), *second] | diff())


@LAW
@given(cases(), sizes, st.floats(0, 1))
def test_any_changes_fold_the_same(case: Case, lengths: list[int], part: float) -> None:
    changes = attempts(case, lengths, part)
    one, other = Document(), Document()
    for change, parsed in zip(changes, sent(changes), strict=True):
        assert parsed[:2] == change[:2]
        one.apply(change)
        other.apply(parsed)
        assert (standing(one), one.open) == (standing(other), other.open)
    assert one.end is not None
    assert ended(one) == ended(other)


@LAW
@given(cases(), sizes, st.floats(0, 1), st.floats(0, 1))
def test_a_snapshot_at_any_place_can_be_gone_on_with(case: Case, lengths: list[int], part: float, place: float) -> None:
    changes = attempts(case, lengths, part)
    at = max(1, int(len(changes) * place))
    one, other = Document(), Document()
    for change in changes[:at]:
        one.apply(change)
    one.missed = at
    other.apply(from_json(to_json(Change("snapshot", (), one))))
    assert standing(one) == standing(other)
    for change, parsed in zip(changes[at:], sent(changes[at:]), strict=True):
        one.apply(change)
        other.apply(parsed)
        assert standing(one) == standing(other)


@pytest.mark.parametrize("text", [GOOD, WRONG, GOOD[:20], "[]", "", '{"name": '])
def test_a_model_types_it_again(text: str) -> None:
    changes = gather(cut(text, [3]) | extract(User))
    again = gather(sent(changes) | validate(User) | diff())
    assert [c for c in again if c.op != "end"] == [c for c in changes if c.op != "end"]
    assert ended_as(again) == ended_as(changes)


def ended_as(changes: Sequence[Change[Any]]) -> object:
    end = cast("End", changes[-1].value)
    return end.status, end.open, type(end.error), str(end.error)


def test_what_each_op_carries() -> None:
    *_, wrong, end = sent([WRONG] | extract(User))
    errors = cast("list[dict[str, Any]]", wrong.value)
    assert [error["loc"] for error in errors] == [("born",), ("tags", 1)]
    assert errors[1]["input"] == {"a": [True]}
    assert str(InvalidResult(cast("Any", errors))).startswith("2 fields not valid: /born: Input should be")
    assert isinstance(end.value, End)
    assert type(end.value.error) is StreamkitError
    assert str(end.value.error) == str(InvalidResult(cast("Any", errors)))
    values = {change.pointer: change.value for change in sent([GOOD] | extract(User)) if change.op == "complete"}
    assert values["/born"] == "2000-01-02"
    assert values[""] == {"name": "Jo", "born": "2000-01-02", "tags": [1, 2]}
    assert sent([Change("remove", ("a", 0)), Change("reset", (), "why")]) == [
        Change("remove", ("a", 0)),
        Change("reset", (), "why"),
    ]


def test_an_item_that_was_left_out_is_no_verdict_there_either() -> None:
    changes = list(['["x", 1', ", 2"] | extract(list[int], on_invalid="drop"))
    assert [json.loads(to_json(change)).get("dropped") for change in changes[:3]] == [None, True, None]
    document = Document()
    for change in sent(changes):
        document.apply(change)
    assert (document.open, document.invalid, document.value) == (((),), (), [1])


def test_bytes_that_are_no_text() -> None:
    class Blob(BaseModel):
        data: Base64Bytes

    told = sent(['{"data": "/w=="}'] | extract(Blob))
    assert [change.value for change in told[1:4]] == ["/w==", "_w==", {"data": "/w=="}]


def test_lines_are_a_source() -> None:
    lines = [f"{to_json(change)}\n".encode() for change in [GOOD] | extract(User)]
    assert list(map(from_json, lines) | completed("/tags/*")) == [1, 2]
    assert (map(from_json, lines) | validate(User)).result_sync() == User.model_validate_json(GOOD)


def test_an_array_of_changes_is_read_one_by_one() -> None:
    changes = gather([WRONG] | extract(User))
    message = f"[{','.join(map(to_json, changes))}]"
    assert list(map(from_json, json.loads(message)))[:-1] == sent(changes)[:-1]


def test_other_members_are_passed_over() -> None:
    assert from_json(' {"seq": 3, "op": "add", "path": [], "value": {}} \n') == Change("add", (), {})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "EOF"),
        ("{", "EOF"),
        ("[]", "dictionary|object"),
        ('{"op": "add", "path": []}', r"Field required \(value\)"),
        ('{"op": "grow", "path": [], "value": 1}', r"'add', 'append',.* \(op\)"),
        ('{"op": "add", "path": "/a", "value": 1}', r"\(path\)"),
        ('{"op": "add", "path": [true], "value": 1}', r"\(path\.0"),
        ('{"op": "add", "path": [1.5], "value": 1}', r"\(path\.0"),
        ('{"op": "end", "path": [], "value": {"status": "over", "open": [], "error": null}}', r"\(status\)"),
        ('{"op": "snapshot", "path": [], "value": []}', "dictionary"),
        ('{"op": "invalid", "path": [], "value": {}}', "list"),
    ],
)
def test_what_is_no_change(line: str, said: str) -> None:
    refused = f"not a change as to_json\\(\\) writes one: .*{said}"
    with pytest.raises(ValueError, match=refused):
        from_json(line)
    if said != "EOF":
        with pytest.raises(ValueError, match=refused):
            from_json(json.loads(line))
