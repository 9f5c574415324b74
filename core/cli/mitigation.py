"""Mitigation: what treating groups more alike would cost, and a point of that curve asked for as a retraining."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.actions.retrain.mitigation_plan import MAX_ROWS, Constraint, Objective
from core.cli.options import HERE, JsonOption, ReasonOption, WorkspaceOption, actor, opened
from core.cli.proposal import plain_proposal
from core.cli.retraining import ExcludeOption, print_curve, retraining_arguments
from core.console import counter, print_json, say
from core.errors import InputError

__all__ = ["mitigate"]


def mitigate(
    model: str,
    version: Annotated[
        str | None, typer.Argument(help="Whose recipe is mitigated; that of the version in force, if left out.")
    ] = None,
    sensitive: Annotated[str, typer.Option(metavar="COLUMN", help="The protected attribute.")] = "",
    constraint: Annotated[Constraint, typer.Option(help="What shall be alike in all its groups.")] = (
        Constraint.DEMOGRAPHIC_PARITY
    ),
    objective: Annotated[Objective, typer.Option(help="What is given up as little of as can be.")] = Objective.ACCURACY,
    max_rows: Annotated[
        int, typer.Option(min=200, help="The most recent records that are learnt from and tried on.")
    ] = MAX_ROWS,
    recipe: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="A recipe to mitigate in place of the version's.")
    ] = None,
    exclude: ExcludeOption = None,
    propose: Annotated[
        str | None, typer.Option("--propose", metavar="POINT", help="Ask for a retraining that makes this point.")
    ] = None,
    reason: ReasonOption = "",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """What would it cost to treat groups more alike? Fits points of a curve, and keeps none of them."""
    if not sensitive:
        raise InputError("Name the protected attribute: --sensitive COLUMN.")
    if propose is not None and not reason.strip():
        raise InputError("A proposal needs a reason: --reason '...'.")
    arguments = retraining_arguments(recipe, exclude)
    space = opened(workspace)
    who = actor(space)
    with counter("Fitting") as step:
        found = space.mitigations.curve(
            who,
            model,
            arguments,
            version=version,
            sensitive=sensitive,
            constraint=constraint,
            objective=objective,
            max_rows=max_rows,
            said=lambda _done, _all: step(1, ""),
        )
    decided = None if propose is None else space.mitigations.propose(who, found, propose, reason=reason)
    if json:
        print_json({**found.to_dict(), **({} if decided is None else {"proposal": plain_proposal(decided.proposal)})})
        return
    say(f"{model}: {found.chosen}; {found.curve.n_train:,} records to learn from, {found.curve.n_held_out:,} held out.")
    print_curve(found.to_dict())
    if decided is not None:
        proposal = decided.proposal
        say(f"Proposal {proposal.id} ({proposal.state}): {proposal.title}, as {propose}.")
        say(f"receipt {decided.receipt}")
