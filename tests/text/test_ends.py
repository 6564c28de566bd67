"""The end of a text: what can still become JSON is truncated, what cannot is a syntax error."""

from collections.abc import Iterable, Sequence
from typing import cast

import pytest

from streamkit import Change, EmptyAnswer, End, Finish, JsonSyntaxError, LimitExceeded, Truncated
from streamkit.operators import accumulate
from streamkit.testing import every_split

WELL = Finish()


def ends(text: str | bytes, finish: Finish = WELL) -> set[tuple[str, type[Exception] | None]]:
    """How the text ends, however it is split."""
    found: set[tuple[str, type[Exception] | None]] = set()
    whole, characters = [text], [text[i : i + 1] for i in range(len(text))]
    few = (
        cast("Iterable[Sequence[str | bytes]]", every_split(cast("str", text)))
        if len(text) < 12
        else [whole, characters]
    )
    for chunks in few:
        machine = accumulate().start()
        events: list[object] = []
        for chunk in chunks:
            events += machine.feed_batch([chunk])
            if machine.done:
                break
        end = [*events, *machine.close(finish)][-1]
        assert isinstance(end, Change)
        assert isinstance(end.value, End)
        found.add((end.value.status, type(end.value.error) if end.value.error is not None else None))
    return found


@pytest.mark.parametrize(
    "text",
    [
        "012",
        "[012",
        '{"a": 012',
        "[1.2.3",
        "[1e5e5",
        "--1",
        "[-a"[:2] + "-",
        "[1.e5",
        "[+1",
        "[.5",
        "1-",
        "[00",
        "-01",
        "[1e+-2",
    ],
)
def test_a_number_that_cannot_become_one_is_a_syntax_error(text: str) -> None:
    assert ends(text) == {("failed", JsonSyntaxError)}
    assert ends(text, Finish("length")) == {("failed", JsonSyntaxError)}


@pytest.mark.parametrize("text", ["-", "[-", "[1.", "[1e", "[1e+", '{"a": -0.', "1.", "[12", '{"a": 0'])
def test_a_number_that_needs_more_is_truncated(text: str) -> None:
    assert ends(text) == {("truncated", Truncated)}


@pytest.mark.parametrize("text", ["12", "-0", "1.5", "1e5", " 7 "])
def test_a_number_at_the_root_ends_with_the_text(text: str) -> None:
    assert ends(text) == {("complete", None)}


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_a_number_at_the_root_that_was_cut_is_not_complete(reason: str) -> None:
    assert {status for status, _ in ends("12", Finish(reason))} <= {"truncated", "refused"}


@pytest.mark.parametrize(
    "text",
    [b"12\xc3", b"[12\xc3", b'{"a": 1}\xe2\x82', b'{"a"\xf0\x9f\x98', b"[\xef\xbb", b" \xc3", b"tru\xc3", b"\xe9"],
)
def test_half_a_character_outside_a_string_is_a_syntax_error(text: bytes) -> None:
    assert ends(text) == {("failed", JsonSyntaxError)}


@pytest.mark.parametrize("text", [b'"\xc3', b'{"a": "\xf0\x9f\x98', b'{"\xe2\x82'])
def test_half_a_character_in_a_string_is_truncated(text: bytes) -> None:
    assert ends(text) == {("truncated", Truncated)}


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_nothing_but_white_space_is_an_empty_answer(text: str) -> None:
    assert ends(text) == {("truncated", EmptyAnswer)}


LONG = "9" * 4301


@pytest.mark.parametrize(
    "text", [f"[{LONG}.5]", f"[-{LONG}.5]", f"[{LONG}e5]", f"[{LONG}]", f'{{"a": [{LONG}e-4300]}}', f"[1, {LONG}.5, 2]"]
)
def test_a_number_of_too_many_digits_is_an_error_at_every_split(text: str) -> None:
    assert ends(text) == {("failed", LimitExceeded)}


@pytest.mark.parametrize(
    "text", [f"[{'9' * 4300}]", f"[0.{LONG}]", f"[1.{LONG}e3]", f'["{LONG}.5"]', f'{{"{LONG}": 1}}', "[1e999999]"]
)
def test_a_number_of_many_digits_is_read_at_every_split(text: str) -> None:
    assert ends(text) == {("complete", None)}


def test_the_error_of_a_number_says_where_it_is() -> None:
    with pytest.raises(JsonSyntaxError, match=r"not a number: '012', at /a \(line 1, column 7, offset 6\)"):
        list(['{"a": 0', "12"] | accumulate())
