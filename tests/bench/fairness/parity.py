"""How often an audit says 'disparity' of groups that are treated alike, beside two rules that are in use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.fairness.gaps import audit
from core.fairness.groups import group_rates
from core.fairness.policy import FairnessPolicy
from core.measure import Status
from core.services.fairness_policies import read_policies

__all__ = ["POLICIES", "Parity", "audited", "fairlearn_leaves_out_zero", "parity_rows", "sizes_of", "under_parity"]

Ints = NDArray[np.int64]

GROUPS = (2, 4, 6, 14)
RATES = (0.1, 0.3, 0.5)
N_ROWS = 2_000
N_AUDITS = 500
N_DRAWS = 200
FOUR_FIFTHS = 0.8
POLICIES = {policy.name: policy for policy in read_policies(Path("none")).policies if policy.limit is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """In which share of audits something was called a disparity, though nothing was; `n` audits each."""

    groups: int
    rate: float
    n: int
    policies: dict[str, float]
    four_fifths_alone: float
    bootstrap: float


def sizes_of(k: int, n: int = N_ROWS) -> Ints:
    """Group sizes as they are met: the second half as large as the first, the third a third; at least 30."""
    shares = 1 / np.arange(1, k + 1)
    return np.maximum(np.round(n * shares / shares.sum()).astype(np.int64), 30)


def audited(selected: Ints, sizes: Ints, policy: FairnessPolicy) -> Status:
    """The verdict of an audit of decisions alone."""
    k = sizes.size
    confusion = np.zeros((3, 3, k), dtype=np.int64)
    confusion[1, 2], confusion[0, 2] = selected, sizes - selected
    rates = group_rates(confusion, group_names=[f"g{i}" for i in range(k)], positive=1, favourable=1)
    return audit({"a": rates}, policy=policy, measures=policy.measures).status


def under_parity(k: int, rate: float, rng: np.random.Generator, *, n_audits: int = N_AUDITS) -> Parity:
    """Audits of k groups that are all selected at the same rate."""
    sizes = sizes_of(k)
    drawn = rng.binomial(sizes, rate, (n_audits, k))
    found = {
        name: float(np.mean([audited(row, sizes, policy) is Status.CRITICAL for row in drawn]))
        for name, policy in POLICIES.items()
    }
    shares = drawn / sizes
    bare = shares.min(axis=1) < FOUR_FIFTHS * shares.max(axis=1)
    return Parity(
        groups=k,
        rate=rate,
        n=n_audits,
        policies=found,
        four_fifths_alone=float(bare.mean()),
        bootstrap=float(np.mean([_leaves_out_zero(row, sizes, rng) for row in drawn])),
    )


def _leaves_out_zero(selected: Ints, sizes: Ints, rng: np.random.Generator) -> bool:
    """Whether the percentile interval of the largest difference leaves out 0: Fairlearn's bootstrap, from counts.

    Rows that are drawn with replacement are counts that are drawn by a multinomial law.
    """
    cells = np.concatenate([selected, sizes - selected])
    again = rng.multinomial(int(cells.sum()), cells / cells.sum(), N_DRAWS).reshape(N_DRAWS, 2, sizes.size)
    shares = again[:, 0] / np.maximum(again.sum(axis=1), 1)
    return bool(np.quantile(shares.max(axis=1) - shares.min(axis=1), 0.025) > 0)


def fairlearn_leaves_out_zero(selected: Ints, sizes: Ints, seed: int, *, n_draws: int = 20) -> bool:
    """The same asked of Fairlearn itself, row by row."""
    from fairlearn.metrics import MetricFrame, selection_rate

    group = np.repeat(np.arange(sizes.size), sizes)
    said = np.concatenate([np.arange(n) < k for k, n in zip(selected, sizes, strict=True)]).astype(int)
    frame = MetricFrame(
        metrics=selection_rate,
        y_true=pd.Series(said),
        y_pred=pd.Series(said),
        sensitive_features=pd.Series(group),
        n_boot=n_draws,
        ci_quantiles=[0.025, 0.975],
        random_state=seed,
    )
    return bool(frame.difference_ci()[0] > 0)


def parity_rows(rng: np.random.Generator, *, share: float = 1.0) -> list[Parity]:
    """Every number of groups at every rate."""
    return [under_parity(k, rate, rng, n_audits=round(share * N_AUDITS)) for k in GROUPS for rate in RATES]
