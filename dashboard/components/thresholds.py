"""Another threshold: all gaps and both kinds of error at once, and what thresholds of their own would mean."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.charts.thresholds import Curve, threshold_chart
from core.fairness.groups import GroupRates, group_rates
from core.fairness.scores import GroupScores
from core.fairness.support import Cell
from core.fairness.thresholds import confusion_at, equalising_thresholds, rate_curves, thresholds
from core.services.fairness import DECISIONS, FairnessReport
from core.services.fairness_detail import AttributeDetail
from dashboard.components.groups import rate_name
from dashboard.components.measures import held
from dashboard.components.numbers import cell_table, show_chart
from dashboard.text import DASH, capital, count, in_cell, muted, number, plain, plural, signed
from dashboard.theme import palette

__all__ = ["show_thresholds"]

GAPS = (DECISIONS, "true_positive_rate", "false_positive_rate")
TABLE = (*GAPS, "positive_predictive_value")
STEPS = 200


def show_thresholds(report: FairnessReport, detail: AttributeDetail) -> None:
    """The slider, both panels, and the groups at the threshold chosen."""
    scores = detail.scores
    if scores is None:
        st.markdown("A threshold can be moved where a binary model logs its score; this one doesn't.")
        return
    places = thresholds(scores)
    start = report.threshold if report.threshold is not None else _as_decided(report, detail, scores)
    low, high = float(np.nextafter(places[1], -np.inf)) if len(places) > 1 else 0.0, float(places[-1])
    middle = min(max(start, low), high)
    chosen = st.slider(
        "Call positive what scores above",
        round(low, 6),
        round(high, 6),
        round(middle, 6),
        step=round((high - low) / STEPS, 6) or 1e-6,
        key="threshold",
        bind="query-params",
    )
    place = int(np.searchsorted(places, chosen, side="right") - 1)
    place = max(0, place)
    favours = detail.outcome.favourable == detail.outcome.positive
    _draw(report, scores, float(places[place]), favours=favours)
    rates = _rates(report, detail, scores, place)
    _table(report, rates)
    _own(report, detail, scores, rates, favours=favours)


def _as_decided(report: FairnessReport, detail: AttributeDetail, scores: GroupScores) -> float:
    """The threshold that would select as many as were selected: where to begin if the schema names none."""
    share = report.attribute(detail.attribute).everyone(DECISIONS)
    favours = detail.outcome.favourable == detail.outcome.positive
    overall = rate_curves(scores, DECISIONS, favours_positive=favours).overall
    if share is None or share.value is None or np.isnan(overall).all():
        return float(thresholds(scores)[len(overall) // 2])
    return float(thresholds(scores)[int(np.nanargmin(np.abs(overall - share.value)))])


def _rates(report: FairnessReport, detail: AttributeDetail, scores: GroupScores, place: object) -> GroupRates:
    positive, favourable = (
        detail.outcome.place(detail.outcome.positive),
        detail.outcome.place(detail.outcome.favourable),
    )
    return group_rates(
        confusion_at(scores, place, positive=positive or 0),  # type: ignore[arg-type]
        group_names=scores.group_names,
        positive=positive,
        favourable=favourable,
        min_support=report.policy.min_support,
    )


def _draw(report: FairnessReport, scores: GroupScores, chosen: float, *, favours: bool) -> None:
    labels = scores.by_class.sum(axis=0)
    denominators = dict(zip(GAPS, (scores.rows.sum(axis=0), labels[1], labels[0]), strict=True))
    gaps = []
    for rate in GAPS:
        curves = rate_curves(scores, rate, favours_positive=favours)
        enough = denominators[rate] >= report.policy.min_support
        told = np.where(enough[None, :], curves.by_group, np.nan)
        with np.errstate(invalid="ignore"):
            known = ~np.isnan(told).all(axis=1)
            widest = np.full(len(curves.thresholds), np.nan)
            widest[known] = np.nanmax(told[known], axis=1) - np.nanmin(told[known], axis=1)
        gaps.append(Curve(name=capital(rate_name(report, rate)), values=widest))
    alarms = rate_curves(scores, "false_positive_rate").overall
    hits = rate_curves(scores, "true_positive_rate").overall
    errors = [Curve(name="False positive rate", values=alarms), Curve(name="False negative rate", values=1 - hits)]
    chart = threshold_chart(
        thresholds(scores),
        gaps,
        errors,
        palette=palette(),
        chosen=chosen,
        chosen_words=f"Chosen: {chosen:.3g}.",
        in_force=report.threshold,
    )
    show_chart(chart, key="threshold_chart")
    n = count(int(scores.by_class.sum()))
    st.markdown(
        muted(
            f"{plural(len(report.labelled_span), 'window')} with labels, n {n} labelled. Groups of fewer than "
            f"{report.policy.min_support} rows of a rate's denominator are left out of the gaps. A gap is a maximum "
            "over groups, so chance alone keeps it above 0. Decisions as logged may follow more than a threshold: "
            "the numbers above are of what was decided."
        )
    )


def _table(report: FairnessReport, rates: GroupRates) -> None:
    header = ["Group", *(f"{plain(capital(rate_name(report, rate)))}" for rate in TABLE)]
    columns = {rate: {each.group: each for each in rates.of(rate)} for rate in TABLE}
    rows = []
    for group in columns[DECISIONS]:
        cells = []
        for rate in TABLE:
            mean = columns[rate][group]
            told = mean.cell is Cell.OK
            cells.append(
                f"{number(mean.value)}  \n{muted(in_cell(mean.interval))}"
                if told
                else f"{DASH}  \n{muted(held(f'n {count(mean.n)}'))}"
            )
        rows.append([held(plain(group)), *cells])
    gaps = []
    for rate in TABLE:
        told = [each.value for each in columns[rate].values() if each.cell is Cell.OK and each.value is not None]
        gaps.append(f"**{signed(max(told) - min(told)).removeprefix('+')}**" if len(told) > 1 else DASH)
    rows.append(["**Largest gap**", *gaps])
    cell_table(header, rows, alt="Rates by group at the threshold chosen")


def _own(
    report: FairnessReport, detail: AttributeDetail, scores: GroupScores, rates: GroupRates, *, favours: bool
) -> None:
    """What it would take to bring all groups to one rate; never without the risk."""
    if not st.toggle("A threshold of its own for each group", key="own_thresholds"):
        return
    target = rates.total(DECISIONS).value
    if target is None:
        st.markdown("There is no rate to aim at.")
        return
    found = equalising_thresholds(scores, DECISIONS, target, favours_positive=favours)
    with st.container(border=True, gap="xsmall"):
        st.markdown(":orange-badge[:material/gavel: Disparate treatment]")
        st.markdown(plain(found.risk))
    values = thresholds(scores)
    after = _rates(report, detail, scores, found.places)
    by_rate = {rate: {each.group: each for each in after.of(rate)} for rate in TABLE}
    rows = [
        [
            held(plain(group)),
            f"{values[place]:.3g}",
            *(number(by_rate[rate][group].value) if group in by_rate[rate] else DASH for rate in TABLE),
        ]
        for group, place in zip(scores.group_names, found.places, strict=True)
        if group in by_rate[DECISIONS]
    ]
    header = ["Group", "Threshold", *(plain(capital(rate_name(report, rate))) for rate in TABLE)]
    cell_table(header, rows, alt="Thresholds that give every group the same share")
    st.markdown(muted(f"Aimed at the share of all rows at the threshold chosen, {number(target)}."))
