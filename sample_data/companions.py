"""Two small models of the same lender: one that is stable, and one with too few windows to watch yet.

python -m sample_data.companions FOLDER
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from sample_data.draws import draw_levels, draw_normal
from sample_data.files import Progress, WrittenFile, write_each, write_weeks
from sample_data.traffic import Requests, draw_daily_counts, draw_requests

__all__ = ["Companion", "affordability", "document_type", "write"]

Floats = NDArray[np.float64]

END = date(2026, 9, 28)
HERE = Path(__file__).parent

EMPLOYMENT = ("salaried", "public_sector", "self_employed", "retired")
HOUSING = ("tenant", "mortgage", "owner")
REGION = ("North", "South", "East", "West", "Capital")

DOCUMENTS = ("payslip", "bank_statement", "id_card", "tax_return")
SOURCES = ("upload", "email", "scan")
DOCUMENT_SHARES = (0.38, 0.30, 0.20, 0.12)
SOURCE_SHARES = ((0.60, 0.25, 0.15), (0.50, 0.35, 0.15), (0.85, 0.05, 0.10), (0.35, 0.25, 0.40))
# Mean and spread of each measurement by kind of document; the first three on a log scale.
MEASUREMENTS: Mapping[str, tuple[Sequence[float], float]] = {
    "n_pages": ((0.35, 1.15, 0.05, 1.75), 0.42),
    "n_words": ((5.5, 6.4, 4.2, 6.9), 0.50),
    "file_kb": ((5.2, 5.6, 6.6, 6.4), 0.70),
    "share_of_digits": ((0.27, 0.42, 0.18, 0.33), 0.085),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Companion:
    """A model's records: ``reference`` with labels, ``production`` and the ``labels`` known by the end."""

    name: str
    reference: pd.DataFrame
    production: pd.DataFrame
    labels: pd.DataFrame


def affordability(seed: int = 20260106) -> Companion:
    """A regression of what a household has left each month; nothing happens to it in 26 weeks."""
    rng = np.random.Generator(np.random.PCG64(seed))
    requests = _requests(rng, first=date(2026, 1, 5), per_day=108, prefix="af")
    n = requests.day.size
    whole = np.zeros(n, dtype=np.int64)
    codes = {
        "employment_type": draw_levels(rng, [(0.58, 0.18, 0.12, 0.12)], whole),
        "housing": draw_levels(rng, [(0.46, 0.34, 0.20)], whole),
        "region": draw_levels(rng, [(0.28, 0.22, 0.18, 0.17, 0.15)], whole),
    }
    salary = np.round(
        2_350 * np.exp(0.34 * draw_normal(rng, n) + np.take((0, 0.05, 0.1, -0.2), codes["employment_type"]))
    )
    household = 1.0 + draw_levels(rng, [(0.36, 0.33, 0.15, 0.12, 0.04)], whole)
    cost = np.take((0.31, 0.28, 0.09), codes["housing"])
    rent = np.round(salary**0.8 * 4.8 * cost * np.exp(0.22 * draw_normal(rng, n)))
    numbers = {
        "net_salary": salary,
        "other_income": np.where(rng.random(n) < 0.55, 0.0, np.round(260 * np.exp(0.7 * draw_normal(rng, n)))),
        "housing_cost": rent,
        "household_size": household,
        "commitments": np.where(rng.random(n) < 0.3, 0.0, np.round(240 * np.exp(0.6 * draw_normal(rng, n)))),
        "card_spending": np.round(0.19 * salary * np.exp(0.35 * draw_normal(rng, n))),
    }
    left = numbers["net_salary"] + numbers["other_income"] - rent - numbers["commitments"]
    spent = numbers["card_spending"] + 190 + 175 * household
    observed = left - spent * np.exp(0.12 * draw_normal(rng, n)) + 210 * draw_normal(rng, n)
    predicted = 0.97 * left - 1.02 * numbers["card_spending"] - 165 - 178 * household + 37
    numbers["other_income"] = np.where(rng.random(n) < 0.02, np.nan, numbers["other_income"])
    levels = {"employment_type": EMPLOYMENT, "housing": HOUSING, "region": REGION}
    frame = pd.DataFrame(
        _head(requests, "a3")
        | numbers
        | {name: pd.Categorical.from_codes(codes[name], levels[name]) for name in levels}
        | {"predicted_income": np.round(predicted), "disposable_income": np.round(observed)}
    )
    return _companion("affordability", frame, "disposable_income", production=date(2026, 3, 30), delay_days=14)


def document_type(seed: int = 20260107) -> Companion:
    """What kind of document an applicant sent, of four; three weeks of reference and five of production."""
    rng = np.random.Generator(np.random.PCG64(seed))
    requests = _requests(rng, first=date(2026, 8, 3), per_day=160, prefix="dt")
    n = requests.day.size
    kind = draw_levels(rng, [DOCUMENT_SHARES], np.zeros(n, dtype=np.int64))
    source = draw_levels(rng, SOURCE_SHARES, kind)
    log_odds = np.log(DOCUMENT_SHARES) + np.log(np.array(SOURCE_SHARES)[:, source].T)
    numbers: dict[str, Floats] = {}
    for name, (means, spread) in MEASUREMENTS.items():
        measured = np.take(means, kind) + spread * draw_normal(rng, n)
        log_odds = log_odds - 0.5 * ((measured[:, None] - np.array(means)) / (1.15 * spread)) ** 2
        is_share = name == "share_of_digits"
        numbers[name] = np.round(np.clip(measured, 0, 1), 3) if is_share else np.maximum(np.round(np.exp(measured)), 1)
    probabilities = np.round(softmax(log_odds, axis=1), 4)
    frame = pd.DataFrame(
        _head(requests, "d1")
        | numbers
        | {"source": pd.Categorical.from_codes(source, SOURCES)}
        | {f"p_{label}": probabilities[:, k] for k, label in enumerate(DOCUMENTS)}
        | {"predicted_type": pd.Categorical.from_codes(probabilities.argmax(axis=1), DOCUMENTS)}
        | {"document_type": pd.Categorical.from_codes(kind, DOCUMENTS)}
    )
    return _companion("document-type", frame, "document_type", production=date(2026, 8, 24), delay_days=7)


def write(
    folder: Path, *, companions: Sequence[Companion] | None = None, progress: Progress | None = None
) -> list[Path]:
    """Write each model's files into a folder of its name, in the order in which they are to be taken in.

    Parameters
    ----------
    folder : Path
        Made if need be. Files that are there already are replaced.
    companions : sequence of Companion or None
        None generates both.
    progress : callable or None
        Told (name, rows) after each file.

    Returns
    -------
    list of Path
        For each model <name>/<name>.toml, reference.parquet, production/<week>.parquet and
        labels/<week>.csv.gz.
    """
    written = []
    for companion in (affordability(), document_type()) if companions is None else companions:
        schema = folder / companion.name / f"{companion.name}.toml"
        schema.parent.mkdir(parents=True, exist_ok=True)
        schema.write_text((HERE / schema.name).read_text(encoding="utf-8"), encoding="utf-8")
        written += [schema, *write_each(_files(schema.parent, companion), progress)]
    return written


def _files(folder: Path, companion: Companion) -> Iterable[WrittenFile]:
    yield folder / "reference.parquet", companion.reference
    yield from write_weeks(folder / "production", companion.production, by="timestamp", suffix=".parquet")
    yield from write_weeks(folder / "labels", companion.labels, by="label_time", suffix=".csv.gz")


def _companion(name: str, frame: pd.DataFrame, label: str, *, production: date, delay_days: int) -> Companion:
    """Cut the records at the start of production, and keep the labels that are known by the end."""
    frame["label_time"] = frame["timestamp"] + timedelta(days=delay_days)
    is_reference = frame["timestamp"] < pd.Timestamp(production, tz="UTC")
    is_known = ~is_reference & (frame["label_time"] < pd.Timestamp(END, tz="UTC"))
    return Companion(
        name=name,
        reference=frame[is_reference].reset_index(drop=True),
        production=frame[~is_reference].drop(columns=[label, "label_time"]).reset_index(drop=True),
        labels=frame.loc[is_known, ["prediction_id", label, "label_time"]].reset_index(drop=True),
    )


def _requests(rng: np.random.Generator, *, first: date, per_day: float, prefix: str) -> Requests:
    counts = draw_daily_counts(rng, n_days=(END - first).days, per_day=per_day)
    return draw_requests(rng, first=first, counts=counts, prefix=prefix)


def _head(requests: Requests, version: str) -> dict[str, object]:
    return {"prediction_id": requests.ids, "timestamp": requests.at, "version": version}


def main(arguments: list[str] | None = None) -> None:
    """Write both models' files into the folder that is named."""
    parser = argparse.ArgumentParser(prog="python -m sample_data.companions", description="Write two small models.")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    write(options.folder, progress=lambda name, rows: print(f"{name}: {rows:,} rows", file=sys.stderr))  # noqa: T201


if __name__ == "__main__":
    main()
