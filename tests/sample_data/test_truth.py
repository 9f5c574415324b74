"""What the truth file says of the scenario can be measured on its rows."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, ks_2samp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

from core.schema import ModelSchema
from sample_data import lender
from sample_data.applicants import ATTRIBUTES, CATEGORICAL, LEVELS, NUMERIC
from sample_data.lender import Scenario
from sample_data.scorecards import THRESHOLD
from sample_data.traffic import week_names
from sample_data.warts import WARTS

FOLDER = Path(lender.__file__).parent
TRUTH = tomllib.loads((FOLDER / "truth.toml").read_text(encoding="utf-8"))
EVENTS = TRUTH["events"]


@pytest.fixture(scope="module")
def labelled(scenario: Scenario) -> pd.DataFrame:
    """Production with the labels that were known by the end, null elsewhere."""
    return scenario.production.merge(scenario.labels, on="prediction_id", how="left", validate="one_to_one")


def between(frame: pd.DataFrame, start: date | datetime, end: date | datetime) -> pd.DataFrame:
    at = frame["timestamp"]
    return frame[((at >= _instant(start)) & (at < _instant(end))).to_numpy()]


def _instant(day: date | datetime) -> datetime:
    return day if isinstance(day, datetime) else datetime.combine(day, time(), UTC)


def is_default(frame: pd.DataFrame) -> NDArray[np.bool_]:
    return (frame["label"] == "default").to_numpy()


def is_declined(frame: pd.DataFrame) -> NDArray[np.bool_]:
    return (frame["prediction"] == "default").to_numpy()


def auc(frame: pd.DataFrame) -> float:
    return float(roc_auc_score(is_default(frame), frame["score"]))


def brier(frame: pd.DataFrame) -> float:
    return float(brier_score_loss(is_default(frame), frame["score"]))


def error_rate(frame: pd.DataFrame) -> float:
    return float((is_default(frame) != is_declined(frame)).mean())


def women_gap(frame: pd.DataFrame) -> float:
    """Approval rate of men less that of women, in points."""
    declined = pd.Series(is_declined(frame), index=frame.index).groupby(frame["sex"], observed=True).mean()
    return float(100 * (declined["female"] - declined["male"]))


def psi(reference: pd.Series, current: pd.Series) -> float:
    """Ten bins of equal mass and one for missing values; an empty bin counts as half a row."""
    edges = np.quantile(reference.dropna(), np.arange(0.1, 1.0, 0.1))

    def shares(values: pd.Series) -> NDArray[np.float64]:
        bins = np.where(values.isna(), 10, np.searchsorted(edges, values))
        counts = np.maximum(np.bincount(bins, minlength=11), 0.5)
        return np.asarray(counts / counts.sum())

    p, q = shares(reference), shares(current)
    return float(((q - p) * np.log(q / p)).sum())


def close(value: float) -> object:
    """Equal to the last digit that the truth file gives."""
    return pytest.approx(value, abs=0.00051)


def test_the_truth_names_the_dates_and_numbers_of_the_generator(schema: ModelSchema) -> None:
    assert TRUTH["seed"] == lender.SEED
    assert TRUTH["threshold"] == THRESHOLD == schema.outcome.threshold
    assert timedelta(days=TRUTH["label_delay_days"]) == lender.LABEL_DELAY == timedelta(days=schema.labels.delay_days)
    assert TRUTH["quarantined_rows"] == len(WARTS)
    assert (TRUTH["reference"]["from"], TRUTH["reference"]["to"]) == (lender.FIRST_DAY, lender.PRODUCTION_FROM)
    assert (TRUTH["production"]["from"], TRUTH["production"]["to"]) == (lender.PRODUCTION_FROM, lender.END)
    assert (TRUTH["quiet"]["from"], TRUTH["quiet"]["to"]) == (lender.PRODUCTION_FROM, lender.CAMPAIGN_FROM)
    assert TRUTH["versions"]["v7"]["from"] == lender.V7_FROM
    campaign, feed, concept = EVENTS["campaign"], EVENTS["broken_feed"], EVENTS["concept_change"]
    assert (campaign["from"], campaign["to"]) == (lender.CAMPAIGN_FROM, lender.CAMPAIGN_TO)
    assert (feed["from"], feed["outage_from"]) == (lender.FEED_FROM, lender.OUTAGE_FROM)
    assert (feed["sentinel_from"], feed["to"]) == (lender.SENTINEL_FROM, lender.FEED_MENDED)
    assert (concept["from"], concept["region"]) == (lender.SHOCK_FROM, lender.SHOCK_REGION)
    assert concept["added_hazard"] == lender.SHOCK
    assert (EVENTS["growing_gap"]["from"], EVENTS["growing_gap"]["group"]) == (lender.SPLIT_FROM, lender.SPLIT_SEX)
    assert EVENTS["growing_gap"]["split_per_week"] == lender.SPLIT_PER_WEEK


def test_seven_quiet_weeks_come_first_and_events_are_three_weeks_apart() -> None:
    starts = [event["from"] for event in EVENTS.values()]
    assert starts[0] - lender.PRODUCTION_FROM >= timedelta(weeks=7)
    assert all(after - before >= timedelta(weeks=3) for before, after in pairwise(starts))


def test_the_reference_is_as_the_truth_says(scenario: Scenario) -> None:
    truth, reference = TRUTH["reference"], scenario.reference
    assert len(reference) == truth["n"]
    assert len(scenario.production) == TRUTH["production"]["n"]
    assert len(scenario.labels) == TRUTH["production"]["n_labels"]
    assert set(reference["version"]) == {truth["version"]}
    assert reference["timestamp"].min() >= _instant(truth["from"])
    assert reference["timestamp"].max() < _instant(truth["to"])
    assert 0.80 <= auc(reference) <= 0.82
    assert auc(reference) == close(truth["auc"])
    assert brier(reference) == close(truth["brier"])
    assert error_rate(reference) == close(truth["error_rate"])
    assert 0.10 <= is_default(reference).mean() <= 0.12
    assert is_default(reference).mean() == close(truth["default_rate"])
    assert is_declined(reference).mean() == close(truth["decline_rate"])
    assert women_gap(reference) == pytest.approx(truth["women_gap"], abs=0.051)


def test_v6_is_calibrated_on_the_reference(scenario: Scenario) -> None:
    tenths = pd.qcut(scenario.reference["score"], 10)
    observed = pd.Series(is_default(scenario.reference)).groupby(tenths, observed=True).mean()
    believed = scenario.reference["score"].groupby(tenths, observed=True).mean()
    assert (observed - believed).abs().max() < 0.03


def test_labels_come_thirty_days_after_the_decision(scenario: Scenario, labelled: pd.DataFrame) -> None:
    known = labelled[labelled["label"].notna()]
    assert ((known["label_time"] - known["timestamp"]) == timedelta(days=30)).all()
    end = _instant(lender.END)
    is_old = labelled["timestamp"] < end - timedelta(days=30)
    assert (labelled["label"].notna() == is_old).all()
    assert set(scenario.reference["label"].unique()) == {"repaid", "default"}


def test_quiet_weeks_come_from_the_process_of_the_reference(scenario: Scenario, labelled: pd.DataFrame) -> None:
    quiet = between(labelled, TRUTH["quiet"]["from"], TRUTH["quiet"]["to"])
    spans = [quiet, *(rows for _, rows in quiet.groupby(week_names(quiet["timestamp"]).to_numpy()))]
    p_values: list[float] = []
    for span in spans:
        pairs = {name: (scenario.reference[name], span[name]) for name in (*NUMERIC, "score")}
        p_values += [ks_2samp(was.dropna(), now.dropna(), method="asymp").pvalue for was, now in pairs.values()]
        p_values += [_chi2(*(values.isna() for values in pairs[name])) for name in ("income", "bureau_score")]
        counted = (*CATEGORICAL, *ATTRIBUTES, "prediction", "label")
        p_values += [_chi2(scenario.reference[name], span[name]) for name in counted]
    assert len(spans) == 8
    assert min(p_values) * len(p_values) > 0.05


def _chi2(reference: pd.Series, current: pd.Series) -> float:
    """Categories, or true and false; a missing value is a category of its own."""
    codes = [v.cat.codes + 1 if v.dtype == "category" else v.astype(int) for v in (reference, current)]
    counts = np.array([np.bincount(values, minlength=codes[0].max() + 1) for values in codes])
    return float(chi2_contingency(counts[:, counts.sum(axis=0) > 0]).pvalue)


def test_performance_is_steady_in_quiet_weeks(labelled: pd.DataFrame) -> None:
    truth = TRUTH["quiet"]
    quiet = between(labelled, truth["from"], truth["to"])
    assert auc(quiet) == close(truth["auc"])
    assert error_rate(quiet) == close(truth["error_rate"])
    assert is_default(quiet).mean() == close(truth["default_rate"])
    assert women_gap(quiet) == pytest.approx(truth["women_gap"], abs=0.051)
    for _, week in quiet.groupby(week_names(quiet["timestamp"]).to_numpy()):
        assert auc(week) == pytest.approx(TRUTH["reference"]["auc"], abs=0.02)


def test_the_campaign_moves_features_and_harms_nothing(scenario: Scenario, labelled: pd.DataFrame) -> None:
    truth = EVENTS["campaign"]
    rows = between(labelled, truth["from"], truth["to"])
    assert (rows["age_band"] == "under 25").mean() == close(truth["share_under_25"])
    assert (rows["channel"] == "web").mean() == close(truth["share_web"])
    shares = [f["age_band"].value_counts(normalize=True).sort_index() for f in (scenario.reference, rows)]
    assert ((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum() == close(truth["psi_age_band"])
    assert truth["psi_age_band"] > 0.1
    assert auc(rows) == close(truth["auc"])
    assert error_rate(rows) == close(truth["error_rate"])
    assert auc(rows) == pytest.approx(TRUTH["reference"]["auc"], abs=0.01)
    after = between(labelled, truth["to"], EVENTS["broken_feed"]["from"])
    assert psi(scenario.reference["bureau_age_months"], rows["bureau_age_months"]) > 0.1
    assert psi(scenario.reference["bureau_age_months"], after["bureau_age_months"]) < 0.01


def test_default_given_the_features_is_as_before_during_the_campaign(labelled: pd.DataFrame) -> None:
    quiet = between(labelled, TRUTH["quiet"]["from"], TRUTH["quiet"]["to"])
    rows = between(labelled, EVENTS["campaign"]["from"], EVENTS["campaign"]["to"])
    both = pd.concat([quiet, rows])
    is_young = ((both["age_band"] == "under 25") & (both["channel"] == "web")).to_numpy(dtype=float)
    is_campaign = np.arange(len(both)) >= len(quiet)
    assert abs(_added_log_odds(both, is_campaign * is_young, is_young)) < 0.15


def test_income_is_lost_then_replaced_by_a_sentinel_then_mended(scenario: Scenario, labelled: pd.DataFrame) -> None:
    truth = EVENTS["broken_feed"]
    first = between(labelled, truth["from"], truth["outage_from"])
    outage = between(labelled, truth["outage_from"], truth["sentinel_from"])
    sentinel = between(labelled, truth["sentinel_from"], truth["to"])
    mended = between(labelled, truth["to"], EVENTS["concept_change"]["from"])
    assert first["income"].isna().mean() == close(truth["missing_first_week"])
    assert outage["income"].isna().mean() == close(truth["missing_outage"])
    assert (sentinel["income"] == truth["sentinel"]).mean() == close(truth["share_of_sentinel"])
    assert min(truth["psi_outage"], truth["psi_sentinel"]) > 0.25
    assert psi(scenario.reference["income"], outage["income"]) == close(truth["psi_outage"])
    assert psi(scenario.reference["income"], sentinel["income"]) == close(truth["psi_sentinel"])
    assert psi(scenario.reference["income"], mended["income"]) < 0.01
    assert is_declined(outage).mean() == close(truth["decline_rate_outage"])
    assert is_declined(sentinel).mean() == close(truth["decline_rate_sentinel"])
    assert error_rate(sentinel) == close(truth["error_rate_sentinel"])
    assert (scenario.production["income"] == truth["sentinel"]).sum() == (sentinel["income"] == -999.0).sum()


def test_v7_takes_all_traffic_from_its_date_on(scenario: Scenario) -> None:
    is_v7 = scenario.production["version"] == "v7"
    assert (is_v7 == (scenario.production["timestamp"] >= TRUTH["versions"]["v7"]["from"])).all()
    rows = scenario.production[(is_v7 & (scenario.production["timestamp"] < _instant(date(2026, 8, 17)))).to_numpy()]
    assert psi(scenario.reference["score"], rows["score"]) < 0.01


def test_more_applicants_of_one_region_default_given_the_same_score(scenario: Scenario, labelled: pd.DataFrame) -> None:
    truth = EVENTS["concept_change"]
    after = between(labelled, truth["from"], lender.END)
    after = after[after["label"].notna()]
    before = scenario.reference
    here, there = after["region"] == truth["region"], after["region"] != truth["region"]
    assert is_default(before[before["region"] == truth["region"]]).mean() == close(truth["default_rate_before"])
    assert is_default(after[here]).mean() == close(truth["default_rate_after"])
    assert is_default(after[there]).mean() == close(truth["default_rate_elsewhere"])
    assert 1.5 < truth["default_rate_after"] / truth["default_rate_before"] < 1.7
    assert error_rate(after) == close(truth["error_rate_after"])
    assert auc(after) == close(truth["auc_after"])
    assert brier(after) == close(truth["brier_after"])
    assert truth["error_rate_after"] - TRUTH["quiet"]["error_rate"] > 0.012
    of_v7 = labelled[((labelled["version"] == "v7") & labelled["label"].notna()).to_numpy()]
    is_after = (of_v7["timestamp"] >= _instant(truth["from"])).to_numpy(dtype=float)
    is_here = (of_v7["region"] == truth["region"]).to_numpy(dtype=float)
    assert _added_log_odds(of_v7, is_after * is_here, is_here) > 0.4
    assert abs(_added_log_odds(of_v7, is_after * (1 - is_here), is_here)) < 0.1


def _added_log_odds(frame: pd.DataFrame, changed: NDArray[np.float64], group: NDArray[np.float64]) -> float:
    """What `changed` adds to the log-odds of default, given score and group: logistic regression, no penalty."""
    score = np.clip(frame["score"].to_numpy(), 0.001, 0.999)
    design = np.column_stack([changed, group, np.log(score / (1 - score))])
    return float(LogisticRegression(C=np.inf).fit(design, is_default(frame)).coef_[0, 0])


def test_a_cut_of_the_bureau_file_widens_the_gap_week_by_week(scenario: Scenario) -> None:
    truth = EVENTS["growing_gap"]
    before = between(scenario.production, lender.SHOCK_FROM, truth["from"])
    assert women_gap(before) == pytest.approx(truth["gap_before"], abs=0.051)
    growing = between(scenario.production, truth["from"], lender.END)
    weeks = [rows for _, rows in growing.groupby(week_names(growing["timestamp"]).to_numpy())]
    gaps = [women_gap(rows) for rows in weeks]
    assert gaps == pytest.approx(truth["gap_by_week"], abs=0.051)
    assert 0.6 < np.polyfit(np.arange(6), gaps, 1)[0] < 1.4
    assert 8.0 <= gaps[-1] <= 9.5
    for sex, moved in (("female", True), ("male", False)):
        now = weeks[-1][weeks[-1]["sex"] == sex]
        was = scenario.reference[scenario.reference["sex"] == sex]
        assert (psi(was["bureau_age_months"], now["bureau_age_months"]) > 0.1) == moved
        assert (psi(was["bureau_score"], now["bureau_score"]) > 0.03) == moved


def test_the_candidate_ranks_better_and_declines_older_applicants_who_repay(scenario: Scenario) -> None:
    truth = EVENTS["candidate"]
    champion, candidate = scenario.champion, scenario.evaluation
    assert set(candidate["version"]) == {truth["version"]}
    assert set(champion["version"]) == {truth["champion"]}
    assert len(candidate) == truth["n"]
    same = [name for name in champion.columns if name not in ("version", "score", "prediction")]
    pd.testing.assert_frame_equal(champion[same], candidate[same])
    assert auc(champion) == close(truth["auc_champion"])
    assert auc(candidate) == close(truth["auc_candidate"])
    assert 0.02 <= auc(candidate) - auc(champion) <= 0.031
    is_older = (champion["age_band"] == truth["slice"]).to_numpy()
    assert is_older.sum() == truth["n_slice"]
    for frame, name in ((champion, "champion"), (candidate, "candidate")):
        older = frame[is_older]
        assert is_declined(older)[~is_default(older)].mean() == close(truth[f"false_positive_rate_{name}"])
        assert 1 - is_declined(older).mean() == close(truth[f"approval_rate_{name}"])
        assert brier(older) == close(truth[f"brier_slice_{name}"])
    assert truth["false_positive_rate_candidate"] > truth["false_positive_rate_champion"] + 0.1
    for group in LEVELS["age_band"][:-1]:
        here = (champion["age_band"] == group).to_numpy()
        assert brier(candidate[here]) < brier(champion[here])
