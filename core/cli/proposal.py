"""Commands that show what is asked for, on what it rests, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.accepting import print_acceptance
from core.cli.options import HERE, JsonOption, WorkspaceOption, actor, opened
from core.cli.rebaselining import print_baseline
from core.cli.retraining import print_curve
from core.cli.version import print_comparison
from core.console import print_json, print_table, say
from core.governance.approval import seat_words

if TYPE_CHECKING:
    from core.services.proposal import ProposalInfo

__all__ = ["plain_proposal", "proposal_app"]

proposal_app = typer.Typer(help="What is asked for, and what became of it.", no_args_is_help=True)


@proposal_app.command("list")
def proposal_list(
    model: Annotated[str | None, typer.Argument(help="Of this model only.")] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """List proposals, the newest first."""
    space = opened(workspace)
    found = space.proposals.list(actor(space), model)
    if json:
        print_json([plain_proposal(proposal) for proposal in found])
        return
    rows = [(p.id, p.model, p.title, f"{p.state}{', stale' if p.stale else ''}", p.asker, p.reason) for p in found]
    print_table(["id", "model", "asks to", "state", "asked by", "reason"], rows, right=(0,))


@proposal_app.command("show")
def proposal_show(proposal: int, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Show a proposal, what it rests on and what became of it."""
    space = opened(workspace)
    who = actor(space)
    review = space.proposals.review(who, proposal)
    found, report = review.proposal, review.evidence.report if review.evidence else {}
    if json:
        print_json(
            {
                **plain_proposal(found),
                "report": report,
                "problem": review.problem,
                "checks": [{"title": c.title, "outcome": c.outcome, "why": c.why} for c in review.checks],
                "recipe": review.recipe,
                "deciders": review.deciders,
            }
        )
        return
    say(f"Proposal {found.id}: {found.title} ({found.model})")
    say(f"    state      {found.state}")
    say(f"    asked by   {found.asker}: {found.reason}")
    say(f"    evidence   {found.evidence_sha256}")
    for why in filter(None, [review.problem, *found.stale]):
        say(f"    stale      {why}")
    say(f"    to decide  {', '.join(review.deciders) or 'nobody but those who asked: an admin has to add a reviewer'}")
    if found.vacant and found.is_open:
        say(f"    seats      {seat_words(found.seats)}; nobody has signed yet as {seat_words(found.vacant)}")
    for name, (condition, checked) in found.conditions.items():
        stands = f"checked by {checked.actor}" if checked else f"due {condition.due_at:%Y-%m-%d %H:%M} UTC"
        say(f"    condition  {name}  {condition.owner}: {condition.text} ({stands})")
    for why in found.lacking:
        say(f"    lacks      {why}")
    if found.job_id is not None:
        say(f"    job        {found.job_id}")
    _print_report(report)
    for check in review.checks:
        say(f"{check.outcome}: {check.title}. {check.why}")
    for line in review.recipe.splitlines():
        say(f"    {line}")
    for move in found.moves:
        say(f"{move.at:%Y-%m-%d %H:%M} UTC  {move.actor}: {move.move} (entry {move.ledger_seq})  {move.text}")


def _print_report(report: Mapping[str, Any]) -> None:
    if report.get("event"):
        print_acceptance(report)
    if report.get("period"):
        print_baseline(report)
    if report.get("comparison"):
        print_comparison(report["comparison"])
    elif report.get("why"):
        say(str(report["why"]))
    if report.get("mitigation"):
        print_curve(report["mitigation"])
    monitoring = report.get("monitoring")
    if monitoring is None:
        return
    rows = [
        (v["family"].replace("_", " "), v["status"], v["window"] or "", v["since"] or "", _why(v["measure"]))
        for v in monitoring["verdicts"]
    ]
    print_table(["family", "status", "window", "since", "why"], rows)
    say(f"{monitoring['n_findings']:,} findings in these windows.")


def _why(measure: Mapping[str, Any] | None) -> str:
    return "" if measure is None else f"{measure['column']} {measure['measure']} {measure['why']}".strip()


def plain_proposal(found: ProposalInfo) -> dict[str, Any]:
    """A proposal as JSON."""
    return {
        "proposal": found.id,
        "model": found.model,
        "kind": found.kind,
        "version": found.version,
        "state": found.state,
        "requester": found.requester,
        "reason": found.reason,
        "arguments": found.arguments,
        "evidence": found.evidence_sha256,
        "created_at": found.created_at,
        "stale": found.stale,
        "seats": found.seats,
        "vacant": found.vacant,
        "lacking": found.lacking,
        "job": found.job_id,
        "moves": found.moves,
    }
