"""Where has a column moved: in which segments, in which versions, and at a deployment?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.drift.shares import Bins
from core.drift.stories import listed
from core.drift.verdict import ALPHA, MARGIN_W, ShiftVerdict, Verdict, shift_verdict

__all__ = ["Place", "Where", "deployment_shift", "where_moved"]

Ints = NDArray[np.int64]

MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One segment or version, and whether the column moved in it."""

    name: str
    verdict: ShiftVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """In which places the column moved, the farthest first, and a sentence that says so.

    ``is_only`` holds if it certainly moved in some places and is proven stable in all others.
    """

    places: tuple[Place, ...]
    is_only: bool
    sentence: str

    def having(self, *verdicts: Verdict) -> tuple[str, ...]:
        """The places with one of these verdicts."""
        return tuple(place.name for place in self.places if place.verdict.verdict in verdicts)


def where_moved(
    reference: Mapping[str, Ints],
    current: Mapping[str, Ints],
    bins: Bins,
    *,
    margin: float = MARGIN_W,
    alpha: float = ALPHA,
    dispersion: float = 1.0,
) -> Where:
    r"""In which segments (or versions) has this column moved, and where has it proven not to?

    Parameters
    ----------
    reference, current : mappings of str to int array of shape (bins.size,)
        The column's counts in each segment. Where all versions are held against one reference, `reference` holds
        that under each version's name. A segment that the window lacks has no rows there.
    bins : NumericBins or CategoryBins
    margin : float
        Cohen's w that matters.
    alpha : float
        With at most this probability anything certain that is said of any segment is wrong: each is judged at
        alpha over the number of segments (Bonferroni).
    dispersion : float
        How much more shares vary between windows than independent rows would, at least 1.

    Returns
    -------
    Where
        "Only in" is said where all other segments are proven stable.

    References
    ----------
    O. J. Dunn (1961), doi:10.1080/01621459.1961.10482090.

    Examples
    --------
    >>> from core.stats.binning import CategoryBins
    >>> bins = CategoryBins(categories=("a", "b"))
    >>> same, moved, few = (np.array([a, b, *[0] * 7]) for a, b in ((5_000, 5_000), (700, 300), (6, 5)))
    >>> reference = {"North": same, "South": same, "West": same}
    >>> print(where_moved(reference, {"North": moved, "South": same, "West": few}, bins).sentence.replace(". ", ".\n"))
    Moved in North (w 0.40).
    Proven stable in South (w below 0.1).
    Not certain either way in West (n 11, about 1,316 needed).
    >>> where_moved(reference, {"North": moved, "South": same, "West": same}, bins).sentence
    'Moved only in North (w 0.40). Proven stable in South and West (w below 0.1).'
    """
    names = list(dict.fromkeys([*reference, *current]))
    nothing = np.zeros(bins.size, dtype=np.int64)
    level = alpha / max(1, len(names))
    places = [
        Place(
            name=name,
            verdict=shift_verdict(
                reference.get(name, nothing),
                current.get(name, nothing),
                bins,
                margin=margin,
                alpha=level,
                dispersion=dispersion,
            ),
        )
        for name in names
    ]
    places.sort(key=lambda place: -(place.verdict.w or 0.0))
    kinds = {verdict: [place for place in places if place.verdict.verdict is verdict] for verdict in Verdict}
    moved, stable = [*kinds[Verdict.DRIFT], *kinds[Verdict.MINOR]], kinds[Verdict.STABLE]
    is_only = bool(kinds[Verdict.DRIFT]) and bool(stable) and len(kinds[Verdict.DRIFT]) + len(stable) == len(places)
    sentences = [
        _moved(kinds[Verdict.DRIFT], is_only=is_only, is_all=len(kinds[Verdict.DRIFT]) == len(places)),
        _said("Moved, not certainly by more than the margin, in {}.", kinds[Verdict.MINOR]),
        _said(f"Proven stable in {{}} (w below {margin:g}).", stable),
        _said("Not certain either way in {}.", kinds[Verdict.INCONCLUSIVE], with_needed=True),
    ]
    if not places:
        sentences = ["There is nothing to compare."]
    elif not moved and len(stable) == len(places):
        sentences = [f"Proven stable everywhere (w below {margin:g} in {_named(stable)})."]
    return Where(places=tuple(places), is_only=is_only, sentence=" ".join(filter(None, sentences)))


def deployment_shift(
    before: Ints,
    after: Ints,
    bins: Bins,
    *,
    version: str,
    n_before: int,
    n_after: int,
    margin: float = MARGIN_W,
    alpha: float = ALPHA,
    dispersion: float = 1.0,
) -> Where:
    """Did the column move when a version was deployed: the windows after it against those before it?

    Parameters
    ----------
    before, after : int arrays of shape (bins.size,)
        Counts added up over the windows on each side of the deployment.
    bins : NumericBins or CategoryBins
    version : str
        The version deployed.
    n_before, n_after : int
        How many windows each side holds.
    margin, alpha, dispersion
        As for `core.drift.verdict.shift_verdict`.

    Returns
    -------
    Where
        With one place, the version. A shift at a deployment may be the version's doing, or chance in time: the
        sentence says when, not why.

    Examples
    --------
    >>> from core.stats.binning import CategoryBins
    >>> bins = CategoryBins(categories=("a", "b"))
    >>> before, after = np.array([5_000, 5_000, *[0] * 7]), np.array([3_500, 1_500, *[0] * 7])
    >>> deployment_shift(before, after, bins, version="v7", n_before=7, n_after=7).sentence
    'Moved when v7 was deployed (w 0.40, 7 windows before and 7 after).'
    """
    verdict = shift_verdict(before, after, bins, margin=margin, alpha=alpha, dispersion=dispersion)
    windows = f"{n_before} windows before and {n_after} after"
    sentence = {
        Verdict.DRIFT: f"Moved when {version} was deployed (w {verdict.w or 0.0:.2f}, {windows}).",
        Verdict.MINOR: f"Moved when {version} was deployed, not certainly by more than the margin "
        f"(w {verdict.w or 0.0:.2f}, {windows}).",
        Verdict.STABLE: f"Proven stable across the deployment of {version} (w below {margin:g}, {windows}).",
        Verdict.INCONCLUSIVE: f"Whether it moved when {version} was deployed is not certain ({windows}): "
        f"{verdict.reason.removeprefix('inconclusive: ')}.",
    }[verdict.verdict]
    return Where(places=(Place(name=version, verdict=verdict),), is_only=False, sentence=sentence)


def _moved(places: Sequence[Place], *, is_only: bool, is_all: bool) -> str:
    if not places:
        return ""
    if is_all and len(places) > 1:
        return f"Moved everywhere: {_named(places, with_effect=True)}."
    return f"Moved {'only ' if is_only else ''}in {_named(places, with_effect=True)}."


def _said(sentence: str, places: Sequence[Place], *, with_needed: bool = False) -> str:
    return sentence.format(_named(places, with_needed=with_needed)) if places else ""


def _named(places: Sequence[Place], *, with_effect: bool = False, with_needed: bool = False) -> str:
    names = []
    for place in places[:MOST_NAMED]:
        beside = ""
        if with_effect:
            beside = f" (w {place.verdict.w:.2f})" if place.verdict.w is not None else ""
        elif with_needed:
            needed = place.verdict.rows_needed
            beside = f" (n {place.verdict.n_current:,}" + (f", about {needed:,} needed)" if needed else ")")
        names.append(f"{place.name}{beside}")
    return listed(names, n_more=max(0, len(places) - MOST_NAMED))
