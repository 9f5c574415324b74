"""Which chart costs what is asked: limits for a wanted run length, and the chart that finds a shift soonest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from scipy.special import ndtri

from core.errors import InputError
from core.spc.rules import Rule
from core.spc.run_length import cusum_run_length, ewma_run_length, limit_with_run_length
from core.spc.scheme import Cusum, Ewma, Scheme, Shewhart, average_run_length

__all__ = ["SHIFTS", "best_ewma", "cusum_for", "ewma_for", "shewhart_for", "with_run_length"]

SHIFTS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0)  # in sigma: what a design is told for
LONGEST = 1e9
NARROWEST, WIDEST = 2.01, 9.0  # limits beside the zones of other rules


def shewhart_for(run_length: float, *, rules: Sequence[Rule] = (Rule.NELSON_1,)) -> Shewhart:
    """The limits at which a chart with these rules has the run length in control that is asked for.

    Raises
    ------
    InputError
        If the other rules signal more often than that by themselves, or rule 1 is not among the rules.

    Examples
    --------
    >>> round(shewhart_for(1000).width, 3)
    3.291
    """
    _check_run_length(run_length)
    chosen = tuple(rules)
    if not any(rule.number == 1 for rule in chosen):
        raise InputError("Only the limits can be moved: choose the rule of points beyond them too.")
    if len(chosen) == 1:
        return Shewhart(rules=chosen, width=-float(ndtri(1 / (2 * run_length))))

    def run_length_at(width: float) -> float:
        return average_run_length(Shewhart(rules=chosen, width=width)).value

    if run_length_at(WIDEST) < run_length:
        others = " and ".join(rule.label for rule in chosen if rule.number != 1)
        raise InputError(f"{others} signal more often than once in {run_length:g} points, whatever the limits are.")
    return Shewhart(rules=chosen, width=limit_with_run_length(run_length_at, run_length, low=NARROWEST, high=WIDEST))


@lru_cache(maxsize=256)
def ewma_for(run_length: float, *, smoothing: float = 0.2, time_varying: bool = False) -> Ewma:
    """The L at which an EWMA with this lambda has the run length in control that is asked for.

    Parameters
    ----------
    run_length : float
        In points, above 1.
    smoothing : float
        lambda, in (0, 1].
    time_varying : bool
        Of the limits; tables are of those that don't vary.

    Examples
    --------
    >>> round(ewma_for(370.4, smoothing=0.1).width, 4)
    2.7015
    """
    _check_run_length(run_length)
    width = limit_with_run_length(
        lambda width: ewma_run_length(smoothing=smoothing, width=width, time_varying=time_varying),
        run_length,
        low=0.05,
        high=9.0,
    )
    return Ewma(smoothing=smoothing, width=width, time_varying=time_varying)


@lru_cache(maxsize=256)
def cusum_for(run_length: float, *, shift: float = 1.0, headstart_share: float = 0.0) -> Cusum:
    """The CUSUM with the run length in control that is asked for, which finds this shift soonest.

    Parameters
    ----------
    run_length : float
        In points, above 1.
    shift : float
        In sigma, above 0; k is half of it.
    headstart_share : float
        The head start as a share of h, in [0, 1).

    Examples
    --------
    >>> found = cusum_for(370.4, shift=1.0)
    >>> found.allowance, round(found.interval, 3)
    (0.5, 4.775)
    """
    _check_run_length(run_length)
    if not shift > 0:
        raise InputError(f"A CUSUM is made for a shift above 0, got {shift}.")

    interval = limit_with_run_length(
        lambda h: cusum_run_length(allowance=shift / 2, interval=h, headstart=headstart_share * h),
        run_length,
        low=1e-3,
        high=60.0,
    )
    return Cusum(allowance=shift / 2, interval=interval, headstart=headstart_share * interval)


def best_ewma(run_length: float, *, shift: float) -> Ewma:
    """Of the EWMA charts with this run length in control, the one that finds this shift soonest.

    References
    ----------
    S. V. Crowder (1989), doi:10.1080/00224065.1989.11979164.

    Examples
    --------
    >>> found = best_ewma(500, shift=1.0)
    >>> 0.1 < found.smoothing < 0.2
    True
    """

    from scipy.optimize import minimize_scalar

    def delay(smoothing: float) -> float:
        width = ewma_for(run_length, smoothing=float(smoothing)).width
        return ewma_run_length(smoothing=float(smoothing), width=width, mean=shift)

    found = minimize_scalar(delay, bounds=(0.02, 1.0), method="bounded", options={"xatol": 5e-3})
    return ewma_for(run_length, smoothing=round(float(found.x), 3))


def with_run_length(scheme: Scheme, run_length: float) -> Scheme:
    """The same chart with limits at which it has the run length in control that is asked for.

    Examples
    --------
    >>> round(with_run_length(Ewma(smoothing=0.2, time_varying=False), 500).width, 3)
    2.962
    """
    if isinstance(scheme, Ewma):
        return ewma_for(run_length, smoothing=scheme.smoothing, time_varying=scheme.time_varying)
    if isinstance(scheme, Cusum):
        share = scheme.headstart / scheme.interval
        found = cusum_for(run_length, shift=2 * scheme.allowance, headstart_share=share)
        return replace(found, allowance=scheme.allowance)
    return shewhart_for(run_length, rules=scheme.rules)


def _check_run_length(run_length: float) -> None:
    if not 1 < run_length <= LONGEST:
        raise InputError(f"A run length must lie above 1 and at most at {LONGEST:g} points, got {run_length}.")
