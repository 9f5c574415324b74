"""What is counted, and on which bins: fixed by the reference and the schema, named by a digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from math import prod
from typing import Any

from core.schema import ModelSchema, Role, Task
from core.stats.binning import N_SPECIAL, CategoryBins, NumericBins, bins_from_dict

__all__ = [
    "EXPLORED",
    "EXPLORED_SUMS",
    "LOSS_SUMS",
    "NO_CLASS",
    "OTHER_GROUP",
    "OUTSIDE",
    "REGRESSION_SUMS",
    "UNKNOWN_GROUP",
    "ProfileSpec",
    "column_table",
    "crossing_name",
    "crossings_of",
    "joint_table",
    "loss_table",
    "moment_table",
    "score_table",
]

UNKNOWN_GROUP = "Unknown"
OTHER_GROUP = "(new groups)"
NO_CLASS = "(none)"
N_CALIBRATION = 20
CROSSED_ATTRIBUTES = 3
MOST_CELLS = 256

LOSS_SUMS = ("brier", "brier_squared", "log_loss", "log_loss_squared")
EXPLORED_SUMS = ("n", "w", "w2", "ws", "w2s", "w2s2")  # rows, weights and scores s, squared as they say
REGRESSION_SUMS = (
    *("e", "abs_e", "e2", "e4", "y", "y2", "y3", "y4", "e2_y", "e2_y2"),
    *("n_relative", "relative_e", "relative_e2", "n_log", "log_e2", "log_e4"),
)


def column_table(column: str) -> str:
    """The table of one column's values: counts of shape (n_bins + 7,)."""
    return f"column/{column}"


def joint_table(attribute: str = "") -> str:
    """The table of score bin x prediction x label x group: shape `ProfileSpec.joint_shape(attribute)`."""
    return f"joint/{attribute}" if attribute else "joint"


def score_table(label: str) -> str:
    """Multiclass only: score bin of one class x prediction x label, each another class, this class or none."""
    return f"score/{label}"


OUTSIDE = "outside"  # counts of rows: all values known, some value outside anything the reference had


def moment_table(column: str) -> str:
    """Sums of a numeric column's finite values: (x, x^2)."""
    return f"moments/{column}"


def loss_table(attribute: str = "") -> str:
    """Sums over labelled rows by group: LOSS_SUMS or, for a regression, REGRESSION_SUMS."""
    return f"loss/{attribute}" if attribute else "loss"


def crossing_name(attributes: Sequence[str]) -> str:
    """What groups within groups are counted under; no column's name begins like it.

    Examples
    --------
    >>> crossing_name(["sex", "race"])
    '@sex x race'
    """
    return f"@{' x '.join(attributes)}"


def crossings_of(groups: Mapping[str, Sequence[str]]) -> Iterator[tuple[tuple[str, ...], int, bool]]:
    """Every pair and the triple of the first three attributes: with how many cells, and whether these are counted.

    Examples
    --------
    >>> list(crossings_of({"sex": ("f", "m"), "area": ("n", "s", "w")}))
    [(('sex', 'area'), 20, True)]
    """
    first = list(groups)[:CROSSED_ATTRIBUTES]
    for depth in range(2, len(first) + 1):
        for attributes in combinations(first, depth):
            n_cells = prod(len(groups[name]) + 2 for name in attributes)
            yield attributes, n_cells, n_cells <= MOST_CELLS


# Of explored rows, by calibration bin (and one more for rows without one), prediction and label: EXPLORED_SUMS.
EXPLORED = "explored"
CALIBRATION = "calibration"  # sums by calibration bin (and one more for unusable rows): (score,) or (e, e^2)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileSpec:
    """The bins of every column, score and group of one model, fitted on its reference.

    ``scores`` holds a binary model's score bins under '', a multiclass model's under each class, a
    regression's bins of the predicted value under ''. Group axes end in two groups of their own:
    'Unknown' (the attribute is missing) and '(new groups)' (a value the reference doesn't have).
    ``crossings`` are groups within groups: their cells are all combinations of their attributes' groups, and their
    joint tables have calibration bins in place of score bins.
    ``has_explored`` says that a binary model's log tells which decisions were not the model's: these are counted apart.
    ``left_out`` has the columns that are no measurements, with the reason. ``novel`` has by column (''
    for any of them) how many rows of each window of the reference hold a value that none of its other
    windows has.
    """

    schema_digest: str
    reference_digests: tuple[str, ...]
    task: Task
    classes: tuple[str, ...]
    columns: Mapping[str, NumericBins | CategoryBins]
    scores: Mapping[str, NumericBins]
    calibration_groups: tuple[int, ...]
    groups: Mapping[str, tuple[str, ...]]
    segments: Mapping[str, tuple[str, ...]]
    centre: float
    has_explored: bool = False
    crossings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    novel: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Names on the prediction axis, and on the label axis; the last means none (no label yet)."""
        return (*self.classes, NO_CLASS) if self.classes else ("value", NO_CLASS)

    def group_names(self, attribute: str) -> tuple[str, ...]:
        """Names on the group axis of an attribute or crossing; ('all',) for no attribute."""
        if attribute in self.crossings:
            return tuple(" / ".join(cell) for cell in self.cells(attribute))
        return (*self.groups[attribute], UNKNOWN_GROUP, OTHER_GROUP) if attribute else ("all",)

    def cells(self, crossing: str) -> list[tuple[str, ...]]:
        """The cells of a crossing in axis order, each as its group of every attribute."""
        return list(product(*(self.group_names(name) for name in self.crossings[crossing])))

    @property
    def joint_score_size(self) -> int:
        """Length of the score axis of the joint tables: regular and special bins."""
        return self.scores[""].size if "" in self.scores else N_SPECIAL

    def joint_shape(self, attribute: str = "") -> tuple[int, int, int, int]:
        """Axes of the joint table: score bin, prediction, label, group."""
        n = len(self.outcomes)
        n_scores = self.n_calibration_bins + 1 if attribute in self.crossings else self.joint_score_size
        return (n_scores, n, n, len(self.group_names(attribute)))

    @property
    def n_calibration_bins(self) -> int:
        """How many calibration bins the score bins are pooled into."""
        return max(self.calibration_groups) + 1 if self.calibration_groups else 0

    def segment_values(self, column: str) -> tuple[str, ...]:
        """Names of a segment column's values, the missing and the new ones last."""
        return (*self.segments[column], UNKNOWN_GROUP, OTHER_GROUP)

    def to_json(self) -> str:
        """The form that is stored; floats are written so that they read back exactly."""
        return json.dumps(
            {
                "schema": self.schema_digest,
                "reference": list(self.reference_digests),
                "task": str(self.task),
                "classes": list(self.classes),
                "columns": {name: bins.to_dict() for name, bins in self.columns.items()},
                "scores": {name: bins.to_dict() for name, bins in self.scores.items()},
                "calibration_groups": list(self.calibration_groups),
                "groups": {name: list(values) for name, values in self.groups.items()},
                "segments": {name: list(values) for name, values in self.segments.items()},
                "centre": self.centre,
                **({"explored": True} if self.has_explored else {}),
                "crossings": {name: list(attributes) for name, attributes in self.crossings.items()},
                "left_out": dict(self.left_out),
                "novel": {name: sorted(windows.items()) for name, windows in self.novel.items()},
            },
            separators=(",", ":"),
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> ProfileSpec:
        """Read what `to_json` wrote."""
        data: dict[str, Any] = json.loads(text)
        return cls(
            schema_digest=data["schema"],
            reference_digests=tuple(data["reference"]),
            task=Task(data["task"]),
            classes=tuple(data["classes"]),
            columns={name: bins_from_dict(bins) for name, bins in data["columns"].items()},
            scores={name: _numeric(bins_from_dict(bins)) for name, bins in data["scores"].items()},
            calibration_groups=tuple(data["calibration_groups"]),
            groups={name: tuple(values) for name, values in data["groups"].items()},
            segments={name: tuple(values) for name, values in data["segments"].items()},
            centre=data["centre"],
            has_explored=data.get("explored", False),
            crossings={name: tuple(attributes) for name, attributes in data.get("crossings", {}).items()},
            left_out=data["left_out"],
            novel={name: dict(map(tuple, windows)) for name, windows in data["novel"].items()},
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the stored form, in hex: changes with the reference, the edges or the schema."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def _numeric(bins: NumericBins | CategoryBins) -> NumericBins:
    if not isinstance(bins, NumericBins):
        raise TypeError("score bins are numeric")
    return bins


def counted_columns(schema: ModelSchema) -> tuple[str, ...]:
    """The columns that have count tables of their own: features, attributes, and score and prediction."""
    own = [name for name, spec in schema.columns.items() if spec.role in (Role.SCORE, Role.PREDICTION)]
    return (*schema.described, *own)


def outcome_tables(spec: ProfileSpec) -> tuple[str, ...]:
    """Names of the tables that depend on labels, counts and sums."""
    attributes = ("", *spec.groups, *spec.crossings)
    by_group = [table(attribute) for attribute in attributes for table in (joint_table, loss_table)]
    return (*by_group, *(score_table(label) for label in spec.scores if label), CALIBRATION, EXPLORED)
