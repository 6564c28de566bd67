"""`Stage`, `Pipeline` and `Flow`: what `|` builds.

    stage    | stage     ->  Pipeline   reusable, without a source
    source   | stage     ->  Flow       cold: iterating it again runs it again, if its source can be read again
    flow     | stage     ->  Flow
    flow     | callable  ->  what the callable returns for an async iterable (aiostream's pipes)

A flow holds a source and stages. Nothing runs until it is iterated, and every iteration makes fresh machines.
The classes share this file because each `|` of one builds another.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import TYPE_CHECKING, Any, Generic, Never, TypeAlias, TypeVar, cast, overload

from typing_extensions import TypeVar as DefaultTypeVar

from streamkit.changes.change import Change
from streamkit.errors import StreamkitError
from streamkit.flow.batch_source import has_batches
from streamkit.flow.fused import Fused
from streamkit.flow.misuse import is_stage_function, raise_not_called, source_hint
from streamkit.flow.planning import plan_stages, run_stages
from streamkit.flow.result import ResultCollector
from streamkit.flow.run import Batches, Pump, async_items_of, items_of, run_sync
from streamkit.flow.scopes import RunScopes, note_closing_error

if TYPE_CHECKING:
    from types import TracebackType

    from streamkit.flow.machine import Machine

__all__ = ["AnyStage", "Flow", "Pipeline", "Planner", "Source", "Stage", "Through", "ToChanges", "ToRoot"]

InT = TypeVar("InT", contravariant=True)
OutT = TypeVar("OutT", covariant=True)
T = TypeVar("T")
S = TypeVar("S")
RootT = DefaultTypeVar("RootT", default=object)

Source = AsyncIterable[T] | Iterable[T]
AnyStage: TypeAlias = "Stage[Never, object]"
Planner: TypeAlias = "Callable[[Sequence[AnyStage], AnyStage], Sequence[AnyStage]]"
"""Gets the stages before a stage and the stage itself; returns the stages to run. It may also raise, to check them."""


class Pipeline(Generic[InT, OutT]):
    """Stages in a row, without a source. It is reusable, and callable with a source like aiostream's pipes."""

    def __init__(self, stages: Sequence[AnyStage]) -> None:
        self._stages = tuple(stages)
        self._plan = plan_stages(self._stages)

    def __repr__(self) -> str:
        return " | ".join(stage.name for stage in self._stages)

    @property
    def stages(self) -> tuple[AnyStage, ...]:
        """The stages, first to last, as they were written."""
        return self._stages

    @property
    def model(self) -> object:
        """The type that the last typed stage validates against; None if there is none."""
        return next((stage.model for stage in reversed(self._stages) if stage.model is not None), None)

    @overload
    def __or__(self, after: Through) -> Pipeline[InT, OutT]: ...
    @overload
    def __or__(self: Pipeline[InT, Change[RootT]], after: ToChanges) -> Pipeline[InT, Change[RootT]]: ...
    @overload
    def __or__(self: Pipeline[InT, Change[RootT]], after: ToRoot) -> Pipeline[InT, RootT]: ...
    @overload
    def __or__(self, after: Pipeline[OutT, T]) -> Pipeline[InT, T]: ...
    def __or__(self, after: Pipeline[Any, Any]) -> Pipeline[InT, Any]:
        if not isinstance(after, Pipeline):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            if isinstance(after, (Iterable, AsyncIterable)):
                raise TypeError(f"{self!r} must come after its source: write source | {self!r}")
            return NotImplemented
        return Pipeline((*self._stages, *after.stages))

    def __ror__(self, source: AsyncIterable[InT] | Iterable[InT]) -> Flow[OutT]:
        return Flow(source, self._stages)

    def __call__(self, source: AsyncIterable[InT] | Iterable[InT]) -> Flow[OutT]:
        """Return the flow of a source through these stages, as `source | pipeline` does."""
        return Flow(source, self._stages)

    def start(self) -> Fused:
        """Start a run that you feed yourself, for code with its own way to read a source.

        `feed_batch(items)` returns the outputs, `close(reason)` the last ones. Then raise `error`, if it is set.
        Stages that wait (those with a pump) run by their machine.
        """
        return Fused(self._plan)


class Stage(Pipeline[InT, OutT]):
    """One operator: a name, and a function that makes the machine for one run.

    Args:
        make_machine: called once for each run; see `streamkit.flow.Machine`.
        name: for error notes and `repr`; by default the name of `make_machine`.
        model: the type of the values that the stage emits, if it knows it.
        emits_changes: whether the stage emits `Change`s; None if it emits what it receives.
        plan: how to run this stage after others; by default it runs by itself.
        pump: for an operator that waits: converts an async generator of batches to another. The machine is used only
            under a plain `for`, where nothing can wait.
        reader: for a stage that reads text, its settings, for the plans of later stages.
    """

    def __init__(
        self,
        make_machine: Callable[[], Machine[InT, OutT]],
        name: str | None = None,
        *,
        model: object = None,
        emits_changes: bool | None = None,
        plan: Planner | None = None,
        pump: Pump | None = None,
        reader: object = None,
    ) -> None:
        if not callable(make_machine):
            raise TypeError(f"Stage() takes a function that makes a machine for each run, got {make_machine!r:.80}")
        self.make_machine = cast("Callable[[], Machine[object, object]]", make_machine)
        self.name = name or str(getattr(make_machine, "__name__", "stage"))
        self._model, self.emits_changes, self.plan, self.pump, self.reader = model, emits_changes, plan, pump, reader
        super().__init__((self,))

    @property
    def model(self) -> object:
        return self._model


class Through(Stage[Any, Any]):
    """A stage that emits the same item type it receives; a class of its own so that type checkers know."""

    def __ror__(self, source: AsyncIterable[T] | Iterable[T]) -> Flow[T]:
        if isinstance(source, Pipeline):
            return NotImplemented  # Python asks a subclass first; `Pipeline.__or__` composes them
        return Flow(source, self.stages)

    def __call__(self, source: AsyncIterable[T] | Iterable[T]) -> Flow[T]:
        return Flow(source, self.stages)


class ToChanges(Stage[object, Change[object]]):
    """A stage that converts any items to changes, and changes to changes of the same root type."""

    @overload
    def __ror__(self, source: AsyncIterable[Change[RootT]] | Iterable[Change[RootT]]) -> Flow[Change[RootT]]: ...
    @overload
    def __ror__(self, source: AsyncIterable[object] | Iterable[object]) -> Flow[Change[object]]: ...
    def __ror__(self, source: AsyncIterable[Any] | Iterable[Any]) -> Flow[Change[Any]]:
        if isinstance(source, Pipeline):
            return NotImplemented  # as in Through
        return Flow(source, self.stages)


class ToRoot(Stage[Change[Any], Any]):
    """A stage that converts changes to values of their root's type."""

    def __ror__(self, source: AsyncIterable[Change[RootT]] | Iterable[Change[RootT]]) -> Flow[RootT]:
        if isinstance(source, Pipeline):
            return NotImplemented  # as in Through
        return Flow(source, self.stages)


class Flow(Generic[OutT]):
    """A source and the stages it goes through.

    Iterate it with `async for`, or with `for` if the source is a plain iterable. `async with flow as items:` (or
    `with`) closes everything as soon as the block is left. Without it, a loop that you leave early closes an async
    source only when Python collects the iterator. A flow that was entered but never iterated has not touched its
    source: it was neither opened nor closed.
    """

    def __init__(self, source: Source[object], stages: Sequence[AnyStage] = (), *, batched: bool = False) -> None:
        if isinstance(source, (str, bytes, bytearray, memoryview)):
            source = (source,)
        if isinstance(source, Mapping) or not isinstance(source, (AsyncIterable, Iterable)):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            hint = source_hint(cast("object", source))
            raise TypeError(
                f"cannot stream from {source!r:.80}: expected an iterable or async iterable of chunks{hint}"
            )
        self._source, self._stages, self._batched = source, tuple(stages), batched
        self._plan = _plan_for(source, self._stages)
        self._started = _Started()
        self._scopes: RunScopes[Generator[object, None, None]] = RunScopes()
        self._async_scopes: RunScopes[Batches] = RunScopes()

    def __repr__(self) -> str:
        return " | ".join([f"<{type(self._source).__name__}>", *(stage.name for stage in self._stages)])

    @property
    def model(self) -> object:
        """The type that the last typed stage validates against; None if there is none."""
        known = next((stage.model for stage in reversed(self._stages) if stage.model is not None), None)
        return _model_of(self._source) if known is None else known

    @property
    def can_run_again(self) -> bool:
        """Whether its source can be read more than once: a list can, a generator cannot."""
        source = self._source
        return source.can_run_again if isinstance(source, Flow) else not isinstance(source, (Iterator, AsyncIterator))

    @overload
    def __or__(self, after: Through) -> Flow[OutT]: ...
    @overload
    def __or__(self: Flow[Change[RootT]], after: ToChanges) -> Flow[Change[RootT]]: ...
    @overload
    def __or__(self: Flow[Change[RootT]], after: ToRoot) -> Flow[RootT]: ...
    @overload
    def __or__(self, after: Pipeline[OutT, T]) -> Flow[T]: ...
    @overload
    def __or__(self, after: Callable[[AsyncIterable[OutT]], T]) -> T: ...
    def __or__(self, after: Pipeline[Any, Any] | Callable[[AsyncIterable[OutT]], S]) -> Flow[Any] | S:
        if isinstance(after, Pipeline):
            flow: Flow[Any] = Flow(self._source, (*self._stages, *after.stages))
            return self._share_start(flow)
        if callable(after):
            return after(self) if not is_stage_function(after) else raise_not_called(after)
        if hasattr(after, "feed") and hasattr(after, "close"):
            name = type(after).__name__
            raise TypeError(f"{name} is a machine: write | Stage({name}), which makes one for each run")
        return NotImplemented

    def batches(self) -> Flow[Sequence[OutT]]:
        """Return the same flow in batches: all outputs of one chunk as one sequence."""
        flow: Flow[Sequence[OutT]] = Flow(self._source, self._stages, batched=True)
        return self._share_start(flow)

    async def result(self: Flow[Change[RootT]]) -> RootT:
        """Run the flow to its end and return the value of the root's `complete`.

        Raises:
            StreamkitError: the stream did not end `complete`; `.partial` has the JSON value so far.
        """
        collector = ResultCollector()
        async with self.batches() as batches:
            async for batch in batches:
                collector.add(batch)
        return cast("RootT", collector.result())

    def result_sync(self: Flow[Change[RootT]]) -> RootT:
        """`result` for a flow over a plain iterable, without an event loop."""
        collector = ResultCollector()
        with self.batches() as batches:
            for batch in batches:
                collector.add(batch)
        return cast("RootT", collector.result())

    def __iter__(self) -> Iterator[OutT]:
        return cast("Iterator[OutT]", self._run_sync())

    def __aiter__(self) -> AsyncIterator[OutT]:
        return cast("AsyncIterator[OutT]", self._run_async())

    def __enter__(self) -> Iterator[OutT]:
        return cast("Iterator[OutT]", self._scopes.enter(self._run_sync()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with note_closing_error(error):
            self._scopes.leave().close()

    async def __aenter__(self) -> AsyncIterator[OutT]:
        return cast("AsyncIterator[OutT]", self._async_scopes.enter(cast("Batches", self._run_async())))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with note_closing_error(error):
            await self._async_scopes.leave().aclose()

    def _start(self) -> None:
        """Refuse to read a one-time source again: it would look empty."""
        if self._started.yes and not self.can_run_again:
            raise StreamkitError(
                f"{self!r} was run before, and its source can be read only once: read everything in one loop, or use a "
                "source that can start again, such as a list"
            )
        self._started.yes = True

    def _share_start(self, flow: Flow[T]) -> Flow[T]:
        """Make another flow over this source start together with this one: what one reads, the other cannot."""
        flow._started = self._started
        return flow

    def _run_sync(self) -> Generator[object, None, None]:
        if not isinstance(self._source, Iterable):
            raise TypeError(f"{self!r} has an async source: write 'async for' or 'await ....result()', not 'for'")
        self._start()
        batches = run_sync(self._source, self._plan, of_changes=_model_of(self._source) is not None)
        return batches if self._batched else items_of(batches)

    def _run_async(self) -> AsyncGenerator[object, None]:
        self._start()
        batches = run_stages(self._source, self._plan, of_changes=_model_of(self._source) is not None)
        return batches if self._batched else async_items_of(batches)


class _Started:
    """Whether a source was read; shared by all flows over it."""

    yes = False


def _plan_for(source: object, stages: Sequence[AnyStage]) -> Sequence[AnyStage]:
    """Plan the stages. If the source knows its model, they see it as a stage before them, which does not run."""
    model = _model_of(source)
    if model is None:
        return plan_stages(stages)
    return plan_stages(stages, after=[Stage(_no_machine, "source", model=model, emits_changes=True)])


def _no_machine() -> Machine[object, object]:
    raise AssertionError("a source has no machine")


def _model_of(source: object) -> object:
    """The root type of a source's changes, if the source knows it."""
    if isinstance(source, Flow) or has_batches(source):
        return source.model
    # The `model` of a run, and of some other sources, is the name of a language model.
    return getattr(source, "response_model", None)
