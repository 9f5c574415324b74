"""Commands on policies of signing: what holds, what held before, and what another would have decided."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.options import HERE, JsonOption, WorkspaceOption, actor, opened
from core.console import print_json, print_table, say
from core.errors import InputError
from core.governance.policy import RiskTier

__all__ = ["TierOption", "policy_app", "read_rules"]

policy_app = typer.Typer(
    help="Who must sign what, on which evidence; changed by `plumbline propose policy`.", no_args_is_help=True
)
TierOption = Annotated[
    RiskTier | None, typer.Option("--tier", help="The rules of this whole tier, not of the model alone.")
]


@policy_app.command("show")
def policy_show(model: str, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Show the rules that hold for a model, and where each comes from."""
    space = opened(workspace)
    found = space.policies.show(actor(space), model)
    if json:
        document = {"tier": found.tier, "policy": found.policy.to_dict(), "digest": found.policy.digest}
        print_json({**document, "of_tier": dict(found.of_tier), "own": dict(found.own)})
        return
    say(f"{model} is of the tier {found.tier}; policy {found.policy.digest}")
    rules = found.policy.to_dict()
    print_table(["rule", "holds", "set by"], [(name, _words(rules[name]), found.source(name)) for name in rules])


@policy_app.command("history")
def policy_history(model: str, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """List every change of a model's rules and of the tiers', the newest first."""
    space = opened(workspace)
    found = space.policies.history(actor(space), model)
    if json:
        print_json(list(found))
        return
    rows = [
        (
            f"{change.at:%Y-%m-%d %H:%M} UTC",
            f"tier {change.tier}" if change.is_tier else model,
            change.proposal_id,
            " and ".join(change.approved_by),
            _words(change.rules),
            change.reason,
        )
        for change in found
    ]
    if not rows:
        say("No policy was ever set: the default holds.")
        return
    print_table(["set", "of", "proposal", "signed by", "rules", "reason"], rows)


@policy_app.command("dry-run")
def policy_dry_run(
    model: str,
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="Keys as `policy show --json` names them.")],
    tier: TierOption = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Show what other rules would have decided on past cases; nothing is changed."""
    space = opened(workspace)
    found = space.policies.preview(actor(space), model, read_rules(file), tier=tier)
    if json:
        print_json({"policy": found.after.to_dict(), "cases": [case.to_dict() for case in found.cases]})
        return
    rows = [
        (
            case.proposal_id,
            f"{case.kind} {case.version or case.model}",
            f"{case.decided_at:%Y-%m-%d}",
            case.was,
            case.problem or "; ".join(case.would_lack) or "nothing",
        )
        for case in found.cases
    ]
    if rows:
        print_table(["proposal", "asked to", "decided", "was", "would have lacked"], rows, right=(0,))
    n_approved = sum(case.was == "approve" for case in found.cases)
    n = sum(case.would_differ for case in found.cases)
    say(f"{n} of {n_approved} past approvals would have lacked something.")


def read_rules(path: Path) -> dict[str, Any]:
    """The rules in a TOML file; raises InputError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no TOML: {error}.") from error


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(item)}" for name, item in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return " and ".join(map(str, value))
    return "no limit" if value is None else str(value)
