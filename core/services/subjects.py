"""What of a model is watched: count tables and sums turned into subjects for the alarm engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.alarms.monitors import (
    Kind,
    Subject,
    Windows,
    distribution_subject,
    gap_subject,
    mean_subject,
    outcome_subject,
    share_subject,
)
from core.concept.residual import labels_by_prediction, labels_by_score
from core.fairness.groups import LOWER_IS_WORSE, rate_cells
from core.measure import Family
from core.performance.binary import BinaryCounts
from core.performance.multiclass import MulticlassCounts
from core.performance.regression import RegressionCounts
from core.profile.fitting import measured_type
from core.profile.spec import REGRESSION_SUMS, column_table
from core.profile.windows import Window
from core.record import BatchRole
from core.schema import ColumnType, Role, Task
from core.services.observations import Observations, WindowInfo
from core.stats.binning import CategoryBins, NumericBins, Special
from core.stats.ranking import roc_auc
from core.stats.scores import calibration_names, ordered_scores, pooled_scores
from core.storage.counts import StoredCounts

__all__ = ["GAPS", "OF_ALL_ROWS", "Panel", "gap_key", "matured_panel", "served_panel", "subject_key"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

VOLUME_MARGIN = 0.2  # of the logarithm: a fifth more or less doesn't matter
MARGINS = {"roc_auc": 0.02}  # of what is no mean of rows, in its own unit
MIN_LABELS = 30  # of either outcome in a window, for an AUC that is close to normal
OUTSIDE = (Special.UNSEEN, Special.BELOW, Special.ABOVE, Special.NEGATIVE_INFINITY, Special.POSITIVE_INFINITY)
NO_VALUE = (Special.MISSING, Special.INVALID)
GAPS = ("selection_rate", "true_positive_rate", "false_positive_rate")  # rates of a group that are held to the rest's
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
class _Draft:
    """A panel while its subjects are added one by one."""

    subjects: list[Subject]
    reference: list[Windows]
    current: list[Windows]
    margins: dict[str, float]

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
    draft = _Draft([], [], [], {})
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
    _add_gaps(draft, observations, windows, GAPS[:1])
    for name, reference_sums, current_sums in series:
        subject = mean_subject(subject_key(name), family=Family.DATA_DRIFT, name=name)
        draft.add(subject, _of_sums(reference_sums, keys_before), _of_sums(current_sums, keys))
    return draft.panel(windows)


def matured_panel(observations: Observations, windows: Sequence[Window]) -> Panel | None:
    """What needs labels: how good predictions were, and whether outcomes follow them as they did."""
    draft = _Draft([], [], [], {})
    of_reference = [observations.outcomes_of([w.window.key], of_reference=True) for w in _reference(observations)]
    of_current = [observations.outcomes_of([window.key]) for window in windows]
    task = observations.spec.task
    if task is Task.REGRESSION:
        _add_errors(draft, of_reference, of_current)
    else:
        _add_shares_wrong(draft, of_reference, of_current)
    if task is Task.BINARY and observations.spec.calibration_groups:
        _add_scored(draft, of_reference, of_current)
    _add_concept(draft, observations, windows)
    _add_gaps(draft, observations, windows, GAPS[1:])
    return draft.panel(windows)


def _reference(observations: Observations) -> tuple[WindowInfo, ...]:
    return observations.context.reference_windows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Column:
    """A column's counts by window, of the reference and since."""

    name: str
    bins: NumericBins | CategoryBins
    kind: ColumnType
    reference: Ints
    current: Ints
    n_window: float


def _add_column(draft: _Draft, column: _Column, novel: Sequence[float]) -> None:
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
    draft: _Draft, before: Sequence[WindowInfo], n_rows: Mapping[int, int], windows: Sequence[Window]
) -> None:
    subject = mean_subject(subject_key("volume"), family=Family.DATA_QUALITY, name="rows", kind=Kind.WINDOW)
    reference = _of_numbers(np.log(np.array([window.n for window in before]) + 0.5))
    if len(before) < 2 or not np.std(reference.total):
        return
    current = _of_numbers(np.log(np.array([n_rows.get(window.key, 0) for window in windows]) + 0.5))
    draft.add(subject, reference, current, VOLUME_MARGIN)


def _add_duplicates(
    draft: _Draft,
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


def _add_shares_wrong(draft: _Draft, of_reference: Sequence[Outcomes], of_current: Sequence[Outcomes]) -> None:
    """The share of wrong predictions, named by the measure that it is the other side of."""
    subject = share_subject(
        subject_key("performance", "accuracy"), [0], 2, family=Family.PERFORMANCE, column="", name="wrong predictions"
    )
    sides = [
        np.array([_wrong_and_right(counts) for counts in side]).reshape(-1, 2) for side in (of_reference, of_current)
    ]
    if sides[0].sum():
        draft.add(subject, subject.windows(sides[0]), subject.windows(sides[1]))


def _add_scored(draft: _Draft, of_reference: Sequence[Outcomes], of_current: Sequence[Outcomes]) -> None:
    """Brier score and ROC AUC of a binary model's scores."""
    for name, read in (("brier_score", _brier), ("roc_auc", _auc)):
        reference, current = (np.array([read(counts) for counts in side]) for side in (of_reference, of_current))
        if reference.size and reference[:, 0].any():
            subject = mean_subject(subject_key("performance", name), family=Family.PERFORMANCE, name=name)
            draft.add(subject, _as_windows(reference), _as_windows(current), MARGINS.get(name))


def _add_errors(draft: _Draft, of_reference: Sequence[Outcomes], of_current: Sequence[Outcomes]) -> None:
    """Mean absolute error and bias of a regression."""
    for name, first, second in (("mae", "abs_e", "e2"), ("bias", "e", "e2")):

        def read(counts: Outcomes, first: str = first, second: str = second) -> tuple[float, float, float]:
            if not isinstance(counts, RegressionCounts):
                raise TypeError(f"no errors of {type(counts).__name__}")
            sums = dict(zip(REGRESSION_SUMS, counts.losses.tolist(), strict=True))
            return float(counts.joint[:, 0, 0].sum()), sums[first], sums[second]

        reference, current = (np.array([read(counts) for counts in side]) for side in (of_reference, of_current))
        if reference.size and reference[:, 0].any():
            subject = mean_subject(subject_key("performance", name), family=Family.PERFORMANCE, name=name)
            draft.add(subject, _as_windows(reference), _as_windows(current))


def _add_concept(draft: _Draft, observations: Observations, windows: Sequence[Window]) -> None:
    key = subject_key("concept", "mean_residual")
    before = [window.window for window in _reference(observations)]
    if observations.spec.task is Task.REGRESSION:
        if observations.spec.calibration_groups:
            _add_error_residual(draft, observations, key, before, windows)
        return
    by, names = _outcome_table(observations)
    if by is None:
        return
    size = 2 * len(names)
    reference = np.array([by(window, True) for window in before]).reshape(-1, size)
    current = np.array([by(window, False) for window in windows], dtype=np.int64).reshape(-1, size)
    total = reference.sum(axis=0).reshape(-1, 2)
    if total.min(axis=1).any():
        subject = outcome_subject(key, total, names, family=Family.CONCEPT_DRIFT)
        draft.add(subject, subject.windows(reference), subject.windows(current))


def _outcome_table(observations: Observations) -> tuple[Callable[[Window, bool], Ints] | None, Sequence[str]]:
    """Labelled rows of a window by score bin or predicted class: without, with the outcome (wrong, right)."""
    spec, schema = observations.spec, observations.schema
    if not schema.scores and schema.name_of(Role.PREDICTION) is None:
        return None, ()
    has_scores = bool(spec.calibration_groups)

    def table(window: Window, of_reference: bool) -> Ints:
        joint = observations.joint_of([window.key], of_reference=of_reference).sum(axis=3)
        if spec.task is Task.MULTICLASS:
            confusion = joint.sum(axis=0)[:-1, :-1]
            right = np.diag(confusion)
            return np.column_stack([confusion.sum(axis=1) - right, right])
        positive = observations.positive or 0
        if has_scores:
            return labels_by_score(joint, spec.calibration_groups, positive=positive)
        return labels_by_prediction(joint, positive=positive)

    names = calibration_names(spec.scores[""], spec.calibration_groups) if has_scores else spec.classes
    return table, names


def _add_error_residual(
    draft: _Draft, observations: Observations, key: str, before: Sequence[Window], windows: Sequence[Window]
) -> None:
    """A regression's error less the reference's mean error at the same predicted value."""
    groups = observations.spec.calibration_groups

    def table(window: Window, of_reference: bool) -> Floats:
        joint = observations.joint_of([window.key], of_reference=of_reference).sum(axis=3)
        sums = observations.calibration_of([window.key], of_reference=of_reference)[:-1]
        return np.column_stack([pooled_scores(joint[:, 0, 0], groups), sums])

    reference, current = [table(w, True) for w in before], [table(w, False) for w in windows]
    whole = np.sum(reference, axis=0) if reference else np.zeros((1, 3))
    expected = np.divide(whole[:, 1], whole[:, 0], out=np.zeros(len(whole)), where=whole[:, 0] > 0)

    def residual(sums: Floats) -> tuple[float, float, float]:
        n, e, e2 = sums.T
        squares = e2 - 2 * expected * e + n * expected**2
        return float(n.sum()), float((e - n * expected).sum()), float(squares.sum())

    if whole[:, 0].sum():
        subject = mean_subject(key, family=Family.CONCEPT_DRIFT, name="all")
        sides = [np.array([residual(sums) for sums in side]).reshape(-1, 3) for side in (reference, current)]
        draft.add(subject, _as_windows(sides[0]), _as_windows(sides[1]))


def _add_gaps(draft: _Draft, observations: Observations, windows: Sequence[Window], rates: Sequence[str]) -> None:
    """A group's rate beside that of all others: every group of the reference, the unknown among them."""
    spec = observations.spec
    if spec.task is Task.REGRESSION:
        return
    before = [window.window for window in _reference(observations)]
    for attribute in spec.groups:

        def tables(side: Sequence[Window], of_reference: bool, attribute: str = attribute) -> Ints:
            found = [
                observations.joint_of([window.key], of_reference=of_reference, attribute=attribute).sum(axis=0)
                for window in side
            ]
            return np.array(found, dtype=np.int64).reshape(len(side), *spec.joint_shape(attribute)[1:])

        sides = tables(before, True), tables(windows, False)
        names = spec.group_names(attribute)
        for rate in rates:
            hit, counted = rate_cells(
                rate, len(spec.classes), positive=observations.positive, favourable=observations.favourable
            )
            if not counted.any():
                continue
            reference, current = ((side[:, hit].sum(axis=1), side[:, counted].sum(axis=1)) for side in sides)
            for place, group in enumerate(names):
                if group not in spec.groups[attribute] and not reference[1][:, place].any():
                    continue
                is_worse_below = rate in LOWER_IS_WORSE
                subject = gap_subject(gap_key(rate, attribute, group), name=group, is_worse_below=is_worse_below)
                draft.add(subject, _beside_the_rest(*reference, place), _beside_the_rest(*current, place))


def _beside_the_rest(k: Ints, n: Ints, place: int) -> Windows:
    """Windows of a group and of all others, from counts of shape (n_windows, n_groups)."""
    own, others = (np.column_stack([each[:, place], each.sum(axis=1) - each[:, place]]) for each in (k, n))
    total = own.astype(np.float64)
    return Windows(n=others.astype(np.float64), total=total, total_of_squares=total)


Outcomes = BinaryCounts | MulticlassCounts | RegressionCounts


def _wrong_and_right(counts: Outcomes) -> tuple[int, int]:
    if isinstance(counts, BinaryCounts):
        tp, fp, fn, tn = counts.confusion()
        return fp + fn, tp + tn
    if isinstance(counts, MulticlassCounts):
        decided = counts.confusion[:-1, :-1]
        right = int(np.trace(decided))
        return int(decided.sum()) - right, right
    raise TypeError(f"no shares of {type(counts).__name__}")


def _brier(counts: Outcomes) -> tuple[float, float, float]:
    if not isinstance(counts, BinaryCounts) or counts.losses is None:
        return 0.0, 0.0, 0.0
    from core.stats.scores import finite_scores

    n = float(finite_scores(counts.by_class).sum())
    return n, float(counts.losses[0]), float(counts.losses[1])


def _auc(counts: Outcomes) -> tuple[float, float, float]:
    """An AUC as the mean of as many rows, whose variance gives its standard error."""
    if not isinstance(counts, BinaryCounts) or counts.score_bins is None:
        return 0.0, 0.0, 0.0
    by_class = ordered_scores(counts.by_class)
    negatives, positives = by_class[:, 0], by_class[:, 1]
    if min(negatives.sum(), positives.sum()) < MIN_LABELS:
        return 0.0, 0.0, 0.0
    found = roc_auc(negatives, positives)
    n = float(by_class.sum())
    return n, n * found.value, n * (found.value**2 + n * found.standard_error**2)


def _as_windows(sums: Floats) -> Windows:
    """Windows of one monitor, from rows of (n, sum, sum of squares)."""
    table = sums.reshape(-1, 3)
    return Windows(n=table[:, :1], total=table[:, 1:2], total_of_squares=table[:, 2:3])


def _of_numbers(values: Floats) -> Windows:
    """One number a window."""
    column = values[:, None]
    return Windows(n=np.ones(column.shape), total=column, total_of_squares=column**2)


def _of_sums(sums: Mapping[int, Floats], keys: Sequence[int]) -> Windows:
    return _as_windows(np.array([sums.get(key, np.zeros(3)) for key in keys]).reshape(-1, 3))


def _stacked(counts: StoredCounts, name: str, keys: Sequence[int], size: int) -> Ints:
    """A table's counts, one row a window."""
    by_window = counts.counts.get(name, {})
    stacked = np.zeros((len(keys), size), dtype=np.int64)
    for place, key in enumerate(keys):
        if key in by_window:
            stacked[place] = by_window[key]
    return stacked
