"""Where versions are put in force outside Plumbline: one file a system, all behind one interface.

A new system is a file in this package. It holds a class named `TARGET` that derives from `Target`: its fields are
what `plumbline target set MODEL FILE.toml` may say, and its four methods read and change the system. Nothing else
has to know of it. What makes it safe is done for all of them in core/services/placement.py: what the system
says is in force is frozen in the evidence, read again before anything is done, refused where it isn't what the
approver saw, and read back afterwards; both states, and so the way back, are in the ledger.

Steps of a job run at least once: `put` may be called again with the same `key` after a worker was killed.
"""

from __future__ import annotations

import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import SchemaError, UnknownNameError

__all__ = ["Order", "State", "Target", "kinds", "target"]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a system says is in force: `version` by its own name, None for none, and whatever else tells states apart.

    Examples
    --------
    >>> State(version="3", details={"run": "a"}).fulfils(State(version="3"))
    True
    >>> str(State(version=None))
    'none'
    """

    version: str | None
    details: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.version or "none"

    def fulfils(self, wanted: State) -> bool:
        """Whether it is what was wanted, whatever else it says."""
        mine = self.details
        return self.version == wanted.version and all(mine.get(name) == item for name, item in wanted.details.items())

    def to_dict(self) -> dict[str, Any]:
        """The form that evidence and the ledger keep."""
        return {"version": self.version, "details": dict(self.details)}

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """A state as evidence and the ledger keep it."""
        return cls(version=content["version"], details=content["details"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be put in force, and on whose approval.

    `version` is Plumbline's name, None to take out of force; `before` is what is in force, `wanted` what shall be.
    `key` is the same however often the order is given.
    """

    key: str
    kind: str
    model: str
    version: str | None
    before: State
    wanted: State
    proposal: int
    evidence: str

    def to_dict(self) -> dict[str, Any]:
        """The form that is sent."""
        return {
            "key": self.key,
            "kind": self.kind,
            "model": self.model,
            "version": self.version,
            "before": self.before.to_dict(),
            "wanted": self.wanted.to_dict(),
            "proposal": self.proposal,
            "evidence": self.evidence,
        }


class Target(BaseModel, ABC):
    """A system in which a version is put in force, as it is configured.

    Credentials are never fields: a field names the environment variable that holds one, which begins with
    PLUMBLINE_TARGET_ so that no configuration can send other secrets anywhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: str
    note: ClassVar[str] = ""  # what people have to know once it is done

    @property
    @abstractmethod
    def where(self) -> str:
        """What is changed, in words: 'alias champion of churn'."""

    @abstractmethod
    def expected(self, version: str | None) -> State:
        """What `read` will say once a version of Plumbline is in force; raises InputError if it isn't there."""

    @abstractmethod
    def read(self) -> State:
        """What is in force now; raises OutsideError where the system doesn't tell."""

    @abstractmethod
    def put(self, order: Order) -> None:
        """Put it in force; the same order again changes nothing more. Raises OutsideError where it fails."""


def kinds() -> dict[str, type[Target]]:
    """The systems there are, by the name that a configuration gives as its kind.

    Examples
    --------
    >>> sorted(kinds())
    ['command', 'mlflow', 'webhook']
    """
    modules = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    return {module.__name__.rpartition(".")[2]: module.TARGET for module in modules if hasattr(module, "TARGET")}


def target(config: Mapping[str, Any], source: str = "target") -> Target:
    """The system that a configuration speaks of.

    Raises
    ------
    UnknownNameError
        If there is no such kind.
    SchemaError
        That names every key that is wrong.

    Examples
    --------
    >>> target({"kind": "webhook", "url": "http://127.0.0.1:81", "secret_variable": "PLUMBLINE_TARGET_X"}).where
    'the webhook http://127.0.0.1:81'
    """
    known, kind = kinds(), str(config.get("kind"))
    if kind not in known:
        raise UnknownNameError("kind of target", kind, known)
    try:
        return known[kind].model_validate(dict(config))
    except ValidationError as error:
        problems = [(".".join(map(str, d["loc"])) or "target", d["msg"]) for d in error.errors()]
        raise SchemaError(source, problems) from error
