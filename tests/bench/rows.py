"""A row of the table that `make bench` prints."""

from __future__ import annotations

import os
from dataclasses import dataclass

QUICK = bool(os.environ.get("QUICK"))
"""Leave out what takes long."""
ROUNDS = 3 if QUICK else 7


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        figure: what it is.
        target: the bound, as `measured` is written: `<= 1.05`; empty for what stands there to be compared with.
        measured: what was measured.
        unit: behind the number: `x`, `us`, `MB`.
        digits: how many after the point.
    """

    figure: str
    target: str
    measured: float
    unit: str = ""
    digits: int = 2

    @property
    def met(self) -> bool:
        """Whether the measured figure keeps the bound."""
        if not self.target:
            return True
        sign, bound = self.target.split()
        return self.measured <= float(bound) if sign == "<=" else self.measured >= float(bound)

    @property
    def verdict(self) -> str:
        """Whether the bound is kept, in words; nothing where there is none."""
        return ("met" if self.met else "not met") if self.target else ""

    @property
    def bound(self) -> str:
        """The target, with its unit."""
        return f"{self.target}{self.unit}" if self.target else ""

    @property
    def shown(self) -> str:
        """What was measured, with its unit."""
        return shown(self.measured, self.unit, self.digits)

    def __str__(self) -> str:
        return f"{self.figure:<86}{self.bound:>12}{self.shown:>14}  {self.verdict}".rstrip()


def shown(measured: float, unit: str, digits: int) -> str:
    """A number as the table shows it."""
    return f"{measured:,.{digits}f}{unit}"
