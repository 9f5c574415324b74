"""The Review page shows what a change rests on, lets those decide who may, and says why others can't."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.governance.identity import ANONYMOUS, LOCAL_OPERATOR, WORKER
from core.governance.ledger import Receipt
from core.governance.proposals import Move, ProposalKind
from core.record import BatchRole
from core.workspace import Workspace
from tests.builders import SCHEMA, rows, write_csv
from tests.dashboard.reviewing import DRAFT, FAIR, FIRST, OTHER_MODEL, RETRAINING, UNFAIR, opened
from tests.dashboard.reviewing import proposal as state_of
from tests.dashboard.signing import (
    HOSTILE,
    MODEL,
    OpenAs,
    actor,
    assert_escaped,
    codes,
    elements,
    links,
    submit,
    words,
)


def choose(page: AppTest, move: Move, reason: str) -> AppTest:
    """Fill in the decision form and sign."""
    page.radio[0].set_value(move)
    next(area for area in page.text_area if area.key.startswith("reason-")).set_value(reason)
    return submit(page, "Sign")


def other(page: AppTest, what: str, reason: str) -> AppTest:
    """Fill in the form of a move besides deciding."""
    next(area for area in page.text_area if area.key.startswith(f"{what}-")).set_value(reason)
    return next(b for b in page.button if b.key and b.key.startswith(f"FormSubmitter:{what}-")).click().run()


def row_of(page: AppTest, title: str) -> str:
    """The line of one check."""
    table = next(
        e.value for e in elements(page) if e.type in ("table", "arrow_table") and "Rests on" in e.value.columns
    )
    return next(" ".join(row) for row in table.to_numpy().tolist() if title in row[1])


@pytest.mark.parametrize(
    "address", [{}, {"proposal": "x"}, {"proposal": "9" * 40}, {"proposal": "-1"}, {"proposal": "77"}]
)
def test_an_address_without_a_proposal_leads_back_to_the_list(
    open_as: OpenAs, reviewed_folder: Path, address: dict[str, str]
) -> None:
    page = open_as("ines", "review", reviewed_folder, **address)
    assert not page.exception
    assert "There is no such proposal." in words(page)
    assert any(target.endswith("reviews") for target, _ in links(page))


def test_a_group_that_gets_worse_fails_a_check_and_leads_the_page(open_as: OpenAs, reviewed_folder: Path) -> None:
    page = open_as("ines", "review", reviewed_folder, proposal=str(UNFAIR))
    assert not page.exception
    text = words(page)
    assert "Promote loans v2" in text
    assert "checks fail." in text
    assert ":red-badge[:material/error: Checks fail]" in text
    assert ":red-badge[:material/close: Fail]" in row_of(page, "No group gets worse")
    assert ":red-badge[:material/close: Fail]" in row_of(page, "No slice is found worse")
    assert "however often one looks: of " in text
    assert "Do rows that no search saw confirm it?" in text
    assert ":green-badge[:material/check: Pass]" in row_of(page, "The evidence is fresh")
    assert ":gray-badge[:material/hourglass_empty: Can't tell]" in row_of(page, "made from").replace("\u00a0", " ")
    assert "It replaces v1." in text


def test_every_figure_of_a_comparison_has_words_and_numbers(open_as: OpenAs, reviewed_folder: Path) -> None:
    page = open_as("ines", "review", reviewed_folder, proposal=str(UNFAIR))
    figures = page.get("plotly_chart")
    assert len(figures) == 2
    for figure in figures:
        assert json.loads(figure.proto.spec)["data"]
        assert "Candidate minus champion in units of each margin" in figure.proto.alt
    text = words(page)
    assert "decisions change" in text
    assert "n 1,500, higher is better" in text
    page.button_group(key="group_measure").set_value("selection_rate").run()
    assert not page.exception
    assert "Neither is better" in words(page)


def test_hostile_names_reasons_and_comments_are_shown_letter_by_letter(open_as: OpenAs, reviewed_folder: Path) -> None:
    for number in (UNFAIR, FAIR, RETRAINING, DRAFT):
        page = open_as("ines", "review", reviewed_folder, proposal=str(number))
        assert not page.exception
        assert_escaped(page)


def test_a_candidate_says_what_it_was_made_from(open_as: OpenAs, reviewed_folder: Path) -> None:
    page = open_as("ines", "review", reviewed_folder, proposal=str(FAIR))
    text = words(page)
    assert "What was v3 made from?" in text
    assert "linear, calibration none" in text
    assert "1,200 of 2,300" in text
    assert f"incident {HOSTILE}" in text
    assert "Asked, and left out nothing: shadow traffic." in text
    assert ":green-badge[:material/check: Pass]" in row_of(page, "It is known what it was made from")


def test_the_first_promotion_has_nothing_to_be_compared_with_and_is_not_green(
    open_as: OpenAs, reviewed_folder: Path
) -> None:
    page = open_as("otto", "review", reviewed_folder, proposal=str(FIRST))
    assert not page.exception
    text = words(page)
    assert "No version is in force: there is nothing to compare with." in text
    assert ":gray-badge[:material/hourglass_empty: Can't be told]" in text
    assert ":green-badge[:material/check: Pass]" not in text
    assert not page.get("plotly_chart")
    assert "Approved by **ines**" in text
    assert ("job=proposal-1-1") in [query for _, query in links(page)]


def test_a_retraining_shows_monitoring_recipe_and_what_it_may_not_learn_from(
    open_as: OpenAs, reviewed_folder: Path
) -> None:
    page = open_as("otto", "review", reviewed_folder, proposal=str(RETRAINING))
    assert not page.exception
    text = words(page)
    for said in (
        "It may not learn from",
        "3 Jan 2026, 00:00 UTC",
        "the recipe of this proposal",
        "What does monitoring say?",
    ):
        assert said in text
    assert any('estimator = "linear"' in code for code in codes(page))
    for family in ("Performance", "Fairness", "Concept drift", "Data drift", "Data quality"):
        assert f"**{family}**" in text


def test_the_evidence_is_named_dated_and_can_be_taken_away(open_as: OpenAs, reviewed_folder: Path) -> None:
    page = open_as("vera", "review", reviewed_folder, proposal=str(FAIR))
    space = opened(reviewed_folder)
    sha256 = space.proposals.show(actor("vera"), FAIR).evidence_sha256
    space.close()
    assert sha256 in codes(page)
    text = words(page)
    assert "Digests as registered: all" in text
    assert page.get("download_button")
    page.button(key=f"deep-{FAIR}").click().run()
    assert not page.exception
    assert "The files were read anew just now: all" in words(page)


def test_a_file_that_was_altered_is_found_when_the_files_are_read_anew(open_as: OpenAs, reviewed_copy: Path) -> None:
    page = open_as("ines", "review", reviewed_copy, proposal=str(FAIR))
    assert "changed since" not in words(page)
    for file in (reviewed_copy / "records").rglob("*.parquet"):
        file.chmod(0o644)
        file.write_bytes(file.read_bytes() + b"x")
    page.button(key=f"deep-{FAIR}").click().run()
    assert not page.exception
    assert "changed since" in words(page)
    choose(page, Move.APPROVE, "fine")
    assert "The evidence is stale" in page.error[0].value.replace("\\", "")
    assert state_of(reviewed_copy, FAIR)[0] == "open"


def test_altered_evidence_is_told_and_nothing_can_be_approved_on_it(open_as: OpenAs, reviewed_copy: Path) -> None:
    database = sqlite3.connect(reviewed_copy / "plumbline.db")
    for (trigger,) in database.execute(
        "select name from sqlite_master where type = 'trigger' and tbl_name = 'evidence'"
    ):
        database.execute(f'drop trigger "{trigger}"')
    database.execute("update evidence set content = replace(content, 'v2', 'v9')")
    database.commit()
    database.close()
    page = open_as("ines", "review", reviewed_copy, proposal=str(UNFAIR))
    assert not page.exception
    text = words(page)
    assert "was altered" in text
    assert "The evidence can't be read." in text
    assert Move.APPROVE not in page.radio[0].options
    assert not page.get("plotly_chart")


def test_who_asked_cannot_approve_and_is_told_who_can(open_as: OpenAs, reviewed_copy: Path) -> None:
    space = opened(reviewed_copy)
    asked = space.proposals.open(actor("ines"), MODEL, ProposalKind.RETIRE, "v1", reason="the end.").proposal
    space.close()
    page = open_as("ines", "review", reviewed_copy, proposal=str(asked.id))
    assert not page.exception
    text = words(page)
    assert "You asked for this: you cannot approve it." in text
    assert "otto can." in text
    assert not page.radio
    page = open_as("otto", "review", reviewed_copy, proposal=str(asked.id))
    assert page.radio[0].options == ["Approve", "Request changes", "Reject"]


@pytest.mark.parametrize(
    ("who", "role"), [("ada", "engineer"), ("vera", "viewer"), ("root", "admin"), ("alma", "auditor")]
)
def test_who_has_no_right_to_decide_reads_why(open_as: OpenAs, reviewed_folder: Path, who: str, role: str) -> None:
    page = open_as(who, "review", reviewed_folder, proposal=str(UNFAIR))
    assert not page.exception
    text = words(page)
    assert f"You ({role}) may not approve: that needs the right to decide." in text
    assert "ines or otto can." in text
    assert not page.radio


def test_nobody_who_is_not_signed_in_sees_anything(open_as: OpenAs, reviewed_folder: Path) -> None:
    page = open_as(ANONYMOUS, "review", reviewed_folder, proposal=str(UNFAIR))
    assert "loans" not in words(page)


def test_approving_gives_a_receipt_that_the_ledger_holds_and_a_job(open_as: OpenAs, reviewed_copy: Path) -> None:
    page = open_as("ines", "review", reviewed_copy, proposal=str(FAIR))
    assert page.radio[0].value is None, "nothing is preselected"
    choose(page, Move.APPROVE, "It is better for everybody.")
    assert not page.exception
    assert not page.error
    assert "Receipt: keep this" in words(page)
    receipt = Receipt.parse(next(code for code in codes(page) if code.count(":") == 1 and len(code) > 64))
    assert ("job=proposal-3-1") in [query for _, query in links(page)]
    state, moves, text = state_of(reviewed_copy, FAIR)
    assert (state, moves[-1], text) == ("approved", Move.APPROVE, "It is better for everybody.")
    space = opened(reviewed_copy)
    assert space.ledger.verify(actor("alma"), receipts=(str(receipt),)).problems == ()
    space.close()


@pytest.mark.parametrize(("move", "state"), [(Move.REJECT, "rejected"), (Move.REQUEST_CHANGES, "changes requested")])
def test_the_other_decisions_are_made_with_a_reason(
    open_as: OpenAs, reviewed_copy: Path, move: Move, state: str
) -> None:
    page = open_as("ines", "review", reviewed_copy, proposal=str(UNFAIR))
    choose(page, move, "   ")
    assert page.error[0].value.replace("\\", "") == "A decision needs a reason."
    assert state_of(reviewed_copy, UNFAIR)[0] == "open"
    choose(page, move, f"Not for one group. {HOSTILE}")
    assert not page.exception
    assert state_of(reviewed_copy, UNFAIR)[0] == state
    assert_escaped(page)


def test_without_a_choice_nothing_is_signed(open_as: OpenAs, reviewed_copy: Path) -> None:
    page = open_as("ines", "review", reviewed_copy, proposal=str(UNFAIR))
    next(area for area in page.text_area if area.key.startswith("reason-")).set_value("Well.")
    submit(page, "Sign")
    assert "Choose what you decide" in page.error[0].value
    assert state_of(reviewed_copy, UNFAIR)[0] == "open"


def test_who_looked_at_other_evidence_is_told_and_signs_nothing(open_as: OpenAs, reviewed_copy: Path) -> None:
    page = open_as("ines", "review", reviewed_copy, proposal=str(FAIR))
    space = opened(reviewed_copy)
    space.proposals.refresh(actor("ada"), FAIR, reason="anew.")
    space.close()
    choose(page, Move.APPROVE, "I have read it.")
    assert not page.exception
    assert "other evidence by now than what you looked at" in page.error[0].value.replace("\\", "")
    assert state_of(reviewed_copy, FAIR)[0] == "open"
    area = next(area for area in page.text_area if area.key.startswith("reason-"))
    assert area.value == "I have read it.", "what was typed is kept"
    submit(page, "Sign")
    assert not page.error, "the page shows the new evidence now"
    assert state_of(reviewed_copy, FAIR)[0] == "approved"


def test_of_two_who_decide_at_once_the_second_is_told_who_was_faster(open_as: OpenAs, reviewed_copy: Path) -> None:
    page = open_as("ines", "review", reviewed_copy, proposal=str(FAIR))
    space = opened(reviewed_copy)
    space.proposals.decide(actor("otto"), FAIR, Move.REJECT, reason="no.")
    space.close()
    choose(page, Move.APPROVE, "yes.")
    assert not page.exception
    assert "otto chose to reject" in page.error[0].value.replace("\\", "")
    assert state_of(reviewed_copy, FAIR)[0] == "rejected"


def test_stale_evidence_cannot_be_approved_until_somebody_refreshes_it(open_as: OpenAs, reviewed_copy: Path) -> None:
    space = opened(reviewed_copy)
    more = [[*row[:2], "v3", *row[3:]] for row in rows(40, days=1, seed=9, prefix="q")]
    path = write_csv(reviewed_copy / "more.csv", more)
    space.records.add(actor("ada"), MODEL, [path], role=BatchRole.EVALUATION, version="v3")
    space.close()
    page = open_as("ines", "review", reviewed_copy, proposal=str(FAIR))
    assert not page.exception
    text = words(page)
    assert ":red-badge[:material/history: Stale]" in text
    assert "evaluation v3 has changed since the evidence was frozen" in text
    assert "It has to be refreshed first." in text
    assert ":red-badge[:material/close: Fail]" in row_of(page, "The evidence is fresh")
    assert page.radio[0].options == ["Request changes", "Reject"]
    page = open_as("ada", "review", reviewed_copy, proposal=str(FAIR))
    other(page, "refresh evidence", "with more rows.")
    assert not page.exception
    assert not page.error
    page = open_as("ines", "review", reviewed_copy, proposal=str(FAIR))
    assert "Stale" not in words(page)
    assert "Approve" in page.radio[0].options


def test_whoever_refreshes_the_evidence_asks_too(open_as: OpenAs, reviewed_copy: Path) -> None:
    page = open_as("ines", "review", reviewed_copy, proposal=str(FAIR))
    other(page, "refresh evidence", "let me see.")
    assert not page.error
    assert "you cannot approve it" in words(page)
    assert "otto can." in words(page)
    assert page.radio[0].options == ["Request changes", "Reject"]


def test_only_who_asked_can_withdraw(open_as: OpenAs, reviewed_copy: Path) -> None:
    page = open_as("ines", "review", reviewed_copy, proposal=str(FAIR))
    assert not [area for area in page.text_area if area.key.startswith("withdraw-")]
    page = open_as("ada", "review", reviewed_copy, proposal=str(FAIR))
    other(page, "withdraw", "not yet.")
    assert not page.exception
    assert "It was withdrawn. Nothing was done." in words(page)
    assert state_of(reviewed_copy, FAIR)[0] == "withdrawn"


def test_a_comment_is_added_and_the_field_is_empty_again(open_as: OpenAs, reviewed_copy: Path) -> None:
    page = open_as("otto", "review", reviewed_copy, proposal=str(FAIR))
    area = next(area for area in page.text_area if area.key.startswith("comment-"))
    area.set_value(f"First line\nsecond {HOSTILE}")
    submit(page, "Comment")
    assert not page.exception
    assert state_of(reviewed_copy, FAIR)[1][-1] is Move.COMMENT
    assert next(area for area in page.text_area if area.key.startswith("comment-")).value == ""
    assert_escaped(page)


def test_a_viewer_reads_and_changes_nothing(open_as: OpenAs, reviewed_folder: Path) -> None:
    page = open_as("vera", "review", reviewed_folder, proposal=str(FAIR))
    assert not page.text_area
    assert "What was said and done?" in words(page)


def test_a_failed_job_can_run_again(open_as: OpenAs, reviewed_copy: Path) -> None:
    space = opened(reviewed_copy)
    job = space.proposals.decide(actor("ines"), FAIR, Move.APPROVE, reason="go.").job_id
    assert job is not None
    space.jobs.begin(WORKER, job)
    space.jobs.fail(WORKER, job, f"The disk was full {HOSTILE}")
    space.close()
    page = open_as("ada", "review", reviewed_copy, proposal=str(FAIR))
    assert "its job failed" in words(page)
    assert_escaped(page)
    other(page, "retry", "there is room now.")
    assert not page.error
    assert ("job=proposal-3-2") in [query for _, query in links(page)]


def test_where_monitoring_knows_nothing_the_page_says_so(open_as: OpenAs, reviewed_copy: Path) -> None:
    space = opened(reviewed_copy)
    space.versions.add(actor("ada"), OTHER_MODEL, "v1")
    asked = space.proposals.open(actor("ada"), OTHER_MODEL, ProposalKind.RETIRE, "v1", reason="never used.").proposal
    space.close()
    page = open_as("ines", "review", reviewed_copy, proposal=str(asked.id))
    assert not page.exception
    text = words(page)
    assert "it has no reference" in text
    assert ":green-badge[:material/check_circle" not in text


def test_what_the_local_operator_asks_for_stays_a_draft(open_as: OpenAs, tmp_path: Path) -> None:
    space = Workspace.open(tmp_path / "w")
    space.models.add(LOCAL_OPERATOR, MODEL, SCHEMA)
    space.versions.add(LOCAL_OPERATOR, MODEL, "v1")
    space.proposals.open(LOCAL_OPERATOR, MODEL, ProposalKind.PROMOTE, "v1", reason="it serves.")
    space.close()
    page = open_as(LOCAL_OPERATOR, "review", tmp_path / "w", proposal="1")
    assert not page.exception
    assert "A draft asks nobody yet: somebody has to make it their own and submit it." in words(page)
