"""How complete the labels of each window are, when they usually are, and for whom they come later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.governance.identity import Actor, Right, allowed
from core.measure import Interval
from core.performance.maturity import DelayGap, LabelCurve, delay_counts, delay_gaps, label_curve
from core.record import LABEL, TIMESTAMP
from core.schema import ModelSchema
from core.services.fairness_rows import SampleBasis, codes_of, of_segment
from core.services.observations import Context, Observations, Selection, WindowInfo
from core.services.samples import FIRST_LABEL, WINDOW, SampleService
from core.storage.database import Database
from core.storage.repository import Repository

__all__ = ["Completeness", "MaturityReport", "MaturityService"]

Floats = NDArray[np.float64]

SPAN = 52  # windows that delays are taken from, the latest
PART = 0.95  # of the labels that come: by then they are usually there
HOURS_BELOW = 3.0  # days of delay that the schema may name for ages to be told in hours
MOST_AGES = 2_000
LEAST_ROWS = 30
LEAST_TIMED = 0.5  # of the labels that must name their time


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """The labels of a window: how many there are and, of those that will come, which part that is."""

    window: WindowInfo
    part: float | None
    interval: Interval | None

    @property
    def is_complete(self) -> bool:
        """Whether as many labels are there as usually come, 95% at least."""
        return self.part is not None and self.part >= PART


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaturityReport:
    """The share of records that has a label by age; None with the reason in ``why`` where that can't be told.

    ``unit`` is 'day' or 'hour', that of all ages. ``judged_at`` is the age from which on windows are judged: the
    schema's delay. ``windows`` are those whose labels aren't complete, or the last. ``n_untimed`` rows have a label
    without a time and are left out.
    """

    context: Context
    curve: LabelCurve | None
    gaps: tuple[DelayGap, ...]
    windows: tuple[Completeness, ...]
    unit: str
    judged_at: int
    known_to: datetime | None
    basis: SampleBasis | None
    n_untimed: int = 0
    why: str = ""

    @property
    def usual_age(self) -> int | None:
        """The age at which 95% of the labels that come are there."""
        return None if self.curve is None else self.curve.age_of(PART)

    @property
    def is_judged_too_soon(self) -> bool:
        """Whether windows are judged while labels that usually come are missing."""
        return self.usual_age is not None and self.usual_age > self.judged_at

    @property
    def words(self) -> str:
        """When labels are there, in a sentence or two."""
        curve = self.curve
        if curve is None:
            return self.why
        if not curve.is_settled:
            share, _ = curve.at(curve.last_age)
            return (
                f"After {self.ages(curve.last_age)}, the oldest records followed, {share:.0%} have a label and more "
                "are coming: how many will come can't be told yet."
            )
        if self.usual_age is None:
            return "No label has come yet."
        share, interval = curve.at(curve.last_age)
        said = f"95% of the labels that come are there after {self.ages(self.usual_age)}. "
        if share < 1:
            said += f"{1 - share:.1%} of records [{1 - interval.high:.1%}, {1 - interval.low:.1%}] never get one. "
        if self.is_judged_too_soon:
            at, _ = curve.at(self.judged_at)
            said += (
                f"Windows are judged after {self.ages(self.judged_at)}, when {at / share:.0%} of them are there: raise "
                "the schema's `delay_days`."
            )
        return said.strip()

    def ages(self, age: int) -> str:
        """An age in words."""
        return f"{age:,} {self.unit}" + ("" if age == 1 else "s")

    def gap_words(self, gap: DelayGap) -> str:
        """What was found of an attribute's groups, in a sentence."""
        if gap.gap is None or gap.interval is None or gap.p_value is None:
            return gap.why
        p_value = "p < 0.001" if gap.p_value < 0.001 else f"p = {gap.p_value:.3f}"
        span = f"[{100 * gap.interval.low:+.1f}, {100 * gap.interval.high:+.1f}]"
        if not gap.widest or not gap.gap:
            return f"No gap at any age. {gap.why}"
        return (
            f"{gap.widest}: {100 * gap.gap:+.1f} points {span} labelled at {self.ages(gap.age)}, beside all others; "
            f"log-rank {p_value}. {gap.why}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MaturityService:
    """Asks sampled rows when their labels came."""

    database: Database
    samples: SampleService

    @allowed(Right.READ)
    def report(self, actor: Actor, model: str, selection: Selection = Selection()) -> MaturityReport | None:  # noqa: B008
        """How complete are labels by age, over the last 52 windows, and do groups wait as long?

        Returns
        -------
        MaturityReport or None
            None while the model has no reference.
        """
        with self.database.read() as session:
            row = Repository(session).model(model)
            found = Observations.load(session, row, selection)
            batches = Repository(session).label_batches(row)
            label_times = [batch.last_at for batch in batches if batch.last_at is not None]
        if found is None:
            return None
        context, unit = found.context, _unit(found.schema)
        if context.shows_reference or not context.windows:
            return _nothing(found, "There are no production records yet.")
        if not context.unit_is_calendar:
            return _nothing(found, "Records have no time, so that their age isn't known.")
        windows = context.windows[-SPAN:]
        keys = [window.window.key for window in windows]
        version = selection.version
        frame = self.samples.rows(actor, model, windows=keys, version=version, label_times=True)
        if frame.empty:
            return _nothing(found, "No row is kept at hand: the schema's `sample.rows` says how many are.")
        frame = of_segment(frame, found.spec, selection.segment)
        times = frame[FIRST_LABEL]
        untimed = (frame[LABEL].notna() & times.isna()).to_numpy()
        known_to = max([*label_times, *([times.max().to_pydatetime()] if times.notna().any() else [])], default=None)
        if known_to is None or untimed.sum() > LEAST_TIMED * max(1, int(frame[LABEL].notna().sum())):
            return _nothing(found, "Labels that have come name no time: declare a column of role label_time.")
        frame = frame[~untimed].reset_index(drop=True)
        seconds = 3_600 if unit == "hour" else 86_400
        delay = _seconds(frame[FIRST_LABEL] - frame[TIMESTAMP]) / seconds
        followed = _seconds(pd.Timestamp(known_to) - frame[TIMESTAMP]) / seconds
        followed = np.minimum(followed, MOST_AGES)
        if int((followed >= 0).sum()) < LEAST_ROWS:
            return _nothing(found, f"{LEAST_ROWS} records old enough for a label are needed.")
        cohort = np.searchsorted(keys, frame[WINDOW].to_numpy(dtype=np.int64))
        zero = np.zeros(len(frame), dtype=np.int64)
        curve = label_curve(delay_counts(delay, followed, cohort, zero, shape=(len(keys), 1)))
        names = {name: found.spec.group_names(name) for name in found.spec.groups}
        names |= {name: found.spec.segment_values(name) for name in found.spec.segments}
        selected = selection.segment.partition("=")[0]
        counts = {
            name: delay_counts(
                delay, followed, cohort, codes_of(frame[name], groups[:-2]), shape=(len(keys), len(groups))
            )
            for name, groups in names.items()
            if name != selected
        }
        return MaturityReport(
            context=context,
            curve=curve,
            gaps=delay_gaps(counts, names),
            windows=_incomplete(windows, curve),
            unit=unit,
            judged_at=_judged_at(found.schema),
            known_to=known_to,
            basis=SampleBasis(n=len(frame), n_rows=sum(w.n for w in windows), n_windows=len(windows)),
            n_untimed=int(untimed.sum()),
        )


def _seconds(ages: pd.Series) -> Floats:
    return np.asarray(ages.dt.total_seconds().to_numpy(dtype=np.float64))


def _incomplete(windows: tuple[WindowInfo, ...], curve: LabelCurve) -> tuple[Completeness, ...]:
    found = []
    for window in windows:
        known = curve.completeness(window.n_labelled, window.n)
        part, interval = known if known is not None else (None, None)
        found.append(Completeness(window=window, part=part, interval=interval))
    return tuple(each for each in found if not each.is_complete) or tuple(found[-1:])


def _unit(schema: ModelSchema) -> str:
    return "hour" if 0 < schema.labels.delay_days <= HOURS_BELOW else "day"


def _judged_at(schema: ModelSchema) -> int:
    return round(schema.labels.delay_days * (24 if _unit(schema) == "hour" else 1))


def _nothing(found: Observations, why: str) -> MaturityReport:
    return MaturityReport(
        context=found.context,
        curve=None,
        gaps=(),
        windows=(),
        unit=_unit(found.schema),
        judged_at=_judged_at(found.schema),
        known_to=None,
        basis=None,
        why=why,
    )
