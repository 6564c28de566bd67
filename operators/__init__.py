"""streamkit's operators, one to a file: what stands between `|`."""

from streamkit.operators.accumulate import accumulate
from streamkit.operators.coalesce import coalesce
from streamkit.operators.completed import completed
from streamkit.operators.dedupe import dedupe
from streamkit.operators.diff import diff
from streamkit.operators.fenced import fenced
from streamkit.operators.select import select
from streamkit.operators.snapshots import snapshots
from streamkit.operators.tap import tap
from streamkit.operators.validate import validate

__all__ = ["accumulate", "coalesce", "completed", "dedupe", "diff", "fenced", "select", "snapshots", "tap", "validate"]
