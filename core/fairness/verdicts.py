"""Disparity, no evidence, or not enough data: how a gap is judged by a policy, and in which words."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.fairness.detection import Facts, Need, detectable, effect, is_beyond, rows_for_answer, where
from core.fairness.groups import GroupRate
from core.fairness.policy import Decision, FairnessPolicy, Statistic
from core.fairness.support import Cell, counted
from core.fairness.wording import in_words, percent, points, span
from core.measure import Status

__all__ = ["EVERYONE", "REST", "Verdict", "judge", "without_value"]

REST = "the rest"
EVERYONE = "all groups together"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a policy says of one comparison.

    ``status`` is CRITICAL (disparity), OK (no evidence), INSUFFICIENT (not enough data, or not judged) or UNDEFINED.
    ``practical`` says whether the gap as it stands is beyond the policy's limit, ``statistical`` whether chance is
    ruled out; None where that isn't known. ``needed`` is how many rows would give an answer.
    """

    status: Status
    is_judged: bool
    practical: bool | None = None
    statistical: bool | None = None
    detectable: float | None = None
    needed: Need | None = None
    why: str

    @property
    def disagrees(self) -> bool:
        """Whether size and certainty say different things."""
        return None not in (self.practical, self.statistical) and self.practical is not self.statistical


def without_value(group: GroupRate, other: GroupRate) -> Verdict:
    """There is nothing to judge where one side has no rate."""
    if group.value is None:
        why = group.why
    elif other.group == REST:
        why = "No other group has rows: not assessable." if not other.n_rows else _none_elsewhere(other)
    elif not other.n_rows:
        why = f"There is no {other.group.removeprefix('a ')}: not assessable."
    else:
        why = f"{other.group}: {other.why}"
    return Verdict(status=Status.UNDEFINED, is_judged=False, why=why)


def _none_elsewhere(other: GroupRate) -> str:
    if other.cell is Cell.NOT_ESTIMABLE:
        return f"Not assessable in any other group: {other.why[:1].lower()}{other.why[1:]}"
    return f"{other.why.removesuffix(' in this group.')} in any other group: not assessable."


def judge(facts: Facts, policy: FairnessPolicy, *, is_judged: bool) -> Verdict:
    """Is the gap a disparity under the policy, is there no evidence of one, or can't that be told?

    Parameters
    ----------
    facts : Facts
        Both sides have a rate.
    policy : FairnessPolicy
    is_judged : bool
        Whether the policy judges this rate at all.
    """
    size = is_beyond(facts, policy.practical, policy.statistic)
    certain = None if facts.p_value is None else facts.p_value <= policy.alpha
    said = _facts(facts, policy)
    blank = Verdict(
        status=Status.INSUFFICIENT,
        is_judged=False,
        practical=size,
        statistical=certain,
        why=f"{said}. {_tested(facts)}",
    )
    if not is_judged or policy.limit is None:
        return replace(blank, why=f"{blank.why} Not judged: the policy {policy.name!r} sets no limit for it.")
    if facts.share < policy.min_share:
        least = f"{facts.share:.1%} of all rows, less than the {policy.min_share:.0%} from which the policy judges"
        return replace(blank, why=f"{said}. Not judged: the group holds {least}.")
    judged = replace(blank, is_judged=True)
    thin = next((side for side in (facts.group, facts.other) if side.cell is Cell.LOW_SUPPORT), None)
    if thin is not None or certain is None:
        thin = thin or facts.group
        need = rows_for_answer(facts, policy) if thin is facts.group else None
        why = f"{said}. Not enough data: {thin.group} has {thin.why or 'too few rows.'}"
        return replace(judged, needed=need, why=f"{why} {_in_need(facts, policy, need)}" if need else why)
    if policy.decision is Decision.CERTAIN:
        return _by_interval(judged, facts, policy, said)
    return _by_test(judged, facts, policy, said)


def _by_interval(blank: Verdict, facts: Facts, policy: FairnessPolicy, said: str) -> Verdict:
    """A disparity where the whole interval is beyond the limit, no evidence where it is within."""
    limit = _limit_words(policy)
    outside, inside = where(facts, policy)
    if outside:
        return replace(blank, status=Status.CRITICAL, why=f"{said}, beyond the limit of {limit}.")
    if inside:
        return replace(blank, status=Status.OK, why=f"{said}, within the limit of {limit}.{_small_but_certain(blank)}")
    need = rows_for_answer(facts, policy)
    why = f"{said}: not enough data to tell whether it exceeds the limit of {limit}. {_in_need(facts, policy, need)}"
    return replace(blank, needed=need, why=f"{why}{_small_but_certain(blank)}")


def _by_test(blank: Verdict, facts: Facts, policy: FairnessPolicy, said: str) -> Verdict:
    """A disparity where the gap is beyond the limit and chance is ruled out; no evidence where it would have been."""
    said = f"{said}. {_tested(facts)}"
    if blank.statistical and is_beyond(facts, policy.limit, policy.statistic):
        return replace(
            blank, status=Status.CRITICAL, why=f"{said} Beyond the limit of {_limit_words(policy)}, and certain."
        )
    found, wanted = detectable(facts, policy), effect(facts, policy)
    if found is not None and wanted is not None and found <= wanted + 1e-12 and not blank.practical:
        could = f"a gap of {points(wanted)} would have been found in {policy.power:.0%} of cases"
        why = f"{said} No evidence of a disparity: {could}.{_small_but_certain(blank)}"
        return replace(blank, status=Status.OK, detectable=found, why=why)
    need = rows_for_answer(facts, policy)
    could = (
        f"The smallest gap found in {policy.power:.0%} of cases is {points(found)}" if found else "None would be found"
    )
    why = f"{said} Not enough data to rule a disparity out. {could}. {_in_need(facts, policy, need)}"
    return replace(blank, detectable=found, needed=need, why=f"{why}{_small_but_certain(blank)}")


def _in_need(facts: Facts, policy: FairnessPolicy, need: Need | None) -> str:
    """How much more data would do."""
    group, other = facts.group, facts.other
    if need is None or policy.effect is None:
        return "The policy names no gap that would have to be found."
    if policy.decision is Decision.CERTAIN:
        double = points(2 * policy.effect) if policy.statistic is Statistic.DIFFERENCE else f"{policy.effect**2:.2f}"
        find = f"find a {policy.statistic} of {double} in {policy.power:.0%} of cases"
    else:
        find = f"find a gap of {points(effect(facts, policy) or 0.0)} in {policy.power:.0%} of cases"
    if need.group <= group.n and need.other <= other.n:
        return f"There is enough to {find}; this one is too close to the limit to call."
    if need.other <= other.n:
        return f"To {find}, {group.group} needs {counted(group.measure, need.group)}; it has {group.n:,}."
    both = f"{group.group} {counted(group.measure, need.group)} and {other.group} {need.other:,}"
    return f"To {find}, as they are mixed now {both} are needed; there are {group.n:,} and {other.n:,}."


def _small_but_certain(verdict: Verdict) -> str:
    return " That there is a gap at all is certain." if verdict.statistical else ""


def _facts(facts: Facts, policy: FairnessPolicy) -> str:
    """Both rates and their gap, with the interval it is judged by."""
    p1, p2 = facts.group.k / facts.group.n, facts.other.k / facts.other.n
    first = f"{facts.group.group}: {in_words(facts.group.measure)} {p1:.1%}"
    if policy.statistic is Statistic.RATIO and facts.ratio is not None and facts.ratio_limits is not None:
        low, high, confidence = facts.ratio_limits.low, facts.ratio_limits.high, facts.ratio_limits.confidence
        gap = f"{facts.ratio:.2f} times that of {facts.other.group} ({p2:.1%})"
        return f"{first}, {gap}; at {percent(confidence)} confidence between {low:.2f} and {high:.2f}"
    way = "higher" if p1 > p2 else "lower"
    gap = f"{points(p1 - p2)} {way} than" if p1 != p2 else "the same as for"
    limits = facts.difference_limits
    return f"{first}, {gap} {facts.other.group} ({p2:.1%}); at {percent(limits.confidence)} confidence {span(limits)}"


def _tested(facts: Facts) -> str:
    if facts.p_value is None:
        return "Too few rows to test."
    p = f"{facts.p_value:.4f}" if facts.p_value >= 0.0001 else "below 0.0001"
    return f"p {p}, adjusted over {facts.n_comparisons}."


def _limit_words(policy: FairnessPolicy) -> str:
    limit = policy.limit or 0.0
    if policy.statistic is Statistic.RATIO:
        return f"{limit:.2f}"
    return points(limit) if limit else "no difference at all"
