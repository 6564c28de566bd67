"""`Limits`: how far the source may read ahead of subscribers with `policy="suspend"`."""

from __future__ import annotations

from heapq import heappop, heappush

__all__ = ["Limits"]


class Limits:
    """A multiset of numbers that knows its smallest.

    Many subscribers share few positions, so the smallest is kept up to date as they move: asking each subscriber for
    each batch would cost the square of their number.
    """

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._heap: list[int] = []

    @property
    def smallest(self) -> int | None:
        """The smallest number; None if there is none."""
        return self._heap[0] if self._heap else None

    def add(self, limit: int) -> None:
        """Add a number."""
        if limit not in self._counts:  # with a count of 0 it is still in the heap
            heappush(self._heap, limit)
            self._counts[limit] = 0
        self._counts[limit] += 1

    def remove(self, limit: int) -> None:
        """Remove a number that was added."""
        self._counts[limit] -= 1
        while self._heap and not self._counts[self._heap[0]]:
            del self._counts[heappop(self._heap)]
