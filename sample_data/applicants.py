"""Applicants for an unsecured loan: who they are and what they ask for, and how they hang together.

Every value is rounded, so that a last bit that differs between machines doesn't show.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from sample_data.draws import draw_counts, draw_levels, draw_normal

__all__ = ["ATTRIBUTES", "CATEGORICAL", "LEVELS", "MISSING_SHARES", "NUMERIC", "Columns", "draw_applicants", "hide"]

Floats = NDArray[np.float64]
Columns = dict[str, NDArray]

NUMERIC = (
    "income",
    "utilisation",
    "debt_to_income",
    "loan_amount",
    "term_months",
    "bureau_score",
    "bureau_age_months",
    "enquiries_6m",
    "open_accounts",
    "months_at_job",
    "months_at_address",
    "savings_balance",
)
CATEGORICAL = (
    "employment_type",
    "housing",
    "purpose",
    "channel",
    "education",
    "marital_status",
    "product",
    "existing_customer",
)
ATTRIBUTES = ("sex", "age_band", "region")

LEVELS: Mapping[str, tuple[str, ...]] = {
    "employment_type": ("salaried", "public_sector", "self_employed", "contract", "retired", "student", "unemployed"),
    "housing": ("tenant", "mortgage", "owner", "with_parents"),
    "purpose": ("car", "home_improvement", "debt_consolidation", "furniture", "travel", "education", "other"),
    "channel": ("web", "app", "branch", "broker"),
    "education": ("secondary", "vocational", "bachelor", "postgraduate"),
    "marital_status": ("single", "married", "divorced", "widowed"),
    "product": ("standard", "flex", "top_up"),
    "existing_customer": ("no", "yes"),
    "sex": ("female", "male"),
    "age_band": ("under 25", "25-34", "35-44", "45-54", "55-64", "65 and over"),
    "region": ("North", "South", "East", "West", "Capital"),
}
MISSING_SHARES: Mapping[str, float] = {
    "income": 0.008,
    "bureau_score": 0.010,
    "months_at_address": 0.015,
    "savings_balance": 0.040,
    "sex": 0.010,
    "age_band": 0.008,
    "region": 0.006,
}

AGE_QUANTILES = (0.0, 0.13, 0.38, 0.60, 0.78, 0.90, 1.0)
AGE_EDGES = (18.0, 25.0, 35.0, 45.0, 55.0, 65.0, 84.0)
CAMPAIGN_AGES = 0.20  # the quantile of age below which the marketing campaign reaches

# One row an age band, one column a level, in the order of LEVELS.
EMPLOYMENT = (
    (0.63, 0.06, 0.04, 0.11, 0.00, 0.14, 0.02),
    (0.67, 0.12, 0.09, 0.08, 0.00, 0.02, 0.02),
    (0.65, 0.14, 0.13, 0.06, 0.00, 0.00, 0.02),
    (0.63, 0.15, 0.15, 0.05, 0.00, 0.00, 0.02),
    (0.54, 0.14, 0.15, 0.04, 0.11, 0.00, 0.02),
    (0.05, 0.01, 0.06, 0.01, 0.87, 0.00, 0.00),
)
HOUSING = (
    (0.55, 0.03, 0.02, 0.40),
    (0.60, 0.24, 0.06, 0.10),
    (0.45, 0.40, 0.12, 0.03),
    (0.37, 0.43, 0.18, 0.02),
    (0.32, 0.38, 0.29, 0.01),
    (0.30, 0.16, 0.53, 0.01),
)
PURPOSE = ((0.28, 0.17, 0.22, 0.11, 0.08, 0.05, 0.09),)
CHANNEL = (
    (0.47, 0.34, 0.09, 0.10),
    (0.44, 0.30, 0.12, 0.14),
    (0.40, 0.24, 0.19, 0.17),
    (0.35, 0.17, 0.29, 0.19),
    (0.29, 0.11, 0.40, 0.20),
    (0.22, 0.06, 0.52, 0.20),
)
EDUCATION = (
    (0.43, 0.31, 0.22, 0.04),
    (0.27, 0.33, 0.27, 0.13),
    (0.26, 0.36, 0.24, 0.14),
    (0.29, 0.38, 0.21, 0.12),
    (0.33, 0.39, 0.18, 0.10),
    (0.42, 0.38, 0.13, 0.07),
)
MARITAL = (
    (0.93, 0.06, 0.01, 0.00),
    (0.62, 0.34, 0.04, 0.00),
    (0.35, 0.54, 0.11, 0.00),
    (0.23, 0.58, 0.17, 0.02),
    (0.16, 0.62, 0.18, 0.04),
    (0.10, 0.62, 0.12, 0.16),
)
PRODUCT = ((0.72, 0.28, 0.00), (0.48, 0.20, 0.32))  # by existing customer
EXISTING = ((0.80, 0.20), (0.70, 0.30), (0.64, 0.36), (0.60, 0.40), (0.57, 0.43), (0.54, 0.46))
REGION = ((0.28, 0.22, 0.18, 0.17, 0.15),)
TERMS = np.array([12, 24, 36, 48, 60, 72, 84])

INCOME_BY_AGE = (-0.10, -0.02, 0.03, 0.04, 0.02, -0.06)
INCOME_BY_EMPLOYMENT = (0.0, 0.02, 0.02, -0.05, -0.04, -0.40, -0.75)
INCOME_BY_EDUCATION = (-0.12, -0.03, 0.10, 0.22)
AMOUNT_BY_PURPOSE = (0.30, 0.20, 0.15, -0.45, -0.40, -0.15, -0.20)


def draw_applicants(rng: np.random.Generator, is_campaign: NDArray[np.bool_]) -> Columns:
    """The true features and attributes of one applicant a row, nothing missing.

    Parameters
    ----------
    rng : numpy Generator
    is_campaign : bool array of shape (n,)
        Applicants whom the marketing campaign brought: young, and through the web.

    Returns
    -------
    dict of arrays of shape (n,)
        Numeric features as floats; categorical ones and attributes as codes into LEVELS.
    """
    n = is_campaign.size
    rank = rng.random(n)
    age = np.interp(np.where(is_campaign, rank * CAMPAIGN_AGES, rank), AGE_QUANTILES, AGE_EDGES)
    band = np.searchsorted(AGE_EDGES[1:-1], age, side="right")
    columns: Columns = {"age_band": band, "sex": (rng.random(n) >= 0.48).astype(np.int64)}
    whole = np.zeros(n, dtype=np.int64)
    columns["region"] = draw_levels(rng, REGION, whole)
    columns["employment_type"] = draw_levels(rng, EMPLOYMENT, band)
    columns["housing"] = draw_levels(rng, HOUSING, band)
    columns["purpose"] = draw_levels(rng, PURPOSE, whole)
    columns["channel"] = np.where(is_campaign, 0, draw_levels(rng, CHANNEL, band))
    columns["education"] = draw_levels(rng, EDUCATION, band)
    columns["marital_status"] = draw_levels(rng, MARITAL, band)
    columns["existing_customer"] = draw_levels(rng, EXISTING, band)
    columns["product"] = draw_levels(rng, PRODUCT, columns["existing_customer"])
    wealth, care = draw_normal(rng, n), draw_normal(rng, n)  # what income and credit history have in common
    columns |= _means(rng, columns, wealth, care)
    columns |= _request(rng, columns)
    columns |= _bureau(rng, columns, age, wealth, care)
    columns |= _tenure(rng, columns, age)
    return columns


def hide(rng: np.random.Generator, columns: Columns) -> Columns:
    """The columns as the lender's log has them: a few values missing, at random."""
    logged = dict(columns)
    for name, share in MISSING_SHARES.items():
        is_missing = rng.random(columns[name].size) < share
        logged[name] = np.where(is_missing, -1 if name in LEVELS else np.nan, columns[name])
        if name == "bureau_score":  # no file found: neither score nor age of the file
            logged["bureau_age_months"] = np.where(is_missing, np.nan, columns["bureau_age_months"])
    return logged


def _means(rng: np.random.Generator, columns: Columns, wealth: Floats, care: Floats) -> Columns:
    """Income, savings and debts."""
    n = wealth.size
    band = columns["age_band"]
    level = (
        0.30 * wealth
        + 0.24 * draw_normal(rng, n)
        + np.take(INCOME_BY_AGE, band)
        + np.take(INCOME_BY_EMPLOYMENT, columns["employment_type"])
        + np.take(INCOME_BY_EDUCATION, columns["education"])
        - 0.20 * (columns["sex"] == 0)
        + 0.04 * (columns["region"] == 4)
    )
    income = np.clip(np.round(34_000 * np.exp(level), -2), 4_000, 400_000)
    savings = 3_000 * np.exp(
        0.55 * wealth + 1.0 * draw_normal(rng, n) + np.take((-0.15, -0.05, 0.0, 0.05, 0.1, 0.2), band)
    )
    has_none = rng.random(n) < expit(-1.6 - 0.5 * wealth)
    debts = -1.38 - 0.18 * wealth - 0.20 * care + 0.42 * draw_normal(rng, n)
    debts += np.take((-0.20, -0.06, 0.02, 0.05, 0.08, 0.08), band)
    return {
        "income": income,
        "savings_balance": np.where(has_none, 0.0, np.round(savings, -1)),
        "debt_to_income": np.round(np.minimum(np.exp(debts), 1.5), 3),
    }


def _request(rng: np.random.Generator, columns: Columns) -> Columns:
    """What is asked for: amount and term."""
    n = columns["income"].size
    level = 0.5 * np.log(columns["income"] / 34_000) + np.take(AMOUNT_BY_PURPOSE, columns["purpose"])
    amount = np.clip(np.round(8_500 * np.exp(level + 0.45 * draw_normal(rng, n)), -2), 1_000, 60_000)
    wanted = 3.0 + 1.3 * np.log(amount / 8_500) + 1.1 * draw_normal(rng, n)
    return {"loan_amount": amount, "term_months": TERMS[np.clip(np.round(wanted), 0, 6).astype(int)].astype(float)}


def _bureau(rng: np.random.Generator, columns: Columns, age: Floats, wealth: Floats, care: Floats) -> Columns:
    """What the credit bureau knows."""
    n = age.size
    score = 668 + 60 * care + 16 * wealth + 22 * draw_normal(rng, n)
    score += np.take((8.0, 3.0, -1.0, -1.0, -6.0, -15.0), columns["age_band"])
    use = expit(-0.85 - 0.80 * care - 0.25 * wealth + 0.75 * draw_normal(rng, n))
    has_no_card = rng.random(n) < np.take((0.26, 0.12, 0.07, 0.06, 0.07, 0.10), columns["age_band"])
    file_age = (age - 17.5) * 12 * (1 - rng.random(n) ** 1.6 * 0.95)
    return {
        "bureau_score": np.clip(np.round(score), 300, 850),
        "utilisation": np.where(has_no_card, 0.0, np.round(use, 3)),
        "bureau_age_months": np.round(np.minimum(file_age, 480)),
        "enquiries_6m": draw_counts(rng, np.exp(0.05 - 0.30 * care), limit=9),
        "open_accounts": draw_counts(rng, np.exp(1.25 + 0.10 * wealth + np.minimum(age - 40, 15) * 0.018), limit=18),
    }


def _tenure(rng: np.random.Generator, columns: Columns, age: Floats) -> Columns:
    """How long at the job and at the address."""
    n = age.size
    at_job = np.minimum(-np.log1p(-rng.random(n)) * 30 * (0.4 + age / 28), (age - 17.5) * 12)
    at_address = np.minimum(-np.log1p(-rng.random(n)) * 36 * (0.3 + age / 30), age * 12)
    works = columns["employment_type"] <= LEVELS["employment_type"].index("contract")
    return {"months_at_job": np.where(works, np.round(at_job), 0.0), "months_at_address": np.round(at_address)}
