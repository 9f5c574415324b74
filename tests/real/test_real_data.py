"""Real logs go in and give what was published about them; skipped where ../shared/data is absent.

Published numbers are typed in with their source. The data sets lie beside the project, never in it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.governance.identity import LOCAL_OPERATOR as ME
from core.logs.inference import draft_schema
from core.logs.source import LogSource
from core.measure import Status
from core.performance.binary import binary_performance
from core.performance.refusal import Case
from core.record import BatchRole
from core.services.observations import Observations, Selection
from core.storage.repository import Repository
from core.workspace import Workspace

pytestmark = pytest.mark.data

CAR_LOAN = """
task = "binary"
[window]
rows = 5000
[outcome]
classes = ["0", "1"]
positive = "1"
[columns]
id = { role = "id" }
car_value = { role = "feature", type = "numeric" }
salary_range = { role = "feature", type = "categorical" }
debt_to_income_ratio = { role = "feature", type = "numeric" }
loan_length = { role = "feature", type = "numeric" }
repaid_loan_on_prev_car = { role = "feature", type = "boolean" }
size_of_downpayment = { role = "feature", type = "categorical" }
driver_tenure = { role = "feature", type = "numeric" }
timestamp = { role = "timestamp" }
y_pred_proba = { role = "score" }
y_pred = { role = "prediction" }
repaid = { role = "label" }
"""

# NannyML documentation, example notebooks for the car loan data (nannyml 0.13.1), chunks of 5,000 rows.
PUBLISHED_JS = [0.031661, 0.030011, 0.031129, 0.029464, 0.030809, 0.028681, 0.043628, 0.029253, 0.030628, 0.028330]
PUBLISHED_AUC = [0.970962, 0.970248, 0.976282, 0.967721, 0.969886, 0.960050, 0.958530, 0.959041, 0.963094, 0.957556]
PUBLISHED_ACCURACY = [0.9422, 0.9422, 0.9502, 0.9436, 0.9410, 0.9146, 0.9156, 0.9144, 0.9224, 0.9122]
PUBLISHED_RECALL = [0.930394, 0.923922, 0.938246, 0.925060, 0.927577, 0.905086, 0.899010, 0.901718, 0.906124, 0.905823]
ESTIMATED_AUC = [0.970744, 0.971011, 0.971407, 0.971091, 0.971123, 0.961090, 0.961825, 0.961073, 0.962533, 0.961316]
ESTIMATED_ACCURACY = [
    *(0.941792, 0.943321, 0.945492, 0.944816, 0.944645),
    *(0.910714, 0.911149, 0.911193, 0.914389, 0.911731),
]
CHANGED = {"car_value", "salary_range", "loan_length", "repaid_loan_on_prev_car", "y_pred_proba"}


@pytest.fixture(scope="module")
def car_loan(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace.open(tmp_path_factory.mktemp("car"))
    workspace.models.add(ME, "car", CAR_LOAN)
    folder = shared_data / "nannyml_car_loan"
    workspace.records.add(ME, "car", [folder / "synthetic_car_loan_reference.csv.gz"], role=BatchRole.REFERENCE)
    workspace.records.add(ME, "car", [folder / "synthetic_car_loan_analysis.csv.gz"])
    workspace.profiles.refresh(ME, "car")
    return workspace


def test_before_labels_come_performance_is_undefined_with_the_reason(car_loan: Workspace) -> None:
    report = car_loan.analysis.performance(ME, "car")
    assert report is not None
    accuracy = report.measure("accuracy")
    assert accuracy is not None
    assert (accuracy.value, accuracy.status) == (None, Status.UNDEFINED)
    assert accuracy.why == "None of the 5,000 rows has a label."


def test_before_labels_come_the_estimates_are_those_published(car_loan: Workspace) -> None:
    report = car_loan.analysis.estimates(ME, "car")
    assert report is not None
    assert not any(report.refusals)
    assert report.coverage("roc_auc") == (0, 0)
    for name, published in (("roc_auc", ESTIMATED_AUC), ("accuracy", ESTIMATED_ACCURACY)):
        assert [m.value for m in report.series(name)] == pytest.approx(published, abs=0.002), name


def test_f1_of_the_references_chunks_gives_the_published_limits(car_loan: Workspace) -> None:
    with car_loan.analysis.database.read() as session:
        found = Observations.load(session, Repository(session).model("car"), Selection())
    keys = [window.window.key for window in found.context.reference_windows]
    chunks = [found.outcomes_of([key], of_reference=True) for key in keys]
    f1 = [next(m.value for m in binary_performance(chunk) if m.measure == "f1") for chunk in chunks]
    middle, spread = float(np.mean(f1)), float(np.std(f1))
    assert (round(middle - 3 * spread, 5), round(middle + 3 * spread, 5)) == (0.93466, 0.95085)


def test_targets_come_late_chunk_by_chunk_and_what_was_estimated_is_confirmed_or_taken_back(
    car_loan: Workspace, shared_data: Path, tmp_path: Path
) -> None:
    """The scores' meaning moves with the inputs in chunk 5: recall falls by 2 points less than scores alone say."""
    targets = pd.read_csv(shared_data / "nannyml_car_loan" / "synthetic_car_loan_analysis_target.csv.gz")
    alarmed: set[int] = set()
    for chunk in range(10):
        file = tmp_path / f"targets-{chunk}.csv"
        targets.iloc[chunk * 5_000 : (chunk + 1) * 5_000].to_csv(file, index=False)
        before = car_loan.analysis.estimates(ME, "car").series("accuracy")[chunk]
        assert (before.value is None) == (chunk > 5), chunk
        [outcome] = car_loan.labels.add(ME, "car", [file])
        assert (outcome.n_rows, outcome.n_matched) == (5_000, 5_000)
        car_loan.profiles.refresh(ME, "car")
        found = car_loan.analysis.analyse(ME, "car")
        names = [window.name for window in found.context.windows]
        alarmed |= {names.index(m.window) for m in found.findings if m.family == "performance"}
        assert min(alarmed, default=5) == 5, chunk
        assert max(alarmed, default=-1) <= chunk
    assert alarmed == {5, 6, 7, 8, 9}
    report = car_loan.analysis.performance(ME, "car")
    assert report is not None
    assert [round(m.value or 0, 6) for m in report.series("roc_auc")] == PUBLISHED_AUC
    assert [round(m.value or 0, 4) for m in report.series("accuracy")] == PUBLISHED_ACCURACY
    assert [round(m.value or 0, 6) for m in report.series("recall")] == PUBLISHED_RECALL
    estimates = car_loan.analysis.estimates(ME, "car")
    for place, of_window in enumerate(estimates.refusals):
        if place < 5:  # recall's record of misses may begin with one by chance, before those that follow the change
            assert {refusal.measures for refusal in of_window} <= {("estimated_recall",)}, place
        else:
            assert [refusal.case for refusal in of_window] == [Case.CONCEPT_CHANGED], place
    checked = {name: estimates.coverage(name) for name in ("roc_auc", "accuracy", "recall")}
    assert {known for _, known in checked.values()} == {6}, "the change itself came unannounced, in chunk 5"
    # Of 5 chunks before it, each held with a chance of 95%, fewer than 4 are held in 1 of 44.
    assert min(held for held, _ in checked.values()) >= 4


def test_jensen_shannon_in_nannymls_convention_is_what_it_prints(car_loan: Workspace) -> None:
    windows = car_loan.analysis.context(ME, "car").windows
    found = []
    for window in windows:
        report = car_loan.analysis.drift(ME, "car", Selection(window=window.name), columns=["debt_to_income_ratio"])
        found.append(round(report.columns[0].conventions["nannyml.jensen_shannon"], 6))
    assert found == PUBLISHED_JS


def test_the_known_columns_alarm_from_the_known_chunk_on_and_nothing_before(car_loan: Workspace) -> None:
    analysis = car_loan.analysis.analyse(ME, "car")
    alarmed: dict[int, set[str]] = {place: set() for place in range(10)}
    names = [window.name for window in analysis.context.windows]
    for measure in analysis.findings:
        if measure.family == "data_drift":
            alarmed[names.index(measure.window)].add(measure.column)
    assert all(not alarmed[place] for place in range(5))
    assert all(alarmed[place] == CHANGED for place in range(5, 10))


# propublica/compas-analysis, "Compas Analysis.ipynb", on all 7,214 rows; label two_year_recid, prediction not "Low".
COMPAS_COUNTS = {
    "African-American": (990, 805, 532, 1369),
    "Caucasian": (1139, 349, 461, 505),
    "Hispanic": (318, 87, 129, 103),
    "Other": (208, 36, 90, 43),
    "Asian": (21, 2, 3, 6),
    "Native American": (5, 3, 1, 9),
}
COMPAS_RATES = {"African-American": (44.85, 27.99), "Caucasian": (23.45, 47.72)}


def test_compas_gives_propublicas_error_rates_by_race(shared_data: Path, tmp_path: Path) -> None:
    file = shared_data / "compas" / "compas_for_aequitas.csv"
    workspace = Workspace.open(tmp_path / "w")
    workspace.models.add(
        ME, "compas", draft_schema(LogSource.open(file)).to_toml().replace("rows = 200", "rows = 8000")
    )
    assert workspace.records.add(ME, "compas", [file], role=BatchRole.REFERENCE)[0].n_rows == 7214
    workspace.profiles.refresh(ME, "compas")
    report = workspace.analysis.fairness(ME, "compas")
    assert report is not None
    assert report.context.shows_reference
    rates = report.attribute("race").rates
    by_group = {rate: {r.group: r for r in rates.of(rate)} for rate in ("false_positive_rate", "false_negative_rate")}
    selected = {r.group: r for r in rates.of("selection_rate")}
    for group, (tn, fp, fn, tp) in COMPAS_COUNTS.items():
        positive, negative = by_group["false_negative_rate"][group], by_group["false_positive_rate"][group]
        assert (negative.k, negative.n, positive.k, positive.n) == (fp, fp + tn, fn, fn + tp)
        assert (selected[group].k, selected[group].n) == (fp + tp, tn + fp + fn + tp)
    for group, (fpr, fnr) in COMPAS_RATES.items():
        assert round(100 * by_group["false_positive_rate"][group].value, 2) == fpr
        assert round(100 * by_group["false_negative_rate"][group].value, 2) == fnr
    overall = {m.measure: m.value for m in report.attribute("race").measures if m.segment == ""}
    # fairlearn 0.15.0 on the six races: demographic parity, equal opportunity, predictive equality, accuracy.
    assert overall["selection_rate_difference"] == pytest.approx(0.4571175950, abs=1e-9)
    assert overall["selection_rate_ratio"] == pytest.approx(0.3143236074, abs=1e-9)
    assert overall["true_positive_rate_difference"] == pytest.approx(0.5766917293, abs=1e-9)
    assert overall["true_positive_rate_ratio"] == pytest.approx(0.3592314119, abs=1e-9)
    assert overall["false_positive_rate_difference"] == pytest.approx(0.3615114448, abs=1e-9)
    assert overall["accuracy_difference"] == pytest.approx(0.2054924242, abs=1e-9)
    performance = {m.measure: m for m in workspace.analysis.performance(ME, "compas").trend[0]}
    assert performance["accuracy"].value == pytest.approx(0.653729, abs=5e-7)
    assert performance["precision"].value == pytest.approx(0.613506, abs=5e-7)
    assert performance["roc_auc"].why == "The model logs no score."
    workspace.close()


@pytest.mark.parametrize(
    ("name", "n"), [("adult/adults.parquet", 48_842), ("german_credit/german_credit_uci_codes.csv", 1_000)]
)
def test_a_proposed_schema_takes_every_row_without_an_edit(
    shared_data: Path, tmp_path: Path, name: str, n: int
) -> None:
    file = shared_data / name
    proposal = draft_schema(LogSource.open(file)).to_toml()
    workspace = Workspace.open(tmp_path / "w")
    info = workspace.models.add(ME, "m", proposal)
    outcome = workspace.records.add(ME, "m", [file], role=BatchRole.REFERENCE)[0]
    assert (outcome.n_rows, outcome.n_rejected, outcome.error) == (n, 0, None)
    assert info.schema.protected
    decisions = [line for line in proposal.splitlines() if "# DECIDE" in line]
    assert [line.split(" = ")[0] for line in decisions] == ["positive", "favourable"]
    workspace.close()


@pytest.mark.parametrize("name", ["elec2", "weather", "bike", "titanic"])
def test_sets_without_a_score_go_in_and_say_what_is_undefined(stream_folder: Callable[[str], Path], name: str) -> None:
    workspace = Workspace.open(stream_folder(name))
    assert workspace.analysis.drift(ME, name).columns
    performance = workspace.analysis.performance(ME, name)
    named = [m for m in performance.measures if m.value is None]
    assert named
    assert all(m.why for m in named)
    assert workspace.analysis.concept(ME, name) is not None
    assert workspace.analysis.fairness(ME, name) is not None
    assert workspace.charts.overview(ME, name)
    assert workspace.analysis.analyse(ME, name).measures
    workspace.close()
