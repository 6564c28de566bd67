"""agui: changes as events of the Agent User Interaction protocol, AG-UI 1.0.

    changes   add {}, add /name "Jo"                  append /name "hn", complete /name      end
    events    RUN_STARTED, STATE_SNAPSHOT {"name":..} STATE_DELTA [replace /name "John"]     RUN_FINISHED

The document is the agent's state. Whatever AG-UI has no place for is in the `metadata` of an event, under the key
`streamkit`; all paths there are JSON Pointers:

| member | meaning |
|---|---|
| `seq` | how many changes all events up to this one stand for |
| `complete` | a list: these values are final and valid |
| `invalid` | pointer to errors: these values are final and invalid |
| `dropped` | a list of [pointer, errors]: an item of that list was dropped |
| `reset` | the number of the attempt that begins: every verdict from before is void |
| `status`, `open`, `finish_reason` | of the last event alone: how the stream ended |

A snapshot voids all verdicts before it and carries those that hold. An operation of a delta voids the verdicts at and
below its path; then those in the metadata of the same event hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

from streamkit.changes.change import Change, Dropped, End, Path, to_pointer
from streamkit.changes.write_json import finite, plain_errors
from streamkit.wire.json_patch import JsonPatchEncoder, Operation
from streamkit.wire.lines import to_sse

__all__ = ["AguiEncoder"]

Event = dict[str, object]
_VERSION = "1.0"


class AguiEncoder:
    """Encodes batches of changes as the events of one run.

    AG-UI cannot append to a string: each batch sends each string that grew in full. Merge batches before
    (`throttle(1 / 30)`) to send less.

    Args:
        thread_id: the `threadId` that the client sent.
        run_id: the `runId` that the client sent.
    """

    def __init__(self, thread_id: str, run_id: str) -> None:
        self._run: Event = {"threadId": thread_id, "runId": run_id}
        self._patches = JsonPatchEncoder()
        self._seq = 0
        self._attempt = 1
        self._started = self._has_state = False

    def encode(self, batch: Sequence[Change[Any]], seq: int | None = None) -> bytes:
        """Return the events of a batch as Server-Sent Events; perhaps none. See `events`."""
        return b"".join(map(to_sse, self.events(batch, seq)))

    def events(self, batch: Sequence[Change[Any]], seq: int | None = None) -> list[Event]:
        """Return the events of a batch as JSON values.

        The first batch starts the run. An `end` finishes it: with outcome `success` if the status is `complete`, with
        outcome `cancelled` if it is that, else with `RUN_ERROR`, whose `code` is the status.

        Args:
            batch: the next changes of one stream.
            seq: how many changes the stream had up to the end of this batch, as a hub counts them; by default those
                that this encoder was given.

        Raises:
            ValueError: a change does not fit the document: it is not the first of its stream, or some were left out.
        """
        out: list[Event] = []
        if not self._started:
            self._started = True
            metadata = {"streamkit": {"seq": self._seq}}
            out.append({"type": "RUN_STARTED", **self._run, "protocolVersion": _VERSION, "metadata": metadata})
        self._seq = self._seq + len(batch) if seq is None else seq
        out += self._state(batch, self._patches.operations(batch))
        if batch and batch[-1].op == "end":
            out.append(self._finish(cast("End", batch[-1].value)))
        return out

    def _state(self, batch: Sequence[Change[Any]], delta: list[Operation]) -> list[Event]:
        document = self._patches.document
        again = any(change.op == "snapshot" for change in batch) or any(map(_is_banned, batch))
        if again or (document.has(()) and not self._has_state):
            self._has_state = True
            verdicts = self._verdicts(dict.fromkeys(document.paths()))
            metadata = self._metadata(batch, verdicts)
            return [{"type": "STATE_SNAPSHOT", "snapshot": finite(document.value), "metadata": metadata}]
        # Text is appended by an operation that replaces, which voids: a verdict from before is said again.
        touched = dict.fromkeys(change.path for change in batch if change.op in ("complete", "invalid", "append"))
        metadata = self._metadata(batch, self._verdicts(touched))
        if not delta and metadata["streamkit"].keys() == {"seq"}:
            return []
        return [{"type": "STATE_DELTA", "delta": delta, "metadata": metadata}]

    def _metadata(self, batch: Sequence[Change[Any]], verdicts: Event) -> dict[str, dict[str, object]]:
        said: dict[str, object] = {"seq": self._seq, **verdicts}
        dropped = [[c.pointer, plain_errors(c.value)] for c in batch if isinstance(c, Dropped)]
        if dropped:
            said["dropped"] = dropped
        resets = sum(change.op == "reset" for change in batch)
        if resets:
            self._attempt += resets
            said["reset"] = self._attempt
        return {"streamkit": said}

    def _verdicts(self, paths: dict[Path, None]) -> Event:
        """The verdicts that hold at the end of a batch, of those paths that may have got one."""
        document, out = self._patches.document, dict[str, object]()
        states = [(path, document.state(path)) for path in paths if document.has(path)]
        if complete := [to_pointer(path) for path, state in states if state == "complete"]:
            out["complete"] = complete
        if invalid := [path for path, state in states if state == "invalid"]:
            out["invalid"] = {to_pointer(path): plain_errors(document.errors(path)) for path in invalid}
        return out

    def _finish(self, end: End) -> Event:
        paths = [to_pointer(path) for path in end.open]
        said = {"seq": self._seq, "status": end.status, "open": paths, "finish_reason": end.finish_reason}
        metadata = {"streamkit": said}
        if end.status in ("complete", "cancelled"):
            outcome = {"type": "success" if end.status == "complete" else "cancelled"}
            return {"type": "RUN_FINISHED", **self._run, "outcome": outcome, "metadata": metadata}
        message = str(end.error) if end.error is not None else f"the stream ended as {end.status}"
        return {"type": "RUN_ERROR", "message": message, "code": end.status, "metadata": metadata}


def _is_banned(change: Change[Any]) -> bool:
    """Whether the client's JSON Patch library refuses the path, to protect JavaScript's prototypes."""
    path = change.path
    return change.op in ("add", "append", "replace", "remove") and (
        "__proto__" in path or ("constructor", "prototype") in pairwise(path)
    )
