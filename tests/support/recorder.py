"""A checker of event lists: the laws that hold of any list of changes, whatever made it.

It keeps a document of its own, in the plainest way (nothing here is shared with `streamkit.Document`),
and beside it the same document as a stock JSON Patch library sees it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, cast

import jsonpatch

from streamkit.changes.change import Change, End, Path

__all__ = ["BrokenLaw", "Recorder", "always", "check", "fold", "gather", "merged", "plain", "tidy"]


MayRevise: TypeAlias = Callable[[Path], bool]


def never(path: Path) -> bool:
    """Law 3 has no reason to take anything back."""
    return False


def always(path: Path) -> bool:
    """Leave law 3 out."""
    return True


class BrokenLaw(AssertionError):
    """An event list breaks a law; the message begins with its number."""


def broken(law: int, what: str, change: Change[object]) -> BrokenLaw:
    return BrokenLaw(f"law {law}: {what}: {change!r:.300}")


class Recorder:
    """Takes changes one by one; raises `BrokenLaw` at the first that may not come now.

    Args:
        may_revise: tells whether `replace` and `remove` may come at a path: law 3's four reasons are
            known to the test alone. By default none is.
        may_repeat: `diff` drops a `replace` that changes nothing, and passes its verdict on.

    Attributes:
        verdicts: what was said of each value that has its verdict.
        open: the values without one, in the order they appeared.
        end: the last event's value, once it came.
    """

    def __init__(self, may_revise: MayRevise = never, *, may_repeat: bool = False) -> None:
        self.verdicts: dict[Path, str] = {}
        self.open: dict[Path, None] = {}
        self.end: End | None = None
        self._may_revise, self._may_repeat = may_revise, may_repeat
        self._root: list[object] = []  # the one root, if there is one
        self._patched: object = None
        self._revised: set[Path] = set()

    @property
    def value(self) -> object:
        return self._root[0] if self._root else None

    @property
    def empty(self) -> bool:
        return not self._root

    def take(self, change: Change[object]) -> None:
        if self.end is not None:
            raise broken(6, "something came after the end", change)
        takers = {
            "add": self._add,
            "append": self._append,
            "replace": self._replace,
            "remove": self._remove,
            "complete": self._verdict,
            "invalid": self._verdict,
            "end": self._end,
        }
        if change.op not in takers:
            raise broken(3, "this op has no place in a plain stream", change)
        takers[change.op](change)

    def _add(self, change: Change[object]) -> None:
        if self._find(change.path):
            raise broken(2, "added where a value is already", change)
        if change.path:
            self._check_parent(change)
        self._put(change)

    def _check_parent(self, change: Change[object]) -> None:
        parent = self._find(change.path[:-1])
        key = change.path[-1]
        if not parent or not isinstance(parent[0], (dict, list)):
            raise broken(2, "added before its parent", change)
        if isinstance(parent[0], list) is not isinstance(key, int):
            raise broken(2, "an int is always an index, a str always a key", change)
        if isinstance(parent[0], list) and key != len(cast("list[object]", parent[0])):
            raise broken(2, "array items come in order", change)
        if change.path[:-1] in self.verdicts and not self._may_revise(change.path):
            raise broken(4, "added below a value that has its verdict", change)

    def _put(self, change: Change[object]) -> None:
        value = change.value
        if isinstance(value, (dict, list)) and value:
            raise broken(2, "a container is added empty", change)
        if not isinstance(value, (dict, list, str, int, float, bool, type(None))):
            raise broken(2, "state events speak JSON", change)
        self._patch(change.op, change.path, change.value)
        self._set(change.path, copy.copy(cast("object", value)))
        self.open[change.path] = None

    def _append(self, change: Change[object]) -> None:
        found = self._find(change.path)
        if not found:
            raise broken(2, "appended before it was added", change)
        if not isinstance(found[0], str) or not isinstance(change.value, str):
            raise broken(3, "only strings grow", change)
        if not change.value:
            raise broken(3, "an append is never empty", change)
        if change.path in self.verdicts:
            raise broken(4, "a value grew after its verdict", change)
        text = found[0] + change.value
        self._patch("replace", change.path, text)
        self._set(change.path, text)

    def _replace(self, change: Change[object]) -> None:
        self._revise(change)
        self._void(change.path)
        self._put(change)

    def _remove(self, change: Change[object]) -> None:
        self._revise(change)
        self._void(change.path)
        self._patch("remove", change.path, None)
        if not change.path:
            self._root.clear()
            return
        parent, key = self._find(change.path[:-1])[0], change.path[-1]
        if isinstance(parent, list) and key != len(cast("list[object]", parent)) - 1:
            raise broken(2, "list items are removed last first", change)
        del cast("dict[str | int, object]", parent)[key]

    def _revise(self, change: Change[object]) -> None:
        if not self._find(change.path):
            raise broken(2, f"{change.op} where nothing is", change)
        if not self._may_revise(change.path):
            raise broken(3, "taken back for no reason", change)
        self._revised.add(change.path)

    def _verdict(self, change: Change[object]) -> None:
        path = change.path
        if not self._find(path):
            raise broken(4, "a verdict of nothing", change)
        if path in self.verdicts and not (self._may_repeat and self._may_revise(path)):
            raise broken(4, "a second verdict", change)
        if path not in self.open and path not in self.verdicts:
            raise broken(4, "a verdict of what is not open", change)
        below = [other for other in self.open if other[: len(path)] == path and other != path]
        if below:
            raise broken(4, f"children close before parents, but {below[0]} is open", change)
        wrong = [other for other, said in self.verdicts.items() if said == "invalid" and other[: len(path)] == path]
        if change.op == "complete" and wrong:
            raise broken(4, f"complete around {wrong[0]}, which is invalid", change)
        self.open.pop(path, None)
        self.verdicts[path] = change.op

    def _end(self, change: Change[object]) -> None:
        end = change.value
        if change.path or not isinstance(end, End):
            raise broken(6, "an end carries an End, at the root", change)
        whole = end.status in ("complete", "invalid")
        if whole and (self.open or self.verdicts.get(()) != end.status):
            raise broken(6, f"looks finished, but the root is {self.verdicts.get(())}, open {[*self.open]}", change)
        if not whole and end.status != "failed" and () in self.verdicts:
            raise broken(6, "the root has its verdict, yet the end says otherwise", change)
        if end.open != tuple(self.open):
            raise broken(6, f"open should be {tuple(self.open)}", change)
        if (end.status == "complete") is not (end.error is None):
            raise broken(6, "an error comes with every end but a complete one", change)
        self.end = end

    def _void(self, path: Path) -> None:
        for states in (self.verdicts, self.open):
            for other in [other for other in states if other[: len(path)] == path]:
                del states[other]

    def _find(self, path: Path) -> list[object]:
        """The value at a path, in a list, or an empty list."""
        found = self._root
        for key in path:
            inside = found[0] if found else None
            if isinstance(inside, dict) and isinstance(key, str) and key in inside:
                found = [cast("dict[str, object]", inside)[key]]
            elif isinstance(inside, list) and isinstance(key, int) and key < len(cast("list[object]", inside)):
                found = [cast("list[object]", inside)[key]]
            else:
                return []
        return found[:1]

    def _set(self, path: Path, value: object) -> None:
        if not path:
            self._root[:] = [value]
            return
        parent, key = self._find(path[:-1])[0], path[-1]
        if isinstance(parent, list) and key == len(cast("list[object]", parent)):
            cast("list[object]", parent).append(value)
        else:
            cast("dict[str | int, object]", parent)[key] = value

    def _patch(self, op: str, path: Path, value: object) -> None:
        pointer = "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in path)
        operation: dict[str, object] = {"op": op, "path": pointer}
        if op != "remove":
            operation["value"] = copy.copy(value)
        try:
            self._patched = cast("object", jsonpatch.apply_patch(self._patched, [operation], in_place=True))
        except jsonpatch.JsonPatchException as error:
            raise BrokenLaw(f"law 2: JSON Patch refuses {operation!r:.200}: {error}") from error

    def finish(self) -> None:
        """Check what can only be told at the end."""
        if self.end is None:
            raise BrokenLaw("law 6: no end came")
        if not self.empty and plain(self._patched) != plain(self.value):
            raise BrokenLaw(f"law 2: as JSON Patch it is {self._patched!r:.200}, not {self.value!r:.200}")


def check(events: Iterable[Change[object]], may_revise: MayRevise = never, *, may_repeat: bool = False) -> Recorder:
    """Check a whole event list against laws 2, 3, 4 and 6; return what it adds up to."""
    recorder = Recorder(may_revise, may_repeat=may_repeat)
    for change in events:
        recorder.take(change)
    recorder.finish()
    return recorder


def fold(events: Iterable[Change[object]]) -> object:
    """What a list of changes adds up to, without a check."""
    recorder = Recorder(always, may_repeat=True)
    for change in events:
        recorder.take(change)
    return recorder.value


def plain(value: object) -> object:
    """A JSON value in a form whose `==` is JSON's: `1` is `1.0`, but is not `true`."""
    if isinstance(value, Mapping):
        return {key: plain(child) for key, child in cast("Mapping[str, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return [plain(child) for child in cast("Sequence[object]", value)]
    return ("bool", value) if isinstance(value, bool) else value


def merged(events: Iterable[Change[object]]) -> list[Change[object]]:
    """Events with each string's text in one piece: what law 1 compares."""
    out: list[Change[object]] = []
    for change in events:
        last = out[-1] if out else None
        grows = change.op == "append" and last is not None and last.path == change.path
        if grows and last is not None and last.op in ("add", "replace", "append"):
            out[-1] = Change(last.op, last.path, cast("str", last.value) + cast("str", change.value))
        else:
            out.append(change)
    return out


def tidy(events: Iterable[Change[object]]) -> list[tuple[object, ...]]:
    """Events in a form in which all that a consumer can see is compared: types of values, errors' words."""
    return [(change.op, change.path, _seen(change)) for change in merged(events)]


def _seen(change: Change[object]) -> object:
    value = change.value
    if isinstance(value, End):
        error = value.error
        where = [getattr(error, name, None) for name in ("path", "offset", "line", "column", "reason")]
        return value.status, value.open, type(error), str(error), where, value.finish_reason
    if change.op == "invalid":
        return [
            (error["type"], error["loc"], error["msg"], repr(error["input"]))
            for error in cast("list[dict[str, object]]", value)
        ]
    return type(value), repr(value)


def gather(flow: Iterable[Change[object]]) -> list[Change[object]]:
    """All events of a flow. What it raises must be what a last `end` with status `failed` told."""
    out: list[Change[object]] = []
    changes = iter(flow)
    while True:
        try:
            out.append(next(changes))
        except StopIteration:
            return out
        except Exception as error:
            end = out[-1].value if out else None
            if not isinstance(end, End) or end.status != "failed" or end.error is not error:
                raise BrokenLaw(f"law 6: raised without a failed end: {error!r}; last came {out[-1:]!r}") from error
            return out
