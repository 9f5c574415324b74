"""A reference arms what can be watched on it, says of the rest why not, and finds what moved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.alarms.baseline import Margin
from core.alarms.distributions import distribution_subject
from core.alarms.monitors import Kind, Subject, Windows, share_subject
from core.alarms.watch import Light, Season, Watch, arm
from core.measure import Family
from core.stats.binning import CategoryBins, NumericBins, Special, fit_numeric
from tests.core.alarms.series import hits, means, no_season, normal_means, shares

ALLOWANCES = {Light.MATERIAL: 730.5, Light.CHANGED: 182.6}


def watch_of(subjects: list[Subject], reference: Windows, **options: object) -> Watch:
    given = {"margins": [Margin()] * len(subjects), "allowances": ALLOWANCES, "horizon": 30}
    return arm(subjects, reference, **(given | options))


class Column:
    """A numeric column: bins of its reference, and the windows of any rows."""

    def __init__(self, reference: np.ndarray, *, key: str = "x") -> None:
        self.bins: NumericBins = fit_numeric(reference.ravel())
        k = self.bins.n_bins
        counts = self.counts(reference)
        self.values = distribution_subject(
            f"values/{key}", counts.sum(axis=0), self.bins, column=key, n_window=reference.shape[1]
        )
        cells = [cell for cell in range(self.bins.size) if cell not in (k + Special.MISSING, k + Special.INVALID)]
        self.missing = share_subject(
            f"missing/{key}",
            [k + Special.MISSING],
            self.bins.size,
            family=Family.DATA_QUALITY,
            column=key,
            name="missing",
        )
        self.outside = share_subject(
            f"outside/{key}",
            [k + Special.BELOW, k + Special.ABOVE, k + Special.UNSEEN],
            self.bins.size,
            family=Family.DATA_QUALITY,
            column=key,
            name="outside",
            among=np.array(cells),
        )
        self.subjects = [self.values, self.missing, self.outside]

    def counts(self, rows: np.ndarray) -> np.ndarray:
        return np.stack([np.bincount(self.bins.assign(row), minlength=self.bins.size) for row in rows])

    def windows(self, rows: np.ndarray) -> Windows:
        return self.of_counts(self.counts(rows))

    def of_counts(self, counts: np.ndarray) -> Windows:
        return Windows.beside([subject.windows(counts) for subject in self.subjects])


@pytest.fixture(scope="module")
def column() -> Column:
    return Column(np.random.default_rng(0).normal(size=(30, 800)))


@pytest.fixture(scope="module")
def watch(column: Column) -> Watch:
    return watch_of(column.subjects, column.windows(np.random.default_rng(0).normal(size=(30, 800))))


def found(watch: Watch, windows: Windows, light: Light = Light.MATERIAL) -> dict[str, int]:
    incidents = watch.run(windows, no_season(windows), light).incidents
    return {watch.subjects[incident.subject].key: incident.opened for incident in reversed(incidents)}


def test_a_column_that_stays_raises_nothing_in_a_year(column: Column, watch: Watch) -> None:
    rows = np.random.default_rng(1).normal(size=(365, 800))
    for light in Light:
        assert found(watch, column.windows(rows), light) == {}


def test_a_quarter_of_a_standard_deviation_is_found_at_once_and_a_tenth_within_a_week(
    column: Column, watch: Watch
) -> None:
    rows = np.random.default_rng(2).normal(size=(60, 800))
    for shift, light, latest in ((0.25, Light.MATERIAL, 1), (0.25, Light.CHANGED, 1), (0.1, Light.CHANGED, 7)):
        moved = rows.copy()
        moved[20:] += shift
        assert 20 <= found(watch, column.windows(moved), light)["values/x"] <= 20 + latest


def test_what_moves_by_less_than_its_margin_is_changed_and_never_material(column: Column, watch: Watch) -> None:
    rows = np.random.default_rng(3).normal(0.045, 1.0, size=(365, 800))
    assert found(watch, column.windows(rows), Light.MATERIAL) == {}
    assert "values/x" in found(watch, column.windows(rows), Light.CHANGED)


def test_an_incident_names_the_monitor_the_direction_and_the_window(column: Column, watch: Watch) -> None:
    rows = np.random.default_rng(4).normal(size=(40, 800))
    rows[10:] *= 1.4
    (incident,) = (
        i for i in watch.run(column.windows(rows), np.zeros(40, dtype=int), Light.MATERIAL).incidents if i.subject == 0
    )
    assert (column.values.names[incident.monitor], incident.sign, incident.opened) == ("spread", 1, 10)
    assert incident.e_value >= 3 * ALLOWANCES[Light.MATERIAL] / 3


def test_an_all_missing_window_speaks_through_the_missing_share_alone(column: Column, watch: Watch) -> None:
    rows = np.random.default_rng(5).normal(size=(30, 800))
    rows[12] = np.nan
    assert found(watch, column.windows(rows)) == {"missing/x": 12}


def test_empty_windows_change_nothing(column: Column, watch: Watch) -> None:
    rows = np.random.default_rng(6).normal(size=(40, 800))
    rows[8:] += 0.12
    counts = column.counts(rows)
    gaps = np.insert(counts, [3, 9, 9], 0, axis=0)
    straight, gapped = (
        watch.run(column.of_counts(c), np.zeros(len(c), dtype=int), Light.CHANGED) for c in (counts, gaps)
    )
    opened = np.delete(np.arange(43), [3, 10, 11])
    assert [opened[i.opened] for i in straight.incidents] == [i.opened for i in gapped.incidents]
    assert straight.incidents


@settings(max_examples=15)
@given(rows=st.lists(st.floats() | st.none().map(lambda _: float("nan")), min_size=1, max_size=3))
def test_windows_of_one_row_of_whatever_value_never_break_and_never_page_in_a_few_days(
    rows: list[float], column: Column, watch: Watch
) -> None:
    windows = column.windows(np.array(rows)[:, None])
    for light in Light:
        log_e = watch.log_e_values(windows, no_season(windows), light)
        assert np.isfinite(log_e).all()
        assert "values/x" not in found(watch, windows, light)


@pytest.mark.parametrize("special", list(Special))
def test_each_special_bin_is_a_finding_of_its_own_kind(column: Column, watch: Watch, special: Special) -> None:
    counts = column.counts(np.random.default_rng(7).normal(size=(20, 800)))
    counts[10:, column.bins.n_bins + special] += 120
    seen = found(watch, column.of_counts(counts))
    expected = {
        Special.MISSING: "missing/x",
        Special.INVALID: None,  # counted beside, by a subject of the product's own
        Special.UNSEEN: "outside/x",
        Special.BELOW: "outside/x",
        Special.ABOVE: "outside/x",
        Special.NEGATIVE_INFINITY: "values/x",
        Special.POSITIVE_INFINITY: "values/x",
    }[special]
    if expected is None:
        assert seen == {}
    else:
        assert seen[expected] == 10


def test_a_constant_column_is_watched_for_any_other_value() -> None:
    constant = Column(np.full((10, 500), 4.0))
    watch = watch_of(constant.subjects, constant.windows(np.full((10, 500), 4.0)))
    assert watch.is_armed[0]
    rows = np.full((6, 500), 4.0)
    assert found(watch, constant.windows(rows)) == {}
    rows[3:, :40] = 5.0
    assert found(watch, constant.windows(rows))["values/x"] == 3


def test_a_column_with_one_category_is_watched_for_any_other() -> None:
    bins = CategoryBins(categories=("only",))
    counts = np.zeros((14, bins.size), dtype=np.int64)
    counts[:, 0] = 300
    subject = distribution_subject("values/c", counts[:10].sum(axis=0), bins, column="c", n_window=300)
    watch = watch_of([subject], subject.windows(counts[:10]))
    counts[12:, 0], counts[12:, bins.n_bins + Special.UNSEEN] = 200, 100
    assert found(watch, subject.windows(counts[10:])) == {"values/c": 2}


def test_fewer_than_seven_windows_arm_nothing_and_seven_do() -> None:
    rows = np.random.default_rng(8).normal(size=(7, 600))
    six = Column(rows[:6])
    watch = watch_of(six.subjects, six.windows(rows[:6]))
    assert set(watch.why_not.values()) == {"The reference has 6 windows, 7 are needed."}
    assert not any(watch.is_armed)
    assert found(watch, six.windows(rows + 9.0)) == {}
    seven = Column(rows)
    assert watch_of(seven.subjects, seven.windows(rows)).is_armed[0]


def test_what_somebody_left_out_keeps_its_reason_whatever_else_is_wrong() -> None:
    watch = watch_of(means(2), normal_means(np.random.default_rng(9), np.zeros((3, 2)), 50.0), left_out={1: "an id"})
    assert watch.why_not == {0: "The reference has 3 windows, 7 are needed.", 1: "an id"}


def test_a_subject_without_a_row_and_one_that_never_differs_are_not_armed() -> None:
    n = np.column_stack([np.zeros(10), np.full(10, 50.0)])
    reference = Windows(n=n, total=2 * n, total_of_squares=4 * n)
    watch = watch_of(means(2), reference)
    assert watch.why_not[0] == "The reference has no row for it."
    assert "never differ" in watch.why_not[1]


def test_windows_that_differ_too_much_make_a_subject_blind_and_it_says_so() -> None:
    rng = np.random.default_rng(10)
    effects = np.column_stack([rng.normal(0, 0.02, 30), rng.normal(0, 1.5, 30)])
    watch = watch_of(means(2), normal_means(rng, effects, 200.0))
    assert watch.is_armed == (True, False)
    assert watch.why_not[1].startswith(
        "Not monitorable at this window size: the smallest sustained shift that 30 windows"
    )
    shifts = watch.smallest_shifts(30, Light.CHANGED)
    assert shifts[0] < 0.5
    assert np.isnan(shifts[1])


def test_a_reference_that_moves_in_bursts_is_not_armed_on_itself() -> None:
    rng = np.random.default_rng(11)
    levels = np.zeros((60, 4))
    levels[20:32, 0] = 0.5  # twelve windows on end far out, the others alike
    watch = watch_of(means(4), normal_means(rng, levels, 400.0))
    assert watch.is_armed == (False, True, True, True)
    assert "moves in bursts" in watch.why_not[0]


def test_a_weekly_rhythm_raises_nothing_and_what_breaks_it_is_found() -> None:
    rng = np.random.default_rng(12)
    profile = np.array([0.2, 0.2, 0.1, 0.0, 0.0, -0.4, -0.5])
    phases = np.arange(56) % 7

    def windows(n_windows: int, shift: float = 0.0) -> Windows:
        days = np.tile(profile[np.arange(n_windows) % 7][:, None], 10)
        days[n_windows // 2 :] += shift
        return normal_means(rng, days, 1_000.0)

    reference = windows(56)
    watch = watch_of(means(10), reference, season=Season(phases=phases, n_phases=7))
    assert all(watch.is_armed)
    year = np.arange(364) % 7
    assert not watch.run(windows(364), year, Light.CHANGED).incidents
    first = min(i.opened for i in watch.run(windows(364, shift=0.15), year, Light.CHANGED).incidents)
    assert 182 <= first <= 186
    blind = watch_of(means(10), reference)
    assert watch.smallest_shifts(7, Light.CHANGED).max() < blind.smallest_shifts(7, Light.CHANGED).min() / 2


def test_volume_is_watched_around_its_weekly_rhythm() -> None:
    rng = np.random.default_rng(13)
    weekday = np.array([0, 0, 0, 0, 0, -1.0, -1.0])

    def windows(n_windows: int) -> Windows:
        x = (weekday[np.arange(n_windows) % 7] + rng.normal(0, 0.05, n_windows))[:, None]
        return Windows(n=np.ones_like(x), total=x, total_of_squares=x**2)

    watch = watch_of(means(1, kind=Kind.WINDOW), windows(56), season=Season(phases=np.arange(56) % 7, n_phases=7))
    assert watch.is_armed == (True,)
    later = windows(60)
    lower = later.total.copy()
    lower[30:] -= 0.7  # half of the rows
    fallen = watch.run(replace(later, total=lower), np.arange(60) % 7, Light.MATERIAL)
    assert [i.opened for i in fallen.incidents][:1] in ([30], [31])
    assert not watch.run(later, np.arange(60) % 7, Light.CHANGED).incidents


@settings(max_examples=10)
@given(cut=st.integers(1, 49))
def test_windows_one_at_a_time_find_what_all_at_once_find(cut: int, column: Column, watch: Watch) -> None:
    rows = np.random.default_rng(14).normal(size=(50, 300))
    rows[20:40] += 0.3
    windows = column.windows(rows)
    phases = no_season(windows)
    whole = watch.log_e_values(windows, phases, Light.CHANGED)
    early = watch.log_e_values(windows[:cut], phases[:cut], Light.CHANGED)
    assert early.tolist() == whole[:cut].tolist()
    before = watch.detect(whole[:cut], Light.CHANGED)
    after = watch.detect(whole, Light.CHANGED)
    assert before.events == tuple(window for window in after.events if window < cut)


def test_rates_that_fluctuate_by_a_beta_law_keep_the_budget_of_changes() -> None:
    """Missing shares that vary between 0.2 and 3 %: a plain deviation raised 3.5 changes a year where 2 are allowed."""
    rng = np.random.default_rng(15)
    n, rate, rho, n_columns = 1_000, 0.01, 0.002, 30
    prior = 1 / rho - 1

    def windows(n_windows: int) -> Windows:
        rates = rng.beta(rate * prior, (1 - rate) * prior, size=(n_windows, n_columns))
        return hits(rng.binomial(n, rates), n)

    events = []
    for _ in range(6):
        watch = watch_of(shares(n_columns), windows(30))
        year = windows(365)
        events.append(len(watch.run(year, no_season(year), Light.CHANGED).events))
    assert sum(events) <= 3


def test_a_thousand_columns_are_watched_at_once() -> None:
    rng = np.random.default_rng(16)
    columns, n_windows, k = 1_000, 20, 40
    bins = NumericBins(ends=tuple(float(end) for end in range(k)), low=0.0, exact=False)
    counts = np.zeros((2 * n_windows, bins.size), dtype=np.int64)
    counts[:, :k] = rng.multinomial(2_000, np.full(k, 1 / k), size=2 * n_windows)
    one = distribution_subject("values/0", counts.sum(axis=0), bins, column="0", n_window=2_000)
    subjects = [replace(one, key=f"values/{number}", column=str(number)) for number in range(columns)]
    together = Windows.beside([one.windows(rng.permutation(counts)) for _ in subjects])
    watch = watch_of(subjects, together[:n_windows])
    later = together[n_windows:]
    detection = watch.run(later, no_season(later), Light.MATERIAL)
    assert detection.log_wealth.shape == (n_windows, columns)
    assert not detection.incidents
