"""Write down what was simulated, what held, and what is not claimed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from tests.bench.alarms.figure import Point, drawn
from tests.bench.alarms.labelled import ABOUT as LABELLED_ABOUT
from tests.bench.alarms.labelled import N_RIVER, LabelledOutcome
from tests.bench.alarms.packages import AROUND_CHANGE, CHOSEN, VERSIONS, Agreement
from tests.bench.alarms.rows import CHANGED, MATERIAL, N_COSTLY, N_NULL, N_PEERS, N_STREAMS, SEED, Outcome, Tally
from tests.bench.alarms.rules import ABOUT, COSTLY
from tests.bench.alarms.verdicts import ALPHA, MARGIN, VerdictRow

OURS = (MATERIAL, CHANGED)
QUIET, UNQUIET = "nothing changes", "windows' own effects of 0.05 sd"
FIGURE_ROW = "0.10 sd step"
PAGE = Path(__file__).with_name("page.md")


def document(
    outcomes: Sequence[Outcome],
    labelled: Sequence[LabelledOutcome],
    verdicts: Sequence[VerdictRow],
    agreed: Sequence[Agreement],
    missing: Sequence[str],
    *,
    minutes: float,
) -> str:
    """The whole of docs/false-alarms.md.

    `missing` says of each package that was not asked why; `minutes` is what one core worked.
    """
    claimed = [outcome for outcome in outcomes if not outcome.row.beyond]
    boundary = [row for row in verdicts if row.w == MARGIN]
    errors = [error for row in boundary for error in (row.drift, row.stable)]
    n_repetitions = boundary[0].n_repetitions
    return PAGE.read_text().format(
        held=sum(outcome.holds for outcome in (*claimed, *labelled)),
        n_claimed=len(claimed) + len(labelled),
        n_subjects=outcomes[0].n_subjects,
        n_armed=f"{np.mean(outcomes[0].n_armed):.0f}",
        rows="\n".join(_row(outcome) for outcome in outcomes),
        margin=MARGIN,
        alpha=ALPHA,
        n_settings=len(boundary),
        n_repetitions=n_repetitions,
        verdict_error=math.sqrt(ALPHA * (1 - ALPHA) / n_repetitions),
        least=min(errors),
        most=max(errors),
        boundary="\n".join(_verdicts(boundary)),
        off_boundary="\n".join(
            f"| w = {row.w:g}, {row.n_current:,} rows | {row.drift:.1%} | {row.stable:.1%} | {row.any_shift:.1%} | "
            f"{row.psi_above_a_tenth:.1%} |"
            for row in verdicts
            if row.w != MARGIN
        ),
        peers="\n".join(_peers(outcomes)),
        about="\n".join(f"| {name} | {about} |" for name, about in ABOUT.items()),
        costly=" and ".join(COSTLY),
        n_costly=N_COSTLY,
        n_peers=N_PEERS,
        labelled="\n".join(_labelled_row(outcome) for outcome in labelled),
        labelled_peers="\n".join(_labelled_peers(labelled)),
        labelled_about="\n".join(f"| {name} | {about} |" for name, about in LABELLED_ABOUT.items()),
        n_river=N_RIVER,
        agreements="\n".join(_agreements(agreed, missing)),
        n_null=N_NULL,
        n_streams=N_STREAMS,
        seed=SEED,
        minutes=minutes,
    )


def a_year(outcome: Outcome | LabelledOutcome, rule: str, *, digits: int = 2) -> str:
    """A rate with its Monte-Carlo error."""
    rate, error = outcome.a_year(rule), outcome.error(rule)
    if rate == 0:
        return f"0 (below {error:.{digits}f})"
    return f"{rate:.{digits}f}" + ("" if math.isnan(error) else f" ± {error:.{digits}f}")


def figure(outcomes: Iterable[Outcome]) -> str:
    """False alarm days against the delay of a 0.10 sd step."""
    by_name = {outcome.row.name: outcome for outcome in outcomes}
    quiet, unquiet, step = by_name[QUIET], by_name[UNQUIET], by_name[FIGURE_ROW]
    points = [
        Point(
            name=rule,
            delay=step.tallies[rule].median_delay,
            quiet=quiet.a_year(rule),
            unquiet=unquiet.a_year(rule),
            is_ours=rule in OURS,
        )
        for rule in step.tallies
    ]
    title = "30 columns, 1,000 rows a day. Filled: nothing changes; hollow: windows differ by 0.05 sd"
    return drawn(points, title=title, budget=1.0)


def _row(outcome: Outcome) -> str:
    row = outcome.row
    if row.beyond:
        must = "beyond the claim"
    elif row.latest is None:
        must = f"at most {row.most_false:.1f} events"
    else:
        must = f"{row.light} in at most {row.latest:g}, at most {row.most_false:.1f} material events"
    cells = [
        row.name,
        str(outcome.tallies[MATERIAL].n_streams),
        *(a_year(outcome, rule) for rule in OURS),
        *(_delays(outcome.tallies[rule]) for rule in OURS),
        must,
        "" if row.beyond else ("yes" if outcome.holds else "**no**"),
    ]
    return f"| {' | '.join(cells)} |"


def _delays(tally: Tally) -> str:
    """The median delay, and the least and greatest of the streams' own."""
    if math.isnan(tally.median_delay):
        return ""
    least, most = _delay(min(tally.medians)), _delay(max(tally.medians))
    return _delay(tally.median_delay) + ("" if least == most else f" ({least} to {most})")


def _delay(windows: float) -> str:
    if math.isnan(windows):
        return ""
    return "not found" if math.isinf(windows) else f"{windows:g}"


def _verdicts(boundary: Sequence[VerdictRow]) -> list[str]:
    lines = ["| rows of a window | drift, though at the margin | stable, though at the margin |", "| --- | --- | --- |"]
    for n in sorted({row.n_current for row in boundary}):
        of_n = [row for row in boundary if row.n_current == n]
        drift, stable = [row.drift for row in of_n], [row.stable for row in of_n]
        lines.append(f"| {n:,} | {_range(drift)} | {_range(stable)} |")
    return lines


def _range(shares: Sequence[float]) -> str:
    return f"{min(shares):.1%} to {max(shares):.1%}, mean {np.mean(shares):.1%}"


def _peers(outcomes: Sequence[Outcome]) -> list[str]:
    shown = [outcome for outcome in outcomes if outcome.row.has_peers]
    nothing = [outcome for outcome in shown if outcome.row.world.change is None]
    changes = [outcome for outcome in shown if outcome.row.world.change is not None]
    heads = [f"false: {outcome.row.name}" for outcome in nothing] + [
        f"delay: {outcome.row.name}" for outcome in changes
    ]
    lines = ["| rule | " + " | ".join(heads) + " |", "| --- |" + " --- |" * len(heads)]
    for rule in nothing[0].tallies:
        cells = [_days(outcome, rule) for outcome in nothing]
        for outcome in changes:
            tally = outcome.tallies[rule]
            found = f"{tally.found_within(7):.0%}, {tally.found_within(30):.0%}"
            cells.append(f"{_delay(tally.median_delay)} ({found})")
        lines.append(f"| {rule} | " + " | ".join(cells) + " |")
    return lines


def _days(outcome: Outcome, rule: str) -> str:
    days = a_year(outcome, rule, digits=1)
    return f"{days} ({outcome.a_year(rule, new=True):.1f})" if outcome.a_year(rule) else days


def _labelled_row(outcome: LabelledOutcome) -> str:
    cells = [
        outcome.row.name,
        str(outcome.tallies[MATERIAL].n_streams),
        *(a_year(outcome, rule) for rule in OURS),
        *(_delays(outcome.tallies[rule]) for rule in OURS),
        f"at most {outcome.row.most_false:.1f} events",
        "yes" if outcome.holds else "**no**",
    ]
    return f"| {' | '.join(cells)} |"


def _labelled_peers(labelled: Sequence[LabelledOutcome]) -> list[str]:
    heads = [f"{'delay' if outcome.row.changes else 'false'}: {outcome.row.name}" for outcome in labelled]
    lines = ["| rule | " + " | ".join(heads) + " |", "| --- |" + " --- |" * len(heads)]
    for rule in labelled[0].tallies:
        cells = [
            "not asked"
            if rule not in outcome.tallies
            else _delays(outcome.tallies[rule])
            if outcome.row.changes
            else a_year(outcome, rule, digits=1)
            for outcome in labelled
        ]
        lines.append(f"| {rule} | " + " | ".join(cells) + " |")
    return lines


def _agreements(agreed: Sequence[Agreement], missing: Sequence[str]) -> list[str]:
    lines = [f"- Not compared in this run: {sentence}" for sentence in missing]
    if not agreed:
        return lines
    n_evidently = AROUND_CHANGE.stop - AROUND_CHANGE.start
    first, second = CHOSEN
    return [
        f"Evidently {VERSIONS['evidently']} ({n_evidently} windows around the change, since it takes seconds for each)",
        f"and NannyML {VERSIONS['nannyml']} (all windows) run on stream 0 of the rows '{first}' and '{second}':",
        "",
        *lines,
        *([""] if lines else []),
        "| rule | stream | answers compared | alarms | different |",
        "| --- | --- | --- | --- | --- |",
        *(f"| {a.rule} | {a.stream} | {a.n_compared:,} | {a.n_alarms:,} | {a.n_different} |" for a in agreed),
    ]
