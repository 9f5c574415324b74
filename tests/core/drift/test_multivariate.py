"""Joint drift: found where no column alone moved, rarely where nothing did, and never a crash."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from core.drift.encoding import NormalScores, row_sums, tree_matrix
from core.drift.multivariate import DomainShift, domain_shift
from core.drift.reconstruction import fit_reconstruction
from core.measure import Status


def mixed(rng: np.random.Generator, n: int, *, shift: float = 0.0) -> dict[str, np.ndarray]:
    """Columns of every kind, some of them of no use."""
    return {
        "x": rng.normal(shift, 1, n),
        "gaps": np.where(rng.uniform(size=n) < 0.2, np.nan, rng.normal(size=n)),
        "count": rng.poisson(3, n),
        "flag": rng.uniform(size=n) < 0.3,
        "colour": np.array(["red", "green", None], dtype=object)[rng.integers(0, 3, n)],
        "at": np.datetime64("2026-01-01", "s") + rng.integers(0, 10_000, n).astype("timedelta64[s]"),
        "constant": np.ones(n),
        "empty": np.full(n, np.nan),
        "id": np.array([f"id {value}" for value in rng.integers(0, 10**9, n)], dtype=object),
        "mixed": np.array([1, "a", None, 2.5], dtype=object)[rng.integers(0, 4, n)],
    }


def test_the_columns_that_moved_are_named_and_the_useless_ones_too():
    rng = np.random.default_rng(1)
    shift = domain_shift(mixed(rng, 600), mixed(rng, 500, shift=1.0), rng=rng)
    assert shift.measure.interval.low > 0.6
    assert shift.columns[0].column == "x"
    assert sum(column.share for column in shift.columns) == pytest.approx(1)
    assert {column.column for column in shift.unusable} == {"constant", "empty", "id"}
    assert shift.placements.mean() == pytest.approx(shift.measure.value, abs=1e-3)


def test_a_broken_dependence_is_found_though_each_column_is_as_before():
    rng = np.random.default_rng(2)
    x = rng.normal(size=800)
    together = {"x": x, "y": 0.8 * x + 0.6 * rng.normal(size=800), "z": rng.normal(size=800)}
    apart = {"x": rng.normal(size=600), "y": rng.normal(size=600), "z": rng.normal(size=600)}
    assert all(stats.ks_2samp(together[name], apart[name]).pvalue > 0.001 for name in together)
    shift = domain_shift(together, apart, rng=rng)
    assert shift.measure.p_value < 1e-6
    assert {column.column for column in shift.columns[:2]} == {"x", "y"}
    model = fit_reconstruction(together, rng=rng)
    assert model.errors(apart).mean() > 1.15 * model.reference_errors.mean()


def test_without_drift_a_small_p_value_is_rare_and_the_interval_covers_one_half():
    rng = np.random.default_rng(3)
    shifts = [
        domain_shift(
            {f"x{k}": rng.normal(size=150) for k in range(4)},
            {f"x{k}": rng.normal(size=120) for k in range(4)},
            rng=rng,
            n_trees=15,
        ).measure
        for _ in range(24)
    ]
    assert np.mean([measure.p_value < 0.05 for measure in shifts]) <= 0.17
    assert np.mean([measure.interval.low <= 0.5 <= measure.interval.high for measure in shifts]) >= 0.9
    assert np.mean([measure.value for measure in shifts]) == pytest.approx(0.5, abs=0.02)


def test_reconstruction_errors_of_unmoved_rows_are_like_the_references_own():
    rng = np.random.default_rng(4)
    z = []
    for _ in range(12):
        model = fit_reconstruction(mixed(rng, 300), rng=rng)
        errors = model.errors(mixed(rng, 200))
        noise = errors.var() / errors.size + model.reference_errors.var() / model.reference_errors.size
        z.append((errors.mean() - model.reference_errors.mean()) / noise**0.5)
    assert abs(np.mean(z)) < 0.9
    assert np.std(z) < 1.8


def windows(rng: np.random.Generator) -> list[dict[str, np.ndarray]]:
    n = 60
    odd = mixed(rng, n)
    return [
        mixed(rng, 1),
        mixed(rng, 0),
        odd | {"x": np.resize([np.inf, -np.inf], n)},
        odd | {"x": np.full(n, np.nan)},
        odd | {"x": np.array(["text"] * n, dtype=object)},
        odd | {"colour": np.array([None] * n, dtype=object)},
        odd | {"colour": np.array([f"new {k}" for k in range(n)], dtype=object)},
        {name: values for name, values in odd.items() if name != "x"},
        {},
    ]


@pytest.mark.parametrize("place", range(9))
def test_odd_windows_give_a_number_or_a_reason(place):
    rng = np.random.default_rng(5)
    reference = mixed(rng, 120)
    window = windows(rng)[place]
    shift = domain_shift(reference, window, rng=rng)
    if shift.measure.value is None:
        assert shift.measure.status is Status.UNDEFINED
        assert shift.measure.why
    else:
        assert 0 <= shift.measure.interval.low <= shift.measure.value <= shift.measure.interval.high <= 1
    errors = fit_reconstruction(reference, rng=rng).errors(window)
    assert errors.size == (len(next(iter(window.values()))) if window else 0)
    assert np.isfinite(errors).all()


def test_a_reference_without_use_is_said_to_be():
    rng = np.random.default_rng(6)
    model = fit_reconstruction({"constant": np.ones(50)}, rng=rng)
    assert not model.is_usable
    assert model.errors({"constant": np.ones(5)}).tolist() == [0.0] * 5
    assert model.unusable[0].reason == "one value only in the reference"
    shift = domain_shift({"constant": np.ones(50)}, {"constant": np.ones(50)}, rng=rng)
    assert shift.measure.why == "No column can be used: constant: one value only"


def test_the_same_seed_gives_the_same_answer_in_any_order_of_columns():
    sides = [mixed(np.random.default_rng(seed), 200, shift=0.5 * seed) for seed in (0, 1)]

    def asked(reverse: bool) -> DomainShift:
        turned = [dict(reversed(side.items())) if reverse else side for side in sides]
        return domain_shift(*turned, rng=np.random.default_rng(9))

    assert asked(False).measure == asked(False).measure
    assert asked(True).measure.value == pytest.approx(asked(False).measure.value, abs=0.03)


def test_normal_scores_are_blind_to_units_and_labels():
    rng = np.random.default_rng(7)
    plain = mixed(rng, 80)
    changed = plain | {
        "x": np.exp(plain["x"]) * 1_000,
        "colour": np.array([None if v is None else f"c {v}" for v in plain["colour"]], dtype=object),
    }
    assert NormalScores(plain).transform(plain) == pytest.approx(NormalScores(changed).transform(changed))


def test_what_is_asked_for_in_vain_is_refused():
    rng = np.random.default_rng(8)
    with pytest.raises(ValueError, match="at least 2 folds"):
        domain_shift({"x": np.ones(30)}, {"x": np.ones(30)}, rng=rng, n_folds=1)
    with pytest.raises(ValueError, match="at least 2 folds"):
        fit_reconstruction({"x": np.ones(30)}, rng=rng, n_folds=1)
    with pytest.raises(ValueError, match="differ in length: 2, 3 rows"):
        tree_matrix([{"x": np.ones(2), "y": np.ones(3)}])


def test_rows_become_a_series_by_their_sums():
    n, total, squares = row_sums(np.array([0.25, 0.5, 1.0]))
    assert (n, total, squares) == (3, 1.75, 1.3125)


@pytest.mark.data
def test_a_car_loan_chunk_is_told_from_the_reference_as_well_as_by_nannymls_classifier(shared_data: Path):
    """NannyML's notebook prints .913519 of chunk 5; it trains LightGBM, this scikit-learn's trees."""
    frames = []
    for part in ("reference", "analysis"):
        with gzip.open(shared_data / "nannyml_car_loan" / f"synthetic_car_loan_{part}.csv.gz") as file:
            frames.append(
                pd.read_csv(file).drop(columns=["id", "timestamp", "y_pred_proba", "y_pred", "repaid"], errors="ignore")
            )
    reference, analysis = frames

    def columns(frame: pd.DataFrame) -> dict[str, np.ndarray]:
        return {
            name: values.to_numpy(dtype=None if values.dtype.kind in "fi" else object) for name, values in frame.items()
        }

    shift = domain_shift(
        columns(reference),
        columns(analysis.iloc[25_000:30_000]),
        rng=np.random.default_rng(5),
        n_trees=80,
        n_leaves=31,
        most_rows=50_000,
    )
    assert shift.measure.value == pytest.approx(0.913519, abs=0.01)
    assert shift.columns[0].column == "car_value"
