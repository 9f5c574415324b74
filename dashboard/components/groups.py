"""Groups in words: what a rate is called and means, how a gap reads, and who can't be assessed."""

from __future__ import annotations

from core.charts.fairness import GroupMark
from core.fairness.comparisons import Comparison
from core.fairness.groups import GroupRate
from core.fairness.policy import Against, FairnessPolicy, Statistic
from core.fairness.support import GroupMean
from core.fairness.verdicts import EVERYONE, REST
from core.measure import Interval, Measure, Status
from core.services.fairness import DECISIONS, AttributeReport, FairnessReport
from dashboard.text import capital, count, in_sentence, measure_name, number, plural, window_name

__all__ = [
    "definition",
    "gap_words",
    "latest",
    "limit_words",
    "mark_of",
    "offered",
    "others_words",
    "rate_name",
    "severity",
    "span_words",
    "suffix",
    "window_gap_words",
]

NEEDS_POSITIVE = (
    "true_positive_rate",
    "false_positive_rate",
    "false_negative_rate",
    "positive_predictive_value",
    "negative_predictive_value",
)
OTHERS = {REST: "all others", EVERYONE: "all groups together"}


def offered(report: FairnessReport) -> tuple[str, ...]:
    """The rates that the model's schema gives a meaning to."""
    rates = [DECISIONS] if report.favourable is not None else []
    if report.positive is not None:
        rates += NEEDS_POSITIVE
    return (*rates, "accuracy")


def rate_name(report: FairnessReport, rate: str) -> str:
    """What a rate is called: the schema's word for the favourable decision, else the field's name."""
    return f"share {report.favourable_word}" if rate == DECISIONS else rate.replace("_", " ")


def definition(report: FairnessReport, rate: str) -> str:
    """What a rate counts, in one sentence."""
    positive, favourable = f"'{report.positive}'", f"'{report.favourable}'"
    made = ""
    if report.deciding_threshold is not None:
        made = f"As no prediction is logged, a score of {report.deciding_threshold:g} or more is {positive}. "
    words = {
        DECISIONS: f"of a group's decisions, those that are {favourable}. {made}It needs no label and says nothing of "
        "whether the decisions were right",
        "true_positive_rate": f"of the rows labelled {positive}, those predicted {positive}",
        "false_negative_rate": f"of the rows labelled {positive}, those not predicted {positive}",
        "false_positive_rate": f"of the rows not labelled {positive}, those predicted {positive}",
        "positive_predictive_value": f"of the rows predicted {positive}, those labelled {positive}",
        "negative_predictive_value": f"of the rows not predicted {positive}, those not labelled {positive}",
        "accuracy": "of the rows with prediction and label, those predicted right",
        "mean_error": "prediction minus label, on average",
        "mean_absolute_error": "how far predictions miss the label, on average",
        "root_mean_squared_error": "how far predictions miss the label, large misses counting more",
        "r2": "the share of the labels' variance that predictions explain",
    }
    name = rate_name(report, rate) if rate not in ERRORS else measure_name(rate)
    return f"{capital(name)}: {words[rate]}."


ERRORS = ("mean_absolute_error", "mean_error", "root_mean_squared_error", "r2")


def others_words(comparison: Comparison | None) -> str:
    """Those that a group is compared with, in a sentence."""
    if comparison is None:
        return "all others"
    return OTHERS.get(comparison.other.group, f"group {comparison.other.group}")


def limit_words(policy: FairnessPolicy) -> str:
    """What a policy lets pass, in a sentence."""
    if policy.limit is None:
        return "no limit"
    if policy.statistic is Statistic.RATIO:
        return f"the limit of {policy.limit:.2f}"
    return f"the margin of {policy.limit * 100:.1f} points" if policy.limit else "no difference at all"


def gap_words(report: FairnessReport, rate: str, gap: Comparison) -> str:
    """A group's gap in words: approved 4.2 points less often than all others [3.6, 4.7]; or 0.84 times as often."""
    is_ratio = report.policy.statistic is Statistic.RATIO and gap.ratio is not None
    value, interval = (gap.ratio, gap.ratio_simultaneous) if is_ratio else (gap.difference, gap.difference_simultaneous)
    return _in_words(report, rate, gap.group.group, others_words(gap), (value or 0.0, interval, is_ratio))


def window_gap_words(report: FairnessReport, rate: str, gap: Measure, others: str) -> str:
    """The same of one window."""
    is_ratio = report.policy.statistic is Statistic.RATIO
    return _in_words(report, rate, gap.segment, others, (gap.value or 0.0, gap.change or gap.interval, is_ratio))


def _in_words(
    report: FairnessReport, rate: str, group: str, others: str, size: tuple[float, Interval | None, bool]
) -> str:
    value, interval, is_ratio = size
    name = rate_name(report, rate)
    if is_ratio:
        times, between = f"{value:.2f} times", in_sentence(interval, "impact_ratio")
        if rate == DECISIONS:
            return f"group {group} is {report.favourable_word} {times} as often as {others} {between}".strip()
        return f"the {name} of group {group} is {times} that of {others} {between}".strip()
    points = f"{number(abs(value)).removesuffix('%')} points"
    if interval is not None and value < 0:
        interval = Interval(low=-interval.high, high=-interval.low, confidence=interval.confidence)
    if rate == DECISIONS:
        way = "more" if value > 0 else "less"
        text = f"group {group} is {report.favourable_word} {points} {way} often than {others}"
    else:
        way = "higher" if value > 0 else "lower"
        text = f"the {name} of group {group} is {points} {way} than that of {others}"
    return f"{text} {in_sentence(interval)}".strip()


def mark_of(mean: GroupMean, gap: Comparison | None, *, needed: int, is_armed: bool) -> GroupMark:
    """One group as the dot plot shows it; one with too few rows gets words instead of a dot."""
    lacking = ""
    if mean.status is not Status.OK:
        lacking = f"not enough data: n {count(mean.n)}, {count(needed)} needed"
    status = gap.verdict.status if gap is not None and is_armed else Status.INSUFFICIENT
    is_judged = gap is not None and gap.verdict.is_judged
    unclear = is_judged and gap is not None and gap.verdict.status is Status.INSUFFICIENT and not lacking
    name = "" if isinstance(mean, GroupRate) else mean.measure
    written = f"{number(mean.value, name)} {in_sentence(mean.interval, name)}, n {count(mean.n)}"
    note = f"n {count(mean.n)}" + (", can't tell" if unclear else "")
    return GroupMark(mean=mean, status=status, written=written, note=note, lacking=lacking)


def suffix(policy: FairnessPolicy) -> str:
    """How the measures of comparisons end under a policy."""
    return f"{policy.statistic}_to_{str(policy.against).replace(' ', '_')}"


def latest(report: FairnessReport, attribute: AttributeReport, rate: str) -> list[Measure]:
    """Groups that are a disparity in the last window of the span alone."""
    span = report.span_of(rate)
    if not span:
        return []
    place, name = report.context.windows.index(span[-1]), f"{rate}_{suffix(report.policy)}"
    groups = [mean.group for mean in attribute.rates.of(rate)] if attribute.rates else []
    if report.policy.against in (Against.REFERENCE_GROUP, Against.BEST):  # the yardstick itself has no series
        groups = [g for g in groups if any(m.segment == g and m.measure == name for w in attribute.trend for m in w)]
    if not groups or not attribute.trend:
        return []
    found = [attribute.series(name, group)[place] for group in groups]
    return sorted((m for m in found if m.status is Status.CRITICAL), key=lambda m: severity(m.value, rate))


def severity(value: float | None, rate: str) -> tuple[bool, float]:
    """The widest gap first; of decisions, those against a group before those in its favour."""
    gap = value or 0.0
    return rate == DECISIONS and gap > 0, -abs(gap)


def span_words(report: FairnessReport, rate: str) -> str:
    """Which windows a rate is taken over."""
    span = report.span_of(rate)
    if not span:
        return "No window with labels yet"
    last = window_name(span[-1].window)
    n = sum(w.n if rate == DECISIONS else w.n_labelled for w in span)
    many = f"{plural(len(span), 'window')} to {last}" if len(span) > 1 else capital(last)
    return f"{many}, n {count(n)}{'' if rate == DECISIONS else ' labelled'}"
