"""What estimates need of whole rows, made of the samples once a window: losses expected, and shifts within scores."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.drift.encoding import Columns, tree_matrix
from core.drift.within_score import shift_within_score
from core.performance.direct_loss import LEAST_LABELLED, LOSSES, DirectLoss, ExpectedLosses, direct_loss
from core.performance.refusal import Case, Refusal
from core.performance.reweighted import LEAST_EFFECTIVE, density_weights, outcomes_moved, weighted_classes
from core.profile.spec import ProfileSpec
from core.record import LABEL, PREDICTION, BatchRole, score_columns
from core.schema import ModelSchema, Task
from core.services.fairness_rows import codes_of
from core.services.reference_facts import sample_columns
from core.services.samples import WINDOW, read_sample, sampled_windows
from core.storage.alerting import SeriesRow
from core.storage.database import Database
from core.storage.files import WorkspaceFiles
from core.storage.repository import Repository
from core.storage.tables import ModelRow, ProfileRow

__all__ = ["EstimateSamples", "WithinScore", "load_estimate_samples", "update_estimate_samples"]

Floats = NDArray[np.float64]

FORMAT = "3"
MARK = "estimate_mark"  # a row that says what all others rest on, and why there are none
WITHIN = "within_score"
EXPECTED = {name: f"expected_{name}" for name in LOSSES}
PREDICTED = "@predicted"
MOST_LEARNED = 10_000  # rows of the reference that trees learn losses from
MOST_COMPARED = 8_000  # that windows are told from
ALIKE = 0.03  # how far outcomes of rows of one score may lie from the reference's
NONE_AT_HAND = "No row is kept at hand to expect losses from: the schema's `sample.rows` says how many are."


@dataclass(frozen=True, slots=True, kw_only=True)
class WithinScore:
    """How rows of one score differ from the reference's in a window, and what weights make of the reference.

    `low` and `high` are limits of how far outcomes of the weighted rows lie from the reference's at the same scores.
    `weighted` are (score bin, negatives, positives) of the reference weighted to look like the window; () unless the
    shift is certain.
    """

    area: float
    is_certain: bool
    n_effective: float
    low: float
    high: float
    weighted: tuple[tuple[int, float, float], ...]

    @property
    def is_worth_enough(self) -> bool:
        """Whether the weighted reference has rows enough to go by."""
        return self.n_effective >= LEAST_EFFECTIVE

    @property
    def matters(self) -> bool:
        """Whether rows are certainly other rows, of which it can't be told that outcomes are alike."""
        return self.is_certain and not (self.is_worth_enough and self.low > -ALIKE and self.high < ALIKE)

    def by_class(self, size: int) -> Floats:
        """The weighted reference by score bin and class, shape (size, 2)."""
        counts = np.zeros((size, 2))
        for place, negatives, positives in self.weighted:
            counts[place] = negatives, positives
        return counts


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateSamples:
    """By window key; `why` losses of a regression can't be expected at all, '' if they can."""

    within: Mapping[int, WithinScore]
    expected: Mapping[int, tuple[Mapping[str, DirectLoss], Mapping[str, ExpectedLosses]]]
    why: str = ""

    def weights(self, window: int) -> WithinScore | None:
        """What to use in place of the reference's own rates, where rows of one score are other rows."""
        found = self.within.get(window)
        return found if found is not None and found.matters and found.is_worth_enough else None

    def refusals(self, window: int, *, is_part: bool = False) -> tuple[Refusal, ...]:
        """Why rows of one score are not the reference's, and no weights make up for it; `is_part`: not of all rows."""
        found = self.within.get(window)
        if found is None or not found.matters or (found.is_worth_enough and not is_part):
            return ()
        head = (
            f"Its rows are other rows than the reference's of the same score: a classifier tells them apart, with an "
            f"AUC of {found.area:.2f} among like scores"
        )
        tail = (
            "weights that make up for it are of all rows only."
            if is_part
            else f"weighted to look like them, the reference is worth {found.n_effective:.0f} rows, fewer than "
            f"{LEAST_EFFECTIVE:.0f}."
        )
        return (Refusal(case=Case.SHIFT_WITHIN_SCORE, words=f"{head}; {tail}"),)

    def losses(self, window: int) -> tuple[Mapping[str, DirectLoss], Mapping[str, ExpectedLosses]]:
        """How expectations held on the reference, and what a window's rows make one expect."""
        nothing = ExpectedLosses(n=0, mean=0.0, variance=0.0, squares=0.0, doubt=0.0)
        unknown = DirectLoss(n=0, scatter=0.0, correlation=0.0, n_windows=0)
        return self.expected.get(window, (dict.fromkeys(LOSSES, unknown), dict.fromkeys(LOSSES, nothing)))


def load_estimate_samples(session: Session, profile: ProfileRow) -> EstimateSamples:
    """What was made of a profile's samples for estimates."""
    names = (MARK, WITHIN, *EXPECTED.values())
    rows = session.scalars(
        select(SeriesRow).where(
            SeriesRow.profile_id == profile.id, SeriesRow.name.in_(names), SeriesRow.role == BatchRole.PRODUCTION
        )
    ).all()
    by_name: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in names}
    for row in rows:
        by_name[row.name][row.window] = dict(row.detail)
    within = {
        key: WithinScore(**{**detail, "weighted": tuple(map(tuple, detail["weighted"]))})
        for key, detail in by_name[WITHIN].items()
        if detail
    }
    expected = {
        key: (
            {name: DirectLoss(**by_name[stored][key]["of"]) for name, stored in EXPECTED.items()},
            {name: ExpectedLosses(**by_name[stored][key]["expected"]) for name, stored in EXPECTED.items()},
        )
        for key in by_name[EXPECTED[LOSSES[0]]]
    }
    mark = next(iter(by_name[MARK].values()), None)
    return EstimateSamples(within=within, expected=expected, why=NONE_AT_HAND if mark is None else mark["why"])


def update_estimate_samples(database: Database, files: WorkspaceFiles, model: ModelRow, profile: ProfileRow) -> None:
    """Make what isn't made yet for the windows of production.

    A window is made anew when rows of it came in or went, or labels of the reference came.
    """
    with database.read() as session:
        repository = Repository(session)
        schema, spec = repository.schema(model), ProfileSpec.from_json(profile.spec)
        batches = {
            role: [batch for batch in side if repository.sample(batch) is not None]
            for role, side in {
                BatchRole.REFERENCE: repository.reference(model),
                BatchRole.PRODUCTION: repository.batches(model, roles=[BatchRole.PRODUCTION]),
            }.items()
        }
        labels = [label.id for one in batches[BatchRole.REFERENCE] for label in repository.label_batches_of(one)]
        learned = _digest(FORMAT, *(one.records_sha256 for one in batches[BatchRole.REFERENCE]), *map(str, labels))
        mark = _digest(learned, *(one.records_sha256 for one in batches[BatchRole.PRODUCTION]))
        stored = session.scalars(select(SeriesRow).where(SeriesRow.profile_id == profile.id))
        known = {(row.name, row.window): row.basis for row in stored if row.name in (MARK, WITHIN, *EXPECTED.values())}
        is_asked = schema.task is Task.REGRESSION or (schema.task is Task.BINARY and "" in spec.scores)
        if not is_asked or known.get((MARK, 0)) == mark or not batches[BatchRole.REFERENCE]:
            return
        first = WITHIN if schema.task is Task.BINARY else EXPECTED[LOSSES[0]]
        parts = sampled_windows(session, batches[BatchRole.PRODUCTION], schema)
        bases = {key: _digest(learned, *sorted(of)) for key, of in parts.items()}
        stale = {key: basis for key, basis in bases.items() if known.get((first, key)) != basis}
        touched = {batch.id for key in stale for batch in parts[key].values()}
        batches[BatchRole.PRODUCTION] = [one for one in batches[BatchRole.PRODUCTION] if one.id in touched]
        samples = {role: read_sample(session, files, side, schema).to_pandas() for role, side in batches.items()}
    made, why = _made(samples[BatchRole.REFERENCE], samples[BatchRole.PRODUCTION], schema, spec, stale)
    made.append(_row(MARK, 0, mark, detail={"why": why}))
    with database.write(f"profile {profile.id}") as session:
        for row in made:
            row.profile_id = profile.id
            session.merge(row)


def _made(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    schema: ModelSchema,
    spec: ProfileSpec,
    stale: Mapping[int, str],
) -> tuple[list[SeriesRow], str]:
    """The rows of windows that are new, by what they rest on, and why losses can't be expected, '' if they can."""
    windows = []
    for window, rows in current.groupby(WINDOW, sort=True) if len(current) else ():
        key = int(str(window))
        if key in stale:
            windows.append((key, stale[key], rows))
    if schema.task is Task.BINARY:
        return _shifts(reference, windows, schema, spec), ""
    return _expectations(reference, windows, schema, spec)


Windows = list[tuple[int, str, pd.DataFrame]]


def _shifts(reference: pd.DataFrame, windows: Windows, schema: ModelSchema, spec: ProfileSpec) -> list[SeriesRow]:
    score, bins = score_columns(schema)[""], spec.scores[""]
    positive = spec.classes.index(schema.positive or spec.classes[-1])
    if LABEL not in reference or score not in reference:
        return []
    before = _usable(reference, score)
    label = codes_of(before[LABEL], spec.classes)
    is_known = label < len(spec.classes)
    before, label = before[is_known], label[is_known]
    kept = _drawn(len(before), MOST_COMPARED, "within score")
    before, label = before.iloc[kept], label[kept]
    scores = before[score].to_numpy(dtype=np.float64)
    names = [name for name in schema.features if name not in spec.left_out]
    columns = sample_columns(before, schema, names)
    made = []
    for key, basis, rows in windows:
        now = _usable(rows, score)
        found = None
        if columns:
            now_scores = now[score].to_numpy(dtype=np.float64)
            found = shift_within_score(
                columns, sample_columns(now, schema, names), scores, now_scores, rng=_rng(str(key))
            )
        detail: dict[str, Any] = {}
        if found is not None:
            weights = density_weights(found.log_odds)
            moved = outcomes_moved(scores, label == positive, weights.weights)
            by_class = np.zeros((0, 2))
            if found.is_certain:
                by_class = weighted_classes(
                    bins.assign(scores), label == positive, weights.weights, spec.calibration_groups, bins.size
                )
            held = np.flatnonzero(by_class.sum(axis=1))
            detail = asdict(
                WithinScore(
                    area=found.area,
                    is_certain=found.is_certain,
                    n_effective=weights.n_effective,
                    low=moved.low,
                    high=moved.high,
                    weighted=tuple((int(i), *by_class[i].round(4).tolist()) for i in held),
                )
            )
        made.append(_row(WITHIN, key, basis, detail=detail, n=len(now)))
    return made


def _expectations(
    reference: pd.DataFrame, windows: Windows, schema: ModelSchema, spec: ProfileSpec
) -> tuple[list[SeriesRow], str]:
    error = _number(reference, PREDICTION) - _number(reference, LABEL)
    before = reference[np.isfinite(error)]
    if len(before) < LEAST_LABELLED:
        return [], (
            f"Losses are expected from {LEAST_LABELLED} sampled rows of the reference with a label and a prediction; "
            f"it has {len(before):,}."
        )
    kept = _drawn(len(before), MOST_LEARNED, "losses")
    before, error = before.iloc[kept], error[np.isfinite(error)][kept]
    if not windows:
        return [], ""
    names = [name for name in schema.features if name not in spec.left_out]
    usable = [_usable(rows, PREDICTION) for _, _, rows in windows]
    rows = tree_matrix([_inputs(side, schema, names) for side in (before, *usable)]).values  # noqa: PD011 (no frame)
    m, sizes = len(before), np.cumsum([len(before), *map(len, usable)])
    sides = np.split(rows[m:], sizes[1:-1] - m)
    of_windows = before[WINDOW].to_numpy(dtype=np.int64)
    made = []
    for name, loss in zip(LOSSES, (np.abs(error), error**2), strict=True):
        of, expected = direct_loss(rows[:m], loss, of_windows, sides, rng=_rng(name))
        for (key, basis, _), one in zip(windows, expected, strict=True):
            detail = {"of": asdict(of), "expected": asdict(one)}
            made.append(
                _row(EXPECTED[name], key, basis, detail=detail, n=one.n, total=one.n * one.mean, squares=one.squares)
            )
    return made, ""


def _inputs(frame: pd.DataFrame, schema: ModelSchema, names: list[str]) -> Columns:
    return {**sample_columns(frame, schema, names), PREDICTED: _number(frame, PREDICTION)}


def _usable(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """The rows that have a finite number in a column."""
    numbers = _number(frame, column)
    kept = np.isfinite(numbers)
    return frame[kept].assign(**{column: numbers[kept]})


def _number(frame: pd.DataFrame, column: str) -> Floats:
    if column not in frame:
        return np.full(len(frame), np.nan)
    return pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64)


def _row(
    name: str, window: int, basis: str, *, detail: dict[str, Any], n: float = 0, total: float = 0, squares: float = 0
) -> SeriesRow:
    return SeriesRow(
        role=str(BatchRole.PRODUCTION),
        name=name,
        window=window,
        basis=basis,
        n=float(n),
        total=float(total),
        total_of_squares=float(n) * float(squares),
        detail=detail,
    )


def _drawn(n: int, most: int, name: str) -> NDArray[np.int64]:
    """The places of at most so many rows, the same whenever asked for."""
    return np.sort(_rng(name).permutation(n)[:most]).astype(np.int64)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _rng(name: str) -> np.random.Generator:
    """The same draws for the same window, whenever it is made."""
    return np.random.default_rng(int(_digest(name)[:8], 16))
