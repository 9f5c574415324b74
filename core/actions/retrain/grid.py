"""Four fits, an old and a new recipe on old and on new records, tried on the same held-out records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.actions.retrain.recipe import Holdout, Recipe
from core.actions.retrain.split import EPOCH, PER_DAY, Part, in_order, split, times_of
from core.actions.retrain.trainer import Trained, train
from core.errors import InputError
from core.record import ID, TIMESTAMP
from core.schema import ModelSchema, Task

__all__ = ["GridFits", "fit_grid"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridFits:
    """What four fits say of the same held-out rows; columns: old, new recipe on old data, then on new data.

    ``n_old`` and ``n_new`` rows were there to learn from (and to calibrate on); ``score`` is a binary model's.
    """

    prediction_id: NDArray[Any]
    label: NDArray[Any]
    prediction: NDArray[Any]
    score: NDArray[np.float64] | None
    n_old: int
    n_new: int
    held_out: Part


def fit_grid(
    schema: ModelSchema,
    old_recipe: Recipe,
    new_recipe: Recipe,
    frame: pd.DataFrame,
    *,
    old_until: datetime,
    said: Callable[[int], None] = lambda _: None,
) -> GridFits:
    """Fit both recipes to the records before `old_until`, and to all; none of the four learns from the held-out ones.

    Parameters
    ----------
    frame : DataFrame
        Stored records with "@id", "@label" and "@timestamp", all labelled. The new recipe says which of the most
        recent ones are held out.
    old_until : datetime
        Records served before it are the old data, and all that aren't held out the new.
    said : callable
        Told how many fits are done.

    Raises
    ------
    InputError
        If records have no times, or the old data are all, too few or none.

    Examples
    --------
    >>> from datetime import UTC
    >>> schema = ModelSchema.from_dict({"task": "regression", "window": {"rows": 100}, "columns": {
    ...     "size": {"role": "feature", "type": "numeric"}, "price": {"role": "label"}}})
    >>> size = np.arange(600) % 37
    >>> frame = pd.DataFrame({"@id": [f"r{i}" for i in range(600)], "size": size, "@label": 3.0 * size,
    ...     "@timestamp": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(600), unit="h")})
    >>> recipe = Recipe.from_dict({"estimator": "linear", "min_rows": 100})
    >>> found = fit_grid(schema, recipe, recipe, frame, old_until=datetime(2026, 1, 10, tzinfo=UTC))
    >>> found.n_old, found.n_new, found.prediction.shape
    (216, 480, (120, 4))
    """
    if times_of(frame) is None:
        raise InputError(f"Old and new data are told apart by time: the grid needs a {TIMESTAMP} on each record.")
    frame = in_order(frame)
    times = times_of(frame)
    assert times is not None  # noqa: S101 (as above; in_order keeps it)
    parts = split(times, new_recipe, n_rows=len(frame))
    start = parts.held_out.start
    end_of_old = int(np.searchsorted(times, (old_until - EPOCH) // timedelta(microseconds=1), side="left"))
    if not 0 < end_of_old < start:
        raise InputError(
            f"Of {start:,} records that may be learnt from, {min(end_of_old, start):,} were served before "
            f"{old_until:%Y-%m-%d}: name a time between the first and the last of them."
        )
    held_out = frame.iloc[start:]
    days = (int(times[-1]) - int(times[start]) + 1) / PER_DAY  # from just before the first held-out row on
    fits = []
    for data in (frame.iloc[:end_of_old], frame.iloc[:start]):
        for recipe in (old_recipe, new_recipe):
            alike = recipe.model_copy(update={"holdout": Holdout(days=days)})
            fits.append(train(schema, alike, pd.concat([data, held_out])))
            said(len(fits))
    ids = held_out[ID].to_numpy(dtype=object)
    _check_same_rows(fits, ids)
    scores = [fit.held_out_rows.scored.score for fit in fits if fit.held_out_rows.scored.score is not None]
    return GridFits(
        prediction_id=ids,
        label=fits[0].held_out_rows.label,
        prediction=np.column_stack([fit.held_out_rows.scored.prediction for fit in fits]),
        score=np.column_stack(scores) if schema.task is Task.BINARY else None,
        n_old=end_of_old,
        n_new=start,
        held_out=parts.held_out,
    )


def _check_same_rows(fits: list[Trained], ids: NDArray[Any]) -> None:
    for fit in fits:
        if not np.array_equal(fit.held_out_rows.prediction_id, ids):
            raise ValueError("Two fits of a grid held other rows out: they can't be compared.")
