"""The examples run, and show what they say."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import ROOT
from support.meeting import MEETING, RECORDED, MeetingInfo

from streamkit import Document, extract
from streamkit.sinks import to_json

EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.py") if path.stem not in ("meeting", "demo"))


def run(script: Path, *arguments: str) -> str:
    """What a script prints, without a key."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    command = [sys.executable, "-W", "error", str(script), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_example(script: Path) -> None:
    assert len(run(script).splitlines()) > 3


def test_the_demo_ends_with_the_meeting_and_figures_that_are_true() -> None:
    *shown, figures = run(ROOT / "examples" / "demo.py", "--seconds", "0.3").splitlines()
    result = shown[shown.index("{") :]
    assert MeetingInfo.model_validate_json("\n".join(result)) == MEETING
    chunks = [text for text in recorded_texts() if text]
    numbers = [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", figures)]
    assert numbers == list(expected_figures(chunks))
    assert len(shown) - len(result) == numbers[1]


def recorded_texts() -> list[str]:
    events = [line.removeprefix("data: ") for line in RECORDED.read_text("utf-8").splitlines() if line]
    chunks = [json.loads(event) for event in events if event != "[DONE]"]
    return [chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"]]


def expected_figures(chunks: list[str]) -> tuple[int, int, int, int, int]:
    """The demo's figures, found the slow way: the document after each chunk, written whole."""
    changes = [change for batch in (chunks | extract(MeetingInfo)).batches() for change in batch]
    snapshots: list[str] = []
    for count in range(1, len(chunks) + 1):
        document = Document()
        for change in chunks[:count] | extract(MeetingInfo):
            document.apply(change)
        snapshots.append(json.dumps(document.value, separators=(",", ":"), ensure_ascii=False))
    repeats = sum(before == after for before, after in pairwise(snapshots))
    # A plain list of texts knows no finish_reason; the provider said "stop".
    lines = "".join(f"{to_json(change)}\n" for change in changes).replace(
        '"finish_reason":null', '"finish_reason":"stop"'
    )
    sizes = (len(lines.encode()), len("".join(snapshots).encode()))
    return len(chunks), len(changes), repeats, *sizes
