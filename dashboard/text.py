"""Words and numbers as the screens show them; the only place where ratios become percent.

Every string that comes from data goes through `plain` before Streamlit may read it as Markdown.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from core.measure import Interval, Measure, Status
from core.profile.windows import Window

__all__ = [
    "CHIP_WORDS",
    "capital",
    "chip",
    "count",
    "day",
    "digest",
    "first_day",
    "headline",
    "in_cell",
    "in_sentence",
    "instant",
    "listed",
    "measure_name",
    "muted",
    "number",
    "plain",
    "plural",
    "signed",
    "spoken",
    "window_name",
]

DASH = "—"
MINUS = "−"
FEW = 30  # what fewer rows say is told by its interval only
PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
DIRECTIVE = re.compile(r":(?=[\w+/-]+:)")
WORD_JOINER = "\u2060"  # keeps ':smile:' in a name from becoming a picture, and 'www.example.org' a link
ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=\w)(?=@\w)", re.IGNORECASE)


def plain(text: object) -> str:
    """Text from data so that Markdown shows it letter by letter: no link, image, colour, icon or formula.

    Examples
    --------
    >>> plain("![x](http://evil)")
    '\\\\!\\\\[x\\\\]\\\\(http\\\\:\\u2060\\\\/\\\\/evil\\\\)'
    """
    cleaned = "".join(char if char.isprintable() else " " for char in str(text))
    return PUNCTUATION.sub(r"\\\1", ADDRESS.sub(WORD_JOINER, DIRECTIVE.sub(":" + WORD_JOINER, cleaned)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Style:
    """How a measure is called and written."""

    name: str
    digits: int
    percent: bool = False


STYLES = {
    "psi": _Style(name="PSI", digits=2),
    "jensen_shannon": _Style(name="Jensen-Shannon distance", digits=2),
    "jensen_shannon_distance": _Style(name="Jensen-Shannon distance", digits=2),
    "kolmogorov_smirnov": _Style(name="Kolmogorov-Smirnov", digits=2),
    "wasserstein": _Style(name="Wasserstein distance", digits=2),
    "cohens_w": _Style(name="Cohen's w", digits=2),
    "psi_observed": _Style(name="PSI, uncorrected", digits=2),
    "jensen_shannon_divergence": _Style(name="Jensen-Shannon divergence", digits=2),
    "hellinger": _Style(name="Hellinger distance", digits=2),
    "total_variation": _Style(name="total variation", digits=2),
    "l_infinity": _Style(name="L-infinity", digits=2),
    "chi_square": _Style(name="chi-square", digits=1),
    "g": _Style(name="G", digits=1),
    "location": _Style(name="location, sd", digits=2),
    "spread": _Style(name="spread, sd", digits=2),
    "domain_auc": _Style(name="AUC of a domain classifier", digits=3),
    "roc_auc": _Style(name="AUC", digits=3),
    "roc_auc_macro": _Style(name="macro AUC", digits=3),
    "f1": _Style(name="F1", digits=3),
    "f1_macro": _Style(name="macro F1", digits=3),
    "macro_f1": _Style(name="macro F1", digits=3),
    "macro_roc_auc": _Style(name="macro AUC", digits=3),
    "mae": _Style(name="MAE", digits=-3),
    "mse": _Style(name="MSE", digits=-3),
    "mape": _Style(name="MAPE", digits=1, percent=True),
    "rmsle": _Style(name="RMSLE", digits=3),
    "cost_per_row": _Style(name="cost per row", digits=-3),
    "weighted_f1": _Style(name="weighted F1", digits=3),
    "weighted_roc_auc": _Style(name="weighted AUC", digits=3),
    "rmse": _Style(name="RMSE", digits=-3),
    "residual_effect": _Style(name="residual effect", digits=2),
    "precision_macro": _Style(name="macro precision", digits=3),
    "recall_macro": _Style(name="macro recall", digits=3),
    "brier_score": _Style(name="Brier score", digits=3),
    "log_loss": _Style(name="log loss", digits=3),
    "expected_calibration_error": _Style(name="calibration error", digits=3),
    "calibration_error": _Style(name="calibration error", digits=3),
    "r2": _Style(name="R²", digits=3),
    "mean_absolute_error": _Style(name="mean absolute error", digits=-3),
    "root_mean_squared_error": _Style(name="root mean squared error", digits=-3),
    "bias": _Style(name="mean error", digits=-3),
    "mean_error": _Style(name="mean error", digits=-3),
    "impact_ratio": _Style(name="ratio", digits=2),
    "cross_auc_positives": _Style(name="AUC of its positives across groups", digits=3),
    "cross_auc_negatives": _Style(name="AUC of its negatives across groups", digits=3),
    "calibration_slope": _Style(name="calibration slope", digits=2),
    "calibration_intercept": _Style(name="calibration intercept", digits=2),
    "observed_over_expected": _Style(name="observed over expected", digits=2),
    "balance_positives": _Style(name="mean score of positives", digits=3),
    "balance_negatives": _Style(name="mean score of negatives", digits=3),
    "score_wasserstein": _Style(name="Wasserstein distance of scores", digits=3),
    "score_kolmogorov_smirnov": _Style(name="Kolmogorov-Smirnov of scores", digits=3),
    "treatment_equality": _Style(name="treatment equality", digits=2),
    "equalized_odds_ratio": _Style(name="equalized odds ratio", digits=2),
    "average_odds_difference_to_rest": _Style(name="average odds difference", digits=3),
    "average_absolute_odds_difference_to_rest": _Style(name="average absolute odds difference", digits=3),
}


def measure_name(measure: str) -> str:
    """What a measure is called on screen."""
    style = STYLES.get(measure)
    return style.name if style else measure.replace("_", " ")


def number(value: float | None, measure: str = "") -> str:
    """A value with the digits its measure deserves; an em dash where there is none.

    Examples
    --------
    >>> number(0.76432, "roc_auc"), number(0.3141, "psi"), number(0.0512), number(None), number(-4120.4, "bias")
    ('0.764', '0.31', '5.1%', '—', '−4,120')
    """
    if value is None or not math.isfinite(value):
        return DASH
    style = STYLES.get(measure)
    if style is None or style.percent:
        return f"{value * 100:.1f}%".replace("-", MINUS)
    if style.digits < 0:  # significant digits, for values in units of their own
        digits = max(0, -style.digits - 1 - (math.floor(math.log10(abs(value))) if value else 0))
        return f"{value:,.{digits}f}".replace("-", MINUS)
    digits = style.digits
    if digits == 2 and 0.0005 <= abs(value) < 0.01:  # a distance that would read as none
        digits = 3
    return f"{value:.{digits}f}".replace("-", MINUS)


def headline(value: float | None, measure: str = "", *, n: int) -> str:
    """A number to stand alone; an em dash where its n is too small to read one without its interval.

    Examples
    --------
    >>> headline(1.0, "accuracy", n=2), headline(1.0, "accuracy", n=2000)
    ('—', '100.0%')
    """
    return DASH if n < FEW else number(value, measure)


def signed(value: float | None, measure: str = "") -> str:
    """A difference, always with its sign; of rates in percentage points.

    Examples
    --------
    >>> signed(0.055), signed(-0.031, "roc_auc")
    ('+5.5 pp', '−0.031')
    """
    if value is None or not math.isfinite(value):
        return DASH
    text = number(abs(value), measure)
    text = f"{text.removesuffix('%')} pp" if text.endswith("%") else text
    return f"{'+' if value >= 0 else MINUS}{text}"


def capital(text: str) -> str:
    """The text as a sentence begins."""
    return f"{text[:1].upper()}{text[1:]}"


def in_sentence(interval: Interval | None, measure: str = "") -> str:
    """[0.751, 0.777]; '' where there is no interval."""
    if interval is None:
        return ""
    return f"[{_end(interval.low, measure)}, {_end(interval.high, measure)}]"


def in_cell(interval: Interval | None, measure: str = "") -> str:
    """0.751 to 0.777, held together by non-breaking spaces; '' where there is no interval."""
    if interval is None:
        return ""
    return f"{_end(interval.low, measure)} to {_end(interval.high, measure)}".replace(" ", "\u00a0")


def _end(value: float, measure: str) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    return number(value, measure).removesuffix("%")


def count(n: int) -> str:
    """A count with thousands commas.

    Examples
    --------
    >>> count(61204)
    '61,204'
    """
    return f"{n:,}"


def plural(n: int, word: str, words: str | None = None) -> str:
    """A count and what is counted.

    Examples
    --------
    >>> plural(1, "column"), plural(3, "column"), plural(2, "category", "categories")
    ('1 column', '3 columns', '2 categories')
    """
    return f"{n:,} {word if n == 1 else words or word + 's'}"


def listed(items: list[str], *, most: int = 3) -> str:
    """a, b and c; or a, b, c and 4 more."""
    if len(items) > most:
        return f"{', '.join(items[:most])} and {len(items) - most:,} more"
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def day(moment: date | None, *, year: bool = False) -> str:
    """28 Sep, with the year if asked for."""
    if moment is None:
        return DASH
    return f"{moment.day} {moment:%b}" + (f" {moment.year}" if year else "")


def instant(moment: datetime | None) -> str:
    """19 Nov 2026, 09:14 UTC."""
    return DASH if moment is None else f"{day(moment, year=True)}, {moment.astimezone(UTC):%H:%M} UTC"


def first_day(window: Window) -> date | None:
    """The day on which a window begins in the model's time zone, as its name says; None for windows of rows.

    Examples
    --------
    >>> from core.profile.windows import WindowPlan
    >>> from core.schema import WindowUnit
    >>> plan = WindowPlan(unit=WindowUnit.MONTH, rows=None, timezone="Europe/Berlin")
    >>> window = plan.window(1_790_805_600_000_000)
    >>> str(window.start_at), str(first_day(window)), window_name(window)
    ('2026-09-30 22:00:00+00:00', '2026-10-01', 'Oct 2026')
    """
    name = window.name
    if window.start_at is None:
        return None
    year, rest = int(name[:4]), name[5:]
    if rest.startswith("W"):
        return date.fromisocalendar(year, int(rest[1:]), 1)
    if rest.startswith("Q"):
        return date(year, 3 * int(rest[1:]) - 2, 1)
    return date(year, int(rest[:2]), int(rest[3:5] or 1))


def window_name(window: Window) -> str:
    """week of 16 Nov 2026; 16 Nov 2026; 16 Nov 2026, 09:00 UTC; Nov 2026; rows 0 to 4,999."""
    name, first = window.name, first_day(window)
    if first is None or "Q" in name:
        return name
    if "T" in name:
        offset = "" if name[13:] == "+0000" else f"{name[13:16]}:{name[16:]}"
        return f"{day(first, year=True)}, {name[11:13]}:00 UTC{offset}"
    if "W" in name:
        return f"week of {day(first, year=True)}"
    return day(first, year=True) if len(name) > len("2026-11") else f"{first:%b %Y}"


def spoken(window: Window) -> str:
    """A window in a sentence, as Markdown: the week of 16 Nov 2026."""
    name = window_name(window)
    return f"{'the ' if name.startswith('week') else ''}{plain(name)}"


def digest(sha256: str) -> str:
    """The first 12 and last 4 hex digits in groups of four."""
    return f"{sha256[:4]} {sha256[4:8]} {sha256[8:12]} … {sha256[-4:]}"


def muted(text: str) -> str:
    """Small grey text; the caller has escaped what comes from data."""
    return f":small[:gray[{text}]]"


CHIP_WORDS = {
    Status.CRITICAL: "Material",
    Status.WARNING: "Changed",
    Status.OK: "Stable",
    Status.INSUFFICIENT: "Not enough data",
    Status.UNDEFINED: "Undefined",
}
CHIP_LOOKS = {
    Status.CRITICAL: ("red", "error"),
    Status.WARNING: ("orange", "change_history"),
    Status.OK: ("green", "check_circle"),
    Status.INSUFFICIENT: ("gray", "hourglass_empty"),
    Status.UNDEFINED: ("gray", "block"),
}


def chip(status: Status, words: str | None = None) -> str:
    """A verdict as Markdown: icon, word and colour."""
    colour, icon = CHIP_LOOKS[status]
    return f":{colour}-badge[:material/{icon}: {words or CHIP_WORDS[status]}]"


def value_cell(measure: Measure) -> str:
    """A measure in a table cell: the value in bold, its interval or why there is none below."""
    if measure.value is None and measure.interval is not None:
        low, high = (number(end, measure.measure) for end in (measure.interval.low, measure.interval.high))
        return f"**{low}\u00a0to\u00a0{high}**  \n{muted('worst-case bounds; not identified')}"
    if measure.value is None:
        return f"{DASH}  \n{muted(plain(measure.why))}"
    below = in_cell(measure.interval, measure.measure) or "no interval"
    return f"**{number(measure.value, measure.measure)}**  \n{muted(below)}"
