"""The fairness policies at hand: those that ship with Plumbline, and those that somebody put in the workspace."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from core.errors import InputError, UnknownNameError
from core.fairness.policy import DEFAULT_POLICY, FairnessPolicy

__all__ = ["PolicyShelf", "read_policies"]

MOST_BYTES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyShelf:
    """Every policy that could be read, the default first; ``problems`` say of each file that couldn't be, why."""

    policies: tuple[FairnessPolicy, ...]
    problems: tuple[str, ...]

    def named(self, name: str) -> FairnessPolicy:
        """One policy; raises UnknownNameError."""
        found = next((policy for policy in self.policies if policy.name == name), None)
        if found is None:
            raise UnknownNameError("fairness policy", name, [policy.name for policy in self.policies])
        return found

    def of_model(self, model: str) -> FairnessPolicy:
        """The policy that names a model as its own, the default if none does."""
        return next((policy for policy in self.policies if model in policy.models), DEFAULT_POLICY)


def read_policies(folder: Path) -> PolicyShelf:
    """Read the shipped policies, and the TOML files of a workspace's folder; one that can't be read stops no other."""
    shipped = files("core.fairness").joinpath("policies")
    found = {
        name: FairnessPolicy.from_toml(shipped.joinpath(f"{name}.toml").read_text(encoding="utf-8"), name)
        for name in sorted(entry.name.removesuffix(".toml") for entry in shipped.iterdir() if _is_toml(entry.name))
    }
    problems = []
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else []:
        try:
            found[path.stem] = _read(path)
        except (InputError, OSError, UnicodeDecodeError) as error:
            problems.append(f"{path.name}: {error}")
    first = found.pop(DEFAULT_POLICY.name)
    return PolicyShelf(policies=(first, *found.values()), problems=tuple(problems))


def _read(path: Path) -> FairnessPolicy:
    if path.stem == DEFAULT_POLICY.name:
        raise InputError(f"the name {path.stem!r} is taken by the default; give the file another name.")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"is larger than the {MOST_BYTES:,} bytes a policy may have.")
    return FairnessPolicy.from_toml(path.read_text(encoding="utf-8"), path.stem)


def _is_toml(name: str) -> bool:
    return name.endswith(".toml")
