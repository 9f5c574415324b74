"""Every page opens on real sets without an error, and says what is undefined and why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dashboard.conftest import OpenPage
from tests.dashboard.shown import markdown, words

pytestmark = pytest.mark.data

VIEWS = ("fleet", "model", "performance", "drift", "concept", "control_chart", "fairness", "data")
NO_SCORE, NEITHER = "AUC is undefined. The model logs no score.", "The model logs neither a score nor a prediction"
NO_ERROR, NO_GROUP = "no row with both a prediction and a label", "declares no protected attribute."
REASONS = {
    "titanic": {
        "performance": NO_SCORE,
        "concept": NEITHER,
        "control_chart": NO_ERROR,
        "fairness": "No gap can be told. No group has a selection rate.",
    },
    "elec2": {"performance": NO_SCORE, "concept": NEITHER, "control_chart": NO_ERROR, "fairness": NO_GROUP},
    "weather": {"performance": NO_SCORE, "concept": NEITHER, "control_chart": NO_ERROR, "fairness": NO_GROUP},
    "bike": {
        "performance": "MAE is undefined. None of the 742 labelled rows has a prediction.",
        "concept": "The reference holds no predicted value",
        "control_chart": "A regression has no classes: its error rate and selection rate are undefined.",
        "fairness": NO_GROUP,
    },
}


@pytest.mark.parametrize("name", REASONS)
@pytest.mark.parametrize("view", VIEWS)
def test_a_page_opens_on_a_real_set_and_says_what_is_undefined_and_why(
    open_page: OpenPage, stream_folder: Callable[[str], Path], view: str, name: str
) -> None:
    page = open_page(view, stream_folder(name), model=name)
    assert not page.exception
    assert page.title
    reason = REASONS[name].get(view)
    if reason:
        assert reason in words(page)
        undefined = [text for text in markdown(page) if ":material/block: Undefined" in text]
        assert undefined or reason == NO_GROUP or (view, name) == ("control_chart", "bike")
    elif view == "model":
        assert [text for text in markdown(page) if ":material/block: Undefined" in text]
