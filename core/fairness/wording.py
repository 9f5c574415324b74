"""How rates, gaps and groups are written in reasons."""

from __future__ import annotations

from collections.abc import Sequence

from core.measure import Interval

__all__ = ["in_words", "names", "percent", "points", "span"]


def in_words(measure: str) -> str:
    """A measure's name as it stands in a sentence."""
    return measure.replace("_", " ")


def percent(confidence: float) -> str:
    """A confidence to four digits: 95%, 99.17%."""
    return f"{100 * confidence:.4g}%"


def points(difference: float) -> str:
    """A difference of rates without its sign: 5.0 points."""
    return f"{abs(100 * difference):.1f} points"


def names(groups: Sequence[str]) -> str:
    """The first five names, and how many more there are."""
    return ", ".join(groups[:5]) + (f" and {len(groups) - 5} more" if len(groups) > 5 else "")


def span(change: Interval) -> str:
    """An interval of a difference of rates in words."""
    low, high = 100 * change.low, 100 * change.high
    if low >= 0:
        return f"between {low:.1f} and {high:.1f} points higher"
    if high <= 0:
        return f"between {-high:.1f} and {-low:.1f} points lower"
    return f"between {-low:.1f} points lower and {high:.1f} points higher"
