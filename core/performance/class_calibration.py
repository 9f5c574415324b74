"""What each class's score says of it on the reference, and the confusions that the labels of a window may make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from core.performance.calibrated import ScoreCalibration, fit_calibration, placed_scores
from core.performance.draws import draw_outcomes
from core.performance.estimated import N_DRAWS, calibration_of, excess_correlation, residual_correlation
from core.performance.multiclass import MulticlassCounts

__all__ = [
    "OTHER",
    "THIS",
    "ClassCalibration",
    "MulticlassCalibration",
    "drawn_confusions",
    "expected_confusion",
    "fitted_confusion",
    "multiclass_calibration_of",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

OTHER, THIS = 0, 1  # on the axes of a class's table: predicted or labelled another class, this one
PRIOR_ERRORS = 0.5  # in each cell of the reference's errors
FITTING_STEPS = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassCalibration:
    """P(class | its score) on the reference: of all rows, of those predicted so, of those predicted otherwise."""

    whole: ScoreCalibration
    chosen: ScoreCalibration
    others: ScoreCalibration
    correlation: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MulticlassCalibration:
    """What the reference says of every class.

    Parameters
    ----------
    by_class : mapping of class to ClassCalibration
    errors : float array of shape (n_classes, n_classes)
        Rows of the reference that were wrong, prediction x label.
    correlation : float
        How alike windows of the reference are in whether predictions are right, beyond what scores say.
    rates : mapping of class to three float arrays of shape (n_draws, n_places)
        As they may be, drawn once for all windows: of all rows, of those predicted so, of the others.
    """

    classes: tuple[str, ...]
    by_class: Mapping[str, ClassCalibration]
    errors: Floats
    correlation: float
    rates: Mapping[str, tuple[Floats, Floats, Floats]]

    @property
    def n(self) -> float:
        """Labelled rows of the reference."""
        return max(one.whole.n for one in self.by_class.values())


def multiclass_calibration_of(
    reference: MulticlassCounts,
    windows: Sequence[MulticlassCounts] = (),
    *,
    rng: np.random.Generator,
    n_draws: int = N_DRAWS,
) -> MulticlassCalibration | None:
    """P(class | its score) as the reference's counts have it; None unless every class has a score and there are labels.

    A class's rate is told apart by whether the class was predicted: among rows of one score it is likelier where no
    other class scores higher.

    Parameters
    ----------
    reference : MulticlassCounts
    windows : sequence of MulticlassCounts
        The reference's, with labels: how much they differ by more than chance.
    rng : numpy Generator
    n_draws : int
        At least 100.
    """
    by_class, rates = {}, {}
    for name in reference.classes:
        if name not in reference.scores:
            return None
        counts = reference.one_against_the_rest(name)
        whole = calibration_of(counts)
        if whole is None or counts.score_bins is None:
            return None
        chosen, others = (
            fit_calibration(counts.joint[:, kind, :2], counts.score_bins, whole.scores, prior=whole)
            for kind in (THIS, OTHER)
        )
        correlation = residual_correlation(whole, [window.one_against_the_rest(name) for window in windows])
        by_class[name] = ClassCalibration(whole=whole, chosen=chosen, others=others, correlation=correlation)
        rates[name] = whole.draws(n_draws, rng), chosen.draws(n_draws, rng), others.draws(n_draws, rng)
    errors = reference.decided.astype(np.float64)
    np.fill_diagonal(errors, 0.0)
    return MulticlassCalibration(
        classes=reference.classes,
        by_class=by_class,
        errors=errors,
        correlation=_correlation_of_hits(by_class, windows),
        rates=rates,
    )


def _correlation_of_hits(by_class: Mapping[str, ClassCalibration], windows: Sequence[MulticlassCounts]) -> float:
    """How alike rows of one window are in whether their prediction is right, beyond what their scores say."""
    residuals, variances, sizes = [], [], []
    for window in windows:
        residual, variance, size = 0.0, 0.0, 0.0
        for name, one in by_class.items():
            placed = placed_scores(window.one_against_the_rest(name).joint[:, THIS, :2])
            rows, rates = placed.sum(axis=1), one.chosen.rates
            residual += float((placed[:, THIS] - rows * rates).sum())
            variance += float(rows @ (rates * (1 - rates)))
            size += float(rows.sum())
        residuals.append(residual)
        variances.append(variance)
        sizes.append(size)
    return excess_correlation(residuals, variances, sizes)


def expected_confusion(calibration: MulticlassCalibration, rows: Mapping[str, Ints]) -> Floats:
    """The expected confusion, prediction x label, shape (1, n_classes, n_classes)."""
    one = [calibration.by_class[name] for name in calibration.classes]
    placed = [rows[name] for name in calibration.classes]
    hits = np.array([[each[:, THIS] @ of.chosen.rates for each, of in zip(placed, one, strict=True)]])
    missed = np.array([[each[:, OTHER] @ of.others.rates for each, of in zip(placed, one, strict=True)]])
    wrong = _predicted(calibration, rows) - hits
    confusion = wrong[:, :, np.newaxis] * fitted_confusion(calibration.errors, wrong, missed)
    return _with_hits(confusion, hits)


def drawn_confusions(calibration: MulticlassCalibration, rows: Mapping[str, Ints], rng: np.random.Generator) -> Floats:
    """Confusions as labels may make them, shape (n_draws, n_classes, n_classes)."""
    chosen = {name: calibration.rates[name][1] for name in calibration.classes}
    if calibration.correlation > 0:
        chosen = _shifted(calibration, chosen, rows, rng)
    hits, missed = [], []
    for name in calibration.classes:
        one, own = calibration.by_class[name].chosen, np.zeros((rows[name].shape[0], 3), dtype=np.int64)
        own[:, 0] = rows[name][:, THIS]
        drawn = draw_outcomes(one, chosen[name], own, (0,) * own.shape[0], rng=rng).positives if own.any() else None
        n_draws = chosen[name].shape[0]
        hits.append(np.zeros(n_draws) if drawn is None else drawn[:, :, 0].sum(axis=1))
        missed.append(calibration.rates[name][2] @ rows[name][:, OTHER])
    right, wanted = np.column_stack(hits), np.column_stack(missed)
    wrong = _predicted(calibration, rows) - right
    spread = fitted_confusion(calibration.errors, wrong, wanted)
    return _with_hits(rng.multinomial(wrong.astype(np.int64), spread).astype(np.float64), right)


def _predicted(calibration: MulticlassCalibration, rows: Mapping[str, Ints]) -> Floats:
    return np.array([float(rows[name][:, THIS].sum()) for name in calibration.classes])


def _with_hits(confusion: Floats, hits: Floats) -> Floats:
    places = np.arange(hits.shape[1])
    confusion[:, places, places] = hits
    return confusion


def _shifted(
    calibration: MulticlassCalibration, chosen: Mapping[str, Floats], rows: Mapping[str, Ints], rng: np.random.Generator
) -> dict[str, Floats]:
    """Rates of hits moved together, draw by draw, as far as windows of the reference lie apart."""
    n, variance = 0.0, 0.0
    for name, one in calibration.by_class.items():
        rates = one.chosen.rates
        variance += float(rows[name][:, THIS] @ (rates * (1 - rates)))
        n += float(rows[name][:, THIS].sum())
    n_draws = next(iter(chosen.values())).shape[0]
    moved = rng.normal(0.0, np.sqrt(calibration.correlation / max(variance / n, 1e-9)), size=(n_draws, 1))
    return {name: expit(logit(np.clip(rates, 1e-9, 1 - 1e-9)) + moved) for name, rates in chosen.items()}


def fitted_confusion(errors: Floats, wrong: Floats, missed: Floats) -> Floats:
    """How are the errors of each prediction spread over the labels?

    Parameters
    ----------
    errors : float array of shape (n_classes, n_classes)
        The reference's, prediction x label, 0 on the diagonal.
    wrong : float array of shape (n, n_classes)
        Rows that were wrongly predicted so.
    missed : float array of shape (n, n_classes)
        Rows of each label that were predicted otherwise, up to a factor.

    Returns
    -------
    float array of shape (n, n_classes, n_classes)
        Shares of each prediction's errors by label: the reference's pattern, tilted so that labels come to `missed`.

    Examples
    --------
    >>> errors = np.array([[0.0, 10.0, 10.0], [10.0, 0.0, 10.0], [10.0, 10.0, 0.0]])
    >>> found = fitted_confusion(errors, np.array([[20.0, 20.0, 20.0]]), np.array([[30.0, 15.0, 15.0]]))
    >>> (found[0] * 20).sum(axis=0).round(3).tolist()
    [30.0, 15.0, 15.0]
    """
    k = errors.shape[0]
    seed = (errors + PRIOR_ERRORS) * (1 - np.eye(k))
    table = np.broadcast_to(seed, (wrong.shape[0], k, k)) + 0.0
    rows = np.maximum(wrong, 1e-9)
    columns = np.maximum(missed, 1e-9)
    columns = columns / columns.sum(axis=1, keepdims=True) * rows.sum(axis=1, keepdims=True)
    for _ in range(FITTING_STEPS):
        table *= (columns / table.sum(axis=1))[:, np.newaxis, :]
        by_row = table.sum(axis=2)
        table *= (rows / by_row)[:, :, np.newaxis]
        if np.abs(by_row / rows - 1).max() < 1e-6:
            break
    shares: Floats = table / table.sum(axis=2, keepdims=True)
    return shares
