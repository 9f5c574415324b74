"""Commands that audit how groups are treated, and write what leaves the house."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.options import HERE, JsonOption, WorkspaceOption, actor, count_new, opened, write_out
from core.console import print_json, print_table, say, warn
from core.errors import InputError

if TYPE_CHECKING:
    from core.fairness.comparisons import Comparison
    from core.fairness.policy import FairnessPolicy
    from core.services.audits import AuditRequest
    from core.services.fairness import FairnessReport
    from core.services.fairness_crossings import IntersectionReport
    from core.workspace import Workspace

__all__ = ["fairness_app"]

fairness_app = typer.Typer(help="Who is treated differently, by how much, under which policy.", no_args_is_help=True)

PolicyOption = Annotated[
    str | None, typer.Option("--policy", metavar="NAME", help="As `fairness policies` lists them.")
]
AgainstOption = Annotated[
    str | None,
    typer.Option("--against", help="rest, 'reference group', best or overall, in place of the policy's own."),
]
ClassOption = Annotated[str | None, typer.Option("--class", metavar="NAME", help="One class against all others.")]
VersionOption = Annotated[str | None, typer.Option("--version", help="Records of this version only.")]
NO_REFERENCE = "{model} has no reference yet; give it one with `plumbline ingest {model} FILE --as reference`."
WindowOption = Annotated[str | None, typer.Option("--window", help="Up to this window, as `analyse` names it.")]


class Fails(StrEnum):
    """From which verdict on an audit fails."""

    DISPARITY = "disparity"
    UNKNOWN = "unknown"


@fairness_app.command()
def audit(
    model: str,
    policy: PolicyOption = None,
    against: AgainstOption = None,
    of_class: ClassOption = None,
    version: VersionOption = None,
    window: WindowOption = None,
    fail_on: Annotated[
        Fails | None, typer.Option(help="Exit with 1 on a disparity, or already where it can't be told.")
    ] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Compare groups under a policy: disparity, no evidence, or not enough data."""
    space = opened(workspace)
    count_new(space, model)
    request = _request(model, policy, against, (of_class, version, window))
    report = space.audits.report(actor(space), request)
    if report is None:
        raise InputError(NO_REFERENCE.format(model=model))
    if not report.attributes:
        raise InputError(f"{model} declares no protected attribute; mark one with `protected = true` in its schema.")
    crossings = space.audits.intersections(actor(space), request)
    if json:
        print_json(_document(space, report, crossings, request))
    else:
        _print(report, crossings)
    status = report.audit.status if report.audit is not None else "undefined"
    if fail_on is not None and (status == "critical" or (fail_on is Fails.UNKNOWN and status != "ok")):
        raise typer.Exit(1)


@fairness_app.command()
def report(
    model: str,
    out: Annotated[Path, typer.Option(metavar="FILE.html|.md|.csv", help="Where to write it.")],
    policy: PolicyOption = None,
    rate: Annotated[str, typer.Option(help="Which rate the page is about.")] = "selection_rate",
    law: Annotated[bool, typer.Option("--local-law-144", help="The tables New York City asks for instead.")] = False,
    sex: Annotated[str, typer.Option(metavar="COLUMN", help="With --local-law-144: the attribute of sex.")] = "sex",
    race: Annotated[str, typer.Option(metavar="COLUMN", help="With --local-law-144: race and ethnicity.")] = "race",
    scoring: Annotated[bool, typer.Option("--scoring", help="With --local-law-144: rates of scoring.")] = False,
    version: VersionOption = None,
    window: WindowOption = None,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Write the audit on one page in plain words, or the tables of Local Law 144; small groups are hidden."""
    from core.report import fairness, local_law_144
    from core.report.spreadsheet import as_csv

    kinds = (".html", ".csv") if law else (".html", ".md", ".csv")
    if out.suffix not in kinds:
        raise InputError(f"--out {out} ends in none of {', '.join(kinds)}, by which its form is told.")
    space = opened(workspace)
    count_new(space, model)
    request = _request(model, policy, None, (None, version, window))
    who, is_csv = actor(space), out.suffix == ".csv"
    content: bytes | None = None
    if law:
        tables = space.audits.local_law(who, request, sex=sex, race=race, is_scoring=scoring)
        if tables is not None:
            content = as_csv(local_law_144.as_rows(tables)) if is_csv else local_law_144.as_html(tables).encode()
    else:
        page = space.audits.page(who, request, rate=rate)
        if page is not None:
            text = fairness.as_markdown if out.suffix == ".md" else fairness.as_html
            content = as_csv(fairness.as_rows(page)) if is_csv else text(page).encode()
    if content is None:
        raise InputError(NO_REFERENCE.format(model=model))
    write_out(out, content)
    say(f"Wrote {out}.")


@fairness_app.command()
def policies(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """List the fairness policies: those that ship, and the files in the workspace's folder `fairness`."""
    space = opened(workspace)
    shelf = space.audits.policies(actor(space))
    for problem in shelf.problems:
        warn(f"plumbline: a fairness policy is left out: {problem}")
    if json:
        print_json([{**policy.model_dump(mode="json"), "digest": policy.digest} for policy in shelf.policies])
        return
    header = ["policy", "what", "limit", "against", "judges"]
    print_table(
        header,
        [
            (policy.name, policy.title, _limit(policy), str(policy.against), ", ".join(policy.measures))
            for policy in shelf.policies
        ],
    )


def _limit(policy: FairnessPolicy) -> str:
    return "none" if policy.limit is None else f"{policy.statistic} {policy.limit:g}, {policy.decision}"


def _request(
    model: str, policy: str | None, against: str | None, rows: tuple[str | None, str | None, str | None]
) -> AuditRequest:
    from core.errors import UnknownNameError
    from core.fairness.policy import Against
    from core.services.audits import AuditRequest
    from core.services.observations import Selection

    of_class, version, window = rows
    if against is not None and against not in [str(one) for one in Against]:
        raise UnknownNameError("group to compare with", against, [str(one) for one in Against])
    return AuditRequest(
        model=model,
        selection=Selection(version=version, window=window),
        policy=policy,
        against=None if against is None else Against(against),
        of_class=of_class,
    )


def _print(report: FairnessReport, crossings: IntersectionReport | None) -> None:
    say(report.coverage)
    if report.audit is None:
        rows = [
            (e.measure, each.attribute, e.group, _number(e.value), _span(e.interval), f"{e.n:,}", str(e.cell))
            for each in report.attributes
            for e in each.errors
        ]
        print_table(["error", "attribute", "group", "value", "95% interval", "n", "state"], rows, right=(3, 5))
        return
    say(f"Policy: {report.policy.title} ({report.policy.name}).")
    judged = [c for c in report.audit.comparisons if c.rate in report.policy.measures]
    print_table(
        ["verdict", "attribute", "group", "rate", "value", "difference", "interval", "ratio", "p", "n"],
        [_row(each) for each in judged],
        right=(4, 5, 7, 8, 9),
    )
    for each in judged:
        if each.verdict.status == "critical":
            say(f"{each.attribute}: {each.verdict.why}")
    if crossings is None:
        return
    if crossings.why:
        say(f"Groups within groups: {crossings.why}")
    for crossing in crossings.crossings:
        beyond = [c for c in crossing.audit.comparisons if c.verdict.status == "critical"]
        say(f"{crossing.name}: {crossing.coverage('selection_rate')} {len(beyond)} comparisons are a disparity.")
        for each in beyond:
            say(f"    {each.verdict.why}")
    for cut in crossings.cut:
        say(f"Not counted: {cut}.")


WORDS = {"critical": "disparity", "ok": "no evidence", "insufficient": "can't tell", "undefined": "undefined"}


def _row(each: Comparison) -> tuple[str, ...]:
    words = WORDS[each.verdict.status] if each.verdict.is_judged or each.difference is None else "not judged"
    return (
        words,
        each.attribute,
        each.group.group,
        each.rate,
        _number(each.group.value),
        _number(each.difference),
        _span(each.difference_simultaneous),
        _number(each.ratio),
        _number(each.p_value),
        f"{each.group.n:,}",
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _span(interval: Any) -> str:
    return "" if interval is None else f"{_number(interval.low)} to {_number(interval.high)}"


def _document(
    space: Workspace, report: FairnessReport, crossings: IntersectionReport | None, request: AuditRequest
) -> dict[str, Any]:
    who = actor(space)
    details = [space.audits.detail(who, request, each.attribute) for each in report.attributes]
    closely = [measure.to_dict() for detail in details if detail is not None for measure in detail.measures]
    peers = {each.attribute: space.audits.peers(who, request, each.attribute) for each in report.attributes}
    return {
        "model": report.context.model,
        "policy": {**report.policy.model_dump(mode="json"), "digest": report.policy.digest},
        "coverage": report.coverage,
        "status": str(report.audit.status) if report.audit is not None else "undefined",
        "n_comparisons": report.audit.n_comparisons if report.audit is not None else 0,
        "windows": [window.name for window in report.span],
        "labelled_windows": [window.name for window in report.labelled_span],
        "comparisons": _comparisons(report.audit.comparisons if report.audit is not None else ()),
        "measures": [m.to_dict() for each in report.attributes for m in (*each.measures, *each.error_gaps)] + closely,
        "intersections": [
            {
                "attributes": list(crossing.attributes),
                "coverage": crossing.coverage("selection_rate"),
                "epsilon": crossing.spread("selection_rate").epsilon,
                "comparisons": _comparisons(crossing.audit.comparisons),
            }
            for crossing in (crossings.crossings if crossings is not None else ())
        ],
        "not_counted": list(crossings.cut) + ([crossings.why] if crossings.why else []) if crossings else [],
        "conventions": {
            name: [{"name": m.name, "value": m.value, "note": m.note} for m in found] for name, found in peers.items()
        },
    }


def _comparisons(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    return [
        {
            "attribute": each.attribute,
            "group": each.group.group,
            "against": each.other.group,
            "rate": each.rate,
            "k": each.group.k,
            "n": each.group.n,
            "cell": str(each.group.cell),
            "value": each.group.value,
            "difference": each.difference,
            "ratio": each.ratio,
            "low": each.difference_simultaneous.low if each.difference_simultaneous else None,
            "high": each.difference_simultaneous.high if each.difference_simultaneous else None,
            "z": each.z,
            "p_raw": each.p_raw,
            "p_value": each.p_value,
            "n_comparisons": each.n_comparisons,
            "is_judged": each.verdict.is_judged,
            "practical": each.verdict.practical,
            "statistical": each.verdict.statistical,
            "rows_needed": each.verdict.needed.group if each.verdict.needed else None,
            "verdict": WORDS[each.verdict.status] if each.verdict.is_judged else "not judged",
            "why": each.verdict.why,
        }
        for each in comparisons
    ]
