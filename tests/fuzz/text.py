"""Fuzz target: the JSON machine against json, jiter, and itself at other splits."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["streamkit"]):
    from streamkit.operators import accumulate

sys.path.insert(0, str(Path(__file__).parent))
from oracle import NOT_JSON, Finding, fold, pieces, read_by_others, same, stream, tidy


def check(data: bytes) -> None:
    """Read one input in pieces and whole; compare."""
    choice, text = (data[0], data[1:]) if data else (0, b"")
    changes = stream(pieces(text, choice), accumulate())
    end = changes[-1].value
    document = fold(changes)
    whole = stream([text], accumulate())
    if tidy(changes) != tidy(whole):
        raise Finding(f"the splits matter: {text!r} in {pieces(text, choice)!r}: {tidy(changes)} != {tidy(whole)}")
    expected = read_by_others(text)
    if (end.status == "complete") is not (expected is not NOT_JSON):
        raise Finding(f"{text!r} ends {end.status} ({end.error}), and others read {expected!r}")
    if expected is not NOT_JSON and not same(document.value, expected):
        raise Finding(f"{text!r} folds to {document.value!r}, and jiter reads {expected!r}")


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
