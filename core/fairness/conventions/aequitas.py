"""Aequitas' rates and disparities by their names, without its test and without its 10 for a division by 0."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import UnknownNameError
from core.fairness.groups import GroupRates

__all__ = ["NAMES", "AequitasDisparity", "aequitas_disparities", "aequitas_rates"]

NAMES = {  # its names, and what they are here
    "pprev": "selection_rate",
    "tpr": "true_positive_rate",
    "fpr": "false_positive_rate",
    "fnr": "false_negative_rate",
    "tnr": "true_negative_rate",
    "precision": "positive_predictive_value",
    "npv": "negative_predictive_value",
    "fdr": "false_discovery_rate",
    "for": "false_omission_rate",
    "accuracy": "accuracy",
    "prev": "prevalence",
}
BAND = (0.8, 1.25)


@dataclass(frozen=True, slots=True, kw_only=True)
class AequitasDisparity:
    """A group's rate over the reference group's; None where that is 0 or has no value. ``is_in_band``: 0.8 to 1.25."""

    name: str
    group: str
    value: float | None
    is_in_band: bool | None


def aequitas_rates(rates: GroupRates) -> dict[str, dict[str, float | None]]:
    """Rates by name and group, `ppr` among them: a group's share of all positive predictions, and no rate of its own.

    Examples
    --------
    >>> import numpy as np
    >>> from core.fairness.groups import group_rates
    >>> confusion = np.zeros((3, 3, 2), dtype=np.int64)
    >>> confusion[1, 1], confusion[0, 0] = (3, 1), (1, 3)
    >>> found = aequitas_rates(group_rates(confusion, group_names=("a", "b"), positive=1, favourable=1))
    >>> found["pprev"], found["ppr"]
    ({'a': 0.75, 'b': 0.25}, {'a': 0.75, 'b': 0.25})
    """
    found = {name: {each.group: each.value for each in rates.of(rate)} for name, rate in NAMES.items()}
    selected = {each.group: each.k for each in rates.of("selection_rate")}
    total = sum(selected.values())
    found["ppr"] = {group: k / total if total else None for group, k in selected.items()}
    return found


def aequitas_disparities(rates: GroupRates, *, reference_group: str) -> tuple[AequitasDisparity, ...]:
    """What would Aequitas print as disparities against a named group?

    Its significance is not among them: it tests a false positive rate on predicted positives, where it doesn't live.

    Raises
    ------
    UnknownNameError
        If the reference group doesn't exist.

    References
    ----------
    P. Saleiro et al. (2018), doi:10.48550/arXiv.1811.05577.
    """
    found = []
    for name, by_group in aequitas_rates(rates).items():
        if reference_group not in by_group:
            raise UnknownNameError("group", reference_group, by_group)
        base = by_group[reference_group]
        for group, value in by_group.items():
            ratio = None if value is None or not base else value / base
            within = None if ratio is None else BAND[0] <= ratio <= BAND[1]
            found.append(AequitasDisparity(name=f"aequitas.{name}", group=group, value=ratio, is_in_band=within))
    return tuple(found)
