"""What rows answer and counts can't: the worst subgroups, proxies, whether like rows are decided alike, records."""

from __future__ import annotations

import streamlit as st

from core.errors import InputError
from core.fairness.groups import COMPLEMENTS, LOWER_IS_WORSE
from core.governance.identity import Right
from core.measure import Status
from core.services.audits import AuditRequest
from core.services.fairness import DECISIONS, AttributeReport, FairnessReport
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.groups import rate_name
from dashboard.components.measures import held
from dashboard.components.numbers import cell_table, show_numbers
from dashboard.components.permission import refused
from dashboard.components.subgroups import pick_depth, show_scan
from dashboard.opened import workspace
from dashboard.text import count, in_cell, in_sentence, muted, number, plain, plural

__all__ = ["show_consistency", "show_proxies", "show_records", "show_subgroups"]

NO_ROWS = "No row of these windows is kept at hand: the schema's `sample.rows` says how many are."
ANY = "any"
MOST_FEATURES = 12
N_RECORDS = 50


def show_subgroups(report: FairnessReport, request: AuditRequest, rate: str) -> None:
    """Subgroups found on one half of the rows and confirmed on the other."""
    found = cached.subgroups(request, rate, pick_depth())
    if found is None:
        st.markdown(NO_ROWS)
        return
    alt = f"Subgroups with the worst {rate_name(report, rate)}"
    show_scan(*found, alt=alt, cut_by="Protected attributes and the model's features")


def show_proxies(attribute: AttributeReport, request: AuditRequest) -> None:
    """How well the features give the attribute away."""
    name = attribute.attribute
    found = cached.proxies(request, name)
    if found is None:
        st.markdown(NO_ROWS)
        return
    check, basis = found
    st.markdown(plain(check.words))
    if check.groups:
        rows = [
            [held(plain(g.group)), f"**{g.value:.3f}**  \n{muted(in_cell(g.interval, 'roc_auc'))}", count(g.n)]
            for g in check.groups
        ]
        cell_table(["Group", "Told from all others (AUC)", "n"], rows, alt=f"How well the features tell {name}")
    features = [
        (each.feature, f"{each.importance:+.3f}", f"{each.spread:.3f}", f"{each.alone:.3f}")
        for each in check.features[:MOST_FEATURES]
    ]
    if features:
        header = ["Feature", "AUC lost without it", "Spread over folds", "AUC of it alone"]
        show_numbers(header, features, alt=f"Which features tell {name}", label="Which features")
    st.markdown(
        muted(
            f"{plain(basis.words)} {count(check.n)} of them of a known group were used. Trees that never saw the row; "
            "0.5 is chance. A model that isn't shown the attribute can still act on what gives it away."
        )
    )


def show_consistency(request: AuditRequest) -> None:
    """Whether rows alike in their features are decided alike."""
    try:
        found = cached.consistency(request)
    except InputError as error:
        st.markdown(muted(plain(error)))
        return
    if found is None:
        return
    value, basis = found
    st.markdown(
        f"Rows that are alike in their features are decided alike in **{_share(value.value)}** "
        f"{plain(in_sentence(value.interval))} of comparisons with their {value.n_neighbours} nearest."
    )
    st.markdown(muted(f"{plain(basis.words)} {count(value.n)} of them compared (consistency, Zemel et al. 2013)."))


def show_records(report: FairnessReport, attribute: AttributeReport, request: AuditRequest, rate: str) -> None:
    """Single records of a group, or of a group within groups, for those who audit."""
    actor = current_actor()
    if not actor.may(Right.AUDIT):
        refused(actor, Right.AUDIT, "Single records")
        return
    counts = {"All": None, **_sides(report, rate)}
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        where = {}
        for each in report.attributes:
            groups = [mean.group for mean in each.rates.of(rate)] if each.rates else []
            first = _farthest(attribute, rate, groups) if each.attribute == attribute.attribute else ANY
            options = [ANY, *groups]
            key = f"records_{each.attribute}"
            group = st.selectbox(each.attribute, options, index=options.index(first), key=key, width=200)
            if group != ANY:
                where[each.attribute] = group
        side = st.selectbox("Which", list(counts), key=f"records_side_{rate}", width=220)
    found = workspace().audited_rows.records(actor, request, where, rate=rate, counts=counts[side], limit=N_RECORDS)
    if found is None:
        st.markdown(NO_ROWS)
        return
    some, basis = found
    shown = min(some.n, N_RECORDS)
    st.markdown(f"{plural(some.n, 'record')} of the sample; {count(shown)} shown." if some.n else "No sampled record.")
    if some.n:
        st.dataframe(some.records, hide_index=True, height=320, alt="Sampled records")
    st.markdown(muted(f"{plain(basis.words)} Records name persons: look no further than the question needs."))


def _share(value: float) -> str:
    return number(value, DECISIONS)


def _sides(report: FairnessReport, rate: str) -> dict[str, bool]:
    if rate == DECISIONS:
        word = report.favourable_word
        return {word: True, f"not {word}": False}
    name = rate_name(report, COMPLEMENTS.get(rate, rate))
    return {f"Counted in the {name}": rate not in COMPLEMENTS, "Not counted in it": rate in COMPLEMENTS}


def _farthest(attribute: AttributeReport, rate: str, groups: list[str]) -> str:
    """The group to begin with: of those that differ, the one that fares worst."""
    gaps = [m for m in attribute.measures if m.measure == f"{rate}_difference_to_rest" and m.segment in groups]
    beyond = [m for m in gaps if m.status is Status.CRITICAL]
    sign = -1 if rate in LOWER_IS_WORSE else 1
    return max(beyond, key=lambda m: sign * (m.value or 0.0)).segment if beyond else ANY
