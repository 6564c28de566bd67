"""`make fuzz`: coverage-guided fuzzing of the JSON machine and of typed streams, with atheris.

    make fuzz                          a minute for each target, from the corpus in tests/fuzz/corpus
    make fuzz ARGS="text -runs=1000000"    one target, with libFuzzer's own options

An input is one byte that chooses the splits (and, for typed streams, one that chooses the model), then the text.
A finding ends the run and leaves a file `crash-...`: make a test of it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
TARGETS = ("text", "typed")


def main() -> int:
    """Run the targets that were named, each in a process of its own."""
    named = [each for each in sys.argv[1:] if not each.startswith("-")] or [*TARGETS]
    options = [each for each in sys.argv[1:] if each.startswith("-")] or ["-max_total_time=60"]
    for target in named:
        found = FOLDER.parents[1] / "build" / "fuzz" / target
        found.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(FOLDER / f"{target}.py"), str(found), str(FOLDER / "corpus" / target)]
        code = subprocess.run([*command, f"-artifact_prefix={found}/", *options], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
