"""What a serving system would have logged: a model's predictions on the census data known as "Adult".

Usage: python walkthrough.py adults.parquet FOLDER

Fits version v1 with scikit-learn on some of the people, and writes its predictions on others: a reference of two
weeks, a quiet week, and a week after a campaign among people under 30.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skops.io import dump

NUMBERS = ["age", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
NAMES = ["workclass", "marital-status", "occupation"]
N_A_DAY = 250
PARAMETERS = {"C": 1.0, "max_iter": 1000}


def fitted(people: pd.DataFrame) -> Pipeline:
    """Version v1."""
    columns = make_column_transformer((StandardScaler(), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), NAMES))
    return make_pipeline(columns, LogisticRegression(**PARAMETERS)).fit(people[NUMBERS + NAMES], people["income"])


def logged(model: Pipeline, people: pd.DataFrame, *, start: str, days: int) -> pd.DataFrame:
    """What the log says of some people who were scored, spread evenly over some days."""
    n = len(people)
    log = people[[*NUMBERS, *NAMES, "sex", "income"]].copy()
    log.insert(0, "id", [f"{start}-{place}" for place in range(n)])
    log.insert(1, "at", pd.Timestamp(start, tz="UTC") + pd.to_timedelta(np.arange(n) * days / n, unit="D"))
    log.insert(2, "version", "v1")
    log["score"] = model.predict_proba(people[NUMBERS + NAMES])[:, 1].round(4)
    return log


def main(source: Path, folder: Path) -> None:
    """Write the model and its logs."""
    people = pd.read_parquet(source).rename(columns={"class": "income"}).dropna().sample(frac=1, random_state=0)
    people[[*NAMES, "sex", "income"]] = people[[*NAMES, "sex", "income"]].astype(str)
    past, rest = people.iloc[:5000], people.iloc[5000:]
    model = fitted(past)
    dump(model, folder / "v1.skops")
    (folder / "v1.json").write_text(json.dumps({"estimator": "logistic regression", **PARAMETERS}))
    usual, later = rest.iloc[: 21 * N_A_DAY], rest.iloc[21 * N_A_DAY :]
    young = later[later["age"] < 30].iloc[: 4 * N_A_DAY]
    campaign = pd.concat([young, later.drop(young.index).iloc[: 3 * N_A_DAY]]).sample(frac=1, random_state=1)
    for name, log in {
        "reference": logged(model, usual.iloc[: 14 * N_A_DAY], start="2026-03-02", days=14),
        "quiet": logged(model, usual.iloc[14 * N_A_DAY :], start="2026-03-16", days=7),
        "campaign": logged(model, campaign, start="2026-03-23", days=7),
    }.items():
        log.to_csv(folder / f"{name}.csv", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
