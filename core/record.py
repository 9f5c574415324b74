"""What a stored record is: what its batch is for, and the names of Plumbline's own columns.

'@' keeps those names apart from the log's.
"""

from __future__ import annotations

from enum import StrEnum

from core.schema import ModelSchema, Task

__all__ = [
    "EXPLORED",
    "ID",
    "LABEL",
    "LABEL_TIME",
    "LINE",
    "PREDICTION",
    "SHADOW",
    "TIMESTAMP",
    "VARIANT",
    "VERSION",
    "WEIGHT",
    "BatchRole",
    "score_columns",
]

ID = "@id"
TIMESTAMP = "@timestamp"
VERSION = "@version"
PREDICTION = "@prediction"
LABEL = "@label"
LABEL_TIME = "@label_time"
VARIANT = "@variant"
WEIGHT = "@weight"
EXPLORED = "@explored"
LINE = "@line"
SHADOW = "shadow"  # the variant whose rows are kept but never counted with live traffic


class BatchRole(StrEnum):
    """What a batch of records is for."""

    REFERENCE = "reference"
    PRODUCTION = "production"
    EVALUATION = "evaluation"
    BASELINE = "baseline"  # a copy of production records that a decision made the reference


def score_columns(schema: ModelSchema) -> dict[str, str]:
    """Stored score columns by class; the key is '' for a binary model, and a regression has none.

    Examples
    --------
    >>> score_columns(ModelSchema.from_dict({"task": "binary", "window": {"rows": 5},
    ...     "outcome": {"classes": ["0", "1"]}, "columns": {"p": {"role": "score"}}}))
    {'': '@score'}
    """
    if schema.task is Task.REGRESSION:
        return {}
    return {label: f"@score:{label}" if label else "@score" for label in schema.scores}
