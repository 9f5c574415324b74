"""What cannot hold together: where base rates differ, equal precision and equal error rates exclude each other."""

from __future__ import annotations

from dataclasses import dataclass

from core.fairness.groups import GroupRate, GroupRates
from core.fairness.support import Cell
from core.stats.exact import fisher_p_value

__all__ = ["Incompatibility", "incompatibility"]

ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Incompatibility:
    """Two groups, their base rates, and the false positive rates that equal precision and equal misses would force.

    ``holds`` says whether base rates differ for certain; None if that can't be told. ``forced`` are the two
    groups' false positive rates at the precision and the miss rate of all rows together.
    """

    low: GroupRate | None
    high: GroupRate | None
    p_value: float | None
    holds: bool | None
    positive_predictive_value: float | None
    false_negative_rate: float | None
    forced: tuple[float, float] | None
    words: str


def incompatibility(rates: GroupRates) -> Incompatibility:
    """Which fairness criteria exclude each other here, and by how much?

    Parameters
    ----------
    rates : GroupRates

    Returns
    -------
    Incompatibility
        Of the two assessed groups whose base rates lie farthest apart; the p-value is Fisher's times the pairs
        there are. As FPR = BR / (1 - BR) (1 - PPV) / PPV (1 - FNR), groups of different base rate BR can't share all
        three of the others, unless the model errs never.

    References
    ----------
    A. Chouldechova (2017), doi:10.1089/big.2016.0047; J. Kleinberg et al. (2016), doi:10.48550/arXiv.1609.05807.

    Examples
    --------
    >>> import numpy as np
    >>> from core.fairness.groups import group_rates
    >>> confusion = np.zeros((3, 3, 2), dtype=np.int64)
    >>> confusion[:2, :2, 0], confusion[:2, :2, 1] = [[300, 100], [100, 500]], [[600, 100], [100, 200]]
    >>> found = incompatibility(group_rates(confusion, group_names=("a", "b"), positive=1, favourable=1))
    >>> found.holds, [round(rate, 3) for rate in found.forced]
    (True, [0.095, 0.333])
    """
    told = sorted((each for each in rates.of("prevalence") if each.cell is Cell.OK), key=lambda each: each.value or 0.0)
    if len(told) < 2:
        return _unknown("Fewer than two groups have labels enough to tell their base rates.")
    low, high = told[0], told[-1]
    pairs = len(told) * (len(told) - 1) // 2
    p_value = min(1.0, pairs * fisher_p_value(high.k, high.n, low.k, low.n))
    precision, misses = rates.total("positive_predictive_value").value, rates.total("false_negative_rate").value
    rates_low, rates_high = low.k / low.n, high.k / high.n
    said = f"The base rate is {rates_low:.1%} in {low.group} and {rates_high:.1%} in {high.group}"
    forced = None
    if precision and misses is not None and rates_high < 1 and precision < 1:
        scale = (1 - precision) / precision * (1 - misses)
        ends = (rates_low / (1 - rates_low) * scale, rates_high / (1 - rates_high) * scale)
        forced = ends if max(ends) <= 1 else None
    holds = p_value <= ALPHA
    if not holds:
        words = f"{said}: chance may explain that, so no criterion is known to exclude another here."
    elif precision == 1 and misses == 0:
        words = f"{said}. The model errs never, so nothing excludes anything."
        holds = False
    else:
        words = (
            f"{said}. So equal precision, equal misses and equal false alarms can't all hold, and a score that is "
            "calibrated in both groups can't be balanced for both outcomes: which of them matters most is to be chosen."
        )
        if forced is not None:
            words += (
                f" With the precision ({precision:.1%}) and the misses ({misses:.1%}) of all rows in both groups, the "
                f"false positive rate would be {forced[0]:.1%} in {low.group} and {forced[1]:.1%} in {high.group}."
            )
    return Incompatibility(
        low=low,
        high=high,
        p_value=p_value,
        holds=holds,
        positive_predictive_value=precision,
        false_negative_rate=misses,
        forced=forced,
        words=words,
    )


def _unknown(words: str) -> Incompatibility:
    return Incompatibility(
        low=None,
        high=None,
        p_value=None,
        holds=None,
        positive_predictive_value=None,
        false_negative_rate=None,
        forced=None,
        words=words,
    )
