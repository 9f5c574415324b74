"""What of an audit leaves the house: one page in plain words, and the tables of Local Law 144; small groups hidden."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from core.errors import InputError
from core.fairness.comparisons import Comparison, is_judged
from core.fairness.groups import GroupRate
from core.fairness.impact import PLACEHOLDERS, impact_table, scoring_rates
from core.fairness.policy import FairnessPolicy, Statistic
from core.fairness.support import Cell
from core.fairness.suppression import Suppression, suppress
from core.measure import Status
from core.profile.spec import crossing_name
from core.report.fairness import FairnessPage, GroupLine, Section
from core.report.local_law_144 import LawTable, LocalLaw144
from core.services.fairness import AttributeReport, FairnessReport
from core.services.fairness_detail import group_scores
from core.services.fairness_rates import DECISIONS, Outcome, rates_of, span_to, used_cells
from core.services.observations import Observations, WindowInfo

__all__ = ["fairness_page", "local_law_144"]

VERDICTS = {
    Status.CRITICAL: "disparity",
    Status.OK: "no evidence of a disparity",
    Status.INSUFFICIENT: "not enough data to tell",
    Status.UNDEFINED: "not known",
}
CANNOT = (
    "That a model is fair. 'No evidence' means that a gap of the stated size would have been seen; 'not enough data' "
    "means that nobody knows.",
    "Why groups differ, or whether a difference is justified.",
    "Whether decisions were right: a rate of decisions knows no outcome.",
)
TERMS = (
    ("Of every 100", "how many of 100 people of the group got the decision"),
    ("Between", "the numbers that are in keeping with these rows; the fewer the rows, the wider"),
    ("Disparity", "the difference is larger than the policy lets pass, and chance doesn't explain it"),
    ("Not enough data", "the group is too small for an answer in either direction"),
)


def fairness_page(report: FairnessReport, *, rate: str = DECISIONS) -> FairnessPage:
    """A report on one page, about one rate; groups of too few rows are hidden, and those that would tell them."""
    sections = tuple(_section(each, report, rate) for each in report.attributes if each.rates is not None)
    return FairnessPage(
        title=f"How {report.context.model} treats groups",
        opening=_opening(report, rate),
        coverage=_coverage(sections),
        definition=_definition(report, rate),
        limit=_limit(report.policy, rate),
        counted=_capital(report.favourable_word) if rate == DECISIONS else "Counted",
        rows=f"Rows: {_period(report.span_of(rate), needs_labels=rate != DECISIONS)}.",
        sections=sections,
        cannot_show=CANNOT if rate == DECISIONS else (*CANNOT[:2], "Rows without a known outcome."),
        terms=TERMS,
        basis=(
            ("Policy", f"{report.policy.title} ({report.policy.name})"),
            ("source", report.policy.source.rstrip(".") or "none named"),
            ("policy SHA-256", report.policy.digest),
            ("counts SHA-256", report.context.profile_digest),
        ),
    )


def _opening(report: FairnessReport, rate: str) -> str:
    if report.audit is None or not is_judged(rate, report.policy) or report.policy.limit is None:
        return "Nothing is judged here: the policy sets no limit for this rate."
    found: dict[Status, list[str]] = {}
    for each in report.attributes:
        for comparison in report.audit.of(each.attribute, rate):
            found.setdefault(comparison.verdict.status, []).append(each.attribute)
    if Status.CRITICAL in found:
        return f"A disparity was found by {_named(found[Status.CRITICAL])}."
    said = "No evidence of a disparity was found in any group."
    if Status.INSUFFICIENT in found or Status.UNDEFINED in found:
        open_ = [*found.get(Status.INSUFFICIENT, ()), *found.get(Status.UNDEFINED, ())]
        said = f"No disparity was found. For some groups by {_named(open_)} nobody can tell."
    late = _latest(report, rate)
    return f"{said} In {report.span_of(rate)[-1].name} alone there is a disparity by {_named(late)}." if late else said


def _latest(report: FairnessReport, rate: str) -> list[str]:
    """The attributes by which the last window alone shows a disparity: one that grows is small over all windows."""
    span = report.span_of(rate)
    if not span or len(span) == 1:
        return []
    place = report.context.windows.index(span[-1])
    whole = f"{rate}_{report.policy.statistic}"
    return [
        each.attribute
        for each in report.attributes
        if any(m.measure == whole and not m.segment and m.status is Status.CRITICAL for m in each.trend[place])
    ]


def _named(names: Iterable[str]) -> str:
    several = list(dict.fromkeys(names))
    return several[0] if len(several) == 1 else f"{', '.join(several[:-1])} and {several[-1]}"


def _coverage(sections: Sequence[Section]) -> str:
    n_all = sum(len(section.lines) for section in sections)
    told = sum(not line.is_hidden and line.verdict != VERDICTS[Status.UNDEFINED] for s in sections for line in s.lines)
    return f"{told} of {n_all} groups are shown with a number of their own."


def _definition(report: FairnessReport, rate: str) -> str:
    if rate == DECISIONS:
        return f"Compared is how often people are {report.favourable_word}."
    return f"Compared is the {rate.replace('_', ' ')}, of which '{report.positive}' is the positive class."


def _limit(policy: FairnessPolicy, rate: str) -> str:
    if policy.limit is None or not is_judged(rate, policy):
        return "The policy sets no limit."
    if policy.statistic is Statistic.RATIO:
        return f"The policy asks for at least {policy.limit:.2f} times the rate of those compared with."
    if not policy.limit:
        return "The policy lets no difference pass that chance doesn't explain."
    return f"The policy lets a difference of {100 * policy.limit:g} of 100 pass."


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _period(windows: Sequence[WindowInfo], *, needs_labels: bool) -> str:
    if not windows:
        return "none yet"
    n = sum(window.n_labelled if needs_labels else window.n for window in windows)
    names = windows[0].name if len(windows) == 1 else f"{windows[0].name} to {windows[-1].name}"
    return f"{names}, {n:,}{' with a known outcome' if needs_labels else ''}"


def _section(each: AttributeReport, report: FairnessReport, rate: str) -> Section:
    rates = each.rates.of(rate) if each.rates else ()
    hidden = _hidden(rates, report.policy)
    by_group = {c.group.group: c for c in report.audit.of(each.attribute, rate)} if report.audit else {}
    lines = tuple(
        _line(one, by_group.get(one.group), is_hidden=gone) for one, gone in zip(rates, hidden.hidden, strict=True)
    )
    return Section(
        attribute=each.attribute,
        sentence=_sentence(lines, list(by_group.values()), report.policy),
        lines=lines,
        note=hidden.words,
    )


def _hidden(rates: Sequence[GroupRate], policy: FairnessPolicy) -> Suppression:
    """Rows and denominators alike: a rate of few is told by neither."""
    small = [min(each.n_rows, each.n) if each.n else each.n_rows for each in rates]
    return suppress(small, [list(range(len(small)))] if small else [], below=policy.suppress_below)


def _line(each: GroupRate, comparison: Comparison | None, *, is_hidden: bool) -> GroupLine:
    if is_hidden:
        return GroupLine(group=each.group, is_hidden=True)
    verdict = comparison.verdict if comparison else None
    words = "compared with by the others" if verdict is None else VERDICTS[verdict.status]
    if verdict is not None and not verdict.is_judged and verdict.status is Status.INSUFFICIENT:
        words = "not judged"
    return GroupLine(
        group=each.group,
        is_hidden=False,
        n=each.n,
        k=each.k,
        rate=each.value if each.cell in (Cell.OK, Cell.LOW_SUPPORT) else None,
        low=each.interval.low if each.interval else None,
        high=each.interval.high if each.interval else None,
        difference=comparison.difference if comparison else None,
        verdict=words,
    )


def _sentence(lines: Sequence[GroupLine], comparisons: Sequence[Comparison], policy: FairnessPolicy) -> str:
    """The widest gap among groups that are shown."""
    shown = {line.group for line in lines if not line.is_hidden}
    told = [c for c in comparisons if c.group.group in shown and c.difference is not None and c.p_value is not None]
    if not told:
        return "No group has rows enough to be compared."
    widest = max(told, key=lambda c: (c.verdict.status is Status.CRITICAL, abs(c.difference or 0.0)))
    gap, other = widest.difference or 0.0, widest.other.group
    of_100 = f"{100 * (widest.group.value or 0):.0f} of every 100, {100 * (widest.other.value or 0):.0f} of {other}"
    size = f"{abs(100 * gap):.1f} of 100 {'more' if gap > 0 else 'fewer'}"
    if policy.statistic is Statistic.RATIO and widest.ratio is not None:
        size = f"{widest.ratio:.2f} times as often"
    return f"The widest gap: {widest.group.group}, {of_100}, {size}. {VERDICTS[widest.verdict.status].capitalize()}."


def local_law_144(
    observations: Observations, *, sex: str, race: str, policy: FairnessPolicy, is_scoring: bool = False
) -> LocalLaw144:
    """The tables by sex, by race and by both, over the 13 windows up to the one looked at.

    Raises
    ------
    InputError
        If the two attributes aren't counted together, or a scoring rate is asked of a model without a binary score.
    """
    context, spec = observations.context, observations.spec
    key = next((k for k, names in spec.crossings.items() if set(names) == {sex, race} and len(names) == 2), None)
    if key is None:
        raise InputError(
            f"{sex} and {race} aren't counted together: both must be among the first three protected attributes, and "
            "the reference newer than that. Counted are: "
            + (", ".join(" x ".join(names) for names in spec.crossings.values()) or "none")
            + "."
        )
    windows = span_to(context, context.windows)
    outcome = Outcome.of(observations, None)

    def rates(name: str) -> tuple[GroupRate, ...]:
        if not is_scoring:
            places = used_cells(observations, name, windows) if name in spec.crossings else None
            return rates_of(observations, name, windows, policy, outcome, places=places).of(DECISIONS)
        if name in spec.crossings:
            return ()
        scores = group_scores(observations, name, windows)
        if scores is None:
            raise InputError("A scoring rate needs a binary model that logs its score.")
        return scoring_rates(scores, higher_is_better=outcome.favourable == outcome.positive)

    by_sex, by_race, by_both = rates(sex), rates(race), rates(crossing_name(spec.crossings[key]))
    hidden_sex, hidden_race = _hidden_names(by_sex, policy), _hidden_names(by_race, policy)
    tables = [
        LawTable(title=f"By {sex}", table=impact_table(by_sex, min_share=policy.min_share), hidden=hidden_sex),
        LawTable(title=f"By {race}", table=impact_table(by_race, min_share=policy.min_share), hidden=hidden_race),
    ]
    notes = [policy.note] if policy.note else []
    if by_both:
        names = dict(zip(spec.group_names(key), spec.cells(key), strict=True))
        unknown = {name for name, cell in names.items() if set(cell) & set(PLACEHOLDERS)}
        hidden = _hidden_cells(observations, key, by_both, {sex: hidden_sex, race: hidden_race}, policy)
        table = impact_table(by_both, min_share=policy.min_share, unknown=unknown)
        tables.append(LawTable(title=f"By {' and '.join(spec.crossings[key])}", table=table, hidden=hidden))
    else:
        notes.append("Scoring rates of groups within groups aren't counted score by score.")
    if any(table.hidden for table in tables):
        notes.append(
            f"Categories of fewer than {policy.suppress_below} rows are hidden, and those that would tell them."
        )
    return LocalLaw144(
        model=context.model,
        period=f"Rows: {_period(windows, needs_labels=False)}.",
        source=f"records that {context.model} logged" + (" (its reference)" if context.shows_reference else ""),
        is_scoring=is_scoring,
        tables=tuple(tables),
        notes=tuple(notes),
        basis=(("policy", policy.name), ("policy SHA-256", policy.digest), ("counts SHA-256", context.profile_digest)),
    )


def _hidden_names(rates: Sequence[GroupRate], policy: FairnessPolicy) -> frozenset[str]:
    found = _hidden(rates, policy)
    return frozenset(each.group for each, gone in zip(rates, found.hidden, strict=True) if gone)


def _hidden_cells(
    observations: Observations,
    key: str,
    rates: Sequence[GroupRate],
    hidden: dict[str, frozenset[str]],
    policy: FairnessPolicy,
) -> frozenset[str]:
    """Cells that rows, columns and the whole of the other two tables would give away, hidden too."""
    spec = observations.spec
    names, cells = spec.group_names(key), spec.cells(key)
    n_rows = {each.group: each.n for each in rates}
    counts = [n_rows.get(name, 0) for name in names]
    totals: list[list[int]] = [list(range(len(cells)))]
    for place, attribute in enumerate(spec.crossings[key]):
        for group in spec.group_names(attribute):
            line = np.flatnonzero([cell[place] == group for cell in cells]).tolist()
            if group not in hidden[attribute] and any(counts[i] for i in line):
                totals.append(line)
    nothing_known = [place for place, cell in enumerate(cells) if set(cell) <= set(PLACEHOLDERS)]
    found = suppress(counts, totals, below=policy.suppress_below, exempt=nothing_known)
    return frozenset(name for name, gone in zip(names, found.hidden, strict=True) if gone)
