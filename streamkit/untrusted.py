"""Show text that a model wrote, in an error, a log or a terminal: it may hold control characters, or be very long."""

from __future__ import annotations

__all__ = ["printable"]

_CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]  # C0, DEL and C1: they move the cursor, set the title, forge lines
_INVISIBLE = [0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF]  # reorder or break lines
_SHORT = {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r"}
_ESCAPES = {code: f"\\u{code:04x}" for code in [*_CONTROLS, *_INVISIBLE]} | _SHORT


def printable(text: str, most: int | None = None) -> str:
    """Escape what a terminal or a log would act on: `\\n`, `\\u001b`; so the text stays on one line.

    Args:
        text: any text.
        most: longest result, in characters; the rest is cut off and replaced by `…`.
    """
    if most is not None and len(text) > most:
        text = text[: most - 1] + "…"
    shown = text if text.isprintable() else text.translate(_ESCAPES)
    return shown if most is None or len(shown) <= most else shown[: most - 1] + "…"
