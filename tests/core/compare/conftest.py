"""Two versions of a binary model on the same invented rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


@pytest.fixture
def loans():
    """A maker of columns: label, two sides' scores and decisions, two group columns, with gaps in each."""

    def make(n: int = 400, seed: int = 3, skill: float = 1.5) -> dict[str, Any]:
        rng = np.random.default_rng(seed)
        risk = rng.normal(size=n)
        label = np.where(rng.random(n) < 1 / (1 + np.exp(-risk)), "yes", "no").astype(object)
        scores = [1 / (1 + np.exp(-(strength * risk + rng.normal(size=n)))) for strength in (1.0, skill)]
        decisions = [np.where(score > 0.5, "yes", "no").astype(object) for score in scores]
        sex = rng.choice(np.array(["f", "m", None], dtype=object), n, p=[0.4, 0.5, 0.1])
        region = rng.choice(np.array(["north", "south", "west"], dtype=object), n)
        label[rng.random(n) < 0.1] = None
        decisions[0][rng.random(n) < 0.05] = None
        scores[1][rng.random(n) < 0.05] = np.nan
        return {
            "label": label,
            "scores": scores,
            "decisions": decisions,
            "groups": {"sex": sex, "region": region},
        }

    return make
