"""The monitoring pages in a real browser: by clicking, on a phone, in the dark, by links, and with hostile names."""

from __future__ import annotations

import urllib.request

import pytest
from playwright.sync_api import expect

from dashboard.asgi import HEADERS
from tests.browser.conftest import StartVisit
from tests.dashboard.states import HOSTILE

pytestmark = pytest.mark.browser

PATHS = (
    "",
    "model",
    "performance",
    "drift",
    "concept",
    "control-chart",
    "fairness",
    "quality",
    "alerts",
    "alarm-policy",
    "compare",
    "lineage",
    "policies",
    "prediction",
)
NAMELESS = ("compare", "control-chart", "alerts", "alarm-policy", "policies", "prediction")
WALK = ("Drift", "Performance", "Concept", "Control charts", "Fairness", "Data quality", "Alerts")


def test_every_answer_has_the_security_headers(demo_server: str) -> None:
    for path in ("/readyz", "/", "/drift?model=credit-default", "/_stcore/health"):
        with urllib.request.urlopen(f"{demo_server}{path}") as answer:
            assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, path
            assert answer.headers.get("Access-Control-Allow-Origin") is None, path


def test_from_the_fleet_to_the_cause_by_clicking(demo_server: str, visit_again: StartVisit) -> None:
    visit = visit_again(demo_server, who="ada")
    page = visit.page
    visit.open("")
    expect(page.get_by_role("heading", name="1 of 3 models has an alarm. credit-default: AUC fell")).to_be_visible()
    visit.check()
    page.get_by_role("link", name="credit-default").click()
    expect(page.get_by_role("heading", name="credit-default", exact=True)).to_be_visible()
    visit.settled()
    assert page.url.endswith("/model?model=credit-default")
    expect(page.locator(".js-plotly-plot .shapelayer path")).not_to_have_count(0)
    drawn = page.locator(".js-plotly-plot .shapelayer path").count()
    assert drawn >= 3, "reference, end of the margin, and onset"
    expect(page.locator(".js-plotly-plot pattern")).not_to_have_count(0)  # windows whose labels are still to come
    visit.check()
    for name in WALK:
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        visit.settled()
        visit.check()
    assert len(page.context.pages) == 1, "no link opened another tab"


def test_the_model_stays_chosen_from_page_to_page(demo_server: str, visit_again: StartVisit) -> None:
    visit = visit_again(demo_server, who="ada")
    visit.open("model?model=credit-default&window=week+of+15+Jun+2026")
    tiles = visit.page.locator(".st-key-tiles")
    tiles.get_by_role("link", name="Drift").click()
    expect(visit.page.get_by_role("heading", name="Drift", exact=True)).to_be_visible()
    visit.settled()
    expect(visit.page.get_by_text("1 of 25 columns moved by more than the margin.")).to_be_visible()
    assert "?model=credit-default&window=week+of+15+Jun+2026" in visit.page.url
    visit.page.get_by_test_id("stSidebarNav").get_by_role("link", name="Fairness").click()
    expect(visit.page.get_by_role("heading", name="Fairness", exact=True)).to_be_visible()
    visit.settled()
    assert "?model=credit-default&window=week+of+15+Jun+2026" in visit.page.url


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
def test_no_page_scrolls_sideways_or_asks_another_host(
    demo_server: str, visit_again: StartVisit, width: int, theme: str
) -> None:
    visit = visit_again(demo_server, who="ada", width=width, theme=theme)
    for path in PATHS:
        visit.open(f"{path}?model=credit-default" if path else "")
        expect(visit.page.get_by_role("heading", level=1)).to_be_visible()
        for other in (1280 + 390 - width, width):
            visit.page.set_viewport_size({"width": other, "height": 900})
            visit.page.wait_for_timeout(300)
            visit.check()


def test_a_deep_link_leads_back_after_reloading(demo_server: str, visit_again: StartVisit) -> None:
    visit = visit_again(demo_server, who="ada")
    visit.open("drift?model=credit-default&window=week+of+22+Jun+2026&column=loan_amount")
    for _ in range(2):
        expect(visit.page.get_by_role("combobox", name="Model")).to_have_value("credit-default")
        expect(visit.page.get_by_role("combobox", name="Window")).to_have_value("week of 22 Jun 2026")
        expect(visit.page.get_by_role("combobox", name="Look into a column")).to_have_value("loan_amount")
        expect(visit.page.get_by_text("Week of 22 Jun 2026, n ")).to_be_visible()
        visit.page.reload()
        visit.settled()
    visit.check()


def test_what_is_chosen_goes_into_the_address_and_back(demo_server: str, visit_again: StartVisit) -> None:
    visit = visit_again(demo_server, who="ada")
    visit.open("drift?model=document-type")
    expect(visit.page.get_by_role("heading", name="No verdict: nothing is armed.")).to_be_visible()
    visit.choose("Model", "credit-default")
    visit.choose("Window", "week of 15 Jun 2026")
    expect(visit.page.get_by_text("1 of 25 columns moved by more than the margin.")).to_be_visible()
    visit.choose("Look into a column", "income")
    for part in ("model=credit-default", "window=week+of+15+Jun+2026", "column=income"):
        assert part in visit.page.url
    visit.check()


def test_a_version_and_a_prediction_are_traced_to_who_signed(demo_server: str, visit_again: StartVisit) -> None:
    visit = visit_again(demo_server, who="ines", width=390, theme="dark")
    page = visit.page
    visit.open("lineage?model=credit-default")
    expect(page.get_by_role("heading", name="v7 is in force, made from v6.")).to_be_visible()
    expect(page.locator(".js-plotly-plot .shapelayer path")).not_to_have_count(0)
    visit.check()
    visit.open("prediction?model=credit-default")
    page.get_by_label("Prediction id").fill("cd-260727-0006")
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_role("heading", name="v7 said repaid, 27 Jul 2026, 00:37:20 UTC.")).to_be_visible()
    expect(page.get_by_text("approved by otto on 1 Jul 2026")).to_be_visible()
    assert "id=cd-260727-0006" in page.url
    visit.check()


def test_the_drawer_says_how_it_is_computed(demo_server: str, visit_again: StartVisit) -> None:
    visit = visit_again(demo_server, who="ada")
    visit.open("drift?model=credit-default")
    visit.page.get_by_role("button", name="How computed").click()
    dialog = visit.page.get_by_role("dialog")
    expect(dialog.get_by_text("how far it moved")).to_be_visible()
    expect(dialog.get_by_text("12 windows, n 124,934")).to_be_visible()
    visit.check()


@pytest.mark.parametrize("path", PATHS)
def test_hostile_names_are_text_and_nothing_else(hostile_server: str, visit_again: StartVisit, path: str) -> None:
    visit = visit_again(hostile_server)
    visit.open(f"{path}?model=loans" if path else "")
    expect(visit.page.get_by_role("heading", level=1)).to_be_visible()
    visit.check()
    main = visit.page.get_by_test_id("stMain")
    assert main.locator("a[href^='javascript']").count() == 0
    assert main.locator("img[src*='evil'], script, .katex").count() == 0
    if path not in NAMELESS:  # there they are in a selector only, or none is due
        shown = main.inner_text().replace("\u2060", "")
        assert any(name in shown for name in HOSTILE), "none of the names is on the page"
