"""What alerts are called: what moved and which way, in a few words."""

from __future__ import annotations

from collections.abc import Sequence

from core.measure import Family
from core.services.panel import GAPS
from core.storage.alerting import IncidentRow

__all__ = ["subject_words", "title_of"]

MOST_NAMED = 3
MEASURES = {
    "roc_auc": "ROC AUC",
    "brier_score": "the Brier score",
    "mae": "the mean absolute error",
    "bias": "the mean error",
}


def title_of(rows: Sequence[IncidentRow]) -> str:
    """What moved, in a sentence: the largest shifts first.

    Examples
    --------
    >>> row = IncidentRow(subject="values/income", family="data_drift", column="income", monitor="location",
    ...     sign=-1, shift=-0.4)
    >>> title_of([row])
    'income moved down.'
    """
    parts = []
    order = [Family.PERFORMANCE, Family.CONCEPT_DRIFT, Family.FAIRNESS, Family.DATA_QUALITY, Family.DATA_DRIFT]
    for family in order:
        inside = sorted((row for row in rows if row.family == family), key=lambda row: -abs(row.shift))
        if not inside:
            continue
        columns = [row for row in inside if family is Family.DATA_DRIFT and row.column]
        if columns:
            way = f"moved{_way(columns[0])}" if len(columns) == 1 else "moved"
            parts.append(f"{_listed([row.column for row in columns])} {way}")
        others = [subject_words(row.subject, row.sign) for row in inside if row not in columns]
        if others:
            parts.append(_listed(others))
    text = "; ".join(parts)
    begins_with_column = any(row.column and text.startswith(row.column) for row in rows)
    return f"{text[:1] if begins_with_column else text[:1].upper()}{text[1:]}."


def subject_words(subject: str, sign: int) -> str:
    """What a subject and its direction say, in a few words.

    Examples
    --------
    >>> subject_words("selection_rate/sex=f", -1)
    'the selection rate of f (sex) is lower than that of all others'
    >>> subject_words("missing/income", 1), subject_words("performance/roc_auc", -1), subject_words("volume", 1)
    ('more of income is missing', 'ROC AUC fell', 'more records')
    """
    kind, _, name = subject.partition("/")
    more, way = ("more", "rose") if sign > 0 else ("less", "fell")
    if kind == "performance":
        if name == "accuracy":  # its subject is the share of wrong predictions
            way = "fell" if sign > 0 else "rose"
        return f"{MEASURES.get(name, name.replace('_', ' '))} {way}"
    if kind in GAPS:
        attribute, _, group = name.partition("=")
        way = "lower" if sign < 0 else "higher"
        return f"the {kind.replace('_', ' ')} of {group} ({attribute}) is {way} than that of all others"
    words = {
        "values": f"{name} moved",
        "missing": f"{more} of {name} is missing",
        "invalid": f"{more} of {name} can't be read",
        "outside": f"{more} of {name} is outside anything the reference had",
        "volume": "more records" if sign > 0 else "fewer records",
        "duplicates": f"{'more' if sign > 0 else 'fewer'} repeated ids",
        "concept": "outcomes no longer follow the score as they did",
        "classifier": "rows as a whole can be told from the reference's",
        "reconstruction": "rows as a whole don't hang together as they did",
    }
    return words.get(kind, f"{subject.replace('_', ' ')} {way}")


def _way(row: IncidentRow) -> str:
    if row.monitor == "location":
        return " up" if row.sign > 0 else " down"
    return ""


def _listed(names: Sequence[str]) -> str:
    if len(names) > MOST_NAMED:
        return f"{', '.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
