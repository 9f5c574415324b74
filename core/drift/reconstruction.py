"""Do the rows still fit the structure that the reference's rows share? Principal components try to rebuild them.

Rows are scored out of fold, so that reference and windows are alike and each window gives one more series (n, sum,
sum of squares). A shift that breaks the dependence of columns shows here even where no column alone has moved.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.drift.encoding import Columns, NormalScores, UnusableColumn, drawn_rows, n_rows
from core.stats.threads import one_thread

__all__ = ["Reconstruction", "fit_reconstruction"]

Floats = NDArray[np.float64]

LEAST_ROWS = 20
MOST_ROWS = 4_000


class Reconstruction:
    """Principal components of the reference, and how much of each row they leave out.

    Made by `fit_reconstruction`. ``reference_errors`` holds the error of each reference row from components that
    were fitted without it; ``cap`` is their 99.9% quantile, which all errors are cut to, so that the score is
    bounded and one absurd row can't raise an alarm.
    """

    def __init__(
        self,
        scores: NormalScores,
        models: list[Any],
        reference_errors: Floats,
        cap: float,
        unusable: tuple[UnusableColumn, ...],
    ) -> None:
        self._scores = scores
        self._models = models
        self.reference_errors = reference_errors
        self.cap = cap
        self.unusable = unusable
        self.n_components = int(np.median([components.n_components_ for components in models])) if models else 0

    @property
    def is_usable(self) -> bool:
        """Whether there was anything to fit."""
        return bool(self._models)

    def errors(self, window: Columns) -> Floats:
        """The error of each row of a window, shape (n,): the mean over the fold's components, cut to the cap."""
        n = n_rows(window)
        if not self._models or n == 0:
            return np.zeros(n)
        coordinates = self._scores.transform(window)
        each = [_left_out(coordinates, components) for components in self._models]
        return np.asarray(np.minimum(np.mean(each, axis=0), self.cap))


def fit_reconstruction(
    reference: Columns, *, rng: np.random.Generator, n_folds: int = 5, kept: float = 0.65, most_rows: int = MOST_ROWS
) -> Reconstruction:
    """Which structure do the reference's rows share, so that rows without it can be told?

    Parameters
    ----------
    reference : mapping of str to array of shape (m,)
        Columns of any type; each becomes coordinates by `core.drift.encoding.NormalScores`.
    rng : numpy.random.Generator
        Draws the folds, and the rows if there are more than `most_rows`.
    n_folds : int
        At least 2.
    kept : float
        The share of the variance that the components hold, in (0, 1).
    most_rows : int

    Returns
    -------
    Reconstruction
        Not usable with fewer than 20 rows or without a usable column.

    References
    ----------
    J. E. Jackson, G. S. Mudholkar (1979), Control procedures for residuals associated with principal component
    analysis, doi:10.1080/00401706.1979.10489779.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=400)
    >>> model = fit_reconstruction({"x": x, "y": x + 0.1 * rng.normal(size=400)}, rng=rng)
    >>> apart = model.errors({"x": x, "y": x[::-1]})
    >>> bool(apart.mean() > 3 * model.reference_errors.mean())
    True
    """
    if n_folds < 2:
        raise ValueError(f"Out-of-fold errors need at least 2 folds, got {n_folds}.")
    sample = drawn_rows(reference, most_rows, rng)
    m = n_rows(sample)
    whole = NormalScores(sample)
    if m < LEAST_ROWS or not whole.columns:
        return Reconstruction(whole, [], np.zeros(m), 0.0, whole.unusable)
    coordinates = whole.transform(sample)  # ranks of all rows: what one row adds to its own is below 1 / m
    folds = rng.permutation(np.arange(m) % n_folds)
    errors, models = np.empty(m), []
    for fold in range(n_folds):
        held_out = folds == fold
        components = _components(coordinates[~held_out], kept)
        models.append(components)
        errors[held_out] = _left_out(coordinates[held_out], components)
    cap = float(np.quantile(errors, 0.999))
    return Reconstruction(whole, models, np.minimum(errors, cap), cap, whole.unusable)


def _components(coordinates: Floats, kept: float) -> Any:
    from sklearn.decomposition import PCA

    n, n_coordinates = coordinates.shape
    solver = "covariance_eigh" if n >= n_coordinates else "full"  # the same subspace, in a fifth of the time
    with one_thread():
        return PCA(n_components=kept, svd_solver=solver).fit(coordinates)


def _left_out(coordinates: Floats, components: Any) -> Floats:
    """The length of what the components leave out of each row."""
    with one_thread():
        rebuilt = components.inverse_transform(components.transform(coordinates))
    return np.asarray(np.linalg.norm(coordinates - rebuilt, axis=1))
