"""Estimates that need whole rows or groups: a regression's losses, rows of one score, gaps, several classes."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from core.errors import UnknownNameError
from core.governance.identity import LOCAL_OPERATOR
from core.performance.refusal import Case
from core.record import BatchRole
from core.services.estimate_report import EstimateReport
from core.services.observations import Selection
from tests.watched import DAY_0, MODEL, SCHEMA, Watched, a_day, day_name, opened

A_DAY = 150
HEADER = ("id", "at", "x", "z", "predicted", "truth")
REGRESSION = """
task = "regression"
timezone = "UTC"
version = "v1"
[window]
every = "day"
[labels]
delay_days = 1
[columns]
id = { role = "id" }
at = { role = "timestamp" }
x = { role = "feature", type = "numeric" }
z = { role = "feature", type = "numeric" }
predicted = { role = "prediction" }
truth = { role = "label" }
"""


def estimates(watched: Watched, **selection: str) -> EstimateReport:
    watched.update()
    found = watched.workspace.analysis.estimates(LOCAL_OPERATOR, MODEL, Selection(**selection))
    assert found is not None
    return found


def cases(found: EstimateReport) -> list[list[Case]]:
    return [[refusal.case for refusal in of_window] for of_window in found.refusals]


def numbers(day: int, *, moved: float = 0.0, labels: bool = True) -> list[list[object]]:
    """A day of a regression whose errors spread with x."""
    rng = np.random.default_rng(500 + day)
    x, z = rng.normal(moved, 1, A_DAY), rng.normal(0, 1, A_DAY)
    predicted = 10 + x + z
    truth = predicted + np.exp(0.4 * x) * rng.normal(0, 1, A_DAY)
    at = [(DAY_0 + timedelta(days=day + i / A_DAY)).isoformat() for i in range(A_DAY)]
    shown = truth.round(4).tolist() if labels else [""] * A_DAY
    columns = (at, x.round(4).tolist(), z.round(4).tolist(), predicted.round(4).tolist(), shown)
    return [[f"{day}-{i}", *row] for i, row in enumerate(zip(*columns, strict=True))]


def regression(folder: Path, *, labelled: int = 8, rows: str = "") -> Watched:
    watched = opened(folder)
    watched.workspace.models.add(LOCAL_OPERATOR, MODEL, REGRESSION.replace("[labels]", f"{rows}[labels]"))
    reference = [row for day in range(-8, 0) for row in numbers(day, labels=day >= -labelled)]
    watched.take_in(reference, header=HEADER, role=BatchRole.REFERENCE)
    return watched


def test_losses_of_a_regression_are_expected_and_withheld_where_its_inputs_are_others(tmp_path: Path) -> None:
    watched = regression(tmp_path)
    moved = (0.0, 0.0, 0.5, 4.0)
    watched.take_in([row for d in range(4) for row in numbers(d, moved=moved[d], labels=d < 3)], header=HEADER)
    found = estimates(watched)
    assert cases(found) == [[], [], [], [Case.OTHER_INPUTS]]
    mae = [m.value for m in found.series("mae")]
    assert mae[2] > max(mae[:2]), "inputs that are harder"
    assert mae[3] is None
    held, known = found.coverage("mae")
    assert (known, held >= 2) == (3, True)
    assert "1,200 sampled rows" in found.series("mae")[0].convention
    watched.update()
    again = estimates(watched)
    assert again.series("mae") == found.series("mae"), "what was made once stays"
    of_version = estimates(watched, version="v1")
    assert of_version.why == "Losses are expected of all sampled rows, not of a segment's or a version's."


def test_a_regression_without_rows_or_labels_at_hand_says_so(tmp_path: Path) -> None:
    without_rows = regression(tmp_path / "a", rows="[sample]\nrows = 0\n")
    without_rows.take_in(numbers(0), header=HEADER)
    assert estimates(without_rows).why.startswith("No row is kept at hand to expect losses from")
    without_labels = regression(tmp_path / "b", labelled=1)
    without_labels.take_in(numbers(0), header=HEADER)
    assert (
        "200 sampled rows of the reference with a label and a prediction; it has 150" in estimates(without_labels).why
    )


def mixed(folder: Path, *, n: int = 300) -> Watched:
    """A model of which rows are kept, and which has an attribute."""
    schema = SCHEMA.replace("[sample]\nrows = 0\n", "").replace(
        'colour = { role = "feature", type = "categorical" }',
        'colour = { role = "attribute", type = "categorical", protected = true }',
    )
    watched = opened(folder)
    watched.workspace.models.add(LOCAL_OPERATOR, MODEL, schema)
    watched.take_in([row for day in range(-8, 0) for row in a_day(day, n=n)], role=BatchRole.REFERENCE)
    return watched


def test_rows_of_one_score_that_are_other_rows_are_weighted_or_refused(tmp_path: Path) -> None:
    """Amounts have nothing to do with the score: moved, they are other rows of the same scores."""
    watched = mixed(tmp_path)
    for day, up in enumerate((0.0, 1.0, 6.0)):
        watched.take_in(a_day(day, n=300, up=up))
    found = estimates(watched)
    assert cases(found) == [[], [], [Case.SHIFT_WITHIN_SCORE]]
    conventions = [m.convention for m in found.series("accuracy")]
    assert ["weighted to look like" in words for words in conventions[:2]] == [False, True]
    assert all(m.interval is not None for m in found.series("accuracy")[:2])
    [refusal] = found.refusals[2]
    assert "the reference is worth" in refusal.words
    assert "fewer than 200" in refusal.words
    of_version = estimates(watched, version="v1")
    assert cases(of_version) == [[], [Case.SHIFT_WITHIN_SCORE], [Case.SHIFT_WITHIN_SCORE]]
    assert of_version.refusals[1][0].words.endswith("weights that make up for it are of all rows only.")


def test_gaps_between_groups_are_estimated_checked_and_withheld_group_by_group(tmp_path: Path) -> None:
    watched = mixed(tmp_path, n=900)
    for day in range(4):
        watched.take_in(a_day(day, n=1_200, violet=0.2 if day == 3 else 0.0, labels=day < 3))
    watched.update()
    found = watched.workspace.analysis.estimated_gaps(LOCAL_OPERATOR, MODEL, "colour")
    assert {group.group for group in found.groups} == {"red", "green", "blue", "(new groups)"}
    for group in found.groups:
        if group.group == "(new groups)":
            assert cases(group.report)[3] == [Case.THIN_SUPPORT]
            assert "of the group's rows lie where the reference has fewer" in group.report.refusals[3][0].words
            continue
        gap = group.measure("accuracy_difference", 0)
        assert gap.interval.low < 0 < gap.interval.high, "colours don't matter"
        checked = [group.report.coverage(name, group.group) for name, _ in group.report.keys]
        assert {known for _, known in checked} == {3}, group.report.refusals
        # Of three days that share one reference nearly all miss together: how often is for the bench to say.
        assert sum(held for held, _ in checked) >= 0.6 * sum(known for _, known in checked)
        assert group.measure("accuracy").value is not None
        gap = group.measure("accuracy_difference")
        assert gap.value is None, "a fifth of the others is of a group that the reference lacks"
        assert "of the rows of all others lie where the reference has too few" in gap.why
    with pytest.raises(UnknownNameError):
        watched.workspace.analysis.estimated_gaps(LOCAL_OPERATOR, MODEL, "size")
    chosen = watched.workspace.analysis.estimated_gaps(LOCAL_OPERATOR, MODEL, "colour", Selection(window=day_name(2)))
    assert chosen.place == 2


def test_several_classes_are_estimated_and_none_without_their_scores(tmp_path: Path) -> None:
    classes = ("a", "b", "c")
    header = ("id", "at", *classes, "decision", "outcome")
    columns = "\n".join(f'{name} = {{ role = "score", class = "{name}" }}' for name in classes)
    schema = f"""
task = "multiclass"
timezone = "UTC"
version = "v1"
[window]
every = "day"
[sample]
rows = 0
[labels]
delay_days = 1
[outcome]
classes = ["a", "b", "c"]
[columns]
id = {{ role = "id" }}
at = {{ role = "timestamp" }}
decision = {{ role = "prediction" }}
outcome = {{ role = "label" }}
{columns}
"""

    def day(number: int, n: int = 300) -> list[list[object]]:
        rng = np.random.default_rng(700 + number)
        score = softmax(rng.normal(0, 1.2, (n, 3)), axis=1).round(2)
        score[:, 2] = (1 - score[:, 0] - score[:, 1]).round(2)
        label = (rng.random((n, 1)) > np.cumsum(score, axis=1)[:, :2]).sum(axis=1)
        return [
            [
                f"{number}-{i}",
                (DAY_0 + timedelta(days=number + i / n)).isoformat(),
                *score[i].tolist(),
                classes[score[i].argmax()],
                classes[label[i]],
            ]
            for i in range(n)
        ]

    watched = opened(tmp_path / "all")
    watched.workspace.models.add(LOCAL_OPERATOR, MODEL, schema)
    watched.take_in([row for d in range(-8, 0) for row in day(d)], header=header, role=BatchRole.REFERENCE)
    watched.take_in([row for d in range(5) for row in day(d)], header=header)
    found = estimates(watched)
    assert found.names[:2] == ("accuracy", "balanced_accuracy")
    assert ("recall", "b") in found.keys
    checked = [found.coverage(*key) for key in found.keys]
    assert {known for _, known in checked} == {4}, found.refusals
    assert sum(held for held, _ in checked) >= 0.8 * sum(known for _, known in checked)
    bare = opened(tmp_path / "bare")
    lacks = re.sub('role = "score", class = "."', 'role = "ignore"', schema)
    bare.workspace.models.add(LOCAL_OPERATOR, MODEL, lacks)
    bare.take_in([row for d in range(-8, 0) for row in day(d)], header=header, role=BatchRole.REFERENCE)
    bare.take_in(day(0), header=header)
    assert estimates(bare).why == "The model logs no score for each class to estimate from."
