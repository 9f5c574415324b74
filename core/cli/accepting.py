"""How a drift is asked to be accepted as harmless: its alert, the series of it, and the margin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.console import print_table, say
from core.errors import InputError

if TYPE_CHECKING:
    from core.services.alerts import AlertInfo

__all__ = [
    "AlertOption",
    "PointsOption",
    "SdOption",
    "SeriesOption",
    "ValueOption",
    "acceptance_arguments",
    "interval_words",
    "print_acceptance",
    "print_beside",
]

AlertOption = Annotated[
    int | None, typer.Option(metavar="ALERT", help="The alert of which `propose accept_drift` accepts a series.")
]
SeriesOption = Annotated[
    str | None, typer.Option(metavar="SERIES", help="Which series of it, such as values/income, if it has several.")
]
SdOption = Annotated[
    float | None, typer.Option(min=0, help="Its margin in standard deviations of a row.", rich_help_panel="Margin")
]
PointsOption = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Its margin of shares; 0.01 is one point.", rich_help_panel="Margin"),
]
ValueOption = Annotated[
    float | None,
    typer.Option(min=0, help="In the measure's own unit; of a gap the least ratio.", rich_help_panel="Margin"),
]


def acceptance_arguments(
    alert: AlertInfo, series: str | None, *, sd: float | None, points: float | None, value: float | None
) -> dict[str, Any]:
    """The arguments of a proposal to accept a drift; raises InputError where several series could be meant."""
    known = sorted({incident.subject for incident in alert.incidents if not incident.is_withdrawn})
    if series is None and len(known) != 1:
        raise InputError(f"Alert {alert.id} has several series: name one of {', '.join(known)} by --series.")
    asked = {"sd": sd, "points": points, "value": value}
    return {
        "alert": alert.id,
        "series": series or known[0],
        "margin": {name: number for name, number in asked.items() if number is not None},
    }


def print_acceptance(report: Mapping[str, Any]) -> None:
    """What the evidence of accepting a drift says, in words and tables."""
    event, margin = report["event"], report["margin"]
    say(f"{report['series']['words']} ({report['series']['key']}), {event['first']} to {event['last']}")
    say(f"    margin     {margin['words_before']}; asked for: {margin['words_after']}")
    rows = [(event["first"] + " to " + event["last"], event), *((w["window"], w) for w in report["windows"])]
    print_table(
        ["window", report["series"]["monitor"], "held against", f"size, {event['unit']}", "interval", "n"],
        [(name, _number(of["value"]), _number(of["against"]), *_size(of), f"{of['n']:,.0f}") for name, of in rows],
        right=(1, 2, 3, 5),
    )
    print_beside(report)


def print_beside(report: Mapping[str, Any]) -> None:
    """What performance and gaps did in the same windows."""
    beside = report["performance"]
    say(f"Labels of {beside['n_labelled']:,} of {beside['n']:,} rows are in.")
    if beside["measures"]:
        print_table(
            ["in the same windows", "value", "reference", "change", "n"],
            [
                (m["measure"], *map(_number, (m["value"], m["reference"])), interval_words(m, "change_"), f"{m['n']:,}")
                for m in beside["measures"]
            ],
            right=(1, 2, 4),
        )
    if report["gaps"]:
        print_table(
            ["gap", "difference", "interval", "in the reference", "n"],
            [(g["key"], *_difference(g), _number(g["reference"]), f"{g['n']:,}") for g in report["gaps"]],
            right=(1, 3, 4),
        )


def _size(of: Mapping[str, Any]) -> tuple[str, str]:
    return _number(of["size"]), interval_words(of)


def _difference(gap: Mapping[str, Any]) -> tuple[str, str]:
    return _number(gap["difference"]), interval_words(gap)


def interval_words(of: Mapping[str, Any], start: str = "") -> str:
    """[0.1, 0.3]; '' where there is none."""
    low, high = of[f"{start}low"], of[f"{start}high"]
    return "" if low is None or high is None else f"[{_number(low)}, {_number(high)}]"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
