"""The verdict on the gaps of one rate, in words: who differs, by how much, against which limit, and is it certain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.fairness.comparisons import Comparison
from core.fairness.policy import Decision, Statistic
from core.fairness.support import Cell
from core.measure import Status
from core.services.fairness import AttributeReport, FairnessReport
from core.services.fairness_watch import GapWatch
from dashboard.components.groups import (
    gap_words,
    latest,
    limit_words,
    others_words,
    severity,
    suffix,
    window_gap_words,
)
from dashboard.components.measures import dated
from dashboard.text import capital, count, in_sentence, listed, measure_name, plural, signed

__all__ = ["Judged", "comparisons", "judged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict in words, not escaped: chip, sentence, detail."""

    status: Status
    words: str | None
    sentence: str
    detail: str


def judged(report: FairnessReport, attribute: AttributeReport, rate: str) -> Judged:
    """Who differs, by how much, against which limit.

    A disparity in the last window alone counts too: a gap that grows is small over the whole span.
    """
    gaps = [c for c in comparisons(report, attribute, rate) if c.difference is not None]
    told = [c for c in gaps if c.p_value is not None]
    told.sort(key=lambda c: severity(c.difference, rate))
    whole = attribute.measure(f"{rate}_difference")
    if not gaps or whole is None or whole.value is None:
        why = whole.why if whole is not None else "No group is compared with another one."
        return Judged(status=Status.UNDEFINED, words=None, sentence=f"No gap can be told. {why}".strip(), detail="")
    beyond = [c for c in told if c.verdict.status is Status.CRITICAL]
    late, alarms = latest(report, attribute, rate), attribute.alarms(rate)
    limit = limit_words(report.policy)
    worst = next(iter(beyond or told), None)
    if not any(c.verdict.is_judged for c in gaps):
        found = _unjudged(report, rate, worst)
    elif beyond:
        also = f"Beyond it too: {listed([c.group.group for c in beyond[1:]])}." if len(beyond) > 1 else ""
        end = ", and chance doesn't explain it" if report.policy.decision is Decision.SIGNIFICANT else ""
        past = f", beyond {limit}" if report.policy.limit else ""
        sentence = f"{capital(gap_words(report, rate, beyond[0]))}{past}{end}."
        also = f"{also} {_chance(beyond[0])}".strip()
        found = Judged(status=Status.CRITICAL, words="Disparity", sentence=sentence, detail=also)
    elif late:
        found = _just_now(report, attribute, rate, late[0].segment)
    elif alarms:
        found = _alarmed(attribute, rate, alarms)
    else:
        found = _without_disparity(report, attribute, rate, told, limit)
    out = _since_words(alarms) if alarms else ""
    detail = f"{found.detail} {_before(report, attribute, rate, worst)} {out}".strip()
    if not report.context.arming.is_armed:
        return Judged(
            status=Status.INSUFFICIENT,
            words="Not armed",
            sentence=found.sentence,
            detail=f"{detail} {report.context.arming.reason}".strip(),
        )
    return Judged(status=found.status, words=found.words, sentence=found.sentence, detail=detail)


def comparisons(report: FairnessReport, attribute: AttributeReport, rate: str) -> tuple[Comparison, ...]:
    """One rate of every group against those it is compared with."""
    return report.audit.of(attribute.attribute, rate) if report.audit is not None else ()


def _unjudged(report: FairnessReport, rate: str, worst: Comparison | None) -> Judged:
    """The widest gap where the policy says nothing of it."""
    policy = f"The policy '{report.policy.title}' sets no limit here, so nothing is judged."
    if worst is None:
        sentence = "No group has rows enough to be compared."
        return Judged(status=Status.INSUFFICIENT, words="Not judged", sentence=sentence, detail=policy)
    sentence = f"{capital(gap_words(report, rate, worst))}."
    return Judged(
        status=Status.INSUFFICIENT, words="Not judged", sentence=sentence, detail=f"{_chance(worst)} {policy}"
    )


def _just_now(report: FairnessReport, attribute: AttributeReport, rate: str, group: str) -> Judged:
    """A disparity of the last window, beside what the span says of the same group."""
    span = report.span_of(rate)
    now = attribute.series(f"{rate}_{suffix(report.policy)}", group)[report.context.windows.index(span[-1])]
    over = next((c for c in comparisons(report, attribute, rate) if c.group.group == group), None)
    words = window_gap_words(report, rate, now, others_words(over))
    sentence = f"In {dated(span[-1])} {words}, beyond {limit_words(report.policy)}."
    detail = ""
    if over is not None and over.difference is not None:
        difference = signed(over.difference).removesuffix(" pp")
        detail = (
            f"Over the {plural(len(span), 'window')} to it the difference is {difference} points "
            f"{in_sentence(over.difference_simultaneous)}."
        )
    return Judged(status=Status.CRITICAL, words="Disparity", sentence=sentence, detail=detail)


def _alarmed(attribute: AttributeReport, rate: str, alarms: Sequence[GapWatch]) -> Judged:
    """An alarm that is out, where the policy's own span shows no disparity."""
    first = alarms[0]
    name = measure_name(rate)
    sentence = f"{capital(name)} of {first.group} ({attribute.attribute}): {first.why}."
    detail = "The windows one after another are certain of it; taken together under the policy they show no disparity."
    return Judged(status=Status.CRITICAL, words="Alarm", sentence=sentence, detail=detail)


def _since_words(alarms: Sequence[GapWatch]) -> str:
    """Since when which group alarms, by the watch over all windows."""
    said = [f"{each.group} since {dated(each.since)}" if each.since else each.group for each in alarms]
    return f"Alarm out: {listed(said)}."


def _without_disparity(
    report: FairnessReport, attribute: AttributeReport, rate: str, told: Sequence[Comparison], limit: str
) -> Judged:
    """No evidence, or not enough data; never the one for the other."""
    open_ = [c for c in told if c.verdict.status is not Status.OK]
    widest = f"The widest: {gap_words(report, rate, told[0])}. {_chance(told[0])}" if told else ""
    is_interval = report.policy.decision is Decision.CERTAIN
    if not told or open_:
        what = f"whether a group differs by more than {limit.removeprefix('the margin of ')}"
        if not is_interval or report.policy.statistic is Statistic.RATIO:
            what = "whether there is a disparity"
        groups = f" ({listed([c.group.group for c in open_])})" if open_ and len(open_) < len(told) else ""
        sentence = f"Not enough data to tell {what}{groups}."
        needed = next((c for c in open_ if c.verdict.needed is not None), None)
        if needed is not None and needed.verdict.needed is not None:
            would_do = f"{count(needed.verdict.needed.group)} would do"
            widest = f"{widest} Group {needed.group.group} has {count(needed.group.n)} rows, {would_do}."
        return Judged(status=Status.INSUFFICIENT, words=None, sentence=sentence, detail=widest.strip())
    all_told = attribute.rates is not None and all(mean.cell is Cell.OK for mean in attribute.rates.of(rate))
    others = others_words(told[0]) if len({c.other.group for c in told}) == 1 else "those it is compared with"
    within = f"within {limit.removeprefix('the margin of ')} of {others.replace('all others', 'the rest')}"
    sentence = (
        f"Every group assessed lies {within}." if is_interval else "No evidence of a disparity in any group assessed."
    )
    return Judged(
        status=Status.OK if all_told else Status.INSUFFICIENT,
        words="No evidence" if all_told else "Not all assessed",
        sentence=sentence,
        detail=widest,
    )


def _chance(gap: Comparison) -> str:
    """Size and certainty side by side, where they say different things."""
    if not gap.verdict.disagrees:
        return ""
    if gap.verdict.statistical:
        return "That there is a gap is certain; that it is large enough to matter under the policy is not so."
    return "The gap looks large, but chance may explain it."


def _before(report: FairnessReport, attribute: AttributeReport, rate: str, worst: Comparison | None) -> str:
    if worst is None:
        return ""
    suffix = f"{rate}_difference_to_{str(report.policy.against).replace(' ', '_')}"
    gap = attribute.measure(suffix, worst.group.group)
    if gap is None or gap.reference is None:
        return ""
    return f"In the reference the difference was {signed(gap.reference).removesuffix(' pp')} points."
