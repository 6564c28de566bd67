"""`fenced`: the document in a Markdown fence, at every split."""

import pytest

from streamkit import EmptyAnswer, JsonSyntaxError, extract
from streamkit.operators import accumulate, fenced
from streamkit.testing import every_split

FENCED = {
    "no fence": '{"a": 1}',
    "white space before": ' \n {"a": 1}',
    "a fence": '```json\n{"a": 1}\n```',
    "a fence without a word": '```\n{"a": 1}\n```',
    "on one line": '```{"a": 1}```',
    "prose around": 'Here {is} `it`:\n```json\n{"a": 1}\n```\nDone {"b": 2}.',
    "another fence before": 'As in\n```python\nx = 1\n```\nso\n``` json \n\n {"a": 1}```',
    "two documents": '```json\n{"a": 1}\n```\n```json\n{"a": 2}\n```',
}


@pytest.mark.parametrize("name", FENCED)
def test_the_document_at_every_split(name: str) -> None:
    for chunks in every_split(FENCED[name]):
        assert (chunks | fenced() | accumulate(ignore_rest=True)).result_sync() == {"a": 1}


def test_the_error_for_text_around_the_document_says_how_to_ignore_it() -> None:
    for text in ("Here it is:", FENCED["a fence"]):
        with pytest.raises(JsonSyntaxError, match=r"take off a fence .*fenced\(\) \| accumulate\(ignore_rest=True"):
            ([text] | accumulate()).result_sync()
    for pipeline in (accumulate(), extract(dict[str, int])):
        with pytest.raises(
            JsonSyntaxError,
            match=r"got '`', .*; to ignore what follows, pass ignore_rest=True .* extract\(\); .* JSON Lines",
        ):
            (['{"a": 1}\n```'] | pipeline).result_sync()
    assert (['{"a": 1}\n```'] | extract(dict[str, int], ignore_rest=True)).result_sync() == {"a": 1}


def test_a_fence_inside_the_document_is_text() -> None:
    text = '```json\n{"code": "```py\\n```"}\n```'
    for chunks in every_split(text):
        assert (chunks | fenced() | accumulate(ignore_rest=True)).result_sync() == {"code": "```py\n```"}


def test_partials_flow_while_the_fence_is_open() -> None:
    changes = iter(["Well:\n```js", 'on\n{"a": "x', "y"] | fenced() | accumulate(ignore_rest=True))
    assert [next(changes).value for _ in range(3)] == [{}, "x", "y"]


def test_prose_alone_is_not_a_document() -> None:
    with pytest.raises(EmptyAnswer):
        (["I would rather ", "not. `{`"] | fenced() | extract(dict[str, int])).result_sync()


def test_text_before_the_fence_is_not_kept() -> None:
    machine = fenced().make_machine()
    for _ in range(100):
        assert machine.feed("some prose and `` ` `` that never ends\n```text\n") == ()
    assert len(machine._buffer) < 20  # type: ignore[attr-defined]  # its own
