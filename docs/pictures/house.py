"""Draw the packages of streamkit and the imports between them: `make house` writes docs/pictures/house.svg.

Packages stand in rows, one row per layer of the import contract in pyproject.toml; an arrow points from a package to
one that it imports. An import that goes upwards, or sideways in a circle, is an error.
"""

from __future__ import annotations

import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from xml.sax.saxutils import escape

import grimp

ROOT = Path(__file__).resolve().parents[2]
FRONT = "streamkit"  # the package's __init__, which names the public API
WIDTH, ROW, BOX_WIDTH, BOX_HEIGHT = 880, 92, 128, 40

_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerUnits="userSpaceOnUse" '
    'markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0L8 4L0 8z" style="fill:#94a3b8;stroke:none"/></marker></defs>'
)

Arrows = dict[tuple[str, str], int]


def layers() -> list[list[str]]:
    """Return the rows of packages from top to bottom, as the import contract has them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    rows = next(each["layers"] for each in contracts if each["id"] == "layers")
    named = [[name.strip(" ()") for name in row.split(":")] for row in rows]
    present = {name for name in map(_room, grimp.build_graph("streamkit").modules) if name}
    return [[FRONT], *([name for name in row if name in present] for row in named)]


def arrows() -> Arrows:
    """Return how many imports lead from one package to another."""
    graph = grimp.build_graph("streamkit")
    found: Arrows = {}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            pair = _room(module) or FRONT, _room(imported) or FRONT
            if pair[0] != pair[1]:
                found[pair] = found.get(pair, 0) + 1
    return dict(sorted(found.items()))


def _room(module: str) -> str:
    """The package directly below streamkit that a module belongs to; empty for streamkit itself."""
    return module.split(".")[1] if "." in module else ""


def problems(rows: list[list[str]], drawn: Arrows) -> list[str]:
    """Return what breaks the rule that imports lead down, or sideways without a circle."""
    level = {name: at for at, row in enumerate(rows) for name in row}
    found = [f"{name} is in no layer" for pair in drawn for name in pair if name not in level]
    found += [f"{one} imports {other}, above it" for one, other in drawn if level.get(other, 0) < level.get(one, 0)]
    try:
        TopologicalSorter({name: [b for a, b in drawn if a == name] for name in level}).prepare()
    except CycleError as error:
        found.append(f"circle: {' -> '.join(error.args[1])}")
    return found


def svg(rows: list[list[str]], drawn: Arrows) -> str:
    """Return the picture."""
    at: dict[str, tuple[float, float]] = {}
    for level, row in enumerate(rows):
        gap = WIDTH / (len(row) + 1)
        # Every second row is shifted a little, so that arrows over two rows do not hide behind boxes.
        shift = (level % 2) * 24 - 12
        at |= {name: (gap * (place + 1) + shift, 40 + level * ROW) for place, name in enumerate(row)}
    lines = [_line(at[one], at[other], count) for (one, other), count in drawn.items() if one != FRONT]
    boxes = [_box(name, x, y) for name, (x, y) in at.items()]
    height = 40 + len(rows) * ROW - ROW // 2
    style = (
        "text{font:14px system-ui,sans-serif;text-anchor:middle;fill:#1f2937}"
        "rect{fill:#eef2ff;stroke:#6366f1;stroke-width:1.2}path{fill:none;stroke:#94a3b8}"
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
            f"<title>Packages of streamkit: {sum(map(len, rows))} boxes, {len(drawn)} arrows</title>",
            f"<style>{style}</style>",
            f'<rect x="0" y="0" width="{WIDTH}" height="{height}" style="fill:#fff;stroke:none"/>',
            _TIP,
            *lines,
            *boxes,
            "</svg>",
            "",
        ]
    )


def _line(start: tuple[float, float], end: tuple[float, float], count: int) -> str:
    (x1, y1), (x2, y2) = start, end
    side = y1 == y2
    y1 += 0 if side else BOX_HEIGHT / 2
    y2 -= 0 if side else BOX_HEIGHT / 2
    bend = f"C{x1} {y1 + 30} {x2} {y2 - 30}" if not side else f"Q{(x1 + x2) / 2} {y1 - 60}"
    width = min(0.6 + count / 12, 3)
    return (
        f'<path d="M{x1} {y1}{bend} {x2} {y2}" stroke-width="{width:.1f}" marker-end="url(#tip)">'
        f"<title>{count} imports</title></path>"
    )


def _box(name: str, x: float, y: float) -> str:
    return (
        f'<rect x="{x - BOX_WIDTH / 2}" y="{y - BOX_HEIGHT / 2}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6"/>'
        f'<text x="{x}" y="{y + 5}">{escape(name)}</text>'
    )


def main() -> int:
    """Write the picture; print each package with those that it imports."""
    rows, drawn = layers(), arrows()
    (ROOT / "docs" / "pictures" / "house.svg").write_text(svg(rows, drawn), "utf-8")
    for row in rows:
        for name in row:
            imported = [f"{other} ({count})" for (one, other), count in drawn.items() if one == name]
            print(f"{name:12} -> {', '.join(imported) or '-'}")
    wrong = problems(rows, drawn)
    print(f"{sum(map(len, rows))} packages, {len(drawn)} arrows; {'; '.join(wrong) or 'none upwards, no circle'}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
