"""A model whose groups are known: who is selected how often is written down here, and what is drawn follows it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from core.governance.identity import LOCAL_OPERATOR as ME
from core.record import BatchRole
from core.workspace import Workspace
from tests.builders import START

__all__ = ["CHANCE", "MODEL", "SCHEMA", "build", "frame"]

MODEL = "hiring"
SCHEMA = """
task = "binary"
timezone = "UTC"
[window]
every = "day"
[outcome]
classes = ["no", "yes"]
positive = "yes"
favourable_word = "invited"
[columns]
id = { role = "id" }
at = { role = "timestamp" }
version = { role = "version" }
years = { role = "feature", type = "numeric" }
hobby = { role = "feature", type = "categorical" }
sex = { role = "attribute", type = "categorical", protected = true }
race = { role = "attribute", type = "categorical", protected = true }
office = { role = "attribute", type = "categorical", segment = true }
score = { role = "score" }
said = { role = "prediction" }
hired = { role = "label" }
"""
CHANCE = {("f", "A"): 0.5, ("f", "B"): 0.2, ("m", "A"): 0.5, ("m", "B"): 0.5}  # of being invited, in production
REFERENCE_DAYS, PRODUCTION_DAYS, A_DAY = 8, 10, 300


def frame(n: int, *, days: int, start: int, seed: int, chance: dict[tuple[str, str], float]) -> pd.DataFrame:
    """Rows of some days from day `start` on; 9 rows of race C, and some whose sex isn't known."""
    rng = np.random.default_rng(seed)
    sex, race = rng.choice(["f", "m"], n), rng.choice(["A", "B"], n, p=[0.6, 0.4])
    share = np.array([chance[pair] for pair in zip(sex, race, strict=True)])
    said = rng.random(n) < share
    score = np.where(said, rng.uniform(0.5, 1, n), rng.uniform(0, 0.5, n)).round(2)
    hired = rng.random(n) < score
    race[rng.choice(n, 9, replace=False)] = "C"
    sex = np.where(rng.random(n) < 0.03, "", sex)
    at = pd.Timestamp(START) + timedelta(days=start) + pd.to_timedelta(np.arange(n) * days * 86_400 // n, unit="s")
    return pd.DataFrame(
        {
            "id": [f"{seed}-{k}" for k in range(n)],
            "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "version": "v1",
            "years": np.where(sex == "m", rng.normal(12, 3, n), rng.normal(8, 3, n)).round(1),
            "hobby": rng.choice(["chess", "golf"], n),
            "sex": sex,
            "race": race,
            "office": np.where(race == "B", rng.choice(["east", "west"], n, p=[0.8, 0.2]), "west"),
            "score": score,
            "said": np.where(said, "yes", "no"),
            "hired": np.where(hired, "yes", "no"),
        }
    )


def build(folder: Path) -> Path:
    """A workspace with the model, its reference and ten days of production, counted."""
    files = folder.with_name(f"{folder.name}-files")
    files.mkdir()
    workspace = Workspace.open(folder)
    try:
        workspace.models.add(ME, MODEL, SCHEMA)
        even = dict.fromkeys(CHANCE, 0.5)
        parts = {
            BatchRole.REFERENCE: frame(REFERENCE_DAYS * A_DAY, days=REFERENCE_DAYS, start=0, seed=1, chance=even),
            BatchRole.PRODUCTION: frame(
                PRODUCTION_DAYS * A_DAY, days=PRODUCTION_DAYS, start=REFERENCE_DAYS, seed=2, chance=CHANCE
            ),
        }
        for role, rows in parts.items():
            rows.to_csv(files / f"{role}.csv", index=False)
            outcome = workspace.records.add(ME, MODEL, [files / f"{role}.csv"], role=role)[0]
            assert outcome.error is None, outcome.error
            assert outcome.n_rejected == 0, outcome.reasons
        workspace.profiles.refresh(ME, MODEL)
    finally:
        workspace.close()
    return folder
