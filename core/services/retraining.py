"""What a retraining proposal asks for: its recipe, and what it shall not learn from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.actions.retrain.eligibility import ExcludedWindow
from core.actions.retrain.recipe import Recipe, default_recipe, features_of
from core.errors import InputError
from core.governance.proposals import ProposalKind
from core.schema import ModelSchema
from core.services.acceptance import Acceptance
from core.services.baseline import Period

__all__ = ["check_arguments", "excluded_windows", "recipe_of"]

RETRAINING = ("recipe", "exclude")
ARGUMENTS = {
    ProposalKind.RETRAIN: RETRAINING,
    ProposalKind.POLICY: ("policy", "tier"),
    ProposalKind.ACCEPT_DRIFT: ("alert", "series", "margin"),
    ProposalKind.REBASELINE: ("from", "to"),
}


def recipe_of(schema: ModelSchema, arguments: Mapping[str, Any]) -> Recipe:
    """The recipe that a retraining proposal names, else the model's default; raises SchemaError."""
    text = arguments.get("recipe")
    return default_recipe(schema) if text is None else Recipe.from_toml(str(text))


def excluded_windows(arguments: Mapping[str, Any]) -> tuple[ExcludedWindow, ...]:
    """The incident windows that a person excluded; raises InputError where they can't be read."""
    try:
        return tuple(
            ExcludedWindow(
                start_at=datetime.fromisoformat(window["from"]),
                end_at=datetime.fromisoformat(window["to"]),
                reason=str(window["reason"]),
            )
            for window in arguments.get("exclude", [])
        )
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):  # it says already what is wrong
            raise
        raise InputError(f"An excluded window needs from, to (times with a zone) and reason: {error}") from error


def check_arguments(kind: ProposalKind, schema: ModelSchema, arguments: Mapping[str, Any]) -> None:
    """Raise InputError where a job could not read what a proposal asks for: before anybody has to approve it."""
    known = ARGUMENTS.get(kind, ())
    for name in arguments:
        if name not in known:
            takes = f"takes {', '.join(known[:-1])} and {known[-1]}" if known else "takes nothing further"
            raise InputError(f"A proposal to {kind} {takes}, not {name!r}.")
    if kind is ProposalKind.ACCEPT_DRIFT:
        Acceptance.read(arguments)
    if kind is ProposalKind.REBASELINE:
        Period.read(arguments)
    if kind is ProposalKind.RETRAIN:
        features_of(recipe_of(schema, arguments), schema)
        if any(not window.reason.strip() for window in excluded_windows(arguments)):
            raise InputError("An excluded window needs a reason: why may nothing be learnt from it?")
