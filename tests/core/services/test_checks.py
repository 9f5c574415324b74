"""What a reviewer is told to look at follows the evidence, and too little data is never good news."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from core.compare.comparison import compare
from core.compare.rows import Predictions
from core.governance.evidence import Evidence
from core.schema import Task
from core.services.checks import Check, Outcome, checks_of
from core.services.versions import VersionInfo, VersionState

NOW = datetime(2026, 3, 1, tzinfo=UTC)
UNTIL = NOW + timedelta(days=14)


def checks(report: dict[str, Any], *, stale: tuple[str, ...] = (), version: VersionInfo | None = None) -> list[Check]:
    evidence = Evidence.freeze(report, [], now=NOW)
    return list(checks_of(evidence, stale=stale, fresh_until=UNTIL, version=version))


def named(found: list[Check], title: str) -> Check:
    return next(check for check in found if title in check.title)


def compared(n: int = 4000, *, worse_for: str | None = None, seed: int = 0) -> dict[str, Any]:
    """A promotion's evidence: a candidate that is better, but for one group."""
    rng = np.random.default_rng(seed)
    label = np.where(rng.random(n) < 0.4, "1", "0")
    group = rng.choice(["a", "b"], n)
    right = {"champion": rng.random(n) < 0.75, "candidate": rng.random(n) < 0.85}
    if worse_for is not None:
        right["candidate"] &= ~((group == worse_for) & (rng.random(n) < 0.6))
    said = {}
    for name, is_right in right.items():
        decided = np.where(is_right, label, np.where(label == "1", "0", "1"))
        said[name] = Predictions(prediction=decided, score=np.where(decided == "1", 0.8, 0.2))
    result = compare(
        label,
        said["champion"],
        said["candidate"],
        task=Task.BINARY,
        classes=("0", "1"),
        positive="1",
        favourable="0",
        groups={"sex": group},
        protected=["sex"],
    )
    comparison = {"champion": "v1", "candidate": "v2", "rows_from": [], "why": "All rows.", "result": result.to_dict()}
    return {"kind": "promote", "model": "m", "version": "v2", "comparison": comparison}


def made(**changes: Any) -> VersionInfo:
    values: dict[str, Any] = {
        "name": "v2",
        "state": VersionState.CANDIDATE,
        "artefact_sha256": None,
        "parameters": {},
        "training": {},
        "parent": None,
        "created_at": NOW,
        "created_by": "ada",
        "digest": "d",
    }
    return VersionInfo(**{**values, **changes})


def test_a_candidate_that_is_better_for_everybody_passes() -> None:
    found = checks(compared(20_000), version=made(training={"batches": [1], "n": 5}))
    assert {check.title: check.outcome for check in found if "gap" not in check.title} == {
        "The evidence is fresh": Outcome.PASS,
        "The primary measure is no worse": Outcome.PASS,
        "No group gets worse": Outcome.PASS,
        "No slice is found worse": Outcome.PASS,
        "Scores are no worse as probabilities": Outcome.PASS,
        "There are enough rows to compare on": Outcome.PASS,
        "It is known what it was made from": Outcome.PASS,
    }


def test_a_group_that_gets_worse_fails_whatever_the_rest_does() -> None:
    found = checks(compared(worse_for="b"))
    assert found[0].outcome is Outcome.FAIL, "the worst comes first"
    group = named(found, "No group gets worse")
    assert (group.outcome, group.where) == (Outcome.FAIL, "sex b")
    assert "all of it is worse by more than the margin" in group.why
    assert named(found, "No slice").outcome is Outcome.FAIL
    assert named(found, "gap").outcome is Outcome.LOOK


@pytest.mark.parametrize("n", [0, 1, 10, 29])
def test_few_rows_never_pass(n: int) -> None:
    found = checks(compared(n))
    assert {check.title for check in found if check.outcome is Outcome.PASS} == {"The evidence is fresh"}
    assert all(check.outcome is Outcome.CANNOT_TELL for check in found if check.title != "The evidence is fresh")
    assert all(check.why for check in found)


def test_differences_that_may_go_either_way_are_not_called_harmless() -> None:
    report = compared(200)
    group = named(checks(report), "No group gets worse")
    assert group.outcome is Outcome.CANNOT_TELL
    assert "too few rows to rule out" in group.why


def test_one_group_that_is_worse_by_itself_asks_for_a_look() -> None:
    report = compared(20_000)
    difference = next(
        d for d in report["comparison"]["result"]["group_differences"] if d["higher_is_better"] is not None
    )
    difference["verdict"] = "worse"
    group = named(checks(report), "No group gets worse")
    assert group.outcome is Outcome.LOOK
    assert "by chance" in group.why


def test_without_groups_nothing_is_said_to_be_fair() -> None:
    report = compared()
    report["comparison"]["result"] |= {"group_differences": [], "gaps": []}
    assert named(checks(report), "No group").outcome is Outcome.CANNOT_TELL
    assert named(checks(report), "gap").outcome is Outcome.CANNOT_TELL


def test_a_comparison_without_probabilities_says_so() -> None:
    report = compared()
    result = report["comparison"]["result"]
    result["differences"] = [d for d in result["differences"] if d["measure"] not in ("brier_score", "log_loss")]
    assert named(checks(report), "probabilities").outcome is Outcome.CANNOT_TELL


def test_nothing_to_compare_with_is_no_pass() -> None:
    report = {"kind": "promote", "model": "m", "comparison": None, "why": "No version is in force."}
    found = named(checks(report), "compared")
    assert (found.outcome, found.why) == (Outcome.CANNOT_TELL, "No version is in force.")


def test_stale_evidence_fails_with_the_reason() -> None:
    found = checks(compared(), stale=("batch 3 is gone",))[0]
    assert (found.title, found.outcome, found.why) == ("The evidence is fresh", Outcome.FAIL, "batch 3 is gone.")


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, Outcome.CANNOT_TELL),
        ({"parameters": {"depth": 3}}, Outcome.LOOK),
        ({"training": {"batches": [1, 2]}}, Outcome.PASS),
    ],
)
def test_what_a_version_was_made_from_is_known_or_not(changes: dict[str, Any], outcome: Outcome) -> None:
    assert named(checks(compared(), version=made(**changes)), "made from").outcome is outcome


@pytest.mark.parametrize(
    ("status", "quality", "why_to_retrain", "sound"),
    [
        ("critical", "ok", Outcome.PASS, Outcome.PASS),
        ("critical", "critical", Outcome.PASS, Outcome.FAIL),
        ("warning", "warning", Outcome.PASS, Outcome.LOOK),
        ("ok", "ok", Outcome.LOOK, Outcome.PASS),
        ("ok", "undefined", Outcome.LOOK, Outcome.CANNOT_TELL),
        ("insufficient", "ok", Outcome.CANNOT_TELL, Outcome.CANNOT_TELL),
        ("insufficient", "critical", Outcome.CANNOT_TELL, Outcome.CANNOT_TELL),
    ],
)
def test_a_retraining_needs_a_reason_and_sound_records(
    status: str, quality: str, why_to_retrain: Outcome, sound: Outcome
) -> None:
    verdicts = [{"family": "performance", "status": status}, {"family": "data_quality", "status": quality}]
    found = checks({"kind": "retrain", "model": "m", "monitoring": {"status": status, "verdicts": verdicts}})
    assert named(found, "why to retrain").outcome is why_to_retrain
    assert named(found, "learns from").outcome is sound


@pytest.mark.parametrize("kind", ["rollback", "retire", "retrain"])
def test_a_model_that_is_not_monitored_is_told(kind: str) -> None:
    assert named(checks({"kind": kind, "model": "m"}), "Monitoring").outcome is Outcome.CANNOT_TELL
