"""`plumbline fairness`: what it prints, its exit codes, and what it writes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.audited import MODEL
from tests.command import CommandLine


@pytest.fixture
def plumbline(audited_folder: Path, tmp_path: Path) -> CommandLine:
    shutil.copytree(audited_folder, tmp_path / "workspace")
    return CommandLine(workspace=tmp_path / "workspace")


def test_an_audit_opens_with_its_coverage_and_names_the_policy(plumbline: CommandLine) -> None:
    ran = plumbline("fairness", "audit", MODEL)
    assert ran.code == 0
    assert ran.out.startswith("5 of 6 groups assessed; 1 holds 9 rows: race C (9).")
    assert "Policy: Margin of 5 points (margin)." in ran.out
    assert "disparity" in ran.out
    assert "sex x race:" in ran.out


def test_a_disparity_fails_and_so_does_not_knowing_where_that_is_asked(plumbline: CommandLine) -> None:
    assert plumbline("fairness", "audit", MODEL, "--fail-on", "disparity").code == 1
    (plumbline.workspace / "fairness").mkdir()
    wide = 'title = "Wide"\nlimit = 0.5\nmeasures = ["selection_rate"]\n'
    (plumbline.workspace / "fairness" / "wide.toml").write_text(wide)
    assert plumbline("fairness", "audit", MODEL, "--policy", "wide", "--fail-on", "disparity").code == 0
    assert plumbline("fairness", "audit", MODEL, "--policy", "wide", "--fail-on", "unknown").code == 1


def test_one_json_document_holds_everything_with_its_policy_and_digest(plumbline: CommandLine) -> None:
    found = plumbline("fairness", "audit", MODEL, "--policy", "four-fifths", "--json").json
    assert found["policy"]["name"] == "four-fifths"
    assert len(found["policy"]["digest"]) == 64
    by_group = {(c["attribute"], c["group"]): c for c in found["comparisons"] if c["rate"] == "selection_rate"}
    women = by_group["sex", "f"]
    assert (women["verdict"], women["practical"], women["statistical"]) == ("disparity", True, True)
    assert by_group["race", "C"]["verdict"] == "not judged"
    assert {m["measure"] for m in found["measures"]} >= {"roc_auc", "equalized_odds_difference", "calibration_slope"}
    assert found["intersections"][0]["attributes"] == ["sex", "race"]
    assert found["conventions"]["sex"][0]["name"].startswith("fairlearn.")


def test_the_page_and_the_tables_are_written_in_the_form_that_the_name_says(
    plumbline: CommandLine, tmp_path: Path
) -> None:
    for name in ("page.html", "page.md", "page.csv"):
        assert plumbline("fairness", "report", MODEL, "--out", tmp_path / name).code == 0
    assert "A disparity was found by sex and race." in (tmp_path / "page.html").read_text()
    assert (tmp_path / "page.md").read_text().startswith("# How hiring treats groups")
    assert ",hidden" in (tmp_path / "page.csv").read_text()
    law = ("fairness", "report", MODEL, "--local-law-144", "--out")
    assert plumbline(*law, tmp_path / "law.html").code == 0
    assert plumbline(*law, tmp_path / "law.csv", "--scoring").code == 0
    assert "Scoring rate" in (tmp_path / "law.csv").read_text()
    assert plumbline(*law, tmp_path / "law.md").code == 2
    assert "ends in none of .html, .csv" in plumbline(*law, tmp_path / "law.md").err
    assert "No protected attribute 'tribe'" in plumbline(*law, tmp_path / "law.html", "--race", "tribe").err


def test_policies_are_listed_and_a_broken_file_is_named(plumbline: CommandLine) -> None:
    (plumbline.workspace / "fairness").mkdir()
    (plumbline.workspace / "fairness" / "ours.toml").write_text("limit = 9")
    ran = plumbline("fairness", "policies")
    assert ran.code == 0
    for name in ("margin", "four-fifths", "nyc-local-law-144", "two-standard-deviations"):
        assert name in ran.out
    assert "ours.toml" in ran.err
    assert plumbline("fairness", "policies", "--json").json[0]["name"] == "margin"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("audit", MODEL, "--policy", "five"), "No fairness policy 'five'"),
        (("audit", MODEL, "--against", "nobody"), "No group to compare with 'nobody'"),
        (("audit", MODEL, "--class", "maybe"), "No class 'maybe'"),
        (("audit", "nothing"), "No model 'nothing'"),
        (("report", MODEL, "--out", "x.pdf"), "ends in none of .html, .md, .csv"),
    ],
)
def test_what_cannot_be_asked_exits_with_2_and_says_why(
    plumbline: CommandLine, arguments: tuple[str, ...], words: str
) -> None:
    ran = plumbline("fairness", *arguments)
    assert ran.code == 2
    assert words in ran.err
