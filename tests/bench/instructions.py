"""Counts instructions, which no noise of the machine hides: of this tree, or of two commits side by side.

    python tests/bench/instructions.py              this tree
    python tests/bench/instructions.py main HEAD    two commits, and the ratio

valgrind counts (Debian: `apt-get install valgrind`). The work is the same for both: `workloads.py` as it is here,
with the peers' environment and a fixed seed for hashes. Where two runs of one commit differ, it is by less than 1 %.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
TREE = HERE.parents[1]

IMPORTS = ("from pydantic import BaseModel", "from streamkit import extract")


def counter() -> str | None:
    """The program that counts, if it is there."""
    return shutil.which("valgrind")


def counted(tree: Path) -> dict[str, float]:
    """Instructions for a unit of each work, and of imports, with the streamkit of a tree."""
    # Counting is not timing: side by side is no harm.
    with tempfile.TemporaryDirectory() as cache, ThreadPoolExecutor(2) as pool:
        works = pool.submit(_works, tree, cache)
        imports = pool.map(lambda statement: _import(tree, cache, statement), IMPORTS)
        return works.result() | dict(zip(IMPORTS, imports, strict=True))


def _works(tree: Path, cache: str) -> dict[str, float]:
    told, counts = _between_marks(tree, cache, [str(HERE / "workloads.py")])
    whose, *lines = told.splitlines()
    if not Path(whose).resolve().is_relative_to(tree.resolve()):
        raise SystemExit(f"{whose} was measured instead of what is in {tree}")
    works = [line.rpartition(" ") for line in lines]
    # Each work stands between two marks, and the making of the next between that and another.
    return {name: count / int(units) for (name, _, units), count in zip(works, counts[1::2], strict=True)}


def _import(tree: Path, cache: str, statement: str) -> float:
    # -P: the folder that the command runs in holds a streamkit, too.
    _, counts = _between_marks(tree, cache, ["-P", "-c", f"import os; os.getloadavg(); {statement}; os.getloadavg()"])
    return counts[1]


def _between_marks(tree: Path, cache: str, arguments: list[str]) -> tuple[str, list[int]]:
    """What a program prints, and the instructions up to each call of `getloadavg`."""
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(tree), "PYTHONPYCACHEPREFIX": cache}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    # Once uncounted, for the cache: Python's compiler is not what is to be counted.
    _run([sys.executable, *arguments], environment)
    with tempfile.TemporaryDirectory() as folder:
        count = ["--tool=callgrind", "--dump-before=getloadavg", f"--callgrind-out-file={folder}/counts"]
        told = _run([counter() or "valgrind", *count, sys.executable, *arguments], environment)
        dumps = sorted(Path(folder).glob("counts.*"), key=lambda path: int(path.suffix[1:]))
        return told, [_summary(path) for path in dumps]


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stdout}{done.stderr}")
    return done.stdout


def _summary(path: Path) -> int:
    found = re.search(r"^summary: (\d+)", path.read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise SystemExit(f"{path} holds no count")
    return int(found[1])


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A worktree of a commit, for as long as it is needed."""
    git = [shutil.which("git") or "git", "-C", str(TREE), "worktree"]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*git, "add", "--quiet", "--detach", f"{folder}/tree", commit], check=True)
        try:
            yield Path(folder, "tree")
        finally:
            subprocess.run([*git, "remove", "--force", f"{folder}/tree"], check=True)


def main() -> None:
    """Print a line for each work."""
    if counter() is None:
        raise SystemExit("valgrind is not here: apt-get install valgrind")
    commits = sys.argv[1:]
    if len(commits) not in {0, 2}:
        raise SystemExit(__doc__)
    with ExitStack() as stack:
        trees = [stack.enter_context(checked_out(commit)) for commit in commits] or [TREE]
        columns = [counted(tree) for tree in trees]
    print(
        f"{'instructions':52}"
        + "".join(f"{name:>16.14}" for name in commits or ["here"])
        + "   ratio" * len(commits[1:])
    )
    for name in columns[0]:
        counts = [column[name] for column in columns]
        ratio = f"{counts[1] / counts[0]:8.3f}" if commits else ""
        print(f"{name:52}" + "".join(f"{count:16,.0f}" for count in counts) + ratio)


if __name__ == "__main__":
    main()
