"""accumulate: read JSON text in chunks of any size -> emit what is certain so far, as changes.

in    '{"na'   'me": "Jo'          'hn"}'
out   add ""   add /name "Jo"      append /name "hn", complete /name "John", complete "", end
"""

from __future__ import annotations

from streamkit.assembly.text_machine import TextReader
from streamkit.changes.change import Change
from streamkit.flow import Stage
from streamkit.schema.nodes import ANY
from streamkit.text.limits import Limits

__all__ = ["accumulate"]


def accumulate(
    *, max_depth: int = 200, max_size: int = 32 * 1024 * 1024, ignore_rest: bool = False
) -> Stage[str | bytes, Change[object]]:
    """Read JSON (RFC 8259, strictly) as it arrives.

    Without a model, values are the same as those of `json`: a `complete` carries a `dict`, `list`, `str`, `int`,
    `float`, `bool` or None. Text and UTF-8 bytes may be split anywhere. Invalid text ends the stream: everything
    before it is emitted, then an `end` with status `failed`, then the flow raises the error.

    Args:
        max_depth: levels of nested containers. Memory grows with its square, 4 bytes for each: text that is as deep as
            allowed takes 0.2 MB with the default, 4 MB with 1,000, 400 MB with 10,000.
        max_size: length of the text in characters.
        ignore_rest: ignore text after the document (a second document, the end of a fence); by default it is an error.

    Raises (when the flow is iterated):
        JsonSyntaxError: the text is not JSON; the message says where.
        LimitExceeded: the text is nested too deeply or too long.
    """
    return TextReader(node=ANY, limits=Limits(max_depth, max_size, ignore_rest), name="accumulate").stage()
