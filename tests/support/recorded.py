"""The recorded provider streams that tests replay."""

from conftest import SHARED

from support.meeting import DATA, RECORDED

__all__ = ["FOLDER", "OURS", "THEIRS"]

FOLDER = SHARED / "recordings"


OURS = [RECORDED, *sorted(DATA.glob("*.sse"))]


# Without the folder one test asks for it, and is skipped with the reason.
THEIRS = sorted(path for path in FOLDER.rglob("*.sse")) or [FOLDER / "all.sse"]
