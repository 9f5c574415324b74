"""Entries of the ledger in words; what comes from data is escaped by whoever shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.governance.alerts import AlertMove
from core.governance.ledger import Entry
from dashboard.text import digest

__all__ = ["action_name", "objects_in_words"]

MAX_TEXT = 160
SHA256_DIGITS = 64


def action_name(action: str) -> str:
    """An action as it is read.

    Examples
    --------
    >>> action_name("proposal.request_changes")
    'proposal: request changes'
    """
    return action.replace(".", ": ").replace("_", " ")


def objects_in_words(entry: Entry) -> str:
    """What an entry speaks of, in one line."""
    objects = entry.objects
    try:
        if entry.action.startswith("proposal."):
            return _of_proposal(objects)
        told = TOLD.get(entry.action)
        return _others(objects) if told is None else told.format_map({name: _word(o) for name, o in objects.items()})
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):  # an entry that was altered may hold anything
        return _others(objects)


TOLD = {
    **{f"alert.{move}": "alert {alert} of {model}, now {state}: {text}" for move in AlertMove},
    "account.add": "{account} is {roles}",
    "account.set_roles": "{account} is {roles}",
    "account.set_password": "{account}",
    "account.disable": "{account}",
    "batch.add": "batch {batch} of {model}, {role}, version {versions}",
    "batch.retract": "batch {batch}: {text}",
    "labels.add": "labels {label_batch} of {model}",
    "ledger.key": "key {key} takes over from {previous}",
    "ledger.sign": "entry {head}, by key {key}",
    "model.add": "{model}, schema {schema}",
    "model.update": "{model}, schema {schema}",
    "notify.choose": "{account} is told of {events}, {rhythm}, by {variable}",
    "phase.adopt": "phase I {phase} of {model}, {series}: {text}",
    "phase.exclude": "{model}, {series}: {text}",
    "phase.fit": "{model}, {series}: {text}",
    "phase.include": "{model}, {series}: {text}",
    "phase.propose": "{model}, {series}: {text}",
    "phase.reject": "phase I {phase} of {model}, {series}: {text}",
    "schedule.set": "nightly analysis of {model}: {analyse_at}",
    "target.begin": "{model}: {version} is to replace what the target has; proposal {proposal}",
    "target.done": "{model}: {version} is in the target; proposal {proposal}",
    "target.set": "target of {model}: {config}",
    "version.add": "{version} of {model}, file {artefact}",
    "alarm_policy.set": "alarm policy of {model}: {text}",
    "version.deploy": "{version} of {model} is in force, before it {before}; proposal {proposal}",
}


def _of_proposal(objects: Mapping[str, Any]) -> str:
    kind = {"rollback": "roll back to"}.get(str(objects["kind"]), str(objects["kind"]))
    what = f"{objects['version']} of {objects['model']}" if objects["version"] else str(objects["model"])
    text = _cut(str(objects["text"]))
    return f"proposal {objects['proposal']}, {kind} {what}, now {objects['state']}: {text}"


def _word(value: object) -> str:
    """A value in a sentence: a digest shortened, a list listed, nothing as none."""
    if isinstance(value, list):
        return ", ".join(map(_word, value)) or "none"
    if isinstance(value, Mapping):
        return _others(value)
    if value is None:
        return "none"
    text = str(value)
    if len(text) == SHA256_DIGITS and all(char in "0123456789abcdef" for char in text):
        return digest(text)
    return _cut(text)


def _others(objects: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_word(value)}" for name, value in objects.items())


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
