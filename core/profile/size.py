"""How many counters a profile holds at most, and what is not told apart so that there aren't more."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from core.profile.fitting import MAX_GROUPS, MAX_SEGMENTS
from core.profile.spec import (
    CROSSED_ATTRIBUTES,
    EXPLORED_SUMS,
    MOST_CELLS,
    OTHER_GROUP,
    ProfileSpec,
    crossings_of,
)
from core.stats.binning import CategoryBins

__all__ = ["ProfileSize", "cut_crossings", "size_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileSize:
    """`n_counters`: the most that one window of one version can have. `cut`: what is pooled or not counted."""

    n_counters: int
    n_segments: int
    cut: tuple[str, ...]

    def lines(self) -> tuple[str, ...]:
        """In words: the bound, then what is cut, if anything is."""
        segments = f", those of {self.n_segments} segments among them" if self.n_segments else ""
        bound = f"At most {self.n_counters:,} counters a window and version{segments}; only those above 0 are stored."
        return (bound, f"Cut: {'; '.join(self.cut)}.") if self.cut else (bound,)


def size_of(spec: ProfileSpec) -> ProfileSize:
    """How many counters does a window of one version have at most, and what was cut to keep it so?

    Only counters above zero are stored, and no table of them is longer than its window has rows.

    Parameters
    ----------
    spec : ProfileSpec

    Examples
    --------
    >>> from core.schema import Task
    >>> spec = ProfileSpec(schema_digest="", reference_digests=(), task=Task.BINARY, classes=("0", "1"), centre=0.0,
    ...     columns={"c": CategoryBins(categories=("a", "b"))}, scores={}, calibration_groups=(),
    ...     groups={}, segments={"c": ("a", "b")})
    >>> size_of(spec).n_counters  # 9 cells of c, 2 of rows outside, 63 of outcomes: for all and for 4 segments
    370
    """
    columns = sum(bins.size for bins in spec.columns.values()) + 2
    outcomes = sum(prod(spec.joint_shape(attribute)) for attribute in ("", *spec.groups))
    outcomes += sum(bins.size * 9 for label, bins in spec.scores.items() if label)
    explored = (spec.n_calibration_bins + 1) * 9 * len(EXPLORED_SUMS) if spec.has_explored else 0
    crossings = sum(prod(spec.joint_shape(crossing)) for crossing in spec.crossings)
    n_segments = sum(len(spec.segment_values(column)) for column in spec.segments)
    return ProfileSize(
        n_counters=(columns + outcomes + explored) * (1 + n_segments) + crossings,
        n_segments=n_segments,
        cut=tuple(_cut(spec)),
    )


def cut_crossings(spec: ProfileSpec) -> tuple[str, ...]:
    """The groups within groups that aren't counted, and why.

    Examples
    --------
    >>> list(crossings_of({"area": "a" * 20, "age": "a" * 10}))[0][1:]
    (264, False)
    """
    found = [
        f"{' x '.join(attributes)}: {n_cells:,} cells, {MOST_CELLS} are the most"
        for attributes, n_cells, is_counted in crossings_of(spec.groups)
        if not is_counted
    ]
    found += [f"{name}: only the first three attributes are crossed" for name in list(spec.groups)[CROSSED_ATTRIBUTES:]]
    return tuple(found)


def _cut(spec: ProfileSpec) -> list[str]:
    found = [
        f"{name}: its {len(bins.categories)} most frequent categories one by one, {len(bins.others):,} others together"
        for name, bins in spec.columns.items()
        if isinstance(bins, CategoryBins) and bins.others
    ]
    for axes, most, what in ((spec.groups, MAX_GROUPS, "groups"), (spec.segments, MAX_SEGMENTS, "segments")):
        found += [
            f"{name}: its {most} most frequent values are {what}, any other is {OTHER_GROUP}"
            for name, values in axes.items()
            if len(values) == most
        ]
    found += cut_crossings(spec)
    if spec.crossings and spec.segments:
        found.append("groups within groups: not inside segments")
    return found
