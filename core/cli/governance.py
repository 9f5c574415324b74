"""Commands that ask for something and decide on it; and the gate that CI asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.accepting import (
    AlertOption,
    PointsOption,
    SdOption,
    SeriesOption,
    ValueOption,
    acceptance_arguments,
)
from core.cli.options import HERE, JsonOption, ReasonOption, WorkspaceOption, actor, as_date, opened
from core.cli.policy import TierOption, read_rules
from core.cli.proposal import plain_proposal
from core.cli.rebaselining import FromOption, ToOption, period_arguments
from core.cli.retraining import ExcludeOption, retraining_arguments
from core.console import print_json, say, warn
from core.errors import InputError
from core.governance.approval import seat_words
from core.governance.conditions import Condition
from core.governance.proposals import Move, ProposalKind

if TYPE_CHECKING:
    from core.services.proposal import Decided

__all__ = [
    "approve",
    "check_condition",
    "comment",
    "gate",
    "propose",
    "refresh",
    "reject",
    "request_changes",
    "retry",
    "revoke",
    "submit",
    "withdraw",
]

EvidenceOption = Annotated[
    str | None,
    typer.Option("--evidence", metavar="SHA256", help="What you looked at: refused if it rests on other evidence now."),
]


def propose(
    kind: Annotated[ProposalKind, typer.Argument(help="What to ask for.")],
    model: str,
    version: Annotated[str | None, typer.Argument(help="What to promote, roll back to, retire or renew.")] = None,
    reason: ReasonOption = "",
    recipe: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="How to retrain.")] = None,
    exclude: ExcludeOption = None,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="The rules of signing that `propose policy` asks for.")
    ] = None,
    tier: TierOption = None,
    alert: AlertOption = None,
    series: SeriesOption = None,
    sd: SdOption = None,
    points: PointsOption = None,
    value: ValueOption = None,
    first: FromOption = None,
    until: ToOption = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Ask to retrain a model, to promote, roll back to, retire or renew a version, to change its policy, or to watch.

    `accept_drift` asks for a wider margin of one series of an alert, `rebaseline` to hold windows against other days.
    """
    arguments = retraining_arguments(recipe, exclude)
    if policy is not None:
        arguments["policy"] = read_rules(policy)
    if tier is not None:
        arguments["tier"] = str(tier)
    space = opened(workspace)
    if alert is not None:
        found = space.alerts.show(actor(space), alert)
        arguments |= acceptance_arguments(found, series, sd=sd, points=points, value=value)
    if first is not None or until is not None:
        arguments |= period_arguments(space, model, first, until)
    _tell(space.proposals.open(actor(space), model, kind, version, reason=reason, arguments=arguments), json=json)


def approve(
    proposal: int,
    reason: ReasonOption = "",
    evidence: EvidenceOption = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'OWNER DATE TEXT'",
            help="Approve on condition that OWNER has done TEXT by the end of DATE (UTC); may be given again.",
        ),
    ] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Approve a proposal; a worker does what it asks for once everybody has signed whom the policy asks for."""
    conditions = [_condition(text) for text in condition or ()]
    _decide(workspace, proposal, Move.APPROVE, reason, evidence, json=json, conditions=conditions)


def revoke(
    proposal: int, reason: ReasonOption = "", workspace: WorkspaceOption = HERE, json: JsonOption = False
) -> None:
    """Take an approval back: its job doesn't start, and the gate of what it put in force closes."""
    space = opened(workspace)
    _tell(space.proposals.revoke(actor(space), proposal, reason=reason), json=json)


def check_condition(
    proposal: int,
    condition: Annotated[str, typer.Argument(help="As `proposal show` names it.")],
    reason: ReasonOption = "",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Say that a condition of an approval was met, and how that was checked."""
    space = opened(workspace)
    _tell(space.proposals.check_condition(actor(space), proposal, condition, reason=reason), json=json)


def reject(
    proposal: int,
    reason: ReasonOption = "",
    evidence: EvidenceOption = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Reject a proposal."""
    _decide(workspace, proposal, Move.REJECT, reason, evidence, json=json)


def request_changes(
    proposal: int,
    reason: ReasonOption = "",
    evidence: EvidenceOption = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Say what a proposal lacks."""
    _decide(workspace, proposal, Move.REQUEST_CHANGES, reason, evidence, json=json)


def comment(proposal: int, text: str, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Say something on a proposal, deciding nothing."""
    space = opened(workspace)
    _tell(space.proposals.comment(actor(space), proposal, text), json=json)


def withdraw(
    proposal: int, reason: ReasonOption = "", workspace: WorkspaceOption = HERE, json: JsonOption = False
) -> None:
    """Take one's own proposal back, or drop a draft."""
    space = opened(workspace)
    _tell(space.proposals.withdraw(actor(space), proposal, reason=reason), json=json)


def submit(
    proposal: int, reason: ReasonOption = "", workspace: WorkspaceOption = HERE, json: JsonOption = False
) -> None:
    """Make a draft that an alarm left one's own proposal."""
    space = opened(workspace)
    _tell(space.proposals.submit(actor(space), proposal, reason=reason), json=json)


def refresh(
    proposal: int, reason: ReasonOption = "", workspace: WorkspaceOption = HERE, json: JsonOption = False
) -> None:
    """Rest a proposal on evidence as it stands now; whoever does so asks too, and so can't approve it."""
    space = opened(workspace)
    _tell(space.proposals.refresh(actor(space), proposal, reason=reason), json=json)


def retry(
    proposal: int, reason: ReasonOption = "", workspace: WorkspaceOption = HERE, json: JsonOption = False
) -> None:
    """Run an approved proposal's job again after it failed, if its evidence still holds."""
    space = opened(workspace)
    _tell(space.proposals.retry(actor(space), proposal, reason=reason), json=json)


def gate(model: str, version: str, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Exit 0 only if a valid, fresh approval stands for VERSION, else 1 with the reason."""
    space = opened(workspace)
    found = space.proposals.gate(actor(space), model, version)
    if json:
        print_json(
            {"open": found.is_open, "why": found.why, "proposal": found.proposal_id, "approved_by": found.approved_by}
        )
    else:
        say(f"{'open' if found.is_open else 'closed'}: {found.why}")
    if not found.is_open:
        raise typer.Exit(1)


def _decide(
    workspace: Path,
    proposal: int,
    move: Move,
    reason: str,
    evidence: str | None,
    *,
    json: bool,
    conditions: Sequence[Condition] = (),
) -> None:
    space = opened(workspace)
    _tell(
        space.proposals.decide(
            actor(space), proposal, move, reason=reason, evidence_sha256=evidence, conditions=conditions
        ),
        json=json,
    )


def _tell(decided: Decided, *, json: bool) -> None:
    """Where the proposal stands, and the receipt that shows later whether the ledger still holds this."""
    found = decided.proposal
    if json:
        print_json({**plain_proposal(found), "receipt": str(decided.receipt)})
        return
    say(f"Proposal {found.id}: {found.title} ({found.model}) is {found.state}.")
    if found.approvals and found.vacant:
        say(f"It still needs a signature as {seat_words(found.vacant)}.")
    if decided.job_id is not None:
        say(f"job {decided.job_id}")
    say(f"receipt {decided.receipt}")
    if found.stale:
        warn(f"Its evidence is stale: {'; '.join(found.stale)}.")


def _condition(text: str) -> Condition:
    parts = text.split(maxsplit=2)
    due = as_date(parts[1], "--condition") if len(parts) == 3 else None
    if due is None:
        raise InputError(f"--condition {text!r} needs OWNER, DATE and TEXT, such as 'ada 2026-06-01 label 200 cases'.")
    end = due + timedelta(days=1) if len(parts[1]) == len("2026-06-01") else due
    return Condition(text=parts[2], owner=parts[0], due_at=end)
