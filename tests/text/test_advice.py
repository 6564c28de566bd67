"""Errors for text that is not JSON say what was there, and what to do."""

import pytest

from streamkit import EmptyAnswer, JsonSyntaxError
from streamkit.operators import accumulate, fenced


@pytest.mark.parametrize("text", ['Sure:\n{"a":1}', "I cannot do that.", "```sh\nls\n```", "a" * 500])
@pytest.mark.parametrize("split", [1, 7, 1000])
def test_prose_without_a_document_is_quoted(text: str, split: int) -> None:
    chunks = [text[i : i + split] for i in range(0, len(text), split)]
    with pytest.raises(EmptyAnswer, match="before any JSON: got") as found:
        (chunks | fenced() | accumulate(ignore_rest=True)).result_sync()
    assert repr(text[:80]) in str(found.value)


def test_no_text_at_all_is_said_so() -> None:
    for chunks in ([], [""], [" \n"]):
        with pytest.raises(EmptyAnswer, match="without any text"):
            (chunks | fenced() | accumulate()).result_sync()


@pytest.mark.parametrize("chunks", [["\ufeff{}"], ["\ufeff", "{}"], [b"\xef\xbb\xbf{}"], [b"\xef", b"\xbb\xbf", b"{}"]])
def test_a_byte_order_mark_names_its_codec(chunks: list[str] | list[bytes]) -> None:
    with pytest.raises(JsonSyntaxError, match="utf-8-sig"):
        (chunks | accumulate()).result_sync()
