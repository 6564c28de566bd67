"""validate: changes of JSON -> typed changes of a pydantic model, each value checked when it closes.

in    add /age 25, complete /age 25       add /when "2024", append /when "-03-15", complete /when
out   add /age 25, complete /age 25       add /when "2024-03-15", complete /when date(2024, 3, 15)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from json import dumps
from json.encoder import encode_basestring
from typing import Any, Literal, TypeVar, cast

from streamkit.assembly.text_machine import TextMachine
from streamkit.changes.change import Change, Dropped, End, Finish, Path
from streamkit.flow import AnyStage, Machine, Reason, Stage
from streamkit.schema.compile import Options, compile_type, type_name
from streamkit.text.limits import Limits

__all__ = ["validate"]

ModelT = TypeVar("ModelT")


def validate(  # settings, each with its default
    model: type[ModelT],
    *,
    on_invalid: Literal["emit", "raise", "drop"] = "emit",
    strict: bool | None = None,
    context: object = None,
    eager_literals: bool = False,
    exact_numbers: bool = False,
) -> Stage[Change[Any], Change[ModelT]]:
    """Validate each value in JSON mode when it closes, and build the model from what is finished.

    `add`, `append` and `replace` then speak of the model's fields, in the JSON form that the model dumps;
    `complete` carries typed values, at the root the model itself. Plain strings stream; values of other
    types appear when they are whole. No value is validated twice.

    Args:
        model: a pydantic model, or any type that `pydantic.TypeAdapter` takes.
        on_invalid: `"emit"` tells of a wrong value by an `invalid` and goes on; `"raise"` ends the stream
            there, with status `failed` and an `InvalidResult`; `"drop"` leaves out list items that are not
            valid, as if the document did not have them: items appear when they are whole, and for each one
            left out an `invalid` comes at the list's path, with its index in the document in `loc`.
            A field may choose for itself, by `Stream`.
        strict: as in `Model.model_validate_json`: no conversions but those that JSON needs.
        context: what validators find in `info.context`.
        eager_literals: tell a `Literal` or `Enum` as soon as its beginning leaves one candidate. Should the
            text then go on otherwise, it is replaced, and invalid.
        exact_numbers: a `Decimal` gets a number's digits as they were written, not by way of a float.
            Only right behind `accumulate()`, where the text is at hand.

    Raises:
        ValueError: another word for `on_invalid`; `exact_numbers` with another operator in between.
        TypeError: pydantic can make nothing of the type.
    """
    if on_invalid not in ("emit", "raise", "drop"):
        raise ValueError(f"on_invalid is 'emit', 'raise' or 'drop', got {on_invalid!r}")
    options = Options(exact_numbers=exact_numbers, strict=strict, eager_literals=eager_literals, on_invalid=on_invalid)
    node = compile_type(model, options)

    def machine(limits: Limits, *, least: bool = False) -> TextMachine:
        return TextMachine(node, limits, context=context, whole=not exact_numbers, on_invalid=on_invalid, least=least)

    def stage(name: str, make: Callable[[], Machine[Any, Change[object]]], least: AnyStage | None = None) -> AnyStage:
        return Stage(make, name, model=model, emits_changes=True, least=least)

    def plan(before: Sequence[AnyStage], me: AnyStage) -> Sequence[AnyStage]:
        limits = next((each.reads for each in reversed(before) if isinstance(each.reads, Limits)), None)
        if limits is None:
            return (*before, me)
        if not isinstance(before[-1].reads, Limits):
            if exact_numbers:
                raise ValueError("exact_numbers needs the text itself: put validate() right behind accumulate()")
            return (*before, stage(name, lambda: _Retold(machine(limits))))
        # Right behind accumulate: read the text once, along the model. No second attempt can come from one
        # text, so what diff would do there is done on the way, too.
        least = stage(f"accumulate | {name} | diff", lambda: machine(limits, least=True))
        return (*before[:-1], stage(f"accumulate | {name}", lambda: machine(limits), least))

    name = f"validate({type_name(model)})"
    unfused = Stage(lambda: _Retold(machine(Limits())), name, model=model, emits_changes=True, plan=plan)
    return cast("Stage[Change[Any], Change[ModelT]]", unfused)


class _Retold:
    """Changes of a JSON document, written as JSON text again and read along the model."""

    def __init__(self, reader: TextMachine) -> None:
        self._reader = reader
        self._open: list[tuple[Path, str]] = []  # what has no verdict yet, and what its text ends with
        self._counts: list[int] = []  # of the children of each open container

    @property
    def finished(self) -> bool:
        return self._reader.finished

    @property
    def error(self) -> Exception | None:
        return self._reader.error

    def feed(self, change: Change[object], /) -> Sequence[Change[object]]:
        if not isinstance(change, Change):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise TypeError(
                f"validate() takes changes, got {change!r:.80}; write accumulate() | validate(...) or extract(...)"
            )
        op, path, value = change
        if isinstance(change, Dropped):
            return ()
        if op == "end":
            end = cast("End", value)
            refusal = str(end.error) if end.status == "refused" else None
            failed = end.error if end.status == "failed" else None
            return self.close(failed or Finish(end.finish_reason, refusal=refusal))
        return self._reader.feed(self._text(op, path, value))

    def close(self, reason: Reason, /) -> Sequence[Change[object]]:
        return self._reader.close(reason)

    def _text(self, op: str, path: Path, value: object) -> str:
        if op == "add" or op == "replace":
            return self._before(path) + self._begin(path, value)
        if op == "append":
            return encode_basestring(cast("str", value))[1:-1]
        if op == "complete" or op == "invalid":
            return self._end(path)
        if op == "snapshot":
            raise ValueError(
                "validate() reads a document from its beginning, and got a snapshot: join the hub before that is "
                "forgotten (share(..., retain=None)), or have it wait (policy='suspend')"
            )
        raise ValueError(f"validate() cannot take {op!r}: it stands right behind accumulate()")

    def _before(self, path: Path) -> str:
        if not self._counts:
            return ""
        comma = "," if self._counts[-1] else ""
        self._counts[-1] += 1
        return f"{comma}{encode_basestring(key)}:" if isinstance(key := path[-1], str) else comma

    def _begin(self, path: Path, value: object) -> str:
        if isinstance(value, (dict, list)):
            self._counts.append(0)
            text = "{}" if isinstance(value, dict) else "[]"
        elif isinstance(value, str):
            text = encode_basestring(value)
        else:
            # A number ends with what follows. JSON has no word for infinity: what became it was too large for a float.
            text = dumps(value).replace("Infinity", "1e999") + " "
        self._open.append((path, text[-1]))
        return text[:-1]

    def _end(self, path: Path) -> str:
        """The verdict of a value is its end; what it carries may be any Python value."""
        if not self._open or self._open[-1][0] != path:
            return ""  # a verdict told again
        _, text = self._open.pop()
        if text in "}]":
            self._counts.pop()
        return text
