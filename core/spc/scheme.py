"""Charts as schemes: how many points pass until one signals, and how many false alarms it raises."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.errors import InputError
from core.spc.rules import Rule
from core.spc.run_length import cusum_run_length, ewma_run_length, shewhart_run_length
from core.spc.simulation import simulated_run_length
from core.spc.zones import zones_run_length

__all__ = [
    "Cusum",
    "Ewma",
    "Knowledge",
    "RunLength",
    "Scheme",
    "Shewhart",
    "average_run_length",
    "false_alarm_rate",
]

SEED = 1984
N_RUNS = 10_000
N_RUNS_A_NODE = 600
NODES_CENTRE, NODES_SPREAD = 7, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Shewhart:
    """A chart of points against limits, with run rules."""

    rules: tuple[Rule, ...] = (Rule.NELSON_1,)
    width: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ewma:
    """An EWMA chart: lambda, L, and whether its limits are narrow at first."""

    smoothing: float = 0.2
    width: float = 2.859
    time_varying: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Cusum:
    """A two-sided tabular CUSUM: k, h and head start."""

    allowance: float = 0.5
    interval: float = 4.775
    headstart: float = 0.0


Scheme = Shewhart | Ewma | Cusum


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLength:
    """An average run length in points, how it was made, and its standard error: 0 where it is exact."""

    value: float
    standard_error: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """How well phase I knows centre and sigma: as well as `n_points` points, and `df` degrees of freedom, tell them."""

    n_points: float
    df: float


def average_run_length(
    scheme: Scheme,
    *,
    shift: float = 0.0,
    mean: float | None = None,
    sd: float = 1.0,
    rng: np.random.Generator | None = None,
    n_runs: int = N_RUNS,
) -> RunLength:
    """How many points pass on average until the chart signals?

    Parameters
    ----------
    scheme : Shewhart, Ewma or Cusum
        The chart.
    shift : float
        Of the level, in sigma; 0 gives the run length in control.
    mean, sd : float, optional
        Mean (the shift, by default) and standard deviation of the scores, where limits are off.
    rng : numpy Generator, optional
        For what has to be simulated; seeded with a constant by default.

    Returns
    -------
    RunLength
        Exact by Markov chain or integral equation; simulated where trend or alternation (Nelson 3 and 4) take
        part. In the zero state: the level is off from the first point on.

    Raises
    ------
    InputError
        If the scheme's parameters are out of their domain.

    Examples
    --------
    >>> round(average_run_length(Ewma(smoothing=0.1, width=2.814, time_varying=False), shift=1.0).value, 1)
    10.3
    """
    at = shift if mean is None else mean
    if isinstance(scheme, Cusum):
        value = cusum_run_length(
            allowance=scheme.allowance, interval=scheme.interval, headstart=scheme.headstart, mean=at, sd=sd
        )
        return RunLength(value=value, standard_error=0.0, method="integral equation")
    if isinstance(scheme, Ewma):
        value = ewma_run_length(
            smoothing=scheme.smoothing, width=scheme.width, time_varying=scheme.time_varying, mean=at, sd=sd
        )
        return RunLength(value=value, standard_error=0.0, method="integral equation")
    if all(rule.is_of_zones for rule in scheme.rules):
        if all(rule in (Rule.NELSON_1, Rule.WESTERN_ELECTRIC_1) for rule in scheme.rules) and scheme.rules:
            value = shewhart_run_length(mean=at, sd=sd, width=scheme.width)
            return RunLength(value=value, standard_error=0.0, method="normal tails")
        value = zones_run_length(scheme.rules, mean=at, sd=sd, width=scheme.width)
        return RunLength(value=value, standard_error=0.0, method="Markov chain")
    source = np.random.default_rng(SEED) if rng is None else rng
    found = simulated_run_length(scheme.rules, mean=at, sd=sd, width=scheme.width, rng=source, n_runs=n_runs)
    return RunLength(value=found.value, standard_error=found.standard_error, method=f"{n_runs:,} simulated runs")


def false_alarm_rate(
    scheme: Scheme,
    *,
    knowledge: Knowledge | None = None,
    widened: float = 1.0,
    rng: np.random.Generator | None = None,
) -> float:
    """How many false alarms a point does the chart raise on average, centre and sigma known or estimated?

    Parameters
    ----------
    scheme : Shewhart, Ewma or Cusum
    knowledge : Knowledge, optional
        What phase I tells of centre and sigma; by default both are known.
    widened : float
        By which factor all limits and zones were widened for that, above 0.
    rng : numpy Generator, optional
        As for `average_run_length`.

    Returns
    -------
    float
        1 over the average run length; with estimates, its mean over normal errors of the centre and chi-square
        errors of sigma. That mean is what many charts raise together; the mean run length would hide it.

    References
    ----------
    W. A. Jensen et al. (2006), effects of parameter estimation, doi:10.1080/00224065.2006.11918623.

    Examples
    --------
    >>> known, ten = false_alarm_rate(Shewhart()), false_alarm_rate(Shewhart(), knowledge=Knowledge(n_points=10, df=9))
    >>> round(1 / known), round(1 / ten)
    (370, 53)
    """
    from scipy.stats import chi2

    if knowledge is None:
        return 1 / average_run_length(scheme, sd=1 / widened, rng=rng).value
    if not (knowledge.n_points > 0 and knowledge.df > 0):
        raise InputError(f"Estimates rest on at least one point and one degree of freedom, got {knowledge}.")
    source = np.random.default_rng(SEED) if rng is None else rng
    if isinstance(scheme, Ewma):
        scheme = replace(scheme, time_varying=False)  # how it begins tells nothing of how it goes on
    x, weight = np.polynomial.hermite_e.hermegauss(NODES_CENTRE)
    # The charts are symmetric: an error of the centre upwards costs what it costs downwards.
    half = x >= 0
    errors = x[half] / np.sqrt(knowledge.n_points)
    of_errors = np.where(x[half] > 0, 2.0, 1.0) * weight[half] / weight.sum()
    u, of_spreads = np.polynomial.legendre.leggauss(NODES_SPREAD)
    # Denser towards sigmas estimated far too small, which raise most of the alarms.
    tail = ((u + 1) / 2) ** 2
    spreads = np.sqrt(chi2.ppf(tail, min(knowledge.df, 1e12)) / min(knowledge.df, 1e12))
    of_spreads = of_spreads * (u + 1) / 2
    if np.isinf(knowledge.df):
        spreads, of_spreads = np.ones(1), np.ones(1)
    rate = 0.0
    for error, share in zip(errors, of_errors, strict=True):
        for spread, part in zip(spreads, of_spreads, strict=True):
            found = average_run_length(
                scheme,
                mean=-error / (spread * widened),
                sd=1 / (spread * widened),
                rng=source,
                n_runs=N_RUNS_A_NODE,
            )
            rate += float(share * part) / found.value
    return rate
