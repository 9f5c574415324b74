"""What a control chart draws: its points, its lines' words, marks, and where a new level began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["ChartLines", "LaneMark", "PlotPoint", "Since", "SpreadPanel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotPoint:
    """A window: what is plotted, its limits, its rows, its words, and what it is.

    ``rules`` are the numbers of the rules that signal here; ``low_value`` is a CUSUM's sum downwards; the labels of
    a window that ``is_young`` are still arriving.
    """

    value: float | None
    centre: float | None
    low: float | None
    high: float | None
    n: int
    said: str
    tick: str
    is_reference: bool
    is_base: bool
    is_excluded: bool = False
    signals: bool = False
    rules: str = ""
    low_value: float | None = None
    is_young: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartLines:
    """Words at the right ends of the lines."""

    centre: Sequence[str]
    high: Sequence[str] = ("upper", "limit")
    low: Sequence[str] = ("lower", "limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """Where a new level began: the place of its first point, and the first and last that it could be."""

    first: int
    earliest: int
    latest: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneMark:
    """Something done in a window: its number in the list below; a square for a version, a circle for a decision."""

    number: int
    place: int
    words: str
    is_deployment: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadPanel:
    """The chart of spread below: ranges or standard deviations between their limits."""

    title: str
    values: Sequence[float | None]
    centres: Sequence[float | None]
    highs: Sequence[float | None]
    lows: Sequence[float | None]
    signals: Sequence[bool]
