"""The command on where versions come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.cli.options import HERE, JsonOption, WorkspaceOption, actor, opened
from core.console import print_json, print_table, say, warn

if TYPE_CHECKING:
    from core.services.lineage import DataSet, Lineage, Stack, VersionLineage

__all__ = ["lineage"]


def lineage(model: str, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Where do a model's versions come from: data, parents, and models whose outputs they read?"""
    space = opened(workspace)
    found = space.lineage.show(actor(space), model)
    if json:
        print_json(_plain(found))
        return
    if not found.versions:
        say(f"{model} has no version yet.")
    else:
        print_table(["version", "state", "from", "data", "reads outputs of"], [_row(one) for one in found.versions])
    for stack in found.read_by:
        say(f"{stack.model} reads its outputs as {', '.join(stack.features)}.")
    for sentence in found.warnings:
        warn(f"Beware: {sentence}")


def _row(one: VersionLineage) -> tuple[str, ...]:
    data = "\n".join(f"{use} {_words(data)}" for use, data in one.data.items())
    stacks = "\n".join(f"{stack.model} ({', '.join(stack.features)})" for stack in one.stacked_on)
    origin = f"{one.parent or ''}{f' by {one.origin}' if one.origin else ''}".strip()
    return one.version.name, str(one.version.state), origin, data or "not said", stacks


def _words(data: DataSet) -> str:
    span = f", {data.first_at:%Y-%m-%d} to {data.last_at:%Y-%m-%d}" if data.first_at and data.last_at else ""
    return f"{data.name}: {data.n_rows:,} rows{span}"


def _plain(found: Lineage) -> dict[str, Any]:
    return {
        "model": found.model,
        "versions": [
            {
                "version": one.version.name,
                "state": one.version.state,
                "parent": one.parent,
                "origin": one.origin,
                "artefact": one.version.artefact_sha256,
                "data": {str(use): data for use, data in one.data.items()},
                "stacked_on": [_stack(stack) for stack in one.stacked_on],
            }
            for one in found.versions
        ],
        "read_by": [_stack(stack) for stack in found.read_by],
        "warnings": found.warnings,
    }


def _stack(stack: Stack) -> dict[str, Any]:
    known = {"model": stack.model, "features": stack.features, "in_force": stack.in_force}
    return {**known, "is_known": stack.is_known}
