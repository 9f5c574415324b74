"""A model schema while a person works on it: values that may be wrong still, and why each was guessed."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import SchemaError
from core.schema import Role

__all__ = ["DECIDE", "SchemaDraft"]

DECIDE = "DECIDE: "
BARE_KEY = re.compile(r"^[A-Za-z0-9_-]+$")
OF_DESCRIBED = ("type", "protected", "segment", "reference_group", "importance")


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaDraft:
    """A schema as plain values, with a note on each guess under its key ('task', 'columns.income').

    Examples
    --------
    >>> draft = SchemaDraft(data={"task": "binary", "columns": {"a b": {"role": "label"}}}, notes={"task": "as given"})
    >>> print(draft.to_toml(), end="")
    task = "binary"    # as given
    <BLANKLINE>
    [columns]
    "a b" = { role = "label" }
    """

    data: dict[str, Any]
    notes: dict[str, str] = field(default_factory=dict)
    head: tuple[str, ...] = ()

    @classmethod
    def from_toml(cls, text: str, source: str = "schema") -> SchemaDraft:
        """Read what a person wrote; raises SchemaError where it is no TOML or its columns are no tables."""
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SchemaError(source, [("TOML", str(error))]) from error
        columns = data.get("columns", {})
        if not isinstance(columns, dict):
            raise SchemaError(source, [("columns", 'must be a table: [columns], then name = { role = "..." }')])
        wrong = [name for name, spec in columns.items() if not isinstance(spec, dict)]
        if wrong:
            raise SchemaError(source, [(f"columns.{name}", 'must be like { role = "feature" }') for name in wrong[:10]])
        return cls(data=data)

    @property
    def columns(self) -> dict[str, dict[str, Any]]:
        """What is said of each column."""
        columns: dict[str, dict[str, Any]] = self.data.get("columns", {})
        return columns

    @property
    def open_questions(self) -> dict[str, str]:
        """The guesses that a person must decide, by key."""
        return {key: note.removeprefix(DECIDE) for key, note in self.notes.items() if note.startswith(DECIDE)}

    def value(self, key: str) -> Any:
        """A value by its dotted key; None where there is none."""
        found: Any = self.data
        for part in key.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return found

    def edited(
        self, values: Mapping[str, Any] | None = None, columns: Mapping[str, Mapping[str, Any]] | None = None
    ) -> SchemaDraft:
        """The draft with other values, by dotted key, and with what is said of some columns; empty means leave out."""
        data: dict[str, Any] = {
            key: dict(value) if isinstance(value, dict) else value for key, value in self.data.items()
        }
        for key, value in (values or {}).items():
            table, _, name = key.rpartition(".")
            target = data.setdefault(table, {}) if table else data
            if value in (None, "", []):
                target.pop(name, None)
            else:
                target[name] = value
        for name, changes in (columns or {}).items():
            spec = {**self.columns.get(name, {}), **changes}
            data["columns"][name] = {key: value for key, value in spec.items() if _belongs(key, value, spec)}
        ordered = {key: value for key, value in data.items() if not isinstance(value, dict)}
        tables = {key: value for key, value in data.items() if isinstance(value, dict) and (value or key == "columns")}
        return SchemaDraft(data={**ordered, **tables}, notes=self.notes, head=self.head)

    def to_toml(self) -> str:
        """The schema as TOML, each note behind its line."""
        lines = [f"# {line}" for line in self.head]
        tables = {key: value for key, value in self.data.items() if isinstance(value, dict)}
        lines += [self._line(key, value, key) for key, value in self.data.items() if key not in tables]
        for name, table in tables.items():
            lines += ["", f"[{_key(name)}]"] if lines else [f"[{_key(name)}]"]
            lines += [self._line(key, value, f"{name}.{key}") for key, value in table.items()]
        return "\n".join(lines) + "\n"

    def _line(self, key: str, value: Any, path: str) -> str:
        note = self.notes.get(path, "")
        return f"{_key(key)} = {_toml(value)}{f'    # {_one_line(note)}' if note else ''}"


def _belongs(key: str, value: Any, spec: Mapping[str, Any]) -> bool:
    """Whether a value is worth writing down for a column of this role."""
    if value in (None, "", False) or (isinstance(value, (list, tuple)) and not value):
        return False
    if key in OF_DESCRIBED:
        return spec.get("role") in (Role.FEATURE, Role.ATTRIBUTE)
    return key != "class" or spec.get("role") == Role.SCORE


def _key(name: str) -> str:
    return name if BARE_KEY.match(name) else _toml(name)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(key)} = {_toml(item)}' for key, item in value.items())} }}" if value else "{}"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")


def _one_line(note: str) -> str:
    """A note that can stand behind '#': TOML comments hold no control characters."""
    return "".join(char if char.isprintable() else " " for char in note)
