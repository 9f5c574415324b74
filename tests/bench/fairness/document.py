"""docs/fairness.md, written from the figures of one run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.fairness.coverage import Coverage
from tests.bench.fairness.monitoring import Delay, Quiet
from tests.bench.fairness.parity import POLICIES, Parity
from tests.bench.fairness.power import DIFFERENCES, SIZES, Power

__all__ = ["Claim", "Run", "claims", "document"]

WILSON_LEAST, WILSON_MEANS, NEWCOMBE_LEAST = 0.915, (0.945, 0.96), 0.93
MOST_DISPARITIES = 0.05
MOST_ALARMS_A_YEAR = 1.0
MOST_DAYS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What must hold, what was seen, and whether it held."""

    what: str
    seen: str
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All that one run found."""

    wilson: Sequence[Coverage]
    wald: Sequence[Coverage]
    newcombe: Sequence[Coverage]
    parity: Sequence[Parity]
    fairlearn: tuple[int, int]
    power: Sequence[Power]
    quiet: Sequence[Quiet]
    delays: Sequence[Delay]
    seed: int


def claims(run: Run) -> list[Claim]:
    """What the page claims, each with its figure."""
    least, lowest, highest = (
        min(row.least for row in run.wilson),
        min(row.mean for row in run.wilson),
        max(row.mean for row in run.wilson),
    )
    newcombe = min(row.least for row in run.newcombe)
    most = max(share for row in run.parity for share in row.policies.values())
    slack = 2 * math.sqrt(MOST_DISPARITIES * (1 - MOST_DISPARITIES) / min(row.n for row in run.parity))
    a_year = sum(row.events for row in run.quiet) / sum(row.years for row in run.quiet)
    days = min(row.four_fifths_days for row in run.quiet if row.rate == 0.1)
    found = next(row for row in run.delays if row.rate == 0.1 and row.n == 100)
    return [
        Claim(
            what=f"Wilson's 95% interval covers at least {WILSON_LEAST:.1%} everywhere",
            seen=f"{least:.2%} at its worst",
            held=least >= WILSON_LEAST,
        ),
        Claim(
            what=f"and {WILSON_MEANS[0]:.1%} to {WILSON_MEANS[1]:.0%} in the mean over rates, at every size",
            seen=f"{lowest:.2%} to {highest:.2%}",
            held=WILSON_MEANS[0] <= lowest and highest <= WILSON_MEANS[1],
        ),
        Claim(
            what=f"Newcombe's covers at least {NEWCOMBE_LEAST:.0%}",
            seen=f"{newcombe:.2%} at its worst",
            held=newcombe >= NEWCOMBE_LEAST,
        ),
        Claim(
            what="Groups that are treated alike are called a disparity in at most 5% of audits, "
            f"and two standard errors ({slack:.1%}) that so many audits leave",
            seen=f"{most:.1%} at most, over all policies, numbers of groups and rates",
            held=most <= MOST_DISPARITIES + slack,
        ),
        Claim(
            what="A watch on six groups in parity raises at most 1 alarm a year",
            seen=f"{a_year:.2f} a year (the bare four-fifths rule is broken on {days:.0f} days a year at rate 0.1)",
            held=a_year <= MOST_ALARMS_A_YEAR,
        ),
        Claim(
            what=f"A ratio of 0.6 is found in at most {MOST_DAYS} days, at 100 rows a day and a rate of 0.1",
            seen=f"{_days(found.median)} days in the median, {_days(found.ninth)} in nine of ten runs",
            held=found.median <= MOST_DAYS,
        ),
    ]


def document(run: Run, *, minutes: float, share: float = 1.0) -> str:
    """The page."""
    found = claims(run)
    sizes = [row for row in run.wilson if row.n in ("30", "50", "100", "300", "1,000", "3,000")]
    lines = [
        "# How far a fairness audit can be trusted",
        "",
        "This page is written by `make bench-fairness` from the functions that the product uses.",
        "Coverage is computed, not",
        "simulated: every outcome that can happen is weighed by its probability. All else is drawn by fixed seeds.",
        "",
        "| what must hold | what was seen | held |",
        "| --- | --- | --- |",
        *(f"| {claim.what} | {claim.seen} | {'yes' if claim.held else '**no**'} |" for claim in found),
        "",
        "## How often intervals hold the true rate",
        "",
        f"One group of {run.wilson[0].n} to {run.wilson[-1].n} rows, true rates 0.02 to 0.5 in steps of",
        "0.001, 95% intervals. Beside Wilson's",
        "stands the textbook interval of plus and minus 1.96 standard errors, to which a bootstrap of a",
        "rate comes near.",
        "",
        "| rows | Wilson, least | at rate | Wilson, mean | textbook, least | textbook, mean |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {row.n} | {row.least:.2%} | {row.at} | {row.mean:.2%} | {other.least:.2%} | {other.mean:.2%} |"
            for row, other in zip(sizes, run.wald, strict=True)
        ),
        "",
        "Newcombe's interval of a difference, both true rates 0.02 to 0.5 in 25 steps:",
        "",
        "| rows of both groups | least | at rates | mean |",
        "| --- | --- | --- | --- |",
        *(f"| {row.n} | {row.least:.2%} | {row.at} | {row.mean:.2%} |" for row in run.newcombe),
        "",
        "## How often fair is called unfair",
        "",
        f"{run.parity[0].n:,} audits each of about 2,000 rows, in groups of falling size (the second is",
        "half as large as the first, the",
        "third a third), all selected at the same rate. The share of audits in which anything is called",
        "a disparity, by each",
        "shipped policy that sets a limit; beside the bare four-fifths rule (lowest over highest rate",
        "below 0.8), and an",
        "interval of the largest difference by Fairlearn's bootstrap that leaves out 0. That bootstrap",
        "is drawn from counts,",
        f"which is the same law; Fairlearn's own `difference_ci` left out 0 in {run.fairlearn[0]} of",
        f"{run.fairlearn[1]} audits.",
        "",
        f"| groups | rate | {' | '.join(POLICIES)} | four fifths alone | bootstrap |",
        f"| --- | --- |{' --- |' * (len(POLICIES) + 2)}",
        *(
            f"| {row.groups} | {row.rate:g} | {' | '.join(f'{row.policies[name]:.1%}' for name in POLICIES)} | "
            f"{row.four_fifths_alone:.0%} | {row.bootstrap:.0%} |"
            for row in run.parity
        ),
        "",
        "## What a difference must be to be found",
        "",
        "Two groups of equal size, rates 0.3 and 0.3 less the difference: the share of audits that call",
        f"it a disparity, of {run.power[0].n_audits} for each cell.",
        "",
        "![Share of audits that find a difference, by its size and the rows of each group](fairness.svg)",
        "",
        f"| policy | rows each | {' | '.join(f'{100 * d:g} points' for d in DIFFERENCES[::2])} |",
        f"| --- | --- |{' --- |' * len(DIFFERENCES[::2])}",
        *_power_lines(run.power),
        "",
        "The margin of 5 points and four fifths (6 points here) are limits that must be passed for",
        "certain; at the limit",
        "itself a disparity is called in at most 5% of audits, which is why the first columns are near 0.",
        "",
        "## Alarms over time",
        "",
        "Six groups of 200, 100, 50, 30, 20 and 10 rows a day are watched, as the product arms them: on",
        "a reference of 30",
        "days, each group's rate against that of all others, by bets that are exact at any number of",
        "rows; with the default",
        "margins (a rate of at least 0.9 of the others', or within 1 point, doesn't matter) and half of",
        "a budget of 1 alarm a",
        "year. Groups of which not even a halved rate would be found in 30 days are not armed.",
        "",
        "| rate | years of parity | alarms | groups armed | four fifths broken, days a year | of 30-day windows |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {row.rate:g} | {row.years} | {row.events} | {row.n_armed:.1f} of 6 | {row.four_fifths_days:.0f} | "
            f"{row.four_fifths_months:.0%} |"
            for row in run.quiet
        ),
        "",
        "Then one group's rate falls to 0.6 of what it was. Days until that group is named: the median,",
        "and in brackets the",
        "day within which nine of ten runs had found it; *not armed* where it is so in most runs.",
        f"{max(row.n_runs for row in run.delays)} runs of 100 a day, "
        f"{min(row.n_runs for row in run.delays)} of each other size.",
        "",
        *_delay_lines(run.delays),
        "",
        "With the null of the four-fifths rule itself, a ratio of 0.8, a lasting 0.6 is nearer to what",
        "is let pass and takes",
        "longer; the alarm policy may set it (`least_ratio`).",
        "",
        "## What this doesn't show",
        "",
        "- Rows are drawn independently. Where the same person appears many times, intervals are too",
        "narrow; alarms learn from",
        "  the reference how much more gaps vary than rows explain.",
        "- A disparity is a difference that chance doesn't explain, not its cause, and no verdict of a court.",
        "",
        f"The run took {minutes:.0f} minutes, with {share:.0%} of the audits and runs of `make bench-fairness`; "
        f"seed {run.seed}.",
        "",
    ]
    return "\n".join(lines)


def _power_lines(rows: Sequence[Power]) -> list[str]:
    found = []
    for name in POLICIES:
        for n in SIZES:
            by_difference = {row.difference: row.disparity for row in rows if (row.policy, row.n) == (name, n)}
            shares = " | ".join(f"{by_difference[d]:.0%}" for d in DIFFERENCES[::2])
            found.append(f"| {name} | {n:,} | {shares} |")
    return found


def _delay_lines(rows: Sequence[Delay]) -> list[str]:
    sizes = list(dict.fromkeys(row.n for row in rows))
    ratios = list(dict.fromkeys(row.least_ratio for row in rows))
    lines = [
        f"| rate | least ratio | {' | '.join(f'{n} a day' for n in sizes)} |",
        f"| --- | --- |{' --- |' * len(sizes)}",
    ]
    for ratio in ratios:
        for rate in dict.fromkeys(row.rate for row in rows):
            cells = []
            for n in sizes:
                row = next((r for r in rows if (r.rate, r.least_ratio, r.n) == (rate, ratio, n)), None)
                cells.append("" if row is None else _delay(row))
            lines.append(f"| {rate:g} | {ratio:g} | {' | '.join(cells)} |")
    return lines


def _delay(row: Delay) -> str:
    if row.armed < 0.5:
        return "not armed"
    return f"{_days(row.median)} ({_days(row.ninth)})"


def _days(value: float) -> str:
    return "over 365" if math.isinf(value) else f"{value:.0f}"
