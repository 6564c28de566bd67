"""What is drawn in docs/performance.md, as SVG: measured once, and returned as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import encoders
import matplotlib as mpl
import peers
import sharing
from documents import DOCUMENTS, users
from matplotlib import pyplot as plt
from matplotlib.ticker import NullFormatter
from measure import cpu_times
from streams import run, run_untyped

Points = Mapping[str, Sequence[tuple[float, float]]]

# The same file for the same figures; text as text, in whatever font the reader has.
mpl.rcParams.update({"svg.hashsalt": "streamkit", "svg.fonttype": "none", "font.size": 9})
mpl.rcParams["font.sans-serif"] = ["DejaVu Sans", "Verdana", "Arial"]

SYSTEMS: Mapping[str, tuple[Callable[[str], Callable[[], object]], int]] = {
    "streamkit": (run, 1_000_000),
    "Instructor": (peers.instructor, 30_000),
    "pydantic-ai": (peers.pydantic_ai, 10_000),
    "LangChain diff": (peers.langchain, 10_000),
    "openai .stream()": (peers.openai, 30_000),
    "streamkit, no schema": (run_untyped, 1_000_000),
    "json-stream, no schema": (peers.json_stream_values, 1_000_000),
    "ijson, no schema": (peers.ijson_events, 1_000_000),
}
"""What is compared, and up to which size: beyond it would take minutes."""

SIZES = (1, 4, 16, 256, 4096)


def growth() -> Points:
    """CPU seconds of a whole document, by its size."""
    points: dict[str, list[tuple[float, float]]] = {name: [] for name in SYSTEMS}
    for size in (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000):
        text = users(size)
        contenders = {name: make(text) for name, (make, most) in SYSTEMS.items() if size <= most}
        times = cpu_times(f"all systems, {size:,} characters", contenders, 3 if size < 10_000 else 1)
        for name, seconds in times.items():
            points[name].append((len(text), seconds))
    return points


def per_chunk(grown: Points) -> Points:
    """The same in microseconds for each 4-character chunk."""
    return {name: [(size, seconds / size * 4e6) for size, seconds in line] for name, line in grown.items()}


def by_chunk_size() -> Points:
    """Microseconds for a chunk, by its size, of every document."""
    points: dict[str, list[tuple[float, float]]] = {}
    for name, (make, model) in DOCUMENTS.items():
        text = make(100_000)
        contenders = {size: run(text, size, model) for size in (*SIZES, len(text))}
        times = cpu_times(f"{name}, by chunk size", {str(size): go for size, go in contenders.items()}, 3)
        points[name] = [(size, times[str(size)] / (len(text) / size) * 1e6) for size in contenders]
    return points


def draw(path: Path, points: Points, title: str, x: str, y: str) -> None:
    """Lines on two logarithmic axes."""
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for name, line in points.items():
        width = 2.4 if name.startswith("streamkit") else 1.2
        axes.plot(*zip(*line, strict=True), marker="o", markersize=3, label=name, linewidth=width)
    axes.set(xscale="log", yscale="log", title=title, xlabel=x, ylabel=y)
    # A label at each power of ten is enough; those between run into one another.
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True, which="major", alpha=0.3)
    figure.legend(loc="outside right upper")
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)


def save(folder: Path) -> dict[str, Points]:
    """Measure and draw all; return the numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    grown = growth()
    drawn = {
        "growth": (grown, "A list of users in 4-character chunks", "characters", "CPU seconds"),
        "per-chunk": (
            per_chunk(grown),
            "The same, for each chunk",
            "characters",
            "CPU microseconds for a chunk",
        ),
        "chunks": (
            by_chunk_size(),
            "Several documents of 100 KB, by the size of a chunk",
            "characters in a chunk",
            "CPU microseconds for a chunk",
        ),
        "fanout": (
            sharing.by_subscribers(),
            "One stream, many subscribers",
            "subscribers",
            "CPU microseconds for an event and subscriber",
        ),
        "bytes": (
            encoders.by_length(),
            "A string in 5-character chunks, on the wire",
            "characters in the string",
            "bytes",
        ),
    }
    for name, (points, *words) in drawn.items():
        draw(folder / f"{name}.svg", points, *words)
    return {name: points for name, (points, *_) in drawn.items()}
