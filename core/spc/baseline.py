"""Limits frozen by phase I, and every point charted against them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.spc.autocorrelation import innovations, predicted
from core.spc.chart import ControlChart, outside
from core.spc.dispersion import ALMOST_ONE
from core.spc.phases import LimitsWorth, Spread, degrees_of_freedom, limits_worth
from core.spc.scheme import Knowledge
from core.spc.series import Series, SeriesKind
from core.spc.tails import binomial_tails

__all__ = ["Baseline", "Dependence", "Limits", "at_season", "baseline_chart", "rows_score"]

Floats = NDArray[np.float64]

NOMINAL = 3.0


class Limits(StrEnum):
    """What the width of the limits comes from; AUTO lets tests on phase I decide."""

    AUTO = "auto"
    SAMPLING = "sampling"
    LANEY = "laney"
    SHARED = "shared"
    INDIVIDUALS = "individuals"


class Dependence(StrEnum):
    """What is done about correlated neighbours: AUTO charts residuals where a test finds correlation."""

    AUTO = "auto"
    IGNORE = "ignore"
    RESIDUALS = "residuals"
    WIDER = "wider"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What phase I found: all that is needed to chart further points of the same series.

    Attributes
    ----------
    limits, dependence
        As resolved, never AUTO.
    centres, spreads : tuple of float
        The usual value, and how far individual points spread beside the others: one, or one a season.
    sigma : float
        Of means the standard deviation of a row; else 1.
    scale, rho : float
        How many times wider than by rows alone points differ (of individuals: their sigma), and what the rows of
        a point share.
    phi : float
        The correlation of neighbouring points that is reckoned with.
    width : float
        Of the limits in estimated standard errors: above 3, as these are estimated.
    n_points, n_rows, n_means
        What it rests on: points, their rows, and means taken off.
    df : float or None
        Degrees of freedom of the spread of each season, where each has its own.
    is_exact : bool
        Whether limits follow the law of counts.
    notes : tuple of str
        What the tests found and what was made of it, in sentences.
    """

    limits: Limits
    dependence: Dependence
    centres: tuple[float, ...]
    spreads: tuple[float, ...]
    sigma: float
    scale: float
    rho: float
    phi: float
    width: float
    n_points: int
    n_rows: float
    n_means: int
    is_exact: bool
    df: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def spread(self) -> Spread:
        """What the width is known from."""
        if self.limits is Limits.SAMPLING:
            return Spread.ROWS
        by_variance = self.limits is Limits.SHARED or self.dependence is Dependence.WIDER
        return Spread.VARIANCE if by_variance else Spread.MOVING_RANGES

    @property
    def worth(self) -> LimitsWorth:
        """What limits from so many points are worth."""
        return limits_worth(self.n_points, spread=self.spread, n_means=self.n_means, df=self.df)

    @property
    def knowledge(self) -> Knowledge | None:
        """How well centre and spread are known; None without a point."""
        if self.n_points < 1:
            return None
        df = self.df or degrees_of_freedom(self.n_points, spread=self.spread, n_means=self.n_means)
        return Knowledge(n_points=self.n_points / self.n_means, df=df)

    @property
    def is_armed(self) -> bool:
        """Whether there are points enough for limits, and they differ at all."""
        known = all(math.isfinite(value) for value in (*self.centres, self.scale, self.width))
        return self.worth.is_armed and known and (self.scale > 0 or self.is_exact)

    @property
    def is_constant(self) -> bool:
        """Whether the points of phase I are all equal, so that they give no scale."""
        return self.n_points > 1 and self.scale == 0 and not self.is_exact

    def to_dict(self) -> dict[str, Any]:
        """The form that is stored; what isn't finite becomes None."""
        found = {name: _plain(value) for name, value in asdict(self).items()}
        found |= {name: [_plain(value) for value in getattr(self, name)] for name in ("centres", "spreads")}
        return {**found, "notes": list(self.notes)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Baseline:
        """Read what `to_dict` wrote."""
        found: dict[str, Any] = {
            name: math.nan if value is None and name != "df" else value for name, value in stored.items()
        }
        for name in ("centres", "spreads"):
            found[name] = tuple(math.nan if value is None else float(value) for value in stored[name])
        found["notes"] = tuple(stored["notes"])
        found["limits"], found["dependence"] = Limits(stored["limits"]), Dependence(stored["dependence"])
        return cls(**found)


def baseline_chart(baseline: Baseline, series: Series) -> ControlChart:
    """Every point of a series against the limits of its phase I.

    Parameters
    ----------
    baseline : Baseline
        Fitted to the same series by `core.spc.fitting.fit_baseline`.
    series : Series
        All its points, of phase I and later.

    Returns
    -------
    ControlChart
        Three of its `score` lead from the centre to a limit, so that rules find their zones in limits as wide as few
        points make them. Where neighbours are correlated and residuals are charted, the centre of a point is what
        the one before lets expect, and its score that of what is new in it.
    """
    is_individual = baseline.limits is Limits.INDIVIDUALS
    single, score = rows_score(
        series, baseline.centres, baseline.sigma, spreads=baseline.spreads, is_individual=is_individual
    )
    centre = at_season(series, baseline.centres)
    factor = np.full(series.value.shape, baseline.scale)
    if baseline.limits is Limits.SHARED:
        factor = np.sqrt(1 + series.excess(centre) * baseline.rho)
    error, new = single * factor, score
    if baseline.dependence is Dependence.RESIDUALS:
        follows = np.concatenate([[False], np.isfinite(score[:-1])])[: score.size]
        new = innovations(score, baseline.phi)
        centre = centre + np.where(np.isfinite(single), single, 0.0) * predicted(score, baseline.phi)
        error = error * np.where(follows, np.sqrt(1 - baseline.phi**2), 1.0)
    scaled = series.there & (error > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        standard = np.where(scaled, new / factor * (NOMINAL / baseline.width), np.nan)
    half = np.where(scaled, baseline.width * error, np.nan)
    floor, ceiling = _domain(series.kind)
    chart = ControlChart(
        kind=baseline.limits,
        statistic=series.value,
        n=series.n,
        centre=np.where(series.there, centre, np.nan),
        lower=np.maximum(floor, centre - half),
        upper=np.minimum(ceiling, centre + half),
        score=standard,
        signal=outside(standard),
        n_base=np.array(baseline.n_points, dtype=np.int64),
        standards={"centre": np.array(baseline.centres)},
        convention=_convention(baseline, series.kind),
    )
    return _by_law(chart, baseline, series) if baseline.is_exact else chart


def rows_score(
    series: Series, centres: tuple[float, ...], sigma: float, *, spreads: tuple[float, ...], is_individual: bool
) -> tuple[Floats, Floats]:
    """The standard error that rows alone give each point, and how many of it the point lies off.

    Of individuals it is the spread of their season beside the others': 1 where all spread alike.
    """
    centre = at_season(series, centres)
    single = at_season(series, spreads) if is_individual else series.error(centre, sigma)
    with np.errstate(invalid="ignore", divide="ignore"):
        return single, np.where(series.there & (single > 0), (series.value - centre) / single, np.nan)


def at_season(series: Series, values: tuple[float, ...]) -> Floats:
    """The value that holds at each point: that of its season where there are several."""
    if len(values) == 1 or series.season is None:
        return np.full(series.value.shape, values[0])
    known = np.append(np.array(values), np.nan)  # of a season that phase I never saw nothing is known
    return known[np.minimum(series.season, len(values))]


def _by_law(chart: ControlChart, baseline: Baseline, series: Series) -> ControlChart:
    """The chart with scores and limits by the law of each share, which also holds what estimating it adds."""
    if series.k is None:
        return chart
    n_rows = max(1.0, baseline.n_rows / baseline.n_means)
    mean_rows = baseline.n_rows / max(1, baseline.n_points)
    centre = at_season(series, baseline.centres)
    usable = series.there & np.isfinite(centre)
    # Half a row more on either side: a share that phase I never saw may yet occur.
    share = np.where(usable, (centre * n_rows + 0.5) / (n_rows + 1), 0.5)
    doubt = (1 + (mean_rows - 1) * baseline.rho) / n_rows
    score, low, high = binomial_tails(
        series.k,
        np.where(usable, series.n, 0.0),
        p=share,
        rho=min(baseline.rho + doubt, ALMOST_ONE),
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        lower, upper = low / series.n, high / series.n
    return replace(chart, lower=lower, upper=upper, score=score, signal=outside(score))


def _domain(kind: SeriesKind) -> tuple[float, float]:
    return {SeriesKind.SHARE: (0.0, 1.0), SeriesKind.COUNT: (0.0, math.inf)}.get(kind, (-math.inf, math.inf))


def _convention(baseline: Baseline, kind: SeriesKind) -> str:
    """How the limits were made, in words."""
    name = {SeriesKind.SHARE: "p chart", SeriesKind.COUNT: "c chart"}.get(kind, "X-bar chart")
    how = {
        Limits.SAMPLING: f"{name}; standard errors of rows alone",
        Limits.LANEY: f"Laney's {name.replace(' ', chr(8242) + ' ')}; standard errors times {baseline.scale:.3g}",
        Limits.SHARED: f"{name} with a variance that grows with n (rho {baseline.rho:.2g})",
        Limits.INDIVIDUALS: f"individuals chart; sigma {baseline.scale:.4g} from moving ranges",
    }[baseline.limits]
    if baseline.limits is Limits.INDIVIDUALS and baseline.dependence is Dependence.WIDER:
        how = f"individuals chart; sigma {baseline.scale:.4g} of all points"
    if baseline.is_exact:
        return f"{how}; exact limits, as rare as 3 sigma for each n"
    return f"{how}; limits at {baseline.width:.2f} of them, which few points make as rare as 3 known ones"


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
