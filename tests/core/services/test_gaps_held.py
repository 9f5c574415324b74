"""A drift can't be accepted, nor become the reference, over a gap between groups that a policy lets nobody sign."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from core.errors import NotAllowedError
from core.governance.checks import CheckName, Outcome
from core.governance.identity import LOCAL_OPERATOR, WORKER
from core.governance.proposals import ProposalKind, ProposalState
from core.record import BatchRole
from core.services.checks import Check
from core.services.proposal import Decided
from core.services.stretch import is_wider
from core.storage.queue import JobQueue
from tests.accepting import SERIES, decide, person, propose, set_signing
from tests.watched import DAY_0, MODEL, SCHEMA, Watched, opened

HEADER = ("id", "at", "amount", "sex", "score", "decision", "outcome")
SEX = 'sex = { role = "attribute", type = "categorical", protected = true }'
OF_GROUPS = SCHEMA.replace('positive = "1"', 'positive = "1"\nfavourable = "1"').replace(
    'colour = { role = "feature", type = "categorical" }', SEX
)
A_DAY, MOVES_ON, DAYS = 200, 4, 13
OF_WOMEN = (0.4, 0.2)  # their selection rate before and since; of men it stays 0.4


def a_day(day: int) -> list[list[object]]:
    """Records of a day; from the fifth of production on amounts lie lower and women are selected half as often."""
    rng, has_moved = np.random.default_rng(9_000 + day), day >= MOVES_ON
    sex, amount = rng.choice(["m", "f"], A_DAY), rng.normal(100, 15, A_DAY) - 15 * has_moved
    said = rng.random(A_DAY) < np.where(sex == "f", OF_WOMEN[has_moved], OF_WOMEN[0])
    outcome = rng.random(A_DAY) < np.where(said, 0.7, 0.2)
    at = [(DAY_0 + timedelta(days=day + i / A_DAY)).isoformat() for i in range(A_DAY)]
    return [
        [
            f"{day}-{i}",
            at[i],
            round(float(amount[i]), 2),
            sex[i],
            0.8 if said[i] else 0.2,
            int(said[i]),
            int(outcome[i]),
        ]
        for i in range(A_DAY)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The policy of signing asks that the check of gaps doesn't fail."""
    folder = tmp_path_factory.mktemp("gaps_held")
    found = opened(folder)
    JobQueue(found.workspace.database).prepare()
    found.workspace.models.add(LOCAL_OPERATOR, MODEL, OF_GROUPS)
    before = [row for day in range(-12, 0) for row in a_day(day)]
    found.take_in(before, header=HEADER, role=BatchRole.REFERENCE)
    found.take_in([row for day in range(DAYS) for row in a_day(day)], header=HEADER)
    found.update()
    set_signing(found, {"checks": {"gaps_held": "not fail"}})
    found.workspace.close()
    return folder


@pytest.fixture
def watched(folder: Path, tmp_path: Path) -> Iterator[Watched]:
    found = opened(tmp_path, copy_of=folder)
    yield found
    found.workspace.close()


def accept_drift(watched: Watched) -> Decided:
    """Ask for the drift of amounts to be accepted as harmless."""
    alert = next(a for a in watched.alerts() if SERIES in [incident.subject for incident in a.incidents])
    return propose(watched, alert=alert.id)


def rebaseline(watched: Watched, first: int = MOVES_ON, last: int = DAYS - 1) -> Decided:
    """Ask for the days from `first` until before `last` to become the reference."""
    start, end = (DAY_0 + timedelta(days=day) for day in (first, last))
    return watched.workspace.proposals.open(
        person(watched, "ada"),
        MODEL,
        ProposalKind.REBASELINE,
        reason="a new market",
        arguments={"from": start.isoformat(), "to": end.isoformat()},
    )


def gaps(watched: Watched, decided: Decided) -> Check:
    """What the check of gaps came to."""
    checks = watched.workspace.proposals.review(WORKER, decided.proposal.id).checks
    (found,) = [check for check in checks if check.name is CheckName.GAPS_HELD]
    return found


@pytest.mark.parametrize("ask", [accept_drift, rebaseline])
def test_nobody_can_sign_where_a_gap_is_in_alarm_in_the_same_windows(
    watched: Watched, ask: Callable[[Watched], Decided]
) -> None:
    asked = ask(watched)
    found = gaps(watched, asked)
    assert found.outcome is Outcome.FAIL, found.why
    assert found.why.startswith("In alarm in the ")
    assert "selection rate/sex=f" in found.why
    with pytest.raises(NotAllowedError, match="the check gaps_held must not fail, it came to: fail"):
        decide(watched, asked.proposal.id)
    assert watched.workspace.proposals.show(WORKER, asked.proposal.id).state is ProposalState.OPEN


@pytest.mark.parametrize(
    ("first", "last", "outcome", "said"),
    [
        (0, MOVES_ON, Outcome.PASS, "None of 6 gaps that are watched is shown to be wider than in the reference."),
        (
            MOVES_ON,
            MOVES_ON + 1,
            Outcome.LOOK,
            "Wider than in the reference, and not by chance (95%, all gaps together): ",
        ),
    ],
    ids=["held", "wider, and not in alarm yet"],
)
def test_where_gaps_held_or_are_wider_and_not_in_alarm_yet_it_is_for_people_to_decide(
    watched: Watched, first: int, last: int, outcome: Outcome, said: str
) -> None:
    asked = rebaseline(watched, first, last)
    found = gaps(watched, asked)
    assert (found.outcome, found.why.startswith(said)) == (outcome, True), found.why
    assert ("selection rate/sex=f" in found.why) is (outcome is Outcome.LOOK)
    assert decide(watched, asked.proposal.id).job_id is not None


def test_where_no_gap_changed_one_is_called_wider_in_at_most_one_of_twenty_worlds() -> None:
    rng, n_worlds, n_gaps = np.random.default_rng(11), 2_000, 6
    rates = rng.uniform(0.05, 0.6, (n_worlds, n_gaps, 2))
    before, now = rng.binomial(600, rates), rng.binomial(150, rates)
    called = [
        any(
            is_wider([(k, 600) for k in was], [(k, 150) for k in of], n_gaps=n_gaps)
            for was, of in zip(before[world].tolist(), now[world].tolist(), strict=True)
        )
        for world in range(n_worlds)
    ]
    assert np.mean(called) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_worlds)


def test_a_gap_that_doubled_is_called_wider_on_its_side_and_across() -> None:
    rng = np.random.default_rng(12)
    for sign in (1, -1):
        called = [
            is_wider(
                [(rng.binomial(3_000, 0.4), 3_000), (rng.binomial(3_000, 0.3), 3_000)],
                [(rng.binomial(3_000, 0.35 + 0.1 * sign), 3_000), (rng.binomial(3_000, 0.35 - 0.1 * sign), 3_000)],
                n_gaps=6,
            )
            for _ in range(200)
        ]
        assert np.mean(called) > 0.9
