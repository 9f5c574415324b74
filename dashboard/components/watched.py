"""Verdicts of the watch in words, for whichever page shows them."""

from __future__ import annotations

from core.alarms.watch import Light
from core.measure import Measure, Status
from core.services.observations import Context
from core.services.promise import SubjectInfo
from core.services.watch_report import IncidentInfo
from dashboard.text import CHIP_WORDS, MINUS, number, plain

__all__ = ["incident_words", "is_grey", "shown_words"]


SHARES = {
    "missing": "the share of missing cells",
    "outside": "the share of values outside anything seen",
    "invalid": "the share of cells that can't be read",
}


def is_grey(measure: Measure) -> bool:
    """Whether nothing can be said of a series, as it isn't monitorable or the reference is too small."""
    return measure.status is Status.INSUFFICIENT and measure.why.startswith(("Not monitorable", "Left out", "The ref"))


def shown_words(measure: Measure, context: Context) -> str:
    """What the chip of a measure says."""
    if measure.status is Status.INSUFFICIENT:
        if not context.arming.is_armed:
            return "Not armed"
        if measure.why.startswith("Not monitorable"):
            return "Not monitorable"
        if measure.why.startswith("not judged yet"):
            return "Not judged yet"
        if measure.why.startswith("Left out"):
            return "Left out"
    if context.arming.asks and measure.status is Status.WARNING:
        return "Differs"
    return CHIP_WORDS[measure.status]


def incident_words(incident: IncidentInfo, subject: SubjectInfo | None) -> str:
    """What moved and how far, in a sentence of Markdown."""
    beyond = (
        "moved by more than its margin" if incident.light is Light.MATERIAL else "changed, within its margin so far"
    )
    what = {"location": "its location", "spread": "its spread"}.get(incident.monitor)
    named = what or f"the share of {plain(incident.monitor)}"
    if subject is not None:
        named = SHARES.get(subject.key.split("/")[0], named)
    way = "up" if incident.sign > 0 else "down"
    size = _size(incident, subject)
    return f"It {beyond}: {named} went {way}{size} in the window it fired in."


def _size(incident: IncidentInfo, subject: SubjectInfo | None) -> str:
    """By so many standard deviations; of a share from and to."""
    if subject is not None and subject.is_share and subject.mean is not None and subject.sigma:
        after = subject.mean + incident.shift * subject.sigma
        return f" from {number(subject.mean)} to {number(after)}"
    shift = f"{abs(incident.shift):.2g}".replace("-", MINUS)
    return f" by {shift} standard deviations" if abs(incident.shift) < 100 else ""
