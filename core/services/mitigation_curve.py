"""The accuracy-gap curve of a model on its own stored records, as measured at an instant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from core.actions.retrain.eligibility import BATCH
from core.actions.retrain.mitigation_plan import MAX_ROWS, Constraint, Objective
from core.actions.retrain.recipe import Recipe
from core.errors import ConflictError, InputError
from core.services.learnable import learnable_records
from core.services.retraining import excluded_windows
from core.storage.files import WorkspaceFiles
from core.storage.repository import Repository

if TYPE_CHECKING:
    from core.actions.retrain.gap_curve import AccuracyGapCurve, CurvePoint
    from core.actions.retrain.trainer import Trained

__all__ = ["MeasuredCurve", "Said", "check_made", "frozen_curve", "measure_curve"]

Said = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCurve:
    """A curve, what it was measured on, and how the recipe was chosen.

    Parameters
    ----------
    as_known : datetime
        Records and labels taken in by then are what it was measured on.
    batches : tuple of int
        Those the records came in with.
    exclude : tuple of mapping
        Windows that nothing was learnt from, as a retraining proposal names them.
    """

    model: str
    recipe: Recipe
    chosen: str
    as_known: datetime
    batches: tuple[int, ...]
    exclude: tuple[Mapping[str, str], ...]
    curve: AccuracyGapCurve

    def point(self, name: str) -> CurvePoint:
        """A point by its name; raises UnknownNameError."""
        from core.errors import UnknownNameError

        known = {point.name: point for point in self.curve.points}
        if name not in known:
            raise UnknownNameError("point of the curve", name, known)
        return known[name]

    @property
    def asked(self) -> str | None:
        """The point that the recipe itself asks for; None where it mitigates nothing."""
        point = None if self.recipe.mitigation is None else self.curve.of_plan(self.recipe.mitigation)
        return None if point is None else point.name

    def to_dict(self) -> dict[str, Any]:
        """The JSON-ready form."""
        return {
            "model": self.model,
            "recipe": self.recipe.digest,
            "chosen": self.chosen,
            "as_known": self.as_known.isoformat(),
            "batches": list(self.batches),
            **self.curve.to_dict(),
        }


def measure_curve(
    session: Session,
    files: WorkspaceFiles,
    model: str,
    recipe: Recipe,
    *,
    sensitive: str,
    constraint: Constraint,
    objective: Objective,
    max_rows: int = MAX_ROWS,
    arguments: Mapping[str, Any],
    now: datetime,
    chosen: str = "the recipe as given",
    said: Said = lambda _done, _all: None,
) -> MeasuredCurve:
    """Fit every point to the records that may be learnt from now, and measure it on those held out; raises InputError.

    Parameters
    ----------
    arguments : mapping
        Of the retraining, as its proposal takes them: windows that it shall not learn from.
    """
    from core.actions.retrain.mitigation import accuracy_gap_curve  # scikit-learn takes a second to import

    repository = Repository(session)
    schema = repository.schema(repository.model(model))
    if sensitive not in schema.protected:
        marked = ", ".join(schema.protected) or "none so far"
        raise InputError(
            f"{sensitive!r} is no protected attribute of {model} ({marked}): mark it with `protected = true` in the "
            "model schema, so that its gaps are watched as well."
        )
    schema, found = learnable_records(session, files, model, now=now, windows=excluded_windows(arguments), as_known=now)
    curve = accuracy_gap_curve(
        schema,
        recipe,
        found.rows,
        sensitive=sensitive,
        constraint=constraint,
        objective=objective,
        max_rows=max_rows,
        said=said,
    )
    return MeasuredCurve(
        model=model,
        recipe=recipe,
        chosen=chosen,
        as_known=now,
        batches=tuple(sorted(int(batch) for batch in found.rows[BATCH].unique())),
        exclude=tuple(arguments.get("exclude", ())),
        curve=curve,
    )


def frozen_curve(
    session: Session, files: WorkspaceFiles, model: str, recipe: Recipe, arguments: Mapping[str, Any], *, now: datetime
) -> MeasuredCurve | None:
    """The curve that a retraining proposal's evidence keeps; None where its recipe mitigates nothing.

    Raises
    ------
    InputError
        Where the point that is asked for can't be made.
    """
    plan = recipe.mitigation
    if plan is None:
        return None
    found = measure_curve(
        session,
        files,
        model,
        recipe,
        sensitive=plan.sensitive,
        constraint=plan.constraint,
        objective=plan.objective,
        max_rows=plan.max_rows,
        arguments=arguments,
        now=now,
    )
    if found.asked is None:
        raise InputError(f"{plan.words} can't be made of these records. {' '.join(found.curve.left_out)}")
    return found


def check_made(content: Mapping[str, Any], trained: Trained) -> None:
    """Raise ConflictError unless what was trained predicts what the frozen curve measured of the point asked for."""
    approved = next(point for point in content["points"] if point["name"] == content["asked"])
    if approved["predictions_sha256"] != trained.predictions_sha256:
        raise ConflictError(
            "What was trained doesn't predict what the approved point of the curve predicted: records were retracted, "
            "or other software fits it. Nothing was registered: refresh the evidence and have it approved anew."
        )
