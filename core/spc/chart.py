"""What every control chart hands on: its limits, its points and whether it may signal at all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["MIN_REFERENCE_WINDOWS", "ChartPoint", "ControlChart", "Dispersion"]

MIN_REFERENCE_WINDOWS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartPoint:
    """One window on a chart. Without rows it has no value, no limits and no signal."""

    name: str
    n: int
    value: float | None
    low: float | None
    high: float | None
    signal: Literal["above", "below"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispersion:
    """Do the reference's windows differ more than chance? Laney's sigma_z, which is 1 if they don't.

    References
    ----------
    D. B. Laney (2002), doi:10.1081/QEN-120003555.
    """

    sigma_z: float
    n_windows: int

    @property
    def tolerance(self) -> float:
        """How far sigma_z may lie from 1 by chance, on either side, in 9 cases of 10.

        The variance of a mean moving range of R independent normal z's, over 1.128 squared, is close
        to 0.826 / (R - 1).
        """
        return 1.645 * math.sqrt(0.826 / (self.n_windows - 1))

    def words(self, unit: str = "window") -> str:
        """What sigma_z means for the limits, in one sentence.

        Examples
        --------
        >>> Dispersion(sigma_z=3.74, n_windows=8).words("week")
        'Limits are 3.7 times too tight: weeks of the reference differ more than chance (sigma_z 3.74).'
        """
        if self.sigma_z > 1 + self.tolerance:
            return (
                f"Limits are {self.sigma_z:.1f} times too tight: {unit}s of the reference differ more than chance "
                f"(sigma_z {self.sigma_z:.2f})."
            )
        how = "less than" if self.sigma_z < 1 - self.tolerance else "as much as"
        return f"{unit.capitalize()}s of the reference differ {how} chance (sigma_z {self.sigma_z:.2f})."


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlChart:
    """A statistic of each window against limits from the reference; signals only where `armed`.

    ``why`` says why the chart is not armed, or what its limits are worth where they are unusual.
    """

    chart: str
    unit: str
    centre: float | None
    n_reference_windows: int
    armed: bool
    why: str
    convention: str
    points: tuple[ChartPoint, ...]
    dispersion: Dispersion | None = None

    @property
    def signals(self) -> tuple[ChartPoint, ...]:
        """The points outside their limits."""
        return tuple(point for point in self.points if point.signal)

    @property
    def words(self) -> str:
        """What the chart shows, in plain sentences."""
        parts = [self.why] if self.why else []
        n = sum(point.value is not None for point in self.points)
        if self.armed and n:
            found = [text for text in (self._outside("above", n), self._outside("below", n)) if text]
            parts.append(f"{'; '.join(found)}." if found else f"None of {self._units(n)} lies outside the limits.")
        if empty := len(self.points) - n:
            parts.append(f"{self._units(empty)} without rows: no point.")
        return " ".join(parts)

    def _outside(self, signal: Literal["above", "below"], n: int) -> str:
        names = [point.name for point in self.points if point.signal == signal]
        if not names:
            return ""
        limit = "upper" if signal == "above" else "lower"
        lie, first = ("lies", "in") if len(names) == 1 else ("lie", "first in")
        return f"{len(names)} of {self._units(n)} {lie} {signal} the {limit} limit, {first} {names[0]}"

    def _units(self, n: int) -> str:
        return f"{n:,} {self.unit}{'' if n == 1 else 's'}"
