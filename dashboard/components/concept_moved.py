"""What moved beside the verdict on the concept: three distributions, streaming detectors, shares without labels."""

from __future__ import annotations

import streamlit as st

from core.measure import Status
from core.services.concept import ConceptReport
from core.services.concept_views import signal_windows
from core.services.distributions import ChangeDate, Distribution
from core.services.observations import Context
from dashboard.components.measures import held
from dashboard.components.numbers import cell_table, show_numbers
from dashboard.text import capital, chip, count, in_cell, listed, muted, number, plain, plural, window_name

__all__ = ["show_detectors", "show_distributions", "show_label_shift"]

NAMES = {"P(x)": "Inputs", "P(y)": "Outcomes", "P(y | score)": "Outcomes given the score"}
WORDS = {Status.WARNING: "Moved", Status.CRITICAL: "Moved", Status.OK: "Not moved"}
MOST_SIGNALS = 4


def show_distributions(report: ConceptReport) -> None:
    """Whether inputs, outcomes, and what ties them moved, and since when."""
    if not report.distributions:
        return
    st.subheader("What moved, since when?", anchor=False)
    rows = [
        [
            f"**{NAMES[each.symbol]}**  \n{muted(held(plain(each.symbol)))}",
            f"{_chip(each, report.context)}  \n{_since(each.date)}".rstrip(),
            plain(capital(each.why)) + _columns(each),
        ]
        for each in report.distributions
    ]
    cell_table(["Distribution", "Moved, since", "What is known"], rows, alt="Which distributions moved")
    st.markdown(
        muted(
            "Since: where the level that stands now begins, and the windows that this could be with at least 90% "
            "confidence. Inputs and outcomes given the score are the watch's verdicts; outcomes are told afterwards."
        )
    )


def _chip(each: Distribution, context: Context) -> str:
    if each.status is Status.INSUFFICIENT and not context.arming.is_armed:
        return chip(each.status, "Not armed")
    if each.status is Status.INSUFFICIENT and not each.is_watched:  # nothing says what would have been seen
        return chip(each.status, "Not judged")
    return chip(each.status, WORDS.get(each.status))


def _since(date: ChangeDate | None) -> str:
    if date is None:
        return ""
    first, earliest, latest = (plain(window_name(w.window)) for w in (date.first, date.earliest, date.latest))
    between = "no other window" if earliest == latest else f"{earliest} to {latest}"
    return f"**{capital(first)}**  \n{muted(between)}"


def _columns(each: Distribution) -> str:
    return f": {plain(listed(list(each.columns)))}" if each.columns else ""


def show_detectors(report: ConceptReport) -> None:
    """What the detectors of the streaming literature say of the share of wrong predictions."""
    st.subheader("What do streaming detectors say?", anchor=False)
    views = report.detectors
    if views.why:
        st.markdown(muted(plain(views.why)))
        return
    rows, every = [], []
    for found in views.found:
        signals = list(signal_windows(views, found))
        for window, side, of_reference in signals:
            where = "reference" if of_reference else "production"
            every.append((found.detector, window_name(window.window), "rise" if side > 0 else "fall", where))
        later = [(window, side) for window, side, of_reference in signals if not of_reference]
        said = [f"{window_name(window.window)} {'▲' if side > 0 else '▼'}" for window, side in later]
        words = ", ".join(held(plain(word)) for word in said[-MOST_SIGNALS:]) or "none"
        more = f"{len(said) - MOST_SIGNALS} earlier, " if len(said) > MOST_SIGNALS else ""
        n_before = len(signals) - len(later)
        before = f"  \n{muted(f'{n_before} in the reference, where nothing is known to change')}" if n_before else ""
        known = f"  \n{muted(plain(found.false_alarms))}"
        rows.append([held(f"**{plain(found.detector)}**"), f"{more}{words}{before}{known}"])
    cell_table(["Detector", "Signals, and what is known of its false alarms"], rows, alt="What streaming detectors say")
    first = views.found[0]
    st.markdown(
        muted(
            "Views only: none of them opens an alert. Share of wrong predictions in "
            f"{plural(first.n_windows, 'window')}, n {count(first.n)}, the reference's first; looked at once a window. "
            "▲ rise, ▼ fall of the error rate."
        )
    )
    show_numbers(["Detector", "Window", "Side", "Where"], every, alt="Every signal", label="Every signal")
    conventions = [(found.detector, found.convention) for found in views.found]
    show_numbers(["Detector", "Convention"], conventions, alt="How detectors are set", label="How they are set")


def show_label_shift(report: ConceptReport) -> None:
    """How often each class occurs now, told without labels, and whether that is believable."""
    if report.label_shift is None:
        return
    found, window = report.label_shift
    name = plain(window_name(window.window))
    st.subheader("How often does each class occur now, without waiting for labels?", anchor=False)
    if not found.classes:
        st.markdown(f"{chip(Status.INSUFFICIENT, 'Can not be told')} {plain(found.why)}")
        return
    trust = {
        True: chip(Status.INSUFFICIENT, "Not contradicted"),  # a fit that passes proves no cause
        False: chip(Status.WARNING, "Not label shift alone"),
        None: chip(Status.INSUFFICIENT, "Not checked"),
    }[found.holds]
    st.markdown(f"{trust} {plain(found.why)}".strip())
    rows = [
        [
            held(plain(each.name)),
            f"**{number(each.share)}**  \n{muted(held(in_cell(each.interval)))}",
            number(each.reference),
        ]
        for each in found.classes
    ]
    cell_table(["Class", "Share now, 95% interval", "Reference"], rows, alt="Shares of classes without labels")
    p_value = "" if found.p_value is None else f", check p {found.p_value:.3f}"
    st.markdown(
        muted(
            f"{capital(name)}, n {count(found.n)}, no label used: right only if rows of a class look as they did. "
            f"Confusion matrix of {count(found.n_reference)} labelled reference rows, condition "
            f"{found.condition or 0:.1f}{p_value} (Lipton et al. 2018)."
        )
    )
