"""Run rules: patterns of points that chance alone seldom makes, each by its exact definition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import InputError, UnknownNameError
from core.spc.chart import ON_THE_LIMIT, as_floats

__all__ = ["MEMORY", "NELSON", "WESTERN_ELECTRIC", "Rule", "as_rules", "patterns"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

CENTRE = 1e-9  # standard errors: what is this close to the centre line lies on it
MEMORY = 14  # points before the newest that some rule looks at


class Rule(StrEnum):
    """A pattern that ends in a signal at its last point.

    Western Electric's first three are Nelson's 1, 5 and 6; their fourth takes 8 points on one side, Nelson's
    second 9.

    References
    ----------
    Western Electric Company, Statistical Quality Control Handbook (1956). L. S. Nelson (1984),
    doi:10.1080/00224065.1984.11978921.
    """

    WESTERN_ELECTRIC_1 = "western-electric-1"
    WESTERN_ELECTRIC_2 = "western-electric-2"
    WESTERN_ELECTRIC_3 = "western-electric-3"
    WESTERN_ELECTRIC_4 = "western-electric-4"
    NELSON_1 = "nelson-1"
    NELSON_2 = "nelson-2"
    NELSON_3 = "nelson-3"
    NELSON_4 = "nelson-4"
    NELSON_5 = "nelson-5"
    NELSON_6 = "nelson-6"
    NELSON_7 = "nelson-7"
    NELSON_8 = "nelson-8"

    @property
    def label(self) -> str:
        """The rule's name and number: 'Nelson 2'."""
        return f"{'Western Electric' if self.is_western_electric else 'Nelson'} {self.number}"

    @property
    def number(self) -> int:
        """Its number in its set."""
        return int(self[-1])

    @property
    def is_western_electric(self) -> bool:
        """Whether it is one of Western Electric's; else it is Nelson's."""
        return self.startswith("western")

    @property
    def words(self) -> str:
        """What the pattern is.

        Examples
        --------
        >>> Rule.NELSON_3.words
        '6 points in a row, steadily rising or steadily falling'
        """
        return WORDS[self]

    @property
    def is_of_zones(self) -> bool:
        """Whether only the zones of points count, not their order inside a zone: all but trend and alternation."""
        return self not in (Rule.NELSON_3, Rule.NELSON_4)


WESTERN_ELECTRIC = tuple(rule for rule in Rule if rule.is_western_electric)
NELSON = tuple(rule for rule in Rule if not rule.is_western_electric)
BEYOND = "a point beyond 3 sigma"
TWO_OF_THREE = "2 of 3 points in a row beyond 2 sigma on the same side"
FOUR_OF_FIVE = "4 of 5 points in a row beyond 1 sigma on the same side"
WORDS: Mapping[Rule, str] = {
    Rule.WESTERN_ELECTRIC_1: BEYOND,
    Rule.WESTERN_ELECTRIC_2: TWO_OF_THREE,
    Rule.WESTERN_ELECTRIC_3: FOUR_OF_FIVE,
    Rule.WESTERN_ELECTRIC_4: "8 points in a row on the same side of the centre line",
    Rule.NELSON_1: BEYOND,
    Rule.NELSON_2: "9 points in a row on the same side of the centre line",
    Rule.NELSON_3: "6 points in a row, steadily rising or steadily falling",
    Rule.NELSON_4: "14 points in a row, going up and down by turns",
    Rule.NELSON_5: TWO_OF_THREE,
    Rule.NELSON_6: FOUR_OF_FIVE,
    Rule.NELSON_7: "15 points in a row within 1 sigma, on either side",
    Rule.NELSON_8: "8 points in a row, none within 1 sigma, and on both sides",
}


def as_rules(names: Iterable[str]) -> tuple[Rule, ...]:
    """Rules by their names, each once, in the order of `Rule`; raises UnknownNameError.

    Examples
    --------
    >>> [rule.label for rule in as_rules(["nelson-2", "nelson-1", "nelson-2"])]
    ['Nelson 1', 'Nelson 2']
    """
    asked = {str(name) for name in names}
    known = {str(rule) for rule in Rule}
    for name in sorted(asked - known):
        raise UnknownNameError("rule", name, known)
    return tuple(rule for rule in Rule if rule in asked)


def patterns(
    score: ArrayLike, rules: Iterable[str], *, values: ArrayLike | None = None, width: float = 3.0
) -> dict[Rule, Bools]:
    """At which points does which rule signal?

    Parameters
    ----------
    score : float array-like of shape (..., n_points)
        Distances from the centre in standard errors, NaN where a point is missing: `ControlChart.score`.
    rules : iterable of Rule
        Any of them.
    values : float array-like of the same shape, optional
        What trend and alternation (Nelson 3 and 4) are read off; the score, by default.
    width : float
        What rule 1 means by 3 sigma.

    Returns
    -------
    dict of Rule to bool array of shape (..., n_points)
        True at the last point of each pattern, and at each further point while the pattern lasts. Beyond means
        strictly beyond: a point on a line at 1, 2 or 3 sigma is not beyond it, and counts as within 1 sigma. A
        point on the centre line is on neither side and ends a run; of two equal values the second is neither
        above nor below. In "2 of 3" and "4 of 5" the last point must be beyond itself. After a gap counting begins
        anew, as it does at the first point.

    Raises
    ------
    InputError
        If the shapes of score and values differ, or a rule is unknown.

    Examples
    --------
    >>> patterns([0.1] * 8 + [0.0] + [0.1], ["western-electric-4"])[Rule.WESTERN_ELECTRIC_4].nonzero()[0].tolist()
    [7]
    """
    z = as_floats(score, "scores")
    x = z if values is None else as_floats(values, "values")
    if x.shape != z.shape:
        raise InputError(f"Values must have the shape of the scores, {z.shape}, got {x.shape}.")
    reading = _Reading(z, np.where(np.isfinite(z), x, np.nan), width)
    return {rule: reading.of(rule) for rule in as_rules(rules)}


class _Reading:
    """Scores and values of some series, and which rule signals where."""

    def __init__(self, z: Floats, x: Floats, width: float) -> None:
        self.z, self.x, self.width = z, x, width
        self.there = np.isfinite(z)

    def of(self, rule: Rule) -> Bools:
        number = rule.number
        if rule.is_western_electric:
            number = {1: 1, 2: 5, 3: 6, 4: 2}[number]
        match number:
            case 1:
                return self._beyond(self.width) | self._beyond(self.width, side=-1)
            case 2:
                long = 8 if rule.is_western_electric else 9
                return _lasting(self.z > CENTRE, long) | _lasting(self.z < -CENTRE, long)
            case 3:
                up, down = self._steps()
                return _lasting(up, 5) | _lasting(down, 5)
            case 4:
                return _lasting(self._turns(), 12)
            case 5:
                return self._most_of(2.0, wanted=2, of=3)
            case 6:
                return self._most_of(1.0, wanted=4, of=5)
            case 7:
                return _lasting(self._within(), 15)
            case _:
                return self._on_both_sides(8)

    def _beyond(self, sigma: float, *, side: int = 1) -> Bools:
        far = sigma * (1 + ON_THE_LIMIT)
        with np.errstate(invalid="ignore"):
            return self.z > far if side > 0 else self.z < -far

    def _within(self) -> Bools:
        return self.there & ~self._beyond(1.0) & ~self._beyond(1.0, side=-1)

    def _steps(self) -> tuple[Bools, Bools]:
        """Whether each value is above, and whether it is below, the one before."""
        up, down = np.zeros(self.x.shape, dtype=bool), np.zeros(self.x.shape, dtype=bool)
        with np.errstate(invalid="ignore"):
            up[..., 1:], down[..., 1:] = self.x[..., 1:] > self.x[..., :-1], self.x[..., 1:] < self.x[..., :-1]
        return up, down

    def _turns(self) -> Bools:
        """Whether the value goes up after it went down, or down after it went up."""
        up, down = self._steps()
        turns = np.zeros(up.shape, dtype=bool)
        turns[..., 1:] = (up[..., 1:] & down[..., :-1]) | (down[..., 1:] & up[..., :-1])
        return turns

    def _most_of(self, sigma: float, *, wanted: int, of: int) -> Bools:
        return _windowed(self._beyond(sigma), self.there, wanted, of) | _windowed(
            self._beyond(sigma, side=-1), self.there, wanted, of
        )

    def _on_both_sides(self, long: int) -> Bools:
        above, below = self._beyond(1.0), self._beyond(1.0, side=-1)
        out = _lasting(above | below, long)
        return out & ~_lasting(above, long) & ~_lasting(below, long)


def _lasting(holds: Bools, long: int) -> Bools:
    """Where a condition has held at `long` points in a row, by doubling: 9 in a row are 8 and 1, 8 are 4 and 4."""
    found, have = holds, 1
    while have < long:
        step = min(have, long - have)
        later = np.zeros(found.shape, dtype=bool)
        later[..., step:] = found[..., step:] & found[..., :-step]
        found, have = later, have + step
    return found


def _windowed(holds: Bools, there: Bools, wanted: int, of: int) -> Bools:
    """Where a condition holds, and does at `wanted` of the last `of` points since the last gap."""
    count = holds.astype(np.int8)
    unbroken = there
    for back in range(1, of):
        earlier = np.zeros(holds.shape, dtype=bool)
        joined = np.zeros(holds.shape, dtype=bool)
        joined[..., back:] = unbroken[..., back:] & there[..., :-back]
        earlier[..., back:] = holds[..., :-back]
        count += joined & earlier
        unbroken = joined
    return holds & (count >= wanted)
