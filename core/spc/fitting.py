"""Phase I: fit limits to a period, and let tests on it decide how they are made."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.spc.autocorrelation import AutocorrelationTest, autocorrelation_test, autoregressive_width, innovations
from core.spc.baseline import NOMINAL, Baseline, Dependence, Limits, at_season, rows_score
from core.spc.dispersion import ALMOST_ONE, Dispersion, dispersion_test, laney_sigma, shared_variance
from core.spc.factors import c4
from core.spc.phases import LEAST_POINTS
from core.spc.seasons import moderated_spread, season_test, seasonal_means
from core.spc.series import Series, SeriesKind

__all__ = ["AUTOMATIC", "Adjustment", "Rhythm", "fit_baseline"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

RUN_LENGTH = 370.4  # of limits at 3 sigma
LEVEL = 0.01  # of tests whose false positives would cost false alarms
RARE = 25.0  # expected counts below which a share's limits follow its own law


class Rhythm(StrEnum):
    """Whether each point is held against its own season: where a test finds a rhythm, or never, or always."""

    AUTO = "auto"
    OFF = "off"
    ON = "on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """How limits are made: what is left to tests, and what somebody chose."""

    limits: Limits = Limits.AUTO
    rhythm: Rhythm = Rhythm.AUTO
    dependence: Dependence = Dependence.AUTO


AUTOMATIC = Adjustment()


def fit_baseline(
    series: Series,
    *,
    base: Bools | None = None,
    adjustment: Adjustment = AUTOMATIC,
) -> Baseline:
    """Which limits does a period give, and which tests decided on them?

    Parameters
    ----------
    series : Series
        All of one series, so that the neighbours of the period's points are seen.
    base : bool array of shape (n_points,), optional
        The points of phase I; all, by default.
    adjustment : Adjustment
        What is left to tests, and what is chosen.

    Returns
    -------
    Baseline
        Tested in this order: a rhythm (analysis of variance, at 1%), correlation of neighbours (at 1%), then whether
        rows alone explain how points differ (chi-square, at 5%). Counts are charted as individuals unless asked
        otherwise, as what comes to a model has reasons beyond chance; and so are estimates without standard errors.

    Raises
    ------
    InputError
        If base doesn't fit the points.

    Examples
    --------
    >>> from core.spc.series import shares
    >>> fitted = fit_baseline(shares([101, 91, 112, 99, 103, 88, 100, 110], [1000] * 8))
    >>> fitted.limits, round(fitted.centres[0], 4), round(fitted.width, 2)
    (<Limits.SAMPLING: 'sampling'>, 0.1005, 3.18)
    >>> Baseline.from_dict(fitted.to_dict()) == fitted
    True
    """
    where = _base(series, base)
    is_individual = _is_individual(series, where, adjustment.limits)
    if series.kind is SeriesKind.ESTIMATE and not is_individual and series.spread is not None:
        where = where & np.isfinite(series.spread)
    n_points, n_rows = int(where.sum()), float(series.n[where].sum())
    centres, of_rhythm = _centres(series, where, adjustment.rhythm)
    sigma = _row_sigma(series, where)
    spreads, df, of_spreads = _spreads(series, where, centres) if is_individual else ((1.0,), None, ())
    _, score = rows_score(series, centres, sigma, spreads=spreads, is_individual=is_individual)
    test = autocorrelation_test(score, base=where & np.isfinite(score), level=LEVEL)
    phi, dependence, of_neighbours = _dependence(test, adjustment.dependence)
    new = innovations(score, phi) if dependence is Dependence.RESIDUALS else score
    excess = series.excess(at_season(series, centres))
    limits, of_spread = _limits(new, excess, where, adjustment.limits, is_individual=is_individual)
    scale, rho = _scale(new, excess, where, limits, dependence, n_means=len(centres))
    rho = min(rho, ALMOST_ONE) if series.kind is SeriesKind.SHARE else rho
    fitted = Baseline(
        limits=limits,
        dependence=dependence,
        centres=centres,
        spreads=spreads,
        sigma=sigma,
        scale=scale,
        rho=rho,
        phi=phi,
        width=NOMINAL,
        n_points=n_points,
        n_rows=n_rows,
        n_means=len(centres),
        is_exact=_is_rare(series, centres, limits, dependence),
        df=df,
        notes=(*of_rhythm, *of_spreads, *of_neighbours, *of_spread),
    )
    if fitted.is_exact or n_points == 0:  # what estimating the centre adds is part of that law
        return fitted
    width = fitted.worth.width
    if dependence is Dependence.WIDER:
        width *= autoregressive_width(phi, run_length=RUN_LENGTH) / NOMINAL
    return replace(fitted, width=width)


def _base(series: Series, base: Bools | None) -> Bools:
    where = series.there & (series.n > 0)
    if base is None:
        return where
    if base.shape != where.shape or base.dtype != np.bool_:
        raise InputError(f"base must say of each of {where.size} points, in booleans, whether limits rest on it.")
    return where & base


def _is_individual(series: Series, where: Bools, chosen: Limits) -> bool:
    """Whether points are charted by how far neighbours usually differ, not by the rows of each."""
    if chosen is not Limits.AUTO:
        return chosen is Limits.INDIVIDUALS
    if series.kind is SeriesKind.ESTIMATE and series.spread is not None:
        return int(np.isfinite(series.spread[where]).sum()) < LEAST_POINTS
    return series.kind is SeriesKind.COUNT


def _centres(series: Series, where: Bools, rhythm: Rhythm) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """The usual value, or that of each season, and why."""
    weight = np.where(where, series.n, 0.0)
    total = weight.sum()
    one = (float((weight[where] @ series.value[where]) / total) if total else math.nan,)
    if series.season is None:
        return one, ()
    if rhythm is Rhythm.OFF:
        return one, (f"By choice, {series.season_names} aren't told apart.",)
    test = season_test(series.value, series.season, base=where, weight=weight)
    if test.why:
        return one, (
            f"Whether {series.season_names} differ can't be tested yet: phase I must hold each of them four times.",
        )
    told = f"(F {float(test.f[0]):.1f}, p {_p(float(test.p_value[0]))})"
    names = series.season_names
    if rhythm is Rhythm.AUTO and not test.is_present[0]:
        return one, (f"No difference between {names} is found {told}.",)
    profile = seasonal_means(series.value, series.season, base=where, weight=weight)
    found = "differ" if test.is_present[0] else "are told apart by choice"
    return tuple(profile.tolist()), (f"{names.capitalize()} {found} {told}: each point is held against its own.",)


def _spreads(
    series: Series, where: Bools, centres: tuple[float, ...]
) -> tuple[tuple[float, ...], float | None, tuple[str, ...]]:
    """How far the points of each season spread beside all others, where that differs; and what each is known by.

    Tested by Brown and Forsythe: distances from each season's median, as a rhythm of their own.
    """
    alike = (1.0,), None, ()
    if len(centres) == 1 or series.season is None:
        return alike
    seasons, n_seasons = series.season, len(centres)
    left = np.where(where, series.value - at_season(series, centres), np.nan)
    medians = np.array([np.nanmedian(left[where & (seasons == season)]) for season in range(n_seasons)])
    away = np.abs(left - medians[np.minimum(seasons, n_seasons - 1)])
    test = season_test(away, seasons, base=where)
    n_each = np.array([int((where & (seasons == season)).sum()) for season in range(n_seasons)])
    sums = np.array([np.nansum(left[where & (seasons == season)] ** 2) for season in range(n_seasons)])
    variance = sums / (n_each - 1)
    if test.why or not test.is_present[0] or not (variance > 0).all():
        return alike
    found = moderated_spread(variance, df=float(n_each.min() - 1))
    if not math.isfinite(found.df):
        return alike
    told = f"(F {float(test.f[0]):.1f}, p {_p(float(test.p_value[0]))})"
    note = f"Some {series.season_names} vary more than others {told}: each has a spread of its own."
    return tuple(found.sd.tolist()), found.df, (note,)


def _row_sigma(series: Series, where: Bools) -> float:
    """Of means, the standard deviation of a row inside windows, those with more rows weighing more; else 1."""
    if series.kind is not SeriesKind.MEAN or series.spread is None:
        return 1.0
    usable = where & np.isfinite(series.spread) & (series.n >= 2)
    if not usable.any():
        return math.nan
    freedom = series.n[usable] - 1
    pooled = math.sqrt(float(freedom @ series.spread[usable] ** 2) / float(freedom.sum()))
    return pooled / float(c4(min(1e9, float(freedom.sum()) + 1)))


def _dependence(test: AutocorrelationTest, chosen: Dependence) -> tuple[float, Dependence, tuple[str, ...]]:
    """The correlation to reckon with, what is done about it, and why."""
    if test.why:
        return 0.0, Dependence.IGNORE, (test.why,)
    told = f"({float(test.correlation[0]):.2f}, p {_p(float(test.p_value[0]))})"
    if chosen is Dependence.IGNORE:
        return 0.0, chosen, (f"By choice, correlation of neighbouring points {told} is ignored.",)
    if not test.is_present[0]:
        return 0.0, Dependence.IGNORE, (f"No correlation of neighbouring points is found {told}.",)
    what = Dependence.WIDER if chosen is Dependence.WIDER else Dependence.RESIDUALS
    done = "limits are wide enough for it" if what is Dependence.WIDER else "charted is what is new in each"
    return float(test.phi[0]), what, (f"Neighbouring points are correlated {told}: {done}.",)


def _limits(
    score: Floats, excess: Floats, where: Bools, chosen: Limits, *, is_individual: bool
) -> tuple[Limits, tuple[str, ...]]:
    """What the limits' width comes from, and why."""
    if is_individual:
        return Limits.INDIVIDUALS, ()
    test = dispersion_test(score, excess, base=where & np.isfinite(score))
    advised = {
        Dispersion.SAMPLING: Limits.SAMPLING,
        Dispersion.LANEY: Limits.LANEY,
        Dispersion.SHARED: Limits.SHARED,
    }[test.advice]
    if chosen is Limits.AUTO or chosen is advised:
        return advised, (test.why,)
    return chosen, (f"{test.why} The test advises {ADVICE[advised]}; chosen were {ADVICE[chosen]}.",)


ADVICE = {
    Limits.SAMPLING: "limits by rows alone",
    Limits.LANEY: "Laney's limits",
    Limits.SHARED: "limits that allow each window a shift of its own",
}


def _scale(
    score: Floats, excess: Floats, where: Bools, limits: Limits, dependence: Dependence, *, n_means: int
) -> tuple[float, float]:
    """How many times wider than rows alone, and what rows share."""
    base = where & np.isfinite(score)
    if limits is Limits.SAMPLING:
        return 1.0, 0.0
    if limits is Limits.SHARED:
        return 1.0, float(shared_variance(score, excess, base=base)[0])
    if dependence is Dependence.WIDER:  # neighbours that hang together make moving ranges too short
        left = int(base.sum()) - n_means
        return (math.sqrt(float((score[base] ** 2).sum()) / left) if left > 0 else math.nan), 0.0
    return float(laney_sigma(score, base=base)[0]), 0.0


def _is_rare(series: Series, centres: tuple[float, ...], limits: Limits, dependence: Dependence) -> bool:
    """Whether some window expects so few of the rarer rows that a normal law would be too coarse."""
    if series.kind is not SeriesKind.SHARE or limits not in (Limits.SAMPLING, Limits.SHARED):
        return False
    if dependence is not Dependence.IGNORE or not series.there.any():
        return False
    centre = at_season(series, centres)[series.there]
    expected = series.n[series.there] * np.minimum(centre, 1 - centre)
    return bool(np.isfinite(expected).any() and np.nanmin(expected) < RARE)


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.3f}"
