"""How often an audit finds a difference that is there, by its size and the rows of the group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.measure import Status
from tests.bench.fairness.parity import POLICIES, audited

__all__ = ["Power", "power_rows"]

RATE = 0.3
SIZES = (100, 300, 1_000, 3_000)
DIFFERENCES = tuple(round(0.02 * step, 2) for step in range(13))
N_AUDITS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Two groups of `n` rows, rates .3 and .3 less a difference: shares of audits by what they said."""

    policy: str
    n: int
    difference: float
    disparity: float
    no_evidence: float
    n_audits: int


def power_rows(rng: np.random.Generator, *, share: float = 1.0) -> list[Power]:
    """Every policy, size and difference."""
    rows, n_audits = [], round(share * N_AUDITS)
    for name, policy in POLICIES.items():
        for n in SIZES:
            sizes = np.array([n, n])
            for difference in DIFFERENCES:
                drawn = rng.binomial(sizes, [RATE, RATE - difference], (n_audits, 2))
                said = [audited(row, sizes, policy) for row in drawn]
                rows.append(
                    Power(
                        policy=name,
                        n=n,
                        difference=difference,
                        disparity=said.count(Status.CRITICAL) / n_audits,
                        n_audits=n_audits,
                        no_evidence=said.count(Status.OK) / n_audits,
                    )
                )
    return rows
