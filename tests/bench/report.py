"""Write the tables of docs/performance.md from docs/performance/results.json.

`python tests/bench/report.py` writes them again without measuring.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rows import Row, shown

DOCS = Path(__file__).resolve().parents[2] / "docs"
_BEGIN, _END = "<!-- table: {} -->\n", "<!-- end of table -->\n"


def write(page: Path, results: Path) -> None:
    """Replace each table between its markers in the page."""
    saved = json.loads(results.read_text("utf-8"))
    text = page.read_text("utf-8")
    for name, table in {
        "figures": _figures(saved["runs"]),
        "chunk sizes": _chunk_sizes(saved["plots"]["chunks"]),
        "by document": _systems("document", saved["systems"]["by document"]),
        "by chunk size": _systems("characters in a chunk", saved["systems"]["by chunk size"]),
        "instructions": _instructions(saved["instructions"]),
    }.items():
        before, mark, rest = text.partition(_BEGIN.format(name))
        if not mark:
            raise SystemExit(f"{page.name}: no marker for the table {name!r}; add {_BEGIN.format(name).strip()!r}")
        text = before + mark + table + _END + rest.partition(_END)[2]
    page.write_text(text, "utf-8")


def _figures(runs: list[dict[str, Any]]) -> str:
    lines: list[tuple[str, ...]] = []
    for same in zip(*(run["rows"] for run in runs), strict=True):
        rows = [Row(**row) for row in same]
        row = Row(**{**same[0], "measured": median(each.measured for each in rows)})
        each = " / ".join(shown(one.measured, "", one.digits) for one in rows)
        met = "met" if all(one.met for one in rows) else f"met in {sum(one.met for one in rows)} of {len(rows)}"
        lines.append((row.figure, row.bound, row.shown, each, met if row.target else ""))
    head = ("figure", "target", "median", "each run", "")
    return f"{runs[0]['about']}.\n\n" + _table(head, lines)


def _chunk_sizes(documents: dict[str, list[list[float]]]) -> str:
    sizes = [size for size, _ in next(iter(documents.values()))][:-1]
    lines = [(name, *(f"{micros / size * 1000:,.0f}" for size, micros in line)) for name, line in documents.items()]
    return _table(("document", *(f"{size:g}" for size in sizes), "whole"), lines)


def _systems(what: str, cells: dict[str, dict[str, float | None]]) -> str:
    systems = [*next(iter(cells.values()))]
    lines = [
        (name, *("raises" if taken is None else f"{taken:,.1f}" for taken in row.values()))
        for name, row in cells.items()
    ]
    return _table((what, *systems), lines)


def _instructions(counts: dict[str, float]) -> str:
    if not counts:
        return "Not counted: valgrind is not installed.\n"
    return _table(("work", "instructions"), [(name, f"{count:,.0f}") for name, count in counts.items()])


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "".join(f"| {' | '.join(_escaped(cells))} |\n" for cells in (head, rule, *lines))


def _escaped(cells: Iterable[str]) -> Iterator[str]:
    return (cell.replace("|", r"\|") for cell in cells)


if __name__ == "__main__":
    write(DOCS / "performance.md", DOCS / "performance" / "results.json")
