"""Flips, gaps and slices recounted row by row; planted harm is found and chance alone seldom is."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, selection_rate
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import recall_score

from core.compare.flips import flip_shares
from core.compare.gaps import gap_changes
from core.compare.macro import recall_differences
from core.compare.means import RowValues, agresti_min
from core.compare.measures import row_values
from core.compare.rows import Groups, Predictions, pair_rows
from core.compare.slices import worse_slices
from core.compare.verdicts import Verdict
from core.errors import InputError
from core.schema import Task
from core.stats.intervals import newcombe_difference

CLASSES = ("no", "yes")


def binary(columns, **options):
    first, second = (Predictions(prediction=decision) for decision in columns["decisions"])
    return pair_rows(
        columns["label"], first, second, task=Task.BINARY, classes=CLASSES, groups=columns["groups"], **options
    )


def test_flips_are_what_counting_row_by_row_gives(loans) -> None:
    columns = loans()
    rows = binary(columns, favourable="no")
    found = {(flip.where, flip.measure): flip for flip in flip_shares(rows, columns=("sex",), min_rows=30)}
    groups = [(), *((("sex", name),) for name in ("f", "m", "Unknown"))]
    assert set(found) == {
        (where, measure)
        for where in groups
        for measure in ("changed", "gained", "lost", "positive_flip", "negative_flip")
    }
    for where in groups:
        counts = dict.fromkeys(("n", "labelled", "changed", "gained", "lost", "positive_flip", "negative_flip"), 0)
        for label, old, new, sex in zip(columns["label"], *columns["decisions"], columns["groups"]["sex"], strict=True):
            if None in (old, new) or (where and (sex or "Unknown") != where[0][1]):
                continue
            counts["n"] += 1
            counts["changed"] += old != new
            counts["gained"] += old != new == "no"
            counts["lost"] += new != old == "no"
            if label is not None:
                counts["labelled"] += 1
                counts["positive_flip"] += old != label == new
                counts["negative_flip"] += old == label != new
        for measure in ("changed", "gained", "lost", "positive_flip", "negative_flip"):
            flip = found[where, measure]
            assert flip.k == counts[measure]
            assert flip.n == counts["labelled" if measure.endswith("flip") else "n"]
            assert flip.interval.low <= flip.value <= flip.interval.high


def test_gaps_are_fairlearns_rates_minus_everybody_elses(loans) -> None:
    columns = loans()
    rows = binary(columns)
    values = row_values(rows)
    both = np.array([None not in pair for pair in zip(*columns["decisions"], strict=True)])
    known = both & np.array([label is not None for label in columns["label"]])
    region = columns["groups"]["region"]
    for measure, metric, kept in (
        ("selection_rate", selection_rate, both),
        ("recall", recall_score, known),
        ("false_positive_rate", lambda t, p: recall_score(1 - t, p) if (t == 0).any() else 0.0, known),
    ):
        gaps = gap_changes(values[measure], rows.groups["region"], column="region", margin=0.02, min_rows=30)
        for gap in gaps:
            inside = np.where(region[kept] == gap.group, "in", "out")
            truth = (columns["label"][kept] == "yes").astype(int)
            rates = []
            for decision in columns["decisions"]:
                said = (decision[kept] == "yes").astype(int)
                if measure == "false_positive_rate":
                    truth_, said_ = truth[truth == 0], said[truth == 0]
                    frame = MetricFrame(
                        metrics=selection_rate, y_true=truth_, y_pred=said_, sensitive_features=inside[truth == 0]
                    )
                else:
                    frame = MetricFrame(metrics=metric, y_true=truth, y_pred=said, sensitive_features=inside)
                rates.append(frame.by_group["in"] - frame.by_group["out"])
            assert (gap.champion, gap.candidate) == pytest.approx(tuple(rates))
            assert gap.change == pytest.approx(rates[1] - rates[0])
            assert gap.interval.low <= gap.change <= gap.interval.high


def gap_of(before, after, before_rest, after_rest, *, n=1000):
    """One gap from four counts out of n: the rates inside the group, then outside."""
    rate = np.arange(n)
    values = RowValues(
        measure="recall",
        champion=np.concatenate([rate < before, rate < before_rest]).astype(float),
        candidate=np.concatenate([rate < after, rate < after_rest]).astype(float),
        usable=np.ones(2 * n, dtype=bool),
        is_rate=True,
        higher_is_better=True,
        among="labelled 'yes'",
    )
    groups = Groups(names=("a", "b"), codes=np.repeat([0, 1], n))
    return gap_changes(values, groups, column="sex", margin=0.02, min_rows=30)[0]


def test_a_gap_that_narrows_is_better_whichever_side_it_is_on() -> None:
    below = gap_of(400, 500, 600, 600)
    assert below.verdict is Verdict.BETTER
    assert below.why.endswith("all of it is narrower.")
    assert below.champion_interval == newcombe_difference(400, 1000, 600, 1000)
    assert gap_of(600, 500, 400, 400).verdict is Verdict.BETTER
    assert gap_of(400, 300, 600, 600).verdict is Verdict.WORSE
    assert gap_of(600, 600, 400, 300).why.endswith("all of it is wider by more than the margin of 2.0 points.")
    assert gap_of(400, 600, 500, 500).verdict is Verdict.CHANGED
    assert gap_of(500, 500, 500, 500).verdict is Verdict.SAME


def test_a_gap_needs_rows_on_both_sides() -> None:
    assert gap_of(4, 5, 6, 6, n=20).verdict is Verdict.INSUFFICIENT
    values = row_values(
        pair_rows(
            ["yes"] * 3,
            Predictions(prediction=["yes"] * 3),
            Predictions(prediction=["no"] * 3),
            task=Task.BINARY,
            classes=CLASSES,
        )
    )["recall"]
    alone = gap_changes(values, Groups(names=("a",), codes=np.zeros(3, int)), column="g", margin=0.1, min_rows=2)
    assert alone[0].verdict is Verdict.UNDEFINED
    assert alone[0].why == "No row labelled 'yes' with both predictions outside this group."


@given(seed=st.integers(0, 5000), n=st.integers(8, 60))
def test_macro_recall_is_scikit_learns(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    classes = ("a", "b", "c", "d")
    label = rng.choice(classes[:3], n).astype(object)
    said = rng.choice(classes, (2, n)).astype(object)
    rows = pair_rows(label, *(Predictions(prediction=side) for side in said), task=Task.MULTICLASS, classes=classes)
    macro, *by_class = recall_differences(
        rows, row_values(rows)["accuracy"], macro_margin=0.02, margin=0.02, min_rows=2
    )
    seen = sorted(set(label))
    expected = [recall_score(label, side, labels=seen, average="macro", zero_division=0.0) for side in said]
    assert (macro.champion, macro.candidate) == pytest.approx(tuple(expected))
    assert macro.interval.low <= macro.difference <= macro.interval.high
    assert (macro.p_value < 0.05) == (not macro.interval.low <= 0 <= macro.interval.high) or macro.difference == 0
    assert [recall.label_class for recall in by_class] == list(classes)
    assert by_class[3].verdict is Verdict.UNDEFINED
    assert "'d'" in macro.convention


def test_the_mean_recalls_interval_covers() -> None:
    rng = np.random.default_rng(5)
    sizes, right = (40, 80, 300), ((0.7, 0.8), (0.6, 0.6), (0.9, 0.85))
    truth = np.mean([after - before for before, after in right])
    label = np.repeat(["a", "b", "c"], sizes)
    other = {"a": "b", "b": "c", "c": "a"}
    covered, n_runs = 0, 400
    for _ in range(n_runs):
        luck = rng.random(label.size)  # shared, so that both versions are mostly right on the same rows
        said = []
        for side in (0, 1):
            chance = np.repeat([pair[side] for pair in right], sizes)
            mixed = np.where(rng.random(label.size) < 0.6, luck, rng.random(label.size))
            said.append([name if hit else other[name] for name, hit in zip(label, mixed < chance, strict=True)])
        rows = pair_rows(
            label, *(Predictions(prediction=s) for s in said), task=Task.MULTICLASS, classes=("a", "b", "c")
        )
        macro = recall_differences(rows, row_values(rows)["accuracy"], macro_margin=0, margin=0, min_rows=2)[0]
        covered += macro.interval.low <= truth <= macro.interval.high
    assert 0.92 <= covered / n_runs <= 0.98


def accuracies(champion, candidate):
    return RowValues(
        measure="accuracy",
        champion=np.asarray(champion, dtype=float),
        candidate=np.asarray(candidate, dtype=float),
        usable=np.ones(len(champion), dtype=bool),
        is_rate=True,
        higher_is_better=True,
        among="with a label",
    )


def grid(rng, n, **widths):
    return {
        name: Groups(names=tuple(f"{name}{i}" for i in range(width)), codes=rng.integers(0, width, n))
        for name, width in widths.items()
    }


def test_a_slice_made_worse_is_found_alone_and_with_its_pairs() -> None:
    rng = np.random.default_rng(1)
    n = 6000
    groups = grid(rng, n, a=5, b=4)
    hurt = (groups["a"].codes == 2) & (groups["b"].codes == 3)
    champion = rng.random(n) < 0.9
    scan = worse_slices(
        [accuracies(champion, champion & ~(hurt & (rng.random(n) < 0.4)))],
        groups,
        margins={"accuracy": 0.02},
        min_rows=30,
    )
    assert scan.n_tried == 5 + 4 + 20
    assert scan.worse[0].where == (("a", "a2"), ("b", "b3"))
    assert {finding.where for finding in scan.worse} <= {(("a", "a2"), ("b", "b3")), (("a", "a2"),), (("b", "b3"),)}
    assert scan.why.startswith(f"{len(scan.worse)} of 29 slices tried are worse by more than the margin")
    for finding in scan.worse:
        assert finding.interval.high < -0.02
        assert finding.interval.confidence == pytest.approx(1 - 0.05 * len(scan.worse) / 29)
        lost = -round(finding.difference * finding.n)  # nothing was gained, so these are the discordant rows
        expected = agresti_min(0, lost, finding.n, confidence=finding.interval.confidence)
        assert finding.interval == expected
        assert "29 slices" in finding.convention
    single = worse_slices([accuracies(champion, champion)], groups, margins={"accuracy": 0.02}, min_rows=30, depth=1)
    assert (single.n_tried, single.worse) == (9, ())
    assert single.why == "None of 9 slices tried is worse by more than the margin, at a false-discovery rate of 2.5%."


def test_chance_alone_seldom_names_a_slice() -> None:
    """With no margin and no true difference, a scan of 65 slices may name any in at most 2.5% of scans."""
    rng = np.random.default_rng(2)
    n, n_scans, n_named = 3000, 300, 0
    for _ in range(n_scans):
        groups = grid(rng, n, a=5, b=10)
        champion, candidate = rng.random((2, n)) < 0.8
        scan = worse_slices([accuracies(champion, candidate)], groups, margins={"accuracy": 0.0}, min_rows=30)
        assert scan.n_tried == 65
        n_named += bool(scan.worse)
    assert n_named / n_scans <= 0.045  # 0.025 and two standard errors


def test_thin_slices_are_counted_not_tried_and_pairs_that_repeat_a_column_are_neither() -> None:
    codes = np.repeat([0, 1, 2], [100, 100, 5])
    groups = {"a": Groups(names=("x", "y", "z"), codes=codes), "b": Groups(names=("p", "q", "r"), codes=codes)}
    values = accuracies(np.ones(205), np.ones(205))
    scan = worse_slices([values], groups, margins={"accuracy": 0.0}, min_rows=30)
    assert (scan.n_tried, scan.n_too_few) == (4, 2)
    assert "2 more had fewer than the 30 rows asked for." in scan.why
    empty = worse_slices([values], {}, margins={"accuracy": 0.0}, min_rows=30)
    assert (empty.n_tried, empty.why) == (0, "No column to slice by.")
    thin = worse_slices([values], groups, margins={"accuracy": 0.0}, min_rows=300)
    assert (thin.n_tried, thin.why) == (0, "No slice had the 300 rows asked for.")
    with pytest.raises(InputError, match="depth is 1"):
        worse_slices([values], groups, margins={"accuracy": 0.0}, min_rows=30, depth=3)
