"""States that the pages of outcomes need besides those of states.py: columns absent, other tasks, a small group."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta

import numpy as np
import pandas as pd

from tests.builders import START
from tests.dashboard.states import HOSTILE, MODEL, Model, State, Table

__all__ = ["OUTCOME_STATES"]

ROLES: dict[str, dict[str, object]] = {
    "id": {"role": "id"},
    "at": {"role": "timestamp"},
    "version": {"role": "version"},
    "income": {"role": "feature", "type": "numeric"},
    "sex": {"role": "attribute", "type": "categorical", "protected": True},
    "area": {"role": "attribute", "type": "categorical", "segment": True},
    "score": {"role": "score"},
    "decision": {"role": "prediction"},
    "outcome": {"role": "label"},
}
BINARY = {
    "classes": ["repaid", "default"],
    "positive": "default",
    "favourable": "repaid",
    "favourable_word": "approved",
    "threshold": 0.4,
}


COSTS = '[costs]\ncurrency = "EUR"\namounts = { repaid = { default = 2500 }, default = { repaid = 120 } }'


def toml(task: str, outcome: Mapping[str, object], columns: Mapping[str, Mapping[str, object]], window: str) -> str:
    """A model schema; TOML and JSON write strings, numbers and lists alike."""
    lines = [f'task = "{task}"', 'version = "v1"', "[window]", window, "[outcome]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in outcome.items()]
    lines.append("[columns]")
    for name, keys in columns.items():
        inner = ", ".join(f"{key} = {json.dumps(value)}" for key, value in keys.items())
        lines.append(f"{json.dumps(name)} = {{ {inner} }}")
    return "\n".join(lines)


def loans(n: int, *, first_day: int, days: int, seed: int) -> pd.DataFrame:
    """Records of a binary model whose scores mean what they say; every tenth sex is unknown, 'x' is rare."""
    rng = np.random.default_rng(seed)
    score = rng.beta(2, 3, n).round(3)
    at = [(START + timedelta(days=first_day + days * i / n)).isoformat() for i in range(n)]
    return pd.DataFrame(
        {
            "id": [f"{first_day}-{i}" for i in range(n)],
            "at": at,
            "version": "v1",
            "income": rng.normal(3_000, 500, n).round(1),
            "sex": rng.choice(["f", "m", "x", ""], n, p=[0.48, 0.418, 0.002, 0.1]),
            "area": rng.choice(["north", "south"], n),
            "score": score,
            "decision": np.where(score > 0.4, "default", "repaid"),
            "outcome": np.where(rng.random(n) < score, "default", "repaid"),
        }
    )


def moved(frame: pd.DataFrame) -> pd.DataFrame:
    """In the second half outcomes leave the score, and women are declined at the scores at which men aren't."""
    rng = np.random.default_rng(9)
    late = np.arange(len(frame)) >= len(frame) // 2
    frame.loc[late & (rng.random(len(frame)) < 0.5), "outcome"] = "default"
    frame.loc[late & (frame["sex"] == "f") & (rng.random(len(frame)) < 0.4), "decision"] = "default"
    return frame


def state(schema: str, reference: pd.DataFrame, production: pd.DataFrame) -> State:
    """One model with these records."""
    before, after = (
        Table(header=list(frame.columns), rows=frame.to_numpy().tolist()) for frame in (reference, production)
    )
    return {MODEL: Model(schema=schema, reference=[before], production=[after])}


def binary(
    *,
    change: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame,
    without: str = "",
    window: str = 'every = "day"',
    **schema: object,
) -> State:
    """A binary model; `change` is made to production, a column is absent, keys of the outcome are others."""
    kept = {name: keys for name, keys in ROLES.items() if name != without}
    before, after = loans(6_000, first_day=0, days=10, seed=0), change(loans(6_000, first_day=10, days=10, seed=1))
    outcome = {key: value for key, value in {**BINARY, **schema}.items() if value is not None}
    return state(toml("binary", outcome, kept, window), before[list(kept)], after[list(kept)])


def chosen(*, explored: float = 0.0, effect: float = 0.0, one_sided: bool = True) -> State:
    """A lender that sees only what becomes of loans it makes; `explored` are made whatever the score says.

    `effect` is the share of those predicted 'default' and not explored that default because of it.
    """
    frames = []
    for first, seed in ((0, 0), (10, 1)):
        frame = loans(3_000, first_day=first, days=10, seed=seed)
        rng = np.random.default_rng(seed + 40)
        free = rng.random(len(frame)) < explored
        hit = (frame["decision"] == "default") & ~free
        if first:
            frame.loc[hit & (rng.random(len(frame)) < effect), "outcome"] = "default"
            if one_sided:
                frame.loc[hit, "outcome"] = ""
        frames.append(frame.assign(explored=free) if explored else frame)
    columns = ROLES | ({"explored": {"role": "explored"}} if explored else {})
    return state(toml("binary", BINARY, columns, 'every = "day"'), *frames)


def prices() -> State:
    """A regression whose predictions are too high in production's second half."""
    frames = []
    for first in (0, 10):
        frame = loans(6_000, first_day=first, days=10, seed=first)
        rng = np.random.default_rng(first + 1)
        frame["score"] = frame["income"] * 100
        frame["outcome"] = (frame["score"] + rng.normal(0, 20_000, len(frame))).round(0)
        frame.loc[(np.arange(len(frame)) >= 3_000) & (first == 10), "outcome"] -= 30_000
        frames.append(frame.drop(columns="decision"))
    columns = {name: keys for name, keys in ROLES.items() if name != "decision"}
    return state(toml("regression", {}, columns, 'every = "day"'), *frames)


def kinds(*, names: tuple[str, str, str] = ("letter", "invoice", "form"), protected: bool = True) -> State:
    """A multiclass model without scores that confuses the second class with the third."""
    frames = []
    for first in (0, 10):
        frame = loans(6_000, first_day=first, days=10, seed=first)
        rng = np.random.default_rng(first + 2)
        truth = rng.integers(0, 3, len(frame))
        said = np.where((truth == 1) & (rng.random(len(frame)) < (0.1 if first == 0 else 0.4)), 2, truth)
        frame["outcome"], frame["decision"] = np.array(names)[truth], np.array(names)[said]
        frames.append(frame.drop(columns="score"))
    columns = {name: dict(keys) for name, keys in ROLES.items() if name != "score"}
    if not protected:
        columns["sex"] = {"role": "feature", "type": "categorical"}
    return state(toml("multiclass", {"classes": list(names)}, columns, 'every = "day"'), *frames)


OUTCOME_STATES: dict[str, Callable[[], State]] = {
    "declining": lambda: binary(change=moved),
    "without label": lambda: binary(without="outcome"),
    "without score": lambda: binary(without="score", change=moved),
    "without prediction": lambda: binary(without="decision"),
    "without timestamp": lambda: binary(without="at", window=f"rows = 600\n{COSTS}"),
    "without favourable": lambda: binary(positive=None, favourable=None),
    "one-sided": chosen,
    "explored": lambda: chosen(explored=0.15),
    "self-fulfilling": lambda: chosen(explored=0.3, effect=0.5, one_sided=False),
    "prices": prices,
    "kinds": kinds,
    "without protected": lambda: kinds(protected=False),
    "hostile kinds": lambda: kinds(names=(HOSTILE[0], HOSTILE[1], HOSTILE[5])),
}
