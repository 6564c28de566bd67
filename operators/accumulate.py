"""accumulate: JSON text in any pieces -> what became certain, as changes.

in    '{"na'   'me": "Jo'          'hn"}'
out   add ""   add /name "Jo"      append /name "hn", complete /name "John", complete "", end
"""

from __future__ import annotations

from streamkit.assembly.text_machine import TextMachine
from streamkit.changes.change import Change
from streamkit.flow import Stage
from streamkit.schema.nodes import ANY
from streamkit.text.limits import Limits

__all__ = ["accumulate"]


def accumulate(
    *, max_depth: int = 200, max_size: int = 32 * 1024 * 1024, ignore_rest: bool = False
) -> Stage[str | bytes, Change[object]]:
    """Read JSON (RFC 8259, strictly) as it arrives.

    Without a model, values are what `json` makes of them: a `complete` carries a `dict`, `list`, `str`,
    `int`, `float`, `bool` or None. Text and UTF-8 bytes may be cut anywhere. Bad text ends the stream:
    everything before it is told, then `end` with status `failed`, then the flow raises the error.

    Args:
        max_depth: how many containers may stand inside one another.
        max_size: how many characters the whole text may have.
        ignore_rest: pass over what follows the document (a second one, a fence's end) instead of refusing it.

    Raises (when the flow is iterated):
        JsonSyntaxError: the text is not JSON; says where.
        LimitExceeded: it is too deep or too long.
    """
    limits = Limits(max_depth, max_size, ignore_rest)
    least = Stage(lambda: TextMachine(ANY, limits, least=True), "accumulate | diff", emits_changes=True, reads=limits)
    return Stage(lambda: TextMachine(ANY, limits), "accumulate", emits_changes=True, reads=limits, least=least)
