"""How long until a set of run rules signals, exactly: a Markov chain over what the rules remember of past zones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, eye_array
from scipy.sparse.linalg import spsolve
from scipy.special import ndtr

from core.errors import InputError
from core.spc.rules import Rule

__all__ = ["zones_run_length"]

Floats = NDArray[np.float64]
State = Any

ZONES = (-4, -3, -2, -1, 1, 2, 3, 4)  # side, and how far: within 1 sigma, within 2, within the limit, beyond it


def zones_run_length(rules: Sequence[Rule], *, mean: float = 0.0, sd: float = 1.0, width: float = 3.0) -> float:
    """How many points pass on average until one of the rules signals?

    Parameters
    ----------
    rules : sequence of Rule
        Such as see zones only: not trend and alternation (Nelson 3 and 4).
    mean, sd : float
        Of the independent normal scores: 0 and 1 in control.
    width : float
        What rule 1 means by 3 sigma, above 2.

    Returns
    -------
    float
        The average run length from a start without a history; infinite if no rule is asked for.

    Raises
    ------
    InputError
        For a rule that zones don't decide, or a width of 2 or less.

    References
    ----------
    C. W. Champ, W. H. Woodall (1987), doi:10.1080/00401706.1987.10488262.

    Examples
    --------
    >>> round(zones_run_length([Rule.WESTERN_ELECTRIC_1, Rule.WESTERN_ELECTRIC_4]), 2)
    152.73
    """
    other = [rule.label for rule in rules if not rule.is_of_zones]
    if other:
        raise InputError(f"{' and '.join(other)} can't be told from zones; simulate their run length.")
    if width <= 2:
        raise InputError(f"The limits must lie outside the zones of 2 sigma, got {width}.")
    if not rules:
        return float("inf")
    chain = _chain(tuple(dict.fromkeys(rules)))
    edges = np.array([-np.inf, -width, -2.0, -1.0, 0.0, 1.0, 2.0, width, np.inf])
    chance = np.diff(ndtr((edges - mean) / sd))
    size = chain.size
    # Transition probabilities between states that haven't signalled; what is missing from a row's sum signals.
    moves = csc_array((chance[chain.zone], (chain.start, chain.end)), shape=(size, size))
    lengths = spsolve(csc_array(eye_array(size) - moves), np.ones(size))
    return float(np.atleast_1d(lengths)[0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Chain:
    """Moves between states that don't signal: from, to, and in which zone the point lies. State 0 has no history."""

    size: int
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    zone: NDArray[np.int64]


@lru_cache(maxsize=512)
def _chain(rules: tuple[Rule, ...]) -> _Chain:
    """Every state that the rules' memories can be in together, and how zones lead from one to another."""
    memories = [_memory(rule) for rule in rules]
    first = tuple(memory.start for memory in memories)
    places: dict[State, int] = {first: 0}
    queue, moves = [first], []
    while queue:
        state = queue.pop()
        for number, zone in enumerate(ZONES):
            steps = [memory.step(part, zone) for memory, part in zip(memories, state, strict=True)]
            if any(signals for _, signals in steps):
                continue
            following = tuple(part for part, _ in steps)
            if following not in places:
                places[following] = len(places)
                queue.append(following)
            moves.append((places[state], places[following], number))
    start, end, zone_number = np.array(moves, dtype=np.int64).reshape(-1, 3).T
    return _Chain(size=len(places), start=start, end=end, zone=zone_number)


class _Memory(Protocol):
    """What one rule remembers: a state to begin with, and how a point changes it, or makes it signal."""

    start: State

    def step(self, state: State, zone: int) -> tuple[State, bool]: ...


class _Beyond:
    """1 point beyond the limit."""

    start = 0

    def step(self, state: State, zone: int) -> tuple[State, bool]:
        return state, abs(zone) == 4


class _OneSide:
    """`long` points in a row on one side; remembers how many there were, with their side as sign."""

    start = 0

    def __init__(self, long: int) -> None:
        self.long = long

    def step(self, state: State, zone: int) -> tuple[State, bool]:
        side = 1 if zone > 0 else -1
        run = state + side if state * side > 0 else side
        return run, abs(run) >= self.long


class _MostOf:
    """`wanted` of `of` points in a row beyond zone `far` on one side; remembers for each side which were."""

    def __init__(self, far: int, wanted: int, of: int) -> None:
        self.far, self.wanted = far, wanted
        self.start = ((0,) * (of - 1), (0,) * (of - 1))

    def step(self, state: State, zone: int) -> tuple[State, bool]:
        signals, sides = False, []
        for side, bits in zip((1, -1), state, strict=True):
            is_out = int(zone * side > self.far)
            signals |= bool(is_out) and sum(bits) + 1 >= self.wanted
            sides.append(self._useful((*bits[1:], is_out)))
        return tuple(sides), signals

    def _useful(self, bits: tuple[int, ...]) -> tuple[int, ...]:
        """The same without what is forgotten before it can take part in a signal."""
        kept = list(bits)
        for place in range(len(kept)):
            if kept[place] and sum(kept[place:]) + place < self.wanted - 1:
                kept[place] = 0
        return tuple(kept)


class _Within:
    """`long` points in a row within 1 sigma."""

    start = 0

    def __init__(self, long: int) -> None:
        self.long = long

    def step(self, state: State, zone: int) -> tuple[State, bool]:
        run = state + 1 if abs(zone) == 1 else 0
        return run, run >= self.long


class _BothSides:
    """`long` points in a row outside 1 sigma, not all on one side: how many there were, how many last on one side."""

    start = (0, 0)

    def __init__(self, long: int) -> None:
        self.long = long

    def step(self, state: State, zone: int) -> tuple[State, bool]:
        if abs(zone) == 1:
            return self.start, False
        run, tail = state
        side = 1 if zone > 0 else -1
        run = min(run + 1, self.long)
        tail = tail + side if tail * side > 0 else side
        signals = run >= self.long and abs(tail) < self.long
        return (min(run, self.long - 1), side * min(abs(tail), self.long - 1)), signals


def _memory(rule: Rule) -> _Memory:
    number = {1: 1, 2: 5, 3: 6, 4: 2}[rule.number] if rule.is_western_electric else rule.number
    kinds: dict[int, _Memory] = {
        1: _Beyond(),
        2: _OneSide(8 if rule.is_western_electric else 9),
        5: _MostOf(2, wanted=2, of=3),
        6: _MostOf(1, wanted=4, of=5),
        7: _Within(15),
        8: _BothSides(8),
    }
    return kinds[number]
