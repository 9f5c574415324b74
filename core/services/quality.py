"""Whether what comes in can be trusted: checks of the window looked at, columns, and how records came in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from core.measure import Family, Interval, Measure, Status
from core.profile.fitting import measured_type
from core.profile.spec import OUTSIDE
from core.quality.arrivals import Arrivals, arrival_findings, missing_windows, staleness
from core.quality.columns import ColumnQuality, QualityProblem, column_quality
from core.schema import ColumnType, Role
from core.services.arrivals import Intake
from core.services.observations import Context, Observations, WindowInfo
from core.services.panel import subject_key
from core.services.verdicts import ALARMS, located, of_many, worst
from core.stats.binning import Special
from core.stats.intervals import wilson

__all__ = ["ColumnRow", "QualityCheck", "QualityReport", "quality_report", "rows_outside"]

Ints = NDArray[np.int64]

SHARES = {"missing_share": "missing", "invalid_share": "invalid", "outside_share": "outside"}
CONVENTION = (
    "cells that are neither missing nor unreadable, of all cells; mean of the columns' Wilson limits, "
    "which holds however columns hang together"
)
OUTSIDE_CONVENTION = (
    "rows with a value outside anything the reference had in some column, of all rows; columns that are left out "
    "don't count; Wilson interval. The reference's is that of each of its windows against all its others"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRow:
    """One column in the window looked at: its shares as they are judged, and what broke in it."""

    column: str
    kind: ColumnType
    role: Role
    left_out: str
    quality: ColumnQuality
    measures: tuple[Measure, ...]

    @property
    def status(self) -> Status:
        """The worst verdict on its shares."""
        return worst(measure.status for measure in self.measures)

    def measure(self, name: str) -> Measure | None:
        """One of its shares."""
        return next((measure for measure in self.measures if measure.measure == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityCheck:
    """One line of the list: a question, how it was answered, and what was found.

    `is_about_now`: it is about the clock, not about the window looked at, whose verdict it is no part of.
    """

    title: str
    status: Status
    words: tuple[str, ...]
    is_about_now: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """`complete` and `outside` have one measure a window, `shares` one series for each column and kind of cell."""

    context: Context
    complete: tuple[Measure, ...]
    outside: tuple[Measure, ...]
    shares: tuple[tuple[Measure, ...], ...]
    columns: tuple[ColumnRow, ...]
    checks: tuple[QualityCheck, ...]
    arrivals: tuple[Arrivals, ...]
    gaps: tuple[str, ...]

    @property
    def status(self) -> Status:
        """What failed first; stable only where most columns can be told."""
        broken = worst(check.status for check in self.checks if not check.is_about_now)
        return broken if broken in ALARMS else of_many(row.status for row in self.columns if row.measures)


def quality_report(
    observations: Observations, intake: Intake | None = None, *, now: datetime | None = None
) -> QualityReport:
    """What can be used of what came in, what broke, and is that new?

    The share of usable cells is shown and not judged: one column that vanishes among hundreds hardly moves
    it. Each column's shares are watched.

    Parameters
    ----------
    intake : Intake, optional
        How records came in, as `core.services.arrivals` reads it; without it nothing is said of that.
    now : datetime, optional
        Aware; without it nothing is called overdue.
    """
    context = observations.context
    if context.shows_reference:
        return QualityReport(
            context=context, complete=(), outside=(), shares=(), columns=(), checks=(), arrivals=(), gaps=()
        )
    columns = tuple(_columns(observations)) if context.focus else ()
    return QualityReport(
        context=context,
        complete=_complete(observations),
        outside=rows_outside(observations),
        shares=tuple(_shares(observations)),
        columns=columns,
        checks=tuple(_checks(observations, columns, intake, now)),
        arrivals=intake.arrivals if intake else (),
        gaps=intake.gaps if intake else (),
    )


def _shares(observations: Observations) -> Iterator[tuple[Measure, ...]]:
    """Each column's watched shares of missing, unreadable and new values, window by window, with their verdicts."""
    context = observations.context
    for name, bins in observations.spec.columns.items():
        reference = observations.reference_column(name)
        qualities = [column_quality(reference, observations.column(name, [window]), bins) for window in context.windows]
        for share, kind in SHARES.items():
            if not observations.watches(subject_key(kind, name)):
                continue
            yield tuple(
                _judged(observations, quality.measure(share), name, kind, window)
                for quality, window in zip(qualities, context.windows, strict=True)
            )


def _judged(observations: Observations, measure: Measure, column: str, kind: str, window: WindowInfo) -> Measure:
    expected = _novel_share(observations, column) if kind == "outside" else measure.reference
    found = located(replace(measure, column=column, reference=expected), observations.context, window)
    return observations.judged(found, subject_key(kind, column), window)


def _columns(observations: Observations) -> Iterator[ColumnRow]:
    context, schema = observations.context, observations.schema
    focus = context.focus
    if focus is None:
        return
    for name, bins in observations.spec.columns.items():
        quality = column_quality(observations.reference_column(name), observations.column(name, [focus]), bins)
        yield ColumnRow(
            column=name,
            kind=measured_type(schema, name),
            role=schema.columns[name].role,
            left_out=observations.left_out(name),
            quality=quality,
            measures=tuple(
                _judged(observations, quality.measure(share), name, kind, focus)
                for share, kind in SHARES.items()
                if observations.watches(subject_key(kind, name))
            ),
        )


def _checks(
    observations: Observations, columns: Sequence[ColumnRow], intake: Intake | None, now: datetime | None
) -> Iterator[QualityCheck]:
    focus = observations.context.focus
    if focus is None:
        return
    watched = [row for row in columns if not row.left_out]
    for title, share in (
        ("No column lost its values", "missing_share"),
        ("Every cell can be read as its type", "invalid_share"),
        ("Values lie within what the reference had", "outside_share"),
    ):
        measures = [(row, m) for row in watched if (m := row.measure(share)) is not None]
        status = worst(measure.status for _, measure in measures)
        words = [
            f"{row.column}: {measure.value:.1%} [{measure.interval.low:.1%}, {measure.interval.high:.1%}], "
            f"{measure.reference or 0.0:.1%} in the reference; {measure.why}."
            for row, measure in measures
            if measure.status in (Status.CRITICAL, Status.WARNING) and measure.value is not None and measure.interval
        ]
        yield QualityCheck(title=title, status=status, words=tuple(words))
    broken = [
        f"{row.column}: {finding.words}"
        for row in watched
        for finding in row.quality.findings
        if finding.problem in STRUCTURAL
    ]
    yield QualityCheck(
        title="No column changed its kind", status=Status.WARNING if broken else Status.OK, words=tuple(broken)
    )
    if intake is not None:
        yield from _intake_checks(observations, intake, focus, now)


STRUCTURAL = (
    QualityProblem.VANISHED,
    QualityProblem.NOTHING_KNOWN,
    QualityProblem.BECAME_CONSTANT,
    QualityProblem.NO_LONGER_CONSTANT,
    QualityProblem.INFINITE,
    QualityProblem.APPEARED,
)


def _intake_checks(
    observations: Observations, intake: Intake, focus: WindowInfo, now: datetime | None
) -> Iterator[QualityCheck]:
    """How records came in: files, volume and repeated ids as they are watched, lateness and freshness in words."""
    named = intake.columns.get(focus.window.key, ())
    yield QualityCheck(
        title="Files have the schema's columns",
        status=Status.WARNING if named else Status.OK,
        words=tuple(finding.words for finding in named),
    )
    arrivals = intake.of(focus.name)
    found = {finding.problem: finding.words for finding in arrival_findings(arrivals)} if arrivals else {}
    for title, key, problem in (
        ("As many records as usual", "volume", QualityProblem.VOLUME),
        ("Ids come once", "duplicates", QualityProblem.REPEATED_IDS),
    ):
        status, why = observations.verdict(subject_key(key), focus)
        words = [found[problem]] if problem in found else []
        if status in (Status.CRITICAL, Status.WARNING):
            words.append(f"{why[:1].upper()}{why[1:]}.")
        yield QualityCheck(title=title, status=status, words=tuple(words))
    for title, problem in (
        ("Records come in time", QualityProblem.LATE),
        ("Records fit the schema", QualityProblem.SET_ASIDE),
    ):
        words = [found[problem]] if problem in found else []
        yield QualityCheck(title=title, status=Status.WARNING if words else Status.OK, words=tuple(words))
    start, end = focus.window.start_at, focus.window.end_at
    length = end - start if start is not None and end is not None else None
    absent = missing_windows(intake.gaps)
    yield QualityCheck(
        title="No window is without records",
        status=Status.WARNING if absent else Status.OK,
        words=(absent.words,) if absent else (),
    )
    overdue = staleness(intake.last_record_at, now=now, window=length) if now is not None else None
    yield QualityCheck(
        title="Records still come, as of now",
        status=Status.WARNING if overdue else Status.OK,
        words=(overdue.words,) if overdue else (),
        is_about_now=True,
    )


def rows_outside(observations: Observations) -> tuple[Measure, ...]:
    """Which share of rows lies outside anything the reference had, window by window; shown, whatever is watched."""
    context, found = observations.context, []
    expected = _novel_share(observations, "")
    for window in context.windows:
        counts = observations.current.count(OUTSIDE, [window.window.key], 2)
        n, k = int(counts.sum()), int(counts[1])
        blank = Measure(
            family=Family.DATA_QUALITY,
            measure="rows_outside_share",
            value=None,
            n=n,
            convention=OUTSIDE_CONVENTION,
            status=Status.UNDEFINED,
            why="No rows in this window.",
        )
        measure = blank
        if n:
            measure = replace(
                blank,
                value=k / n,
                interval=wilson(k, n),
                reference=expected,
                status=Status.INSUFFICIENT,
                why="shown, not judged: each column is watched",
            )
        found.append(located(measure, context, window))
    return tuple(found)


def _novel_share(observations: Observations, column: str) -> float | None:
    """The share of the reference's rows whose value no other of its windows has."""
    n = observations.context.n_reference
    novel = observations.spec.novel.get(column)
    return sum(novel.values()) / n if n and novel is not None else None


def _complete(observations: Observations) -> tuple[Measure, ...]:
    """The share of cells that can be used, window by window."""
    context, columns = observations.context, observations.spec.columns
    reference = [_usable(observations.reference_column(name), bins.n_bins) for name, bins in columns.items()]
    before = _usable_share(reference).value
    found = []
    for window in context.windows:
        cells = [_usable(observations.column(name, [window]), bins.n_bins) for name, bins in columns.items()]
        found.append(located(replace(_usable_share(cells), reference=before), context, window))
    return tuple(found)


def _usable(counts: Ints, n_bins: int) -> tuple[int, int]:
    """Cells of a column that can be used, and all of them."""
    n = int(counts.sum())
    return n - int(counts[n_bins + Special.MISSING]) - int(counts[n_bins + Special.INVALID]), n


def _usable_share(cells: Sequence[tuple[int, int]]) -> Measure:
    """The share of usable cells over the columns."""
    n = sum(total for _, total in cells)
    blank = Measure(
        family=Family.DATA_QUALITY,
        measure="complete_share",
        value=None,
        n=n,
        convention=CONVENTION,
        status=Status.UNDEFINED,
        why="There are no cells.",
    )
    if n == 0:
        return blank
    limits = [wilson(usable, total) for usable, total in cells if total]
    return replace(
        blank,
        value=sum(usable for usable, _ in cells) / n,
        interval=Interval(
            low=float(np.mean([limit.low for limit in limits])), high=float(np.mean([limit.high for limit in limits]))
        ),
        status=Status.INSUFFICIENT,
        why="not judged as a whole: each column is",
    )
