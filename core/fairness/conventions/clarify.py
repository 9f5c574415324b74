"""SageMaker Clarify's bias measures by their names: of the labels, and of the predictions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from core.errors import InputError

__all__ = ["ClarifyMeasure", "clarify_measures", "conditional_demographic_disparity", "label_divergences"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

A, D = "the advantaged group", "the other"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClarifyMeasure:
    """One of Clarify's numbers; ``direction`` says in words what is subtracted from or divided by what."""

    name: str
    value: float | None
    direction: str


def clarify_measures(advantaged: Ints, facet: Ints) -> tuple[ClarifyMeasure, ...]:
    """What would Clarify print of two groups?

    Parameters
    ----------
    advantaged, facet : int arrays of shape (2, 2)
        Counts by prediction and label (0 and 1) of the advantaged group a, and of the facet d that is looked at.

    Returns
    -------
    tuple of ClarifyMeasure
        Where Clarify turns a division by 0 into 0 or an infinity there is no value here. The signs differ: DI, DCR, SD,
        DRR and TE go from d to a, the others from a to d; each says so.

    Raises
    ------
    InputError
        If the counts have another shape or a group has no rows.

    References
    ----------
    M. Hardt et al. (2021), doi:10.1145/3447548.3467177.

    Examples
    --------
    >>> found = {m.name: m.value for m in clarify_measures(np.array([[4, 1], [1, 4]]), np.array([[4, 3], [1, 2]]))}
    >>> round(found["clarify.DPPL"], 3), round(found["clarify.DI"], 3)
    (0.2, 0.6)
    """
    for counts in (advantaged, facet):
        if counts.shape != (2, 2) or not counts.sum():
            raise InputError(f"Clarify compares two groups with rows, counted as (2, 2), got {counts.shape}.")
    a, d = _Side(advantaged), _Side(facet)
    minus, minus_turned = f"{A} minus {D}", f"{D} minus {A}"
    rows: list[tuple[str, float | None, str]] = [
        ("CI", (a.n - d.n) / (a.n + d.n), f"rows of {A} less those of {D}, over all rows"),
        ("DPL", _minus(a.base_rate, d.base_rate), f"share of positive labels, {minus}"),
        ("DPPL", _minus(a.selected, d.selected), f"share of positive predictions, {minus}"),
        ("DI", _over(d.selected, a.selected), f"share of positive predictions, {D} over {A}"),
        ("DCA", _minus(_over(a.p, a.s), _over(d.p, d.s)), f"positive labels per positive prediction, {minus}"),
        (
            "DCR",
            _minus(_over(d.n - d.p, d.n - d.s), _over(a.n - a.p, a.n - a.s)),
            f"negative labels per negative prediction, {minus_turned}",
        ),
        ("RD", _minus(a.tpr, d.tpr), f"true positive rate, {minus}"),
        ("SD", _minus(d.tnr, a.tnr), f"true negative rate, {minus_turned}"),
        ("DAR", _minus(a.ppv, d.ppv), f"positive predictive value, {minus}"),
        ("DRR", _minus(d.npv, a.npv), f"negative predictive value, {minus_turned}"),
        ("AD", _minus(a.accuracy, d.accuracy), f"accuracy, {minus}"),
        ("TE", _minus(_over(d.fn, d.fp), _over(a.fn, a.fp)), f"false negatives per false positive, {minus_turned}"),
    ]
    return tuple(ClarifyMeasure(name=f"clarify.{name}", value=value, direction=way) for name, value, way in rows)


@dataclass(frozen=True, slots=True)
class _Side:
    """One group's counts by prediction and label."""

    counts: Ints

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    @property
    def p(self) -> int:
        return int(self.counts[:, 1].sum())

    @property
    def s(self) -> int:
        return int(self.counts[1].sum())

    @property
    def fn(self) -> int:
        return int(self.counts[0, 1])

    @property
    def fp(self) -> int:
        return int(self.counts[1, 0])

    @property
    def base_rate(self) -> float | None:
        return _over(self.p, self.n)

    @property
    def selected(self) -> float | None:
        return _over(self.s, self.n)

    @property
    def tpr(self) -> float | None:
        return _over(int(self.counts[1, 1]), self.p)

    @property
    def tnr(self) -> float | None:
        return _over(int(self.counts[0, 0]), self.n - self.p)

    @property
    def ppv(self) -> float | None:
        return _over(int(self.counts[1, 1]), self.s)

    @property
    def npv(self) -> float | None:
        return _over(int(self.counts[0, 0]), self.n - self.s)

    @property
    def accuracy(self) -> float | None:
        return _over(int(np.trace(self.counts)), self.n)


def _over(top: float | None, bottom: float | None) -> float | None:
    return top / bottom if top is not None and bottom else None


def _minus(left: float | None, right: float | None) -> float | None:
    return left - right if left is not None and right is not None else None


def conditional_demographic_disparity(strata: Sequence[tuple[Ints, Ints]]) -> float | None:
    """Is the facet a larger share of those rejected than of those accepted, inside strata of like rows (CDD)?

    Parameters
    ----------
    strata : sequence of pairs of int arrays of shape (2,)
        Of every stratum the rows rejected and accepted, of all and of the facet.

    Returns
    -------
    float or None
        The mean over rows of the facet's share among the rejected less its share among the accepted; None without
        rows. A stratum in which nobody is rejected, or nobody accepted, counts that share as 0, as Clarify does.

    References
    ----------
    S. Wachter, B. Mittelstadt, C. Russell (2021), doi:10.1016/j.clsr.2021.105567.

    Examples
    --------
    >>> conditional_demographic_disparity([(np.array([40, 60]), np.array([30, 20]))]).__round__(4)
    0.4167
    """
    total = weighted = 0.0
    for everyone, facet in strata:
        n = float(everyone.sum())
        if n:
            shares = [float(f / e) if e else 0.0 for e, f in zip(everyone, facet, strict=True)]
            weighted += n * (shares[0] - shares[1])
            total += n
    return weighted / total if total else None


def label_divergences(advantaged: Ints, facet: Ints, *, pseudocount: float = 1.0) -> tuple[ClarifyMeasure, ...]:
    """How far apart are the outcomes of two groups: KL, JS, LP, TVD and KS on all categories of both?

    Parameters
    ----------
    advantaged, facet : int arrays of shape (n_categories,)
        Rows by outcome, each with at least one.
    pseudocount : float
        Added to every category for KL, which would be infinite where a category is absent on one side. Clarify
        leaves such a category out and doesn't make the rest sum to 1, so that its KL can be negative.

    References
    ----------
    M. Hardt et al. (2021), doi:10.1145/3447548.3467177; J. Lin (1991), doi:10.1109/18.61115.

    Examples
    --------
    >>> found = {m.name: round(m.value, 5) for m in label_divergences(np.array([3, 2]), np.array([0, 5]))}
    >>> found["clarify.LP"], found["clarify.JS"]
    (0.84853, 0.27436)
    """
    if advantaged.shape != facet.shape or not (advantaged.sum() and facet.sum()):
        raise InputError("Divergences need the same categories on both sides, and rows on each.")
    p, q = advantaged / advantaged.sum(), facet / facet.sum()
    middle = (p + q) / 2
    smooth = [(side + pseudocount) / (side + pseudocount).sum() for side in (advantaged, facet)]
    gap = np.abs(p - q)
    values = {
        "KL": (float(rel_entr(smooth[0], smooth[1]).sum()), f"{A} as told by {D}, smoothed by {pseudocount:g}"),
        "JS": (float((rel_entr(p, middle) + rel_entr(q, middle)).sum() / 2), "both against their mean, in nats"),
        "LP": (math.sqrt(float((gap**2).sum())), "Euclidean distance"),
        "TVD": (float(gap.sum() / 2), "half the sum of the distances"),
        "KS": (float(gap.max()), "largest distance"),
    }
    return tuple(ClarifyMeasure(name=f"clarify.{name}", value=v, direction=way) for name, (v, way) in values.items())
