"""validate: convert changes of JSON to typed changes of a pydantic model; each value is checked when it closes.

in    add /age 25, complete /age 25       add /when "2024", append /when "-03-15", complete /when
out   add /age 25, complete /age 25       add /when "2024-03-15", complete /when date(2024, 3, 15)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from json import dumps
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from streamkit.assembly.text_machine import TextMachine, TextReader, reader_before
from streamkit.changes.change import Change, Dropped, End, Finish, Path
from streamkit.flow import Reason, Stage
from streamkit.schema.compile import Options, compile_type, type_name
from streamkit.text.limits import Limits

if TYPE_CHECKING:
    from streamkit.flow import AnyStage, Planner

__all__ = ["validate"]

ModelT = TypeVar("ModelT")


def validate(
    model: type[ModelT],
    *,
    on_invalid: Literal["emit", "raise", "drop"] = "emit",
    strict: bool | None = None,
    context: object = None,
    eager_literals: bool = False,
    exact_numbers: bool = False,
) -> Stage[Change[Any], Change[ModelT]]:
    """Validate each value in JSON mode when it closes, and build the model from the finished values.

    `add`, `append` and `replace` then describe the model's fields, in the JSON form that the model dumps. `complete`
    carries typed values; at the root, the model itself. Plain strings stream; values of other types are emitted when
    they are complete. No value is validated twice.

    Args:
        model: a pydantic model, or any type that `pydantic.TypeAdapter` accepts.
        on_invalid: what to do with invalid values.
            `"emit"` emits an `invalid` change and continues.
            `"raise"` ends the stream there, with status `failed` and an `InvalidResult`.
            `"drop"` drops invalid list items, as if the document did not contain them. Items are emitted when they
            are complete. For each dropped item, an `invalid` is emitted at the list's path; its `loc` has the item's
            index in the document.
            A field may choose for itself, with `Stream`.
        strict: as in `Model.model_validate_json`: no conversions except those that JSON needs.
        context: passed to validators as `info.context`.
        eager_literals: emit a `Literal` or `Enum` as soon as its beginning fits only one candidate. If the text then
            continues differently, the value is replaced, and invalid.
        exact_numbers: give a `Decimal` a number's digits as written, without converting them to a float first.
            Only directly after `accumulate()`, which has the text.

    Raises:
        ValueError: an unknown `on_invalid`; or `exact_numbers` with an operator between.
        TypeError: pydantic cannot use the type.
    """
    if on_invalid not in ("emit", "raise", "drop"):
        raise ValueError(f"on_invalid is 'emit', 'raise' or 'drop', got {on_invalid!r}")
    options = Options(exact_numbers=exact_numbers, strict=strict, eager_literals=eager_literals, on_invalid=on_invalid)
    name = f"validate({type_name(model)})"
    reader = TextReader(
        node=compile_type(model, options),
        limits=Limits(),
        name=f"accumulate | {name}",
        model=model,
        context=context,
        whole=not exact_numbers,
        on_invalid=on_invalid,
    )

    def stage(reader: TextReader, plan: Planner | None = None) -> AnyStage:
        return Stage(lambda: _Validate(reader.machine()), name, model=model, emits_changes=True, plan=plan)

    def plan(before: Sequence[AnyStage], this: AnyStage) -> Sequence[AnyStage]:
        text = next(filter(None, map(_untyped_reader, reversed(before))), None)
        if text is None:
            return (*before, this)
        along_model = replace(reader, limits=text.limits)
        if _untyped_reader(before[-1]) is not None:
            return (*before[:-1], along_model.stage())
        if exact_numbers:
            raise ValueError(
                f"exact_numbers needs the text itself, and {name} is after {before[-1].name}: "
                "put validate() directly after accumulate()"
            )
        return (*before, stage(along_model))

    return cast("Stage[Change[Any], Change[ModelT]]", stage(reader, plan))


def _untyped_reader(stage: AnyStage) -> TextReader | None:
    """The reader of a stage that reads text without a model."""
    reader = reader_before([stage])
    return None if reader is None or reader.typed else reader


class _Validate:
    """Encodes the changes of a document as JSON text again, and reads that along the model."""

    def __init__(self, machine: TextMachine) -> None:
        self._machine = machine
        self._open: list[tuple[Path, str]] = []  # values without a verdict, and how their text ends
        self._counts: list[int] = []  # the number of children of each open container

    @property
    def finished(self) -> bool:
        return self._machine.finished

    @property
    def error(self) -> Exception | None:
        return self._machine.error

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
        return self._machine.feed(self._text(op, path, value))

    def close(self, reason: Reason, /) -> Sequence[Change[object]]:
        return self._machine.close(reason)

    def _text(self, op: str, path: Path, value: object) -> str:
        if op == "add" or op == "replace":
            return self._separator(path) + self._begin(path, value)
        if op == "append":
            return encode_basestring(cast("str", value))[1:-1]
        if op == "complete" or op == "invalid":
            return self._end(path)
        if op == "snapshot":
            raise ValueError(
                "validate() needs the document from its beginning, and got a snapshot: subscribe to the hub before it "
                "discards changes (share(..., retain=None)), or make it wait (policy='suspend')"
            )
        raise ValueError(f"validate() cannot read {op!r}: put it directly after accumulate()")

    def _separator(self, path: Path) -> str:
        """The comma and the key before a value."""
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
            # The text after a number ends it: here a space. JSON cannot express infinity: it is a number that was too
            # large for a float, so write one.
            text = dumps(value).replace("Infinity", "1e999") + " "
        self._open.append((path, text[-1]))
        return text[:-1]

    def _end(self, path: Path) -> str:
        """A verdict ends its value's text. The value it carries is ignored: it may be any Python object."""
        if not self._open or self._open[-1][0] != path:
            return ""  # a repeated verdict
        _, text = self._open.pop()
        if text in "}]":
            self._counts.pop()
        return text
