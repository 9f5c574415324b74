"""One attribute closely: what the score does by group, like with like, why a gap moved, other tools' numbers."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import InputError
from core.measure import Measure
from core.services.audits import AuditRequest
from core.services.fairness import DECISIONS, AttributeReport, FairnessReport
from core.services.fairness_detail import AttributeDetail
from dashboard import cached
from dashboard.components.gaps import p_words
from dashboard.components.groups import rate_name
from dashboard.components.measures import held
from dashboard.components.numbers import cell_table, show_numbers
from dashboard.components.pickers import pick
from dashboard.text import DASH, capital, count, in_cell, measure_name, muted, number, plain, plural, signed

__all__ = ["show_change", "show_peers", "show_score", "show_strata"]

SCORE = (
    "roc_auc",
    "cross_auc_positives",
    "cross_auc_negatives",
    "calibration_slope",
    "calibration_intercept",
    "observed_over_expected",
    "expected_calibration_error",
    "balance_positives",
    "balance_negatives",
    "score_wasserstein",
    "score_kolmogorov_smirnov",
)
ODDS = ("average_odds_difference_to_rest", "average_absolute_odds_difference_to_rest", "treatment_equality")
READ = {
    "roc_auc": "how well it ranks inside the group",
    "cross_auc_positives": "its positives above others' negatives",
    "cross_auc_negatives": "others' positives above its negatives",
    "calibration_slope": "1 is calibrated; below it, scores are too extreme",
    "calibration_intercept": "0 is calibrated; above it, scores are too low",
    "observed_over_expected": "1 is calibrated; above it, scores are too low",
    "expected_calibration_error": "mean distance of score and outcome",
    "balance_positives": "mean score of those labelled positive",
    "balance_negatives": "mean score of those labelled negative",
    "score_wasserstein": "how far scores lie from all others'",
    "score_kolmogorov_smirnov": "largest gap at any threshold",
    "average_odds_difference_to_rest": "can cancel",
    "average_absolute_odds_difference_to_rest": "can't cancel",
    "treatment_equality": "misses for each false alarm",
}


def show_score(detail: AttributeDetail) -> None:
    """Ranking, calibration, balance and odds by group, and what cannot hold together."""
    with st.container(border=True, gap="xsmall"):
        st.markdown("**What cannot hold together**")
        st.markdown(plain(detail.incompatibility.words))
    named = {capital(measure_name(name)): name for name in (*SCORE, *ODDS) if detail.of(name)}
    if not named:
        st.markdown("Nothing here has a value: there is no score, or no label yet.")
        return
    name = named[pick("Of the score and its errors", list(named), "of_score", most=0)]
    _by_group(detail, name)
    _overall(detail)


def _by_group(detail: AttributeDetail, name: str) -> None:
    gaps = {m.segment: m for m in detail.of(f"{name}_difference_to_rest")}
    rows = []
    for measure in detail.of(name):
        gap = gaps.get(measure.segment)
        rows.append(
            [
                held(plain(measure.segment)),
                _value(measure),
                count(measure.n),
                DASH
                if gap is None or gap.value is None
                else f"{held(signed(gap.value, name))}  \n{muted(in_cell(gap.interval, name))}",
                held(p_words((gap or measure).p_value)),
            ]
        )
    cell_table(
        ["Group", plain(capital(measure_name(name))), "n", "Against the rest", "By chance?"],
        rows,
        alt=f"{measure_name(name)} by group",
    )
    convention = next((m.convention for m in detail.of(name)), "")
    n = plural(len(detail.windows), "window")
    st.markdown(muted(f"{plain(capital(READ[name]))}. {n} with labels. {plain(capital(convention))}. Not judged."))


def _value(measure: Measure) -> str:
    if measure.value is None:
        return f"{DASH}  \n{muted(plain(measure.why))}"
    below = in_cell(measure.interval, measure.measure) or "no interval"
    return f"**{number(measure.value, measure.measure)}**  \n{muted(below)}"


def _overall(detail: AttributeDetail) -> None:
    """What is one number for all groups."""
    rows: list[tuple[str, str, str]] = []
    for name in ("equalized_odds_difference", "equalized_odds_mean_difference", "equalized_odds_ratio"):
        for measure in detail.of(name):
            interval = in_cell(measure.interval, measure.measure)
            rows.append((capital(measure_name(name)), f"{number(measure.value, name)} {interval}".strip(), measure.why))
    one_line = "Is one calibration line enough for all?"
    rows += [(one_line, p_words(measure.p_value), measure.why) for measure in detail.of("calibration_gap")]
    if detail.inequality is not None:
        found = detail.inequality
        words = "0 if all get what they deserve alike"
        rows.append(("Generalised entropy of benefits", f"{found.generalized_entropy:.4f}", words))
        rows.append(("Theil index of benefits", f"{found.theil:.4f}", words))
        rows.append(("Of the entropy, between groups", f"{found.between_groups:.4f}", "the part that groups explain"))
    show_numbers(["Over all groups", "Value", "Read as"], rows, alt="Measures over all groups", label="Over all groups")


def show_strata(report: FairnessReport, attribute: AttributeReport, request: AuditRequest, rate: str) -> None:
    """Groups compared among rows of one segment value, and pooled."""
    columns = sorted({name.partition("=")[0] for name in report.context.segments} - {attribute.attribute})
    if not columns or report.context.selection.segment:
        inside = "Choose everyone: rows of one segment can't be cut again."
        st.markdown(inside if report.context.selection.segment else "The schema declares no other segment column.")
        return
    by = pick("Among rows of the same", columns, "stratum")
    try:
        found = cached.conditional(request, attribute.attribute, by, rate)
    except InputError as error:
        st.markdown(plain(error))
        return
    rows = []
    for gap in found:
        pooled = gap.pooled
        rows.append(
            [
                held(plain(gap.group)),
                count(gap.n),
                DASH if gap.crude is None else held(signed(gap.crude)),
                DASH
                if pooled.risk_difference is None
                else f"**{held(signed(pooled.risk_difference))}**  \n{muted(in_cell(pooled.risk_difference_interval))}",
                DASH
                if pooled.odds_ratio is None
                else f"{pooled.odds_ratio:.2f}  \n{muted(in_cell(pooled.odds_ratio_interval, 'impact_ratio'))}",
                held(p_words(gap.p_value)),
            ]
        )
    cell_table(
        ["Group", "n", "As it stands", "Among alike, pooled", "Odds ratio", "By chance?"],
        rows,
        alt=f"Groups compared among rows of the same {by}",
    )
    turned = [gap.group for gap in found if gap.changes_sides]
    if turned:
        st.markdown(plain(f"Among alike the gap changes sides for {', '.join(turned)}: the mix alone made it."))
    st.markdown(
        muted(
            "Mantel and Haenszel's pooled difference and odds ratio, Cochran's test, Holm over the groups. A factor "
            "that itself follows from group membership explains nothing away: whether it is legitimate is a judgement."
        )
    )


def show_change(report: FairnessReport, attribute: AttributeReport, request: AuditRequest) -> None:
    """The change of a group's gap in selections since the reference, split."""
    groups = [mean.group for mean in attribute.rates.of(DECISIONS)] if attribute.rates else []
    if not groups:
        st.markdown("No group has rows.")
        return
    group = st.selectbox("Group whose gap", groups, key="moved_group", width=280)
    found = cached.gap_change(request, attribute.attribute, group)
    if found is None:
        st.markdown("It takes a model of two classes, a reference, and production records.")
        return
    if found.change is None or not found.parts:
        st.markdown(plain(f"It can't be split. {found.why}"))
        return
    moved = f"moved by {signed(found.change)}, from {signed(found.before)} to {signed(found.after)}"
    st.markdown(plain(f"The gap in the {rate_name(report, DECISIONS)} of {group} {moved}."))
    read = {
        "base rate": "outcomes inside the groups changed",
        "group mix": "the others are made up of other groups",
        "model": "like cases are decided differently",
    }
    rows = [
        [capital(part.name), f"**{held(signed(part.value))}**  \n{muted(in_cell(part.interval))}", read[part.name]]
        for part in found.parts
    ]
    cell_table(["Part", "Of the change", "Read as"], rows, alt="The change of the gap, split")
    n = f"n {count(found.n_before)} of the group in the reference, {count(found.n_after)} now"
    st.markdown(
        muted(
            f"{plain(found.why)} {n}. A mean over all orders of change (Kitagawa, Oaxaca; Shapley); intervals from 400 "
            "draws. Where a decision settles who gets a label, the labelled are not the applicants."
        )
    )


def show_peers(attribute: AttributeReport, request: AuditRequest) -> None:
    """Fairlearn's numbers of the same counts, and where this page says otherwise."""
    found = cached.peers(request, attribute.attribute)
    if not found:
        st.markdown("Fairlearn's measures take a model of two classes, and rows with decision and label.")
        return
    rows: Sequence[Sequence[str]] = [
        [plain(each.name), DASH if each.value is None else f"{each.value:.6f}", plain(each.note or "the same here")]
        for each in found
    ]
    cell_table(["Fairlearn", "Value", "Plumbline"], rows, alt="Fairlearn's measures of the same counts")
    st.markdown(
        muted(
            "Computed by Fairlearn itself on the same counts of labelled rows. They are largest gaps, which chance "
            "alone keeps above 0: no verdict rests on them."
        )
    )
