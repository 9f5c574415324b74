"""The true probability of default, and the scorecards of the versions: written by hand, nothing is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from sample_data.applicants import LEVELS, Columns

__all__ = ["THRESHOLD", "TRUTH", "VERSIONS", "Scorecard"]

Floats = NDArray[np.float64]

THRESHOLD = 0.18  # a score from here on is declined
LOWEST_INCOME = 8_000.0
THIN_FILE = 24  # months
RETIRED = LEVELS["employment_type"].index("retired")
SELF_EMPLOYED = LEVELS["employment_type"].index("self_employed")
CONSOLIDATION = LEVELS["purpose"].index("debt_consolidation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """A logistic scorecard: log-odds of default are the intercept, plus weights times terms, plus points a level."""

    intercept: float
    weights: Mapping[str, float]
    points: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def probability(self, columns: Columns) -> Floats:
        """P(default) of each row, shape (n,)."""
        terms = _terms(columns)
        log_odds = np.full(columns["income"].size, self.intercept)
        for name, weight in self.weights.items():
            log_odds += weight * terms[name]
        for name, points in self.points.items():
            log_odds += np.array([points.get(level, 0.0) for level in LEVELS[name]])[columns[name]]
        return np.asarray(expit(log_odds))


def _terms(columns: Columns) -> dict[str, Floats]:
    """What the weights multiply; a term of a missing value is 0, and terms of their own say what is missing."""
    income = np.log(np.maximum(columns["income"], LOWEST_INCOME) / 34_000)
    score = (columns["bureau_score"] - 668) / 67
    use = columns["utilisation"]
    savings = np.log1p(columns["savings_balance"] / 500)
    is_thin = columns["bureau_age_months"] < THIN_FILE
    burden = columns["loan_amount"] / np.maximum(columns["income"], LOWEST_INCOME)
    is_retired = columns["employment_type"] == RETIRED
    terms = {
        "income": income,
        "score": score,
        "score_of_retired": np.where(is_retired, score, 0.0),
        "use": use - 0.3,
        "use_above_70": np.maximum(use - 0.7, 0.0),
        "debts": columns["debt_to_income"] - 0.25,
        "burden": np.minimum(burden, 1.5) - 0.28,
        "enquiries": np.minimum(columns["enquiries_6m"], 5.0) - 1.0,
        "thin_file": is_thin.astype(float),
        "savings": savings - 1.7,
        "job": np.where(columns["months_at_job"] > 0, np.log1p(columns["months_at_job"] / 12) - 1.5, 0.0),
        "address": np.log1p(columns["months_at_address"] / 12) - 1.4,
        "consolidation_at_high_use": ((columns["purpose"] == CONSOLIDATION) & (use > 0.45)).astype(float),
        "self_employed_without_savings": (
            (columns["employment_type"] == SELF_EMPLOYED) & (columns["savings_balance"] < 1_500)
        ).astype(float),
        "thin_file_and_enquiries": (is_thin & (columns["enquiries_6m"] >= 2)).astype(float),
    }
    terms = {name: np.nan_to_num(values, nan=0.0) for name, values in terms.items()}
    terms["no_income"] = np.isnan(columns["income"]).astype(float)
    terms["no_score"] = np.isnan(columns["bureau_score"]).astype(float)
    return terms


TRUTH = Scorecard(
    intercept=-3.21,
    weights={
        "income": -0.50,
        "score": -0.70,
        "use": 0.7,
        "use_above_70": 5.0,
        "debts": 1.8,
        "burden": 0.8,
        "enquiries": 0.15,
        "thin_file": 0.10,
        "savings": -0.25,
        "job": -0.15,
        "address": -0.10,
        "consolidation_at_high_use": 2.0,
        "self_employed_without_savings": 1.9,
        "thin_file_and_enquiries": 1.0,
    },
    points={
        "employment_type": {
            "public_sector": -0.25,
            "contract": 0.20,
            "retired": -0.10,
            "student": -0.10,
            "unemployed": 0.80,
        },
        "housing": {"tenant": 0.15, "mortgage": -0.10, "owner": -0.20, "with_parents": -0.05},
        "purpose": {"home_improvement": -0.15, "debt_consolidation": 0.10, "travel": 0.15, "education": -0.10},
        "channel": {"app": -0.05, "branch": -0.10, "broker": 0.30},
        "product": {"flex": 0.20, "top_up": -0.10},
        "existing_customer": {"yes": -0.35},
    },
)

EMPLOYMENT_POINTS = {
    "public_sector": -0.25,
    "self_employed": 0.96,
    "contract": 0.15,
    "retired": -0.22,
    "student": -0.14,
    "unemployed": 0.56,
}
HOUSING_POINTS = {"mortgage": -0.28, "owner": -0.40, "with_parents": -0.17}

V6 = Scorecard(
    intercept=-2.57,
    weights={"income": -0.92, "score": -0.76, "use": 1.95, "enquiries": 0.16, "no_income": 0.35, "no_score": 0.35},
    points={
        "employment_type": EMPLOYMENT_POINTS,
        "housing": HOUSING_POINTS,
        "existing_customer": {"yes": -0.36},
    },
)
V7 = Scorecard(
    intercept=-2.61,
    weights={
        "income": -0.82,
        "score": -0.67,
        "use": 1.89,
        "debts": 1.60,
        "enquiries": 0.17,
        "no_income": 0.30,
        "no_score": 0.30,
    },
    points={
        "employment_type": EMPLOYMENT_POINTS,
        "housing": HOUSING_POINTS,
        "existing_customer": {"yes": -0.37},
    },
)
V8 = Scorecard(
    intercept=-3.05,
    weights={
        "income": -0.50,
        "score": -0.70,
        "score_of_retired": 0.80,  # what makes v8 worse for applicants of 65 and over
        "use": 0.68,
        "use_above_70": 4.6,
        "debts": 1.78,
        "burden": 0.75,
        "enquiries": 0.15,
        "savings": -0.25,
        "job": -0.16,
        "consolidation_at_high_use": 1.98,
        "self_employed_without_savings": 1.85,
        "thin_file_and_enquiries": 1.08,
        "no_income": 0.20,
        "no_score": 0.32,
    },
    points={
        "employment_type": {"public_sector": -0.25, "contract": 0.19, "retired": 1.45, "unemployed": 0.86},
        "housing": {"mortgage": -0.28, "owner": -0.40, "with_parents": -0.24},
        "purpose": {"home_improvement": -0.12, "debt_consolidation": 0.16, "travel": 0.16, "education": -0.05},
        "channel": {"app": -0.04, "branch": -0.11, "broker": 0.15},
        "product": {"flex": 0.19, "top_up": -0.10},
        "existing_customer": {"yes": -0.34},
    },
)
VERSIONS: Mapping[str, Scorecard] = {"v6": V6, "v7": V7, "v8": V8}
