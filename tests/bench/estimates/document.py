"""docs/estimates.md, written from the figures of one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.performance.draws import MEASURED
from tests.bench.estimates.coverage import ALONE_IN, N_WINDOWS, REFERENCE, WINDOW, Covered, Withdrawn
from tests.bench.estimates.kinds import SAMPLED, KindCovered

__all__ = ["CLAIMED", "Claim", "Run", "claims", "document"]

CLAIMED = ("alike, all digits", "alike", "scores moved", "sparse bins")
LEAST, MOST = 0.92, 0.99
KIND_LEAST = 0.92  # of worlds of fewer runs
SHORT = {
    "prevalence": "prevalence",
    "roc_auc": "AUC",
    "brier_score": "Brier",
    "log_loss": "log loss",
    "expected_calibration_error": "ECE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What must hold, what was seen, and whether it held."""

    what: str
    seen: str
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All that one run found."""

    covered: Sequence[Covered]
    withdrawn: Sequence[Withdrawn]
    kinds: Sequence[KindCovered]
    seed: int


def claims(run: Run) -> list[Claim]:
    """What the page claims, each with its figure."""
    found = []
    for one in run.covered:
        if one.world.name in CLAIMED:
            low, high = min(one.held.values()), max(one.held.values())
            found.append(
                Claim(
                    what=f"{one.world.name}: intervals hold in 92 to 99% of {one.n:,} runs, whatever the measure",
                    seen=f"{low:.1%} to {high:.1%}",
                    held=low >= LEAST and high <= MOST,
                )
            )
    for kind in run.kinds:
        if kind.kind.is_claimed:
            low, high = min(kind.held.values()), max(kind.held.values())
            least = KIND_LEAST - 2 * (KIND_LEAST * (1 - KIND_LEAST) / kind.n) ** 0.5
            found.append(
                Claim(
                    what=f"{kind.kind.name}: intervals hold in {KIND_LEAST:.0%} or more of {kind.n:,} runs, whatever "
                    f"the measure (less 2 standard errors: {least:.1%})",
                    seen=f"{low:.1%} to {high:.1%}",
                    held=low >= least,
                )
            )
    found.extend(
        Claim(
            what=f"{one.world.name}: estimates of a measure are taken back within {N_WINDOWS} windows, always",
            seen=f"{one.within:.0%} of {one.n} streams, in the median after {one.median or 0:.0f}",
            held=one.within == 1.0,
        )
        for one in run.withdrawn
        if one.world.name != "alike"
    )
    return found


def document(run: Run, *, minutes: float) -> str:
    """The page; `minutes` of one core."""
    names = [SHORT.get(name, name) for name in MEASURED]
    lines = [
        "# How far estimates without labels can be trusted",
        "",
        f"Written by `make bench-estimates` (seed {run.seed}, {minutes:.0f} minutes of one core). Each run draws a "
        f"fresh reference of {REFERENCE:,} rows and a window of {WINDOW:,}, bins them as a profile does, estimates the "
        "window's measures from its scores, and looks whether the 95% intervals hold what its labels then show. "
        "Truth is known: "
        "log-odds of a positive are 0.3 + 0.8 times those of the score, unless the world says otherwise. "
        "Scores are in hundredths, which makes a run several times shorter, except in the worlds that say all digits: "
        "there a profile has some thousand bins, and a cell of 50 reference rows many scores.",
        "",
        "| what must hold | seen | |",
        "| --- | --- | --- |",
        *(f"| {claim.what} | {claim.seen} | {'held' if claim.held else '**did not hold**'} |" for claim in claims(run)),
        "",
        "## Share of windows whose labels lay in the interval",
        "",
        f"| world | runs | {' | '.join(names)} | refused |",
        f"| --- | ---: |{' ---: |' * (len(names) + 1)}",
        *(_row(one.world.name, one.n, [one.held[name] for name in MEASURED], one.refused) for one in run.covered),
        "",
        *(f"- {one.world.name}: {one.world.words}." for one in run.covered),
        "",
        "Where the concept changed nothing in the scores tells so, and intervals hold what they may: this is why an "
        "estimate says what it supposes, and is taken back once labels contradict it. *Refused* is the share of runs "
        "in which more than 5% of the window's rows lie where the reference has fewer than 30 labelled rows: their "
        "estimates aren't shown; the table counts them all the same.",
        "",
        "## What the chance of the outcomes alone would claim",
        "",
        "The same estimates with intervals that take the reference's rates as known, as an interval from the sampling "
        f"error of the window does; one run in {ALONE_IN}.",
        "",
        f"| world | runs | {' | '.join(names)} |",
        f"| --- | ---: |{' ---: |' * len(names)}",
        *(
            _row(one.world.name, -(-one.n // ALONE_IN), [one.held_by_chance_alone[name] for name in MEASURED])
            for one in run.covered
        ),
        "",
        *_kinds(run.kinds),
        "## How soon estimates that fail are taken back",
        "",
        f"{N_WINDOWS} windows as the reference, then {N_WINDOWS} of the world, each labelled before the next. "
        "An estimate is taken back when its own record fails (`core.performance.track_record`), of which this counts "
        "the first of ten measures; the watch on the calibration residual, which withdraws all of them, isn't counted.",
        "",
        f"| world | streams | failed before | failed within {N_WINDOWS} windows | in the median after |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {one.world.name} | {one.n} | {one.before:.0%} | {one.within:.0%} | "
            f"{'never' if one.median is None else f'{one.median:.0f} windows'} |"
            for one in run.withdrawn
        ),
        "",
        "*Failed before* is the share of streams in which the estimates of some measure were taken back though nothing "
        "had changed, in the 30 windows before; each of the ten measures has a record of its own.",
        "",
    ]
    return "\n".join(lines)


def _row(name: str, n: int, shares: Sequence[float], *more: float) -> str:
    cells = [f"{share:.1%}" for share in (*shares, *more)]
    return f"| {name} | {n:,} | {' | '.join(cells)} |"


def _kinds(kinds: Sequence[KindCovered]) -> list[str]:
    """The worlds of other kinds, each kind with its measures."""
    return [
        "## Several classes, gaps between groups, rows of one score, a regression",
        "",
        "The same question of estimates of other kinds, in fewer runs. Classes are estimated from one score each, a "
        "group's rates from its own rows of the reference and set against the other group; a regression's losses are "
        f"expected by boosted trees from inputs and prediction, for {SAMPLED:,} sampled of the window's rows.",
        "",
        *(line for names in _by_measures(kinds) for line in _table(names)),
        *(f"- {one.kind.name}: {one.kind.words}." for one in kinds),
        "",
        "*Refused* is as above, a class's scores being cut into 10 stretches, not 20; of the worlds of a mix within "
        "scores it is what each says. A classifier's AUC above 0.8, where a regression's losses aren't shown, isn't "
        "looked at here. Classes that moved change what one class's score says where the others' isn't looked at: "
        "the figures say how far.",
        "",
    ]


def _by_measures(kinds: Sequence[KindCovered]) -> list[list[KindCovered]]:
    """Worlds asked of the same measures together, in order."""
    found: dict[tuple[str, ...], list[KindCovered]] = {}
    for one in kinds:
        found.setdefault(tuple(one.held), []).append(one)
    return list(found.values())


def _table(kinds: Sequence[KindCovered]) -> list[str]:
    names = [SHORT.get(name, name).replace("_", " ").replace("roc auc", "AUC") for name in kinds[0].held]
    return [
        f"| world | runs | {' | '.join(names)} | refused |",
        f"| --- | ---: |{' ---: |' * (len(names) + 1)}",
        *(_row(one.kind.name, one.n, list(one.held.values()), one.refused) for one in kinds),
        "",
    ]
