"""A frozen comparison of any task, with any number of rows and any names, can be read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.compare.comparison import compare
from core.compare.rows import Predictions
from core.governance.evidence import Evidence
from core.schema import Task
from tests.conftest import NOW
from tests.dashboard.signing import HOSTILE, assert_escaped, words

CLASSES = ("invoice", "letter", HOSTILE)


def evidence(task: Task, n: int, **more: Any) -> dict[str, Any]:
    """What a promotion's evidence holds, read back from its canonical JSON."""
    rng = np.random.default_rng(n)
    if task is Task.REGRESSION:
        label = rng.normal(1000, 200, n)
        said = [Predictions(prediction=label + rng.normal(0, width, n)) for width in (80, 50)]
    else:
        classes = CLASSES if task is Task.MULTICLASS else CLASSES[:2]
        label = rng.choice(np.array(classes, dtype=object), n)
        said = [
            Predictions(prediction=np.where(rng.random(n) < skill, label, classes[0]).astype(object))
            for skill in (0.7, 0.9)
        ]
        more = {"classes": classes, "favourable": classes[1], **more}
    result = compare(label, *said, task=task, **more).to_dict()
    report = {"champion": "v1", "candidate": HOSTILE, "rows_from": [HOSTILE], "why": "All rows.", "result": result}
    held: dict[str, Any] = Evidence.freeze(report, [], now=NOW).report
    return held


def page(compared: dict[str, Any]) -> AppTest:
    """The three parts of a review that tell of a comparison."""

    def show(compared: dict) -> None:  # its source is run by itself, so it names nothing from outside
        from dashboard.components.review_comparison import show_differences, show_groups, show_slices

        show_differences(compared)
        show_groups(compared["result"])
        show_slices(compared["result"]["slices"])

    return AppTest.from_function(show, kwargs={"compared": compared}, default_timeout=60).run()


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("n", [0, 1, 25, 600])
def test_every_task_with_any_number_of_rows_can_be_read(task: Task, n: int) -> None:
    group = np.array([HOSTILE, "b", None] * n, dtype=object)[:n]
    shown = page(evidence(task, n, groups={HOSTILE: group}, protected=[HOSTILE]))
    assert not shown.exception
    assert_escaped(shown)
    if n < 30:
        assert ":green-badge" not in words(shown)
        assert ":red-badge" not in words(shown)


def test_without_groups_the_page_does_not_call_it_fair() -> None:
    text = words(page(evidence(Task.BINARY, 600)))
    assert "No protected attribute is declared: nothing is known of groups. That is no absence of gaps." in text
    assert "No column to slice by." in text


def test_the_units_of_a_regression_are_those_of_its_label() -> None:
    text = words(page(evidence(Task.REGRESSION, 600)))
    assert "**MAE**" in text
    assert "MSE" in text
    assert "Mean error" in text
    assert "pp" not in text
