"""Where a model does worst: slices found on one half of the sampled rows and confirmed on the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.governance.identity import Actor, Right, allowed
from core.profile.spec import ProfileSpec
from core.record import LABEL, PREDICTION, BatchRole
from core.schema import ModelSchema, Task
from core.services.fairness_rows import SampleBasis, banded, codes_of, first_half, of_segment
from core.services.observations import Observations, Selection, WindowInfo
from core.services.performance import mature_focus
from core.services.reference_facts import sample_columns
from core.services.samples import SampleService
from core.storage.database import Database
from core.storage.repository import Repository

if TYPE_CHECKING:
    from core.fairness.subgroups import Codes, SubgroupScan

__all__ = ["WorstSlices", "WorstSlicesService"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

MOST_WINDOWS = 13
MIN_ROWS = 50  # of each half
FAR = 0.9  # of the reference's errors lie below what counts as a large one
NO_ROWS = "No row is kept at hand: the schema's `sample.rows` says how many are."


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstSlices:
    """The slices put to the test, those confirmed first; `why` where there are none to show.

    ``error`` says what is counted: 'wrong predictions', or 'errors above' and the ``limit``.
    """

    error: str
    limit: float | None
    scan: SubgroupScan | None
    windows: tuple[WindowInfo, ...]
    basis: SampleBasis | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstSlicesService:
    """Asks sampled rows in which slices a model errs most."""

    database: Database
    samples: SampleService

    @allowed(Right.READ)
    def find(
        self,
        actor: Actor,
        model: str,
        selection: Selection = Selection(),  # noqa: B008
        *,
        depth: int = 2,
    ) -> WorstSlices | None:
        """In which slices does the model err more than elsewhere?

        Parameters
        ----------
        selection : Selection
            Version, segment and window: the 13 windows up to the one looked at whose labels should be in.
        depth : int
            How many columns a slice may be cut by, 1 to 3.

        Returns
        -------
        WorstSlices or None
            None while the model has no reference. Slices are cut by protected attributes, segments and features,
            numbers in four bands. Of classes the wrong predictions are counted; of a regression the errors larger
            than nine in ten of the reference's.

        Raises
        ------
        InputError
            If depth is not 1, 2 or 3.
        """
        from core.fairness.subgroups import worst_subgroups

        with self.database.read() as session:
            found = Observations.load(session, Repository(session).model(model), selection)
        if found is None:
            return None
        windows = _span(found)
        if not windows:
            return _none("There are no production records with labels yet.")
        keys = [window.window.key for window in windows]
        frame = self.samples.rows(actor, model, windows=keys, version=selection.version)
        frame = of_segment(frame, found.spec, selection.segment)
        limit = None
        if found.schema.task is Task.REGRESSION:
            before = of_segment(
                self.samples.rows(actor, model, role=BatchRole.REFERENCE), found.spec, selection.segment
            )
            limit = _limit(before)
            if limit is None:
                return _none("The reference has no sampled row with a label to say what a large error is.")
        if frame.empty:
            return _none(NO_ROWS)
        hit, known = _errors(frame, found.spec, limit)
        scan = worst_subgroups(
            _columns(frame, found.schema, found.spec),
            hit,
            first_half=first_half(frame),
            eligible=known,
            depth=depth,
            min_rows=MIN_ROWS,
        )
        basis = SampleBasis(n=len(frame), n_rows=sum(window.n for window in windows), n_windows=len(windows))
        error = "wrong predictions" if limit is None else "errors above"
        return WorstSlices(error=error, limit=limit, scan=scan, windows=windows, basis=basis, why="")


def _none(why: str) -> WorstSlices:
    return WorstSlices(error="", limit=None, scan=None, windows=(), basis=None, why=why)


def _span(found: Observations) -> tuple[WindowInfo, ...]:
    """The windows whose labels are in, up to the one looked at."""
    focus = None if found.context.shows_reference else mature_focus(found.context)
    if focus is None or not focus.n_labelled:
        return ()
    until = tuple(window for window in found.mature if window.window.key <= focus.window.key)
    return until[-MOST_WINDOWS:] or (focus,)


def _limit(reference: pd.DataFrame) -> float | None:
    """What nine in ten of the reference's errors are below."""
    errors = _distances(reference)
    errors = errors[np.isfinite(errors)]
    return float(np.quantile(errors, FAR)) if errors.size else None


def _errors(frame: pd.DataFrame, spec: ProfileSpec, limit: float | None) -> tuple[Bools, Bools]:
    """Which rows are wrong or far off, and of which that can be told."""
    if limit is not None:
        distances = _distances(frame)
        return distances > limit, np.isfinite(distances)
    n = len(spec.classes)
    label, decided = (
        codes_of(frame[column], spec.classes) if column in frame else np.full(len(frame), n)
        for column in (LABEL, PREDICTION)
    )
    return label != decided, (label < n) & (decided < n)


def _distances(frame: pd.DataFrame) -> Floats:
    if PREDICTION not in frame or LABEL not in frame:
        return np.full(len(frame), np.nan)
    sides = [pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64) for name in (PREDICTION, LABEL)]
    distances: Floats = np.abs(sides[0] - sides[1])
    return distances


def _columns(frame: pd.DataFrame, schema: ModelSchema, spec: ProfileSpec) -> dict[str, Codes]:
    """What slices are cut by: protected attributes and segments by their values, features in bands."""
    from core.fairness.subgroups import Codes

    axes = {name: (spec.segments[name], spec.segment_values(name)) for name in spec.segments}
    axes |= {name: (spec.groups[name], spec.group_names(name)) for name in spec.groups}
    columns = {
        name: Codes(codes=codes_of(frame[name], known), names=names)
        for name, (known, names) in axes.items()
        if name in frame
    }
    features = [name for name in schema.features if name not in spec.left_out and name not in columns]
    return columns | {name: banded(values) for name, values in sample_columns(frame, schema, features).items()}
