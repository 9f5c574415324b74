"""The counts of one model as its reports need them: which windows there are, and tables over any of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.errors import UnknownNameError
from core.measure import Measure, Status
from core.performance.binary import BinaryCounts
from core.performance.cost import Costs
from core.performance.multiclass import MulticlassCounts
from core.performance.regression import RegressionCounts
from core.profile.spec import (
    CALIBRATION,
    EXPLORED,
    EXPLORED_SUMS,
    LOSS_SUMS,
    REGRESSION_SUMS,
    ProfileSpec,
    column_table,
    joint_table,
    loss_table,
    score_table,
)
from core.profile.windows import Window, WindowPlan
from core.record import BatchRole
from core.schema import ModelSchema, Task
from core.services.promise import WatchKind
from core.services.reference import ReferenceDecided, basis_in_force, decided
from core.services.reference_facts import ReferenceFacts, read_facts
from core.services.sampled_series import SampledSeries, load_series
from core.services.watch_report import WatchReport, load_watch, policy_of, reason_not_armed
from core.storage.alerting import AlertMoveRow, WatchRow
from core.storage.counts import StoredCounts, load_counts
from core.storage.repository import Repository
from core.storage.tables import BatchRow, ModelRow, ProfileRow

__all__ = ["Arming", "Context", "Observations", "OutcomeCounts", "Selection", "WindowInfo"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

ASKED_LEVEL = 0.05  # of questions asked of one window, over all columns
COMPLETE_SHARE = 0.95  # a window is complete once records reach into its last twentieth
OutcomeCounts = BinaryCounts | MulticlassCounts | RegressionCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which rows a report is about; by default all versions and segments, and the latest complete window.

    A segment is named 'column=value', a window as the CLI prints it: '2026-W39'.
    """

    version: str | None = None
    segment: str = ""
    window: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowInfo:
    """A window with what is known of it."""

    window: Window
    n: int
    n_labelled: int
    is_complete: bool
    is_mature: bool

    @property
    def name(self) -> str:
        """The window's name."""
        return self.window.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Arming:
    """Whether alarms can be raised, and what they are worth, in words.

    `asks`: '' for the model as a whole, whose alarms are the watch's; else what is asked of some rows only,
    which is answered by p-values, apart from alarms, at `level`.
    """

    is_armed: bool
    reason: str
    asks: str
    level: float = ASKED_LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every report states about itself: whose numbers, which windows, on which reference, known when."""

    model: str
    task: Task
    unit: str
    timezone: str
    selection: Selection
    versions: tuple[str, ...]
    segments: tuple[str, ...]
    windows: tuple[WindowInfo, ...]
    focus: WindowInfo | None
    reference_windows: tuple[WindowInfo, ...]
    n_reference: int
    arming: Arming
    data_to: datetime | None
    mature_to: datetime | None
    profile_digest: str
    shows_reference: bool
    attributes: tuple[str, ...] = ()
    decided: ReferenceDecided | None = None

    @property
    def unit_is_calendar(self) -> bool:
        """Whether windows are stretches of time, not numbers of rows."""
        return all(window.window.start_at is not None for window in self.reference_windows)

    @property
    def reference_from(self) -> datetime | None:
        """When the reference begins."""
        return self.reference_windows[0].window.start_at if self.reference_windows else None

    @property
    def reference_to(self) -> datetime | None:
        """When the reference ends."""
        return self.reference_windows[-1].window.end_at if self.reference_windows else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observations:
    """A model's counts under one selection, and tables cut from them; `held_against`: the reference's batches."""

    schema: ModelSchema
    spec: ProfileSpec
    context: Context
    reference: StoredCounts
    current: StoredCounts
    watch: WatchReport | None
    facts: ReferenceFacts | None
    series: Mapping[str, SampledSeries]
    held_against: tuple[int, ...]

    @classmethod
    def load(
        cls, session: Session, model: ModelRow, selection: Selection, *, names: Sequence[str] | None = None
    ) -> Observations | None:
        """A model's counts; None while it has no profile. `names` limits which tables are read."""
        repository = Repository(session)
        profile = profile_in_force(repository, model)
        if profile is None:
            return None
        schema, spec = repository.schema(model), ProfileSpec.from_json(profile.spec)
        segments = tuple(f"{column}={value}" for column in spec.segments for value in spec.segment_values(column))
        if selection.segment and selection.segment not in segments:
            raise UnknownNameError("segment", selection.segment, segments)
        wanted = None if names is None else [*names, joint_table()]

        known = set(spec.reference_digests)  # what is being counted for another reference isn't looked at yet
        roles = (BatchRole.REFERENCE, BatchRole.BASELINE)
        held_against = [b for b in repository.batches(model, roles=roles) if b.records_sha256 in known]

        def counts(role: BatchRole, version: str | None, batch_ids: Sequence[int] | None = None) -> StoredCounts:
            return load_counts(
                session,
                profile_id=profile.id,
                role=role,
                segment=selection.segment,
                version=version,
                names=wanted,
                batch_ids=batch_ids,
            )

        ids = [batch.id for batch in held_against]
        reference = counts(BatchRole(held_against[0].role) if ids else BatchRole.REFERENCE, None, ids)
        current = counts(BatchRole.PRODUCTION, selection.version)
        shows_reference = not current.windows and selection.version is None
        batches = repository.batches(model, roles=[BatchRole.REFERENCE if shows_reference else BatchRole.PRODUCTION])
        label_times = [row.last_at for row in repository.label_batches(model) if row.last_at is not None]
        data_to = max((batch.last_at for batch in batches if batch.last_at is not None), default=None)
        known_to = max([*label_times, *([data_to] if data_to else [])], default=None)
        plan = WindowPlan.of(schema.window, schema.timezone)
        delay = timedelta(days=schema.labels.delay_days)
        mature_to = None if known_to is None else known_to - delay
        reference_windows = _windows(reference, spec, plan, batches=(), data_to=None, mature_to=None)
        watch = load_watch(session, model, plan, policy_of(session, model))
        windows = (
            reference_windows
            if shows_reference
            else _windows(current, spec, plan, batches=batches, data_to=data_to, mature_to=mature_to)
        )
        context = Context(
            model=model.name,
            task=schema.task,
            unit=plan.unit_name,
            timezone=schema.timezone,
            selection=selection,
            versions=tuple(repository.versions(model)),
            segments=segments,
            windows=windows,
            focus=_focus(windows, selection.window),
            reference_windows=reference_windows,
            n_reference=sum(window.n for window in reference_windows),
            arming=_arming(watch, selection, len(reference_windows)),
            data_to=data_to,
            mature_to=mature_to,
            profile_digest=profile.digest,
            shows_reference=shows_reference,
            attributes=tuple(spec.groups),
            decided=decided(session, model),
        )
        return cls(
            schema=schema,
            spec=spec,
            context=context,
            reference=reference,
            current=reference if shows_reference else current,
            watch=watch,
            facts=read_facts(profile.facts),
            series=load_series(session, profile),
            held_against=tuple(ids),
        )

    def judged(self, measure: Measure, key: str, window: WindowInfo) -> Measure:
        """A measure with the watch's verdict on the subject that it belongs to; of some rows only, none."""
        if measure.status is Status.UNDEFINED:
            return measure
        if self.watch is None or not self.context.arming.is_armed:
            return measure.judged(Status.INSUFFICIENT, self.context.arming.reason)
        if self.context.arming.asks:
            return measure.judged(Status.INSUFFICIENT, f"not watched: {self.context.arming.asks} only")
        return self.watch.judged(measure, key, window.window.key, thinness=self._thinness(key, window))

    def verdict(self, key: str, window: WindowInfo) -> tuple[Status, str]:
        """The watch's verdict on a subject after a window, and why."""
        if self.watch is None or not self.context.arming.is_armed:
            return Status.INSUFFICIENT, self.context.arming.reason
        if self.context.arming.asks:
            return Status.INSUFFICIENT, f"not watched: {self.context.arming.asks} only"
        return self.watch.status(key, window.window.key, thinness=self._thinness(key, window))

    def _thinness(self, key: str, window: WindowInfo) -> float:
        """How many times more rows a reference window has than the windows up to this one, lately, on average."""
        if self.watch is None or self.watch.promise is None:
            return 1.0
        subject, context = self.watch.subjects.get(key), self.context
        labelled = subject is not None and subject.set is WatchKind.MATURED
        upto = context.windows[: context.windows.index(window) + 1][-self.watch.promise.horizon :]
        now = [w.n_labelled if labelled else w.n for w in upto]
        before = [w.n_labelled if labelled else w.n for w in context.reference_windows]
        return float(np.mean(before)) / max(float(np.mean(now)), 1e-9)

    def watches(self, key: str) -> bool:
        """Whether a subject is watched or listed with the reason why it isn't; while nothing is, any could be."""
        return self.watch is None or key in self.watch.subjects

    def left_out(self, column: str) -> str:
        """Why a column isn't watched: by what it is, or by the alarm policy; '' if it is."""
        by_policy = self.watch.policy.left_out.get(column, "") if self.watch else ""
        return self.spec.left_out.get(column, "") or by_policy

    @property
    def per_year(self) -> float | None:
        """How many windows a year has; None for windows of N rows."""
        return WindowPlan.of(self.schema.window, self.schema.timezone).per_year

    @property
    def mature(self) -> tuple[WindowInfo, ...]:
        """The windows whose labels should be in."""
        return tuple(window for window in self.context.windows if window.is_mature)

    def column(self, column: str, windows: Iterable[WindowInfo]) -> Ints:
        """A column's counts over some windows."""
        return self.current.count(column_table(column), _keys(windows), self.spec.columns[column].size)

    def reference_column(self, column: str) -> Ints:
        """A column's counts in the reference."""
        size = self.spec.columns[column].size
        return self.reference.count(column_table(column), self.reference.windows, size)

    def joint(self, windows: Iterable[WindowInfo], attribute: str = "") -> Ints:
        """Score bin x prediction x label x group over some windows."""
        return _joint(self.current, self.spec, _keys(windows), attribute)

    def reference_joint(self, attribute: str = "") -> Ints:
        """Score bin x prediction x label x group of the reference."""
        return _joint(self.reference, self.spec, self.reference.windows, attribute)

    def joint_of(self, keys: Sequence[int], *, of_reference: bool = False, attribute: str = "") -> Ints:
        """Score bin x prediction x label x group over windows given by key."""
        return _joint(self.reference if of_reference else self.current, self.spec, keys, attribute)

    def calibration_of(self, keys: Sequence[int], *, of_reference: bool = False) -> Floats:
        """Sums by calibration bin over windows given by key."""
        return _calibration(self.reference if of_reference else self.current, self.spec, keys)

    def outcomes_of(self, keys: Sequence[int], *, of_reference: bool = False) -> OutcomeCounts:
        """What performance is computed from, over windows given by key."""
        return _outcomes(self.schema, self.spec, self.reference if of_reference else self.current, keys)

    def explored(self, windows: Iterable[WindowInfo] | None) -> Floats | None:
        """Sums of explored rows over some windows, None means the reference; None where the log doesn't say."""
        if windows is None:
            return _explored(self.reference, self.spec, self.reference.windows)
        return _explored(self.current, self.spec, _keys(windows))

    def explored_of(self, keys: Sequence[int], *, of_reference: bool = False) -> Floats | None:
        """Sums of explored rows over windows given by key; None where the log doesn't say."""
        return _explored(self.reference if of_reference else self.current, self.spec, keys)

    def losses(self, windows: Iterable[WindowInfo], attribute: str = "") -> Floats:
        """Sums of losses by group over some windows, shape (n_groups, n_sums)."""
        return _losses(self.current, self.spec, _keys(windows), attribute)

    def calibration(self, windows: Iterable[WindowInfo]) -> Floats:
        """Sums by calibration bin over some windows, the bin of unusable rows last."""
        return _calibration(self.current, self.spec, _keys(windows))

    def reference_calibration(self) -> Floats:
        """Sums by calibration bin of the reference."""
        return _calibration(self.reference, self.spec, self.reference.windows)

    def outcomes(self, windows: Iterable[WindowInfo]) -> OutcomeCounts:
        """What performance is computed from, over some windows."""
        return _outcomes(self.schema, self.spec, self.current, _keys(windows))

    def reference_outcomes(self) -> OutcomeCounts:
        """What performance is computed from, on the reference."""
        return _outcomes(self.schema, self.spec, self.reference, self.reference.windows)

    @property
    def costs(self) -> Costs | None:
        """What decisions cost, if the schema says."""
        given = self.schema.costs
        return None if given is None else Costs(amounts=given.amounts, currency=given.currency)

    @property
    def positive(self) -> int | None:
        """The positive class's place on the class axes."""
        return None if self.schema.positive is None else self.spec.classes.index(self.schema.positive)

    @property
    def favourable(self) -> int | None:
        """The favourable class's place on the class axes."""
        return None if self.schema.favourable is None else self.spec.classes.index(self.schema.favourable)


def _arming(watch: WatchReport | None, selection: Selection, n_reference_windows: int) -> Arming:
    asks = f"segment {selection.segment}" if selection.segment else ""
    if selection.version is not None:
        asks = f"{asks} of version {selection.version}" if asks else f"version {selection.version}"
    too_few = reason_not_armed(n_reference_windows)
    if too_few or watch is None or watch.promise is None:
        return Arming(is_armed=False, reason=too_few or "Not armed: nothing can be watched yet.", asks=asks)
    promise = watch.promise
    reason = (
        f"Armed: at most {promise.false_alarms_per_year:g} false alert {promise.per} in expectation, over all "
        f"{promise.n_armed} series watched."
    )
    return Arming(is_armed=True, reason=reason, asks=asks)


def state_of(session: Session, model: ModelRow) -> str:
    """Names what a model's reports rest on: it changes whenever any of them could."""
    watches = session.execute(select(WatchRow.id, WatchRow.mark).where(WatchRow.model_id == model.id)).all()
    answered = session.scalar(select(func.count()).select_from(AlertMoveRow))
    watched = ",".join(f"{watch}:{mark}" for watch, mark in watches)
    return f"{counted_state(session, model)}:{watched}:{policy_of(session, model).digest}:{answered}"


def profile_of(session: Session, model: ModelRow, observations: Observations) -> ProfileRow:
    """The profile that observations were counted on."""
    digest = observations.context.profile_digest
    return next(profile for profile in Repository(session).profiles(model) if profile.digest == digest)


def counted_state(session: Session, model: ModelRow) -> str:
    """Names what has been counted of a model."""
    repository = Repository(session)
    profile = profile_in_force(repository, model)
    if profile is None:
        return "no profile"
    marks = repository.profiled(profile)
    versions = len(repository.versions(model))
    return f"{profile.digest}:{sorted(marks.items())}:{versions}:{repository.schema_row(model).id}"


def profile_in_force(repository: Repository, model: ModelRow) -> ProfileRow | None:
    """The profile of the reference in force, once all that there is has been counted for it.

    Until then that for which most batches have been of those that were finished once: what was counted on the reference
    before is shown until all is counted on a new one. Of as many that of the reference in force, else the newest.
    """
    profiles = repository.profiles(model)
    live = {batch.id for batch in repository.batches(model)}
    basis = basis_in_force(repository.session, model)

    def rank(profile: ProfileRow) -> tuple[bool, int, bool, int]:
        n_counted = len(live & repository.profiled(profile).keys())
        return profile.finished_at is not None, n_counted, profile.basis == basis, profile.id

    return max(profiles, key=rank, default=None)


def _keys(windows: Iterable[WindowInfo]) -> list[int]:
    return [window.window.key for window in windows]


def _windows(
    counts: StoredCounts,
    spec: ProfileSpec,
    plan: WindowPlan,
    *,
    batches: Sequence[BatchRow],
    data_to: datetime | None,
    mature_to: datetime | None,
) -> tuple[WindowInfo, ...]:
    """The windows of a role; those of a reference count as complete and mature."""
    infos = []
    n_rows = sum(batch.n_rows for batch in batches)
    for key in counts.windows:
        window = plan.window(key)
        by_label = _joint(counts, spec, [key], "").sum(axis=(0, 1, 3))
        end = window.end_at
        if end is not None and window.start_at is not None and data_to is not None:
            is_complete = data_to >= window.start_at + COMPLETE_SHARE * (end - window.start_at)
            is_mature = mature_to is not None and mature_to >= window.start_at + COMPLETE_SHARE * (
                end - window.start_at
            )
        else:
            last = window.last_row
            is_complete = last is None or not batches or last < n_rows
            is_mature = True
        infos.append(
            WindowInfo(
                window=window,
                n=int(by_label.sum()),
                n_labelled=int(by_label[:-1].sum()),
                is_complete=is_complete,
                is_mature=is_mature,
            )
        )
    return tuple(infos)


def _focus(windows: Sequence[WindowInfo], name: str | None) -> WindowInfo | None:
    """The window asked for, else the latest complete one, else the latest."""
    if name is not None:
        found = next((window for window in windows if window.name == name), None)
        if found is None:
            raise UnknownNameError("window", name, [window.name for window in windows])
        return found
    complete = [window for window in windows if window.is_complete]
    return complete[-1] if complete else windows[-1] if windows else None


def _joint(counts: StoredCounts, spec: ProfileSpec, keys: Iterable[int], attribute: str) -> Ints:
    shape = spec.joint_shape(attribute)
    return counts.count(joint_table(attribute), keys, int(np.prod(shape))).reshape(shape)


def _losses(counts: StoredCounts, spec: ProfileSpec, keys: Iterable[int], attribute: str) -> Floats:
    width = len(REGRESSION_SUMS if spec.task is Task.REGRESSION else LOSS_SUMS)
    return counts.total(loss_table(attribute), keys, (len(spec.group_names(attribute)), width))


def _calibration(counts: StoredCounts, spec: ProfileSpec, keys: Iterable[int]) -> Floats:
    width = 2 if spec.task is Task.REGRESSION else 1
    return counts.total(CALIBRATION, keys, (spec.n_calibration_bins + 1, width))


def _explored(counts: StoredCounts, spec: ProfileSpec, keys: Iterable[int]) -> Floats | None:
    shape = (spec.n_calibration_bins + 1, 3, 3, len(EXPLORED_SUMS))
    return counts.total(EXPLORED, keys, shape) if spec.has_explored else None


def _outcomes(schema: ModelSchema, spec: ProfileSpec, counts: StoredCounts, keys: Sequence[int]) -> OutcomeCounts:
    joint = _joint(counts, spec, keys, "").sum(axis=3)
    if spec.task is Task.REGRESSION:
        return RegressionCounts(joint=joint, losses=_losses(counts, spec, keys, "")[0])
    if spec.task is Task.MULTICLASS:
        tables = {
            label: counts.count(score_table(label), keys, bins.size * 9).reshape(bins.size, 3, 3)
            for label, bins in spec.scores.items()
        }
        return MulticlassCounts(
            confusion=joint.sum(axis=0), classes=spec.classes, scores=tables, score_bins=dict(spec.scores)
        )
    has_score = "" in spec.scores
    first, second = spec.classes
    return BinaryCounts(
        joint=joint,
        classes=(first, second),
        positive=spec.classes.index(schema.positive or second),
        score_bins=spec.scores[""] if has_score else None,
        calibration_groups=spec.calibration_groups,
        losses=_losses(counts, spec, keys, "")[0] if has_score else None,
        calibration=_calibration(counts, spec, keys)[:, 0] if has_score else None,
        explored=_explored(counts, spec, keys),
    )
