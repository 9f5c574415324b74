"""Why did the loss change: sampled rows of the reference and of the windows since, told apart by their inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.concept.decomposition import Cause, LossDecomposition, LossPart, decompose_loss
from core.concept.loss_rows import LossRows
from core.drift.multivariate import domain_shift
from core.drift.propensity import LEAST_ROWS, expected_losses, propensity_cells
from core.governance.identity import Actor, Right, allowed
from core.profile.spec import ProfileSpec
from core.record import LABEL, PREDICTION, BatchRole, score_columns
from core.schema import ModelSchema, Task
from core.services.concept import concept_report
from core.services.fairness_rows import SampleBasis, codes_of, of_segment
from core.services.observations import Observations, Selection, WindowInfo
from core.services.reference_facts import sample_columns
from core.services.samples import WINDOW, SampleService
from core.storage.database import Database
from core.storage.repository import Repository

__all__ = ["NAMES", "ColumnPart", "LossChange", "LossChangeService", "loss_figure"]

Floats = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]

MOST_ROWS = 4_000  # a side
MOST_WINDOWS = 13
MOST_COLUMNS = 4
NAMES = {"brier_score": "Brier score", "mae": "mean absolute error", "error_rate": "share of wrong predictions"}
LEAST_LABELLED = 0.1  # by how much less of the rows may have a label than in the reference


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPart:
    """What a column adds to the part of inputs: that part less what it is where the column isn't looked at."""

    column: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LossChange:
    """The parts of a change of loss between the reference and some windows; `why` where there are none.

    ``loss`` is brier_score, mae or error_rate. ``columns`` are those that tell the sides apart best.
    """

    loss: str
    decomposition: LossDecomposition | None
    columns: tuple[ColumnPart, ...]
    windows: tuple[WindowInfo, ...]
    basis: SampleBasis | None
    why: str

    @property
    def words(self) -> str:
        """What the parts say, in a few sentences."""
        found = self.decomposition
        if found is None or found.change is None or found.concept is None or found.inputs is None:
            return self.why or (found.why if found else "")
        before, after = (loss_figure(value, self.loss) for value in (found.before, found.after))
        moved = "rose" if found.change.value > 0 else "fell"
        head = f"The {NAMES[self.loss]} {moved} from {before} to {after}, {self._part(found.change)}"
        if not found.change.is_certain:
            difference = f"{self._part(found.change)}, which may be chance"
            head = f"The {NAMES[self.loss]} is {after}, {before} in the reference: {difference}"
        inputs, concept = self._part(found.inputs), self._part(found.concept)
        said = {
            Cause.INPUTS: f"It comes from other inputs, {inputs}; a change of concept adds {concept}.",
            Cause.CONCEPT: f"It comes from a change of concept, {concept}: outcomes follow inputs otherwise than "
            f"before. Other inputs add {inputs}.",
            Cause.BOTH: f"It comes from other inputs, {inputs}, and from a change of concept, {concept}.",
            Cause.NOTHING: f"There is no change to explain: other inputs add {inputs}, a change of concept {concept}.",
            Cause.NOT_SEPARATED: f"Inputs and concept can't be separated. {found.why}",
        }[found.cause]
        return f"{head}. {said}"

    def _part(self, part: LossPart) -> str:
        low, high = (loss_figure(limit, self.loss, signed=True) for limit in (part.interval.low, part.interval.high))
        return f"{loss_figure(part.value, self.loss, signed=True)} [{low}, {high}]"


def loss_figure(value: float | None, loss: str, *, signed: bool = False) -> str:
    """A loss, or a difference of two, as it is written.

    Examples
    --------
    >>> loss_figure(0.0823, "brier_score"), loss_figure(-0.0123, "error_rate", signed=True), loss_figure(201.5, "mae")
    ('0.082', '−1.2 points', '202')
    """
    if value is None:
        return "—"
    size = abs(value)
    if loss == "error_rate":
        text = f"{100 * size:.1f} points" if signed else f"{size:.1%}"
    elif loss == "mae":
        text = f"{size:,.0f}" if size >= 100 else f"{size:.3g}"
    else:
        text = f"{size:.3f}"
    sign = "−" if value < 0 and text.strip("0.%") else "+" if signed and text.strip("0. points") else ""
    return f"{sign}{text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LossChangeService:
    """Asks sampled rows what counts can't answer of a change of loss."""

    database: Database
    samples: SampleService

    @allowed(Right.READ)
    def explain(self, actor: Actor, model: str, selection: Selection = Selection()) -> LossChange | None:  # noqa: B008
        """Did the loss change because of other inputs or because of another concept?

        Parameters
        ----------
        selection : Selection
            Version, segment and window. Where outcomes have left the score, all windows since that up to the one
            looked at, 13 at most; else that one.

        Returns
        -------
        LossChange or None
            None while the model has no reference.
        """
        with self.database.read() as session:
            row = Repository(session).model(model)
            found = Observations.load(session, row, selection)
        if found is None:
            return None
        windows = _span(found)
        schema, spec = found.schema, found.spec
        if not windows:
            return _none(schema, "There are no production records with labels yet.")
        frames = [
            self._rows(actor, found, BatchRole.REFERENCE, None),
            self._rows(actor, found, BatchRole.PRODUCTION, windows),
        ]
        basis = SampleBasis(n=len(frames[1]), n_rows=sum(w.n for w in windows), n_windows=len(windows))
        if min(map(len, frames)) == 0:
            return _none(schema, "No row is kept at hand: the schema's `sample.rows` says how many are.")
        return _explained(frames, schema, spec, windows, basis)

    def _rows(
        self, actor: Actor, found: Observations, role: BatchRole, windows: Sequence[WindowInfo] | None
    ) -> pd.DataFrame:
        """Sampled rows of one side, of the segment looked at."""
        selection = found.context.selection
        keys = None if windows is None else [window.window.key for window in windows]
        version = selection.version if role is BatchRole.PRODUCTION else None
        frame = self.samples.rows(actor, found.context.model, role=role, windows=keys, version=version)
        return of_segment(frame, found.spec, selection.segment)


def _span(found: Observations) -> tuple[WindowInfo, ...]:
    """The windows that are looked at."""
    if found.context.shows_reference:
        return ()
    report = concept_report(found)
    focus = report.focus
    if focus is None or not focus.n_labelled:
        return ()
    since = report.since or focus
    windows = [w for w in found.mature if since.window.key <= w.window.key <= focus.window.key]
    return tuple(windows[-MOST_WINDOWS:]) or (focus,)


def _explained(
    frames: Sequence[pd.DataFrame],
    schema: ModelSchema,
    spec: ProfileSpec,
    windows: tuple[WindowInfo, ...],
    basis: SampleBasis,
) -> LossChange:
    name, losses = _losses(frames, schema, spec)
    usable = [np.isfinite(loss) for loss in losses]
    shares = [float(each.mean()) for each in usable]
    frames = [frame[known].reset_index(drop=True) for frame, known in zip(frames, usable, strict=True)]
    sides = [(frame, loss[known]) for frame, loss, known in zip(frames, losses, usable, strict=True)]
    rng = np.random.default_rng(int(hashlib.sha256(windows[-1].name.encode()).hexdigest()[:8], 16))
    sides = [_some(frame, loss, rng) for frame, loss in sides]
    fewest = min(len(loss) for _, loss in sides)
    if fewest < LEAST_ROWS:
        return _none(schema, f"{LEAST_ROWS} sampled rows with a label are needed on each side; one has {fewest}.", name)
    doubt = ""
    if shares[0] - shares[1] > LEAST_LABELLED:
        known = f"{shares[1]:.0%} of these rows have a label, {shares[0]:.0%} of the reference's"
        doubt = f"{known}: those without may be others."
    features = [feature for feature in schema.features if feature not in spec.left_out]
    before, now = (sample_columns(frame, schema, features) for frame, _ in sides)
    whole = _decomposed(sides, before, now, rng=rng, doubt=doubt, unit=name)
    return LossChange(
        loss=name,
        decomposition=whole,
        columns=_columns(sides, before, now, whole, rng),
        windows=windows,
        basis=basis,
        why="",
    )


def _decomposed(
    sides: Sequence[tuple[pd.DataFrame, Floats]],
    before: Columns,
    now: Columns,
    *,
    rng: np.random.Generator,
    doubt: str = "",
    unit: str = "",
) -> LossDecomposition:
    cells = propensity_cells(before, now, rng=rng)
    expected = expected_losses(before, sides[0][1], now, rng=rng)
    reference, current = (
        LossRows(loss=loss, cell=cell, window=frame[WINDOW].to_numpy(dtype=np.int64), expected=expectation)
        for (frame, loss), cell, expectation in zip(sides, (cells.reference, cells.current), expected, strict=True)
    )
    return decompose_loss(reference, current, n_cells=cells.n_cells, doubt=doubt, unit=unit)


def _columns(
    sides: Sequence[tuple[pd.DataFrame, Floats]],
    before: Columns,
    now: Columns,
    whole: LossDecomposition,
    rng: np.random.Generator,
) -> tuple[ColumnPart, ...]:
    """What each of the columns that tell the sides apart best adds, the largest first."""
    if whole.inputs is None or not whole.inputs.is_certain:
        return ()
    found = []
    for driving in domain_shift(before, now, rng=rng, n_trees=20, n_leaves=8).columns[:MOST_COLUMNS]:
        rest = [{name: values for name, values in side.items() if name != driving.column} for side in (before, now)]
        without = _decomposed(sides, rest[0], rest[1], rng=rng).inputs
        if without is not None:
            found.append(ColumnPart(column=driving.column, value=whole.inputs.value - without.value))
    return tuple(sorted(found, key=lambda part: -abs(part.value)))


def _losses(frames: Sequence[pd.DataFrame], schema: ModelSchema, spec: ProfileSpec) -> tuple[str, list[Floats]]:
    """The loss of each row and its name; NaN where a row has no label or nothing to hold against it."""
    score = score_columns(schema).get("")
    name = _loss_name(schema)
    if name == "mae":
        return name, [np.abs(_number(frame, PREDICTION) - _number(frame, LABEL)) for frame in frames]
    found = []
    for frame in frames:
        n = len(spec.classes)
        label = codes_of(frame[LABEL], spec.classes) if LABEL in frame else np.full(len(frame), n)
        if name == "brier_score" and score is not None:
            positive = spec.classes.index(schema.positive or spec.classes[-1])
            loss = (_number(frame, score) - (label == positive)) ** 2
            known = label < n
        else:
            decided = codes_of(frame[PREDICTION], spec.classes) if PREDICTION in frame else np.full(len(frame), n)
            loss, known = (decided != label).astype(np.float64), (label < n) & (decided < n)
        found.append(np.where(known, loss, np.nan))
    return name, found


def _loss_name(schema: ModelSchema) -> str:
    if schema.task is Task.REGRESSION:
        return "mae"
    return "brier_score" if schema.task is Task.BINARY and score_columns(schema).get("") else "error_rate"


def _number(frame: pd.DataFrame, column: str) -> Floats:
    if column not in frame:
        return np.full(len(frame), np.nan)
    return pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64)


def _some(frame: pd.DataFrame, loss: Floats, rng: np.random.Generator) -> tuple[pd.DataFrame, Floats]:
    if len(frame) <= MOST_ROWS:
        return frame, loss
    kept = np.sort(rng.permutation(len(frame))[:MOST_ROWS])
    return frame.iloc[kept].reset_index(drop=True), loss[kept]


def _none(schema: ModelSchema, why: str, name: str = "") -> LossChange:
    return LossChange(loss=name or _loss_name(schema), decomposition=None, columns=(), windows=(), basis=None, why=why)
