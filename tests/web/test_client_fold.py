"""The browser client's fold, in node: the value and the verdicts after every frame of random streams."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from support.frames import cases_as_json

from streamkit.web import STATIC

NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_the_fold_in_the_browser_is_the_fold_in_python() -> None:
    script = Path(__file__).with_name("fold.mjs")
    done = subprocess.run(
        [str(NODE), str(script), (STATIC / "frames.js").as_uri()],
        input=json.dumps(cases_as_json(150)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["frames"] > 200
