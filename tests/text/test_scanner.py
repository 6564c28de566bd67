"""The JSON machine: what it accepts, what it refuses and where, at every cut."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import combinations, pairwise
from typing import cast

import jiter
import pytest
from support.recorder import check, gather, plain, tidy

from streamkit.changes.change import Change, End
from streamkit.errors import EmptyAnswer, JsonSyntaxError, LimitExceeded, Truncated
from streamkit.operators import accumulate
from streamkit.testing import every_split

# In the manner of JSONTestSuite: what every parser accepts...
ACCEPTED = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "10",
    "1.5",
    "-0.5",
    "0e1",
    "1E5",
    "1e+2",
    "1e-2",
    "1.5E+10",
    "123456789012345678901234567890",
    "0.1234567890123456789012345678901234567890",
    "1e400",
    "-1e400",
    "1e-400",
    "9" * 4300,
    "0." + "1" * 5000,
    "[" + "1" * 4000 + "e" + "0" * 1000 + "]",
    '""',
    '"a"',
    '"\u20ac"',
    '"\U0001f600"',
    '"\u007f"',
    '"\u2028\u2029"',
    '"\ufeff"',
    '"\uffff"',
    '"\\u0000"',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
    '"\\u00e9\\u00E9"',
    '"\\ud83d\\ude00"',
    '"\\uD83D\\uDE00\\ud83d\\ude01"',
    '"a\\ud83d\\ude00b"',
    '"\\uffff"',
    '"\\u2028"',
    '"/"',
    "[]",
    "{}",
    "[[]]",
    "[{}]",
    "[[],[]]",
    '{"a":{}}',
    "[1]",
    "[1,2]",
    "[null,true,false]",
    '{"":""}',
    '{"a":1,"b":2}',
    '{"a":1,"a":2}',
    '{"a":{"b":1},"a":[]}',
    '{"\\u0061":1,"a":2}',
    '{"a\\"b":1}',
    '{"\U0001f600":1}',
    '{"__proto__":1}',
    " [ 1 , 2 ] ",
    "\n\t\r {\n} \n",
    ' { "a" : 1 , "b" : [ ] } ',
    '\r\n"a"\r\n',
    "[1,\n2,\n3]",
    '["tr\\"ue",true]',
    "[-0,0.0,-0.0]",
]

# ...and what every parser refuses: the text, and the offset of what is wrong.
REFUSED = [
    ("!", 0),
    ("nul1", 0),
    ("True", 0),
    ("tru!", 0),
    ("nulL", 0),
    ("[nul]", 1),
    ("[true1]", 5),
    ("truefalse", 4),
    ("NaN", 0),
    ("Infinity", 0),
    ("[-Infinity]", 1),
    ("[-]", 1),
    ("[+1]", 1),
    ("[.5]", 1),
    ("[1.]", 1),
    ("[1.e1]", 1),
    ("[01]", 1),
    ("[-01]", 1),
    ("[1e]", 1),
    ("[1e+]", 1),
    ("[1e1.5]", 1),
    ("[1-2]", 1),
    ("[--1]", 1),
    ("[0x1]", 2),
    ("[1_000]", 2),
    ("[1a]", 2),
    ("[- 1]", 1),
    ("[1 2]", 3),
    ("[\uff11]", 1),
    ("'a'", 0),
    ("[a]", 1),
    ('["\\x"]', 2),
    ('["\\u12"]', 2),
    ('["\\u12g4"]', 2),
    ('["\\U0041"]', 2),
    ('["a\\\n"]', 3),
    ('["\n"]', 2),
    ('["a\tb"]', 3),
    ('["\x00"]', 2),
    ('["\x1f"]', 2),
    ('["\\ud800"]', 2),
    ('["\\ud800a"]', 2),
    ('["\\ud800\\n"]', 2),
    ('["\\ud800\\u0041"]', 2),
    ('["\\ud800\\ud800"]', 2),
    ('["\\udc00"]', 2),
    ('["a\\udc00\\ud800"]', 3),
    ("[,]", 1),
    ("[1,]", 3),
    ("[1,,2]", 3),
    ("[,1]", 1),
    ("[}", 1),
    ("{]", 1),
    ("]", 0),
    ("}", 0),
    (",", 0),
    (":", 0),
    ("[1}", 2),
    ('{"a":1]', 6),
    ('["a":1]', 4),
    ("{,}", 1),
    ('{"a"}', 4),
    ('{"a",1}', 4),
    ('{"a":}', 5),
    ('{"a":1,}', 7),
    ('{"a":1,,"b":2}', 7),
    ('{"a" 1}', 5),
    ('{"a"::1}', 5),
    ("{a:1}", 1),
    ("{1:1}", 1),
    ("{'a':1}", 1),
    ("{null:1}", 1),
    ('{"a":1 "b":2}', 7),
    ('{"a\x01":1}', 3),
    ('{"\\ud800":1}', 2),
    ('{"a":1}}', 7),
    ("[]]", 2),
    ("[],", 2),
    ("1 2", 2),
    ("{} {}", 3),
    ('"a" "b"', 4),
    ("[]x", 2),
    ("[1]//", 3),
    ("/**/1", 0),
    ("#", 0),
    ("\ufeff1", 0),
    ("\xa01", 0),
    ("[\x0b1]", 1),
    ("[\x0c1]", 1),
    ("\u20281", 0),
    ("```json\n{}\n```", 0),
    ("<think>", 0),
    ("[1,\n2,\n!]", 7),
    ("9" * 4301, 0),
    ("[-" + "9" * 4301 + "]", 1),
]

# What has not gone wrong yet when it ends: each is the beginning of some JSON.
UNFINISHED = [
    "[", "{", '"', '"a', '"\\', '"\\u', '"\\ud83d', '"\\ud83d\\', '"\\ud83d\\ude0', "t", "nul", "[1", "[1,", "[-",
    "[1.", "[1e", '{"', '{"a', '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":t', "[[]", "[{}", '["a"', " [",
]  # fmt: skip

LONE = "\ud800"  # not UTF-8; a str can hold it all the same


def events(chunks: Iterable[str | bytes]) -> list[Change[object]]:
    return gather(chunks | accumulate())


def end(told: list[Change[object]]) -> End:
    return cast("End", told[-1].value)


def failure(chunks: Iterable[str | bytes]) -> JsonSyntaxError:
    error = end(events(chunks)).error
    assert isinstance(error, JsonSyntaxError)
    return error


def shown(text: str) -> str:
    return repr(text[:24])


@pytest.mark.parametrize("text", ACCEPTED, ids=shown)
def test_json_is_accepted_and_means_what_jiter_and_json_say(text: str) -> None:
    for chunks in ([text], list(text), [text.encode()]):
        told = events(chunks)
        value = check(told, lambda path: True).value

        assert end(told) == End("complete")
        assert plain(value) == plain(json.loads(text))
        assert plain(value) == plain(jiter.from_json(text.encode()))


@pytest.mark.parametrize(("text", "offset"), REFUSED, ids=lambda given: shown(given) if isinstance(given, str) else "")
def test_what_is_not_json_is_refused_where_it_goes_wrong(text: str, offset: int) -> None:
    before = text[:offset]
    for chunks in ([text], list(text), [text.encode()], [text[:offset], text[offset:]]):
        error = failure(chunks)

        assert (error.offset, error.line) == (offset, before.count("\n") + 1)
        assert error.column == offset - (before.rfind("\n") + 1) + 1
        assert f"(line {error.line}, column {error.column}, offset {offset})" in str(error)


@pytest.mark.parametrize("text", [text for text, _ in REFUSED], ids=shown)
def test_what_is_refused_here_jiter_refuses_too(text: str) -> None:
    if text not in ("NaN", "Infinity", "[-Infinity]"):
        with pytest.raises(ValueError, match="line"):
            jiter.from_json(text.encode())


@pytest.mark.parametrize("text", UNFINISHED)
def test_a_beginning_is_truncated_not_wrong(text: str) -> None:
    for chunks in ([text], list(text), [text.encode()]):
        told = events(chunks)
        check(told)
        assert (end(told).status, type(end(told).error)) == ("truncated", Truncated)


@pytest.mark.parametrize("chunks", [[], [""], ["", " ", "\n"], [b""], [b" ", b"\r\n"]])
def test_no_text_is_an_empty_answer(chunks: list[str | bytes]) -> None:
    told = events(chunks)
    assert [change.op for change in told] == ["end"]
    assert type(end(told).error) is EmptyAnswer


@pytest.mark.parametrize("text", ["-", "1.", "1e", "-0.", "01", "1e+"])
def test_a_number_at_the_root_that_ends_in_the_middle_is_told_by_the_end(text: str) -> None:
    for chunks in ([text], list(text)):
        told = events(chunks)
        assert [change.op for change in told] == ["end"]
        assert end(told).status in ("failed", "truncated")


SHORT = [text for text in ACCEPTED if len(text) <= 20] + [text for text, _ in REFUSED if len(text) <= 16] + UNFINISHED


@pytest.mark.parametrize("text", SHORT, ids=shown)
def test_every_single_and_double_cut_tells_the_same(text: str) -> None:
    whole = tidy(events([text]))
    for cuts in [*combinations(range(len(text) + 1), 1), *combinations(range(len(text) + 1), 2)]:
        assert tidy(events(pieces(text, cuts))) == whole, cuts


BYTES = [b"\xc3\xa9", '"é€😀\\ud83d\\ude00é"'.encode(), '{"é😀":"ü"}'.encode(), '["é", "\U0010ffff"] '.encode()]


@pytest.mark.parametrize("text", BYTES)
def test_every_cut_of_utf8_tells_the_same(text: bytes) -> None:
    whole = tidy(events([text]))
    for cuts in combinations(range(len(text) + 1), 2):
        assert tidy(events([text[: cuts[0]], text[cuts[0] : cuts[1]], text[cuts[1] :]])) == whole, cuts


def pieces(text: str, cuts: tuple[int, ...]) -> list[str]:
    ends = [0, *cuts, len(text)]
    return [text[start:stop] for start, stop in pairwise(ends)]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_will_do(kind: type) -> None:
    chunk: bytes = kind(b'{"a": 1}')
    assert end(events([chunk])).status == "complete"


@pytest.mark.parametrize("chunk", [None, 5, ["a"], {"a": 1}])
def test_what_is_neither_text_nor_bytes_is_named(chunk: object) -> None:
    told = events(cast("list[str]", ["[1, ", chunk]))
    error = end(told).error
    assert isinstance(error, TypeError)
    assert repr(chunk) in str(error)
    assert [change.op for change in told] == ["add", "add", "complete", "end"]


# -- bytes that are not UTF-8 ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "offset", "line", "byte"),
    [
        (b"\xff", 0, 1, "0xff"),
        (b'"a\xff"', 2, 1, "0xff"),
        (b'["\xc3\xa9", "\xe9"]', 7, 1, "0xe9"),
        (b'"\xed\xa0\x80"', 1, 1, "0xed"),
        (b'"\xc0\x80"', 1, 1, "0xc0"),
        (b'"\xf4\x90\x80\x80"', 1, 1, "0xf4"),
        (b'[1,\n"\xe2\x82x"]', 5, 2, "0xe2"),
        (b"\xef\xbb\xbf\xff", 0, 1, None),
        (b"[1] \x80", 4, 1, "0x80"),
    ],
)
def test_bytes_that_are_not_utf8_are_refused_at_the_character_they_stand_for(
    text: bytes, offset: int, line: int, byte: str | None
) -> None:
    whole = tidy(events([text]))
    for at in range(len(text) + 1):
        error = failure([text[:at], text[at:]])
        assert (error.offset, error.line) == (offset, line)
        assert byte is None or byte in str(error)
        assert tidy(events([text[:at], text[at:]])) == whole


@pytest.mark.parametrize("text", [b"{} \xe2", b"[] \xc3", b"1 \xf0\x9f\x98", b'{"a":1}\xe2\x82'])
def test_a_character_cut_off_behind_the_root_is_not_a_good_end(text: bytes) -> None:
    for chunks in ([text], [text[:-1], text[-1:]]):
        assert end(events(chunks)).status in ("failed", "truncated")


def test_bytes_of_a_cut_character_are_not_lost_when_str_follows() -> None:
    told = events([b'"\xe2', '"'])
    assert end(told).status == "failed"


@pytest.mark.parametrize("chunks", [[f'"a{LONE}"'], ['"a', f"{LONE}b", '"'], [f'{{"{LONE}": 1}}']])
def test_a_str_that_cannot_be_utf8_is_refused(chunks: list[str]) -> None:
    assert "surrogate" in failure(chunks).reason


# -- everything before the error ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, "tex\x01', {"a": [1, "tex"]}),
        ('{"a": [1, "tex\\x', {"a": [1, "tex"]}),
        ('{"a": [1, 2!', {"a": [1, 2]}),
        ('{"a": {"b": null}, "c": nope', {"a": {"b": None}}),
        ('[[1], [2], {"a": "b"}]]', [[1], [2], {"a": "b"}]),
        ('{"a": 1} {"a": 2}', {"a": 1}),
        ('"tex\ufffd\x01', "tex\ufffd"),
    ],
)
def test_everything_before_the_error_is_told(text: str, value: object) -> None:
    whole = tidy(events([text]))
    ways: list[list[str | bytes]] = [[text], [*text], [text.encode()], [text[:7], text[7:]]]
    for chunks in ways:
        told = events(chunks)
        assert plain(check(told).value) == plain(value)
        assert tidy(told) == whole


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('["\\ud800x', "surrogate"),
        ('["\\udc00', "surrogate"),
        ('["\\x', "escape"),
        ('["\\u00g0', "escape"),
        ('["\x01', "control character"),
        ("[1.]", "number"),
        ("[tru]", "true"),
        ("[1 2", "','"),
        ("[1}", "']'"),
        ('{"a" 1', "':'"),
        ("{1", "name"),
        ("[NaN", "value"),
        ("1 2", "end of the text"),
        ("[" + "1" * 4301 + "]", "4300 digits"),
    ],
)
def test_an_error_says_what_was_wrong(text: str, words: str) -> None:
    for chunks in ([text], list(text)):
        assert words in failure(chunks).reason


def test_two_documents_are_refused_at_the_second() -> None:
    error = failure(['{"a": 1}\n', '{"a": 1}'])
    assert (error.line, error.column, error.offset) == (2, 1, 9)
    assert "end of the text" in str(error)


# -- limits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("opener", "closer"), [("[", "]"), ('{"a":', "}")])
def test_the_depth_limit_is_exact(opener: str, closer: str) -> None:
    deep = opener * 200 + "1" + closer * 200
    deeper = opener * 201 + "1" + closer * 201
    for good in ([deep], list(deep)):
        assert end(events(good)).status == "complete"
    whole = tidy(events([deeper]))
    for chunks in ([deeper], list(deeper), [deeper.encode()]):
        error = failure(chunks)
        assert type(error) is LimitExceeded
        assert "max_depth=200" in str(error)
        assert error.offset == 200 * len(opener)
        assert tidy(events(chunks)) == whole


def test_the_depth_limit_counts_from_the_root_wherever_a_chunk_begins() -> None:
    text = "[" * 150 + "[" * 51
    for at in range(0, 201, 10):
        assert type(failure([text[:at], text[at:]])) is LimitExceeded
    assert type(failure(["[" * 150, "[" * 51 + "]" * 51 + "]" * 150])) is LimitExceeded


@pytest.mark.parametrize(
    "text", ["[[],[],[[[]]]]", '[{},[[{}]],{"a":"{"}]', '{"a":[1,"[",[]],"b":{"c":[{}]}}', '["]","[",[[[]]]]']
)
def test_the_depth_limit_is_exact_where_the_deepest_has_many_beside_it(text: str) -> None:
    for limit, status in ((4, "complete"), (3, "failed")):
        for chunks in ([text], list(text)):
            assert end(gather(chunks | accumulate(max_depth=limit))).status == status


@pytest.mark.parametrize("size", [1, 7, 4096, 30_000])
def test_a_depth_of_ten_thousand_is_refused_not_survived(size: int) -> None:
    text = "[" * 10_000 + "]" * 10_000
    error = failure([text[at : at + size] for at in range(0, len(text), size)])
    assert type(error) is LimitExceeded
    assert error.offset == 200
    assert error.path == (0,) * 200


@pytest.mark.parametrize("limit", [1, 3, 500])
def test_the_depth_limit_can_be_set(limit: int) -> None:
    for depth, status in ((limit, "complete"), (limit + 1, "failed")):
        text = "[" * depth + "]" * depth
        for chunks in ([text], list(text)):
            assert end(gather(chunks | accumulate(max_depth=limit))).status == status


@pytest.mark.parametrize("text", ['"0123456789"', "[1,2,3,4,5]", "123456789012", '{"abcdefg":1}', "[]          "])
def test_the_size_limit_is_exact_and_does_not_depend_on_the_cuts(text: str) -> None:
    limit = len(text)
    assert end(gather([text] | accumulate(max_size=limit))).status == "complete"
    whole = tidy(gather([text] | accumulate(max_size=limit - 1)))
    for size in range(1, limit + 1):
        chunks = [text[at : at + size] for at in range(0, limit, size)]
        told = gather(chunks | accumulate(max_size=limit - 1))
        error = end(told).error
        assert isinstance(error, LimitExceeded)
        assert error.offset == limit - 1
        assert tidy(told) == whole


def test_a_hundred_megabyte_string_ends_at_the_limit_in_bounded_memory() -> None:
    fed = 0

    def source() -> Iterator[str]:
        nonlocal fed
        yield '{"a": "'
        chunk = "x" * 4096
        for _ in range(25_000):
            fed += 1
            yield chunk

    tracemalloc.start()
    try:
        last, error = read_to_error(source())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert last.op == "end"
    assert error.offset == 1 << 22
    assert fed <= 1025
    assert peak < 3 * (1 << 22)


def read_to_error(source: Iterator[str]) -> tuple[Change[object], LimitExceeded]:
    """The last change before the error, and the error; keeps no other change."""
    last = Change[object]("end", ())
    try:
        for last in source | accumulate(max_size=1 << 22):  # noqa: B007  # wanted after the loop
            pass
    except LimitExceeded as error:
        return last, error
    raise AssertionError("the limit was not kept")


def test_the_size_limit_is_there_by_default() -> None:
    chunk = "x" * (1 << 20)
    error = failure(['"', *([chunk] * 40)])
    assert type(error) is LimitExceeded
    assert error.offset == 32 * 1024 * 1024


# -- where -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("!", ()),
        ("[!", (0,)),
        ("[1,!", (1,)),
        ('["a\x01', (0,)),
        ('[{"a":!', (0, "a")),
        ('[{"a":1,"b":[!', (0, "b", 0)),
        ('{"a":"x\x01', ("a",)),
        ('{"a":1!', ()),
        ('{"a":1,!', ()),
        ('{"a":1,"a":!', ("a",)),
        ('{"a/b":{"~":!', ("a/b", "~")),
        ("[1]!", ()),
    ],
)
def test_an_error_names_the_value_it_happened_in(text: str, path: tuple[str | int, ...]) -> None:
    for chunks in ([text], list(text)):
        assert failure(chunks).path == path


def test_an_error_gives_the_path_as_a_json_pointer() -> None:
    assert "at /a~1b/~0/0 " in str(failure(['{"a/b":{"~":[!']))


# -- the rest ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", ['{"a": [1, "]"]}', "[[]]", '"x"', "true", "-12.5e1"])
@pytest.mark.parametrize("rest", ["", " \n", ' {"a": [2]}', "\n```\nThat is it. {", "}"])
def test_the_rest_is_passed_over_where_it_may_be(document: str, rest: str) -> None:
    for chunks in every_split(document + rest):
        assert verdicts(chunks) == verdicts([document])


def test_what_is_not_whole_is_not_made_so() -> None:
    end = cast("End", verdicts(['{"a": [1}'])[-1].value)
    assert isinstance(end.error, JsonSyntaxError)


def verdicts(chunks: list[str]) -> list[Change]:
    """What `accumulate` says of a text, without how strings were cut."""
    changes = iter(chunks | accumulate(ignore_rest=True))
    told: list[Change] = []
    with suppress(JsonSyntaxError):
        told.extend(change for change in changes if change.op in ("complete", "end"))
    return told
