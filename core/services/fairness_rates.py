"""Which rows a fairness report is about: the outcome that counts, the windows, and rates of groups over them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.errors import UnknownNameError
from core.fairness.groups import RATES, GroupRates, group_rate, group_rates
from core.fairness.policy import FairnessPolicy
from core.schema import Task
from core.services.fairness_identified import identified_rates
from core.services.observations import Context, Observations, WindowInfo

__all__ = ["DECISIONS", "Outcome", "labelled_span", "merged", "rates_of", "span_to", "used_cells"]

DECISIONS = "selection_rate"  # the rate that needs no label
SPAN = 13  # windows that are taken together, so that small groups can be told


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What counts as positive and as favourable: the schema's, or one class of many against all others."""

    positive: str | None
    favourable: str | None
    favourable_word: str
    classes: tuple[str, ...]

    @classmethod
    def of(cls, observations: Observations, of_class: str | None) -> Outcome:
        """The schema's outcome, or that of one class; raises UnknownNameError."""
        schema, classes = observations.schema, observations.spec.classes
        if of_class is None:
            return cls(
                positive=schema.positive,
                favourable=schema.favourable,
                favourable_word=schema.outcome.favourable_word,
                classes=classes,
            )
        if of_class not in classes:
            raise UnknownNameError("class", of_class, classes)
        return cls(positive=of_class, favourable=of_class, favourable_word=f"called {of_class}", classes=classes)

    def place(self, name: str | None) -> int | None:
        """A class's place on the class axes."""
        return None if name is None else self.classes.index(name)


def labelled_span(observations: Observations) -> tuple[WindowInfo, ...]:
    """The last mature windows up to the one looked at."""
    return span_to(observations.context, observations.mature)


def span_to(context: Context, windows: Sequence[WindowInfo]) -> tuple[WindowInfo, ...]:
    """The last of some windows up to the one looked at."""
    focus = context.focus
    if focus is None:
        return ()
    return tuple(window for window in windows if window.window.key <= focus.window.key)[-SPAN:]


def used_cells(observations: Observations, crossing: str, windows: Iterable[WindowInfo]) -> tuple[int, ...]:
    """The cells of a crossing to list: all of the reference's groups, and others that hold rows."""
    spec = observations.spec
    usual = [set(spec.groups[name]) for name in spec.crossings[crossing]]
    n_rows = observations.joint(windows, crossing).sum(axis=(0, 1, 2))
    return tuple(
        place
        for place, cell in enumerate(spec.cells(crossing))
        if n_rows[place] or all(group in known for group, known in zip(cell, usual, strict=True))
    )


def rates_of(
    observations: Observations,
    attribute: str,
    windows: Iterable[WindowInfo] | None,
    policy: FairnessPolicy,
    outcome: Outcome,
    *,
    places: Sequence[int] | None = None,
) -> GroupRates:
    """The rates of an attribute's groups, or of some cells of a crossing, over windows; None means the reference."""
    joint = observations.reference_joint(attribute) if windows is None else observations.joint(windows, attribute)
    confusion, names = joint.sum(axis=0), observations.spec.group_names(attribute)
    if places is not None:
        confusion, names = confusion[:, :, np.array(places, dtype=np.int64)], tuple(names[place] for place in places)
    positive = outcome.place(outcome.positive)
    found = group_rates(
        confusion,
        group_names=names,
        positive=positive,
        favourable=outcome.place(outcome.favourable),
        min_support=policy.min_support,
        confidence=policy.confidence,
    )
    if observations.spec.task is not Task.BINARY or positive is None:
        return found
    return identified_rates(
        found,
        confusion,
        group_names=names,
        classes=observations.spec.classes,
        positive=positive,
        explored=observations.explored(windows),
    )


def merged(decided: GroupRates, labelled: GroupRates) -> GroupRates:
    """Rates of decisions over one span and of labels over another; a group of either is listed in all of them."""
    groups = list(dict.fromkeys(rate.group for rate in (*decided.rates, *labelled.rates)))
    kept = []
    for measure in RATES:
        found = {rate.group: rate for rate in (decided if measure == DECISIONS else labelled).of(measure)}
        for group in groups:
            nobody = group_rate(0, 0, measure=measure, group=group, n_rows=0, confidence=decided.confidence)
            kept.append(found.get(group, nobody))
    return replace(decided, rates=tuple(kept))
