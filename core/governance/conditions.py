"""Conditions of an approval: what has to be done by whom and when, checked by somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from core.errors import InputError

__all__ = ["Condition"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What an approval hangs on: `owner` has to have done it when it is due; then it stands while it was checked.

    Examples
    --------
    >>> from datetime import UTC
    >>> due = datetime(2026, 6, 1, tzinfo=UTC)
    >>> condition = Condition(text="Label 200 refused cases", owner="ada", due_at=due)
    >>> Condition.read(condition.to_dict()) == condition
    True
    """

    text: str
    owner: str
    due_at: datetime

    def check(self, *, now: datetime, within_days: float) -> None:
        """Raise InputError if it says nothing, or isn't due in the time that a policy allows."""
        if not self.text.strip():
            raise InputError("A condition needs words: what has to be done?")
        if within_days == 0:
            raise InputError("The policy allows no conditions: approve without, or request changes.")
        if not now < self.due_at <= now + timedelta(days=within_days):
            raise InputError(
                f"The condition {self.text!r} is due on {self.due_at:%Y-%m-%d}; the policy allows from now on to "
                f"{now + timedelta(days=within_days):%Y-%m-%d}."
            )

    def to_dict(self) -> dict[str, Any]:
        """The form that the ledger keeps."""
        return {"text": self.text, "owner": self.owner, "due_at": self.due_at.isoformat()}

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """A condition as the ledger keeps it."""
        return cls(text=content["text"], owner=content["owner"], due_at=datetime.fromisoformat(content["due_at"]))
