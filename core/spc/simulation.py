"""Run lengths by simulation, for rules whose signals no short chain describes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.spc.rules import MEMORY, Rule, patterns

__all__ = ["SimulatedRunLength", "simulated_run_length"]

Floats = NDArray[np.float64]

CELLS = 2_000_000  # of one block of points
MOST_POINTS = 1_000_000  # of one run; a run that long is cut off, and said so


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedRunLength:
    """A mean over runs with its standard error; a run that didn't end counts as long as it was, in `n_unended`."""

    value: float
    standard_error: float
    n_runs: int
    n_unended: int


def simulated_run_length(
    rules: Sequence[Rule],
    *,
    rng: np.random.Generator,
    mean: float = 0.0,
    sd: float = 1.0,
    width: float = 3.0,
    n_runs: int = 10_000,
    most_points: int = MOST_POINTS,
) -> SimulatedRunLength:
    """How many points pass on average until one of the rules signals, in simulated runs?

    Parameters
    ----------
    rules : sequence of Rule
        At least one; any of them.
    rng : numpy Generator
        The source of randomness.
    mean, sd : float
        Of the independent normal scores: 0 and 1 in control.
    width : float
        What rule 1 means by 3 sigma.
    n_runs : int
        Runs, at least 2: with 10,000 of them the standard error is 1% of a mean of exponential run lengths.
    most_points : int
        Where a run is cut off.

    Raises
    ------
    InputError
        Without a rule, or with fewer than 2 runs.

    Examples
    --------
    >>> found = simulated_run_length([Rule.NELSON_1], mean=3.0, rng=np.random.default_rng(1), n_runs=4000)
    >>> abs(found.value - 2.0) < 3 * found.standard_error
    True
    """
    if not rules or n_runs < 2:
        raise InputError(f"A simulation needs a rule and at least 2 runs, got {len(rules)} rules and {n_runs} runs.")
    lengths = np.full(n_runs, most_points, dtype=np.float64)
    alive = np.arange(n_runs)
    history = np.empty((n_runs, 0))
    done, block = 0, 32
    while alive.size and done < most_points:
        block = min(block, most_points - done)
        points = rng.normal(mean, sd, size=(alive.size, block))
        # Every rule looks back by at most MEMORY points, so these carry a run over from block to block.
        scores = np.concatenate([history, points], axis=1)
        carried = history.shape[1]
        signals = np.zeros(scores.shape, dtype=bool)
        for found in patterns(scores, rules, width=width).values():
            signals |= found
        signals = signals[:, carried:]
        ends = signals.any(axis=1)
        lengths[alive[ends]] = done + signals[ends].argmax(axis=1) + 1
        done += block
        alive, history = alive[~ends], scores[~ends, -MEMORY:]
        block = max(32, min(4 * block, CELLS // max(1, alive.size)))
    return SimulatedRunLength(
        value=float(lengths.mean()),
        standard_error=float(lengths.std(ddof=1) / np.sqrt(n_runs)),
        n_runs=n_runs,
        n_unended=int(alive.size),
    )
