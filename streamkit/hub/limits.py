"""`Limits`: how far the source may go, for those who asked it to wait for them."""

from __future__ import annotations

from heapq import heappop, heappush

__all__ = ["Limits"]


class Limits:
    """A multiset of numbers that knows its smallest.

    Many subscribers stand at the same few places, so the smallest is kept as they move: asking each of them
    for every batch would cost their square.
    """

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._heap: list[int] = []

    @property
    def smallest(self) -> int | None:
        """The smallest number; None without any."""
        return self._heap[0] if self._heap else None

    def add(self, limit: int) -> None:
        """Put one in."""
        if limit not in self._counts:  # with a count of 0 it is still in the heap
            heappush(self._heap, limit)
            self._counts[limit] = 0
        self._counts[limit] += 1

    def remove(self, limit: int) -> None:
        """Take one out that is there."""
        self._counts[limit] -= 1
        while self._heap and not self._counts[self._heap[0]]:
            del self._counts[heappop(self._heap)]
