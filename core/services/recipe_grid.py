"""Data or model: what of a retraining's gain comes from newer records, and what from another recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from core.actions.retrain.recipe import Recipe, default_recipe
from core.compare.grid import CELLS, GridMeasure, GridScores, grid_measures, grid_words
from core.errors import InputError
from core.governance.identity import Actor, Right, allowed
from core.record import BatchRole
from core.schema import ModelSchema
from core.services.learnable import learnable_records
from core.services.retraining import excluded_windows, recipe_of
from core.services.versions import deployed
from core.storage.database import Database
from core.storage.files import WorkspaceFiles
from core.storage.repository import Repository
from core.storage.tables import ModelRow

__all__ = ["RecipeGrid", "RecipeGridService"]

FITS = ("train", "calibration")
AFTER = timedelta(microseconds=1)  # the last record itself is old, too


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeGrid:
    """Four fits on the same held-out rows, and where the gain came from; `measures` are () if no row is of two classes.

    ``old_recipe`` and ``new_recipe`` are SHA-256; ``chosen`` says where the old recipe and the old data come from.
    """

    model: str
    old_recipe: str
    new_recipe: str
    old_until: datetime
    chosen: str
    n_old: int
    n_new: int
    n_held_out: int
    held_out_from: datetime | None
    held_out_to: datetime | None
    measures: tuple[GridMeasure, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON-ready form."""
        return {
            "model": self.model,
            "recipes": {"old": self.old_recipe, "new": self.new_recipe},
            "old_until": self.old_until.isoformat(),
            "chosen": self.chosen,
            "n": {"old": self.n_old, "new": self.n_new, "held_out": self.n_held_out},
            "held_out": [at.isoformat() if at else None for at in (self.held_out_from, self.held_out_to)],
            "cells": list(CELLS),
            "measures": [
                {
                    "measure": found.measure,
                    "higher_is_better": found.higher_is_better,
                    "margin": found.margin,
                    "n": found.n,
                    "cells": list(found.cells),
                    **{
                        name: {
                            "value": part.value,
                            "low": part.interval.low,
                            "high": part.interval.high,
                            "confidence": part.interval.confidence,
                            "verdict": str(part.verdict),
                        }
                        for name, part in (
                            ("total", found.total),
                            ("data", found.data),
                            ("recipe", found.recipe),
                            ("interaction", found.interaction),
                        )
                    },
                    "convention": found.convention,
                    "why": grid_words(found),
                }
                for found in self.measures
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeGridService:
    """Fits four models to ask; nothing is kept of them."""

    database: Database
    files: WorkspaceFiles
    clock: Callable[[], datetime]

    @allowed(Right.PROPOSE)
    def fit(
        self,
        actor: Actor,  # noqa: ARG002 (every service call takes the actor)
        model: str,
        arguments: Mapping[str, Any],
        *,
        old_recipe: str | None = None,
        old_until: datetime | None = None,
        said: Callable[[int], None] = lambda _: None,
    ) -> RecipeGrid:
        """How much would a retraining gain by newer records, and how much by another recipe?

        Parameters
        ----------
        arguments : mapping
            Of the retraining, as its proposal takes them: the new recipe, and windows it shall not learn from.
        old_recipe : str or None
            In TOML; else that of the version in force if Plumbline trained it, else the default recipe.
        old_until : datetime or None
            Records served before it are the old data; else those that the version in force was trained on, as far as
            it says so, else up to the end of the reference.
        said : callable
            Told how many of the four fits are done.

        Raises
        ------
        InputError
            If records have no times, or the old data are all, too few or none.
        """
        from core.actions.retrain.grid import fit_grid  # scikit-learn takes a second to import

        with self.database.read() as session:
            row = Repository(session).model(model)
            schema, found = learnable_records(
                session, self.files, model, now=self.clock(), windows=excluded_windows(arguments)
            )
            old, until, chosen = _old(session, row, schema, old_recipe, old_until)
        new = recipe_of(schema, arguments)
        fits = fit_grid(schema, old, new, found.rows, old_until=until, said=said)
        scores = GridScores(
            task=schema.task, label=fits.label, prediction=fits.prediction, score=fits.score, positive=schema.positive
        )
        return RecipeGrid(
            model=model,
            old_recipe=old.digest,
            new_recipe=new.digest,
            old_until=until,
            chosen=chosen,
            n_old=fits.n_old,
            n_new=fits.n_new,
            n_held_out=fits.held_out.n,
            held_out_from=fits.held_out.first_at,
            held_out_to=fits.held_out.last_at,
            measures=grid_measures(scores),
        )


def _old(
    session: Session, model: ModelRow, schema: ModelSchema, recipe: str | None, until: datetime | None
) -> tuple[Recipe, datetime, str]:
    """The old recipe, where the old data end, and where both come from."""
    champion = deployed(session, model)
    made = (champion.parameters or {}) if champion is not None else {}
    name = champion.name if champion is not None else ""
    if recipe is not None:
        old, said = Recipe.from_toml(recipe), "the old recipe as given"
    elif isinstance(made.get("recipe"), dict):
        old, said = Recipe.from_dict(made["recipe"]), f"the old recipe is that of {name}"
    else:
        old, said = default_recipe(schema), "the old recipe is the default one"
    if until is not None:
        return old, until, f"{said}, the old data end as given"
    ends = [made[part].get("last_at") for part in FITS if isinstance(made.get(part), dict)]
    known = [datetime.fromisoformat(end) for end in ends if end]
    if known:
        return old, max(known) + AFTER, f"{said}, the old data are those up to the last that {name} learnt from"
    batches = Repository(session).batches(model, roles=[BatchRole.REFERENCE])
    reference = [batch.last_at for batch in batches if batch.last_at is not None]
    if not reference:
        raise InputError("Nothing says where the old data end: name a time (--old-until).")
    return old, max(reference) + AFTER, f"{said}, the old data end with the reference"
