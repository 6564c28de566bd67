"""timeout: raise an error when nothing arrives for too long.

timeout(first=5, between=2)
in    --a-b---c
out   --a-b-#
"""

from __future__ import annotations

from contextlib import aclosing

from streamkit.flow import Batches, Deadline, Through, check_seconds, needs_a_loop

__all__ = ["timeout"]


def timeout(*, first: float | None = None, between: float | None = None) -> Through:
    """Raise `TimeoutError` when the first item, or the next one, does not arrive in time; the source is closed.

    A stream of changes gets an `end` with status `failed` before the error. Only the time that the consumer waits is
    counted, not the time that it works. It waits, so it needs `async for`.

    Args:
        first: seconds until the first item; None for no limit.
        between: seconds from one item to the next, and to the end; None for no limit.

    Raises:
        ValueError: neither is given, or one is not positive.
    """
    if first is None and between is None:
        raise ValueError("timeout() limits nothing: give it first=, between= or both, in seconds")
    for limit in (first, between):
        if limit is not None:
            check_seconds(limit, "timeout()")
    name = f"timeout(first={first}, between={between})"

    def pump(batches: Batches) -> Batches:
        return _limit(batches, first, between, name)

    return Through(needs_a_loop(name), name, pump=pump)


async def _limit(batches: Batches, first: float | None, between: float | None, name: str) -> Batches:
    limit, awaited = first, "the first item"
    async with aclosing(batches):
        while True:
            deadline = Deadline(limit, batches)
            try:
                with deadline:
                    batch = await anext(batches)
            except StopAsyncIteration:
                return
            except TimeoutError:
                if not deadline.passed:
                    raise  # the source's own
                break
            yield batch
            limit, awaited = between, "the next item"
    error = TimeoutError(f"{awaited} did not arrive within {limit:g} s")
    error.add_note(f"raised in stage {name}")
    raise error
