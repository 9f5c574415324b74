"""Mitigation as a proposal: the curve on a model's records, and a point of it asked for as a retraining."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core.actions.retrain.mitigation_plan import MAX_ROWS, Constraint, Objective
from core.actions.retrain.recipe import Recipe, default_recipe
from core.errors import InputError
from core.governance.identity import Actor, Right, allowed
from core.governance.proposals import ProposalKind
from core.schema import ModelSchema
from core.services.mitigation_curve import MeasuredCurve, Said, measure_curve
from core.services.proposal import Decided
from core.services.proposals import ProposalService
from core.services.versions import deployed
from core.storage.database import Database
from core.storage.files import WorkspaceFiles
from core.storage.repository import Repository
from core.storage.tables import ModelRow

__all__ = ["MitigationService"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MitigationService:
    """Fits models to ask, and keeps none of them; to have one is a proposal like any retraining."""

    database: Database
    files: WorkspaceFiles
    proposals: ProposalService
    clock: Callable[[], datetime]

    @allowed(Right.PROPOSE)
    def curve(
        self,
        actor: Actor,  # noqa: ARG002 (every service call takes the actor)
        model: str,
        arguments: Mapping[str, Any],
        *,
        version: str | None = None,
        sensitive: str,
        constraint: Constraint,
        objective: Objective = Objective.ACCURACY,
        max_rows: int = MAX_ROWS,
        said: Said = lambda _done, _all: None,
    ) -> MeasuredCurve:
        """What would it cost to treat the groups of a column more alike?

        Parameters
        ----------
        arguments : mapping
            Of the retraining, as its proposal takes them: a recipe, and windows it shall not learn from.
        version : str or None
            Whose recipe is mitigated, unless one is given; of the version in force by default.
        sensitive : str
            A protected attribute of the model.
        max_rows : int
            The most recent records that are learnt from and tried on.
        said : callable
            Told how many fits of how many are done.

        Raises
        ------
        InputError
            In words, where it can't be measured.
        """
        with self.database.read() as session:
            repository = Repository(session)
            row = repository.model(model)
            recipe, chosen = _recipe(session, row, repository.schema(row), version, arguments)
            return measure_curve(
                session,
                self.files,
                model,
                recipe,
                sensitive=sensitive,
                constraint=constraint,
                objective=objective,
                max_rows=max_rows,
                arguments=arguments,
                now=self.clock(),
                chosen=chosen,
                said=said,
            )

    @allowed(Right.PROPOSE)
    def propose(self, actor: Actor, found: MeasuredCurve, point: str, *, reason: str) -> Decided:
        """Ask for a retraining that makes a point of the curve; the curve is measured anew for its evidence.

        Raises
        ------
        InputError
            For the recipe as it is, which mitigates nothing.
        """
        from core.actions.retrain.mitigation import mitigated  # scikit-learn takes a second to import

        plan = found.point(point).mitigation
        if plan is None:
            raise InputError(f"{point} is the recipe as it is: to have it, propose a retraining.")
        arguments: dict[str, Any] = {"recipe": mitigated(found.recipe, plan).to_toml()}
        if found.exclude:
            arguments["exclude"] = [dict(window) for window in found.exclude]
        return self.proposals.open(actor, found.model, ProposalKind.RETRAIN, reason=reason, arguments=arguments)


def _recipe(
    session: Session, model: ModelRow, schema: ModelSchema, version: str | None, arguments: Mapping[str, Any]
) -> tuple[Recipe, str]:
    """What is mitigated, and where it comes from."""
    if arguments.get("recipe") is not None:
        return Recipe.from_toml(str(arguments["recipe"])), "the recipe as given"
    row = deployed(session, model) if version is None else Repository(session).version(model, version)
    made = (row.parameters or {}).get("recipe") if row is not None else None
    if row is not None and isinstance(made, dict):
        return Recipe.from_dict(made).model_copy(update={"mitigation": None}), f"the recipe of {row.name}"
    why = "no version is in force" if row is None else f"{row.name} wasn't trained here"
    return default_recipe(schema), f"the default recipe, as {why}"
