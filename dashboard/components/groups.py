"""Groups in words: what a rate is called and means, how a gap reads, and who can't be assessed."""

from __future__ import annotations

from core.charts.fairness import GroupMark
from core.fairness.groups import GroupRate
from core.fairness.support import GroupMean
from core.measure import Interval, Measure, Status
from core.services.fairness import DECISIONS, AttributeReport, FairnessReport
from dashboard.components.measures import capital
from dashboard.text import count, in_sentence, measure_name, number, plural, window_name

__all__ = [
    "definition",
    "gap_words",
    "latest",
    "mark_of",
    "offered",
    "rate_name",
    "severity",
    "span_words",
    "to_rest",
]

NEEDS_POSITIVE = ("true_positive_rate", "false_positive_rate", "false_negative_rate", "positive_predictive_value")


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
        "accuracy": "of the rows with prediction and label, those predicted right",
        "mean_error": "prediction minus label, on average",
        "mean_absolute_error": "how far predictions miss the label, on average",
    }
    name = rate_name(report, rate) if rate not in ("mean_error", "mean_absolute_error") else measure_name(rate)
    return f"{capital(name)}: {words[rate]}."


def gap_words(report: FairnessReport, rate: str, gap: Measure, others: str = "all others") -> str:
    """A group's difference to others in words: approved 4.2 points less often than all others [3.6, 4.7]."""
    value = gap.value or 0.0
    size = f"{number(abs(value)).removesuffix('%')} points"
    change = gap.change or gap.interval
    if change is not None and value < 0:
        change = Interval(low=-change.high, high=-change.low, confidence=change.confidence)
    if rate == DECISIONS:
        way = "more" if value > 0 else "less"
        text = f"group {gap.segment} is {report.favourable_word} {size} {way} often than {others}"
    else:
        way = "higher" if value > 0 else "lower"
        text = f"the {rate_name(report, rate)} of group {gap.segment} is {size} {way} than that of {others}"
    return f"{text} {in_sentence(change)}".strip()


def mark_of(mean: GroupMean, gap: Measure | None, *, needed: int, is_armed: bool) -> GroupMark:
    """One group as the dot plot shows it; one with too few rows gets words instead of a dot."""
    lacking = ""
    if mean.status is not Status.OK:
        lacking = f"not enough data: n {count(mean.n)}, {count(needed)} needed"
    status = gap.status if gap is not None and is_armed else Status.INSUFFICIENT
    unclear = gap is not None and gap.status is Status.INSUFFICIENT and not lacking
    name = "" if isinstance(mean, GroupRate) else mean.measure
    written = f"{number(mean.value, name)} {in_sentence(mean.interval, name)}, n {count(mean.n)}"
    note = f"n {count(mean.n)}" + (", can't tell" if unclear else "")
    return GroupMark(mean=mean, status=status, written=written, note=note, lacking=lacking)


def to_rest(attribute: AttributeReport, rate: str) -> list[Measure]:
    """Every group against the rest, over the span."""
    return [m for m in attribute.measures if m.measure == f"{rate}_difference_to_rest"]


def latest(report: FairnessReport, attribute: AttributeReport, rate: str) -> list[Measure]:
    """Groups that are a disparity in the last window of the span alone."""
    span = report.span_of(rate)
    if not span:
        return []
    window = attribute.trend[report.context.windows.index(span[-1])]
    found = [m for m in window if m.measure == f"{rate}_difference_to_rest" and m.status is Status.CRITICAL]
    return sorted(found, key=lambda m: severity(m, rate))


def severity(gap: Measure, rate: str) -> tuple[bool, float]:
    """The widest gap first; of decisions, those against a group before those in its favour."""
    value = gap.value or 0.0
    return rate == DECISIONS and value > 0, -abs(value)


def span_words(report: FairnessReport, rate: str) -> str:
    """Which windows a rate is taken over."""
    span = report.span_of(rate)
    if not span:
        return "No window with labels yet"
    last = window_name(span[-1].window)
    n = sum(w.n if rate == DECISIONS else w.n_labelled for w in span)
    many = f"{plural(len(span), 'window')} to {last}" if len(span) > 1 else capital(last)
    return f"{many}, n {count(n)}{'' if rate == DECISIONS else ' labelled'}"
