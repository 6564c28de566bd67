"""streamkit's operators, one per file: the stages between `|`."""

from streamkit.operators.accumulate import accumulate
from streamkit.operators.catch import catch
from streamkit.operators.coalesce import coalesce
from streamkit.operators.completed import completed
from streamkit.operators.debounce import debounce
from streamkit.operators.dedupe import dedupe
from streamkit.operators.diff import diff
from streamkit.operators.fenced import fenced
from streamkit.operators.map_async import map_async
from streamkit.operators.merge_runs import merge_runs
from streamkit.operators.on_end import on_end
from streamkit.operators.retry_source import retry_source
from streamkit.operators.sample import sample
from streamkit.operators.select import select
from streamkit.operators.snapshots import snapshots
from streamkit.operators.tap import tap
from streamkit.operators.throttle import throttle
from streamkit.operators.timeout import timeout
from streamkit.operators.validate import validate

__all__ = [
    "accumulate",
    "catch",
    "coalesce",
    "completed",
    "debounce",
    "dedupe",
    "diff",
    "fenced",
    "map_async",
    "merge_runs",
    "on_end",
    "retry_source",
    "sample",
    "select",
    "snapshots",
    "tap",
    "throttle",
    "timeout",
    "validate",
]
