"""Commands on control charts: list the series, show one, ask what it costs, and keep its phase I."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.chart_words import document, tell, written
from core.cli.options import HERE, JsonOption, ReasonOption, WorkspaceOption, actor, count_new, opened
from core.console import print_json, print_table, say
from core.errors import InputError

if TYPE_CHECKING:
    from core.services.chart_options import ChartOptions
    from core.services.chart_report import ChartReport
    from core.services.observations import Selection
    from core.workspace import Workspace

__all__ = ["chart_app"]

chart_app = typer.Typer(help="Control charts: they explain, and open no alert.", no_args_is_help=True)
VersionOption = Annotated[str | None, typer.Option("--version", help="Records of this version only.")]
SegmentOption = Annotated[str, typer.Option(metavar="COLUMN=VALUE", help="Records of this segment only.")]
SeriesOption = Annotated[str | None, typer.Option(help="The series; the first that `chart list` names, if left out.")]
TypeOption = Annotated[str, typer.Option("--chart", help="shewhart (points), ewma or cusum.")]
RulesOption = Annotated[str, typer.Option(help="Such as nelson-1,nelson-2; all of Nelson's: nelson.")]
RunLengthOption = Annotated[float, typer.Option(help="Of EWMA and CUSUM: windows between false alarms.")]
EverywhereOption = Annotated[bool, typer.Option("--all-series", help="In every series of the model.")]
DEFAULT_RULES = "nelson-1,nelson-2"
RUN_LENGTH = 370.4


@chart_app.command("list")
def chart_list(
    model: str,
    version: VersionOption = None,
    segment: SegmentOption = "",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """List every series of a model, the worst first."""
    space = opened(workspace)
    count_new(space, model)
    overview = space.charts.overview(actor(space), model, _selection(version, segment))
    if overview is None:
        raise InputError(f"{model} has no reference yet, so there is no chart.")
    if json:
        print_json(
            [
                {
                    "series": each.series.name,
                    "state": each.state,
                    "signals": each.n_signals,
                    "value": each.values[-1] if each.values else None,
                    "why": each.why,
                }
                for each in overview
            ]
        )
        return
    rows = [(each.series.name, each.state, each.n_signals, each.why) for each in overview]
    print_table(["series", "now", "signals", ""], rows, right=(2,))


@chart_app.command("show")
def chart_show(
    model: str,
    series: SeriesOption = None,
    chart: TypeOption = "shewhart",
    rules: RulesOption = DEFAULT_RULES,
    run_length: RunLengthOption = RUN_LENGTH,
    version: VersionOption = None,
    segment: SegmentOption = "",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Show a series window by window against its limits, and what signals by which rule."""
    space = opened(workspace)
    count_new(space, model)
    report = _report(space, model, series, _options(chart, rules, run_length), _selection(version, segment))
    if json:
        print_json(document(report))
        return
    if report.why:
        say(report.why)
        return
    rows = [
        (
            f"{point.at.window.name}{' (reference)' if point.at.of_reference else ''}",
            point.phase,
            written(point.value),
            written(point.low),
            written(point.high),
            written(point.score),
            f"{point.n:,}",
            ", ".join(rule.label for rule in point.rules),
        )
        for point in report.points
    ]
    header = ["window", "phase", report.series.name, "lower", "upper", "sigma", "n", "signals"]
    print_table(header, rows, right=(2, 3, 4, 5, 6))
    say(report.convention)
    for note in report.baseline.notes if report.baseline else ():
        say(note)
    if report.since is not None:
        first, earliest, latest = (
            report.points[place].at.window.name
            for place in (report.since.first, report.since.earliest, report.since.latest)
        )
        say(f"Off since {first}; it changed between {earliest} and {latest}.")


@chart_app.command("design")
def chart_design_command(
    model: str,
    series: SeriesOption = None,
    chart: TypeOption = "shewhart",
    rules: RulesOption = DEFAULT_RULES,
    run_length: RunLengthOption = RUN_LENGTH,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """How often does a chart signal by chance, and how late does it find a shift?"""
    from core.services.chart_design import chart_design

    space = opened(workspace)
    options = _options(chart, rules, run_length)
    report = _report(space, model, series, options, _selection(None, ""))
    design = chart_design(options, report.baseline, windows_per_year=report.windows_per_year)
    if json:
        print_json(
            {
                "series": report.series.name,
                "scheme": options.scheme,
                "run_length_known": design.known,
                "false_alarm_rate": design.rate,
                "false_alarms_a_year": design.a_year,
                "delays": [{"shift": delay.shift, "windows": delay.length} for delay in design.delays],
            }
        )
        return
    say(
        f"One false alarm in {design.known.value:,.1f} windows, if centre and sigma were known ({design.known.method})."
    )
    if design.rate:
        a_year = f", {design.a_year:.1f} a year" if design.a_year is not None else ""
        say(f"With what phase I tells of them: one in {1 / design.rate:,.1f}{a_year}.")
    print_table(
        ["shift (sigma)", "found after (windows)"],
        [(f"{delay.shift:g}", f"{delay.length.value:,.2f}") for delay in design.delays],
        right=(0, 1),
    )


@chart_app.command("exclude")
def chart_exclude(
    model: str,
    window: Annotated[list[str], typer.Argument(help="Windows of phase I: 2026-W05, or reference/2026-W05.")],
    reason: ReasonOption,
    series: SeriesOption = None,
    everywhere: EverywhereOption = False,
    version: VersionOption = None,
    segment: SegmentOption = "",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Leave windows out of phase I for an assignable cause, and fit the limits anew."""
    space = opened(workspace)
    selection = _selection(version, segment)
    name = _series(space, model, series, selection, everywhere=everywhere)
    tell(space.charts.exclude(actor(space), model, name, window, reason=reason, selection=selection), json=json)


@chart_app.command("include")
def chart_include(
    model: str,
    window: Annotated[list[str], typer.Argument(help="Windows that were left out.")],
    reason: ReasonOption,
    series: SeriesOption = None,
    everywhere: EverywhereOption = False,
    version: VersionOption = None,
    segment: SegmentOption = "",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Take windows back into phase I, and fit the limits anew."""
    space = opened(workspace)
    selection = _selection(version, segment)
    name = _series(space, model, series, selection, everywhere=everywhere)
    tell(space.charts.include(actor(space), model, name, window, reason=reason, selection=selection), json=json)


@chart_app.command("fit")
def chart_fit(
    model: str,
    first: str,
    last: str,
    reason: ReasonOption,
    series: SeriesOption = None,
    everywhere: EverywhereOption = False,
    version: VersionOption = None,
    segment: SegmentOption = "",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Rest limits on the windows of the reference from FIRST to LAST."""
    space = opened(workspace)
    selection = _selection(version, segment)
    name = _series(space, model, series, selection, everywhere=everywhere)
    record = space.charts.fit(actor(space), model, name, first=first, last=last, reason=reason, selection=selection)
    tell(record, json=json)


@chart_app.command("propose")
def chart_propose(
    model: str,
    first: str,
    last: str,
    reason: ReasonOption,
    series: SeriesOption = None,
    everywhere: EverywhereOption = False,
    version: VersionOption = None,
    segment: SegmentOption = "",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Propose a new phase I from FIRST to LAST; somebody else adopts it."""
    space = opened(workspace)
    selection = _selection(version, segment)
    name = _series(space, model, series, selection, everywhere=everywhere)
    record = space.charts.propose(actor(space), model, name, first=first, last=last, reason=reason, selection=selection)
    tell(record, json=json)


@chart_app.command("adopt")
def chart_adopt(
    model: str, phase: int, reason: ReasonOption, workspace: WorkspaceOption = HERE, json: JsonOption = False
) -> None:
    """Adopt a proposed phase I."""
    _decide(workspace, model, phase, "adopt", reason, json=json)


@chart_app.command("reject")
def chart_reject(
    model: str, phase: int, reason: ReasonOption, workspace: WorkspaceOption = HERE, json: JsonOption = False
) -> None:
    """Reject a proposed phase I."""
    _decide(workspace, model, phase, "reject", reason, json=json)


def _decide(workspace: Any, model: str, phase: int, step: str, reason: str, *, json: bool) -> None:
    from core.services.chart_phases import PhaseStep

    space = opened(workspace)
    tell(space.charts.decide(actor(space), model, phase, PhaseStep(step), reason=reason), json=json)


def _selection(version: str | None, segment: str) -> Selection:
    from core.services.observations import Selection

    return Selection(version=version, segment=segment)


def _options(chart: str, rules: str, run_length: float) -> ChartOptions:
    from core.services.chart_options import ChartOptions, ChartType
    from core.spc.rules import NELSON, WESTERN_ELECTRIC, as_rules

    kinds = [str(kind) for kind in ChartType]
    if chart not in kinds:
        raise InputError(f"--chart {chart!r} is none of {', '.join(kinds)}.")
    sets = {"nelson": NELSON, "western-electric": WESTERN_ELECTRIC, "": ()}
    chosen = sets[rules] if rules in sets else as_rules(part.strip() for part in rules.split(","))
    return ChartOptions(chart=ChartType(chart), rules=tuple(chosen), run_length=run_length)


def _report(
    space: Workspace, model: str, series: str | None, options: ChartOptions, selection: Selection
) -> ChartReport:
    report = space.charts.show(actor(space), model, selection, series=series, options=options)
    if report is None:
        raise InputError(f"{model} has no reference yet, so there is no chart.")
    return report


def _series(space: Workspace, model: str, series: str | None, selection: Selection, *, everywhere: bool) -> str | None:
    """The series that a change is of; None for all."""
    if everywhere and series is not None:
        raise InputError("Give either --series or --all-series.")
    if everywhere or series is not None:
        return series
    report = space.charts.show(actor(space), model, selection)
    return None if report is None else report.series.name
