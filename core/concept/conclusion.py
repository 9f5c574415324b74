"""What strata of outcomes say together about concept drift: measures, a table of bins and a sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from core.concept.strata import StratifiedTest, pool_by_information, stratified_test
from core.measure import Family, Interval, Measure, Status
from core.stats.intervals import normal_interval

__all__ = ["ConceptResidual", "Convention", "ResidualBin", "Strata", "conclude"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

EFFECT_MARGIN = 0.1  # what Cohen calls small, in standard deviations of a row


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualBin:
    """One bin: what was observed, what the reference makes one expect, and the interval of the difference.

    Rates of the outcome or, for a regression, mean errors; None where there are too few rows for one.
    """

    name: str
    n_reference: int
    n: int
    expected: float | None
    observed: float | None
    difference: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptResidual:
    """The measures residual_effect (does any bin differ?) and mean_residual (one way?), the bins, and words.

    ``n_reference`` and ``n`` are labelled rows. ``n_without_reference`` of them lie in bins where the
    reference has no labelled row; nothing is expected of them, so they are left out. ``test`` is None
    where there is too little for one.
    """

    n_reference: int
    n: int
    n_without_reference: int
    test: StratifiedTest | None
    measures: tuple[Measure, Measure]
    bins: tuple[ResidualBin, ...]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """How residuals of one kind are made; `least` is the information a pooled bin needs for the test."""

    mean: str
    effect: str
    test: str
    least: float
    is_rate: bool
    what: str

    def number(self, value: float) -> str:
        """A mean in words."""
        sign = "−" if value < 0 else ""
        return f"{sign}{abs(value):.1%}" if self.is_rate else f"{sign}{self.size(value)}"

    def size(self, value: float) -> str:
        """A difference of means in words, without its sign."""
        return f"{abs(value) * 100:.1f} points" if self.is_rate else _significant(abs(value))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strata:
    """Both samples by bin, in order; arrays of shape (n_bins,), means 0 where there are no rows.

    ``null_variance`` is that of the difference of means if there is none in truth, ``variance`` the same
    without that assumption, ``planned`` the reference's variance of one row.
    """

    names: tuple[str, ...]
    n_reference: Ints
    n: Ints
    reference: Floats
    current: Floats
    null_variance: Floats
    variance: Floats
    planned: Floats
    information: Floats
    differences: tuple[Interval | None, ...]

    def bins(self) -> tuple[ResidualBin, ...]:
        """The table of bins."""
        return tuple(
            ResidualBin(
                name=name,
                n_reference=int(self.n_reference[i]),
                n=int(self.n[i]),
                expected=float(self.reference[i]) if self.n_reference[i] else None,
                observed=float(self.current[i]) if self.n[i] else None,
                difference=self.differences[i],
            )
            for i, name in enumerate(self.names)
        )


def conclude(strata: Strata, convention: Convention, *, margin: float, confidence: float = 0.95) -> ConceptResidual:
    """Put the bins together: the test, the mean residual, and what they say.

    Parameters
    ----------
    strata : Strata
    convention : Convention
    margin : float
        A mean residual that matters, in the units of the means.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    ConceptResidual
        Without labels on either side both measures are undefined. With too few the mean residual is
        insufficient and `why` gives the labelled rows needed for its interval to be as narrow as the margin.
    """
    n_reference, n = int(strata.n_reference.sum()), int(strata.n.sum())
    used = (strata.n_reference > 0) & (strata.n > 0)
    n_used = int(strata.n[used].sum())
    why = ""
    if not n:
        why = "No row has both a label and a place in these bins."
    elif not n_reference:
        why = "The reference has no row with both a label and a place in these bins."
    elif not n_used:
        why = f"None of the {n:,} labelled rows lies in a bin where the reference has labels."
    if why:
        test, words = None, why
        measures = (
            _undefined("residual_effect", convention.effect, why),
            _undefined("mean_residual", convention.mean, why),
        )
    else:
        test, measures, words = _conclude(strata, convention, used, margin, confidence)
        if n_used < n:
            words = f"{words} {n - n_used:,} labelled rows lie where the reference has no labels and are left out."
    return ConceptResidual(
        n_reference=n_reference,
        n=n,
        n_without_reference=n - n_used,
        test=test,
        measures=measures,
        bins=strata.bins(),
        words=words,
    )


def _conclude(
    strata: Strata, convention: Convention, used: NDArray[np.bool_], margin: float, confidence: float
) -> tuple[StratifiedTest | None, tuple[Measure, Measure], str]:
    n, n_reference, information = strata.n[used], strata.n_reference[used], strata.information[used]
    difference = strata.current[used] - strata.reference[used]
    total, share = int(n.sum()), n / n.sum()
    test = None
    if information.sum() >= convention.least:
        groups = pool_by_information(information, convention.least)
        test = stratified_test(difference, strata.null_variance[used], n_reference, n, groups, confidence=confidence)
    residual = float(share @ difference)
    error = math.sqrt(float(share**2 @ strata.variance[used]))
    interval = normal_interval(residual, error, confidence=confidence) if test else None
    why = ""
    if interval is None or interval.high - residual > margin:
        why = _needed(strata, used, convention, margin, confidence)
    mean = Measure(
        family=Family.CONCEPT_DRIFT,
        measure="mean_residual",
        value=residual,
        n=total,
        convention=convention.mean,
        why=why,
        interval=interval,
        change=interval,
        reference=0.0,
        margin=margin,
        p_value=test.mean_p_value if test else None,
    )
    if test is None:
        effect = _undefined("residual_effect", convention.effect, why)
    else:
        effect = Measure(
            family=Family.CONCEPT_DRIFT,
            measure="residual_effect",
            value=test.effect,
            n=total,
            convention=f"{convention.effect}, df {test.df}, {convention.test}",
            interval=test.effect_interval,
            change=test.effect_interval,
            reference=0.0,
            margin=EFFECT_MARGIN,
            p_value=test.p_value,
        )
    return test, (effect, mean), _words(strata, convention, used, interval)


def _significant(value: float) -> str:
    """Three significant digits, never as a power of ten."""
    digits = max(0, 2 - math.floor(math.log10(value))) if value else 0
    return f"{value:,.{digits}f}"


def _undefined(measure: str, convention: str, why: str) -> Measure:
    return Measure(
        family=Family.CONCEPT_DRIFT,
        measure=measure,
        value=None,
        n=0,
        status=Status.UNDEFINED,
        convention=convention,
        why=why,
    )


def _needed(strata: Strata, used: NDArray[np.bool_], convention: Convention, margin: float, confidence: float) -> str:
    """How many labelled rows would make the mean residual's interval as narrow as the margin, at this mix."""
    n, share = int(strata.n[used].sum()), strata.n[used] / strata.n[used].sum()
    of_a_row = float(share @ strata.planned[used])
    of_reference = float(share**2 @ (strata.planned[used] / strata.n_reference[used]))
    room = (margin / float(ndtri(0.5 + confidence / 2))) ** 2 - of_reference
    known = f"{n:,} labelled rows are too few to tell a mean residual of {convention.size(margin)}"
    if room <= 0:
        return f"{known}; so are the reference's {int(strata.n_reference[used].sum()):,}."
    if of_a_row == 0:
        return f"The reference shows no spread inside the bins to test {n:,} labelled rows against."
    return f"{known}; about {max(n + 1, math.ceil(of_a_row / room)):,} are needed."


def _words(strata: Strata, convention: Convention, used: NDArray[np.bool_], interval: Interval | None) -> str:
    n, share = int(strata.n[used].sum()), strata.n[used] / strata.n[used].sum()
    observed, expected = float(share @ strata.current[used]), float(share @ strata.reference[used])
    number, size = convention.number, convention.size
    way = "more" if observed > expected else "less"
    words = (
        f"Among {n:,} labelled rows {convention.what} is {number(observed)}, {number(expected)} expected from the "
        f"reference: {size(observed - expected)} {way}"
    )
    if interval is not None:
        signed = ["+" if limit > 0 else "−" for limit in (interval.low, interval.high)]
        low, high = (size(limit).removesuffix(" points") for limit in (interval.low, interval.high))
        words = f"{words} ({interval.confidence:.0%} interval {signed[0]}{low} to {signed[1]}{high})"
    surprise = np.abs(strata.current - strata.reference) / np.sqrt(
        np.where(strata.null_variance > 0, strata.null_variance, np.inf)
    )
    surprise[~used] = 0.0
    if interval is None or used.sum() < 2 or not surprise.any():
        return f"{words}."
    index = int(np.argmax(surprise))
    return (
        f"{words}. The bin that differs most is {strata.names[index]}: {number(strata.current[index])} of "
        f"{int(strata.n[index]):,} rows, {number(strata.reference[index])} expected."
    )
