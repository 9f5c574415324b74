"""What of a model is watched without labels: count tables and sums of samples turned into subjects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.alarms.distributions import distribution_subject
from core.alarms.monitors import Kind, Subject, Windows, mean_subject, share_subject
from core.measure import Family
from core.profile.fitting import measured_type
from core.profile.spec import column_table
from core.profile.windows import Window
from core.record import BatchRole
from core.schema import ColumnType, Role
from core.services.gap_subjects import add_gaps
from core.services.observations import Observations, WindowInfo
from core.services.panel import GAPS, Draft, Panel, subject_key, windows_of_sums
from core.stats.binning import CategoryBins, NumericBins, Special
from core.storage.counts import StoredCounts

__all__ = ["served_panel"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
VOLUME_MARGIN = 0.2  # of the logarithm: a fifth more or less doesn't matter
OUTSIDE = (Special.UNSEEN, Special.BELOW, Special.ABOVE, Special.NEGATIVE_INFINITY, Special.POSITIVE_INFINITY)
NO_VALUE = (Special.MISSING, Special.INVALID)


def served_panel(
    observations: Observations,
    windows: Sequence[Window],
    *,
    duplicates: Callable[[BatchRole], Mapping[int, int]],
    series: Iterable[tuple[str, Mapping[int, Floats], Mapping[int, Floats]]] = (),
) -> Panel | None:
    """What needs no label: every column's values, missing and new values; volume and repeated ids.

    Parameters
    ----------
    observations : Observations
        Of all versions and segments.
    windows : sequence of Window
        In the order of time, without a gap.
    duplicates : callable
        Rows by window whose id was known already, of the reference or of production.
    series : iterable of (name, reference, current)
        Further means by window key, each as (n, sum, sum of squares).
    """
    draft = Draft()
    context, spec, schema = observations.context, observations.spec, observations.schema
    before = [window.window for window in context.reference_windows]
    keys, keys_before = [window.key for window in windows], [window.key for window in before]
    n_window = context.n_reference / max(len(before), 1)
    for column, bins in spec.columns.items():
        if column in spec.left_out:
            continue
        reference = _stacked(observations.reference, column_table(column), keys_before, bins.size)
        current = _stacked(observations.current, column_table(column), keys, bins.size)
        kind = measured_type(schema, column)
        found = _Column(name=column, bins=bins, kind=kind, reference=reference, current=current, n_window=n_window)
        _add_column(draft, found, [float(spec.novel.get(column, {}).get(key, 0)) for key in keys_before])
    if context.unit_is_calendar:
        _add_volume(draft, context.reference_windows, {w.window.key: w.n for w in context.windows}, windows)
    _add_duplicates(draft, observations, before, windows, duplicates)
    add_gaps(draft, observations, windows, GAPS[:1])
    for name, reference_sums, current_sums in series:
        subject = mean_subject(subject_key(name), family=Family.DATA_DRIFT, name=name)
        draft.add(subject, _of_sums(reference_sums, keys_before), _of_sums(current_sums, keys))
    return draft.panel(windows)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Column:
    """A column's counts by window, of the reference and since."""

    name: str
    bins: NumericBins | CategoryBins
    kind: ColumnType
    reference: Ints
    current: Ints
    n_window: float


def _add_column(draft: Draft, column: _Column, novel: Sequence[float]) -> None:
    """A column's values, and its shares of missing, unreadable and new ones (`novel` of each reference window)."""
    bins, k = column.bins, column.bins.n_bins
    values = distribution_subject(
        subject_key("values", column.name),
        column.reference.sum(axis=0),
        bins,
        column=column.name,
        n_window=column.n_window,
    )
    draft.add(values, values.windows(column.reference), values.windows(column.current))

    def share(of: str, specials: Sequence[Special], among: Ints | None = None) -> Subject:
        return share_subject(
            subject_key(of, column.name),
            [k + special for special in specials],
            bins.size,
            family=Family.DATA_QUALITY,
            column=column.name,
            name=of,
            among=among,
        )

    shares = [share("missing", [Special.MISSING])]
    if column.kind in (ColumnType.NUMERIC, ColumnType.BOOLEAN, ColumnType.TIMESTAMP):
        shares.append(share("invalid", [Special.INVALID]))
    for subject in shares:
        draft.add(subject, subject.windows(column.reference), subject.windows(column.current))
    was_constant = values.kinds == (Kind.SHARE,)  # its values' subject is the share of any other value
    if column.kind is not ColumnType.BOOLEAN and not was_constant:
        present = np.setdiff1d(np.arange(bins.size), [k + special for special in NO_VALUE])
        subject, total = share("outside", OUTSIDE, present), np.array(novel)[:, None]
        reference = replace(subject.windows(column.reference), total=total, total_of_squares=total)
        draft.add(subject, reference, subject.windows(column.current))


def _add_volume(
    draft: Draft, before: Sequence[WindowInfo], n_rows: Mapping[int, int], windows: Sequence[Window]
) -> None:
    subject = mean_subject(subject_key("volume"), family=Family.DATA_QUALITY, name="rows", kind=Kind.WINDOW)
    reference = _of_numbers(np.log(np.array([window.n for window in before]) + 0.5))
    if len(before) < 2 or not np.std(reference.total):
        return
    current = _of_numbers(np.log(np.array([n_rows.get(window.key, 0) for window in windows]) + 0.5))
    draft.add(subject, reference, current, VOLUME_MARGIN)


def _add_duplicates(
    draft: Draft,
    observations: Observations,
    before: Sequence[Window],
    windows: Sequence[Window],
    duplicates: Callable[[BatchRole], Mapping[int, int]],
) -> None:
    if observations.schema.name_of(Role.ID) is None:
        return
    subject = share_subject(
        subject_key("duplicates"), [0], 2, family=Family.DATA_QUALITY, column="", name="repeated ids"
    )
    sides = []
    for of_reference, keys in ((True, before), (False, windows)):
        infos = observations.context.reference_windows if of_reference else observations.context.windows
        role = BatchRole.REFERENCE if of_reference else BatchRole.PRODUCTION
        repeated, n = duplicates(role), {info.window.key: info.n for info in infos}
        sides.append(np.array([[repeated.get(w.key, 0), n.get(w.key, 0)] for w in keys], dtype=np.int64).reshape(-1, 2))
    draft.add(subject, subject.windows(sides[0]), subject.windows(sides[1]))


def _of_numbers(values: Floats) -> Windows:
    """One number a window."""
    column = values[:, None]
    return Windows(n=np.ones(column.shape), total=column, total_of_squares=column**2)


def _of_sums(sums: Mapping[int, Floats], keys: Sequence[int]) -> Windows:
    return windows_of_sums(np.array([sums.get(key, np.zeros(3)) for key in keys]).reshape(-1, 3))


def _stacked(counts: StoredCounts, name: str, keys: Sequence[int], size: int) -> Ints:
    """A table's counts, one row a window."""
    by_window = counts.counts.get(name, {})
    stacked = np.zeros((len(keys), size), dtype=np.int64)
    for place, key in enumerate(keys):
        if key in by_window:
            stacked[place] = by_window[key]
    return stacked
