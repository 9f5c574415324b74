"""The demo scenario: a lender's model 'credit-default', 12 weeks of reference and 26 weeks of production.

What happens in it, and when, is written down in TRUTH.md (for people) and truth.toml (for tests).

    python -m sample_data.lender FOLDER            all files, about 15 MB
    python -m sample_data.lender FOLDER --small    the three small CSV files that lie beside this module
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sample_data.applicants import ATTRIBUTES, CATEGORICAL, LEVELS, NUMERIC, Columns, draw_applicants, hide
from sample_data.files import Progress, WrittenFile, write_each, write_weeks
from sample_data.scorecards import THRESHOLD, TRUTH, VERSIONS
from sample_data.traffic import Requests, draw_daily_counts, draw_requests, week_names
from sample_data.warts import CSV_WEEK, with_warts

__all__ = ["Scenario", "generate", "write", "write_small"]

SEED = 20260105
FIRST_DAY = date(2026, 1, 5)
PRODUCTION_FROM = date(2026, 3, 30)
END = date(2026, 9, 28)  # the first day that is no more in it
PER_DAY = 1_500
LABEL_DELAY = timedelta(days=30)

CAMPAIGN_FROM, CAMPAIGN_TO = date(2026, 5, 18), date(2026, 6, 1)
CAMPAIGN_PER_DAY = 780
FEED_FROM, OUTAGE_FROM, SENTINEL_FROM, FEED_MENDED = (date(2026, 6, day) for day in (8, 15, 22, 29))
FEED_SHARE, OUTAGE_SHARE, SENTINEL = 0.05, 0.40, -999.0
V7_FROM = pd.Timestamp("2026-07-01T09:00:00", tz="UTC")
SHOCK_FROM, SHOCK_REGION, SHOCK = date(2026, 7, 13), "North", 0.078
SPLIT_FROM, SPLIT_SEX, SPLIT_PER_WEEK = date(2026, 8, 17), "female", 0.036
EVALUATION_FROM, EVALUATION_TO = date(2026, 7, 13), date(2026, 8, 17)
EVALUATION_ROWS = 6_000
TAKEOVER_FROM, TAKEOVER_ROWS = date(2026, 3, 2), 6_000
SMALL_WEEK, SMALL_ROWS = "2026-W20", 2_000

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenario:
    """The lender's records, one row a decision, in the columns of credit-default.toml.

    ``reference`` has its labels; those of ``production`` are in ``labels``, as far as they were known
    by the end. ``evaluation`` holds some of production's decisions with their labels as the candidate
    v8 would have made them, ``champion`` the same decisions as v7 made them. ``takeover`` holds some of the
    reference's decisions as v7 would have made them: what it was promoted on.
    """

    seed: int
    reference: pd.DataFrame
    production: pd.DataFrame
    labels: pd.DataFrame
    evaluation: pd.DataFrame
    champion: pd.DataFrame
    takeover: pd.DataFrame


def generate(seed: int = SEED) -> Scenario:
    """The whole scenario; the same seed gives the same values on every machine.

    Parameters
    ----------
    seed : int
        Other seeds have the same events with other noise; TRUTH.md gives the figures of the default.

    Examples
    --------
    >>> scenario = generate()
    >>> scenario.reference["version"].unique().tolist()
    ['v6']
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    requests = _requests(rng)
    truth = draw_applicants(rng, requests.is_extra)
    is_default = rng.random(requests.day.size) < _risk(truth, requests.day)
    logged = _split_files(rng, _break_feed(rng, hide(rng, truth), requests.day), requests.day)
    is_v7 = requests.at >= V7_FROM
    score = np.where(is_v7, VERSIONS["v7"].probability(logged), VERSIONS["v6"].probability(logged))
    records = _frame(requests, logged, score)
    records["version"] = pd.Categorical.from_codes(is_v7.astype(int), categories=["v6", "v7"])
    records["label"] = pd.Categorical.from_codes(is_default.astype(int), categories=["repaid", "default"])
    records["label_time"] = records["timestamp"] + LABEL_DELAY
    is_reference = requests.day < _day(PRODUCTION_FROM)
    is_known = ~is_reference & (records["label_time"] < pd.Timestamp(END, tz="UTC")).to_numpy()
    chosen = _some(rng, requests.day, EVALUATION_FROM, EVALUATION_TO, EVALUATION_ROWS)
    champion = records.iloc[chosen].reset_index(drop=True)
    own = np.random.Generator(np.random.PCG64([seed, 7]))  # so that it changes nothing else
    taken = _some(own, requests.day, TAKEOVER_FROM, PRODUCTION_FROM, TAKEOVER_ROWS)
    log_columns = [name for name in records.columns if name not in ("label", "label_time")]
    return Scenario(
        seed=seed,
        reference=records[is_reference].reset_index(drop=True),
        production=records.loc[~is_reference, log_columns].reset_index(drop=True),
        labels=records.loc[is_known, ["prediction_id", "label", "label_time"]].reset_index(drop=True),
        evaluation=_rescored(champion, {name: values[chosen] for name, values in logged.items()}, "v8"),
        champion=champion,
        takeover=_rescored(
            records.iloc[taken].reset_index(drop=True), {name: values[taken] for name, values in logged.items()}, "v7"
        ),
    )


def write(folder: Path, *, scenario: Scenario | None = None, progress: Progress | None = None) -> list[Path]:
    """Write a scenario as files, in the order in which they are to be taken in.

    Parameters
    ----------
    folder : Path
        Made if need be. Files that are there already are replaced.
    scenario : Scenario or None
        None generates the one of the default seed.
    progress : callable or None
        Told (name, rows) after each file.

    Returns
    -------
    list of Path
        credit-default.toml, reference.parquet, production/<week>.parquet (one week as .csv.gz),
        labels/<week>.csv.gz by the week in which they became known, takeover-v7.parquet,
        evaluation-v7.parquet and evaluation-v8.parquet.
    """
    scenario = generate() if scenario is None else scenario
    folder.mkdir(parents=True, exist_ok=True)
    schema = folder / "credit-default.toml"
    schema.write_text((HERE / schema.name).read_text(encoding="utf-8"), encoding="utf-8")
    return [schema, *write_each(_files(folder, scenario), progress)]


def write_small(folder: Path, *, scenario: Scenario | None = None) -> list[Path]:
    """Write the small files: some rows of one quiet week, their labels, and the candidate's evaluation."""
    scenario = generate() if scenario is None else scenario
    week = scenario.production[(week_names(scenario.production["timestamp"]) == SMALL_WEEK).to_numpy()]
    sample = week.iloc[np.linspace(0, len(week) - 1, SMALL_ROWS).astype(int)]
    labels = scenario.labels[scenario.labels["prediction_id"].isin(sample["prediction_id"])]
    files = [
        (folder / "credit-default-sample.csv", sample),
        (folder / "credit-default-labels.csv", labels),
        (folder / "evaluation.csv", scenario.evaluation),
    ]
    return write_each(files, None)


def _files(folder: Path, scenario: Scenario) -> Iterable[WrittenFile]:
    yield folder / "reference.parquet", scenario.reference
    for path, rows in write_weeks(folder / "production", scenario.production, by="timestamp", suffix=".parquet"):
        week = path.stem
        yield path.with_suffix(".csv.gz") if week == CSV_WEEK else path, with_warts(week, rows)
    yield from write_weeks(folder / "labels", scenario.labels, by="label_time", suffix=".csv.gz")
    yield folder / "takeover-v7.parquet", scenario.takeover
    yield folder / "evaluation-v7.parquet", scenario.champion
    yield folder / "evaluation-v8.parquet", scenario.evaluation


def _day(day: date) -> int:
    return (day - FIRST_DAY).days


def _requests(rng: np.random.Generator) -> Requests:
    n_days = _day(END)
    counts = draw_daily_counts(rng, n_days=n_days, per_day=PER_DAY)
    campaign = draw_daily_counts(rng, n_days=n_days, per_day=CAMPAIGN_PER_DAY)
    days = np.arange(n_days)
    campaign[(days < _day(CAMPAIGN_FROM)) | (days >= _day(CAMPAIGN_TO))] = 0
    return draw_requests(rng, first=FIRST_DAY, counts=counts, prefix="cd", extra=campaign)


def _risk(truth: Columns, day: NDArray[np.int64]) -> NDArray[np.float64]:
    """P(default) given the true features; from the shock on, one region has a further cause of default."""
    risk = TRUTH.probability(truth)
    is_hit = (truth["region"] == LEVELS["region"].index(SHOCK_REGION)) & (day >= _day(SHOCK_FROM))
    return np.where(is_hit, risk + SHOCK * (1 - risk), risk)


def _break_feed(rng: np.random.Generator, logged: Columns, day: NDArray[np.int64]) -> Columns:
    """The income feed loses values, then writes a sentinel in their place, then is mended."""
    share = np.zeros(day.size)
    share[(day >= _day(FEED_FROM)) & (day < _day(OUTAGE_FROM))] = FEED_SHARE
    share[(day >= _day(OUTAGE_FROM)) & (day < _day(FEED_MENDED))] = OUTAGE_SHARE
    is_lost = rng.random(day.size) < share
    value = np.where(day >= _day(SENTINEL_FROM), SENTINEL, np.nan)
    return logged | {"income": np.where(is_lost, value, logged["income"])}


def _split_files(rng: np.random.Generator, logged: Columns, day: NDArray[np.int64]) -> Columns:
    """More and more women's bureau files are cut in two at a change of name: the log sees the new, thin part."""
    share = np.maximum(day - _day(SPLIT_FROM) + 0.5, 0) / 7 * SPLIT_PER_WEEK
    is_split = (rng.random(day.size) < share) & (logged["sex"] == LEVELS["sex"].index(SPLIT_SEX))
    new_age = np.floor(rng.random(day.size) * 9)
    thin = {
        "bureau_score": np.clip(np.round(logged["bureau_score"] - 75 - 60 * rng.random(day.size)), 300, 850),
        "bureau_age_months": np.fmin(logged["bureau_age_months"], new_age),
        "open_accounts": np.minimum(logged["open_accounts"], 1),
    }
    return logged | {name: np.where(is_split, values, logged[name]) for name, values in thin.items()}


def _some(rng: np.random.Generator, day: NDArray[np.int64], first: date, end: date, n: int) -> NDArray[np.int64]:
    """Some rows of the days from `first` until before `end`, in order."""
    rows = np.flatnonzero((day >= _day(first)) & (day < _day(end)))
    return np.sort(rows[np.argsort(rng.random(rows.size), kind="stable")[:n]])


def _frame(requests: Requests, logged: Columns, score: NDArray[np.float64]) -> pd.DataFrame:
    columns: dict[str, object] = {"prediction_id": requests.ids, "timestamp": requests.at, "version": ""}
    columns |= {name: logged[name] for name in NUMERIC}
    columns |= {name: pd.Categorical.from_codes(logged[name], LEVELS[name]) for name in (*CATEGORICAL, *ATTRIBUTES)}
    return pd.DataFrame(columns | _decision(score))


def _decision(score: NDArray[np.float64]) -> dict[str, object]:
    rounded = np.round(score, 4)
    declined = (rounded >= THRESHOLD).astype(int)
    return {"score": rounded, "prediction": pd.Categorical.from_codes(declined, categories=["repaid", "default"])}


def _rescored(frame: pd.DataFrame, logged: Columns, version: str) -> pd.DataFrame:
    one = pd.Categorical.from_codes(np.zeros(len(frame), dtype=int), categories=[version])
    return frame.assign(version=one, **_decision(VERSIONS[version].probability(logged)))


def main(arguments: list[str] | None = None) -> None:
    """Write the scenario's files into the folder that is named."""
    parser = argparse.ArgumentParser(
        prog="python -m sample_data.lender", description="Write the demo scenario's files."
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small", action="store_true", help="only the small CSV files")
    options = parser.parse_args(arguments)
    if options.small:
        write_small(options.folder)
    else:
        write(options.folder, progress=lambda name, rows: print(f"{name}: {rows:,} rows", file=sys.stderr))  # noqa: T201


if __name__ == "__main__":
    main()
