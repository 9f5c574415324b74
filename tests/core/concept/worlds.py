"""Worlds whose inputs, outcomes and model are known, so that the parts of a change are known too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.concept.decomposition import LossDecomposition, decompose_loss
from core.concept.loss_rows import LossRows
from core.drift.propensity import expected_losses, propensity_cells

N_FEATURES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Inputs are normal, `shift` moves the mean of the first now; outcomes follow logits, `concept` adds to them now.

    A blind model doesn't know the input that moves.
    """

    shift: float
    concept: float
    is_blind: bool = False

    def inputs(self, rng: np.random.Generator, n: int, *, now: bool) -> np.ndarray:
        x = rng.normal(size=(n, N_FEATURES))
        x[:, 0] += self.shift if now else 0.0
        return x

    def chance(self, x: np.ndarray, *, now: bool) -> np.ndarray:
        """P(y | x): `concept` is the change of the logit where the second input is positive."""
        logit = -2.0 + 1.2 * x[:, 0] + 0.8 * x[:, 1] + 0.5 * x[:, 2]
        return 1 / (1 + np.exp(-logit - (self.concept * (x[:, 1] > 0) if now else 0.0)))

    def score(self, x: np.ndarray) -> np.ndarray:
        """The model knows P(y | x) as it was, unless it is blind."""
        seen = x.copy()
        if self.is_blind:
            seen[:, 0] = 0.0
        return self.chance(seen, now=False)

    def losses(self, rng: np.random.Generator, x: np.ndarray, *, now: bool) -> np.ndarray:
        y = rng.random(len(x)) < self.chance(x, now=now)
        return (self.score(x) - y) ** 2

    def expected(self, x: np.ndarray, *, now: bool) -> np.ndarray:
        """The mean loss given x."""
        p, score = self.chance(x, now=now), self.score(x)
        return p * (1 - score) ** 2 + (1 - p) * score**2

    def truth(self, rng: np.random.Generator, n: int = 400_000) -> dict[str, float]:
        """The parts, by integration over rows whose density ratio is known."""
        before, after = (self.inputs(rng, n, now=now) for now in (False, True))
        weight = 1 / (1 + np.exp(-(self.shift * before[:, 0] - self.shift**2 / 2)))  # q / (p + q) at rows of p
        common = weight / weight.sum()
        ref, cur = (self.expected(before, now=now) for now in (False, True))
        return {
            "shared inputs": common @ ref - ref.mean(),
            "concept": common @ (cur - ref),
            "new inputs": self.expected(after, now=True).mean() - common @ cur,
        }


def columns(x: np.ndarray) -> dict[str, np.ndarray]:
    return {f"x{place}": x[:, place] for place in range(x.shape[1])}


def decomposed(world: World, rng: np.random.Generator, m: int, n: int, *, by_score: bool = False) -> LossDecomposition:
    """A run: rows are drawn, put into cells and decomposed; the reference has 12 windows, the current side one."""
    before, now = world.inputs(rng, m, now=False), world.inputs(rng, n, now=True)
    losses = world.losses(rng, before, now=False), world.losses(rng, now, now=True)
    expected: tuple[np.ndarray | None, np.ndarray | None] = (None, None)
    if by_score:
        edges = np.quantile(world.score(before), np.arange(0.1, 1, 0.1))
        cells, n_cells = [np.searchsorted(edges, world.score(x)) for x in (before, now)], 10
    else:
        found = propensity_cells(columns(before), columns(now), rng=rng)
        cells, n_cells = [found.reference, found.current], found.n_cells
        expected = expected_losses(columns(before), losses[0], columns(now), rng=rng)
    windows = np.arange(m) * 12 // m, np.zeros(n, dtype=np.int64)
    reference, current = (
        LossRows(loss=loss, cell=cell, window=window, expected=expectation)
        for loss, cell, window, expectation in zip(losses, cells, windows, expected, strict=True)
    )
    return decompose_loss(reference, current, n_cells=n_cells)
