"""`Stage`, `Pipeline`, `Flow`: what `|` makes.

    stage    | stage     ->  Pipeline   reusable, without a source
    source   | stage     ->  Flow       cold: iterating it again runs it again, if its source can
    flow     | stage     ->  Flow
    flow     | callable  ->  whatever the callable makes of an async iterable (aiostream's pipes)

A flow holds a source and stages, nothing that runs: every iteration makes fresh machines.
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
from contextlib import aclosing
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Never,
    TypeAlias,
    TypeVar,
    cast,
    overload,
)

from typing_extensions import TypeVar as DefaultTypeVar

from streamkit.changes.change import Change
from streamkit.errors import StreamkitError
from streamkit.flow.batch_source import has_batches
from streamkit.flow.fused import Fused
from streamkit.flow.misuse import forgot_to_call, makes_stages, meant
from streamkit.flow.outcome import Outcome
from streamkit.flow.own_batches import AsyncOwnBatches, OwnBatches
from streamkit.flow.run import Batches, Pump, run_async, run_batches, run_sync
from streamkit.flow.scopes import RunScopes, noted

if TYPE_CHECKING:
    from types import TracebackType

    from streamkit.flow.machine import Machine

__all__ = [
    "AnyStage",
    "Flow",
    "Pipeline",
    "Planner",
    "Source",
    "Stage",
    "Through",
    "ToChanges",
    "ToRoot",
    "batched",
]

InT = TypeVar("InT", contravariant=True)
OutT = TypeVar("OutT", covariant=True)
T = TypeVar("T")
S = TypeVar("S")
RootT = DefaultTypeVar("RootT", default=object)

Source = AsyncIterable[T] | Iterable[T]
AnyStage: TypeAlias = "Stage[Never, object]"
Planner: TypeAlias = "Callable[[Sequence[AnyStage], AnyStage], Sequence[AnyStage]]"
"""Given the stages before it and itself, how a stage would have them run; for fusing, and to learn the model."""


class Pipeline(Generic[InT, OutT]):
    """Stages in a row, without a source; reusable, and callable with a source like aiostream's pipes."""

    def __init__(self, stages: Sequence[AnyStage]) -> None:
        self._stages = tuple(stages)
        self._plan = _planned(self._stages)

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
                raise TypeError(f"{self!r} stands behind its source, not before it: write source | {self!r}")
            return NotImplemented
        return Pipeline((*self._stages, *after.stages))

    def __ror__(self, source: AsyncIterable[InT] | Iterable[InT]) -> Flow[OutT]:
        return Flow(source, self._stages)

    def __call__(self, source: AsyncIterable[InT] | Iterable[InT]) -> Flow[OutT]:
        """The flow of a source through these stages: the same as `source | pipeline`."""
        return Flow(source, self._stages)

    def start(self) -> Fused:
        """Begin a run that is fed by hand: for what reads a source in its own way. Stages that wait do not.

        `feed_batch(items)` returns what comes out, `close(reason)` the rest; `error` is then to be raised.
        """
        return Fused(self._plan)


class Stage(Pipeline[InT, OutT]):
    """One operator: a name, and how to make the machine that does the work in one run.

    Args:
        make_machine: called once for each run; see `streamkit.flow.Machine`.
        name: for error notes and `repr`; by default what `make_machine` is called.
        model: the type whose values the stage emits, where it knows one.
        emits_changes: whether `Change`s come out; None if whatever comes in comes out.
        plan: how to run this stage after others, where it is not simply behind them.
        pump: for an operator that waits: takes the batches before it, gives batches; the machine serves
            where nothing can wait, under a plain `for`.
        reads: for a stage that reads text, its settings; one behind it may then read the text itself.
        least: the same stage, telling the least changes: runs in place of both where `diff` follows.
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
        reads: object = None,
        least: AnyStage | None = None,
    ) -> None:
        if not callable(make_machine):
            raise TypeError(
                f"a Stage takes what makes a machine, got {make_machine!r:.80}; each run has a machine of its own"
            )
        self.make_machine = cast("Callable[[], Machine[object, object]]", make_machine)
        self.name = name or str(getattr(make_machine, "__name__", "stage"))
        self._model, self.emits_changes, self.plan, self.pump = model, emits_changes, plan, pump
        self.reads, self.least = reads, least
        super().__init__((self,))

    @property
    def model(self) -> object:
        return self._model


class Through(Stage[Any, Any]):
    """A stage that gives what it takes; a class of its own so that type checkers know that, too."""

    def __ror__(self, source: AsyncIterable[T] | Iterable[T]) -> Flow[T]:
        if isinstance(source, Pipeline):
            return NotImplemented  # asked first, because this is the class of a subclass: the pipeline's `|` knows
        return Flow(source, self.stages)

    def __call__(self, source: AsyncIterable[T] | Iterable[T]) -> Flow[T]:
        return Flow(source, self.stages)


class ToChanges(Stage[object, Change[object]]):
    """A stage that makes changes of anything, and of changes those of the same type."""

    @overload
    def __ror__(self, source: AsyncIterable[Change[RootT]] | Iterable[Change[RootT]]) -> Flow[Change[RootT]]: ...
    @overload
    def __ror__(self, source: AsyncIterable[object] | Iterable[object]) -> Flow[Change[object]]: ...
    def __ror__(self, source: AsyncIterable[Any] | Iterable[Any]) -> Flow[Change[Any]]:
        if isinstance(source, Pipeline):
            return NotImplemented  # as in Through
        return Flow(source, self.stages)


class ToRoot(Stage[Change[Any], Any]):
    """A stage that makes of changes what their root will be."""

    def __ror__(self, source: AsyncIterable[Change[RootT]] | Iterable[Change[RootT]]) -> Flow[RootT]:
        if isinstance(source, Pipeline):
            return NotImplemented  # as in Through
        return Flow(source, self.stages)


class Flow(Generic[OutT]):
    """A source and the stages it goes through.

    Iterate it with `async for`, or with `for` when the source is a plain iterable. `async with flow as
    items:` (and `with`) closes everything promptly when the block is left; after a bare loop that was
    left early, Python closes an async source only when the iterator is collected. What was entered and never
    read has run nothing: its source is as it was, neither entered nor closed.
    """

    def __init__(self, source: Source[object], stages: Sequence[AnyStage] = (), *, batched: bool = False) -> None:
        if isinstance(source, (str, bytes, bytearray, memoryview)):
            source = (source,)
        if isinstance(source, Mapping) or not isinstance(source, (AsyncIterable, Iterable)):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            hint = meant(cast("object", source))
            raise TypeError(
                f"cannot stream from {source!r:.80}: a source is an iterable or async iterable of chunks{hint}"
            )
        self._source, self._stages, self._batched = source, tuple(stages), batched
        self._plan = _planned(self._stages, source)
        self._began = _Began()
        self._entered: RunScopes[Generator[object, None, None]] = RunScopes()
        self._entered_async: RunScopes[Batches] = RunScopes()

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
            return self._same(flow)
        if callable(after):
            return after(self) if not makes_stages(after) else forgot_to_call(after)
        if hasattr(after, "feed") and hasattr(after, "close"):
            name = type(after).__name__
            raise TypeError(f"{name} is a machine: write | Stage({name}), which makes one for each run")
        return NotImplemented

    def batches(self) -> Flow[Sequence[OutT]]:
        """The same flow, with all that one chunk of the source brings as one sequence."""
        flow: Flow[Sequence[OutT]] = Flow(self._source, self._stages, batched=True)
        return self._same(flow)

    async def result(self: Flow[Change[RootT]]) -> RootT:
        """Run the flow to its end and return what the root's `complete` carries.

        Raises:
            StreamkitError: the stream ended otherwise; `.partial` has the JSON value so far.
        """
        outcome = Outcome()
        async with self.batches() as batches:
            async for batch in batches:
                outcome.take(batch)
        return cast("RootT", outcome.result())

    def result_sync(self: Flow[Change[RootT]]) -> RootT:
        """`result` for a flow over a plain iterable, without an event loop."""
        outcome = Outcome()
        with self.batches() as batches:
            for batch in batches:
                outcome.take(batch)
        return cast("RootT", outcome.result())

    def __iter__(self) -> Iterator[OutT]:
        return cast("Iterator[OutT]", self._run_sync())

    def __aiter__(self) -> AsyncIterator[OutT]:
        return cast("AsyncIterator[OutT]", self._run_async())

    def __enter__(self) -> Iterator[OutT]:
        return cast("Iterator[OutT]", self._entered.enter(self._run_sync()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with noted(error):
            self._entered.leave().close()

    async def __aenter__(self) -> AsyncIterator[OutT]:
        return cast("AsyncIterator[OutT]", self._entered_async.enter(cast("Batches", self._run_async())))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with noted(error):
            await self._entered_async.leave().aclose()

    def _begin(self) -> None:
        """A source that can be read only once must not pass for an empty one the second time."""
        if self._began.yes and not self.can_run_again:
            raise StreamkitError(
                f"{self!r} was run before, and its source can be read only once: do all in one loop, or give a "
                "source that starts anew, such as a list"
            )
        self._began.yes = True

    def _same(self, flow: Flow[T]) -> Flow[T]:
        """Another flow over this source: what was read by one is not there for the other."""
        flow._began = self._began
        return flow

    def _run_sync(self) -> Generator[object, None, None]:
        if not isinstance(self._source, Iterable):
            raise TypeError(f"{self!r} has an async source: write 'async for' or 'await ....result()', not 'for'")
        self._begin()
        batches = run_sync(self._source, self._plan, of_changes=_model_of(self._source) is not None)
        return batches if self._batched else _each(batches)

    def _run_async(self) -> AsyncGenerator[object, None]:
        self._begin()
        of_changes = _model_of(self._source) is not None
        first, others = _segments(self._plan, of_changes=of_changes)
        if has_batches(self._source):
            batches = run_batches(self._source.open_batches(), first, of_changes=of_changes)
        else:
            batches = run_async(self._source, first, of_changes=of_changes)
        for each in others:
            batches = run_batches(each.pump(batches), each.stages, of_changes=each.of_changes)
        return batches if self._batched else _aeach(batches)


class _Began:
    """Whether a source was read, for all flows over it."""

    yes = False


def _each(batches: Generator[Sequence[object], None, None]) -> Generator[object, None, None]:
    try:
        for batch in batches:
            yield from batch
    finally:
        batches.close()


async def _aeach(batches: Batches) -> AsyncGenerator[object, None]:
    async with aclosing(batches):
        async for batch in batches:
            for item in batch:
                yield item


def batched(source: Source[T]) -> Flow[Sequence[T]]:
    """A flow of the batches of anything: those that it knows of itself, else each item as one."""
    if isinstance(source, Flow):
        return source.batches()
    if not hasattr(source, "batches"):
        return Flow[T](source).batches()
    own = AsyncOwnBatches(source) if isinstance(source, AsyncIterable) else OwnBatches(source)
    return Flow(cast("Source[object]", own))


def _planned(stages: Sequence[AnyStage], source: object = None) -> Sequence[AnyStage]:
    """The stages as they are to be run: each may take the ones before it into account, and the source."""
    model = _model_of(source)
    # What a source knows of its items is told as a stage tells it; this one is not run.
    known: Sequence[AnyStage] = () if model is None else (_knowing(model),)
    planned = known
    for stage in stages:
        planned = stage.plan(planned, stage) if stage.plan is not None else (*planned, stage)
    return planned[len(known) :]


def _model_of(source: object) -> object:
    """The type that a source's changes speak of, where it tells."""
    if isinstance(source, Flow) or has_batches(source):
        return source.model
    # The `model` of a run, as of other sources, is the name of the language model.
    return getattr(source, "response_model", None)


def _knowing(model: object) -> AnyStage:
    return Stage(_never, "source", model=model, emits_changes=True)


def _never() -> Machine[object, object]:
    raise AssertionError


@dataclass
class _Segment:
    """Stages that run as one, behind one that waits."""

    pump: Pump
    of_changes: bool
    stages: list[AnyStage]


def _segments(stages: Sequence[AnyStage], *, of_changes: bool) -> tuple[list[AnyStage], list[_Segment]]:
    """Cut a row of stages at those that wait: what stands before them, and each with what is behind it."""
    first: list[AnyStage] = []
    others: list[_Segment] = []
    for stage in stages:
        if stage.emits_changes is not None:
            of_changes = stage.emits_changes
        if stage.pump is not None:
            others.append(_Segment(stage.pump, of_changes, []))
        else:
            (others[-1].stages if others else first).append(stage)
    return first, others
