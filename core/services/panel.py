"""What is watched together: subjects for the alarm engine with their windows, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.alarms.monitors import (
    Subject,
    Windows,
)
from core.profile.windows import Window

__all__ = ["GAPS", "OF_ALL_ROWS", "OF_A_COLUMN", "Draft", "Panel", "gap_key", "subject_key", "windows_of_sums"]

Floats = NDArray[np.float64]
GAPS = ("selection_rate", "true_positive_rate", "false_positive_rate")  # rates of a group that are held to the rest's
OF_A_COLUMN = ("values", "missing", "invalid", "outside")  # what is watched of each
OF_ALL_ROWS = (
    "volume",
    "duplicates",
    "classifier",
    "reconstruction",
    "performance/accuracy",
    "performance/brier_score",
    "performance/roc_auc",
    "performance/mae",
    "performance/bias",
    "concept/mean_residual",
)  # subjects that a policy names as it names columns


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """Subjects with their windows of the reference and since.

    `margins` holds what doesn't matter of those that are counted in a unit of their own, in that unit.
    """

    subjects: tuple[Subject, ...]
    reference: Windows
    current: Windows
    windows: tuple[Window, ...]
    margins: Mapping[str, float]


def subject_key(kind: str, column: str = "") -> str:
    """What a subject is called, such as 'values/income'."""
    return f"{kind}/{column}" if column else kind


def gap_key(rate: str, attribute: str, group: str) -> str:
    """What the gap between a group and all others is called, such as 'selection_rate/sex=f'."""
    return subject_key(rate, f"{attribute}={group}")


@dataclass(slots=True)
class Draft:
    """A panel while its subjects are added one by one."""

    subjects: list[Subject] = field(default_factory=list)
    reference: list[Windows] = field(default_factory=list)
    current: list[Windows] = field(default_factory=list)
    margins: dict[str, float] = field(default_factory=dict)

    def add(self, subject: Subject, reference: Windows, current: Windows, margin: float | None = None) -> None:
        """Another subject."""
        self.subjects.append(subject)
        self.reference.append(reference)
        self.current.append(current)
        if margin is not None:
            self.margins[subject.key] = margin

    def panel(self, windows: Sequence[Window]) -> Panel | None:
        """All of them; None if there are none."""
        if not self.subjects:
            return None
        return Panel(
            subjects=tuple(self.subjects),
            reference=Windows.beside(self.reference),
            current=Windows.beside(self.current),
            windows=tuple(windows),
            margins=self.margins,
        )


def windows_of_sums(sums: Floats) -> Windows:
    """Windows of one monitor, from rows of (n, sum, sum of squares)."""
    table = sums.reshape(-1, 3)
    return Windows(n=table[:, :1], total=table[:, 1:2], total_of_squares=table[:, 2:3])
