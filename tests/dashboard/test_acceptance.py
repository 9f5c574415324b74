"""From an alert to the proposal that accepts it as harmless, and what its reviewer sees."""

from __future__ import annotations

from datetime import date

from streamlit.testing.v1 import AppTest

from core.governance.identity import LOCAL_OPERATOR
from core.workspace import Workspace
from tests.dashboard.conftest import FolderOf, OpenPage
from tests.dashboard.shown import linked, words
from tests.dashboard.states import MODEL

SERIES = "values/amount"


def fill(page: AppTest, sd: float, points: float) -> AppTest:
    """Ask for a margin, with a reason."""
    page.selectbox(key=f"propose_series_{MODEL}_1").set_value(SERIES).run()
    page.number_input(key=f"propose_sd_{MODEL}_1_{SERIES}").set_value(sd)
    page.number_input(key=f"propose_points_{MODEL}_1_{SERIES}").set_value(points)
    page.text_area(key="propose_reason").set_value("A new market.")
    return page.button(key="propose").click().run()


def test_an_alert_leads_to_a_proposal_to_accept_it_whose_evidence_is_told_in_words(
    open_page: OpenPage, copy_of: FolderOf
) -> None:
    folder = copy_of("drifted")
    page = open_page("alerts", folder, alert="1")
    assert ("reviews", f"model={MODEL}&kind=accept_drift&alert=1") in linked(page)
    page = open_page("reviews", folder, model=MODEL, kind="accept_drift", alert="1")
    assert not page.exception
    assert "Widens the margin of one series of an alert" in words(page)
    fill(page, 0.0, 0.0)
    assert "is no wider than that in force" in page.error[0].value.replace("\\", "")
    fill(page, 3.0, 60.0)
    assert not page.exception, page.exception
    assert not page.error
    space = Workspace.open(folder)
    (found,) = space.proposals.list(LOCAL_OPERATOR)
    space.close()
    assert found.arguments == {"alert": 1, "series": SERIES, "margin": {"sd": 3.0, "points": 0.6}}
    page = open_page("review", folder, proposal=str(found.id))
    shown = words(page)
    assert not page.exception
    assert "Accept values/amount of loans as harmless" in shown.replace("\\", "")
    for part in ("What moved, and by how much?", "What happened in the same windows?", "Margin asked for"):
        assert part in shown, part
    assert "Performance held in the same windows" in shown
    assert "Gaps between groups held in the same windows" in shown


def test_another_reference_is_asked_for_by_its_days_and_shown_beside_that_in_force(
    open_page: OpenPage, copy_of: FolderOf
) -> None:
    folder = copy_of("drifted")
    page = open_page("reviews", folder, model=MODEL, kind="rebaseline")
    assert "Holds windows against another period of production" in words(page)
    page.text_area(key="propose_reason").set_value("Here to stay.")
    page.button(key="propose").click().run()
    assert "needs its period" in page.error[0].value
    page.date_input(key=f"propose_period_{MODEL}").set_value((date(2026, 1, 9), date(2026, 1, 12)))
    page.button(key="propose").click().run()
    assert not page.exception
    assert not page.error, page.error[0].value
    page = open_page("review", folder, proposal="1")
    assert not page.exception
    shown = words(page)
    assert "would be the reference: 2026-01-09 to 2026-01-12" in shown.replace("\\", "")
    assert "Nothing was in alarm in the period" in shown
    assert "the monitor would learn what is in alarm as normal" in shown.lower()
    assert "What would windows be held against?" in shown
