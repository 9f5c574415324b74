"""Write down what was simulated, what held, and what is not claimed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from tests.bench.alarms.figure import Point, drawn
from tests.bench.alarms.packages import CHOSEN, N_EVIDENTLY, Agreement
from tests.bench.alarms.rows import CHANGED, MATERIAL, N_COSTLY, SEED, Outcome
from tests.bench.alarms.rules import ABOUT, COSTLY
from tests.bench.alarms.verdicts import ALPHA, MARGIN, VerdictRow

OURS = (MATERIAL, CHANGED)
QUIET, UNQUIET = "nothing changes", "windows' own effects of 0.05 sd"
FIGURE_ROW = "0.10 sd step"
NOT_RUN = (
    "The packages themselves were not run this time (`make bench-alarms PACKAGES=1` does, and needs a package index)."
)


def document(
    outcomes: Sequence[Outcome],
    verdicts: Sequence[VerdictRow],
    agreed: Sequence[Agreement],
    *,
    minutes: float,
    n_streams: int,
) -> str:
    """The whole of docs/false-alarms.md."""
    by_name = {outcome.row.name: outcome for outcome in outcomes}
    first = outcomes[0]
    claimed = [outcome for outcome in outcomes if not outcome.row.beyond]
    held = sum(outcome.holds for outcome in claimed)
    boundary = [row for row in verdicts if row.w == MARGIN]
    lines = [
        "# How often alarms are false",
        "",
        "This page is written by `make bench-alarms`: streams whose truth is known are drawn, armed and run through the",
        "functions that the product uses, and other monitors' default rules are asked about the same windows.",
        f"{held} of {len(claimed)} rows of the claim held on {n_streams} streams each.",
        "",
        "![Days a year with a false alarm, against the windows it takes to find a shift](false-alarms.svg)",
        "",
        "## What was simulated",
        "",
        "A stream has 30 columns and 365 windows of production, 1,000 rows a window and a reference of 30 windows unless",
        "the row says otherwise: 8 normal columns, 4 lognormal, 3 exponential, 3 Student t with 5 degrees of freedom, 3 of",
        "two humps, 3 Poisson, and 6 of categories (2, 3, 4, 6, 10 and 30 of them). Columns hang together by a Gaussian",
        "copula, with correlation 0.2 unless stated. One value in a hundred is missing. A change begins on window 100 and",
        "stays. From 5,000 rows a window on, counts are drawn instead of rows, and columns then hang together by their",
        "windows' effects only.",
        "",
        f"Of every column its values, its missing and its outside values are watched: {first.n_subjects} series in one set",
        f"with half of each budget, as the product arms them; in the first row {np.mean(first.n_armed):.0f} of them were",
        "armed. The budget is 1 material alarm and 4 changes a year (the defaults), so this set may raise half a false",
        "material alarm and 2 false changes a year. An *event* is a window in which one or more incidents open.",
        "",
        "## What must hold, and what was seen",
        "",
        "Delay 0 is the very window of the change. *Material* moves by more than its margin (the larger of 0.05 sd and, of",
        "shares, 1 percentage point) and pages; *changed* moves at all and is shown.",
        "",
        "| stream | false material events a year | false changes a year | delay, material | delay, changed | must hold | held |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(_row(outcome) for outcome in outcomes),
        "",
        "Rows that say *beyond the claim* bind nothing; they show where the assumptions are stretched. With 7 reference",
        "windows the memory of windows can't be told, and with a memory of one half nearly every second set spends its",
        "budget of changes.",
        "",
        "## Verdicts on one window",
        "",
        f"At a true shift of exactly the margin (Cohen's w = {MARGIN:g}) both certain verdicts are errors, and each should",
        f"come in {ALPHA:.0%} of windows. Over {len(boundary)} settings (windows of 100 to 1,000,000 rows; references of the same size,",
        "ten times that, and 5,000; 2 to 20 bins), 16,000 windows each:",
        "",
        *_verdicts(boundary),
        "",
        "| off the boundary | drift | stable | a plain chi-square test says drift | PSI > 0.1 |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| w = {row.w:g}, {row.n_current:,} rows | {row.drift:.1%} | {row.stable:.1%} | {row.any_shift:.1%} | "
            f"{row.psi_above_a_tenth:.1%} |"
            for row in verdicts
            if row.w != MARGIN
        ),
        "",
        "## Beside other rules, in the same streams",
        "",
        "Days a year on which a rule alarms in a column that has not changed; in brackets, only those on which it had not",
        "alarmed there the day before. Delays are medians, with the share of changed columns that were found within 7",
        "and 30 windows.",
        "",
        *_peers(by_name),
        "",
        "| rule | what it is |",
        "| --- | --- |",
        *(f"| {name} | {about} |" for name, about in ABOUT.items()),
        "",
        f"{' and '.join(COSTLY)} were asked in the first {N_COSTLY} streams of each row, all others in every stream. Others' rules",
        "get complete columns: they leave missing values out. *Delay 0* of a rule that alarms on a hundred days a year is",
        "partly its false alarms.",
        "",
        "## Are the recoded rules the packages' own?",
        "",
        *_agreements(agreed),
        "",
        "## Run it again",
        "",
        "    make bench-alarms                # writes this page and its figure",
        "    make bench-alarms PACKAGES=1     # also runs the two packages; needs a package index",
        "",
        f"Stream k of row r is drawn by `numpy.random.default_rng([{SEED}, r, k])`; nothing was tuned on these streams. It took",
        f"{minutes:.0f} minutes on 2 processes.",
        "",
        "## What this does not show",
        "",
        "- The bound is on the expectation, given that the reference is not further off than is allowed for; over all",
        '  series together that is so in 19 of 20 references. What was seen lies far below the bound: say "at most".',
        "- The e-values of rare shares are exact for binomial counts; those of means and ordinary shares rest on a normal",
        "  law of a window's mean, within some per cent where a window holds 5 hits (`tests/core/alarms/test_evidence.py`).",
        "- How windows differ is learnt from the reference. A rhythm longer than the reference, or one that starts later,",
        "  is a change. With 7 windows neither a rhythm nor a memory of windows can be told.",
        "- Columns were drawn from smooth families. What real streams do is in [alarms on real streams](alarms-on-real-streams.md).",
        "- A change that leaves every column's own distribution as it was is not seen by these series; the multivariate",
        "  series are for that, and are not part of this table.",
        "",
    ]
    return "\n".join(lines)


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
    title = "Filled: nothing changes. Hollow: windows differ by 0.05 sd. 30 columns, 1,000 rows a day"
    return drawn(points, title=title, budget=1.0)


def _row(outcome: Outcome) -> str:
    row = outcome.row
    delays = [_delay(outcome.tallies[rule].median_delay) for rule in OURS]
    if row.beyond:
        must = "beyond the claim"
    elif row.latest is None:
        must = f"at most {row.most_false:.1f} events"
    else:
        must = f"{row.light} in at most {row.latest:g} (median)"
    held = "" if row.beyond else ("yes" if outcome.holds else "**no**")
    return (
        f"| {row.name} | {outcome.a_year(MATERIAL):.2f} | {outcome.a_year(CHANGED):.2f} | {delays[0]} | {delays[1]} | "
        f"{must} | {held} |"
    )


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


def _peers(by_name: dict[str, Outcome]) -> list[str]:
    shown = [outcome for outcome in by_name.values() if outcome.row.has_peers]
    nothing = [outcome for outcome in shown if outcome.row.world.change is None]
    changes = [outcome for outcome in shown if outcome.row.world.change is not None]
    heads = [f"false: {outcome.row.name}" for outcome in nothing] + [
        f"delay: {outcome.row.name}" for outcome in changes
    ]
    lines = ["| rule | " + " | ".join(heads) + " |", "| --- |" + " --- |" * len(heads)]
    for rule in nothing[0].tallies:
        cells = [f"{outcome.a_year(rule):.1f} ({outcome.a_year(rule, new=True):.1f})" for outcome in nothing]
        for outcome in changes:
            tally = outcome.tallies[rule]
            found = f"{tally.found_within(7):.0%}, {tally.found_within(30):.0%}"
            cells.append(f"{_delay(tally.median_delay)} ({found})")
        lines.append(f"| {rule} | " + " | ".join(cells) + " |")
    return lines


def _agreements(agreed: Sequence[Agreement]) -> list[str]:
    if not agreed:
        return [NOT_RUN]
    lines = [
        f"Evidently 0.7.21 ({N_EVIDENTLY} windows) and NannyML 0.13.1 (all windows) ran on stream 0 of the rows",
        f"'{CHOSEN[0]}' and '{CHOSEN[1]}', each in an environment of its own:",
        "",
        "| rule | stream | answers compared | alarms | different |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [f"| {a.rule} | {a.stream} | {a.n_compared:,} | {a.n_alarms:,} | {a.n_different} |" for a in agreed]
    return lines
