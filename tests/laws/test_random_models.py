"""The laws, over models that nobody thought of: see `random_models`. pydantic alone says what is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError
from support.agreement import Answer, answer_of, assert_agrees, end_of
from support.model_parts import CALLS
from support.random_models import Made, made
from support.recorder import check, gather, tidy
from support.strategies import LAW, cut, sizes

from streamkit.changes.change import Change
from streamkit.operators import accumulate, validate

OPTIONS: list[dict[str, Any]] = [{}, {}, {}, {"strict": True}, {"strict": False}, {"context": {"language": "en"}}]
options = st.sampled_from(OPTIONS)


def streamed(case: Made, chunks: Iterable[str | bytes], given: Mapping[str, Any]) -> list[Change[object]]:
    return gather(chunks | accumulate() | validate(case.tp, **given))


def asked(case: Made, given: Mapping[str, Any]) -> Answer:
    try:
        return answer_of(TypeAdapter(case.tp), case.text, **given)
    except PydanticSerializationError:
        # Not every default is of its field's type: what cannot be dumped, nobody can tell.
        assume(False)
        raise


def in_pieces(case: Made, lengths: Sequence[int]) -> list[list[str] | list[bytes]]:
    return [list(case.text), list(cut(case.text, lengths)), list(cut(case.text.encode(), lengths))]


@LAW
@given(made(), options)
def test_a_document_means_what_pydantic_says(case: Made, given: dict[str, Any]) -> None:
    answer = asked(case, given)
    for chunks in ([case.text], list(case.text)):
        events = streamed(case, chunks, given)
        # Nor can it be told, where pydantic never comes to dump it.
        assume(answer.errors is None or not isinstance(end_of(events).error, PydanticSerializationError))
        # How pydantic labels a member that contains what is around it depends on where it was built.
        assert_agrees(events, answer, unordered=case.unordered, plainly=True)


@LAW
@given(made(), options, sizes)
def test_events_keep_the_laws(case: Made, given: dict[str, Any], lengths: list[int]) -> None:
    whole = streamed(case, [case.text], given)
    check(whole, case.may_revise)
    for chunks in in_pieces(case, lengths):
        assert tidy(streamed(case, chunks, given)) == tidy(whole), chunks


@LAW
@given(made(fitting=True), options, sizes)
def test_user_code_is_called_as_by_pydantic(case: Made, given: dict[str, Any], lengths: list[int]) -> None:
    CALLS.clear()
    answer = asked(case, given)
    assume(answer.errors is None and answer.raised is None)
    wanted = Counter(CALLS)
    for chunks in in_pieces(case, lengths):
        CALLS.clear()
        streamed(case, chunks, given)
        assert Counter(CALLS) == wanted, chunks
