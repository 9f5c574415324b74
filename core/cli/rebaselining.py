"""How another reference is asked for: its period, and what its evidence says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from core.cli.accepting import interval_words, print_beside
from core.cli.options import actor, as_date
from core.console import print_table, say
from core.errors import InputError

if TYPE_CHECKING:
    from core.workspace import Workspace

__all__ = ["FromOption", "ToOption", "period_arguments", "print_baseline"]

FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="DATE", help="The first day of the reference that `propose rebaseline` asks for."),
]
ToOption = Annotated[
    str | None, typer.Option("--to", metavar="DATE", help="The day after its last, in the model's time zone.")
]
MOST_SERIES = 10


def period_arguments(space: Workspace, model: str, first: str | None, until: str | None) -> dict[str, Any]:
    """The arguments of a proposal for another reference; dates without a zone are in the model's own."""
    if first is None or until is None:
        raise InputError("Another reference needs its period: --from and --to.")
    zone = ZoneInfo(space.models.show(actor(space), model).schema.timezone)
    found = {}
    for name, text in (("from", first), ("to", until)):
        moment = as_date(text, f"--{name}")
        has_zone = "+" in text or text.endswith("Z") or text.count("-") > 2
        if moment is not None:
            found[name] = (moment if has_zone else moment.replace(tzinfo=zone)).isoformat()
    return found


def print_baseline(report: Mapping[str, Any]) -> None:
    """What the evidence of another reference says, in words and tables."""
    period, before = report["period"], report["reference"]
    rows = [
        (name, of["from"] or "", of["to"] or "", of["n_windows"], f"{of['n']:,}", f"{of['n_labelled']:,}")
        for name, of in (("asked for", period), ("in force", before))
    ]
    print_table(["reference", "from", "to", "windows", "n", "with a label"], rows, right=(3, 4, 5))
    say(f"Served by {', '.join(period['versions']) or 'no registered version'}.")
    print_table(
        [f"of {report['n_series']} series", "led by", "held against", "in the period", "size, sd", "interval"],
        [
            (s["key"], s["monitor"], f"{s['against']:.3g}", f"{s['value']:.3g}", f"{s['size']:+.2g}", interval_words(s))
            for s in report["series"][:MOST_SERIES]
        ],
        right=(2, 3, 4),
    )
    for alert in report["alerts"]:
        say(f"Alert {alert['id']}, {alert['state']}, was out in the period: {', '.join(alert['words'])}.")
    print_beside(report)
